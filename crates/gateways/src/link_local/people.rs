//! XEP-0174 sections 2 and 3: our people, as the link sees them. Each is an instance of their own, at one port.

use std::time::Duration;

use base::limits::NEARBY_NAMES_MAX;
use base::{Bare, Jid, Time};
use wire::Stanza;

use super::names::{own_instance, plain};
use super::txt::Shown;
use super::{Gateway, Output, Sighting};

/// How long we listen before we announce somebody: whoever has the name already is heard.
const LISTEN_FIRST: Duration = Duration::from_secs(1);

/// After so long without somebody else who has a name, it is as if there had never been one.
const CONFLICTS_KEPT: Duration = Duration::from_secs(3600);

/// A status is announced at most so often: each time is three packets to everybody.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(1);

/// One of our people who is announced, or is about to be.
pub(super) struct Person {
    pub(super) instance: String,
    shown: Shown,
    /// What was announced last.
    pub(super) announced: Option<Vec<(&'static str, String)>>,
    announced_at: Option<Time>,
    /// When there is something to announce.
    due: Option<Time>,
    /// How many names somebody else had.
    names: u32,
    /// How many of them lately, and when was the last.
    conflicts: u32,
    conflict_at: Time,
}

impl Person {
    /// When there is something to do.
    pub(super) fn due(&self) -> Option<Time> {
        self.due.into_iter().chain((self.conflicts > 0).then(|| self.conflict_at + CONFLICTS_KEPT)).min()
    }

    /// Whether every name was somebody else's.
    fn has_no_name(&self) -> bool {
        self.conflicts >= NEARBY_NAMES_MAX
    }
}

impl Gateway {
    /// A person is there, or shows something else of themselves.
    pub(super) fn come(&mut self, own: Bare, presence: &Stanza<'_>) {
        let jid = own.jid();
        let user = plain(jid.local().unwrap_or_default());
        let shown = Shown::of(presence, &user);
        if let Some(person) = self.people.get_mut(&own) {
            if person.shown != shown && !person.has_no_name() {
                let earliest = person.announced_at.map_or(self.now, |at| at + ANNOUNCE_EVERY);
                person.due = Some(person.due.unwrap_or(earliest.max(self.now)));
            }
            person.shown = shown;
            return;
        }
        if self.people.is_empty() {
            self.outputs.push_back(Output::Open(true));
        }
        let instance = self.free_instance(&user, 0);
        let due = Some(self.now + LISTEN_FIRST);
        let (conflicts, conflict_at) = (0, self.now);
        let person =
            Person { instance, shown, announced: None, announced_at: None, due, names: 0, conflicts, conflict_at };
        self.people.insert(own.clone(), person);
        self.show_all(&own.jid(), &own);
    }

    /// A person is not there any more, or does not want to be seen.
    pub(super) fn leave(&mut self, own: &Bare) {
        let Some(person) = self.people.remove(own) else { return };
        if person.announced.is_some() {
            self.outputs.push_back(Output::Withdraw { instance: person.instance });
        }
        self.hang_up(own);
        let seen: Vec<_> = self.peers.iter().filter(|(_, peer)| peer.alive).map(|(name, _)| name.clone()).collect();
        for instance in seen {
            self.tell_gone(own, &instance);
        }
        if self.people.is_empty() {
            let streams: Vec<_> = self.streams.keys().copied().collect();
            for stream in streams {
                self.streams.remove(&stream);
                self.close(stream);
            }
            self.peers.clear();
            self.locals.clear();
            self.asking.due = None;
            self.port = None;
            self.outputs.push_back(Output::Open(false));
        }
    }

    /// Tells one of our people, or one of their sessions, who is there.
    pub(super) fn show_all(&mut self, to: &Jid<'_>, own: &Bare) {
        if !self.people.contains_key(own) {
            return;
        }
        let seen: Vec<_> = self.peers.iter().filter(|(_, peer)| peer.alive).map(|(name, _)| name.clone()).collect();
        for instance in seen {
            self.tell_there(own, to, &instance);
        }
    }

    /// Tells one of our people, or one of their sessions, how somebody is who is there.
    pub(super) fn show_one(&mut self, to: &Jid<'_>, own: &Bare, local: &str) {
        let instance = self.locals.get(local).filter(|name| self.peers.get(*name).is_some_and(|peer| peer.alive));
        if let Some(instance) = instance.filter(|_| self.people.contains_key(own)).cloned() {
            self.tell_there(own, to, &instance);
        }
    }

    /// Announces what is due.
    pub(super) fn tick_people(&mut self) {
        let (Some(port), now) = (self.port, self.now) else { return };
        let quiet = |person: &&mut Person| person.conflicts > 0 && person.conflict_at + CONFLICTS_KEPT <= now;
        for person in self.people.values_mut().filter(quiet) {
            if person.has_no_name() {
                person.due = Some(now);
            }
            person.conflicts = 0;
        }
        for person in self.people.values_mut().filter(|person| person.due.is_some_and(|due| due <= now)) {
            person.due = None;
            let txt = person.shown.txt(port);
            if person.announced.as_ref() != Some(&txt) {
                person.announced = Some(txt.clone());
                person.announced_at = Some(now);
                self.outputs.push_back(Output::Announce { instance: person.instance.clone(), txt });
            }
        }
    }

    /// Whether somebody announces a name of ours. Then our person gets another one, so many times (attack case E05); DNS does
    /// not tell capitals.
    pub(super) fn contested(&mut self, sighting: &Sighting) -> bool {
        let same = |person: &Person| person.instance.eq_ignore_ascii_case(&sighting.instance);
        let Some(own) = self.people.iter().find(|(_, person)| same(person)).map(|(own, _)| own.clone()) else {
            return false;
        };
        let is_self = |address: &std::net::SocketAddr| {
            Some(address.port()) == self.port && self.own.iter().any(|own| own.ip == address.ip())
        };
        if sighting.addresses.iter().any(is_self) {
            return true;
        }
        if self.people.get(&own).is_none_or(Person::has_no_name) {
            return false;
        }
        let names = self.people.get(&own).map_or(0, |person| person.names.saturating_add(1));
        let instance = self.free_instance(&plain(own.jid().local().unwrap_or_default()), names);
        let Some(person) = self.people.get_mut(&own) else { return true };
        let old = std::mem::replace(&mut person.instance, instance);
        (person.names, person.conflicts, person.conflict_at) = (names, person.conflicts + 1, self.now);
        person.due = (!person.has_no_name()).then(|| self.now + LISTEN_FIRST);
        if person.announced.take().is_some() {
            self.outputs.push_back(Output::Withdraw { instance: old });
        }
        // It may well be somebody who was there before.
        false
    }

    /// A name that none of our people has, after so many that somebody else had: two domains of this computer can have a
    /// person of the same name.
    fn free_instance(&self, user: &str, names: u32) -> String {
        let has = |instance: &String| self.people.values().any(|person| person.instance.eq_ignore_ascii_case(instance));
        let mut all = (names..).map(|names| own_instance(user, &self.host, self.number(names)));
        all.find(|instance| !has(instance)).unwrap_or_default()
    }

    /// A number that tells a person from another of the same name: none, then one, as XEP-0174 has it; the next ones are
    /// hard to guess.
    fn number(&self, names: u32) -> u16 {
        let mixed = (self.salt ^ u64::from(names)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        if names < 2 { names as u16 } else { ((mixed >> 48) as u16).max(2) }
    }
}
