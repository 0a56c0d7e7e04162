//! `cargo xtask laptops`: builds what finds and the whole daemon, and runs `tests/laptops` with them.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::clients::environment;
use crate::program::{build, build_example, built, run};

/// Runs the cases whose title has one of the words, or all.
///
/// # Errors
/// If something cannot be made, or a case fails. Where there can be no network namespaces the cases say so and are skipped.
pub(crate) fn laptops(root: &Path, only: &[String]) -> Result<()> {
    build_example(root, "net", "laptop")?;
    build(root, &["jirani"])?;
    let (finder, daemon) = (built("examples/laptop")?, built("jirani")?);
    let python = environment(root, &daemon)?;
    run(Command::new(python).arg("-B").arg(root.join("tests/laptops/run.py")).arg(finder).arg(daemon).args(only))
}
