//! Design, sections 2 and 7 (D7, D9): what people on a link who are no contacts may say to an account.
//!
//! Whom the account's audience does not admit finds nobody there, and may leave one request, which is kept apart. Admitted
//! people of the green and yellow circle are heard like contacts. A stranger whom only the common link brings near may say
//! [`NEAR_MESSAGES_MAX`] short things until the account answers, and ask once in an hour to be a contact. Only for what
//! comes over links: on one node people are told apart by their accounts.
//!
//! The list of contacts is each laptop's own (until records are merged): who is a stranger here may be a contact on the
//! account's other laptop. What cannot be heard here is left to that one: nobody is told that it was refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::ledger::{Record, RecordKind};
use base::limits::{
    ANSWERED_MAX, APART_MAX, NEAR_BYTES_MAX, NEAR_CHARS_MAX, NEAR_CONTACTS_MAX, NEAR_HOUR_MAX, NEAR_MESSAGES_MAX,
    NEAR_PRESENCES_MAX, STRANGERS_MAX,
};
use base::{Bare, Circle, Jid, Time, Wall};
use wire::{Element, IqType, Kind, MessageType, PresenceType, Stanza};

use super::audience::{self, admits};
use super::subscription_states::Verb;
use crate::contacts::Registers;
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::router::Way;
use crate::shard::{Origin, Shard};

/// How long [`NEAR_HOUR_MAX`] has to do.
const HOUR: Duration = Duration::from_secs(3600);

/// How often a stranger's presence counts, beyond [`NEAR_PRESENCES_MAX`] at once.
const PRESENCE_EVERY: Duration = Duration::from_secs(1);

/// The keys of an account's records of neighbours: one of these, a space, an address.
const ANSWERED: &str = "answered";
const STRANGER: &str = "stranger";
const ASKS: &str = "asks";

/// What an account has heard of people who are no contacts, and said to them.
#[derive(Debug, Default)]
pub(crate) struct Near {
    /// Whom it has written to, and when it did first.
    answered: BTreeMap<Bare, Wall>,
    /// Who has written and has no answer: how often, and when last.
    strangers: BTreeMap<Bare, (u8, Wall)>,
    /// Who would be a contact, and is not admitted; and when they asked.
    asks: BTreeMap<Bare, Wall>,
    /// What strangers do in the present hour.
    hour: Hour,
    /// Whose presence is paced.
    paces: BTreeMap<Bare, Pace>,
    /// Of the contacts those who were heard lately: they need not be read again for each message.
    contacts: BTreeSet<Bare>,
}

/// What strangers do in an hour.
#[derive(Debug, Default)]
struct Hour {
    began: Time,
    /// Their messages, and requests to be a contact.
    said: u32,
    /// Who has asked to be one.
    asked: BTreeSet<Bare>,
}

/// How often a stranger's presence has counted.
#[derive(Debug)]
struct Pace {
    at: Time,
    /// How many more count now.
    left: u32,
    /// How many were passed on that they can take back.
    shown: u32,
}

impl Near {
    /// Takes it out of an account's records.
    pub(crate) fn from_records(records: &[Record]) -> Near {
        let mut near = Near::default();
        for record in records.iter().filter(|record| record.kind == RecordKind::Neighbour) {
            let Some((word, address)) = record.key.split_once(' ') else { continue };
            let value = record.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
            let (Ok(address), Some(value)) = (Bare::new(address), value) else { continue };
            match word {
                ANSWERED => drop(near.answered.insert(address, Wall(value.parse().unwrap_or(0)))),
                STRANGER => drop(near.strangers.insert(address, read_stranger(value))),
                ASKS => drop(near.asks.insert(address, Wall(value.parse().unwrap_or(0)))),
                // Other desks have words of their own.
                _ => {}
            }
        }
        near
    }

    /// Whether the account has written to somebody who is no contact, and hears what they answer.
    pub(crate) fn has_answered(&self, other: &Bare) -> bool {
        self.answered.contains_key(other)
    }

