//! RFC 6121 section 4: presence is told to those who may see it, asked for, and sent to somebody in particular.
//!
//! A session is available only when its account's contacts are in memory, and an account without available sessions hears
//! nothing: so no presence ever wakes an account. The contact's own list decides what the contact shows.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::limits::DIRECTED_PRESENCE_MAX;
use base::{Bare, DeviceId, Jid, SessionId};
use smallvec::SmallVec;
use wire::{Kind, PresenceType, Stanza};

use super::blocking::{self, Blocked};
use super::subscription_states::Verb;
use super::{audience, bonjour, in_reach, last_activity, offline, own_contact, post, subscription};
use crate::contacts::{Registers, Roster};
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::session::{Available, Session, What};
use crate::shard::{Fate, Origin, Shard};

/// Whether presence is only of the moment: for an account that nobody uses it is nothing.
pub(crate) fn is_passing(stanza: &Stanza<'_>) -> bool {
    use PresenceType::{Available, Error, Unavailable};
    matches!(stanza.head.kind, Kind::Presence(Available | Unavailable | Error))
}

/// Presence that a session says to all, or about its person's subscriptions. Their contacts have been read.
pub(crate) fn send(shard: &mut Shard, own: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
    match stanza.head.kind {
        Kind::Presence(PresenceType::Available) => available(shard, own, origin, &stanza),
        Kind::Presence(PresenceType::Unavailable) => unavailable(shard, own, origin, &stanza),
        Kind::Presence(kind) => match Verb::of(kind) {
            Some(verb) => return subscription::outbound(shard, own, origin, verb, stanza),
            // A probe is always addressed; an error answers somebody.
            None => shard.bounce(origin, &stanza, &Condition::BadRequest.into()),
        },
        Kind::Message(_) | Kind::Iq(_) => unreachable!("only presence has to do with its author's account"),
    }
    Fate::Done
}

/// Sections 4.2 and 4.4: a session is there, or says something new of itself.
fn available(shard: &mut Shard, own: &Bare, origin: Origin, stanza: &Stanza<'_>) {
    let priority = match priority(stanza) {
        Ok(priority) => priority,
        Err(error) => return shard.bounce(origin, stanza, &error),
    };
    // It may have gone while its contacts were being read.
    let Some(session) = shard.sessions.get_mut(&origin.session) else { return };
    let told = Available { priority, stanza: stanza.borrow().into_owned() };
    let initial = session.presence.replace(told).is_none();
    let roster = shard.accounts[own].roster.clone().expect("the contacts have been read");
    broadcast(shard, own, &roster, stanza);
    bonjour::tell(shard, own);
    if initial {
        bonjour::show_all(shard, own, origin.session);
        introduce(shard, own, &roster, origin.session);
        own_contact::shown_to(shard, own, origin.session);
        subscription::bring_requests(shard, &roster, origin.session);
    }
    if priority >= 0 {
        offline::begin(shard, own);
    }
}

/// Section 4.5.2: a session leaves, but stays connected.
fn unavailable(shard: &mut Shard, own: &Bare, origin: Origin, stanza: &Stanza<'_>) {
    let Some(session) = shard.sessions.get_mut(&origin.session) else { return };
    let was_available = session.presence.take().is_some();
    let directed = std::mem::take(&mut session.directed);
    let roster = shard.accounts[own].roster.clone();
    let mut copy = stanza.borrow();
    if let Some(jid) = shard.sessions.get(&origin.session).map(|s| s.jid.clone()).filter(|_| was_available) {
        // Section 4.5.2: the others hear it, and so does the one who says it.
        copy.head.to = Some((*jid).clone());
        shard.send(origin.session, &copy, What::Stanza, None);
    }
    leave(shard, own, roster.as_deref().filter(|_| was_available), directed, stanza);
    if was_available {
        bonjour::tell(shard, own);
        last_activity::note(shard, own, stanza);
    }
}

