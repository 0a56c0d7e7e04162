//! XEP-0352 client state: while nobody looks at a client, what can wait for it waits, and of each contact only the last.
//!
//! Presence and typing notices wait, and pushes that others cause: people in reach who come and go. Whatever else comes
//! takes them along in front of it, so that order is kept. A stanza that waits here is not sent: XEP-0198 counts it when it
//! leaves.

use base::limits::{INACTIVE_BYTES_MAX, INACTIVE_STANZAS_MAX};
use base::{Jid, SessionId};
use wire::{Element, Form, IqType, Kind, MessageType, PresenceType, Stanza};

use crate::error::StreamError;
use crate::ns;
use crate::session::What;
use crate::shard::Shard;

const MUC_USER: &str = "http://jabber.org/protocol/muc#user";

/// What waits for a client that is inactive, in the order in which it came.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    stanzas: Vec<Kept>,
    bytes: usize,
}

/// A stanza that waits. With an author, it is the newest of its sort from them.
#[derive(Debug)]
struct Kept {
    sort: Sort,
    from: Option<Jid<'static>>,
    xml: Vec<u8>,
}

/// What can wait. Of one contact it replaces what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Presence,
    ChatState,
    /// By the server, and not replaced: each has a version, which says what came before it.
    Push,
}

impl Waiting {
    /// Takes a stanza that can wait; whether it can.
    pub(crate) fn take(&mut self, stanza: &Stanza<'_>) -> bool {
        let Some(sort) = sort(stanza) else { return false };
        let from = stanza.head.from.as_ref();
        if from.is_none() && sort != Sort::Push {
            return false;
        }
        let is_older = |old: &Kept| from.is_some() && old.sort == sort && old.from.as_ref() == from;
        if let Some(at) = self.stanzas.iter().position(is_older) {
            self.bytes -= self.stanzas.remove(at).xml.len();
        }
        let mut xml = Vec::new();
        stanza.emit(Form::Tcp, &mut xml);
        self.bytes += xml.len();
        self.stanzas.push(Kept { sort, from: from.map(|from| from.borrow().into_owned()), xml });
        true
    }

    /// Whether it is so much that it does not wait any longer.
    pub(crate) fn is_full(&self) -> bool {
        self.stanzas.len() >= INACTIVE_STANZAS_MAX || self.bytes >= INACTIVE_BYTES_MAX
    }
}

/// What a stanza is replaced by, if it can wait.
fn sort(stanza: &Stanza<'_>) -> Option<Sort> {
    match stanza.head.kind {
        Kind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
            // XEP-0045 section 7.2.2: the client waits for the room to say that it is in.
            let own = stanza.payload("x", MUC_USER).is_some_and(|x| {
                x.children().any(|child| child.is("status", MUC_USER) && child.attr("code").as_deref() == Some("110"))
            });
            (!own).then_some(Sort::Presence)
        }
        Kind::Message(MessageType::Normal | MessageType::Chat | MessageType::Groupchat) => {
            let mut is_chat_state = false;
            for payload in stanza.payloads() {
                match (payload.name(), payload.namespace()) {
                    (_, ns::CHAT_STATES) => is_chat_state = true,
                    (_, ns::HINTS | ns::STANZA_IDS) | ("thread", ns::CLIENT) => {}
                    _ => return None,
                }
            }
            is_chat_state.then_some(Sort::ChatState)
        }
        // Whoever changes the list themselves does not wait for it; and nobody else's pass for the server's.
        Kind::Iq(IqType::Set) if stanza.head.from.is_none() => {
            stanza.payload("query", ns::ROSTER).is_some().then_some(Sort::Push)
        }
        _ => None,
    }
}

/// `<active/>` and `<inactive/>`. Nobody but the client's own session learns of it.
pub(crate) fn handle(shard: &mut Shard, id: SessionId, element: &Element<'_>) {
    match element.name() {
        "active" => activate(shard, id),
        "inactive" => {
            if let Some(session) = shard.sessions.get_mut(&id) {
                session.inactive.get_or_insert_default();
            }
        }
        _ => shard.end_stream(id, StreamError::UnsupportedStanzaType),
    }
}

/// Somebody looks again, or the stream is a new one (section 5.2): what waited is sent, and nothing waits any more.
pub(crate) fn activate(shard: &mut Shard, id: SessionId) {
    flush(shard, id);
    if let Some(session) = shard.sessions.get_mut(&id) {
        session.inactive = None;
    }
}

