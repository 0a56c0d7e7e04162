//! RFC 6120 section 8.1: the start tag of a stanza, decoded; and what is refused there.

use std::borrow::Cow;

use base::Jid;
use base::limits::STANZA_ID_BYTES_MAX;

use crate::check::Checked;
use crate::kind::{IqType, Kind, MessageType, PresenceType};
use crate::ns;
use crate::scope::Scope;
use crate::tokens::Attributes;
use crate::write::{push_attr, push_raw_attr};

/// What everybody looks at: the kind of a stanza and the attributes that all stanzas share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Message, presence or iq, with the type.
    pub kind: Kind,
    /// The addressee.
    pub to: Option<Jid<'a>>,
    /// The sender.
    pub from: Option<Jid<'a>>,
    /// The id, at most [`STANZA_ID_BYTES_MAX`] bytes when it came from outside.
    pub id: Option<Cow<'a, str>>,
    /// The language in force: the stanza's own, else the stream's (section 8.1.5).
    pub lang: Option<Cow<'a, str>>,
    /// Other attributes and the prefixes that are used inside, ready to be emitted.
    extra: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// A head with nothing but its kind.
    pub fn new(kind: Kind) -> Head<'static> {
        Head { kind, to: None, from: None, id: None, lang: None, extra: Cow::Borrowed("") }
    }

    /// An attribute that XMPP gives no meaning to, by its name as it is written.
    pub fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
        Attributes::new(&self.extra).find(|a| a.name == name && !a.is_declaration()).map(|a| a.value())
    }

    /// Other attributes and the prefixes that are used inside, as they are emitted.
    pub(crate) fn extra(&self) -> &str {
        &self.extra
    }

    /// The same head, borrowed from this one.
    pub fn borrow(&self) -> Head<'_> {
        Head {
            kind: self.kind,
            to: self.to.as_ref().map(Jid::borrow),
            from: self.from.as_ref().map(Jid::borrow),
            id: self.id.as_deref().map(Cow::Borrowed),
            lang: self.lang.as_deref().map(Cow::Borrowed),
            extra: Cow::Borrowed(&self.extra),
        }
    }

    /// The same head, owning its text.
    pub fn into_owned(self) -> Head<'static> {
        Head {
            kind: self.kind,
            to: self.to.map(Jid::into_owned),
            from: self.from.map(Jid::into_owned),
            id: self.id.map(|id| Cow::Owned(id.into_owned())),
            lang: self.lang.map(|lang| Cow::Owned(lang.into_owned())),
            extra: Cow::Owned(self.extra.into_owned()),
        }
    }

    /// What is in force between the tags, whatever form the stanza is emitted in.
    pub(crate) fn scope(&self) -> Scope<'_> {
        let mut scope = Scope::new(ns::CLIENT, &[]);
        for attribute in Attributes::new(&self.extra) {
            if let Some(prefix) = attribute.declares() {
                scope.declare(prefix, attribute.value());
            }
        }
        scope
    }

    /// Appends the start tag up to its `>` or `/>`, in the one order that we have.
    pub(crate) fn emit(&self, declare: bool, out: &mut Vec<u8>) {
        out.push(b'<');
        out.extend_from_slice(self.kind.name().as_bytes());
        if declare {
            push_attr(out, "xmlns", ns::CLIENT);
        }
        let attributes = [
            ("from", self.from.as_ref().map(Jid::as_str)),
            ("to", self.to.as_ref().map(Jid::as_str)),
            ("id", self.id.as_deref()),
            ("type", self.kind.type_text()),
            ("xml:lang", self.lang.as_deref()),
        ];
        for (name, value) in attributes {
            if let Some(value) = value {
                push_attr(out, name, value);
            }
        }
        out.extend_from_slice(self.extra.as_bytes());
    }
}

/// A stanza that is well-formed and in the right namespace, but not as RFC 6120 wants it. It can be answered with a
/// stanza error; the stream goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused<'a> {
    /// `message`, `presence` or `iq`.
    pub name: &'a str,
    /// Its id, if it has one of acceptable length.
    pub id: Option<Cow<'a, str>>,
    /// Its type as it is written.
    pub type_text: Option<Cow<'a, str>>,
    /// Its sender as it is written.
    pub from: Option<Cow<'a, str>>,
    /// Its addressee as it is written.
    pub to: Option<Cow<'a, str>>,
    /// What is wrong with it.
    pub why: Why,
}

