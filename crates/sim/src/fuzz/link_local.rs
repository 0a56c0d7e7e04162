//! XEP-0174, attack cases E04 to E09: everybody on the link, who prove nothing, against the gateway.
//!
//! The bytes are a script: instances are announced and go, connections are made and break, something is said on them, our
//! people speak and leave, time passes. What is written is read by another reader than ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::limits::{INSTANCE_BYTES_MAX, NEARBY_MAX, NEARBY_STREAMS_MAX, NEARBY_STREAMS_PER_ADDRESS_MAX};
use base::{Bare, Time};
use gateways::link_local::{End, Gateway, Input, Output, Own, Sighting, StreamId};
use wire::{Form, Kind, MessageType, PresenceType, Stanza};

use super::script::Script;
use crate::xml::{Heard, Reader, Tree};

/// More steps than a script needs to get anywhere.
const STEPS_MAX: usize = 200;

/// More often than anything follows from anything at once.
const ROUNDS_MAX: usize = 100;

const PEOPLE: [&str; 3] = ["lisa@a.example", "lisa@b.example", "ana@a.example"];
const NETWORK: u32 = 2;
const NAMES: [&str; 8] =
    ["romeo@forza", "Jörg Müller@tablet", "alice", "x@y@z", "lisa@laptop", "LISA@laptop", "romeo@forza/Pidgin", "<'&>"];
const PLACES: [&str; 8] = [
    "10.0.0.2:5298",
    "10.0.0.3:5298",
    "10.0.0.2:5299",
    "10.0.0.1:5298",
    "[fe80::2%2]:5298",
    "[fe80::2%3]:5298",
    "192.0.2.1:80",
    "10.0.0.255:1",
];
const TXT: [&str; 8] =
    ["nick=N", "status=dnd", "status=avail", "msg=at lunch", "1st=Jörg", "port.p2pj=1", "jid=a@b", "jirani=1"];

/// What others write, `F` and `T` being names.
const PIECES: [&str; 16] = [
    "<?xml version='1.0' encoding='UTF-8' ?>\n<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='F' to='T'>",
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='F' to='T' version='1.0'>",
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='F/Pidgin'>",
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' to='T'>",
    "<message to='T' from='F' type='chat'><body>hi</body></message>",
    "<message from='F'><body>a &lt; b</body><html xmlns='http://www.w3.org/1999/xhtml'><body>x</body></html></message>",
    "<message from='F' type='error'><body>no</body></message>",
    "<message from='F'><x xmlns='jabber:x:event'><composing/></x></message>",
    "<iq type='set' id='1'><si xmlns='http://jabber.org/protocol/si' id='0'/></iq>",
    "<iq type='get' id='&lt;'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<presence from='F'><show>away</show></presence>",
    "<stream:features/>",
    "</stream:stream>",
    "<message from='F'><body>",
    "\0",
];

/// Any bytes, as a script.
///
/// # Panics
/// If the gateway does, or breaks a promise.
pub fn link_local(data: &[u8]) {
    let mut play = Play::new();
    let mut script = Script(data);
    for _ in 0..STEPS_MAX {
        let (Some(step), Some(how)) = (script.next(), script.next()) else { break };
        play.step(step, how, &mut script);
    }
    play.end();
}

/// A connection as its other end sees it.
struct Line {
    remote: SocketAddr,
    /// Bytes pass both ways.
    made: bool,
    /// All that was said to the gateway.
    told: Vec<u8>,
    reader: Reader,
    ended: bool,
}

/// What has become of something that one of our people said.
#[derive(Default)]
struct Word {
    written: usize,
    returned: usize,
}

struct Play {
    gateway: Gateway,
    now: Time,
    own: Vec<Own>,
    lines: BTreeMap<StreamId, Line>,
    calls: u64,
    words: Vec<Word>,
    /// Whom each of our people is shown.
    shown: BTreeSet<(String, String)>,
    announced: BTreeSet<String>,
    open: bool,
}

impl Play {
    fn new() -> Play {
        let mut play = Play {
            gateway: Gateway::new("laptop.lan", 0x51f3),
            now: Time(1_000_000),
            own: Vec::new(),
            lines: BTreeMap::new(),
            calls: 0,
            words: Vec::new(),
            shown: BTreeSet::new(),
            announced: BTreeSet::new(),
            open: false,
        };
        play.addresses(0);
        play.presence(0, "");
        play.pass(Duration::from_secs(2));
        play
    }

