//! A 32-byte secret as 22 words on paper (docs/formats/domain.md): 256 bits and a checksum of 8.

use zeroize::Zeroizing;

use crate::domain::did_you_mean;
use crate::words::{self, WORD_BITS};
use crate::{hash, spelling};

/// Bytes of the secret.
pub const SECRET_BYTES: usize = 32;
/// Words of the phrase.
pub const PHRASE_WORDS: usize = 22;
/// Bytes of text that are looked at: the longest phrase has 175, the rest is for generous spaces and lines.
pub const PHRASE_BYTES_MAX: usize = 1024;

/// Why a text is no phrase. The suggestions are parts of a secret: for the person at the keyboard, not for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// More than [`PHRASE_BYTES_MAX`].
    #[error("the text has {found} bytes, too many for {PHRASE_WORDS} words")]
    TooLong {
        /// Bytes of the text.
        found: usize,
    },
    /// A word was forgotten, or written twice.
    #[error("there are {found} words instead of {PHRASE_WORDS}")]
    Count {
        /// Words in the text.
        found: usize,
    },
    /// A word is not in the list.
    #[error("word {position} is not in the list{}", did_you_mean(*.closest))]
    Word {
        /// Counted from 1.
        position: usize,
        /// The word that was probably meant.
        closest: Option<&'static str>,
    },
    /// All words are in the list, but one is not the one that was written, or two changed places.
    #[error("every word is in the list, but one is not the right one, or two changed places")]
    Checksum,
}

/// Writes a secret as 22 words with a space between. The text is wiped when dropped.
pub fn write(secret: &[u8; SECRET_BYTES]) -> Zeroizing<String> {
    // Reserved once, so that no copy is left behind by a buffer that grew.
    let mut text = Zeroizing::new(String::with_capacity(PHRASE_WORDS * (words::WORD_LETTERS_MAX + 1)));
    let bytes = Zeroizing::new([&secret[..], &[checksum(secret)]].concat());
    for three_bytes in bytes.chunks(3) {
        let bits = three_bytes.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        for index in [bits >> WORD_BITS, bits & 0xfff] {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(words::word(index as u16));
        }
    }
    text
}

/// Reads a phrase back. Words may be parted by any space or hyphen; capitals do not matter. The secret is wiped when
/// dropped.
pub fn read(text: &str) -> Result<Zeroizing<[u8; SECRET_BYTES]>, PhraseError> {
    if text.len() > PHRASE_BYTES_MAX {
        return Err(PhraseError::TooLong { found: text.len() });
    }
    let text = Zeroizing::new(text.to_ascii_lowercase());
    let parts = || text.split(|c: char| c.is_whitespace() || c == '-').filter(|part| !part.is_empty());
    let found = parts().count();
    if found != PHRASE_WORDS {
        return Err(PhraseError::Count { found });
    }
    let mut indices = Zeroizing::new([0; PHRASE_WORDS]);
    for (at, part) in parts().enumerate() {
        let missing = || PhraseError::Word { position: at + 1, closest: spelling::closest(part) };
        indices[at] = words::index(part).map(u32::from).ok_or_else(missing)?;
    }
    let mut bytes = Zeroizing::new([0; SECRET_BYTES + 1]);
    for (three_bytes, pair) in bytes.chunks_mut(3).zip(indices.chunks(2)) {
        let bits = pair[0] << WORD_BITS | pair[1];
        three_bytes.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    let (secret, sum) = bytes.split_first_chunk::<SECRET_BYTES>().expect("one byte more than the secret");
    if sum != [checksum(secret)] {
        return Err(PhraseError::Checksum);
    }
    Ok(Zeroizing::new(*secret))
}

fn checksum(secret: &[u8; SECRET_BYTES]) -> u8 {
    hash::tagged(hash::PHRASE, secret)[0]
}
