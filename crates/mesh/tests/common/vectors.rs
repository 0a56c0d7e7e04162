//! Reads test vectors out of the documents of docs/formats.

use std::collections::BTreeMap;

use mesh::RootKey;

/// One paragraph of the block: fields by name.
pub(crate) struct Vector(BTreeMap<&'static str, &'static str>);

/// The vectors of a document that have a field of this name; at least one.
#[track_caller]
pub(crate) fn with(document: &'static str, field: &str) -> Vec<Vector> {
    let (_, block) = document.split_once("```vectors\n").expect("the document has vectors");
    let (block, _) = block.split_once("```").expect("the block ends");
    let parse = |line: &'static str| line.split_once(": ").expect("a field has a value");
    let all = block.split("\n\n").map(|paragraph| Vector(paragraph.lines().map(parse).collect()));
    let found: Vec<Vector> = all.filter(|vector| vector.0.contains_key(field)).collect();
    assert!(!found.is_empty(), "no vector has {field}");
    found
}

impl Vector {
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> &'static str {
        self.0[field]
    }

    #[track_caller]
    pub(crate) fn bytes(&self, field: &str) -> Vec<u8> {
        let digits = self.text(field).as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("digits");
        digits.chunks(2).map(byte).collect()
    }

    #[track_caller]
    pub(crate) fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().expect("the field has its length")
    }

    #[track_caller]
    pub(crate) fn key(&self, field: &str) -> RootKey {
        RootKey::from_seed(&self.array(field))
    }
}
