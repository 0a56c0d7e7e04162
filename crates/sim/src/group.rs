//! Design, section 14: several nodes under one clock and one seed, and the links between them with their weather.
//!
//! A link is up or cut. While it is up, what one side says arrives in order, late as the weather has it (what is lost on
//! the way is said again by the transport: that is a delay). When it is cut, what is under way is lost, and each side
//! notices in its own time. Who a device is needs no proof here: the group tells each node who is in reach.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use base::{Bare, Circle, DeviceId, Time};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use store::Twin;
use xmpp::{Answer, Command};

use crate::bench::{Bench, Seat, Setup};
use crate::client::Goal;
use crate::heap::Heap;
use crate::xml::Tree;

/// More events than any test arranges.
const EVENTS_MAX: u64 = 50_000_000;

/// How the links are.
#[derive(Clone, Debug)]
pub struct Weather {
    /// How long a parcel is under way.
    pub delay: RangeInclusive<Duration>,
    /// Of a hundred parcels so many are lost once and come so much later, with all behind them.
    pub loss_percent: u32,
    /// How much later.
    pub loss_delay: Duration,
    /// How long a side takes to notice that a link is cut.
    pub notice: RangeInclusive<Duration>,
    /// How long until a link that is wanted is there again.
    pub redial: RangeInclusive<Duration>,
    /// How long a link holds until it is cut by itself, if it is at all.
    pub holds: Option<RangeInclusive<Duration>>,
}

impl Default for Weather {
    /// A quiet room.
    fn default() -> Weather {
        Weather {
            delay: Duration::from_micros(300)..=Duration::from_millis(5),
            loss_percent: 0,
            loss_delay: Duration::from_millis(200),
            notice: Duration::ZERO..=Duration::from_millis(10),
            redial: Duration::from_millis(50)..=Duration::from_millis(500),
            holds: None,
        }
    }
}

/// One of the group's nodes.
pub type Member = usize;

/// A client at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The node.
    pub member: Member,
    seat: Seat,
}

type Pair = (Member, Member);

/// A link between two nodes; its sides are the lower and the higher member.
#[derive(Default)]
struct Wire {
    /// Grows when it is cut: what belongs to an older one is lost.
    epoch: u64,
    live: bool,
    /// Which epoch each side believes to be up.
    seen: [Option<u64>; 2],
    /// When the last parcel arrives at each side.
    arrives: [Time; 2],
}

enum Event {
    Up { pair: Pair, epoch: u64, side: usize },
    Down { pair: Pair, epoch: u64, side: usize },
    Frame { pair: Pair, epoch: u64, side: usize, from: DeviceId, to: Bare, bytes: Vec<u8> },
    Redial { pair: Pair },
    Fall { pair: Pair, epoch: u64 },
}

/// See the module.
pub struct Group {
    /// May be changed at any time.
    pub weather: Weather,
    seed: u64,
    rng: ChaCha8Rng,
    now: Time,
    nodes: Vec<Bench>,
    crashes: Vec<u64>,
    devices: BTreeMap<DeviceId, (Member, Bare)>,
    wires: BTreeMap<Pair, Wire>,
    /// Links that are made again when they are cut.
    wanted: BTreeSet<Pair>,
    heap: Heap<Event>,
    /// Parcels that have arrived, and their bytes.
    carried: (u64, u64),
}

impl Group {
    /// Nodes that serve these domains; one domain may have several. Nobody is linked.
    pub fn new(seed: u64, domains: &[&str]) -> Group {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let node = |domain: &&str| {
            let setup = Setup { domain: (*domain).into(), ..Setup::default() };
            Bench::set_up(rng.next_u64(), setup)
        };
        let nodes: Vec<Bench> = domains.iter().map(node).collect();
        Group {
            weather: Weather::default(),
            seed,
            now: nodes.first().map_or(Time(0), |node| node.now().mono),
            rng,
            crashes: vec![0; nodes.len()],
            nodes,
            devices: BTreeMap::new(),
            wires: BTreeMap::new(),
            wanted: BTreeSet::new(),
            heap: Heap::default(),
            carried: (0, 0),
        }
    }

