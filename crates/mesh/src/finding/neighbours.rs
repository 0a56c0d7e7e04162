//! Who was announced, in bounded memory (attack case E06): a made-up crowd pushes out itself before anybody else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use base::Time;
use base::limits::{NEIGHBOUR_ADDRESSES_MAX, NEIGHBOURS_MAX, NEIGHBOURS_PER_ADDRESS_MAX};

use super::{Instance, NetworkId};

/// What a network says of an instance.
struct Heard {
    addresses: BTreeSet<SocketAddr>,
    /// It said goodbye while a link to it lived: the link is believed, until it ends.
    doubted: bool,
}

/// Somebody who was announced. One, on however many networks (attack case E13).
pub(super) struct Neighbour {
    heard: BTreeMap<NetworkId, Heard>,
    /// The address it was first announced with: by this, crowds are counted.
    home: IpAddr,
    /// What who dials was told.
    pub(super) offered: Option<Vec<SocketAddr>>,
    /// Since when it waits to be offered.
    pub(super) waits: Option<Time>,
    /// When it was last asked whether it is there.
    pub(super) verified: Option<Time>,
    /// It was offered, and no address answered.
    pub(super) unreachable: bool,
}

impl Neighbour {
    /// Where it can be tried, in a fixed order.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let all: BTreeSet<_> = self.heard.values().flat_map(|heard| &heard.addresses).copied().collect();
        all.into_iter().take(NEIGHBOUR_ADDRESSES_MAX).collect()
    }

    pub(super) fn has(&self, address: SocketAddr) -> bool {
        self.heard.values().any(|heard| heard.addresses.contains(&address))
    }

    /// Where it was announced.
    pub(super) fn networks(&self) -> impl Iterator<Item = NetworkId> {
        self.heard.keys().copied()
    }

    pub(super) fn doubt(&mut self, network: NetworkId) {
        if let Some(heard) = self.heard.get_mut(&network) {
            heard.doubted = true;
        }
    }

    /// Forgets a network. False if nothing is left.
    pub(super) fn forget(&mut self, network: NetworkId) -> bool {
        self.heard.remove(&network);
        !self.heard.is_empty()
    }

    /// Believes the goodbyes, now that no link contradicts them. False if nothing is left.
    pub(super) fn forget_doubted(&mut self) -> bool {
        self.heard.retain(|_, heard| !heard.doubted);
        !self.heard.is_empty()
    }
}

/// All who were announced.
#[derive(Default)]
pub(super) struct Neighbours {
    all: BTreeMap<Instance, Neighbour>,
    /// How many have this address as their home, in the order of their coming.
    homes: BTreeMap<IpAddr, Vec<Instance>>,
}

impl Neighbours {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, instance: &Instance) -> Option<&Neighbour> {
        self.all.get(instance)
    }

    pub(super) fn get_mut(&mut self, instance: &Instance) -> Option<&mut Neighbour> {
        self.all.get_mut(instance)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Instance, &Neighbour)> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Instance, &mut Neighbour)> {
        self.all.iter_mut()
    }

    /// Whom a newcomer of this home would push out, if there is no room: of its own home the oldest, else one by lot. Who has
    /// a link stays. `Err` if nobody can go.
    pub(super) fn victim(
        &self,
        home: IpAddr,
        linked: impl Fn(&Instance, &Neighbour) -> bool,
        lot: impl FnOnce(u64) -> u64,
    ) -> Result<Option<Instance>, NoRoom> {
        let may_go = |name: &Instance| self.all.get(name).is_some_and(|neighbour| !linked(name, neighbour));
        let family = self.homes.get(&home).map_or(&[][..], Vec::as_slice);
        if family.len() >= NEIGHBOURS_PER_ADDRESS_MAX {
            return family.iter().find(|name| may_go(name)).cloned().map(Some).ok_or(NoRoom);
        }
        if self.all.len() < NEIGHBOURS_MAX {
            return Ok(None);
        }
        let from = usize::try_from(lot(self.all.len() as u64)).unwrap_or(0);
        let mut names = self.all.keys().skip(from).chain(self.all.keys().take(from));
        names.find(|name| may_go(name)).cloned().map(Some).ok_or(NoRoom)
    }

    /// Notes what a network says of an instance. True if that is new.
    pub(super) fn hear(
        &mut self,
        now: Time,
        network: NetworkId,
        instance: &Instance,
        addresses: BTreeSet<SocketAddr>,
    ) -> bool {
        let Some(home) = addresses.first().map(SocketAddr::ip) else { return false };
        if !self.all.contains_key(instance) {
            self.homes.entry(home).or_default().push(instance.clone());
        }
        let neighbour = self.all.entry(instance.clone()).or_insert_with(|| Neighbour {
            heard: BTreeMap::new(),
            home,
            offered: None,
            waits: Some(now),
            verified: None,
            unreachable: false,
        });
        let before = neighbour.heard.insert(network, Heard { addresses, doubted: false });
        before.is_none_or(|before| before.addresses != neighbour.heard[&network].addresses)
    }

    pub(super) fn remove(&mut self, instance: &Instance) -> Option<Neighbour> {
        let gone = self.all.remove(instance)?;
        if let Some(family) = self.homes.get_mut(&gone.home) {
            family.retain(|name| name != instance);
            if family.is_empty() {
                self.homes.remove(&gone.home);
            }
        }
        Some(gone)
    }
}

/// Everybody who is remembered has a link.
#[derive(Debug)]
pub(super) struct NoRoom;
