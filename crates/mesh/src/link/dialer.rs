//! Design, sections 6 and 7: whom to dial when, and which of two links between the same nodes stays.
//!
//! - Of two nodes that find each other, the one with the lower instance name dials at once, the other only when nothing
//!   has come for [`OTHER_SIDE_TIME`]. If both dial nevertheless, both keep the same one of the two links ([`twin`]).
//! - A dial that fails is repeated after a wait that doubles, with chance in it; all dials together are rationed
//!   (attack case F06). What is heard of a peer again and again moves its next dial, but never faster than the ration.
//! - Before a peer is redialled because a link to it is in doubt, all links to it are closed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use base::limits::{CANDIDATE_ADDRESSES_MAX, CANDIDATES_MAX, DIAL_WAIT_MAX, DIAL_WAIT_MIN, DIALS_MAX, LINKS_MAX};
use base::{LinkId, Time};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::code::CloseCode;
use super::interface::{Command, DownCause, Event};

mod addresses;
mod ration;
mod twin;

use addresses::best_first;
use ration::Ration;
use twin::Twin;

/// How long the node with the higher instance name waits for the other to dial.
pub const OTHER_SIDE_TIME: Duration = Duration::from_secs(2);

/// The addresses of one peer are tried at this distance (RFC 8305 section 8 names the same).
pub const RACE_STAGGER: Duration = Duration::from_millis(250);

/// A link that lived so long was a good one: the waits begin anew behind it.
pub const GOOD_LINK_TIME: Duration = Duration::from_secs(30);

/// So long after a link ended because our address is gone the others may not have noticed: it is on us to dial, at once.
const UNNOTICED_TIME: Duration = Duration::from_secs(10);

/// How far the dials of a node that wakes up are spread.
const WAKE_SPREAD: Duration = Duration::from_secs(1);

/// What a [`Dialer`] is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// What this node is called on the network now; `None` if it announces nothing. Then it dials at once.
    Instance(Option<&'a str>),
    /// A peer may be reached at these addresses. Also said when they change.
    Candidate {
        /// Its instance name. A key that stands behind all of these (`~`, an address) is dialled at once.
        key: &'a str,
        /// Where it may be; the first [`CANDIDATE_ADDRESSES_MAX`] that are best are taken.
        addresses: &'a [SocketAddr],
    },
    /// A peer is not announced any more. It is not dialled; links to it live on.
    Gone {
        /// As it was named.
        key: &'a str,
    },
    /// A person wants a peer to be dialled now, however long it would wait otherwise.
    Now {
        /// As it was named.
        key: &'a str,
    },
    /// Somebody has reason to think that a peer does not hear us: all links to it are closed and it is dialled anew.
    Redial {
        /// As it was named.
        key: &'a str,
    },
    /// The computer woke up or came to another network: everything that waits is tried again.
    Woke,
    /// What the layer of links told.
    Event(&'a Event),
    /// The time has come that [`Dialer::wake_at`] named.
    Timer,
}

/// Where a candidate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits to be dialled.
    Due(Time),
    /// Is being dialled.
    Dialling(u64),
    /// Has a link.
    Linked(LinkId),
}

#[derive(Debug)]
struct Candidate {
    addresses: Vec<SocketAddr>,
    state: State,
    failures: u32,
    /// When it was last dialled: what is heard of it does not bring the next dial nearer than this allows.
    dialled_at: Option<Time>,
    /// Not announced any more.
    gone: bool,
}

#[derive(Debug)]
struct Link {
    up_at: Time,
    twin: Twin,
}

/// Decides whom to dial when. One input, then [`Dialer::poll`] until `None`, then sleep until [`Dialer::wake_at`].
#[derive(Debug)]
pub struct Dialer {
    instance: Option<String>,
    /// Until when the others may not know that links to us have ended.
    unnoticed_until: Option<Time>,
    candidates: BTreeMap<String, Candidate>,
    /// Those in [`State::Due`], by their time.
    due: BTreeSet<(Time, String)>,
    dialling: BTreeMap<u64, String>,
    links: BTreeMap<LinkId, Link>,
    ration: Ration,
    next_attempt: u64,
    chance: ChaCha8Rng,
    commands: VecDeque<Command>,
}