    /// What strangers have done in the hour that it is now.
    fn hour(&mut self, now: Time) -> &mut Hour {
        if now - self.hour.began >= HOUR {
            self.hour = Hour { began: now, ..Hour::default() };
        }
        &mut self.hour
    }

    /// Whether one more message of strangers fits into this hour.
    fn has_room(&mut self, now: Time) -> bool {
        self.hour(now).said < NEAR_HOUR_MAX
    }

    /// Counts a message of a stranger, if it fits into this hour.
    fn count(&mut self, now: Time) -> bool {
        let fits = self.has_room(now);
        self.hour.said += u32::from(fits);
        fits
    }

    /// Counts a request of a stranger: one in an hour, if it fits.
    fn count_request(&mut self, now: Time, other: &Bare) -> bool {
        !self.hour(now).asked.contains(other) && self.count(now) && self.hour.asked.insert(other.clone())
    }

    /// Whether a stranger's presence is passed on now.
    fn count_presence(&mut self, now: Time, other: &Bare, kind: PresenceType) -> bool {
        if let Some(evicted) = oldest(&self.paces, STRANGERS_MAX, other, |pace| pace.at) {
            self.paces.remove(&evicted);
        }
        let new = Pace { at: now, left: NEAR_PRESENCES_MAX, shown: 0 };
        let pace = self.paces.entry(other.clone()).or_insert(new);
        if kind != PresenceType::Available {
            // Each takes back one that has counted.
            let is_shown = pace.shown > 0;
            pace.shown -= u32::from(is_shown);
            return is_shown;
        }
        let earned = u32::try_from((now - pace.at).as_secs() / PRESENCE_EVERY.as_secs()).unwrap_or(u32::MAX);
        if earned > 0 {
            (pace.at, pace.left) = (now, pace.left.saturating_add(earned).min(NEAR_PRESENCES_MAX));
        }
        let passes = pace.left > 0;
        pace.left -= u32::from(passes);
        pace.shown += u32::from(passes);
        passes
    }
}

fn read_stranger(value: &str) -> (u8, Wall) {
    let (count, at) = value.split_once(' ').unwrap_or((value, ""));
    // What cannot be read has said enough.
    (count.parse().unwrap_or(NEAR_MESSAGES_MAX), Wall(at.parse().unwrap_or(0)))
}

/// What becomes of a stanza.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It goes on.
    Open,
    /// The account's contacts must be read first.
    NeedsRoster,
    /// Nobody misses it.
    Unheard,
    /// Its author finds what they would find if there were nobody (attack case D14).
    Nobody,
    /// Its author is told why.
    Refused(StanzaError),
}

/// Who somebody is to an account.
struct Standing {
    /// A contact, or somebody to whom the account has written.
    known: bool,
    /// A contact whose presence the account sees.
    seen: bool,
    /// Of the audience: they may see the account and speak to it.
    admitted: bool,
    /// Not of the green or yellow circle.
    near: bool,
    /// The account is on other laptops too.
    shared: bool,
}

/// Who somebody is to an account that has been read; `None` if its contacts must be read first.
fn standing(shard: &Shard, own: &Bare, other: &Bare) -> Option<Standing> {
    let account = shard.accounts.get(own)?;
    let answered = account.near.answered.contains_key(other);
    let (near, shared) = (shard.circles.of(own, other) == Circle::Red, shard.is_shared(own));
    match &account.roster {
        Some(roster) => Some(Standing {
            known: answered || roster.items.contains_key(other),
            seen: roster.registers(other).has(Registers::TO),
            admitted: admits(shard, own, other) == Some(true),
            near,
            shared,
        }),
        None if answered || account.near.contacts.contains(other) => {
            let admitted = audience::has(shard, own, other);
            Some(Standing { known: true, seen: false, admitted, near, shared })
        }
        None => None,
    }
}