    /// What to say when something fails.
    pub fn replay(&self) -> String {
        format!("replay: POST_SEED={} cargo test -p sim --test groups_storm", self.seed)
    }

    // --- people -----------------------------------------------------------------------------------------------------

    /// Makes an account, which is a device of its address on this node.
    #[track_caller]
    pub fn make_account(&mut self, member: Member, account: &str) -> DeviceId {
        self.sync(member);
        self.nodes[member].make_account(account, crate::bench::PASSWORD);
        self.collect(member);
        let address = Bare::new(&self.nodes[member].ordinary(account).address()).expect("tests have proper names");
        let mut key = [0; 32];
        key[0] = member as u8 + 1;
        for (byte, letter) in key[1..].iter_mut().zip(account.bytes()) {
            *byte = letter;
        }
        let device = DeviceId(key);
        self.devices.insert(device, (member, address.clone()));
        // Who has a link hears of it.
        for pair in self.wires.keys().copied().collect::<Vec<_>>() {
            let Some(side) = [pair.1, pair.0].iter().position(|other| *other == member) else { continue };
            if self.wires[&pair].live {
                let other = if side == 0 { pair.0 } else { pair.1 };
                self.sync(other);
                self.nodes[other].reach(device, &address, true);
                self.collect(other);
            }
        }
        device
    }

    /// A client with XEP-0198 of an account, online and available.
    #[track_caller]
    pub fn login(&mut self, member: Member, account: &str, resource: &str) -> At {
        let address = self.nodes[member].ordinary(account).address();
        if !self.devices.values().any(|(m, known)| *m == member && known.as_str() == address) {
            self.make_account(member, account);
        }
        self.sync(member);
        let seat = self.nodes[member].login_managed(account, resource);
        self.collect(member);
        At { member, seat }
    }

    /// The client says something.
    pub fn send(&mut self, at: At, xml: &str) {
        self.sync(at.member);
        self.nodes[at.member].send(at.seat, xml);
        self.collect(at.member);
    }

    /// The client's cable is cut, and the node sees that.
    pub fn cut_client(&mut self, at: At) {
        self.sync(at.member);
        self.nodes[at.member].cut(at.seat);
    }

    /// The client ends its stream.
    pub fn disconnect(&mut self, at: At) {
        self.sync(at.member);
        self.nodes[at.member].disconnect(at.seat);
        self.collect(at.member);
    }

    /// The client comes back, if it is away. What comes of it takes its time.
    pub fn come_back(&mut self, at: At) {
        self.sync(at.member);
        if self.nodes[at.member].client_of(at.seat).is_away() {
            self.nodes[at.member].begin_to_connect(at.seat, Goal::Online);
            self.collect(at.member);
        }
    }

    /// Whether the client is online, so that what it says is heard.
    pub fn is_ready(&mut self, at: At) -> bool {
        self.nodes[at.member].client_of(at.seat).is_ready()
    }

    /// What a client has heard since it was asked last.
    pub fn heard(&mut self, at: At) -> Vec<Tree> {
        let client = self.nodes[at.member].client_of(at.seat);
        std::iter::from_fn(|| client.next_heard()).collect()
    }

    /// The same, and it is there to be asked for again.
    pub fn glimpse(&mut self, at: At) -> Vec<Tree> {
        self.nodes[at.member].client_of(at.seat).heard().iter().cloned().collect()
    }

    /// Stanzas of a client that its node has acknowledged.
    pub fn acknowledged(&mut self, at: At) -> Vec<String> {
        self.nodes[at.member].client_of(at.seat).acknowledged().to_vec()
    }

    /// An order at a node.
    pub fn command(&mut self, member: Member, command: Command) -> Answer {
        self.sync(member);
        let answer = self.nodes[member].command(command);
        self.collect(member);
        answer
    }

    /// How near somebody is to an account of a node, until it is started again.
    pub fn circle(&mut self, member: Member, own: &Bare, other: &Bare, circle: Circle) {
        self.sync(member);
        self.nodes[member].circle(own, other, circle);
        self.collect(member);
    }

