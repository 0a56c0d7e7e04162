//! Design, section 5: the shard's side of the post: who is in reach, and who owes them something. RFC 6121 holds between two
//! nodes as it does between two servers.
//!
//! Who a device is was proved before it is named here. What leaves is in `peers/saying.rs`, what comes in
//! `peers/hearing.rs`; what `mesh::post` decides is decided in neither.

mod hearing;
mod saying;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::ledger::{Query, Rows};
use base::{AccountId, Bare, Circle, DeviceId, Jid, Time, Wall};
use mesh::post::{Lane, OriginId};
use wire::{Kind, PresenceType, Stanza};

use self::hearing::Taken;
use super::{Due, Origin, Purpose, Shard};
use crate::desk;
use crate::hosts::Hosts;
use crate::parking::Parked;
use crate::router::Way;

pub(crate) use self::hearing::Confirm;

/// Everybody elsewhere whom this shard knows of.
#[derive(Default)]
pub(crate) struct Peers {
    reach: BTreeMap<DeviceId, Reached>,
    addresses: BTreeMap<Bare, BTreeSet<DeviceId>>,
    /// Devices by what stands for them in an [`Origin`].
    numbers: BTreeMap<u64, DeviceId>,
    next_number: u64,
    lanes: BTreeMap<(Bare, DeviceId), (AccountId, Lane)>,
    /// Lanes that may want a page.
    hungry: BTreeSet<(Bare, DeviceId)>,
    inboxes: BTreeMap<(Bare, DeviceId), Taken>,
    /// What an account hears just now, if it comes over a link.
    pub(crate) hearing: Option<Heard>,
    /// When the lanes are looked at.
    due: Option<Time>,
    /// When it is looked for what has expired.
    pub(super) expire_at: Option<Time>,
    /// Parcels that were refused.
    pub(crate) refused: u64,
    /// Requests that wait for the store.
    pub(crate) questions: usize,
    /// Rows whose time has passed and that are being dealt with.
    pub(crate) expiring: BTreeSet<(AccountId, i64)>,
}

/// Something that is being heard.
#[derive(Clone, Copy)]
pub(crate) struct Heard {
    /// Its name in the world; none if a sibling hands it on.
    pub(crate) id: Option<OriginId>,
    /// When it was written, by our calendar.
    pub(crate) written: Wall,
}

/// When a link takes the place of another, a device has this long to say again who is available there. Contacts are not shown
/// that everybody left and came back.
const SAY_AGAIN_TIME: Duration = Duration::from_secs(5);

/// People here who were told of a resource elsewhere.
type Seen = BTreeMap<Jid<'static>, BTreeSet<Bare>>;

/// A device in reach.
struct Reached {
    address: Bare,
    number: u64,
    /// Since when; a link that takes the place of another changes nothing.
    since: Time,
    /// What was seen by the link before, and has not been said again.
    before: Seen,
    /// Of its resources those that are available, with the people here who were told so.
    seen: Seen,
    /// Of both.
    seen_count: usize,
    /// What "as before" means in what it says to each account.
    current: BTreeMap<Bare, u64>,
}

impl Peers {
    /// Nobody yet. What has expired is looked for at this time.
    pub(super) fn new(expire_at: Time) -> Peers {
        Peers { expire_at: Some(expire_at), ..Peers::default() }
    }

    /// Bytes that wait on lanes.
    pub(super) fn held_bytes(&self) -> usize {
        self.lanes.values().map(|(_, lane)| lane.bytes()).sum()
    }

    /// How many devices are in reach.
    pub(crate) fn in_reach(&self) -> usize {
        self.reach.len()
    }
}

