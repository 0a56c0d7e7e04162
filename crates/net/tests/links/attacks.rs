//! Attack cases F08, F09, F10 and B28 at the door of the links. (F06 is the dialer's: `mesh/tests/links`.)

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::limits::{
    LINK_HANDSHAKE_TIME_MAX, LINK_REFUSALS_MAX, LINK_STREAM_WINDOW_BYTES, LINK_STREAMS_MAX, LINK_WINDOW_BYTES,
    LINKS_MAX, LINKS_PER_ADDRESS_MAX,
};
use mesh::link::frame::{write_frame, write_prelude};
use mesh::link::{CloseCode, Command, DialCause, DownCause, Event, Links as _, ProtocolId, Refusal};
use net::links::QuicLinks;
use net::links::keys::TransportKey;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, ServerConfig, TokenMemoryCache, TokenStore, VarInt};
use rustls::client::Resumption;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use crate::conformance::{Node, ONE, Transport as _};
use crate::quic::{Quic, ids, on_a_thread};
use crate::raw::{DESTINATION, INITIAL_BYTES, SOURCE, answers, initial, parameter, retry, varint};

/// A stranger's own QUIC.
struct Stranger {
    endpoint: Endpoint,
    config: ClientConfig,
}

impl Stranger {
    fn new() -> Stranger {
        let tls = TransportKey::generate().unwrap().client().unwrap();
        let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        Stranger { endpoint: Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap(), config }
    }

    async fn connect(&self, to: SocketAddr) -> Connection {
        self.endpoint.connect_with(self.config.clone(), to, "jirani").unwrap().await.unwrap()
    }
}

fn stream(id: &str, frames: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_prelude(&ProtocolId::new(id).unwrap(), &mut bytes);
    frames.iter().for_each(|frame| write_frame(frame, &mut bytes).unwrap());
    bytes
}

/// How the stranger's connection was closed.
async fn closed(connection: &Connection) -> CloseCode {
    match timeout(Duration::from_secs(5), connection.closed()).await.expect("it is closed") {
        ConnectionError::ApplicationClosed(close) => CloseCode::from_number(close.error_code.into_inner()),
        other => panic!("{other:?}"),
    }
}

/// Whoever came before, a neighbour is served.
async fn serves_a_neighbour(node: &mut Node<Quic>) {
    let mut neighbour = Quic.node(&[ONE]).await;
    neighbour.dial(1, &[node.address]);
    let link = neighbour.up(&Quic).await.link;
    neighbour.send(link, ONE, b"hello");
    loop {
        match node.next(&Quic).await {
            Event::Frame { frame, .. } if frame == b"hello" => return,
            _ => {}
        }
    }
}

#[test]
fn f08_streams_of_a_peer_are_capped() {
    on_a_thread(async {
        let mut node = Quic.node(&[ONE]).await;
        let connection = Stranger::new().connect(node.address).await;
        let mut open = Vec::new();
        for _ in 0..LINK_STREAMS_MAX {
            open.push(connection.open_uni().await.unwrap());
        }
        for _ in 0..10 {
            let one_more = timeout(Duration::from_millis(20), connection.open_uni()).await;
            assert!(one_more.is_err(), "QUIC itself holds it back");
        }
        assert!(timeout(Duration::from_millis(20), connection.open_bi()).await.is_err(), "none of these at all");
        // One stream is one protocol; a second one for it is refused.
        for (at, refusal) in [(0, None), (1, Some(Refusal::Taken))] {
            open[at].write_all(&stream(ONE, &[b"x"])).await.unwrap();
            sleep(Duration::from_millis(50)).await;
            let stopped =
                timeout(Duration::from_millis(20), open[at].stopped()).await.ok().map(|code| code.unwrap().unwrap());
            assert_eq!(stopped.map(|code| Refusal::from_number(code.into_inner())), refusal);
        }
        open[2].write_all(b"\x07").await.unwrap();
        let stopped = open[2].stopped().await.unwrap().unwrap();
        assert_eq!(Refusal::from_number(stopped.into_inner()), Refusal::UnknownPrelude);
        assert_eq!(connection.close_reason(), None);
        serves_a_neighbour(&mut node).await;
    });
}

#[test]
fn f08_refusals_have_an_end() {
    on_a_thread(async {
        let mut node = Quic.node(&[ONE]).await;
        let connection = Stranger::new().connect(node.address).await;
        for number in 0..=LINK_REFUSALS_MAX {
            assert_eq!(connection.close_reason(), None, "{number} were refused");
            let mut stream_to = connection.open_uni().await.unwrap();
            stream_to.write_all(&stream(&format!("example.org/{number}"), &[])).await.unwrap();
            // The last one is answered by the end.
            let _ = stream_to.stopped().await;
        }
        assert_eq!(closed(&connection).await, CloseCode::Refused);
        serves_a_neighbour(&mut node).await;
    });
}

