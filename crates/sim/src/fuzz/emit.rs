//! RFC 6120 section 8: a stanza in all forms in which it is emitted, as it came and with edits, against rxml and against
//! our own reader.

use wire::{Form, Frame, Framer, Mode, Stanza};

use super::{CLIENT_HEADER, SERVER_HEADER, emitted, one_content, rxml_can_read};
use crate::tree::Tree;

/// What a server adds to stanzas.
const ADDED: [&str; 4] = [
    "<delay xmlns='urn:xmpp:delay' stamp='2026-11-20T09:53:00Z'/>",
    "<stanza-id xmlns='urn:xmpp:sid:0' by='a@b.example' id='&lt;1&gt;'/><x xmlns='urn:x'><y xmlns=''>t</y></x>",
    "<body>&amp;</body>",
    "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body xml:lang='pt'>b</body></message></forwarded>",
];

/// The first two bytes choose what is left out and what is added; the others are what a client says.
///
/// # Panics
/// Where what is emitted does not read as what was meant.
pub fn emit(data: &[u8]) {
    let [leave_out, and_then, data @ ..] = data else { return };
    let mut framer = open(Mode::Client, CLIENT_HEADER);
    let mut rest = data;
    let Ok(Some(Frame::Stanza(stanza))) = framer.next(&mut rest) else { return };
    let mut meant = forms(&stanza);
    if data.contains(&b'\r') {
        // With what stood between them gone, CR and LF are one end of a line: white space between payloads.
        return;
    }
    let mut edited = stanza.borrow();
    cut(&mut edited, &mut meant, *leave_out);
    let added = ADDED[usize::from(and_then % 4)];
    edited.append(added);
    let whole = format!("<message xmlns='jabber:client'>{added}</message>");
    meant.children.extend(Tree::ours(whole.as_bytes()).expect("ours is well-formed").children);
    assert_eq!(forms(&edited), meant);
    cut(&mut edited, &mut meant, *and_then);
    assert_eq!(forms(&edited), meant);
    let (nested, payloads) = (emitted(&edited, Form::Nested), edited.payloads().count());
    assert_eq!(payloads, meant.children.len());
    let owned = edited.into_owned();
    assert_eq!(emitted(&owned, Form::Nested), nested);
}

/// Leaves out the children that the bits say, of the stanza and of what it should read as.
fn cut(stanza: &mut Stanza<'_>, meant: &mut Tree, bits: u8) {
    let mut which = (0..8).cycle().map(|bit| bits >> bit & 1 == 1);
    let mut same = which.clone();
    stanza.cut(|_| which.next().expect("it has no end"));
    meant.children.retain(|_| !same.next().expect("it has no end"));
}

/// A stream inside which somebody is authenticated.
fn open(mode: Mode, header: &str) -> Framer {
    let mut framer = Framer::new(mode);
    framer.authenticated();
    assert!(matches!(framer.next(&mut header.as_bytes()), Ok(Some(Frame::Open(_)))));
    framer
}

/// Each form is read again as the same stanza, by our reader and by rxml. Gives what it says.
fn forms(stanza: &Stanza<'_>) -> Tree {
    let nested = emitted(stanza, Form::Nested);
    let mut tree = Tree::ours(&nested).expect("what we emit we accept");
    if rxml_can_read(&nested) {
        assert_eq!(Tree::rxml(&nested).as_ref(), Ok(&tree), "another reader reads the same");
    }
    one_content(&mut tree);
    assert_eq!(emitted(stanza, Form::WebSocket), nested);
    let again = Stanza::parse(&nested).expect("what we emit we accept");
    assert_eq!(again.head.to, stanza.head.to);
    assert_eq!(again.head.from, stanza.head.from);
    assert_eq!(emitted(&again, Form::Nested), nested, "one reading is enough");
    for (form, mode, header) in [(Form::Tcp, Mode::Client, CLIENT_HEADER), (Form::Server, Mode::Server, SERVER_HEADER)]
    {
        let bytes = emitted(stanza, form);
        match open(mode, header).next(&mut &bytes[..]) {
            Ok(Some(Frame::Stanza(again))) => {
                let mut again = Tree::ours(&emitted(&again, Form::Nested)).expect("what we emit we accept");
                one_content(&mut again);
                assert_eq!(again, tree, "{form:?}");
            }
            other => panic!("{form:?}: {other:?}"),
        }
    }
    assert!(std::str::from_utf8(&nested).is_ok(), "what we emit is text");
    tree
}
