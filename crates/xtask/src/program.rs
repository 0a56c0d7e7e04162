//! Programs that the tasks run: those of this workspace, built before, and others.

use std::env::{self, consts};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Builds the programs of these packages.
///
/// # Errors
/// If that fails.
pub(crate) fn build(root: &Path, packages: &[&str]) -> Result<()> {
    run(cargo_build(root).args(packages.iter().flat_map(|package| ["--package", package])))
}

/// Builds an example of a package.
///
/// # Errors
/// If that fails.
pub(crate) fn build_example(root: &Path, package: &str, example: &str) -> Result<()> {
    run(cargo_build(root).args(["--package", package, "--example", example]))
}

fn cargo_build(root: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet"]).current_dir(root);
    cargo
}

/// Builds a package's program as it is given to people. Gives where it is.
///
/// # Errors
/// If that fails.
pub(crate) fn build_release(root: &Path, package: &str) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).args(["build", "--quiet", "--release", "--package", package]).current_dir(root))?;
    // This program lies in target/PROFILE.
    let target = built(package)?.ancestors().nth(2).context("this program does not know where it is")?.to_owned();
    Ok(target.join("release").join(format!("{package}{}", consts::EXE_SUFFIX)))
}

/// Where a program is that was built: beside this one.
///
/// # Errors
/// If this program does not know where it is.
pub(crate) fn built(name: &str) -> Result<PathBuf> {
    let this = env::current_exe().context("this program does not know where it is")?;
    Ok(this.with_file_name(format!("{name}{}", consts::EXE_SUFFIX)))
}

/// Runs a program to its end.
///
/// # Errors
/// If it cannot be run, or says that it failed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} ended with {status}", command.get_program().display());
    }
    Ok(())
}