impl Shard {
    /// A device comes in reach, or leaves.
    pub(super) fn handle_reach(&mut self, device: DeviceId, address: Bare, up: bool) {
        let since = self.peers.reach.get(&device).map_or(self.now.mono, |reached| reached.since);
        let before = self.leave_reach(device);
        if !up {
            self.show_gone(before);
            if self.devices_of(&address).is_empty() {
                desk::in_reach::went(self, &address);
            }
            return;
        }
        let number = self.peers.next_number;
        self.peers.next_number += 1;
        self.peers.numbers.insert(number, device);
        self.peers.addresses.entry(address.clone()).or_default().insert(device);
        let reached = Reached {
            address: address.clone(),
            number,
            since,
            seen: Seen::new(),
            seen_count: before.values().map(BTreeSet::len).sum(),
            before,
            current: BTreeMap::new(),
        };
        if !reached.before.is_empty() {
            self.due.insert((self.now.mono + SAY_AGAIN_TIME, Due::SayAgain(number)));
        }
        self.peers.reach.insert(device, reached);
        if self.serves(&address.jid()) {
            self.meet_sibling(&address, device);
        }
        self.read(Query::Owners { to: address.clone(), device }, Purpose::Owners(device, number));
        desk::in_reach::came(self, &address);
        desk::presence::came_in_reach(self, &address, device);
    }

    /// Gives what was seen of a device.
    fn leave_reach(&mut self, device: DeviceId) -> Seen {
        let Some(mut reached) = self.peers.reach.remove(&device) else { return Seen::new() };
        self.peers.numbers.remove(&reached.number);
        if let Some(devices) = self.peers.addresses.get_mut(&reached.address) {
            devices.remove(&device);
            if devices.is_empty() {
                self.peers.addresses.remove(&reached.address);
            }
        }
        self.peers.lanes.retain(|(_, to), _| *to != device);
        self.peers.hungry.retain(|(_, to)| *to != device);
        // What a sibling has handed on stands for devices that may not be in reach.
        let reach = &self.peers.reach;
        self.peers.inboxes.retain(|(_, of), _| reach.contains_key(of));
        for (jid, viewers) in reached.before {
            reached.seen.entry(jid).or_default().extend(viewers);
        }
        reached.seen
    }

    /// The time is over in which a device could say again who is available there.
    pub(super) fn say_again_due(&mut self, number: u64) {
        let reached = self.peers.numbers.get(&number).and_then(|device| self.peers.reach.get_mut(device));
        let Some(reached) = reached else { return };
        let before = std::mem::take(&mut reached.before);
        reached.seen_count -= before.values().map(BTreeSet::len).sum::<usize>();
        self.show_gone(before);
    }

    fn show_gone(&mut self, seen: Seen) {
        for (jid, viewers) in seen {
            for own in viewers {
                let mut gone = Stanza::new(Kind::Presence(PresenceType::Unavailable));
                gone.head.from = Some(jid.clone());
                gone.head.to = Some(own.jid().into_owned());
                self.enter(&own, Way::In, Origin::SERVER, gone);
            }
        }
    }

    /// Others are served than before: who was a neighbour may be the other device of somebody who came here.
    pub(super) fn handle_hosts(&mut self, hosts: Arc<Hosts>) {
        self.config.hosts = hosts;
        let of_reach = self.peers.reach.iter().map(|(device, reached)| (reached.address.clone(), *device));
        for (address, device) in of_reach.collect::<Vec<_>>() {
            if self.serves(&address.jid()) {
                self.meet_sibling(&address, device);
            }
        }
        desk::in_reach::hosts_changed(self);
    }

    /// Another device of an account of this node: remembered, because it is owed copies when it is away.
    fn meet_sibling(&mut self, own: &Bare, device: DeviceId) {
        match self.accounts.get(own) {
            Some(account) if account.row.is_some() && !account.is_loading() => {
                desk::post::note_sibling(self, own, device);
            }
            _ => self.park(own, Parked::Sibling { device }),
        }
    }

    /// Whether somebody's home is another node that links can reach.
    pub(crate) fn is_elsewhere(&self, jid: &Jid<'_>) -> bool {
        jid.local().is_some()
            && jid.domain().ends_with(mesh::domain::SUFFIX)
            && !self.serves(jid)
            && !self.config.hosts.is_nearby(jid)
    }

    /// Whether a stanza is for a resource that a person of this node has on another of their devices. What others write to a
    /// person is for the person: their account here passes it on as a copy.
    pub(crate) fn is_beside(&self, stanza: &Stanza<'_>, to: &Jid<'_>) -> bool {
        let Some(resource) = to.resource() else { return false };
        let is_own = || stanza.head.from.as_ref().is_some_and(|from| from.bare() == to.bare());
        (is_own() || !matches!(stanza.head.kind, Kind::Message(_)))
            && self.resource(&Bare::of(to), resource).is_none()
            && !self.devices_with(to).is_empty()
    }

