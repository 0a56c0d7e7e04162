//! What a shard says of itself to the person who runs the node: plain data from one moment.

use base::{ConnId, Wall};

use crate::shard::Shard;
use crate::tally::Tally;

/// What a shard is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Its sessions, by address.
    pub online: Vec<Online>,
    /// Accounts in memory; most of them because somebody is logged in.
    pub accounts: usize,
    /// Bytes of stanzas in memory: parked, held for the store, kept for XEP-0198.
    pub held_bytes: usize,
    /// What it has counted since it began.
    pub tally: Tally,
    /// Devices of other nodes in reach.
    pub in_reach: usize,
    /// What they said and was refused since the start: it was no parcel, or not from whom it said.
    pub parcels_refused: u64,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Online {
    /// Its full address.
    pub address: String,
    /// When it was bound.
    pub since: Wall,
    /// Its connection; `None` while a broken one may still be resumed.
    pub conn: Option<ConnId>,
    /// Whether it has said that it is available (RFC 6121 section 4.2).
    pub available: bool,
}

impl Shard {
    /// Walks over everything: for a person who asks, not for every second.
    pub(crate) fn report(&self) -> Report {
        let mut online: Vec<Online> = self
            .sessions
            .values()
            .map(|session| Online {
                address: session.jid.to_string(),
                since: session.since,
                conn: session.conn,
                available: session.presence.is_some(),
            })
            .collect();
        online.sort_by(|a, b| a.address.cmp(&b.address));
        Report {
            online,
            accounts: self.accounts.len(),
            held_bytes: self.held_bytes(),
            in_reach: self.peers.in_reach(),
            parcels_refused: self.peers.refused,
            tally: self.tally.clone(),
        }
    }
}
