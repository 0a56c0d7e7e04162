//! The fuzz corpora and seeded mutations of them: what fuzzing has found stays found.

use std::path::Path;

/// Bytes that mean something in XML, or nothing anywhere.
const SPECIAL: &[u8] = b"<>/'\"=&;:]![?- \n\0\x7f\xc3\xbfax0";

/// SplitMix64: the seed is all that it needs, and all that a replay needs.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder:?} has seeds");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Cuts, doubles, swaps and replaces pieces; takes pieces of other seeds.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let (a, b) = (random.below(data.len() + 1), random.below(data.len() + 1));
        let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 40));
        match random.below(5) {
            0 => drop(data.drain(from..to)),
            1 => {
                let piece = data[from..to].to_vec();
                let at = random.below(data.len() + 1);
                data.splice(at..at, piece);
            }
            2 if to > from => data[from] = SPECIAL[random.below(SPECIAL.len())],
            3 if to > from => data[from] ^= 1 << random.below(8),
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let (c, d) = (random.below(other.len() + 1), random.below(other.len() + 1));
                let piece = other[c.min(d)..c.max(d)].to_vec();
                data.splice(from..to, piece);
            }
        }
    }
    data
}

fn hold(target: &str, mutations: u64, body: fn(&[u8])) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| body(seed));
    for seed in 0..mutations {
        let data = mutated(&seeds, &mut Random(seed));
        let outcome = std::panic::catch_unwind(|| body(&data));
        assert!(outcome.is_ok(), "{target}, seed {seed}: {:?}", String::from_utf8_lossy(&data));
    }
}

#[test]
fn framer() {
    hold("framer", 6_000, sim::fuzz::framer);
}

#[test]
fn emit() {
    hold("emit", 6_000, sim::fuzz::emit);
}

#[test]
fn negotiation() {
    hold("negotiation", 6_000, sim::fuzz::negotiation);
}

#[test]
fn link() {
    hold("link", 1_000, sim::fuzz::link);
}

#[test]
fn parcel() {
    hold("parcel", 20_000, sim::fuzz::parcel);
}

#[test]
fn packed() {
    hold("packed", 6_000, sim::fuzz::packed);
}

#[test]
fn session() {
    hold("session", 1_000, sim::fuzz::session);
}

#[test]
fn statement() {
    hold("statement", 6_000, sim::fuzz::statement);
}

#[test]
fn shard() {
    hold("shard", 3_000, sim::fuzz::shard);
}

#[test]
fn neighbour() {
    hold("neighbour", 200, sim::fuzz::neighbour);
}

#[test]
fn link_local() {
    hold("link_local", 500, sim::fuzz::link_local);
}

#[test]
fn frames() {
    hold("frames", 100, sim::fuzz::frames);
}
