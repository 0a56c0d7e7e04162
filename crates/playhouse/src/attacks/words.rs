//! What the daemon says to an attacker, as one line that a table can hold: the condition of each error, each once, in the
//! order in which they came first; `closed` at the end of the connection.

use sim::Tree;
use sim::xml::STREAMS;

/// What was heard so far.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// The daemon has said this.
    pub(crate) fn hear(&mut self, tree: &Tree) {
        let condition = |error: &Tree| error.children.first().map_or_else(String::new, |child| child.name.clone());
        let word = match (tree.name.as_str(), tree.attr("type")) {
            ("error", _) if tree.is("error", STREAMS) => format!("stream:{}", condition(tree)),
            ("failure" | "failed", _) => format!("{}:{}", tree.name, condition(tree)),
            ("iq" | "message", Some("error")) => {
                format!("error:{}", tree.child("error").map_or_else(String::new, condition))
            }
            ("iq", Some(kind)) => kind.to_owned(),
            ("message", _) => format!("message:{}", tree.text_of("body")),
            ("stream" | "features" | "presence" | "r" | "a", _) => return,
            (name, _) => name.to_owned(),
        };
        self.say(word);
    }

    /// This has happened.
    pub(crate) fn say(&mut self, word: impl Into<String>) {
        let word = word.into();
        if !self.0.contains(&word) {
            self.0.push(word);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them.
    pub(crate) fn line(&self) -> String {
        self.0.join(" ")
    }
}
