//! `docs/formats/links.md`, `docs/formats/verification.md`: two nodes, and somebody between them who changes, leaves out,
//! repeats and makes up frames of every protocol.
//!
//! The bytes are a script. Links come and go, people compare words, parcels are said. Whoever is between the two has none of
//! their keys.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base::ledger::Write;
use base::limits::{
    INTRODUCTION_FRAME_BYTES_MAX, LINK_FRAME_BYTES_MAX, VERIFICATION_FRAME_BYTES_MAX, VERIFICATION_TRIES_MAX,
};
use base::{Bare, DeviceId, LinkId, Now, Time, Wall};
use mesh::identity::household::{self, Authority, Keys};
use mesh::identity::introduction::{Own, Visibility};
use mesh::identity::{DeviceKey, Directory, PersonKey};
use mesh::link::{Command, DownCause, Event, ProtocolId};
use mesh::node::{Input, Node, Output};
use mesh::verification::{Act, Event as Compared, WORDS};
use mesh::{Draft, Genesis, RootKey};

use super::script::Script;

/// More steps than a script needs to get anywhere.
const STEPS_MAX: usize = 160;

/// More often than anything follows from anything at once.
const ROUNDS_MAX: usize = 100;

const START: Now = Now { mono: Time(1_000_000), wall: Wall(1_795_168_380_000) };
const HOUR: Duration = Duration::from_secs(3600);
const PROTOCOLS: [ProtocolId; 3] = [ProtocolId::INTRODUCTION, ProtocolId::POST, ProtocolId::VERIFICATION];

/// Frames that whoever is between the two remembers.
const REMEMBERED_MAX: usize = 64;

/// Lisa; and at the other end Tom and Mary, who share a laptop.
static PEOPLE: LazyLock<[Arc<Own>; 3]> = LazyLock::new(|| {
    [("lisa", 1, 11), ("tom", 3, 12), ("mary", 3, 13)].map(|(name, root, seed)| own(name, root, seed))
});

fn own(name: &str, root: u8, seed: u8) -> Arc<Own> {
    let next = RootKey::from_seed(&[root + 1; 32]).public().commitment();
    let root_key = RootKey::from_seed(&[root; 32]);
    // Found by search, once.
    let modifier: u128 = if root == 1 { 0x0010_9eaf } else { 0x0083_3a2c };
    let draft = Draft { label: None, root: root_key.public(), next };
    let genesis = Genesis::new(draft, modifier.to_be_bytes()).expect("a good modifier");
    let address = Bare::new(&format!("{name}@{}", genesis.name())).expect("it is an address");
    let (person, device) = (PersonKey::from_seed(&[seed; 32]), DeviceKey::from_seed(&[seed + 50; 32]));
    let keys = Keys { genesis: &genesis, authority: Authority::Root(&root_key), person: &person, device: &device };
    let chain = household::certify(&mut Directory::new(), START.wall, &address, keys).expect("a chain");
    Arc::new(Own::new(device, chain).and_then(|own| own.with_person(person)).expect("their own"))
}

fn device(person: usize) -> DeviceId {
    PEOPLE[person].chain().proven().device
}

fn address(person: usize) -> &'static Bare {
    &PEOPLE[person].chain().proven().address
}

/// On which node somebody is.
fn node_of(person: usize) -> usize {
    person.min(1)
}

/// Any bytes, as a script.
///
/// # Panics
/// If a node does, or believes something that nobody has said.
pub fn frames(data: &[u8]) {
    let mut play = Play::new();
    let mut script = Script(data);
    for _ in 0..STEPS_MAX {
        let (Some(step), Some(how)) = (script.next(), script.next()) else { break };
        play.step(step, how, &mut script);
    }
    play.end();
}