#[test]
fn what_is_no_frame_ends_the_link() {
    on_a_thread(async {
        let mut node = Quic.node(&[ONE]).await;
        let stranger = Stranger::new();
        let longest = [stream(ONE, &[]), vec![0xff, 0xff, 0xff, 0x7f]].concat();
        let crooked = [stream(ONE, &[]), vec![0x80, 0]].concat();
        for bytes in [longest, crooked, b"\x01\x01A".to_vec(), b"\x01\xff".to_vec()] {
            let connection = stranger.connect(node.address).await;
            connection.open_uni().await.unwrap().write_all(&bytes).await.unwrap();
            assert_eq!(closed(&connection).await, CloseCode::Malformed);
        }
        let connection = stranger.connect(node.address).await;
        let mut half = connection.open_uni().await.unwrap();
        half.write_all(&stream(ONE, &[b"all of it"])[..22]).await.unwrap();
        half.finish().unwrap();
        assert_eq!(closed(&connection).await, CloseCode::Malformed);
        serves_a_neighbour(&mut node).await;
    });
}

/// A node that reads nothing holds no more than its windows.
#[test]
fn f08_windows_end() {
    on_a_thread(async {
        let owner = QuicLinks::open(0).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, owner.address().unwrap().port()));
        let _door = owner.register(&ids(&[ONE])).unwrap();
        let connection = Stranger::new().connect(address).await;
        let mut written = 0;
        // Frames for a door that nobody opens: one stream's window behind what the door holds.
        let mut one = connection.open_uni().await.unwrap();
        let bytes = stream(ONE, &[&[0; 100_000][..]; 20]);
        while let Ok(Ok(more)) = timeout(Duration::from_millis(300), one.write(&bytes[written % bytes.len()..])).await {
            written += more;
        }
        let held = base::limits::LINK_INBOX_BYTES_MAX;
        assert!((held..held + 200_000 + LINK_STREAM_WINDOW_BYTES).contains(&written), "{written}");
        const { assert!(LINK_WINDOW_BYTES == 2 * LINK_STREAM_WINDOW_BYTES) };
    });
}

#[test]
fn f08_links_with_one_address_and_in_total_are_capped() {
    on_a_thread(async {
        let mut node = Quic.node(&[ONE]).await;
        let mut peers = Vec::new();
        let mut links = 0;
        // Each peer has an address of its own and takes all that it may.
        for peer in 0..=LINKS_MAX / LINKS_PER_ADDRESS_MAX {
            let at = Ipv4Addr::new(127, 0, 1, peer as u8 + 1);
            let owner = QuicLinks::over(std::net::UdpSocket::bind((at, 0)).unwrap()).unwrap();
            let mut door = owner.register(&ids(&[ONE])).unwrap();
            for attempt in 0..LINKS_PER_ADDRESS_MAX as u64 + 1 {
                door.command(Command::Dial { attempt, addresses: vec![node.address] });
                let expect_up = attempt < LINKS_PER_ADDRESS_MAX as u64 && links < LINKS_MAX;
                match door.next().await {
                    Event::Up { .. } if expect_up => links += 1,
                    Event::DialFailed { cause: DialCause::Refused(CloseCode::Full), .. } if !expect_up => {}
                    other => panic!("{peer}, {attempt}, {links} links: {other:?}"),
                }
            }
            peers.push((owner, door));
        }
        assert_eq!(links, LINKS_MAX);
        let mut first = None;
        for _ in 0..LINKS_MAX {
            let up = node.up(&Quic).await;
            first.get_or_insert(up.link);
        }
        // The node itself makes no more either, until one is gone.
        let mut other = Quic.node(&[ONE]).await;
        node.dial(1, &[other.address]);
        assert_eq!(node.next(&Quic).await, Event::DialFailed { attempt: 1, cause: DialCause::Full });
        let first = first.unwrap();
        node.close(first, CloseCode::Unwanted);
        node.down(&Quic, first, DownCause::ByUs(CloseCode::Unwanted)).await;
        node.dial(2, &[other.address]);
        other.up(&Quic).await;
    });
}

