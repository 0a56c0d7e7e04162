//! The counters of the accounts that one transaction touches: read once, written once, however many batches it has.

use std::collections::BTreeMap;

use base::AccountId;
use base::ledger::StoreError;
use rusqlite::{Connection, OptionalExtension, params};

/// What an account's row counts, so that opening it never scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) next_seq: i64,
    pub(crate) next_version: i64,
    pub(crate) clock: i64,
    pub(crate) pending: i64,
    pub(crate) outbox: i64,
}

impl Tally {
    /// Takes a number for a message. Numbers only grow: an archive is appended to, never filled up.
    pub(crate) fn take_seq(&mut self, seq: i64) -> Result<(), StoreError> {
        if seq < self.next_seq {
            return Err(StoreError::Failed(format!("message number {seq} is behind {}", self.next_seq)));
        }
        let next = seq.checked_add(1).ok_or_else(|| StoreError::Failed("message numbers are used up".into()))?;
        self.next_seq = next;
        Ok(())
    }

    /// Notes a record that was seen.
    pub(crate) fn see_record(&mut self, version: i64, clock: i64) {
        self.next_version = self.next_version.max(version.saturating_add(1));
        self.clock = self.clock.max(clock);
    }
}

/// The counters in use, and which of them differ from their rows.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    of: BTreeMap<AccountId, (Tally, bool)>,
}

impl Tallies {
    /// An account's counters, or `None` if there is no such account.
    pub(crate) fn get(&mut self, db: &Connection, account: AccountId) -> rusqlite::Result<Option<Tally>> {
        if let Some((tally, _)) = self.of.get(&account) {
            return Ok(Some(*tally));
        }
        let tally = db
            .prepare_cached("SELECT next_seq, next_version, clock, pending, outbox FROM account WHERE account = ?1")?
            .query_row([account.0], |row| {
                Ok(Tally {
                    next_seq: row.get(0)?,
                    next_version: row.get(1)?,
                    clock: row.get(2)?,
                    pending: row.get(3)?,
                    outbox: row.get(4)?,
                })
            })
            .optional()?;
        if let Some(tally) = tally {
            self.of.insert(account, (tally, false));
        }
        Ok(tally)
    }

    /// Changes an account's counters.
    pub(crate) fn set(&mut self, account: AccountId, tally: Tally) {
        self.of.insert(account, (tally, true));
    }

    /// Forgets an account that is being removed.
    pub(crate) fn forget(&mut self, account: AccountId) {
        self.of.remove(&account);
    }

    /// Forgets all, after a rollback: the rows know better.
    pub(crate) fn clear(&mut self) {
        self.of.clear();
    }

    /// Writes the changed ones to their rows.
    pub(crate) fn flush(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut update = db.prepare_cached(
            "UPDATE account SET next_seq = ?2, next_version = ?3, clock = ?4, pending = ?5, outbox = ?6 WHERE account = ?1",
        )?;
        for (account, (tally, changed)) in &mut self.of {
            if std::mem::take(changed) {
                let Tally { next_seq, next_version, clock, pending, outbox } = *tally;
                update.execute(params![account.0, next_seq, next_version, clock, pending, outbox])?;
            }
        }
        Ok(())
    }
}
