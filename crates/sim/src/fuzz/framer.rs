//! RFC 6120 section 11: the framer against rxml, against itself on split input, and against its own output.

use wire::{Element, Form, Frame, FrameError, Framer, Mode, Stanza, ns};

use crate::tree::Tree;

const HEADERS: [(Mode, &str); 3] = [
    (
        Mode::Client,
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p'>",
    ),
    (
        Mode::Server,
        "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='urn:d'>",
    ),
    (Mode::WebSocket, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"),
];

/// Stands for a frame that never became whole.
const HELD: &str = "held";

/// Any bytes, as one element and as what comes on a stream.
///
/// # Panics
/// Where a promise of the framer is broken.
pub fn framer(data: &[u8]) {
    element(data);
    parts(data);
    for (mode, header) in HEADERS {
        let whole = read(mode, [header.as_bytes(), data].into_iter());
        alike(&whole, &read(mode, header.as_bytes().chunks(1).chain(data.chunks(1))));
        let (one, two) = data.split_at(data.first().map_or(0, |b| usize::from(*b)) % (data.len() + 1));
        alike(&whole, &read(mode, [header.as_bytes(), one, two].into_iter()));
        alike(&read(mode, [data].into_iter()), &read(mode, data.chunks(1)));
    }
    if rxml_can_read(data) {
        stream(data);
    }
}

/// The split is not seen. Only a fault in an element that never ends may be found sooner if more comes at once.
fn alike(whole: &[String], split: &[String]) {
    match (whole, split) {
        ([same @ .., fault], [also @ .., held]) if held == HELD && fault.starts_with("error") => assert_eq!(same, also),
        _ => assert_eq!(whole, split),
    }
}

/// Each first-level element says what rxml says of it, in and out: nothing is smuggled (attack case A12).
fn stream(data: &[u8]) {
    let (mode, header) = HEADERS[0];
    let xml = [header.as_bytes(), data].concat();
    let mut theirs = Tree::rxml_stream(&xml).into_iter();
    let mut framer = Framer::new(mode);
    let mut rest = &xml[..];
    while let Ok(Some(frame)) = framer.next(&mut rest) {
        let mut ours = match frame {
            Frame::Open(_) => continue,
            Frame::Close => return,
            Frame::Refused(_) => {
                theirs.next().expect("rxml accepts what we accept");
                continue;
            }
            Frame::Element(element) => Tree::of(&element),
            Frame::Stanza(stanza) => Tree::ours(&emitted(&stanza, Form::Nested)).expect("what we emit we accept"),
        };
        let mut theirs = theirs.next().expect("rxml accepts what we accept");
        // Addresses are brought to their normal form, unknown types are left out.
        for tree in [&mut ours, &mut theirs] {
            one_content(tree);
            tree.attributes.retain(|(_, name, _)| !matches!(&**name, "to" | "from" | "type"));
        }
        assert_eq!(ours, theirs);
    }
}

/// What rxml refuses we refuse, and what both accept says the same.
fn element(data: &[u8]) {
    let (ours, rxmls) = (Tree::ours(data), Tree::rxml(data));
    if !rxml_can_read(data) {
        return;
    }
    match (&ours, &rxmls) {
        (Ok(ours), Ok(rxmls)) => assert_eq!(ours, rxmls),
        (Ok(_), Err(error)) => panic!("rxml refuses what we accept: {error}"),
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => assert!(may_refuse(data, *error), "we refuse what rxml accepts: {error:?}"),
    }
}

/// A part of what was accepted stands alone, and means the same there.
fn parts(data: &[u8]) {
    if let Ok(element) = Element::parse(data) {
        for child in element.children() {
            let raw = child.raw();
            let again = Element::parse(&raw).expect("a part of what was accepted stands alone");
            assert_eq!(Tree::of(&child), Tree::of(&again));
        }
    }
}

/// COMPAT(rxml 0.14): a carriage return in an attribute value must be followed by another piece of white space or the
/// end of the value, or it is refused; XML 1.0 sections 2.11 and 3.3.3 make it a space.
fn rxml_can_read(data: &[u8]) -> bool {
    !data.contains(&b'\r')
}

/// Where we are stricter than rxml, and mean it.
fn may_refuse(data: &[u8], error: FrameError) -> bool {
    // Limits of our own.
    matches!(error, FrameError::PolicyViolation(_))
        // An element alone has no XML declaration, nor white space around it.
        || data.starts_with(b"<?xml")
        || data.trim_ascii().len() < data.len()
        // COMPAT(rxml 0.14): it takes the last of two declarations of one prefix on one element.
        || declares_twice(data)
}

/// Whether a tag seems to declare a prefix twice.
fn declares_twice(data: &[u8]) -> bool {
    data.split(|b| *b == b'<').any(|tag| {
        let mut names: Vec<&[u8]> = tag
            .split(|b| *b == b'=')
            .filter_map(|piece| piece.trim_ascii_end().rsplit(|b| b.is_ascii_whitespace()).next())
            .filter(|name| name.starts_with(b"xmlns"))
            .collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    })
}

/// All that a stream yields, as text.
fn read<'a>(mode: Mode, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut framer = Framer::new(mode);
    let mut seen = Vec::new();
    for mut chunk in chunks {
        loop {
            match framer.next(&mut chunk) {
                Ok(Some(frame)) => seen.push(show(frame)),
                Ok(None) => break,
                Err(error) => {
                    seen.push(format!("error {error:?}"));
                    return seen;
                }
            }
        }
        assert!(chunk.is_empty(), "none are left when there is no frame");
    }
    if framer.held_bytes() > 0 {
        seen.push(HELD.to_owned());
    }
    seen
}

