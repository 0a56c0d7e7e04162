//! An account as its shard has it: who is logged in, its counters, and what of its records has been read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use base::ledger::{AccountRow, Record, RecordKind};
use base::limits::{PARKED_BYTES_MAX, PARKED_INPUTS_MAX};
use base::{Audience, DeviceId, NodeId, SessionId, Ticket, Wall};
use smallvec::SmallVec;

use crate::contacts::Roster;
use crate::desk::blocking::Blocked;
use crate::desk::in_reach::Remembered;
use crate::desk::near::Near;
use crate::desk::own_contact::Choices;
use crate::desk::post::Counters;
use crate::desk::preferences::Preferences;
use crate::desk::private::Sizes;
use crate::parking::Parked;

/// An account, or the wait for it.
pub(crate) struct Account {
    /// Its row, once it has been read.
    pub(crate) row: Option<AccountRow>,
    /// Whom it blocks: read with its row.
    pub(crate) blocked: Blocked,
    /// Who may see it on a link and reach it: read with its row.
    pub(crate) audience: Audience,
    /// What it has chosen about the daemon as its contact: read with its row.
    pub(crate) choices: Choices,
    /// What it has made of people in reach: read with its row.
    pub(crate) remembered: Remembered,
    /// What passed between it and people on links who are no contacts: read with its row.
    pub(crate) near: Near,
    /// Its other devices, as far as they were met: read with its row.
    pub(crate) siblings: BTreeSet<DeviceId>,
    /// What it counts for others, once it has said something that lasts.
    pub(crate) counters: Option<Box<Counters>>,
    /// Its sessions in the order in which they were bound.
    pub(crate) sessions: Vec<SessionId>,
    /// Its contacts, once something needed them: before any of its sessions is available.
    pub(crate) roster: Option<Arc<Roster>>,
    /// How much private XML it keeps, once it has set some.
    pub(crate) private: Option<Sizes>,
    /// What has come of them so far while they are being read.
    pub(crate) arriving: Roster,
    /// What it wants as history, if it has ever said so. Read with the row.
    pub(crate) preferences: Option<Box<Preferences>>,
    /// Reads of its own that are on their way. While there are any, what arrives is parked.
    pub(crate) awaited: SmallVec<[Ticket; 3]>,
    pub(crate) parked: VecDeque<Parked>,
    parked_bytes: usize,
    /// Messages that waited are on their way to its sessions.
    pub(crate) backlog: Option<Backlog>,
    /// Copies that were sent to sessions and are not confirmed, with how many sessions each: they do not wait.
    pub(crate) in_flight: BTreeMap<i64, u32>,
    /// Whether it stands in the shard's queue of accounts that nobody uses.
    pub(crate) retired: bool,
}

/// The delivery of waiting messages, page by page. New ones queue up behind it, in the store.
#[derive(Default)]
pub(crate) struct Backlog {
    /// Everything up to this number has been sent.
    pub(crate) sent: i64,
    /// The highest number there was when the last page was asked for.
    pub(crate) asked: i64,
    /// The read whose page is due. An answer to any other is of a delivery that ended meanwhile.
    pub(crate) awaited: Option<Ticket>,
    /// What was confirmed since that was asked: the page may still have it.
    pub(crate) arrived: BTreeSet<i64>,
    /// Numbers of the page that nobody has confirmed yet.
    pub(crate) unconfirmed: Vec<i64>,
    /// Whether there may be some behind us that nobody has had: something was sent, or a session ended.
    pub(crate) again: bool,
}

impl Account {
    /// One that is about to be read.
    pub(crate) fn unread() -> Account {
        Account {
            row: None,
            blocked: Blocked::default(),
            audience: Audience::default(),
            choices: Choices::default(),
            remembered: Remembered::default(),
            near: Near::default(),
            siblings: BTreeSet::new(),
            counters: None,
            sessions: Vec::new(),
            roster: None,
            private: None,
            arriving: Roster::default(),
            preferences: None,
            awaited: SmallVec::new(),
            parked: VecDeque::new(),
            parked_bytes: 0,
            backlog: None,
            in_flight: BTreeMap::new(),
            retired: false,
        }
    }

    /// Whether an input must wait behind others.
    pub(crate) fn is_loading(&self) -> bool {
        !self.awaited.is_empty() || !self.parked.is_empty()
    }

    /// Takes a read off those that are on their way; whether it was one.
    pub(crate) fn take_answer(&mut self, ticket: Ticket) -> bool {
        let at = self.awaited.iter().position(|awaited| *awaited == ticket);
        at.map(|at| self.awaited.swap_remove(at)).is_some()
    }

    /// Bytes of the inputs that wait.
    pub(crate) fn parked_bytes(&self) -> usize {
        self.parked_bytes
    }

