//! Design, sections 5 and 6: the node, one value for each process: whom it has found, who is proven to be at the other end
//! of which link, and therefore who is in reach.
//!
//! It joins the [`Finder`], the [`Dialer`], an [`Introduction`] for each link and the [`Directory`]; it knows no XMPP: what
//! passes between accounts are parcels. One input, then drain [`Node::poll`], then sleep until [`Node::wake_at`].

mod attachment;
mod pairs;
mod people;
mod vouchers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::ledger::{Batch, PinRow, StatementRow};
use base::limits::{EARLY_PARCELS_BYTES_MAX, LINKS_MAX};
use base::{Bare, Circle, DeviceId, LinkId, Now, Time};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::finding::{self, Finder, Instance, Key, Order, Reason};
use crate::identity::introduction::{self, Introduction, Own, Policy, Role, Visibility};
use crate::identity::{Chain, Directory, KeyChange, Kind, Pin, Refusal, Statement, household};
use crate::link::dialer::{self, Dialer};
use crate::link::{CloseCode, Command, DialCause, Event, ProtocolId};
use crate::post::Parcel;
use crate::verification::book::Book;
use crate::verification::line::Secret;
use crate::verification::{self, Act};
use attachment::Attachment;
use pairs::{Pair, Pairs};

/// Stands before what an address is called as somebody to be dialled, so that no instance's name is like it.
const MANUAL: &str = "~";

/// How long a link may live before what was proved on it is judged by the calendar again. Membership ends by months.
const RECHECK_TIME: Duration = Duration::from_secs(24 * 3600);

/// How long a link may be without people before it makes room for others: proofs take a few round trips.
const PROOF_TIME: Duration = Duration::from_secs(5);

/// What a node is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// The devices of this node's accounts, all of them, and to whom each shows itself.
    Devices(Vec<(Arc<Own>, Visibility)>),
    /// The kernel, a responder or a person says something of the network.
    Found(finding::Input),
    /// The layer of links says something.
    Link(Event),
    /// An account of ours has a parcel for a device. Lost if it is not in reach.
    Parcel {
        /// Our account.
        from: &'a Bare,
        /// The device.
        to: DeviceId,
        /// The parcel.
        bytes: Vec<u8>,
    },
    /// A person wants this address to be tried now, and again whenever the network changes.
    Dial(SocketAddr),
    /// A person says that the key which an address shows now is right.
    Accept {
        /// The address.
        address: &'a Bare,
        /// The key that they mean: nothing happens if another one was shown meanwhile.
        shown: Pin,
    },
    /// A person does something to make sure who somebody is.
    Verify {
        /// Their account.
        own: &'a Bare,
        /// The other one.
        other: &'a Bare,
        /// What they do.
        act: Act,
    },
    /// A person takes back that somebody is who they say.
    Unverify {
        /// Their account.
        own: &'a Bare,
        /// The other one.
        other: &'a Bare,
    },
    /// [`Node::wake_at`] has come.
    Timer,
}

/// What a node wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// For the responders of mDNS.
    Order(Order),
    /// For the layer of links.
    Link(Command),
    /// A device came in reach, anew or by another link than before; or it left.
    Reach {
        /// The device.
        device: DeviceId,
        /// What its chain proves.
        address: Bare,
        /// Whether it is in reach.
        up: bool,
    },
    /// A device has a parcel for an account of ours.
    Parcel {
        /// The device.
        from: DeviceId,
        /// Our account.
        to: Bare,
        /// The parcel.
        bytes: Vec<u8>,
    },
    /// To be written.
    Store(Batch),
    /// Why nobody is found, for people; `None` when somebody is.
    Reason(Option<Reason>),
    /// This machine has come to another network: the links that there were are over, and those to come have another key.
    Moved,
    /// Two people compare words, or have.
    Verification {
        /// Whom to tell.
        own: Bare,
        /// The other one.
        other: Bare,
        /// What.
        event: verification::Event,
    },
    /// How near somebody is to an account of ours, if not as was said last; whoever was not named is red. People of one
    /// domain are green to each other without being named.
    Circle {
        /// The account.
        own: Bare,
        /// Who.
        other: Bare,
        /// How near.
        circle: Circle,
    },
    /// Something that a person should hear of.
    Trouble(Trouble),
}

