//! The bench: one node and its clients under one clock and one seed. The same seed plays the same game.
//!
//! Things are arranged (`send`, `cut`, `crash` ...) and then happen while time goes on: [`Bench::run_until_idle`] until
//! nothing is under way any more, [`Bench::pass`] for a while, deadlines included. What reads ([`Bench::received`],
//! [`Bench::expect`]) first runs until all is idle.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use base::ledger::{AccountRow, Opened, Query, RecordKind, Rows, StoreError};
use base::limits::SESSION_OUTPUT_BYTES_MAX;
use base::{AccountId, Bare, Circle, ConnId, DeviceId, Now, Ticket, Time, Wall};
use mesh::finding::Reason;
use mesh::verification;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use store::{Store as _, Twin};
use wire::Stanza;
use xmpp::{Answer, Command, Config, Hosts};

use crate::client::{Client, Goal, Login};
use crate::heap::Heap;
use crate::node::{Done, Effect, Node, credentials};
use crate::pattern::{Bindings, Pattern};
use crate::pipe::Pipe;
use crate::xml::Tree;

/// The domain of the bench's node.
pub const DOMAIN: &str = "jirani.example";
/// The password of accounts that the bench makes.
pub const PASSWORD: &str = "secret";

/// More events than any test arranges: who gets here turns in a circle.
const EVENTS_MAX: u64 = 20_000_000;

/// What is different from bench to bench.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The domain of the node.
    pub domain: String,
    /// Whether the node keeps history.
    pub archive: bool,
    /// Whether the node itself is everybody's contact.
    pub contact: bool,
    /// Whether the node makes links.
    pub links: bool,
    /// How long a broken session may be resumed.
    pub resume_time_max: Duration,
    /// How long a piece is on the wire, one way.
    pub wire: RangeInclusive<Duration>,
    /// How long a group of batches takes to become durable.
    pub commit: RangeInclusive<Duration>,
    /// How long the store takes to answer, and to tell that a group is durable.
    pub answer: RangeInclusive<Duration>,
}

impl Default for Setup {
    /// A laptop with a slow disk, its clients on loopback and on a phone.
    fn default() -> Setup {
        Setup {
            domain: DOMAIN.into(),
            archive: true,
            contact: false,
            links: true,
            resume_time_max: Duration::from_secs(300),
            wire: Duration::from_micros(50)..=Duration::from_millis(5),
            commit: Duration::from_millis(1)..=Duration::from_millis(30),
            answer: Duration::from_micros(20)..=Duration::from_millis(2),
        }
    }
}

/// One of the bench's clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat(usize);

struct Place {
    client: Client,
    conn: Option<ConnId>,
    reads: bool,
}

enum Event {
    AtNode { conn: ConnId, bytes: Vec<u8> },
    AtClient { conn: ConnId, bytes: Vec<u8> },
    NodeSeesEnd { conn: ConnId },
    ClientSeesEnd { conn: ConnId },
    Commit,
    Stored(Done),
    Answer { ticket: Ticket, query: Query },
}

/// A crash that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashAt {
    /// When this batch is written and not durable. The next one has number 1.
    BeforeBatch(u64),
    /// When it is durable and nobody has been told.
    AfterBatch(u64),
}

/// See the module.
pub struct Bench {
    /// May be changed at any time.
    pub setup: Setup,
    /// For what a failure says.
    seed: u64,
    rng: ChaCha8Rng,
    now: Now,
    heap: Heap<Event>,
    node: Node,
    places: Vec<Place>,
    pipes: BTreeMap<ConnId, (Seat, Pipe)>,
    next_conn: u64,
    next_command: u64,
    replies: BTreeMap<u64, Answer>,
    batches: u64,
    /// When the writer tells of the last group.
    told: Time,
    crash_at: Option<CrashAt>,
    crashes: u64,
    parcels: Vec<Parcel>,
}

/// What a node hands to a link: from which of its accounts, to which device.
pub(crate) type Parcel = (Bare, DeviceId, Vec<u8>);

impl Bench {
    /// A node without accounts.
    pub fn new(seed: u64) -> Bench {
        Bench::set_up(seed, Setup::default())
    }

