//! The one UDP socket of all links: IPv6 and IPv4 together where the system has both.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use super::scope::{scope_inside, scope_outside};

/// Opens the socket at the port, or at a free one if that is taken or zero; without IPv6 for IPv4 only.
pub(super) fn open(port: u16) -> io::Result<UdpSocket> {
    let any_port = || bind(0);
    if port == 0 { any_port() } else { bind(port).or_else(|_| any_port()) }
}

fn bind(port: u16) -> io::Result<UdpSocket> {
    dual(port).or_else(|_| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)))
}

fn dual(port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(false)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    Ok(socket.into())
}

/// An address of QUIC's as people and other parts write it: an IPv4 one that came over the IPv6 socket is an IPv4 one.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match scope_outside(address) {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::from((ip, v6.port())),
            // The flow label is of no address.
            None => SocketAddr::V6(SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id())),
        },
        v4 @ SocketAddr::V4(_) => v4,
    }
}

/// An address as QUIC takes it.
pub(super) fn for_quic(address: SocketAddr) -> SocketAddr {
    scope_inside(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_no_end() {
        let first = open(0).unwrap();
        let port = first.local_addr().unwrap().port();
        let second = open(port).unwrap();
        assert_ne!(second.local_addr().unwrap().port(), port);
        drop(first);
        assert_eq!(open(port).unwrap().local_addr().unwrap().port(), port);
    }

    #[test]
    fn addresses_are_written_as_people_do() {
        let check = |from: &str, to: &str| assert_eq!(canonical(for_quic(from.parse().unwrap())).to_string(), to);
        check("[::ffff:10.0.0.1]:7", "10.0.0.1:7");
        check("10.0.0.1:7", "10.0.0.1:7");
        check("[fe80::1%3]:7", "[fe80::1%3]:7");
        check("[::1]:7", "[::1]:7");
    }
}
