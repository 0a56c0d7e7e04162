//! RFC 6121 section 8.5: which of a person's sessions get a message, and what becomes of it if there are none.
//!
//! What is durable (`docs/durability.md`) is filed first, with a copy for each person of this node, and leaves when the
//! batch is on disk; everything else passes at once, but behind what is held for the same client. It does not wait for what
//! is being brought from the store: it is of this moment, or an answer that somebody waits for, and those are of the past.

use base::{Bare, SessionId, Ticket};
use wire::{Kind, MessageType, Stanza};

use crate::desk::archive::{self, Filed};
use crate::desk::carbons::{self, Copies, Side};
use crate::desk::worth::{self, Class};
use crate::desk::{in_reach, offline};
use crate::error::{Condition, StanzaError};
use crate::session::What;
use crate::shard::{After, Fate, Origin, Shard};

/// Where a message goes.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    /// To these sessions.
    Sessions(Vec<SessionId>),
    /// It waits until the person comes.
    Wait,
    /// It is dropped without a word.
    Drop,
    /// Its author is told that it was not delivered.
    Refuse,
}

/// A message for an account that is ready.
pub(crate) fn deliver(shard: &mut Shard, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
    in_reach::heard(shard, address, &stanza);
    match route(shard, address, &stanza) {
        Route::Drop => Fate::Done,
        Route::Refuse => {
            shard.bounce(origin, &stanza, &Condition::ServiceUnavailable.into());
            Fate::Done
        }
        Route::Wait => hand_over(shard, address, origin, stanza, &[]),
        Route::Sessions(sessions) => hand_over(shard, address, origin, stanza, &sessions),
    }
}

/// The rules, by type and address.
fn route(shard: &Shard, address: &Bare, stanza: &Stanza<'_>) -> Route {
    let Kind::Message(kind) = stanza.head.kind else { return Route::Drop };
    if let Some(resource) = stanza.head.to.as_ref().and_then(|to| to.resource()) {
        // 8.5.3.1: the resource itself, whatever its priority.
        if let Some(session) = shard.resource(address, resource) {
            return Route::Sessions(vec![session]);
        }
        // 8.5.3.2.1: a chat goes on with the person, other things end here; unless the resource may be on another device of
        // theirs, which has heard it too.
        match kind {
            MessageType::Chat => {}
            MessageType::Normal if shard.is_shared(address) => {}
            MessageType::Error => return Route::Drop,
            MessageType::Normal | MessageType::Groupchat | MessageType::Headline => return Route::Refuse,
        }
    }
    let account = &shard.accounts[address.as_str()];
    let open: Vec<_> = account.sessions.iter().copied().filter(|s| shard.sessions[s].takes_messages()).collect();
    match (kind, open.is_empty()) {
        // 8.5.2.1.1 and 8.5.2.2.1.
        (MessageType::Groupchat, _) => Route::Refuse,
        (MessageType::Error, _) | (MessageType::Headline, true) => Route::Drop,
        (MessageType::Normal | MessageType::Chat, true) => Route::Wait,
        (_, false) => Route::Sessions(open),
    }
}

/// Files what is durable, and sends.
fn hand_over(
    shard: &mut Shard,
    address: &Bare,
    origin: Origin,
    mut message: Stanza<'_>,
    sessions: &[SessionId],
) -> Fate {
    let class = worth::class(&message);
    if class == Class::Unkept && sessions.is_empty() {
        shard.bounce(origin, &message, &Condition::ServiceUnavailable.into());
        return Fate::Done;
    }
    let Some(filing) = archive::filing(shard, address, origin, &message, class, sessions) else {
        copy_to_author(shard, address, origin, &message, sessions, None);
        for session in sessions {
            shard.send(*session, &message, What::Stanza, None);
        }
        copy_to_addressee(shard, address, &message, sessions, None);
        return Fate::Done;
    };
    // What the store brings goes to those who take messages; a resource that does not is sent its own directly or not at
    // all.
    let apart = |shard: &Shard, id: &SessionId| !shard.sessions[id].takes_messages();
    if sessions.iter().any(|id| apart(shard, id) && !shard.sessions[id].keeps_up()) {
        shard.bounce(origin, &message, &StanzaError::client_is_full());
        return Fate::Done;
    }
    if archive::is_full(shard, address) {
        shard.bounce(origin, &message, &Condition::ServiceUnavailable.into());
        return Fate::Done;
    }
    let filed = archive::file(shard, address, origin, &message, filing);
    if let Some(reply) = StanzaError::from(Condition::InternalServerError).answer_to(&message) {
        shard.after(filed.ticket, After::Bounce(origin.session, Box::new(reply)));
    }
    shard.after(filed.ticket, After::Unfile(address.clone(), filed.seq));
    copy_to_author(shard, address, origin, &message, sessions, Some(filed));
    if let Some(seq) = filed.archived {
        message.append(archive::ids(shard, address).element(seq, address));
    }
    let mut left_out = false;
    for id in sessions {
        // Behind messages that are still being brought from the store, this one is brought from there too.
        let behind_others = shard.accounts[address.as_str()].backlog.is_some();
        let Some(session) = shard.sessions.get(id) else { continue };
        if apart(shard, id) || (session.keeps_up() && !behind_others) {
            shard.send(*id, &message, What::Copy(filed.seq), Some(filed.ticket));
        } else {
            left_out = true;
        }
    }
    copy_to_addressee(shard, address, &message, sessions, Some(filed.ticket));
    if left_out {
        offline::begin(shard, address);
    }
    Fate::After(filed.ticket)
}

/// XEP-0280 section 8: to the author's other sessions, with the id of the author's own archive. Who writes to themselves
/// reads each message once.
fn copy_to_author(
    shard: &mut Shard,
    address: &Bare,
    origin: Origin,
    message: &Stanza<'_>,
    sessions: &[SessionId],
    filed: Option<Filed>,
) {
    if shard.carbons == 0 {
        return;
    }
    let Some(author) = shard.sessions.get(&origin.session).map(|s| s.account.clone()) else { return };
    let after = filed.map(|filed| filed.ticket);
    if author == *address {
        let told = [sessions, &[origin.session]].concat();
        let seq = filed.and_then(|filed| filed.archived);
        let copies = Copies { side: Side::Sent, account: &author, told: &told, seq, after };
        return carbons::send(shard, message, &copies);
    }
    let seq = filed.and_then(|filed| filed.author);
    let copies = Copies { side: Side::Sent, account: &author, told: &[origin.session], seq, after };
    carbons::send(shard, message, &copies);
}

/// XEP-0280 section 7: to those of the addressee's sessions that do not get the message itself, with the id that it has.
fn copy_to_addressee(
    shard: &mut Shard,
    address: &Bare,
    message: &Stanza<'_>,
    sessions: &[SessionId],
    after: Option<Ticket>,
) {
    if shard.carbons == 0 {
        return;
    }
    if message.head.from.as_ref().is_none_or(|from| from.bare() != address.as_str()) {
        let copies = Copies { side: Side::Received, account: address, told: sessions, seq: None, after };
        carbons::send(shard, message, &copies);
    }
}
