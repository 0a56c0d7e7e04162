//! The words that all of Jirani's crates share. Pure values: no clock, socket, thread, randomness or environment.
//!
//! | module | what it names |
//! |---|---|
//! | [`jid`] | addresses of people, rooms and servers (RFC 7622) |
//! | [`time`](mod@time) | what pure code is told of clocks, and XEP-0082 stamps |
//! | [`id`] | numbers and keys that tell accounts, sessions, devices, links and tickets apart |
//! | [`limits`] | every limit, with its reason |
//! | [`circle`] | how near somebody is, and whom a person lets see them |
//! | [`ledger`] | what the store is asked to write and to read |

pub mod circle;
pub mod id;
pub mod jid;
pub mod ledger;
pub mod limits;
pub mod time;

pub use circle::{Audience, Circle};
pub use id::{AccountId, ConnId, DeviceId, LinkId, NodeId, SessionId, Ticket};
pub use jid::{Bare, Jid, JidError};
pub use time::{Now, Time, Wall, WallError};
