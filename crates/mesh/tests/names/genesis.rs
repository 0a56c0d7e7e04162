//! Genesis records, their hashes and names, against docs/formats/domain.md.

use crate::vectors;
use mesh::genesis::{EXTENSION_BITS, GENESIS_BYTES_MAX, GENESIS_BYTES_MIN};
use mesh::{Draft, Genesis, GenesisError, GenesisHash, KeyError, Label, LabelError, RootKey, Search};
use proptest::prelude::*;

fn draft(vector: &vectors::Vector) -> Draft {
    let label = vector.text("label");
    Draft {
        label: (label != "-").then(|| Label::new(label).expect("a label")),
        root: vector.key("root-seed").public(),
        next: vector.key("next-seed").public().commitment(),
    }
}

#[test]
fn vectors_hold() {
    for vector in &vectors::with("record") {
        let draft = draft(vector);
        assert_eq!(draft.root.as_bytes(), &vector.array("root-key"));
        assert_eq!(draft.next.as_bytes(), &vector.array("commitment"));

        let genesis = Genesis::decode(&vector.bytes("record")).expect("the record is good");
        assert_eq!(genesis.encode(), vector.bytes("record"));
        assert_eq!(genesis.hash(), GenesisHash::from_bytes(vector.array("genesis")));
        assert_eq!(genesis.hash().to_string(), vector.text("genesis"));
        assert_eq!(genesis.name().to_string(), vector.text("name"));
        assert_eq!(genesis.root(), &draft.root);
        assert_eq!(genesis.label(), draft.label.as_ref());
        assert!(genesis.allows_next(&vector.key("next-seed").public()));
        assert!(!genesis.allows_next(&vector.key("root-seed").public()));

        let extension: [u8; 32] = vector.array("extension");
        assert!(
            u32::from_be_bytes([extension[0], extension[1], extension[2], extension[3]]) >> (32 - EXTENSION_BITS) == 0
        );
    }
}

/// The search finds what the check accepts, in one go or in pieces, and no sooner than the document says.
#[test]
fn search_finds_the_vectors() {
    for (vector, piece) in vectors::with("record").iter().zip([100_000, 99_999]) {
        let tries: u32 = vector.text("tries").parse().expect("a number");
        let mut search = Search::new(draft(vector), vector.array("start")).expect("the draft is good");
        let mut left = tries - 1;
        while left > 0 {
            assert_eq!(search.step(left.min(piece)), None);
            left -= left.min(piece);
        }
        assert_eq!(search.step(0), None);
        assert_eq!(search.step(1).map(|genesis| genesis.encode()), Some(vector.bytes("record")));
        // A search may go on, for another name.
        assert_eq!(search.step(1), None);
    }
}

/// Records of every length of label go through both blocks of the search as they go through the check.
#[test]
fn search_agrees_with_check_for_every_label() {
    for length in [0, 1, 15, 16] {
        let label = (length > 0).then(|| Label::new(&"z".repeat(length)).expect("a label"));
        let key = |byte| RootKey::from_seed(&[byte; 32]).public();
        let draft = Draft { label, root: key(5), next: key(6).commitment() };
        let mut search = Search::new(draft, [7; 16]).expect("the draft is good");
        let genesis =
            (0..64).find_map(|_| search.step(1 << 20)).expect("2^26 tries are enough here: key and start are fixed");
        let bytes = genesis.encode();
        assert_eq!(bytes.len(), GENESIS_BYTES_MIN + length);
        assert!(bytes.len() <= GENESIS_BYTES_MAX);
        assert_eq!(Genesis::decode(&bytes), Ok(genesis));
    }
}

#[track_caller]
fn refused(bytes: &[u8], expect: GenesisError) {
    assert_eq!(Genesis::decode(bytes), Err(expect));
}

/// The record of Nakuru, with some bytes replaced.
fn nakuru(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut record = vectors::with("record")[1].bytes("record");
    record[at..at + bytes.len()].copy_from_slice(bytes);
    record
}

