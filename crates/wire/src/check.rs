//! RFC 6120 sections 11.1 to 11.6, XML 1.0, Namespaces in XML 1.0: the only judge of what is acceptable XML.
//!
//! One pass from front to back over the bytes of one element. It takes no memory but a stack of open elements, whose
//! depth is limited, and it says the same of the same bytes however many follow: a fault in the first half of a stanza
//! is found without its second half.

use std::borrow::Cow;

use base::limits::{
    ATTRIBUTE_BYTES_MAX, ELEMENT_ATTRIBUTES_MAX, ELEMENT_DEPTH_MAX, ELEMENT_NAMESPACES_MAX, NAME_BYTES_MAX,
    STANZA_ADDED_ELEMENTS_MAX, STANZA_ELEMENTS_MAX, STANZA_FOREIGN_ATTRIBUTES_MAX,
};
use memchr::memmem;
use smallvec::SmallVec;

use crate::chars::{self, NAME, SPACE};
use crate::error::{FrameError, Limit};
use crate::prefixes::{Bound, Prefixes};
use crate::scope::Scope;
use crate::tag::{Attribute, Attributes, Name, Span, Tag};
use crate::{escape, ns};

/// An element that has passed.
#[derive(Debug)]
pub(crate) struct Checked<'x> {
    /// The element and nothing else.
    pub(crate) xml: &'x str,
    pub(crate) tag: Tag,
    pub(crate) namespace: Cow<'x, str>,
    /// What stands between its tags.
    pub(crate) inner: Span,
    /// Which of the inherited prefixes it uses, as bits.
    pub(crate) used: u32,
    /// Whether its content namespace is spelled in a rare way: with a prefix, or declared again on a child.
    pub(crate) rare: bool,
}

impl Checked<'_> {
    /// Whether it is a message, presence or iq in this namespace.
    pub(crate) fn is_stanza(&self, content: &str) -> bool {
        self.namespace == content && is_stanza(self.tag.name.local(self.xml))
    }
}

fn is_stanza(name: &str) -> bool {
    matches!(name, "message" | "presence" | "iq")
}

/// What the bytes are checked for.
#[derive(Clone, Copy)]
pub(crate) struct Place<'x> {
    /// What is declared around the element.
    pub(crate) scope: &'x Scope<'x>,
    /// The namespace of stanzas, on a stream; none where any element may stand.
    pub(crate) content: Option<&'static str>,
    pub(crate) elements_max: usize,
}

impl Place<'static> {
    /// An element that stands alone.
    pub(crate) const ALONE: Place<'static> =
        Place { scope: &Scope::NONE, content: None, elements_max: STANZA_ELEMENTS_MAX + STANZA_ADDED_ELEMENTS_MAX };
}

impl Place<'_> {
    /// RFC 6120 sections 4.8.2 and 4.9.3.10: which first-level elements a stream may have.
    fn admits(&self, namespace: &str, local: &str) -> Result<(), FrameError> {
        let Some(content) = self.content else { return Ok(()) };
        if namespace == ns::STREAMS && local == "stream" {
            Err(FrameError::BadFormat)
        } else if namespace != content && (is_stanza(local) || namespace.is_empty() || ns::is_content(namespace)) {
            Err(FrameError::InvalidNamespace)
        } else {
            Ok(())
        }
    }

    /// Whether a child in this namespace belongs to the stanza itself. Both content namespaces mean the same there
    /// (RFC 6120 section 4.8.3): else a body that we do not see would become one on the next stream.
    fn is_content(&self, namespace: &str) -> bool {
        self.content.is_some() && ns::is_content(namespace)
    }
}

/// Why the check stands still. Aligned, so that results with it are moved in whole words; the odd bytes that the compiler
/// moves otherwise cost an eighth of the check (measured).
#[repr(align(8))]
enum Stop {
    /// The bytes end before the element does.
    More,
    Bad(FrameError),
}

impl<E: Into<FrameError>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Bad(error.into())
    }
}

const NOT_WELL_FORMED: Stop = Stop::Bad(FrameError::NotWellFormed);

/// Checks the element at the front; none if the bytes end before it does.
pub(crate) fn element<'x>(xml: &'x [u8], place: Place<'x>) -> Result<Option<Checked<'x>>, FrameError> {
    // Places in it are kept in 32 bits. What a stream brings has a far lower limit.
    if u32::try_from(xml.len()).is_err() {
        return Err(Limit::Bytes.into());
    }
    let mut checker = Checker::new(xml, place);
    match checker.element() {
        Ok(checked) => Ok(Some(checked)),
        Err(Stop::More) => Ok(None),
        Err(Stop::Bad(error)) => Err(error),
    }
}