/// A handshake that never ends is forgotten, and so its place with the address.
#[test]
fn f08_half_a_handshake_is_forgotten() {
    on_a_thread(async {
        let mut node = Quic.node(&[ONE]).await;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let good = parameters(&[]);
        for number in 0..LINKS_PER_ADDRESS_MAX as u8 {
            let first = initial(&[number; 8], b"", &good, INITIAL_BYTES);
            let said = answers(&socket, node.address, &first, Duration::from_millis(40)).await;
            let (id, token) = retry(said.iter().find(|packet| packet[0] & 0xb0 == 0xb0).unwrap());
            let second = initial(&id, &token, &good, INITIAL_BYTES);
            socket.send_to(&second, node.address).await.unwrap();
        }
        sleep(Duration::from_millis(100)).await;
        let mut neighbour = Quic.node(&[ONE]).await;
        neighbour.dial(1, &[node.address]);
        let refused = Event::DialFailed { attempt: 1, cause: DialCause::Refused(CloseCode::Full) };
        assert_eq!(neighbour.next(&Quic).await, refused);
        sleep(LINK_HANDSHAKE_TIME_MAX + Duration::from_millis(500)).await;
        serves_a_neighbour(&mut node).await;
    });
}

/// Transport parameters with what a test wants to say.
fn parameters(more: &[u8]) -> Vec<u8> {
    [parameter(0x0f, &SOURCE), more.to_vec()].concat()
}

#[test]
fn f09_transport_parameters_are_anything() {
    on_a_thread(async {
        let mut node = Quic.node(&[ONE]).await;
        let most = varint((1 << 62) - 1);
        let number = |id: u64, value: u64| parameter(id, &varint(value));
        let windows = |value: u64| (4..10).flat_map(|id| number(id, value)).collect::<Vec<u8>>();
        let cases: Vec<Vec<u8>> = vec![
            Vec::new(),
            parameters(&[]),
            parameters(&windows(0)),
            parameters(&windows((1 << 62) - 1)),
            parameters(&windows(1 << 60)),
            parameters(&number(0x01, (1 << 62) - 1)),
            parameters(&number(0x01, 0)),
            parameters(&number(0x03, 1199)),
            parameters(&number(0x03, 65_528)),
            parameters(&number(0x0a, 21)),
            parameters(&number(0x0b, 1 << 14)),
            parameters(&number(0x0b, 0)),
            parameters(&number(0x0e, 0)),
            parameters(&number(0x0e, (1 << 62) - 1)),
            // RUSTSEC-2026-0340: a peer that wants to wait longer than it may.
            parameters(&[parameter(0xff04_de1b, &most), number(0x0b, 1)].concat()),
            parameters(&[number(0xff04_de1b, 100_000), number(0x0b, 100)].concat()),
            parameters(&number(0xff04_de1b, 0)),
            // Only a server may say these.
            parameters(&parameter(0x00, &DESTINATION)),
            parameters(&parameter(0x02, &[7; 16])),
            parameters(&parameter(0x0d, &[7; 41])),
            parameters(&parameter(0x10, &DESTINATION)),
            // Twice, cut off, too long, of no length that a number has (RUSTSEC-2026-0037).
            parameters(&[number(0x04, 9), number(0x04, 9)].concat()),
            parameters(&[0x04]),
            parameters(&[0x04, 0x08, 0xff]),
            parameters(&parameter(0x04, &[])),
            parameters(&parameter(0x04, &[0xc0, 0])),
            parameters(&parameter(0x01, &[0; 9])),
            parameters(&parameter(0x0f, &[5; 21])),
            parameter(0x0f, &[5; 4]),
            parameters(&parameter(0x2ab2, &[1])),
            vec![0xff; 300],
        ];
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        for (at, case) in cases.iter().enumerate() {
            let id = [at as u8 + 1; 8];
            let first = initial(&id, b"", case, INITIAL_BYTES);
            let said = answers(&socket, node.address, &first, Duration::from_millis(30)).await;
            let (id, token) = retry(said.iter().find(|packet| packet[0] & 0xb0 == 0xb0).expect("a Retry"));
            let second = initial(&id, &token, case, INITIAL_BYTES);
            let said = answers(&socket, node.address, &second, Duration::from_millis(30)).await;
            assert!(!said.is_empty(), "case {at}: an answer or a refusal");
        }
        assert_eq!(node.links.poll(), None, "none is a link");
        let elsewhere = QuicLinks::over(std::net::UdpSocket::bind("127.0.0.2:0").unwrap()).unwrap();
        let mut door = elsewhere.register(&ids(&[ONE])).unwrap();
        door.command(Command::Dial { attempt: 1, addresses: vec![node.address] });
        assert!(matches!(door.next().await, Event::Up { .. }), "and a neighbour is served");
    });
}

