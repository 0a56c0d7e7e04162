//! A node as a value: its shard, its store's twin and the negotiations of its connections; what `net` is in the daemon.
//!
//! It knows no time but what it is told. What takes time (the wire, a commit, a read) comes out as an [`Effect`], and the
//! bench says when it has happened.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use base::ledger::{Batch, Credential, Query, Rows, ScramHash, StoreError};
use base::limits::COMMIT_BATCHES_MAX;
use base::{Bare, Circle, ConnId, DeviceId, Now, Ticket, Time};
use mesh::finding::Reason;
use mesh::verification;
use store::{Store as _, Twin};
use wire::{Framer, Mode};
use xmpp::negotiation::{self, Negotiation};
use xmpp::{Answer, Command, Config, Hosts, Input, Output, Sasl, Security, Shard, StanzaError};

/// Commands of strangers who register have this bit and the number of their connection.
const REGISTERS: u64 = 1 << 63;

/// What a node wants done.
pub(crate) enum Effect {
    Write {
        conn: ConnId,
        bytes: Vec<u8>,
    },
    NotifyDrained {
        conn: ConnId,
    },
    Close {
        conn: ConnId,
    },
    /// The writer begins a group: [`Node::commit`] when the disk has it.
    Commit,
    /// [`Node::answer`] when the disk has been read.
    Read {
        ticket: Ticket,
        query: Query,
    },
    /// To be brought to a device in reach.
    Parcel {
        from: Bare,
        to: DeviceId,
        bytes: Vec<u8>,
    },
    Reply {
        id: u64,
        answer: Answer,
    },
}

/// What came of the batches of a group, in their order.
pub(crate) type Done = Vec<(Ticket, Result<(), StoreError>)>;

/// One connection's reading side.
struct Porch {
    framer: Framer,
    stage: Stage,
    /// Bytes that came while nothing may be looked at.
    held: Vec<u8>,
    paused: bool,
    closing: bool,
    /// As whom its client has logged in.
    claimed: Option<Bare>,
}

enum Stage {
    Negotiating(Box<Negotiation>),
    Bound,
}

/// See the module.
pub(crate) struct Node {
    config: Config,
    shard: Shard,
    pub(crate) twin: Twin,
    porches: BTreeMap<ConnId, Porch>,
    /// Connections that may go on reading.
    woken: Vec<ConnId>,
    /// Batches that wait for the writer, and those in its hands.
    queue: VecDeque<(Ticket, Batch)>,
    group: Vec<(Ticket, Batch)>,
    /// Everything up to here is dealt with.
    settled: Ticket,
    /// Reads that wait for a batch.
    reads: BTreeMap<Ticket, Vec<(Ticket, Query)>>,
    effects: Vec<Effect>,
    /// What people do about comparing words.
    pub(crate) acts: Vec<(Bare, Bare, verification::Act)>,
}

impl Node {
    pub(crate) fn new(config: Config, now: Now, seed: [u8; 32]) -> Node {
        Node {
            shard: Shard::new(config.clone(), now, seed),
            config,
            twin: Twin::new(),
            porches: BTreeMap::new(),
            woken: Vec::new(),
            queue: VecDeque::new(),
            group: Vec::new(),
            settled: Ticket(0),
            reads: BTreeMap::new(),
            effects: Vec::new(),
            acts: Vec::new(),
        }
    }

    /// The power goes and comes back: what is durable is there, nothing else.
    pub(crate) fn crash(&mut self, now: Now, seed: [u8; 32]) {
        let mut twin = std::mem::take(&mut self.twin);
        twin.crash();
        *self = Node { twin, ..Node::new(self.config.clone(), now, seed) };
    }

