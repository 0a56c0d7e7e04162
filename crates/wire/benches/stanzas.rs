//! What a stanza costs on its way through: time and allocations (attack case A09 for what arrives byte by byte).

use base::Jid;
use wire::{Form, Frame, Framer, Mode, Stanza};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

const HEADER: &[u8] = b"<stream:stream to='montague.example' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// 335 bytes, as a client of today sends it.
const CHAT: &[u8] = b"<message to='romeo@montague.example/orchard' id='a7c1e2f0-41d3' type='chat'><body>Wherefore art thou, Romeo? Deny thy father!</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='a7c1e2f0-41d3-9b21'/></message>";

fn opened() -> Framer {
    let mut framer = Framer::new(Mode::Client);
    framer.authenticated();
    let mut chunk = HEADER;
    assert!(matches!(framer.next(&mut chunk), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(&mut chunk), Ok(None)));
    framer
}

fn stanza<'a>(framer: &'a mut Framer, chunk: &mut &'a [u8]) -> Stanza<'a> {
    match framer.next(chunk) {
        Ok(Some(Frame::Stanza(stanza))) => stanza,
        other => panic!("{other:?}"),
    }
}

/// Framed, checked, stamped with its sender, emitted: all that a server does to a message on its way.
#[divan::bench]
fn chat_through(bencher: divan::Bencher) {
    assert_eq!(CHAT.len(), 335);
    let mut framer = opened();
    let from = Jid::new("juliet@capulet.example/balcony").unwrap();
    let mut out = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        let mut chunk = divan::black_box(CHAT);
        let mut stanza = stanza(&mut framer, &mut chunk);
        stanza.head.from = Some(from.borrow());
        stanza.emit(Form::Tcp, &mut out);
        out.len()
    });
}

#[divan::bench]
fn chat_framed(bencher: divan::Bencher) {
    let mut framer = opened();
    bencher.bench_local(|| stanza(&mut framer, &mut divan::black_box(CHAT)).head.kind);
}

#[divan::bench]
fn chat_emitted(bencher: divan::Bencher) {
    let nested = [b"<message xmlns='jabber:client'", &CHAT["<message".len()..]].concat();
    let stanza = Stanza::parse(&nested).unwrap();
    let mut out = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        stanza.emit(Form::Tcp, &mut out);
        out.len()
    });
}

#[divan::bench]
fn chat_payload_found(bencher: divan::Bencher) {
    let nested = [b"<message xmlns='jabber:client'", &CHAT["<message".len()..]].concat();
    let stanza = Stanza::parse(&nested).unwrap();
    bencher.bench_local(|| stanza.payload("origin-id", "urn:xmpp:sid:0").is_some());
}

/// A stanza of this size in pieces of this size.
#[divan::bench(args = [(16_384, 1), (262_144, 1), (16_384, 1448), (262_144, 1448)])]
fn in_pieces(bencher: divan::Bencher, (size, piece): (usize, usize)) {
    let frame = "<message><body></body></message>".len();
    let xml = format!("<message><body>{}</body></message>", "a".repeat(size - frame));
    let mut framer = opened();
    bencher.counter(divan::counter::BytesCount::new(size)).bench_local(|| {
        let mut stanzas = 0;
        for mut chunk in xml.as_bytes().chunks(piece) {
            while framer.next(&mut chunk).unwrap().is_some() {
                stanzas += 1;
            }
        }
        stanzas
    });
}