    /// Whether an account is on other devices too, each with a list of contacts of its own: then what is not in the list
    /// here may be in another, and nobody is told that they have no subscription.
    pub(crate) fn is_shared(&self, own: &Bare) -> bool {
        let known = self.accounts.get(own).is_some_and(|account| !account.siblings.is_empty());
        known || self.config.hosts.guests.contains(own)
    }

    /// The devices of an address that are in reach.
    pub(crate) fn devices_of(&self, address: &Bare) -> Vec<DeviceId> {
        self.peers.addresses.get(address).map(|devices| devices.iter().copied().collect()).unwrap_or_default()
    }

    /// The devices in reach on which a resource is available.
    pub(crate) fn devices_with(&self, jid: &Jid<'_>) -> Vec<DeviceId> {
        let mut devices = self.devices_of(&Bare::of(jid));
        devices.retain(|device| self.peers.reach[device].seen.contains_key(jid));
        devices
    }

    /// The account is another one now, or none.
    pub(super) fn forget_lanes(&mut self, own: &Bare) {
        self.peers.lanes.retain(|(of, _), _| of != own);
    }

    /// The addresses of accounts with somebody there whom this address may see.
    pub(crate) fn seen_by(&self, address: &Bare) -> Vec<Bare> {
        let mut found: Vec<Bare> = self.accounts.keys().cloned().collect();
        found.retain(|own| !self.sessions_of(own, |session| session.presence.is_some()).is_empty());
        found.retain(|own| desk::presence::may_see(self, own, address) == Some(true));
        found.sort();
        found
    }

    /// Since when somebody is in reach.
    pub(crate) fn in_reach_since(&self, other: &Bare) -> Option<Time> {
        let devices = self.peers.addresses.get(other)?;
        devices.iter().map(|device| self.peers.reach[device].since).min()
    }

    /// The people of other nodes who are in reach.
    pub(crate) fn in_reach(&self) -> Vec<Bare> {
        self.peers.addresses.keys().filter(|address| !self.serves(&address.jid())).cloned().collect()
    }

    /// How near somebody is to an account is judged anew.
    pub(super) fn handle_circle(&mut self, own: &Bare, other: Bare, circle: Circle) {
        let before = desk::presence::may_see(self, own, &other);
        self.circles.put(own, other.clone(), circle);
        let after = desk::presence::may_see(self, own, &other);
        desk::in_reach::judge_one(self, own, &other);
        let apart = desk::blocking::apart(self, &own.jid(), &other.jid());
        if before != after && !apart && !self.devices_of(&other).is_empty() {
            desk::presence::show(self, own, &other, after == Some(true));
        }
    }

    /// What the store says to a question of the post.
    pub(super) fn expired_answered(&mut self, rows: Rows) {
        let Rows::Expired { posts, next } = rows else { return };
        let more = !posts.is_empty();
        for (own, row) in posts {
            if self.peers.expiring.insert((row.post.account, row.post.seq)) {
                desk::post::expire_or_park(self, &own, row);
            }
        }
        let wait = match next {
            _ if more => Duration::from_secs(1),
            // The clock that is waited by stands still while a laptop sleeps; the calendar does not.
            Some(next) => {
                let left = next.0.saturating_sub(self.now.wall.0).max(1000);
                Duration::from_millis(left.unsigned_abs()).min(desk::post::EXPIRY_LOOK)
            }
            None => return,
        };
        self.expire_at(self.now.mono + wait);
    }

    /// Looks for what has expired at this time at the latest.
    pub(crate) fn expire_at(&mut self, at: Time) {
        let known = self.peers.expire_at.replace(at);
        if let Some(known) = known.filter(|known| *known <= at) {
            self.peers.expire_at = Some(known);
            return;
        }
        if let Some(known) = known {
            self.due.remove(&(known, Due::Expire));
        }
        self.due.insert((at, Due::Expire));
    }
}
