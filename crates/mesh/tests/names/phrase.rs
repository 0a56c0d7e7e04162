//! A secret on paper and back.

use crate::vectors;
use mesh::phrase::{self, PHRASE_BYTES_MAX, PHRASE_WORDS};
use mesh::{PhraseError, RootKey};
use proptest::prelude::*;

#[test]
fn vectors_hold() {
    for vector in vectors::with("secret") {
        let secret = vector.array("secret");
        assert_eq!(*phrase::write(&secret), vector.text("phrase"));
        assert_eq!(phrase::read(vector.text("phrase")).as_deref(), Ok(&secret));
    }
}

/// The words of 00 01 02 ... 1f.
fn counting() -> Vec<&'static str> {
    let vector = &vectors::with("secret")[2];
    vector.text("phrase").split(' ').collect()
}

#[track_caller]
fn check(text: &str, expect: Result<(), PhraseError>) {
    assert_eq!(phrase::read(text).map(|_| ()), expect, "{text:?}");
}

#[test]
fn people_type_as_they_like() {
    let words = counting();
    check(&words.join(" "), Ok(()));
    check(&words.join("-"), Ok(()));
    check(&words.join(" \n\t"), Ok(()));
    check(&format!("  {}\n", words.join(" ").to_uppercase()), Ok(()));
}

#[test]
fn mistakes() {
    let words = counting();
    check("", Err(PhraseError::Count { found: 0 }));
    check(&words[1..].join(" "), Err(PhraseError::Count { found: PHRASE_WORDS - 1 }));
    check(&[&words[..], &["lamp"]].concat().join(" "), Err(PhraseError::Count { found: PHRASE_WORDS + 1 }));

    let with = |at: usize, word: &'static str| {
        let mut words = counting();
        words[at] = word;
        words.join(" ")
    };
    check(&with(6, "antacit"), Err(PhraseError::Word { position: 7, closest: Some("antacid") }));
    check(&with(21, "qqqqqqqqqqqqqq"), Err(PhraseError::Word { position: 22, closest: None }));
    check(&with(0, "\u{fc}\u{fc}\u{fc}"), Err(PhraseError::Word { position: 1, closest: None }));
    check(&with(3, "lamp"), Err(PhraseError::Checksum));
    let mut swapped = counting();
    swapped.swap(0, 1);
    check(&swapped.join(" "), Err(PhraseError::Checksum));
}

#[test]
fn messages_help() {
    let error = PhraseError::Word { position: 7, closest: Some("antacid") };
    assert_eq!(error.to_string(), "word 7 is not in the list; did you mean \"antacid\"?");
    assert_eq!(PhraseError::Count { found: 21 }.to_string(), "there are 21 words instead of 22");
}

#[test]
fn limit() {
    let padded = |bytes: usize| {
        let text = counting().join(" ");
        format!("{text}{}", " ".repeat(bytes - text.len()))
    };
    check(&padded(PHRASE_BYTES_MAX - 1), Ok(()));
    check(&padded(PHRASE_BYTES_MAX), Ok(()));
    for found in [PHRASE_BYTES_MAX + 1, PHRASE_BYTES_MAX * 10] {
        check(&padded(found), Err(PhraseError::TooLong { found }));
    }
}

/// What it is for: the next root key comes back from paper.
#[test]
fn a_key_survives_on_paper() {
    let seed = [0x5a; 32];
    let paper = phrase::write(&seed);
    let back = RootKey::from_seed(&phrase::read(&paper).expect("the phrase is good"));
    assert_eq!(back.public(), RootKey::from_seed(&seed).public());
}

proptest! {
    #[test]
    fn round_trip(secret: [u8; 32]) {
        let text = phrase::write(&secret);
        prop_assert_eq!(text.split(' ').count(), PHRASE_WORDS);
        let read = phrase::read(&text);
        prop_assert_eq!(read.as_deref(), Ok(&secret));
    }

    /// Strangers' text never panics.
    #[test]
    fn foreign_text(text in "\\PC{0,300}") {
        let read = phrase::read(&text);
        prop_assert!(read.is_err() || text.split(|c: char| c.is_whitespace() || c == '-').count() >= PHRASE_WORDS);
    }
}
