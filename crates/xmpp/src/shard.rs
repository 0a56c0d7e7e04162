//! A shard: the accounts whose addresses hash to it, as one value without clock, socket, thread, chance or lock.
//!
//! One input, then drain: after each [`Shard::handle`] take [`Shard::poll`] until it is `None`, then sleep until
//! [`Shard::wake_at`]. What an input makes the shard write is one batch; what may leave only when that batch is durable
//! is held until [`Input::Stored`] says so. `docs/durability.md` says for each class of stanza what that means.

mod accounts;
mod commands;
mod ledger;
mod outgoing;
mod peers;
mod sessions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::ledger::{Batch, Credential, Query, RecordKind, Rows, StoreError};
use base::limits::{CLIENT_LOOK_TIME, PAGE_MESSAGES_MAX};
use base::{AccountId, Bare, Circle, ConnId, DeviceId, Now, SessionId, Ticket, Time};
use mesh::finding::Reason;
use mesh::verification;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use wire::{Frame, FrameError, Stanza};

use crate::account::Account;
use crate::admin::{Answer, Command};
use crate::contacts::Roster;
use crate::desk;
use crate::desk::audience::Circles;
use crate::desk::commands::Dialogs;
use crate::desk::in_reach::Neighbours;
use crate::desk::own_contact::Contact;
use crate::desk::registration::{Change, Gone};
use crate::error::{StanzaError, StreamError};
use crate::hosts::Hosts;
use crate::map::{Keyed, Map};
use crate::ns;
use crate::packing::Packing;
use crate::parking::{Parked, Parking};
use crate::questions::Question;
use crate::session::{Session, What};
use crate::shard::peers::Peers;
use crate::speech::Language;
use crate::tally::{self, Tally};

/// What is written to a plain client before its connection is asked to tell when it has left: a window of the network.
const UNWATCHED_BYTES_MAX: usize = 65_536;

/// What the buffer of outgoing bytes keeps when it is empty. One large answer must not take its memory for good.
const ARENA_BYTES_MAX: usize = 1_048_576;

/// How long a confirmation that nobody waits for may wait for another write to go along with.
const CONFIRMATION_DELAY: Duration = Duration::from_secs(1);

/// What an account's contacts are made of.
const ROSTER_KINDS: [RecordKind; 3] = [RecordKind::Roster, RecordKind::Subscription, RecordKind::Request];

/// What a shard is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// An authenticated client wants a resource (RFC 6120 section 7).
    Bind {
        /// Its connection.
        conn: ConnId,
        /// Its account.
        address: Bare,
        /// The resource it asks for.
        resource: Option<String>,
        /// The id of its request.
        id: String,
        /// The language of its stream, if it says one.
        language: Option<Language>,
    },
    /// An authenticated client wants an earlier session (XEP-0198 section 5).
    Resume {
        /// Its connection.
        conn: ConnId,
        /// Its account.
        address: Bare,
        /// The session's id.
        previd: String,
        /// What it has had of it.
        handled: u32,
    },
    /// One frame of a bound client.
    Frame {
        /// Its connection.
        conn: ConnId,
        /// The frame.
        frame: Frame<'a>,
    },
    /// The client sent what is no stream.
    Broken {
        /// Its connection.
        conn: ConnId,
        /// What is wrong with it.
        error: FrameError,
    },
    /// The connection is gone.
    Closed {
        /// Which.
        conn: ConnId,
    },
    /// Everything written to the connection so far has left this process.
    Drained {
        /// Which.
        conn: ConnId,
    },
    /// A batch is durable, or was not written.
    Stored {
        /// Its ticket. They come in the order in which they were given.
        ticket: Ticket,
        /// What happened.
        result: Result<(), StoreError>,
    },
    /// An answer of the store.
    Rows {
        /// The ticket of the read.
        ticket: Ticket,
        /// The rows.
        rows: Result<Rows, StoreError>,
    },
    /// A password was hashed for [`Output::Hash`].
    Hashed {
        /// Whose.
        address: Bare,
        /// What it became, or why it cannot be a password.
        made: Result<Vec<Credential>, StanzaError>,
    },
    /// An order of the person who runs the node.
    Command {
        /// Comes back with the answer.
        id: u64,
        /// The order.
        command: Command,
    },
    /// A device of another node comes in reach, or leaves. What leaves and comes back between is said to have left.
    Reach {
        /// Which.
        device: DeviceId,
        /// Whose it is: proved.
        address: Bare,
        /// Whether it comes.
        up: bool,
    },
    /// A device in reach says something; what it says to one account comes in the order in which it was said.
    Parcel {
        /// Which.
        from: DeviceId,
        /// To which account of this node.
        to: Bare,
        /// See `docs/formats/post.md`.
        bytes: Vec<u8>,
    },
    /// How near somebody is to an account of this node, once or anew. Whoever is not named is [`Circle::Red`].
    Circle {
        /// The account.
        own: Bare,
        /// Who.
        other: Bare,
        /// How near.
        circle: Circle,
    },
    /// Two people compare words to make sure who they are, or have.
    Verification {
        /// The account of this node.
        own: Bare,
        /// The other one.
        other: Bare,
        /// What has come of it.
        event: verification::Event,
    },
    /// Why nobody is found, for people; `None` while somebody is, or nothing is known yet.
    Network(Option<Reason>),
    /// Somebody shows that an address is theirs by another key than the known one. They are not believed, and whoever knows
    /// the address is told (attack case E07).
    KeyChanged {
        /// The address.
        address: Bare,
    },
    /// Somebody came to be served here, or lives elsewhere now.
    Hosts(Arc<Hosts>),
    /// [`Shard::wake_at`] has come.
    Timeout,
}

