//! The finder: from what the kernel, the responders and the links say, to whom may be dialled (RFC 6762 and RFC 6763 as
//! far as a user of them is concerned). One input, then drain.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::limits::{MANUAL_ADDRESSES_MAX, NEIGHBOUR_ADDRESSES_MAX, NETWORKS_MAX};
use base::{LinkId, Now, Time};

use super::attempts::Attempts;
use super::names::Names;
use super::neighbours::{Neighbour, Neighbours};
use super::network::{ABSENCE_MAX, Left, Name, Network};
use super::reason::{Evidence, PATIENCE};
use super::{Config, FORMAT, Failure, Input, Instance, Interface, Key, NetworkId, Order, Output, Reason, Sighting};

const DAY_MS: i64 = 86_400_000;

/// A name lives at least so long, whatever the calendar says: a clock that jumps to and fro makes no storm.
const NAME_AT_LEAST: Duration = Duration::from_secs(3600);

/// By how much more the calendar must have moved than the monotonic clock, which stands still while a laptop sleeps. Less is
/// a clock that is being set right.
const SLEPT_MS: i64 = 5000;

/// How often one neighbour is asked whether it is there, whatever strangers say of it (attack case E04).
const VERIFY_EVERY: Duration = Duration::from_secs(10);

/// How long an address that was ours may still come back as an echo: the lifetime of an address record (RFC 6762, section 10).
const ECHO_MAX: Duration = Duration::from_secs(120);

/// Routes change in bursts; what a person named is not tried more often for that.
const MANUAL_EVERY: Duration = Duration::from_secs(10);

/// With many who wait, how often they are looked through: a flood of announcements costs no more than that.
const OFFER_EVERY: Duration = Duration::from_millis(50);

/// Interfaces that were there and are remembered: a dock is pulled with all that hangs on it.
const LEFT_MAX: usize = 2 * NETWORKS_MAX;

/// An address that a person named.
#[derive(Default)]
struct Manual {
    unreachable: bool,
}

/// A link as far as finding is concerned.
struct Link {
    key: Option<Key>,
    remote: SocketAddr,
}

impl Link {
    fn is_to(&self, instance: &Instance, neighbour: &Neighbour) -> bool {
        matches!(&self.key, Some(Key::Announced(name)) if name == instance) || neighbour.has(self.remote)
    }
}

/// Decides where to look, under which name, and whom to try.
pub struct Finder {
    config: Config,
    names: Names,
    /// When in a day names change: not at the same moment on all laptops.
    shift_ms: i64,
    interfaces: BTreeMap<NetworkId, Interface>,
    networks: BTreeMap<NetworkId, Network>,
    left: BTreeMap<String, Left>,
    /// Addresses that are not ours any more, and since when.
    formerly: BTreeMap<IpAddr, Time>,
    neighbours: Neighbours,
    manual: BTreeMap<SocketAddr, Manual>,
    /// When all of them were offered anew.
    manual_offered: Option<Time>,
    links: BTreeMap<LinkId, Link>,
    /// Networks on which another network's name of ours is heard: both are one link, and one name is enough (attack case
    /// E13).
    twins: BTreeMap<NetworkId, NetworkId>,
    attempts: Attempts,
    /// When it is worth to look again for somebody to offer.
    look_again: Time,
    /// Since when nobody is found.
    alone: Option<Time>,
    reason: Option<Reason>,
    last: Option<Now>,
    outputs: VecDeque<Output>,
    wake_at: Option<Time>,
}

impl Finder {
    /// A finder that knows of no interface yet.
    pub fn new(config: Config) -> Finder {
        let mut names = Names::new(config.seed);
        let shift_ms = i64::try_from(names.below(DAY_MS.unsigned_abs())).unwrap_or(0);
        Finder {
            config,
            names,
            shift_ms,
            interfaces: BTreeMap::new(),
            networks: BTreeMap::new(),
            left: BTreeMap::new(),
            formerly: BTreeMap::new(),
            neighbours: Neighbours::default(),
            manual: BTreeMap::new(),
            manual_offered: None,
            links: BTreeMap::new(),
            twins: BTreeMap::new(),
            attempts: Attempts::default(),
            look_again: Time(0),
            alone: None,
            reason: None,
            last: None,
            outputs: VecDeque::new(),
            wake_at: None,
        }
    }

