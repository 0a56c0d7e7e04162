//! Design, section 5: what devices in reach say to accounts of this node, and what it is worth.
//!
//! `from` must be the device's address, `to` the account that the parcel was for (attack cases C07, C17). What lasts is
//! confirmed when all that came of it is durable, and what is refused is confirmed, too: the error is its answer.

use base::ledger::{Query, Received, StoreError, Write};
use base::limits::{PARCEL_BYTES_MAX, REACH_RESOURCES_MAX};
use base::{Bare, DeviceId, Jid, Ticket, Wall};
use mesh::post::{ContentHash, Copied, Inbox, OriginId, Parcel, Verdict, content_hash};
use wire::{Kind, PresenceType, Stanza, Xml};

use super::Heard;
use crate::error::Condition;
use crate::parking::Parked;
use crate::router::Way;
use crate::shard::{After, Origin, Output, Purpose, Shard};
use crate::{desk, ns, packing};

/// What was written this long ago or more has waited, and carries a stamp.
const LATE_S: u64 = 10;

/// Of so many confirmations in a row one leaves at least; the others only if nothing newer is about to be confirmed.
const CONFIRM_EVERY: u64 = 16;

/// What was taken of a device.
pub(super) struct Taken {
    inbox: Inbox,
    /// The newest batch with something of it.
    newest: Ticket,
    /// Batches with something of it that are not durable yet.
    pending: usize,
}

/// What is confirmed when a batch is durable.
pub(crate) struct Confirm {
    own: Bare,
    device: DeviceId,
    incarnation: u64,
    upto: u64,
    /// Another device whose numbers were taken along.
    also: Option<DeviceId>,
}

impl Shard {
    /// A device says something to an account of this node.
    pub(in crate::shard) fn handle_parcel(&mut self, from: DeviceId, to: Bare, bytes: Vec<u8>) {
        let fits = bytes.len() <= PARCEL_BYTES_MAX && self.serves(&to.jid());
        let Some(reached) = self.peers.reach.get_mut(&from).filter(|_| fits) else { return self.refuse_parcel() };
        let number = reached.number;
        match Parcel::read(&bytes) {
            Err(_) => self.refuse_parcel(),
            Ok(Parcel::Confirm { incarnation, upto }) => self.hear_confirmed(&to, from, incarnation, upto),
            Ok(Parcel::Fleeting { payload }) => match self.packing.unpack(payload, &reached.address, &to) {
                Some(stanza) => self.hear_fleeting(&to, from, stanza),
                None => self.refuse_parcel(),
            },
            Ok(Parcel::Lasting(lasting)) => {
                // Before it may be turned away: what comes behind it refers to it.
                if let Some(incarnation) = lasting.incarnation {
                    reached.current.insert(to.clone(), incarnation);
                }
                let Some(incarnation) = reached.current.get(&to).copied() else { return };
                match self.accounts.get(&to) {
                    Some(account) if account.row.is_some() && !account.is_loading() => {
                        self.hear_lasting(&to, number, incarnation, &bytes);
                    }
                    _ => self.park(&to, Parked::Parcel { number, incarnation, bytes }),
                }
            }
        }
    }

    pub(crate) fn refuse_parcel(&mut self) {
        self.peers.refused += 1;
    }

    /// A device has rows of an account: so has its person, and nobody says them again.
    fn hear_confirmed(&mut self, own: &Bare, from: DeviceId, incarnation: u64, upto: u64) {
        let (now, key) = (self.now, (own.clone(), from));
        let Some((account, lane)) = self.peers.lanes.get_mut(&key) else { return };
        let done = lane.confirmed(now, incarnation, upto);
        let account = *account;
        self.forget_posts(own, &done);
        self.drain_lane(&key);
        self.arrived(account, own, &done);
    }

    /// Whether a stanza is from whom the device is and for whom the parcel is.
    fn is_honest(&self, own: &Bare, device: DeviceId, stanza: &Stanza<'_>) -> bool {
        let bare = |jid: &Option<Jid<'_>>, address: &Bare| jid.as_ref().is_some_and(|j| j.bare() == address.as_str());
        let Some(reached) = self.peers.reach.get(&device) else { return false };
        bare(&stanza.head.from, &reached.address) && bare(&stanza.head.to, own)
    }

    fn hear_fleeting(&mut self, own: &Bare, device: DeviceId, stanza: Stanza<'static>) {
        if !self.is_honest(own, device, &stanza) {
            return self.refuse_parcel();
        }
        let number = self.peers.reach[&device].number;
        if self.note_presence(own, device, &stanza)
            && let Some(stanza) = self.gate(Origin::of_peer(number), stanza)
        {
            self.enter(own, Way::In, Origin::of_peer(number), stanza);
        }
    }

