//! RFC 6121 section 3: presence subscriptions are asked for, allowed, refused and ended, on both sides, with
//! pre-approval (section 3.4). What the states are is in `subscription_states.rs`.
//!
//! Each side takes its own step, from its own contact list: [`outbound`] for the person who speaks, [`inbound`] for the
//! one who is spoken to, wherever the stanza comes from. Both steps are durable before anybody hears of them.

use std::sync::Arc;

use base::limits::{REQUEST_BYTES_MAX, REQUESTS_MAX, ROSTER_ASKS_MAX};
use base::{Bare, SessionId, Ticket};
use wire::{Form, Kind, PresenceType, Stanza};

use super::presence;
use super::roster::{self, Request};
use super::subscription_states::{State, Verb};
use crate::contacts::{Item, Registers, Roster};
use crate::error::{Condition, StanzaError};
use crate::session::{Session, What};
use crate::shard::{After, Fate, Origin, Shard};

/// A person of this node says something to `to`. Their contacts have been read.
pub(crate) fn outbound(shard: &mut Shard, own: &Bare, origin: Origin, verb: Verb, mut stanza: Stanza<'_>) -> Fate {
    let Some(contact) = stanza.head.to.as_ref().map(Bare::of) else {
        shard.bounce(origin, &stanza, &StanzaError::new(Condition::BadRequest, "Whose presence is it about?"));
        return Fate::Done;
    };
    if contact == *own {
        // Everybody sees their own presence: there is nothing to ask.
        return Fate::Done;
    }
    let known = roster(shard, own);
    let item = known.items.get(&contact);
    let registers = item.map(|item| item.registers).unwrap_or_default();
    let state = State::of(registers, known.requests.contains_key(&contact));
    let (goes_on, next) = state.outbound(verb);
    let mut after = next.registers().with(registers.only(Registers::APPROVED));
    match verb {
        // Section 3.4.2: nobody has asked yet; the answer is remembered.
        Verb::Subscribed if !goes_on && !state.from() => after = after.with(Registers::APPROVED),
        Verb::Unsubscribed => after = after.without(Registers::APPROVED),
        _ => {}
    }
    let is_new = item.is_none() && after != Registers::default();
    let asks = after.has(Registers::ASK) && !registers.has(Registers::ASK);
    let refused = if verb == Verb::Subscribe && stanza.inner_len() > REQUEST_BYTES_MAX {
        Some((Condition::PolicyViolation, "The request is too long."))
    } else if is_new && !known.has_room_for(&contact, &Item::default()) {
        Some((Condition::ResourceConstraint, "The contact list is full."))
    } else if asks && known.having(Registers::ASK).count() >= ROSTER_ASKS_MAX {
        Some((Condition::ResourceConstraint, "Too many people have not answered yet."))
    } else {
        None
    };
    if let Some((condition, text)) = refused {
        shard.bounce(origin, &stanza, &StanzaError::new(condition, text));
        return Fate::Done;
    }
    drop(known);
    if state.from() && !next.from() {
        // Section 3.2.2: the contact sees the person leave while they still may see it.
        presence::show(shard, own, &contact, false);
    }
    let changed = step(shard, own, &contact, after, kept(state, next));
    stamp(&mut stanza, own, &contact);
    if let Some(ticket) = changed
        && after != registers
    {
        roster::push(shard, own, &contact, ticket);
    }
    // After the push: the answer may come at once, with a push of its own.
    let lost = lost(&stanza);
    let fate = if goes_on { shard.route(origin, stanza) } else { Fate::Done };
    if next.from() && !state.from() {
        presence::show(shard, own, &contact, true);
    }
    // A step that the contact's side has taken already reports for both.
    match (fate, changed) {
        (Fate::Done | Fate::Parked, Some(ticket)) => {
            report(shard, origin, ticket, lost);
            if fate == Fate::Done { Fate::After(ticket) } else { fate }
        }
        (fate, _) => fate,
    }
}

/// Somebody says something to a person of this node, whose contacts have been read. It is never answered by an error: a
/// stranger learns nothing.
pub(crate) fn inbound(shard: &mut Shard, own: &Bare, origin: Origin, verb: Verb, mut stanza: Stanza<'_>) -> Fate {
    let Some(contact) = stanza.head.from.as_ref().map(Bare::of).filter(|from| from != own) else { return Fate::Done };
    stamp(&mut stanza, &contact, own);
    let known = roster(shard, own);
    let registers = known.registers(&contact);
    let state = State::of(registers, known.requests.contains_key(&contact));
    let (mut goes_on, mut next) = state.inbound(verb);
    let approved = verb == Verb::Subscribe && registers.has(Registers::APPROVED) && !state.from();
    if approved {
        // Section 3.4.2: the person has answered already.
        (goes_on, next) = (false, next.outbound(Verb::Subscribed).1);
    }
    let mut request = kept(state, next);
    if goes_on && verb == Verb::Subscribe {
        // Its author's own server may not have looked at its length.
        if known.requests.len() >= REQUESTS_MAX || stanza.inner_len() > REQUEST_BYTES_MAX {
            (goes_on, next) = (false, state);
        } else {
            let mut bytes = Vec::new();
            stanza.emit(Form::Nested, &mut bytes);
            request = Request::Put(bytes);
        }
    }
    let after = next.registers().with(registers.only(Registers::APPROVED));
    drop(known);
    let changed = step(shard, own, &contact, after, request);
    if goes_on {
        // Section 3.1.3: a request goes to who is there; the rest goes to who has the list that it changes.
        let hears = |session: &Session| match verb {
            Verb::Subscribe => session.presence.is_some(),
            _ => session.interested,
        };
        for session in shard.sessions_of(own, hears) {
            shard.send(session, &stanza, What::Stanza, changed);
        }
    }
    if let Some(ticket) = changed
        && after != registers
    {
        roster::push(shard, own, &contact, ticket);
    }
    if verb == Verb::Subscribe && next.from() {
        // Sections 3.1.3 and 3.4.2: answered in the person's name. Who asks again has forgotten what they saw.
        match origin.peer().is_some() && state.from() {
            // Once more to another node: of this moment, or who asks again and again would fill the outbox.
            true => {
                let mut again = Stanza::new(Kind::Presence(PresenceType::Subscribed));
                again.head.from = Some(own.jid().into_owned());
                again.head.to = Some(contact.jid().into_owned());
                shard.reply(origin, &again, None);
            }
            false => say(shard, own, &contact, Verb::Subscribed),
        }
        presence::show(shard, own, &contact, true);
    }
    if state.from() && !next.from() {
        // Section 3.3.3.
        presence::show(shard, own, &contact, false);
    }
    // Nothing may have changed here; what its author's side wrote must be durable all the same before it is acknowledged.
    let ticket = changed.unwrap_or_else(|| shard.newest());
    report(shard, origin, ticket, lost(&stanza));
    Fate::After(ticket)
}

