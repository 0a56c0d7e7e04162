//! RFC 6120 section 8: the stanza, the one value that is sent, stored and changed: a decoded head, the bytes between the
//! tags as they came, and what is to be left out of them or added.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use crate::check::{self, Checked, Place};
use crate::element::{Element, Elements};
use crate::error::{FrameError, ParseError};
use crate::head::{self, Head, Refused};
use crate::kind::Kind;
use crate::scope::Scope;
use crate::{normal, ns};

/// A message, presence or iq. Two are equal if they are kept alike; the same meaning in other bytes is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza<'a> {
    /// Its start tag. Public: a server changes it all the time.
    pub head: Head<'a>,
    /// What stands between its tags: checked, and complete in itself but for the prefixes that the head declares.
    inner: Cow<'a, str>,
    edits: Edits<'a>,
}

/// What is different when the stanza is emitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Edits<'a> {
    /// What is left out of `inner`, in order.
    cuts: SmallVec<[Cut; 2]>,
    /// What comes behind the last child.
    tail: Cow<'a, str>,
}

/// Whole first-level children, by their place in `inner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    start: u32,
    end: u32,
}

struct Child<'a> {
    element: Element<'a>,
    place: Cut,
    cut: bool,
}

/// Where a stanza is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// To a client, on a stream whose default namespace is `jabber:client`.
    Tcp,
    /// To a client, in a frame of its own (RFC 7395).
    WebSocket,
    /// To a server, on a stream whose default namespace is `jabber:server`.
    Server,
    /// Into another stanza or into the store: it stands alone.
    Nested,
}

