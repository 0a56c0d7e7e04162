//! RFC 6121 section 8.5: which of a person's sessions get a message, and what becomes of it if there are none.
//!
//! What is durable (`docs/durability.md`) is filed first, with a copy for each person of this node, and leaves when the
//! batch is on disk; everything else passes at once, but behind what waits for the same client.

use base::{Bare, SessionId};
use wire::{Kind, MessageType, Stanza};

use crate::desk::archive;
use crate::error::Condition;
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
        // 8.5.3.2.1: a chat goes on with the person, other things end here.
        match kind {
            MessageType::Chat => {}
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
    mut stanza: Stanza<'_>,
    sessions: &[SessionId],
) -> Fate {
    let class = archive::class(&stanza);
    let filing = archive::filing(shard, address, origin, class, sessions);
    if !filing.needed {
        for session in sessions {
            shard.send(*session, &stanza, What::Stanza, None);
        }
        return Fate::Done;
    }
    if archive::is_full(shard, address) {
        shard.bounce(origin, &stanza, &Condition::ServiceUnavailable.into());
        return Fate::Done;
    }
    let (ticket, seq) = archive::file(shard, address, origin, &stanza, &filing);
    if let Some(reply) = crate::error::StanzaError::from(Condition::InternalServerError).answer_to(&stanza) {
        shard.after(ticket, After::Bounce(origin.session, Box::new(reply)));
    }
    shard.after(ticket, After::Unfile(address.clone(), seq));
    // Behind messages that are still being brought from the store, this one is brought from there too.
    if shard.accounts[address.as_str()].backlog.is_none() {
        stanza.append(archive::stanza_id(shard.config.node, seq, address));
        for session in sessions {
            shard.send(*session, &stanza, What::Copy(seq), Some(ticket));
        }
    }
    Fate::After(ticket)
}
