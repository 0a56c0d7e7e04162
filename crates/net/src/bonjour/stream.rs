//! One connection to somebody on the link: reads, and writes what waits.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::rc::Rc;
use std::time::Duration;

use base::limits::{NEARBY_ALL_UNSENT_BYTES_MAX, NEARBY_UNSENT_BYTES_MAX};
use gateways::link_local::{End, StreamId};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc};

use super::Event;

/// XEP-0174 has no way to ask whether somebody is still there, and libpurple answers no ping: the system asks. After 9 s of
/// silence, every 4 s, three times: a cable that was pulled is noticed after 21 s.
const ASK_AFTER: Duration = Duration::from_secs(9);
const ASK_EVERY: Duration = Duration::from_secs(4);
const ASK_TIMES: u32 = 3;

/// How long what was sent may go without being acknowledged.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(21);

/// Bytes that are read at once.
const READ_BYTES: usize = 16_384;

/// How long the last words may take to leave, and the other side to close as well.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// What waits to be written.
pub(super) struct Pipe {
    unsent: RefCell<Vec<u8>>,
    /// How much waits on all connections.
    all: Rc<Cell<usize>>,
    how: Cell<Way>,
    changed: Notify,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Way {
    #[default]
    On,
    /// Closed when all has left.
    Closing,
    /// Closed now.
    Cut,
}

impl Pipe {
    /// One of several, of which `all` counts what waits.
    pub(super) fn new(all: &Rc<Cell<usize>>) -> Pipe {
        Pipe { unsent: RefCell::default(), all: Rc::clone(all), how: Cell::default(), changed: Notify::new() }
    }

    /// Lets bytes wait; false if too many wait, here or in all.
    pub(super) fn write(&self, bytes: &[u8]) -> bool {
        let mut unsent = self.unsent.borrow_mut();
        let all = self.all.get() + bytes.len();
        let fits = unsent.len() + bytes.len() <= NEARBY_UNSENT_BYTES_MAX && all <= NEARBY_ALL_UNSENT_BYTES_MAX;
        if fits {
            self.all.set(all);
            unsent.extend_from_slice(bytes);
            self.changed.notify_one();
        }
        fits
    }

    pub(super) fn close(&self) {
        self.set(Way::Closing);
    }

    pub(super) fn cut(&self) {
        self.set(Way::Cut);
    }

    fn set(&self, how: Way) {
        self.how.set(how);
        self.changed.notify_one();
    }

