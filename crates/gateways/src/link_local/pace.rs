//! Attack cases E06 and E08: so many at once, and one each so long after that; by address, whatever the names and ports.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use base::Time;
use base::limits::NEARBY_PACED_MAX;

/// One allowance, as a moment: when all that was spent will have come back.
#[derive(Clone, Copy, Debug, Default)]
struct Pace(Time);

impl Pace {
    /// Spends one; false if there is none now.
    fn take(&mut self, now: Time, every: Duration, burst: u32) -> bool {
        let spent = self.0.max(now);
        let may = spent - now <= every * burst.saturating_sub(1);
        if may {
            self.0 = spent + every;
        }
        may
    }
}

/// One allowance for each address.
#[derive(Debug)]
pub(super) struct Paces {
    every: Duration,
    burst: u32,
    spent: BTreeMap<IpAddr, Pace>,
}

impl Paces {
    pub(super) fn new(every: Duration, burst: u32) -> Paces {
        Paces { every, burst, spent: BTreeMap::new() }
    }

    /// Spends one of an address; false if it has none now.
    pub(super) fn take(&mut self, now: Time, address: IpAddr) -> bool {
        if self.spent.len() >= NEARBY_PACED_MAX && !self.spent.contains_key(&address) {
            self.spent.retain(|_, pace| pace.0 > now);
            if self.spent.len() >= NEARBY_PACED_MAX {
                return false;
            }
        }
        self.spent.entry(address).or_default().take(now, self.every, self.burst)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use base::limits::{NEARBY_LOOK_EVERY, NEARBY_LOOKS_BURST_MAX};

    use super::*;

    const EVERY: Duration = Duration::from_secs(10);

    #[test]
    fn an_address_has_so_many() {
        for (every, most) in [(EVERY, 8), (NEARBY_LOOK_EVERY, NEARBY_LOOKS_BURST_MAX)] {
            for (tries, expect) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
                let (mut paces, now, address) = (Paces::new(every, most), Time(7), Ipv4Addr::LOCALHOST.into());
                let may = (0..tries).filter(|_| paces.take(now, address)).count();
                assert_eq!(may, expect as usize);
                assert!(paces.take(now + every, address), "one more after a while");
                if tries >= most {
                    assert!(!paces.take(now + every, address), "and no more than one");
                }
            }
        }
    }

    #[test]
    fn so_many_addresses_are_remembered() {
        let most = NEARBY_PACED_MAX as u32;
        for (tries, expect) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
            let (mut paces, now) = (Paces::new(EVERY, 8), Time(7));
            let may = (0..tries).filter(|n| paces.take(now, Ipv4Addr::from_bits(*n).into())).count();
            assert_eq!(may, expect as usize);
            assert!(paces.take(now + EVERY, Ipv4Addr::BROADCAST.into()), "what was long ago is forgotten");
        }
    }
}