    /// Lets an input wait.
    ///
    /// # Errors
    /// Gives it back if too much waits already.
    pub(crate) fn park(&mut self, input: Parked) -> Result<(), Parked> {
        let bytes = input.bytes();
        if self.parked.len() >= PARKED_INPUTS_MAX || self.parked_bytes + bytes > PARKED_BYTES_MAX {
            return Err(input);
        }
        self.parked_bytes += bytes;
        self.parked.push_back(input);
        Ok(())
    }

    /// The next input that waits.
    pub(crate) fn unpark(&mut self) -> Option<Parked> {
        let input = self.parked.pop_front()?;
        self.parked_bytes -= input.bytes();
        Some(input)
    }

    /// Puts an input back in front: it needs yet another read.
    pub(crate) fn park_first(&mut self, input: Parked) {
        self.parked_bytes += input.bytes();
        self.parked.push_front(input);
    }

    /// Takes the next number for a copy of a message.
    pub(crate) fn take_seq(&mut self) -> i64 {
        let row = self.row.as_mut().expect("only an account that has been read gets messages");
        row.next_seq += 1;
        row.next_seq - 1
    }

    /// Takes the next version and clock for a contact's records.
    pub(crate) fn take_version(&mut self, wall: Wall) -> (i64, u64) {
        let row = self.row.as_mut().expect("only an account that has been read has records");
        row.next_version += 1;
        let version = row.next_version - 1;
        (version, take_clock(row, wall))
    }

    /// A record of any other kind: it has no version, so that it makes no client read its contacts again.
    pub(crate) fn record(&mut self, kind: RecordKind, key: &str, value: Option<Vec<u8>>, wall: Wall) -> Record {
        let row = self.row.as_mut().expect("only an account that has been read has records");
        let clock = take_clock(row, wall);
        Record { account: row.id, kind, key: key.to_owned(), value, clock, node: NodeId::SELF, version: 0 }
    }

    /// A session that was sent a copy will not confirm it; if it was the last one, the copy waits again.
    pub(crate) fn land(&mut self, seq: i64) {
        if let Some(sessions) = self.in_flight.get_mut(&seq) {
            *sessions -= 1;
            if *sessions == 0 {
                self.in_flight.remove(&seq);
            }
        }
    }

    /// Forgets its contacts, unless filing its messages needs them.
    pub(crate) fn forget_roster(&mut self) {
        if !self.preferences.as_ref().is_some_and(|preferences| preferences.need_roster()) {
            self.roster = None;
        }
    }

    /// A copy that was filed was not written after all.
    pub(crate) fn unfile(&mut self, seq: i64) {
        self.in_flight.remove(&seq);
        if let Some(row) = &mut self.row {
            row.pending = row.pending.saturating_sub(1);
        }
    }

    /// Whether messages wait that are on their way to nobody.
    pub(crate) fn has_waiting(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.pending > self.in_flight.len() as u64)
    }

    /// Whether the account has nothing to do, so that its memory can be given back.
    pub(crate) fn is_idle(&self) -> bool {
        self.sessions.is_empty() && !self.is_loading() && self.backlog.is_none()
    }
}

/// Takes the next clock of an account (a hybrid logical clock: never behind the calendar, never back).
fn take_clock(row: &mut AccountRow, wall: Wall) -> u64 {
    row.clock = (row.clock + 1).max((wall.0.max(0) as u64) << 16);
    row.clock
}

#[cfg(test)]
mod tests {
    use wire::{Kind, MessageType, Stanza};

    use super::*;
    use crate::router::Way;
    use crate::shard::Origin;

    fn stanza(bytes: usize) -> Parked {
        let stanza = Stanza::new(Kind::Message(MessageType::Chat)).with_inner("x".repeat(bytes));
        let origin = Origin { session: SessionId(1), number: None };
        Parked::Stanza { way: Way::In, origin, stanza: Box::new(stanza) }
    }

    #[test]
    fn an_account_that_is_read_lets_so_many_inputs_wait() {
        let mut account = Account::unread();
        for _ in 0..PARKED_INPUTS_MAX {
            assert!(account.park(stanza(1)).is_ok());
        }
        for _ in 0..9 * PARKED_INPUTS_MAX {
            assert!(account.park(stanza(1)).is_err());
        }
        assert!(account.unpark().is_some());
        assert!(account.park(stanza(1)).is_ok(), "what has gone makes room");
    }

    #[test]
    fn an_account_that_is_read_lets_so_many_bytes_wait() {
        let most = PARKED_BYTES_MAX;
        for (bytes, fits) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
            assert_eq!(Account::unread().park(stanza(bytes)).is_ok(), fits, "{bytes}");
        }
    }
}
