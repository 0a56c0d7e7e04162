//! `docs/formats/links.md`: the id of what is spoken on a stream of a link.

use std::borrow::Cow;
use std::fmt;

use base::limits::PROTOCOL_ID_BYTES_MAX;

/// What is spoken on a stream, with its version: `jirani/post/1`. A module of somebody else begins with a domain that they
/// have: `example.org/chess/1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolId(Cow<'static, str>);

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolIdError {
    /// No letters at all.
    #[error("the protocol id is empty")]
    Empty,
    /// More than [`PROTOCOL_ID_BYTES_MAX`].
    #[error("the protocol id has {found} bytes; {PROTOCOL_ID_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes of the text.
        found: usize,
    },
    /// Something else than `a-z`, `0-9`, `.`, `/`, `-` and `_`: an id is compared by its bytes and printed as it is.
    #[error("byte {position} of the protocol id is none of a-z, 0-9, `.`, `/`, `-` and `_`")]
    Letter {
        /// Counted from 1.
        position: usize,
    },
}

impl ProtocolId {
    /// The link's own: one empty frame asks the peer for a sign of life, which QUIC gives.
    pub const LINK: ProtocolId = ProtocolId(Cow::Borrowed("jirani/link/1"));
    /// Who is here.
    pub const INTRODUCTION: ProtocolId = ProtocolId(Cow::Borrowed("jirani/introduction/1"));
    /// Parcels between accounts.
    pub const POST: ProtocolId = ProtocolId(Cow::Borrowed("jirani/post/1"));
    /// Two people compare words.
    pub const VERIFICATION: ProtocolId = ProtocolId(Cow::Borrowed("jirani/verification/1"));

    /// Checks and takes an id.
    ///
    /// # Errors
    /// If it is none.
    pub fn new(text: &str) -> Result<ProtocolId, ProtocolIdError> {
        if text.is_empty() {
            return Err(ProtocolIdError::Empty);
        }
        if text.len() > PROTOCOL_ID_BYTES_MAX {
            return Err(ProtocolIdError::TooLong { found: text.len() });
        }
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'/' | b'-' | b'_');
        match text.bytes().position(|byte| !is_allowed(byte)) {
            Some(at) => Err(ProtocolIdError::Letter { position: at + 1 }),
            None => Ok(ProtocolId(Cow::Owned(text.to_owned()))),
        }
    }

    /// The id as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProtocolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProtocolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProtocolId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<(), ProtocolIdError>) {
        assert_eq!(ProtocolId::new(text).map(|id| assert_eq!(id.as_str(), text)), expect);
    }

    #[test]
    fn an_id_is_short_and_plain() {
        for own in [ProtocolId::LINK, ProtocolId::INTRODUCTION, ProtocolId::POST, ProtocolId::VERIFICATION] {
            assert_eq!(ProtocolId::new(own.as_str()), Ok(own));
        }
        check("example.org/chess_960/2-beta", Ok(()));
        check("", Err(ProtocolIdError::Empty));
        check("Jirani/post/1", Err(ProtocolIdError::Letter { position: 1 }));
        check("a\u{1b}[2J", Err(ProtocolIdError::Letter { position: 2 }));
        check("ab\u{e9}", Err(ProtocolIdError::Letter { position: 3 }));
        check(&"a".repeat(PROTOCOL_ID_BYTES_MAX - 1), Ok(()));
        check(&"a".repeat(PROTOCOL_ID_BYTES_MAX), Ok(()));
        for found in [PROTOCOL_ID_BYTES_MAX + 1, 10 * PROTOCOL_ID_BYTES_MAX] {
            check(&"a".repeat(found), Err(ProtocolIdError::TooLong { found }));
        }
    }
}
