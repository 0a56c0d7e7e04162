//! XEP-0174 serverless messaging: our people as instances for everybody on the link, and those of other programs as
//! addresses under `nearby.` of our own domain.
//!
//! | module | what it names |
//! |---|---|
//! | [`interface`] | what the gateway is told, and what it wants done |
//! | `people` | our people, as the link sees them |
//! | `peers` | who is on the link, and what ours see of them |
//! | `looks` | whether they are still there |
//! | `streams` | connections, by whoever began them, and who is at their other end |
//! | `talks` | what our people say, until a stream takes it |
//! | `names`, `txt`, `xml`, `pace` | names, announcements, what is written on streams, how often |
//!
//! Nobody proves anything here: who speaks is whoever sits at an address that was announced under that name. So nothing of it
//! is ever more than an unverified stranger, and the TXT record's `jid` is not read at all (attack case E07).
//!
//! One input, then drain: [`Gateway::handle`], [`Gateway::poll`] until `None`, sleep until [`Gateway::wake_at`].

pub mod interface;
mod looks;
mod names;
mod pace;
mod peers;
mod people;
mod streams;
mod talks;
mod txt;
mod xml;

use std::collections::{BTreeMap, VecDeque};

use base::jid::NEARBY;
use base::limits::{
    ADDRESS_ATTEMPT_EVERY, ADDRESS_ATTEMPTS_BURST_MAX, NEARBY_LOOK_EVERY, NEARBY_LOOKS_BURST_MAX, NEARBY_WORD_EVERY,
    NEARBY_WORDS_BURST_MAX,
};
use base::{Bare, Jid, Time};
use wire::{Kind, MessageType, PresenceType, Stanza};

pub use interface::{End, Input, Output, Own, Sighting, StreamId};

use looks::Asking;
use pace::Paces;
use peers::Peer;
use people::Person;
use streams::Stream;
use talks::{Talk, Word};

/// The resource at which they are. Some chat programs show nobody without one.
const RESOURCE: &str = "bonjour";

/// One of our people, and an instance.
type Pair = (Bare, String);

/// Numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that people on the link have sent to ours.
    pub heard: u64,
    /// Messages of our people that were written to a stream.
    pub said: u64,
    /// Messages of our people that came back to them.
    pub refused: u64,
    /// Announcements that are nobody's address: no room, no usable address, a name that cannot be one.
    pub skipped: u64,
    /// Connections that were closed because nobody on the link is known to be at their other end, or there were too many.
    pub turned_away: u64,
}

/// See the module.
pub struct Gateway {
    now: Time,
    host: String,
    salt: u64,
    streams_made: u64,
    words_heard: u64,
    port: Option<u16>,
    own: Vec<Own>,
    people: BTreeMap<Bare, Person>,
    peers: BTreeMap<String, Peer>,
    /// The instance behind each local part.
    locals: BTreeMap<String, String>,
    streams: BTreeMap<StreamId, Stream>,
    talks: BTreeMap<Pair, Talk>,
    /// Bytes of the words that wait for streams.
    waiting_bytes: usize,
    /// Connections to each address: to look whether somebody is there, and to say something.
    looks: Paces,
    calls: Paces,
    /// What is heard from each address. Who goes and comes again has no more of it.
    words: Paces,
    asking: Asking,
    outputs: VecDeque<Output>,
    tally: Tally,
}