    /// A node as a bench of its own. Time is the group's.
    pub fn node(&mut self, member: Member) -> &mut Bench {
        self.sync(member);
        &mut self.nodes[member]
    }

    // --- links ------------------------------------------------------------------------------------------------------

    /// These two are linked from now on, again and again.
    pub fn link(&mut self, a: Member, b: Member) {
        let pair = (a.min(b), a.max(b));
        self.wanted.insert(pair);
        self.connect(pair);
    }

    /// All are linked with all.
    pub fn link_all(&mut self) {
        for a in 0..self.nodes.len() {
            (a + 1..self.nodes.len()).for_each(|b| self.link(a, b));
        }
    }

    /// The cable between two is out, and stays out until they are linked again.
    pub fn unlink(&mut self, a: Member, b: Member) {
        let pair = (a.min(b), a.max(b));
        self.wanted.remove(&pair);
        self.cut(pair);
    }

    /// The link breaks, and is made again.
    pub fn shake(&mut self, a: Member, b: Member) {
        self.cut((a.min(b), a.max(b)));
    }

    /// Another link takes the place of theirs, and what was under way on the old one is lost: neither side sees a gap.
    pub fn relink(&mut self, a: Member, b: Member) {
        let pair = (a.min(b), a.max(b));
        if let Some(wire) = self.wires.get_mut(&pair).filter(|wire| wire.live) {
            wire.live = false;
            wire.epoch += 1;
            self.connect(pair);
        }
    }

    fn connect(&mut self, pair: Pair) {
        let wire = self.wires.entry(pair).or_default();
        if wire.live {
            return;
        }
        wire.live = true;
        let epoch = wire.epoch;
        for side in 0..2 {
            let at = self.now + self.chance(&self.weather.delay.clone());
            if let Some(wire) = self.wires.get_mut(&pair) {
                wire.arrives[side] = at;
            }
            self.heap.push(at, Event::Up { pair, epoch, side });
        }
        if let Some(holds) = self.weather.holds.clone() {
            let at = self.now + self.chance(&holds);
            self.heap.push(at, Event::Fall { pair, epoch });
        }
    }

    fn cut(&mut self, pair: Pair) {
        let Some(wire) = self.wires.get_mut(&pair).filter(|wire| wire.live) else { return };
        wire.live = false;
        let epoch = wire.epoch;
        wire.epoch += 1;
        for side in 0..2 {
            let at = self.now + self.chance(&self.weather.notice.clone());
            self.heap.push(at, Event::Down { pair, epoch, side });
        }
        if self.wanted.contains(&pair) {
            let at = self.now + self.chance(&self.weather.redial.clone());
            self.heap.push(at, Event::Redial { pair });
        }
    }

    // --- nodes ------------------------------------------------------------------------------------------------------

    /// A node is killed and starts again.
    pub fn crash(&mut self, member: Member) {
        self.sync(member);
        self.nodes[member].crash();
        self.fallen(member);
    }

    /// A node is killed, and starts again from a backup.
    pub fn restore(&mut self, member: Member, backup: &Twin) {
        self.sync(member);
        self.nodes[member].restore(backup);
        self.fallen(member);
    }

    /// A node's process is new: it has no links, and the others notice that in their time.
    fn fallen(&mut self, member: Member) {
        self.crashes[member] = self.nodes[member].crashes();
        for pair in self.wires.keys().copied().filter(|(a, b)| *a == member || *b == member).collect::<Vec<_>>() {
            self.cut(pair);
            let side = usize::from(pair.1 == member);
            if let Some(wire) = self.wires.get_mut(&pair) {
                wire.seen[side] = None;
            }
        }
    }

    /// Parcels that have arrived, and their bytes.
    pub fn carried(&self) -> (u64, u64) {
        self.carried
    }

    // --- time -------------------------------------------------------------------------------------------------------

