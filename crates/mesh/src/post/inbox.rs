//! What one account has taken of one device: a lasting parcel is taken once, and not before those that stand before it.
//!
//! A duplicate is the same number *and*, as far as that is remembered, the same content. What comes too early is passed
//! over: its author says it again. What another device of the account has taken first comes as a copy, in any order.

use base::Wall;
use base::limits::RECEIVED_INCARNATIONS_MAX;

use super::parcel::ParcelError;
use super::{ContentHash, Seen};

/// What to do with a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is new, and all before it are there.
    New,
    /// It was taken before.
    Duplicate,
    /// Something that stands before it has not come.
    TooEarly,
}

/// What was taken of one incarnation of a device; a row of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which.
    pub incarnation: u64,
    /// The numbers.
    pub seen: Seen,
    /// How often it was written. The store takes the next one only: if one write fails, so do all behind it.
    pub changes: i64,
    /// When something was taken last, by our calendar: the oldest is forgotten first.
    pub used: Wall,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    marks: Vec<Mark>,
}

impl Inbox {
    /// What the store remembers: incarnation, numbers, changes, and when it was used, of each row. A row that a disk has
    /// spoilt counts as one that has taken nothing.
    pub fn new(rows: impl IntoIterator<Item = (u64, Vec<u8>, i64, Wall)>) -> Inbox {
        let marks = rows.into_iter().map(|(incarnation, seen, changes, used)| {
            let seen: Result<Seen, ParcelError> = Seen::read(&seen);
            Mark { incarnation, seen: seen.unwrap_or_default(), changes, used }
        });
        Inbox { marks: marks.collect() }
    }

    /// What to do with a parcel that its author says.
    pub fn judge(&self, incarnation: u64, counter: u64, floor: u64, hash: &ContentHash) -> Verdict {
        let Some(seen) = self.seen(incarnation) else {
            return if counter == floor { Verdict::New } else { Verdict::TooEarly };
        };
        if seen.has(counter) {
            let other = seen.hash_of(counter).is_some_and(|known| known != *hash);
            return if other { Verdict::New } else { Verdict::Duplicate };
        }
        if seen.through(floor) + 1 >= counter { Verdict::New } else { Verdict::TooEarly }
    }

    /// Whether a copy is new that another device of the account has.
    pub fn judge_copy(&self, incarnation: u64, counter: u64) -> Verdict {
        if self.seen(incarnation).is_some_and(|seen| seen.has(counter)) { Verdict::Duplicate } else { Verdict::New }
    }

    /// Takes a number. What comes back is to be written.
    pub fn take(&mut self, incarnation: u64, counter: u64, hash: Option<ContentHash>, now: Wall) -> &Mark {
        let at = match self.marks.iter().position(|mark| mark.incarnation == incarnation) {
            Some(at) => at,
            None => {
                while self.marks.len() >= RECEIVED_INCARNATIONS_MAX {
                    let oldest = self.marks.iter().min_by_key(|mark| (mark.used, mark.incarnation as i64));
                    let oldest = oldest.map(|mark| mark.incarnation);
                    self.marks.retain(|mark| Some(mark.incarnation) != oldest);
                }
                self.marks.push(Mark { incarnation, seen: Seen::default(), changes: 0, used: now });
                self.marks.len() - 1
            }
        };
        let mark = &mut self.marks[at];
        mark.seen.take(counter, hash);
        mark.changes += 1;
        mark.used = now;
        mark
    }

    /// What may be confirmed: all from `floor` to this.
    pub fn through(&self, incarnation: u64, floor: u64) -> u64 {
        self.seen(incarnation).map_or(floor - 1, |seen| seen.through(floor))
    }

