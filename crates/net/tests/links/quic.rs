//! The conformance of QUIC, and what only QUIC does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use base::limits::LINK_QUEUE_BYTES_MAX;
use mesh::link::{CloseCode, Command, DownCause, Links as _, ProtocolId};
use net::links::{Door, QuicLinks, Taken};
use tokio::net::UdpSocket;
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::conformance::{Node, ONE, TWO, Transport, conformance, pair};
use crate::weather::{Way, Weather};

/// Runs a test as the daemon runs: one thread.
pub(crate) fn on_a_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

pub(crate) struct Quic;

pub(crate) fn ids(protocols: &[&str]) -> Vec<ProtocolId> {
    protocols.iter().map(|id| ProtocolId::new(id).unwrap()).collect()
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl Transport for Quic {
    type Links = Door;
    type Owner = QuicLinks;
    type Way = (Way, SocketAddr);

    async fn node(&self, protocols: &[&str]) -> Node<Quic> {
        let owner = QuicLinks::open(0).unwrap();
        let address = local(owner.address().unwrap().port());
        Node { links: owner.register(&ids(protocols)).unwrap(), address, owner }
    }

    async fn rest(&self) {
        sleep(Duration::from_millis(1)).await;
    }

    async fn way(&self, to: SocketAddr) -> Self::Way {
        let way = Way::open(to).await;
        let address = way.address();
        (way, address)
    }

    fn address_of(way: &Self::Way) -> SocketAddr {
        way.1
    }

    fn set(way: &Self::Way, weather: Weather) {
        way.0.set(weather);
    }

    fn change_address(way: &Self::Way) {
        way.0.change_address();
    }

    async fn nowhere(&self) -> SocketAddr {
        // It is bound for as long as the process runs, and nobody reads it.
        let socket = Box::leak(Box::new(UdpSocket::bind(local(0)).await.unwrap()));
        socket.local_addr().unwrap()
    }
}

conformance! { Quic:
    both_sides_know_the_same
    two_links_at_once_are_two
    frames_keep_their_order
    a_megabyte_arrives
    an_unknown_protocol_is_refused_and_others_live
    codes_arrive_and_the_end_is_told_once
    what_waits_is_capped
    a_frame_that_is_too_long_ends_the_link
    a_dial_to_nowhere_ends
    addresses_race
    a_cut_is_noticed_on_both_sides
    bad_weather_changes_nothing_but_time
    a_dial_succeeds_in_bad_weather
    a_peer_may_change_its_address
}

#[test]
fn the_queue_ends_exactly_at_its_limit() {
    on_a_thread(async {
        const MOST: usize = LINK_QUEUE_BYTES_MAX;
        for (bytes, lives) in [(MOST - 1, true), (MOST, true), (MOST + 1, false), (10 * MOST, false)] {
            let (mut a, to_b, _b, _) = pair(&Quic).await;
            // Nothing leaves between these: the thread is ours. A frame of 100,000 bytes takes 100,003, an empty one takes 1.
            let bytes = bytes - 2 - ONE.len();
            (0..bytes / 100_003).for_each(|_| a.send(to_b, ONE, &[1; 100_000]));
            (0..bytes % 100_003).for_each(|_| a.send(to_b, ONE, b""));
            if lives {
                sleep(Duration::from_millis(50)).await;
                assert_eq!(a.links.poll(), None);
            } else {
                a.down(&Quic, to_b, DownCause::ByUs(CloseCode::Behind)).await;
            }
        }
    });
}

#[test]
fn a_protocol_has_one_door() {
    on_a_thread(async {
        let links = QuicLinks::open(0).unwrap();
        let door = links.register(&ids(&[ONE, TWO])).unwrap();
        let taken = |id: &str| Taken(ProtocolId::new(id).unwrap());
        assert_eq!(links.register(&ids(&["example.org/three/1", TWO])).unwrap_err(), taken(TWO));
        assert_eq!(links.register(&[ProtocolId::LINK]).unwrap_err(), taken("jirani/link/1"));
        drop(door);
        assert!(links.register(&ids(&[TWO, "example.org/three/1"])).is_ok());
    });
}

#[test]
fn ipv6_and_ipv4_are_dialled_through_one_socket() {
    on_a_thread(async {
        let (mut a, mut b) = (Quic.node(&[ONE]).await, Quic.node(&[ONE]).await);
        for address in [SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, b.address.port())), b.address] {
            a.dial(1, &[address]);
            let (from, to) = (a.next(&Quic).await, b.next(&Quic).await);
            let mesh::link::Event::Up { remote, link, .. } = from else { panic!("{from:?}") };
            assert_eq!(remote, address);
            let mesh::link::Event::Up { remote, .. } = to else { panic!("{to:?}") };
            assert_eq!(remote, SocketAddr::new(address.ip(), a.address.port()));
            a.close(link, CloseCode::Unwanted);
            a.next(&Quic).await;
            b.next(&Quic).await;
        }
    });
}

