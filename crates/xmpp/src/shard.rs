//! A shard: the accounts whose addresses hash to it, as one value without clock, socket, thread, chance or lock.
//!
//! One input, then drain: after each [`Shard::handle`] take [`Shard::poll`] until it is `None`, then sleep until
//! [`Shard::wake_at`]. What an input makes the shard write is one batch; what may leave only when that batch is durable
//! is held until [`Input::Stored`] says so. `docs/durability.md` says for each class of stanza what that means.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::ledger::{Batch, Credential, Query, RecordKind, Rows, StoreError, Write};
use base::limits::{ACCOUNT_SESSIONS_MAX, ACCOUNTS_IDLE_MAX, CLIENT_LOOK_TIME};
use base::{AccountId, Bare, ConnId, Now, SessionId, Ticket, Time};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use smallvec::SmallVec;
use wire::{Form, Frame, FrameError, IqType, Kind, Stanza, Xml};

use crate::account::Account;
use crate::admin::{Answer, Command};
use crate::contacts::Roster;
use crate::desk;
use crate::desk::blocking::Blocked;
use crate::desk::preferences::Preferences;
use crate::desk::private::Sizes;
use crate::desk::registration::Change;
use crate::error::{Condition, StanzaError, StreamError};
use crate::held::Outgoing;
use crate::map::{Keyed, Map};
use crate::negotiation::Hosts;
use crate::ns;
use crate::parking::{Parked, Parking};
use crate::questions::Question;
use crate::router::Way;
use crate::session::{Session, What};

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
    Removed(Bare),
    /// Somebody waits for the outcome of a command.
    Reply(u64, Command),
}

