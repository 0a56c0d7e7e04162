//! XEP-0174 section 5, attack case E09: connections, by whoever began them, and who is at their other end.
//!
//! Measured with libpurple: who accepts waits for the other's header; who calls says its header at once, and words only when
//! the other's header is there. When both call at the same time, libpurple takes the newer connection and drops the words
//! that wait on the other. So while somebody's call may be on its way in, ours says no header.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::limits::{
    NEARBY_CALLERS_MAX, NEARBY_CONNECT_TIME_MAX, NEARBY_HEADER_TIME_MAX, NEARBY_STRANGERS_MAX,
    NEARBY_STRANGERS_PER_ADDRESS_MAX, NEARBY_STREAMS_MAX, NEARBY_STREAMS_PER_ADDRESS_MAX, NEARBY_WAITING_MAX,
    UNAUTHENTICATED_STANZA_BYTES_MAX,
};
use base::{Bare, Time};
use wire::{Frame, FrameError, Framer, Kind, MessageType, Mode, Stanza, Xml};

use super::xml::{self, Request};
use super::{End, Gateway, Output, Pair, StreamId, Word};

/// How long our header waits while somebody at the same address has called and not said who they are.
const CROSSING: Duration = Duration::from_secs(1);

/// How long a caller waits whom nobody has announced: their announcement may be on its way.
const UNANNOUNCED: Duration = Duration::from_secs(3);

/// How long the other side may go on after we have said that we do not.
const CLOSING: Duration = Duration::from_secs(5);

/// A conversation that has been silent for so long is over; another stream is made when there is something to say.
const IDLE: Duration = Duration::from_secs(1800);

/// How long the system may try to bring words across before the stream breaks.
const UNCERTAIN: Duration = Duration::from_secs(40);

/// The same when the other side ends it: what was on its way then is not read.
const UNCERTAIN_AT_END: Duration = Duration::from_secs(1);

/// A connection.
pub(super) struct Stream {
    pub(super) remote: SocketAddr,
    pub(super) phase: Phase,
    /// Who speaks on it, once that is known.
    pub(super) pair: Option<Pair>,
    framer: Framer,
    /// What has come and cannot be read yet.
    held: Vec<u8>,
    pub(super) since: Time,
    /// When something must have happened.
    pub(super) until: Time,
    /// What was written lately.
    lately: VecDeque<(Time, Word)>,
}

impl Stream {
    /// Whether somebody has called of whom it is not known who they are.
    fn is_strange(&self) -> bool {
        matches!(self.phase, Phase::Called | Phase::Unknown(_) | Phase::Vague(_))
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A look whether anybody is there.
    Looking,
    /// We call.
    Calling,
    /// They have answered; our header waits.
    Waiting,
    /// Our header is out.
    Greeted,
    /// They have called.
    Called,
    /// Their header has come, and nobody of that name is known there.
    Unknown(Names),
    /// Their header has come and does not say which of several speaks, or to which of ours. Ours is out.
    Vague(Names),
    /// Both headers are out.
    Open,
    /// We have said that we say no more.
    Closing,
}

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    from: Option<String>,
    to: Option<String>,
    version: bool,
}

/// Something that came on a stream.
enum Event {
    Header(Names),
    Message { names: Names, words: Option<String> },
    Request(Request),
    Other,
    End,
    Broken(FrameError),
}

impl Event {
    fn of(frame: Result<Option<Frame<'_>>, FrameError>) -> Option<Event> {
        Some(match frame {
            Ok(None) => return None,
            Ok(Some(Frame::Open(header))) => Event::Header(Names {
                from: header.from_text.map(|from| from.into_owned()),
                to: header.to_text.map(|to| to.into_owned()),
                version: header.version.is_some(),
            }),
            Ok(Some(Frame::Element(element))) if element.is("message", wire::ns::CLIENT) => {
                let name = |key| element.attr(key).map(|name| name.into_owned());
                let names = Names { from: name("from"), to: name("to"), version: false };
                Event::Message { names, words: xml::words(&element) }
            }
            Ok(Some(Frame::Element(element))) if element.is("iq", wire::ns::CLIENT) => {
                Request::of(&element).map_or(Event::Other, Event::Request)
            }
            Ok(Some(Frame::Close)) => Event::End,
            Ok(Some(_)) => Event::Other,
            Err(error) => Event::Broken(error),
        })
    }
}

/// Who a caller is.
enum Caller {
    Known(Pair),
    /// What is known so far.
    Vague(Names),
    Unknown,
}