    /// Remembers who is shown to whom, so that they can be taken out of sight; whether there is room for it.
    fn note_presence(&mut self, own: &Bare, device: DeviceId, stanza: &Stanza<'_>) -> bool {
        let (Some(reached), Some(from)) = (self.peers.reach.get_mut(&device), &stanza.head.from) else { return false };
        let from = from.borrow().into_owned();
        if matches!(stanza.head.kind, Kind::Presence(PresenceType::Available | PresenceType::Unavailable))
            && reached.before.get_mut(&from).is_some_and(|viewers| viewers.remove(own))
        {
            reached.seen_count -= 1;
        }
        match stanza.head.kind {
            Kind::Presence(PresenceType::Available) => {
                let known = reached.seen.get(&from).is_some_and(|viewers| viewers.contains(own));
                if !known && reached.seen_count >= REACH_RESOURCES_MAX {
                    return false;
                }
                reached.seen_count += usize::from(reached.seen.entry(from).or_default().insert(own.clone()));
            }
            Kind::Presence(PresenceType::Unavailable) => {
                let Some(viewers) = reached.seen.get_mut(&from) else { return true };
                reached.seen_count -= usize::from(viewers.remove(own));
                if viewers.is_empty() {
                    reached.seen.remove(&from);
                }
            }
            _ => {}
        }
        true
    }

