//! Attack case A12: two readers that are not ours see the same as ours does, in what came in and in what goes out.

use proptest::prelude::*;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};
use sim::tree::Tree;
use wire::{Form, Frame, Framer, Mode, ns};

const HEADER: &str =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:s='urn:s'>";
const NAMESPACES: [&str; 5] = ["urn:p", "urn:q", "jabber:client", "jabber:server", "http://etherx.jabber.org/streams"];
const PREFIXES: [&str; 4] = ["", "p:", "q:", "s:"];
const NAMES: [&str; 5] = ["body", "x", "größe", "message", "_a-1.b"];
const TEXTS: [&str; 18] = [
    "x",
    "ü",
    "😀",
    "&amp;",
    "&lt;",
    "&gt;",
    "&apos;",
    "&quot;",
    "&#65;",
    "&#x1F600;",
    "&#xd;",
    "&#9;",
    " ",
    "\n",
    "\t",
    "\r\n",
    "]",
    "/>",
];

#[derive(Clone, Debug)]
struct Node {
    prefix: &'static str,
    name: &'static str,
    declared: Vec<(&'static str, &'static str)>,
    attributes: Vec<(&'static str, &'static str, Vec<&'static str>, char)>,
    content: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(&'static str),
    Cdata(&'static str),
    Node(Node),
}

impl Node {
    /// `always` stands on the tag too, and declares `p` and `q`.
    fn write(&self, name: &str, always: &str, out: &mut String) {
        *out += &format!("<{name}{always}");
        let mut seen = vec![];
        for (prefix, namespace) in &self.declared {
            let name =
                if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{}", prefix.trim_end_matches(':')) };
            if !always.contains(&format!("{name}=")) && !seen.contains(&name) {
                *out += &format!(" {name}=\"{namespace}\"");
                seen.push(name);
            }
        }
        let mut seen = vec![];
        for (prefix, local, value, quote) in &self.attributes {
            if !seen.contains(local) {
                *out += &format!("\n{prefix}{local} = {quote}{}{quote}", value.concat());
                seen.push(local);
            }
        }
        if self.content.is_empty() {
            *out += "/>";
            return;
        }
        *out += ">";
        for piece in &self.content {
            match piece {
                // `]]>` may not stand in text.
                Piece::Text(text) if text.starts_with("/>") && out.ends_with("]]") => {}
                Piece::Text(text) => *out += text,
                Piece::Cdata(text) => *out += &format!("<![CDATA[{text}]]>"),
                Piece::Node(node) => node.write(&format!("{}{}", node.prefix, node.name), "", out),
            }
        }
        *out += &format!("</{name} >");
    }
}

fn nodes() -> impl Strategy<Value = Node> {
    let one_of = prop::sample::select::<&'static str>;
    let attribute = (
        one_of(&PREFIXES[..]),
        one_of(&["a", "b", "ü"][..]),
        prop::collection::vec(one_of(&TEXTS[..]), 0..4),
        prop::sample::select(&['\'', '"'][..]),
    );
    let head = (
        one_of(&PREFIXES[..]),
        one_of(&NAMES[..]),
        prop::collection::vec((one_of(&PREFIXES[..]), one_of(&NAMESPACES[..])), 0..3),
        prop::collection::vec(attribute, 0..3),
    );
    let with = |(prefix, name, declared, attributes), content| Node { prefix, name, declared, attributes, content };
    let text = prop_oneof![
        one_of(&TEXTS[..]).prop_map(Piece::Text),
        one_of(&["<a>&amp;", "", "]", "]]", "ü\r\n"][..]).prop_map(Piece::Cdata)
    ];
    let leaf =
        (head.clone(), prop::collection::vec(text.clone(), 0..3)).prop_map(move |(head, content)| with(head, content));
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let piece = prop_oneof![text.clone(), inner.prop_map(Piece::Node)];
        (head.clone(), prop::collection::vec(piece, 0..4)).prop_map(move |(head, content)| with(head, content))
    })
}

fn quick(xml: &str) -> Tree {
    let mut reader = NsReader::from_str(xml);
    let mut open = vec![Tree::default()];
    loop {
        let event = reader.read_event().unwrap();
        let text = match &event {
            Event::Start(tag) => {
                open.push(start(&reader, tag));
                continue;
            }
            Event::Empty(tag) => {
                let empty = start(&reader, tag);
                open.last_mut().unwrap().children.push(empty);
                continue;
            }
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().children.push(closed);
                continue;
            }
            Event::Eof => return open.pop().unwrap().children.pop().unwrap(),
            Event::Text(text) => text.xml10_content().into_owned(),
            Event::CData(text) => text.xml10_content().into_owned(),
            Event::GeneralRef(name) => match name.resolve_char_ref().unwrap() {
                Some(c) => c.to_string(),
                None => quick_xml::escape::resolve_predefined_entity(name).unwrap().to_owned(),
            },
            other => panic!("{other:?}"),
        };
        open.last_mut().unwrap().text += &text;
    }
}

