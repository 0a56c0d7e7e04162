//! The one place that reads the clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base::{Now, Time, Wall};

/// Both clocks of this process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Monotonic time counts from now.
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Reads both clocks.
    pub fn now(&self) -> Now {
        // A clock before 1970 is a clock that is wrong: it is told as it is, at the millisecond.
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Now { mono: Time(self.start.elapsed().as_micros() as u64), wall: Wall(wall) }
    }

    /// When a monotonic time is, for a timer.
    pub fn instant(&self, at: Time) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.start + std::time::Duration::from_micros(at.0))
    }
}
