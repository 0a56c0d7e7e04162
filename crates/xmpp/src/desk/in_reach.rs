//! Design, section 7: people in reach stand in an ordinary client's contact list without being contacts (RFC 6121 section 2
//! has the words for it: items and pushes).
//!
//! Who is in reach is known once, for all accounts; who of them an account's list shows is in [`list`], while a client of it
//! wants its contacts, and not longer. What clients are told of that is in [`telling`], what they do with it in [`wishes`].

mod list;
mod names;
mod remembered;
mod telling;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};

use base::ledger::RecordKind;
use base::limits::{GATEWAY_NEIGHBOURS_MAX, IN_REACH_SHOWN_MAX, IN_REACH_TOLD_MAX};
use base::{Bare, Circle, Jid, SessionId, Ticket, Time};

use self::list::{List, Who, Words};
use self::names::Look;
use crate::contacts::Item;
use crate::desk::near;
use crate::shard::{After, Shard};

pub(crate) use self::remembered::Remembered;
pub(crate) use self::telling::{due, introduce, joins, passes, settle, version};
pub(crate) use self::wishes::{contact_changed, heard, set, wrote};

/// Who is in reach, and what the lists of the accounts make of it.
#[derive(Default)]
pub(crate) struct Neighbours {
    /// On links, each with a number that is higher for who came later.
    link: BTreeMap<Bare, u64>,
    /// Of one account each, found by a gateway, with the name that they give themselves.
    gateway: BTreeMap<Bare, BTreeMap<Bare, (String, u64)>>,
    next: u64,
    /// Of accounts with a client that wants its contacts.
    lists: BTreeMap<Bare, List>,
    /// Clients that have just read the list.
    newcomers: Vec<SessionId>,
    /// Accounts that were shown somebody new, which is not written yet.
    unwritten: BTreeSet<Bare>,
    /// Accounts whose list has news that are told when the input at hand is done.
    untold: BTreeSet<Bare>,
    /// When [`due`] is.
    due: Option<Time>,
}

/// Somebody in reach, for who asks in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) address: Bare,
    /// As the list has it, but for the mark of who is not verified.
    pub(crate) name: String,
    pub(crate) circle: Circle,
    /// Whether a gateway found them: then nobody knows who they are.
    pub(crate) bonjour: bool,
}

// --- who is in reach -------------------------------------------------------------------------------------------------

/// Somebody is in reach on a link.
pub(crate) fn came(shard: &mut Shard, other: &Bare) {
    let number = shard.neighbours.next;
    if shard.neighbours.link.contains_key(other) {
        return;
    }
    shard.neighbours.link.insert(other.clone(), number);
    shard.neighbours.next += 1;
    for own in shard.neighbours.lists.keys().cloned().collect::<Vec<_>>() {
        look(shard, &own, other);
        // Their own node says who is there as soon as the link is up.
        telling::publish(shard, &own, telling::Ask::Nobody, None);
    }
}

/// Nothing of somebody is in reach any more.
pub(crate) fn went(shard: &mut Shard, other: &Bare) {
    if shard.neighbours.link.remove(other).is_none() {
        return;
    }
    let now = shard.now.mono;
    for own in shard.neighbours.lists.keys().cloned().collect::<Vec<_>>() {
        if let Some(list) = shard.neighbours.lists.get_mut(&own) {
            list.leave(now, other);
        }
        telling::publish(shard, &own, telling::Ask::Those, None);
    }
}

/// A gateway has found somebody for one account, or they call themselves otherwise. Those beyond
/// [`GATEWAY_NEIGHBOURS_MAX`] are not seen.
pub(crate) fn appear(shard: &mut Shard, own: &Bare, other: &Bare, name: &str) {
    let name = match names::clean(name) {
        empty if empty.is_empty() => names::clean(other.jid().local().unwrap_or_default()),
        name => name,
    };
    let number = shard.neighbours.next;
    let found = shard.neighbours.gateway.entry(own.clone()).or_default();
    if let Some(known) = found.get_mut(other) {
        known.0 = name;
    } else if found.len() < GATEWAY_NEIGHBOURS_MAX {
        found.insert(other.clone(), (name, number));
        shard.neighbours.next += 1;
    } else {
        return;
    }
    look(shard, own, other);
    telling::publish(shard, own, telling::Ask::Nobody, None);
}

