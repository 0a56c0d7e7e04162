//! RFC 6121 section 4: who of an account's sessions is available, and directed presence.

use base::Bare;
use wire::{Kind, PresenceType, Stanza};

use crate::desk::offline;
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::session::{Available, Session, What};
use crate::shard::{Fate, Origin, Shard};

/// Presence without an address (sections 4.2, 4.4 and 4.5): the session's own state, told to the account's others.
pub(crate) fn broadcast(shard: &mut Shard, origin: Origin, stanza: &Stanza<'_>) -> Fate {
    let Some(session) = shard.sessions.get_mut(&origin.session) else { return Fate::Done };
    let address = session.account.clone();
    let initial = session.presence.is_none();
    match stanza.head.kind {
        Kind::Presence(PresenceType::Available) => {
            let priority = match priority(stanza) {
                Ok(priority) => priority,
                Err(error) => {
                    shard.bounce(origin, stanza, &error);
                    return Fate::Done;
                }
            };
            session.presence = Some(Available { priority, stanza: stanza.borrow().into_owned() });
            if initial {
                introduce(shard, &address, origin);
            }
            tell(shard, &address, Some(origin), stanza);
            if priority >= 0 {
                offline::begin(shard, &address);
            }
        }
        Kind::Presence(PresenceType::Unavailable) => {
            if session.presence.take().is_some() {
                tell(shard, &address, Some(origin), stanza);
            }
        }
        // Section 4.3 and 3: a probe or a subscription is always addressed.
        _ => shard.bounce(origin, stanza, &Condition::BadRequest.into()),
    }
    Fate::Done
}

/// Presence for a person: to the resource it names, or to all that are available (section 8.5.2.1.2).
pub(crate) fn deliver(shard: &mut Shard, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
    match stanza.head.kind {
        Kind::Presence(PresenceType::Available | PresenceType::Unavailable | PresenceType::Error) => {
            let to = stanza.head.to.as_ref().and_then(|to| to.resource());
            let sessions = match to {
                Some(resource) => shard.resource(address, resource).into_iter().collect(),
                None => shard.accounts[address.as_str()].sessions.clone(),
            };
            for session in sessions {
                if shard.sessions[&session].presence.is_some() {
                    shard.send(session, &stanza, What::Stanza, None);
                }
            }
        }
        _ => shard.bounce(origin, &stanza, &Condition::FeatureNotImplemented.into()),
    }
    Fate::Done
}

/// A session has gone without a word, or with one: the others see it leave (section 4.5.3).
pub(crate) fn ended(shard: &mut Shard, session: &Session) {
    if session.presence.is_none() {
        return;
    }
    let jid = session.jid.clone();
    let mut gone = Stanza::new(Kind::Presence(PresenceType::Unavailable));
    gone.head.from = Some(jid.borrow());
    tell(shard, &session.account, None, &gone);
}

/// Tells the account's available sessions. `by`: the one that speaks; RFC 6121 section 4.2.2 has it hear itself too.
fn tell(shard: &mut Shard, address: &Bare, by: Option<Origin>, stanza: &Stanza<'_>) {
    let Some(account) = shard.accounts.get(address) else { return };
    let speaker = by.map(|by| by.session);
    for id in account.sessions.clone() {
        let Some(session) = shard.sessions.get(&id) else { continue };
        if session.presence.is_none() && speaker != Some(id) {
            continue;
        }
        let jid = session.jid.clone();
        let mut copy = stanza.borrow();
        copy.head.to = Some(jid.borrow());
        shard.send(id, &copy, What::Stanza, None);
    }
}

/// A newly available session learns of the account's others (section 4.3.2).
fn introduce(shard: &mut Shard, address: &Bare, newcomer: Origin) {
    let others: Vec<_> = shard.accounts[address.as_str()].sessions.clone();
    let jid = shard.sessions[&newcomer.session].jid.clone();
    for id in others.into_iter().filter(|id| *id != newcomer.session) {
        let Some(available) = shard.sessions.get(&id).and_then(|s| s.presence.as_ref()) else { continue };
        let mut copy = available.stanza.borrow().into_owned();
        copy.head.to = Some(jid.borrow());
        shard.send(newcomer.session, &copy, What::Stanza, None);
    }
}

/// Section 4.7.2.3: an integer from -128 to 127; absent means zero.
fn priority(stanza: &Stanza<'_>) -> Result<i8, StanzaError> {
    match stanza.payload("priority", ns::CLIENT) {
        None => Ok(0),
        Some(element) => element
            .text()
            .trim()
            .parse()
            .map_err(|_| StanzaError::new(Condition::BadRequest, "A priority is a number from -128 to 127.")),
    }
}
