//! Design, section 7: whom one account's contact list shows of people in reach, as a value: it takes what is so, and gives
//! what changes in the list.
//!
//! A list has room for some: who talks with the person first, then the nearer circle, in it who has written to them. Who is
//! as near as those in the list waits until there is room; so in a crowd nobody comes and goes. Who leaves stays a moment.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use base::limits::{CHAT_OPEN_TIME, IN_REACH_LINGER_TIME, IN_REACH_LINGERING_MAX};
use base::{Bare, Circle, Time};
use wire::Xml;

use super::names::{self, Look};
use crate::ns;
use crate::speech::Language;

/// Somebody who may be in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    /// Clean.
    pub(crate) name: String,
    pub(crate) circle: Circle,
    /// Whether a gateway found them: nobody has proved who they are.
    pub(crate) gateway: bool,
    /// A number that is higher for who came later.
    pub(crate) came: u64,
}

/// Somebody in a list.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) who: Who,
    look: Look,
    /// How many words tell them from others of their name. It never becomes less.
    words: usize,
    /// What suffixes of one word, two words and so on look like, as far as it was asked: it takes long to find out.
    suffixes: Vec<Look>,
    /// When one of a chat spoke last.
    spoke: Option<Time>,
    /// When they wrote last, without an answer.
    asked: Option<Time>,
    left: Option<Time>,
}

/// What a client must be told about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It is in the list from now on.
    New,
    /// Its name is another one.
    Renamed,
    /// It is in the list no more.
    Gone,
}

/// What has just passed between somebody and the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Nothing.
    None,
    /// A stranger's, who is not answered: anybody can say them, under as many names as they like.
    Strange,
    /// Those of a chat.
    Chat,
}

/// How near somebody is: the nearest is the least. Who is less takes the place of who is more.
type Nearness = (bool, Circle, bool);

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct List {
    room: usize,
    people: BTreeMap<Bare, Person>,
    /// What the names of the account's contacts look like, in order; once somebody is to be shown beside them.
    contacts: Option<Vec<Look>>,
    news: BTreeMap<Bare, News>,
    /// Whether somebody was not taken in or had to go.
    more: bool,
}

impl Person {
    fn new(who: Who) -> Person {
        let look = Look::of(&who.name);
        Person { who, look, words: 0, suffixes: Vec::new(), spoke: None, asked: None, left: None }
    }

    /// What so many words (one at least) behind the name look like.
    fn suffix_look(&mut self, address: &Bare, words: usize) -> Look {
        for words in self.suffixes.len() + 1..=words {
            self.suffixes.push(Look::of(&names::suffix(address, self.who.gateway, words)));
        }
        self.suffixes[words - 1]
    }

    /// The name without a mark: with what tells it from others.
    pub(crate) fn plain_name(&self, address: &Bare) -> String {
        match self.words {
            0 => self.who.name.clone(),
            words => {
                let suffix = names::suffix(address, self.who.gateway, words);
                format!("{}{}{suffix}", self.who.name, names::SEPARATOR)
            }
        }
    }

    /// The name as the list has it: whoever is not verified is marked.
    pub(crate) fn name(&self, address: &Bare, language: Language) -> String {
        let name = self.plain_name(address);
        match self.who.circle {
            Circle::Green => name,
            Circle::Yellow | Circle::Red => format!("{name} ({})", language.not_verified()),
        }
    }

    /// As the roster and a push have it (RFC 6121 section 2.1.2).
    pub(crate) fn write_xml(&self, address: &Bare, language: Language, xml: &mut Xml<'_>) {
        xml.open("item", ns::ROSTER).attr("jid", address.as_str()).attr("name", self.name(address, language));
        xml.attr("subscription", "both").leaf("group", ns::ROSTER, language.in_reach()).close();
    }

    /// Whether they and the person have written to each other just now.
    pub(crate) fn is_open(&self, now: Time) -> bool {
        self.spoke.is_some_and(|spoke| now < spoke + CHAT_OPEN_TIME)
    }

    /// Whether they are in reach.
    pub(crate) fn is_here(&self) -> bool {
        self.left.is_none()
    }

    fn note(&mut self, now: Time, words: Words) {
        match words {
            Words::None => {}
            Words::Strange => self.asked = Some(now),
            Words::Chat => self.spoke = Some(now),
        }
    }

