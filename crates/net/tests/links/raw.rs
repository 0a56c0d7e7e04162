//! RFC 9000 section 17.2: first packets of QUIC as strangers write them, with whatever inside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use net::links::keys::TransportKey;
use rustls::Side;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::ServerName;
use rustls::quic::{ClientConnection, Keys, Version};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// What every first datagram has at least (RFC 9000 section 14.1).
pub(crate) const INITIAL_BYTES: usize = 1200;
pub(crate) const SOURCE: [u8; 4] = [9, 8, 7, 6];
pub(crate) const DESTINATION: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// One transport parameter.
pub(crate) fn parameter(id: u64, value: &[u8]) -> Vec<u8> {
    [varint(id), varint(value.len() as u64), value.to_vec()].concat()
}

/// RFC 9000 section 16.
pub(crate) fn varint(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (value as u16 | 0x4000).to_be_bytes().to_vec(),
        0x4000..0x4000_0000 => (value as u32 | 0x8000_0000).to_be_bytes().to_vec(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

/// A client's first datagram with these transport parameters: right in all else, unless a test changes it.
pub(crate) fn initial(destination: &[u8], token: &[u8], parameters: &[u8], bytes: usize) -> Vec<u8> {
    let mut hello = Vec::new();
    let config = Arc::new(TransportKey::generate().unwrap().client().unwrap());
    let name = ServerName::try_from("jirani").unwrap();
    let mut tls = ClientConnection::new(config, Version::V1, name, parameters.to_vec()).unwrap();
    assert!(tls.write_hs(&mut hello).is_none());

    let mut header = vec![0xc3];
    header.extend(1_u32.to_be_bytes());
    for id in [destination, &SOURCE] {
        header.push(id.len() as u8);
        header.extend(id);
    }
    header.extend(varint(token.len() as u64));
    header.extend(token);
    let left = bytes - header.len() - 2;
    header.extend((left as u16 | 0x4000).to_be_bytes());
    let number_at = header.len();
    header.extend(0_u32.to_be_bytes());

    let mut payload = [vec![6], varint(0), varint(hello.len() as u64), hello].concat();
    payload.resize(left - 4 - 16, 0);
    let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    let keys = Keys::initial(Version::V1, suite, suite.quic.unwrap(), destination, Side::Client);
    let tag = keys.local.packet.encrypt_in_place(0, &header, &mut payload).unwrap();
    payload.extend(tag.as_ref());
    let (first, rest) = header.split_first_mut().unwrap();
    keys.local.header.encrypt_in_place(&payload[..16], first, &mut rest[number_at - 1..]).unwrap();
    [header, payload].concat()
}

/// All answers to one datagram within a time.
pub(crate) async fn answers(socket: &UdpSocket, to: SocketAddr, datagram: &[u8], within: Duration) -> Vec<Vec<u8>> {
    socket.send_to(datagram, to).await.unwrap();
    let mut buffer = [0; 2048];
    let mut answers = Vec::new();
    let all = async {
        while let Ok((length, _)) = socket.recv_from(&mut buffer).await {
            answers.push(buffer[..length].to_vec());
        }
    };
    let _ = timeout(within, all).await;
    answers
}

/// The new destination id and the token of a Retry packet (RFC 9000 section 17.2.5).
pub(crate) fn retry(packet: &[u8]) -> (Vec<u8>, Vec<u8>) {
    assert_eq!((packet[0] & 0xb0, &packet[1..5]), (0xb0, 1_u32.to_be_bytes().as_slice()), "a Retry");
    let (destination, rest) = packet[6..].split_at(packet[5].into());
    assert_eq!(destination, SOURCE);
    let (source, rest) = rest[1..].split_at(rest[0].into());
    (source.to_vec(), rest[..rest.len() - 16].to_vec())
}
