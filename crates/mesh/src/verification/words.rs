//! docs/formats/verification.md: the words that two people compare. Another list than that of names, so that nobody takes
//! a name for them; frozen like it. `words/README.md` says how it was made.

use crate::words;

/// Words in the list.
pub const COUNT: usize = 1024;
/// Bits that one word carries.
pub const BITS: usize = 10;

static LIST: [&str; COUNT] = words::split(include_str!("../../words/compared.txt"));

/// The word for a number. Only the lower ten bits of the number count.
pub fn word(index: u16) -> &'static str {
    LIST[usize::from(index) % COUNT]
}

/// All words, in the order of the list, which is the order of their letters.
pub fn all() -> impl Iterator<Item = &'static str> {
    LIST.iter().copied()
}