    /// Lets time pass with all that is due in it.
    #[track_caller]
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..EVENTS_MAX {
            let nodes = self.nodes.iter().enumerate().filter_map(|(member, node)| Some((node.next_at()?, member)));
            let next = nodes.min();
            let wire = self.heap.next_at();
            match (next.filter(|(at, _)| *at <= end), wire.filter(|at| *at <= end)) {
                (None, None) => {
                    self.now = end;
                    return (0..self.nodes.len()).for_each(|member| self.sync(member));
                }
                (Some((at, member)), wire) if wire.is_none_or(|wire| at <= wire) => {
                    self.now = self.now.max(at);
                    self.nodes[member].step(at);
                    if self.nodes[member].crashes() > self.crashes[member] {
                        self.fallen(member);
                    }
                    self.collect(member);
                }
                _ => {
                    if let Some((at, event)) = self.heap.pop() {
                        self.now = self.now.max(at);
                        self.happen(event);
                    }
                }
            }
        }
        panic!("it never becomes idle; {}", self.replay());
    }

    /// A node's clock is the group's.
    fn sync(&mut self, member: Member) {
        self.nodes[member].advance(self.now);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Up { pair, epoch, side } => {
                let Some(wire) = self.wires.get_mut(&pair).filter(|wire| wire.live && wire.epoch == epoch) else {
                    return;
                };
                wire.seen[side] = Some(epoch);
                self.tell(pair, side, true);
            }
            Event::Down { pair, epoch, side } => {
                let Some(wire) = self.wires.get_mut(&pair).filter(|wire| wire.seen[side] == Some(epoch)) else {
                    return;
                };
                wire.seen[side] = None;
                self.tell(pair, side, false);
            }
            Event::Frame { pair, epoch, side, from, to, bytes } => {
                if self.wires[&pair].epoch == epoch {
                    self.carried.0 += 1;
                    self.carried.1 += bytes.len() as u64;
                    let member = if side == 0 { pair.0 } else { pair.1 };
                    self.sync(member);
                    self.nodes[member].parcel(from, &to, bytes);
                    self.collect(member);
                }
            }
            Event::Redial { pair } => {
                if self.wanted.contains(&pair) {
                    self.connect(pair);
                }
            }
            Event::Fall { pair, epoch } => {
                if self.wires[&pair].epoch == epoch {
                    self.cut(pair);
                }
            }
        }
    }

    /// Tells one side of a link who is in reach by it, or is no more.
    fn tell(&mut self, pair: Pair, side: usize, up: bool) {
        let (member, other) = if side == 0 { pair } else { (pair.1, pair.0) };
        self.sync(member);
        for (device, (at, address)) in self.devices.clone() {
            if at == other {
                self.nodes[member].reach(device, &address, up);
            }
        }
        self.collect(member);
    }

    /// What a node has given to its links is under way.
    fn collect(&mut self, member: Member) {
        self.now = self.now.max(self.nodes[member].now().mono);
        for (from, to, bytes) in self.nodes[member].take_parcels() {
            let Some((other, address)) = self.devices.get(&to).cloned() else { continue };
            let own = self.devices.iter().find(|(_, (at, address))| *at == member && *address == from);
            let (Some(own), pair) = (own.map(|(device, _)| *device), (member.min(other), member.max(other))) else {
                continue;
            };
            let (mine, theirs) = if pair.0 == member { (0, 1) } else { (1, 0) };
            let mut delay = self.chance(&self.weather.delay.clone());
            if self.rng.next_u32() % 100 < self.weather.loss_percent {
                delay += self.weather.loss_delay;
            }
            let Some(wire) = self.wires.get_mut(&pair) else { continue };
            // Whoever has not noticed yet speaks into a dead link.
            if !wire.live || wire.seen[mine] != Some(wire.epoch) {
                continue;
            }
            wire.arrives[theirs] = wire.arrives[theirs].max(self.now + delay);
            let frame = Event::Frame { pair, epoch: wire.epoch, side: theirs, from: own, to: address, bytes };
            self.heap.push(wire.arrives[theirs], frame);
        }
    }

    /// A number below `n`, by the group's chance.
    pub fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    fn chance(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let width = (*range.end() - *range.start()).as_micros() as u64 + 1;
        *range.start() + Duration::from_micros(self.rng.next_u64() % width)
    }
}
