//! A stanza as the payload of a parcel (`docs/formats/post.md`, `docs/formats/packed.md`), and back. The one place that knows
//! how it is packed.

use base::Bare;
use wire::packed::{Packer, Unpacker};
use wire::{Form, Stanza};

/// Packs and unpacks. What it needs for that is made when somebody is in reach for the first time.
#[derive(Default)]
pub(crate) struct Packing {
    packer: Option<Packer>,
    unpacker: Option<Unpacker>,
    text: Vec<u8>,
}

impl Packing {
    /// What goes over a link from an account to an address, neither of which is said in it. What is not the account's own
    /// word, or is shorter so, goes as XML.
    pub(crate) fn pack(&mut self, stanza: &Stanza<'_>, from: &Bare, to: &Bare) -> Vec<u8> {
        let mut payload = Vec::new();
        let packer = self.packer.get_or_insert_with(Packer::new);
        let plain = content(stanza);
        match packer.pack(stanza, from, to, &mut payload) {
            Ok(()) if payload.len() < plain.len() => payload,
            _ => plain,
        }
    }

    /// What has come over a link, checked as everything that strangers send; `None` if it is no stanza.
    pub(crate) fn unpack(&mut self, payload: &[u8], from: &Bare, to: &Bare) -> Option<Stanza<'static>> {
        // No frame begins so.
        if payload.starts_with(b"<") {
            return Stanza::parse(payload).ok().map(Stanza::into_owned);
        }
        let unpacker = self.unpacker.get_or_insert_with(Unpacker::new);
        unpacker.unpack(payload, from, to, &mut self.text).ok().map(Stanza::into_owned)
    }
}

/// The same bytes for the same stanza, however it was packed.
pub(crate) fn content(stanza: &Stanza<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    stanza.emit(Form::Nested, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(xml: &str, bytes_max: usize) {
        let (lisa, tom) = (Bare::new("lisa@a.example").unwrap(), Bare::new("tom@b.example").unwrap());
        let stanza = Stanza::parse(xml.as_bytes()).unwrap();
        let (mut here, mut there) = (Packing::default(), Packing::default());
        let payload = here.pack(&stanza, &lisa, &tom);
        assert!(payload.len() <= bytes_max, "{} bytes: {xml}", payload.len());
        let came = there.unpack(&payload, &lisa, &tom).unwrap();
        assert_eq!(content(&came), content(&stanza));
    }

    #[test]
    fn what_is_said_comes_back() {
        check(
            "<message xmlns='jabber:client' from='lisa@a.example/r' to='tom@b.example' type='chat'><body>Hi</body></message>",
            30,
        );
        check("<presence xmlns='jabber:client' from='lisa@a.example/r' to='tom@b.example'/>", 12);
    }

    #[test]
    fn a_copy_of_somebody_elses_words_goes_as_it_is() {
        let xml = "<message xmlns='jabber:client' from='mary@c.example/r' to='lisa@a.example' type='chat'><body>Hi</body></message>";
        check(xml, xml.len());
    }

    #[test]
    fn what_is_no_payload_is_nothing() {
        let (lisa, tom) = (Bare::new("lisa@a.example").unwrap(), Bare::new("tom@b.example").unwrap());
        for payload in [&b""[..], b"<", b"<message", b"\xff\xff\xff", b"hello"] {
            assert!(Packing::default().unpack(payload, &lisa, &tom).is_none(), "{payload:?}");
        }
    }
}
