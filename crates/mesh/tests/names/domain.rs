//! Names of domains as text.

use crate::vectors;
use mesh::domain::{DOMAIN_NAME_BYTES_MAX, NAME_WORDS};
use mesh::{DomainName, DomainNameError, Genesis, Label, LabelError, words};
use proptest::prelude::*;

/// What a person reads, so the words count.
#[track_caller]
fn check(text: &str, expect: Result<&str, &str>) {
    let found = text.parse::<DomainName>().map(|name| name.to_string()).map_err(|error| error.to_string());
    assert_eq!(found.as_deref().map_err(String::as_str), expect, "{text:?}");
}

#[test]
fn names() {
    let plain = "otter-lamp-river-seven-brick.jirani.alt";
    let labelled = "nakuru-otter-lamp-river-seven-brick.jirani.alt";
    check(plain, Ok(plain));
    check(labelled, Ok(labelled));
    check("Nakuru-OTTER-lamp-river-seven-brick.Jirani.ALT", Ok(labelled));
    // A word of the list may be a label.
    let six = "otter-otter-lamp-river-seven-brick.jirani.alt";
    check(six, Ok(six));
}

#[test]
fn mistakes() {
    check("otter-lamp-river-seven-brick", Err("the name does not end with .jirani.alt"));
    check("otter-lamp-river-seven-brick.jirani.alt.", Err("the name does not end with .jirani.alt"));
    check("", Err("the name does not end with .jirani.alt"));
    let parts =
        |found| format!("the name has {found} parts between hyphens; it needs five words, or a label and five words");
    check(".jirani.alt", Err(&parts(1)));
    check("otter-lamp-river-seven.jirani.alt", Err(&parts(4)));
    check("a-b-otter-lamp-river-seven-brick.jirani.alt", Err(&parts(7)));
    check("-otter-lamp-river-seven-brick.jirani.alt", Err("the label is empty"));
    check(
        "na.uru-otter-lamp-river-seven-brick.jirani.alt",
        Err("byte 3 of the label is no lower-case letter a-z and no digit"),
    );
    check(
        "otter-lanp-river-seven-brick.jirani.alt",
        Err("word 2, \"lanp\", is not in the list; did you mean \"lamp\"?"),
    );
    check(
        "nakuru-otter-lamp-river-seven-bricck.jirani.alt",
        Err("word 5, \"bricck\", is not in the list; did you mean \"brick\"?"),
    );
    check("otter-lamp-qqqqqqqq-seven-brick.jirani.alt", Err("word 3, \"qqqqqqqq\", is not in the list"));
    check("otter--river-seven-brick.jirani.alt", Err("word 2, \"\", is not in the list"));
    // What strangers wrote cannot steer a terminal.
    check("otter-\x1b[2J-river-seven-brick.jirani.alt", Err("word 2, \"\\u{1b}[2j\", is not in the list"));
}

#[test]
fn limit() {
    // Five short words leave room for a label that is too long; only then comes the limit of the whole.
    let rest = "-otter-lamp-river-seven-brick.jirani.alt";
    let text = |bytes: usize| format!("{}{rest}", "a".repeat(bytes - rest.len()));
    for bytes in [DOMAIN_NAME_BYTES_MAX - 1, DOMAIN_NAME_BYTES_MAX] {
        let error = LabelError::TooLong { found: bytes - rest.len() };
        assert_eq!(text(bytes).parse::<DomainName>(), Err(error.into()));
    }
    for found in [DOMAIN_NAME_BYTES_MAX + 1, DOMAIN_NAME_BYTES_MAX * 10] {
        assert_eq!(text(found).parse::<DomainName>(), Err(DomainNameError::TooLong { found }));
    }
    // The longest name there can be reaches the limit and is read.
    let long_word = words::all().position(|word| word.len() == words::WORD_LETTERS_MAX).expect("a long word") as u16;
    let label = Some(Label::new(&"z".repeat(16)).expect("a label"));
    let longest = DomainName { label, words: [long_word; NAME_WORDS] };
    assert_eq!(longest.to_string().len(), DOMAIN_NAME_BYTES_MAX);
    assert_eq!(longest.to_string().parse(), Ok(longest));
}

#[test]
fn names_match_their_records_only() {
    let records: Vec<Genesis> = vectors::with("record")
        .iter()
        .map(|vector| Genesis::decode(&vector.bytes("record")).expect("the record is good"))
        .collect();
    let [plain, nakuru] = records.as_slice() else { panic!("two records") };
    let name: DomainName = nakuru.name().to_string().parse().expect("the name is good");
    assert!(name.matches(nakuru));
    assert!(!name.matches(plain));
    assert!(!DomainName { label: None, ..name.clone() }.matches(nakuru), "the label belongs to the name");
    let mut words = name.words;
    words[4] ^= 1;
    assert!(!DomainName { words, ..name }.matches(nakuru));
}

proptest! {
    #[test]
    fn round_trip(label in proptest::option::of("[a-z0-9]{1,16}"), words: [u16; NAME_WORDS]) {
        let label = label.map(|label| Label::new(&label).expect("a label"));
        let name = DomainName { label, words: words.map(|word| word & 0xfff) };
        prop_assert_eq!(name.to_string().parse(), Ok(name));
    }

    /// Strangers' text never panics, and what is accepted is written in one way.
    #[test]
    fn foreign_text(text in "[a-z\u{e9}.-]{0,60}(\\.jirani\\.alt)?") {
        if let Ok(name) = text.parse::<DomainName>() {
            prop_assert_eq!(name.to_string(), text);
        }
    }

    /// A wrong letter never makes another word.
    #[test]
    fn one_wrong_letter(word in 0_u16..4096, at in 0_usize..7, letter in b'a'..=b'z') {
        let right = words::word(word);
        let mut wrong = right.as_bytes().to_vec();
        let at = at % wrong.len();
        prop_assume!(wrong[at] != letter);
        wrong[at] = letter;
        prop_assert_eq!(words::index(std::str::from_utf8(&wrong).expect("ASCII")), None);
    }
}
