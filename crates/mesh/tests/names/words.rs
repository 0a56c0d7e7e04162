//! The word list keeps its rules (words/README.md) and never changes.

#[path = "../../words/rules.rs"]
mod rules;

use mesh::verification::words as compared;
use mesh::words;
use sha2::{Digest, Sha256};

const FILE: &str = include_str!("../../words.txt");

/// Names in use depend on every byte of the list.
#[test]
fn the_list_is_frozen() {
    let hash: String = Sha256::digest(FILE).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, "d1ef3953d9a9b6c313c94b343635008f71cf8f9161bf9e372b49f864929d95e2");
}

#[test]
fn the_list_is_sorted_and_numbers_lead_back() {
    assert!(words::all().is_sorted());
    for (number, word) in words::all().enumerate() {
        assert_eq!(words::word(number as u16), word);
        assert_eq!(words::index(word), Some(number as u16));
    }
    assert_eq!(words::all().count(), words::WORDS);
    assert_eq!(1 << words::WORD_BITS, words::WORDS);
    assert_eq!(words::word(0xf000), words::word(0), "only twelve bits count");
    for absent in ["", "Lamp", "lamp ", "zzz", "lamps"] {
        assert_eq!(words::index(absent), None, "{absent:?}");
    }
}

#[test]
fn words_have_three_to_seven_small_letters() {
    assert_eq!(words::all().find(|word| !rules::has_good_shape(word)), None);
    assert_eq!(words::all().map(str::len).max(), Some(words::WORD_LETTERS_MAX));
}

/// No two begin alike, sound alike, or are one slip apart.
#[test]
fn words_are_distinct() {
    let mut chosen = rules::Chosen::default();
    for word in words::all() {
        if let Err(conflict) = chosen.add(word) {
            panic!("{word}: {conflict:?}");
        }
    }
}

/// People compare other words than those of names (docs/formats/verification.md), by the same rules.
#[test]
fn words_that_are_compared_are_others_and_frozen() {
    let hash: String =
        Sha256::digest(include_str!("../../words/compared.txt")).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, "6ee1edd0ad3e43e5f11a70a50018711587258e8943fd58f8cd9e160010935932");
    let stop = rules::bare_words(include_str!("../../words/stop.txt"));
    let mut chosen = rules::Chosen::default();
    assert!(compared::all().is_sorted());
    for (number, word) in compared::all().enumerate() {
        assert_eq!(compared::word(number as u16), word);
        assert!(rules::has_good_shape(word) && !stop.contains(word), "{word}");
        assert_eq!(words::index(word), None, "{word} is in names");
        if let Err(conflict) = chosen.add(word) {
            panic!("{word}: {conflict:?}");
        }
    }
    assert_eq!(compared::all().count(), compared::COUNT);
    assert_eq!(1 << compared::BITS, compared::COUNT);
    assert_eq!(compared::word(0xfc00), compared::word(0), "only ten bits count");
}

/// The rules see what they are meant to see.
#[test]
fn rules_refuse() {
    #[track_caller]
    fn check(first: &str, second: &str, conflict: Option<&str>) {
        let mut chosen = rules::Chosen::default();
        chosen.add(first).expect("the first word stands alone");
        let found = chosen.add(second).err().map(|conflict| format!("{conflict:?}"));
        assert_eq!(found.as_deref(), conflict, "{first} {second}");
    }
    check("govern", "governor", Some("Prefix"));
    check("knight", "night", Some("Sound(\"knight\")"));
    check("ship", "sheep", Some("Sound(\"ship\")"));
    check("flour", "flower", Some("Sound(\"flour\")"));
    check("price", "prize", Some("Sound(\"price\")"));
    check("weather", "whether", Some("Sound(\"weather\")"));
    check("lamp", "lamb", Some("Spelling(\"lamp\")"));
    check("lamp", "lamps", Some("Spelling(\"lamp\")"));
    check("trial", "trail", Some("Spelling(\"trial\")"));
    check("otter", "river", None);
}

#[test]
fn no_word_is_unwelcome() {
    let stop = rules::bare_words(include_str!("../../words/stop.txt"));
    assert_eq!(words::all().find(|word| stop.contains(word)), None);
}

#[test]
fn no_word_is_a_plural_of_another() {
    for word in words::all() {
        for (end, singular_end) in [("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"), ("ves", "fe"), ("men", "man")] {
            if let Some(stem) = word.strip_suffix(end) {
                assert_eq!(words::index(&format!("{stem}{singular_end}")), None, "{word}");
            }
        }
    }
}
