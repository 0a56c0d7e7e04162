//! Design, sections 2 and 7 (D7, D9): what people on a link who are no contacts may say to an account.
//!
//! Whom the account's audience does not admit finds nobody there, and may leave one request, which is kept apart. Admitted
//! people of the green and yellow circle are heard like contacts. A stranger whom only the common link brings near may say
//! [`NEAR_MESSAGES_MAX`] short things until the account answers. Only for what comes over links: on one node people are
//! told apart by their accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::ledger::{Record, RecordKind};
use base::limits::{ANSWERED_MAX, APART_MAX, NEAR_CHARS_MAX, NEAR_HOUR_MAX, NEAR_MESSAGES_MAX, STRANGERS_MAX};
use base::{Bare, Circle, Time, Wall};
use wire::{Element, IqType, Kind, MessageType, PresenceType, Stanza};

use super::audience::admits;
use super::subscription_states::Verb;
use crate::contacts::Registers;
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::router::Way;
use crate::shard::{Origin, Shard};

/// How long [`NEAR_HOUR_MAX`] has to do.
const HOUR: Duration = Duration::from_secs(3600);

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
    /// Who would be a contact, and is not admitted.
    asks: BTreeSet<Bare>,
    /// When the present hour of strangers' messages began, and how many there were in it.
    hour: (Time, u32),
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
                ASKS => drop(near.asks.insert(address)),
                // Other desks have words of their own.
                _ => {}
            }
        }
        near
    }

    /// Whether the account has ever written to somebody who is no contact.
    pub(crate) fn has_answered(&self, other: &Bare) -> bool {
        self.answered.contains_key(other)
    }

    /// Whether one more message of strangers fits into this hour; counts it.
    fn fits_hour(&mut self, now: Time) -> bool {
        if now - self.hour.0 >= HOUR {
            self.hour = (now, 0);
        }
        self.hour.1 += 1;
        self.hour.1 <= NEAR_HOUR_MAX
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

/// Judges what somebody on a link says to an account that has been read. What a stranger may not add to their words is cut.
pub(crate) fn judge(shard: &mut Shard, own: &Bare, stanza: &mut Stanza<'_>) -> Judgement {
    let other = stanza.head.from.as_ref().filter(|from| !shard.serves(from)).map(Bare::of);
    // Another device of somebody of this node.
    let Some(other) = other else { return Judgement::Open };
    let account = &shard.accounts[own];
    let Some(roster) = &account.roster else {
        return match stanza.head.kind {
            // Whoever may see it has their contacts in memory.
            Kind::Presence(PresenceType::Available | PresenceType::Unavailable | PresenceType::Error) => {
                Judgement::Unheard
            }
            _ => Judgement::NeedsRoster,
        };
    };
    let is_known = roster.items.contains_key(&other) || account.near.answered.contains_key(&other);
    let sees = roster.registers(&other).has(Registers::TO);
    let is_admitted = admits(shard, own, &other) == Some(true);
    // Who is no contact here may be one on the account's other laptop.
    let is_near = || shard.circles.of(own, &other) == Circle::Red && !shard.is_shared(own);
    let is_heard = is_known || (is_admitted && !is_near());
    match stanza.head.kind {
        Kind::Presence(PresenceType::Available | PresenceType::Unavailable | PresenceType::Error) => {
            match sees || is_admitted || has_greeted(shard, own, &other) {
                true => Judgement::Open,
                false => Judgement::Unheard,
            }
        }
        Kind::Presence(PresenceType::Subscribe) if !is_known && !is_admitted => {
            ask(shard, own, other);
            Judgement::Unheard
        }
        Kind::Presence(_) | Kind::Iq(IqType::Result | IqType::Error) => Judgement::Open,
        _ if is_heard => Judgement::Open,
        Kind::Message(MessageType::Chat | MessageType::Normal) if is_admitted => hear(shard, own, other, stanza),
        Kind::Message(MessageType::Chat | MessageType::Normal) => Judgement::Nobody,
        Kind::Message(_) => Judgement::Unheard,
        // A stranger asks the daemon, not the client.
        Kind::Iq(_) if is_admitted && stanza.head.to.as_ref().is_some_and(|to| to.is_bare()) => Judgement::Open,
        Kind::Iq(_) => Judgement::Nobody,
    }
}

/// Whether a session of an account has sent its presence to somebody of its own accord.
fn has_greeted(shard: &Shard, own: &Bare, other: &Bare) -> bool {
    let to_other = |jid: &base::Jid<'_>| jid.bare() == other.as_str();
    !shard.sessions_of(own, |session| session.directed.iter().any(to_other)).is_empty()
}

/// A stranger who is near says something.
fn hear(shard: &mut Shard, own: &Bare, other: Bare, stanza: &mut Stanza<'_>) -> Judgement {
    let Some(body) = stanza.payload("body", ns::CLIENT) else { return Judgement::Unheard };
    let refused = |text: String| Judgement::Refused(StanzaError::new(Condition::PolicyViolation, text));
    if body.text().chars().count() > NEAR_CHARS_MAX {
        return refused(format!("Until {own} has answered, a message has at most {NEAR_CHARS_MAX} letters."));
    }
    let (now, wall) = (shard.now.mono, shard.now.wall);
    let Some(account) = shard.accounts.get_mut(own) else { return Judgement::Nobody };
    let near = &mut account.near;
    let said = near.strangers.get(&other).map_or(0, |(said, _)| *said);
    if said >= NEAR_MESSAGES_MAX {
        let text =
            format!("{own} has not answered yet. Until then no more than {NEAR_MESSAGES_MAX} messages are taken.");
        return refused(text);
    }
    if !near.fits_hour(now) {
        return refused(format!("Too many strangers have written to {own} in this hour."));
    }
    let evicted = oldest(&near.strangers, STRANGERS_MAX, &other, |(_, at)| *at);
    if let Some(evicted) = &evicted {
        near.strangers.remove(evicted);
    }
    near.strangers.insert(other.clone(), (said + 1, wall));
    stanza.cut(|payload| !is_plain(payload));
    // Written with the message; if that fails, the message is said again and counts once more.
    put(shard, own, STRANGER, &other, Some(format!("{} {}", said + 1, wall.0)));
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
pub(crate) fn note_said(shard: &mut Shard, own: &Bare, other: &Bare, stanza: &Stanza<'_>) {
    let wall = shard.now.wall;
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
fn oldest<T>(known: &BTreeMap<Bare, T>, most: usize, newcomer: &Bare, at: impl Fn(&T) -> Wall) -> Option<Bare> {
    if known.len() < most || known.contains_key(newcomer) {
        return None;
    }
    known.iter().min_by_key(|(_, value)| at(value)).map(|(address, _)| address.clone())
}

/// Somebody who is not admitted would be a contact. There is room for some, once each.
fn ask(shard: &mut Shard, own: &Bare, other: Bare) {
    let Some(account) = shard.accounts.get_mut(own) else { return };
    if account.near.asks.len() < APART_MAX && account.near.asks.insert(other.clone()) {
        put(shard, own, ASKS, &other, Some(String::new()));
    }
}

/// Who would be a contact of an account and is not admitted.
pub(crate) fn requests(shard: &Shard, own: &Bare) -> Vec<Bare> {
    shard.accounts.get(own).map(|account| account.near.asks.iter().cloned().collect()).unwrap_or_default()
}

/// The person answers one of them; whether there was one. With a yes they become contacts of each other as far as the other
/// has asked (RFC 6121 section 3.4: allowed first, then asked).
pub(crate) fn answer_request(shard: &mut Shard, own: &Bare, other: &Bare, yes: bool) -> bool {
    if !shard.accounts.get_mut(own).is_some_and(|account| account.near.asks.remove(other)) {
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
        let taken = |near: &mut Near, now| (0..10 * NEAR_HOUR_MAX).filter(|_| near.fits_hour(now)).count();
        let start = Time(0) + HOUR;
        assert_eq!(taken(&mut near, start), NEAR_HOUR_MAX as usize);
        assert_eq!(taken(&mut near, start + Duration::from_secs(3599)), 0);
        assert_eq!(taken(&mut near, start + HOUR), NEAR_HOUR_MAX as usize);
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
        assert_eq!(near.asks, BTreeSet::from([bare("d")]));
    }
}
