//! Design, section 5: what this node's accounts say to devices in reach; the shard's hands for `mesh::post`'s lanes.

use base::ledger::{PostRow, Query};
use base::limits::PAGE_MESSAGES_MAX;
use base::{AccountId, Bare, DeviceId, Ticket, Time};
use mesh::post::{Copied, Lane, Parcel, Post};
use wire::{Kind, MessageType, Stanza};

use crate::session::What;
use crate::shard::{After, Due, Origin, Output, Purpose, Shard};

impl Shard {
    /// Answers whoever said something: a client, or a device.
    pub(crate) fn reply(&mut self, origin: Origin, answer: &Stanza<'_>, after: Option<Ticket>) {
        let Some(number) = origin.peer() else {
            return self.send(origin.session, answer, What::Answer, after);
        };
        let Some(device) = self.peers.numbers.get(&number).copied() else { return };
        let Some(own) = answer.head.from.as_ref().map(Bare::of) else { return };
        // That a message came to nothing is said when it is durable that it came: else it is said again, and may come to
        // something.
        let is_error = answer.head.kind == Kind::Message(MessageType::Error);
        let after = after.or_else(|| is_error.then(|| self.newest()));
        self.pass(&own, device, answer, after);
    }

    /// Says something of this moment to a device: behind what lasts and is being written, and not before `after`.
    pub(crate) fn pass(&mut self, own: &Bare, device: DeviceId, stanza: &Stanza<'_>, after: Option<Ticket>) {
        let Some(reached) = self.peers.reach.get(&device) else { return };
        let payload = self.packing.pack(stanza, own, &reached.address);
        let after = after.filter(|after| *after > self.settled);
        let key = (own.clone(), device);
        if after.is_some() && !self.peers.lanes.contains_key(&key) {
            self.open_lane(own, device);
        }
        match self.peers.lanes.get_mut(&key) {
            Some((_, lane)) => {
                lane.pass(payload, after);
                if let Some(after) = after {
                    self.after(after, After::Say(own.clone()));
                }
                self.drain_lane(&key);
            }
            None => {
                let bytes = Parcel::Fleeting { payload: &payload }.to_bytes();
                self.push(Output::Parcel { from: own.clone(), to: device, bytes });
            }
        }
    }

    /// Gives a row that is being written to the lane of a device.
    pub(crate) fn file_post(&mut self, own: &Bare, device: DeviceId, post: Post, after: Ticket) {
        self.open_lane(own, device);
        let key = (own.clone(), device);
        if let Some((_, lane)) = self.peers.lanes.get_mut(&key) {
            lane.file(post, after);
            self.drain_lane(&key);
        }
    }

    /// Makes the lane from an account that has been read to a device in reach, if there is none.
    pub(crate) fn open_lane(&mut self, own: &Bare, device: DeviceId) {
        let Some(row) = self.accounts.get(own).and_then(|account| account.row.as_ref()) else { return };
        let (id, behind) = (row.id, row.outbox > 0);
        self.peers.lanes.entry((own.clone(), device)).or_insert_with(|| (id, Lane::new(behind)));
    }

    /// Something was written, or was not: what waited for it leaves, or does not.
    pub(in crate::shard) fn say_on(&mut self, own: &Bare, failed: bool) {
        let (now, settled) = (self.now, self.settled);
        for key in self.lanes_of(own) {
            if let Some((_, lane)) = self.peers.lanes.get_mut(&key) {
                if failed {
                    lane.failed(settled);
                }
                lane.settled(now, settled);
                self.drain_lane(&key);
            }
        }
    }

    fn lanes_of(&self, own: &Bare) -> Vec<(Bare, DeviceId)> {
        let from = (own.clone(), DeviceId([0; 32]));
        self.peers.lanes.range(from..).map(|(key, _)| key.clone()).take_while(|key| key.0 == *own).collect()
    }

    /// Hands on what a lane says, and notes what it wants.
    pub(super) fn drain_lane(&mut self, key: &(Bare, DeviceId)) {
        let Some((_, lane)) = self.peers.lanes.get_mut(key) else { return };
        let mut said = Vec::new();
        while let Some(bytes) = lane.poll() {
            said.push(bytes);
        }
        if lane.wants_page().is_some() {
            self.peers.hungry.insert(key.clone());
        }
        if let Some(due) = lane.due() {
            self.look_at_lanes(due);
        }
        for bytes in said {
            self.push(Output::Parcel { from: key.0.clone(), to: key.1, bytes });
        }
    }

