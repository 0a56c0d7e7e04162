//! XEP-0174 on sockets: does what [`gateways::link_local::Gateway`] says, and tells it what happens. The announcements are
//! the responders' of [`crate::mdns`]; one task for each connection, on this thread.

mod porch;
mod stream;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use base::limits::NEARBY_STREAMS_MAX;
use gateways::link_local::{End, Own, StreamId};
use mesh::finding::Interface;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;

use porch::{Callers, Porch, Seat};
use stream::{Pipe, prepare};

/// XEP-0174 section 2 has no port of its own; this one is usual, and some programs call no other.
pub const PORT: u16 = 5298;

/// Events that wait to be read. While it is full no connection is read.
const EVENTS_MAX: usize = 64;

/// What happens on sockets.
pub(crate) enum Event {
    Accepted(Caller),
    Connected(StreamId),
    Bytes(StreamId, Vec<u8>),
    Ended(StreamId, End),
}

/// Somebody on the link who has called.
pub(crate) struct Caller {
    socket: TcpStream,
    pub(crate) remote: SocketAddr,
    seat: Seat,
}

/// The sockets.
pub(crate) struct Sockets {
    porch: Option<Porch>,
    port: u16,
    own: Vec<Own>,
    callers: Callers,
    /// Places for our calls, until their sockets are closed.
    calls: Arc<Semaphore>,
    pipes: BTreeMap<StreamId, Rc<Pipe>>,
    /// Bytes that wait on all of them.
    unsent: Rc<Cell<usize>>,
    accepted: u64,
    tell: mpsc::Sender<Event>,
    told: mpsc::Receiver<Event>,
}

impl Default for Sockets {
    fn default() -> Sockets {
        let (tell, told) = mpsc::channel(EVENTS_MAX);
        Sockets {
            porch: None,
            port: 0,
            own: Vec::new(),
            callers: Callers::default(),
            calls: Arc::new(Semaphore::new(NEARBY_STREAMS_MAX)),
            pipes: BTreeMap::new(),
            unsent: Rc::default(),
            accepted: 0,
            tell,
            told,
        }
    }
}

impl Sockets {
    /// What happens next. May be cancelled.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            let (socket, remote) = tokio::select! {
                event = self.told.recv() => return event.expect("one end is here"),
                caller = next_caller(self.porch.as_mut()) => caller,
            };
            let seat = porch::is_on_link(&self.own, remote).then(|| self.callers.seat(remote.ip())).flatten();
            match seat {
                Some(seat) => return Event::Accepted(Caller { socket, remote, seat }),
                None => stream::cut(socket),
            }
        }
    }

    /// The addresses of this machine: who is not on their links is not let in.
    pub(crate) fn addresses(&mut self, own: Vec<Own>) {
        self.own = own;
    }

    /// Whether an event is of a connection that is not closed yet.
    pub(crate) fn knows(&self, stream: StreamId) -> bool {
        self.pipes.contains_key(&stream)
    }

    /// Accepts connections from all links; gives the port.
    ///
    /// # Errors
    /// If no port can be had.
    pub(crate) fn open(&mut self) -> io::Result<u16> {
        self.open_at(PORT)
    }

    fn open_at(&mut self, port: u16) -> io::Result<u16> {
        let porch = Porch::open(port)?;
        self.port = porch.port()?;
        self.porch = Some(porch);
        Ok(self.port)
    }

    /// The port at which connections are accepted.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Accepts none any more.
    pub(crate) fn shut(&mut self) {
        self.porch = None;
    }

    /// The id of the next caller. Whether they are taken is decided until [`Sockets::adopt`]: by closing it, or not.
    pub(crate) fn announce(&mut self) -> StreamId {
        self.accepted += 1;
        let id = StreamId::In(self.accepted);
        self.pipes.insert(id, Rc::new(Pipe::new(&self.unsent)));
        id
    }

    /// Takes a caller, unless their connection was closed meanwhile: then it is cut, so that it costs nothing more.
    pub(crate) fn adopt(&mut self, id: StreamId, caller: Caller) {
        let Caller { socket, seat, .. } = caller;
        match self.pipes.get(&id) {
            Some(pipe) => self.begin(id, Rc::clone(pipe), async move { prepare(&socket).map(|()| (socket, seat)) }),
            None => stream::cut(socket),
        }
    }

    /// Makes a connection from an address of ours.
    pub(crate) fn connect(&mut self, id: StreamId, from: IpAddr, to: SocketAddr) {
        let pipe = Rc::new(Pipe::new(&self.unsent));
        self.pipes.insert(id, Rc::clone(&pipe));
        let calls = Arc::clone(&self.calls);
        self.begin(id, pipe, async move {
            let place = calls.acquire_owned().await.map_err(io::Error::other)?;
            let socket = stream::connect(from, to).await?;
            prepare(&socket)?;
            Ok((socket, place))
        });
    }

    /// One task; it keeps the place until the socket is closed.
    fn begin<P: 'static>(
        &self,
        id: StreamId,
        pipe: Rc<Pipe>,
        socket: impl Future<Output = io::Result<(TcpStream, P)>> + 'static,
    ) {
        spawn_local(stream::run(id, socket, pipe, self.tell.clone()));
    }

    /// Writes; false if too much waits already: then the connection is broken.
    pub(crate) fn write(&mut self, id: StreamId, bytes: &[u8]) -> bool {
        let taken = self.pipes.get(&id).is_none_or(|pipe| pipe.write(bytes));
        if !taken && let Some(pipe) = self.pipes.remove(&id) {
            pipe.cut();
        }
        taken
    }

    /// Closes a connection when what was written has left.
    pub(crate) fn close(&mut self, id: StreamId) {
        if let Some(pipe) = self.pipes.remove(&id) {
            pipe.close();
        }
    }

    /// A connection is over.
    pub(crate) fn forget(&mut self, id: StreamId) {
        self.pipes.remove(&id);
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.pipes.values().for_each(|pipe| pipe.close());
    }
}

async fn next_caller(porch: Option<&mut Porch>) -> (TcpStream, SocketAddr) {
    match porch {
        Some(porch) => porch.next().await,
        None => std::future::pending().await,
    }
}

/// The addresses of this machine on links where others are looked for, as the gateway wants them: not those of tunnels, and
/// of the machine itself only if they are looked for there, too.
pub(crate) fn own_addresses(interfaces: &[Interface], loopback: bool) -> Vec<Own> {
    let of = |interface: &Interface| {
        let network = interface.index.0;
        let own = interface.addresses.iter().map(move |prefix| Own { network, ip: prefix.ip, bits: prefix.bits });
        own.collect::<Vec<_>>()
    };
    interfaces.iter().filter(|interface| interface.is_usable(loopback)).flat_map(of).collect()
}

/// What this machine is called on the link.
pub(crate) fn host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_default()
}

#[cfg(test)]
mod tests;
