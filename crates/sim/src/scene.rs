//! A scene: one behaviour that can be tried, with its name and where it is prescribed. Plays and rows of tables are scenes.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::reference::Reference;

/// Something that holds or does not.
pub struct Scene {
    /// Where it is prescribed; at least one place.
    pub references: Vec<Reference>,
    /// Its name: of a play its file without the ending, of a row what is tried.
    pub name: String,
    /// What shall be so, in one sentence.
    pub words: String,
    perform: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Scene {
    /// One that is tried in this way.
    pub fn new(
        references: Vec<Reference>,
        name: impl Into<String>,
        words: impl Into<String>,
        perform: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Scene {
        Scene { references, name: name.into(), words: words.into(), perform: Box::new(perform) }
    }

    /// Tries it.
    ///
    /// # Errors
    /// What went wrong, in words; also if something panics in it.
    pub fn perform(&self) -> Result<(), String> {
        catch_unwind(AssertUnwindSafe(&self.perform)).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            Err(format!("it panicked: {}", words.unwrap_or_default()))
        })
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").field("references", &self.references).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure() {
        assert_eq!(Scene::new(Vec::new(), "x", "y", || Ok(())).perform(), Ok(()));
        let words = "it is broken".to_owned();
        let panics = Scene::new(Vec::new(), "x", "y", move || panic!("{words}"));
        assert_eq!(panics.perform(), Err("it panicked: it is broken".into()));
    }
}
