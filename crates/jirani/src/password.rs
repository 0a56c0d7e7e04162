//! Passwords that are made for people: four words of the list of 4,096, 48 bits by lot. Behind a login that answers six
//! guesses a connection and a record of 10,000 PBKDF2 rounds that is out of reach; a child can read it aloud.

use mesh::words;

const WORDS: usize = 4;

/// A new one.
pub(crate) fn generate() -> String {
    let bytes: [u8; 2 * WORDS] = net::random();
    let word = |pair: &[u8]| words::word(u16::from_le_bytes([pair[0], pair[1]]) % words::WORDS as u16);
    bytes.chunks_exact(2).map(word).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn passwords_are_four_words_and_never_the_same() {
        let (a, b) = (super::generate(), super::generate());
        assert_eq!(a.split('-').filter(|w| super::words::index(w).is_some()).count(), 4, "{a}");
        assert_ne!(a, b);
    }
}
