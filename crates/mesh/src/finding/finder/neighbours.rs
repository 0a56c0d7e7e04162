//! What is announced of others, and what links say of it: a link is believed more (attack case E04).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use base::limits::NEIGHBOUR_ADDRESSES_MAX;
use base::{LinkId, Now, Time};

use super::{Finder, Link};
use crate::finding::neighbours::Neighbour;
use crate::finding::network::Network;
use crate::finding::{FORMAT, Instance, Key, NetworkId, Order, Output, Sighting};

/// How often one neighbour is asked whether it is there, whatever strangers say of it (attack case E04).
const VERIFY_EVERY: Duration = Duration::from_secs(10);

impl Finder {
    pub(super) fn seen(&mut self, now: Now, sighting: Sighting) {
        if !self.networks.get(&sighting.network).is_some_and(Network::is_running) {
            return;
        }
        if self.names.is_own(&sighting.instance) {
            return self.seen_own(now, &sighting);
        }
        let Some(interface) = self.interfaces.get(&sighting.network) else { return };
        let addresses = sighting.addresses.iter().filter_map(|address| interface.on_link(*address));
        let addresses: BTreeSet<_> =
            addresses.filter(|address| !self.is_self(*address)).take(NEIGHBOUR_ADDRESSES_MAX).collect();
        if sighting.format != Some(FORMAT) || addresses.is_empty() {
            // It was ours to dial before, perhaps, and is not now.
            return self.gone(now.mono, sighting.network, &sighting.instance);
        }
        self.hear(now.mono, sighting.network, sighting.instance, addresses);
    }

    fn hear(&mut self, now: Time, network: NetworkId, instance: Instance, addresses: BTreeSet<SocketAddr>) {
        if self.neighbours.get_mut(&instance).is_none()
            && let Some(first) = addresses.first()
        {
            let (links, names) = (&self.links, &mut self.names);
            let linked = |name: &Instance, n: &Neighbour| links.values().any(|link| link.is_to(name, n));
            match self.neighbours.victim(first.ip(), linked, |bound| names.below(bound)) {
                Ok(None) => {}
                Ok(Some(victim)) => self.remove(&victim),
                Err(_) => return,
            }
        }
        if self.neighbours.hear(now, network, &instance, addresses)
            && let Some(neighbour) = self.neighbours.get_mut(&instance)
            && neighbour.offered.as_ref() != Some(&neighbour.addresses())
        {
            neighbour.waits.get_or_insert(now);
        }
    }

    /// A responder says that an instance is gone. Anybody on the network can make it say so: a link is believed more (attack
    /// case E04).
    pub(super) fn gone(&mut self, now: Time, network: NetworkId, instance: &Instance) {
        // Two networks on one link have been parted.
        if self.names.is_own(instance) {
            let twin = self.twins.get(&network).and_then(|of| self.networks.get(of));
            if twin.is_some_and(|of| of.name.instance == *instance) {
                self.twins.remove(&network);
            }
            return;
        }
        if self.is_linked(instance) {
            if let Some(neighbour) = self.neighbours.get_mut(instance) {
                neighbour.doubt(network);
            }
            self.verify(now, instance);
        } else {
            self.lost(now, network, instance);
        }
    }

    /// A network has nothing to say of an instance any more.
    pub(super) fn lost(&mut self, now: Time, network: NetworkId, instance: &Instance) {
        let linked = self.is_linked(instance);
        let Some(neighbour) = self.neighbours.get_mut(instance) else { return };
        if linked {
            return neighbour.doubt(network);
        }
        if neighbour.forget(network) {
            neighbour.waits.get_or_insert(now);
        } else {
            self.remove(instance);
        }
    }

    fn remove(&mut self, instance: &Instance) {
        if let Some(gone) = self.neighbours.remove(instance)
            && gone.offered.is_some()
        {
            self.outputs.push_back(Output::CandidateGone { key: Key::Announced(instance.clone()) });
        }
    }

    fn verify(&mut self, now: Time, instance: &Instance) {
        let Some(neighbour) = self.neighbours.get_mut(instance) else { return };
        if neighbour.verified.is_some_and(|at| now - at < VERIFY_EVERY) {
            return;
        }
        neighbour.verified = Some(now);
        for network in neighbour.networks() {
            let order = Order::Verify { network, instance: instance.clone() };
            self.outputs.push_back(Output::Order(order));
        }
    }

    fn is_linked(&self, instance: &Instance) -> bool {
        let by_name = |link: &Link| matches!(&link.key, Some(Key::Announced(name)) if name == instance);
        let neighbour = self.neighbours.get(instance);
        self.links.values().any(|link| by_name(link) || neighbour.is_some_and(|n| n.has(link.remote)))
    }

    pub(super) fn link_up(&mut self, link: LinkId, key: Option<Key>, remote: SocketAddr) {
        if let Some(Key::Manual(address)) = &key
            && let Some(manual) = self.manual.get_mut(address)
        {
            manual.unreachable = false;
        }
        let link_value = Link { key, remote };
        for (instance, neighbour) in self.neighbours.iter_mut() {
            if link_value.is_to(instance, neighbour) {
                (neighbour.unreachable, neighbour.waits) = (false, None);
            }
        }
        self.links.insert(link, link_value);
    }

    /// Who had it is asked for, and offered again: whatever ended the link may be over.
    pub(super) fn link_down(&mut self, now: Time, id: LinkId) {
        let Some(link) = self.links.remove(&id) else { return };
        for instance in self.at_end_of(&link) {
            if self.is_linked(&instance) {
                continue;
            }
            let Some(neighbour) = self.neighbours.get_mut(&instance) else { continue };
            if neighbour.forget_doubted() {
                neighbour.waits = Some(now);
                self.verify(now, &instance);
            } else {
                self.remove(&instance);
            }
        }
        if let Some(Key::Manual(address)) = link.key {
            self.offer_manual(address);
        }
    }

    pub(super) fn suspect(&mut self, now: Time, id: LinkId) {
        let Some(link) = self.links.remove(&id) else { return };
        for instance in self.at_end_of(&link) {
            self.verify(now, &instance);
        }
        self.links.insert(id, link);
    }

    fn at_end_of(&self, link: &Link) -> Vec<Instance> {
        let at_end = self.neighbours.iter().filter(|(instance, neighbour)| link.is_to(instance, neighbour));
        at_end.map(|(instance, _)| instance.clone()).collect()
    }

    pub(super) fn unreachable(&mut self, now: Time, key: &Key) {
        match key {
            Key::Manual(address) => {
                if let Some(manual) = self.manual.get_mut(address) {
                    manual.unreachable = true;
                }
            }
            Key::Announced(instance) => {
                if let Some(neighbour) = self.neighbours.get_mut(instance) {
                    neighbour.unreachable = true;
                }
                self.verify(now, instance);
            }
        }
    }
}
