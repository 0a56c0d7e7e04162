//! RFC 6120 section 4.9.3: what ends a stream, by the name of its stream error.

use crate::head::Why;

/// Why a stream cannot go on. Nothing behind the fault is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It breaks a rule of XML 1.0 or of Namespaces in XML 1.0 (sections 4.9.3.13 and 11.3).
    #[error("the XML is not well-formed")]
    NotWellFormed,
    /// A comment, processing instruction, DTD or foreign entity (sections 4.9.3.18 and 11.1).
    #[error("comments, processing instructions, DTDs and entities of one's own are not allowed")]
    RestrictedXml,
    /// The stream's namespace, or the one of its stanzas, is another than it must be (section 4.9.3.10).
    #[error("the namespace of the stream or of its stanzas is wrong")]
    InvalidNamespace,
    /// It is not UTF-8 (sections 4.9.3.22 and 11.6).
    #[error("the bytes are not UTF-8")]
    UnsupportedEncoding,
    /// Well-formed, but out of place: a second stream header, or another first element than a header (section 4.9.3.1).
    #[error("this element may not stand here")]
    BadFormat,
    /// A limit of ours was reached (section 4.9.3.14).
    #[error("{0}")]
    PolicyViolation(Limit),
}

impl FrameError {
    /// The name of the stream error, as it is sent.
    pub fn condition(self) -> &'static str {
        match self {
            FrameError::NotWellFormed => "not-well-formed",
            FrameError::RestrictedXml => "restricted-xml",
            FrameError::InvalidNamespace => "invalid-namespace",
            FrameError::UnsupportedEncoding => "unsupported-encoding",
            FrameError::BadFormat => "bad-format",
            FrameError::PolicyViolation(_) => "policy-violation",
        }
    }
}

/// Which limit was reached; their numbers are in [`base::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// `STANZA_BYTES_MAX`, or `UNAUTHENTICATED_STANZA_BYTES_MAX`.
    #[error("the stanza is too long")]
    Bytes,
    /// `ELEMENT_DEPTH_MAX`.
    #[error("too many elements stand inside each other")]
    Depth,
    /// `STANZA_ELEMENTS_MAX`.
    #[error("the stanza has too many elements")]
    Elements,
    /// `ELEMENT_ATTRIBUTES_MAX`.
    #[error("an element has too many attributes")]
    Attributes,
    /// `ELEMENT_NAMESPACES_MAX`.
    #[error("too many namespaces are declared")]
    Namespaces,
    /// `NAME_BYTES_MAX`.
    #[error("a name is too long")]
    Name,
    /// `ATTRIBUTE_BYTES_MAX`.
    #[error("the value of an attribute is too long")]
    Attribute,
    /// `NAMESPACE_BYTES_MAX`.
    #[error("the name of a namespace is too long")]
    Namespace,
}

impl From<Limit> for FrameError {
    fn from(limit: Limit) -> FrameError {
        FrameError::PolicyViolation(limit)
    }
}

/// Why bytes are no stanza, when no stream is around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// They are not acceptable XML, or more than one element.
    #[error(transparent)]
    Xml(#[from] FrameError),
    /// They are XML, but no message, presence or iq.
    #[error("it is no message, presence or iq")]
    NoStanza,
    /// They are a stanza that RFC 6120 does not allow.
    #[error("{0}")]
    Refused(Why),
}
