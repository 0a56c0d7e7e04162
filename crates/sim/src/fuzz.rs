//! Bodies of the fuzz targets. Each takes any bytes and panics where a promise is broken.
//!
//! What they have in common: what is written must be read alike by another reader than ours.

mod emit;
mod framer;
mod frames;
mod house;
mod link;
mod link_local;
mod negotiation;
mod neighbour;
mod packed;
mod parcel;
mod script;
mod session;
mod shard;
mod statement;

use wire::{Form, Stanza, ns};

use crate::tree::Tree;

pub use emit::emit;
pub use framer::framer;
pub use frames::frames;
pub use link::link;
pub use link_local::link_local;
pub use negotiation::negotiation;
pub use neighbour::neighbour;
pub use packed::packed;
pub use parcel::parcel;
pub use session::session;
pub use shard::shard;
pub use statement::statement;

const CLIENT_HEADER: &str =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p'>";
const SERVER_HEADER: &str =
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='urn:d'>";

/// Whether the other reader can read this as XML 1.0 says.
///
/// COMPAT(rxml 0.14): a carriage return in an attribute value must be followed by another piece of white space or the
/// end of the value, or it is refused; XML 1.0 sections 2.11 and 3.3.3 make it a space. A reference to a character may
/// have no more than eight digits, zeroes in front counted. And U+FDF0 to U+FFFD may not stand in names.
fn rxml_can_read(data: &[u8]) -> bool {
    let digits = |tail: &[u8]| tail.iter().skip(1).take_while(|b| b.is_ascii_alphanumeric()).count();
    let long = |tail: &[u8]| tail.starts_with(b"#") && digits(tail) >= 8;
    let in_no_name = |pair: &[u8]| pair[0] == 0xef && pair[1] >= 0xb7;
    !data.contains(&b'\r') && !data.windows(2).any(in_no_name) && !data.split(|b| *b == b'&').skip(1).any(long)
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
