//! Design, section 5: the post. What one device owes another is kept until that has confirmed it, is said again whenever
//! the other comes in reach, and is taken once and in order whatever breaks between.
//!
//! It carries opaque payloads of two classes: what *lasts* has a number, a row in the store and a confirmation; what is
//! *fleeting* goes at once or not at all. Nothing here knows a stanza, a store or a link: `xmpp`'s shard has the rows and
//! hands the parcels on. The bytes are in `docs/formats/post.md`.
//!
//! | module | what it names |
//! |---|---|
//! | [`parcel`] | what goes over a link between two devices |
//! | [`lane`] | the way from one account to one device: what is said, in which order, and when it is said again |
//! | [`inbox`] | what one account has of one device: nothing twice, nothing in another order |
//! | [`seen`] | numbers that were taken, in little room |

pub mod inbox;
pub mod lane;
pub mod parcel;
pub mod seen;

pub use inbox::{Inbox, Mark, Verdict};
pub use lane::{Lane, Post};
pub use parcel::{Copied, Lasting, OriginId, Parcel, ParcelError};
pub use seen::Seen;

use crate::hash;

/// What tells two contents apart that claim one number. Not a name for anything: eight bytes are enough for that.
pub type ContentHash = [u8; 8];

/// The hash of a content, in a form that is the same whatever way and however packed it came.
pub fn content_hash(content: &[u8]) -> ContentHash {
    let [a, b, c, d, e, f, g, h, ..] = hash::tagged(hash::POST, content);
    [a, b, c, d, e, f, g, h]
}
