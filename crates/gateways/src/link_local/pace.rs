//! Attack cases E06 and E08: so many at once, and one each so long after that.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use base::Time;
use base::limits::{ADDRESS_ATTEMPT_EVERY, ADDRESS_ATTEMPTS_BURST_MAX, ATTEMPTED_ADDRESSES_MAX};

/// One allowance, as a moment: when all that was spent will have come back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace(Time);

impl Pace {
    /// Spends one; false if there is none now.
    pub(super) fn take(&mut self, now: Time, every: Duration, burst: u32) -> bool {
        let spent = self.0.max(now);
        let may = spent - now <= every * burst.saturating_sub(1);
        if may {
            self.0 = spent + every;
        }
        may
    }
}

/// Connections of ours to each address, whoever announced it and with whatever port.
#[derive(Debug, Default)]
pub(super) struct Attempts(BTreeMap<IpAddr, Pace>);

impl Attempts {
    /// Whether an address may be tried now; it counts as tried then.
    pub(super) fn take(&mut self, now: Time, address: IpAddr) -> bool {
        if self.0.len() >= ATTEMPTED_ADDRESSES_MAX && !self.0.contains_key(&address) {
            self.0.retain(|_, pace| pace.0 > now);
            if self.0.len() >= ATTEMPTED_ADDRESSES_MAX {
                return false;
            }
        }
        self.0.entry(address).or_default().take(now, ADDRESS_ATTEMPT_EVERY, ADDRESS_ATTEMPTS_BURST_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_address_is_tried_so_often() {
        let most = ADDRESS_ATTEMPTS_BURST_MAX;
        for (tries, expect) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
            let (mut attempts, now, address) = (Attempts::default(), Time(7), Ipv4Addr::LOCALHOST.into());
            let may = (0..tries).filter(|_| attempts.take(now, address)).count();
            assert_eq!(may, expect as usize);
            assert!(attempts.take(now + ADDRESS_ATTEMPT_EVERY, address), "one more after a while");
        }
    }

    #[test]
    fn so_many_addresses_are_remembered() {
        let most = ATTEMPTED_ADDRESSES_MAX as u32;
        for (tries, expect) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
            let (mut attempts, now) = (Attempts::default(), Time(7));
            let may = (0..tries).filter(|n| attempts.take(now, Ipv4Addr::from_bits(*n).into())).count();
            assert_eq!(may, expect as usize);
            let later = now + ADDRESS_ATTEMPT_EVERY;
            assert!(attempts.take(later, Ipv4Addr::BROADCAST.into()), "what was long ago is forgotten");
        }
    }
}