#[test]
fn f10_an_answer_is_never_larger_than_the_question() {
    on_a_thread(async {
        let mut node = Quic.node(&[ONE]).await;
        let good = parameters(&[]);
        let whole = initial(&DESTINATION, b"", &good, INITIAL_BYTES);
        let changed = |at: usize, to: u8| {
            let mut bytes = whole.clone();
            bytes[at] = to;
            bytes
        };
        // A token that the node gave to somebody else.
        let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let said = answers(&other, node.address, &whole, Duration::from_millis(50)).await;
        let (id, token) = retry(&said[0]);
        assert!(said[0].len() < 150, "a Retry has {} bytes", said[0].len());
        let cases = [
            ("a right one", whole.clone()),
            ("another version", changed(4, 9)),
            ("another version, short", changed(4, 9)[..60].to_vec()),
            ("too short", initial(&DESTINATION, b"", &good, INITIAL_BYTES - 1)),
            ("not to be decrypted", changed(700, whole[700] ^ 1)),
            ("a token that is none", initial(&DESTINATION, b"token", &good, INITIAL_BYTES)),
            ("somebody else's token", initial(&id, &token, &good, INITIAL_BYTES)),
            ("of a connection that is not there", [b"\x41".as_slice(), &[7; 100]].concat()),
            ("of none, short", [b"\x41".as_slice(), &[7; 30]].concat()),
            ("of none, shortest", vec![0x41; 22]),
            ("a handshake packet", [b"\xe0\x00\x00\x00\x01\x08".as_slice(), &[7; 1194]].concat()),
            ("nothing", Vec::new()),
            ("noise", vec![0xaa; 1200]),
        ];
        for (name, datagram) in cases {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let said = answers(&socket, node.address, &datagram, Duration::from_millis(1200)).await;
            let bytes: usize = said.iter().map(Vec::len).sum();
            assert!(bytes <= datagram.len(), "{name}: {bytes} bytes for {}", datagram.len());
        }
        assert_eq!(node.links.poll(), None);
        serves_a_neighbour(&mut node).await;
    });
}

#[test]
fn b28_nobody_comes_back_without_a_handshake() {
    on_a_thread(async {
        let node = Quic.node(&[ONE]).await;
        // A client that would resume and say something early.
        let tokens = Arc::new(TokenMemoryCache::default());
        let mut stranger = Stranger::new();
        let mut tls = TransportKey::generate().unwrap().client().unwrap();
        tls.resumption = Resumption::in_memory_sessions(8);
        tls.enable_early_data = true;
        stranger.config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        stranger.config.token_store(Arc::clone(&tokens) as Arc<dyn TokenStore>);
        let first = stranger.connect(node.address).await;
        sleep(Duration::from_millis(200)).await;
        first.close(VarInt::from_u32(0), b"");
        let again = stranger.endpoint.connect_with(stranger.config.clone(), node.address, "jirani").unwrap();
        let Err(again) = again.into_0rtt() else { panic!("early data") };
        let again = again.await.unwrap();
        assert!(tokens.take("jirani").is_none(), "no token that outlives the connection");
        again.close(VarInt::from_u32(0), b"");
    });
}

#[test]
fn b28_we_do_not_come_back_either() {
    on_a_thread(async {
        // A server that offers all of it. With a client of its kind it works, or this test would show nothing.
        let mut tls = TransportKey::generate().unwrap().server().unwrap();
        tls.session_storage = rustls::server::ServerSessionMemoryCache::new(8);
        tls.send_tls13_tickets = 2;
        tls.max_early_data_size = u32::MAX;
        let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
        let server = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = server.local_addr().unwrap();
        tokio::task::spawn_local(async move {
            while let Some(incoming) = server.accept().await {
                tokio::task::spawn_local(async move {
                    if let Ok(connection) = incoming.await {
                        connection.closed().await;
                    }
                });
            }
        });
        for (ours, early) in [(true, false), (false, true)] {
            let mut tls = TransportKey::generate().unwrap().client().unwrap();
            if !ours {
                tls.resumption = Resumption::in_memory_sessions(8);
                tls.enable_early_data = true;
            }
            let mut stranger = Stranger::new();
            stranger.config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
            let first = stranger.connect(address).await;
            sleep(Duration::from_millis(200)).await;
            first.close(VarInt::from_u32(0), b"");
            let again = stranger.endpoint.connect_with(stranger.config.clone(), address, "jirani").unwrap();
            assert_eq!(again.into_0rtt().is_ok(), early, "ours: {ours}");
        }
    });
}

#[test]
fn whoever_has_no_raw_key_is_no_peer() {
    on_a_thread(async {
        let mut node = Quic.node(&[ONE]).await;
        let tls = TransportKey::generate().unwrap().client().unwrap();
        let mut without = rustls::ClientConfig::builder_with_provider(Arc::clone(tls.crypto_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        without.alpn_protocols = vec![b"jirani/1".to_vec()];
        let mut other_protocol = tls;
        other_protocol.alpn_protocols = vec![b"h3".to_vec()];
        for tls in [without, other_protocol] {
            let stranger = Stranger::new();
            let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
            let connecting = stranger.endpoint.connect_with(config, node.address, "jirani").unwrap();
            assert!(connecting.await.is_err());
        }
        assert_eq!(node.links.poll(), None);
        serves_a_neighbour(&mut node).await;
    });
}
