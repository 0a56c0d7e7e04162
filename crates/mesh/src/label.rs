//! The optional first part of a domain's name, chosen by its owner: `[a-z0-9]{1,16}`.

use std::fmt;

/// Letters and digits of the longest label. With five words and hyphens a name stays under the 63 bytes of a DNS label.
pub const LABEL_BYTES_MAX: usize = 16;

/// A label. It has no hyphen, so a name of six parts has a label and a name of five has none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Label(Box<str>);

/// Why a text is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// No letters at all.
    #[error("the label is empty")]
    Empty,
    /// More than [`LABEL_BYTES_MAX`].
    #[error("the label has {found} bytes; {LABEL_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes of the text.
        found: usize,
    },
    /// Something else than a-z and 0-9. One letter of Unicode may look like another; these do not.
    #[error("byte {position} of the label is no lower-case letter a-z and no digit")]
    Letter {
        /// Counted from 1.
        position: usize,
    },
}

impl Label {
    /// Checks and takes a label.
    pub fn new(text: &str) -> Result<Label, LabelError> {
        if text.is_empty() {
            return Err(LabelError::Empty);
        }
        if text.len() > LABEL_BYTES_MAX {
            return Err(LabelError::TooLong { found: text.len() });
        }
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        match text.bytes().position(|byte| !is_allowed(byte)) {
            Some(at) => Err(LabelError::Letter { position: at + 1 }),
            None => Ok(Label(text.into())),
        }
    }

    /// The label as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<(), LabelError>) {
        assert_eq!(Label::new(text).map(|label| assert_eq!(label.as_str(), text)), expect);
    }

    #[test]
    fn letters() {
        check("nakuru", Ok(()));
        check("7", Ok(()));
        check("", Err(LabelError::Empty));
        check("Nakuru", Err(LabelError::Letter { position: 1 }));
        check("na-kuru", Err(LabelError::Letter { position: 3 }));
        check("n\u{430}kuru", Err(LabelError::Letter { position: 2 }));
        check("nakuru\0", Err(LabelError::Letter { position: 7 }));
    }

    #[test]
    fn limit() {
        let text = |bytes| "a".repeat(bytes);
        check(&text(LABEL_BYTES_MAX - 1), Ok(()));
        check(&text(LABEL_BYTES_MAX), Ok(()));
        for found in [LABEL_BYTES_MAX + 1, LABEL_BYTES_MAX * 10] {
            check(&text(found), Err(LabelError::TooLong { found }));
        }
    }
}
