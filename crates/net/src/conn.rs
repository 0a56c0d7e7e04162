//! One client's connection: socket, TLS, framer and the bytes that wait to be written.
//!
//! Until a session is bound, frames go to its `xmpp::Negotiation`; then to the shard. The two sides are kept apart so that
//! the shard may write to a connection whose bytes are being read at that moment.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use base::limits::{AUTHENTICATION_TIME_MAX, SESSION_OUTPUT_BYTES_MAX};
use base::{Bare, ConnId, Time};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::Instant;
use wire::{Framer, Mode};
use xmpp::negotiation::{self, Why};
use xmpp::{Input, Negotiation, Sasl, Security};

use crate::engine::Engine;
use crate::sasl::{CHANNEL_BINDING, Exchange, Mechanism, Offer, SaslFailure, Step};
use crate::stall::Stall;
use crate::tally::Tally;
use crate::tls::{Progress, TlsStream, looks_like_tls};

/// How long a connection that we have closed may take to close its side: without that the last words could be lost.
const LINGER: Duration = Duration::from_secs(2);

/// Bytes read at once into the thread's buffer.
const READ_BYTES: usize = 65_536;

/// Reads of one connection before others have their turn.
const READS_IN_TURN: usize = 4;

/// How a listener's connections begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// In clear or by TLS: the first byte tells.
    Either,
    /// By TLS.
    Tls,
}

/// A connection.
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    stream: TcpStream,
    loopback: bool,
    /// Until when the first byte must have come.
    first_by: Time,
    input: RefCell<InputSide>,
    output: RefCell<OutputSide>,
    dirty: Cell<bool>,
    /// How its client logged in, once it has.
    mechanism: Cell<Option<&'static str>>,
    /// Whether it waits to be woken when the store has caught up.
    pub(crate) throttled: Cell<bool>,
}

struct InputSide {
    framer: Framer,
    stage: Stage,
    /// Bytes that were read and may not be looked at yet.
    held: Vec<u8>,
}

enum Stage {
    /// The first bytes decide between clear and TLS.
    First(Begin),
    Negotiating(Box<Negotiating>),
    Bound,
}

struct Negotiating {
    negotiation: Negotiation,
    exchange: Option<Exchange>,
    /// The domain that the client logs in to.
    domain: String,
    /// Whose record the exchange needs next.
    lookup: Option<String>,
    /// The account that is to be made next.
    registration: Option<(Bare, String)>,
    /// The store or the shard is asked something: nothing more is read until it answers.
    paused: bool,
    /// As whom the client logs in, or is logged in.
    claimed: Option<Bare>,
}

impl Negotiating {
    fn new(negotiation: Negotiation) -> Negotiating {
        Negotiating {
            negotiation,
            exchange: None,
            domain: String::new(),
            lookup: None,
            registration: None,
            paused: false,
            claimed: None,
        }
    }

    /// Gives the exchange the client's next message.
    fn step(&mut self, conn: ConnId, message: &[u8], tally: &RefCell<Tally>) {
        let step = match &mut self.exchange {
            Some(exchange) => exchange.step(message),
            None => Step::Failure(SaslFailure::MalformedRequest),
        };
        self.take_step(conn, step, tally);
    }

    fn take_step(&mut self, conn: ConnId, step: Step, tally: &RefCell<Tally>) {
        let mechanism = self.exchange.as_ref().map(|exchange| exchange.mechanism().name());
        let found = match step {
            Step::NeedCredentials { username } => {
                self.lookup = Some(username);
                self.paused = true;
                return;
            }
            Step::Challenge(challenge) => Sasl::Challenge(challenge),
            Step::Success { username, final_data } => {
                tracing::info!(conn = conn.0, mechanism, address = %format_args!("{username}@{}", self.domain), "a login");
                mechanism.iter().for_each(|mechanism| tally.borrow_mut().login(mechanism));
                Sasl::Success { username, data: final_data }
            }
            Step::Failure(failure) => {
                tracing::info!(conn = conn.0, mechanism, %failure, "a login failed");
                tally.borrow_mut().refused_login(failure.name());
                Sasl::Failure(failure.name())
            }
        };
        self.negotiation.handle_sasl(found);
    }
}

