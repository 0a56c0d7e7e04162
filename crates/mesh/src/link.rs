//! Design, section 6: what is said on links and when they are made, as values. Sockets and QUIC belong to `net`.
//!
//! | module | what it names |
//! |---|---|
//! | [`interface`] | what the layer of links is told and tells; each transport keeps to it |
//! | [`protocol`] | ids of what is spoken on a link's streams |
//! | [`frame`] | a stream: its prelude, and frames behind it |
//! | [`code`] | why a link is closed or a stream refused: numbers for the wire, words for people |
//! | [`liveness`] | when a silent peer is gone |
//! | [`dialer`] | whom to dial when, and which of two links stays |

pub mod code;
pub mod dialer;
pub mod frame;
pub mod interface;
pub mod liveness;
pub mod protocol;

pub use code::{CloseCode, Refusal};
pub use dialer::Dialer;
pub use frame::{StreamError, StreamItem, StreamReader};
pub use interface::{Command, DialCause, DownCause, Event, Links};
pub use liveness::Liveness;
pub use protocol::{ProtocolId, ProtocolIdError};
