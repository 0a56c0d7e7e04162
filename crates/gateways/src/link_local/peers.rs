//! XEP-0174 section 4, attack cases E04 and E06 to E08: who is on the link, and whether they are still there.
//!
//! A record lives two minutes at best, and a goodbye can be anybody's: so it is looked whether somebody answers, by a
//! connection on which nothing is said. Who does not is shown no more, and shown again when they do.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::limits::{INSTANCE_BYTES_MAX, NEARBY_ADDRESSES_MAX, NEARBY_MAX, NEARBY_PER_ADDRESS_MAX};
use base::{Bare, Jid, Time};
use wire::{Kind, PresenceType, Stanza};

use super::names::local_part;
use super::txt::{self, Shown};
use super::{Gateway, Output, Own, Sighting};

/// How often it is looked whether somebody is still there with whom no stream is open. A stream looks after itself.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(75);

/// When it is tried again where an address has been tried too often.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How long who has said goodbye may take to say that it was not them: questions are asked at 0, 1 and 3 s.
const DENY_WITHIN: Duration = Duration::from_secs(5);

/// So often somebody may be asked for in vain, after a goodbye, while something answers at their address.
const SILENT_MAX: u32 = 3;

/// Somebody on the link.
pub(super) struct Peer {
    pub(super) local: String,
    /// Where they are, by network.
    networks: BTreeMap<u32, Vec<SocketAddr>>,
    shown: Shown,
    /// Whether our people see them.
    pub(super) alive: bool,
    /// Whether something at their address has ever answered.
    heard: bool,
    since: Time,
    /// When to look.
    look_at: Option<Time>,
    /// Which of their addresses is looked at next.
    next: usize,
    /// When they said goodbye, or were asked after one, if they have not been heard since.
    gone_at: Option<Time>,
    /// How often nobody has spoken for them since, while something answered at their address.
    silent: u32,
    /// The same name at wholly other addresses: theirs from now on if nobody answers at those we know.
    rival: Option<Sighting>,
}

impl Peer {
    /// All addresses with their networks; IPv4 first. COMPAT(libpurple 2.14): it lets in who calls from the address that it
    /// has resolved, and of IPv6 addresses it resolves any one.
    pub(super) fn addresses(&self) -> Vec<(u32, SocketAddr)> {
        let all = self.networks.iter().flat_map(|(network, all)| all.iter().map(|address| (*network, *address)));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(network, address)| (address.is_ipv6(), *network, *address));
        all
    }

    pub(super) fn is_at(&self, ip: IpAddr) -> bool {
        self.networks.values().flatten().any(|address| address.ip() == ip)
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.look_at.into_iter().chain(self.gone_at.map(|at| at + DENY_WITHIN)).min()
    }

    fn name<'a>(&'a self, instance: &'a str) -> &'a str {
        if self.shown.name.is_empty() { instance } else { &self.shown.name }
    }
}

impl Gateway {
    /// An instance is there, or is different.
    pub(super) fn seen(&mut self, mut sighting: Sighting) {
        if self.people.is_empty() || self.contested(&sighting) || txt::is_ours(&sighting.txt) {
            return;
        }
        sighting.addresses.retain(|address| is_on_link(&self.own, sighting.network, *address));
        sighting.addresses.sort_by_key(|address| (address.is_ipv6(), *address));
        sighting.addresses.truncate(NEARBY_ADDRESSES_MAX);
        if sighting.addresses.is_empty() || sighting.instance.len() > INSTANCE_BYTES_MAX {
            self.tally.skipped += 1;
            return;
        }
        if self.peers.contains_key(&sighting.instance) {
            self.seen_again(sighting);
        } else {
            self.meet(sighting);
        }
    }

    fn meet(&mut self, sighting: Sighting) {
        let Some(local) = local_part(&sighting.instance).filter(|local| !self.locals.contains_key(local)) else {
            self.tally.skipped += 1;
            return;
        };
        let crowded = |address: &SocketAddr| {
            self.peers.values().filter(|peer| peer.is_at(address.ip())).count() >= NEARBY_PER_ADDRESS_MAX
        };
        if sighting.addresses.iter().any(crowded) || !self.make_room() {
            self.tally.skipped += 1;
            return;
        }
        let instance = sighting.instance;
        self.locals.insert(local.clone(), instance.clone());
        let peer = Peer {
            local,
            networks: BTreeMap::from([(sighting.network, sighting.addresses)]),
            shown: Shown::read(&sighting.txt),
            alive: true,
            heard: false,
            since: self.now,
            look_at: Some(self.now + LOOK_EVERY),
            next: 0,
            gone_at: None,
            silent: 0,
            rival: None,
        };
        self.peers.insert(instance.clone(), peer);
        self.tell_all(&instance);
        self.ask_streams_again();
    }