/// A session has ended without a word, or with one: whoever could see it sees it leave (section 4.5.3).
pub(crate) fn ended(shard: &mut Shard, session: &Session, roster: Option<&Roster>) {
    let mut stanza = Stanza::new(Kind::Presence(PresenceType::Unavailable));
    stanza.head.from = Some((*session.jid).clone());
    let roster = roster.filter(|_| session.presence.is_some());
    leave(shard, &session.account, roster, session.directed.clone(), &stanza);
    if session.presence.is_some() {
        bonjour::tell(shard, &session.account);
        last_activity::note(shard, &session.account, &stanza);
    }
}

/// Tells that a session leaves. `roster`: whose broadcast was heard, if there was any.
fn leave(
    shard: &mut Shard,
    own: &Bare,
    roster: Option<&Roster>,
    directed: BTreeSet<Jid<'static>>,
    stanza: &Stanza<'_>,
) {
    if let Some(roster) = roster {
        broadcast(shard, own, roster, stanza);
    }
    // Section 4.6.3: and those who heard of it outside of any subscription.
    for to in directed {
        let bare = Bare::of(&to);
        let is_in_reach = || !shard.devices_of(&bare).is_empty() && audience::has(shard, own, &bare);
        let hears = |r: &Roster| bare == *own || r.registers(&bare).has(Registers::FROM) || is_in_reach();
        let heard = roster.is_some_and(hears);
        if !heard {
            let mut copy = stanza.borrow().into_owned();
            copy.head.to = Some(to);
            shard.route(Origin::SERVER, copy);
        }
    }
}

/// Sections 4.2.2 and 4.4.2: to the person's own sessions, and to the contacts who see them. The stanza is written anew
/// for each with another `to`, and with nothing else made for it.
fn broadcast(shard: &mut Shard, own: &Bare, roster: &Roster, stanza: &Stanza<'_>) {
    let mut copy = stanza.borrow();
    for id in audience(shard, own) {
        let Some(jid) = shard.sessions.get(&id).map(|s| s.jid.clone()) else { continue };
        copy.head.to = Some((*jid).clone());
        shard.send(id, &copy, What::Stanza, None);
    }
    let Some(from) = &stanza.head.from else { return };
    let blocked = shard.accounts.get(own).map(|account| account.blocked.clone()).unwrap_or_default();
    let siblings = shard.devices_of(own);
    copy.head.to = Some(own.jid());
    post::tell(shard, own, &siblings, &copy);
    for contact in roster.having(Registers::FROM) {
        copy.head.to = Some(contact.jid());
        if shard.is_elsewhere(&contact.jid()) && !blocked.matches(&contact.jid()) {
            let devices = shard.devices_of(contact);
            post::tell(shard, own, &devices, &copy);
            continue;
        }
        for id in hearers(shard, from, &blocked, contact) {
            shard.send(id, &copy, What::Stanza, None);
        }
    }
    // Design, section 7: those in reach whom the person lets see them without more.
    for other in &shard.in_reach() {
        let is_told = roster.registers(other).has(Registers::FROM) || blocked.matches(&other.jid());
        if !is_told && audience::has(shard, own, other) {
            let mut copy = copy.borrow();
            copy.head.to = Some(other.jid());
            let devices = shard.devices_of(other);
            post::tell(shard, own, &devices, &copy);
        }
    }
}

/// Whom an account lets see it, or how near they are, has changed: those in reach see it come or go.
pub(crate) fn admit_anew(shard: &mut Shard, own: &Bare, before: &BTreeSet<Bare>) {
    let after = admitted(shard, own);
    for other in after.difference(before) {
        show(shard, own, other, true);
    }
    for other in before.difference(&after) {
        show(shard, own, other, false);
    }
}

/// Those in reach who may see an account that is in memory with its contacts.
pub(crate) fn admitted(shard: &Shard, own: &Bare) -> BTreeSet<Bare> {
    let mut in_reach = shard.in_reach();
    in_reach.retain(|other| {
        audience::admits(shard, own, other) == Some(true) && !blocking::apart(shard, &own.jid(), &other.jid())
    });
    in_reach.into_iter().collect()
}