    fn nearness(&self, now: Time) -> Nearness {
        let asks = self.asked.is_some_and(|asked| now < asked + CHAT_OPEN_TIME);
        (!self.is_open(now), self.who.circle, !asks)
    }

    fn rank(&self, now: Time) -> impl Ord + use<> {
        (self.nearness(now), Reverse(self.who.came))
    }

    /// When somebody who has left goes out of the list.
    fn goes_at(&self) -> Option<Time> {
        let left = self.left? + IN_REACH_LINGER_TIME;
        Some(self.spoke.map_or(left, |spoke| left.max(spoke + CHAT_OPEN_TIME)))
    }
}

impl Who {
    /// In which order people are taken in: the least first.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        (self.circle, Reverse(self.came))
    }
}

impl List {
    /// An empty one with room for so many.
    pub(crate) fn new(room: usize) -> List {
        List { room, people: BTreeMap::new(), contacts: None, news: BTreeMap::new(), more: false }
    }

    /// The same people, with room for so many, whose names stay.
    pub(crate) fn with_room(&self, room: usize) -> List {
        List { room, ..self.clone() }
    }

    /// Whether it must know the contacts' names before anybody is taken in.
    pub(crate) fn needs_contacts(&self) -> bool {
        self.contacts.is_none()
    }

    /// The names of the contacts.
    pub(crate) fn learn_contacts(&mut self, looks: impl Iterator<Item = Look>) {
        let mut looks: Vec<Look> = looks.collect();
        looks.sort_unstable();
        self.contacts = Some(looks);
    }

    /// A contact has another name: it comes, or goes, or changes.
    pub(crate) fn rename_contact(&mut self, before: Option<Look>, after: Option<Look>) {
        let Some(contacts) = self.contacts.as_mut().filter(|_| before != after) else { return };
        if let Some(at) = before.and_then(|look| contacts.binary_search(&look).ok()) {
            contacts.remove(at);
        }
        if let Some(look) = after {
            contacts.insert(contacts.partition_point(|known| *known < look), look);
            self.tell_apart(look);
        }
    }

    /// Somebody is in reach, or is another one than before, and has just said this. Whether they are in the list.
    pub(crate) fn offer(&mut self, now: Time, address: &Bare, who: Who, words: Words) -> bool {
        if self.people.contains_key(address) {
            self.change(now, address, who, words);
            return true;
        }
        let mut person = Person::new(who);
        person.note(now, words);
        let here = self.people.iter().filter(|(_, person)| person.is_here());
        if here.clone().count() >= self.room {
            self.more = true;
            let last = here.max_by_key(|(_, person)| person.rank(now));
            let Some((last, nearness)) = last.map(|(address, last)| (address.clone(), last.nearness(now))) else {
                return false;
            };
            if person.nearness(now) >= nearness {
                return false;
            }
            self.remove(&last);
        }
        let look = person.look;
        self.people.insert(address.clone(), person);
        self.news.insert(address.clone(), News::New);
        self.tell_apart(look);
        true
    }

    /// Somebody in the list is in reach: still or again, perhaps with another name or in another circle.
    fn change(&mut self, now: Time, address: &Bare, who: Who, words: Words) {
        let Some(person) = self.people.get_mut(address) else { return };
        let renamed = person.who.name != who.name;
        let marked = (person.who.circle == Circle::Green) != (who.circle == Circle::Green);
        person.left = None;
        person.who = who;
        person.note(now, words);
        if renamed {
            (person.look, person.words) = (Look::of(&person.who.name), 0);
        }
        if renamed || marked {
            self.news.entry(address.clone()).or_insert(News::Renamed);
        }
        if renamed {
            let look = person.look;
            self.tell_apart(look);
        }
    }

    /// Something passes between somebody in the list and the person; whether a chat is open from now on.
    pub(crate) fn speak(&mut self, now: Time, address: &Bare, words: Words) -> bool {
        let Some(person) = self.people.get_mut(address) else { return false };
        let was_open = person.is_open(now);
        person.note(now, words);
        !was_open && person.is_open(now)
    }

