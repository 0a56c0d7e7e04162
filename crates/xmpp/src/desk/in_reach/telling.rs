//! RFC 6121 sections 2.1.6 and 2.6: what clients are told of people in reach: pushes, versions, who is not there any more, and
//! their presence, which follows the push.

use std::time::Duration;

use base::ledger::RecordKind;
use base::limits::IN_REACH_SHOWN_MAX;
use base::{Bare, SessionId, Ticket, Time};
use wire::{IqType, Kind, PresenceType, Stanza, Xml};

use super::list::{List, News, Person};
use super::{is_neighbour, remembered};
use crate::desk::{own_contact, post, roster};
use crate::ns;
use crate::session::What;
use crate::shard::{Due, Origin, Shard};
use crate::speech::Language;

/// How long it may wait to be written who was shown. Nobody waits for it, and a crash in this time leaves a ghost at worst.
const REMEMBER_DELAY: Duration = Duration::from_secs(1);

/// Whether those who are new in a list must be asked for their presence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// It comes by itself.
    Nobody,
    /// They may have said it before.
    Those,
}

/// Tells an account's clients what has changed in its list. `after`: what must be durable first, because the person has done
/// it.
pub(super) fn publish(shard: &mut Shard, own: &Bare, ask: Ask, after: Option<Ticket>) {
    own_contact::changed(shard);
    let Some(list) = shard.neighbours.lists.get_mut(own) else { return };
    if list.take_hunger() {
        super::fill(shard, own);
    }
    let Some(list) = shard.neighbours.lists.get_mut(own) else { return };
    let news = list.take_news();
    if let Some(at) = list.wake_at() {
        wake_at(shard, at);
    }
    let mut behind = news.len();
    for (address, news) in news {
        behind -= 1;
        match news {
            News::New => remember(shard, own, &address),
            News::Renamed | News::Gone => {}
        }
        for session in shard.sessions_of(own, |session| session.interested) {
            push(shard, own, session, &address, behind, after);
        }
        if news == News::New && ask == Ask::Those {
            ask_for(shard, own, &address, None);
        }
    }
}

/// Tells one session how an address stands; `behind` others are told after it.
fn push(shard: &mut Shard, own: &Bare, session: SessionId, other: &Bare, behind: usize, after: Option<Ticket>) {
    let Some((jid, language)) = shard.sessions.get(&session).map(|s| (s.jid.clone(), s.language)) else { return };
    let version = roster::push_version(shard, own, session, behind);
    let mut xml = Xml::new();
    xml.open("query", ns::ROSTER).attr("ver", &version);
    match shard.neighbours.lists.get(own).and_then(|list| list.get(other.as_str())) {
        Some(person) => person.write_xml(other, language, &mut xml),
        None => drop(xml.open("item", ns::ROSTER).attr("jid", other.as_str()).attr("subscription", "remove").close()),
    }
    let mut stanza = Stanza::new(Kind::Iq(IqType::Set)).with_inner(xml.finish());
    stanza.head.to = Some((*jid).clone());
    stanza.head.id = Some(shard.token().into());
    // What others do must not end a session that does not keep up.
    let what = if after.is_some() { What::Answer } else { What::Stanza };
    if let Some(to) = shard.sessions.get_mut(&session)
        && what == What::Stanza
        && !to.has_room_for(stanza.inner_len())
    {
        to.missed_push = true;
        return;
    }
    shard.send(session, &stanza, what, after);
}

/// The part of a roster's version that is about people in reach: nothing, while the list shows nobody.
pub(crate) fn version(shard: &Shard, own: &Bare, language: Language) -> String {
    let digest = shard.neighbours.lists.get(own).and_then(|list| list.version(language));
    digest.map_or_else(String::new, |digest| format!("-{digest:016x}"))
}

/// A session asks for the contacts, which have been read. Gives what stands behind them in the result.
pub(crate) fn joins(shard: &mut Shard, own: &Bare, session: SessionId) -> Vec<(Bare, Person)> {
    let Some(asks) = shard.sessions.get_mut(&session) else { return Vec::new() };
    (asks.interested, asks.missed_push) = (true, false);
    shard.neighbours.newcomers.push(session);
    if !shard.neighbours.lists.contains_key(own) {
        shard.neighbours.lists.insert(own.clone(), List::new(IN_REACH_SHOWN_MAX));
        super::fill(shard, own);
        let list = shard.neighbours.lists.get_mut(own);
        for (address, _) in list.map(List::take_news).unwrap_or_default() {
            remember(shard, own, &address);
        }
    }
    let list = shard.neighbours.lists.get(own);
    list.into_iter().flat_map(List::people).map(|(address, person)| (address.clone(), person.clone())).collect()
}

/// The input at hand is done: who has just read the list hears who of it is there, and who is in it no more.
pub(crate) fn settle(shard: &mut Shard) {
    for own in std::mem::take(&mut shard.neighbours.untold) {
        publish(shard, &own, Ask::Those, None);
    }
    for session in std::mem::take(&mut shard.neighbours.newcomers) {
        let Some(own) = shard.sessions.get(&session).map(|session| session.account.clone()) else { continue };
        for ghost in ghosts(shard, &own) {
            push(shard, &own, session, &ghost, 0, None);
        }
        if shard.sessions.get(&session).is_some_and(|session| session.presence.is_some()) {
            introduce(shard, &own, session);
        }
    }
}