/// A gateway does not find somebody any more.
pub(crate) fn vanish(shard: &mut Shard, own: &Bare, other: &Bare) {
    let Some(found) = shard.neighbours.gateway.get_mut(own) else { return };
    found.remove(other);
    if found.is_empty() {
        shard.neighbours.gateway.remove(own);
    }
    let now = shard.now.mono;
    if let Some(list) = shard.neighbours.lists.get_mut(own) {
        list.leave(now, other);
    }
    telling::publish(shard, own, telling::Ask::Those, None);
}

/// There is no such account any more: what a gateway has found for it is nobody's, and whom it was shown is not written.
pub(crate) fn forget(shard: &mut Shard, own: &Bare) {
    shard.neighbours.gateway.remove(own);
    shard.neighbours.unwritten.remove(own);
}

/// A session has ended: an account without one that wants its contacts has no list.
pub(crate) fn session_ended(shard: &mut Shard, own: &Bare) {
    if shard.neighbours.lists.contains_key(own) && shard.sessions_of(own, |session| session.interested).is_empty() {
        shard.neighbours.lists.remove(own);
    }
}

/// Others are served here than before.
pub(crate) fn hosts_changed(shard: &mut Shard) {
    for own in shard.neighbours.lists.keys().cloned().collect::<Vec<_>>() {
        judge(shard, &own);
    }
}

// --- whom an account is shown ----------------------------------------------------------------------------------------

/// Somebody's circle may be another one for this account.
pub(crate) fn judge_one(shard: &mut Shard, own: &Bare, other: &Bare) {
    look(shard, own, other);
    telling::publish(shard, own, telling::Ask::Those, None);
}

/// Circles, the audience, contacts or blocked ones of an account have changed: its list is worked out anew.
pub(crate) fn judge(shard: &mut Shard, own: &Bare) {
    let Some(list) = shard.neighbours.lists.get(own) else { return };
    let shown: Vec<Bare> = list.people().map(|(address, _)| address.clone()).collect();
    shown.iter().for_each(|other| look(shard, own, other));
    fill(shard, own);
    telling::publish(shard, own, telling::Ask::Those, None);
}

/// Takes somebody into an account's list, or out of it, or leaves them there under another name.
fn look(shard: &mut Shard, own: &Bare, other: &Bare) {
    if let Some(who) = who(shard, own, other) {
        offer(shard, own, other, who, Words::None);
        return;
    }
    let is_unwanted = is_unwanted(shard, own, other);
    let Some(list) = shard.neighbours.lists.get_mut(own) else { return };
    // Who has left and may be back stays.
    if is_unwanted || list.get(other.as_str()).is_some_and(list::Person::is_here) {
        list.remove(other);
    }
}

/// Offers somebody, who has just said this, to an account's list; whether it shows them.
fn offer(shard: &mut Shard, own: &Bare, other: &Bare, who: Who, words: Words) -> bool {
    let now = shard.now.mono;
    let roster = shard.accounts.get(own).and_then(|account| account.roster.as_ref());
    let (Some(list), Some(roster)) = (shard.neighbours.lists.get_mut(own), roster) else { return false };
    if list.needs_contacts() {
        list.learn_contacts(roster.items.iter().map(|(address, item)| contact_look(address, item)));
    }
    list.offer(now, other, who, words)
}

/// Takes those into an account's list who are in reach and not in it, the nearest first, while there is room.
fn fill(shard: &mut Shard, own: &Bare) {
    let Some(list) = shard.neighbours.lists.get(own) else { return };
    let others = everybody(shard, own).filter(|other| list.get(other.as_str()).is_none());
    let mut found: Vec<(Bare, Who)> =
        others.filter_map(|other| Some((other.clone(), who(shard, own, other)?))).collect();
    found.sort_by_key(|(_, who)| who.rank());
    for (other, who) in found {
        // Whoever comes behind somebody who is not taken is not taken either.
        if !offer(shard, own, &other, who, Words::None) {
            return;
        }
    }
}

