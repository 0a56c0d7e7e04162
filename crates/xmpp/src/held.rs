//! RFC 6120 section 10.1: what may not leave for a client before a write is durable, and everything behind it, in order.

use std::collections::VecDeque;

use base::Ticket;

use crate::session::What;

/// Bytes on their way to a client.
pub(crate) struct Outgoing {
    /// The write that must be durable first.
    pub(crate) after: Ticket,
    pub(crate) bytes: Vec<u8>,
    pub(crate) what: What,
}

/// A session's queue of them.
pub(crate) struct Held {
    queue: VecDeque<Outgoing>,
    bytes: usize,
    /// How many answers are among them.
    answers: usize,
    /// The newest write whose end will be told to this queue.
    told: Ticket,
}

impl Held {
    pub(crate) fn new() -> Held {
        Held { queue: VecDeque::new(), bytes: 0, answers: 0, told: Ticket(0) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many bytes wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The store's numbers of what waits.
    pub(crate) fn copies(&self) -> impl Iterator<Item = i64> {
        self.queue.iter().filter_map(|o| o.what.copy())
    }

    /// The write behind which all answers that wait have left, if some wait.
    pub(crate) fn answers_until(&self) -> Option<Ticket> {
        (self.answers > 0).then_some(self.told)
    }

    /// Puts something behind all the rest. Gives the write whose end must be told, if nobody has arranged that yet.
    pub(crate) fn push(&mut self, outgoing: Outgoing) -> Option<Ticket> {
        let after = outgoing.after;
        self.bytes += outgoing.bytes.len();
        self.answers += usize::from(outgoing.what == What::Answer);
        self.queue.push_back(outgoing);
        let news = after > self.told;
        self.told = self.told.max(after);
        news.then_some(after)
    }

    /// The next that may leave, when everything up to a write is durable.
    pub(crate) fn pop(&mut self, settled: Ticket) -> Option<Outgoing> {
        self.queue.front().filter(|o| o.after <= settled)?;
        let outgoing = self.queue.pop_front()?;
        self.bytes -= outgoing.bytes.len();
        self.answers -= usize::from(outgoing.what == What::Answer);
        Some(outgoing)
    }

    /// A write has failed: what waited for it does not leave.
    pub(crate) fn drop_failed(&mut self, ticket: Ticket) {
        self.queue.retain(|o| o.after != ticket);
        self.bytes = self.queue.iter().map(|o| o.bytes.len()).sum();
        self.answers = self.queue.iter().filter(|o| o.what == What::Answer).count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(after: u64, bytes: usize) -> Outgoing {
        Outgoing { after: Ticket(after), bytes: vec![0; bytes], what: What::Stanza }
    }

    /// What leaves, by its length.
    fn leaves(held: &mut Held, settled: u64) -> Vec<usize> {
        std::iter::from_fn(|| held.pop(Ticket(settled))).map(|o| o.bytes.len()).collect()
    }

    #[test]
    fn nothing_overtakes_and_each_write_is_asked_about_once() {
        let mut held = Held::new();
        for (after, bytes, asks) in
            [(1, 10, Some(1)), (1, 11, None), (0, 12, None), (2, 13, Some(2)), (1, 14, None), (2, 15, None)]
        {
            assert_eq!(held.push(outgoing(after, bytes)), asks.map(Ticket), "{bytes}");
        }
        assert_eq!(held.bytes(), 75);
        assert_eq!(leaves(&mut held, 0), [] as [usize; 0]);
        assert_eq!(leaves(&mut held, 1), [10, 11, 12]);
        assert_eq!(held.bytes(), 42);
        held.drop_failed(Ticket(2));
        assert_eq!(held.bytes(), 14);
        assert_eq!(leaves(&mut held, 2), [14]);
        assert!(held.is_empty() && held.bytes() == 0);
    }

    #[test]
    fn answers_that_wait_are_known() {
        let mut held = Held::new();
        held.push(outgoing(1, 10));
        assert_eq!(held.answers_until(), None);
        held.push(Outgoing { what: What::Answer, ..outgoing(0, 1) });
        held.push(Outgoing { what: What::Answer, ..outgoing(2, 1) });
        held.push(outgoing(3, 1));
        assert_eq!(held.answers_until(), Some(Ticket(3)));
        assert_eq!(leaves(&mut held, 1), [10, 1]);
        assert_eq!(held.answers_until(), Some(Ticket(3)));
        held.drop_failed(Ticket(2));
        assert_eq!(held.answers_until(), None);
    }
}