/// Those whom a client of an account may still show. From now on they are forgotten.
fn ghosts(shard: &mut Shard, own: &Bare) -> Vec<Bare> {
    let (list, account) = (shard.neighbours.lists.get(own), shard.accounts.get_mut(own));
    let (Some(list), Some(account)) = (list, account) else { return Vec::new() };
    let mut ghosts = account.remembered.settle(|other| list.get(other.as_str()).is_some());
    if !ghosts.is_empty() {
        if let Some(roster) = &account.roster {
            ghosts.retain(|other| !roster.items.contains_key(other));
        }
        write_soon(shard, own);
    }
    ghosts
}

/// A session is available and wants the contacts: it learns who of those in the list is there.
pub(crate) fn introduce(shard: &mut Shard, own: &Bare, session: SessionId) {
    if !shard.sessions.get(&session).is_some_and(|session| session.interested) {
        return;
    }
    let Some(list) = shard.neighbours.lists.get(own) else { return };
    let here: Vec<Bare> = list.people().filter(|(_, p)| p.is_here()).map(|(address, _)| address.clone()).collect();
    here.iter().for_each(|other| ask_for(shard, own, other, Some(session)));
}

/// RFC 6121 section 4.3: asks whether somebody is there, for one session or for all that are available.
pub(super) fn ask_for(shard: &mut Shard, own: &Bare, other: &Bare, session: Option<SessionId>) {
    if shard.sessions_of(own, |session| session.presence.is_some()).is_empty() {
        return;
    }
    let full = session.and_then(|session| shard.sessions.get(&session)).map(|session| (*session.jid).clone());
    let mut probe = Stanza::new(Kind::Presence(PresenceType::Probe));
    probe.head.from = Some(full.unwrap_or_else(|| own.jid().into_owned()));
    probe.head.to = Some(other.jid().into_owned());
    match shard.devices_of(other) {
        devices if devices.is_empty() => drop(shard.route(Origin::SERVER, probe)),
        devices => post::tell(shard, own, &devices, &probe),
    }
}

/// Whether presence of somebody may go to an account's clients: of a neighbour only while the list shows them, and without
/// what would draw questions (XEP-0115, XEP-0153) until there is a chat. While no client wants a list, nobody is held back.
/// What somebody of another node who is no contact calls themselves (XEP-0172) is not believed: it could be a contact's name
/// (attack case D18).
pub(crate) fn passes(shard: &Shard, own: &Bare, stanza: &mut Stanza<'_>) -> bool {
    let Some(from) = &stanza.head.from else { return true };
    let roster = shard.accounts.get(own).and_then(|account| account.roster.as_ref());
    let is_contact = roster.is_some_and(|roster| roster.items.contains_key(from.bare()));
    // On one node people are told apart by their accounts.
    if is_contact || shard.serves(from) {
        return true;
    }
    let list = shard.neighbours.lists.get(own);
    let shown = list.and_then(|list| list.get(from.bare()));
    let is_near = shown.is_some() || is_neighbour(shard, own, from);
    let is_curious = is_near && !shown.is_some_and(|person| person.is_open(shard.now.mono));
    stanza.cut(|child| match (child.name(), child.namespace()) {
        ("nick", ns::NICK) => true,
        ("c", ns::CAPS) | ("x", ns::VCARD_UPDATE) => is_curious,
        _ => false,
    });
    !is_near || shown.is_some() || list.is_none()
}

/// A client may show somebody from now on, whatever happens.
fn remember(shard: &mut Shard, own: &Bare, other: &Bare) {
    let (Some(list), Some(account)) = (shard.neighbours.lists.get(own), shard.accounts.get_mut(own)) else { return };
    if account.remembered.show(other, |known| list.get(known.as_str()).is_some()) {
        write_soon(shard, own);
    }
}

pub(super) fn write_soon(shard: &mut Shard, own: &Bare) {
    shard.neighbours.unwritten.insert(own.clone());
    wake_at(shard, shard.now.mono + REMEMBER_DELAY);
}

/// Has [`due`] come at this time at the latest.
fn wake_at(shard: &mut Shard, at: Time) {
    let known = shard.neighbours.due;
    if known.is_none_or(|known| at < known) {
        known.map(|known| shard.due.remove(&(known, Due::InReach)));
        shard.due.insert((at, Due::InReach));
        shard.neighbours.due = Some(at);
    }
}

/// Who has left long enough ago goes out of the lists, and who was shown is written.
pub(crate) fn due(shard: &mut Shard) {
    shard.neighbours.due = None;
    let now = shard.now.mono;
    for own in shard.neighbours.lists.keys().cloned().collect::<Vec<_>>() {
        let Some(list) = shard.neighbours.lists.get_mut(&own) else { continue };
        list.pass(now);
        publish(shard, &own, Ask::Those, None);
    }
    for own in std::mem::take(&mut shard.neighbours.unwritten) {
        let wall = shard.now.wall;
        let Some(account) = shard.accounts.get_mut(&own).filter(|account| account.row.is_some()) else { continue };
        let value = account.remembered.shown_value();
        let record = account.record(RecordKind::Neighbour, remembered::SHOWN, value, wall);
        shard.write_alone(record);
    }
}
