//! docs/formats/domain.md: the genesis record, from which a domain has its name; hash extension after RFC 3972 section 4.

use std::fmt;

use crate::domain::DomainName;
use crate::hash;
use crate::keys::{KEY_BYTES, KeyCommitment, KeyError, PublicKey};
use crate::label::{LABEL_BYTES_MAX, Label, LabelError};

/// The only suite so far: Ed25519 keys, SHA-256, this layout, [`EXTENSION_BITS`].
pub const SUITE: u8 = 1;
/// Leading bits of the extension hash that must be zero: four million tries for the owner, once; and for every try of
/// somebody who wants a record with the same name.
pub const EXTENSION_BITS: u32 = 22;
/// Bytes of the modifier.
pub const MODIFIER_BYTES: usize = 16;
/// Bytes of a record without a label.
pub const GENESIS_BYTES_MIN: usize = 2 + 2 * KEY_BYTES + MODIFIER_BYTES;
/// Bytes of a record with the longest label.
pub const GENESIS_BYTES_MAX: usize = GENESIS_BYTES_MIN + LABEL_BYTES_MAX;

/// What the owner of a new domain decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// Stands before the words of the name.
    pub label: Option<Label>,
    /// Signs for the domain from now on.
    pub root: PublicKey,
    /// The only key that may follow the root key.
    pub next: KeyCommitment,
}

impl Draft {
    /// What no modifier can mend.
    pub(crate) fn check(&self) -> Result<(), GenesisError> {
        if self.root.commitment() == self.next { Err(GenesisError::NextIsRoot) } else { Ok(()) }
    }

    /// The record with a modifier. It stands last, so that a search repeats as little work as possible.
    pub(crate) fn encode(&self, modifier: [u8; MODIFIER_BYTES]) -> Vec<u8> {
        let label = self.label.as_ref().map_or("", Label::as_str).as_bytes();
        let label_length = u8::try_from(label.len()).expect("a label has 16 bytes at most");
        [&[SUITE, label_length], label, self.root.as_bytes(), self.next.as_bytes(), &modifier].concat()
    }
}

/// A genesis record that was checked: keys, label, extension, and that its bytes are the only ones for its content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Genesis {
    draft: Draft,
    modifier: [u8; MODIFIER_BYTES],
    hash: GenesisHash,
}

/// Why bytes are no genesis record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Too few or too many bytes for any label, or for the label that is announced.
    #[error("the genesis record has {found} bytes, which is not the length it announces")]
    Length {
        /// Bytes of the record.
        found: usize,
    },
    /// A suite of a later time.
    #[error("genesis suite {0} is not known here")]
    Suite(u8),
    /// The label is longer than allowed or has other letters.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The root key is refused.
    #[error("the root key is refused: {0}")]
    RootKey(#[from] KeyError),
    /// A stolen root key would be its own successor.
    #[error("the next root key is the root key itself")]
    NextIsRoot,
    /// The work for the name was not done.
    #[error("the extension hash begins with {found} zero bits instead of {EXTENSION_BITS}")]
    Extension {
        /// Leading zero bits.
        found: u32,
    },
}

impl Genesis {
    /// Puts a record together, if the modifier is one that [`Search`](crate::Search) would accept.
    pub fn new(draft: Draft, modifier: [u8; MODIFIER_BYTES]) -> Result<Genesis, GenesisError> {
        draft.check()?;
        let bytes = draft.encode(modifier);
        let found = leading_zero_bits(&hash::tagged(hash::EXTENSION, &bytes));
        if found < EXTENSION_BITS {
            return Err(GenesisError::Extension { found });
        }
        let hash = GenesisHash(hash::tagged(hash::GENESIS, &bytes));
        Ok(Genesis { draft, modifier, hash })
    }

    /// Reads a record strictly: every byte has one meaning and none is left over.
    pub fn decode(bytes: &[u8]) -> Result<Genesis, GenesisError> {
        let wrong_length = GenesisError::Length { found: bytes.len() };
        let (&[suite, label_length], rest) = bytes.split_first_chunk().ok_or(wrong_length)?;
        if suite != SUITE {
            return Err(GenesisError::Suite(suite));
        }
        let label_length = usize::from(label_length);
        if label_length > LABEL_BYTES_MAX {
            return Err(LabelError::TooLong { found: label_length }.into());
        }
        let (label, rest) = rest.split_at_checked(label_length).ok_or(wrong_length)?;
        let (root, rest) = rest.split_first_chunk::<KEY_BYTES>().ok_or(wrong_length)?;
        let (next, rest) = rest.split_first_chunk::<KEY_BYTES>().ok_or(wrong_length)?;
        let modifier: [u8; MODIFIER_BYTES] = rest.try_into().map_err(|_| wrong_length)?;

        let label = match label {
            [] => None,
            // The allowed letters are ASCII: the first byte that is not is the one to report.
            bytes => Some(Label::new(&bytes.iter().copied().map(ascii_or_nul).collect::<String>())?),
        };
        let root = PublicKey::from_bytes(root)?;
        Genesis::new(Draft { label, root, next: KeyCommitment::from_bytes(*next) }, modifier)
    }

    /// The one encoding: between [`GENESIS_BYTES_MIN`] and [`GENESIS_BYTES_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.draft.encode(self.modifier)
    }

    /// What code stores and compares.
    pub fn hash(&self) -> GenesisHash {
        self.hash
    }

    /// What people read.
    pub fn name(&self) -> DomainName {
        DomainName { label: self.draft.label.clone(), words: self.hash.words() }
    }

    /// The label, if the owner chose one.
    pub fn label(&self) -> Option<&Label> {
        self.draft.label.as_ref()
    }

    /// The root key.
    pub fn root(&self) -> &PublicKey {
        &self.draft.root
    }

    /// Whether this key is the one that was promised to follow the root key.
    pub fn allows_next(&self, key: &PublicKey) -> bool {
        key.commitment() == self.draft.next
    }
}

/// The whole hash of a genesis record: the identity of a domain, wherever code stores or compares one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenesisHash([u8; 32]);

impl GenesisHash {
    /// For a hash that was stored or announced. Only a [`Genesis`] proves that there is a record with it.
    pub fn from_bytes(bytes: [u8; 32]) -> GenesisHash {
        GenesisHash(bytes)
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 60 bits as the numbers of five words.
    pub fn words(&self) -> [u16; 5] {
        let (first, _) = self.0.split_first_chunk().expect("a hash has 32 bytes");
        let bits = u64::from_be_bytes(*first);
        [52, 40, 28, 16, 4].map(|shift| (bits >> shift & 0xfff) as u16)
    }
}

impl fmt::Display for GenesisHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::keys::Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for GenesisHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GenesisHash({self})")
    }
}

fn ascii_or_nul(byte: u8) -> char {
    if byte.is_ascii() { char::from(byte) } else { '\0' }
}

fn leading_zero_bits(hash: &[u8; 32]) -> u32 {
    let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
    u64::from_be_bytes(*first).leading_zeros()
}
