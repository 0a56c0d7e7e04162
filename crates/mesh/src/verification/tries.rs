//! Design, section 9: three tries an hour of two people, by who they are, on both sides, whatever link they use.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Time;
use base::limits::{
    VERIFICATION_ASKED_HOUR_MAX, VERIFICATION_BROKEN_MAX, VERIFICATION_TRIED_MAX, VERIFICATION_TRIES_MAX,
};

use crate::identity::PersonId;

const HOUR: Duration = Duration::from_secs(3600);

/// The tries of one account within the last hour.
#[derive(Debug, Default)]
pub(super) struct Tries {
    with: BTreeMap<PersonId, With>,
    /// When others asked.
    asked: Vec<Time>,
}

/// Those with one person.
#[derive(Debug, Default)]
struct With {
    /// When each began.
    begun: Vec<Time>,
    /// When their link ended under them.
    broken: Vec<Time>,
}

fn is_recent(now: Time) -> impl Fn(&Time) -> bool {
    move |at| now - *at < HOUR
}

impl Tries {
    /// Counts a try with somebody.
    ///
    /// # Errors
    /// When there may be another one: nothing was counted.
    pub(super) fn count(&mut self, now: Time, with: PersonId, asked: bool) -> Result<(), Duration> {
        for with in self.with.values_mut() {
            with.begun.retain(is_recent(now));
            with.broken.retain(is_recent(now));
        }
        self.with.retain(|_, with| !with.begun.is_empty() || !with.broken.is_empty());
        self.asked.retain(is_recent(now));
        let again = |first: Option<&Time>| first.map_or(HOUR, |first| HOUR.saturating_sub(now - *first));
        let tries = self.with.get(&with).map(|with| &with.begun);
        if tries.is_some_and(|tries| tries.len() >= VERIFICATION_TRIES_MAX) {
            return Err(again(tries.and_then(|tries| tries.first())));
        }
        if tries.is_none() && self.with.len() >= VERIFICATION_TRIED_MAX {
            return Err(again(self.with.values().filter_map(|with| with.begun.last()).min()));
        }
        if asked {
            if self.asked.len() >= VERIFICATION_ASKED_HOUR_MAX {
                return Err(again(self.asked.first()));
            }
            self.asked.push(now);
        }
        self.with.entry(with).or_default().begun.push(now);
        Ok(())
    }

    /// The link of a try has ended under it. Whether that is no more than happens by itself.
    pub(super) fn break_off(&mut self, now: Time, with: PersonId) -> bool {
        let Some(with) = self.with.get_mut(&with) else { return false };
        with.broken.retain(is_recent(now));
        let is_usual = with.broken.len() < VERIFICATION_BROKEN_MAX;
        if is_usual {
            with.broken.push(now);
        }
        is_usual
    }

    /// The last try with somebody was none.
    pub(super) fn give_back(&mut self, with: PersonId) {
        if let Some(with) = self.with.get_mut(&with) {
            with.begun.pop();
        }
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
    fn a_try_whose_link_ended_is_none_so_often_and_no_more() {
        let most = VERIFICATION_BROKEN_MAX;
        for (breaks, given_back) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
            let mut tries = Tries::default();
            let mut begun = 0;
            for n in 0..breaks {
                begun += usize::from(tries.count(minute(0), person(1), n % 2 == 0).is_ok());
                if tries.break_off(minute(0), person(1)) {
                    tries.give_back(person(1));
                }
            }
            let left = (0..10).filter(|_| tries.count(minute(0), person(1), false).is_ok()).count();
            assert_eq!(begun + left, VERIFICATION_TRIES_MAX + given_back, "{breaks}");
            assert!(tries.count(minute(60), person(1), false).is_ok() && tries.break_off(minute(60), person(1)));
        }
        let mut tries = Tries::default();
        assert!(!tries.break_off(minute(0), person(1)), "there was none");
        assert!(tries.with.is_empty());
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
