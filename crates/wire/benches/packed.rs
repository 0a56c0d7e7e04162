//! What a stanza costs on its way to a link and from it: time and allocations.

#[path = "../tests/packed/typical.rs"]
mod typical;

use wire::{Packer, Stanza, Unpacker};

use typical::{TYPICAL, Typical, from, to};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A message, a typing notice, an answer to disco#info.
const NAMES: [&str; 3] = ["Conversations, English", "composing", "disco#info answered"];

fn case(name: &str) -> &'static Typical {
    TYPICAL.iter().find(|case| case.name == name).unwrap()
}

#[divan::bench(args = NAMES)]
fn pack(bencher: divan::Bencher, name: &str) {
    let stanza = Stanza::parse(case(name).xml.as_bytes()).unwrap();
    let (from, to, mut packer, mut frame) = (from(), to(), Packer::new(), Vec::with_capacity(1024));
    bencher.bench_local(|| {
        frame.clear();
        packer.pack(divan::black_box(&stanza), &from, &to, &mut frame).unwrap();
        frame.len()
    });
}

/// The check of what comes out included.
#[divan::bench(args = NAMES)]
fn unpack(bencher: divan::Bencher, name: &str) {
    let stanza = Stanza::parse(case(name).xml.as_bytes()).unwrap();
    let (from, to, mut unpacker) = (from(), to(), Unpacker::new());
    let (mut frame, mut out) = (Vec::new(), Vec::with_capacity(1024));
    Packer::new().pack(&stanza, &from, &to, &mut frame).unwrap();
    assert!(frame.len() <= case(name).frame_max);
    bencher.bench_local(|| unpacker.unpack(divan::black_box(&frame), &from, &to, &mut out).unwrap().inner_len());
}

#[divan::bench]
fn new_packer() -> Packer {
    Packer::new()
}

#[divan::bench]
fn new_unpacker() -> Unpacker {
    Unpacker::new()
}

/// A long text of words: bytes.
#[divan::bench(args = [4_000, 60_000, 500_000])]
fn pack_long(bencher: divan::Bencher, len: usize) {
    let mut text = String::new();
    let mut random = 1_u32;
    while text.len() < len {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = TYPICAL[(random >> 8) as usize % 9].xml.split(['<', '>', ' ']);
        text.push_str(
            word.filter(|word| !word.contains(['\'', '"', '/', '='])).nth((random >> 24) as usize % 8).unwrap_or("."),
        );
        text.push(' ');
    }
    let mut stanza = Stanza::parse(TYPICAL[0].xml.as_bytes()).unwrap();
    stanza = stanza.with_inner(format!("<body>{text}</body>"));
    let (from, to, mut packer, mut frame) = (from(), to(), Packer::new(), Vec::new());
    bencher.bench_local(|| {
        frame.clear();
        packer.pack(divan::black_box(&stanza), &from, &to, &mut frame).unwrap();
        frame.len()
    });
}
