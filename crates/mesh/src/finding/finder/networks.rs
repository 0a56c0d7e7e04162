//! Networks come and go, and their responders with them; what we are called on each (RFC 8882).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use base::limits::NETWORKS_MAX;
use base::{Now, Time};

use super::{DAY_MS, Finder};
use crate::finding::network::{ABSENCE_MAX, Left, Name, Network};
use crate::finding::{Interface, NetworkId, Order, Output, Prefix, Sighting};

/// A name lives at least so long, whatever the calendar says: a clock that jumps to and fro makes no storm.
const NAME_AT_LEAST: Duration = Duration::from_secs(3600);

/// By how much more the calendar must have moved than the monotonic clock, which stands still while a laptop sleeps. Less is
/// a clock that is being set right.
const SLEPT_MS: i64 = 5000;

/// How long an address that was ours may still come back as an echo: the lifetime of an address record (RFC 6762, section 10).
const ECHO_MAX: Duration = Duration::from_secs(120);

/// Interfaces that were there and are remembered: a dock is pulled with all that hangs on it.
const LEFT_MAX: usize = 2 * NETWORKS_MAX;

impl Finder {
    pub(super) fn interfaces(&mut self, now: Now, interfaces: Vec<Interface>) {
        let mut before = std::mem::take(&mut self.interfaces);
        let had = before.values().flat_map(|interface| &interface.addresses);
        self.formerly.extend(had.map(|prefix| (prefix.ip, now.mono)));
        self.formerly.retain(|_, at| now.mono - *at < ECHO_MAX);
        self.interfaces = interfaces.into_iter().map(|interface| (interface.index, interface)).collect();
        let loopback = self.config.loopback;
        let usable = self.interfaces.values().filter(|interface| interface.is_usable(loopback));
        let mut usable: Vec<Interface> = usable.cloned().collect();
        // The cables of virtual machines and containers have link-local addresses only, and come after all others.
        usable.sort_by_key(|i| (i.loopback, !i.wireless && i.prefixes().is_empty(), i.index));
        usable.truncate(NETWORKS_MAX);

        let stays = |id: &NetworkId, network: &Network| {
            usable.iter().any(|interface| interface.index == *id && interface.name == network.interface)
        };
        let leaving: Vec<_> =
            self.networks.iter().filter(|(id, network)| !stays(id, network)).map(|(id, _)| *id).collect();
        for id in leaving {
            self.leave(now.mono, id);
        }
        let mut is_new = false;
        for interface in usable {
            if self.networks.contains_key(&interface.index) {
                let before = before.remove(&interface.index).map(|before| before.addresses).unwrap_or_default();
                self.readdressed(now, &interface, &before);
            } else {
                is_new = true;
                self.join(now, &interface);
            }
        }
        if is_new {
            // What could not be reached from the old network may be reached from the new one.
            self.offer_all_manual(now.mono);
        }
    }

    fn join(&mut self, now: Now, interface: &Interface) {
        let prefixes = interface.prefixes();
        let name = match self.left.remove(&interface.name) {
            Some(left) if left.is_same(now.mono, &prefixes) => left.name,
            _ => Name::new(self.names.draw(), self.day(now), now.mono),
        };
        let network = Network::new(interface.name.clone(), prefixes, name, now.mono);
        self.networks.insert(interface.index, network);
        self.order(Order::Start { network: interface.index, guard: interface.guard() });
    }

    fn leave(&mut self, now: Time, id: NetworkId) {
        let Some(network) = self.networks.remove(&id) else { return };
        self.stop(now, id);
        self.left.retain(|_, left| now - left.at <= ABSENCE_MAX);
        if self.left.len() < LEFT_MAX {
            self.left.insert(network.interface, Left { at: now, prefixes: network.prefixes, name: network.name });
        }
    }

    /// The responder of a network ends, or has ended: what it heard is worth nothing any more.
    fn stop(&mut self, now: Time, id: NetworkId) {
        self.order(Order::Stop { network: id });
        self.twins.retain(|twin, of| *twin != id && *of != id);
        let heard: Vec<_> = self.neighbours.iter().filter(|(_, n)| n.networks().any(|at| at == id)).collect();
        let heard: Vec<_> = heard.into_iter().map(|(instance, _)| instance.clone()).collect();
        for instance in heard {
            self.lost(now, id, &instance);
        }
    }

    fn restart(&mut self, now: Time, id: NetworkId) {
        if !self.networks.get(&id).is_some_and(Network::is_running) {
            return;
        }
        self.stop(now, id);
        self.run(now, id);
    }

    fn run(&mut self, now: Time, id: NetworkId) {
        if let Some(network) = self.networks.get_mut(&id) {
            network.run(now);
            network.announced = false;
        }
        let guard = self.interfaces.get(&id).map(Interface::guard).unwrap_or_default();
        self.order(Order::Start { network: id, guard });
    }

