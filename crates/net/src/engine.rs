//! The driver: one thread that has its sockets, its shard and its way to the store, and no thread hop between them.
//!
//! It does what `xmpp::Shard` says and nothing else. Every event (bytes of a connection, answers of the store, a deadline)
//! is given to the shard, the outputs are drained into the connections' buffers, and at the end of the event each buffer
//! that has something is written once.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::num::NonZeroU32;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use base::ledger::{Batch, Credential, Query, Rows, StoreError, Write};
use base::limits::{STORE_QUEUE_BYTES_MAX, UNAUTHENTICATED_CONNECTIONS_MAX};
use base::{AccountId, Bare, ConnId, Ticket, Time};
use rustls::ServerConfig;
use store::{Done, Queued, Readers, Sqlite, Writer, Written};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use xmpp::{Answer, Command, Hosts, Input, Output, Shard};

use crate::clock::Clock;
use crate::conn::Conn;
use crate::neighbourhood::Ask;
use crate::registration::{Registrations, not_acceptable};
use crate::sasl::{Exchange, FakeKey, Mechanism, SaslFailure, Step};
use crate::tally::Tally;
use crate::trouble::{News, Trouble, Watch};

/// Connections that read the store beside its writer: one answers logins while the other counts an archive.
const READERS: usize = 2;

/// Passwords hashed at a time: one core's worth, so that guessing them by PLAIN cannot take both.
const HASHING_MAX: usize = 1;

/// Answers of the store that are taken before the connections have their turn.
const EVENTS_IN_TURN: usize = 64;

/// Tickets of the engine's own reads and writes: the shard's never reach this bit.
const OWN: u64 = 1 << 63;

/// What an engine is made of.
pub struct Parts {
    /// What the shard knows of the node.
    pub shard: xmpp::Config,
    /// The store.
    pub store: Sqlite,
    /// TLS, if it can be had.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether clients on loopback must use TLS too.
    pub tls_required_on_loopback: bool,
    /// Whether strangers may make accounts from their chat program (XEP-0077), where they could log in.
    pub registration: bool,
    /// Makes records for people who do not exist.
    pub fake: FakeKey,
    /// PBKDF2 rounds of new passwords; also what people who do not exist seem to have.
    pub iterations: NonZeroU32,
    /// How many connections the system's files are enough for.
    pub connections_max: usize,
}

/// What comes back from the store's threads.
enum FromStore {
    Done(Done),
    Rows(Ticket, Result<Rows, StoreError>),
}

/// The driver of one shard. It lives on one thread; handles to it are `Rc`.
pub struct Engine {
    pub(crate) clock: Clock,
    hosts: RefCell<Arc<Hosts>>,
    /// Told when the domains of clients are others than before.
    domains: Notify,
    pub(crate) tls: RefCell<Option<Arc<ServerConfig>>>,
    pub(crate) tls_required_on_loopback: bool,
    pub(crate) registrations: Registrations,
    fake: Arc<FakeKey>,
    /// Lets a few passwords be hashed at a time, beside the thread that serves everybody.
    hashing: Semaphore,
    iterations: NonZeroU32,
    shard: RefCell<Shard>,
    writer: RefCell<Option<Writer>>,
    readers: RefCell<Option<Readers>>,
    /// Reads that wait for a batch.
    reads: RefCell<BTreeMap<Ticket, Vec<(Ticket, Query)>>>,
    settled: Cell<Ticket>,
    /// Batches of this event: the writer gets them together, so that they share a transaction.
    batches: RefCell<Vec<(Ticket, Batch)>>,
    /// The way to the node, where there are links.
    node: RefCell<Option<mpsc::UnboundedSender<Ask>>>,
    /// Batches under way that make or remove accounts.
    of_accounts: RefCell<BTreeSet<Ticket>>,
    /// Who waits until a batch of the node is written.
    written: RefCell<HashMap<Ticket, oneshot::Sender<Result<(), StoreError>>>>,
    /// Who waits for the engine's own reads.
    asked: RefCell<HashMap<Ticket, oneshot::Sender<Result<Rows, StoreError>>>>,
    replies: RefCell<HashMap<u64, oneshot::Sender<Answer>>>,
    pub(crate) conns: RefCell<HashMap<ConnId, Rc<Conn>>>,
    pub(crate) tally: RefCell<Tally>,
    connections_max: usize,
    watch: RefCell<Watch>,
    /// Passwords that the shard wants hashed at the end of this event.
    to_hash: RefCell<Vec<(Bare, String)>>,
    /// Connections without a session, oldest first; some may have got one, or be gone.
    strangers: RefCell<VecDeque<Weak<Conn>>>,
    /// How many there are.
    strangers_count: Cell<usize>,
    /// Connections that are not read because the store is behind.
    throttled: RefCell<Vec<Rc<Conn>>>,
    /// Connections with something to write at the end of this event.
    dirty: RefCell<Vec<Rc<Conn>>>,
    next: Cell<u64>,
    /// The deadline that the driver's own task sleeps for.
    armed: Cell<Option<Time>>,
    rearm: Notify,
    /// Read buffers are the thread's, not the connections'.
    pub(crate) buffer: Cell<Vec<u8>>,
}

