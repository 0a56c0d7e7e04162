//! `docs/formats/links.md`: one link: a QUIC connection with a stream for each protocol and direction, opened when it is
//! needed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use base::LinkId;
use base::limits::{LINK_QUEUE_BYTES_MAX, LINK_REFUSALS_MAX};
use mesh::link::frame::{write_frame, write_prelude};
use mesh::link::{CloseCode, DownCause, Event, ProtocolId, Refusal, StreamError, StreamItem, StreamReader};
use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt, WriteError};
use tokio::sync::Notify;

use super::door::Inbox;
use super::state::State;

/// What is taken from a stream at a time.
const CHUNK_BYTES: usize = 65_536;

/// One link.
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) connection: Connection,
    outgoing: RefCell<BTreeMap<ProtocolId, Rc<Outgoing>>>,
    /// Protocols that the peer has a stream for.
    incoming: RefCell<BTreeSet<ProtocolId>>,
    refusals: Cell<usize>,
    /// Bytes that QUIC has not taken yet.
    queued: Cell<usize>,
    /// Why we closed it.
    closed: RefCell<Option<DownCause>>,
}

/// What waits for one stream.
#[derive(Default)]
struct Outgoing {
    bytes: RefCell<Vec<u8>>,
    more: Notify,
    refused: Cell<bool>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes wait", self.id, self.queued.get())
    }
}

impl Link {
    pub(super) fn new(id: LinkId, connection: Connection) -> Link {
        Link {
            id,
            connection,
            outgoing: RefCell::default(),
            incoming: RefCell::default(),
            refusals: Cell::new(0),
            queued: Cell::new(0),
            closed: RefCell::default(),
        }
    }

    /// Takes the peer's streams until the connection ends.
    pub(super) async fn run(self: Rc<Link>, state: Rc<State>) {
        let error = loop {
            match self.connection.accept_uni().await {
                Ok(stream) => {
                    tokio::task::spawn_local(Rc::clone(&self).read(Rc::clone(&state), stream));
                }
                Err(error) => break error,
            }
        };
        let cause = self.closed.take().unwrap_or_else(|| cause_of(&error));
        tracing::debug!(link = self.id.0, %cause, "a link is gone");
        state.down(self.id, &cause);
    }

    /// Closes it, for this reason; a reason that was there first stays.
    pub(super) fn close(&self, cause: DownCause) {
        let code = match cause {
            DownCause::ByUs(code) => code,
            _ => CloseCode::Unspecified,
        };
        self.closed.borrow_mut().get_or_insert(cause);
        self.connection.close(VarInt::from_u32(code.number()), b"");
    }

    fn close_with(&self, code: CloseCode) {
        self.close(DownCause::ByUs(code));
    }

    /// Puts a frame behind the others of its protocol.
    pub(super) fn send(self: &Rc<Link>, state: &Rc<State>, protocol: &ProtocolId, frame: &[u8]) {
        let known = self.outgoing.borrow().get(protocol).cloned();
        let outgoing = known.unwrap_or_else(|| self.open(state, protocol));
        if outgoing.refused.get() {
            return;
        }
        let mut bytes = outgoing.bytes.borrow_mut();
        let before = bytes.len();
        if write_frame(frame, &mut bytes).is_err() {
            self.close_with(CloseCode::TooLong);
            return;
        }
        self.queued.set(self.queued.get() + bytes.len() - before);
        if self.queued.get() > LINK_QUEUE_BYTES_MAX {
            self.close_with(CloseCode::Behind);
            return;
        }
        outgoing.more.notify_one();
    }

    fn open(self: &Rc<Link>, state: &Rc<State>, protocol: &ProtocolId) -> Rc<Outgoing> {
        let outgoing = Rc::new(Outgoing::default());
        let mut prelude = Vec::new();
        write_prelude(protocol, &mut prelude);
        self.queued.set(self.queued.get() + prelude.len());
        outgoing.bytes.replace(prelude);
        self.outgoing.borrow_mut().insert(protocol.clone(), Rc::clone(&outgoing));
        let (link, protocol) = (Rc::clone(self), protocol.clone());
        tokio::task::spawn_local(link.write(Rc::clone(state), protocol, Rc::clone(&outgoing)));
        outgoing
    }