    fn readdressed(&mut self, now: Now, interface: &Interface, before: &BTreeSet<Prefix>) {
        let id = interface.index;
        if *before == interface.addresses {
            return;
        }
        let prefixes = interface.prefixes();
        if self.networks[&id].is_other(&prefixes) {
            self.rename(now, id);
        }
        if let Some(network) = self.networks.get_mut(&id)
            && !prefixes.is_empty()
        {
            network.prefixes = prefixes;
        }
        if interface.addresses.is_superset(before) {
            if self.networks[&id].is_running() {
                self.order(Order::Look { network: id, guard: interface.guard() });
            }
        } else {
            // A responder does not unlearn its own addresses at once by itself.
            self.restart(now.mono, id);
        }
    }

    pub(super) fn failed(&mut self, now: Time, id: NetworkId) {
        let Some(network) = self.networks.get_mut(&id).filter(|network| network.is_running()) else { return };
        network.rest(now);
        self.stop(now, id);
    }

    pub(super) fn wake_rested(&mut self, now: Time) {
        let due = |network: &Network| network.rests_until().is_some_and(|until| until <= now);
        let due: Vec<_> = self.networks.iter().filter(|(_, network)| due(network)).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|id| self.run(now, id));
    }

    pub(super) fn next_rested(&self) -> Option<Time> {
        self.networks.values().filter_map(Network::rests_until).min()
    }

    /// After a sleep the network may be another one, and sockets of before may be deaf.
    pub(super) fn notice_sleep(&mut self, now: Now) {
        let Some(last) = self.last.replace(now) else { return };
        let awake_ms = i64::try_from((now.mono - last.mono).as_millis()).unwrap_or(i64::MAX);
        if now.wall.0.saturating_sub(last.wall.0).saturating_sub(awake_ms) > SLEPT_MS {
            let all: Vec<_> = self.networks.keys().copied().collect();
            all.into_iter().for_each(|id| self.restart(now.mono, id));
        }
    }

    /// The day that names are for, by this laptop's own count.
    fn day(&self, now: Now) -> i64 {
        now.wall.0.saturating_add(self.shift_ms).div_euclid(DAY_MS)
    }

    fn rename(&mut self, now: Now, id: NetworkId) {
        let name = Name::new(self.names.draw(), self.day(now), now.mono);
        self.withdraw(id);
        if let Some(network) = self.networks.get_mut(&id) {
            network.name = name;
        }
    }

    fn withdraw(&mut self, id: NetworkId) {
        let Some(network) = self.networks.get_mut(&id).filter(|network| network.announced) else { return };
        network.announced = false;
        let instance = network.name.instance.clone();
        self.order(Order::Withdraw { network: id, instance });
        self.twins.retain(|_, of| *of != id);
    }

    pub(super) fn rename_for_the_day(&mut self, now: Now) {
        let today = self.day(now);
        let old = |network: &Network| network.name.day != today && now.mono - network.name.since >= NAME_AT_LEAST;
        let old: Vec<_> = self.networks.iter().filter(|(_, network)| old(network)).map(|(id, _)| *id).collect();
        old.into_iter().for_each(|id| self.rename(now, id));
    }

    pub(super) fn next_day(&self, now: Now) -> Option<Time> {
        let rest_ms = DAY_MS - now.wall.0.saturating_add(self.shift_ms).rem_euclid(DAY_MS);
        let day_ends = now.mono + Duration::from_millis(rest_ms.unsigned_abs());
        let today = self.day(now);
        let due =
            |network: &Network| if network.name.day == today { day_ends } else { network.name.since + NAME_AT_LEAST };
        self.networks.values().map(due).min()
    }

    /// Announces what is not announced and should be.
    pub(super) fn announce(&mut self) {
        let (port, twins) = (self.config.port, &self.twins);
        for (id, network) in &mut self.networks {
            if network.announced || !network.is_running() || !network.name.is_usable() || twins.contains_key(id) {
                continue;
            }
            network.announced = true;
            let instance = network.name.instance.clone();
            self.outputs.push_back(Output::Order(Order::Announce { network: *id, instance, port }));
        }
    }

    /// A name of ours was heard: an echo of ourselves, or somebody who claims it.
    pub(super) fn seen_own(&mut self, now: Now, sighting: &Sighting) {
        let owner = self.networks.iter().find(|(_, network)| network.name.instance == sighting.instance);
        let Some(owner) = owner.map(|(id, _)| *id) else { return };
        if !sighting.addresses.iter().any(|address| self.is_self(*address)) {
            return self.contested(now, owner);
        }
        if owner == sighting.network {
            if let Some(network) = self.networks.get_mut(&owner) {
                network.heard = true;
            }
        } else if owner < sighting.network {
            self.withdraw(sighting.network);
            self.twins.insert(sighting.network, owner);
        }
    }

    fn contested(&mut self, now: Now, id: NetworkId) {
        self.withdraw(id);
        let name = self.names.draw();
        if let Some(network) = self.networks.get_mut(&id) {
            network.name.contested(name, now.mono);
        }
    }

    pub(super) fn is_self(&self, address: SocketAddr) -> bool {
        let owned = || self.interfaces.values().any(|interface| interface.owns(address.ip()));
        address.port() == self.config.port && (owned() || self.formerly.contains_key(&address.ip()))
    }
}