/// What a shard wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Write to a connection.
    Write {
        /// Which.
        conn: ConnId,
        /// These bytes.
        bytes: &'a [u8],
    },
    /// Say [`Input::Drained`] when what has been written so far has left.
    NotifyDrained {
        /// Which.
        conn: ConnId,
    },
    /// The client is bound: the connection is this shard's.
    Bound {
        /// Which.
        conn: ConnId,
    },
    /// Write what was written, then close.
    Close {
        /// Which.
        conn: ConnId,
    },
    /// There is no such session: the negotiation goes on with this element.
    ResumeRefused {
        /// The connection.
        conn: ConnId,
        /// `<failed/>`.
        failed: Vec<u8>,
    },
    /// Make a batch durable and say [`Input::Stored`]; in the order of tickets.
    Store {
        /// Comes back.
        ticket: Ticket,
        /// The batch.
        batch: Batch,
    },
    /// Answer with [`Input::Rows`], from a state that has at least the batch `after`.
    Read {
        /// Comes back.
        ticket: Ticket,
        /// The question.
        query: Query,
        /// The batch.
        after: Option<Ticket>,
    },
    /// Make of a password what is kept of it and say [`Input::Hashed`]; one at a time for each person.
    Hash {
        /// Whose.
        address: Bare,
        /// The password.
        password: String,
    },
    /// What this person has proved counts no more: end the connections on which they log in, or are not bound yet.
    Expel {
        /// Who.
        address: Bare,
    },
    /// Hand this to a device in reach, in the order of these outputs. What is lost with its link is said again.
    Parcel {
        /// Which account of this node says it.
        from: Bare,
        /// To which device.
        to: DeviceId,
        /// See `docs/formats/post.md`.
        bytes: Vec<u8>,
    },
    /// A person does something to make sure who somebody is. What comes of it is [`Input::Verification`].
    Verify {
        /// Their account.
        own: Bare,
        /// The other one.
        other: Bare,
        /// What they do.
        act: verification::Act,
    },
    /// An account has chosen something that the node must know: its [`Audience`](base::Audience). It is durable.
    Settings,
    /// The answer to [`Input::Command`].
    Reply {
        /// Its id.
        id: u64,
        /// The answer.
        answer: Answer,
    },
}

/// What a shard must know of its node.
#[derive(Clone, Debug)]
pub struct Config {
    /// The domains served.
    pub hosts: Arc<Hosts>,
    /// A secret number of this node, the same for ever: the ids of what it archives are made with it
    /// (`docs/formats/stanza-ids.md`).
    pub node: u64,
    /// Whether messages are kept as history (XEP-0313).
    pub archive: bool,
    /// Whether the daemon itself is a contact of everybody here. Where it is not, it is spoken to all the same.
    pub contact: bool,
    /// Whether this node makes links to others.
    pub links: bool,
    /// How long a broken session may be resumed (XEP-0198).
    pub resume_time_max: Duration,
    /// The program's name and version, told to who asks (XEP-0092).
    pub version: &'static str,
}