    /// Writes what the socket takes.
    fn send(&self, socket: &TcpStream) -> io::Result<()> {
        let mut unsent = self.unsent.borrow_mut();
        match socket.try_write(&unsent) {
            Ok(sent) => {
                unsent.drain(..sent);
                self.all.set(self.all.get() - sent);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn has_unsent(&self) -> bool {
        !self.unsent.borrow().is_empty()
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.all.set(self.all.get() - self.unsent.borrow().len());
    }
}

/// A connection from an address of ours, in the scope of a link-local one.
pub(super) async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let (socket, from) = match (from, to) {
        (IpAddr::V6(from), SocketAddr::V6(to)) => {
            (TcpSocket::new_v6()?, SocketAddrV6::new(from, 0, 0, to.scope_id()).into())
        }
        (from, _) => (TcpSocket::new_v4()?, SocketAddr::new(from, 0)),
    };
    socket.bind(from)?;
    socket.connect(to).await
}

/// The system looks whether the other side is there, and sends each word at once.
pub(super) fn prepare(socket: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    let keepalive = TcpKeepalive::new().with_time(ASK_AFTER).with_interval(ASK_EVERY).with_retries(ASK_TIMES);
    socket.set_tcp_keepalive(&keepalive)
}

/// Ends a connection at once, without a word: nothing is left of it in the system either.
pub(super) fn cut(socket: TcpStream) {
    // Without it the connection lingers; it is closed all the same.
    let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
}

/// The task of one connection; what comes with the socket is kept as long. When it was closed from here it tells nothing
/// more.
pub(super) async fn run<P>(
    id: StreamId,
    socket: impl Future<Output = io::Result<(TcpStream, P)>>,
    pipe: Rc<Pipe>,
    tell: mpsc::Sender<Event>,
) {
    let made = tokio::select! {
        biased;
        made = socket => made,
        () = gone(&pipe) => return,
    };
    let end = match made {
        Ok((socket, place)) => {
            let end = serve(id, &socket, &pipe, &tell).await;
            if pipe.how.get() == Way::Cut {
                cut(socket);
            }
            drop(place);
            end
        }
        Err(_) => Some(End::Failed),
    };
    if let Some(how) = end {
        // Nobody listens only when the daemon ends.
        let _ = tell.send(Event::Ended(id, how)).await;
    }
}

/// Waits until nobody wants the connection any more.
async fn gone(pipe: &Pipe) {
    while pipe.how.get() == Way::On {
        pipe.changed.notified().await;
    }
}

/// Reads and writes until one side ends it; none if that was we.
async fn serve(id: StreamId, socket: &TcpStream, pipe: &Pipe, tell: &mpsc::Sender<Event>) -> Option<End> {
    if matches!(id, StreamId::Out(_)) && tell.send(Event::Connected(id)).await.is_err() {
        return None;
    }
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match pipe.how.get() {
            Way::On => {}
            Way::Closing => {
                // Who does not take the last words does not get them.
                let _ = tokio::time::timeout(CLOSE_WITHIN, finish(socket, pipe, &mut buffer)).await;
                return None;
            }
            Way::Cut => return None,
        }
        tokio::select! {
            () = pipe.changed.notified() => {}
            ready = socket.writable(), if pipe.has_unsent() => {
                if ready.is_err() || pipe.send(socket).is_err() {
                    return Some(End::Failed);
                }
            }
            ready = socket.readable() => {
                if ready.is_err() {
                    return Some(End::Failed);
                }
                match socket.try_read(&mut buffer) {
                    Ok(0) => return Some(End::Closed),
                    Ok(count) => {
                        tell.send(Event::Bytes(id, buffer[..count].to_vec())).await.ok()?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return Some(End::Failed),
                }
            }
        }
    }
}

/// Sends the rest, says that no more comes, and waits until the other side says so: a socket that is closed with something
/// unread takes back what it has sent last.
async fn finish(socket: &TcpStream, pipe: &Pipe, buffer: &mut [u8]) -> io::Result<()> {
    while pipe.has_unsent() {
        socket.writable().await?;
        pipe.send(socket)?;
    }
    SockRef::from(socket).shutdown(std::net::Shutdown::Write)?;
    loop {
        socket.readable().await?;
        match socket.try_read(buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_waits_for_who_does_not_read() {
        let most = NEARBY_UNSENT_BYTES_MAX;
        for (bytes, fits) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
            let pipe = Pipe::new(&Rc::default());
            assert!(pipe.write(&vec![b' '; bytes / 2]) || !fits);
            assert_eq!(pipe.write(&vec![b' '; bytes - bytes / 2]), fits, "{bytes}");
        }
    }

    #[test]
    fn so_much_waits_in_all() {
        let most = NEARBY_ALL_UNSENT_BYTES_MAX;
        for (bytes, fits) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
            let all = Rc::default();
            let pipes: Vec<_> = (0..=bytes / NEARBY_UNSENT_BYTES_MAX).map(|_| Pipe::new(&all)).collect();
            let parts = [NEARBY_UNSENT_BYTES_MAX].repeat(bytes / NEARBY_UNSENT_BYTES_MAX);
            let parts = parts.into_iter().chain([bytes % NEARBY_UNSENT_BYTES_MAX]);
            let taken = pipes.iter().zip(parts).all(|(pipe, part)| pipe.write(&vec![b' '; part]));
            assert_eq!(taken, fits, "{bytes}");
            drop(pipes);
            assert_eq!(all.get(), 0, "who is gone holds nothing");
        }
    }
}
