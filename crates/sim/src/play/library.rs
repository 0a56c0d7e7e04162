//! `plays/`: the plays of a directory, and each as a scene on the bench.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{OnBench, Play};
use crate::scene::Scene;

/// A file of a play.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlayFile {
    /// Its path in the directory, without the ending: `roster/empty`.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
}

impl PlayFile {
    /// All of a directory and those below it, in the order of their names.
    ///
    /// # Errors
    /// If a directory cannot be read.
    pub fn all(root: &Path) -> io::Result<Vec<PlayFile>> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files.sort();
        Ok(files)
    }

    /// Reads it.
    ///
    /// # Errors
    /// Why it is no play, with its path and the line.
    pub fn read(&self) -> Result<Play, String> {
        let path = self.path.display();
        let text = fs::read_to_string(&self.path).map_err(|error| format!("{path}: {error}"))?;
        Play::parse(&self.path, &text).map_err(|error| format!("{path}:{}: {}", error.line, error.why))
    }
}

impl Play {
    /// The play on the bench, once with each seed from 1 to this one.
    pub fn into_scene(self, name: &str, seeds: u64) -> Scene {
        Scene::new(self.references.clone(), name, self.words.clone(), move || {
            (1..=seeds).try_for_each(|seed| {
                self.perform(&mut OnBench::new(&self, seed)).map_err(|failure| format!("{failure}\n(seed {seed})"))
            })
        })
    }
}

fn walk(directory: &Path, prefix: &str, files: &mut Vec<PlayFile>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{stem}");
        if path.is_dir() {
            walk(&path, &format!("{name}/"), files)?;
        } else if path.extension().is_some_and(|ending| ending == "play") {
            files.push(PlayFile { name, path });
        }
    }
    Ok(())
}