#[derive(Default)]
struct OutputSide {
    tls: Option<Box<TlsStream>>,
    /// What is to be encrypted at the end of this event; without TLS, what is to be written.
    plain: Vec<u8>,
    /// Ciphertext that is to be written.
    cipher: Vec<u8>,
    notify_drained: bool,
    stall: Stall,
    /// The shard has taken the connection, or has sent it back to the negotiation.
    verdict: Option<Verdict>,
    life: Life,
    waker: Option<Waker>,
}

/// How far a connection is from its end. It only goes forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Open,
    /// What is queued is written, until then; nothing new is taken from either side.
    Closing(Instant),
    /// Nothing more can be written.
    Gone,
}

enum Verdict {
    Bound,
    ResumeRefused(Vec<u8>),
}

/// Why a connection's task wakes.
enum Event {
    Readable,
    Writable,
    /// The shard has decided about it, or wants it closed.
    Told,
    Deadline,
}

impl OutputSide {
    fn is_open(&self) -> bool {
        self.life == Life::Open
    }

    /// Nothing new from here on.
    fn close(&mut self) {
        if self.is_open() {
            self.life = Life::Closing(Instant::now() + LINGER);
            self.notify_drained = false;
            self.wake();
        }
    }

    /// Nothing at all from here on; its memory is given back.
    fn abandon(&mut self) {
        self.life = Life::Gone;
        self.notify_drained = false;
        (self.plain, self.cipher) = (Vec::new(), Vec::new());
        self.wake();
    }

    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.cipher.is_empty()
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Conn {
    pub(crate) fn new(id: ConnId, now: Time, stream: TcpStream, peer: SocketAddr, begin: Begin) -> Conn {
        let input = InputSide { framer: Framer::new(Mode::Client), stage: Stage::First(begin), held: Vec::new() };
        Conn {
            id,
            stream,
            first_by: now + AUTHENTICATION_TIME_MAX,
            loopback: peer.ip().to_canonical().is_loopback(),
            input: RefCell::new(input),
            output: RefCell::default(),
            dirty: Cell::new(false),
            mechanism: Cell::new(None),
            throttled: Cell::new(false),
        }
    }

    // --- what the shard does to it ----------------------------------------------------------------------------------

    /// Queues bytes; they are written at the end of the event.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let mut output = self.output.borrow_mut();
        if output.is_open() {
            output.plain.extend_from_slice(bytes);
        }
    }

    pub(crate) fn notify_drained(&self) {
        let mut output = self.output.borrow_mut();
        // What was not taken does not leave.
        output.notify_drained |= output.is_open();
    }

    pub(crate) fn bound(&self) {
        self.tell(Verdict::Bound);
    }

    pub(crate) fn resume_refused(&self, failed: Vec<u8>) {
        self.tell(Verdict::ResumeRefused(failed));
    }

    fn tell(&self, verdict: Verdict) {
        let mut output = self.output.borrow_mut();
        output.verdict = Some(verdict);
        output.wake();
    }

    /// Writes what is queued, then closes.
    pub(crate) fn close(&self) {
        self.output.borrow_mut().close();
    }

    /// Whether its client, not bound yet, logs in as this person.
    pub(crate) fn claims(&self, address: &Bare) -> bool {
        matches!(&self.input.borrow().stage, Stage::Negotiating(n) if n.claimed.as_ref() == Some(address))
    }

