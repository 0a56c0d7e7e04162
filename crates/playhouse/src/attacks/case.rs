//! An attack as data: who sends which bytes, and what must come of it.

use std::time::Duration;

/// One hostile input.
pub(crate) struct Case {
    /// Its id in `docs/attacks.md`.
    pub(crate) id: &'static str,
    /// What is sent, in words.
    pub(crate) words: String,
    pub(crate) stage: Stage,
    /// What is sent. Before each part but the first, the attacker waits for an answer to the one before.
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) trick: Trick,
    /// What the daemon must say, as [`Words`](super::words::Words) puts it; empty: nothing.
    pub(crate) outcome: &'static str,
    pub(crate) caps: Caps,
    /// Whether it is only tried with `--slow`.
    pub(crate) slow: bool,
}

/// How far the attacker has come before the attack begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A connection.
    Connected,
    /// A stream has been opened.
    Stream,
    /// A person's password was given.
    Authenticated,
    /// The attacker is a person with a session.
    Bound,
    /// The same, with XEP-0198.
    Managed,
}

/// What else is special.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    /// Nothing.
    None,
    /// So long passes before each byte.
    Drip(Duration),
    /// The attacker opens this many connections, one after the other, sends the bytes and leaves.
    OpenAndDrop(usize),
    /// Bob, whom it is said to, must not hear this; he hears everything else.
    Forgery(&'static str),
    /// The attacker acknowledges nothing and, unless it reads, reads nothing, while Bob sends so many messages of a
    /// quarter of a megabyte. The outcome is what Bob hears at once; `ends` is what the attacker hears when so long has
    /// passed.
    Flood { messages: usize, reads: bool, ends: Option<(Duration, &'static str)> },
}

/// What an attack may cost the daemon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    /// Memory above what it had before, at its peak.
    pub(crate) memory_kb: u64,
    /// Time of the processor.
    pub(crate) cpu_ms: u64,
    /// Until the outcome is there.
    pub(crate) refusal_ms: u64,
}

/// One connection: a few of the largest stanzas, and what a build without optimisation needs to read them.
const ONE: Caps = Caps { memory_kb: 4096, cpu_ms: 250, refusal_ms: 1000 };

/// So much more a crowd of a thousand may cost: for each of them a connection, the 10 kB that a stranger may hold, and the
/// 64 kB that are read at a time shared by all.
pub(crate) const CROWD: Caps = Caps { memory_kb: 49_152, cpu_ms: 10_000, refusal_ms: 20_000 };

impl Case {
    /// One that sends this.
    pub(crate) fn new(id: &'static str, words: impl Into<String>, stage: Stage, bytes: impl Into<Vec<u8>>) -> Case {
        let (trick, caps) = (Trick::None, ONE);
        Case { id, words: words.into(), stage, parts: vec![bytes.into()], trick, outcome: "", caps, slow: false }
    }

    /// Behind an answer, this.
    pub(crate) fn then(mut self, bytes: impl Into<Vec<u8>>) -> Case {
        self.parts.push(bytes.into());
        self
    }

    /// With the right outcome.
    pub(crate) fn gives(mut self, outcome: &'static str) -> Case {
        self.outcome = outcome;
        self
    }

    pub(crate) fn trick(mut self, trick: Trick) -> Case {
        self.trick = trick;
        self
    }

    /// With other bounds than usual.
    pub(crate) fn costs(mut self, memory_kb: u64, cpu_ms: u64, refusal_ms: u64) -> Case {
        self.caps = Caps { memory_kb, cpu_ms, refusal_ms };
        self
    }

    pub(crate) fn slow(mut self) -> Case {
        self.slow = true;
        self
    }

    /// Whether a stranger can do it, and so a thousand of them.
    pub(crate) fn is_of_strangers(&self) -> bool {
        matches!(self.stage, Stage::Connected | Stage::Stream) && self.trick == Trick::None
    }
}