/// Outputs as they wait: bytes are a range of the shard's own buffer, so that a write costs no allocation.
enum Waiting {
    Write { conn: ConnId, start: usize, end: usize },
    Other(Output<'static>),
}

/// Where a stanza comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) session: SessionId,
    /// Its number in the session's XEP-0198 count, to be settled when it has been handled.
    pub(crate) number: Option<u32>,
}

impl Origin {
    /// What the server says itself: nobody is answered, and nothing is counted. No session has this number.
    pub(crate) const SERVER: Origin = Origin { session: SessionId(0), number: None };

    /// What another device of the account hands on. Who said it first has been answered there.
    pub(crate) const COPY: Origin = Origin { session: SessionId(1 << 62), number: None };

    /// What a device in reach says. `number` stands for it as long as it is in reach.
    pub(crate) fn of_peer(number: u64) -> Origin {
        Origin { session: SessionId(1 << 63 | number), number: None }
    }

    /// The device that is to be answered, if it is one.
    pub(crate) fn peer(self) -> Option<u64> {
        (self.session.0 >> 63 == 1).then_some(self.session.0 ^ 1 << 63)
    }

    /// Whether it came over a link: then it is confirmed, and must be durable.
    pub(crate) fn is_elsewhere(self) -> bool {
        self.peer().is_some() || self == Origin::COPY
    }
}

/// What became of a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is handled.
    Done,
    /// It is handled when this batch is durable.
    After(Ticket),
    /// It waits for an account.
    Parked,
}