/// What a person should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody proves an address with another key than the known one, and is not taken for it (attack case E07).
    KeyChanged(Box<KeyChange>),
    /// What proves that an address is ours does not hold: the clock is wrong, or it was taken back.
    OwnRefused(Bare, Refusal),
    /// No more keys of people can be remembered: who is new is not recognised next time.
    TooManyKeys,
    /// A device with the key of one of ours is in reach: the data directory was copied, and both copies run (attack case
    /// B23).
    Twin(Bare),
}

/// Somebody who is in reach, for those who look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Who.
    pub address: Bare,
    /// On which device.
    pub device: DeviceId,
    /// Where.
    pub remote: SocketAddr,
    /// Since when there is this link.
    pub since: Time,
}

/// What has come of an address that a person named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// It is being tried.
    Going,
    /// There is a link, and these people are on it.
    Linked(Vec<Bare>),
    /// The last attempt came to nothing.
    Failed(DialCause),
    /// [`MANUAL_ADDRESSES_MAX`](base::limits::MANUAL_ADDRESSES_MAX) others were named already.
    TooMany,
}

/// What a node has counted since it began: no name of anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Links that came up.
    pub links: u64,
    /// Dials that began.
    pub dials: u64,
    /// Those that made no link, by [`DialCause::name`].
    pub dials_failed: BTreeMap<&'static str, u64>,
    /// Parcels that were given to a link.
    pub parcels_sent: u64,
    /// Parcels that came from devices that had proved who they are.
    pub parcels_received: u64,
    /// What came in place of a parcel, and parcels that came before their sender's proof and were too many.
    pub parcels_refused: u64,
}

/// A link and who is there.
struct Link {
    introduction: Introduction,
    remote: SocketAddr,
    since: Time,
    sent: Pairs,
    received: Pairs,
    /// Parcels of devices that have not proved yet that they are there: their proof is on another stream.
    early: VecDeque<(Pair, Vec<u8>)>,
    early_bytes: usize,
    /// What two people's words depend on here, and which end this is.
    secret: Secret,
    dialled: bool,
}

/// See the module.
pub struct Node {
    now: Now,
    /// When everybody in reach was judged last.
    checked_at: Time,
    directory: Directory,
    finder: Finder,
    attachment: Attachment,
    dialer: Dialer,
    devices: Vec<(Arc<Own>, Visibility)>,
    links: BTreeMap<LinkId, Link>,
    /// The links on which each device is proven; parcels go by the last one.
    reach: BTreeMap<DeviceId, Vec<(LinkId, Bare)>>,
    /// Those whose key is not the known one, each with the last that was shown, until somebody with the known key is there: a
    /// person may take a day to ask them.
    contested: BTreeMap<Bare, Box<Chain>>,
    /// What people compare.
    book: Book,
    /// Who is near to each of our accounts, as it was told.
    near: BTreeMap<(Bare, Bare), Circle>,
    /// Why addresses that a person named could not be reached the last time.
    failed: BTreeMap<SocketAddr, DialCause>,
    tally: Tally,
    rng: ChaCha20Rng,
    outputs: VecDeque<Output>,
}

