//! TLS as a value: a client and a server in one test, byte by byte.

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ClientConnection, SupportedProtocolVersion};

use super::*;
use crate::ca::Authority;
use crate::testing::{NOW, Place, client};

/// A server and a client that trusts it, with the wire between them in our hands.
struct Pair {
    _place: Place,
    server: TlsStream,
    client: ClientConnection,
    /// What the server has read, and its answers that the client has not.
    plaintext: Vec<u8>,
    reply: Vec<u8>,
}

impl Pair {
    fn new(versions: &[&'static SupportedProtocolVersion], alpn: &[&[u8]]) -> Pair {
        let place = Place::new();
        let authority = Authority::open(place.path()).unwrap();
        let certificates = Arc::new(Certificates::new(authority.leaf(&[], NOW).unwrap()));
        let mut config = client(authority.certificate(), versions);
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        Pair {
            _place: place,
            server: TlsStream::new(&server_config(certificates).unwrap()).unwrap(),
            client: ClientConnection::new(Arc::new(config), name).unwrap(),
            plaintext: Vec::new(),
            reply: Vec::new(),
        }
    }

    /// What the client sends now.
    fn client_says(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// The server takes something.
    fn server_hears(&mut self, bytes: &[u8]) -> Result<Progress, TlsError> {
        self.server.receive(bytes, &mut self.plaintext, &mut self.reply)
    }

    /// The client takes what the server has answered, and gives what it has read.
    fn client_hears(&mut self, bytes: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let (mut rest, mut plaintext) = (bytes, Vec::new());
        while !rest.is_empty() {
            self.client.read_tls(&mut rest).unwrap();
            self.client.process_new_packets()?;
            let _ = std::io::Read::read_to_end(&mut self.client.reader(), &mut plaintext);
        }
        Ok(plaintext)
    }

    /// Shakes hands; the server gets what the client says in pieces of so many bytes.
    fn shake(&mut self, piece: usize) -> Result<(), TlsError> {
        loop {
            let bytes = self.client_says();
            if bytes.is_empty() {
                return Ok(());
            }
            for piece in bytes.chunks(piece) {
                self.server_hears(piece)?;
            }
            let reply = std::mem::take(&mut self.reply);
            self.client_hears(&reply).map_err(TlsError::Protocol)?;
        }
    }
}

#[test]
fn what_begins_like_tls() {
    for (first, expect) in [
        (&b""[..], None),
        (b"\x16", None),
        (b"\x16\x03", Some(true)),
        (b"\x16\x03\x01\x02", Some(true)),
        (b"\x16\x02", Some(false)),
        (b"<", Some(false)),
        (b"<?xml", Some(false)),
        (b" ", Some(false)),
        (b"\x80\x2e\x01", Some(false)),
        (b"\xef\xbb\xbf<", Some(false)),
    ] {
        assert_eq!(looks_like_tls(first), expect, "{first:?}");
    }
}

#[test]
fn both_sides_say_what_they_like() {
    for version in [&TLS12, &TLS13] {
        for piece in [1, 7, 5000] {
            let mut pair = Pair::new(&[version], &[ALPN_CLIENT]);
            assert!(!pair.server.handshake_done());
            assert_eq!(pair.server.send(b"too early", &mut Vec::new()), Err(TlsError::NotOpen));
            pair.shake(piece).unwrap();
            assert!(pair.server.handshake_done());
            assert_eq!((pair.server.alpn(), pair.server.server_name()), (Some(ALPN_CLIENT), Some("localhost")));

            for len in [1, 16_384, 16_385, 300_000] {
                let said: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
                let mut heard = Vec::new();
                for part in said.chunks(10_000) {
                    pair.client.writer().write_all(part).unwrap();
                    heard.extend(pair.client_says());
                }
                let step = if piece < 100 { 4999 } else { 65_536 };
                heard.chunks(step).for_each(|part| assert_eq!(pair.server_hears(part), Ok(Progress::Open)));
                assert!(std::mem::take(&mut pair.plaintext) == said, "{len}");

                let mut sent = b"before ".to_vec();
                pair.server.send(&said, &mut sent).unwrap();
                assert!(sent.starts_with(b"before "));
                assert!(pair.client_hears(&sent[7..]).unwrap() == said, "{len}");
            }
            assert_eq!(pair.reply, b"");
        }
    }
}

#[test]
fn what_comes_with_the_last_of_the_handshake_is_not_lost() {
    let mut pair = Pair::new(&[&TLS13], &[]);
    let hello = pair.client_says();
    assert_eq!(pair.server_hears(&hello), Ok(Progress::Handshaking));
    let reply = std::mem::take(&mut pair.reply);
    pair.client_hears(&reply).unwrap();
    pair.client.writer().write_all(b"<stream>").unwrap();
    let finished = pair.client_says();
    assert_eq!(pair.server_hears(&finished), Ok(Progress::Open));
    assert_eq!(pair.plaintext, b"<stream>");
    assert_eq!(pair.server.alpn(), None);
}

#[test]
fn no_tickets_are_given_and_none_are_taken() {
    let mut pair = Pair::new(&[&TLS13], &[]);
    pair.shake(5000).unwrap();
    assert_eq!(pair.client.tls13_tickets_received(), 0);
    let mut pair = Pair::new(&[&TLS12], &[]);
    pair.shake(5000).unwrap();
    assert_eq!(pair.client.handshake_kind(), Some(rustls::HandshakeKind::Full));
}

#[test]
fn another_protocol_is_refused() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::new(&[version], &[b"h2", b"http/1.1"]);
        assert_eq!(pair.shake(5000), Err(TlsError::Protocol(rustls::Error::NoApplicationProtocol)));
        let reply = std::mem::take(&mut pair.reply);
        let told = rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol);
        assert_eq!(pair.client_hears(&reply), Err(told));
        let mut pair = Pair::new(&[version], &[b"h2", ALPN_CLIENT]);
        pair.shake(5000).unwrap();
        assert_eq!(pair.server.alpn(), Some(ALPN_CLIENT));
    }
}

