//! RFC 6120 section 11: finds where an element ends that arrives in pieces. Each byte is looked at once.
//!
//! It knows just enough of XML to count open elements; whether the element is well-formed is judged when it is whole.
//! What XMPP forbids (`<!`, `<?`) is refused where it stands.

use memchr::{memchr, memchr3};

use crate::error::FrameError;

/// What was found behind `consumed` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The first start tag has ended, and its element has not.
    FirstTag,
    /// An element is whole.
    Element,
    /// An end tag, with nothing open.
    EndTag,
    /// `<?xml ...?>`.
    Declaration,
}

/// Where in an element the scan has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte, which must be `<`.
    Start,
    /// Between tags.
    Text,
    /// Behind `<`.
    Less,
    /// In a start tag; the last byte was a slash, or not.
    Tag {
        slash: bool,
    },
    /// In an attribute value that ends with this quote.
    Value(u8),
    EndTag,
    /// So many bytes of `<![CDATA[` were seen.
    CdataStart(u8),
    /// So many bytes of `]]>` were seen.
    Cdata(u8),
    /// So many bytes of `<?xml` were seen.
    DeclarationStart(u8),
    Declaration {
        question: bool,
    },
}

/// The scan of one element.
#[derive(Debug)]
pub(crate) struct Scan {
    state: State,
    depth: u32,
    /// Whether an XML declaration may stand here.
    declaration: bool,
}

impl Scan {
    pub(crate) fn new(declaration: bool) -> Scan {
        Scan { state: State::Start, depth: 0, declaration }
    }

    /// Reads on. Says how many bytes it has taken and, if these are not all, what it has found at their end.
    ///
    /// # Errors
    /// What is not allowed, and up to which byte it reaches.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<Found>), (usize, FrameError)> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            let rest = &bytes[at..];
            self.state = match (self.state, byte) {
                (State::Start, b'<') => State::Less,
                (State::Start, _) => return Err((at, FrameError::NotWellFormed)),
                (State::Text, b'<') => State::Less,
                (State::Text, _) => {
                    at += memchr(b'<', rest).unwrap_or(rest.len());
                    State::Text
                }
                (State::Less, b'/') => State::EndTag,
                (State::Less, b'!') if self.depth > 0 => State::CdataStart(2),
                (State::Less, b'?') if self.declaration => State::DeclarationStart(2),
                (State::Less, b'!' | b'?') => return Err((at, FrameError::RestrictedXml)),
                (State::Less, b'>') => return Err((at, FrameError::NotWellFormed)),
                (State::Less, _) => State::Tag { slash: false },
                (State::Tag { .. }, b'"' | b'\'') => State::Value(byte),
                (State::Tag { .. }, b'/') => State::Tag { slash: true },
                (State::Tag { slash }, b'>') => {
                    self.state = State::Text;
                    if slash && self.depth == 0 {
                        return Ok((at, Some(Found::Element)));
                    }
                    self.depth += u32::from(!slash);
                    if !slash && self.depth == 1 {
                        return Ok((at, Some(Found::FirstTag)));
                    }
                    State::Text
                }
                (State::Tag { .. }, _) => {
                    // A slash may stand between here and there only in what is not well-formed, or right before `>`.
                    let len = memchr3(b'>', b'"', b'\'', rest).unwrap_or(rest.len());
                    at += len;
                    State::Tag { slash: len > 0 && rest[len - 1] == b'/' }
                }
                (State::Value(quote), b) if b == quote => State::Tag { slash: false },
                (State::Value(quote), _) => {
                    at += memchr(quote, rest).unwrap_or(rest.len());
                    State::Value(quote)
                }
                (State::EndTag, b'>') => {
                    self.state = State::Text;
                    match self.depth {
                        0 => return Ok((at, Some(Found::EndTag))),
                        1 => return Ok((at, Some(Found::Element))),
                        _ => self.depth -= 1,
                    }
                    State::Text
                }
                (State::EndTag, _) => State::EndTag,
                (State::CdataStart(seen), _) if b"<![CDATA["[usize::from(seen)] != byte => {
                    return Err((at, FrameError::RestrictedXml));
                }
                (State::CdataStart(8), _) => State::Cdata(0),
                (State::CdataStart(seen), _) => State::CdataStart(seen + 1),
                (State::Cdata(2), b'>') => State::Text,
                (State::Cdata(seen), b']') => State::Cdata(2.min(seen + 1)),
                (State::Cdata(_), _) => {
                    at += memchr(b']', rest).unwrap_or(rest.len());
                    State::Cdata(0)
                }
                (State::DeclarationStart(5), b' ' | b'\t' | b'\n' | b'\r') => State::Declaration { question: false },
                (State::DeclarationStart(seen @ 0..5), _) if b"<?xml"[usize::from(seen)] == byte => {
                    State::DeclarationStart(seen + 1)
                }
                (State::DeclarationStart(_), _) => return Err((at, FrameError::RestrictedXml)),
                (State::Declaration { question: true }, b'>') => return Ok((at, Some(Found::Declaration))),
                (State::Declaration { .. }, _) => State::Declaration { question: byte == b'?' },
            };
        }
        Ok((at, None))
    }
}