#[test]
fn every_other_length_is_refused() {
    for vector in vectors::with("record") {
        let record = vector.bytes("record");
        for found in 0..record.len() {
            refused(&record[..found], GenesisError::Length { found });
        }
        for more in [1, 16, 10 * GENESIS_BYTES_MAX] {
            let longer = [&record[..], &vec![0; more]].concat();
            refused(&longer, GenesisError::Length { found: longer.len() });
        }
    }
}

#[test]
fn labels_in_records() {
    let long = |found| GenesisError::Label(LabelError::TooLong { found });
    refused(&nakuru(1, &[17]), long(17));
    refused(&nakuru(1, &[160]), long(160));
    // Within the limit the length must fit the bytes.
    refused(&nakuru(1, &[15]), GenesisError::Length { found: 88 });
    refused(&nakuru(1, &[16]), GenesisError::Length { found: 88 });
    let letter = |position| GenesisError::Label(LabelError::Letter { position });
    refused(&nakuru(2, b"N"), letter(1));
    refused(&nakuru(4, b"-"), letter(3));
    refused(&nakuru(7, &[0xff]), letter(6));
}

#[test]
fn suites_and_keys() {
    for suite in [0, 2, 255] {
        refused(&nakuru(0, &[suite]), GenesisError::Suite(suite));
    }
    let root = |bytes: &[u8; 32]| nakuru(8, bytes);
    let mut small = [0; 32];
    small[0] = 1;
    refused(&root(&small), GenesisError::RootKey(KeyError::SmallOrder));
    refused(&root(&[0xff; 32]), GenesisError::RootKey(KeyError::NotCanonical));
}

#[test]
fn a_root_key_cannot_follow_itself() {
    let root = RootKey::from_seed(&[3; 32]).public();
    let draft = Draft { label: None, root, next: root.commitment() };
    assert_eq!(Search::new(draft.clone(), [0; 16]).err(), Some(GenesisError::NextIsRoot));
    assert_eq!(Genesis::new(draft, [0; 16]).err(), Some(GenesisError::NextIsRoot));
    refused(&nakuru(40, root.commitment().as_bytes()), GenesisError::NextIsRoot);
}

/// Whoever takes a record and changes anything must do the work again.
#[test]
fn every_flipped_bit_changes_the_name_or_is_refused() {
    for vector in vectors::with("record") {
        let record = vector.bytes("record");
        let genesis = Genesis::decode(&record).expect("the record is good");
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            if let Ok(other) = Genesis::decode(&flipped) {
                assert_ne!(other.name(), genesis.name(), "bit {bit}");
            }
        }
    }
}

#[test]
fn extension_is_demanded() {
    let draft = draft(&vectors::with("record")[0]);
    match Genesis::new(draft, [9; 16]) {
        Err(GenesisError::Extension { found }) => assert!(found < EXTENSION_BITS),
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_are_the_first_sixty_bits() {
    let mut bytes = [0xee; 32];
    bytes[..8].copy_from_slice(&[0x00, 0x10, 0x02, 0x00, 0x30, 0x04, 0xff, 0xfe]);
    assert_eq!(GenesisHash::from_bytes(bytes).words(), [1, 2, 3, 4, 0xfff]);
}

proptest! {
    /// Strangers' bytes never panic; what is accepted is encoded as it came.
    #[test]
    fn foreign_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(genesis) = Genesis::decode(&bytes) {
            prop_assert_eq!(genesis.encode(), bytes);
        }
    }

    /// The same with a good beginning, so that the later checks are reached.
    #[test]
    fn nearly_good_bytes(at in 0_usize..88, byte: u8) {
        let record = nakuru(at, &[byte]);
        if let Ok(genesis) = Genesis::decode(&record) {
            prop_assert_eq!(genesis.encode(), record);
        }
    }
}
