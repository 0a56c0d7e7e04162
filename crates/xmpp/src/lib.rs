//! The server world: a client's stream, its session, the router, the accounts, and one file for each feature.
//!
//! Everything here is a value without clock, socket, thread, chance or lock. [`Negotiation`] brings a stream from its
//! first byte to an authenticated client; [`Shard`] owns accounts and their sessions. Both are driven the same way by
//! `net` (tokio) and by `sim` (a clock in a test): give one input, drain the outputs, sleep until the next deadline.
//!
//! | room | file |
//! |---|---|
//! | reception | [`negotiation`], `session.rs` |
//! | sorting room | `router.rs` |
//! | desks | `desk.rs` (the list), `desk/*.rs` (one feature each) |
//! | ledger | `shard.rs` (batches, tickets, what is held until they are durable) |
//! | post | `desk/post.rs` (what is owed to others), `shard/peers.rs` (who is in reach, what they say) |

mod account;
mod admin;
mod contacts;
mod desk;
mod error;
mod form;
mod held;
mod hosts;
mod letters;
mod map;
pub mod negotiation;
pub mod ns;
mod packing;
mod parking;
mod questions;
mod report;
mod router;
mod rsm;
mod session;
mod shard;
mod speech;
mod tally;

pub use admin::{Answer, Choice, Command, Standing};
pub use error::{Condition, ErrorType, StanzaError, StreamError};
pub use hosts::Hosts;
pub use negotiation::{Negotiation, Sasl, Security};
pub use report::{Online, Report};
pub use shard::{Config, Input, Output, Shard};
pub use speech::Language;
pub use tally::{Kinds, Tally};