/// All in reach of whom an account may hear.
fn everybody<'a>(shard: &'a Shard, own: &Bare) -> impl Iterator<Item = &'a Bare> {
    let found = shard.neighbours.gateway.get(own).into_iter().flat_map(BTreeMap::keys);
    shard.neighbours.link.keys().chain(found)
}

/// What an account's list may say of somebody; `None` if it is not to show them.
fn who(shard: &Shard, own: &Bare, other: &Bare) -> Option<Who> {
    let found = shard.neighbours.gateway.get(own).and_then(|found| found.get(other));
    let who = match (shard.neighbours.link.get(other), found) {
        (Some(came), _) if !shard.serves(&other.jid()) => {
            let name = names::clean(other.jid().local().unwrap_or_default());
            Who { name, circle: shard.circles.of(own, other), gateway: false, came: *came }
        }
        (_, Some((name, came))) => Who { name: name.clone(), circle: Circle::Red, gateway: true, came: *came },
        (_, None) => return None,
    };
    let account = shard.accounts.get(own)?;
    let is_admitted = account.roster.is_some() && account.audience.admits(who.circle);
    (is_admitted && !is_unwanted(shard, own, other)).then_some(who)
}

/// Whether somebody is no neighbour for an account, in reach or not: a contact, blocked, or hidden.
fn is_unwanted(shard: &Shard, own: &Bare, other: &Bare) -> bool {
    let Some(account) = shard.accounts.get(own) else { return false };
    is_contact(shard, own, other) || account.blocked.matches(&other.jid()) || account.remembered.hides(other.as_str())
}

/// Whether somebody is in the stored contact list of an account, which has been read.
pub(crate) fn is_contact(shard: &Shard, own: &Bare, other: &Bare) -> bool {
    let roster = shard.accounts.get(own).and_then(|account| account.roster.as_ref());
    roster.is_some_and(|roster| roster.items.contains_key(other))
}

/// What a contact's name looks like: clients show the local part of who has none.
fn contact_look(address: &Bare, item: &Item) -> Look {
    let jid = address.jid();
    Look::of(item.name().or(jid.local()).unwrap_or(address.as_str()))
}

/// Whether an address is somebody who may stand in a list without being a contact.
fn is_neighbour(shard: &Shard, own: &Bare, other: &Jid<'_>) -> bool {
    let bare = other.bare();
    let is_found = || shard.neighbours.gateway.get(own).is_some_and(|found| found.contains_key(bare));
    (shard.neighbours.link.contains_key(bare) && !shard.serves(other)) || is_found()
}

// --- for who asks in words -------------------------------------------------------------------------------------------

/// Who is in reach of an account, in the order of its list and beyond it: at most [`IN_REACH_TOLD_MAX`]. Nobody, if the
/// account's contacts have not been read.
pub(crate) fn shown(shard: &mut Shard, own: &Bare) -> Vec<Shown> {
    let kept = shard.neighbours.lists.remove(own);
    let list = kept.as_ref().unwrap_or(&List::new(IN_REACH_SHOWN_MAX)).with_room(IN_REACH_TOLD_MAX);
    shard.neighbours.lists.insert(own.clone(), list);
    fill(shard, own);
    let list = shard.neighbours.lists.remove(own);
    shard.neighbours.lists.extend(kept.map(|kept| (own.clone(), kept)));
    let order = list.iter().flat_map(|list| list.in_order(shard.now.mono));
    let here = order.filter(|(_, person)| person.is_here());
    let tell = |(address, person): (&Bare, &list::Person)| Shown {
        address: address.clone(),
        name: person.plain_name(address),
        circle: person.who.circle,
        bonjour: person.who.gateway,
    };
    here.map(tell).collect()
}