    /// Whether there is room for one more: at worst that of who came first and was never heard.
    fn make_room(&mut self) -> bool {
        if self.peers.len() < NEARBY_MAX {
            return true;
        }
        let unheard = self.peers.iter().filter(|(_, peer)| !peer.heard).min_by_key(|(_, peer)| peer.since);
        let Some(instance) = unheard.map(|(instance, _)| instance.clone()) else { return false };
        self.forget(&instance);
        true
    }

    fn seen_again(&mut self, sighting: Sighting) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&sighting.instance) else { return };
        let known = peer.networks.values().flatten().any(|address| sighting.addresses.contains(address));
        if !known && !peer.networks.is_empty() && peer.networks.contains_key(&sighting.network) {
            // Attack case E04: whoever says so has to wait until nobody answers where they were.
            peer.rival = Some(sighting);
            peer.look_at = Some(now);
            return;
        }
        let shown = Shown::read(&sighting.txt);
        let different = peer.shown != shown;
        peer.shown = shown;
        peer.networks.insert(sighting.network, sighting.addresses);
        (peer.gone_at, peer.silent) = (None, 0);
        if !peer.alive {
            peer.look_at = Some(now);
        } else if different {
            self.tell_all(&sighting.instance);
        }
        self.ask_streams_again();
    }

    /// An instance has said goodbye on a network, or somebody for it (attack case E04).
    pub(super) fn gone(&mut self, network: u32, instance: &str) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(instance) else { return };
        if !peer.networks.contains_key(&network) {
            return;
        }
        if peer.networks.len() > 1 {
            peer.networks.remove(&network);
        } else if peer.alive {
            peer.gone_at = Some(now);
            peer.look_at = Some(now);
            self.outputs.push_back(Output::Ask);
        } else {
            self.forget(instance);
        }
    }

    /// A network is gone, with all who are there.
    pub(super) fn left(&mut self, network: u32) {
        for peer in self.peers.values_mut() {
            peer.networks.remove(&network);
        }
        let alone = self.peers.iter().filter(|(_, peer)| peer.networks.is_empty());
        let alone: Vec<_> = alone.map(|(instance, _)| instance.clone()).collect();
        alone.iter().for_each(|instance| self.forget(instance));
    }

    /// Looks soon whether somebody is there.
    pub(super) fn doubt(&mut self, instance: &str) {
        if let Some(peer) = self.peers.get_mut(instance) {
            peer.look_at = Some(self.now);
        }
    }

    pub(super) fn tick_peers(&mut self) {
        let now = self.now;
        let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let denied = |peer: &Peer| due(peer.gone_at.map(|at| at + DENY_WITHIN));
        let silent: Vec<_> = self.peers.iter().filter(|(_, p)| denied(p)).map(|(name, _)| name.clone()).collect();
        for instance in silent {
            // Nobody has spoken for them, and something answers at their address. If somebody else is known to be there, it is
            // that one. Else words may have been lost on a bad radio: they are asked for once more with the next looks.
            let talking = self.talks_with(&instance);
            let shared = self.is_shared(&instance);
            let Some(peer) = self.peers.get_mut(&instance) else { continue };
            peer.gone_at = None;
            peer.silent += u32::from(!talking);
            if !talking && (shared || peer.silent >= SILENT_MAX) {
                self.forget(&instance);
            }
        }
        let to_look: Vec<_> = self.peers.iter().filter(|(_, p)| due(p.look_at)).map(|(name, _)| name.clone()).collect();
        for instance in to_look {
            let (looked_at, talking) = (self.is_looked_at(&instance), self.talks_with(&instance));
            let Some(peer) = self.peers.get_mut(&instance) else { continue };
            peer.look_at = None;
            if looked_at {
                // What comes of that look says when the next one is.
                continue;
            }
            if talking && peer.gone_at.is_none() {
                peer.look_at = Some(now + LOOK_EVERY);
                continue;
            }
            peer.next = 0;
            if peer.silent > 0 && peer.gone_at.is_none() {
                peer.gone_at = Some(now);
                self.outputs.push_back(Output::Ask);
            }
            self.look(&instance);
        }
    }

    /// Tries the next address of somebody; after the last one nobody is there.
    pub(super) fn look(&mut self, instance: &str) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(instance) else { return };
        peer.look_at = None;
        let addresses = peer.addresses();
        let mut next = peer.next;
        let mut held_back = false;
        while let Some((network, address)) = addresses.get(next).copied() {
            next += 1;
            match self.call_to_look(instance, network, address) {
                true => {
                    if let Some(peer) = self.peers.get_mut(instance) {
                        peer.next = next;
                    }
                    return;
                }
                false => held_back = true,
            }
        }
        if held_back {
            if let Some(peer) = self.peers.get_mut(instance) {
                peer.look_at = Some(now + LOOK_AGAIN);
            }
        } else {
            self.missing(instance);
        }
    }

    /// Something answers at an address of somebody.
    pub(super) fn answers(&mut self, instance: &str) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(instance) else { return };
        peer.heard = true;
        peer.rival = None;
        peer.look_at = Some(now + LOOK_EVERY);
        if !std::mem::replace(&mut peer.alive, true) {
            self.tell_all(instance);
        }
    }

    /// Nobody answers at any address of somebody.
    fn missing(&mut self, instance: &str) {
        let (now, talking) = (self.now, self.talks_with(instance));
        let Some(peer) = self.peers.get_mut(instance) else { return };
        if talking && peer.gone_at.is_none() {
            // They have called while we looked.
            peer.look_at = Some(now + LOOK_EVERY);
            return;
        }
        if let Some(rival) = peer.rival.take() {
            peer.networks = BTreeMap::from([(rival.network, rival.addresses)]);
            peer.shown = Shown::read(&rival.txt);
            (peer.gone_at, peer.silent, peer.alive, peer.heard) = (None, 0, true, false);
            peer.look_at = Some(now + LOOK_EVERY);
            return self.tell_all(instance);
        }
        if peer.gone_at.is_some() {
            return self.forget(instance);
        }
        peer.look_at = Some(now + LOOK_EVERY);
        if std::mem::replace(&mut peer.alive, false) {
            self.tell_all_gone(instance);
        }
        self.give_up(instance);
    }

    /// Somebody is gone for good.
    fn forget(&mut self, instance: &str) {
        if self.peers.get(instance).is_some_and(|peer| peer.alive) {
            self.tell_all_gone(instance);
        }
        self.give_up(instance);
        self.end_streams_with(instance);
        if let Some(peer) = self.peers.remove(instance) {
            self.locals.remove(&peer.local);
        }
    }

    /// Whether somebody else who has not left is at the same address and port.
    fn is_shared(&self, instance: &str) -> bool {
        let Some(peer) = self.peers.get(instance) else { return false };
        let addresses = peer.addresses();
        let is_there = |other: &Peer| other.addresses().iter().any(|at| addresses.contains(at));
        self.peers.iter().any(|(name, other)| name != instance && other.gone_at.is_none() && is_there(other))
    }

    fn tell_all(&mut self, instance: &str) {
        let people: Vec<_> = self.people.keys().cloned().collect();
        for own in people {
            self.tell_there(&own, &own.jid(), instance);
        }
    }

    fn tell_all_gone(&mut self, instance: &str) {
        let people: Vec<_> = self.people.keys().cloned().collect();
        for own in people {
            self.tell_gone(&own, instance);
        }
    }

    pub(super) fn tell_there(&mut self, own: &Bare, to: &Jid<'_>, instance: &str) {
        let (Some(from), Some(peer)) = (self.address(own, instance), self.peers.get(instance)) else { return };
        let mut presence = peer.shown.presence(peer.name(instance));
        presence.head.from = Some(from);
        presence.head.to = Some(to.borrow().into_owned());
        self.outputs.push_back(Output::Stanza(presence));
    }

    pub(super) fn tell_gone(&mut self, own: &Bare, instance: &str) {
        let mut presence = Stanza::new(Kind::Presence(PresenceType::Unavailable));
        presence.head.from = self.address(own, instance);
        presence.head.to = Some(own.jid().into_owned());
        self.outputs.push_back(Output::Stanza(presence));
    }
}

/// An announced address that a machine on this link can have: nobody can aim us at the Internet (attack case E08).
fn is_on_link(own: &[Own], network: u32, address: SocketAddr) -> bool {
    let ip = address.ip();
    let somebody = match ip {
        IpAddr::V4(ip) => !ip.is_broadcast(),
        IpAddr::V6(ip) => {
            !ip.is_unicast_link_local() || matches!(address, SocketAddr::V6(v6) if v6.scope_id() == network)
        }
    };
    let on_link = || own.iter().any(|own| own.network == network && own.reaches(ip));
    somebody && address.port() != 0 && !ip.is_multicast() && !ip.is_unspecified() && on_link()
}