    fn step(&mut self, step: u8, how: u8, script: &mut Script<'_>) {
        let high = usize::from(how >> 3);
        match step % 20 {
            0 | 1 => self.see(usize::from(how), script),
            2 => {
                let (network, name) = (NETWORK + u32::from(how >> 7), NAMES[usize::from(how) % 8].to_owned());
                self.give(Input::Gone { network, instance: &name });
            }
            3 if how < 32 => self.give(Input::Left { network: NETWORK + u32::from(how & 1) }),
            3 => self.addresses(how),
            4 | 5 => self.accept(PLACES[usize::from(how) % 8]),
            6 | 7 => self.connected(usize::from(how)),
            8 => self.ended(high, if how & 1 == 0 { End::Closed } else { End::Failed }),
            9..=11 => {
                let (piece, names) = (PIECES[script.below(16)], script.below(64));
                let escape = |name: &str| name.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;");
                let (from, to) = (escape(NAMES[names % 8]), escape(NAMES[4 + names / 8 % 2]));
                self.told(usize::from(how), piece.replace('F', &from).replace('T', &to).as_bytes());
            }
            12 => self.told(script.below(16), script.take(usize::from(how))),
            13..=15 => self.say(usize::from(how) % PEOPLE.len(), usize::from(how >> 2) % 8, usize::from(how >> 5)),
            16 => {
                let kinds = ["", "", "<show>dnd</show><status>N</status>", "type='unavailable'", "type='probe'"];
                self.presence(usize::from(how) % PEOPLE.len(), kinds[high % kinds.len()]);
            }
            17 => self.give(Input::Listening { port: 5298 + u16::from(how & 1) }),
            _ => self.pass(Duration::from_millis(1 << (how >> 3).min(17))),
        }
    }

    // --- what happens -----------------------------------------------------------------------------------------------

