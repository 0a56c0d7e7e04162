//! Design, section 6: links over QUIC keep what the interface of links promises, and stand what strangers send.

// Real sockets and clocks.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod attacks;
mod conformance;
mod module;
mod quic;
mod raw;
mod weather;
