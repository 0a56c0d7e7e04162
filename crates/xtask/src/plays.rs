//! `cargo xtask plays`: builds the daemon and performs the plays against it over TCP.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::program::{build, built, run};

/// Performs the plays with one of these words in their names, or all.
///
/// # Errors
/// If something cannot be built, or a play fails.
pub(crate) fn plays(root: &Path, only: &[String]) -> Result<()> {
    build(root, &["jirani", "playhouse"])?;
    run(Command::new(built("playhouse")?).arg("jirani").arg(built("jirani")?).args(only))
}