    /// Somebody is in reach no more, and may be back in a moment.
    pub(crate) fn leave(&mut self, now: Time, address: &Bare) {
        let Some(person) = self.people.get_mut(address).filter(|person| person.is_here()) else { return };
        person.left = Some(now);
        let lingering = || self.people.iter().filter(|(_, person)| !person.is_here());
        if lingering().count() > IN_REACH_LINGERING_MAX {
            let first = lingering().min_by_key(|(_, person)| (person.goes_at(), Reverse(person.who.came)));
            if let Some(first) = first.map(|(address, _)| address.clone()) {
                self.remove(&first);
            }
        }
    }

    /// Somebody is not to be in the list, at once.
    pub(crate) fn remove(&mut self, address: &Bare) {
        if self.people.remove(address).is_some() {
            self.news.insert(address.clone(), News::Gone);
        }
    }

    /// The same, whether the list has them or a client only believes so.
    pub(crate) fn retract(&mut self, address: &Bare) {
        self.people.remove(address);
        self.news.insert(address.clone(), News::Gone);
    }

    /// Somebody is a contact now: the address stays in the client's list as what it is there.
    pub(crate) fn hand_over(&mut self, address: &Bare) {
        self.people.remove(address);
        self.news.remove(address);
    }

    /// Time goes by: who has left long enough ago goes.
    pub(crate) fn pass(&mut self, now: Time) {
        let due = |person: &Person| person.goes_at().is_some_and(|at| at <= now);
        let gone: Vec<Bare> = self.people.iter().filter(|(_, p)| due(p)).map(|(address, _)| address.clone()).collect();
        gone.iter().for_each(|address| self.remove(address));
    }

    /// When [`List::pass`] has something to do.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        self.people.values().filter_map(Person::goes_at).min()
    }

    /// Whether somebody may be in reach for whom there is room now. Asked once, it is `false` until that is so again.
    pub(crate) fn take_hunger(&mut self) -> bool {
        let hungry = self.more && self.people.values().filter(|person| person.is_here()).count() < self.room;
        self.more &= !hungry;
        hungry
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_news(&mut self) -> BTreeMap<Bare, News> {
        std::mem::take(&mut self.news)
    }

    /// Somebody in the list.
    pub(crate) fn get(&self, address: &str) -> Option<&Person> {
        self.people.get(address)
    }

    /// All in the list, by address.
    pub(crate) fn people(&self) -> impl Iterator<Item = (&Bare, &Person)> {
        self.people.iter()
    }

    /// All in the list, the nearest first.
    pub(crate) fn in_order(&self, now: Time) -> Vec<(&Bare, &Person)> {
        let mut people: Vec<_> = self.people.iter().collect();
        people.sort_by_key(|(_, person)| person.rank(now));
        people
    }

    /// A digest of what a client with this language has of the list; `None` if it has nothing.
    pub(crate) fn version(&self, language: Language) -> Option<u64> {
        let names: Vec<String> =
            self.people.iter().flat_map(|(jid, p)| [jid.as_str().to_owned(), p.name(jid, language)]).collect();
        let group = Some(language.in_reach()).filter(|_| !names.is_empty());
        group.map(|group| names::digest(std::iter::once(group).chain(names.iter().map(String::as_str))))
    }

    /// Sees to it that no two names look the same, of those that look like this.
    fn tell_apart(&mut self, look: Look) {
        let mut alike: Vec<_> = self.people.iter_mut().filter(|(_, person)| person.look == look).collect();
        let is_contact = self.contacts.as_ref().is_some_and(|contacts| contacts.binary_search(&look).is_ok());
        if !is_contact && alike.len() < 2 {
            return;
        }
        let mut suffixes = |words: usize| {
            let mut found: Vec<Look> = alike
                .iter_mut()
                .map(|(address, person)| person.suffix_look(address, words.max(person.words)))
                .collect();
            found.sort_unstable();
            found
        };
        // A domain has six words at most; with one more it is the whole address.
        let words = (1..7).find(|words| suffixes(*words).is_sorted_by(|a, b| a < b)).unwrap_or(7);
        for (address, person) in alike.into_iter().filter(|(_, person)| person.words < words) {
            person.words = words;
            self.news.entry(address.clone()).or_insert(News::Renamed);
        }
    }
}

#[cfg(test)]
mod tests;