impl Dialer {
    /// Knows nobody. The seed is for the chance in waits.
    pub fn new(now: Time, seed: [u8; 32]) -> Dialer {
        Dialer {
            instance: None,
            unnoticed_until: None,
            candidates: BTreeMap::new(),
            due: BTreeSet::new(),
            dialling: BTreeMap::new(),
            links: BTreeMap::new(),
            ration: Ration::new(now),
            next_attempt: 0,
            chance: ChaCha8Rng::from_seed(seed),
            commands: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Time, input: Input<'_>) {
        match input {
            Input::Instance(name) => self.instance = name.map(str::to_owned),
            Input::Candidate { key, addresses } => self.candidate(now, key, addresses),
            Input::Gone { key } => self.gone(key),
            Input::Now { key } => self.now(now, key),
            Input::Redial { key } => self.redial(now, key),
            Input::Woke => self.woke(now),
            Input::Event(event) => self.event(now, event),
            Input::Timer => {}
        }
        self.dial_due(now);
    }

    /// What the layer of links shall do: dials and closings.
    pub fn poll(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When the next dial is due; `None` if nothing waits, or only for other dials to end.
    pub fn wake_at(&self) -> Option<Time> {
        let (at, _) = self.due.first()?;
        self.has_room().then(|| (*at).max(self.ration.next_at()))
    }

    /// The candidates that a link leads to: none for a stranger, several for a peer that has several names.
    pub fn keys_of(&self, link: LinkId) -> impl Iterator<Item = &str> {
        let linked = self.candidates.iter().filter(move |(_, candidate)| candidate.state == State::Linked(link));
        linked.map(|(key, _)| key.as_str())
    }

    /// The link to a candidate.
    pub fn link_to(&self, key: &str) -> Option<LinkId> {
        match self.candidates.get(key)?.state {
            State::Linked(link) => Some(link),
            State::Due(_) | State::Dialling(_) => None,
        }
    }

    /// Whom a dial is for, while it lasts.
    pub fn key_of(&self, attempt: u64) -> Option<&str> {
        self.dialling.get(&attempt).map(String::as_str)
    }

    fn candidate(&mut self, now: Time, key: &str, addresses: &[SocketAddr]) {
        let addresses = best_first(addresses, CANDIDATE_ADDRESSES_MAX);
        let is_unnoticed = self.is_unnoticed(now);
        if let Some(known) = self.candidates.get_mut(key) {
            let is_news = known.gone || known.addresses != addresses;
            let is_elsewhere = !addresses.is_empty() && known.addresses != addresses;
            (known.gone, known.addresses) = (false, addresses);
            // Heard again is no proof: the waits stay as long as they were, only this one ends (attack case E08).
            let wait = if is_unnoticed { DIAL_WAIT_MIN } else { DIAL_WAIT_MIN * 4 };
            let earliest = known.dialled_at.map_or(now, |dialled| dialled + wait).max(now);
            match known.state {
                State::Due(at) if is_news => self.set(key, State::Due(at.min(earliest))),
                // The old addresses may take long to fail. That dial goes on beside.
                State::Dialling(_) if is_elsewhere => self.set(key, State::Due(earliest)),
                State::Due(_) | State::Dialling(_) | State::Linked(_) => {}
            }
            return;
        }
        if addresses.is_empty() || (self.candidates.len() >= CANDIDATES_MAX && !self.evict()) {
            return;
        }
        let linked = self.links.iter().find(|(_, link)| addresses.contains(&link.twin.remote));
        let state = linked.map_or_else(|| State::Due(now + self.courtesy(now, key)), |(link, _)| State::Linked(*link));
        let candidate = Candidate { addresses, state, failures: 0, dialled_at: None, gone: false };
        self.candidates.insert(key.to_owned(), candidate);
        self.set(key, state);
    }

    /// Makes room for a newcomer: of those that never answered, whoever was tried most often goes.
    fn evict(&mut self) -> bool {
        let waits = self.candidates.iter().filter(|(_, c)| matches!(c.state, State::Due(_)) && c.failures > 0);
        let Some(key) = waits.max_by_key(|(_, c)| c.failures).map(|(key, _)| key.clone()) else { return false };
        self.remove(&key);
        true
    }

    fn gone(&mut self, key: &str) {
        let Some(candidate) = self.candidates.get_mut(key) else { return };
        candidate.gone = true;
        if let State::Due(_) = candidate.state {
            self.remove(key);
        }
    }

    fn now(&mut self, now: Time, key: &str) {
        if let Some(candidate) = self.candidates.get_mut(key)
            && let State::Due(_) = candidate.state
        {
            candidate.failures = 0;
            self.set(key, State::Due(now));
        }
    }

    fn redial(&mut self, now: Time, key: &str) {
        let Some(candidate) = self.candidates.get(key) else { return };
        let State::Linked(link) = candidate.state else { return };
        for link in self.twins_of(self.links[&link].twin.remote_key) {
            self.links.remove(&link);
            self.commands.push_back(Command::Close { link, code: CloseCode::Redial });
            self.move_keys(link, State::Due(now));
        }
    }

    fn woke(&mut self, now: Time) {
        let waiting: Vec<String> = self.due.iter().map(|(_, key)| key.clone()).collect();
        for key in waiting {
            self.candidates.get_mut(&key).expect("what is due is known").failures = 0;
            let at = now + self.between(Duration::ZERO, WAKE_SPREAD);
            self.set(&key, State::Due(at));
        }
    }

    fn event(&mut self, now: Time, event: &Event) {
        match event {
            Event::Up { link, attempt, .. } => {
                if let Some(twin) = Twin::of(event) {
                    self.up(now, *link, *attempt, twin);
                }
            }
            Event::Down { link, cause } => self.down(now, *link, cause),
            Event::DialFailed { attempt, .. } => {
                // It may have a link meanwhile, because the other side dialled.
                if let Some(key) = self.dialling.remove(attempt)
                    && self.candidates.get(&key).is_some_and(|known| known.state == State::Dialling(*attempt))
                {
                    self.wait(now, &key);
                }
            }
            Event::Frame { .. } | Event::Refused { .. } => {}
        }
    }

    fn up(&mut self, now: Time, link: LinkId, attempt: Option<u64>, twin: Twin) {
        let dialled = attempt.and_then(|attempt| self.dialling.remove(&attempt));
        if dialled.is_some() {
            self.ration.give_back();
        }
        let key = dialled.or_else(|| {
            let found = self.candidates.iter().find(|(_, candidate)| candidate.addresses.contains(&twin.remote));
            found.map(|(key, _)| key.clone())
        });
        let mut stays = link;
        for id in self.twins_of(twin.remote_key) {
            let other = &self.links[&id];
            if twin.gives_way_to(&other.twin, now - other.up_at) {
                stays = id;
                self.commands.push_back(Command::Close { link, code: CloseCode::Duplicate });
                break;
            }
            self.links.remove(&id);
            self.commands.push_back(Command::Close { link: id, code: CloseCode::Duplicate });
            self.move_keys(id, State::Linked(link));
        }
        if let Some(key) = &key {
            self.set(key, State::Linked(stays));
        }
        if stays == link {
            self.links.insert(link, Link { up_at: now, twin });
        }
    }

    /// The links to one node: one, and for a moment a second one.
    fn twins_of(&self, remote_key: [u8; 32]) -> Vec<LinkId> {
        let twins = self.links.iter().filter(|(_, link)| link.twin.remote_key == remote_key);
        twins.map(|(id, _)| *id).collect()
    }

    fn down(&mut self, now: Time, link: LinkId, cause: &DownCause) {
        // What was closed from here is forgotten already.
        let Some(Link { up_at, .. }) = self.links.remove(&link) else { return };
        if *cause == DownCause::AddressLost {
            self.unnoticed_until = Some(now + UNNOTICED_TIME);
        }
        let keys: Vec<String> = self.keys_of(link).map(str::to_owned).collect();
        for key in keys {
            if now - up_at >= GOOD_LINK_TIME
                && let Some(candidate) = self.candidates.get_mut(&key)
            {
                candidate.failures = 0;
            }
            match cause {
                // Only we know of it: nobody else will dial.
                DownCause::AddressLost => self.set(&key, State::Due(now)),
                _ => self.wait(now, &key),
            }
        }
    }

    /// Lets a candidate wait after a failure; forgets it if nobody announces it any more.
    fn wait(&mut self, now: Time, key: &str) {
        let courtesy = self.courtesy(now, key);
        let Some(candidate) = self.candidates.get_mut(key) else { return };
        if candidate.gone {
            self.remove(key);
            return;
        }
        let doublings = candidate.failures.min(16);
        candidate.failures += 1;
        let wait = DIAL_WAIT_MAX.min(DIAL_WAIT_MIN * (1 << doublings));
        let wait = self.between(wait / 2, wait * 3 / 2);
        self.set(key, State::Due(now + wait + courtesy));
    }

    /// Dials those whose time has come, as far as the caps and the ration allow.
    fn dial_due(&mut self, now: Time) {
        while self.has_room()
            && let Some((at, key)) = self.due.first().cloned()
            && at <= now
            && self.ration.take(now)
        {
            let attempt = self.next_attempt;
            self.next_attempt += 1;
            self.set(&key, State::Dialling(attempt));
            let candidate = self.candidates.get_mut(&key).expect("what is due is known");
            candidate.dialled_at = Some(now);
            self.commands.push_back(Command::Dial { attempt, addresses: candidate.addresses.clone() });
            self.dialling.insert(attempt, key);
        }
    }

    fn has_room(&self) -> bool {
        self.dialling.len() < DIALS_MAX && self.links.len() + self.dialling.len() < LINKS_MAX
    }

    /// How long the other side is given to dial first.
    fn courtesy(&self, now: Time, key: &str) -> Duration {
        match &self.instance {
            Some(instance) if instance.as_str() > key && !self.is_unnoticed(now) => OTHER_SIDE_TIME,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// Whether others may not know yet that links to us have ended.
    fn is_unnoticed(&self, now: Time) -> bool {
        self.unnoticed_until.is_some_and(|until| now < until)
    }

    /// Changes the state of all candidates that have this link.
    fn move_keys(&mut self, link: LinkId, state: State) {
        let keys: Vec<String> = self.keys_of(link).map(str::to_owned).collect();
        for key in keys {
            self.set(&key, state);
        }
    }

    fn set(&mut self, key: &str, state: State) {
        let Some(candidate) = self.candidates.get_mut(key) else { return };
        if let State::Due(at) = candidate.state {
            self.due.remove(&(at, key.to_owned()));
        }
        candidate.state = state;
        if let State::Due(at) = state {
            self.due.insert((at, key.to_owned()));
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some(candidate) = self.candidates.remove(key)
            && let State::Due(at) = candidate.state
        {
            self.due.remove(&(at, key.to_owned()));
        }
    }

    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let micros = (most - least).as_micros() as u64; // Some minutes at most.
        least + Duration::from_micros(self.chance.next_u64() % (micros + 1))
    }
}