/// Checks the start tag that these bytes are, as a stream header: nothing is around it, and its end is far away.
pub(crate) fn start_tag(xml: &[u8]) -> Result<(&str, Tag), FrameError> {
    let mut checker = Checker::new(xml, Place::ALONE);
    let mut attributes = Attributes::new();
    checker.at = 1;
    let result = checker.start_tag(&mut attributes).and_then(|(name, _)| {
        checker.resolve(name)?;
        Ok((name, checker.text()?))
    });
    match result {
        Ok((name, text)) if text.len() == xml.len() => Ok((text, Tag { name, attributes })),
        Ok(_) | Err(Stop::More) => Err(FrameError::NotWellFormed),
        Err(Stop::Bad(error)) => Err(error),
    }
}

struct Checker<'x> {
    xml: &'x [u8],
    at: usize,
    place: Place<'x>,
    prefixes: Prefixes<'x>,
    elements: usize,
}

struct Open {
    name: Span,
    /// How many prefixes were declared outside of it.
    declared: usize,
}

impl<'x> Checker<'x> {
    fn new(xml: &'x [u8], place: Place<'x>) -> Checker<'x> {
        Checker { xml, at: 0, place, prefixes: Prefixes::new(place.scope), elements: 0 }
    }

    fn element(&mut self) -> Result<Checked<'x>, Stop> {
        self.expect(b'<')?;
        if matches!(self.peek(0)?, b'!' | b'?') {
            return Err(FrameError::RestrictedXml.into());
        }
        let mut attributes = Attributes::new();
        let (name, empty) = self.start_tag(&mut attributes)?;
        // The stanza's own prefix goes away.
        let bound = if name.has_prefix() {
            let prefix = name.prefix_span().of(self.xml);
            Some(self.prefixes.unused(|prefixes| prefixes.resolve(prefix))?)
        } else {
            None
        };
        let namespace = match (bound, self.default_on(&attributes)) {
            (Some(bound), _) => self.prefixes.namespace(bound),
            (None, Some(declared)) => self.value(&declared)?,
            (None, None) => self.prefixes.default(),
        };
        let local = utf8(name.local_span().of(self.xml))?;
        self.place.admits(&namespace, local)?;
        if attributes.len() > STANZA_FOREIGN_ATTRIBUTES_MAX && self.place.content.is_some() && is_stanza(local) {
            let foreign = attributes.iter().filter(|a| self.declares(**a).is_none() && !self.is_common(**a)).count();
            if foreign > STANZA_FOREIGN_ATTRIBUTES_MAX {
                return Err(Limit::Attributes.into());
            }
        }
        let start = self.at;
        let (mut rare, mut end) = (name.has_prefix(), start);
        if !empty {
            (rare, end) = self.content(name, rare)?;
        }
        let inner = Span::new(start, end);
        let (xml, tag) = (self.text()?, Tag { name, attributes });
        Ok(Checked { xml, tag, namespace, inner, used: self.prefixes.used(), rare })
    }

    /// From behind the first start tag to behind its end tag. Says whether a child spells the content namespace in a
    /// rare way, and where the end tag began.
    fn content(&mut self, root: Name, mut rare: bool) -> Result<(bool, usize), Stop> {
        let mut open: SmallVec<[Open; 16]> = SmallVec::new();
        open.push(Open { name: root.span, declared: 0 });
        let mut attributes = Attributes::new();
        loop {
            self.character_data()?;
            // Here stands `<`.
            match self.peek(1)? {
                b'/' => {
                    let end = self.at;
                    self.at += 2;
                    if let Some(closed) = open.pop() {
                        self.end_tag(closed.name)?;
                        self.prefixes.leave(closed.declared);
                    }
                    if open.is_empty() {
                        return Ok((rare, end));
                    }
                }
                b'!' => self.cdata()?,
                b'?' => return Err(FrameError::RestrictedXml.into()),
                _ => {
                    self.at += 1;
                    let declared = self.prefixes.declared();
                    attributes.clear();
                    let (name, empty) = self.start_tag(&mut attributes)?;
                    let bound = self.resolve(name)?;
                    if open.len() == 1 {
                        rare |= self.is_rare(bound, &attributes)?;
                    }
                    if open.len() >= ELEMENT_DEPTH_MAX {
                        return Err(Limit::Depth.into());
                    }
                    if empty {
                        self.prefixes.leave(declared);
                    } else {
                        open.push(Open { name: name.span, declared });
                    }
                }
            }
        }
    }

    /// Whether a first-level child has a prefix for the content namespace, or declares it once more.
    fn is_rare(&self, bound: Option<Bound>, attributes: &Attributes) -> Result<bool, Stop> {
        Ok(match (bound, self.default_on(attributes)) {
            (Some(bound), _) => self.place.is_content(&self.prefixes.namespace(bound)),
            (None, Some(declared)) => self.place.is_content(&self.value(&declared)?),
            (None, None) => false,
        })
    }

    /// The declaration of the default namespace among these.
    fn default_on(&self, attributes: &Attributes) -> Option<Attribute> {
        attributes.iter().find(|a| a.name.span.of(self.xml) == b"xmlns").copied()
    }

    /// `<`, then this.
    fn start_tag(&mut self, attributes: &mut Attributes) -> Result<(Name, bool), Stop> {
        self.elements += 1;
        if self.elements > self.place.elements_max {
            return Err(Limit::Elements.into());
        }
        let name = self.name()?;
        let (mut declarations, mut prefixed) = (0, 0);
        let empty = loop {
            let spaces = self.spaces();
            match self.peek(0)? {
                b'>' => {
                    self.at += 1;
                    break false;
                }
                b'/' => {
                    self.at += 1;
                    self.expect(b'>')?;
                    break true;
                }
                _ if spaces == 0 => return Err(NOT_WELL_FORMED),
                _ => {
                    let attribute = self.attribute()?;
                    if let Some(prefix) = self.declares(attribute) {
                        declarations += 1;
                        self.prefixes.declare(prefix, self.value(&attribute)?)?;
                    } else if attribute.name.has_prefix() {
                        prefixed += 1;
                    }
                    // Beside the prefixes in force stand the default namespace and `xml`.
                    if declarations > ELEMENT_NAMESPACES_MAX + 2 {
                        return Err(Limit::Namespaces.into());
                    }
                    if attributes.len() + 1 - declarations > ELEMENT_ATTRIBUTES_MAX {
                        return Err(Limit::Attributes.into());
                    }
                    attributes.push(attribute);
                }
            }
        };
        if attributes.len() > 1 {
            self.no_twins(attributes)?;
        }
        if prefixed > 0 {
            self.no_expanded_twins(attributes)?;
        }
        Ok((name, empty))
    }

    fn attribute(&mut self) -> Result<Attribute, Stop> {
        let name = self.name()?;
        self.spaces();
        self.expect(b'=')?;
        self.spaces();
        let quote = self.peek(0)?;
        if !matches!(quote, b'"' | b'\'') {
            return Err(NOT_WELL_FORMED);
        }
        self.at += 1;
        let start = self.at;
        let mut plain = true;
        loop {
            self.at += chars::plain(&self.xml[self.at..], quote);
            match self.peek(0)? {
                b if b == quote => break,
                b'\t' | b'\n' | b'\r' => {
                    plain = false;
                    self.at += 1;
                }
                b'&' => {
                    plain = false;
                    self.reference()?;
                }
                _ => return Err(NOT_WELL_FORMED),
            }
        }
        let value = Span::new(start, self.at);
        self.at += 1;
        if value.len() > ATTRIBUTE_BYTES_MAX {
            return Err(Limit::Attribute.into());
        }
        Ok(Attribute { name, value, plain })
    }

    fn end_tag(&mut self, name: Span) -> Result<(), Stop> {
        let (rest, expected) = (&self.xml[self.at..], name.of(self.xml));
        if !rest.starts_with(expected) {
            // What has come may be its beginning. If it is not, no more bytes will change that.
            return Err(if expected.starts_with(rest) { Stop::More } else { NOT_WELL_FORMED });
        }
        self.at += name.len();
        self.spaces();
        self.expect(b'>')
    }

    /// Up to the next `<`.
    fn character_data(&mut self) -> Result<(), Stop> {
        loop {
            self.at += chars::plain(&self.xml[self.at..], b']');
            match self.peek(0)? {
                b'<' => return Ok(()),
                b'\t' | b'\n' | b'\r' => self.at += 1,
                b'&' => self.reference()?,
                b']' if self.peek(1)? == b']' && self.peek(2)? == b'>' => return Err(NOT_WELL_FORMED),
                b']' => self.at += 1,
                _ => return Err(NOT_WELL_FORMED),
            }
        }
    }

    fn cdata(&mut self) -> Result<(), Stop> {
        for (i, expected) in b"<![CDATA[".iter().enumerate() {
            if self.peek(i)? != *expected {
                return Err(FrameError::RestrictedXml.into());
            }
        }
        self.at += b"<![CDATA[".len();
        let rest = &self.xml[self.at..];
        let len = memmem::find(rest, b"]]>").ok_or(Stop::More)?;
        if rest[..len].iter().any(|b| *b < b' ' && !chars::is(*b, SPACE)) {
            return Err(NOT_WELL_FORMED);
        }
        self.at += len + 3;
        Ok(())
    }

    fn reference(&mut self) -> Result<(), Stop> {
        let start = self.at + 1;
        self.at = start + usize::from(self.peek(1)? == b'#');
        self.at += chars::run(&self.xml[self.at..], NAME);
        self.expect(b';')?;
        let name = &self.xml[start..self.at - 1];
        if std::str::from_utf8(name).is_ok_and(|name| escape::reference(name).is_some()) {
            Ok(())
        } else if chars::is_name(name) {
            Err(FrameError::RestrictedXml.into())
        } else {
            Err(NOT_WELL_FORMED)
        }
    }

    #[inline(always)]
    fn name(&mut self) -> Result<Name, Stop> {
        let start = self.at;
        self.at += chars::run(&self.xml[start..], NAME);
        let mut name = Name { span: Span::new(start, self.at), prefix: 0 };
        if self.peek(0)? == b':' {
            if !chars::is_name(name.span.of(self.xml)) {
                return Err(NOT_WELL_FORMED);
            }
            // Longer ones wrap here, and are refused below.
            name.prefix = name.span.len() as u16;
            self.at += 1;
            self.at += chars::run(&self.xml[self.at..], NAME);
            self.peek(0)?;
            name.span.end = self.at as u32;
        }
        if name.span.len() > NAME_BYTES_MAX {
            return Err(Limit::Name.into());
        }
        if chars::is_name(name.local_span().of(self.xml)) { Ok(name) } else { Err(NOT_WELL_FORMED) }
    }

    /// The prefix that an attribute declares, empty for the default namespace.
    fn declares(&self, attribute: Attribute) -> Option<&'x [u8]> {
        match attribute.name.span.of(self.xml).strip_prefix(b"xmlns")? {
            b"" => Some(b""),
            more => more.strip_prefix(b":"),
        }
    }

    /// RFC 6120 section 8.1: whether all stanzas may have it.
    fn is_common(&self, attribute: Attribute) -> bool {
        matches!(attribute.name.span.of(self.xml), b"from" | b"to" | b"id" | b"type" | b"xml:lang")
    }

    fn resolve(&mut self, name: Name) -> Result<Option<Bound>, Stop> {
        if !name.has_prefix() {
            return Ok(None);
        }
        Ok(Some(self.prefixes.resolve(name.prefix_span().of(self.xml))?))
    }

    fn no_twins(&self, attributes: &Attributes) -> Result<(), Stop> {
        let twins = attributes.iter().enumerate().any(|(i, one)| {
            let name = one.name.span.of(self.xml);
            attributes[..i].iter().any(|other| other.name.span.of(self.xml) == name)
        });
        if twins { Err(NOT_WELL_FORMED) } else { Ok(()) }
    }

    /// Namespaces in XML 1.0 section 6.3; also the check that each prefix is declared.
    fn no_expanded_twins(&mut self, attributes: &Attributes) -> Result<(), Stop> {
        let mut seen: SmallVec<[(Bound, &[u8]); 4]> = SmallVec::new();
        for attribute in attributes.iter().filter(|a| a.name.has_prefix()) {
            if self.declares(*attribute).is_some() {
                continue;
            }
            let bound = self.prefixes.resolve(attribute.name.prefix_span().of(self.xml))?;
            let name = (bound, attribute.name.local_span().of(self.xml));
            if seen.contains(&name) {
                return Err(NOT_WELL_FORMED);
            }
            seen.push(name);
        }
        Ok(())
    }

    fn value(&self, attribute: &Attribute) -> Result<Cow<'x, str>, Stop> {
        let raw = utf8(attribute.value.of(self.xml))?;
        Ok(if attribute.plain { Cow::Borrowed(raw) } else { escape::value(raw) })
    }

    /// What has been read, as text: the one check of the encoding.
    fn text(&self) -> Result<&'x str, Stop> {
        let bytes = &self.xml[..self.at];
        let text = utf8(bytes)?;
        if !bytes.is_ascii() && ["\u{fffe}", "\u{ffff}"].iter().any(|c| memmem::find(bytes, c.as_bytes()).is_some()) {
            return Err(NOT_WELL_FORMED);
        }
        Ok(text)
    }

    #[inline(always)]
    fn peek(&self, ahead: usize) -> Result<u8, Stop> {
        self.xml.get(self.at + ahead).copied().ok_or(Stop::More)
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek(0)? != byte {
            return Err(NOT_WELL_FORMED);
        }
        self.at += 1;
        Ok(())
    }

    #[inline(always)]
    fn spaces(&mut self) -> usize {
        let count = chars::run(&self.xml[self.at..], SPACE);
        self.at += count;
        count
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Stop> {
    std::str::from_utf8(bytes).map_err(|_| Stop::Bad(FrameError::UnsupportedEncoding))
}