    /// Gives one stream what waits for it, all that waits at once, until the link ends or the peer refuses the stream.
    async fn write(self: Rc<Link>, state: Rc<State>, protocol: ProtocolId, outgoing: Rc<Outgoing>) {
        let Ok(mut stream) = self.connection.open_uni().await else { return };
        loop {
            let bytes = outgoing.bytes.take();
            let stopped = if bytes.is_empty() {
                match wait_for_more(&outgoing, &stream).await {
                    Ok(stopped) => stopped,
                    Err(Gone) => return,
                }
            } else {
                let written = stream.write_all(&bytes).await;
                self.queued.set(self.queued.get() - bytes.len());
                match written {
                    Ok(()) => None,
                    Err(WriteError::Stopped(code)) => Some(code),
                    // The link's own task tells.
                    Err(_) => return,
                }
            };
            if let Some(code) = stopped {
                let waited = outgoing.bytes.take().len();
                self.queued.set(self.queued.get() - waited);
                outgoing.refused.set(true);
                let refusal = Refusal::from_number(code.into_inner());
                if let Some(inbox) = state.inbox(&protocol)
                    && state.link(self.id).is_some()
                {
                    inbox.push(Event::Refused { link: self.id, protocol, refusal });
                }
                return;
            }
        }
    }

    /// Reads one stream of the peer to its end.
    async fn read(self: Rc<Link>, state: Rc<State>, mut stream: RecvStream) {
        let mut reader = StreamReader::new();
        let mut protocol = None;
        let refused = loop {
            let chunk = match stream.read_chunk(CHUNK_BYTES, true).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => {
                    if !reader.may_end() {
                        self.close_with(CloseCode::Malformed);
                    }
                    break None;
                }
                // The peer let it be, or the link is gone.
                Err(_) => break None,
            };
            if let Some(refusal) = self.take(&state, &mut reader, &mut protocol, &chunk.bytes).await {
                break Some(refusal);
            }
        };
        if let Some((protocol, _)) = protocol {
            self.incoming.borrow_mut().remove(&protocol);
        }
        if let Some(refusal) = refused {
            // It may have ended by itself.
            let _ = stream.stop(VarInt::from_u32(refusal.number()));
            self.refusals.set(self.refusals.get() + 1);
            if self.refusals.get() > LINK_REFUSALS_MAX {
                self.close_with(CloseCode::Refused);
            }
        }
    }

    /// Takes what came on a stream; says why it is not to be read on.
    async fn take(
        &self,
        state: &State,
        reader: &mut StreamReader,
        protocol: &mut Option<(ProtocolId, Option<Rc<Inbox>>)>,
        mut bytes: &[u8],
    ) -> Option<Refusal> {
        loop {
            match reader.read(&mut bytes) {
                Ok(None) => return None,
                Ok(Some(StreamItem::Protocol(named))) => {
                    let inbox = state.inbox(&named);
                    if inbox.is_none() && named != ProtocolId::LINK {
                        return Some(Refusal::UnknownProtocol);
                    }
                    if !self.incoming.borrow_mut().insert(named.clone()) {
                        return Some(Refusal::Taken);
                    }
                    *protocol = Some((named, inbox));
                }
                Ok(Some(StreamItem::Frame(frame))) => {
                    // The link's own protocol only wants QUIC to answer, which it has done.
                    let Some((protocol, Some(inbox))) = protocol else { continue };
                    if !inbox.has_room().await {
                        return Some(Refusal::UnknownProtocol);
                    }
                    // Nothing follows the end of a link.
                    if state.link(self.id).is_some() {
                        inbox.push(Event::Frame { link: self.id, protocol: protocol.clone(), frame });
                    }
                }
                Err(StreamError::Version(_)) => return Some(Refusal::UnknownPrelude),
                Err(error) => {
                    tracing::debug!(link = self.id.0, %error, "a peer's stream cannot be read");
                    self.close_with(CloseCode::Malformed);
                    return None;
                }
            }
        }
    }
}

/// The link is gone; its own task tells.
struct Gone;

/// Waits until there is something to write; the code if the peer refuses the stream before.
async fn wait_for_more(outgoing: &Outgoing, stream: &SendStream) -> Result<Option<VarInt>, Gone> {
    tokio::select! {
        () = outgoing.more.notified() => Ok(None),
        stopped = stream.stopped() => stopped.map_err(|_| Gone),
    }
}

/// Why a connection ended, without the words of the peer.
pub(super) fn cause_of(error: &ConnectionError) -> DownCause {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            DownCause::ByPeer(CloseCode::from_number(close.error_code.into_inner()))
        }
        ConnectionError::LocallyClosed => DownCause::ByUs(CloseCode::Unspecified),
        ConnectionError::TimedOut => DownCause::Silent,
        ConnectionError::Reset => DownCause::Forgotten,
        ConnectionError::ConnectionClosed(close) => DownCause::Broken(close.error_code.to_string()),
        ConnectionError::TransportError(_) | ConnectionError::VersionMismatch | ConnectionError::CidsExhausted => {
            DownCause::Broken(error.to_string())
        }
    }
}
