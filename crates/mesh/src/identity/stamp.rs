//! Design, section 3: which of two statements is the newer one, how long one holds, and whose clock is believed.
//!
//! Nobody else's time moves ours: a statement from beyond [`CLOCK_TOLERANCE`] is refused and changes nothing (attack cases
//! B26 and F03).

use std::time::Duration;

use base::Wall;
use base::limits::CLOCK_TOLERANCE;

/// The last second of the year 9999. No number of a statement is higher.
pub const SECOND_MAX: u64 = 253_402_300_799;

/// A calendar moment in whole seconds since 1970.
pub fn seconds(now: Wall) -> u64 {
    u64::try_from(now.0 / 1000).unwrap_or(0)
}

/// The highest sequence that is believed now. What lies beyond was made by a clock that is wrong, here or there.
pub fn ceiling(now: Wall) -> u64 {
    seconds(now).saturating_add(CLOCK_TOLERANCE.as_secs())
}

/// When a statement was made, and how long it holds. All in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Orders the statements of one scope: the highest is the one that holds.
    pub sequence: u64,
    /// When it was signed; not later than `sequence`.
    pub from: u64,
    /// Its last second, if it has one.
    pub until: Option<u64>,
}

/// Why a statement does not hold now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untimely {
    /// It was signed later than now: one of the two clocks is wrong.
    #[error("it was signed {seconds} seconds after the time that this computer's clock shows")]
    Early {
        /// How much later.
        seconds: u64,
    },
    /// It held until a time that has passed.
    #[error("it ended {seconds} seconds ago by this computer's clock")]
    Late {
        /// How long ago.
        seconds: u64,
    },
}

impl Stamp {
    /// The stamp of a new statement: its sequence is higher than `last`, the last one in its scope that is known. A `last`
    /// that a wrong clock has put beyond the [`ceiling`] is forgotten: others have refused it.
    pub fn next(last: Option<u64>, now: Wall, life: Option<Duration>) -> Stamp {
        let from = seconds(now).min(SECOND_MAX);
        let after = last.filter(|last| *last <= ceiling(now)).map_or(0, |last| last + 1);
        let until = life.map(|life| from.saturating_add(life.as_secs()).min(SECOND_MAX));
        Stamp { sequence: from.max(after).min(SECOND_MAX), from, until }
    }

    /// Whether it holds at this moment, as far as clocks can be believed.
    ///
    /// # Errors
    /// On which side it lies.
    pub fn check(&self, now: Wall) -> Result<(), Untimely> {
        let ceiling = ceiling(now);
        if self.sequence > ceiling {
            return Err(Untimely::Early { seconds: self.sequence - seconds(now) });
        }
        let ended = |until: &u64| until.saturating_add(CLOCK_TOLERANCE.as_secs()) < seconds(now);
        match self.until.filter(ended) {
            Some(until) => Err(Untimely::Late { seconds: seconds(now) - until }),
            None => Ok(()),
        }
    }

    /// Whether half of its time is over, or a clock that was wrong has dated it: its owner signs it anew.
    pub fn is_due(&self, now: Wall) -> bool {
        let half = self.until.map(|until| self.from + until.saturating_sub(self.from) / 2);
        self.sequence > ceiling(now) || half.is_some_and(|half| half <= seconds(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    const TODAY: u64 = 1_795_132_800;
    const IN_2099: u64 = 4_070_908_800;

    fn at(seconds: u64) -> Wall {
        Wall(seconds as i64 * 1000)
    }

    #[test]
    fn sequences_grow() {
        let tolerance = CLOCK_TOLERANCE.as_secs();
        for (last, now, expect) in [
            (None, TODAY, TODAY),
            (Some(TODAY - 5), TODAY, TODAY),
            (Some(TODAY), TODAY, TODAY + 1),
            (Some(TODAY + 100), TODAY, TODAY + 101),
            (Some(TODAY + tolerance), TODAY, TODAY + tolerance + 1),
            // B26: our own clock was wrong for a while, and everybody refused what we said then.
            (Some(TODAY + tolerance + 1), TODAY, TODAY),
            (Some(IN_2099), TODAY, TODAY),
            (Some(1 << 63), TODAY, TODAY),
            (Some(u64::MAX), TODAY, TODAY),
            // B22: a restored backup has forgotten the last ones; the clock has not.
            (Some(TODAY - 400 * DAY), TODAY, TODAY),
        ] {
            assert_eq!(Stamp::next(last, at(now), None).sequence, expect, "{last:?} {now}");
        }
        assert_eq!(Stamp::next(None, Wall(-5), None), Stamp { sequence: 0, from: 0, until: None });
        let last = Stamp::next(Some(u64::MAX), Wall(i64::MAX), Some(Duration::MAX));
        assert_eq!(last, Stamp { sequence: SECOND_MAX, from: SECOND_MAX, until: Some(SECOND_MAX) });
    }

    #[track_caller]
    fn check(now: u64, expect: Result<(), Untimely>) {
        let stamp = Stamp::next(None, at(TODAY), Some(Duration::from_secs(DAY)));
        assert_eq!(stamp.check(at(now)), expect, "{now}");
    }

    #[test]
    fn clocks_may_be_wrong_by_a_day_and_no_more() {
        let tolerance = CLOCK_TOLERANCE.as_secs();
        check(TODAY, Ok(()));
        check(TODAY - tolerance, Ok(()));
        check(TODAY - tolerance - 1, Err(Untimely::Early { seconds: tolerance + 1 }));
        check(TODAY + DAY, Ok(()));
        check(TODAY + DAY + tolerance, Ok(()));
        check(TODAY + DAY + tolerance + 1, Err(Untimely::Late { seconds: tolerance + 1 }));
        check(0, Err(Untimely::Early { seconds: TODAY }));
        check(IN_2099, Err(Untimely::Late { seconds: IN_2099 - TODAY - DAY }));
    }

    #[test]
    fn statements_are_renewed_in_time() {
        let stamp = Stamp::next(None, at(TODAY), Some(Duration::from_secs(DAY)));
        let behind = TODAY - CLOCK_TOLERANCE.as_secs();
        for (now, due) in [
            (TODAY, false),
            (TODAY + DAY / 2 - 1, false),
            (TODAY + DAY / 2, true),
            (behind, false),
            (behind - 1, true),
            (IN_2099, true),
        ] {
            assert_eq!(stamp.is_due(at(now)), due, "{now}");
        }
        assert!(!Stamp::next(None, at(TODAY), None).is_due(at(IN_2099)));
    }
}