    /// The same, with something different.
    pub fn set_up(seed: u64, setup: Setup) -> Bench {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let hosts = Hosts { primary: setup.domain.clone(), served: vec![setup.domain.clone()], ..Hosts::default() };
        let config = Config {
            hosts: Arc::new(hosts),
            node: rng.next_u64(),
            archive: setup.archive,
            contact: setup.contact,
            links: setup.links,
            resume_time_max: setup.resume_time_max,
            version: "0.0",
        };
        // 2026-11-20T09:53:00Z
        let now = Now { mono: Time(1_000_000), wall: Wall(1_795_168_380_000) };
        let node = Node::new(config, now, random(&mut rng));
        Bench {
            setup,
            seed,
            rng,
            now,
            heap: Heap::default(),
            node,
            places: Vec::new(),
            pipes: BTreeMap::new(),
            next_conn: 1,
            next_command: 1,
            replies: BTreeMap::new(),
            batches: 0,
            told: Time(0),
            crash_at: None,
            crashes: 0,
            parcels: Vec::new(),
        }
    }

    /// The address of an account of this node: a name of its domain, or a whole address.
    fn address(&self, account: &str) -> Bare {
        Bare::new(&self.ordinary(account).address()).expect("tests have proper names")
    }

    /// An ordinary client of an account of this node.
    pub(crate) fn ordinary(&self, account: &str) -> Login {
        let (name, domain) = account.split_once('@').unwrap_or((account, &self.setup.domain));
        Login { domain: domain.into(), ..login(name) }
    }

    // --- people -----------------------------------------------------------------------------------------------------

    /// A client of an account, online and available. Makes the account if there is none.
    #[track_caller]
    pub fn login(&mut self, account: &str, resource: &str) -> Seat {
        let seat = self.client(Login { resource: Some(resource.into()), ..self.ordinary(account) });
        self.connect(seat, Goal::Online);
        seat
    }

    /// The same with XEP-0198.
    #[track_caller]
    pub fn login_managed(&mut self, account: &str, resource: &str) -> Seat {
        let seat = self.client(Login { resource: Some(resource.into()), managed: true, ..self.ordinary(account) });
        self.connect(seat, Goal::Online);
        seat
    }

    /// A client that is not connected. Makes its account if there is none.
    #[track_caller]
    pub fn client(&mut self, login: Login) -> Seat {
        let kept = self.node.twin.answer(&Query::Credentials(self.address(&login.address())));
        if !matches!(kept, Ok(Rows::Credentials(Some(_)))) {
            self.make_account(&login.address(), PASSWORD);
        }
        self.places.push(Place { client: Client::new(login), conn: None, reads: true });
        Seat(self.places.len() - 1)
    }

    /// Makes an account.
    #[track_caller]
    pub fn make_account(&mut self, account: &str, password: &str) {
        let create = Command::CreateAccount { address: self.address(account), credentials: credentials(password) };
        assert_eq!(self.command(create), Answer::Done);
    }

    /// Removes an account.
    #[track_caller]
    pub fn remove_account(&mut self, account: &str) -> Answer {
        let remove = Command::RemoveAccount { address: self.address(account), account: self.account_id(account) };
        self.command(remove)
    }

    #[track_caller]
    fn account_id(&mut self, account: &str) -> AccountId {
        match self.node.twin.answer(&Query::Credentials(self.address(account))) {
            Ok(Rows::Credentials(Some((id, _)))) => id,
            other => panic!("there is no {account}: {other:?}"),
        }
    }

    /// Changes an account's password.
    #[track_caller]
    pub fn set_password(&mut self, account: &str, password: &str) {
        let id = self.account_id(account);
        let set =
            Command::SetPassword { address: self.address(account), account: id, credentials: credentials(password) };
        assert_eq!(self.command(set), Answer::Done);
    }

    /// Gives the node an order.
    ///
    /// # Panics
    /// If it does not answer.
    #[track_caller]
    pub fn command(&mut self, command: Command) -> Answer {
        let id = self.next_command;
        self.next_command += 1;
        self.node.command(self.now, id, command);
        self.perform();
        self.run_until_idle();
        self.replies.remove(&id).expect("a command is answered")
    }

    // --- clients ----------------------------------------------------------------------------------------------------

    /// Connects a client, and lets it go as far as the goal.
    ///
    /// # Panics
    /// If it does not get there.
    #[track_caller]
    pub fn connect(&mut self, seat: Seat, goal: Goal) {
        self.begin_to_connect(seat, goal);
        self.run_until_idle();
        if let Some(fault) = self.places[seat.0].client.fault() {
            panic!("seed {}: {fault}", self.seed);
        }
        assert!(self.places[seat.0].client.is_ready(), "seed {}: it is not {goal:?}", self.seed);
    }

