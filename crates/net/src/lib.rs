//! What touches the network and the machine. Protocol decisions are made on lower floors.
//!
//! | module | duty |
//! |---|---|
//! | [`listen`] | the porch: sockets that clients connect to |
//! | [`conn`] | one client's connection: socket, TLS, framer, bytes that wait |
//! | [`engine`] | the driver of a shard: one thread with its sockets, its shard and its way to the store |
//! | [`links`] | links to other nodes over QUIC |
//! | [`control`] | Unix sockets on which the daemon takes orders |
//! | [`neighbourhood`] | the driver of the node: who is found, linked, proven, in reach |
//! | [`netlink`] | what the kernel says of the interfaces, when it changes |
//! | [`mdns`] | announces this machine on its networks and hears the others |
//! | [`clock`] | the one place that reads the clocks |
//! | [`sasl`] | who a client is: SCRAM and PLAIN (RFC 6120 section 6) |
//! | [`status`] | what the driver says of itself to who runs the node |
//! | [`tally`] | what the driver has counted since it began |
//! | [`metrics`] | the loopback port on which counters are told to Prometheus |
//! | [`tls`] | TLS for clients, as a value without sockets |
//! | [`expiry`] | when a certificate ends |
//! | [`certificates`] | which certificate a client is shown; those of the administrator |
//! | [`ca`] | this computer's own certificate authority |
//! | [`trouble`] | whether the store takes what it is given |
//! | [`trust`] | makes the trust stores of the person or the system believe that authority |

// This floor may know files, locks, sockets and the clock; the floors below are told.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod ca;
pub mod certificates;
pub mod clock;
pub mod conn;
pub mod control;
pub mod engine;
pub mod expiry;
pub mod links;
pub mod listen;
pub mod mdns;
pub mod metrics;
pub mod neighbourhood;
pub mod netlink;
mod places;
mod registration;
pub mod sasl;
mod stall;
pub mod status;
pub mod tally;
pub mod tls;
pub mod trouble;
pub mod trust;

#[cfg(test)]
mod testing;

use ring::rand::SecureRandom as _;

/// Bytes from the system's generator: every secret of this program begins here (attack case B20).
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The system has a generator on every platform that we build for; without one nothing here could be trusted.
    ring::rand::SystemRandom::new().fill(&mut bytes).expect("the system has a random generator");
    bytes
}