/// The available sessions of a contact, without those that do not hear from somebody because one blocks the other
/// (XEP-0191). `blocked`: whom the speaker blocks.
fn hearers(shard: &Shard, from: &Jid<'_>, blocked: &Blocked, contact: &Bare) -> SmallVec<[SessionId; 4]> {
    let account = shard.accounts.get(contact).filter(|account| !account.blocked.matches(from));
    let Some(account) = account else { return SmallVec::new() };
    let hears = |session: &Session| session.presence.is_some() && !blocked.matches(&session.jid);
    account.sessions.iter().copied().filter(|id| shard.sessions.get(id).is_some_and(hears)).collect()
}

/// Section 4.3: a newly available session learns who else is there: the person's other sessions, and the contacts who let
/// the person see them. What is asked of another account here is answered from memory.
fn introduce(shard: &mut Shard, own: &Bare, roster: &Arc<Roster>, newcomer: SessionId) {
    tell_who_is_there(shard, own, newcomer);
    let siblings = shard.devices_of(own);
    ask_who_is_there(shard, own, own, &siblings, newcomer);
    for contact in roster.having(Registers::TO) {
        look_for(shard, own, contact, newcomer);
    }
    in_reach::introduce(shard, own, newcomer);
}

/// Tells a session of a person whether a contact is there.
fn look_for(shard: &mut Shard, own: &Bare, contact: &Bare, session: SessionId) {
    if blocking::apart(shard, &own.jid(), &contact.jid()) {
        return;
    }
    if shard.is_elsewhere(&contact.jid()) {
        let devices = shard.devices_of(contact);
        return ask_who_is_there(shard, own, contact, &devices, session);
    }
    let Some(theirs) = shard.accounts.get(contact).and_then(|a| a.roster.as_ref()) else { return };
    if theirs.registers(own).has(Registers::FROM) {
        tell_who_is_there(shard, contact, session);
    } else if !shard.is_shared(contact) {
        // Section 4.3.2: the two lists differ, and the contact's is the one that counts.
        subscription::say(shard, contact, own, Verb::Unsubscribed);
    }
}

/// Section 4.3.1: asks devices in reach whether somebody is there, for one session.
fn ask_who_is_there(shard: &mut Shard, own: &Bare, whom: &Bare, devices: &[DeviceId], session: SessionId) {
    let Some(session) = shard.sessions.get(&session).filter(|_| !devices.is_empty()) else { return };
    let mut probe = Stanza::new(Kind::Presence(PresenceType::Probe));
    probe.head.from = Some((*session.jid).clone());
    probe.head.to = Some(whom.jid().into_owned());
    post::tell(shard, own, devices, &probe);
}

/// A device comes in reach: it hears who is here of those whom its person may see.
pub(crate) fn came_in_reach(shard: &mut Shard, address: &Bare, device: DeviceId) {
    for own in shard.seen_by(address) {
        if blocking::apart(shard, &own.jid(), &address.jid()) {
            continue;
        }
        for id in audience(shard, &own) {
            let Some(told) = shard.sessions.get(&id).and_then(|session| session.presence.as_ref()) else { continue };
            let mut copy = told.stanza.clone();
            copy.head.to = Some(address.jid().into_owned());
            post::tell(shard, &own, &[device], &copy);
        }
    }
}

/// Tells a person's sessions who is there of a contact whom they could not see for a while.
pub(crate) fn look_again(shard: &mut Shard, own: &Bare, contact: &Bare) {
    for session in audience(shard, own) {
        look_for(shard, own, contact, session);
    }
}

/// Sends the last presence of each of an account's sessions to one session.
fn tell_who_is_there(shard: &mut Shard, address: &Bare, to: SessionId) {
    let Some(jid) = shard.sessions.get(&to).map(|s| s.jid.clone()) else { return };
    for id in audience(shard, address).into_iter().filter(|id| *id != to) {
        let Some(available) = shard.sessions.get(&id).and_then(|s| s.presence.as_ref()) else { continue };
        if is_kept_apart(shard, &available.stanza, to) {
            continue;
        }
        let mut copy = available.stanza.clone();
        copy.head.to = Some((*jid).clone());
        shard.send(to, &copy, What::Stanza, None);
    }
}

