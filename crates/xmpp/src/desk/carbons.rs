//! XEP-0280 carbons: copies what an account's sessions say and hear to its other sessions that want to know.

use base::{Bare, SessionId, Ticket};
use wire::{Kind, MessageType, Stanza, Xml};

use super::{Ask, Verdict, archive, worth};
use crate::error::Condition;
use crate::ns;
use crate::session::What;
use crate::shard::Shard;

/// Whose sessions get a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The author's.
    Sent,
    /// The addressee's.
    Received,
}

/// Why a message is not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    /// Its author wants none (section 9, XEP-0334).
    Private,
    /// A room sends it to each session by itself.
    Room,
    /// It is no conversation.
    Other,
}

/// `<enable/>` (section 5).
pub(crate) fn enable(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    switch(shard, ask, true)
}

/// `<disable/>` (section 6).
pub(crate) fn disable(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    switch(shard, ask, false)
}

fn switch(shard: &mut Shard, ask: &Ask<'_>, on: bool) -> Verdict {
    if !ask.set {
        return Verdict::Error(Condition::BadRequest.into());
    }
    if let Some(session) = shard.sessions.get_mut(&ask.origin.session) {
        let before = std::mem::replace(&mut session.carbons, on);
        shard.carbons = shard.carbons + usize::from(on) - usize::from(before);
    }
    Verdict::Result(Vec::new())
}

/// Section 6.1: which messages are copied.
fn may_copy(message: &Stanza<'_>, side: Side) -> Result<(), Skip> {
    let Kind::Message(kind) = message.head.kind else { return Err(Skip::Other) };
    let (mut conversation, mut room, mut invitation) = (kind == MessageType::Chat, false, false);
    for payload in message.payloads() {
        match (payload.name(), payload.namespace()) {
            ("private", ns::CARBONS) | ("no-copy", ns::HINTS) => return Err(Skip::Private),
            ("body", ns::CLIENT) | (_, ns::RECEIPTS | ns::CHAT_STATES | ns::MARKERS) => conversation = true,
            _ if worth::is_invitation(&payload) => invitation = true,
            ("x", ns::MUC_USER) => room = true,
            _ => {}
        }
    }
    match kind {
        MessageType::Groupchat => Err(Skip::Room),
        _ if invitation => Ok(()),
        // Words in private with somebody in a room: the room tells each of our sessions itself.
        _ if room && side == Side::Received => Err(Skip::Room),
        // An error that says what it answers is judged by that; the others cannot be told from any other error.
        MessageType::Normal | MessageType::Chat | MessageType::Error if conversation => Ok(()),
        _ => Err(Skip::Other),
    }
}

/// What is copied to one account.
pub(crate) struct Copies<'a> {
    pub(crate) side: Side,
    /// Whose sessions are told.
    pub(crate) account: &'a Bare,
    /// Those that know already: the one that spoke, or those that got the message itself.
    pub(crate) told: &'a [SessionId],
    /// Its number in the account's archive, if the message does not tell its id yet.
    pub(crate) seq: Option<i64>,
    /// What the message itself waits for.
    pub(crate) after: Option<Ticket>,
}

/// Sends the copies.
pub(crate) fn send(shard: &mut Shard, message: &Stanza<'_>, copies: &Copies<'_>) {
    let Some(account) = shard.accounts.get(copies.account) else { return };
    // Most accounts have one session: nothing more is looked at then.
    if account.sessions.len() <= usize::from(!copies.told.is_empty()) {
        return;
    }
    let wants = |id: &SessionId| !copies.told.contains(id) && shard.sessions.get(id).is_some_and(|s| s.carbons);
    let sessions: Vec<SessionId> = account.sessions.iter().copied().filter(wants).collect();
    if sessions.is_empty() || may_copy(message, copies.side).is_err() {
        return;
    }
    let id = copies.seq.map(|seq| archive::ids(shard, copies.account).element(seq, copies.account));
    let mut wrapped = wrap(message, copies, id.as_deref());
    for id in sessions {
        let Some(jid) = shard.sessions.get(&id).map(|s| s.jid.clone()) else { continue };
        wrapped.head.to = Some(jid.borrow().into_owned());
        shard.send(id, &wrapped, What::Stanza, copies.after);
    }
}

/// Sections 7 and 8: the message in XEP-0297's clothes, from the account itself.
fn wrap(message: &Stanza<'_>, copies: &Copies<'_>, id: Option<&[u8]>) -> Stanza<'static> {
    let mut inner = message.borrow();
    if let Some(id) = id {
        inner.append(id);
    }
    let name = match copies.side {
        Side::Sent => "sent",
        Side::Received => "received",
    };
    let mut xml = Xml::new();
    xml.open(name, ns::CARBONS).open("forwarded", ns::FORWARD).stanza(&inner);
    let mut wrapped = Stanza::new(message.head.kind).with_inner(xml.finish());
    wrapped.head.from = Some(copies.account.jid().into_owned());
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, inner: &str, sent: Result<(), Skip>, received: Result<(), Skip>) {
        let xml = format!("<message xmlns='jabber:client' type='{kind}'>{inner}</message>");
        let message = Stanza::parse(xml.as_bytes()).unwrap();
        let found = (may_copy(&message, Side::Sent), may_copy(&message, Side::Received));
        assert_eq!(found, (sent, received), "{kind}: {inner}");
    }

    #[test]
    fn what_is_copied() {
        let body = "<body>hi</body>";
        let room = "<x xmlns='http://jabber.org/protocol/muc#user'/>";
        let mediated = "<x xmlns='http://jabber.org/protocol/muc#user'><invite/></x>";
        let direct = "<x xmlns='jabber:x:conference' jid='r@s'/>";
        for (kind, inner, expect) in [
            ("chat", "", Ok(())),
            ("chat", body, Ok(())),
            ("chat", "<other xmlns='o'/>", Ok(())),
            ("normal", "", Err(Skip::Other)),
            ("normal", body, Ok(())),
            ("normal", "<other xmlns='o'/>", Err(Skip::Other)),
            ("normal", "<received xmlns='urn:xmpp:receipts' id='1'/>", Ok(())),
            ("normal", "<active xmlns='http://jabber.org/protocol/chatstates'/>", Ok(())),
            ("normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", Ok(())),
            ("normal", direct, Ok(())),
            ("normal", mediated, Ok(())),
            ("chat", mediated, Ok(())),
            ("error", body, Ok(())),
            ("error", "<error type='cancel'/>", Err(Skip::Other)),
            ("headline", body, Err(Skip::Other)),
            ("groupchat", body, Err(Skip::Room)),
            ("groupchat", direct, Err(Skip::Room)),
            ("chat", &format!("{body}<private xmlns='urn:xmpp:carbons:2'/>"), Err(Skip::Private)),
            ("chat", &format!("{body}<no-copy xmlns='urn:xmpp:hints'/>"), Err(Skip::Private)),
            ("chat", &format!("{direct}<private xmlns='urn:xmpp:carbons:2'/>"), Err(Skip::Private)),
        ] {
            check(kind, inner, expect, expect);
        }
        check("chat", &format!("{body}{room}"), Ok(()), Err(Skip::Room));
        check("normal", &format!("{body}{room}"), Ok(()), Err(Skip::Room));
        check("chat", &format!("{body}{room}{mediated}"), Ok(()), Ok(()));
    }
}
