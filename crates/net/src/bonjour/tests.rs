//! Sockets of this machine, with what the gateway would do.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use mesh::finding::{NetworkId, Prefix};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::LocalSet;

use super::*;

/// Long enough for anything that happens on this machine; less than a polite end may take.
const SOON: Duration = Duration::from_secs(2);

fn loopback() -> Vec<Own> {
    vec![Own { network: 1, ip: Ipv4Addr::LOCALHOST.into(), bits: 8 }]
}

fn open(own: Vec<Own>) -> Sockets {
    let mut sockets = Sockets::default();
    sockets.addresses(own);
    sockets.open_at(0).unwrap();
    sockets
}

async fn call(sockets: &Sockets) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, sockets.port())).await.unwrap()
}

async fn caller(sockets: &mut Sockets) -> Caller {
    match tokio::time::timeout(SOON, sockets.next()).await {
        Ok(Event::Accepted(caller)) => caller,
        _ => panic!("nobody has called"),
    }
}

/// Waits until a connection was cut, not closed.
async fn is_cut(mut client: TcpStream) {
    let end = tokio::time::timeout(SOON, client.read(&mut [0; 1])).await.expect("it is still open");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn e09_who_is_not_on_the_link_is_cut_off() {
    let elsewhere = vec![Own { network: 2, ip: Ipv4Addr::new(10, 0, 0, 1).into(), bits: 24 }];
    let mut sockets = open(elsewhere);
    let client = call(&sockets).await;
    tokio::select! {
        _ = sockets.next() => panic!("the gateway has heard of it"),
        () = is_cut(client) => {}
    }
    sockets.addresses(loopback());
    let _client = call(&sockets).await;
    assert!(caller(&mut sockets).await.remote.ip().is_loopback());
}

#[tokio::test]
async fn e09_who_is_turned_away_costs_nothing_more() {
    LocalSet::new()
        .run_until(async {
            let mut sockets = open(loopback());
            for _ in 0..3 * base::limits::NEARBY_STREAMS_PER_ADDRESS_MAX {
                let client = call(&sockets).await;
                let caller = caller(&mut sockets).await;
                let stream = sockets.announce();
                sockets.close(stream);
                sockets.adopt(stream, caller);
                is_cut(client).await;
            }
        })
        .await;
}

#[tokio::test]
async fn e09_what_is_being_closed_counts() {
    LocalSet::new()
        .run_until(async {
            let mut sockets = open(loopback());
            let mut clients = Vec::new();
            for _ in 0..base::limits::NEARBY_STREAMS_PER_ADDRESS_MAX {
                clients.push(call(&sockets).await);
                let caller = caller(&mut sockets).await;
                let stream = sockets.announce();
                sockets.adopt(stream, caller);
                sockets.write(stream, b"bye");
                sockets.close(stream);
            }
            // None of them has closed its end.
            let one_more = call(&sockets).await;
            tokio::select! {
                _ = sockets.next() => panic!("the gateway has heard of it"),
                () = is_cut(one_more) => {}
            }
            let mut first = clients.swap_remove(0);
            assert_eq!(first.read(&mut [0; 8]).await.unwrap(), 3);
            first.shutdown().await.unwrap();
            drop(first);
            tokio::time::sleep(Duration::from_millis(100)).await;
            let _client = call(&sockets).await;
            caller(&mut sockets).await;
        })
        .await;
}

#[tokio::test]
async fn a_port_that_was_shut_is_had_again_at_once() {
    LocalSet::new()
        .run_until(async {
            let mut sockets = open(loopback());
            let port = sockets.port();
            let _client = call(&sockets).await;
            let caller = caller(&mut sockets).await;
            let stream = sockets.announce();
            sockets.adopt(stream, caller);
            sockets.shut();
            assert_eq!(sockets.open_at(port).unwrap(), port);
        })
        .await;
}

#[test]
fn what_is_no_link_of_ours() {
    let interface = |loopback: bool, multicast: bool, point_to_point: bool, ip: &str, bits: u8| Interface {
        index: NetworkId(7),
        name: "if0".to_owned(),
        up: true,
        multicast,
        loopback,
        point_to_point,
        wireless: false,
        addresses: [Prefix { ip: ip.parse().unwrap(), bits }].into(),
    };
    let check = |interface: Interface, loopback: bool, expect: usize| {
        assert_eq!(own_addresses(&[interface], loopback).len(), expect);
    };
    check(interface(false, true, false, "10.0.0.1", 24), false, 1);
    check(interface(false, true, true, "10.8.0.1", 24), false, 0);
    check(interface(false, false, false, "10.9.0.1", 24), false, 0);
    check(Interface { up: false, ..interface(false, true, false, "10.0.0.1", 24) }, false, 0);
    check(interface(true, false, false, "127.0.0.1", 8), false, 0);
    check(interface(true, false, false, "127.0.0.1", 8), true, 1);
}