impl Engine {
    /// Starts the store's threads and the driver's task. Must be called on a `LocalSet`.
    ///
    /// # Errors
    /// If the system gives no thread or the store no reader.
    pub fn start(parts: Parts) -> io::Result<Rc<Engine>> {
        let (events, from_store) = mpsc::unbounded_channel();
        let readers = (0..READERS)
            .map(|_| parts.store.reader())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| io::Error::other(e.to_string()))?;
        let rows = events.clone();
        let readers = Readers::start(readers, move |ticket, answer| {
            // Nobody listens any more only when the process ends.
            let _ = rows.send(FromStore::Rows(ticket, answer));
        })?;
        let writer = Writer::start(parts.store, move |done| {
            let _ = events.send(FromStore::Done(done));
        })?;
        let clock = Clock::start();
        let engine = Rc::new(Engine {
            clock,
            hosts: RefCell::new(Arc::clone(&parts.shard.hosts)),
            domains: Notify::new(),
            tls: RefCell::new(parts.tls),
            tls_required_on_loopback: parts.tls_required_on_loopback,
            registrations: Registrations::new(parts.registration),
            fake: Arc::new(parts.fake),
            hashing: Semaphore::new(HASHING_MAX),
            iterations: parts.iterations,
            shard: RefCell::new(Shard::new(parts.shard, clock.now(), crate::random())),
            writer: RefCell::new(Some(writer)),
            readers: RefCell::new(Some(readers)),
            reads: RefCell::default(),
            settled: Cell::new(Ticket(0)),
            batches: RefCell::default(),
            node: RefCell::default(),
            of_accounts: RefCell::default(),
            written: RefCell::default(),
            asked: RefCell::default(),
            replies: RefCell::default(),
            conns: RefCell::default(),
            tally: RefCell::default(),
            connections_max: parts.connections_max,
            watch: RefCell::default(),
            to_hash: RefCell::default(),
            strangers: RefCell::default(),
            strangers_count: Cell::new(0),
            throttled: RefCell::default(),
            dirty: RefCell::default(),
            next: Cell::new(1),
            armed: Cell::new(None),
            rearm: Notify::new(),
            buffer: Cell::new(Vec::new()),
        });
        tokio::task::spawn_local(Rc::clone(&engine).drive(from_store));
        Ok(engine)
    }

    /// Whom this node serves.
    pub fn hosts(&self) -> Arc<Hosts> {
        Arc::clone(&self.hosts.borrow())
    }

    /// From now on these are the accounts here at domains whose root key is elsewhere.
    pub fn set_guests(&self, guests: BTreeSet<Bare>) {
        if guests != self.hosts.borrow().guests {
            let hosts = Hosts::clone(&self.hosts());
            self.set_hosts(Hosts { guests, ..hosts });
            self.domains.notify_one();
        }
    }

    /// From now on these people of the served domains are known to live on other nodes only.
    pub(crate) fn set_away(&self, away: BTreeSet<Bare>) {
        if away != self.hosts.borrow().away {
            let hosts = Hosts::clone(&self.hosts());
            self.set_hosts(Hosts { away, ..hosts });
        }
    }

    fn set_hosts(&self, hosts: Hosts) {
        let hosts = Arc::new(hosts);
        self.hosts.replace(Arc::clone(&hosts));
        self.handle(Input::Hosts(hosts));
    }

    /// Waits until there are other domains at which clients may log in. For one who waits.
    pub async fn domains_changed(&self) {
        self.domains.notified().await;
    }

    /// Makes credentials of a password as this node keeps them. Takes some milliseconds of CPU.
    ///
    /// # Errors
    /// If the password has a character that none may have.
    pub async fn make_credentials(&self, password: &str) -> Result<Vec<Credential>, crate::sasl::PasswordError> {
        let _turn = self.hashing.acquire().await;
        let (password, iterations) = (password.to_owned(), self.iterations);
        let salt = crate::random();
        let made = tokio::task::spawn_blocking(move || crate::sasl::make_credentials(&password, iterations, salt));
        made.await.expect("making credentials does not panic")
    }

    /// Gives the shard an order and waits for what comes of it.
    pub async fn command(self: &Rc<Engine>, command: Command) -> Answer {
        let (tell, told) = oneshot::channel();
        let id = self.number();
        self.replies.borrow_mut().insert(id, tell);
        self.handle(Input::Command { id, command });
        self.flush();
        told.await.unwrap_or(Answer::Failed(StoreError::Failed("the daemon is stopping".into())))
    }

    /// Takes a login attempt a step further, with the record of whoever it is about. Passwords that come in clear are
    /// hashed on another thread: everybody else is served meanwhile.
    pub(crate) async fn prove(&self, mut exchange: Exchange, claimed: Option<Bare>) -> (Option<Exchange>, Step) {
        let found = match claimed {
            Some(address) => self.credentials(address).await,
            None => Ok(None),
        };
        let Ok(found) = found else { return (None, Step::Failure(SaslFailure::TemporaryAuthFailure)) };
        let record = found.map(|(_, record)| record);
        if exchange.mechanism() != Mechanism::Plain {
            let step = exchange.credentials(record.as_deref(), &self.fake);
            return (Some(exchange), step);
        }
        let _turn = self.hashing.acquire().await;
        let fake = Arc::clone(&self.fake);
        let proved = tokio::task::spawn_blocking(move || {
            let step = exchange.credentials(record.as_deref(), &fake);
            (Some(exchange), step)
        });
        proved.await.unwrap_or((None, Step::Failure(SaslFailure::TemporaryAuthFailure)))
    }

    /// An account and what logs in to it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn credentials(&self, address: Bare) -> Result<Option<(AccountId, Vec<Credential>)>, StoreError> {
        match self.ask(Query::Credentials(address)).await? {
            Rows::Credentials(found) => Ok(found),
            _ => Err(StoreError::Failed("the store answered something else".into())),
        }
    }

    /// Asks the store, beside the shard.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) async fn ask(&self, query: Query) -> Result<Rows, StoreError> {
        let (tell, told) = oneshot::channel();
        let ticket = Ticket(OWN | self.number());
        self.asked.borrow_mut().insert(ticket, tell);
        self.submit_read(ticket, query);
        told.await.unwrap_or(Err(StoreError::Failed("the store is stopping".into())))
    }

    /// Ends all sessions, and waits until all that was accepted is durable.
    pub async fn shut_down(self: &Rc<Engine>) {
        self.command(Command::ShutDown).await;
        let (writer, readers) = (self.writer.take(), self.readers.take());
        let stopped = tokio::task::spawn_blocking(move || {
            drop(writer);
            drop(readers);
        });
        if stopped.await.is_err() {
            tracing::error!("the store's threads did not end cleanly");
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// Takes a new connection. When there are too many without a session, the oldest of those makes room: who wants to
    /// log in needs a second, who only holds connections waits (attack cases A06, A20, A21).
    pub(crate) fn adopt(&self, conn: Rc<Conn>) {
        let mut conns = self.conns.borrow_mut();
        let sessions = conns.len() - self.strangers_count.get();
        let most = strangers_max(self.connections_max, sessions);
        let mut strangers = self.strangers.borrow_mut();
        strangers.push_back(Rc::downgrade(&conn));
        self.strangers_count.set(self.strangers_count.get() + 1);
        conns.insert(conn.id, conn);
        // What is at the front and no stranger any more is only a leftover.
        while strangers.len() > most {
            let oldest = strangers.pop_front().and_then(|oldest| oldest.upgrade());
            if let Some(oldest) = oldest.filter(|oldest| oldest.is_stranger())
                && self.strangers_count.get() > most
            {
                oldest.cut();
                self.tally.borrow_mut().evicted += 1;
            }
        }
        self.tally.borrow_mut().connections += 1;
    }

    /// What keeps the store from writing, if anything does.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.watch.borrow().trouble().cloned()
    }

    fn look_after(&self, result: &Result<(), StoreError>) {
        match (self.watch.borrow_mut().saw(self.clock.now().wall, result), result) {
            (Some(News::Begins), Err(error)) => {
                tracing::error!(%error, "nothing can be written: what people send comes back to them");
            }
            (Some(News::Over(refused)), _) => tracing::info!(refused, "the store writes again"),
            _ => {}
        }
    }

    /// A connection has its session.
    pub(crate) fn no_stranger(&self) {
        self.strangers_count.set(self.strangers_count.get() - 1);
    }

    /// Whether a connection's bytes may be read now. If the store is behind, it is woken when that is over: what clients
    /// send faster than the disk takes it stays in their own machines.
    pub(crate) fn takes_more(&self, conn: &Rc<Conn>) -> bool {
        if !is_behind(self.backlog_bytes()) {
            return true;
        }
        if !conn.throttled.replace(true) {
            self.throttled.borrow_mut().push(Rc::clone(conn));
        }
        false
    }

    fn backlog_bytes(&self) -> usize {
        self.unwritten().bytes
    }

    /// What waits for the store's writer.
    pub(crate) fn unwritten(&self) -> Queued {
        self.writer.borrow().as_ref().map_or_else(Queued::default, Writer::queued)
    }

    /// Queries that wait for the store's readers.
    pub(crate) fn unanswered(&self) -> usize {
        self.readers.borrow().as_ref().map_or(0, |readers| readers.queued().items)
    }

    /// What the writer has done.
    pub(crate) fn written(&self) -> Written {
        self.writer.borrow().as_ref().map_or_else(Written::default, Writer::written)
    }

    /// A connection is gone: its session may live on, it does not.
    pub(crate) fn forget(self: &Rc<Engine>, conn: ConnId) {
        if self.conns.borrow_mut().remove(&conn).is_some_and(|conn| conn.is_stranger()) {
            self.no_stranger();
        }
        self.handle(Input::Closed { conn });
        self.flush();
    }

    /// Gives the shard one input and does what it says, but for writing.
    pub(crate) fn handle(&self, input: Input<'_>) {
        let mut shard = self.shard.borrow_mut();
        shard.handle(self.clock.now(), input);
        while let Some(output) = shard.poll() {
            self.perform(output);
        }
        let due = shard.wake_at();
        if due != self.armed.get() && due.is_some_and(|due| self.armed.get().is_none_or(|armed| due < armed)) {
            self.rearm.notify_one();
        }
    }

    fn perform(&self, output: Output<'_>) {
        match output {
            Output::Write { conn, bytes } => self.with(conn, |c| c.write(bytes)),
            Output::NotifyDrained { conn } => self.with(conn, |c| c.notify_drained()),
            Output::Bound { conn } => self.with(conn, |c| c.bound()),
            Output::Close { conn } => self.with(conn, |c| c.close()),
            Output::ResumeRefused { conn, failed } => self.with(conn, |c| c.resume_refused(failed)),
            Output::Store { ticket, batch } => {
                if batch.iter().any(|w| matches!(w, Write::CreateAccount { .. } | Write::RemoveAccount { .. })) {
                    self.of_accounts.borrow_mut().insert(ticket);
                }
                self.batches.borrow_mut().push((ticket, batch));
            }
            Output::Read { ticket, query, after } => match after.filter(|after| *after > self.settled.get()) {
                Some(after) => self.reads.borrow_mut().entry(after).or_default().push((ticket, query)),
                None => self.submit_read(ticket, query),
            },
            Output::Hash { address, password } => self.to_hash.borrow_mut().push((address, password)),
            // Attack case B19: who has proved the old password and has no session yet gets none.
            Output::Expel { address } => {
                self.conns.borrow().values().filter(|conn| conn.claims(&address)).for_each(|conn| conn.cut());
            }
            Output::Parcel { from, to, bytes } => self.tell_node(Ask::Parcel { from, to, bytes }),
            Output::Verify { own, other, act } => self.tell_node(Ask::Verify { own, other, act, told: None }),
            Output::Settings => self.tell_node(Ask::Accounts),
            Output::Gateway { stanza } => self.tell_node(Ask::Gateway(Box::new(stanza))),
            Output::Reply { id, answer } => {
                if let Some(tell) = self.replies.borrow_mut().remove(&id) {
                    // Who asked may have gone.
                    let _ = tell.send(answer);
                }
            }
        }
    }

    /// From now on there are links: the shard's parcels go there, and the node hears when accounts come and go.
    pub(crate) fn meet(&self, node: mpsc::UnboundedSender<Ask>) {
        self.node.replace(Some(node));
    }

    fn tell_node(&self, ask: Ask) {
        if let Some(node) = &*self.node.borrow() {
            // It has ended only when the daemon does.
            let _ = node.send(ask);
        }
    }

    /// Writes something that nobody waits for, beside the shard.
    pub(crate) fn write(&self, batch: Batch) -> Ticket {
        let ticket = Ticket(OWN | self.number());
        self.batches.borrow_mut().push((ticket, batch));
        ticket
    }

    /// Whether what [`Engine::write`] has just taken was written, once that is so.
    pub(crate) fn durable(&self, ticket: Ticket) -> oneshot::Receiver<Result<(), StoreError>> {
        let (tell, told) = oneshot::channel();
        self.written.borrow_mut().insert(ticket, tell);
        told
    }

    fn with(&self, conn: ConnId, act: impl FnOnce(&Conn)) {
        let conns = self.conns.borrow();
        let Some(conn) = conns.get(&conn) else { return };
        act(conn);
        if conn.mark_dirty() {
            self.dirty.borrow_mut().push(Rc::clone(conn));
        }
    }

    fn submit_read(&self, ticket: Ticket, query: Query) {
        let submitted = match &*self.readers.borrow() {
            Some(readers) => readers.submit(ticket, query),
            None => Err(StoreError::Failed("the store is closed".into())),
        };
        if let Err(error) = submitted {
            tracing::error!(%error, "a query could not be given to the store");
        }
    }

    /// The end of an event: the store gets its batches, and every buffer that has something is written; what drains may
    /// make more.
    pub(crate) fn flush(self: &Rc<Engine>) {
        for (address, password) in self.to_hash.take() {
            tokio::task::spawn_local(Rc::clone(self).hash(address, password));
        }
        loop {
            let batches = self.batches.take();
            if !batches.is_empty() {
                let submitted = match &*self.writer.borrow() {
                    Some(writer) => writer.submit_all(batches),
                    None => Err(StoreError::Failed("the store is closed".into())),
                };
                if let Err(error) = submitted {
                    tracing::error!(%error, "batches could not be given to the store");
                }
            }
            let dirty = self.dirty.take();
            if dirty.is_empty() {
                return;
            }
            for conn in dirty {
                if conn.flush(&self.tally) {
                    self.handle(Input::Drained { conn: conn.id });
                }
            }
        }
    }

    /// Hashes a person's new password for the shard.
    async fn hash(self: Rc<Engine>, address: Bare, password: String) {
        let made = self.make_credentials(&password).await.map_err(not_acceptable);
        self.handle(Input::Hashed { address, made });
        self.flush();
    }

    /// The task that gives the shard what the store says, and its deadlines.
    async fn drive(self: Rc<Engine>, mut from_store: mpsc::UnboundedReceiver<FromStore>) {
        loop {
            let due = self.shard.borrow().wake_at();
            self.armed.set(due);
            tokio::select! {
                biased;
                event = from_store.recv() => {
                    let Some(event) = event else { return };
                    self.take(event);
                    for _ in 1..EVENTS_IN_TURN {
                        let Ok(event) = from_store.try_recv() else { break };
                        self.take(event);
                    }
                }
                () = self.rearm.notified() => continue,
                () = async {
                    match due {
                        Some(due) => tokio::time::sleep_until(self.clock.instant(due)).await,
                        None => std::future::pending().await,
                    }
                } => self.handle(Input::Timeout),
            }
            self.flush();
        }
    }

    fn take(&self, event: FromStore) {
        match event {
            FromStore::Done(done) => {
                if self.backlog_bytes() <= STORE_QUEUE_BYTES_MAX / 2 {
                    self.throttled.take().iter().for_each(|conn| conn.wake());
                }
                for (ticket, result) in done {
                    self.look_after(&result);
                    if ticket.0 & OWN != 0 {
                        if let Some(tell) = self.written.borrow_mut().remove(&ticket) {
                            let _ = tell.send(result);
                        }
                        continue;
                    }
                    if self.of_accounts.borrow_mut().remove(&ticket) {
                        self.tell_node(Ask::Accounts);
                    }
                    self.settled.set(ticket);
                    self.handle(Input::Stored { ticket, result });
                    let ready = self.reads.borrow_mut().remove(&ticket).unwrap_or_default();
                    for (read, query) in ready {
                        self.submit_read(read, query);
                    }
                }
            }
            FromStore::Rows(ticket, rows) if ticket.0 & OWN != 0 => {
                if let Some(tell) = self.asked.borrow_mut().remove(&ticket) {
                    let _ = tell.send(rows);
                }
            }
            FromStore::Rows(ticket, rows) => self.handle(Input::Rows { ticket, rows }),
        }
    }
}