/// What somebody knows of an attempt to compare words with somebody.
#[derive(Default)]
struct Screen {
    words: Option<[&'static str; WORDS]>,
    /// What they have said yes to.
    agreed: Option<[&'static str; WORDS]>,
    /// All words that there were, and when.
    tries: Vec<(Time, [&'static str; WORDS])>,
}

/// A stream: to which node, of which link and protocol.
type Road = (usize, u64, usize);

struct Play {
    now: Now,
    nodes: [Node; 2],
    /// Links that each end has.
    up: [BTreeSet<u64>; 2],
    next_link: u64,
    roads: BTreeMap<Road, VecDeque<Vec<u8>>>,
    remembered: VecDeque<Vec<u8>>,
    /// Who is in reach of each.
    reach: [BTreeMap<DeviceId, Bare>; 2],
    /// What stands on whose screen about whom.
    screens: BTreeMap<(usize, usize), Screen>,
}

impl Play {
    fn new() -> Play {
        let nodes = [1, 2].map(|seed| Node::new(START, 5299, false, [seed; 32]));
        let mut play = Play {
            now: START,
            nodes,
            up: Default::default(),
            next_link: 1,
            roads: BTreeMap::new(),
            remembered: VecDeque::new(),
            reach: Default::default(),
            screens: BTreeMap::new(),
        };
        play.devices(0, 7);
        play.devices(1, 7);
        play
    }

    fn step(&mut self, step: u8, how: u8, script: &mut Script<'_>) {
        let low = usize::from(how);
        match step % 20 {
            0..=2 => self.carry(low, |frame| frame),
            3 => self.carry_all(),
            4 | 5 => {
                let (at, bit) = (script.below(256), script.below(8));
                self.carry(low, |mut frame| {
                    let at = at % frame.len().max(1);
                    frame.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
                    frame
                });
            }
            6 => {
                let (from, to) = (script.below(256), script.below(256));
                self.carry(low, |frame| frame[from.min(frame.len())..to.max(from).min(frame.len())].to_vec());
            }
            7 => drop(self.take(low)),
            8 | 9 => self.repeat(low, script),
            10 => {
                let frame = script.take(low >> 1).to_vec();
                self.deliver(
                    low & 1,
                    script.below(4) as u64 + self.next_link.saturating_sub(4),
                    script.below(3),
                    frame,
                );
            }
            11 => self.link(how & 1 == 1),
            12 => {
                let links: Vec<u64> = self.up[0].union(&self.up[1]).copied().collect();
                if let Some(link) = links.get(low % links.len().max(1)) {
                    self.down(*link);
                }
            }
            13 => self.say(low, script),
            14 | 15 => {
                let (own, other) = [(0, 1), (0, 2), (1, 0), (2, 0)][low & 3];
                self.act(own, other, [Act::Begin, Act::Agree, Act::Refuse][(low >> 2) % 3]);
            }
            16 => {
                let (own, other) = [(0, 1), (0, 2), (1, 0), (2, 0)][low & 3];
                self.tell(node_of(own), Input::Unverify { own: address(own), other: address(other) });
            }
            17 => self.devices(low & 1, how >> 1),
            _ => self.pass(Duration::from_millis(1 << (how >> 3).min(23))),
        }
    }

    // --- what happens -----------------------------------------------------------------------------------------------

    fn devices(&mut self, node: usize, who: u8) {
        let visibility = |person: usize| match who >> 3 & 1 {
            1 if person == 1 => Visibility::Known(Arc::new([].into())),
            _ => Visibility::Everyone,
        };
        let here = (0..3).filter(|person| node_of(*person) == node && who >> person & 1 == 1);
        // Who is here no more has never tried.
        let gone = |own: usize| node_of(own) == node && who >> own & 1 == 0;
        for (_, screen) in self.screens.iter_mut().filter(|((own, _), _)| gone(*own)) {
            (screen.words, screen.tries) = (None, Vec::new());
        }
        let devices = here.map(|person| (Arc::clone(&PEOPLE[person]), visibility(person))).collect();
        self.tell(node, Input::Devices(devices));
    }

    fn link(&mut self, dialled: bool) {
        let link = self.next_link;
        self.next_link += 1;
        let keys = [[link as u8, 1], [link as u8, 2]].map(|key| key.repeat(16).try_into().expect("32 bytes"));
        self.up.iter_mut().for_each(|up| up.extend([link]));
        for node in 0..2 {
            if !self.up[node].contains(&link) {
                // The other end has closed it at once.
                continue;
            }
            let event = Event::Up {
                link: LinkId(link),
                attempt: None,
                exporter: [link as u8; 32],
                local_key: keys[node],
                remote_key: keys[1 - node],
                dialled: dialled == (node == 0),
                remote: ([192, 0, 2, 1], 5299).into(),
            };
            self.tell(node, Input::Link(event));
        }
    }

    fn down(&mut self, link: u64) {
        self.roads.retain(|(_, of, _), _| *of != link);
        for node in 0..2 {
            if self.up[node].remove(&link) {
                self.tell(node, Input::Link(Event::Down { link: LinkId(link), cause: DownCause::Silent }));
            }
        }
    }

    fn say(&mut self, how: usize, script: &mut Script<'_>) {
        let (own, other) = [(0, 1), (0, 2), (1, 0), (2, 0)][how & 3];
        let bytes = script.take(how >> 4).to_vec();
        self.tell(node_of(own), Input::Parcel { from: address(own), to: device(other), bytes });
    }

    fn act(&mut self, own: usize, other: usize, act: Act) {
        let screen = self.screens.entry((own, other)).or_default();
        if act == Act::Agree {
            screen.agreed = screen.words;
        }
        self.tell(node_of(own), Input::Verify { own: address(own), other: address(other), act });
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        for node in 0..2 {
            let mut rounds = 0;
            while let Some(due) = self.nodes[node].wake_at().filter(|due| *due <= end) {
                rounds = if due <= self.now.mono { rounds + 1 } else { 0 };
                assert!(rounds < ROUNDS_MAX, "a deadline comes again and again");
                self.set_clock(due.max(self.now.mono));
                self.tell(node, Input::Timer);
            }
        }
        self.set_clock(end.max(self.now.mono));
    }

    fn set_clock(&mut self, mono: Time) {
        self.now.wall.0 += (mono - self.now.mono).as_millis() as i64;
        self.now.mono = mono;
    }

    // --- what is between them ---------------------------------------------------------------------------------------

    /// The next frame of one of the streams that have some.
    fn take(&mut self, number: usize) -> Option<(Road, Vec<u8>)> {
        let count = self.roads.len().max(1);
        let road = *self.roads.keys().nth(number % count)?;
        let frames = self.roads.get_mut(&road)?;
        let frame = frames.pop_front()?;
        if frames.is_empty() {
            self.roads.remove(&road);
        }
        Some((road, frame))
    }

    fn carry(&mut self, number: usize, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        if let Some(((node, link, protocol), frame)) = self.take(number) {
            self.deliver(node, link, protocol, change(frame));
        }
    }

    fn carry_all(&mut self) {
        for _ in 0..STEPS_MAX {
            self.carry(0, |frame| frame);
        }
    }

    /// Something is said again, there or elsewhere.
    fn repeat(&mut self, how: usize, script: &mut Script<'_>) {
        let count = self.remembered.len().max(1);
        let Some(frame) = self.remembered.get(script.below(REMEMBERED_MAX) % count).cloned() else { return };
        let links: Vec<u64> = self.up[how & 1].iter().copied().collect();
        if let Some(link) = links.get((how >> 3) % links.len().max(1)) {
            self.deliver(how & 1, *link, (how >> 1) % 3, frame);
        }
    }

    fn deliver(&mut self, node: usize, link: u64, protocol: usize, frame: Vec<u8>) {
        if self.up[node].contains(&link) {
            let protocol = PROTOCOLS[protocol].clone();
            self.tell(node, Input::Link(Event::Frame { link: LinkId(link), protocol, frame }));
        }
    }

    // --- what the nodes do ------------------------------------------------------------------------------------------

    fn tell(&mut self, node: usize, input: Input<'_>) {
        self.nodes[node].handle(self.now, input);
        let mut closed = Vec::new();
        while let Some(output) = self.nodes[node].poll() {
            match output {
                Output::Link(Command::Send { link, protocol, frame }) => self.send(node, link, &protocol, frame),
                Output::Link(Command::Close { link, .. }) => closed.push(link.0),
                Output::Reach { device, address, up } => self.reaches(node, device, address, up),
                // Whoever is between the two could change it: that they cannot be there is the link's business.
                Output::Parcel { from, to, .. } => {
                    assert!(self.reach[node].contains_key(&from), "somebody speaks who is not in reach");
                    let person = (0..3).find(|person| *address(*person) == to).expect("it is for somebody");
                    assert_eq!(node_of(person), node, "it is for {to}");
                }
                Output::Verification { own, other, event } => self.compared(node, &own, &other, event),
                Output::Store(batch) => {
                    let known = |write: &Write| {
                        matches!(write, Write::PutStatement(_) | Write::RemoveStatement(_) | Write::PutPin(_))
                    };
                    assert!(batch.iter().all(known), "{batch:?}");
                }
                Output::Link(_) | Output::Order(_) | Output::Reason(_) | Output::Moved => {}
                Output::Circle { .. } | Output::Trouble(_) => {}
            }
        }
        closed.into_iter().for_each(|link| self.down(link));
    }

    fn send(&mut self, node: usize, link: LinkId, protocol: &ProtocolId, frame: Vec<u8>) {
        let protocol = PROTOCOLS.iter().position(|known| known == protocol).expect("it is one of these");
        let most = [INTRODUCTION_FRAME_BYTES_MAX, LINK_FRAME_BYTES_MAX, VERIFICATION_FRAME_BYTES_MAX][protocol];
        assert!(frame.len() <= most, "{} bytes", frame.len());
        if !self.up[1 - node].contains(&link.0) {
            return;
        }
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        self.remembered.push_back(frame.clone());
        self.roads.entry((1 - node, link.0, protocol)).or_default().push_back(frame);
    }

    /// Only who has the keys is ever in reach.
    fn reaches(&mut self, node: usize, device: DeviceId, address: Bare, up: bool) {
        let known = PEOPLE.iter().map(|own| own.chain().proven()).find(|proven| proven.device == device);
        let known = known.expect("nobody else has proved anything");
        assert_eq!(known.address, address, "an address that nobody has proved");
        let person = (0..3).find(|person| self::device(*person) == device).expect("it is one of them");
        assert_ne!(node_of(person), node, "nobody is in reach of themselves");
        if up {
            self.reach[node].insert(device, address);
        } else {
            assert!(self.reach[node].remove(&device).is_some(), "they were not in reach");
        }
    }

    /// What stands on a screen is what both have said.
    fn compared(&mut self, node: usize, own: &Bare, other: &Bare, event: Compared) {
        let person = |who: &Bare| (0..3).find(|person| address(*person) == who).expect("it is one of them");
        let (own, other) = (person(own), person(other));
        assert_eq!(node_of(own), node);
        let there = self.screens.get(&(other, own)).and_then(|screen| screen.agreed);
        let now = self.now.mono;
        let screen = self.screens.entry((own, other)).or_default();
        match event {
            Compared::Compare { words, .. } => {
                if screen.tries.last().is_none_or(|(_, before)| *before != words) {
                    screen.agreed = None;
                    screen.tries.push((now, words));
                }
                screen.words = Some(words);
                let lately = screen.tries.iter().filter(|(at, _)| now - *at < HOUR).count();
                assert!(lately <= VERIFICATION_TRIES_MAX, "{lately} tries in an hour");
            }
            Compared::Verified => {
                assert!(screen.agreed.is_some(), "{} has not said yes", address(own));
                assert_eq!(screen.agreed, there, "{} has said yes to something else", address(other));
            }
            Compared::Failed(_) => screen.words = None,
            Compared::Asked | Compared::Waiting => {}
        }
    }

    // --- the end ----------------------------------------------------------------------------------------------------

    /// Nobody is between the two any more: they find each other as if nobody had been.
    fn end(mut self) {
        let links: Vec<u64> = self.up[0].union(&self.up[1]).copied().collect();
        links.into_iter().for_each(|link| self.down(link));
        assert!(self.reach.iter().all(BTreeMap::is_empty), "who is still in reach? {:?}", self.reach);
        self.devices(0, 7);
        self.devices(1, 7);
        self.link(true);
        self.carry_all();
        assert_eq!(self.reach.each_ref().map(BTreeMap::len), [2, 1], "all are in reach");
        for (own, other) in [(0, 1), (2, 0)] {
            let bytes = b"\0still here".to_vec();
            self.tell(node_of(own), Input::Parcel { from: address(own), to: device(other), bytes });
            assert_eq!(self.roads.len(), 1, "it leaves");
            self.carry_all();
        }
    }
}