/// A link-local address of this machine, with its interface's number.
fn link_local() -> Option<(std::net::Ipv6Addr, u32)> {
    let addresses = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    addresses.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let ip = u128::from_str_radix(words.next()?, 16).ok()?.into();
        let interface = u32::from_str_radix(words.next()?, 16).ok()?;
        std::net::Ipv6Addr::is_unicast_link_local(&ip).then_some((ip, interface))
    })
}

#[test]
fn a_link_local_address_keeps_its_scope() {
    let Some((ip, scope)) = link_local() else {
        println!("not tried: no interface of this machine has a link-local address");
        return;
    };
    on_a_thread(async {
        let (mut a, mut b) = (Quic.node(&[ONE]).await, Quic.node(&[ONE]).await);
        let at = |port| SocketAddr::V6(std::net::SocketAddrV6::new(ip, port, 0, scope));
        a.dial(1, &[at(b.address.port())]);
        let (port_a, port_b) = (a.address.port(), b.address.port());
        for (node, peer) in [(&mut a, port_b), (&mut b, port_a)] {
            let up = node.next(&Quic).await;
            let mesh::link::Event::Up { remote, link, .. } = up else { panic!("{up:?}") };
            assert_eq!(remote, at(peer));
            node.send(link, ONE, b"hello");
        }
        assert_eq!((a.frame(&Quic, ONE).await, b.frame(&Quic, ONE).await), (b"hello".to_vec(), b"hello".to_vec()));
    });
}

#[test]
fn a_node_without_ipv6_dials_what_it_can() {
    on_a_thread(async {
        let owner = QuicLinks::over(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        let mut door = owner.register(&ids(&[ONE])).unwrap();
        let mut b = Quic.node(&[ONE]).await;
        let addresses = vec!["[::1]:9".parse().unwrap(), b.address];
        door.command(Command::Dial { attempt: 3, addresses });
        assert!(b.up(&Quic).await.link.0 > 0);
        assert!(matches!(door.next().await, mesh::link::Event::Up { attempt: Some(3), .. }));
    });
}

#[test]
fn our_own_new_address_is_survived_where_we_dialled() {
    on_a_thread(async {
        let (mut a, to_b, mut b, to_a) = pair(&Quic).await;
        let begin = Instant::now();
        let new: [IpAddr; 1] = ["192.0.2.7".parse().unwrap()];
        a.owner.addresses_changed(&new).unwrap();
        a.send(to_b, ONE, b"still here");
        assert_eq!(b.frame(&Quic, ONE).await, b"still here");
        b.send(to_a, ONE, b"so are we");
        assert_eq!(a.frame(&Quic, ONE).await, b"so are we");
        assert!(begin.elapsed() < Duration::from_secs(1));
        // The side that was dialled cannot move.
        b.owner.addresses_changed(&new).unwrap();
        b.down(&Quic, to_a, DownCause::AddressLost).await;
        assert!(begin.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn nobody_recognises_a_node_on_another_network() {
    on_a_thread(async {
        let (mut a, to_b, mut b, to_a) = pair(&Quic).await;
        let keys = (a.owner.own_key(), b.owner.own_key());
        b.owner.attach_anew().unwrap();
        b.down(&Quic, to_a, DownCause::ByUs(CloseCode::Moved)).await;
        a.down(&Quic, to_b, DownCause::ByPeer(CloseCode::Moved)).await;
        a.owner.attach_anew().unwrap();
        assert!(a.owner.own_key() != keys.0 && b.owner.own_key() != keys.1);
        a.dial(2, &[b.address]);
        let up = a.next(&Quic).await;
        let mesh::link::Event::Up { local_key, remote_key, .. } = up else { panic!("{up:?}") };
        assert_eq!((local_key, remote_key), (a.owner.own_key(), b.owner.own_key()));
    });
}

#[test]
fn a_daemon_that_ends_says_so() {
    on_a_thread(async {
        let (a, _, mut b, to_a) = pair(&Quic).await;
        let begin = Instant::now();
        a.owner.close().await;
        b.down(&Quic, to_a, DownCause::ByPeer(CloseCode::Stopping)).await;
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    });
}