/// Judges what somebody on a link says to an account that has been read. What a stranger may not add to their words is cut.
pub(crate) fn judge(shard: &mut Shard, own: &Bare, stanza: &mut Stanza<'_>) -> Judgement {
    use PresenceType::{Available, Error, Subscribe, Unavailable};
    let other = stanza.head.from.as_ref().filter(|from| !shard.serves(from)).map(Bare::of);
    // Another device of somebody of this node.
    let Some(other) = other else { return Judgement::Open };
    let is_passing = matches!(stanza.head.kind, Kind::Presence(Available | Unavailable | Error));
    let is_about_contacts = matches!(stanza.head.kind, Kind::Presence(_)) && !is_passing;
    let standing = match standing(shard, own, &other) {
        Some(_) if is_about_contacts && shard.accounts[own].roster.is_none() => return Judgement::NeedsRoster,
        // Whoever may see it has their contacts in memory, or has spoken first.
        _ if is_passing && has_greeted(shard, own, &other) => return Judgement::Open,
        None if is_passing => return Judgement::Unheard,
        None => return Judgement::NeedsRoster,
        Some(standing) => standing,
    };
    remember(shard, own, &other);
    let is_heard = standing.known || (standing.admitted && !standing.near);
    let now = shard.now.mono;
    let near = shard.accounts.get_mut(own).map(|account| &mut account.near);
    let Some(near) = near else { return Judgement::Nobody };
    let open = |is_open: bool| if is_open { Judgement::Open } else { Judgement::Unheard };
    match stanza.head.kind {
        Kind::Presence(_) if is_passing && (standing.seen || (standing.admitted && is_heard)) => Judgement::Open,
        Kind::Presence(kind) if is_passing => open(standing.admitted && near.count_presence(now, &other, kind)),
        Kind::Presence(Subscribe) if !is_heard => {
            // What else it says may be as long as a letter.
            stanza.cut(|_| true);
            let counts = near.count_request(now, &other);
            if counts && !standing.admitted {
                ask(shard, own, other);
            }
            open(counts && standing.admitted)
        }
        Kind::Presence(_) | Kind::Iq(IqType::Result | IqType::Error) => Judgement::Open,
        _ if is_heard => Judgement::Open,
        Kind::Message(MessageType::Chat | MessageType::Normal) if standing.admitted => {
            hear(shard, own, other, stanza, standing.shared)
        }
        Kind::Message(MessageType::Chat | MessageType::Normal) => Judgement::Nobody,
        Kind::Message(_) => Judgement::Unheard,
        // A stranger asks the daemon, not the client.
        Kind::Iq(_) if standing.admitted && stanza.head.to.as_ref().is_some_and(Jid::is_bare) => Judgement::Open,
        Kind::Iq(_) => Judgement::Nobody,
    }
}

/// Whether the contacts must be read to judge something that lasts: then nothing may have come of it before.
pub(crate) fn needs_contacts(shard: &Shard, own: &Bare, stanza: &Stanza<'_>) -> bool {
    let is_message = matches!(stanza.head.kind, Kind::Message(_));
    let other = stanza.head.from.as_ref().map(Bare::of);
    !is_message || other.is_none_or(|other| other != *own && standing(shard, own, &other).is_none())
}

/// Whether a message is left to the account's other laptop, where its author may be a contact: it is not heard here, and its
/// author says it until it is heard there.
pub(crate) fn is_for_sibling(shard: &mut Shard, own: &Bare, stanza: &Stanza<'_>) -> bool {
    let other = stanza.head.from.as_ref().filter(|from| !shard.serves(from)).map(Bare::of);
    let Some(other) = other.filter(|_| matches!(stanza.head.kind, Kind::Message(_))) else { return false };
    let Some(standing) = standing(shard, own, &other).filter(|standing| standing.shared) else { return false };
    let now = shard.now.mono;
    let has_room = shard.accounts.get_mut(own).is_some_and(|account| account.near.has_room(now));
    !standing.known && !(standing.admitted && (!standing.near || has_room))
}

