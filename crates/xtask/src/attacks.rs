//! `cargo xtask attacks`: builds the daemon and plays the attacks of `docs/attacks.md` against it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::program::{build, built, run};

/// Plays the cases with one of these ids or words, or all; with `slow` also those that take minutes.
///
/// # Errors
/// If something cannot be built, an outcome is not the safe one, or a figure is beyond its cap.
pub(crate) fn attacks(root: &Path, slow: bool, only: &[String]) -> Result<()> {
    build(root, &["jirani", "playhouse"])?;
    let flags: &[&str] = if slow { &["--slow"] } else { &[] };
    run(Command::new(built("playhouse")?).arg("attacks").arg(built("jirani")?).args(flags).args(only))
}
