//! What the driver has counted since it began: plain numbers, and causes in the words of the specifications. No name of
//! anybody, and nothing that tells whether an account exists.

use std::collections::BTreeMap;

/// Numbers that only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections that were accepted.
    pub connections: u64,
    /// Those that the system could not give us.
    pub accept_errors: u64,
    /// TLS handshakes that came to their end.
    pub handshakes: u64,
    /// TLS that failed, before or after.
    pub tls_errors: u64,
    /// Connections without a session that made room for others.
    pub evicted: u64,
    /// Connections that did not log in in time.
    pub late: u64,
    /// Bytes that clients sent, as they came from the sockets.
    pub received_bytes: u64,
    /// Bytes that the sockets took.
    pub sent_bytes: u64,
    /// Logins, by mechanism.
    pub logins: BTreeMap<&'static str, u64>,
    /// Logins that were refused, by the condition of RFC 6120 section 6.5.
    pub refused_logins: BTreeMap<&'static str, u64>,
    /// Streams that were refused before there was a session, by the condition of RFC 6120 section 4.9.3.
    pub refused_streams: BTreeMap<&'static str, u64>,
    /// Accounts that strangers made (XEP-0077).
    pub registrations: u64,
    /// Those that they asked for and did not get.
    pub refused_registrations: u64,
}

impl Tally {
    pub(crate) fn login(&mut self, mechanism: &'static str) {
        *self.logins.entry(mechanism).or_default() += 1;
    }

    pub(crate) fn refused_login(&mut self, condition: &'static str) {
        *self.refused_logins.entry(condition).or_default() += 1;
    }

    pub(crate) fn refused_stream(&mut self, condition: &'static str) {
        *self.refused_streams.entry(condition).or_default() += 1;
    }
}
