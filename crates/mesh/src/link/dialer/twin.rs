//! Design, section 6: of two links between the same two nodes both sides keep the same one.

use std::net::SocketAddr;
use std::time::Duration;

use crate::link::interface::Event;

/// Two links that came up within this time were made because both sides dialled. Later, the older one is what the other
/// side has given up already, and the newer one stays.
const RACE_TIME: Duration = Duration::from_secs(5);

/// What both sides know of a link.
#[derive(Clone, Debug)]
pub(super) struct Twin {
    pub(super) remote: SocketAddr,
    pub(super) remote_key: [u8; 32],
    /// The key of whoever dialled, then what both sides derived: the same order on both sides. The first part decides
    /// between a dial from each side, the second between two dials from one.
    order: ([u8; 32], [u8; 32]),
}

impl Twin {
    /// Of a link that came up.
    pub(super) fn of(event: &Event) -> Option<Twin> {
        let Event::Up { exporter, local_key, remote_key, dialled, remote, .. } = event else { return None };
        let dialler = if *dialled { local_key } else { remote_key };
        Some(Twin { remote: *remote, remote_key: *remote_key, order: (*dialler, *exporter) })
    }

    /// Whether this link, which is new, is closed for one that has been there for some time.
    pub(super) fn gives_way_to(&self, other: &Twin, age: Duration) -> bool {
        age < RACE_TIME && other.order < self.order
    }
}