    /// Connects a client and does not wait for what comes of it.
    pub fn begin_to_connect(&mut self, seat: Seat, goal: Goal) {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let place = &mut self.places[seat.0];
        place.conn = Some(conn);
        place.client.handle_connected(goal);
        self.pipes.insert(conn, (seat, Pipe::default()));
        let seed = random(&mut self.rng);
        self.node.open(self.now, conn, seed);
        self.pump(seat);
    }

    /// The client says something: a stanza, or any other bytes.
    pub fn send(&mut self, seat: Seat, xml: &str) {
        self.places[seat.0].client.send(xml);
        self.pump(seat);
    }

    /// The client ends its stream.
    pub fn disconnect(&mut self, seat: Seat) {
        self.places[seat.0].client.close();
        self.pump(seat);
    }

    /// The cable is cut: what is on it is lost, and the node sees that.
    pub fn cut(&mut self, seat: Seat) {
        if let Some(conn) = self.vanish(seat) {
            let delay = self.chance(&self.setup.wire.clone());
            self.heap.push(self.now.mono + delay, Event::NodeSeesEnd { conn });
        }
    }

    /// The client is gone: what is on the wire is lost, and the node does not see that.
    pub fn vanish(&mut self, seat: Seat) -> Option<ConnId> {
        let place = &mut self.places[seat.0];
        let conn = place.conn.take()?;
        place.client.handle_closed();
        if let Some((_, pipe)) = self.pipes.get_mut(&conn) {
            pipe.dead = true;
        }
        Some(conn)
    }

    /// Whether the client reads its socket.
    pub fn set_reads(&mut self, seat: Seat, reads: bool) {
        self.places[seat.0].reads = reads;
        let Some(conn) = self.places[seat.0].conn else { return };
        if let Some((_, pipe)) = self.pipes.get_mut(&conn).filter(|_| reads) {
            let bytes = std::mem::take(&mut pipe.unread);
            self.read_by_client(conn, &bytes);
        }
    }

    /// The client itself: what it has heard, what is acknowledged, what went wrong.
    pub fn client_of(&mut self, seat: Seat) -> &mut Client {
        &mut self.places[seat.0].client
    }

    /// Everything that the client has heard since it was asked last.
    #[track_caller]
    pub fn received(&mut self, seat: Seat) -> Vec<Tree> {
        self.run_until_idle();
        let client = &mut self.places[seat.0].client;
        if let Some(fault) = client.fault() {
            panic!("seed {}: {fault}", self.seed);
        }
        std::iter::from_fn(|| client.next_heard()).collect()
    }

    /// The next things that the client hears are these, in this order.
    ///
    /// # Panics
    /// If they are not.
    #[track_caller]
    pub fn expect(&mut self, seat: Seat, xml: &str) {
        self.run_until_idle();
        for tree in Tree::fragment(xml).expect("the pattern is XML") {
            let Some(heard) = self.places[seat.0].client.next_heard() else {
                panic!("seed {}: nothing came, and expected was\n{tree}", self.seed);
            };
            let matched = Pattern::new(tree.clone(), false).matches(&heard, &mut Bindings::new());
            if let Err(why) = matched {
                panic!("seed {}: {why}\nexpected:\n{tree}\ncame:\n{heard}", self.seed);
            }
        }
    }

    /// The client has heard nothing more.
    ///
    /// # Panics
    /// If it has.
    #[track_caller]
    pub fn expect_nothing(&mut self, seat: Seat) {
        if let Some(tree) = self.received(seat).first() {
            panic!("seed {}: this came and nothing was expected:\n{tree}", self.seed);
        }
    }

    // --- the node ---------------------------------------------------------------------------------------------------

    /// The node's process is killed and starts again. What it has written to its sockets still arrives.
    pub fn crash(&mut self) {
        self.crashes += 1;
        self.crash_at = None;
        self.parcels.clear();
        self.node.crash(self.now, random(&mut self.rng));
        self.heap.retain(|event| matches!(event, Event::AtClient { .. } | Event::ClientSeesEnd { .. }));
        for conn in self.pipes.keys().copied().collect::<Vec<_>>() {
            self.end_for_client(conn);
        }
    }

