//! `cargo xtask soak`: builds the daemon and lets people use it for a long time (`tests/clients/soak.py`).

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::clients::environment;
use crate::program::{build, build_release, built, run};

/// Lets it run for so many minutes: as people get it, or (`debug`) as the tests use it, which takes no other build.
///
/// # Errors
/// If something cannot be built, or the soak finds a fault.
pub(crate) fn soak(root: &Path, minutes: f64, seed: u32, debug: bool) -> Result<()> {
    let daemon = if debug {
        build(root, &["jirani"])?;
        built("jirani")?
    } else {
        build_release(root, "jirani")?
    };
    let python = environment(root, &built("jirani")?)?;
    let script = root.join("tests/clients/soak.py");
    run(Command::new(python).arg("-B").arg(script).arg(daemon).args([minutes.to_string(), seed.to_string()]))
}