    fn look_at_lanes(&mut self, at: Time) {
        if self.peers.due.is_none_or(|due| at < due) {
            if let Some(due) = self.peers.due {
                self.due.remove(&(due, Due::Lanes));
            }
            self.peers.due = Some(at);
            self.due.insert((at, Due::Lanes));
        }
    }

    /// Lanes on which nothing was confirmed for long say everything again.
    pub(in crate::shard) fn lanes_due(&mut self) {
        self.peers.due = None;
        let now = self.now;
        for key in self.peers.lanes.keys().cloned().collect::<Vec<_>>() {
            if let Some((_, lane)) = self.peers.lanes.get_mut(&key) {
                lane.timeout(now);
                self.drain_lane(&key);
            }
        }
    }

    /// Asks the store for what lanes want. At the end of an input: what was confirmed must not be read as waiting.
    pub(in crate::shard) fn feed_lanes(&mut self) {
        for key in std::mem::take(&mut self.peers.hungry) {
            let Some((account, lane)) = self.peers.lanes.get(&key) else { continue };
            let Some(after) = lane.wants_page() else { continue };
            let Some(to) = self.peers.reach.get(&key.1).map(|reached| reached.address.clone()) else { continue };
            let account = *account;
            self.flush_confirmed();
            let device = (to == key.0).then_some(key.1);
            let query = Query::Outbox { account, to, device, after, limit: PAGE_MESSAGES_MAX };
            let ticket = self.read(query, Purpose::Posts(key.0.clone(), key.1));
            if let Some((_, lane)) = self.peers.lanes.get_mut(&key) {
                lane.asked(ticket);
            }
        }
    }

    /// The store has said who owes something to a device that came in reach.
    pub(in crate::shard) fn owners_answered(&mut self, device: DeviceId, number: u64, owners: Vec<(AccountId, Bare)>) {
        if !self.peers.numbers.contains_key(&number) {
            return;
        }
        for (id, own) in owners {
            let key = (own, device);
            let (_, lane) = self.peers.lanes.entry(key.clone()).or_insert_with(|| (id, Lane::new(true)));
            lane.look_again();
            self.drain_lane(&key);
        }
    }

    /// The store has given a lane its page.
    pub(in crate::shard) fn posts_answered(
        &mut self,
        own: Bare,
        device: DeviceId,
        ticket: Ticket,
        rows: Option<Vec<PostRow>>,
    ) {
        let (now, key) = (self.now, (own, device));
        let Some((account, lane)) = self.peers.lanes.get_mut(&key) else { return };
        if !lane.awaits(ticket) {
            return;
        }
        let Some(rows) = rows else {
            lane.no_page(now);
            return self.drain_lane(&key);
        };
        let packing = &mut self.packing;
        let last = rows.last().map(|row| row.post.seq);
        let mut spoilt = Vec::new();
        let posts = rows.into_iter().filter_map(|row| {
            // What this program stored it can read; what a disk made of it might be nobody's message.
            match (Stanza::parse(&row.stanza), Copied::read(&row.post.copied)) {
                (Ok(stanza), Ok(copied)) => {
                    let (seq, incarnation, counter) = (row.post.seq, row.post.incarnation, row.post.counter);
                    let payload = packing.pack(&stanza, &key.0, &row.post.to);
                    Some(Post { seq, incarnation, counter, written: row.origin, copied, payload })
                }
                _ => {
                    spoilt.push(row.post.seq);
                    None
                }
            }
        });
        let posts = posts.collect::<Vec<_>>();
        let account = *account;
        lane.page(now, posts, last);
        self.drain_lane(&key);
        self.arrived(account, &key.0, &spoilt);
    }

    /// Rows are done with: memory and, soon, the store know it.
    pub(super) fn arrived(&mut self, account: AccountId, own: &Bare, seqs: &[i64]) {
        if seqs.is_empty() {
            return;
        }
        self.count_posts(own, -(seqs.len() as i64));
        self.write_off_posts(account, seqs);
    }

    /// An account's outbox has so many rows more.
    pub(crate) fn count_posts(&mut self, own: &Bare, more: i64) {
        if let Some(row) = self.accounts.get_mut(own).and_then(|account| account.row.as_mut()) {
            row.outbox = row.outbox.saturating_add_signed(more);
        }
    }

    /// No lane of an account says these rows any more.
    pub(crate) fn forget_posts(&mut self, own: &Bare, seqs: &[i64]) {
        let now = self.now;
        for key in self.lanes_of(own) {
            if let Some((_, lane)) = self.peers.lanes.get_mut(&key) {
                lane.forget(now, seqs);
                self.drain_lane(&key);
            }
        }
    }
}