impl Gateway {
    pub(super) fn accepted(&mut self, id: StreamId, remote: SocketAddr) {
        if self.people.is_empty() || !self.has_room() || !self.may_call(remote) {
            self.tally.turned_away += 1;
            return self.close(id);
        }
        self.add(id, remote, Phase::Called, None, NEARBY_HEADER_TIME_MAX);
    }

    /// Whether one more may call from there. However many call, ours can, too; and however many strangers, whoever says who
    /// they are.
    fn may_call(&self, remote: SocketAddr) -> bool {
        let theirs = || self.streams.values().filter(|stream| stream.remote.ip() == remote.ip());
        let calls = theirs().filter(|stream| !matches!(stream.phase, Phase::Looking | Phase::Calling));
        let called = self.streams.keys().filter(|id| matches!(id, StreamId::In(_)));
        calls.count() < NEARBY_STREAMS_PER_ADDRESS_MAX
            && called.count() < NEARBY_CALLERS_MAX
            && theirs().filter(|stream| stream.is_strange()).count() < NEARBY_STRANGERS_PER_ADDRESS_MAX
            && self.streams.values().filter(|stream| stream.is_strange()).count() < NEARBY_STRANGERS_MAX
    }

    fn has_room(&self) -> bool {
        self.streams.len() < NEARBY_STREAMS_MAX
    }

    fn add(&mut self, id: StreamId, remote: SocketAddr, phase: Phase, pair: Option<Pair>, within: Duration) {
        let (framer, since, until) = (Framer::new(Mode::LinkLocal), self.now, self.now + within);
        let stream = Stream { remote, phase, pair, framer, held: Vec::new(), since, until, lately: VecDeque::new() };
        self.streams.insert(id, stream);
    }

    /// Calls somebody, from the address by which they know us; false if that may not be now.
    fn call(&mut self, network: u32, to: SocketAddr, phase: Phase, pair: Option<Pair>) -> bool {
        let own = self.own.iter().find(|own| own.network == network && own.reaches(to.ip()));
        let Some(from) = own.map(|own| own.ip).filter(|_| self.has_room()) else { return false };
        let pace = if phase == Phase::Looking { &mut self.looks } else { &mut self.calls };
        if !pace.take(self.now, to.ip()) {
            return false;
        }
        self.streams_made += 1;
        let stream = StreamId::Out(self.streams_made);
        self.add(stream, to, phase, pair, NEARBY_CONNECT_TIME_MAX);
        self.outputs.push_back(Output::Connect { stream, from, to });
        true
    }

    pub(super) fn call_to_look(&mut self, network: u32, to: SocketAddr) -> bool {
        self.call(network, to, Phase::Looking, None)
    }

    pub(super) fn call_to_talk(&mut self, pair: &Pair, network: u32, to: SocketAddr) -> bool {
        self.call(network, to, Phase::Calling, Some(pair.clone()))
    }

    /// Whether a stream with somebody is open: then the system looks whether they are there.
    pub(super) fn talks_with(&self, instance: &str) -> bool {
        let with = |stream: &Stream| stream.pair.as_ref().is_some_and(|(_, other)| other == instance);
        self.streams.values().any(|stream| stream.phase == Phase::Open && with(stream))
    }

    /// Whether somebody at an address of this instance has called a moment ago and not said who they are.
    pub(super) fn may_be_calling(&self, instance: &str) -> bool {
        let Some(peer) = self.peers.get(instance) else { return false };
        self.streams.values().any(|stream| {
            matches!(stream.phase, Phase::Called | Phase::Unknown(_))
                && self.now - stream.since < CROSSING
                && peer.is_at(stream.remote.ip())
        })
    }