/// A contact was heard: they are known as long as the account is in memory.
fn remember(shard: &mut Shard, own: &Bare, other: &Bare) {
    let Some(account) = shard.accounts.get_mut(own) else { return };
    if account.roster.as_ref().is_some_and(|roster| roster.items.contains_key(other)) {
        if account.near.contacts.len() >= NEAR_CONTACTS_MAX {
            account.near.contacts.clear();
        }
        account.near.contacts.insert(other.clone());
    }
}

/// Somebody has become a contact, or is none any more.
pub(crate) fn contact_changed(shard: &mut Shard, own: &Bare, other: &Bare) {
    let Some(account) = shard.accounts.get_mut(own) else { return };
    account.near.contacts.remove(other);
    if account.near.asks.remove(other).is_some() {
        put(shard, own, ASKS, other, None);
    }
}

/// Whether a session of an account has sent its presence to somebody of its own accord.
fn has_greeted(shard: &Shard, own: &Bare, other: &Bare) -> bool {
    let to_other = |jid: &Jid<'_>| jid.bare() == other.as_str();
    !shard.sessions_of(own, |session| session.directed.iter().any(to_other)).is_empty()
}

/// A stranger who is near says something. Of an account on several laptops nobody counts how often: another one may have
/// answered.
fn hear(shard: &mut Shard, own: &Bare, other: Bare, stanza: &mut Stanza<'_>, shared: bool) -> Judgement {
    let refused = |text: String| Judgement::Refused(StanzaError::new(Condition::PolicyViolation, text));
    stanza.cut(|payload| !is_plain(payload));
    let (mut bodies, mut bytes) = (0, 0);
    for payload in stanza.payloads() {
        bytes += payload.raw().len();
        if payload.is("body", ns::CLIENT) {
            let chars = payload.text().chars().count();
            bodies += if chars > NEAR_CHARS_MAX || payload.children().next().is_some() { 2 } else { 1 };
        }
    }
    if bodies == 0 {
        return Judgement::Unheard;
    }
    if bodies > 1 || bytes > NEAR_BYTES_MAX {
        let text = format!("Until {own} has answered, a message is one text of at most {NEAR_CHARS_MAX} letters.");
        return refused(text);
    }
    let (now, wall) = (shard.now.mono, shard.now.wall);
    let Some(account) = shard.accounts.get_mut(own) else { return Judgement::Nobody };
    let near = &mut account.near;
    let said = near.strangers.get(&other).map_or(0, |(said, _)| *said);
    if said >= NEAR_MESSAGES_MAX && !shared {
        let text =
            format!("{own} has not answered yet. Until then no more than {NEAR_MESSAGES_MAX} messages are taken.");
        return refused(text);
    }
    if !near.count(now) {
        return refused(format!("Too many strangers have written to {own} in this hour."));
    }
    let said = said.saturating_add(1);
    let evicted = oldest(&near.strangers, STRANGERS_MAX, &other, |(_, at)| *at);
    if let Some(evicted) = &evicted {
        near.strangers.remove(evicted);
    }
    near.strangers.insert(other.clone(), (said, wall));
    // Written with the message; if that fails, the message is said again and counts once more.
    put(shard, own, STRANGER, &other, Some(format!("{said} {}", wall.0)));
    if let Some(evicted) = evicted {
        put(shard, own, STRANGER, &evicted, None);
    }
    Judgement::Open
}

/// What a stranger's message may consist of: words, and what clients need to tell messages apart.
fn is_plain(payload: &Element<'_>) -> bool {
    match (payload.name(), payload.namespace()) {
        ("body" | "thread", ns::CLIENT)
        | ("origin-id", ns::STANZA_IDS)
        | ("request", ns::RECEIPTS)
        | ("delay", ns::DELAY) => true,
        (name, ns::CHAT_STATES) => name == "active",
        _ => false,
    }
}