#[test]
fn both_sides_export_the_same_binding() {
    let mut pair = Pair::new(&[&TLS13], &[]);
    assert_eq!(pair.server.exporter(), None);
    pair.shake(5000).unwrap();
    let theirs = pair.client.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap();
    assert_eq!(pair.server.exporter(), Some(theirs));
    let mut other = Pair::new(&[&TLS13], &[]);
    other.shake(5000).unwrap();
    assert_ne!(other.server.exporter(), Some(theirs));
    let mut old = Pair::new(&[&TLS12], &[]);
    old.shake(5000).unwrap();
    assert_eq!(old.server.exporter(), None);
}

#[test]
fn goodbye_is_said_by_each_side_for_itself() {
    let mut pair = Pair::new(&[&TLS13], &[]);
    pair.shake(5000).unwrap();
    pair.client.writer().write_all(b"last").unwrap();
    pair.client.send_close_notify();
    let mut bytes = pair.client_says();
    bytes.extend(b"what comes after does not count");
    assert_eq!(pair.server_hears(&bytes), Ok(Progress::Closed));
    assert_eq!(pair.server_hears(&[0x17; 10_000]), Ok(Progress::Closed));
    assert_eq!(pair.plaintext, b"last");
    let mut sent = Vec::new();
    pair.server.send(b"bye", &mut sent).unwrap();
    pair.server.close_notify(&mut sent);
    let len = sent.len();
    pair.server.close_notify(&mut sent);
    assert_eq!(sent.len(), len);
    assert_eq!(pair.server.send(b"more", &mut sent), Err(TlsError::NotOpen));
    assert_eq!(sent.len(), len);
    assert_eq!(pair.client_hears(&sent).unwrap(), b"bye");
}

/// Attack case A19.
#[test]
fn goodbyes_inside_the_handshake_come_to_an_end() {
    // Anybody on the way could say it, so it does not count yet; nor may it be said for ever.
    let alert = [0x15, 3, 3, 0, 2, 1, 0];
    let mut pair = Pair::new(&[&TLS13], &[]);
    for _ in 0..4 {
        assert_eq!(pair.server_hears(&alert), Ok(Progress::Handshaking));
    }
    assert!(pair.server_hears(&alert).is_err());
    let mut pair = Pair::new(&[&TLS13], &[]);
    let hello = pair.client_says();
    pair.server_hears(&hello).unwrap();
    assert!(pair.server_hears(&alert).is_err());
    pair.server.close_notify(&mut Vec::new());
}