/// What is done when a batch is durable, or has failed.
pub(crate) enum After {
    /// This session has something that was held for it.
    Release(SessionId),
    /// This stanza is handled now.
    Settle(Origin),
    /// The answers that its author must hear before this stanza is acknowledged have left.
    Acknowledge(Origin),
    /// If the batch failed, its author must know: a reply whose error is filled in then.
    Bounce(SessionId, Box<Stanza<'static>>),
    /// If the batch failed, this account's rows are not what memory says: forget and read again.
    Distrust(Bare),
    /// If the batch failed, this copy of an account does not wait: there is none.
    Unfile(Bare, i64),
    /// If the batch failed, these copies are still to be written off.
    Reconfirm(AccountId, Vec<i64>),
    /// The account has the new password now that this session wanted.
    NewPassword(Bare, SessionId),
    /// The account is gone now.
    Removed(Box<Gone>),
    /// Somebody waits for the outcome of a command.
    Reply(u64, Command),
    /// What waited for it goes to the devices that this account speaks to.
    Say(Bare),
    /// If the batch failed, so many rows of an outbox were not written.
    Unpost(Bare, u64),
    /// If the batch failed, these rows of an outbox are still to be removed.
    Rearrive(AccountId, Vec<i64>),
    /// A row whose time had passed is gone; or is not.
    Expired(Bare, AccountId, i64),
    /// What a device said is confirmed.
    Confirm(Box<peers::Confirm>),
    /// The node must know of a setting.
    Settings,
}

/// What a read is for.
pub(crate) enum Purpose {
    Account(Bare),
    Roster(Bare),
    Private(Bare),
    Backlog(Bare),
    Question(Box<Question>),
    Accounts(u64),
    Leaver(Box<Leaver>),
    /// Who owes something to a device that came in reach.
    Owners(DeviceId, u64),
    /// What an account owes to a device.
    Posts(Bare, DeviceId),
    /// What an account has taken of a device.
    Received(Bare, DeviceId),
    Expired,
    /// Who knows an address whose key is not the known one.
    Knowing(Bare),
}

/// An account that a command removes: whom it knows is read first, kind by kind.
pub(crate) struct Leaver {
    command: u64,
    address: Bare,
    account: AccountId,
    contacts: Roster,
    kinds: std::slice::Iter<'static, RecordKind>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A broken session can be resumed no more.
    Forget(SessionId),
    /// Confirmations have waited long enough.
    Confirm,
    /// All clients are looked at, whether they are still there.
    Look,
    /// Something that was said to other devices is not confirmed.
    Lanes,
    /// The time of something in an outbox has passed.
    Expire,
    /// A device has not said again who is available there.
    SayAgain(u64),
    /// The daemon has something to say to its people.
    Contact,
    /// Somebody goes out of a contact list, or it is to be written who was shown.
    InReach,
}

/// See the module.
pub struct Shard {
    pub(crate) config: Config,
    pub(crate) now: Now,
    pub(crate) started: Time,
    rng: ChaCha20Rng,
    pub(crate) accounts: Map<Bare, Account>,
    parking: Parking,
    /// Passwords that are being changed, one for an account.
    pub(crate) changes: Map<Bare, Change>,
    /// Accounts that nobody uses, oldest first: kept a while so that the next message need not read them again.
    idle: VecDeque<Bare>,
    pub(crate) sessions: Map<SessionId, Session>,
    /// How many of them want carbons: while it is none, nobody looks for them.
    pub(crate) carbons: usize,
    conns: Map<ConnId, SessionId>,
    pub(crate) tally: Tally,
    /// Connections that wait to be bound, or for a session to be settled.
    pub(crate) binding: BTreeSet<ConnId>,
    /// XEP-0198 ids of sessions that may be resumed.
    pub(crate) resumable: Map<String, SessionId>,
    next_session: u64,
    /// Sessions that ended in the input at hand, with the contacts who must hear of it: told when the input is done,
    /// because telling one may end another.
    departed: VecDeque<(Session, Option<Arc<Roster>>)>,
    /// The batch of the input at hand, and what follows it.
    batch: Batch,
    after: Vec<After>,
    next_ticket: u64,
    /// Everything up to here is durable (or has failed and is dealt with).
    settled: Ticket,
    in_flight: VecDeque<(Ticket, Vec<After>)>,
    next_read: u64,
    reads: BTreeMap<Ticket, Purpose>,
    /// Copies that have reached their person and whose rows do not say so yet.
    confirmed: BTreeMap<AccountId, Vec<i64>>,
    /// The same of rows of outboxes that have arrived.
    posted: BTreeMap<AccountId, Vec<i64>>,
    /// The same until it is durable that their rows say so: a page that is read before has them as waiting.
    pub(crate) arrived: BTreeMap<AccountId, BTreeSet<i64>>,
    /// When the confirmed ones are written at the latest.
    confirm_at: Time,
    pub(crate) due: BTreeSet<(Time, Due)>,
    /// Whether there is a [`Due::Look`].
    looking: bool,
    pub(crate) peers: Peers,
    pub(crate) circles: Circles,
    pub(crate) neighbours: Neighbours,
    /// Why nobody is found.
    pub(crate) network: Option<Reason>,
    /// What passes between the accounts and the daemon.
    pub(crate) contact: Contact,
    pub(crate) dialogs: Dialogs,
    outputs: VecDeque<Waiting>,
    arena: Vec<u8>,
    pub(crate) packing: Packing,
}

impl Shard {
    /// An empty shard that starts now. `seed` makes resources, session ids and hash keys; it must come from a strong source.
    pub fn new(config: Config, now: Now, seed: [u8; 32]) -> Shard {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let mut key = [0; 16];
        rng.fill_bytes(&mut key);
        let keyed = Keyed::new(key);
        Shard {
            config,
            now,
            started: now.mono,
            rng,
            accounts: Map::with_hasher(keyed.clone()),
            parking: Parking::default(),
            changes: Map::with_hasher(keyed.clone()),
            idle: VecDeque::new(),
            sessions: Map::with_hasher(keyed.clone()),
            carbons: 0,
            conns: Map::with_hasher(keyed.clone()),
            tally: Tally::default(),
            binding: BTreeSet::new(),
            resumable: Map::with_hasher(keyed),
            next_session: 1,
            departed: VecDeque::new(),
            batch: Batch::new(),
            after: Vec::new(),
            next_ticket: 1,
            settled: Ticket(0),
            in_flight: VecDeque::new(),
            next_read: 1,
            reads: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            posted: BTreeMap::new(),
            arrived: BTreeMap::new(),
            confirm_at: now.mono,
            // What has expired while nobody was looking.
            due: BTreeSet::from([(now.mono, Due::Expire)]),
            looking: false,
            peers: Peers::new(now.mono),
            circles: Circles::default(),
            neighbours: Neighbours::default(),
            network: None,
            contact: Contact::default(),
            dialogs: Dialogs::default(),
            outputs: VecDeque::new(),
            arena: Vec::new(),
            packing: Packing::default(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = now;
        if self.outputs.is_empty() {
            self.arena.clear();
            self.arena.shrink_to(ARENA_BYTES_MAX);
        }
        match input {
            Input::Frame { conn, frame } => self.handle_frame(conn, frame),
            Input::Stored { ticket, result } => self.handle_stored(ticket, result),
            Input::Drained { conn } => self.handle_drained(conn),
            Input::Rows { ticket, rows } => self.handle_rows(ticket, rows),
            Input::Bind { conn, address, resource, id, language } => {
                self.handle_bind(&address, Parked::Bind { conn, resource, id, language });
            }
            Input::Resume { conn, address, previd, handled } => {
                desk::stream_management::resume(self, conn, &address, &previd, handled);
            }
            Input::Broken { conn, error } => {
                if let Some(session) = self.conns.get(&conn).copied() {
                    self.end_stream(session, StreamError::Bytes(error));
                }
            }
            Input::Closed { conn } => self.handle_closed(conn),
            Input::Hashed { address, made } => desk::registration::hashed(self, &address, made),
            Input::Command { id, command } => self.handle_command(id, command),
            Input::Reach { device, address, up } => self.handle_reach(device, address, up),
            Input::Parcel { from, to, bytes } => self.handle_parcel(from, to, bytes),
            Input::Circle { own, other, circle } => self.handle_circle(&own, other, circle),
            Input::Network(reason) => self.network = reason,
            Input::Verification { own, other, event } => desk::own_contact::happened(self, &own, &other, event),
            Input::KeyChanged { address } => desk::notices::key_changed(self, address),
            Input::Hosts(hosts) => self.handle_hosts(hosts),
            Input::Timeout => self.handle_timeout(),
        }
        self.tell_of_departed();
        desk::in_reach::settle(self);
        self.flush_batch();
        self.feed_lanes();
    }

    pub(crate) fn tell_of_departed(&mut self) {
        while let Some((session, roster)) = self.departed.pop_front() {
            desk::presence::ended(self, &session, roster.as_deref());
        }
    }

    /// The next thing to do; drain it after every [`Shard::handle`].
    pub fn poll(&mut self) -> Option<Output<'_>> {
        match self.outputs.pop_front()? {
            Waiting::Write { conn, start, end } => Some(Output::Write { conn, bytes: &self.arena[start..end] }),
            Waiting::Other(output) => Some(output),
        }
    }

    /// When [`Input::Timeout`] is due, if ever.
    pub fn wake_at(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Bytes of stanzas in memory: parked, held for the store, kept for XEP-0198, on lanes, not yet taken by [`Shard::poll`]. Walks
    /// over everything: for those who measure.
    pub fn held_bytes(&self) -> usize {
        let parked: usize = self.accounts.values().map(Account::parked_bytes).sum();
        let sessions: usize = self.sessions.values().map(Session::held_bytes).sum();
        parked + sessions + self.arena.len() + self.peers.held_bytes()
    }

    fn handle_frame(&mut self, conn: ConnId, frame: Frame<'_>) {
        let Some(session) = self.conns.get(&conn).copied() else { return };
        self.heard(session);
        match frame {
            Frame::Stanza(stanza) => self.handle_stanza(session, stanza),
            Frame::Element(element) if element.namespace() == ns::CLIENT_STATE => {
                desk::client_state::handle(self, session, &element);
            }
            Frame::Element(element) => desk::stream_management::handle(self, session, &element),
            Frame::Refused(refused) => {
                let number = self.count_in(session);
                let error = StanzaError::new(refused.why.into(), refused.why.to_string());
                let jid = self.sessions[&session].jid.clone();
                if let Some(bytes) = crate::error::answer_refused(&refused, &jid, &error) {
                    tally::count(&mut self.tally.stanza_errors, error.condition.name());
                    self.send_bytes(session, bytes, What::Answer, None);
                }
                self.settle(Origin { session, number });
            }
            Frame::Close => {
                self.write_raw(conn, b"</stream:stream>");
                self.close(session);
            }
            Frame::Open(_) => {
                // RFC 6120 section 4.9.3.3: a stream header inside a stream (attack case A15).
                self.end_stream(session, StreamError::PolicyViolation("A second stream header is not expected."));
            }
        }
    }

    fn handle_stanza(&mut self, session: SessionId, stanza: Stanza<'_>) {
        let jid = self.sessions[&session].jid.clone();
        let number = self.count_in(session);
        if let Some(from) = &stanza.head.from
            && *from != *jid
            && from.as_str() != jid.bare()
        {
            return self.end_stream(session, StreamError::InvalidFrom);
        }
        self.tally.from_clients.count(stanza.head.kind);
        let mut stanza: Stanza<'_> = stanza;
        stanza.head.from = Some(jid.borrow());
        let origin = Origin { session, number };
        let fate = self.accept(origin, stanza);
        self.meet(origin, fate);
    }

    /// Does what a stanza's fate asks for its author's count.
    pub(crate) fn meet(&mut self, origin: Origin, fate: Fate) {
        match fate {
            Fate::Done => self.settle(origin),
            Fate::After(ticket) if origin.number.is_some() => self.after(ticket, After::Settle(origin)),
            Fate::After(_) | Fate::Parked => {}
        }
    }

    fn handle_timeout(&mut self) {
        while let Some((at, due)) = self.due.first().copied()
            && at <= self.now.mono
        {
            self.due.pop_first();
            match due {
                Due::Forget(session) => {
                    if self.sessions.get(&session).is_some_and(|s| s.conn.is_none()) {
                        self.end_session(session);
                    }
                }
                Due::Confirm => self.write_confirmed(),
                Due::InReach => desk::in_reach::due(self),
                Due::Lanes => self.lanes_due(),
                Due::SayAgain(number) => self.say_again_due(number),
                Due::Contact => desk::own_contact::due(self),
                Due::Expire => {
                    self.peers.expire_at = None;
                    // What was confirmed must not be read as waiting.
                    self.flush_confirmed();
                    let query = Query::Expired { at: self.now.wall, limit: PAGE_MESSAGES_MAX };
                    self.read(query, Purpose::Expired);
                }
                Due::Look => {
                    self.looking = false;
                    desk::keepalive::look(self);
                }
            }
        }
    }

    /// While there are connections, their clients are looked at again and again.
    pub(crate) fn look_again(&mut self) {
        if !self.looking && !self.conns.is_empty() {
            self.looking = true;
            self.due.insert((self.now.mono + CLIENT_LOOK_TIME, Due::Look));
        }
    }

    /// A client is there.
    fn heard(&mut self, session: SessionId) {
        if let Some(session) = self.sessions.get_mut(&session) {
            (session.heard, session.asked) = (self.now.mono, None);
        }
    }

    /// The daemon has something to say then.
    pub(crate) fn contact_due(&mut self, at: Time) {
        self.due.insert((at, Due::Contact));
    }

    /// The number of an account that has been read.
    pub(crate) fn account_id(&self, address: &Bare) -> Option<AccountId> {
        self.accounts.get(address)?.row.as_ref().map(|row| row.id)
    }

    /// The deadline of a broken session counts no more.
    pub(crate) fn keep(&mut self, session: SessionId) {
        if let Some(at) = self.sessions.get_mut(&session).and_then(|s| s.forgotten_at.take()) {
            self.due.remove(&(at, Due::Forget(session)));
        }
    }

    /// Answers a stanza with an error, where that may be.
    pub(crate) fn bounce(&mut self, origin: Origin, stanza: &Stanza<'_>, error: &StanzaError) {
        if let Some(answer) = error.answer_to(stanza) {
            tally::count(&mut self.tally.stanza_errors, error.condition.name());
            self.reply(origin, &answer, None);
        }
    }

    /// 64 bits that nobody can guess.
    pub(crate) fn random(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// 128 bits that nobody can guess, as text.
    pub(crate) fn token(&mut self) -> String {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        format!("{:032x}", u128::from_le_bytes(bytes))
    }

    pub(crate) fn push(&mut self, output: Output<'static>) {
        self.outputs.push_back(Waiting::Other(output));
    }
}
