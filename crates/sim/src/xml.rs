//! XML 1.0 as a client reads it: a stream to trees, by rxml, so that the daemon's own reader is not its own judge.

use std::fmt;

use rxml::error::EndOrError;
use rxml::{Event, Options, Parse as _, Parser, WithOptions as _};

/// What `<message/>` and its like are in.
pub const CLIENT: &str = "jabber:client";
/// What `<stream:stream/>` and its like are in.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// More than any stanza of a server: what it may send is judged by tests, not by this reader.
const TOKEN_BYTES_MAX: usize = 1 << 22;

/// An element with all that is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Its namespace; empty if it has none.
    pub namespace: String,
    /// Its name without a prefix.
    pub name: String,
    /// Namespace, name and value of its attributes, sorted.
    pub attributes: Vec<(String, String, String)>,
    /// Its own text, without that of its children.
    pub text: String,
    /// Its child elements.
    pub children: Vec<Tree>,
}

impl Tree {
    /// Reads the elements of a piece of XML that could stand on a client's stream.
    ///
    /// # Errors
    /// If it could not, in words.
    pub fn fragment(xml: &str) -> Result<Vec<Tree>, String> {
        let whole = format!("<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>{xml}</stream:stream>");
        let (mut reader, mut bytes, mut trees) = (Reader::new(), whole.as_bytes(), Vec::new());
        loop {
            match reader.next(&mut bytes)? {
                Some(Heard::Element(tree)) => trees.push(tree),
                Some(Heard::Header(_)) => {}
                Some(Heard::End) if bytes.is_empty() => return Ok(trees),
                Some(Heard::End) | None => return Err("the XML is not complete".into()),
            }
        }
    }

    /// Whether it has this name in this namespace.
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    /// Whether it is a message, presence or iq.
    pub fn is_stanza(&self) -> bool {
        self.namespace == CLIENT && matches!(self.name.as_str(), "message" | "presence" | "iq")
    }

    /// The value of an attribute without a namespace.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(ns, n, _)| ns.is_empty() && n == name).map(|(_, _, value)| value.as_str())
    }

    /// The first child with this name, whatever its namespace.
    pub fn child(&self, name: &str) -> Option<&Tree> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child with this name, empty if there is none.
    pub fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| &child.text)
    }

    fn write(&self, outer: &str, indent: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |text: &str| {
            let mut out = Vec::new();
            wire::escape_attr(&mut out, text);
            String::from_utf8_lossy(&out).into_owned()
        };
        write!(f, "{:indent$}<{}", "", self.name)?;
        if self.namespace != outer {
            write!(f, " xmlns='{}'", escaped(&self.namespace))?;
        }
        for (namespace, name, value) in &self.attributes {
            let prefix = match namespace.as_str() {
                "" => String::new(),
                XML => "xml:".into(),
                other => format!("{{{other}}}"),
            };
            write!(f, " {prefix}{name}='{}'", escaped(value))?;
        }
        if self.children.is_empty() {
            return match self.text.as_str() {
                "" => write!(f, "/>"),
                text => write!(f, ">{}</{}>", escaped(text), self.name),
            };
        }
        writeln!(f, ">{}", escaped(self.text.trim()))?;
        for child in &self.children {
            child.write(&self.namespace, indent + 2, f)?;
            writeln!(f)?;
        }
        write!(f, "{:indent$}</{}>", "", self.name)
    }
}

impl fmt::Display for Tree {
    /// For people: indented; `jabber:client` goes without saying.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(CLIENT, 0, f)
    }
}

/// One thing that the other side has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The stream header, as an element without content.
    Header(Tree),
    /// A first-level element.
    Element(Tree),
    /// The end of the stream.
    End,
}

/// Reads one stream.
pub struct Reader {
    parser: Parser,
    /// Elements that are not complete; the stream itself is not among them.
    open: Vec<Tree>,
    begun: bool,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

impl Reader {
    /// A stream that begins.
    pub fn new() -> Reader {
        let options = Options { max_token_length: TOKEN_BYTES_MAX, ..Options::default() };
        Reader { parser: Parser::with_options(options), open: Vec::new(), begun: false }
    }

    /// Takes bytes from the front until something has been said, or until none are left.
    ///
    /// # Errors
    /// If they are no XML, in rxml's words.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Heard>, String> {
        loop {
            let event = match self.parser.parse(bytes, false) {
                Ok(Some(event)) => event,
                Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(None),
                Err(EndOrError::Error(error)) => return Err(format!("this is no XML: {error}")),
            };
            match event {
                Event::XmlDeclaration(..) => {}
                Event::StartElement(_, (namespace, name), attributes) => {
                    let mut attributes: Vec<_> = attributes
                        .into_iter()
                        .map(|((namespace, name), value)| (namespace.to_string(), name.to_string(), value))
                        .collect();
                    attributes.sort();
                    let tree = Tree {
                        namespace: namespace.to_string(),
                        name: name.to_string(),
                        attributes,
                        ..Tree::default()
                    };
                    if !self.begun {
                        self.begun = true;
                        return Ok(Some(Heard::Header(tree)));
                    }
                    self.open.push(tree);
                }
                Event::Text(_, text) => {
                    if let Some(open) = self.open.last_mut() {
                        open.text.push_str(&text);
                    }
                }
                Event::EndElement(_) => match (self.open.pop(), self.open.last_mut()) {
                    (None, _) => return Ok(Some(Heard::End)),
                    (Some(tree), None) => return Ok(Some(Heard::Element(tree))),
                    (Some(tree), Some(parent)) => parent.children.push(tree),
                },
            }
        }
    }
}