/// An account says something to somebody on another node: from now on it hears what they answer.
pub(crate) fn note_said(shard: &mut Shard, stanza: &Stanza<'_>) {
    let (Some(from), Some(to)) = (&stanza.head.from, &stanza.head.to) else { return };
    let (own, other, wall) = (&Bare::of(from), &Bare::of(to), shard.now.wall);
    let is_words = matches!(stanza.head.kind, Kind::Message(MessageType::Chat | MessageType::Normal))
        && stanza.payload("body", ns::CLIENT).is_some();
    let Some(account) = shard.accounts.get_mut(own).filter(|account| is_words && account.row.is_some()) else { return };
    let is_contact = account.roster.as_ref().is_some_and(|roster| roster.items.contains_key(other));
    if is_contact || own == other || account.near.answered.contains_key(other) {
        return;
    }
    let near = &mut account.near;
    let evicted = oldest(&near.answered, ANSWERED_MAX, other, |at| *at);
    if let Some(evicted) = &evicted {
        near.answered.remove(evicted);
    }
    near.answered.insert(other.clone(), wall);
    let was_stranger = near.strangers.remove(other).is_some();
    put(shard, own, ANSWERED, other, Some(wall.0.to_string()));
    if let Some(evicted) = evicted {
        put(shard, own, ANSWERED, &evicted, None);
    }
    if was_stranger {
        put(shard, own, STRANGER, other, None);
    }
}

/// Who makes room for somebody, if there is none.
fn oldest<T, A: Ord>(known: &BTreeMap<Bare, T>, most: usize, newcomer: &Bare, at: impl Fn(&T) -> A) -> Option<Bare> {
    if known.len() < most || known.contains_key(newcomer) {
        return None;
    }
    known.iter().min_by_key(|(_, value)| at(value)).map(|(address, _)| address.clone())
}

/// Somebody who is not admitted would be a contact. There is room for some, once each; the oldest makes room.
fn ask(shard: &mut Shard, own: &Bare, other: Bare) {
    let wall = shard.now.wall;
    let Some(account) = shard.accounts.get_mut(own) else { return };
    let evicted = oldest(&account.near.asks, APART_MAX, &other, |at| *at);
    if let Some(evicted) = &evicted {
        account.near.asks.remove(evicted);
    }
    account.near.asks.insert(other.clone(), wall);
    put(shard, own, ASKS, &other, Some(wall.0.to_string()));
    if let Some(evicted) = evicted {
        put(shard, own, ASKS, &evicted, None);
    }
}

/// Who would be a contact of an account and is not admitted, nor blocked.
pub(crate) fn requests(shard: &Shard, own: &Bare) -> Vec<Bare> {
    let Some(account) = shard.accounts.get(own) else { return Vec::new() };
    account.near.asks.keys().filter(|other| !account.blocked.matches(&other.jid())).cloned().collect()
}

/// The person wants to hear no more of somebody than of any stranger.
pub(crate) fn forget_answer(shard: &mut Shard, own: &Bare, other: &Bare) {
    if shard.accounts.get_mut(own).is_some_and(|account| account.near.answered.remove(other).is_some()) {
        put(shard, own, ANSWERED, other, None);
    }
}

/// The person answers one of them; whether there was one. With a yes they become contacts of each other as far as the other
/// has asked (RFC 6121 section 3.4: allowed first, then asked).
pub(crate) fn answer_request(shard: &mut Shard, own: &Bare, other: &Bare, yes: bool) -> bool {
    if shard.accounts.get_mut(own).and_then(|account| account.near.asks.remove(other)).is_none() {
        return false;
    }
    put(shard, own, ASKS, other, None);
    if yes {
        let say = |verb: Verb, from: &Bare, to: &Bare| {
            let mut stanza = Stanza::new(Kind::Presence(verb.kind()));
            stanza.head.from = Some(from.jid().into_owned());
            stanza.head.to = Some(to.jid().into_owned());
            stanza
        };
        shard.enter(own, Way::Out, Origin::SERVER, say(Verb::Subscribed, own, other));
        shard.enter(own, Way::In, Origin::SERVER, say(Verb::Subscribe, other, own));
    }
    true
}