/// Whether so much waits for the store's writer that it must catch up first.
fn is_behind(waiting_bytes: usize) -> bool {
    waiting_bytes > STORE_QUEUE_BYTES_MAX
}

/// How many connections may be without a session: never so many that the system has no file left for who is logged in, for
/// the store and for who runs the node.
fn strangers_max(connections_max: usize, sessions: usize) -> usize {
    UNAUTHENTICATED_CONNECTIONS_MAX.min(connections_max / 2).min(connections_max.saturating_sub(sessions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_leave_files_for_the_others() {
        let most = UNAUTHENTICATED_CONNECTIONS_MAX;
        for (connections_max, sessions, expect) in [
            (10 * most, 0, most),
            (2 * most, 0, most),
            (2 * most - 2, 0, most - 1),
            (2 * most, most, most),
            (2 * most, most + 1, most - 1),
            (100, 99, 1),
            (100, 100, 0),
            (100, 101, 0),
        ] {
            assert_eq!(strangers_max(connections_max, sessions), expect, "{connections_max}, {sessions}");
        }
    }

    #[test]
    fn clients_are_read_until_the_store_is_behind() {
        let most = STORE_QUEUE_BYTES_MAX;
        for (waiting, behind) in [(0, false), (most - 1, false), (most, false), (most + 1, true), (10 * most, true)] {
            assert_eq!(is_behind(waiting), behind, "{waiting}");
        }
    }
}
