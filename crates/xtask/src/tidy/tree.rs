//! The files of the checkout that rules speak of, in the order of their paths.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Files with their text, by their path from the top, and which paths there are at all.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    texts: BTreeMap<String, String>,
}

/// What is read: code, manifests, documents, plays, and the cases with real clients.
const READ: [&str; 5] = ["rs", "toml", "md", "play", "py"];

/// What is made, and what is not ours.
const SKIPPED: [&str; 2] = ["target", "corpus"];

impl Tree {
    /// Reads the checkout.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.walk(root, "")?;
        Ok(tree)
    }

    fn walk(&mut self, directory: &Path, prefix: &str) -> Result<()> {
        for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
                continue;
            }
            let read = READ.iter().any(|ending| name.ends_with(&format!(".{ending}")));
            let text = if read {
                fs::read_to_string(entry.path()).with_context(|| format!("cannot read {path}"))?
            } else {
                String::new()
            };
            self.texts.insert(path, text);
        }
        Ok(())
    }

    /// A tree of a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
        Tree { texts: files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect() }
    }

    /// The files with this ending, with their text.
    pub(crate) fn ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .filter(move |(path, _)| path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Whether there is such a file, or a directory with files in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.texts.contains_key(path) || self.texts.keys().any(|file| file.starts_with(&below))
    }
}

/// Code without its comments, so that words in them break no rule. Strings stay; one with `//` in it loses its end.
pub(crate) fn without_comments(code: &str) -> String {
    code.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The part of a file that is built into the program, and the one that is built for its tests only.
pub(crate) fn split_tests(code: &str) -> (&str, &str) {
    code.split_at(code.find("\n#[cfg(test)]").unwrap_or(code.len()))
}
