//! Design, section 9: three tries an hour of two people, by who they are, on both sides, whatever link they use.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Time;
use base::limits::{VERIFICATION_ASKED_HOUR_MAX, VERIFICATION_TRIED_MAX, VERIFICATION_TRIES_MAX};

use crate::identity::PersonId;

const HOUR: Duration = Duration::from_secs(3600);

/// The tries of one account within the last hour.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// When each began.
    with: BTreeMap<PersonId, Vec<Time>>,
    /// When others asked.
    asked: Vec<Time>,
}

impl Tries {
    /// Counts a try with somebody.
    ///
    /// # Errors
    /// When there may be another one: nothing was counted.
    pub(super) fn count(&mut self, now: Time, with: PersonId, asked: bool) -> Result<(), Duration> {
        let is_recent = |at: &Time| now - *at < HOUR;
        self.with.values_mut().for_each(|tries| tries.retain(is_recent));
        self.with.retain(|_, tries| !tries.is_empty());
        self.asked.retain(is_recent);
        let again = |first: Option<&Time>| first.map_or(HOUR, |first| HOUR.saturating_sub(now - *first));
        let tries = self.with.get(&with);
        if tries.is_some_and(|tries| tries.len() >= VERIFICATION_TRIES_MAX) {
            return Err(again(tries.and_then(|tries| tries.first())));
        }
        if tries.is_none() && self.with.len() >= VERIFICATION_TRIED_MAX {
            return Err(again(self.with.values().filter_map(|tries| tries.last()).min()));
        }
        if asked {
            if self.asked.len() >= VERIFICATION_ASKED_HOUR_MAX {
                return Err(again(self.asked.first()));
            }
            self.asked.push(now);
        }
        self.with.entry(with).or_default().push(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: usize) -> PersonId {
        PersonId([n as u8; 32])
    }

    fn minute(n: u64) -> Time {
        Time(n * 60_000_000)
    }

    #[test]
    fn a_unit_of_time_is_what_the_tests_think() {
        assert_eq!(minute(1) - minute(0), Duration::from_secs(60));
    }

    #[test]
    fn two_people_try_three_times_an_hour() {
        let mut tries = Tries::default();
        for n in 0..VERIFICATION_TRIES_MAX as u64 {
            assert_eq!(tries.count(minute(n), person(1), n == 1), Ok(()));
        }
        for n in 3..30 {
            let left = Duration::from_secs(60 * (60 - n));
            assert_eq!(tries.count(minute(n), person(1), false), Err(left), "{n}");
        }
        assert_eq!(tries.count(minute(59), person(2), false), Ok(()), "others are others");
        assert_eq!(tries.count(minute(60), person(1), false), Ok(()));
        assert_eq!(tries.count(minute(60), person(1), false), Err(Duration::from_secs(60)));
    }

    #[test]
    fn those_who_ask_are_so_many_and_no_more() {
        let most = VERIFICATION_ASKED_HOUR_MAX;
        for (come, counted) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
            let mut tries = Tries::default();
            let ok = (0..come).filter(|n| tries.count(minute(0), person(*n % 250), true).is_ok()).count();
            assert_eq!(ok, counted.min(come));
            assert_eq!(tries.count(minute(1), person(251), false), Ok(()), "whom one asks oneself is counted apart");
        }
    }

    #[test]
    fn so_many_people_are_counted_and_no_more() {
        let most = VERIFICATION_TRIED_MAX;
        for (come, counted) in [(most - 1, most - 1), (most, most), (most + 1, most), (3 * most, most)] {
            let mut tries = Tries::default();
            assert_eq!((0..come).filter(|n| tries.count(minute(0), person(*n), false).is_ok()).count(), counted);
            assert_eq!(tries.with.len(), counted);
            assert_eq!(tries.count(minute(60), person(9), false), Ok(()));
        }
    }
}
