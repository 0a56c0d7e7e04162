//! XEP-0174 section 4, attack cases E04 and E06 to E08: who is on the link, and whether they are still there.
//!
//! A record lives two minutes at best, and anybody can say goodbye for another, or say that they are elsewhere. So whoever was
//! there first keeps the name for as long as something answers there ([`super::looks`]).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::limits::{INSTANCE_BYTES_MAX, NEARBY_ADDRESSES_MAX, NEARBY_MAX, NEARBY_PER_ADDRESS_MAX};
use base::{Bare, Jid, Time};
use wire::{Kind, PresenceType, Stanza};

use super::looks::Look;
use super::names::local_part;
use super::txt::{self, Shown};
use super::{Gateway, Output, Own, Sighting};

/// How long after the first announcement of somebody their other addresses are believed: a machine announces what it has at
/// 0, 1 and 3 s, by each family what that one carries.
const GATHER: Duration = Duration::from_secs(5);

/// Addresses of somebody that are believed, on all networks.
const THEIRS_MAX: usize = 4 * NEARBY_ADDRESSES_MAX;

/// What somebody shows is passed on at most so often; the last counts.
const CHANGE_EVERY: Duration = Duration::from_secs(2);

/// How long who has said goodbye may take to say that it was not them: questions are asked at 0, 1 and 3 s.
const DENY_WITHIN: Duration = Duration::from_secs(5);

/// So often somebody may be asked for in vain, after a goodbye, while something answers at their address.
const SILENT_MAX: u32 = 3;

/// The addresses of somebody, by network.
type Addresses = BTreeMap<u32, Vec<SocketAddr>>;

/// Somebody on the link.
pub(super) struct Peer {
    pub(super) local: String,
    /// Where they are.
    networks: Addresses,
    /// What was ever said of them in time to be believed: of this, `networks` is what is announced now.
    theirs: BTreeSet<SocketAddr>,
    shown: Shown,
    /// Where else they are said to be, and how: true if nobody answers any more where they are (attack cases E04, E07).
    rival: Option<(Addresses, Shown)>,
    /// When our people were told how they are, and when they are told of what has changed since.
    told_at: Time,
    tell_at: Option<Time>,
    /// Whether our people see them.
    pub(super) alive: bool,
    /// Whether something at their address has ever answered.
    pub(super) heard: bool,
    since: Time,
    pub(super) look: Look,
    /// When they were asked for after a goodbye, if they have not been heard since.
    pub(super) gone_at: Option<Time>,
    /// How often nobody has spoken for them since, while something answered at their address.
    pub(super) silent: u32,
}

impl Peer {
    /// Somebody who is said to be there; whether they are is looked at once.
    fn new(local: String, networks: Addresses, shown: Shown, now: Time) -> Peer {
        Peer {
            local,
            theirs: networks.values().flatten().copied().collect(),
            networks,
            shown,
            rival: None,
            told_at: Time(0),
            tell_at: None,
            alive: false,
            heard: false,
            since: now,
            look: Look::at(now),
            gone_at: None,
            silent: 0,
        }
    }

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

    pub(super) fn has(&self, address: SocketAddr) -> bool {
        self.networks.values().flatten().any(|theirs| *theirs == address)
    }

    /// When something is to be done; `may_look`: whether one more look may begin.
    pub(super) fn due(&self, may_look: bool) -> Option<Time> {
        let look = self.look.at.filter(|_| may_look);
        look.into_iter().chain(self.gone_at.map(|at| at + DENY_WITHIN)).chain(self.tell_at).min()
    }

    /// Notes where else they are said to be on a network; whether that is news.
    fn set_rival(&mut self, network: u32, addresses: Vec<SocketAddr>, shown: &Shown) -> bool {
        if addresses.is_empty() {
            self.drop_rival(network);
            return false;
        }
        let (rivals, theirs) = self.rival.get_or_insert_default();
        *theirs = shown.clone();
        rivals.insert(network, addresses.clone()).is_none_or(|before| before != addresses)
    }