    fn seen(&self, incarnation: u64) -> Option<&Seen> {
        self.marks.iter().find(|mark| mark.incarnation == incarnation).map(|mark| &mark.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::super::content_hash;
    use super::*;

    const NOW: Wall = Wall(0);

    /// Takes what is new of `(counter, floor, content)`.
    fn hear(inbox: &mut Inbox, incarnation: u64, counter: u64, floor: u64, content: &str) -> Verdict {
        let hash = content_hash(content.as_bytes());
        let verdict = inbox.judge(incarnation, counter, floor, &hash);
        if verdict == Verdict::New {
            inbox.take(incarnation, counter, Some(hash), NOW);
        }
        verdict
    }

    #[test]
    fn once_and_in_order() {
        let mut inbox = Inbox::default();
        for (counter, floor, content, expect) in [
            (2, 1, "b", Verdict::TooEarly),
            (1, 1, "a", Verdict::New),
            (3, 1, "c", Verdict::TooEarly),
            (2, 1, "b", Verdict::New),
            (1, 1, "a", Verdict::Duplicate),
            (2, 2, "b", Verdict::Duplicate),
            (3, 2, "c", Verdict::New),
            // What was between has expired, or another device has it.
            (9, 9, "i", Verdict::New),
            (11, 9, "k", Verdict::TooEarly),
            (10, 9, "j", Verdict::New),
            (11, 9, "k", Verdict::New),
        ] {
            assert_eq!(hear(&mut inbox, 1, counter, floor, content), expect, "{counter}");
        }
        assert_eq!((inbox.through(1, 1), inbox.through(1, 9)), (3, 11));
    }

    /// Attack case B24: a number with another content is no duplicate.
    #[test]
    fn a_restored_backup_repeats_nothing_and_loses_nothing() {
        let mut inbox = Inbox::default();
        assert_eq!(hear(&mut inbox, 1, 1, 1, "before"), Verdict::New);
        // As it should be: who starts again counts in another incarnation.
        assert_eq!(hear(&mut inbox, 2, 1, 1, "after"), Verdict::New);
        // And if it did not: the words are other ones.
        assert_eq!(hear(&mut inbox, 1, 1, 1, "after"), Verdict::New);
        assert_eq!(hear(&mut inbox, 1, 1, 1, "after"), Verdict::Duplicate);
    }

    #[test]
    fn copies_come_in_any_order_and_once() {
        let mut inbox = Inbox::default();
        assert_eq!(hear(&mut inbox, 1, 5, 5, "e"), Verdict::New);
        for (counter, expect) in
            [(5, Verdict::Duplicate), (3, Verdict::New), (2, Verdict::New), (3, Verdict::Duplicate)]
        {
            assert_eq!(inbox.judge_copy(1, counter), expect, "{counter}");
            inbox.take(1, counter, None, NOW);
        }
        assert_eq!(hear(&mut inbox, 1, 3, 1, "c"), Verdict::Duplicate, "its author says it, too");
        assert_eq!(hear(&mut inbox, 1, 6, 5, "f"), Verdict::New);
    }

    #[test]
    fn few_incarnations_are_remembered() {
        let most = RECEIVED_INCARNATIONS_MAX as u64;
        for count in [most - 1, most, most + 1, 10 * most] {
            let mut inbox = Inbox::default();
            for incarnation in 1..=count {
                inbox.take(incarnation, 1, None, Wall(incarnation as i64));
            }
            assert_eq!(inbox.marks.len() as u64, count.min(most));
            assert_eq!(inbox.judge_copy(count, 1), Verdict::Duplicate);
            assert_eq!(inbox.judge_copy(1, 1) == Verdict::Duplicate, count <= most, "the oldest goes first");
        }
    }

    #[test]
    fn rows_are_read_back() {
        let mut inbox = Inbox::default();
        let mark = inbox.take(7, 3, Some([1; 8]), Wall(5)).clone();
        assert_eq!(mark.changes, 1);
        let rows = [(7, mark.seen.to_bytes(), mark.changes, mark.used), (8, b"spoilt".to_vec(), 2, Wall(1))];
        let mut again = Inbox::new(rows);
        assert_eq!(again.judge(7, 3, 3, &[1; 8]), Verdict::Duplicate);
        assert_eq!(again.take(7, 4, None, Wall(6)).changes, 2);
        assert_eq!(again.judge(8, 1, 1, &[1; 8]), Verdict::New);
    }
}
