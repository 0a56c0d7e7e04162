//! The twin in memory: the same answers as the embedded store, and failures and crashes when a test wants them.
//!
//! It is deterministic and touches nothing outside itself, so each laptop of a simulated crowd can have one.

mod directory;
mod read;
mod table;
mod tables;

use std::collections::BTreeMap;

use base::ledger::{Batch, Query, Rows, StoreError};

use tables::Tables;

/// The in-memory store.
#[derive(Clone, Debug, Default)]
pub struct Twin {
    tables: Tables,
    applied: u64,
    faults: BTreeMap<u64, StoreError>,
}

impl Twin {
    /// An empty one.
    pub fn new() -> Twin {
        Twin::default()
    }

    /// The `nth` batch from now on (1 is the next one) fails with this error and writes nothing.
    pub fn fail(&mut self, nth: u64, error: StoreError) {
        self.faults.insert(self.applied + nth, error);
    }

    /// Whatever was applied so far survives a [`crash`](Twin::crash). Acknowledge it only after this.
    pub fn sync(&mut self) {
        self.tables.forget_undo();
    }

    /// The power goes: batches applied since the last [`sync`](Twin::sync) never were.
    pub fn crash(&mut self) {
        self.tables.undo_to(tables::Mark::default());
    }
}

impl crate::Store for Twin {
    /// Durable only after [`Twin::sync`].
    fn apply(&mut self, batches: &[Batch]) -> Vec<Result<(), StoreError>> {
        let mut apply = |batch: &Batch| {
            self.applied += 1;
            if let Some(error) = self.faults.remove(&self.applied) {
                return Err(error);
            }
            let mark = self.tables.mark();
            let result = batch.iter().try_for_each(|write| self.tables.write(write));
            if result.is_err() {
                self.tables.undo_to(mark);
            }
            result
        };
        batches.iter().map(&mut apply).collect()
    }

    /// Nothing is left behind here.
    fn sweep(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn answer(&self, query: &Query) -> Result<Rows, StoreError> {
        Ok(read::answer(&self.tables, query))
    }
}
