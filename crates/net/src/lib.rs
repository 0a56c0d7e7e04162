//! What touches the network and the machine. Protocol decisions are made on lower floors.
//!
//! | module | duty |
//! |---|---|
//! | [`sasl`] | who a client is: SCRAM and PLAIN (RFC 6120 section 6) |
//! | [`tls`] | TLS for clients, as a value without sockets |
//! | [`certificates`] | which certificate a client is shown; those of the administrator |
//! | [`ca`] | this computer's own certificate authority |
//! | [`trust`] | makes the trust stores of the person or the system believe that authority |

// This floor may know files, locks and the clock; the floors below are told.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod ca;
pub mod certificates;
pub mod sasl;
pub mod tls;
pub mod trust;

#[cfg(test)]
mod testing;