/// Why a stanza is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// `to` is no address.
    #[error("its to is no address")]
    To,
    /// `from` is no address.
    #[error("its from is no address")]
    From,
    /// An iq or presence of an unknown type (RFC 6120 section 8.2.3, RFC 6121 section 4.7.1).
    #[error("its type is unknown")]
    Type,
    /// An iq without a type.
    #[error("it has no type")]
    NoType,
    /// An iq without an id.
    #[error("it has no id")]
    NoId,
    /// Its id is longer than [`STANZA_ID_BYTES_MAX`].
    #[error("its id is too long")]
    IdTooLong,
}

/// Decodes the start tag of a stanza. `scope` is what was declared around it, `lang` the language of the stream.
pub(crate) fn read<'a>(
    checked: &Checked<'a>,
    scope: &Scope<'a>,
    lang: Option<&'a str>,
) -> Result<Head<'a>, Refused<'a>> {
    let xml = checked.xml;
    let name = checked.tag.name.local(xml);
    let (mut to, mut from, mut id, mut type_text) = (None, None, None, None);
    let mut lang = lang.map(Cow::Borrowed);
    let mut extra = Vec::new();
    for attribute in &checked.tag.attributes {
        let value = attribute.value(xml);
        match attribute.name.whole(xml) {
            "to" => to = Some(value),
            "from" => from = Some(value),
            "id" => id = Some(value),
            "type" => type_text = Some(value),
            "xml:lang" => lang = Some(value),
            "xmlns" => {}
            // As it is written: escaped anew it could grow beyond the limit.
            other => push_raw_attr(&mut extra, other, attribute.raw(xml)),
        }
    }
    if checked.used != 0 {
        declare_used(&mut extra, checked, scope);
    }
    let kind = match kind(name, type_text.as_deref(), id.as_deref()) {
        Ok(kind) => kind,
        Err(why) => {
            let id = id.filter(|_| why != Why::IdTooLong);
            return Err(Refused { name, id, type_text, from, to, why });
        }
    };
    let (to_jid, from_jid) = (to.clone().map(jid), from.clone().map(jid));
    let why = match (&to_jid, &from_jid) {
        (Some(Err(_)), _) => Why::To,
        (_, Some(Err(_))) => Why::From,
        _ => {
            let extra = Cow::Owned(String::from_utf8(extra).expect("pieces of text make text"));
            return Ok(Head {
                kind,
                to: to_jid.and_then(Result::ok),
                from: from_jid.and_then(Result::ok),
                id,
                lang,
                extra,
            });
        }
    };
    Err(Refused { name, id, type_text, from, to, why })
}

fn kind(name: &str, type_text: Option<&str>, id: Option<&str>) -> Result<Kind, Why> {
    if id.is_some_and(|id| id.len() > STANZA_ID_BYTES_MAX) {
        return Err(Why::IdTooLong);
    }
    match name {
        "message" => Ok(Kind::Message(MessageType::of(type_text))),
        "presence" => PresenceType::of(type_text).map(Kind::Presence).ok_or(Why::Type),
        _ => {
            let kind = IqType::of(type_text.ok_or(Why::NoType)?).map(Kind::Iq).ok_or(Why::Type)?;
            id.map(|_| kind).ok_or(Why::NoId)
        }
    }
}

fn jid(text: Cow<'_, str>) -> Result<Jid<'_>, base::JidError> {
    match text {
        Cow::Borrowed(text) => Jid::new(text),
        Cow::Owned(text) => Jid::new(&text).map(Jid::into_owned),
    }
}

/// Declares the prefixes that the stanza uses and that only the stream header had declared.
fn declare_used(extra: &mut Vec<u8>, checked: &Checked<'_>, scope: &Scope<'_>) {
    let bindings = scope.bindings();
    for (at, binding) in bindings.iter().enumerate().filter(|(at, _)| checked.used & (1 << at) != 0) {
        let name = format!("xmlns:{}", binding.prefix);
        let hidden = bindings[at + 1..].iter().any(|later| later.prefix == binding.prefix);
        if !hidden && !checked.tag.attributes.iter().any(|a| a.name.whole(checked.xml) == name) {
            push_attr(extra, &name, &binding.namespace);
        }
    }
}