    /// How its client logged in; `None` before that.
    pub(crate) fn mechanism(&self) -> Option<&'static str> {
        self.mechanism.get()
    }

    /// Whether it is encrypted.
    pub(crate) fn has_tls(&self) -> bool {
        self.output.borrow().tls.is_some()
    }

    /// Bytes that it holds: half a frame, what may not be read yet, what waits to be written.
    pub(crate) fn held_bytes(&self) -> usize {
        let (input, output) = (self.input.borrow(), self.output.borrow());
        input.framer.held_bytes() + input.held.len() + output.plain.len() + output.cipher.len()
    }

    /// Whether nobody has a session on it yet.
    pub(crate) fn is_stranger(&self) -> bool {
        !matches!(self.input.borrow().stage, Stage::Bound)
    }

    /// Ends it without a word.
    pub(crate) fn cut(&self) {
        self.output.borrow_mut().abandon();
    }

    /// Lets its task look again.
    pub(crate) fn wake(&self) {
        self.throttled.set(false);
        self.output.borrow_mut().wake();
    }

    /// Whether it became so just now.
    pub(crate) fn mark_dirty(&self) -> bool {
        !self.dirty.replace(true)
    }

    /// Writes what can be written without waiting. Says whether everything has left and somebody wants to know.
    pub(crate) fn flush(&self, tally: &RefCell<Tally>) -> bool {
        self.dirty.set(false);
        let mut output = self.output.borrow_mut();
        let output = &mut *output;
        if output.life == Life::Gone {
            return false;
        }
        if let Some(tls) = &mut output.tls
            && !output.plain.is_empty()
        {
            let plain = std::mem::take(&mut output.plain);
            if tls.send(&plain, &mut output.cipher).is_err() {
                output.abandon();
                return false;
            }
        }
        let queue = if output.tls.is_some() { &mut output.cipher } else { &mut output.plain };
        let mut written = 0;
        while written < queue.len() {
            match self.stream.try_write(&queue[written..]) {
                Ok(bytes) => {
                    written += bytes;
                    tally.borrow_mut().sent_bytes += bytes as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    output.abandon();
                    return false;
                }
            }
        }
        if written == queue.len() {
            // An idle session keeps no buffer.
            *queue = Vec::new();
            output.stall.emptied();
            return std::mem::take(&mut output.notify_drained);
        }
        queue.drain(..written);
        output.stall.filled(written, Instant::now());
        // A client that does not read holds no more memory than this (attack case A22).
        if queue.len() > SESSION_OUTPUT_BYTES_MAX {
            output.abandon();
        }
        output.wake();
        false
    }

    // --- its task ---------------------------------------------------------------------------------------------------

    /// Serves the connection until it ends.
    pub(crate) async fn serve(self: Rc<Conn>, engine: Rc<Engine>) {
        while !self.is_over() {
            let mut more = false;
            match self.event(&engine).await {
                Event::Readable => more = self.read(&engine),
                Event::Writable => {}
                Event::Told => self.heed(&engine),
                Event::Deadline => self.out_of_time(&engine),
            }
            while self.answer_sasl(&engine).await || self.answer_registration(&engine).await {}
            if self.mark_dirty() && self.flush(&engine.tally) {
                engine.handle(Input::Drained { conn: self.id });
            }
            engine.flush();
            if more {
                // It has had its turn: the others and the store have theirs.
                tokio::task::yield_now().await;
            }
        }
        // The shard sends nothing more to it while it says goodbye.
        engine.forget(self.id);
        self.linger().await;
    }

    /// A deadline has passed: to begin, to log in, to read something, or to take what is left.
    fn out_of_time(&self, engine: &Rc<Engine>) {
        if !self.output.borrow().is_open() {
            return self.output.borrow_mut().abandon();
        }
        if !self.is_stranger() {
            let mut output = self.output.borrow_mut();
            // Something may have moved meanwhile.
            if output.stall.deadline().is_some_and(|at| at <= Instant::now()) {
                tracing::info!(conn = self.id.0, "a client that reads nothing was cut off");
                output.abandon();
            }
            return;
        }
        engine.tally.borrow_mut().late += 1;
        let now = engine.clock.now().mono;
        self.negotiate(engine, |n| n.handle_timeout(now));
        // A client that has not even begun is told nothing.
        self.output.borrow_mut().close();
    }

    /// Whether nothing more is to be done but to say goodbye.
    fn is_over(&self) -> bool {
        let output = self.output.borrow();
        match output.life {
            Life::Open => false,
            Life::Closing(_) => output.is_empty(),
            Life::Gone => true,
        }
    }

    /// Waits for the next thing to do.
    async fn event(self: &Rc<Conn>, engine: &Engine) -> Event {
        let life = self.output.borrow().life;
        let deadline = match (life, &self.input.borrow().stage) {
            (Life::Closing(by), _) => Some(by),
            (_, Stage::Bound) => self.output.borrow().stall.deadline(),
            (_, Stage::First(_)) => Some(engine.clock.instant(self.first_by)),
            (_, Stage::Negotiating(n)) => Some(engine.clock.instant(n.negotiation.wake_at())),
        };
        let ready = std::future::poll_fn(|cx| {
            let mut output = self.output.borrow_mut();
            output.waker = Some(cx.waker().clone());
            // Told too if its life has changed or its socket is full, so that there is the right deadline.
            let is_full = deadline.is_none() && output.stall.deadline().is_some();
            if output.verdict.is_some() || output.life != life || is_full {
                return Poll::Ready(Event::Told);
            }
            if !output.is_empty() && self.stream.poll_write_ready(cx).is_ready() {
                return Poll::Ready(Event::Writable);
            }
            drop(output);
            if self.reads() && engine.takes_more(self) && self.stream.poll_read_ready(cx).is_ready() {
                return Poll::Ready(Event::Readable);
            }
            Poll::Pending
        });
        match deadline {
            None => ready.await,
            Some(at) => tokio::time::timeout_at(at, ready).await.unwrap_or(Event::Deadline),
        }
    }

    /// Whether bytes of the client may be looked at now.
    fn reads(&self) -> bool {
        self.output.borrow().is_open()
            && match &self.input.borrow().stage {
                Stage::Negotiating(n) => !n.paused,
                Stage::First(_) | Stage::Bound => true,
            }
    }

    /// Reads what has come, for one turn. Whether there may be more.
    fn read(&self, engine: &Rc<Engine>) -> bool {
        let mut buffer = engine.buffer.take();
        buffer.resize(READ_BYTES, 0);
        let mut more = false;
        for _ in 0..READS_IN_TURN {
            more = match self.stream.try_read(&mut buffer) {
                Ok(0) => {
                    self.output.borrow_mut().close();
                    false
                }
                Ok(count) => {
                    engine.tally.borrow_mut().received_bytes += count as u64;
                    if !self.receive(engine, &buffer[..count]) {
                        self.output.borrow_mut().close();
                    }
                    if count < buffer.len() {
                        self.all_is_read();
                    }
                    count == buffer.len() && self.reads()
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
                Err(_) => {
                    self.output.borrow_mut().abandon();
                    false
                }
            };
            if !more {
                break;
            }
        }
        engine.buffer.set(buffer);
        more
    }

    /// The socket has no more for now: it need not be asked again to hear that. Bytes that come from here on are a new
    /// event, since the thread that would have seen them is this one.
    fn all_is_read(&self) {
        let nothing = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
        // That is the answer it is meant to have.
        let _ = self.stream.try_io(Interest::READABLE, nothing);
    }

    /// Bytes from the socket. `false` if nothing more is to be expected.
    fn receive(&self, engine: &Rc<Engine>, bytes: &[u8]) -> bool {
        let first = match &self.input.borrow().stage {
            Stage::First(begin) => Some(*begin),
            Stage::Negotiating(_) | Stage::Bound => None,
        };
        if let Some(begin) = first {
            let mut start = std::mem::take(&mut self.input.borrow_mut().held);
            start.extend_from_slice(bytes);
            let tls = match (begin, looks_like_tls(&start)) {
                (Begin::Tls, _) => true,
                (Begin::Either, Some(tls)) => tls,
                (Begin::Either, None) => {
                    self.input.borrow_mut().held = start;
                    return true;
                }
            };
            self.begin(engine, tls);
            return self.receive(engine, &start);
        }
        let mut output = self.output.borrow_mut();
        let output_side = &mut *output;
        let Some(tls) = &mut output_side.tls else {
            drop(output);
            self.frames(engine, bytes);
            return true;
        };
        let (was_open, mut plain) = (tls.handshake_done(), Vec::new());
        let progress = tls.receive(bytes, &mut plain, &mut output_side.cipher);
        let secured = !was_open && tls.handshake_done();
        drop(output);
        if secured {
            engine.tally.borrow_mut().handshakes += 1;
            let security = self.security(engine);
            self.negotiate(engine, |n| n.handle_secured(security));
        }
        self.frames(engine, &plain);
        match progress {
            Ok(Progress::Handshaking | Progress::Open) => true,
            Ok(Progress::Closed) => false,
            Err(error) => {
                tracing::debug!(conn = self.id.0, %error, "TLS failed");
                engine.tally.borrow_mut().tls_errors += 1;
                false
            }
        }
    }

    /// The first bytes have told how the connection begins.
    fn begin(&self, engine: &Engine, tls: bool) {
        if tls {
            self.start_tls(engine);
        }
        let security = self.security(engine);
        let now = engine.clock.now().mono;
        let negotiation = Negotiation::new(now, engine.hosts(), security, crate::random());
        self.input.borrow_mut().stage = Stage::Negotiating(Box::new(Negotiating::new(negotiation)));
    }

    fn start_tls(&self, engine: &Engine) {
        let mut output = self.output.borrow_mut();
        // What was said in clear leaves in clear.
        let plain = std::mem::take(&mut output.plain);
        output.cipher.extend_from_slice(&plain);
        let config = engine.tls.borrow().clone();
        match config.and_then(|config| TlsStream::new(&config).ok()) {
            Some(tls) => output.tls = Some(Box::new(tls)),
            None => output.close(),
        }
    }

    /// What logging in over this connection may be like.
    fn offer(&self) -> Offer {
        let output = self.output.borrow();
        let exporter = output.tls.as_ref().and_then(|tls| tls.exporter());
        Offer { tls: output.tls.is_some(), exporter, loopback: self.loopback }
    }

    fn security(&self, engine: &Engine) -> Security {
        let offer = self.offer();
        Security {
            tls: offer.tls,
            tls_available: engine.tls.borrow().is_some(),
            tls_required: engine.tls_required_on_loopback || !self.loopback,
            mechanisms: offer.mechanisms().into_iter().map(Mechanism::name).collect(),
            registration: engine.registrations.allowed(),
            channel_bindings: offer.exporter.iter().map(|_| CHANNEL_BINDING).collect(),
        }
    }

    /// Cuts frames out of plaintext and hands them on.
    fn frames(&self, engine: &Rc<Engine>, bytes: &[u8]) {
        let mut input = self.input.borrow_mut();
        let mut chunk = bytes;
        loop {
            let input_side = &mut *input;
            match &mut input_side.stage {
                Stage::Bound => match input_side.framer.next(&mut chunk) {
                    Ok(None) => return,
                    Ok(Some(frame)) => engine.handle(Input::Frame { conn: self.id, frame }),
                    Err(error) => return engine.handle(Input::Broken { conn: self.id, error }),
                },
                Stage::Negotiating(n) if n.paused => {
                    // At most one read's worth: nothing is read while paused.
                    input_side.held.extend_from_slice(chunk);
                    return;
                }
                Stage::Negotiating(n) => {
                    match input_side.framer.next(&mut chunk) {
                        Ok(None) => return,
                        Ok(Some(frame)) => n.negotiation.handle_frame(&frame),
                        Err(error) => n.negotiation.handle_broken(error),
                    }
                    drop(input);
                    if self.perform(engine) {
                        // TLS begins: what came in clear behind it counts as never sent (attack case A18).
                        return;
                    }
                    input = self.input.borrow_mut();
                }
                Stage::First(_) => return,
            }
            if !self.output.borrow().is_open() {
                return;
            }
        }
    }

    /// Tells the negotiation something from outside the stream.
    fn negotiate(&self, engine: &Rc<Engine>, tell: impl FnOnce(&mut Negotiation)) {
        if let Stage::Negotiating(n) = &mut self.input.borrow_mut().stage {
            tell(&mut n.negotiation);
        }
        self.perform(engine);
    }

    /// Does what the negotiation says. `true` if TLS begins.
    fn perform(&self, engine: &Rc<Engine>) -> bool {
        loop {
            let mut input = self.input.borrow_mut();
            let input_side = &mut *input;
            let Stage::Negotiating(n) = &mut input_side.stage else { return false };
            let Some(output) = n.negotiation.poll() else { return false };
            match output {
                negotiation::Output::Write(bytes) => self.write(&bytes),
                negotiation::Output::Restart => input_side.framer.restart(),
                negotiation::Output::Authenticated => input_side.framer.authenticated(),
                negotiation::Output::StartTls => {
                    drop(input);
                    self.start_tls(engine);
                    return true;
                }
                negotiation::Output::SaslStart { mechanism, domain, initial } => {
                    let offer = self.offer();
                    let started = Mechanism::from_name(mechanism)
                        .ok_or(SaslFailure::InvalidMechanism)
                        .and_then(|mechanism| Exchange::start(&offer, mechanism, &domain));
                    match started {
                        Ok(exchange) => {
                            n.exchange = Some(exchange);
                            n.domain = domain;
                            n.step(self.id, &initial, &engine.tally);
                        }
                        Err(failure) => {
                            engine.tally.borrow_mut().refused_login(failure.name());
                            n.negotiation.handle_sasl(Sasl::Failure(failure.name()));
                        }
                    }
                }
                negotiation::Output::SaslContinue(message) => n.step(self.id, &message, &engine.tally),
                negotiation::Output::Register { address, password } => {
                    n.paused = true;
                    n.registration = Some((address, password));
                }
                negotiation::Output::Bind { address, resource, id, language } => {
                    n.paused = true;
                    drop(input);
                    tracing::debug!(conn = self.id.0, %address, "bind");
                    engine.handle(Input::Bind { conn: self.id, address, resource, id, language });
                }
                negotiation::Output::Resume { address, previd, handled } => {
                    n.paused = true;
                    drop(input);
                    engine.handle(Input::Resume { conn: self.id, address, previd, handled });
                }
                negotiation::Output::Close(why) => {
                    if let Why::Refused(condition) = why {
                        tracing::info!(conn = self.id.0, condition, "a client was refused");
                        engine.tally.borrow_mut().refused_stream(condition);
                    }
                    self.output.borrow_mut().close();
                }
            }
        }
    }

    /// Looks up the record that a SASL exchange asks for, and goes on. Whether there was anything to look up.
    async fn answer_sasl(&self, engine: &Rc<Engine>) -> bool {
        let wanted = match &mut self.input.borrow_mut().stage {
            Stage::Negotiating(n) => n.lookup.take().and_then(|username| {
                n.claimed = Bare::new(&format!("{username}@{}", n.domain)).ok();
                Some((n.exchange.take()?, n.claimed.clone()))
            }),
            Stage::First(_) | Stage::Bound => None,
        };
        let Some((exchange, claimed)) = wanted else { return false };
        let (exchange, step) = engine.prove(exchange, claimed).await;
        if let Stage::Negotiating(n) = &mut self.input.borrow_mut().stage {
            n.paused = false;
            n.exchange = exchange;
            n.take_step(self.id, step, &engine.tally);
        }
        self.perform(engine);
        self.resume_reading(engine);
        true
    }

    /// Makes the account that a stranger asks for, and goes on. Whether there was one to make.
    async fn answer_registration(&self, engine: &Rc<Engine>) -> bool {
        let wanted = match &mut self.input.borrow_mut().stage {
            Stage::Negotiating(n) => n.registration.take(),
            Stage::First(_) | Stage::Bound => None,
        };
        let Some((address, password)) = wanted else { return false };
        let made = engine.registrations.register(engine, address, &password).await;
        if let Stage::Negotiating(n) = &mut self.input.borrow_mut().stage {
            n.paused = false;
        }
        self.negotiate(engine, |n| n.handle_registered(made));
        self.resume_reading(engine);
        true
    }

    /// The shard has decided about this connection.
    fn heed(&self, engine: &Rc<Engine>) {
        let verdict = self.output.borrow_mut().verdict.take();
        match verdict {
            Some(Verdict::Bound) => {
                let before = std::mem::replace(&mut self.input.borrow_mut().stage, Stage::Bound);
                if let Stage::Negotiating(n) = before {
                    self.mechanism.set(n.exchange.map(|exchange| exchange.mechanism().name()));
                }
                engine.no_stranger();
            }
            Some(Verdict::ResumeRefused(failed)) => {
                if let Stage::Negotiating(n) = &mut self.input.borrow_mut().stage {
                    n.paused = false;
                }
                self.negotiate(engine, |n| n.handle_resume_refused(failed));
            }
            None => return,
        }
        self.resume_reading(engine);
    }

    /// What was read and had to wait is looked at now.
    fn resume_reading(&self, engine: &Rc<Engine>) {
        let held = std::mem::take(&mut self.input.borrow_mut().held);
        if !held.is_empty() {
            self.frames(engine, &held);
        }
    }

    /// Says goodbye, and waits a little for the other side to do so.
    async fn linger(&self) {
        if self.output.borrow().life == Life::Gone {
            return;
        }
        let mut goodbye = Vec::new();
        if let Some(tls) = &mut self.output.borrow_mut().tls {
            tls.close_notify(&mut goodbye);
        }
        // It may be gone already: nothing to be done then.
        let _ = self.stream.try_write(&goodbye);
        let _ = socket2::SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write);
        let gone = async {
            let mut waste = [0; 512];
            loop {
                if self.stream.readable().await.is_err() {
                    return;
                }
                match self.stream.try_read(&mut waste) {
                    Ok(0) => return,
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                    Ok(_) | Err(_) => {}
                }
            }
        };
        // It had its time.
        let _ = tokio::time::timeout(LINGER, gone).await;
    }
}
