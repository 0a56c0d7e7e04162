//! One connection as the kernel and the wire have it: order is kept, only so much is under way at once.

use std::collections::VecDeque;
use std::time::Duration;

use base::Time;

/// Bytes that have left the server and that the client has not read: what socket buffers and the wire take.
pub(crate) const WINDOW_BYTES: usize = 65_536;

/// The wire between a client and its node.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// When the last piece arrives, each way: none arrives before one that was sent earlier.
    up: Time,
    down: Time,
    /// What the server has written and the window does not take yet.
    pub(crate) waiting: VecDeque<u8>,
    /// Bytes in the window.
    under_way: usize,
    /// What has arrived at a client that does not read.
    pub(crate) unread: Vec<u8>,
    /// The server wants to know when all has left.
    pub(crate) notify: bool,
    /// The server closes when all has left.
    pub(crate) closing: bool,
    /// Neither side hears the other any more, and none knows.
    pub(crate) dead: bool,
}

impl Pipe {
    /// When a piece that is sent now arrives at the node.
    pub(crate) fn arrives_up(&mut self, now: Time, delay: Duration) -> Time {
        self.up = self.up.max(now + delay);
        self.up
    }

    /// When a piece that is sent now arrives at the client.
    pub(crate) fn arrives_down(&mut self, now: Time, delay: Duration) -> Time {
        self.down = self.down.max(now + delay);
        self.down
    }

    /// What fits into the window of what waits.
    pub(crate) fn leave(&mut self) -> Vec<u8> {
        let room = WINDOW_BYTES - self.under_way;
        let leaving: Vec<u8> = self.waiting.drain(..room.min(self.waiting.len())).collect();
        self.under_way += leaving.len();
        leaving
    }

    /// The client has read so much.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.under_way -= bytes;
    }

    /// Whether all has left, and the server wants to know; it is told once.
    pub(crate) fn take_drained(&mut self) -> bool {
        self.waiting.is_empty() && std::mem::take(&mut self.notify)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_overtake() {
        let mut pipe = Pipe::default();
        assert_eq!(pipe.arrives_down(Time(10), Duration::from_micros(100)), Time(110));
        assert_eq!(pipe.arrives_down(Time(20), Duration::from_micros(5)), Time(110));
        assert_eq!(pipe.arrives_up(Time(20), Duration::from_micros(5)), Time(25));
    }

    #[test]
    fn what_is_not_read_stops_the_writer_at_the_window() {
        for (bytes, leaves) in
            [(WINDOW_BYTES - 1, WINDOW_BYTES - 1), (WINDOW_BYTES, WINDOW_BYTES), (WINDOW_BYTES + 1, WINDOW_BYTES)]
        {
            let mut pipe = Pipe { waiting: vec![0; bytes].into(), notify: true, ..Pipe::default() };
            assert_eq!(pipe.leave().len(), leaves);
            assert_eq!(pipe.take_drained(), bytes <= WINDOW_BYTES);
            pipe.read(leaves);
            assert_eq!(pipe.leave().len(), bytes - leaves);
        }
    }
}
