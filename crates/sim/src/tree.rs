//! XML 1.0 and Namespaces in XML 1.0: what a document says, however it is written; by our reader and by rxml.

use rxml::{AttrMap, Event, Options, Parse, Parser, WithOptions};
use wire::{Element, FrameError};

/// An element with all that has a meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The namespace, empty if there is none.
    pub namespace: String,
    /// The name without a prefix.
    pub name: String,
    /// The attributes by namespace and name, sorted.
    pub attributes: Vec<(String, String, String)>,
    /// Its own text without the text of its children.
    pub text: String,
    /// Its child elements.
    pub children: Vec<Tree>,
}

impl Tree {
    /// Reads one element with our reader.
    ///
    /// # Errors
    /// As [`Element::parse`].
    pub fn ours(xml: &[u8]) -> Result<Tree, FrameError> {
        Ok(Tree::of(&Element::parse(xml)?))
    }

    /// What our reader says of an element.
    pub fn of(element: &Element<'_>) -> Tree {
        let mut attributes: Vec<_> = element
            .attrs()
            .map(|(name, value)| {
                let (prefix, local) = name.split_once(':').unwrap_or(("", name));
                let namespace = if prefix.is_empty() {
                    String::new()
                } else {
                    element.resolve(prefix).unwrap_or_default().into_owned()
                };
                (namespace, local.to_owned(), value.into_owned())
            })
            .collect();
        attributes.sort();
        Tree {
            namespace: element.namespace().to_owned(),
            name: element.name().to_owned(),
            attributes,
            text: element.text().into_owned(),
            children: element.children().map(|child| Tree::of(&child)).collect(),
        }
    }

    /// Reads one element with rxml.
    ///
    /// # Errors
    /// What rxml says.
    pub fn rxml(xml: &[u8]) -> Result<Tree, String> {
        let mut whole = Tree::default();
        feed_rxml(xml, &mut vec![], &mut whole)?;
        whole.children.pop().ok_or_else(|| "no element".to_owned())
    }

    /// Reads a stream with rxml as far as it goes: the first-level elements that are complete.
    pub fn rxml_stream(xml: &[u8]) -> Vec<Tree> {
        let (mut open, mut whole) = (vec![], Tree::default());
        // What it says of the end, or of a fault, is of no matter here.
        let _ = feed_rxml(xml, &mut open, &mut whole);
        match open.into_iter().next().or(whole.children.pop()) {
            Some(root) => root.children,
            None => vec![],
        }
    }
}

fn feed_rxml(xml: &[u8], open: &mut Vec<Tree>, whole: &mut Tree) -> Result<(), String> {
    let mut parser = Parser::with_options(Options { max_token_length: xml.len() + 1, ..Options::default() });
    let mut rest = xml;
    while let Some(event) = parser.parse(&mut rest, true).map_err(|error| format!("{error:?}"))? {
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (namespace, name), attributes) => open.push(Tree {
                namespace: namespace.to_string(),
                name: name.to_string(),
                attributes: sorted(attributes),
                ..Tree::default()
            }),
            Event::Text(_, text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::EndElement(_) => {
                let closed = open.pop();
                open.last_mut().unwrap_or(whole).children.extend(closed);
            }
        }
    }
    Ok(())
}

fn sorted(attributes: AttrMap) -> Vec<(String, String, String)> {
    let mut sorted: Vec<_> = attributes
        .into_iter()
        .map(|((namespace, name), value)| (namespace.to_string(), name.to_string(), value.to_string()))
        .collect();
    sorted.sort();
    sorted
}
