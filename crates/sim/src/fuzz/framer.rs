//! RFC 6120 section 11: the framer against rxml, and against itself on split input.

use wire::{Element, Form, Frame, FrameError, Framer, Mode};

use super::{CLIENT_HEADER, emitted, one_content, rxml_can_read};
use crate::tree::Tree;

const HEADERS: [(Mode, &str); 3] = [
    (Mode::Client, CLIENT_HEADER),
    (Mode::Server, super::SERVER_HEADER),
    (Mode::WebSocket, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"),
];

/// The first byte chooses how the others are looked at: in one of three kinds of stream, behind its header or from its
/// beginning, or as an element by itself; and where they are split.
///
/// # Panics
/// Where a promise of the framer is broken.
pub fn framer(data: &[u8]) {
    let Some((how, data)) = data.split_first() else { return };
    let (mode, header) = HEADERS[usize::from(how % 3)];
    match how / 3 % 3 {
        0 => {
            splits(*how, mode, header, data);
            if mode == Mode::Client && rxml_can_read(data) {
                stream(data);
            }
        }
        1 => splits(*how, mode, "", data),
        _ => {
            element(data);
            parts(data);
        }
    }
}

/// However the bytes are split, they say the same.
fn splits(how: u8, mode: Mode, header: &str, data: &[u8]) {
    let header = header.as_bytes();
    let (one, two) = data.split_at((usize::from(how) / 9 * data.len()).div_ceil(28));
    let whole = Heard::of(mode, [header, data].into_iter());
    whole.assert_alike(&Heard::of(mode, [header, one, two].into_iter()));
    whole.assert_alike(&Heard::of(mode, std::iter::once(header).chain(data.chunks(1))));
}

/// How a stream is left when no bytes come any more.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Clear,
    /// Something is there that never became whole.
    Held,
    Error(FrameError),
}

/// All that a stream yields.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    /// As text, one behind the other.
    frames: Vec<u8>,
    count: usize,
    end: End,
}

impl Heard {
    fn of<'a>(mode: Mode, pieces: impl Iterator<Item = &'a [u8]>) -> Heard {
        let mut framer = Framer::new(mode);
        let (mut frames, mut count) = (Vec::new(), 0);
        for mut piece in pieces {
            loop {
                match framer.next(&mut piece) {
                    Ok(Some(frame)) => show(&frame, &mut frames),
                    Ok(None) => break,
                    Err(error) => return Heard { frames, count, end: End::Error(error) },
                }
                count += 1;
            }
            assert!(piece.is_empty(), "none are left when there is no frame");
        }
        let end = if framer.held_bytes() > 0 { End::Held } else { End::Clear };
        Heard { frames, count, end }
    }

    /// The split is not seen. Only a fault in an element that never ends may be found sooner if more comes at once.
    #[track_caller]
    fn assert_alike(&self, split: &Heard) {
        let sooner = matches!((&self.end, &split.end), (End::Error(_), End::Held));
        assert_eq!((&self.frames, self.count), (&split.frames, split.count));
        assert!(sooner || self.end == split.end, "{:?}, split {:?}", self.end, split.end);
    }
}

/// Puts a frame behind the others, as text that says all of it.
fn show(frame: &Frame<'_>, out: &mut Vec<u8>) {
    match frame {
        Frame::Open(header) => {
            out.extend_from_slice(format!("{:?} {:?} {:?}", header.to, header.id, header.lang).as_bytes());
        }
        Frame::Stanza(stanza) => stanza.emit(Form::Nested, out),
        Frame::Refused(refused) => out.extend_from_slice(format!("{refused:?}").as_bytes()),
        Frame::Element(element) => out.extend_from_slice(&element.raw()),
        Frame::Close => out.extend_from_slice(b"close"),
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
            Frame::Element(element) => {
                Element::parse(&element.raw()).expect("what was accepted stands alone");
                Tree::of(&element)
            }
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
    if !rxml_can_read(data) {
        return;
    }
    match (Tree::ours(data), Tree::rxml(data)) {
        (Ok(ours), Ok(rxmls)) => assert_eq!(ours, rxmls),
        (Ok(_), Err(error)) => panic!("rxml refuses what we accept: {error}"),
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => assert!(may_refuse(data, error), "we refuse what rxml accepts: {error:?}"),
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
