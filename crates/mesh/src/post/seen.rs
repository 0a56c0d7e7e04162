//! Numbers that were taken, as ranges, and the contents of the newest ones. A few hundred bytes however many there are.

use std::collections::VecDeque;

use base::limits::{POST_GAPS_MAX, POST_HASHES_MAX};

use super::ContentHash;
use super::parcel::{COUNTER_MAX, ParcelError, number, put, take};

/// The format of the bytes.
const VERSION: u8 = 1;

/// The numbers of one incarnation that one account has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// First and last of each range, in order; no two touch.
    ranges: Vec<(u64, u64)>,
    /// What the newest were, in the order in which they came.
    hashes: VecDeque<(u64, ContentHash)>,
}

impl Seen {
    /// Whether this number was taken.
    pub fn has(&self, counter: u64) -> bool {
        self.range_of(counter).is_some()
    }

    /// The number up to which all from `floor` on were taken; one below `floor` if that was not.
    pub fn through(&self, floor: u64) -> u64 {
        self.range_of(floor).map_or(floor - 1, |(_, last)| last)
    }

    /// What a number was, if it is one of the newest.
    pub fn hash_of(&self, counter: u64) -> Option<ContentHash> {
        self.hashes.iter().rev().find(|(c, _)| *c == counter).map(|(_, hash)| *hash)
    }

    /// Takes a number, and what it is, unless that is not known here. With more than [`POST_GAPS_MAX`] gaps the lowest
    /// counts as taken: what was to come there has another device of the account.
    pub fn take(&mut self, counter: u64, hash: Option<ContentHash>) {
        if let Some(hash) = hash {
            self.hashes.retain(|(c, _)| *c != counter);
            self.hashes.push_back((counter, hash));
            while self.hashes.len() > POST_HASHES_MAX {
                self.hashes.pop_front();
            }
        }
        if self.has(counter) {
            return;
        }
        let at = self.ranges.partition_point(|(first, _)| *first < counter);
        self.ranges.insert(at, (counter, counter));
        self.close_gap(at, 0);
        self.close_gap(at.wrapping_sub(1), 0);
        if self.ranges.len() > POST_GAPS_MAX + 1 {
            self.close_gap(0, u64::MAX);
        }
    }

    /// Makes one of the range at this place and the one behind it if no more than so many numbers lie between.
    fn close_gap(&mut self, at: usize, width: u64) {
        if let (Some((_, last)), Some((first, end))) = (self.ranges.get(at), self.ranges.get(at.wrapping_add(1)))
            && first - last - 1 <= width
        {
            self.ranges[at].1 = *end;
            self.ranges.remove(at + 1);
        }
    }

    fn range_of(&self, counter: u64) -> Option<(u64, u64)> {
        let at = self.ranges.partition_point(|(first, _)| *first <= counter);
        let range = self.ranges[..at].last()?;
        (range.1 >= counter).then_some(*range)
    }

