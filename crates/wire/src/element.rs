//! RFC 6120 section 8.4: reads what stands in a stanza, where it stands: no tree, nothing copied but text with
//! references in it.
//!
//! An element that exists has passed the check. Reading it never fails and never recurses.

use std::borrow::Cow;

use memchr::memmem;

use crate::check::{self, Place};
use crate::error::FrameError;
use crate::scope::Scope;
use crate::tokens::{StartTag, Token, Tokens};
use crate::write::push_attr;
use crate::{escape, ns};

/// An element and what is declared around it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Element<'a> {
    /// From `<` to `>`.
    xml: &'a str,
    tag: StartTag<'a>,
    namespace: Cow<'a, str>,
    outer: Scope<'a>,
}

impl<'a> Element<'a> {
    /// Checks one element that stands alone.
    ///
    /// # Errors
    /// As the framer has them, for the same reasons; also if anything stands before or behind it.
    pub fn parse(xml: &'a [u8]) -> Result<Element<'a>, FrameError> {
        match check::element(xml, Place::ALONE)? {
            Some(checked) if checked.xml.len() == xml.len() => Ok(Element::checked(checked.xml, Scope::NONE)),
            _ => Err(FrameError::NotWellFormed),
        }
    }

    /// An element that has passed the check.
    pub(crate) fn checked(xml: &'a str, outer: Scope<'a>) -> Element<'a> {
        match Tokens::new(xml).next() {
            Some(Token::Start(tag)) => Element::new(xml, tag, &outer),
            _ => unreachable!("an element begins with its start tag"),
        }
    }

    fn new(xml: &'a str, tag: StartTag<'a>, outer: &Scope<'a>) -> Element<'a> {
        let (prefix, _) = tag.prefix_and_local();
        let declared = tag.attributes().find(|a| match prefix {
            "" => a.name == "xmlns",
            prefix => a.declares() == Some(prefix),
        });
        let namespace = match declared {
            Some(attribute) => attribute.value(),
            None => outer.resolve(prefix).unwrap_or_default(),
        };
        Element { xml, tag, namespace, outer: outer.clone() }
    }

    /// Its name without a prefix.
    pub fn name(&self) -> &'a str {
        self.tag.prefix_and_local().1
    }

    /// Its namespace, empty if it has none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether it has this name in this namespace.
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        self.name() == name && self.namespace == namespace
    }

    /// The value of an attribute, by its name as it is written: `id`, `xml:lang`.
    pub fn attr(&self, name: &str) -> Option<Cow<'a, str>> {
        self.tag.attributes().find(|a| a.name == name && !a.is_declaration()).map(|a| a.value())
    }

    /// All attributes but the declarations of namespaces, with their names as they are written.
    pub fn attrs(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        self.tag.attributes().filter(|a| !a.is_declaration()).map(|a| (a.name, a.value()))
    }

    /// What a prefix stands for on this element, as in its name or in those of its attributes.
    pub fn resolve(&self, prefix: &str) -> Option<Cow<'a, str>> {
        self.scope().resolve(prefix)
    }

    /// Its child elements.
    pub fn children(&self) -> Elements<'a> {
        Elements { tokens: Tokens::new(self.inner()), scope: self.scope() }
    }

    /// The first child with this name in this namespace.
    pub fn child(&self, name: &str, namespace: &str) -> Option<Element<'a>> {
        self.children().find(|child| child.is(name, namespace))
    }

    /// Its own text, without the text of its children.
    pub fn text(&self) -> Cow<'a, str> {
        let mut whole = Cow::Borrowed("");
        let mut tokens = Tokens::new(self.inner());
        while let Some(token) = tokens.next() {
            let piece = match token {
                Token::Start(tag) => {
                    tokens.leave(tag);
                    continue;
                }
                Token::Text(raw) => escape::text(raw),
                Token::Cdata(raw) => escape::cdata(raw),
                Token::End => continue,
            };
            if whole.is_empty() {
                whole = piece;
            } else {
                whole.to_mut().push_str(&piece);
            }
        }
        whole
    }

    /// What stands between its tags, as it is written.
    pub(crate) fn inner(&self) -> &'a str {
        if self.tag.is_empty() {
            return "";
        }
        let end = self.xml.rfind("</").unwrap_or(self.xml.len());
        &self.xml[self.tag.xml().len()..end]
    }

    /// What is in force between its tags.
    pub(crate) fn scope(&self) -> Scope<'a> {
        self.tag.enter(&self.outer)
    }

    /// Whether it says with a prefix or with a declaration that it is in a namespace of stanzas.
    pub(crate) fn repeats_content(&self) -> bool {
        let (prefix, _) = self.tag.prefix_and_local();
        ns::is_content(&self.namespace) && (!prefix.is_empty() || self.tag.attributes().any(|a| a.name == "xmlns"))
    }

    /// The element as XML that means the same wherever it stands: what was declared around it, and is used in it, is
    /// declared on it.
    pub fn raw(&self) -> Cow<'a, [u8]> {
        let mut declared = Vec::new();
        let own = |name: Option<&str>| {
            self.tag.attributes().any(|a| match name {
                None => a.name == "xmlns",
                Some(prefix) => a.declares() == Some(prefix),
            })
        };
        if !self.outer.default.is_empty() && !own(None) {
            push_attr(&mut declared, "xmlns", &self.outer.default);
        }
        let bindings = self.outer.bindings();
        for (i, binding) in bindings.iter().enumerate() {
            let hidden = bindings[i + 1..].iter().any(|later| later.prefix == binding.prefix);
            // A prefix in a text, as in an XPath, counts as used.
            let used = memmem::find(self.xml.as_bytes(), format!("{}:", binding.prefix).as_bytes()).is_some();
            if used && !hidden && !own(Some(&binding.prefix)) {
                push_attr(&mut declared, &format!("xmlns:{}", binding.prefix), &binding.namespace);
            }
        }
        if declared.is_empty() {
            return Cow::Borrowed(self.xml.as_bytes());
        }
        let (name, rest) = self.xml.as_bytes().split_at(1 + self.tag.name().len());
        Cow::Owned([name, &declared, rest].concat())
    }
}

/// Elements that stand side by side.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    tokens: Tokens<'a>,
    scope: Scope<'a>,
}

impl<'a> Elements<'a> {
    /// Reads a piece of XML that has passed the check.
    pub(crate) fn new(xml: &'a str, scope: Scope<'a>) -> Elements<'a> {
        Elements { tokens: Tokens::new(xml), scope }
    }

    /// How many bytes are read.
    pub(crate) fn at(&self) -> usize {
        self.tokens.at()
    }

    /// The next element and where it begins.
    pub(crate) fn next_at(&mut self) -> Option<(usize, Element<'a>)> {
        loop {
            let start = self.tokens.at();
            if let Token::Start(tag) = self.tokens.next()? {
                self.tokens.leave(tag);
                let xml = self.tokens.since(start);
                return Some((start, Element::new(xml, tag, &self.scope)));
            }
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        self.next_at().map(|(_, element)| element)
    }
}