/// What somebody is called by an account's list, if it shows them or has them as a contact. Who is not in it may be called
/// like somebody who is.
pub(crate) fn name(shard: &mut Shard, own: &Bare, other: &Bare) -> Option<String> {
    let roster = shard.accounts.get(own).and_then(|account| account.roster.as_ref());
    if let Some(item) = roster.and_then(|roster| roster.items.get(other)) {
        return Some(contact_name(other, item));
    }
    match shard.neighbours.lists.get(own) {
        Some(list) => list.get(other.as_str()).map(|person| person.plain_name(other)),
        None => shown(shard, own).into_iter().find(|shown| shown.address == *other).map(|shown| shown.name),
    }
}

/// How many are in reach of an account, its contacts among them.
pub(crate) fn count(shard: &Shard, own: &Bare) -> usize {
    let Some(account) = shard.accounts.get(own) else { return 0 };
    let is_near = |other: &&Bare, circle: Circle| {
        let is_contact = || account.roster.as_ref().is_some_and(|roster| roster.items.contains_key(*other));
        !account.blocked.matches(&other.jid())
            && (is_contact() || (account.audience.admits(circle) && !account.remembered.hides(other.as_str())))
    };
    let linked = shard.neighbours.link.keys().filter(|other| !shard.serves(&other.jid()));
    let found = shard.neighbours.gateway.get(own).into_iter().flat_map(BTreeMap::keys);
    linked.filter(|other| is_near(other, shard.circles.of(own, other))).count()
        + found.filter(|other| is_near(other, Circle::Red)).count()
}

/// The contacts of an account who are in reach, with their names.
pub(crate) fn contacts(shard: &Shard, own: &Bare) -> Vec<(Bare, String)> {
    let Some(account) = shard.accounts.get(own) else { return Vec::new() };
    let Some(roster) = &account.roster else { return Vec::new() };
    let is_near = |other: &&Bare| !shard.serves(&other.jid()) && !account.blocked.matches(&other.jid());
    let named = |other: &Bare| {
        let item = roster.items.get(other)?;
        Some((other.clone(), contact_name(other, item)))
    };
    everybody(shard, own).filter(is_near).filter_map(named).collect()
}

/// What a contact is called.
fn contact_name(other: &Bare, item: &Item) -> String {
    let jid = other.jid();
    let name = item.name().or(jid.local()).map(names::clean).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| other.to_string())
}

/// The person does not want to see somebody in the list. Their account has been read. A contact stays: nothing is done.
pub(crate) fn hide(shard: &mut Shard, own: &Bare, other: &Bare) -> Ticket {
    if is_contact(shard, own, other) {
        return shard.newest();
    }
    near::forget_answer(shard, own, other);
    let was_shown = shard.accounts.get(own).is_some_and(|account| account.remembered.was_shown(other));
    let ticket = note_hidden(shard, own, other);
    if let Some(list) = shard.neighbours.lists.get_mut(own)
        && (was_shown || list.get(other.as_str()).is_some())
    {
        list.retract(other);
    }
    telling::publish(shard, own, telling::Ask::Those, Some(ticket));
    ticket
}

/// The same, without a word to clients.
fn note_hidden(shard: &mut Shard, own: &Bare, other: &Bare) -> Ticket {
    let mut ticket = shard.put_record(own, RecordKind::Neighbour, &remembered::hidden_key(other), Some(Vec::new()));
    let account = shard.accounts.get_mut(own).expect("its record was written");
    let clock = account.row.as_ref().map_or(0, |row| row.clock);
    if let Some(first) = account.remembered.hide(other, clock) {
        ticket = shard.put_record(own, RecordKind::Neighbour, &remembered::hidden_key(&first), None);
    }
    shard.after(ticket, After::Distrust(own.clone()));
    ticket
}

/// The person wants to see somebody again. Their account has been read.
pub(crate) fn unhide(shard: &mut Shard, own: &Bare, other: &Bare) -> Ticket {
    let is_news = shard.accounts.get_mut(own).is_some_and(|account| account.remembered.unhide(other));
    if !is_news {
        return shard.newest();
    }
    let ticket = shard.put_record(own, RecordKind::Neighbour, &remembered::hidden_key(other), None);
    shard.after(ticket, After::Distrust(own.clone()));
    look(shard, own, other);
    telling::publish(shard, own, telling::Ask::Those, Some(ticket));
    ticket
}

#[cfg(test)]
mod tests;
