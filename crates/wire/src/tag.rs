//! XML 1.0 section 3.1: a start tag by the places of its pieces, as the check finds them.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::escape;

/// A piece of the bytes that were checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    pub(crate) fn of<T: ?Sized + std::ops::Index<std::ops::Range<usize>>>(self, xml: &T) -> &T::Output {
        &xml[self.start as usize..self.end as usize]
    }

    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// A name as it is written; `prefix` bytes stand before its colon, if it has one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Name {
    pub(crate) span: Span,
    pub(crate) prefix: u16,
}

impl Name {
    pub(crate) fn prefix_span(self) -> Span {
        Span { start: self.span.start, end: self.span.start + u32::from(self.prefix) }
    }

    pub(crate) fn local_span(self) -> Span {
        let skipped = if self.prefix == 0 { 0 } else { u32::from(self.prefix) + 1 };
        Span { start: self.span.start + skipped, end: self.span.end }
    }

    pub(crate) fn has_prefix(self) -> bool {
        self.prefix != 0
    }

    pub(crate) fn prefix(self, xml: &str) -> &str {
        self.prefix_span().of(xml)
    }

    pub(crate) fn local(self, xml: &str) -> &str {
        self.local_span().of(xml)
    }

    pub(crate) fn whole(self, xml: &str) -> &str {
        self.span.of(xml)
    }
}

/// An attribute; its value is `plain` if it means what it says, without references or white space to be changed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attribute {
    pub(crate) name: Name,
    pub(crate) value: Span,
    pub(crate) plain: bool,
}

impl Attribute {
    /// The value as it is written; it may have quotes of the other kind in it.
    pub(crate) fn raw(self, xml: &str) -> &str {
        self.value.of(xml)
    }

    /// What the value means.
    pub(crate) fn value(self, xml: &str) -> Cow<'_, str> {
        let raw = self.value.of(xml);
        if self.plain { Cow::Borrowed(raw) } else { escape::value(raw) }
    }
}

/// As many as a stanza has: from, to, id, type, xml:lang, xmlns.
pub(crate) type Attributes = SmallVec<[Attribute; 6]>;

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) name: Name,
    pub(crate) attributes: Attributes,
}
