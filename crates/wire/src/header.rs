//! RFC 6120 sections 4.7 and 4.8, RFC 7395 section 3.4: the stream header.

use std::borrow::Cow;

use base::Jid;

use crate::error::FrameError;
use crate::ns;
use crate::scope::{Binding, Scope};
use crate::tag::Tag;

/// What the other side says of itself and of the stream.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// The host that it wants; none if there is none or it is no address.
    pub to: Option<Jid<'a>>,
    /// The same as it is written, to be answered.
    pub to_text: Option<Cow<'a, str>>,
    /// Who it says it is; none if it says nothing or it is no address.
    pub from: Option<Jid<'a>>,
    /// The same as it is written.
    pub from_text: Option<Cow<'a, str>>,
    /// The id of the stream.
    pub id: Option<Cow<'a, str>>,
    /// The version of XMPP; none means 0.9 (section 4.7.5).
    pub version: Option<Cow<'a, str>>,
    /// The language of the stream.
    pub lang: Option<Cow<'a, str>>,
    bindings: &'a [Binding<'a>],
}

impl<'a> Header<'a> {
    /// Whether a prefix was declared for this namespace: so servers say that they know dialback (XEP-0220).
    pub fn declares(&self, namespace: &str) -> bool {
        self.bindings.iter().any(|binding| binding.namespace == namespace)
    }

    pub(crate) fn read(xml: &'a str, tag: &Tag, bindings: &'a [Binding<'a>]) -> Header<'a> {
        let attr = |name: &str| {
            tag.attributes.iter().find(|a| a.name.whole(xml) == name).map(|attribute| attribute.value(xml))
        };
        let jid = |text: &Option<Cow<'a, str>>| match text {
            Some(Cow::Borrowed(text)) => Jid::new(text).ok(),
            Some(Cow::Owned(text)) => Jid::new(text).ok().map(Jid::into_owned),
            None => None,
        };
        let (to_text, from_text) = (attr("to"), attr("from"));
        Header {
            to: jid(&to_text),
            to_text,
            from: jid(&from_text),
            from_text,
            id: attr("id"),
            version: attr("version"),
            lang: attr("xml:lang"),
            bindings,
        }
    }
}

/// What a header on TCP declares for all that comes behind it.
///
/// # Errors
/// If it is no stream header, or one for another kind of stream (section 4.9.3.10).
pub(crate) fn scope(xml: &str, tag: &Tag, content: &str) -> Result<Scope<'static>, FrameError> {
    let mut scope = Scope::NONE;
    let mut bindings = Vec::new();
    for attribute in &tag.attributes {
        let name = attribute.name;
        let value = attribute.value(xml);
        match (name.prefix(xml), name.local(xml)) {
            ("", "xmlns") => scope.default = keep(&value),
            ("xmlns", prefix) if prefix != "xml" => {
                bindings.push(Binding { prefix: keep(prefix), namespace: keep(&value) });
            }
            _ => {}
        }
    }
    scope.declare_all(bindings);
    if scope.resolve(tag.name.prefix(xml)).as_deref() != Some(ns::STREAMS) {
        return Err(FrameError::InvalidNamespace);
    }
    if tag.name.local(xml) != "stream" {
        return Err(FrameError::BadFormat);
    }
    let default = &*scope.default;
    let acceptable = default == content || default.is_empty() || (default == ns::STREAMS && !tag.name.has_prefix());
    if acceptable { Ok(scope) } else { Err(FrameError::InvalidNamespace) }
}

/// Keeps a text for as long as the stream lasts; the usual ones take no memory.
fn keep(text: &str) -> Cow<'static, str> {
    const USUAL: [&str; 4] = ["stream", ns::STREAMS, ns::CLIENT, ns::SERVER];
    match USUAL.iter().find(|usual| **usual == text) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(text.to_owned()),
    }
}

/// XML 1.0 production 23, `XMLDecl`, which ends with `?>`: version 1.0 in UTF-8 is what XMPP has (sections 11.5, 11.6).
pub(crate) fn check_declaration(bytes: &[u8]) -> Result<(), FrameError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FrameError::UnsupportedEncoding)?;
    let inside = text.strip_prefix("<?xml").and_then(|t| t.strip_suffix("?>")).ok_or(FrameError::NotWellFormed)?;
    let mut rest = inside;
    let mut seen = 0;
    while !rest.trim_ascii().is_empty() {
        let trimmed = rest.trim_ascii_start();
        let (name, behind) = trimmed.split_once('=').ok_or(FrameError::NotWellFormed)?;
        let behind = behind.trim_ascii_start();
        let quote = behind.chars().next().filter(|q| matches!(q, '"' | '\'')).ok_or(FrameError::NotWellFormed)?;
        let (value, behind) = behind[1..].split_once(quote).ok_or(FrameError::NotWellFormed)?;
        let step = match (name.trim_ascii_end(), value) {
            ("version", "1.0") => 1,
            ("encoding", encoding) if encoding.eq_ignore_ascii_case("utf-8") => 2,
            ("encoding", _) => return Err(FrameError::UnsupportedEncoding),
            ("standalone", "yes" | "no") => 3,
            _ => return Err(FrameError::NotWellFormed),
        };
        // In this order, each once, the first always, white space before each.
        if step <= seen || (seen == 0 && step != 1) || trimmed.len() == rest.len() {
            return Err(FrameError::NotWellFormed);
        }
        (seen, rest) = (step, behind);
    }
    if seen == 0 { Err(FrameError::NotWellFormed) } else { Ok(()) }
}