fn start(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Tree {
    let text = |resolved: ResolveResult<'_>| match resolved {
        ResolveResult::Bound(namespace) => namespace.into_inner().to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(prefix) => panic!("{prefix:?}"),
    };
    let (namespace, name) = reader.resolver().resolve_element(tag.name());
    let mut attributes: Vec<_> = tag
        .attributes()
        .map(Result::unwrap)
        .filter(|a| a.key.as_namespace_binding().is_none())
        .map(|a| {
            let (namespace, name) = reader.resolver().resolve_attribute(a.key);
            let value = a.normalized_value(XmlVersion::Implicit1_0).unwrap();
            (text(namespace), name.into_inner().to_owned(), value.into_owned())
        })
        .collect();
    attributes.sort();
    Tree { namespace: text(namespace), name: name.into_inner().to_owned(), attributes, ..Tree::default() }
}

/// All three readers read the same.
fn read(xml: &str) -> Tree {
    let ours = Tree::ours(xml.as_bytes()).unwrap();
    assert_eq!(ours, quick(xml), "quick-xml: {xml}");
    // COMPAT(rxml 0.14): see the fuzz target.
    if !xml.contains('\r') {
        assert_eq!(Ok(&ours), Tree::rxml(xml.as_bytes()).as_ref(), "rxml: {xml}");
    }
    ours
}

fn one_content(tree: &mut Tree) {
    if tree.namespace == ns::SERVER {
        tree.namespace = ns::CLIENT.to_owned();
    }
    tree.children.iter_mut().for_each(one_content);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn three_readers_agree(node in nodes()) {
        let mut xml = String::new();
        let name = format!("{}{}", node.prefix, node.name);
        node.write(&name, " xmlns:p='urn:p' xmlns:q='urn:q' xmlns:s='urn:s'", &mut xml);
        read(&xml);
    }

    #[test]
    fn what_comes_in_goes_out(node in nodes(), prefixed in any::<bool>()) {
        let mut stanza = String::new();
        if prefixed {
            node.write("c:message", " xmlns:c='jabber:client' xmlns:p='urn:p' xmlns:q='urn:q'", &mut stanza);
        } else {
            node.write("message", " xmlns='jabber:client' xmlns:p='urn:p' xmlns:q='urn:q'", &mut stanza);
        }
        let mut expect = quick(&format!("{HEADER}{stanza}</stream:stream>")).children.pop().unwrap();
        one_content(&mut expect);
        let mut framer = Framer::new(Mode::Client);
        let mut chunk = HEADER.as_bytes();
        prop_assert!(matches!(framer.next(&mut chunk), Ok(Some(Frame::Open(_)))));
        let mut chunk = stanza.as_bytes();
        let Ok(Some(Frame::Stanza(stanza))) = framer.next(&mut chunk) else { panic!("{stanza}") };
        for form in [Form::Nested, Form::WebSocket, Form::Tcp, Form::Server] {
            let mut out = Vec::new();
            stanza.emit(form, &mut out);
            let mut xml = String::from_utf8(out).unwrap();
            if !matches!(form, Form::Nested | Form::WebSocket) {
                let content = if form == Form::Tcp { ns::CLIENT } else { ns::SERVER };
                xml = format!("<stream:stream xmlns='{content}' xmlns:stream='{}'>{xml}</stream:stream>", ns::STREAMS);
            }
            let mut emitted = read(&xml);
            if !matches!(form, Form::Nested | Form::WebSocket) {
                emitted = emitted.children.pop().unwrap();
            }
            one_content(&mut emitted);
            prop_assert_eq!(&emitted, &expect, "{:?} {}", form, xml);
        }
    }
}