    fn see(&mut self, how: usize, script: &mut Script<'_>) {
        let (places, txt) = (script.next().unwrap_or_default(), script.next().unwrap_or_default());
        let instance = match how >> 3 & 7 {
            7 => String::from_utf8_lossy(script.take(how & 7)).into_owned(),
            // So many that they do not fit.
            6 => format!("p{places}-{txt}"),
            _ => NAMES[how % 8].to_owned(),
        };
        let among = |set: u8| move |n: &usize| set >> n & 1 == 1;
        let addresses = (0..8).filter(among(places)).map(|n| place(PLACES[n])).collect();
        let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
        for text in (0..8).filter(among(txt)).map(|n| TXT[n]) {
            let (key, value) = text.split_once('=').expect("it has both");
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
        if how & 0xc0 == 0xc0 {
            pairs.push(("msg".to_owned(), script.take(how & 31).to_vec()));
        }
        let network = NETWORK + u32::from(how >> 6 == 1);
        self.give(Input::Seen(Sighting { network, instance, addresses, txt: pairs }));
    }

    fn addresses(&mut self, how: u8) {
        let own = |ip: &str, network, bits| Own { network, ip: ip.parse().expect("it is an address"), bits };
        let mut all = vec![own("10.0.0.1", NETWORK, 24), own("fe80::1", NETWORK, 64), own("10.0.0.9", NETWORK + 1, 24)];
        all.truncate(3 - usize::from(how & 3));
        self.own.clone_from(&all);
        self.give(Input::Addresses(all));
    }

    fn accept(&mut self, remote: &str) {
        self.calls += 1;
        let (stream, remote) = (StreamId::In(self.calls), place(remote));
        self.lines.insert(stream, Line::new(remote, true));
        self.give(Input::Accepted { stream, remote });
        let of_remote =
            |(id, line): &(&StreamId, &Line)| matches!(id, StreamId::In(_)) && line.remote.ip() == remote.ip();
        let called = self.lines.iter().filter(of_remote).count();
        assert!(called <= NEARBY_STREAMS_PER_ADDRESS_MAX, "{called} of one address");
        assert!(self.lines.len() <= NEARBY_STREAMS_MAX, "{} streams", self.lines.len());
    }

    /// One of the connections for which this holds, by number.
    fn line(&self, number: usize, which: impl Fn(&Line) -> bool) -> Option<StreamId> {
        let mut those = self.lines.iter().filter(|(_, line)| which(line)).map(|(id, _)| *id);
        let count = those.clone().count().max(1);
        those.nth(number % count)
    }

    fn connected(&mut self, number: usize) {
        let Some(stream) = self.line(number, |line| !line.made) else { return };
        self.lines.get_mut(&stream).expect("it is there").made = true;
        self.give(Input::Connected { stream });
    }

    fn ended(&mut self, number: usize, how: End) {
        let Some(stream) = self.line(number, |_| true) else { return };
        let line = self.lines.remove(&stream).expect("it is there");
        let how = if line.made { how } else { End::Failed };
        self.give(Input::Ended { stream, how });
    }

    fn told(&mut self, number: usize, bytes: &[u8]) {
        let Some(stream) = self.line(number, |line| line.made) else { return };
        self.lines.get_mut(&stream).expect("it is there").told.extend_from_slice(bytes);
        self.give(Input::Bytes { stream, bytes });
    }

    fn say(&mut self, own: usize, to: usize, how: usize) {
        let locals =
            ["romeo\\40forza", "jörg\\20müller\\40tablet", "alice", "x\\40y\\40z", "lisa\\40laptop", "p1-1", "nobody"];
        let number = self.words.len();
        self.words.push(Word::default());
        let local = locals[to % locals.len()];
        let domain = PEOPLE[own].split('@').nth(1).expect("they are at one");
        let kind = ["chat", "normal", "headline"][how % 3];
        // A word that nobody else says.
        let long = if how == 7 { "&lt;".repeat(20_000) } else { String::new() };
        self.stanza(&format!(
            "<message from='{}/x' to='{local}@nearby.{domain}' id='{number}' type='{kind}'><body>w{number} {long}</body></message>",
            PEOPLE[own],
        ));
    }

    fn presence(&mut self, own: usize, how: &str) {
        let domain = PEOPLE[own].split('@').nth(1).expect("they are at one");
        let (attributes, inner) = if how.starts_with('<') { ("", how) } else { (how, "") };
        self.stanza(&format!("<presence from='{}' to='nearby.{domain}' {attributes}>{inner}</presence>", PEOPLE[own]));
    }

    fn stanza(&mut self, xml: &str) {
        let xml = xml.replacen(' ', " xmlns='jabber:client' ", 1);
        self.give(Input::Stanza(Stanza::parse(xml.as_bytes()).expect("it is a stanza")));
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut at_once = 0;
        while let Some(due) = self.gateway.wake_at().filter(|due| *due <= end) {
            at_once = if due <= self.now { at_once + 1 } else { 0 };
            assert!(at_once < ROUNDS_MAX, "a deadline comes again and again");
            self.now = self.now.max(due);
            self.give(Input::Timer);
        }
        self.now = end;
    }

    // --- what the gateway does --------------------------------------------------------------------------------------

    fn give(&mut self, input: Input<'_>) {
        self.gateway.handle(self.now, input);
        let mut listens = false;
        while let Some(output) = self.gateway.poll() {
            match output {
                Output::Open(open) => {
                    assert_ne!(self.open, open, "it is so already");
                    self.open = open;
                    listens |= open;
                }
                Output::Announce { instance, txt } => {
                    assert!(self.open && instance.len() <= INSTANCE_BYTES_MAX, "{instance}");
                    assert!(txt.iter().all(|(key, value)| key.len() + 1 + value.len() <= 255), "{txt:?}");
                    self.announced.insert(instance);
                    let alike: BTreeSet<String> = self.announced.iter().map(|name| name.to_ascii_lowercase()).collect();
                    assert_eq!(alike.len(), self.announced.len(), "one name for two: {:?}", self.announced);
                }
                Output::Withdraw { instance } => {
                    assert!(self.announced.remove(&instance), "{instance} was not announced");
                }
                Output::Ask => {}
                Output::Connect { stream, from, to } => self.call(stream, from, to),
                Output::Write { stream, bytes } => self.write(stream, &bytes),
                Output::Close { stream } => assert!(self.lines.remove(&stream).is_some(), "{stream:?} is closed twice"),
                Output::Stanza(stanza) => self.hear(&stanza),
            }
        }
        let (announced, shown) = self.gateway.counts();
        assert!(announced <= PEOPLE.len() && shown <= NEARBY_MAX, "{announced} {shown}");
        if listens {
            self.give(Input::Listening { port: 5298 });
        }
    }

    /// Nobody can aim us at anything that is not on the link (attack case E08).
    fn call(&mut self, stream: StreamId, from: IpAddr, to: SocketAddr) {
        assert!(self.own.iter().any(|own| own.ip == from && own.reaches(to.ip())), "{from} calls {to}");
        let known = self.lines.insert(stream, Line::new(to, false));
        assert!(known.is_none() && matches!(stream, StreamId::Out(_)), "{stream:?}");
        assert!(self.lines.len() <= NEARBY_STREAMS_MAX, "{} streams", self.lines.len());
    }

    fn write(&mut self, stream: StreamId, mut bytes: &[u8]) {
        let line = self.lines.get_mut(&stream).expect("it is there");
        assert!(line.made && !line.ended, "{stream:?} takes nothing: {}", String::from_utf8_lossy(bytes));
        // Whatever prefix it has, a header has this word.
        let greeted = line.told.windows(6).any(|word| word == b"stream");
        assert!(greeted || matches!(stream, StreamId::Out(_)), "nobody has said who they are");
        loop {
            match line.reader.next(&mut bytes) {
                Ok(None) => return,
                Ok(Some(Heard::Header(_))) => {}
                Ok(Some(Heard::End)) => line.ended = true,
                Ok(Some(Heard::Element(tree))) => {
                    assert!(greeted, "before their header:\n{tree}");
                    let first = tree.text_of("body").split(' ').next().and_then(|word| word.strip_prefix('w'));
                    let number =
                        first.filter(|_| tree.name == "message").and_then(|number| number.parse::<usize>().ok());
                    if let Some(number) = number {
                        let word = &mut self.words[number];
                        word.written += 1;
                        assert_eq!((word.written, word.returned), (1, 0), "said twice, or after it came back:\n{tree}");
                    }
                }
                Err(why) => panic!("{why}: {}", String::from_utf8_lossy(bytes)),
            }
        }
    }

    /// Something for one of our people.
    fn hear(&mut self, stanza: &Stanza<'_>) {
        let mut xml = Vec::new();
        stanza.emit(Form::Tcp, &mut xml);
        let xml = String::from_utf8(xml).expect("it is text");
        let tree = Tree::fragment(&xml).expect("another reader reads it").remove(0);
        let (Some(from), Some(to)) = (&stanza.head.from, &stanza.head.to) else { panic!("nobody says it:\n{tree}") };
        assert_eq!(from.domain().strip_prefix("nearby."), Some(to.domain()), "{tree}");
        assert!(from.local().is_some() && PEOPLE.contains(&to.bare()), "{tree}");
        let pair = (Bare::of(to).to_string(), Bare::of(from).to_string());
        match stanza.head.kind {
            Kind::Presence(PresenceType::Available) => drop(self.shown.insert(pair)),
            Kind::Presence(PresenceType::Unavailable) => {
                assert!(self.shown.remove(&pair), "they were not shown:\n{tree}");
            }
            Kind::Message(MessageType::Chat) => assert!(self.shown.contains(&pair), "nobody sees them:\n{tree}"),
            Kind::Message(MessageType::Error) => {
                let number: usize =
                    stanza.head.id.as_deref().and_then(|id| id.parse().ok()).expect("it is one of ours");
                let word = &mut self.words[number];
                word.returned += 1;
                assert_eq!(word.returned, 1, "it comes back twice:\n{tree}");
            }
            other => panic!("{other:?}:\n{tree}"),
        }
    }

    // --- the end ----------------------------------------------------------------------------------------------------

    fn end(mut self) {
        // Nobody answers any more, and all that waits for somebody comes to an end.
        for _ in 0..40 {
            self.pass(Duration::from_secs(5));
        }
        for (number, word) in self.words.iter().enumerate() {
            assert!(word.written + word.returned > 0, "nobody knows what became of word {number}");
        }
        (0..PEOPLE.len()).for_each(|own| self.presence(own, "type='unavailable'"));
        assert!(!self.open && self.lines.is_empty() && self.announced.is_empty(), "something is left");
        assert_eq!(self.shown, BTreeSet::new(), "still shown");
        assert_eq!((self.gateway.counts(), self.gateway.wake_at()), ((0, 0), None));
    }
}

impl Line {
    fn new(remote: SocketAddr, made: bool) -> Line {
        Line { remote, made, told: Vec::new(), reader: Reader::new(), ended: false }
    }
}

fn place(text: &str) -> SocketAddr {
    text.parse().expect("it is an address")
}
