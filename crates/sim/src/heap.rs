//! What will happen, in the order of time, and in the order in which it was arranged where the time is the same.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use base::Time;

/// Events to come.
#[derive(Debug)]
pub(crate) struct Heap<E> {
    events: BinaryHeap<Reverse<Due<E>>>,
    next: u64,
}

#[derive(Debug)]
struct Due<E> {
    at: Time,
    number: u64,
    event: E,
}

impl<E> Default for Heap<E> {
    fn default() -> Self {
        Heap { events: BinaryHeap::new(), next: 0 }
    }
}

impl<E> Heap<E> {
    /// Arranges an event.
    pub(crate) fn push(&mut self, at: Time, event: E) {
        let number = self.next;
        self.next += 1;
        self.events.push(Reverse(Due { at, number, event }));
    }

    /// When the next one is due.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.events.peek().map(|Reverse(due)| due.at)
    }

    /// The next one.
    pub(crate) fn pop(&mut self) -> Option<(Time, E)> {
        self.events.pop().map(|Reverse(due)| (due.at, due.event))
    }

    /// Calls off all others.
    pub(crate) fn retain(&mut self, stays: impl Fn(&E) -> bool) {
        self.events.retain(|Reverse(due)| stays(&due.event));
    }
}

impl<E> Due<E> {
    fn key(&self) -> (Time, u64) {
        (self.at, self.number)
    }
}

impl<E> PartialEq for Due<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Due<E> {}

impl<E> PartialOrd for Due<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Due<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_comes_first_and_then_the_order_of_arrangement() {
        let mut heap = Heap::default();
        for (at, event) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b')] {
            heap.push(Time(at), event);
        }
        heap.retain(|event| *event != 'c');
        let order: Vec<_> = std::iter::from_fn(|| heap.pop()).collect();
        assert_eq!(order, [(Time(1), 'a'), (Time(1), 'b'), (Time(2), 'd')]);
    }
}
