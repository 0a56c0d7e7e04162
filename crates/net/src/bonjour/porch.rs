//! XEP-0174 section 5, attack case E09: the port at which others on the link call. Who is not on the link, or has too many
//! connections already, is cut off before anything is kept of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::rc::Rc;
use std::time::Duration;

use base::limits::{NEARBY_SOCKETS_MAX, NEARBY_STREAMS_PER_ADDRESS_MAX};
use gateways::link_local::Own;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// Callers that the system keeps until they are taken.
const BACKLOG: i32 = 32;

/// How long nobody is taken after the system could not give a socket (no file left, say).
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// The listening sockets, of both families separately.
pub(super) struct Porch {
    v4: TcpListener,
    v6: Option<TcpListener>,
    rests_until: Option<Instant>,
}

impl Porch {
    /// Opens the port, or another one if it is taken.
    pub(super) fn open(port: u16) -> io::Result<Porch> {
        both(port, listen).or_else(|_| both(0, listen))
    }

    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.v4.local_addr()?.port())
    }

    /// The next caller. May be cancelled.
    pub(super) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(until) = self.rests_until {
                tokio::time::sleep_until(until).await;
                self.rests_until = None;
            }
            let accepted = tokio::select! {
                accepted = self.v4.accept() => accepted,
                accepted = accept(self.v6.as_ref()) => accepted,
            };
            match accepted {
                Ok((socket, remote)) => return (socket, plain(remote)),
                Err(error) => {
                    tracing::debug!(%error, "a caller on the link was not taken");
                    self.rests_until = Some(Instant::now() + ACCEPT_RETRY);
                }
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Listens at one port of both families; of IPv4 alone where the kernel has no IPv6.
fn both(port: u16, listen: impl Fn(SocketAddr) -> io::Result<TcpListener>) -> io::Result<Porch> {
    let v4 = listen((Ipv4Addr::UNSPECIFIED, port).into())?;
    let v6 = match listen((Ipv6Addr::UNSPECIFIED, v4.local_addr()?.port()).into()) {
        Ok(v6) => Some(v6),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        Err(error) => {
            tracing::debug!(%error, "nobody can call over IPv6");
            None
        }
    };
    Ok(Porch { v4, v6, rests_until: None })
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

/// Without what tells flows apart.
fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        v4 => v4,
    }
}

/// Whether an address is of a link that one of ours is on.
pub(super) fn is_on_link(own: &[Own], remote: SocketAddr) -> bool {
    let scope = match remote {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(v6.scope_id()),
        _ => None,
    };
    own.iter().any(|own| scope.is_none_or(|scope| scope == own.network) && own.reaches(remote.ip()))
}

/// Who is connected, by address: from the moment that they are taken until their socket is closed, which may be a while
/// after the gateway has forgotten them.
#[derive(Clone, Default)]
pub(super) struct Callers(Rc<RefCell<BTreeMap<IpAddr, usize>>>);

impl Callers {
    /// A place for one more, if there is one.
    pub(super) fn seat(&self, ip: IpAddr) -> Option<Seat> {
        let mut callers = self.0.borrow_mut();
        let of_address = callers.get(&ip).copied().unwrap_or_default();
        if of_address >= NEARBY_STREAMS_PER_ADDRESS_MAX || callers.values().sum::<usize>() >= NEARBY_SOCKETS_MAX {
            return None;
        }
        callers.insert(ip, of_address + 1);
        Some(Seat { ip, callers: self.clone() })
    }
}

/// The place of one caller, until it is dropped.
pub(super) struct Seat {
    ip: IpAddr,
    callers: Callers,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut callers = self.callers.0.borrow_mut();
        if let Some(count) = callers.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                callers.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_no_end_and_a_free_one_is_had_at_once() {
        let first = Porch::open(0).unwrap();
        let port = first.port().unwrap();
        let second = Porch::open(port).unwrap();
        assert_ne!(second.port().unwrap(), port);
        drop(first);
        assert_eq!(Porch::open(port).unwrap().port().unwrap(), port);
    }

    #[tokio::test]
    async fn a_kernel_without_ipv6_has_ipv4() {
        let failing =
            |errno: Errno| both(0, |address| if address.is_ipv6() { Err(errno.into()) } else { listen(address) });
        assert!(failing(Errno::EAFNOSUPPORT).unwrap().v6.is_none());
        assert!(failing(Errno::EADDRNOTAVAIL).unwrap().v6.is_none());
        assert!(failing(Errno::EADDRINUSE).is_err());
        assert!(both(0, |_| Err(Errno::EMFILE.into())).is_err());
    }

    #[test]
    fn who_is_on_the_link() {
        let own = |network, ip: &str, bits| Own { network, ip: ip.parse().unwrap(), bits };
        let all = [own(2, "10.0.0.1", 24), own(2, "fe80::1", 64), own(3, "2001:db8:7::1", 64)];
        let check = |remote: &str, expect| assert_eq!(is_on_link(&all, remote.parse().unwrap()), expect, "{remote}");
        check("10.0.0.2:9", true);
        check("10.0.1.2:9", false);
        check("192.0.2.7:9", false);
        check("127.0.0.1:9", false);
        check("[fe80::2%2]:9", true);
        check("[fe80::2%3]:9", false);
        check("[2001:db8:7::2]:9", true);
        check("[2001:db8:8::2]:9", false);
        check("[::1]:9", false);
        assert!(!is_on_link(&[], "10.0.0.2:9".parse().unwrap()), "no network is known yet");
    }

    #[test]
    fn e09_so_many_are_connected() {
        let seats = |ips: &[IpAddr]| {
            let callers = Callers::default();
            let seats: Vec<_> = ips.iter().filter_map(|ip| callers.seat(*ip)).collect();
            let taken = seats.len();
            drop(seats);
            assert!(callers.0.borrow().is_empty());
            taken
        };
        let address = |n: usize| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + n as u32));
        for (limit, apart) in [(NEARBY_STREAMS_PER_ADDRESS_MAX, 0), (NEARBY_SOCKETS_MAX, 1)] {
            for (come, expect) in [(limit - 1, limit - 1), (limit, limit), (limit + 1, limit), (10 * limit, limit)] {
                let ips: Vec<_> = (0..come).map(|n| address(n * apart)).collect();
                assert_eq!(seats(&ips), expect, "{come}");
            }
        }
    }
}