impl<'a> Stanza<'a> {
    /// An empty stanza. Its head is filled in by its fields.
    pub fn new(kind: Kind) -> Stanza<'static> {
        Stanza { head: Head::new(kind), inner: Cow::Borrowed(""), edits: Edits::default() }
    }

    /// The same stanza with this between its tags: XML of our own making, as [`crate::Xml`] writes it.
    ///
    /// # Panics
    /// If it is no text, and in debug builds if it is not well-formed: bugs of the caller.
    #[must_use]
    pub fn with_inner(self, xml: impl Into<Vec<u8>>) -> Self {
        let inner = String::from_utf8(xml.into()).expect("XML that we make is text");
        Stanza { inner: own(Cow::Owned(inner)), edits: Edits::default(), ..self }
    }

    /// Reads one stanza in its nested form.
    ///
    /// # Errors
    /// If it is not acceptable XML, no stanza, or one that would be refused on a stream.
    pub fn parse(bytes: &'a [u8]) -> Result<Stanza<'a>, ParseError> {
        let place = Place { content: Some(ns::CLIENT), ..Place::ALONE };
        match check::element(bytes, place)? {
            Some(checked) if checked.xml.len() == bytes.len() => {
                if !checked.is_stanza(ns::CLIENT) {
                    return Err(ParseError::NoStanza);
                }
                Stanza::read(&checked, place.scope, ns::CLIENT, None)
                    .map_err(|refused| ParseError::Refused(refused.why))
            }
            _ => Err(FrameError::NotWellFormed.into()),
        }
    }

    /// A stanza that has passed the check, in the content namespace `content`.
    pub(crate) fn read(
        checked: &Checked<'a>,
        scope: &Scope<'a>,
        content: &'static str,
        lang: Option<&'a str>,
    ) -> Result<Stanza<'a>, Refused<'a>> {
        let head = head::read(checked, scope, lang)?;
        let mut inner = Cow::Borrowed(checked.inner.of(checked.xml));
        if checked.rare {
            let whole = Element::checked(checked.xml, scope.clone());
            inner = Cow::Owned(normal::rewrite(&inner, whole.scope(), content));
        }
        Ok(Stanza { head, inner, edits: Edits::default() })
    }

    /// How many bytes stand between its tags, as they came.
    pub fn inner_len(&self) -> usize {
        self.inner.len()
    }

    /// Its payloads: the first-level children that will be emitted.
    pub fn payloads(&self) -> impl Iterator<Item = Element<'_>> {
        let own = self.own_children().filter(|child| !child.cut).map(|child| child.element);
        own.chain(Elements::new(&self.edits.tail, self.head.scope()))
    }

    /// The first payload with this name in this namespace.
    pub fn payload(&self, name: &str, namespace: &str) -> Option<Element<'_>> {
        self.payloads().find(|payload| payload.is(name, namespace))
    }

    /// Leaves out the payloads for which the answer is true.
    pub fn cut(&mut self, mut which: impl FnMut(&Element<'_>) -> bool) {
        let mut cuts: SmallVec<[Cut; 2]> = SmallVec::new();
        for child in self.own_children() {
            if !child.cut && !which(&child.element) {
                continue;
            }
            match cuts.last_mut() {
                Some(last) if last.end == child.place.start => last.end = child.place.end,
                _ => cuts.push(child.place),
            }
        }
        let mut kept = String::new();
        let mut copied = 0;
        let mut appended = Elements::new(&self.edits.tail, self.head.scope());
        while let Some((start, element)) = appended.next_at() {
            if which(&element) {
                kept.push_str(&self.edits.tail[copied..start]);
                copied = appended.at();
            }
        }
        if copied > 0 {
            kept.push_str(&self.edits.tail[copied..]);
            self.edits.tail = Cow::Owned(kept);
        }
        self.edits.cuts = cuts;
    }

    /// The first-level children that it came with, and whether they are cut. One walk beside the list of cuts, which a
    /// stranger can make long.
    fn own_children(&self) -> impl Iterator<Item = Child<'_>> {
        let mut elements = Elements::new(&self.inner, self.head.scope());
        let mut cuts = self.edits.cuts.iter().copied().peekable();
        std::iter::from_fn(move || {
            let (start, element) = elements.next_at()?;
            let place = Cut { start: start as u32, end: elements.at() as u32 };
            while cuts.next_if(|cut| cut.end <= place.start).is_some() {}
            let cut = cuts.peek().is_some_and(|cut| cut.start <= place.start);
            Some(Child { element, place, cut })
        })
    }

    /// Adds payloads behind the others: XML of our own making, or [`Element::raw`].
    ///
    /// # Panics
    /// As [`Stanza::with_inner`].
    pub fn append(&mut self, xml: impl AsRef<[u8]>) {
        let xml = std::str::from_utf8(xml.as_ref()).expect("XML that we make is text");
        self.edits.tail.to_mut().push_str(&own(Cow::Borrowed(xml)));
    }

    /// Appends the stanza to `out`.
    pub fn emit(&self, form: Form, out: &mut Vec<u8>) {
        self.emit_and_find_inner(form, out);
    }

    /// Appends the stanza to `out`, and says where what stands between its tags is there.
    pub(crate) fn emit_and_find_inner(&self, form: Form, out: &mut Vec<u8>) -> Range<usize> {
        // More than the longest start tag that is usual.
        out.reserve(256 + self.inner.len() + self.edits.tail.len());
        self.head.emit(matches!(form, Form::WebSocket | Form::Nested), out);
        out.push(b'>');
        let start = out.len();
        let inner = self.inner.as_bytes();
        let mut copied = 0;
        for cut in &self.edits.cuts {
            out.extend_from_slice(&inner[copied..cut.start as usize]);
            copied = cut.end as usize;
        }
        out.extend_from_slice(&inner[copied..]);
        out.extend_from_slice(self.edits.tail.as_bytes());
        let end = out.len();
        if end == start {
            out.pop();
            out.extend_from_slice(b"/>");
        } else {
            out.extend_from_slice(b"</");
            out.extend_from_slice(self.head.kind.name().as_bytes());
            out.push(b'>');
        }
        start..end
    }

    /// The same stanza, owning all its text: what waits must not hold a read buffer.
    pub fn into_owned(self) -> Stanza<'static> {
        Stanza {
            head: self.head.into_owned(),
            inner: Cow::Owned(self.inner.into_owned()),
            edits: Edits { cuts: self.edits.cuts, tail: Cow::Owned(self.edits.tail.into_owned()) },
        }
    }

    /// The same stanza, borrowed from this one: a broadcast changes only its `head.to`.
    pub fn borrow(&self) -> Stanza<'_> {
        Stanza {
            head: self.head.borrow(),
            inner: Cow::Borrowed(&self.inner),
            edits: Edits { cuts: self.edits.cuts.clone(), tail: Cow::Borrowed(&self.edits.tail) },
        }
    }
}

/// XML of our own that will stand in a stanza; without declarations of `jabber:client`, which would be wrong on a stream
/// between servers.
fn own(xml: Cow<'_, str>) -> Cow<'_, str> {
    // What we make ourselves may be larger than what we take.
    debug_assert!(
        matches!(
            Element::parse(format!("<message xmlns='{}'>{xml}</message>", ns::CLIENT).as_bytes()),
            Ok(_) | Err(FrameError::PolicyViolation(_))
        ),
        "self-made XML is well-formed: {xml}"
    );
    let scope = Scope::new(ns::CLIENT, &[]);
    if Elements::new(&xml, scope.clone()).any(|element| element.repeats_content()) {
        return Cow::Owned(normal::rewrite(&xml, scope, ns::CLIENT));
    }
    xml
}
