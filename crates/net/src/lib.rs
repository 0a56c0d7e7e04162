//! What touches the network and the machine. Protocol decisions are made on lower floors.
//!
//! | module | duty |
//! |---|---|
//! | [`sasl`] | who a client is: SCRAM and PLAIN (RFC 6120 section 6) |

// This floor may know files, locks and the clock; the floors below are told.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod sasl;