fn put(shard: &mut Shard, own: &Bare, word: &str, other: &Bare, value: Option<String>) {
    shard.put_record(own, RecordKind::Neighbour, &format!("{word} {other}"), value.map(String::into_bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(name: &str) -> Bare {
        Bare::new(&format!("{name}@a.jirani.alt")).unwrap()
    }

    #[test]
    fn an_hour_takes_so_many_messages_of_strangers() {
        let mut near = Near::default();
        let taken = |near: &mut Near, now| (0..10 * NEAR_HOUR_MAX).filter(|_| near.count(now)).count();
        let start = Time(0) + HOUR;
        assert_eq!(taken(&mut near, start), NEAR_HOUR_MAX as usize);
        assert_eq!(taken(&mut near, start + Duration::from_secs(3599)), 0);
        assert_eq!(taken(&mut near, start + HOUR), NEAR_HOUR_MAX as usize);
    }

    #[test]
    fn a_stranger_asks_once_in_an_hour() {
        let mut near = Near::default();
        let start = Time(0) + HOUR;
        assert!(near.count_request(start, &bare("a")) && near.count_request(start, &bare("b")));
        assert!(!near.count_request(start + Duration::from_secs(3599), &bare("a")));
        assert!(near.count_request(start + HOUR, &bare("a")));
    }

    #[test]
    fn a_strangers_presence_is_paced() {
        use PresenceType::{Available, Unavailable};
        let mut near = Near::default();
        let start = Time(0) + HOUR;
        let most = NEAR_PRESENCES_MAX;
        let passed =
            |near: &mut Near, now, kind| (0..10 * most).filter(|_| near.count_presence(now, &bare("a"), kind)).count();
        assert_eq!(passed(&mut near, start, Unavailable), 0, "what was never there does not leave");
        assert_eq!(passed(&mut near, start, Available), most as usize);
        assert_eq!(passed(&mut near, start, Unavailable), most as usize);
        assert_eq!(passed(&mut near, start + Duration::from_secs(3), Available), 3);
        assert_eq!(passed(&mut near, start + HOUR, Available), most as usize);
        assert!(near.count_presence(start, &bare("b"), Available), "others are others");
        for n in 0..2 * STRANGERS_MAX {
            assert!(near.count_presence(start, &bare(&format!("c{n}")), Available));
        }
        assert_eq!(near.paces.len(), STRANGERS_MAX);
    }

    #[test]
    fn the_oldest_makes_room() {
        for most in [STRANGERS_MAX, ANSWERED_MAX] {
            for (known, expect) in [(most - 1, None), (most, Some(0)), (most + 1, Some(0)), (10 * most, Some(0))] {
                let known: BTreeMap<Bare, Wall> =
                    (0..known).map(|n| (bare(&format!("p{n}")), Wall(n as i64))).collect();
                let room = |newcomer: &Bare| oldest(&known, most, newcomer, |at| *at);
                assert_eq!(room(&bare("new")), expect.map(|n: u32| bare(&format!("p{n}"))), "{}", known.len());
                assert_eq!(room(&bare("p7")), None, "who is known has room");
            }
        }
    }

    #[test]
    fn records_say_what_was_heard_and_said() {
        let record = |key: &str, value: &str| Record {
            account: base::AccountId(1),
            kind: RecordKind::Neighbour,
            key: key.into(),
            value: Some(value.into()),
            clock: 1,
            node: base::NodeId::SELF,
            version: 0,
        };
        let near = Near::from_records(&[
            record("answered a@a.jirani.alt", "5"),
            record("stranger b@a.jirani.alt", "2 7"),
            record("stranger c@a.jirani.alt", "?"),
            record("asks d@a.jirani.alt", ""),
            record("shown e@a.jirani.alt", ""),
            record("answered", "1"),
            record("answered @", "1"),
        ]);
        assert_eq!(near.answered, BTreeMap::from([(bare("a"), Wall(5))]));
        let strangers = [(bare("b"), (2, Wall(7))), (bare("c"), (NEAR_MESSAGES_MAX, Wall(0)))];
        assert_eq!(near.strangers, BTreeMap::from(strangers));
        assert_eq!(near.asks, BTreeMap::from([(bare("d"), Wall(0))]));
    }
}
