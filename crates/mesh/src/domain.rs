//! RFC 9476 names under `.alt`: `nakuru-otter-lamp-river-seven-brick.jirani.alt` (docs/formats/domain.md).

use std::fmt;
use std::str::FromStr;

use crate::genesis::Genesis;
use crate::label::{LABEL_BYTES_MAX, Label, LabelError};
use crate::spelling;
use crate::words::{self, WORD_LETTERS_MAX};

/// What every name ends with.
pub const SUFFIX: &str = ".jirani.alt";
/// Words of a name.
pub const NAME_WORDS: usize = 5;
/// Bytes of the longest name: label, words, a hyphen before each word, suffix.
pub const DOMAIN_NAME_BYTES_MAX: usize = LABEL_BYTES_MAX + NAME_WORDS * (1 + WORD_LETTERS_MAX) + SUFFIX.len();

/// The name of a domain for people. Code compares the whole [`GenesisHash`](crate::GenesisHash) instead: two records
/// may share 60 bits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DomainName {
    /// Chosen by the owner.
    pub label: Option<Label>,
    /// Numbers of words in the list, each under [`words::WORDS`].
    pub words: [u16; NAME_WORDS],
}

/// Why a text is no name of a domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainNameError {
    /// More than [`DOMAIN_NAME_BYTES_MAX`].
    #[error("the name has {found} bytes; {DOMAIN_NAME_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes of the text.
        found: usize,
    },
    /// It belongs to another world, such as the DNS.
    #[error("the name does not end with {SUFFIX}")]
    Suffix,
    /// Neither five words nor a label and five words.
    #[error("the name has {found} parts between hyphens; it needs five words, or a label and five words")]
    Parts {
        /// Parts between hyphens.
        found: usize,
    },
    /// The part before the words is no label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A word is not in the list.
    #[error("word {position}, {found:?}, is not in the list{}", did_you_mean(*.closest))]
    Word {
        /// Counted from 1, the label not included.
        position: usize,
        /// As it was written.
        found: String,
        /// The word that was probably meant.
        closest: Option<&'static str>,
    },
}

impl DomainName {
    /// Whether this is the name of that record: the whole name, label and words.
    pub fn matches(&self, genesis: &Genesis) -> bool {
        *self == genesis.name()
    }
}

impl FromStr for DomainName {
    type Err = DomainNameError;

    /// Reads a name as people type it: capitals are taken for small letters, as in all domain names.
    fn from_str(text: &str) -> Result<DomainName, DomainNameError> {
        if text.len() > DOMAIN_NAME_BYTES_MAX {
            return Err(DomainNameError::TooLong { found: text.len() });
        }
        let text = text.to_ascii_lowercase();
        let parts: Vec<&str> = text.strip_suffix(SUFFIX).ok_or(DomainNameError::Suffix)?.split('-').collect();
        let (label, parts) = match parts.as_slice() {
            words if words.len() == NAME_WORDS => (None, words),
            [label, words @ ..] if words.len() == NAME_WORDS => (Some(Label::new(label)?), words),
            _ => return Err(DomainNameError::Parts { found: parts.len() }),
        };
        let mut words = [0; NAME_WORDS];
        for (at, part) in parts.iter().enumerate() {
            words[at] = words::index(part).ok_or_else(|| DomainNameError::Word {
                position: at + 1,
                found: (*part).to_owned(),
                closest: spelling::closest(part),
            })?;
        }
        Ok(DomainName { label, words })
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            write!(f, "{label}-")?;
        }
        f.write_str(&self.words.map(words::word).join("-"))?;
        f.write_str(SUFFIX)
    }
}

/// The end of a message about a word.
pub(crate) fn did_you_mean(closest: Option<&str>) -> String {
    closest.map_or_else(String::new, |word| format!("; did you mean {word:?}?"))
}