    /// What comes over a link passes the same gate as what a client of this node says.
    fn gate(&mut self, origin: Origin, mut stanza: Stanza<'static>) -> Option<Stanza<'static>> {
        let from = stanza.head.from.as_ref().map(Bare::of)?;
        let refused = match self.check(&mut stanza) {
            Ok(()) if desk::is_foreign(&stanza, &from) => Condition::Forbidden.into(),
            Ok(()) => return Some(stanza),
            Err(error) => error,
        };
        self.bounce(origin, &stanza, &refused);
        None
    }

    /// Something that lasts, for an account that is ready.
    pub(in crate::shard) fn hear_lasting(&mut self, own: &Bare, number: u64, incarnation: u64, bytes: &[u8]) {
        let Some(device) = self.peers.numbers.get(&number).copied() else { return };
        let Ok(Parcel::Lasting(lasting)) = Parcel::read(bytes) else { return };
        // Only another device of the same account says what it has heard of others: a stranger's word about somebody else's
        // numbers would have their next message taken for a duplicate.
        let is_sibling = self.peers.reach.get(&device).is_some_and(|reached| reached.address == *own);
        let also = match lasting.copied {
            Copied::Heard(Some(origin)) if is_sibling => Some(origin),
            _ => None,
        };
        let again = || Parked::Parcel { number, incarnation, bytes: bytes.to_vec() };
        for of in [Some(device), also.map(|origin| origin.device)].into_iter().flatten() {
            if !self.peers.inboxes.contains_key(&(own.clone(), of)) {
                return self.park_for_inbox(own, of, again());
            }
        }
        let Some(reached) = self.peers.reach.get(&device) else { return };
        let stanza = self.packing.unpack(lasting.payload, &reached.address, own);
        let hash = content_hash(&stanza.as_ref().map_or_else(|| lasting.payload.to_vec(), packing::content));
        let taken = &self.peers.inboxes[&(own.clone(), device)];
        let verdict = taken.inbox.judge(incarnation, lasting.counter, lasting.floor, &hash);
        match verdict {
            Verdict::TooEarly => return,
            Verdict::Duplicate => {
                let (upto, newest) = (taken.inbox.through(incarnation, lasting.floor), taken.newest);
                let confirm = Confirm { own: own.clone(), device, incarnation, upto, also: None };
                return self.confirm_after(newest, confirm);
            }
            // Its mark and what comes of it are one batch: so nothing may be read in between.
            Verdict::New
                if self.accounts[own].roster.is_none()
                    && stanza.as_ref().is_some_and(|stanza| desk::near::needs_contacts(self, own, stanza)) =>
            {
                self.park_input_first(own, again());
                return self.read_roster(own);
            }
            Verdict::New
                if lasting.copied == Copied::No
                    && stanza.as_ref().is_some_and(|stanza| desk::near::is_for_sibling(self, own, stanza)) =>
            {
                return;
            }
            Verdict::New => {}
        }
        let is_news = also.is_none_or(|origin| {
            let taken = &self.peers.inboxes[&(own.clone(), origin.device)];
            taken.inbox.judge_copy(origin.incarnation, origin.counter) == Verdict::New
        });
        self.take_number(own, OriginId { device, incarnation, counter: lasting.counter }, Some(hash));
        if let Some(origin) = also.filter(|_| is_news) {
            self.take_number(own, origin, None);
        }
        match stanza {
            Some(stanza) if is_news => {
                let origin = OriginId { device, incarnation, counter: lasting.counter };
                self.hear(own, number, origin, lasting.copied, lasting.age_s, stanza);
            }
            Some(_) => {}
            None => self.refuse_parcel(),
        }
        let taken = &self.peers.inboxes[&(own.clone(), device)];
        let upto = taken.inbox.through(incarnation, lasting.floor);
        let also = also.map(|origin| origin.device);
        self.confirm_after(taken.newest, Confirm { own: own.clone(), device, incarnation, upto, also });
    }

    /// Does what a new stanza asks for.
    fn hear(&mut self, own: &Bare, number: u64, id: OriginId, copied: Copied, age_s: u64, stanza: Stanza<'static>) {
        let is_sibling = self.peers.reach.get(&id.device).is_some_and(|reached| reached.address == *own);
        let is_mine = |jid: &Option<Jid<'_>>| jid.as_ref().is_some_and(|jid| jid.bare() == own.as_str());
        let (is_honest, origin) = match copied {
            Copied::No => (self.is_honest(own, id.device, &stanza), Origin::of_peer(number)),
            Copied::Sent => (is_sibling && is_mine(&stanza.head.from), Origin::COPY),
            Copied::Heard(_) => (is_sibling && is_mine(&stanza.head.to), Origin::COPY),
        };
        if !is_honest {
            return self.refuse_parcel();
        }
        let written = Wall(self.now.wall.0.saturating_sub_unsigned(age_s.saturating_mul(1000)));
        if copied == Copied::Sent {
            return desk::post::take_sent_copy(self, own, stanza, written);
        }
        if copied == Copied::No && !self.note_presence(own, id.device, &stanza) {
            return;
        }
        // The stamp is ours: what the gate cuts is what others say in our name.
        let Some(mut stanza) = self.gate(origin, stanza) else { return };
        if age_s >= LATE_S
            && stanza.payload("delay", ns::DELAY).is_none()
            && matches!(stanza.head.kind, Kind::Message(_))
        {
            let domain = stanza.head.from.as_ref().map(|from| from.domain().to_owned()).unwrap_or_default();
            let mut delay = Xml::new();
            delay.open("delay", ns::DELAY).attr("from", domain).attr("stamp", written.to_string()).close();
            stanza.append(delay.finish());
        }
        self.peers.hearing = Some(Heard { id: (copied == Copied::No).then_some(id), written });
        self.process(own, Way::In, origin, stanza);
        self.peers.hearing = None;
    }

    fn take_number(&mut self, own: &Bare, id: OriginId, hash: Option<ContentHash>) {
        let Some(account) = self.account_id(own) else { return };
        let wall = self.now.wall;
        let key = (own.clone(), id.device);
        let Some(taken) = self.peers.inboxes.get_mut(&key) else { return };
        let mark = taken.inbox.take(id.incarnation, id.counter, hash, wall);
        let received = Received {
            account,
            device: id.device,
            incarnation: mark.incarnation,
            changes: mark.changes,
            seen: mark.seen.to_bytes(),
            used: mark.used,
        };
        let ticket = self.write(Write::PutReceived(received));
        if let Some(taken) = self.peers.inboxes.get_mut(&key) {
            taken.newest = ticket;
        }
    }

    fn confirm_after(&mut self, ticket: Ticket, confirm: Confirm) {
        if let Some(taken) = self.peers.inboxes.get_mut(&(confirm.own.clone(), confirm.device)) {
            taken.pending += 1;
        }
        self.after(ticket, After::Confirm(Box::new(confirm)));
    }

    /// What was heard is durable, or is not.
    pub(in crate::shard) fn confirm_heard(&mut self, confirm: Confirm, result: &Result<(), StoreError>) {
        let Confirm { own, device, incarnation, upto, also } = confirm;
        if result.is_err() {
            // Memory knows too much. It is read again, and what was lost is said again.
            for of in [Some(device), also].into_iter().flatten() {
                self.peers.inboxes.remove(&(own.clone(), of));
            }
            return;
        }
        let Some(taken) = self.peers.inboxes.get_mut(&(own.clone(), device)) else { return };
        taken.pending = taken.pending.saturating_sub(1);
        if upto > 0
            && (taken.pending == 0 || upto.is_multiple_of(CONFIRM_EVERY))
            && self.peers.reach.contains_key(&device)
        {
            let bytes = Parcel::Confirm { incarnation, upto }.to_bytes();
            self.push(Output::Parcel { from: own, to: device, bytes });
        }
    }

    fn park_for_inbox(&mut self, own: &Bare, of: DeviceId, input: Parked) {
        self.park_input_first(own, input);
        let Some(account) = self.account_id(own) else { return };
        self.read_of(own, Query::Received { account, device: of }, Purpose::Received(own.clone(), of));
    }

    /// The store has said what an account has taken of a device.
    pub(in crate::shard) fn received_answered(&mut self, own: &Bare, of: DeviceId, rows: Vec<Received>) {
        let rows = rows.into_iter().map(|row| (row.incarnation, row.seen, row.changes, row.used));
        let taken = Taken { inbox: Inbox::new(rows), newest: Ticket(0), pending: 0 };
        self.peers.inboxes.insert((own.clone(), of), taken);
    }

    /// Nothing that memory knows of an account's numbers counts any more.
    pub(in crate::shard) fn forget_inboxes(&mut self, own: &Bare) {
        self.peers.inboxes.retain(|(of, _), _| of != own);
    }
}
