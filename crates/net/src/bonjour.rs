//! XEP-0174 on sockets: does what [`gateways::link_local::Gateway`] says, and tells it what happens. The announcements are
//! the responders' of [`crate::mdns`]; one task for each connection, on this thread.

mod stream;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::rc::Rc;
use std::time::Duration;

use gateways::link_local::{End, Own, StreamId};
use mesh::finding::Interface;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};

use stream::{Pipe, prepare};

/// XEP-0174 section 2 has no port of its own; this one is usual, and some programs call no other.
const PORT: u16 = 5298;

/// Callers that the system keeps until they are taken.
const BACKLOG: i32 = 32;

/// Events that wait to be read. While it is full no connection is read.
const EVENTS_MAX: usize = 64;

/// How long nobody is taken after the system could not give a socket (no file left, say).
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// What happens on sockets.
pub(crate) enum Event {
    Accepted(TcpStream, SocketAddr),
    Connected(StreamId),
    Bytes(StreamId, Vec<u8>),
    Ended(StreamId, End),
}

/// The sockets.
pub(crate) struct Sockets {
    listeners: Vec<JoinHandle<()>>,
    port: u16,
    pipes: BTreeMap<StreamId, Rc<Pipe>>,
    accepted: u64,
    tell: mpsc::Sender<Event>,
    told: mpsc::Receiver<Event>,
}

impl Default for Sockets {
    fn default() -> Sockets {
        let (tell, told) = mpsc::channel(EVENTS_MAX);
        Sockets { listeners: Vec::new(), port: 0, pipes: BTreeMap::new(), accepted: 0, tell, told }
    }
}

impl Sockets {
    /// What happens next. May be cancelled.
    pub(crate) async fn next(&mut self) -> Event {
        self.told.recv().await.expect("one end is here")
    }

    /// Whether an event is of a connection that is not closed yet.
    pub(crate) fn knows(&self, stream: StreamId) -> bool {
        self.pipes.contains_key(&stream)
    }

    /// Accepts connections on all addresses, of both families separately; gives the port.
    ///
    /// # Errors
    /// If no port is free.
    pub(crate) fn open(&mut self) -> io::Result<u16> {
        let both = |port| -> io::Result<(TcpListener, TcpListener)> {
            let v4 = listen((Ipv4Addr::UNSPECIFIED, port).into())?;
            let v6 = listen((Ipv6Addr::UNSPECIFIED, v4.local_addr()?.port()).into())?;
            Ok((v4, v6))
        };
        let (v4, v6) = both(PORT).or_else(|_| both(0))?;
        self.port = v4.local_addr()?.port();
        self.listeners = [v4, v6].map(|listener| spawn_local(accept(listener, self.tell.clone()))).into();
        Ok(self.port)
    }

    /// The port at which connections are accepted.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Accepts none any more.
    pub(crate) fn shut(&mut self) {
        self.listeners.drain(..).for_each(|listener| listener.abort());
    }

    /// Takes a connection; gives its id.
    pub(crate) fn adopt(&mut self, socket: TcpStream) -> StreamId {
        self.accepted += 1;
        let id = StreamId::In(self.accepted);
        self.begin(id, async move { prepare(&socket).map(|()| socket) });
        id
    }

    /// Makes a connection from an address of ours.
    pub(crate) fn connect(&mut self, id: StreamId, from: IpAddr, to: SocketAddr) {
        self.begin(id, async move {
            let socket = stream::connect(from, to).await?;
            prepare(&socket)?;
            Ok(socket)
        });
    }

    fn begin(&mut self, id: StreamId, socket: impl Future<Output = io::Result<TcpStream>> + 'static) {
        let pipe = Rc::new(Pipe::default());
        self.pipes.insert(id, Rc::clone(&pipe));
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
        self.shut();
        self.pipes.values().for_each(|pipe| pipe.close());
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, tell: mpsc::Sender<Event>) {
    loop {
        match listener.accept().await {
            Ok((socket, remote)) => {
                if tell.send(Event::Accepted(socket, plain(remote))).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a caller on the link was not taken");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// Without what tells flows apart.
fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        v4 => v4,
    }
}

/// The addresses of this machine, as the gateway wants them.
pub(crate) fn own_addresses(interfaces: &[Interface]) -> Vec<Own> {
    let of = |interface: &Interface| {
        let network = interface.index.0;
        let own = interface.addresses.iter().map(move |prefix| Own { network, ip: prefix.ip, bits: prefix.bits });
        own.collect::<Vec<_>>()
    };
    interfaces.iter().filter(|interface| interface.up).flat_map(of).collect()
}

/// What this machine is called on the link.
pub(crate) fn host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_default()
}
