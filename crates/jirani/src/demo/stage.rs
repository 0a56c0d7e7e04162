//! The folder in which a demo happens: made for its owner alone, and gone afterwards, but for the logs if something failed.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folder; it goes with the value.
pub(crate) struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// Makes the folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn set() -> Result<Stage> {
        let folder = std::env::temp_dir().join(format!("jirani-demo-{}", std::process::id()));
        if folder.exists() {
            // Of a demo that was killed and had the same number.
            fs::remove_dir_all(&folder).with_context(|| format!("{} is in the way", folder.display()))?;
        }
        make(&folder)?;
        Ok(Stage { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what there was. If something failed, the logs stay, and the error says where.
    pub(crate) fn clear(self, told: Result<()>) -> Result<()> {
        let Err(error) = told else { return Ok(()) };
        // Nobody watches any more.
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return Ok(());
        }
        let kept = PathBuf::from(format!("{}-logs", self.folder.display()));
        make(&kept)?;
        for laptop in fs::read_dir(&self.folder)?.flatten() {
            let log = laptop.path().join("log");
            if log.exists() {
                fs::copy(&log, kept.join(laptop.file_name()).with_extension("log"))?;
            }
        }
        Err(error).with_context(|| format!("the demo failed; the logs of its daemons are in {}", kept.display()))
    }
}

/// Makes a folder for this user alone: not one that somebody else has made.
fn make(folder: &Path) -> Result<()> {
    DirBuilder::new().mode(0o700).create(folder).with_context(|| format!("cannot make {}", folder.display()))
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be removed lies where the system removes it some day.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