/// What its author hears if a stanza could not be written.
fn lost(stanza: &Stanza<'_>) -> Option<Stanza<'static>> {
    StanzaError::from(Condition::InternalServerError).answer_to(stanza)
}

/// Has a session hear it if the batch fails.
fn report(shard: &mut Shard, origin: Origin, ticket: Ticket, lost: Option<Stanza<'static>>) {
    if let Some(lost) = lost.filter(|_| origin != Origin::SERVER) {
        shard.after(ticket, After::Bounce(origin.session, Box::new(lost)));
    }
}

/// Section 2.5.2: a contact is removed from the list, and with it all subscriptions, also those that were asked for.
pub(crate) fn remove(shard: &mut Shard, own: &Bare, contact: &Bare) -> Ticket {
    let known = roster(shard, own);
    let registers = known.registers(contact);
    let state = State::of(registers, known.requests.contains_key(contact));
    drop(known);
    if state.from() {
        presence::show(shard, own, contact, false);
    }
    let ticket = roster::record(shard, own, contact, None, kept(state, State::None));
    roster::push(shard, own, contact, ticket);
    part(shard, own, contact, registers, state);
    ticket
}

/// The same for all contacts of an account that is gone: whoever gets its address next is a stranger to them.
pub(crate) fn farewell(shard: &mut Shard, own: &Bare, known: &Roster) {
    let askers = known.requests.keys().filter(|asker| !known.items.contains_key(*asker));
    for contact in known.items.keys().chain(askers) {
        let registers = known.registers(contact);
        part(shard, own, contact, registers, State::of(registers, known.requests.contains_key(contact)));
    }
}

/// Tells a contact that all subscriptions are over.
fn part(shard: &mut Shard, own: &Bare, contact: &Bare, registers: Registers, state: State) {
    if registers.has(Registers::TO) || registers.has(Registers::ASK) {
        say(shard, own, contact, Verb::Unsubscribe);
    }
    if state.from() || state.requested() {
        say(shard, own, contact, Verb::Unsubscribed);
    }
}

/// Section 3.1.3: what nobody has answered comes with each initial presence.
pub(crate) fn bring_requests(shard: &mut Shard, known: &Roster, to: SessionId) {
    for bytes in known.requests.values() {
        // What this program stored it can read; what a disk made of it may be no stanza any more.
        if let Ok(stanza) = Stanza::parse(bytes) {
            shard.send(to, &stanza, What::Stanza, Some(shard.newest()));
        }
    }
}

/// Says something in a person's name.
pub(crate) fn say(shard: &mut Shard, own: &Bare, contact: &Bare, verb: Verb) {
    let mut stanza = Stanza::new(Kind::Presence(verb.kind()));
    stamp(&mut stanza, own, contact);
    shard.route(Origin::SERVER, stanza);
}

/// Sections 3.1.2, 3.1.5, 3.2.2 and 3.3.2: a subscription is between persons, not between their sessions.
fn stamp(stanza: &mut Stanza<'_>, from: &Bare, to: &Bare) {
    stanza.head.from = Some(from.jid().into_owned());
    stanza.head.to = Some(to.jid().into_owned());
}

/// What becomes of a request from one state to the next, unless it is the stanza at hand.
fn kept(state: State, next: State) -> Request {
    if state.requested() && !next.requested() { Request::Remove } else { Request::Keep }
}

/// Writes what is different from now on, if anything is.
fn step(shard: &mut Shard, own: &Bare, contact: &Bare, after: Registers, request: Request) -> Option<Ticket> {
    let known = roster(shard, own);
    let before = known.items.get(contact);
    let registers = before.map(|item| item.registers).unwrap_or_default();
    if registers == after && matches!(request, Request::Keep) {
        return None;
    }
    let item = match before {
        Some(item) => Some(item.clone().with(after)),
        // Who only asks is no contact yet (section 3.1.3).
        None => (after != Registers::default()).then(|| Item::default().with(after)),
    };
    drop(known);
    Some(roster::record(shard, own, contact, item, request))
}

fn roster(shard: &Shard, own: &Bare) -> Arc<Roster> {
    shard.accounts[own].roster.clone().expect("the contacts have been read")
}