    /// Arranges a crash.
    pub fn crash_at(&mut self, at: CrashAt) {
        self.crash_at = Some(match at {
            CrashAt::BeforeBatch(n) => CrashAt::BeforeBatch(self.batches + n),
            CrashAt::AfterBatch(n) => CrashAt::AfterBatch(self.batches + n),
        });
    }

    /// How often the node has crashed.
    pub fn crashes(&self) -> u64 {
        self.crashes
    }

    /// How many batches the store has been given, whatever came of them.
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// The `nth` batch from now on (1 is the next one) fails.
    pub fn fail_batch(&mut self, nth: u64, error: StoreError) {
        self.node.twin.fail(nth, error);
    }

    /// What waits for an account in the store.
    #[track_caller]
    pub fn waiting(&self, account: &str) -> Vec<Tree> {
        let row = self.row(account);
        match self.node.twin.answer(&Query::Pending { account: row.id, after: 0, limit: u32::MAX }) {
            Ok(Rows::Messages(rows)) => {
                let tree = |stanza: &[u8]| Tree::fragment(&String::from_utf8_lossy(stanza)).map(|mut t| t.remove(0));
                rows.iter().map(|row| tree(&row.stanza).expect("what is stored is XML")).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// How many rows an account's outbox has in the store.
    #[track_caller]
    pub fn owed(&self, account: &str) -> u64 {
        self.row(account).outbox
    }

    /// How many records of neighbours an account has whose keys begin so.
    #[track_caller]
    pub fn neighbour_records(&self, account: &str, begin: &str) -> usize {
        let query = Query::Records { account: self.row(account).id, kind: RecordKind::Neighbour };
        match self.node.twin.answer(&query) {
            Ok(Rows::Records(records)) => records.iter().filter(|record| record.key.starts_with(begin)).count(),
            other => panic!("{account} has no records: {other:?}"),
        }
    }

    #[track_caller]
    fn row(&self, account: &str) -> AccountRow {
        match self.node.twin.answer(&Query::Account(self.address(account))) {
            Ok(Rows::Account(Some(Opened { row, .. }))) => row,
            other => panic!("there is no {account}: {other:?}"),
        }
    }

    /// What is durable of the node now.
    pub fn backup(&self) -> Twin {
        let mut twin = self.node.twin.clone();
        twin.crash();
        twin
    }

    /// The node's process is killed, and starts again from a backup.
    pub fn restore(&mut self, backup: &Twin) {
        self.crash();
        self.node.twin = backup.clone();
    }

    // --- links ------------------------------------------------------------------------------------------------------

    /// A device of another node comes in reach, or leaves.
    pub fn reach(&mut self, device: DeviceId, address: &Bare, up: bool) {
        self.node.reach(self.now, device, address.clone(), up);
        self.perform();
    }

    /// How near somebody is to an account, until the node is started again.
    pub fn circle(&mut self, own: &Bare, other: &Bare, circle: Circle) {
        self.node.circle(self.now, own.clone(), other.clone(), circle);
        self.perform();
    }

    /// Something came of two people's comparing words.
    pub fn verification(&mut self, own: &Bare, other: &Bare, event: verification::Event) {
        self.node.verification(self.now, own.clone(), other.clone(), event);
        self.perform();
    }

    /// What people have done about comparing words, since it was asked last.
    pub fn acts(&mut self) -> Vec<(Bare, Bare, verification::Act)> {
        std::mem::take(&mut self.node.acts)
    }

    /// Somebody on the link whose program knows no server (XEP-0174) says something.
    ///
    /// # Panics
    /// If it is no stanza: a bug of the test.
    pub fn nearby(&mut self, xml: &str) {
        self.node.gateway(self.now, Stanza::parse(xml.as_bytes()).expect("a test says stanzas"));
        self.perform();
    }

    /// What was said to them, since it was asked last.
    pub fn said_nearby(&mut self) -> Vec<Stanza<'static>> {
        std::mem::take(&mut self.node.gateway)
    }

    /// Why nobody is found.
    pub fn network(&mut self, reason: Option<Reason>) {
        self.node.network(self.now, reason);
        self.perform();
    }

    /// Whom the node serves, from now on.
    pub fn serve(&mut self, change: impl FnOnce(&mut Hosts)) {
        self.node.serve(self.now, change);
        self.perform();
    }

    /// A device in reach says something to an account.
    pub fn parcel(&mut self, from: DeviceId, to: &Bare, bytes: Vec<u8>) {
        self.node.parcel(self.now, from, to.clone(), bytes);
        self.perform();
    }

    /// Bytes of stanzas in the memory of the node's shard.
    pub fn held_bytes(&self) -> usize {
        self.node.held_bytes()
    }

    /// What the node has handed to its links since it was asked last: from which account, to which device.
    pub fn take_parcels(&mut self) -> Vec<(Bare, DeviceId, Vec<u8>)> {
        std::mem::take(&mut self.parcels)
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.heap.next_at().into_iter().chain(self.node.wake_at()).min()
    }

    // --- time -------------------------------------------------------------------------------------------------------

    /// What time it is.
    pub fn now(&self) -> Now {
        self.now
    }

    /// The calendar is set wrong, or right; the other clock does not notice.
    pub fn jump_wall(&mut self, ms: i64) {
        self.now.wall.0 += ms;
    }

    /// Runs until nothing is under way. Deadlines further away do not come.
    #[track_caller]
    pub fn run_until_idle(&mut self) {
        for _ in 0..EVENTS_MAX {
            let Some(at) = self.heap.next_at() else { return };
            self.step(at);
        }
        panic!("seed {}: it never becomes idle", self.seed);
    }

    /// Lets time pass with all that is due in it.
    #[track_caller]
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        for _ in 0..EVENTS_MAX {
            match self.next_at().filter(|at| *at <= end) {
                Some(at) => self.step(at),
                None => return self.advance(end),
            }
        }
        panic!("seed {}: it never becomes idle", self.seed);
    }

    /// The next thing happens, at this time at the latest.
    pub(crate) fn step(&mut self, at: Time) {
        if let Some(due) = self.node.wake_at().filter(|due| *due <= at) {
            self.advance(due);
            self.node.wake(self.now);
            return self.perform();
        }
        if let Some((at, event)) = self.heap.pop() {
            self.advance(at);
            self.happen(event);
            self.perform();
        }
    }

    pub(crate) fn advance(&mut self, to: Time) {
        let before = self.now.mono.0 / 1000;
        self.now.mono = self.now.mono.max(to);
        self.now.wall.0 += (self.now.mono.0 / 1000 - before) as i64;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::AtNode { conn, bytes } => {
                if self.pipes.get(&conn).is_some_and(|(_, pipe)| !pipe.dead) {
                    self.node.receive(self.now, conn, &bytes);
                }
            }
            Event::AtClient { conn, bytes } => {
                let Some((seat, pipe)) = self.pipes.get_mut(&conn).filter(|(_, pipe)| !pipe.dead) else { return };
                if self.places[seat.0].reads {
                    self.read_by_client(conn, &bytes);
                } else {
                    pipe.unread.extend_from_slice(&bytes);
                }
            }
            Event::NodeSeesEnd { conn } => {
                self.node.closed(self.now, conn);
                self.pipes.remove(&conn);
            }
            Event::ClientSeesEnd { conn } => {
                let Some((seat, mut pipe)) = self.pipes.remove(&conn) else { return };
                let place = &mut self.places[seat.0];
                if place.conn == Some(conn) {
                    place.client.handle_bytes(&std::mem::take(&mut pipe.unread));
                    place.client.handle_closed();
                    place.conn = None;
                }
            }
            Event::Commit => self.commit(),
            Event::Stored(done) => self.node.stored(self.now, done),
            Event::Answer { ticket, query } => self.node.answer(self.now, ticket, &query),
        }
    }

