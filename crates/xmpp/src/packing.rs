//! A stanza as the payload of a parcel (`docs/formats/post.md`), and back. The one place that knows how it is packed.

use wire::{Form, Stanza};

/// What goes over a link.
pub(crate) fn pack(stanza: &Stanza<'_>) -> Vec<u8> {
    content(stanza)
}

/// What has come over a link, checked as everything that strangers send; `None` if it is no stanza.
pub(crate) fn unpack(payload: &[u8]) -> Option<Stanza<'static>> {
    Stanza::parse(payload).ok().map(Stanza::into_owned)
}

/// The same bytes for the same stanza, however it was packed.
pub(crate) fn content(stanza: &Stanza<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    stanza.emit(Form::Nested, &mut bytes);
    bytes
}