impl Gateway {
    /// One with nobody in it. `host`: what this machine is called, which everybody on the link sees behind our people's
    /// names. `salt`: a random number, for ids.
    pub fn new(host: &str, salt: u64) -> Gateway {
        // What is a domain to us is one label there.
        let host = host.split('.').next().filter(|host| !host.is_empty()).unwrap_or("laptop");
        Gateway {
            now: Time(0),
            host: host.to_owned(),
            salt,
            streams_made: 0,
            words_heard: 0,
            port: None,
            own: Vec::new(),
            people: BTreeMap::new(),
            peers: BTreeMap::new(),
            locals: BTreeMap::new(),
            streams: BTreeMap::new(),
            talks: BTreeMap::new(),
            waiting_bytes: 0,
            looks: Paces::new(NEARBY_LOOK_EVERY, NEARBY_LOOKS_BURST_MAX),
            calls: Paces::new(ADDRESS_ATTEMPT_EVERY, ADDRESS_ATTEMPTS_BURST_MAX),
            words: Paces::new(NEARBY_WORD_EVERY, NEARBY_WORDS_BURST_MAX),
            asking: Asking::default(),
            outputs: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Time, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Listening { port } => self.port = Some(port),
            Input::Addresses(own) => self.own_addresses(own),
            Input::Seen(sighting) => self.seen(sighting),
            Input::Gone { network, instance } => self.gone(network, instance),
            Input::Left { network } => self.left(network),
            Input::Accepted { stream, remote } => self.accepted(stream, remote),
            Input::Connected { stream } => self.connected(stream),
            Input::Bytes { stream, bytes } => self.bytes(stream, bytes),
            Input::Ended { stream, how } => self.ended(stream, how),
            Input::Stanza(stanza) => self.stanza(&stanza),
            Input::Timer => {}
        }
        self.tick_people();
        self.tick_asking();
        self.tick_peers();
        self.tick_streams();
        self.tick_talks();
    }

    /// The next thing to do; drain it after every [`Gateway::handle`].
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timer`] is due, if ever.
    pub fn wake_at(&self) -> Option<Time> {
        let people = self.people.values().filter_map(|person| person.due().filter(|_| self.port.is_some()));
        let may_look = !self.looks_enough();
        let peers = self.peers.values().filter_map(|peer| peer.due(may_look));
        let streams = self.streams.values().map(|stream| stream.until);
        let talks = self.talks.values().filter_map(Talk::due);
        people.chain(peers).chain(streams).chain(talks).chain(self.asking.due).min()
    }

    /// How many of our people are announced, and how many of others are shown to them.
    pub fn counts(&self) -> (usize, usize) {
        let announced = self.people.values().filter(|person| person.announced.is_some()).count();
        (announced, self.peers.values().filter(|peer| peer.alive).count())
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// One of our people speaks.
    fn stanza(&mut self, stanza: &Stanza<'_>) {
        let (Some(from), Some(to)) = (&stanza.head.from, &stanza.head.to) else { return };
        let own = Bare::of(from);
        match (stanza.head.kind, to.local()) {
            (Kind::Presence(PresenceType::Available), None) => self.come(own, stanza),
            (Kind::Presence(PresenceType::Unavailable), None) => self.leave(&own),
            (Kind::Presence(PresenceType::Probe), None) => self.show_all(from, &own),
            (Kind::Presence(PresenceType::Probe), Some(local)) => self.show_one(from, &own, local),
            (Kind::Message(MessageType::Chat | MessageType::Normal | MessageType::Headline), Some(_)) => {
                self.say(own, stanza);
            }
            _ => {}
        }
    }

    /// Answers one of our people with an error.
    fn refuse(&mut self, stanza: &Stanza<'_>, kind: &str, condition: &str, text: &str) {
        if let Some(word) = Word::of(stanza, String::new(), self.now) {
            self.give_back(word, kind, condition, text);
        }
    }

    /// A word comes back to its author.
    fn give_back(&mut self, word: Word, kind: &str, condition: &str, text: &str) {
        self.tally.refused += 1;
        let mut answer = Stanza::new(Kind::Message(MessageType::Error)).with_inner(xml::error(kind, condition, text));
        answer.head.from = Some(word.to);
        answer.head.to = Some(word.author);
        answer.head.id = word.id.map(Into::into);
        self.outputs.push_back(Output::Stanza(answer));
    }

    /// The address of an instance for one of our people; at a domain of theirs.
    fn address(&self, own: &Bare, instance: &str) -> Option<Jid<'static>> {
        let local = &self.peers.get(instance)?.local;
        let bare = Bare::new(&format!("{local}@{NEARBY}{}", own.jid().domain())).ok()?;
        bare.jid().with_resource(RESOURCE).ok()
    }

    fn close(&mut self, stream: StreamId) {
        self.outputs.push_back(Output::Close { stream });
    }

    fn write(&mut self, stream: StreamId, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Write { stream, bytes });
    }
}

#[cfg(test)]
mod tests;
