//! A bound session: one resource of one account, and what is on its way to its client.
//!
//! What depends on a write waits in `held` until the write is durable, and everything behind it waits too: nothing
//! overtakes. What has a row in the store (`copy`) is confirmed when its bytes have left for a plain client, and when
//! XEP-0198 says so for the others.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use base::{Bare, ConnId, Jid, Now, Ticket, Time, Wall};
use wire::Stanza;

use crate::desk::client_state::Waiting;
use crate::desk::stream_management::StreamManagement;
use crate::questions::Questions;

/// One resource.
pub(crate) struct Session {
    /// Its connection; `None` while a broken one may still be resumed.
    pub(crate) conn: Option<ConnId>,
    pub(crate) account: Bare,
    /// The full address.
    pub(crate) jid: Arc<Jid<'static>>,
    /// When it was bound.
    pub(crate) since: Wall,
    /// Its last broadcast presence, if it is available.
    pub(crate) presence: Option<Available>,
    /// Who was sent presence that no subscription gives them: they are told when it leaves (RFC 6121 section 4.6.3).
    pub(crate) directed: BTreeSet<Jid<'static>>,
    /// Whether it asked for the roster, so that it gets pushes (RFC 6121 section 2.1.6).
    pub(crate) interested: bool,
    /// Whether it wants copies of what its siblings say and hear (XEP-0280).
    pub(crate) carbons: bool,
    /// Whether it asked for the block list, so that it gets pushes (XEP-0191 section 3.2).
    pub(crate) wants_blocklist: bool,
    /// What it has asked and the store knows.
    pub(crate) questions: Questions,
    /// What waits while nobody looks at the client (XEP-0352); boxed because most sessions have none.
    pub(crate) inactive: Option<Box<Waiting>>,
    /// When its client was last heard.
    pub(crate) heard: Time,
    /// When it was asked whether it is still there, if it has not been heard since.
    pub(crate) asked: Option<Time>,
    pub(crate) held: VecDeque<Outgoing>,
    /// Store rows whose bytes have been handed to the connection and have not left yet.
    pub(crate) leaving: Vec<i64>,
    /// Boxed: most of an idle session's memory otherwise.
    pub(crate) sm: Option<Box<StreamManagement>>,
}

/// What an available session told the world.
pub(crate) struct Available {
    pub(crate) priority: i8,
    pub(crate) stanza: Stanza<'static>,
}

/// Bytes on their way to a client.
pub(crate) struct Outgoing {
    /// The write that must be durable first.
    pub(crate) after: Ticket,
    pub(crate) bytes: Vec<u8>,
    pub(crate) what: What,
}

/// What outgoing bytes are to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A stanza that is counted by XEP-0198 and has no row in the store.
    Stanza,
    /// A stanza that has a row in the account's store: it waits there until it is confirmed.
    Copy(i64),
    /// An element that is not counted.
    Nonza,
}

impl Session {
    pub(crate) fn new(conn: ConnId, account: Bare, jid: Jid<'static>, now: Now) -> Session {
        Session {
            conn: Some(conn),
            account,
            jid: Arc::new(jid),
            since: now.wall,
            presence: None,
            directed: BTreeSet::new(),
            interested: false,
            carbons: false,
            wants_blocklist: false,
            questions: Questions::default(),
            inactive: None,
            heard: now.mono,
            asked: None,
            held: VecDeque::new(),
            leaving: Vec::new(),
            sm: None,
        }
    }

    /// The store's numbers of what has been sent to the client and is not known to have arrived.
    pub(crate) fn unconfirmed(&self) -> impl Iterator<Item = i64> {
        let held = self.held.iter().filter_map(|o| if let What::Copy(seq) = o.what { Some(seq) } else { None });
        let counted = self.sm.iter().flat_map(|sm| sm.unacknowledged());
        self.leaving.iter().copied().chain(held).chain(counted)
    }

    /// Bytes of stanzas that are kept for its client.
    pub(crate) fn held_bytes(&self) -> usize {
        let held: usize = self.held.iter().map(|outgoing| outgoing.bytes.len()).sum();
        held + self.sm.as_ref().map_or(0, |sm| sm.unacknowledged_bytes())
    }

    /// The priority, if it is available.
    pub(crate) fn priority(&self) -> Option<i8> {
        self.presence.as_ref().map(|p| p.priority)
    }

    /// Whether messages to the bare address may go to it (RFC 6121 section 8.5.2).
    pub(crate) fn takes_messages(&self) -> bool {
        self.priority().is_some_and(|p| p >= 0)
    }
}
