//! How often announcements may make us dial (attack cases E08, E17): so many at once and so many a second in all, and far
//! fewer at one address, whoever announced it and with whatever port.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use base::Time;
use base::limits::{
    ADDRESS_ATTEMPT_EVERY, ADDRESS_ATTEMPTS_BURST_MAX, ANNOUNCED_ATTEMPTS_BURST_MAX, ANNOUNCED_ATTEMPTS_PER_SECOND_MAX,
    ATTEMPTED_ADDRESSES_MAX,
};

/// Time between two attempts when many wait.
const EVERY: Duration = Duration::from_micros(1_000_000 / ANNOUNCED_ATTEMPTS_PER_SECOND_MAX as u64);

/// One allowance, as a moment: when all that was spent will have come back.
#[derive(Clone, Copy, Default)]
struct Spent(Time);

impl Spent {
    /// When one more may be spent: not after `now` means at once.
    fn next(self, every: Duration, burst: u32) -> Time {
        let room = every * burst.saturating_sub(1);
        Time(self.0.0.saturating_sub(u64::try_from(room.as_micros()).unwrap_or(u64::MAX)))
    }

    fn spend(&mut self, now: Time, every: Duration) {
        self.0 = self.0.max(now) + every;
    }
}

/// What was spent lately.
#[derive(Default)]
pub(super) struct Attempts {
    all: Spent,
    by_address: BTreeMap<IpAddr, Spent>,
}

impl Attempts {
    /// When an attempt of any kind may be made.
    pub(super) fn next(&self) -> Time {
        self.all.next(EVERY, ANNOUNCED_ATTEMPTS_BURST_MAX)
    }

    /// When an address may be tried.
    pub(super) fn next_at(&self, address: IpAddr) -> Time {
        let spent = self.by_address.get(&address).copied().unwrap_or_default();
        spent.next(ADDRESS_ATTEMPT_EVERY, ADDRESS_ATTEMPTS_BURST_MAX)
    }

    /// How much an address has been tried lately: who was tried least is tried next.
    pub(super) fn weight(&self, address: IpAddr) -> Time {
        self.by_address.get(&address).map_or(Time(0), |spent| spent.0)
    }

    /// Notes one attempt.
    pub(super) fn spend(&mut self, now: Time) {
        self.all.spend(now, EVERY);
    }

    /// Notes that an address is part of it. False if no more addresses can be remembered: then it may not be tried.
    pub(super) fn spend_at(&mut self, now: Time, address: IpAddr) -> bool {
        if self.by_address.len() >= ATTEMPTED_ADDRESSES_MAX && !self.by_address.contains_key(&address) {
            self.by_address.retain(|_, spent| spent.0 > now);
            if self.by_address.len() >= ATTEMPTED_ADDRESSES_MAX {
                return false;
            }
        }
        self.by_address.entry(address).or_default().spend(now, ADDRESS_ATTEMPT_EVERY);
        true
    }

    /// How many addresses are remembered.
    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.by_address.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these many attempts are allowed at this moment.
    fn allowed(attempts: &mut Attempts, now: Time, tries: u32) -> u32 {
        (0..tries)
            .filter(|_| {
                attempts.next() <= now && {
                    attempts.spend(now);
                    true
                }
            })
            .count() as u32
    }

    #[test]
    fn e17_so_many_at_once_and_so_many_a_second() {
        let (mut attempts, start) = (Attempts::default(), Time(5_000_000));
        assert_eq!(allowed(&mut attempts, start, 10 * ANNOUNCED_ATTEMPTS_BURST_MAX), ANNOUNCED_ATTEMPTS_BURST_MAX);
        let second = start + Duration::from_secs(1);
        assert_eq!(allowed(&mut attempts, second, 1000), ANNOUNCED_ATTEMPTS_PER_SECOND_MAX);
        let rested = second + Duration::from_secs(60);
        assert_eq!(allowed(&mut attempts, rested, 1000), ANNOUNCED_ATTEMPTS_BURST_MAX);
    }

    #[test]
    fn e08_a_third_party_is_hardly_bothered() {
        let (mut attempts, start, victim) = (Attempts::default(), Time(0), IpAddr::from([10, 0, 0, 9]));
        let mut tried = 0;
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            while attempts.next_at(victim) <= now && attempts.spend_at(now, victim) {
                tried += 1;
            }
        }
        assert_eq!(tried, ADDRESS_ATTEMPTS_BURST_MAX + 599 / ADDRESS_ATTEMPT_EVERY.as_secs() as u32);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut attempts = Attempts::default();
        let address = |n: usize| IpAddr::from((0x0a00_0000 + n as u32).to_be_bytes());
        let refused = (0..10 * ATTEMPTED_ADDRESSES_MAX).filter(|n| !attempts.spend_at(Time(0), address(*n))).count();
        assert_eq!((attempts.remembered(), refused), (ATTEMPTED_ADDRESSES_MAX, 9 * ATTEMPTED_ADDRESSES_MAX));
        // Those that are remembered may still be tried, and room comes back.
        assert!(attempts.spend_at(Time(0), address(0)));
        assert!(attempts.spend_at(Time(0) + 3 * ADDRESS_ATTEMPT_EVERY, address(ATTEMPTED_ADDRESSES_MAX)));
    }
}
