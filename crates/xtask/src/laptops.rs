//! `cargo xtask laptops`: builds what finds, and runs `tests/laptops` with it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::program::{build_example, built, run};

/// Runs the cases whose title has one of the words, or all.
///
/// # Errors
/// If something cannot be made, or a case fails. Where there can be no network namespaces the cases say so and are skipped.
pub(crate) fn laptops(root: &Path, only: &[String]) -> Result<()> {
    build_example(root, "net", "laptop")?;
    let finder = built("examples/laptop")?;
    run(Command::new("python3").arg("-B").arg(root.join("tests/laptops/run.py")).arg(finder).args(only))
}
