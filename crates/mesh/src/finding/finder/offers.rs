//! Who is offered to be dialled, and when (attack cases E08, E17); and why nobody is found (E12).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use base::Time;
use base::limits::MANUAL_ADDRESSES_MAX;

use super::{Finder, Link, Manual};
use crate::finding::reason::{Evidence, PATIENCE};
use crate::finding::{Instance, Key, Output};

/// Routes change in bursts; what a person named is not tried more often for that.
const MANUAL_EVERY: Duration = Duration::from_secs(10);

/// With many who wait, how often they are looked through: a flood of announcements costs no more than that.
const OFFER_EVERY: Duration = Duration::from_millis(50);

impl Finder {
    pub(super) fn routes(&mut self, now: Time) {
        if self.manual_offered.is_none_or(|at| now - at >= MANUAL_EVERY) {
            self.offer_all_manual(now);
        }
    }

    pub(super) fn offer_all_manual(&mut self, now: Time) {
        self.manual_offered = Some(now);
        let all: Vec<_> = self.manual.keys().copied().collect();
        all.into_iter().for_each(|address| self.offer_manual(address));
    }

    pub(super) fn manual(&mut self, address: SocketAddr) {
        if self.manual.len() >= MANUAL_ADDRESSES_MAX && !self.manual.contains_key(&address) {
            return;
        }
        self.manual.insert(address, Manual::default());
        self.offer_manual(address);
    }

    /// What a person named is tried at once: the limits are for what strangers announce.
    pub(super) fn offer_manual(&mut self, address: SocketAddr) {
        if self.manual.contains_key(&address) && !self.links.values().any(|link| link.remote == address) {
            let key = Key::Manual(address);
            self.outputs.push_back(Output::Candidate { key, addresses: vec![address] });
        }
    }

    /// Offers who waits, as far as the limits allow. Gives when the next may be.
    pub(super) fn offer(&mut self, now: Time) -> Option<Time> {
        let (links, attempts) = (&self.links, &self.attempts);
        let soonest = attempts.next().max(self.look_again);
        if soonest > now {
            return self.neighbours.iter().any(|(_, neighbour)| neighbour.waits.is_some()).then_some(soonest);
        }
        let mut waiting = Vec::new();
        for (instance, neighbour) in self.neighbours.iter_mut() {
            let Some(since) = neighbour.waits else { continue };
            if links.values().any(|link| link.is_to(instance, neighbour)) {
                // Its link ends some day; then it waits again.
                neighbour.waits = None;
                continue;
            }
            let weight = neighbour.addresses().into_iter().map(|address| attempts.weight(address.ip())).min();
            waiting.push((weight, since, instance.clone()));
        }
        // Who was bothered least comes first: one address with many names does not keep others waiting.
        waiting.sort();
        let mut later = Vec::new();
        for (_, _, instance) in waiting {
            let may = self.attempts.next();
            if may > now {
                later.push(may);
                break;
            }
            later.extend(self.offer_one(now, &instance).err());
        }
        let next = later.into_iter().min()?;
        self.look_again = now + OFFER_EVERY;
        Some(next.max(self.look_again))
    }

    /// Offers one with those of its addresses that may be tried. `Err`: none, until then.
    fn offer_one(&mut self, now: Time, instance: &Instance) -> Result<(), Time> {
        let Some(neighbour) = self.neighbours.get_mut(instance) else { return Ok(()) };
        let all = neighbour.addresses();
        let ips: BTreeSet<_> = all.iter().map(SocketAddr::ip).collect();
        let attempts = &mut self.attempts;
        let allowed: BTreeSet<_> =
            ips.iter().filter(|ip| attempts.next_at(**ip) <= now && attempts.spend_at(now, **ip)).collect();
        if allowed.is_empty() {
            let soonest = ips.iter().map(|ip| attempts.next_at(*ip)).min().unwrap_or(now);
            // Not before the clock has moved: then there may be room to remember the attempt.
            return Err(soonest.max(now + Duration::from_secs(1)));
        }
        attempts.spend(now);
        let addresses: Vec<_> = all.iter().filter(|address| allowed.contains(&address.ip())).copied().collect();
        (neighbour.waits, neighbour.unreachable) = (None, false);
        neighbour.offered = Some(all);
        self.outputs.push_back(Output::Candidate { key: Key::Announced(instance.clone()), addresses });
        Ok(())
    }

    /// Says why nobody is found, when that has changed. Gives when there will be more to say.
    pub(super) fn explain(&mut self, now: Time) -> Option<Time> {
        // Before the kernel has said anything there is nothing to explain.
        if self.interfaces.is_empty() {
            return None;
        }
        let is_silent = |link: &Link| self.is_silent(link);
        let found = self.neighbours.iter().any(|(_, neighbour)| !neighbour.unreachable)
            || self.links.values().any(|link| !is_silent(link));
        let evidence = if found { None } else { Some(self.evidence()) };
        let (reason, later) = match evidence {
            None => {
                self.alone = None;
                (None, None)
            }
            Some(evidence) => match evidence.at_once() {
                Some(reason) => {
                    self.alone = None;
                    (Some(reason), None)
                }
                None => {
                    let patient_until = *self.alone.get_or_insert(now) + PATIENCE;
                    let tired = now >= patient_until;
                    (tired.then(|| evidence.after_patience()), (!tired).then_some(patient_until))
                }
            },
        };
        if reason != self.reason {
            self.reason = reason;
            self.outputs.push_back(Output::Reason(reason));
        }
        later
    }

    /// Whether the other end is on a link of ours and was not announced there.
    fn is_silent(&self, link: &Link) -> bool {
        self.is_on_link(link.remote) && !self.neighbours.iter().any(|(name, neighbour)| link.is_to(name, neighbour))
    }

    fn is_on_link(&self, address: SocketAddr) -> bool {
        self.networks.keys().filter_map(|id| self.interfaces.get(id)).any(|i| i.on_link(address).is_some())
    }

    fn evidence(&self) -> Evidence {
        let unreachable = |(address, manual): (&SocketAddr, &Manual)| manual.unreachable && self.is_on_link(*address);
        Evidence {
            connected: self.interfaces.values().any(|interface| interface.is_connected(self.config.loopback)),
            shared: !self.networks.is_empty(),
            heard: self.networks.values().any(|network| network.heard),
            contradicted: self.neighbours.len() > 0
                || self.links.values().any(|link| self.is_silent(link))
                || self.manual.iter().any(unreachable),
            wireless: self.networks.keys().filter_map(|id| self.interfaces.get(id)).any(|i| i.wireless),
        }
    }
}