/// What a read is for.
enum Purpose {
    Account(Bare),
    Roster(Bare),
    Private(Bare),
    Backlog(Bare),
    Question(Box<Question>),
    Accounts(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A broken session can be resumed no more.
    Forget(SessionId),
    /// Confirmations have waited long enough.
    Confirm,
    /// All clients are looked at, whether they are still there.
    Look,
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
    /// When those are written at the latest.
    confirm_at: Time,
    due: BTreeSet<(Time, Due)>,
    /// Whether there is a [`Due::Look`].
    looking: bool,
    outputs: VecDeque<Waiting>,
    arena: Vec<u8>,
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
            confirm_at: now.mono,
            due: BTreeSet::new(),
            looking: false,
            outputs: VecDeque::new(),
            arena: Vec::new(),
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
            Input::Bind { conn, address, resource, id } => self.handle_bind(conn, address, resource, id),
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
            Input::Timeout => self.handle_timeout(),
        }
        self.tell_of_departed();
        self.flush_batch();
    }

    fn tell_of_departed(&mut self) {
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

    /// Bytes of stanzas in memory: parked, held for the store, kept for XEP-0198, not yet taken by [`Shard::poll`]. Walks
    /// over everything: for those who measure.
    pub fn held_bytes(&self) -> usize {
        let parked: usize = self.accounts.values().map(Account::parked_bytes).sum();
        let sessions: usize = self.sessions.values().map(Session::held_bytes).sum();
        parked + sessions + self.arena.len()
    }

    // --- frames -----------------------------------------------------------------------------------------------------

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

    // --- sessions ---------------------------------------------------------------------------------------------------

    fn handle_bind(&mut self, conn: ConnId, address: Bare, resource: Option<String>, id: String) {
        let parked = Parked::Bind { conn, resource, id };
        self.binding.insert(conn);
        let account = self.accounts.get(&address);
        if account.is_some_and(|a| a.row.is_some() && !a.is_loading()) {
            self.bind(&address, parked);
        } else {
            self.park(&address, parked);
        }
    }

    /// RFC 6120 section 7.6 and 7.7: gives a resource; an older session of the same resource ends.
    fn bind(&mut self, address: &Bare, request: Parked) {
        let Parked::Bind { conn, resource, id } = request else { return };
        if !self.binding.remove(&conn) {
            return;
        }
        let resource = match resource {
            Some(resource) => resource,
            None => self.token(),
        };
        let jid = address.jid().with_resource(&resource).expect("the negotiation has checked the resource");
        let twin = self.accounts[address].sessions.iter().copied().find(|s| *self.sessions[s].jid == jid);
        if let Some(twin) = twin {
            self.end_stream(twin, StreamError::Conflict);
        }
        if self.accounts[address].sessions.len() >= ACCOUNT_SESSIONS_MAX {
            let text = "This account has too many sessions already. Log out somewhere else.";
            self.write_raw(conn, &StreamError::ResourceConstraint(text).to_xml());
            self.push(Output::Close { conn });
            return;
        }
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let mut answer = Stanza::new(Kind::Iq(IqType::Result));
        answer.head.id = Some(id.into());
        let mut xml = Xml::new();
        xml.open("bind", ns::BIND).leaf("jid", ns::BIND, jid.as_str());
        let answer = answer.with_inner(xml.finish());
        self.sessions.insert(session, Session::new(conn, address.clone(), jid, self.now));
        self.conns.insert(conn, session);
        self.look_again();
        self.accounts.get_mut(address).expect("it is ready").sessions.push(session);
        self.push(Output::Bound { conn });
        let mut bytes = Vec::new();
        answer.emit(Form::Tcp, &mut bytes);
        self.write_raw(conn, &bytes);
    }

    /// Gives a session that has lost its connection another one (XEP-0198 section 5).
    pub(crate) fn attach(&mut self, session: SessionId, conn: ConnId) {
        self.sessions.get_mut(&session).expect("it is resumed").conn = Some(conn);
        self.heard(session);
        self.conns.insert(conn, session);
        self.look_again();
        self.push(Output::Bound { conn });
    }

    /// Another connection wants a session: the one that it has ends, and nothing more comes from there.
    pub(crate) fn displace(&mut self, session: SessionId) {
        if let Some(old) = self.sessions.get(&session).and_then(|s| s.conn) {
            self.write_raw(old, &StreamError::Conflict.to_xml());
            self.push(Output::Close { conn: old });
            self.lose_connection(session);
        }
    }

    /// Takes its connection from a session.
    fn detach(&mut self, session: SessionId) -> Option<ConnId> {
        let session = self.sessions.get_mut(&session)?;
        let conn = session.conn.take()?;
        session.questions.left();
        (session.leaving_bytes, session.watched) = (0, false);
        self.conns.remove(&conn);
        Some(conn)
    }

    fn handle_closed(&mut self, conn: ConnId) {
        let Some(session) = self.conns.get(&conn).copied() else {
            // It may have gone while its bind waited for the account.
            self.binding.remove(&conn);
            return;
        };
        self.lose_connection(session);
    }

    /// A session has no connection any more: it waits to be resumed, or ends.
    pub(crate) fn lose_connection(&mut self, session: SessionId) {
        self.detach(session);
        let resumable = self.sessions[&session].sm.as_ref().is_some_and(|sm| sm.id.is_some());
        if resumable {
            let at = self.now.mono + self.config.resume_time_max;
            self.due.insert((at, Due::Forget(session)));
            self.sessions.get_mut(&session).expect("it was here just now").forgotten_at = Some(at);
        } else {
            self.end_session(session);
        }
    }

    /// Ends a session with a stream error to its client.
    pub(crate) fn end_stream(&mut self, session: SessionId, error: StreamError) {
        if let Some(conn) = self.sessions.get(&session).and_then(|s| s.conn) {
            self.write_raw(conn, &error.to_xml());
        }
        self.close(session);
    }

    fn close(&mut self, session: SessionId) {
        if let Some(conn) = self.detach(session) {
            self.push(Output::Close { conn });
        }
        self.end_session(session);
    }

    /// Takes a session out of everything. Messages that it has not confirmed still wait in the store.
    fn end_session(&mut self, session: SessionId) {
        self.keep(session);
        let Some(mut ended) = self.sessions.remove(&session) else { return };
        self.carbons -= usize::from(ended.carbons);
        if let Some(sm) = &mut ended.sm {
            sm.id.as_ref().map(|id| self.resumable.remove(id));
            if let Some(conn) = sm.take_waiting() {
                desk::stream_management::refuse(self, conn);
            }
        }
        let mut roster = None;
        if let Some(account) = self.accounts.get_mut(&ended.account) {
            roster = account.roster.clone();
            account.sessions.retain(|s| *s != session);
            for seq in ended.unconfirmed() {
                account.land(seq);
            }
        }
        desk::offline::session_ended(self, &ended.account);
        self.retire(&ended.account);
        self.departed.push_back((ended, roster));
    }

    /// A copy that was to be sent to a session's client will not be: it waits again.
    fn take_back(&mut self, session: SessionId, what: What) {
        if let (What::Copy(seq), Some(session)) = (what, self.sessions.get(&session))
            && let Some(account) = self.accounts.get_mut(&session.account)
        {
            account.land(seq);
        }
    }

    /// Remembers that nobody uses an account, and forgets those that nobody has used for long.
    pub(crate) fn retire(&mut self, address: &Bare) {
        let Some(account) = self.accounts.get_mut(address).filter(|a| a.is_idle()) else { return };
        account.forget_roster();
        account.private = None;
        if !std::mem::replace(&mut account.retired, true) {
            self.idle.push_back(address.clone());
        }
        while self.idle.len() > ACCOUNTS_IDLE_MAX {
            let Some(oldest) = self.idle.pop_front() else { break };
            match self.accounts.get_mut(&oldest) {
                Some(account) if account.is_idle() => {
                    self.accounts.remove(&oldest);
                }
                Some(account) => account.retired = false,
                None => {}
            }
        }
    }

    // --- what is on its way to clients ------------------------------------------------------------------------------

    /// Sends a stanza to a session's client, not before the batch `after` is durable and behind all that is held.
    pub(crate) fn send(&mut self, session: SessionId, stanza: &Stanza<'_>, what: What, after: Option<Ticket>) {
        let after = after.filter(|t| *t > self.settled);
        let Some(to) = self.sessions.get(&session) else { return };
        if what == What::Stanza && !to.has_room_for(stanza.inner_len()) {
            return self.turn_away(stanza);
        }
        if self.waits_for_attention(session, stanza, what, after) {
            return;
        }
        let Some(to) = self.sessions.get(&session) else { return };
        if let What::Copy(seq) = what
            && let Some(account) = self.accounts.get_mut(&to.account)
        {
            *account.in_flight.entry(seq).or_default() += 1;
        }
        if after.is_none() && to.held.is_empty() && to.sm.is_none() {
            // The hot path: straight into the buffer that the connection is written from.
            let start = self.arena.len();
            stanza.emit(Form::Tcp, &mut self.arena);
            return self.emitted(session, start, what);
        }
        let mut bytes = Vec::new();
        stanza.emit(Form::Tcp, &mut bytes);
        self.enqueue(session, bytes, what, after);
    }

    /// Too much waits for a client already. Who spoke to it hears so where an answer is due; what says something about a
    /// moment is dropped.
    fn turn_away(&mut self, stanza: &Stanza<'_>) {
        let Some(from) = stanza.head.from.as_ref().filter(|from| !from.is_bare()) else { return };
        let to_one = stanza.head.to.as_ref().is_some_and(|to| !to.is_bare());
        let due = match stanza.head.kind {
            Kind::Iq(_) => true,
            Kind::Message(_) => to_one,
            Kind::Presence(_) => false,
        };
        let author = self.resource(&Bare::of(from), from.resource().unwrap_or_default()).filter(|_| due);
        if let (Some(author), Some(answer)) = (author, StanzaError::client_is_full().answer_to(stanza)) {
            self.send(author, &answer, What::Answer, None);
        }
    }

    /// XEP-0352: whether a stanza waits until somebody looks at the client. One that does not wait goes behind those
    /// that did.
    fn waits_for_attention(&mut self, id: SessionId, stanza: &Stanza<'_>, what: What, after: Option<Ticket>) -> bool {
        let Some(waiting) = self.sessions.get_mut(&id).and_then(|s| s.inactive.as_mut()) else { return false };
        let waits = what == What::Stanza && after.is_none() && waiting.take(stanza);
        if !waits || waiting.is_full() {
            desk::client_state::flush(self, id);
        }
        waits
    }

    /// As [`Shard::send`], for bytes that are ready.
    pub(crate) fn send_bytes(&mut self, session: SessionId, bytes: Vec<u8>, what: What, after: Option<Ticket>) {
        desk::client_state::flush(self, session);
        self.enqueue(session, bytes, what, after);
    }

    /// Puts bytes behind all that is on its way to a session's client.
    pub(crate) fn enqueue(&mut self, session: SessionId, bytes: Vec<u8>, what: What, after: Option<Ticket>) {
        let after = after.filter(|t| *t > self.settled);
        let Some(to) = self.sessions.get_mut(&session) else { return };
        if to.overflows_with(bytes.len()) {
            self.take_back(session, what);
            return self.end_stream(session, StreamError::ResourceConstraint("Too much waits for this client."));
        }
        if after.is_some() || !to.held.is_empty() {
            let news = to.held.push(Outgoing { after: after.unwrap_or(Ticket(0)), bytes, what });
            if let Some(ticket) = news {
                self.after(ticket, After::Release(session));
            }
            return;
        }
        self.release(session, bytes, what);
    }

    /// Hands bytes to the connection, and keeps them if XEP-0198 may want them again.
    fn release(&mut self, session: SessionId, bytes: Vec<u8>, what: What) {
        let start = self.arena.len();
        self.arena.extend_from_slice(&bytes);
        if let Some(sm) = self.sessions.get_mut(&session).and_then(|s| s.sm.as_mut())
            && let Some(request) = sm.sent(bytes, what)
        {
            self.arena.extend_from_slice(request);
        }
        self.emitted(session, start, what);
    }

    /// The arena from `start` on is on its way to a session's client.
    fn emitted(&mut self, session: SessionId, start: usize, what: What) {
        let Some(to) = self.sessions.get_mut(&session) else { return };
        let Some(conn) = to.conn else {
            self.arena.truncate(start);
            return;
        };
        let end = self.arena.len();
        let mut watch = false;
        if to.sm.is_none() {
            to.leaving.extend(what.copy());
            to.leaving_bytes += end - start;
            watch = !to.watched && (what.copy().is_some() || to.leaving_bytes > UNWATCHED_BYTES_MAX);
            to.watched |= watch;
        }
        self.outputs.push_back(Waiting::Write { conn, start, end });
        if watch {
            self.push(Output::NotifyDrained { conn });
        }
    }

    /// Bytes that belong to the stream and to no session's count.
    pub(crate) fn write_raw(&mut self, conn: ConnId, bytes: &[u8]) {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.outputs.push_back(Waiting::Write { conn, start, end: self.arena.len() });
    }

    fn handle_drained(&mut self, conn: ConnId) {
        let Some(id) = self.conns.get(&conn).copied() else { return };
        let session = self.sessions.get_mut(&id).expect("every connection has its session");
        (session.leaving_bytes, session.watched) = (0, false);
        session.questions.left();
        let (address, seqs) = (session.account.clone(), std::mem::take(&mut session.leaving));
        self.confirm(&address, seqs);
        self.caught_up(id);
    }

    /// Less waits for a client than before: what can wait goes on.
    pub(crate) fn caught_up(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        if self.accounts.get(&session.account).is_some_and(|account| account.backlog.is_some()) {
            desk::offline::go_on(self, &session.account.clone());
        }
        self.next_question(id);
    }

    /// These copies have reached their person.
    pub(crate) fn confirm(&mut self, address: &Bare, mut seqs: Vec<i64>) {
        let Some(account) = self.accounts.get_mut(address) else { return };
        // Of two sessions that were sent the same copy, the first to confirm it settles it.
        seqs.retain(|seq| account.in_flight.remove(seq).is_some());
        let Some(row) = account.row.as_mut().filter(|_| !seqs.is_empty()) else { return };
        row.pending = row.pending.saturating_sub(seqs.len() as u64);
        let id = row.id;
        self.write_off(id, &seqs);
        desk::offline::confirmed(self, address, &seqs);
    }

    /// The rows of these copies will say that they wait no more, at the next write or soon.
    fn write_off(&mut self, account: AccountId, seqs: &[i64]) {
        if self.confirmed.is_empty() {
            self.confirm_at = self.now.mono + CONFIRMATION_DELAY;
            self.due.insert((self.confirm_at, Due::Confirm));
        }
        self.confirmed.entry(account).or_default().extend_from_slice(seqs);
    }

    // --- the store --------------------------------------------------------------------------------------------------

    /// Adds a write to the batch of the input at hand.
    pub(crate) fn write(&mut self, write: Write) -> Ticket {
        self.batch.push(write);
        Ticket(self.next_ticket)
    }

    /// Writes a record of an account that has been read, or its tombstone; of a kind without versions.
    pub(crate) fn put_record(&mut self, address: &Bare, kind: RecordKind, key: &str, value: Option<Vec<u8>>) -> Ticket {
        let wall = self.now.wall;
        let account = self.accounts.get_mut(address).expect("only an account that has been read has records");
        let record = account.record(kind, key, value, wall);
        self.write(Write::PutRecord(record))
    }

    /// The newest batch that there is something in: with it, all that memory says is durable.
    pub(crate) fn newest(&self) -> Ticket {
        Ticket(if self.batch.is_empty() { self.next_ticket - 1 } else { self.next_ticket })
    }

    /// Arranges what follows a batch that is not durable yet.
    pub(crate) fn after(&mut self, ticket: Ticket, then: After) {
        if ticket == Ticket(self.next_ticket) {
            self.after.push(then);
        } else if let Ok(at) = self.in_flight.binary_search_by_key(&ticket, |(t, _)| *t) {
            self.in_flight[at].1.push(then);
        } else {
            self.follow(&Ok(()), then);
        }
    }

    fn flush_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.store(batch);
        self.flush_confirmed();
    }

    /// Confirmations go along with a write that is made anyway: a batch for each account, so that no failure takes others.
    fn flush_confirmed(&mut self) {
        if self.confirmed.is_empty() {
            return;
        }
        for (account, seqs) in std::mem::take(&mut self.confirmed) {
            self.after.push(After::Reconfirm(account, seqs.clone()));
            self.store(vec![Write::Delivered { account, seqs }]);
        }
        self.due.remove(&(self.confirm_at, Due::Confirm));
    }

    /// Gives all confirmations to the store now, behind what the input at hand writes.
    pub(crate) fn write_confirmed(&mut self) {
        self.flush_batch();
        self.flush_confirmed();
    }

    fn store(&mut self, batch: Batch) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.in_flight.push_back((ticket, std::mem::take(&mut self.after)));
        self.push(Output::Store { ticket, batch });
    }

    fn handle_stored(&mut self, ticket: Ticket, result: Result<(), StoreError>) {
        let Some((first, then)) = self.in_flight.pop_front() else { return };
        assert_eq!(first, ticket, "the store answers in the order in which it was asked");
        self.settled = ticket;
        let mut then = then;
        if result.is_err() {
            for session in then.iter().filter_map(|a| if let After::Release(s) = a { Some(*s) } else { None }) {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.held.drop_failed(ticket);
                }
            }
            // Distrust ends sessions: what they are to hear comes first.
            then.sort_by_key(|then| matches!(then, After::Distrust(_)));
        }
        for then in then {
            self.follow(&result, then);
        }
    }

    fn follow(&mut self, result: &Result<(), StoreError>, then: After) {
        match (then, result) {
            (After::Release(session), _) => self.release_held(session),
            (After::Settle(origin), _) => self.settle(origin),
            (After::Bounce(session, reply), Err(error)) => {
                let error = StanzaError::from(error);
                self.send(session, &reply.with_inner(error.to_xml()), What::Answer, None);
            }
            (After::Distrust(address), Err(_)) => self.distrust(&address),
            (After::Unfile(address, seq), Err(_)) => {
                if let Some(account) = self.accounts.get_mut(&address) {
                    account.unfile(seq);
                }
            }
            (After::NewPassword(address, but), Ok(())) => {
                desk::registration::password_changed(self, &address, Some(but));
            }
            (After::Removed(address), Ok(())) => {
                desk::registration::removed(self, &address, StreamError::NotAuthorized)
            }
            (After::NewPassword(..) | After::Removed(_), Err(_))
            | (After::Bounce(..) | After::Distrust(_) | After::Unfile(..) | After::Reconfirm(..), Ok(())) => {}
            // Its rows have gone with it.
            (After::Reconfirm(..), Err(StoreError::NoAccount)) => {}
            (After::Reconfirm(account, seqs), Err(_)) => self.write_off(account, &seqs),
            (After::Reply(id, command), result) => self.finish_command(id, command, result.clone()),
        }
    }

    fn release_held(&mut self, session: SessionId) {
        let settled = self.settled;
        while let Some(outgoing) = self.sessions.get_mut(&session).and_then(|s| s.held.pop(settled)) {
            self.release(session, outgoing.bytes, outgoing.what);
        }
        self.caught_up(session);
    }

    /// Asks the store.
    fn read(&mut self, query: Query, purpose: Purpose) -> Ticket {
        let ticket = Ticket(self.next_read);
        self.next_read += 1;
        self.reads.insert(ticket, purpose);
        let after = Some(self.newest()).filter(|t| *t > self.settled);
        self.push(Output::Read { ticket, query, after });
        ticket
    }

    /// Asks what a request of a client needs.
    pub(crate) fn read_for(&mut self, question: Box<Question>) {
        self.read(question.query.clone(), Purpose::Question(question));
    }

    /// Asks for the next page of waiting messages.
    pub(crate) fn read_backlog(&mut self, address: &Bare, query: Query) -> Ticket {
        self.read(query, Purpose::Backlog(address.clone()))
    }

    /// The account that a read was asked for, if memory still knows it as it was then.
    fn awaiting(&mut self, address: &Bare, ticket: Ticket) -> Option<&mut Account> {
        let account = self.accounts.get_mut(address)?;
        account.take_answer(ticket).then_some(account)
    }

    fn handle_rows(&mut self, ticket: Ticket, rows: Result<Rows, StoreError>) {
        let Some(purpose) = self.reads.remove(&ticket) else { return };
        match (purpose, rows) {
            (Purpose::Account(address), rows) => {
                self.parking.answered();
                let Some(account) = self.awaiting(&address, ticket) else { return };
                match rows {
                    Ok(Rows::Account(Some(opened))) => {
                        account.blocked = Blocked::from_records(&opened.records);
                        account.preferences = Preferences::from_records(&opened.records).map(Box::new);
                        account.row = Some(opened.row);
                        let needs_roster = account.preferences.as_ref().is_some_and(|p| p.need_roster());
                        if self.config.archive && needs_roster {
                            self.read_roster(&address);
                        }
                        self.resume_parked(&address);
                    }
                    Ok(_) => self.no_account(&address, &StanzaError::from(Condition::ServiceUnavailable)),
                    Err(error) => self.no_account(&address, &StanzaError::from(&error)),
                }
            }
            (Purpose::Roster(address), rows) => {
                let Some(account) = self.awaiting(&address, ticket) else { return };
                match rows {
                    Ok(Rows::Records(records)) => {
                        account.arriving.add(records);
                        if account.awaited.is_empty() {
                            account.roster = Some(Arc::new(std::mem::take(&mut account.arriving)));
                            self.resume_parked(&address);
                        }
                    }
                    Ok(_) => self.no_account(&address, &StanzaError::from(Condition::InternalServerError)),
                    Err(error) => self.no_account(&address, &StanzaError::from(&error)),
                }
            }
            (Purpose::Private(address), rows) => {
                let Some(account) = self.awaiting(&address, ticket) else { return };
                match rows {
                    Ok(Rows::Records(records)) => {
                        account.private = Some(Sizes::from_records(&records));
                        self.resume_parked(&address);
                    }
                    Ok(_) => self.no_account(&address, &StanzaError::from(Condition::InternalServerError)),
                    Err(error) => self.no_account(&address, &StanzaError::from(&error)),
                }
            }
            (Purpose::Backlog(address), rows) => desk::offline::answered(self, &address, ticket, rows),
            (Purpose::Question(question), rows) => self.handle_answered(question, rows),
            (Purpose::Accounts(id), rows) => {
                let answer = match rows {
                    Ok(Rows::Accounts(rows)) => Answer::Accounts(rows.into_iter().map(|r| r.address).collect()),
                    Ok(_) => Answer::Accounts(Vec::new()),
                    Err(error) => Answer::Failed(error),
                };
                self.push(Output::Reply { id, answer });
            }
        }
    }

    // --- accounts ---------------------------------------------------------------------------------------------------

    /// Lets an input wait for its account, and asks for the account if nothing is on its way.
    pub(crate) fn park(&mut self, address: &Bare, input: Parked) {
        let asks = self.accounts.get(address).is_none_or(|a| a.row.is_none() && a.awaited.is_empty());
        let bytes = input.bytes();
        let refused = if self.parking.admits(&input, asks) {
            self.accounts.entry(address.clone()).or_insert_with(Account::unread).park(input).err()
        } else {
            Some(input)
        };
        if let Some(refused) = refused {
            return self.refuse_parked(refused, &StanzaError::from(Condition::ResourceConstraint));
        }
        self.parking.entered(bytes);
        if asks {
            self.parking.asked();
            self.read_of(address, Query::Account(address.clone()), Purpose::Account(address.clone()));
        }
    }

    /// Lets a stanza wait, in front of all that waits already, until its account's contacts are read.
    pub(crate) fn park_for_roster(&mut self, address: &Bare, way: Way, origin: Origin, stanza: Stanza<'_>) -> Fate {
        self.park_first(address, way, origin, stanza);
        self.read_roster(address);
        Fate::Parked
    }

    /// The same until it is known how much private XML the account keeps.
    pub(crate) fn park_for_private(&mut self, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
        self.park_first(address, Way::In, origin, stanza);
        if let Some(account) = self.account_id(address) {
            let query = Query::Records { account, kind: RecordKind::Private };
            self.read_of(address, query, Purpose::Private(address.clone()));
        }
        Fate::Parked
    }

    fn park_first(&mut self, address: &Bare, way: Way, origin: Origin, stanza: Stanza<'_>) {
        let account = self.accounts.get_mut(address).expect("only an account that is ready asks for more");
        let input = Parked::Stanza { way, origin, stanza: Box::new(stanza.into_owned()) };
        self.parking.entered(input.bytes());
        account.park_first(input);
    }

    fn read_roster(&mut self, address: &Bare) {
        let Some(account) = self.account_id(address) else { return };
        for kind in ROSTER_KINDS {
            self.read_of(address, Query::Records { account, kind }, Purpose::Roster(address.clone()));
        }
    }

    /// Asks for something of an account. What arrives for it meanwhile waits.
    fn read_of(&mut self, address: &Bare, query: Query, purpose: Purpose) {
        let ticket = self.read(query, purpose);
        if let Some(account) = self.accounts.get_mut(address) {
            account.awaited.push(ticket);
        }
    }

    fn resume_parked(&mut self, address: &Bare) {
        loop {
            let Some(account) = self.accounts.get_mut(address) else { return };
            if !account.awaited.is_empty() {
                return;
            }
            let Some(input) = account.unpark() else { return self.retire(address) };
            self.parking.left(input.bytes());
            match input {
                Parked::Bind { .. } => self.bind(address, input),
                Parked::Stanza { way, origin, stanza } => {
                    let fate = self.process(address, way, origin, *stanza);
                    self.meet(origin, fate);
                }
            }
        }
    }

    /// There is no such account, or it cannot be read: all that waits for it is refused.
    fn no_account(&mut self, address: &Bare, error: &StanzaError) {
        let sessions = self.accounts.get(address).map(|a| a.sessions.clone()).unwrap_or_default();
        for session in sessions {
            self.end_stream(session, StreamError::ResourceConstraint("The account cannot be read now. Log in again."));
        }
        // What is still on its way was asked for an account that memory knows no more: nobody will await it.
        let Some(mut account) = self.accounts.remove(address) else { return };
        while let Some(input) = account.unpark() {
            self.parking.left(input.bytes());
            self.refuse_parked(input, error);
        }
    }

    fn refuse_parked(&mut self, input: Parked, error: &StanzaError) {
        match input {
            Parked::Bind { conn, .. } => {
                let text = "The account cannot be opened now. Try again later.";
                self.write_raw(conn, &StreamError::ResourceConstraint(text).to_xml());
                self.push(Output::Close { conn });
            }
            Parked::Stanza { origin, stanza, .. } => {
                match stanza.head.kind {
                    Kind::Presence(_) => desk::presence::refused(self, origin, &stanza, error),
                    _ if error.condition == Condition::ServiceUnavailable => self.answer_for_nobody(origin, &stanza),
                    _ => self.bounce(origin, &stanza, error),
                }
                // What its author's own account wrote because of it may not be durable yet.
                self.meet(origin, Fate::After(self.newest()));
            }
        }
    }

    /// What memory says of an account's rows is wrong: its sessions end, and the next one reads it again.
    fn distrust(&mut self, address: &Bare) {
        self.no_account(address, &StanzaError::from(Condition::InternalServerError));
    }

    /// An account has gone, or has come: what memory knows of its address is not so any more.
    pub(crate) fn forget_account(&mut self, address: &Bare) {
        self.no_account(address, &StanzaError::from(Condition::ServiceUnavailable));
    }

    /// The sessions of an account for which the answer is true, in the order in which they were bound.
    pub(crate) fn sessions_of(&self, address: &Bare, which: impl Fn(&Session) -> bool) -> SmallVec<[SessionId; 4]> {
        let Some(account) = self.accounts.get(address) else { return SmallVec::new() };
        account.sessions.iter().copied().filter(|id| self.sessions.get(id).is_some_and(&which)).collect()
    }

    // --- commands ---------------------------------------------------------------------------------------------------

    fn handle_command(&mut self, id: u64, command: Command) {
        match &command {
            Command::CreateAccount { address, credentials } => {
                let ticket = self.write(Write::CreateAccount {
                    address: address.clone(),
                    credentials: credentials.clone(),
                    created: self.now.wall,
                });
                self.after(ticket, After::Reply(id, command));
            }
            Command::SetPassword { account, credentials, .. } => {
                let ticket = self.write(Write::SetCredentials { account: *account, credentials: credentials.clone() });
                self.after(ticket, After::Reply(id, command));
            }
            Command::RemoveAccount { account, .. } => {
                let ticket = self.write(Write::RemoveAccount { account: *account });
                self.after(ticket, After::Reply(id, command));
            }
            Command::Accounts => {
                self.read(Query::Accounts, Purpose::Accounts(id));
            }
            Command::Report => {
                let answer = Answer::Report(self.report());
                self.push(Output::Reply { id, answer });
            }
            Command::ShutDown => {
                let mut sessions: Vec<_> = self.sessions.keys().copied().collect();
                sessions.sort();
                for session in sessions {
                    self.end_stream(session, StreamError::SystemShutdown);
                }
                self.tell_of_departed();
                self.write_confirmed();
                let last = Ticket(self.next_ticket - 1);
                self.after(last, After::Reply(id, command));
            }
        }
    }

    fn finish_command(&mut self, id: u64, command: Command, result: Result<(), StoreError>) {
        let answer = match result {
            Ok(()) => Answer::Done,
            Err(error) => Answer::Failed(error),
        };
        if answer == Answer::Done {
            match command {
                Command::SetPassword { address, .. } => desk::registration::password_changed(self, &address, None),
                Command::RemoveAccount { address, .. } => {
                    let why = StreamError::PolicyViolation("The account was removed.");
                    desk::registration::removed(self, &address, why);
                }
                Command::CreateAccount { address, .. } => self.forget_account(&address),
                Command::Accounts | Command::Report | Command::ShutDown => {}
            }
        }
        self.push(Output::Reply { id, answer });
    }

    // --- small things -----------------------------------------------------------------------------------------------

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
            self.send(origin.session, &answer, What::Answer, None);
        }
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
