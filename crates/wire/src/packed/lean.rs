//! docs/formats/packed.md: the lean form, which is what is compressed: a stanza without what both sides know, with codes
//! that XML does not have instead of its start tag and of what looks random.

use std::borrow::Cow;

use base::Bare;
use base::limits::{ATTRIBUTE_BYTES_MAX, PACKED_STANZA_BYTES_MAX};

use super::runs::{Giver, Taker};
use super::{PackError, UnpackError, free};
use crate::escape;
use crate::kind::{IqType, Kind, MessageType, PresenceType};
use crate::ns;
use crate::stanza::{Form, Stanza};
use crate::write::push_attr;

/// The kinds by their code: `a` is the first. The order is part of the format.
const KINDS: [Kind; 17] = [
    Kind::Message(MessageType::Chat),
    Kind::Message(MessageType::Normal),
    Kind::Message(MessageType::Groupchat),
    Kind::Message(MessageType::Headline),
    Kind::Message(MessageType::Error),
    Kind::Presence(PresenceType::Available),
    Kind::Presence(PresenceType::Unavailable),
    Kind::Presence(PresenceType::Probe),
    Kind::Presence(PresenceType::Subscribe),
    Kind::Presence(PresenceType::Subscribed),
    Kind::Presence(PresenceType::Unsubscribe),
    Kind::Presence(PresenceType::Unsubscribed),
    Kind::Presence(PresenceType::Error),
    Kind::Iq(IqType::Get),
    Kind::Iq(IqType::Set),
    Kind::Iq(IqType::Result),
    Kind::Iq(IqType::Error),
];
const FIRST_KIND: u8 = b'a';

/// The fields of the head, in this order. Each ends where the next one begins.
const FROM_RESOURCE: u8 = 0x01;
const TO_RESOURCE: u8 = 0x02;
const TO_OTHER: u8 = 0x03;
const TO_NOBODY: u8 = 0x04;
const ID: u8 = 0x05;
const LANG: u8 = 0x06;
const EXTRA: u8 = 0x07;
const INNER: u8 = 0x08;

/// A stanza in its lean form.
#[derive(Debug, Default)]
pub struct Lean {
    /// What is compressed.
    pub text: Vec<u8>,
    /// What is not: the bits of ids and the like.
    pub bits: Vec<u8>,
    taker: Taker,
    /// The stanza as XML, whole.
    xml: Vec<u8>,
}

impl Lean {
    /// Makes it the lean form of this stanza, between these two.
    ///
    /// # Errors
    /// If its sender is somebody else, or if it is longer than [`PACKED_STANZA_BYTES_MAX`].
    pub fn write(&mut self, stanza: &Stanza<'_>, from: &Bare, to: &Bare) -> Result<(), PackError> {
        self.taker.clear();
        self.text.clear();
        self.bits.clear();
        self.xml.clear();
        let head = &stanza.head;
        let sender = head.from.as_ref().filter(|sender| sender.bare() == from.as_str()).ok_or(PackError::Sender)?;
        let kind = KINDS.iter().position(|kind| *kind == head.kind).expect("every kind has a code");
        self.text.push(FIRST_KIND + kind as u8);
        if let Some(resource) = sender.resource() {
            self.field(FROM_RESOURCE, resource);
        }
        match &head.to {
            None => self.text.push(TO_NOBODY),
            Some(other) if other.bare() != to.as_str() => self.field(TO_OTHER, other.as_str()),
            Some(known) => {
                if let Some(resource) = known.resource() {
                    self.field(TO_RESOURCE, resource);
                }
            }
        }
        if let Some(id) = &head.id {
            self.field(ID, id);
        }
        if let Some(lang) = &head.lang {
            self.field(LANG, lang);
        }
        if !head.extra().is_empty() {
            self.text.push(EXTRA);
            self.taker.take(head.extra().as_bytes(), &mut self.text, &mut self.bits);
        }
        self.text.push(INNER);
        let inner = stanza.emit_and_find_inner(Form::Nested, &mut self.xml);
        if self.xml.len() > PACKED_STANZA_BYTES_MAX {
            return Err(PackError::TooLong);
        }
        self.taker.take(&self.xml[inner], &mut self.text, &mut self.bits);
        Ok(())
    }

