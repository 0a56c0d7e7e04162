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
    let python = environment(root, &daemon)?;
    run(Command::new(python).arg("-B").arg(root.join("tests/clients/run.py")).arg(daemon).args(only))
}

/// Python with the clients that the tests require, beside the daemon; made anew when that has changed. Gives the
/// interpreter.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn environment(root: &Path, daemon: &Path) -> Result<PathBuf> {
    let (venv, requirements) = (daemon.with_file_name("clients-venv"), root.join("tests/clients/requirements.txt"));
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let (python, stamp) = (venv.join("bin/python"), venv.join("requirements.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|has| has == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        .context("Python's own environments are needed (Debian: `apt install python3-venv`)")?;
    run(Command::new(&python)
        .args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"])
        .arg("-r")
        .arg(requirements))?;
    // Last, so that a half-made environment is not taken for a whole one.
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}
