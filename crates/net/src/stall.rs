//! Attack case A22: a client that leaves its socket full is cut off when nothing has moved for long. Until then it holds
//! no more than its buffer may have; what it was sent and has not read waits in the store again.

use base::limits::CLIENT_BEHIND_TIME_MAX;
use tokio::time::Instant;

/// Until when something must move on a socket that is full.
#[derive(Debug, Default)]
pub(crate) struct Stall(Option<Instant>);

impl Stall {
    /// So many bytes were taken, and the socket is full. Only what moves gives more time.
    pub(crate) fn filled(&mut self, written: usize, now: Instant) {
        if written > 0 || self.0.is_none() {
            self.0 = Some(now + CLIENT_BEHIND_TIME_MAX);
        }
    }

    /// Everything was taken.
    pub(crate) fn emptied(&mut self) {
        self.0 = None;
    }

    /// When it is too late, if the socket is full.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_moves_gives_more_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut stall = Stall::default();
        assert_eq!(stall.deadline(), None);
        stall.filled(0, start);
        stall.filled(0, at(100));
        assert_eq!(stall.deadline(), Some(start + CLIENT_BEHIND_TIME_MAX));
        stall.filled(1, at(200));
        assert_eq!(stall.deadline(), Some(at(200) + CLIENT_BEHIND_TIME_MAX));
        stall.emptied();
        assert_eq!(stall.deadline(), None);
    }
}