/// A handshake record of a ClientHello that never ends.
fn endless_hello(len: usize) -> Vec<u8> {
    let mut bytes = vec![];
    // A hello of 64 kB - 1, in records of 1 kB.
    let mut payload = vec![1, 0, 0xff, 0xff];
    while bytes.len() < len {
        payload.resize(1024, 0);
        bytes.extend([0x16, 3, 1, 4, 0]);
        bytes.append(&mut payload);
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn a_handshake_has_a_limit() {
    let max = TLS_HANDSHAKE_BYTES_MAX;
    for (len, ok) in [(max - 1, true), (max, true), (max + 1, false), (10 * max, false)] {
        for piece in [1, 1500, 10 * max] {
            let mut pair = Pair::new(&[&TLS13], &[]);
            let hello = endless_hello(len);
            let outcome = hello.chunks(piece).try_for_each(|part| pair.server_hears(part).map(|_| ()));
            assert_eq!(outcome, if ok { Ok(()) } else { Err(TlsError::TooLong) }, "{len} by {piece}");
        }
    }
}

/// Attack case A19.
#[test]
fn one_hello_in_many_records_is_a_hello() {
    let mut pair = Pair::new(&[&TLS13], &[]);
    let hello = pair.client_says();
    for payload in hello[5..].chunks(3) {
        let record = [&[0x16, 3, 1, 0, payload.len() as u8], payload].concat();
        assert_eq!(pair.server_hears(&record), Ok(Progress::Handshaking));
    }
    let reply = std::mem::take(&mut pair.reply);
    pair.client_hears(&reply).unwrap();
    pair.shake(1).unwrap();
    assert!(pair.server.handshake_done());
}

/// Attack case A18.
#[test]
fn clear_text_is_never_taken_for_the_protected() {
    for text in
        [&b"<message/>"[..], b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", b"\x17\x03\x03\x00\x05hello", b"\x00"]
    {
        let mut pair = Pair::new(&[&TLS13], &[]);
        pair.shake(5000).unwrap();
        let outcome = pair.server_hears(&text.repeat(10));
        assert!(outcome.is_err(), "{text:?}: {outcome:?}");
        assert_eq!(pair.plaintext, b"");
        assert!(!pair.reply.is_empty(), "an alert");
        assert!(pair.server_hears(b"more").is_err());
        let mut fresh = Pair::new(&[&TLS13], &[]);
        assert!(fresh.server_hears(&text.repeat(10)).is_err(), "{text:?}");
    }
}

#[test]
fn a_changed_record_ends_the_connection() {
    let mut pair = Pair::new(&[&TLS13], &[]);
    pair.shake(5000).unwrap();
    pair.client.writer().write_all(b"hello").unwrap();
    let mut record = pair.client_says();
    *record.last_mut().unwrap() ^= 1;
    assert_eq!(pair.server_hears(&record), Err(TlsError::Protocol(rustls::Error::DecryptError)));
    assert_eq!(pair.plaintext, b"");
}

#[test]
fn no_bytes_make_it_panic_or_turn_for_ever() {
    let mut seed = 7u64;
    let mut below = |n: usize| {
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (seed >> 33) as usize % n
    };
    for _ in 0..200 {
        let mut pair = Pair::new(&[&TLS13], &[]);
        let mut bytes = pair.client_says();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = below(256) as u8,
                1 => bytes.truncate(at.max(1)),
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, below(256) as u8),
            }
        }
        let piece = 1 + below(bytes.len());
        let _ = bytes.chunks(piece).try_for_each(|part| pair.server_hears(part).map(|_| ()));
        assert!(!pair.server.handshake_done() && pair.plaintext.is_empty());
    }
}

#[test]
fn a_storm_of_new_keys_comes_to_an_end() {
    let mut pair = Pair::new(&[&TLS13], &[]);
    pair.shake(5000).unwrap();
    let storm = (0..1000).find_map(|count| {
        pair.client.refresh_traffic_keys().unwrap();
        let bytes = pair.client_says();
        pair.server_hears(&bytes).err().map(|_| count)
    });
    assert_eq!(storm, Some(32));
    assert!(pair.reply.len() < 4096, "{}", pair.reply.len());
}
