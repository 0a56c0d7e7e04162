//! `cargo xtask fuzz`: runs a fuzz target as docs/fuzzing.md says, on the ordinary toolchain.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::program::run;

/// Runs a target, or (`cmin`) makes its corpus small.
///
/// # Errors
/// If cargo-fuzz is not there, or a promise is broken.
pub(crate) fn fuzz(root: &Path, target: &str, cmin: bool, more: &[String]) -> Result<()> {
    let folder = root.join("fuzz");
    run(Command::new("cargo")
        .args(["fuzz", if cmin { "cmin" } else { "run" }])
        // Safe Rust needs no sanitizer. What is not our own code is not watched.
        .args(["--sanitizer", "none", "--release", "--debug-assertions", "--no-trace-compares", target, "--"])
        .arg(format!("-dict={}", folder.join("xml.dict").display()))
        .args(more)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC_WRAPPER", folder.join("rustc-ours"))
        .current_dir(folder))
    .context("fuzzing needs `cargo install cargo-fuzz`, or has found something")
}
