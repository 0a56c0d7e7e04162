//! How much waits for the store, so that whoever feeds it can push back before memory is gone.

use std::sync::atomic::{AtomicUsize, Ordering};

use base::ledger::{Batch, Write};

/// What waits, and what is being worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Batches or queries.
    pub items: usize,
    /// About how many bytes of memory they hold.
    pub bytes: usize,
}

/// A gauge that two threads share. The two numbers are read one after the other: they guide, they do not account.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    items: AtomicUsize,
    bytes: AtomicUsize,
}

impl Gauge {
    pub(crate) fn add(&self, bytes: usize) {
        self.items.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, queued: Queued) {
        self.items.fetch_sub(queued.items, Ordering::Relaxed);
        self.bytes.fetch_sub(queued.bytes, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Queued {
        Queued { items: self.items.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

/// About how much memory a batch holds.
pub(crate) fn weight(batch: &Batch) -> usize {
    let of = |write: &Write| match write {
        Write::CreateAccount { .. } | Write::SetCredentials { .. } | Write::RemoveAccount { .. } => 0,
        Write::PutRecord(record) => record.key.len() + record.value.as_ref().map_or(0, Vec::len),
        Write::AddMessage(message) => message.stanza.len() + message.copies.len() * size_of::<base::ledger::Copy>(),
        Write::Delivered { seqs, .. } => seqs.len() * size_of::<i64>(),

        Write::PutStatement(row) => row.key.subject.len() + row.bytes.len(),
        Write::RemoveStatement(key) => key.subject.len(),
        Write::PutPin(_) | Write::RemovePin(_) => 0,
    };
    batch.iter().map(|write| size_of::<Write>() + of(write)).sum()
}
