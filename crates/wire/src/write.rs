//! XML 1.0 section 2: writes XML that is well-formed whatever text it is given.

use crate::escape;
use crate::ns;
use crate::stanza::{Form, Stanza};

/// Appends an attribute value, escaped for either kind of quotes. Characters that XML cannot say become U+FFFD.
pub fn escape_attr(out: &mut Vec<u8>, text: &str) {
    escape::push_value(out, text);
}

/// Appends element text, escaped. Characters that XML cannot say become U+FFFD.
pub fn escape_text(out: &mut Vec<u8>, text: &str) {
    escape::push_text(out, text);
}

/// Appends ` name='value'`.
pub(crate) fn push_attr(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape::push_value(out, value);
    out.push(b'\'');
}

/// Appends ` name='value'` with a value that has been escaped for one kind of quotes, and has none of them in it.
pub(crate) fn push_raw_attr(out: &mut Vec<u8>, name: &str, raw: &str) {
    let quote = if raw.contains('\'') { b'"' } else { b'\'' };
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&[b'=', quote]);
    out.extend_from_slice(raw.as_bytes());
    out.push(quote);
}

/// Writes elements one after another and inside each other. `'n` is the life of their names.
///
/// ```
/// let query = wire::Xml::new().open("query", "jabber:iq:roster").attr("ver", "<1>").close().finish();
/// assert_eq!(query, b"<query xmlns='jabber:iq:roster' ver='&lt;1&gt;'/>");
/// ```
#[derive(Clone, Debug)]
pub struct Xml<'n> {
    out: Vec<u8>,
    /// The namespace around the first element.
    outer: &'n str,
    open: Vec<(&'n str, &'n str)>,
    /// Whether the last start tag still lacks its `>`.
    in_tag: bool,
}

impl Default for Xml<'_> {
    fn default() -> Self {
        Xml::new()
    }
}

impl<'n> Xml<'n> {
    /// Begins a piece that will stand in a stanza: `jabber:client` needs no declaration there.
    pub fn new() -> Xml<'n> {
        Xml::within(ns::CLIENT)
    }

    /// Begins a piece that will stand where this namespace is the default.
    pub fn within(namespace: &'n str) -> Xml<'n> {
        Xml { out: Vec::new(), outer: namespace, open: Vec::new(), in_tag: false }
    }

    /// Begins an element. Its namespace is declared if it is another than around it.
    pub fn open(&mut self, name: &'n str, namespace: &'n str) -> &mut Self {
        self.end_tag();
        let around = self.open.last().map_or(self.outer, |(_, namespace)| namespace);
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        if around != namespace {
            push_attr(&mut self.out, "xmlns", namespace);
        }
        self.open.push((name, namespace));
        self.in_tag = true;
        self
    }

    /// Adds an attribute to the element that was just begun.
    ///
    /// # Panics
    /// If something was written in the element already: that is a bug of the caller.
    pub fn attr(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        assert!(self.in_tag, "attribute {name} comes after what stands in its element");
        push_attr(&mut self.out, name, value.as_ref());
        self
    }

    /// Adds an attribute if there is a value for it.
    pub fn attr_if(&mut self, name: &str, value: Option<impl AsRef<str>>) -> &mut Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Adds text.
    pub fn text(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.end_tag();
        escape::push_text(&mut self.out, text.as_ref());
        self
    }

    /// Adds an element with nothing but text in it.
    pub fn leaf(&mut self, name: &'n str, namespace: &'n str, text: impl AsRef<str>) -> &mut Self {
        self.open(name, namespace).text(text).close()
    }

    /// Adds XML that is known to be well-formed and to mean the same wherever it stands ([`crate::Element::raw`]).
    pub fn raw(&mut self, xml: impl AsRef<[u8]>) -> &mut Self {
        self.end_tag();
        self.out.extend_from_slice(xml.as_ref());
        self
    }

    /// Adds a whole stanza, as in XEP-0297.
    pub fn stanza(&mut self, stanza: &Stanza<'_>) -> &mut Self {
        self.end_tag();
        stanza.emit(Form::Nested, &mut self.out);
        self
    }

    /// Ends the element that was begun last.
    ///
    /// # Panics
    /// If none is open: that is a bug of the caller.
    pub fn close(&mut self) -> &mut Self {
        let (name, _) = self.open.pop().expect("close() answers open()");
        if std::mem::take(&mut self.in_tag) {
            self.out.extend_from_slice(b"/>");
        } else {
            self.out.extend_from_slice(b"</");
            self.out.extend_from_slice(name.as_bytes());
            self.out.push(b'>');
        }
        self
    }

    /// Ends all open elements and hands the bytes over; the writer is as new.
    pub fn finish(&mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            self.close();
        }
        std::mem::take(&mut self.out)
    }

    fn end_tag(&mut self) {
        if std::mem::take(&mut self.in_tag) {
            self.out.push(b'>');
        }
    }
}
