//! docs/formats/packed.md: packed stanzas against any bytes, and against themselves.

use base::Bare;
use wire::packed::VERSION;
use wire::{Form, PackError, Packer, Stanza, Unpacker};

use crate::tree::Tree;

/// Any bytes: as a frame, as the lean form in a frame, and as a stanza to be packed.
///
/// # Panics
/// If somebody else than the sender is said, if something is let pass that another reader refuses, or if what is packed
/// comes out in any way other than it went in.
pub fn packed(data: &[u8]) {
    PAIR.with_borrow_mut(|pair| {
        pair.frame(data);
        pair.frame(&uncompressed(data));
        if let Ok(mut stanza) = Stanza::parse(data) {
            stanza.head.from = Some(pair.from.jid().into_owned());
            pair.there_and_back(&stanza);
        }
    });
}

thread_local! {
    // Making one reads the dictionary.
    static PAIR: std::cell::RefCell<Pair> = std::cell::RefCell::new(Pair::new());
}

/// The text of a stanza in a frame as it is. The first byte says how many of the others are the bits of its runs.
fn uncompressed(data: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = data.split_first() else { return Vec::new() };
    let (bits, text) = rest.split_at(usize::from(first & 0x7f).min(rest.len()));
    let len = text.len() as u32;
    let groups = [len as u8 | 0x80, (len >> 7) as u8 | 0x80, (len >> 14) as u8 & 0x7f];
    [&[VERSION], &groups[..], &[bits.len() as u8], bits, text].concat()
}

struct Pair {
    packer: Packer,
    unpacker: Unpacker,
    from: Bare,
    to: Bare,
}

impl Pair {
    fn new() -> Pair {
        let address = |text| Bare::new(text).expect("it is an address");
        Pair {
            packer: Packer::new(),
            unpacker: Unpacker::new(),
            from: address("maria@a.example"),
            to: address("paulo@b.example"),
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        let mut xml = Vec::new();
        let Ok(stanza) = self.unpacker.unpack(frame, &self.from, &self.to, &mut xml) else { return };
        let sender = stanza.head.from.as_ref().map(|from| from.bare());
        assert_eq!(sender, Some(self.from.as_str()), "nobody else is said");
        let stanza = stanza.into_owned();
        // COMPAT(rxml 0.14): see the framer's body.
        if !xml.contains(&b'\r') {
            assert_eq!(
                Tree::rxml(&xml),
                Tree::ours(&xml).map_err(|error| error.to_string()),
                "another reader reads the same"
            );
        }
        self.there_and_back(&stanza);
    }

    fn there_and_back(&mut self, stanza: &Stanza<'_>) {
        let (mut nested, mut frame, mut out) = (Vec::new(), Vec::new(), Vec::new());
        stanza.emit(Form::Nested, &mut nested);
        match self.packer.pack(stanza, &self.from, &self.to, &mut frame) {
            Ok(()) => {}
            Err(PackError::TooLong) => return,
            Err(error) => panic!("{error}"),
        }
        let again = self.unpacker.unpack(&frame, &self.from, &self.to, &mut out).expect("what was packed is unpacked");
        assert_eq!(again.head, stanza.head);
        let mut emitted = Vec::new();
        again.emit(Form::Nested, &mut emitted);
        assert_eq!(emitted, nested);
        assert_eq!(out, nested);
    }
}
