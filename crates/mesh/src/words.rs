//! The list of 4,096 words that carry twelve bits each: for names of domains and for phrases on paper.
//!
//! The list is frozen: names in use depend on every line of it. `words/README.md` says how it was made.

/// Words in the list.
pub const WORDS: usize = 4096;
/// Bits that one word carries.
pub const WORD_BITS: usize = 12;
/// Letters of the longest word; the shortest has three.
pub const WORD_LETTERS_MAX: usize = 7;

const FILE: &str = include_str!("../words.txt");

static LIST: [&str; WORDS] = split(FILE);

/// The word for a number. Only the lower twelve bits of the number count.
pub fn word(index: u16) -> &'static str {
    LIST[usize::from(index) % WORDS]
}

/// The number of a word, exactly as it stands in the list.
pub fn index(word: &str) -> Option<u16> {
    let at = LIST.binary_search(&word).ok()?;
    u16::try_from(at).ok()
}

/// All words, in the order of the list, which is the order of their letters.
pub fn all() -> impl Iterator<Item = &'static str> {
    LIST.iter().copied()
}

/// Splits the file at its line ends while compiling, so that a list of another length does not compile.
pub(crate) const fn split<const N: usize>(file: &'static str) -> [&'static str; N] {
    let mut list = [""; N];
    let (mut rest, mut words) = (file, 0);
    while words < N {
        let mut end = 0;
        while rest.as_bytes()[end] != b'\n' {
            end += 1;
        }
        list[words] = rest.split_at(end).0;
        rest = rest.split_at(end + 1).1;
        words += 1;
    }
    assert!(rest.is_empty(), "more words than the list should have");
    list
}