/// Shows a person's sessions to a contact, or takes them out of sight, because a subscription has changed.
pub(crate) fn show(shard: &mut Shard, own: &Bare, contact: &Bare, available: bool) {
    show_to(shard, own, &contact.jid(), available);
}

/// The same, to somebody or to one of their resources.
pub(crate) fn show_to(shard: &mut Shard, own: &Bare, to: &Jid<'_>, available: bool) {
    for id in audience(shard, own) {
        let Some(session) = shard.sessions.get(&id) else { continue };
        let mut stanza = match &session.presence {
            Some(told) if available => told.stanza.clone(),
            _ => Stanza::new(Kind::Presence(PresenceType::Unavailable)),
        };
        stanza.head.from = Some((*session.jid).clone());
        stanza.head.to = Some(to.borrow().into_owned());
        shard.route(Origin::SERVER, stanza);
    }
}

/// Takes a session out of the sight of somebody to whom it sent presence directly.
pub(crate) fn leave_directed(shard: &mut Shard, session: SessionId, to: Jid<'static>) {
    let Some(session) = shard.sessions.get(&session) else { return };
    let mut stanza = Stanza::new(Kind::Presence(PresenceType::Unavailable));
    stanza.head.from = Some((*session.jid).clone());
    stanza.head.to = Some(to);
    shard.route(Origin::SERVER, stanza);
}

/// Whether the author of presence and a session do not hear each other (XEP-0191).
fn is_kept_apart(shard: &Shard, presence: &Stanza<'_>, session: SessionId) -> bool {
    let (Some(from), Some(to)) = (&presence.head.from, shard.sessions.get(&session)) else { return false };
    blocking::apart(shard, from, &to.jid)
}

/// Whether somebody may see a person's presence; `None` if the person's contacts must be read first.
pub(crate) fn may_see(shard: &Shard, person: &Bare, other: &Bare) -> Option<bool> {
    if person == other { Some(true) } else { audience::admits(shard, person, other) }
}

/// Whether somebody may see a person's presence always, and not only because both are on one link: they may also hear how
/// it was before. `None` if the person's contacts must be read first.
pub(crate) fn is_subscribed(shard: &Shard, person: &Bare, other: &Bare) -> Option<bool> {
    let roster = || shard.accounts.get(person)?.roster.as_ref();
    if person == other { Some(true) } else { Some(roster()?.registers(other).has(Registers::FROM)) }
}

/// Section 4.6.3: remembers to whom a session sends presence directly.
///
/// # Errors
/// If these are too many.
pub(crate) fn note_directed(shard: &mut Shard, origin: Origin, stanza: &Stanza<'_>) -> Result<(), StanzaError> {
    let (Some(session), Some(to)) = (shard.sessions.get_mut(&origin.session), &stanza.head.to) else { return Ok(()) };
    match stanza.head.kind {
        Kind::Presence(PresenceType::Available) if !session.directed.contains(to) => {
            if session.directed.len() >= DIRECTED_PRESENCE_MAX {
                let text = "Presence went to too many addresses in this session.";
                return Err(StanzaError::new(Condition::ResourceConstraint, text));
            }
            session.directed.insert(to.borrow().into_owned());
        }
        Kind::Presence(PresenceType::Unavailable) => {
            session.directed.remove(&to.borrow().into_owned());
        }
        _ => {}
    }
    Ok(())
}

