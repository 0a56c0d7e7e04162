//! Bytes to XMPP frames and back. Pure: it is given bytes and gives bytes.
//!
//! | module | what it names |
//! |---|---|
//! | [`framer`] | bytes of a stream, however split, to frames; refuses what is not XMPP |
//! | [`stanza`] | the stanza: what everything stores, changes and sends, and the forms it is emitted in |
//! | [`head`] | its start tag, decoded; and why a stanza is refused |
//! | [`kind`] | message, presence, iq and their types |
//! | [`header`] | the stream header |
//! | [`element`] | reading inside a stanza, lazily and without a tree |
//! | [`write`](mod@write) | writing XML that is well-formed whatever the text |
//! | [`packed`] | a stanza on a link: few bytes |
//! | [`error`] | what ends a stream, and which limit was reached |
//! | [`ns`] | the namespaces of the core |
//!
//! The path of a stanza: `scan` finds its end in what arrives piece by piece, `check` reads it once from front to back
//! and is the only judge of what is well-formed, `normal` brings rare spellings to the usual one. Everything behind
//! `check` (`tokens`, `element`) trusts its bytes.

mod chars;
mod check;
mod escape;
mod normal;
mod prefixes;
mod scan;
mod scope;
mod tag;
mod tokens;

pub mod element;
pub mod error;
pub mod framer;
pub mod head;
pub mod header;
pub mod kind;
pub mod ns;
pub mod packed;
pub mod stanza;
pub mod write;

pub use element::Element;
pub use error::{FrameError, Limit, ParseError};
pub use framer::{Frame, Framer, Mode};
pub use head::{Head, Refused, Why};
pub use header::Header;
pub use kind::{IqType, Kind, MessageType, PresenceType};
pub use packed::{PackError, Packer, UnpackError, Unpacker};
pub use stanza::{Form, Stanza};
pub use write::{Xml, escape_attr, escape_text};