    fn drop_rival(&mut self, network: u32) {
        if let Some((rivals, _)) = &mut self.rival {
            rivals.remove(&network);
        }
        self.rival.take_if(|(rivals, _)| rivals.is_empty());
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

    /// The addresses of this machine. What was heard while one was missing was nobody on a network of ours: it is asked for.
    pub(super) fn own_addresses(&mut self, own: Vec<Own>) {
        let more = own.iter().any(|own| !self.own.contains(own));
        self.own = own;
        if more && !self.people.is_empty() {
            self.ask();
        }
    }

    fn meet(&mut self, sighting: Sighting) {
        let Some(local) = local_part(&sighting.instance).filter(|local| !self.locals.contains_key(local)) else {
            self.tally.skipped += 1;
            return;
        };
        let crowded = sighting.addresses.iter().any(|address| self.is_crowded(&sighting.instance, address.ip()));
        if crowded || !self.make_room() {
            self.tally.skipped += 1;
            return;
        }
        let networks = BTreeMap::from([(sighting.network, sighting.addresses)]);
        let peer = Peer::new(local.clone(), networks, Shown::read(&sighting.txt), self.now);
        self.locals.insert(local, sighting.instance.clone());
        self.peers.insert(sighting.instance, peer);
        self.ask_streams_again();
    }

    /// Whether so many others are at an address that nobody else may be there.
    fn is_crowded(&self, instance: &str, ip: IpAddr) -> bool {
        let others = self.peers.iter().filter(|(name, peer)| *name != instance && peer.is_at(ip));
        others.count() >= NEARBY_PER_ADDRESS_MAX
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

    fn seen_again(&mut self, mut sighting: Sighting) {
        let (now, network, instance) = (self.now, sighting.network, &sighting.instance);
        sighting.addresses.retain(|address| !self.is_crowded(instance, address.ip()));
        let Some(peer) = self.peers.get_mut(instance) else { return };
        let shown = Shown::read(&sighting.txt);
        let (mut known, mut new): (Vec<_>, Vec<_>) =
            sighting.addresses.into_iter().partition(|address| peer.theirs.contains(address));
        let more = !known.is_empty() || !peer.networks.contains_key(&network);
        if more && now - peer.since < GATHER && peer.theirs.len() + new.len() <= THEIRS_MAX {
            peer.theirs.extend(&new);
            known.append(&mut new);
        }
        let is_new = peer.set_rival(network, new, &shown);
        if known.is_empty() {
            // Attack case E04: whoever says so has to wait until nobody answers where they were.
            if is_new {
                self.prompt(instance);
            }
            return;
        }
        peer.networks.insert(network, known);
        (peer.gone_at, peer.silent) = (None, 0);
        let different = peer.shown != shown;
        peer.shown = shown;
        if !peer.alive {
            self.prompt(instance);
        } else if different {
            peer.tell_at = Some(now.max(peer.told_at + CHANGE_EVERY));
        }
        self.ask_streams_again();
    }

    /// An instance has said goodbye on a network, or somebody for it (attack case E04).
    pub(super) fn gone(&mut self, network: u32, instance: &str) {
        let Some(peer) = self.peers.get_mut(instance) else { return };
        peer.drop_rival(network);
        if !peer.networks.contains_key(&network) {
            return;
        }
        if peer.networks.len() > 1 {
            peer.networks.remove(&network);
        } else if peer.alive {
            self.ask_for(instance);
            self.prompt(instance);
        } else {
            self.forget(instance);
        }
    }

    /// Asks for somebody; who then does not speak up in time may be gone.
    pub(super) fn ask_for(&mut self, instance: &str) {
        let asked = self.ask();
        if let Some(peer) = self.peers.get_mut(instance) {
            peer.gone_at = Some(asked);
        }
    }

    /// A network is gone, with all who are there.
    pub(super) fn left(&mut self, network: u32) {
        for peer in self.peers.values_mut() {
            peer.networks.remove(&network);
            peer.drop_rival(network);
        }
        let alone = self.peers.iter().filter(|(_, peer)| peer.networks.is_empty());
        let alone: Vec<_> = alone.map(|(instance, _)| instance.clone()).collect();
        for instance in alone {
            if !self.hand_over(&instance) {
                self.forget(&instance);
            }
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
        self.tick_looks();
        let changed: Vec<_> = self.peers.iter().filter(|(_, p)| due(p.tell_at)).map(|(name, _)| name.clone()).collect();
        changed.iter().for_each(|instance| self.tell_all(instance));
    }

    /// Who else has this name gets it, when nobody answers any more where the first was: somebody else, as far as our people
    /// are told. False if there is nobody.
    pub(super) fn hand_over(&mut self, instance: &str) -> bool {
        let Some(peer) = self.peers.get_mut(instance) else { return false };
        let Some((networks, shown)) = peer.rival.take() else { return false };
        self.end_all_with(instance);
        if let Some(peer) = self.peers.get_mut(instance) {
            *peer = Peer::new(std::mem::take(&mut peer.local), networks, shown, self.now);
        }
        self.ask_streams_again();
        true
    }

    /// Ends what there is with somebody: our people are told, what waits for them comes back.
    fn end_all_with(&mut self, instance: &str) {
        if self.peers.get(instance).is_some_and(|peer| peer.alive) {
            self.tell_all_gone(instance);
        }
        self.give_up(instance);
        self.end_streams_with(instance);
        self.stop_looking(instance);
    }

    /// Somebody is gone for good.
    pub(super) fn forget(&mut self, instance: &str) {
        self.end_all_with(instance);
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

    pub(super) fn tell_all(&mut self, instance: &str) {
        if let Some(peer) = self.peers.get_mut(instance) {
            (peer.told_at, peer.tell_at) = (self.now, None);
        }
        let people: Vec<_> = self.people.keys().cloned().collect();
        for own in people {
            self.tell_there(&own, &own.jid(), instance);
        }
    }

    pub(super) fn tell_all_gone(&mut self, instance: &str) {
        if let Some(peer) = self.peers.get_mut(instance) {
            peer.tell_at = None;
        }
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
