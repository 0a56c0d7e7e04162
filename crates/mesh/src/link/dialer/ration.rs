//! Attack case F06: dials without success are rationed over the whole node. A dial that makes a link costs nothing.

use std::time::Duration;

use base::Time;
use base::limits::{DIAL_BURST_MAX, DIAL_INTERVAL};

/// A bucket that fills by one dial in each [`DIAL_INTERVAL`].
#[derive(Debug)]
pub(super) struct Ration {
    left: u32,
    /// Up to when the bucket is filled.
    filled_at: Time,
}

impl Ration {
    pub(super) fn new(now: Time) -> Ration {
        Ration { left: DIAL_BURST_MAX, filled_at: now }
    }

    /// Takes one dial, if there is one.
    pub(super) fn take(&mut self, now: Time) -> bool {
        let drops = (now - self.filled_at).as_micros() / DIAL_INTERVAL.as_micros();
        self.filled_at = if drops >= u128::from(DIAL_BURST_MAX - self.left) {
            self.left = DIAL_BURST_MAX;
            now
        } else {
            self.left += drops as u32; // Fewer than a burst.
            self.filled_at + DIAL_INTERVAL * drops as u32
        };
        let taken = self.left > 0;
        self.left -= u32::from(taken);
        taken
    }

    /// A dial was no waste.
    pub(super) fn give_back(&mut self) {
        self.left = (self.left + 1).min(DIAL_BURST_MAX);
    }

    /// When there is a dial again; in the past if there is one.
    pub(super) fn next_at(&self) -> Time {
        self.filled_at + if self.left > 0 { Duration::ZERO } else { DIAL_INTERVAL }
    }
}