    /// Takes one input. Then [`Finder::poll`] until it gives nothing.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.notice_sleep(now);
        let at = now.mono;
        match input {
            Input::Interfaces(interfaces) => self.interfaces(now, interfaces),
            Input::Routes => self.routes(at),
            Input::Seen(sighting) => self.seen(now, sighting),
            Input::Gone { network, instance } => self.gone(at, network, &instance),
            Input::Failed { network, failure } => self.failed(at, network, failure),
            Input::Manual(address) => self.manual(address),
            Input::LinkUp { link, key, remote } => self.link_up(link, key, remote),
            Input::LinkDown { link } => self.link_down(at, link),
            Input::Suspect { link } => self.suspect(at, link),
            Input::Unreachable { key } => self.unreachable(at, &key),
            Input::Due => {}
        }
        self.wake_rested(at);
        self.rename_for_the_day(now);
        self.announce();
        let next_offer = self.offer(at);
        let next_word = self.explain(at);
        self.wake_at = [next_offer, next_word, self.next_rested(), self.next_day(now)].into_iter().flatten().min();
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Due`] is due, if nothing comes before.
    pub fn wake_at(&self) -> Option<Time> {
        self.wake_at
    }

    /// How many announced neighbours are remembered.
    pub fn neighbours(&self) -> usize {
        self.neighbours.len()
    }

    /// What we are called on a network where a neighbour was heard: of two names on one network the lower one dials first.
    pub fn name_beside(&self, neighbour: &Instance) -> Option<&Instance> {
        let (_, heard) = self.neighbours.iter().find(|(instance, _)| *instance == neighbour)?;
        heard.networks().find_map(|id| self.networks.get(&id).filter(|n| n.announced).map(|n| &n.name.instance))
    }

    fn order(&mut self, order: Order) {
        self.outputs.push_back(Output::Order(order));
    }

    // === Networks

    fn interfaces(&mut self, now: Now, interfaces: Vec<Interface>) {
        let mut before = std::mem::take(&mut self.interfaces);
        let had = before.values().flat_map(|interface| &interface.addresses);
        self.formerly.extend(had.map(|prefix| (prefix.ip, now.mono)));
        self.formerly.retain(|_, at| now.mono - *at < ECHO_MAX);
        self.interfaces = interfaces.into_iter().map(|interface| (interface.index, interface)).collect();
        let loopback = self.config.loopback;
        let usable = |interface: &&Interface| interface.is_connected(loopback) && interface.is_shared();
        let usable: Vec<Interface> = self.interfaces.values().filter(usable).take(NETWORKS_MAX).cloned().collect();

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

    fn readdressed(&mut self, now: Now, interface: &Interface, before: &BTreeSet<super::Prefix>) {
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

    fn failed(&mut self, now: Time, id: NetworkId, failure: Failure) {
        let Some(network) = self.networks.get_mut(&id).filter(|network| network.is_running()) else { return };
        network.rest(now);
        match failure {
            Failure::Broken | Failure::Crowded => self.stop(now, id),
        }
    }

    fn wake_rested(&mut self, now: Time) {
        let due = |network: &Network| network.rests_until().is_some_and(|until| until <= now);
        let due: Vec<_> = self.networks.iter().filter(|(_, network)| due(network)).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|id| self.run(now, id));
    }

    fn next_rested(&self) -> Option<Time> {
        self.networks.values().filter_map(Network::rests_until).min()
    }

    /// After a sleep the network may be another one, and sockets of before may be deaf.
    fn notice_sleep(&mut self, now: Now) {
        let Some(last) = self.last.replace(now) else { return };
        let awake_ms = i64::try_from((now.mono - last.mono).as_millis()).unwrap_or(i64::MAX);
        if now.wall.0.saturating_sub(last.wall.0).saturating_sub(awake_ms) > SLEPT_MS {
            let all: Vec<_> = self.networks.keys().copied().collect();
            all.into_iter().for_each(|id| self.restart(now.mono, id));
        }
    }

    // === Our names

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

    fn rename_for_the_day(&mut self, now: Now) {
        let today = self.day(now);
        let old = |network: &Network| network.name.day != today && now.mono - network.name.since >= NAME_AT_LEAST;
        let old: Vec<_> = self.networks.iter().filter(|(_, network)| old(network)).map(|(id, _)| *id).collect();
        old.into_iter().for_each(|id| self.rename(now, id));
    }

    fn next_day(&self, now: Now) -> Option<Time> {
        let rest_ms = DAY_MS - now.wall.0.saturating_add(self.shift_ms).rem_euclid(DAY_MS);
        let day_ends = now.mono + Duration::from_millis(rest_ms.unsigned_abs());
        let today = self.day(now);
        let due =
            |network: &Network| if network.name.day == today { day_ends } else { network.name.since + NAME_AT_LEAST };
        self.networks.values().map(due).min()
    }

    /// Announces what is not announced and should be.
    fn announce(&mut self) {
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
    fn seen_own(&mut self, now: Now, sighting: &Sighting) {
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

    fn is_self(&self, address: SocketAddr) -> bool {
        let owned = || self.interfaces.values().any(|interface| interface.owns(address.ip()));
        address.port() == self.config.port && (owned() || self.formerly.contains_key(&address.ip()))
    }

    // === Neighbours

    fn seen(&mut self, now: Now, sighting: Sighting) {
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
    fn gone(&mut self, now: Time, network: NetworkId, instance: &Instance) {
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
    fn lost(&mut self, now: Time, network: NetworkId, instance: &Instance) {
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

    // === Links

    fn link_up(&mut self, link: LinkId, key: Option<Key>, remote: SocketAddr) {
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
    fn link_down(&mut self, now: Time, id: LinkId) {
        let Some(link) = self.links.remove(&id) else { return };
        for instance in self.at_end_of(&link) {
            if self.is_linked(&instance) {
                continue;
            }
            self.verify(now, &instance);
            let Some(neighbour) = self.neighbours.get_mut(&instance) else { continue };
            if neighbour.forget_doubted() {
                neighbour.waits = Some(now);
            } else {
                self.remove(&instance);
            }
        }
        if let Some(Key::Manual(address)) = link.key {
            self.offer_manual(address);
        }
    }

    fn suspect(&mut self, now: Time, id: LinkId) {
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

    fn unreachable(&mut self, now: Time, key: &Key) {
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

    // === Offers

    fn routes(&mut self, now: Time) {
        if self.manual_offered.is_none_or(|at| now - at >= MANUAL_EVERY) {
            self.offer_all_manual(now);
        }
    }

    fn offer_all_manual(&mut self, now: Time) {
        self.manual_offered = Some(now);
        let all: Vec<_> = self.manual.keys().copied().collect();
        all.into_iter().for_each(|address| self.offer_manual(address));
    }

    fn manual(&mut self, address: SocketAddr) {
        if self.manual.len() >= MANUAL_ADDRESSES_MAX && !self.manual.contains_key(&address) {
            return;
        }
        self.manual.insert(address, Manual::default());
        self.offer_manual(address);
    }

    /// What a person named is tried at once: the limits are for what strangers announce.
    fn offer_manual(&mut self, address: SocketAddr) {
        if self.manual.contains_key(&address) && !self.links.values().any(|link| link.remote == address) {
            let key = Key::Manual(address);
            self.outputs.push_back(Output::Candidate { key, addresses: vec![address] });
        }
    }

    /// Offers who waits, as far as the limits allow. Gives when the next may be.
    fn offer(&mut self, now: Time) -> Option<Time> {
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

    // === The reason

    /// Says why nobody is found, when that has changed. Gives when there will be more to say.
    fn explain(&mut self, now: Time) -> Option<Time> {
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
            Some(evidence) => {
                let patient_until = *self.alone.get_or_insert(now) + PATIENCE;
                match evidence.at_once() {
                    Some(reason) => (Some(reason), None),
                    None if now < patient_until => (None, Some(patient_until)),
                    None => (Some(evidence.after_patience()), None),
                }
            }
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