impl Node {
    /// A node that is attached to no network yet. The seed must come from a strong source, anew at each start.
    pub fn new(now: Now, port: u16, loopback: bool, seed: [u8; 32]) -> Node {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let mut draw = || {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let (for_finder, for_dialer) = (draw(), draw());
        Node {
            now,
            checked_at: now.mono,
            directory: Directory::new(),
            finder: Finder::new(finding::Config { port, loopback, seed: for_finder }),
            attachment: Attachment::default(),
            dialer: Dialer::new(now.mono, for_dialer),
            devices: Vec::new(),
            links: BTreeMap::new(),
            reach: BTreeMap::new(),
            contested: BTreeMap::new(),
            book: Book::default(),
            near: BTreeMap::new(),
            failed: BTreeMap::new(),
            tally: Tally::default(),
            rng,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what was written before, before anything else is handled.
    pub fn load(&mut self, statements: Vec<StatementRow>, pins: Vec<PinRow>) {
        self.directory.load_statements(statements);
        self.directory.load_pins(pins);
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Devices(devices) => self.handle_devices(devices),
            Input::Found(input) => self.handle_found(input),
            Input::Link(event) => self.handle_link(event),
            Input::Parcel { from, to, bytes } => self.send(from, to, bytes),
            Input::Dial(address) => self.dial(address),
            Input::Accept { address, shown } => self.accept(address, shown),
            Input::Verify { own, other, act } => self.verify(own, other, act),
            Input::Unverify { own, other } => self.unverify(own, other),
            Input::Timer => {
                if self.dialer.wake_at().is_some_and(|at| at <= now.mono) {
                    self.dialer.handle(now.mono, dialer::Input::Timer);
                }
                if self.finder.wake_at().is_some_and(|at| at <= now.mono) {
                    self.find(finding::Input::Due);
                }
                self.book.handle_timer(now.mono);
                if now.mono - self.checked_at >= RECHECK_TIME {
                    self.recheck();
                }
            }
        }
        self.drain_dialer();
        self.drain_book();
        let writes = self.directory.take_writes();
        if !writes.is_empty() {
            self.outputs.push_back(Output::Store(writes));
        }
    }

    /// The next thing to do; drain it after every [`Node::handle`].
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timer`] is due, if ever.
    pub fn wake_at(&self) -> Option<Time> {
        let recheck = (!self.links.is_empty()).then(|| self.checked_at + RECHECK_TIME);
        [self.dialer.wake_at(), self.finder.wake_at(), self.book.wake_at(), recheck].into_iter().flatten().min()
    }

    /// The same, to say something of our own accounts in it. What that writes goes out with the next input.
    pub fn directory_mut(&mut self) -> &mut Directory {
        &mut self.directory
    }

    /// What the node knows of people's keys.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What proves that an account of this node is its address.
    pub fn own_chain(&self, address: &Bare) -> Option<&Chain> {
        self.devices.iter().map(|(own, _)| own.chain()).find(|chain| chain.proven().address == *address)
    }

    /// Who is in reach.
    pub fn neighbours(&self) -> impl Iterator<Item = Neighbour> {
        self.reach.iter().filter_map(|(device, links)| {
            let (link, address) = links.last()?;
            let link = self.links.get(link)?;
            Some(Neighbour { address: address.clone(), device: *device, remote: link.remote, since: link.since })
        })
    }

    /// How many links there are, proven or not.
    pub fn links(&self) -> usize {
        self.links.len()
    }

    /// How many of them nobody has shown themselves on.
    pub fn links_without_people(&self) -> usize {
        self.without_people().count()
    }

    fn without_people(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        let used: BTreeSet<LinkId> = self.reach.values().flatten().map(|(link, _)| *link).collect();
        self.links.iter().filter(move |(id, _)| !used.contains(id)).map(|(id, link)| (*id, link))
    }

    /// Those who showed another key than the known one since the start, and were not accepted.
    pub fn contested(&self) -> impl Iterator<Item = KeyChange> {
        self.contested.iter().filter_map(|(address, chain)| {
            let (known, shown) = (self.directory.pinned(address)?, Pin::of(chain.proven()));
            Some(KeyChange { address: address.clone(), known, shown })
        })
    }

    /// What our own accounts' keys are.
    pub fn own(&self) -> impl Iterator<Item = (&Bare, Pin)> {
        self.devices.iter().map(|(own, _)| (&own.chain().proven().address, Pin::of(own.chain().proven())))
    }

    /// What has come of an address that a person named.
    pub fn dialled(&self, address: SocketAddr) -> Dialled {
        // It may have been linked before it was named; or the link that was kept is to another address of the same node.
        let there = self.links.iter().find(|(_, link)| link.remote == address).map(|(id, _)| *id);
        let linked = there.or_else(|| self.dialer.link_to(&name(&Key::Manual(address))));
        match linked.filter(|link| self.links.contains_key(link)) {
            Some(link) => {
                let on_it = self.reach.values().flatten().filter(|(at, _)| *at == link);
                Dialled::Linked(on_it.map(|(_, address)| address.clone()).collect())
            }
            None if !self.finder.knows(address) => Dialled::TooMany,
            None => self.failed.get(&address).map_or(Dialled::Going, |cause| Dialled::Failed(cause.clone())),
        }
    }

    /// What was counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    // --- our own devices --------------------------------------------------------------------------------------------

    fn handle_devices(&mut self, devices: Vec<(Arc<Own>, Visibility)>) {
        let address = |own: &Own| own.chain().proven().address.clone();
        let after: BTreeSet<Bare> = devices.iter().map(|(own, _)| address(own)).collect();
        for gone in self.devices.iter().map(|(own, _)| own.chain().proven()).filter(|own| !after.contains(&own.address))
        {
            self.directory.remove_own(&gone.address, gone.device);
            self.book.forget(&gone.address);
        }
        for (own, _) in &devices {
            self.directory.add_own(address(own), Pin::of(own.chain().proven()));
            if let Err(refusal) = self.directory.learn(self.now.wall, own.chain()) {
                self.outputs.push_back(Output::Trouble(Trouble::OwnRefused(address(own), refusal)));
            }
        }
        for (own, _) in &devices {
            household::renew_vouches(&mut self.directory, self.now.wall, own);
        }
        self.directory.tidy_received(self.now.wall);
        self.devices = devices;
        self.tell_circles();
        for id in self.links.keys().copied().collect::<Vec<_>>() {
            let policy = self.policy();
            self.introduce(id, introduction::Input::Policy(policy));
        }
        self.trust();
    }

    fn policy(&mut self) -> Policy {
        let mut noise = [0; 32];
        self.rng.fill_bytes(&mut noise);
        Policy { devices: self.devices.clone(), noise }
    }

    fn own_device(&self, address: &Bare) -> Option<DeviceId> {
        self.own_chain(address).map(|chain| chain.proven().device)
    }

    fn own_address(&self, device: DeviceId) -> Option<Bare> {
        let mut proven = self.devices.iter().map(|(own, _)| own.chain().proven());
        proven.find(|proven| proven.device == device).map(|proven| proven.address.clone())
    }

    // --- finding and dialling ---------------------------------------------------------------------------------------

    fn handle_found(&mut self, input: finding::Input) {
        // Somebody may only say that it is gone: its link knows.
        if let finding::Input::Gone { instance, .. } = &input {
            let is_to = |link: &&LinkId| self.dialer.keys_of(**link).any(|key| key == instance.as_str());
            let doubted = self.links.keys().filter(is_to).map(|link| Output::Link(Command::Doubt { link: *link }));
            self.outputs.extend(doubted);
        }
        self.find(input);
    }

    fn find(&mut self, input: finding::Input) {
        let now = self.now;
        self.finder.handle(now, input);
        while let Some(output) = self.finder.poll() {
            match output {
                finding::Output::Order(order) => {
                    if matches!(order, Order::Start { .. }) {
                        // Another network, or the same after a sleep: whoever could not be reached may be now.
                        self.dialer.handle(now.mono, dialer::Input::Woke);
                    }
                    if self.attachment.is_new(&order) {
                        self.outputs.push_back(Output::Moved);
                    }
                    self.outputs.push_back(Output::Order(order));
                }
                finding::Output::Candidate { key, addresses } => {
                    let ours = match &key {
                        Key::Announced(instance) => self.finder.name_beside(instance),
                        Key::Manual(_) => None,
                    };
                    self.dialer.handle(now.mono, dialer::Input::Instance(ours.map(Instance::as_str)));
                    let candidate = dialer::Input::Candidate { key: &name(&key), addresses: &addresses };
                    self.dialer.handle(now.mono, candidate);
                }
                finding::Output::CandidateGone { key } => {
                    self.dialer.handle(now.mono, dialer::Input::Gone { key: &name(&key) });
                }
                finding::Output::Reason(reason) => self.outputs.push_back(Output::Reason(reason)),
            }
        }
    }

    fn dial(&mut self, address: SocketAddr) {
        self.failed.remove(&address);
        self.find(finding::Input::Manual(address));
        self.dialer.handle(self.now.mono, dialer::Input::Now { key: &name(&Key::Manual(address)) });
    }

    fn drain_dialer(&mut self) {
        while let Some(command) = self.dialer.poll() {
            self.tally.dials += u64::from(matches!(command, Command::Dial { .. }));
            self.outputs.push_back(Output::Link(command));
        }
    }

    // --- links ------------------------------------------------------------------------------------------------------

    fn handle_link(&mut self, event: Event) {
        let unreachable = match &event {
            Event::DialFailed { attempt, cause } => {
                *self.tally.dials_failed.entry(cause.name()).or_default() += 1;
                self.dialer.key_of(*attempt).and_then(key).map(|key| (key, cause.clone()))
            }
            _ => None,
        };
        self.dialer.handle(self.now.mono, dialer::Input::Event(&event));
        if let Some((key, cause)) = unreachable {
            if let Key::Manual(address) = key {
                self.failed.insert(address, cause);
            }
            self.find(finding::Input::Unreachable { key });
        }
        match event {
            Event::Up { link, exporter, local_key, remote_key, dialled, remote, .. } => {
                self.tally.links += 1;
                self.make_room();
                let role = if dialled { Role::Dialler } else { Role::Listener };
                let secret = Secret::of(&exporter, dialled, &local_key, &remote_key);
                let introduction = Introduction::new(role, exporter, local_key, remote_key, self.policy());
                let new = Link {
                    introduction,
                    remote,
                    since: self.now.mono,
                    sent: Pairs::default(),
                    received: Pairs::default(),
                    early: VecDeque::new(),
                    early_bytes: 0,
                    secret,
                    dialled,
                };
                self.links.insert(link, new);
                let trust = self.trusted();
                self.trust_on(link, &trust);
                let key = self.dialer.keys_of(link).next().and_then(key);
                self.find(finding::Input::LinkUp { link, key, remote });
                self.drain_introduction(link);
            }
            Event::Frame { link, protocol, frame } if protocol == ProtocolId::INTRODUCTION => {
                self.introduce(link, introduction::Input::Frame(&frame));
            }
            Event::Frame { link, protocol, frame } if protocol == ProtocolId::POST => self.receive(link, &frame),
            Event::Frame { link, protocol, frame } if protocol == ProtocolId::VERIFICATION => {
                self.compare(link, &frame);
            }
            Event::Down { link, .. } => {
                self.drop_link(link);
                self.find(finding::Input::LinkDown { link });
            }
            Event::Frame { .. } | Event::Refused { .. } | Event::DialFailed { .. } => {}
        }
    }

    /// Before all links are taken, the oldest one that nobody has shown themselves on makes room: who only holds links keeps
    /// nobody out (attack case F08).
    fn make_room(&mut self) {
        if self.links.len() < LINKS_MAX / 8 * 7 {
            return;
        }
        let now = self.now.mono;
        let strangers = self.without_people().filter(|(_, link)| now - link.since > PROOF_TIME);
        if let Some((link, _)) = strangers.min_by_key(|(_, link)| link.since) {
            self.close(link, CloseCode::Full);
        }
    }

    fn drop_link(&mut self, link: LinkId) {
        if self.links.remove(&link).is_none() {
            return;
        }
        let there: Vec<DeviceId> =
            self.reach.iter().filter(|(_, links)| links.iter().any(|(at, _)| *at == link)).map(|(d, _)| *d).collect();
        there.into_iter().for_each(|device| self.lose(link, device));
        self.leave(link, None);
    }

    fn close(&mut self, link: LinkId, code: CloseCode) {
        self.outputs.push_back(Output::Link(Command::Close { link, code }));
    }

    // --- who is there -----------------------------------------------------------------------------------------------

    fn introduce(&mut self, link: LinkId, input: introduction::Input<'_>) {
        let Some(at) = self.links.get_mut(&link) else { return };
        at.introduction.handle(self.now, input, &self.directory);
        self.drain_introduction(link);
    }

    fn drain_introduction(&mut self, link: LinkId) {
        while let Some(output) = self.links.get_mut(&link).and_then(|at| at.introduction.poll()) {
            match output {
                introduction::Output::Frame(frame) => {
                    let command = Command::Send { link, protocol: ProtocolId::INTRODUCTION, frame };
                    self.outputs.push_back(Output::Link(command));
                }
                introduction::Output::Proven(chain) => {
                    let is_revoking = |statement: &Statement| statement.fact().kind() == Kind::REVOCATION;
                    // It may bring its own end, or somebody else's.
                    if self.directory.learn(self.now.wall, &chain).is_ok() {
                        self.gain(link, &chain);
                        self.give(link, &chain);
                    }
                    if chain.statements().iter().any(is_revoking) {
                        self.recheck();
                    }
                }
                introduction::Output::Gone(device) => {
                    self.lose(link, device);
                    self.leave(link, Some(device));
                }
                introduction::Output::Given(device) => self.take_given(link, device),
                introduction::Output::Vouched(device) => self.judge_on(link, device),
                introduction::Output::Refused(chain, refusal) => self.refuse(chain, refusal),
                introduction::Output::Twin(device) => {
                    if let Some(address) = self.own_address(device) {
                        self.outputs.push_back(Output::Trouble(Trouble::Twin(address)));
                    }
                }
                introduction::Output::Failed(_) => {}
                introduction::Output::Close(_) => self.close(link, CloseCode::Unproven),
            }
        }
    }

    /// A device is proven to be at the end of a link. What it sent before its proof came is taken now.
    fn gain(&mut self, link: LinkId, chain: &Chain) {
        let proven = chain.proven();
        let links = self.reach.entry(proven.device).or_default();
        if links.iter().any(|(at, _)| *at == link) {
            return;
        }
        links.push((link, proven.address.clone()));
        let (device, address) = (proven.device, proven.address.clone());
        self.contested.remove(&address);
        self.outputs.push_back(Output::Reach { device, address: address.clone(), up: true });
        self.come(&address);
        let Some(at) = self.links.get_mut(&link) else { return };
        let (of_it, rest) = at.early.drain(..).partition(|((from, _), _)| *from == device);
        at.early = rest;
        at.early_bytes = at.early.iter().map(|(_, bytes)| early_cost(bytes)).sum();
        let of_it: VecDeque<(Pair, Vec<u8>)> = of_it;
        for (pair, bytes) in of_it {
            self.take(pair, bytes);
        }
    }

    /// A device is at the end of this link no more.
    fn lose(&mut self, link: LinkId, device: DeviceId) {
        let Some(links) = self.reach.get_mut(&device) else { return };
        let used = links.last().cloned();
        links.retain(|(at, _)| *at != link);
        let Some((_, lost)) = used.filter(|(at, _)| *at == link) else { return };
        // It may have proved another address there: what counts is the link that is used now.
        let left = links.last().map(|(_, address)| address.clone());
        if left.is_none() {
            self.reach.remove(&device);
        }
        let (up, address) = (left.is_some(), left.unwrap_or(lost));
        self.outputs.push_back(Output::Reach { device, address, up });
    }

    fn refuse(&mut self, chain: Box<Chain>, refusal: Refusal) {
        // It is refused again, of course; but a contradiction of its authority is kept.
        self.directory.learn(self.now.wall, &chain).ok();
        if let Refusal::KeyChanged(change) = refusal {
            // Told once, not with every link.
            let shown = Pin::of(chain.proven());
            let before = self.contested.insert(change.address.clone(), chain);
            if before.is_none_or(|before| Pin::of(before.proven()) != shown) {
                self.outputs.push_back(Output::Trouble(Trouble::KeyChanged(change)));
            }
        }
    }

    fn accept(&mut self, address: &Bare, shown: Pin) {
        let Some(chain) = self.contested.get(address).filter(|chain| Pin::of(chain.proven()) == shown) else { return };
        if !self.directory.repin(chain.proven()) {
            return;
        }
        self.contested.remove(address);
        self.tell_circles();
        self.recheck();
    }

    /// What is believed of keys, or the calendar, has changed: everybody who is in reach is judged anew.
    fn recheck(&mut self) {
        self.checked_at = self.now.mono;
        self.tell_circles();
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.introduce(link, introduction::Input::Recheck);
        }
    }

    // --- parcels ----------------------------------------------------------------------------------------------------

    fn send(&mut self, from: &Bare, to: DeviceId, bytes: Vec<u8>) {
        let Some(own) = self.own_device(from) else { return };
        let Some(link) = self.reach.get(&to).and_then(|links| links.last()).map(|(link, _)| *link) else { return };
        let Some(at) = self.links.get_mut(&link) else { return };
        // Whoever is written to is cared for: from now on their key is known.
        if let Ok(Parcel::Lasting(_)) = Parcel::read(&bytes)
            && let Some(chain) = at.introduction.present().find(|chain| chain.proven().device == to)
            && self.directory.pin(chain.proven()) == Err(Refusal::Full)
        {
            self.outputs.push_back(Output::Trouble(Trouble::TooManyKeys));
        }
        if let Some(frame) = at.sent.write((own, to), &bytes) {
            self.tally.parcels_sent += 1;
            self.outputs.push_back(Output::Link(Command::Send { link, protocol: ProtocolId::POST, frame }));
        }
    }

    fn receive(&mut self, link: LinkId, frame: &[u8]) {
        let Some(at) = self.links.get_mut(&link) else { return };
        let Ok((pair, parcel)) = at.received.read(frame) else {
            self.tally.parcels_refused += 1;
            return self.close(link, CloseCode::Malformed);
        };
        if self.reach.get(&pair.0).is_some_and(|links| links.iter().any(|(at, _)| *at == link)) {
            return self.take(pair, parcel.to_vec());
        }
        if at.early_bytes + early_cost(parcel) <= EARLY_PARCELS_BYTES_MAX {
            at.early_bytes += early_cost(parcel);
            at.early.push_back((pair, parcel.to_vec()));
        } else {
            self.tally.parcels_refused += 1;
        }
    }

    /// A parcel of a device that is proven.
    fn take(&mut self, (from, to): Pair, bytes: Vec<u8>) {
        self.tally.parcels_received += 1;
        if let Some(to) = self.own_address(to) {
            self.outputs.push_back(Output::Parcel { from, to, bytes });
        }
    }
}

/// What a parcel takes while it waits: its place in the queue counts too, or empty ones would cost nothing.
fn early_cost(parcel: &[u8]) -> usize {
    size_of::<(Pair, Vec<u8>)>() + parcel.len()
}

/// What the dialer calls somebody.
fn name(key: &Key) -> String {
    match key {
        Key::Announced(instance) => instance.as_str().to_owned(),
        Key::Manual(address) => format!("{MANUAL}{address}"),
    }
}

/// Whom the dialer calls so.
fn key(name: &str) -> Option<Key> {
    match name.strip_prefix(MANUAL) {
        Some(address) => address.parse().ok().map(Key::Manual),
        None => Instance::new(name).map(Key::Announced),
    }
}