    pub(super) fn connected(&mut self, id: StreamId) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(&id) else { return };
        match (&stream.phase, stream.pair.clone()) {
            (Phase::Looking, _) => {
                let address = stream.remote;
                self.drop_stream(id);
                self.looked(address, true);
            }
            (Phase::Calling, Some((_, instance))) => {
                (stream.phase, stream.until) = (Phase::Waiting, now + CROSSING);
                if !self.may_be_calling(&instance) {
                    self.greet(id);
                }
            }
            _ => {}
        }
    }

    /// Says our header on a call of ours.
    fn greet(&mut self, id: StreamId) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(&id) else { return };
        (stream.phase, stream.until) = (Phase::Greeted, now + NEARBY_HEADER_TIME_MAX);
        let (held, pair) = (std::mem::take(&mut stream.held), stream.pair.clone());
        let Some((own, instance)) = pair else { return };
        self.say_header(id, &own, &instance);
        if !held.is_empty() {
            self.bytes(id, &held);
        }
    }

    fn say_header(&mut self, id: StreamId, own: &Bare, instance: &str) {
        let from = self.people.get(own).map(|person| person.instance.clone()).unwrap_or_default();
        self.write(id, xml::header(&from, instance));
    }

    pub(super) fn bytes(&mut self, id: StreamId, mut bytes: &[u8]) {
        loop {
            let Some(stream) = self.streams.get_mut(&id) else { return };
            if matches!(stream.phase, Phase::Calling | Phase::Waiting | Phase::Unknown(_)) {
                if stream.held.len() + bytes.len() > UNAUTHENTICATED_STANZA_BYTES_MAX {
                    return self.turn_away(id);
                }
                return stream.held.extend_from_slice(bytes);
            }
            let Some(event) = Event::of(stream.framer.next(&mut bytes)) else { return };
            self.event(id, event);
        }
    }

    fn event(&mut self, id: StreamId, event: Event) {
        let Some(stream) = self.streams.get(&id) else { return };
        let ip = stream.remote.ip();
        match (event, stream.phase.clone(), stream.pair.clone()) {
            (Event::Header(names), Phase::Called, _) => self.identify(id, names),
            (Event::Header(_), Phase::Greeted, Some(pair)) => self.open(id, pair),
            (Event::Message { words, .. }, Phase::Open | Phase::Closing, Some(pair)) => self.hear(id, &pair, words),
            (Event::Message { names, words }, Phase::Vague(known), _) => {
                let names = Names { from: known.from.or(names.from), to: known.to.or(names.to), ..known };
                match self.caller(&names, ip) {
                    Caller::Known(pair) => {
                        self.open(id, pair.clone());
                        self.hear(id, &pair, words);
                    }
                    Caller::Vague(_) | Caller::Unknown => self.turn_away(id),
                }
            }
            (Event::Request(request), Phase::Open, Some((own, instance))) => {
                if !self.may_say(id) {
                    return;
                }
                let from = self.people.get(&own).map(|person| person.instance.clone()).unwrap_or_default();
                self.write(id, xml::refusal(&request, &from, &instance));
            }
            (Event::End, _, pair) => {
                if let Some(stream) = self.finish(id) {
                    self.uncertain(stream, UNCERTAIN_AT_END);
                }
                self.go_on(pair);
            }
            (Event::Broken(error), phase, pair) => {
                if matches!(phase, Phase::Open | Phase::Vague(_)) {
                    self.write(id, xml::broken(error));
                }
                self.drop_stream(id);
                self.go_on(pair);
            }
            _ => {}
        }
    }

    pub(super) fn drop_stream(&mut self, id: StreamId) {
        self.streams.remove(&id);
        self.close(id);
    }

    /// Who a header says they are: somebody that is known to be at this address.
    fn caller(&self, names: &Names, ip: IpAddr) -> Caller {
        let bare = |name: &str| name.split_once('/').map(|(bare, _)| bare.to_owned());
        let named = |to: &String| self.people.iter().find(|(_, person)| person.instance == *to);
        let named = names.to.iter().find_map(|to| named(to).or_else(|| named(&bare(to)?)));
        // COMPAT(libpurple 2.14): what a header says of the other side is not checked there.
        let only = || self.people.first_key_value().filter(|_| self.people.len() == 1);
        let own = named.or_else(only);
        let is_there = |instance: &str| self.peers.get(instance).is_some_and(|peer| peer.is_at(ip));
        let mut there = self.peers.iter().filter(|(_, peer)| peer.is_at(ip)).map(|(name, _)| name.clone());
        let instance = match &names.from {
            Some(from) => [Some(from.clone()), bare(from)].into_iter().flatten().find(|name| is_there(name)),
            None => there.next().filter(|_| there.next().is_none()),
        };
        match (own, instance) {
            (Some((own, _)), Some(instance)) => Caller::Known((own.clone(), instance)),
            (None, _) if names.to.is_some() => Caller::Unknown,
            (_, None) if names.from.is_some() || !self.peers.values().any(|peer| peer.is_at(ip)) => Caller::Unknown,
            (own, instance) => {
                let to = own.map(|(_, person)| person.instance.clone());
                Caller::Vague(Names { from: instance, to, version: names.version })
            }
        }
    }

    /// Somebody has said who they are.
    fn identify(&mut self, id: StreamId, names: Names) {
        let now = self.now;
        let Some(ip) = self.streams.get(&id).map(|stream| stream.remote.ip()) else { return };
        let caller = self.caller(&names, ip);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        match caller {
            Caller::Known(pair) => {
                self.say_header(id, &pair.0, &pair.1);
                if names.version {
                    self.write(id, xml::FEATURES.to_vec());
                }
                self.open(id, pair);
            }
            Caller::Vague(known) => {
                let (from, to) = (known.to.clone().unwrap_or_default(), known.from.clone().unwrap_or_default());
                (stream.phase, stream.until) = (Phase::Vague(known), now + NEARBY_HEADER_TIME_MAX);
                self.write(id, xml::header(&from, &to));
            }
            Caller::Unknown => {
                (stream.phase, stream.until) = (Phase::Unknown(names), now + UNANNOUNCED);
                self.ask();
            }
        }
    }

    /// Somebody was announced: perhaps they have called already.
    pub(super) fn ask_streams_again(&mut self) {
        let unknown = |stream: &Stream| match &stream.phase {
            Phase::Unknown(names) => Some((names.clone(), stream.remote.ip())),
            _ => None,
        };
        let waiting: Vec<_> = self.streams.iter().filter_map(|(id, s)| Some((*id, unknown(s)?))).collect();
        for (id, (names, ip)) in waiting {
            if let Caller::Unknown = self.caller(&names, ip) {
                continue;
            }
            self.identify(id, names);
            if let Some(stream) = self.streams.get_mut(&id) {
                let held = std::mem::take(&mut stream.held);
                self.bytes(id, &held);
            }
        }
    }

    /// Nobody on the link is known to be at the other end: nothing is taken from them, and nothing told.
    fn turn_away(&mut self, id: StreamId) {
        self.tally.turned_away += 1;
        let is_greeted = self.streams.get(&id).is_some_and(|stream| matches!(stream.phase, Phase::Vague(_)));
        let header = if is_greeted { Vec::new() } else { xml::header("", "") };
        self.write(id, [&header, xml::END].concat());
        self.drop_stream(id);
    }

    /// Both headers are out. Of several streams the newest counts; on the others nothing more is said, and all is heard that
    /// is still on its way.
    fn open(&mut self, id: StreamId, pair: Pair) {
        let now = self.now;
        let others: Vec<_> = self.streams_of(&pair).filter(|(other, _)| *other != id).collect();
        for (other, phase) in others {
            match phase {
                // No header of ours is out: whoever is there has not taken it for the one.
                Phase::Calling | Phase::Waiting => self.drop_stream(other),
                Phase::Open => self.hang_up_stream(other),
                _ => {}
            }
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.framer.authenticated();
            (stream.phase, stream.until) = (Phase::Open, now + IDLE);
            stream.pair = Some(pair.clone());
        }
        self.answers(&pair.1);
        self.drive(&pair);
    }

    fn hang_up_stream(&mut self, id: StreamId) {
        let now = self.now;
        self.write(id, xml::END.to_vec());
        if let Some(stream) = self.streams.get_mut(&id) {
            (stream.phase, stream.until) = (Phase::Closing, now + CLOSING);
        }
    }

    /// All streams of one pair.
    pub(super) fn streams_of<'a>(&'a self, pair: &'a Pair) -> impl Iterator<Item = (StreamId, Phase)> + 'a {
        let ours = self.streams.iter().filter(move |(_, stream)| stream.pair.as_ref() == Some(pair));
        ours.map(|(id, stream)| (*id, stream.phase.clone()))
    }

    /// Ends all streams of one of our people.
    pub(super) fn hang_up(&mut self, own: &Bare) {
        let theirs = |stream: &Stream| stream.pair.as_ref().is_some_and(|(who, _)| who == own);
        let ids: Vec<_> = self.streams.iter().filter(|(_, s)| theirs(s)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| drop(self.finish(id)));
        self.forget_talks(own);
    }

    /// Ends all streams with somebody who is gone.
    pub(super) fn end_streams_with(&mut self, instance: &str) {
        let with = |stream: &Stream| stream.pair.as_ref().is_some_and(|(_, other)| other == instance);
        let ids: Vec<_> = self.streams.iter().filter(|(_, s)| with(s)).map(|(id, _)| *id).collect();
        for stream in ids.into_iter().filter_map(|id| self.finish(id)).collect::<Vec<_>>() {
            self.uncertain(stream, UNCERTAIN);
        }
    }

    /// Ends a stream at once.
    fn finish(&mut self, id: StreamId) -> Option<Stream> {
        if self.streams.get(&id).is_some_and(|stream| stream.phase == Phase::Open) {
            self.write(id, xml::END.to_vec());
        }
        let stream = self.streams.remove(&id);
        self.close(id);
        stream
    }

    /// Whether somebody may say one more thing now. If not, they are hung up on.
    fn may_say(&mut self, id: StreamId) -> bool {
        let Some(ip) = self.streams.get(&id).map(|stream| stream.remote.ip()) else { return false };
        let may = self.words.take(self.now, ip);
        if !may {
            self.tally.turned_away += 1;
            drop(self.finish(id));
        }
        may
    }

    /// Somebody on the link says something to one of our people.
    fn hear(&mut self, id: StreamId, pair: &Pair, words: Option<String>) {
        let now = self.now;
        // Whoever was taken for gone is not.
        self.answers(&pair.1);
        let (Some(words), Some(from)) = (words, self.address(&pair.0, &pair.1)) else { return };
        if !self.may_say(id) {
            return;
        }
        if let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.phase == Phase::Open) {
            stream.until = now + IDLE;
        }
        self.words_heard += 1;
        self.tally.heard += 1;
        let body = Xml::within(wire::ns::CLIENT).leaf("body", wire::ns::CLIENT, words).finish();
        let mut message = Stanza::new(Kind::Message(MessageType::Chat)).with_inner(body);
        message.head.id = Some(format!("{:x}-{}", self.salt, self.words_heard).into());
        message.head.from = Some(from);
        message.head.to = Some(pair.0.jid().into_owned());
        self.outputs.push_back(Output::Stanza(message));
    }

    /// Writes words to an open stream.
    pub(super) fn write_words(&mut self, id: StreamId, pair: &Pair, word: Word) {
        let now = self.now;
        let from = self.people.get(&pair.0).map(|person| person.instance.clone()).unwrap_or_default();
        self.write(id, xml::message(&from, &pair.1, &word.body));
        self.tally.said += 1;
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.until = now + IDLE;
        while stream.lately.len() >= NEARBY_WAITING_MAX
            || stream.lately.front().is_some_and(|(at, _)| *at + UNCERTAIN < now)
        {
            stream.lately.pop_front();
        }
        stream.lately.push_back((now, Word { body: String::new(), ..word }));
    }

    /// A connection is over.
    pub(super) fn ended(&mut self, id: StreamId, how: End) {
        let Some(stream) = self.streams.remove(&id) else { return };
        let (phase, pair, remote) = (stream.phase.clone(), stream.pair.clone(), stream.remote);
        let broken = how == End::Failed && phase == Phase::Open;
        self.uncertain(stream, if broken { UNCERTAIN } else { UNCERTAIN_AT_END });
        if let (End::Failed, Phase::Open, Some((_, instance))) = (how, &phase, &pair) {
            self.prompt(instance);
        }
        if phase == Phase::Looking {
            return self.looked(remote, false);
        }
        self.go_on(pair);
    }

    /// Words that were written so lately on a stream that is no more come back: nobody knows whether they have arrived.
    fn uncertain(&mut self, stream: Stream, lately: Duration) {
        let now = self.now;
        let text = "The connection broke: it may not have arrived.";
        for (_, word) in stream.lately.into_iter().filter(|(at, _)| *at + lately >= now) {
            self.give_back(word, "wait", "recipient-unavailable", text);
        }
    }

    /// What follows when a stream is no more: words may wait for one.
    fn go_on(&mut self, pair: Option<Pair>) {
        if let Some(pair) = pair {
            self.drive(&pair);
        }
    }

    pub(super) fn tick_streams(&mut self) {
        let now = self.now;
        let due: Vec<_> = self.streams.iter().filter(|(_, s)| s.until <= now).map(|(id, _)| *id).collect();
        for id in due {
            let Some(stream) = self.streams.get(&id).filter(|stream| stream.until <= now) else { continue };
            match stream.phase {
                Phase::Waiting => self.greet(id),
                Phase::Open => self.hang_up_stream(id),
                Phase::Unknown(_) => self.turn_away(id),
                Phase::Looking => {
                    let address = stream.remote;
                    self.drop_stream(id);
                    self.looked(address, false);
                }
                Phase::Calling | Phase::Greeted | Phase::Called | Phase::Vague(_) => {
                    let pair = stream.pair.clone();
                    self.drop_stream(id);
                    self.go_on(pair);
                }
                Phase::Closing => self.drop_stream(id),
            }
        }
    }
}