    /// Gives the memory of a long stanza back.
    pub(super) fn free(&mut self) {
        for buffer in [&mut self.text, &mut self.bits, &mut self.xml] {
            free(buffer);
        }
    }

    fn field(&mut self, code: u8, value: &str) {
        self.text.push(code);
        self.taker.take(escape::sayable(value).as_bytes(), &mut self.text, &mut self.bits);
    }
}

/// Writes the stanza that a lean form is, as XML that nobody has checked.
pub(super) fn read(text: &[u8], bits: &[u8], from: &Bare, to: &Bare, out: &mut Vec<u8>) -> Result<(), UnpackError> {
    let text = std::str::from_utf8(text).map_err(|_| UnpackError::Malformed)?;
    let mut reader = Reader { text: text.as_bytes(), giver: Giver::new(bits) };
    let (code, rest) = reader.text.split_first().ok_or(UnpackError::Malformed)?;
    let kind = KINDS.get(usize::from(code.wrapping_sub(FIRST_KIND))).ok_or(UnpackError::Malformed)?;
    reader.text = rest;

    out.push(b'<');
    out.extend_from_slice(kind.name().as_bytes());
    push_attr(out, "xmlns", ns::CLIENT);
    push_attr(out, "from", &address(from, reader.field(FROM_RESOURCE)?));
    if let Some(other) = reader.field(TO_OTHER)? {
        push_attr(out, "to", &other);
    } else if reader.field(TO_NOBODY)?.is_none() {
        push_attr(out, "to", &address(to, reader.field(TO_RESOURCE)?));
    }
    let id = reader.field(ID)?;
    for (name, value) in
        [("id", id.as_deref()), ("type", kind.type_text()), ("xml:lang", reader.field(LANG)?.as_deref())]
    {
        if let Some(value) = value {
            push_attr(out, name, value);
        }
    }
    if reader.is_next(EXTRA) {
        reader.expand(out)?;
    }
    if !reader.is_next(INNER) {
        return Err(UnpackError::Malformed);
    }
    if reader.text.is_empty() {
        out.extend_from_slice(b"/>");
    } else {
        out.push(b'>');
        reader.expand(out)?;
        out.extend_from_slice(b"</");
        out.extend_from_slice(kind.name().as_bytes());
        out.push(b'>');
    }
    if !reader.text.is_empty() || !reader.giver.is_empty() {
        return Err(UnpackError::Malformed);
    }
    if out.len() > PACKED_STANZA_BYTES_MAX { Err(UnpackError::TooLong) } else { Ok(()) }
}

fn address(bare: &Bare, resource: Option<String>) -> Cow<'_, str> {
    match resource {
        Some(resource) => Cow::Owned(format!("{bare}/{resource}")),
        None => Cow::Borrowed(bare.as_str()),
    }
}

struct Reader<'a> {
    /// What is left of the text.
    text: &'a [u8],
    giver: Giver<'a>,
}

impl Reader<'_> {
    /// Goes behind this code, if it comes next.
    fn is_next(&mut self, code: u8) -> bool {
        let is_next = self.text.first() == Some(&code);
        self.text = &self.text[usize::from(is_next)..];
        is_next
    }

    /// The value behind this code, if it comes next.
    fn field(&mut self, code: u8) -> Result<Option<String>, UnpackError> {
        if !self.is_next(code) {
            return Ok(None);
        }
        let mut value = Vec::new();
        self.expand(&mut value)?;
        // Escaped it is up to six times as long, and there are few of them.
        if value.len() > ATTRIBUTE_BYTES_MAX {
            return Err(UnpackError::TooLong);
        }
        Ok(Some(String::from_utf8(value).expect("text without codes, and ASCII, are text")))
    }

    /// Appends what comes before the next field.
    fn expand(&mut self, out: &mut Vec<u8>) -> Result<(), UnpackError> {
        loop {
            let plain = self.text.iter().position(|b| is_code(*b)).unwrap_or(self.text.len());
            if out.len() + plain > PACKED_STANZA_BYTES_MAX {
                return Err(UnpackError::TooLong);
            }
            out.extend_from_slice(&self.text[..plain]);
            self.text = &self.text[plain..];
            match self.text.first() {
                Some(code) if *code > INNER => self.giver.give(&mut self.text, out)?,
                _ => return Ok(()),
            }
        }
    }
}

/// Whether XML cannot have it.
fn is_code(b: u8) -> bool {
    b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r')
}
