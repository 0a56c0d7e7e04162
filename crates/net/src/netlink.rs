//! rtnetlink(7): what the kernel says of the interfaces, at the moment it changes. Linux only; elsewhere there would be
//! another source of the same inputs.
//!
//! A message says only *that* something has changed: the state is then read as a whole. So nothing can be missed, and an
//! overflow of the socket (`ENOBUFS`) is a message like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixDatagram as DatagramSocket;
use std::path::Path;

use mesh::finding::{Input, Interface, NetworkId, Prefix};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, socket};
use tokio::net::UnixDatagram;

/// The groups of messages (linux/rtnetlink.h): links, addresses of both families, and routes of both.
const GROUPS: u32 = 0x1 | 0x10 | 0x100 | 0x40 | 0x400;

/// linux/rtnetlink.h: `RTM_NEWROUTE`, `RTM_DELROUTE`.
const ROUTES: [u16; 2] = [24, 25];

/// Enough for any message of these groups; a longer one is cut, which makes no difference.
const MESSAGE_BYTES: usize = 8192;

/// The kernel, as it tells of interfaces.
pub struct Kernel {
    /// A netlink socket. The runtime has no name for such; of the sockets it knows, this kind is read in the same way.
    socket: UnixDatagram,
    told: Option<Vec<Interface>>,
    routes: bool,
}

impl Kernel {
    /// Begins to listen.
    ///
    /// # Errors
    /// What the system says.
    pub fn open() -> io::Result<Kernel> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        Ok(Kernel { socket: UnixDatagram::from_std(DatagramSocket::from(socket))?, told: None, routes: false })
    }

    /// Waits for a change: at first the whole state, later when it is another one. May be cancelled.
    ///
    /// # Errors
    /// What the system says.
    pub async fn next(&mut self) -> io::Result<Input> {
        loop {
            // Once for all messages that are there: addresses come and go in bursts.
            self.routes |= drain(&self.socket)?;
            let interfaces = interfaces()?;
            if self.told.as_ref() != Some(&interfaces) {
                self.told = Some(interfaces.clone());
                return Ok(Input::Interfaces(interfaces));
            }
            if std::mem::take(&mut self.routes) {
                return Ok(Input::Routes);
            }
            self.socket.readable().await?;
        }
    }
}

/// Takes all messages. True if one was about routes.
fn drain(socket: &UnixDatagram) -> io::Result<bool> {
    let mut buffer = [0; MESSAGE_BYTES];
    let mut routes = false;
    loop {
        match socket.try_recv(&mut buffer) {
            Ok(count) => routes |= is_about_routes(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(routes),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Some were lost: anything may have changed.
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => routes = true,
            Err(error) => return Err(error),
        }
    }
}

/// Whether a datagram has a message about routes: their headers (`struct nlmsghdr`) are length, type, and what does not
/// matter here.
fn is_about_routes(mut datagram: &[u8]) -> bool {
    while let Some((&[a, b, c, d, e, f], _)) = datagram.split_first_chunk() {
        if ROUTES.contains(&u16::from_ne_bytes([e, f])) {
            return true;
        }
        let length = usize::try_from(u32::from_ne_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        // Messages begin at multiples of four.
        let next = length.max(16).checked_next_multiple_of(4).unwrap_or(usize::MAX);
        datagram = datagram.get(next..).unwrap_or_default();
    }
    false
}

/// All interfaces as they are now.
///
/// # Errors
/// What the system says.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut all: BTreeMap<NetworkId, Interface> = BTreeMap::new();
    for entry in getifaddrs()? {
        // It may have gone this moment; then a message is on its way.
        let Ok(index) = if_nametoindex(entry.interface_name.as_str()) else { continue };
        let has = |flags| entry.flags.contains(flags);
        let interface = all.entry(NetworkId(index)).or_insert_with(|| Interface {
            index: NetworkId(index),
            up: has(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING),
            multicast: has(InterfaceFlags::IFF_MULTICAST),
            loopback: has(InterfaceFlags::IFF_LOOPBACK),
            point_to_point: has(InterfaceFlags::IFF_POINTOPOINT),
            wireless: is_wireless(&entry.interface_name),
            name: entry.interface_name.clone(),
            addresses: BTreeSet::new(),
        });
        if let (Some(ip), Some(mask)) = (entry.address.as_ref().and_then(ip), entry.netmask.as_ref().and_then(ip)) {
            interface.addresses.insert(Prefix { ip, bits: leading_ones(mask) });
        }
    }
    Ok(all.into_values().collect())
}

/// The number of an interface.
pub fn interface_number(name: &str) -> Option<u32> {
    if_nametoindex(name).ok()
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|a| IpAddr::from(a.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::from(a.ip())))
}

fn leading_ones(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    u8::try_from(ones).expect("an address has at most 128 bits")
}

/// Radios have this folder in sysfs.
fn is_wireless(name: &str) -> bool {
    let folder = Path::new("/sys/class/net").join(name);
    folder.join("phy80211").exists() || folder.join("wireless").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let message = |length: u32, kind: u16| {
            let body = vec![0; (length.max(16) as usize - 6).next_multiple_of(2)];
            [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &body].concat()
        };
        let (link, address, route) = (message(32, 16), message(20, 20), message(28, 24));
        for (datagram, expect) in [
            (vec![], false),
            (link.clone(), false),
            (route.clone(), true),
            ([link.clone(), address.clone(), message(16, 25)].concat(), true),
            ([link, address].concat(), false),
            // Lengths that are not true.
            (message(0, 16), false),
            (u32::MAX.to_ne_bytes().repeat(4), false),
            (route[..5].to_vec(), false),
        ] {
            assert_eq!(is_about_routes(&datagram), expect, "{datagram:?}");
        }
    }

    #[tokio::test]
    async fn the_state_comes_first_and_then_only_changes() {
        let mut kernel = Kernel::open().unwrap();
        let Input::Interfaces(interfaces) = kernel.next().await.unwrap() else { panic!("not the state") };
        let loopback = interfaces.iter().find(|interface| interface.loopback).unwrap();
        assert_eq!(loopback.name, "lo");
        assert!(
            !loopback.up || loopback.addresses.contains(&Prefix { ip: std::net::Ipv4Addr::LOCALHOST.into(), bits: 8 })
        );
    }
}