    /// As it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put(&mut out, self.ranges.len() as u64);
        let mut before = 0;
        for (first, last) in &self.ranges {
            put(&mut out, first - before);
            put(&mut out, last - first);
            before = *last;
        }
        for (counter, hash) in &self.hashes {
            put(&mut out, *counter);
            out.extend_from_slice(hash);
        }
        out
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// If it is nothing that was stored.
    pub fn read(bytes: &[u8]) -> Result<Seen, ParcelError> {
        let mut rest = bytes;
        let [version] = take(&mut rest)?;
        if version != VERSION {
            return Err(ParcelError::Kind(version));
        }
        let mut seen = Seen::default();
        let ranges = number(&mut rest)?;
        if ranges > POST_GAPS_MAX as u64 + 1 {
            return Err(ParcelError::Number);
        }
        let mut before = 0u64;
        for _ in 0..ranges {
            let step = number(&mut rest)?;
            let first = before.checked_add(step).ok_or(ParcelError::Number)?;
            let last = first.checked_add(number(&mut rest)?).filter(|last| *last <= COUNTER_MAX);
            let last = last.ok_or(ParcelError::Number)?;
            // The next range does not touch the one before.
            if step == 0 || (before > 0 && step == 1) {
                return Err(ParcelError::Number);
            }
            seen.ranges.push((first, last));
            before = last;
        }
        while !rest.is_empty() {
            let counter = number(&mut rest)?;
            seen.hashes.push_back((counter, take(&mut rest)?));
            if seen.hashes.len() > POST_HASHES_MAX {
                return Err(ParcelError::Long);
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(counters: impl IntoIterator<Item = u64>) -> Seen {
        let mut seen = Seen::default();
        counters.into_iter().for_each(|counter| seen.take(counter, None));
        seen
    }

    #[track_caller]
    fn check(counters: &[u64], ranges: &[(u64, u64)]) {
        let seen = of(counters.iter().copied());
        assert_eq!(seen.ranges, ranges);
        assert_eq!(Seen::read(&seen.to_bytes()), Ok(seen));
    }

    #[test]
    fn ranges() {
        check(&[], &[]);
        check(&[1, 2, 3], &[(1, 3)]);
        check(&[3, 1, 2], &[(1, 3)]);
        check(&[5, 1, 3, 3], &[(1, 1), (3, 3), (5, 5)]);
        check(&[5, 1, 3, 4], &[(1, 1), (3, 5)]);
        check(&[COUNTER_MAX, 1], &[(1, 1), (COUNTER_MAX, COUNTER_MAX)]);
    }

    #[test]
    fn what_is_complete_from_a_floor() {
        let seen = of([1, 2, 3, 6, 7]);
        for (floor, through) in [(1, 3), (2, 3), (4, 3), (5, 4), (6, 7), (7, 7), (8, 7)] {
            assert_eq!(seen.through(floor), through, "{floor}");
        }
    }

    #[test]
    fn gaps_are_few() {
        let every_other = |gaps: usize| of((0..=gaps as u64).map(|n| 2 * n + 1));
        for gaps in [POST_GAPS_MAX - 1, POST_GAPS_MAX, POST_GAPS_MAX + 1, 10 * POST_GAPS_MAX] {
            let seen = every_other(gaps);
            assert_eq!(seen.ranges.len(), gaps.min(POST_GAPS_MAX) + 1);
            assert_eq!(seen.has(2), gaps > POST_GAPS_MAX, "the lowest gap goes first");
            assert!(!seen.has(2 * gaps as u64), "the highest stays");
            assert_eq!(Seen::read(&seen.to_bytes()), Ok(seen));
        }
    }

    #[test]
    fn the_newest_contents_are_known() {
        for count in [POST_HASHES_MAX - 1, POST_HASHES_MAX, POST_HASHES_MAX + 1, 10 * POST_HASHES_MAX] {
            let mut seen = Seen::default();
            (1..=count as u64).for_each(|counter| seen.take(counter, Some(counter.to_be_bytes())));
            assert_eq!(seen.hash_of(count as u64), Some((count as u64).to_be_bytes()));
            assert_eq!(seen.hash_of(1).is_some(), count <= POST_HASHES_MAX);
            assert!(seen.to_bytes().len() < 200);
            assert_eq!(Seen::read(&seen.to_bytes()), Ok(seen));
        }
    }

    #[test]
    fn what_was_not_stored_is_refused() {
        for bytes in [b"".as_slice(), b"\x02", b"\x01\x42", b"\x01\x01\0\0", b"\x01\x02\x01\0\x01\0", b"\x01\0\x01hash"]
        {
            assert!(Seen::read(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn as_a_set(counters in proptest::collection::vec(1..80u64, 0..60), floor in 1..90u64) {
            let (seen, set) = (of(counters.iter().copied()), counters.into_iter().collect::<BTreeSet<_>>());
            for counter in 0..90 {
                prop_assert_eq!(seen.has(counter), set.contains(&counter));
            }
            let through = (floor..).take_while(|c| set.contains(c)).last().unwrap_or(floor - 1);
            prop_assert_eq!(seen.through(floor), through);
            prop_assert_eq!(Seen::read(&seen.to_bytes()), Ok(seen));
        }
    }
}