/// Presence for a person: to the resource it names, or to all that are available (sections 8.5.2.1.2, 8.5.3.1 and
/// 8.5.3.2.2). A subscription or a probe is the server's to handle; the person's contacts have been read then.
pub(crate) fn deliver(
    shard: &mut Shard,
    address: &Bare,
    origin: Origin,
    kind: PresenceType,
    stanza: Stanza<'_>,
) -> Fate {
    if let Some(verb) = Verb::of(kind) {
        return subscription::inbound(shard, address, origin, verb, stanza);
    }
    if kind == PresenceType::Probe {
        probe(shard, address, origin, &stanza);
        return Fate::Done;
    }
    let mut stanza = stanza;
    if !in_reach::passes(shard, address, &mut stanza) {
        return Fate::Done;
    }
    let sessions = match stanza.head.to.as_ref().and_then(|to| to.resource()) {
        Some(resource) => shard.resource(address, resource).into_iter().collect(),
        None => audience(shard, address),
    };
    for session in sessions {
        shard.send(session, &stanza, What::Stanza, None);
    }
    Fate::Done
}

/// Section 4.3.2: somebody asks who of a person is there.
fn probe(shard: &mut Shard, address: &Bare, origin: Origin, stanza: &Stanza<'_>) {
    let Some(asker) = &stanza.head.from else { return };
    let bare = Bare::of(asker);
    if may_see(shard, address, &bare) != Some(true) {
        return deny(shard, address, origin, &bare);
    }
    let there = audience(shard, address);
    let mut answers: Vec<_> = there
        .iter()
        .filter_map(|id| shard.sessions.get(id)?.presence.as_ref())
        .map(|available| available.stanza.clone())
        .collect();
    if answers.is_empty() {
        let mut gone = Stanza::new(Kind::Presence(PresenceType::Unavailable));
        gone.head.from = Some(address.jid().into_owned());
        answers.push(gone);
    }
    for mut answer in answers {
        answer.head.to = Some(asker.borrow().into_owned());
        if origin.peer().is_some() {
            shard.reply(origin, &answer, None);
        } else {
            shard.route(Origin::SERVER, answer);
        }
    }
}

/// Tells somebody that they see nothing of a person, whether there is such a person or not (attack case D14). For a person
/// who has another device that is not ours to say.
fn deny(shard: &mut Shard, address: &Bare, origin: Origin, asker: &Bare) {
    if shard.is_shared(address) {
        return;
    }
    let believes = shard.accounts.get(asker).and_then(|a| a.roster.as_ref());
    if believes.is_some_and(|roster| roster.registers(address).has(Registers::TO)) {
        return subscription::say(shard, address, asker, Verb::Unsubscribed);
    }
    // Appendix A has who holds no subscription hear of no end of it; but this one asked.
    let mut answer = Stanza::new(Kind::Presence(PresenceType::Unsubscribed));
    answer.head.from = Some(address.jid().into_owned());
    answer.head.to = Some(asker.jid().into_owned());
    if origin.peer().is_some() {
        shard.reply(origin, &answer, None);
    } else {
        shard.send(origin.session, &answer, What::Stanza, None);
    }
}

/// Presence for an account that does not exist or cannot be read (section 8.5.1): a probe is denied, the rest is nothing.
pub(crate) fn refused(shard: &mut Shard, origin: Origin, stanza: &Stanza<'_>, error: &StanzaError) {
    let lasting = matches!(stanza.head.kind, Kind::Presence(kind) if Verb::of(kind).is_some());
    match (&stanza.head.to, &stanza.head.from) {
        (Some(to), Some(from))
            if stanza.head.kind == Kind::Presence(PresenceType::Probe)
            // Where there is no room or no store now, nothing is known; a denial would end the subscription.
            && error.condition == Condition::ServiceUnavailable =>
        {
            deny(shard, &Bare::of(to), origin, &Bare::of(from));
        }
        // It would have been kept: its author may say it again.
        _ if lasting && error.condition != Condition::ServiceUnavailable => shard.bounce(origin, stanza, error),
        _ => {}
    }
}

/// Those of an account's sessions that are available.
fn audience(shard: &Shard, address: &Bare) -> SmallVec<[SessionId; 4]> {
    shard.sessions_of(address, |session| session.presence.is_some())
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