/// Sends what waits.
pub(crate) fn flush(shard: &mut Shard, id: SessionId) {
    let Some(waiting) = shard.sessions.get_mut(&id).and_then(|session| session.inactive.as_mut()) else { return };
    for kept in std::mem::take(&mut **waiting).stanzas {
        shard.enqueue(id, kept.xml, What::Stanza, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(xml: &str, expect: Option<Sort>) {
        let xml = xml.replacen(' ', " xmlns='jabber:client' ", 1);
        assert_eq!(sort(&Stanza::parse(xml.as_bytes()).unwrap()), expect, "{xml}");
    }

    #[test]
    fn only_presence_typing_and_pushes_can_wait() {
        let state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        for (xml, expect) in [
            ("<presence from='a@x/r'/>".to_owned(), Some(Sort::Presence)),
            ("<presence from='a@x/r' type='unavailable'><status>bye</status></presence>".into(), Some(Sort::Presence)),
            ("<presence from='a@x' type='subscribe'/>".into(), None),
            ("<presence from='a@x' type='error'/>".into(), None),
            (format!("<presence from='m@x/me'><x xmlns='{MUC_USER}'><status code='110'/></x></presence>"), None),
            (format!("<presence from='m@x/you'><x xmlns='{MUC_USER}'/></presence>"), Some(Sort::Presence)),
            (format!("<message from='a@x/r' type='chat'>{state}</message>"), Some(Sort::ChatState)),
            (format!("<message from='m@x/n' type='groupchat'>{state}</message>"), Some(Sort::ChatState)),
            (format!("<message from='a@x/r' type='chat'><thread>t</thread>{state}</message>"), Some(Sort::ChatState)),
            (format!("<message from='a@x/r' type='chat'><body>hi</body>{state}</message>"), None),
            (format!("<message from='a@x/r' type='headline'>{state}</message>"), None),
            (format!("<message from='a@x/r' type='error'>{state}</message>"), None),
            ("<message from='a@x/r' type='chat'><no-store xmlns='urn:xmpp:hints'/></message>".into(), None),
            ("<message from='a@x/r' type='chat'/>".into(), None),
            ("<message from='a@x/r' type='headline'><attention xmlns='urn:xmpp:attention:0'/></message>".into(), None),
            ("<iq from='a@x/r' type='result' id='1'/>".into(), None),
            ("<iq to='b@x/r' type='set' id='1'><query xmlns='jabber:iq:roster'/></iq>".into(), Some(Sort::Push)),
            ("<iq from='a@x/r' type='set' id='1'><query xmlns='jabber:iq:roster'/></iq>".into(), None),
            ("<iq to='b@x/r' type='set' id='1'><block xmlns='urn:xmpp:blocking'/></iq>".into(), None),
            ("<iq to='b@x/r' type='result' id='1'><query xmlns='jabber:iq:roster'/></iq>".into(), None),
        ] {
            check(&xml, expect);
        }
    }

    fn presence(from: &str, status: &str) -> Stanza<'static> {
        let xml = format!("<presence xmlns='jabber:client' from='{from}'><status>{status}</status></presence>");
        Stanza::parse(xml.as_bytes()).unwrap().into_owned()
    }

    #[test]
    fn the_last_of_each_stays_in_its_order() {
        let mut waiting = Waiting::default();
        for (from, status) in [("a@x/r", "1"), ("b@x/r", "2"), ("a@x/other", "3"), ("a@x/r", "4")] {
            assert!(waiting.take(&presence(from, status)));
        }
        let text: Vec<_> = waiting.stanzas.iter().map(|n| String::from_utf8_lossy(&n.xml).into_owned()).collect();
        let statuses: Vec<_> = text.iter().map(|x| &x[x.find("<status>").unwrap() + 8..][..1]).collect();
        assert_eq!(statuses, ["2", "3", "4"]);
        assert_eq!(waiting.bytes, text.iter().map(String::len).sum::<usize>());
    }

    #[test]
    fn each_push_stays_before_the_presence_behind_it() {
        let push = |item: &str| {
            let query = format!("<query xmlns='jabber:iq:roster'>{item}</query>");
            let xml = format!("<iq xmlns='jabber:client' to='b@x/r' type='set' id='1'>{query}</iq>");
            Stanza::parse(xml.as_bytes()).unwrap().into_owned()
        };
        let mut waiting = Waiting::default();
        for stanza in [push("1"), presence("a@x/r", "2"), push("3"), presence("a@x/r", "4"), push("1")] {
            assert!(waiting.take(&stanza));
        }
        let text: Vec<_> = waiting.stanzas.iter().map(|kept| String::from_utf8_lossy(&kept.xml).into_owned()).collect();
        assert_eq!(text.len(), 4, "{text:?}");
        for (xml, expect) in text.iter().zip([">1<", ">3<", ">4<", ">1<"]) {
            assert!(xml.contains(expect), "{text:?}");
        }
    }

    #[test]
    fn what_waits_is_limited() {
        let mut waiting = Waiting::default();
        for n in 1..=INACTIVE_STANZAS_MAX {
            waiting.take(&presence(&format!("{n}@x/r"), ""));
            assert_eq!(waiting.is_full(), n == INACTIVE_STANZAS_MAX, "{n}");
        }
        let mut waiting = Waiting::default();
        waiting.take(&presence("a@x/r", &"x".repeat(INACTIVE_BYTES_MAX - 100)));
        assert!(!waiting.is_full());
        waiting.take(&presence("b@x/r", &"x".repeat(100)));
        assert!(waiting.is_full());
        waiting.take(&presence("a@x/r", "short"));
        assert!(!waiting.is_full(), "what is replaced takes no room");
    }
}
