//! The kernel's interfaces, as values: which of them can have neighbours, and which addresses are on their links.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::NetworkId;

/// An address of an interface and how many of its leading bits all on the link have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    /// The address.
    pub ip: IpAddr,
    /// The length of the prefix.
    pub bits: u8,
}

impl Prefix {
    /// Whether an address begins with the same bits.
    pub fn contains(&self, other: IpAddr) -> bool {
        other.is_ipv4() == self.ip.is_ipv4() && self.first() == Prefix { ip: other, bits: self.bits }.first()
    }

    /// The bits in common, the others zero.
    fn first(&self) -> u128 {
        let (number, width) = match self.ip {
            IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
            IpAddr::V6(ip) => (ip.to_bits(), 128),
        };
        let rest = width - u32::from(self.bits).min(width);
        number.checked_shr(rest).and_then(|kept| kept.checked_shl(rest)).unwrap_or(0)
    }
}

/// An interface of this machine, as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub index: NetworkId,
    /// Its name.
    pub name: String,
    /// Switched on, and a cable or a radio cell is there.
    pub up: bool,
    /// It can send to all.
    pub multicast: bool,
    /// It leads to this machine itself.
    pub loopback: bool,
    /// It leads to one other end only: a tunnel.
    pub point_to_point: bool,
    /// It is a radio.
    pub wireless: bool,
    /// Its addresses.
    pub addresses: BTreeSet<Prefix>,
}

impl Interface {
    /// Whether it is connected to anything beyond this machine, or loopback will do.
    pub(super) fn is_connected(&self, loopback: bool) -> bool {
        self.up && !self.addresses.is_empty() && (!self.loopback || loopback)
    }

    /// Whether several machines can hear each other there. The kernel does not call loopback that, though it is.
    pub(super) fn is_shared(&self) -> bool {
        (self.multicast && !self.point_to_point) || self.loopback
    }

    /// Whether others are looked for there.
    pub fn is_usable(&self, loopback: bool) -> bool {
        self.is_connected(loopback) && self.is_shared()
    }

    /// Whether this is an address of this machine.
    pub(super) fn owns(&self, ip: IpAddr) -> bool {
        self.addresses.iter().any(|prefix| prefix.ip == ip)
    }

    /// An announced address as it can be dialled, if a machine on this link can have it: nobody can aim us at the Internet
    /// (attack case E08), and what belongs to another link is refused (attack case E13).
    pub(super) fn on_link(&self, address: SocketAddr) -> Option<SocketAddr> {
        let on_link = self.addresses.iter().any(|prefix| prefix.contains(address.ip()));
        if address.port() == 0 || !on_link {
            return None;
        }
        match address {
            SocketAddr::V4(v4) if v4.ip().is_broadcast() || v4.ip().is_multicast() || v4.ip().is_unspecified() => None,
            SocketAddr::V6(v6) if v6.ip().is_multicast() || v6.ip().is_unspecified() => None,
            SocketAddr::V4(_) => Some(address),
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => {
                (v6.scope_id() == self.index.0).then(|| SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into())
            }
            SocketAddr::V6(v6) => Some(SocketAddrV6::new(*v6.ip(), v6.port(), 0, 0).into()),
        }
    }

    /// What tells the network behind it from others: every prefix but those that all links have.
    pub(super) fn prefixes(&self) -> BTreeSet<(u128, u8)> {
        self.routable().map(|prefix| (prefix.first(), prefix.bits)).collect()
    }

    /// Addresses that can be reached from beyond the link.
    pub(super) fn guard(&self) -> Vec<IpAddr> {
        self.routable().map(|prefix| prefix.ip).collect()
    }

    fn routable(&self) -> impl Iterator<Item = &Prefix> {
        self.addresses.iter().filter(|prefix| match prefix.ip {
            IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_loopback(),
            IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_loopback(),
        })
    }
}
