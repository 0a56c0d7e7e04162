//! What a shard has counted since it began: plain numbers, no name of anybody.

use std::collections::BTreeMap;

use wire::Kind;

/// Numbers that only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Stanzas that clients sent.
    pub from_clients: Kinds,
    /// Stanzas that were handed to clients' connections.
    pub to_clients: Kinds,
    /// Sessions that began.
    pub sessions: u64,
    /// Stanzas that were answered with an error, by its condition (RFC 6120 section 8.3.3).
    pub stanza_errors: BTreeMap<&'static str, u64>,
    /// Sessions that were ended with an error, by its condition (RFC 6120 section 4.9.3).
    pub stream_errors: BTreeMap<&'static str, u64>,
}

/// Stanzas by kind (RFC 6120 section 8.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// `<message/>`.
    pub messages: u64,
    /// `<presence/>`.
    pub presences: u64,
    /// `<iq/>`.
    pub iqs: u64,
}

impl Kinds {
    pub(crate) fn count(&mut self, kind: Kind) {
        match kind {
            Kind::Message(_) => self.messages += 1,
            Kind::Presence(_) => self.presences += 1,
            Kind::Iq(_) => self.iqs += 1,
        }
    }

    /// One that is written already: its first letter tells.
    pub(crate) fn count_written(&mut self, bytes: &[u8]) {
        match bytes {
            [b'<', b'm', ..] => self.messages += 1,
            [b'<', b'p', ..] => self.presences += 1,
            [b'<', b'i', ..] => self.iqs += 1,
            _ => {}
        }
    }
}

/// Counts one of these.
pub(crate) fn count(of: &mut BTreeMap<&'static str, u64>, cause: &'static str) {
    *of.entry(cause).or_default() += 1;
}