    /// What is to be done.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// When [`Node::wake`] is due.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        let negotiations = self.porches.values().filter_map(|porch| match &porch.stage {
            Stage::Negotiating(negotiation) if !porch.closing => Some(negotiation.wake_at()),
            Stage::Negotiating(_) | Stage::Bound => None,
        });
        negotiations.chain(self.shard.wake_at()).min()
    }

    /// A deadline has come.
    pub(crate) fn wake(&mut self, now: Now) {
        if self.shard.wake_at().is_some_and(|at| at <= now.mono) {
            self.tell(now, Input::Timeout);
        }
        for conn in self.porches.keys().copied().collect::<Vec<_>>() {
            if let Some(Porch { stage: Stage::Negotiating(negotiation), .. }) = self.porches.get_mut(&conn) {
                negotiation.handle_timeout(now.mono);
                self.perform(now, conn);
            }
        }
    }

    /// Somebody has connected.
    pub(crate) fn open(&mut self, now: Now, conn: ConnId, seed: [u8; 32]) {
        let security = Security {
            tls: false,
            tls_available: false,
            tls_required: false,
            mechanisms: vec!["PLAIN"],
            channel_bindings: Vec::new(),
            registration: true,
        };
        let negotiation = Negotiation::new(now.mono, self.config.hosts.clone(), security, seed);
        let porch = Porch {
            framer: Framer::new(Mode::Client),
            stage: Stage::Negotiating(Box::new(negotiation)),
            held: Vec::new(),
            paused: false,
            closing: false,
            claimed: None,
        };
        self.porches.insert(conn, porch);
    }

    /// Bytes of a client.
    pub(crate) fn receive(&mut self, now: Now, conn: ConnId, bytes: &[u8]) {
        let mut chunk = bytes;
        while let Some(porch) = self.porches.get_mut(&conn).filter(|porch| !porch.closing) {
            if porch.paused {
                porch.held.extend_from_slice(chunk);
                break;
            }
            match &mut porch.stage {
                Stage::Bound => {
                    match porch.framer.next(&mut chunk) {
                        Ok(None) => break,
                        Ok(Some(frame)) => self.shard.handle(now, Input::Frame { conn, frame }),
                        Err(error) => self.shard.handle(now, Input::Broken { conn, error }),
                    }
                    self.drain(now);
                }
                Stage::Negotiating(negotiation) => {
                    match porch.framer.next(&mut chunk) {
                        Ok(None) => break,
                        Ok(Some(frame)) => negotiation.handle_frame(&frame),
                        Err(error) => negotiation.handle_broken(error),
                    }
                    self.perform(now, conn);
                }
            }
        }
        self.resume_reading(now);
    }

    /// A connection is gone.
    pub(crate) fn closed(&mut self, now: Now, conn: ConnId) {
        self.porches.remove(&conn);
        self.tell(now, Input::Closed { conn });
    }

    /// What was written to a connection has left.
    pub(crate) fn drained(&mut self, now: Now, conn: ConnId) {
        self.tell(now, Input::Drained { conn });
    }

    /// An order.
    pub(crate) fn command(&mut self, now: Now, id: u64, command: Command) {
        self.tell(now, Input::Command { id, command });
    }

    /// A device of another node comes in reach, or leaves.
    pub(crate) fn reach(&mut self, now: Now, device: DeviceId, address: Bare, up: bool) {
        self.tell(now, Input::Reach { device, address, up });
    }

    /// How near somebody is to an account.
    pub(crate) fn circle(&mut self, now: Now, own: Bare, other: Bare, circle: Circle) {
        self.tell(now, Input::Circle { own, other, circle });
    }

    /// Something came of comparing words.
    pub(crate) fn verification(&mut self, now: Now, own: Bare, other: Bare, event: verification::Event) {
        self.tell(now, Input::Verification { own, other, event });
    }

    /// Why nobody is found.
    pub(crate) fn network(&mut self, now: Now, reason: Option<Reason>) {
        self.tell(now, Input::Network(reason));
    }

    /// Whom the node serves, also after a crash.
    pub(crate) fn serve(&mut self, now: Now, change: impl FnOnce(&mut Hosts)) {
        let mut hosts = Hosts::clone(&self.config.hosts);
        change(&mut hosts);
        self.config.hosts = Arc::new(hosts);
        self.tell(now, Input::Hosts(Arc::clone(&self.config.hosts)));
    }

    /// Bytes of stanzas in the shard's memory.
    pub(crate) fn held_bytes(&self) -> usize {
        self.shard.held_bytes()
    }

    /// It says something.
    pub(crate) fn parcel(&mut self, now: Now, from: DeviceId, to: Bare, bytes: Vec<u8>) {
        self.tell(now, Input::Parcel { from, to, bytes });
    }

    /// How many batches are in the writer's hands.
    pub(crate) fn group_len(&self) -> usize {
        self.group.len()
    }

    /// The disk has the group. The shard hears of it by [`Node::stored`].
    pub(crate) fn commit(&mut self) -> Done {
        let (tickets, batches): (Vec<_>, Vec<_>) = std::mem::take(&mut self.group).into_iter().unzip();
        let results = self.twin.apply(&batches);
        self.twin.sync();
        self.begin_group();
        tickets.into_iter().zip(results).collect()
    }

    /// The writer tells what came of a group.
    pub(crate) fn stored(&mut self, now: Now, done: Done) {
        for (ticket, result) in done {
            self.settled = ticket;
            self.tell(now, Input::Stored { ticket, result });
            for (ticket, query) in self.reads.remove(&ticket).unwrap_or_default() {
                self.effects.push(Effect::Read { ticket, query });
            }
        }
    }

    /// The disk has been read.
    pub(crate) fn answer(&mut self, now: Now, ticket: Ticket, query: &Query) {
        let rows: Result<Rows, StoreError> = self.twin.answer(query);
        self.tell(now, Input::Rows { ticket, rows });
    }

    fn tell(&mut self, now: Now, input: Input<'_>) {
        self.shard.handle(now, input);
        self.drain(now);
        self.resume_reading(now);
    }

    /// Does what the shard says.
    fn drain(&mut self, now: Now) {
        let (mut refused, mut registered, mut hashed) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(output) = self.shard.poll() {
            match output {
                Output::Write { conn, bytes } => {
                    if self.porches.get(&conn).is_some_and(|porch| !porch.closing) {
                        self.effects.push(Effect::Write { conn, bytes: bytes.to_vec() });
                    }
                }
                Output::NotifyDrained { conn } => self.effects.push(Effect::NotifyDrained { conn }),
                Output::Bound { conn } => {
                    if let Some(porch) = self.porches.get_mut(&conn) {
                        (porch.stage, porch.paused) = (Stage::Bound, false);
                        self.woken.push(conn);
                    }
                }
                Output::Close { conn } => self.effects.extend(close(&mut self.porches, conn)),
                Output::ResumeRefused { conn, failed } => refused.push((conn, failed)),
                Output::Store { ticket, batch } => self.queue.push_back((ticket, batch)),
                Output::Read { ticket, query, after } => match after.filter(|after| *after > self.settled) {
                    Some(after) => self.reads.entry(after).or_default().push((ticket, query)),
                    None => self.effects.push(Effect::Read { ticket, query }),
                },
                Output::Hash { address, password } => hashed.push((address, password)),
                Output::Expel { address } => self.expel(&address),
                // Whoever sees whom on a link is the mesh's: here everybody does.
                Output::Settings => {}
                Output::Verify { own, other, act } => self.acts.push((own, other, act)),
                Output::Parcel { from, to, bytes } => self.effects.push(Effect::Parcel { from, to, bytes }),
                Output::Reply { id, answer } if id & REGISTERS != 0 => {
                    registered.push((ConnId(id ^ REGISTERS), answer))
                }
                Output::Reply { id, answer } => self.effects.push(Effect::Reply { id, answer }),
            }
        }
        if self.group.is_empty() {
            self.begin_group();
        }
        for (conn, failed) in refused {
            let Some(porch) = self.porches.get_mut(&conn) else { continue };
            porch.paused = false;
            if let Stage::Negotiating(negotiation) = &mut porch.stage {
                negotiation.handle_resume_refused(failed);
            }
            self.woken.push(conn);
            self.perform(now, conn);
        }
        for (conn, answer) in registered {
            let Some(porch) = self.porches.get_mut(&conn) else { continue };
            porch.paused = false;
            if let Stage::Negotiating(negotiation) = &mut porch.stage {
                negotiation.handle_registered(match answer {
                    Answer::Failed(error) => Err(StanzaError::from(&error)),
                    _ => Ok(()),
                });
            }
            self.woken.push(conn);
            self.perform(now, conn);
        }
        for (address, password) in hashed {
            self.shard.handle(now, Input::Hashed { address, made: Ok(credentials(&password)) });
            self.drain(now);
        }
    }

    /// Who logs in as this person starts again.
    fn expel(&mut self, address: &Bare) {
        let porches = self.porches.iter();
        let claiming =
            porches.filter(|(_, p)| matches!(p.stage, Stage::Negotiating(_)) && p.claimed.as_ref() == Some(address));
        for conn in claiming.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            self.effects.extend(close(&mut self.porches, conn));
        }
    }

    fn begin_group(&mut self) {
        let size = self.queue.len().min(COMMIT_BATCHES_MAX);
        if size > 0 {
            self.group = self.queue.drain(..size).collect();
            self.effects.push(Effect::Commit);
        }
    }

    /// Does what a negotiation says.
    fn perform(&mut self, now: Now, conn: ConnId) {
        while let Some(porch) = self.porches.get_mut(&conn) {
            let Stage::Negotiating(negotiation) = &mut porch.stage else { return };
            let Some(output) = negotiation.poll() else { return };
            match output {
                negotiation::Output::Write(bytes) => self.effects.push(Effect::Write { conn, bytes }),
                negotiation::Output::Restart => porch.framer.restart(),
                negotiation::Output::Authenticated => porch.framer.authenticated(),
                negotiation::Output::StartTls => unreachable!("TLS is not offered"),
                negotiation::Output::SaslStart { initial, domain, .. } => {
                    let found = plain(&initial, &domain, &mut self.twin);
                    if let Sasl::Success { username, .. } = &found {
                        porch.claimed = Bare::new(&format!("{username}@{domain}")).ok();
                    }
                    negotiation.handle_sasl(found);
                }
                negotiation::Output::SaslContinue(_) => unreachable!("PLAIN has one message"),
                negotiation::Output::Register { address, password } => {
                    porch.paused = true;
                    let command = Command::CreateAccount { address, credentials: credentials(&password) };
                    self.shard.handle(now, Input::Command { id: REGISTERS | conn.0, command });
                    self.drain(now);
                }
                negotiation::Output::Bind { address, resource, id, language } => {
                    porch.paused = true;
                    self.shard.handle(now, Input::Bind { conn, address, resource, id, language });
                    self.drain(now);
                }
                negotiation::Output::Resume { address, previd, handled } => {
                    porch.paused = true;
                    self.shard.handle(now, Input::Resume { conn, address, previd, handled });
                    self.drain(now);
                }
                negotiation::Output::Close(_) => self.effects.extend(close(&mut self.porches, conn)),
            }
        }
    }

    /// What came while it could not be looked at is looked at now.
    fn resume_reading(&mut self, now: Now) {
        while let Some(conn) = self.woken.pop() {
            if let Some(porch) = self.porches.get_mut(&conn) {
                let held = std::mem::take(&mut porch.held);
                self.receive(now, conn, &held);
            }
        }
    }
}