fn show(frame: Frame<'_>) -> String {
    match frame {
        Frame::Open(header) => format!("{:?} {:?} {:?}", header.to, header.id, header.lang),
        Frame::Stanza(stanza) => forms(stanza),
        Frame::Refused(refused) => format!("{refused:?}"),
        Frame::Element(element) => {
            let raw = element.raw();
            Element::parse(&raw).expect("what was accepted stands alone");
            String::from_utf8_lossy(&raw).into_owned()
        }
        Frame::Close => "close".to_owned(),
    }
}

/// Each form is read again as the same stanza; what is emitted is as our reader and rxml say alike.
fn forms(stanza: Stanza<'_>) -> String {
    let nested = emitted(&stanza, Form::Nested);
    let mut tree = Tree::ours(&nested).expect("what we emit we accept");
    if rxml_can_read(&nested) {
        assert_eq!(Tree::rxml(&nested).as_ref(), Ok(&tree), "another reader reads the same");
    }
    one_content(&mut tree);
    assert_eq!(emitted(&stanza, Form::WebSocket), nested);
    let again = Stanza::parse(&nested).expect("what we emit we accept");
    assert_eq!(again.head.to, stanza.head.to);
    assert_eq!(again.head.from, stanza.head.from);
    assert_eq!(emitted(&again, Form::Nested), nested, "one reading is enough");
    for (form, (mode, header)) in [(Form::Tcp, HEADERS[0]), (Form::Server, HEADERS[1])] {
        let bytes = emitted(&stanza, form);
        let mut framer = Framer::new(mode);
        framer.authenticated();
        assert!(matches!(framer.next(&mut header.as_bytes()), Ok(Some(Frame::Open(_)))));
        match framer.next(&mut &bytes[..]) {
            Ok(Some(Frame::Stanza(again))) => {
                let mut again = Tree::ours(&emitted(&again, Form::Nested)).expect("what we emit we accept");
                one_content(&mut again);
                assert_eq!(again, tree, "{form:?}");
            }
            other => panic!("{form:?}: {other:?}"),
        }
    }
    String::from_utf8(nested).expect("what we emit is text")
}

/// The two content namespaces mean the same: which one depends on the stream.
fn one_content(tree: &mut Tree) {
    if tree.namespace == ns::SERVER {
        tree.namespace = ns::CLIENT.to_owned();
    }
    tree.children.iter_mut().for_each(one_content);
}

fn emitted(stanza: &Stanza<'_>, form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    stanza.emit(form, &mut out);
    out
}
