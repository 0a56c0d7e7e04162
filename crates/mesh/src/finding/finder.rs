//! The finder: from what the kernel, the responders and the links say, to whom may be dialled (RFC 6762 and RFC 6763 as
//! far as a user of them is concerned). One input, then drain.

mod neighbours;
mod networks;
mod offers;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use base::{LinkId, Now, Time};

use super::attempts::Attempts;
use super::names::Names;
use super::neighbours::{Neighbour, Neighbours};
use super::network::{Left, Network};
use super::{Config, Input, Instance, Interface, Key, NetworkId, Order, Output, Reason};

const DAY_MS: i64 = 86_400_000;

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
            Input::Failed { network } => self.failed(at, network),
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

    /// Whether a person named this address, and there was room for it.
    pub fn knows(&self, address: SocketAddr) -> bool {
        self.manual.contains_key(&address)
    }

    /// What we are called on a network where a neighbour was heard: of two names on one network the lower one dials first.
    pub fn name_beside(&self, neighbour: &Instance) -> Option<&Instance> {
        let (_, heard) = self.neighbours.iter().find(|(instance, _)| *instance == neighbour)?;
        heard.networks().find_map(|id| self.networks.get(&id).filter(|n| n.announced).map(|n| &n.name.instance))
    }

    fn order(&mut self, order: Order) {
        self.outputs.push_back(Output::Order(order));
    }
}
