//! `cargo xtask clients`: makes the environment that `tests/clients` needs, builds the daemon, runs the cases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::program::{build, built, run};

/// Runs the cases whose title has one of the words, or all.
///
/// # Errors
/// If something cannot be made, or a case fails.
pub(crate) fn clients(root: &Path, only: &[String]) -> Result<()> {
    build(root, &["jirani"])?;
    let daemon = built("jirani")?;
    run(Command::new(python(root)?).arg("-B").arg(root.join("tests/clients/run.py")).arg(daemon).args(only))
}

/// The interpreter that `tests/clients` needs.
///
/// # Errors
/// If its environment cannot be made.
pub(crate) fn python(root: &Path) -> Result<PathBuf> {
    environment(&built("clients-venv")?, &root.join("tests/clients/requirements.txt"))
}

/// Python with what the tests require, made anew when that has changed. Gives the interpreter.
fn environment(venv: &Path, requirements: &Path) -> Result<PathBuf> {
    let wanted = fs::read_to_string(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let (python, stamp) = (venv.join("bin/python"), venv.join("requirements.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|has| has == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))
        .context("Python's own environments are needed (Debian: `apt install python3-venv`)")?;
    run(Command::new(&python)
        .args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"])
        .arg("-r")
        .arg(requirements))?;
    // Last, so that a half-made environment is not taken for a whole one.
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}
