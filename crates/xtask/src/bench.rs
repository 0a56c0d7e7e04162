//! `cargo xtask bench`: the pieces by themselves, and the whole server beside its peers by the yardstick.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::program::run;

/// Crates with benchmarks of their own.
const PIECES: [&str; 4] = ["wire", "store", "xmpp", "sim"];

pub(crate) fn bench(root: &Path, yardstick: Option<&PathBuf>, more: &[String]) -> Result<()> {
    let Some(yardstick) = yardstick else {
        let packages = PIECES.iter().flat_map(|piece| ["-p", piece]);
        return run(Command::new("cargo").arg("bench").args(packages).args(more).current_dir(root));
    };
    run(Command::new("cargo").args(["build", "--release", "-p", "jirani"]).current_dir(root))?;
    let script = root.join("bench/yardstick.py");
    run(Command::new(script).args(more).env("YARDSTICK", yardstick.canonicalize()?).current_dir(root))
}
