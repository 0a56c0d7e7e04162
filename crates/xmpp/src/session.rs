//! A bound session: one resource of one account, and what is on its way to its client.
//!
//! What depends on a write waits in `held` until the write is durable, and everything behind it waits too: nothing
//! overtakes. What has a row in the store (`copy`) is confirmed when its bytes have left for a plain client, and when
//! XEP-0198 says so for the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::limits::{SESSION_FILED_BYTES_MAX, SESSION_OUTPUT_BYTES_MAX, SESSION_SHARE_BYTES_MAX};
use base::{Bare, ConnId, Jid, Now, Time, Wall};
use wire::Stanza;

use crate::desk::client_state::Waiting;
use crate::desk::stream_management::StreamManagement;
use crate::held::Held;
use crate::questions::Questions;
use crate::speech::Language;

/// One resource.
pub(crate) struct Session {
    /// Its connection; `None` while a broken one may still be resumed.
    pub(crate) conn: Option<ConnId>,
    /// When it can be resumed no more, if it is broken.
    pub(crate) forgotten_at: Option<Time>,
    pub(crate) account: Bare,
    /// The full address.
    pub(crate) jid: Arc<Jid<'static>>,
    /// When it was bound.
    pub(crate) since: Wall,
    /// The language of its client, else of its account.
    pub(crate) language: Language,
    /// Its last broadcast presence, if it is available.
    pub(crate) presence: Option<Available>,
    /// Who was sent presence that no subscription gives them: they are told when it leaves (RFC 6121 section 4.6.3).
    pub(crate) directed: BTreeSet<Jid<'static>>,
    /// Whether it asked for the roster, so that it gets pushes (RFC 6121 section 2.1.6).
    pub(crate) interested: bool,
    /// Whether a push was not sent because too much waited: its client must not believe that it has the newest roster.
    pub(crate) missed_push: bool,
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
    pub(crate) held: Held,
    /// Store rows whose bytes have been handed to the connection and have not left yet.
    pub(crate) leaving: Vec<i64>,
    /// Bytes that have been handed to the connection of a client without XEP-0198 since it was known to have read all.
    pub(crate) leaving_bytes: usize,
    /// Whether the connection will tell when all has left.
    pub(crate) watched: bool,
    /// Boxed: most of an idle session's memory otherwise.
    pub(crate) sm: Option<Box<StreamManagement>>,
}

/// What an available session told the world.
pub(crate) struct Available {
    pub(crate) priority: i8,
    pub(crate) stanza: Stanza<'static>,
}

/// What outgoing bytes are to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// What somebody else says or causes, and that has no row in the store. When too much waits for the client, it is not
    /// sent.
    Stanza,
    /// What the client has asked for or its person has done.
    Answer,
    /// A stanza that has a row in the account's store: it waits there until it is confirmed.
    Copy(i64),
}

impl What {
    /// The store's number of it.
    pub(crate) fn copy(self) -> Option<i64> {
        if let What::Copy(seq) = self { Some(seq) } else { None }
    }
}

impl Session {
    pub(crate) fn new(conn: ConnId, account: Bare, jid: Jid<'static>, language: Language, now: Now) -> Session {
        Session {
            conn: Some(conn),
            forgotten_at: None,
            account,
            jid: Arc::new(jid),
            since: now.wall,
            language,
            presence: None,
            directed: BTreeSet::new(),
            interested: false,
            missed_push: false,
            carbons: false,
            wants_blocklist: false,
            questions: Questions::default(),
            inactive: None,
            heard: now.mono,
            asked: None,
            held: Held::new(),
            leaving: Vec::new(),
            leaving_bytes: 0,
            watched: false,
            sm: None,
        }
    }

    /// The store's numbers of what has been sent to the client and is not known to have arrived.
    pub(crate) fn unconfirmed(&self) -> impl Iterator<Item = i64> {
        let counted = self.sm.iter().flat_map(|sm| sm.unacknowledged());
        self.leaving.iter().copied().chain(self.held.copies()).chain(counted)
    }

    /// Bytes that wait for the client.
    fn waiting_bytes(&self) -> usize {
        self.held.bytes() + self.leaving_bytes + self.sm.as_ref().map_or(0, |sm| sm.unacknowledged_bytes())
    }

    /// Whether so little waits that it may be sent more of what can wait in the store.
    pub(crate) fn keeps_up(&self) -> bool {
        self.waiting_bytes() <= SESSION_FILED_BYTES_MAX
    }

    /// Whether so many bytes more may be sent that others have caused.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.waiting_bytes() + bytes <= SESSION_SHARE_BYTES_MAX
    }

    /// Whether so many bytes more are too many, whoever has caused them.
    pub(crate) fn overflows_with(&self, bytes: usize) -> bool {
        self.waiting_bytes() + bytes > SESSION_OUTPUT_BYTES_MAX
    }

    /// Bytes of stanzas that are kept for its client.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.bytes() + self.sm.as_ref().map_or(0, |sm| sm.unacknowledged_bytes())
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

#[cfg(test)]
mod tests {
    use base::Ticket;

    use super::*;
    use crate::held::Outgoing;

    #[test]
    fn what_waits_is_limited() {
        for (limit, allows) in [
            (SESSION_FILED_BYTES_MAX, Box::new(|s: &Session| s.keeps_up()) as Box<dyn Fn(&Session) -> bool>),
            (SESSION_SHARE_BYTES_MAX, Box::new(|s: &Session| s.has_room_for(0))),
            (SESSION_OUTPUT_BYTES_MAX, Box::new(|s: &Session| !s.overflows_with(0))),
        ] {
            for (bytes, expect) in [(limit - 1, true), (limit, true), (limit + 1, false), (limit * 10, false)] {
                let jid = Jid::new("a@b.example/c").unwrap();
                let mut session = Session::new(ConnId(1), Bare::of(&jid), jid, Language::default(), Now::default());
                let mut sm = StreamManagement::default();
                sm.sent(vec![0; bytes / 4], What::Stanza);
                session.sm = Some(Box::new(sm));
                session.leaving_bytes = bytes / 4;
                let rest = bytes - 2 * (bytes / 4);
                session.held.push(Outgoing { after: Ticket(1), bytes: vec![0; rest], what: What::Answer });
                assert_eq!(allows(&session), expect, "{bytes}");
            }
        }
    }
}
