//! RFC 4007: the zone of a link-local address, kept where QUIC looks: inside of the address.
//!
//! COMPAT(quinn-proto 0.11): the token of a Retry holds an address without its scope id, so that a neighbour at
//! `fe80::1%2` comes back as somebody else and is refused. Between the system and QUIC a link-local address therefore has
//! its scope id in bits that are zero in all of them (RFC 4291 section 2.5.6), as the first IPv6 of BSD had it.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime as _, TokioRuntime, UdpPoller};

/// A socket of tokio's whose link-local addresses have their scope inside.
pub(super) struct ScopedSocket(Arc<dyn AsyncUdpSocket>);

impl ScopedSocket {
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Arc<ScopedSocket>> {
        Ok(Arc::new(ScopedSocket(TokioRuntime.wrap_udp_socket(socket)?)))
    }
}

/// As QUIC sees an address.
pub(super) fn scope_inside(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => {
            let mut bytes = v6.ip().octets();
            bytes[2..6].copy_from_slice(&v6.scope_id().to_be_bytes());
            SocketAddr::from((Ipv6Addr::from(bytes), v6.port()))
        }
        other => other,
    }
}

/// As the system and everybody else sees it.
pub(super) fn scope_outside(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => {
            let mut bytes = v6.ip().octets();
            let [_, _, a, b, c, d, ..] = bytes;
            bytes[2..6].fill(0);
            SocketAddr::V6(SocketAddrV6::new(bytes.into(), v6.port(), 0, u32::from_be_bytes([a, b, c, d])))
        }
        other => other,
    }
}

impl fmt::Debug for ScopedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AsyncUdpSocket for ScopedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.0).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let destination = scope_outside(transmit.destination);
        self.0.try_send(&Transmit { destination, ..transmit.clone() })
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        received: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let taken = self.0.poll_recv(cx, buffers, received);
        if let Poll::Ready(Ok(count)) = taken {
            received[..count].iter_mut().for_each(|meta| meta.addr = scope_inside(meta.addr));
        }
        taken
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.0.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.0.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.0.may_fragment()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_goes_in_and_comes_out() {
        let check = |outside: &str, inside: &str| {
            let outside: SocketAddr = outside.parse().unwrap();
            assert_eq!(scope_inside(outside).to_string(), inside);
            assert_eq!(scope_outside(scope_inside(outside)), outside);
        };
        check("[fe80::1%2]:7", "[fe80:0:2::1]:7");
        check("[fe80::a:b:c:d%70000]:7", "[fe80:1:1170:0:a:b:c:d]:7");
        check("[fe80::1]:7", "[fe80::1]:7");
        check("[2001:db8::1]:7", "[2001:db8::1]:7");
        check("10.0.0.1:7", "10.0.0.1:7");
    }
}
