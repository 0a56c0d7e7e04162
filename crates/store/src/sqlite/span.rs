//! Which part of an archive can hold a time. Messages are filed nearly in the order of time, but a clock may jump: so no
//! order is assumed. For each 256 numbers the earliest and the latest time are kept, and what lies outside is not walked.
//!
//! An index over the time costs a row for each copy; this costs one for each account and commit. Measured with a million
//! messages: a page from a late time takes 0.2 ms instead of 50 to 80.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use base::AccountId;
use rusqlite::{Connection, OptionalExtension, params};

/// A span is a message's number without its lowest bits. Stored: it can only change with a migration.
const SPAN_BITS: u32 = 8;

/// The spans that one transaction widens.
#[derive(Debug, Default)]
pub(super) struct Spans {
    of: BTreeMap<(AccountId, i64), (i64, i64)>,
}

impl Spans {
    /// Notes an archived message.
    pub(super) fn widen(&mut self, account: AccountId, seq: i64, filed: i64) {
        match self.of.entry((account, seq >> SPAN_BITS)) {
            Entry::Vacant(entry) => drop(entry.insert((filed, filed))),
            Entry::Occupied(mut entry) => {
                let (min, max) = *entry.get();
                entry.insert((min.min(filed), max.max(filed)));
            }
        }
    }

    /// Forgets an account that is being removed.
    pub(super) fn forget(&mut self, account: AccountId) {
        self.of.retain(|(owner, _), _| *owner != account);
    }

    /// Forgets all, after a rollback.
    pub(super) fn clear(&mut self) {
        self.of.clear();
    }

    /// Widens the rows.
    pub(super) fn flush(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut widen = db.prepare_cached(
            "INSERT INTO span (account, span, filed_min, filed_max) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE \
             SET filed_min = min(filed_min, excluded.filed_min), filed_max = max(filed_max, excluded.filed_max)",
        )?;
        for ((account, span), (min, max)) in std::mem::take(&mut self.of) {
            widen.execute(params![account.0, span, min, max])?;
        }
        Ok(())
    }
}

/// Between which numbers (both exclusive) lies all that was archived from `start` to `end`. Not all between them was.
pub(super) fn around(
    db: &Connection,
    account: i64,
    start: Option<i64>,
    end: Option<i64>,
) -> rusqlite::Result<(i64, i64)> {
    let find = |sql, time: i64| -> rusqlite::Result<Option<i64>> {
        db.prepare_cached(sql)?.query_row([account, time], |row| row.get(0)).optional()
    };
    let mut after = i64::MIN;
    let mut before = i64::MAX;
    if let Some(start) = start {
        let first = "SELECT span FROM span WHERE account = ?1 AND filed_max >= ?2 ORDER BY span LIMIT 1";
        after = find(first, start)?.map_or(i64::MAX, |span| (span << SPAN_BITS) - 1);
    }
    if let Some(end) = end {
        let last = "SELECT span FROM span WHERE account = ?1 AND filed_min <= ?2 ORDER BY span DESC LIMIT 1";
        before =
            find(last, end)?.map_or(i64::MIN, |span| ((span << SPAN_BITS) | ((1 << SPAN_BITS) - 1)).saturating_add(1));
    }
    Ok((after, before))
}
