//! XML 1.0 section 3.1: tags and text one after another, in XML that has passed the check.

use std::borrow::Cow;

use memchr::{memchr, memchr3, memmem};

use crate::escape;
use crate::scope::Scope;

/// A piece of XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Start(StartTag<'a>),
    End,
    /// Text as it is written, references and all.
    Text(&'a str),
    /// What stands in a CDATA section.
    Cdata(&'a str),
}

/// Walks over XML from front to back.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<'a> {
    xml: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(xml: &'a str) -> Tokens<'a> {
        Tokens { xml, at: 0 }
    }

    /// How many bytes are read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What was read since then.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        &self.xml[start..self.at]
    }

    /// Goes behind the end tag of the element whose start tag was read last.
    pub(crate) fn leave(&mut self, tag: StartTag<'a>) {
        let mut depth = usize::from(!tag.is_empty());
        while depth > 0 {
            match self.next() {
                Some(Token::Start(tag)) => depth += usize::from(!tag.is_empty()),
                Some(Token::End) => depth -= 1,
                Some(Token::Text(_) | Token::Cdata(_)) => {}
                None => return,
            }
        }
    }

    fn take(&mut self, len: usize) -> &'a str {
        let piece = &self.xml[self.at..self.at + len];
        self.at += len;
        piece
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = &self.xml.as_bytes()[self.at..];
        match rest {
            [] => None,
            [b'<', b'/', ..] => {
                self.take(memchr(b'>', rest).map_or(rest.len(), |at| at + 1));
                Some(Token::End)
            }
            [b'<', b'!', ..] => {
                let len = memmem::find(rest, b"]]>").map_or(rest.len(), |at| at + 3);
                let section = self.take(len);
                Some(Token::Cdata(section.get("<![CDATA[".len()..len - "]]>".len()).unwrap_or_default()))
            }
            [b'<', ..] => Some(Token::Start(StartTag::new(self.take(tag_len(rest))))),
            _ => Some(Token::Text(self.take(memchr(b'<', rest).unwrap_or(rest.len())))),
        }
    }
}

/// The length of the start tag at the front.
fn tag_len(xml: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr3(b'>', b'"', b'\'', &xml[at..]) {
        at += found + 1;
        let quote = xml[at - 1];
        if quote == b'>' {
            return at;
        }
        at += memchr(quote, &xml[at..]).map_or(0, |end| end + 1);
    }
    xml.len()
}

/// A start tag, `<` and `>` included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartTag<'a> {
    xml: &'a str,
    name: &'a str,
}

impl<'a> StartTag<'a> {
    fn new(xml: &'a str) -> StartTag<'a> {
        let end = xml.bytes().position(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'/' | b'>'));
        StartTag { xml, name: &xml[1..end.unwrap_or(xml.len())] }
    }

    /// The whole tag.
    pub(crate) fn xml(self) -> &'a str {
        self.xml
    }

    /// Whether it is its own end tag.
    pub(crate) fn is_empty(self) -> bool {
        self.xml.ends_with("/>")
    }

    /// The name as it is written.
    pub(crate) fn name(self) -> &'a str {
        self.name
    }

    /// The name in two parts, the prefix perhaps empty.
    pub(crate) fn prefix_and_local(self) -> (&'a str, &'a str) {
        match memchr(b':', self.name.as_bytes()) {
            Some(colon) => (&self.name[..colon], &self.name[colon + 1..]),
            None => ("", self.name),
        }
    }

    /// The attributes, declarations among them.
    pub(crate) fn attributes(self) -> Attributes<'a> {
        Attributes { xml: &self.xml[1 + self.name().len()..] }
    }

    /// What is in force inside of it.
    pub(crate) fn enter(self, outer: &Scope<'a>) -> Scope<'a> {
        let mut scope = outer.clone();
        for attribute in self.attributes() {
            if attribute.name == "xmlns" {
                scope.default = attribute.value();
            } else if let Some(prefix) = attribute.declares() {
                scope.declare(prefix, attribute.value());
            }
        }
        scope
    }
}

/// An attribute as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    raw: &'a str,
}

impl<'a> Attribute<'a> {
    /// What the value means.
    pub(crate) fn value(self) -> Cow<'a, str> {
        escape::value(self.raw)
    }

    /// The value as it is written; it may have quotes of the other kind in it.
    pub(crate) fn raw(self) -> &'a str {
        self.raw
    }

    /// The prefix that it declares.
    pub(crate) fn declares(self) -> Option<&'a str> {
        self.name.strip_prefix("xmlns:")
    }

    /// Whether it is a declaration of any kind.
    pub(crate) fn is_declaration(self) -> bool {
        self.name == "xmlns" || self.declares().is_some()
    }
}

/// The attributes of a tag, one after another.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    xml: &'a str,
}

impl<'a> Attributes<'a> {
    /// Reads `name='value' name='value'`.
    pub(crate) fn new(xml: &'a str) -> Attributes<'a> {
        Attributes { xml }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let (name, rest) = self.xml.split_once('=')?;
        let rest = rest.trim_ascii_start();
        let quote = *rest.as_bytes().first()?;
        let end = 1 + memchr(quote, &rest.as_bytes()[1..])?;
        self.xml = &rest[end + 1..];
        Some(Attribute { name: name.trim_ascii(), raw: &rest[1..end] })
    }
}