/// Nothing more is read of a connection, nor written to it.
fn close(porches: &mut BTreeMap<ConnId, Porch>, conn: ConnId) -> Option<Effect> {
    let porch = porches.get_mut(&conn)?;
    let before = std::mem::replace(&mut porch.closing, true);
    (!before).then_some(Effect::Close { conn })
}

/// A password as it is, where the daemon keeps what it hashed: the real SASL engine is `net`'s.
pub(crate) fn credentials(password: &str) -> Vec<Credential> {
    let (hash, stored_key) = (ScramHash::Sha256, password.as_bytes().to_vec());
    vec![Credential { hash, salt: Vec::new(), iterations: 1, stored_key, server_key: Vec::new() }]
}

/// Whether this is the person's password.
fn knows(twin: &mut Twin, domain: &str, username: &str, password: &str) -> bool {
    let Ok(address) = Bare::new(&format!("{username}@{domain}")) else { return false };
    let found = twin.answer(&Query::Credentials(address));
    matches!(found, Ok(Rows::Credentials(Some((_, kept)))) if kept == credentials(password))
}

/// RFC 4616, with passwords as they are.
fn plain(message: &[u8], domain: &str, twin: &mut Twin) -> Sasl {
    let text = String::from_utf8_lossy(message);
    match text.split('\0').collect::<Vec<_>>()[..] {
        [authzid, username, _] if !["", &*format!("{username}@{domain}")].contains(&authzid) => {
            Sasl::Failure("invalid-authzid")
        }
        [_, username, password] if knows(twin, domain, username, password) => {
            Sasl::Success { username: username.to_owned(), data: None }
        }
        [_, _, _] => Sasl::Failure("not-authorized"),
        _ => Sasl::Failure("malformed-request"),
    }
}