    fn commit(&mut self) {
        let next = self.batches + 1..=self.batches + self.node.group_len() as u64;
        if let Some(CrashAt::BeforeBatch(n)) = self.crash_at
            && next.contains(&n)
        {
            return self.crash();
        }
        self.batches = *next.end();
        let done = self.node.commit();
        if let Some(CrashAt::AfterBatch(n)) = self.crash_at
            && next.contains(&n)
        {
            return self.crash();
        }
        // The writer tells in the order of its groups.
        let delay = self.chance(&self.setup.answer.clone());
        self.told = self.told.max(self.now.mono + delay);
        self.heap.push(self.told, Event::Stored(done));
    }

    /// Does what the node says, until it says nothing more.
    fn perform(&mut self) {
        loop {
            let effects = self.node.take_effects();
            if effects.is_empty() {
                return;
            }
            let mut touched = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Write { conn, bytes } => {
                        if let Some((_, pipe)) = self.pipes.get_mut(&conn) {
                            pipe.waiting.extend(bytes);
                            touched.push(conn);
                        }
                    }
                    Effect::NotifyDrained { conn } => {
                        if let Some((_, pipe)) = self.pipes.get_mut(&conn) {
                            pipe.notify = true;
                            touched.push(conn);
                        }
                    }
                    Effect::Close { conn } => {
                        if let Some((_, pipe)) = self.pipes.get_mut(&conn) {
                            pipe.closing = true;
                            touched.push(conn);
                        }
                    }
                    Effect::Commit => self.later(self.setup.commit.clone(), Event::Commit),
                    Effect::Read { ticket, query } => {
                        self.later(self.setup.answer.clone(), Event::Answer { ticket, query });
                    }
                    Effect::Parcel { from, to, bytes } => self.parcels.push((from, to, bytes)),
                    Effect::Reply { id, answer } => {
                        self.replies.insert(id, answer);
                    }
                }
            }
            touched.sort();
            touched.dedup();
            for conn in touched {
                self.flush(conn);
            }
        }
    }

    /// What fits leaves for the client.
    fn flush(&mut self, conn: ConnId) {
        let delay = self.chance(&self.setup.wire.clone());
        let Some((_, pipe)) = self.pipes.get_mut(&conn) else { return };
        let bytes = pipe.leave();
        if !bytes.is_empty() {
            let at = pipe.arrives_down(self.now.mono, delay);
            self.heap.push(at, Event::AtClient { conn, bytes });
        }
        if pipe.take_drained() {
            self.node.drained(self.now, conn);
        }
        let Some((_, pipe)) = self.pipes.get(&conn) else { return };
        let broken = pipe.waiting.len() > SESSION_OUTPUT_BYTES_MAX;
        if broken || (pipe.closing && pipe.waiting.is_empty()) {
            self.node.closed(self.now, conn);
            self.end_for_client(conn);
        }
    }

    /// The node's side of a connection is gone; the client's end comes behind what is under way.
    fn end_for_client(&mut self, conn: ConnId) {
        let delay = self.chance(&self.setup.wire.clone());
        let Some((_, pipe)) = self.pipes.get_mut(&conn) else { return };
        pipe.waiting.clear();
        pipe.closing = false;
        let at = pipe.arrives_down(self.now.mono, delay);
        self.heap.push(at, Event::ClientSeesEnd { conn });
    }

    fn read_by_client(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some((seat, pipe)) = self.pipes.get_mut(&conn) else { return };
        pipe.read(bytes.len());
        let seat = *seat;
        self.places[seat.0].client.handle_bytes(bytes);
        self.flush(conn);
        self.pump(seat);
    }

    /// What a client wants to say leaves, in pieces as chance has it.
    fn pump(&mut self, seat: Seat) {
        let place = &mut self.places[seat.0];
        let mut bytes = place.client.take_output();
        let Some(conn) = place.conn.filter(|_| !bytes.is_empty()) else { return };
        let at = (self.rng.next_u32() as usize) % (2 * bytes.len());
        let rest = if at < bytes.len() { bytes.split_off(at) } else { Vec::new() };
        for bytes in [bytes, rest] {
            let delay = self.chance(&self.setup.wire.clone());
            if let Some((_, pipe)) = self.pipes.get_mut(&conn) {
                let at = pipe.arrives_up(self.now.mono, delay);
                self.heap.push(at, Event::AtNode { conn, bytes });
            }
        }
    }

    fn later(&mut self, delay: RangeInclusive<Duration>, event: Event) {
        let delay = self.chance(&delay);
        self.heap.push(self.now.mono + delay, event);
    }

    /// A time out of a range.
    fn chance(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let width = (*range.end() - *range.start()).as_micros() as u64 + 1;
        *range.start() + Duration::from_micros(self.rng.next_u64() % width)
    }
}

fn random(rng: &mut ChaCha8Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// The address of one of the node's accounts.
pub fn address(account: &str) -> Bare {
    Bare::new(&format!("{account}@{DOMAIN}")).expect("tests have proper names")
}

/// An ordinary client of an account, as the bench has it.
pub fn login(account: &str) -> Login {
    Login {
        account: account.into(),
        domain: DOMAIN.into(),
        password: PASSWORD.into(),
        resource: None,
        presence: Some("<presence/>".into()),
        managed: false,
        language: None,
    }
}
