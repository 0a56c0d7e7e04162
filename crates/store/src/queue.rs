//! How much waits for the store, so that whoever feeds it can push back before memory is gone.

use std::sync::atomic::{AtomicUsize, Ordering};

use base::ledger::{Batch, StoreError, Write};

/// What waits, and what is being worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Batches or queries.
    pub items: usize,
    /// About how many bytes of memory they hold.
    pub bytes: usize,
}

/// What a writer has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Transactions, each of one batch or more.
    pub transactions: u64,
    /// Batches that are durable.
    pub batches: u64,
    /// Batches that were refused or failed.
    pub failed: u64,
    /// Messages that are durable.
    pub messages: u64,
    /// Copies of messages that have reached their person.
    pub delivered: u64,
}

impl Written {
    /// Counts the batches of one transaction, with what became of them.
    pub(crate) fn count(&mut self, batches: &[Batch], results: &[Result<(), StoreError>]) {
        self.transactions += 1;
        for (batch, result) in batches.iter().zip(results) {
            if result.is_err() {
                self.failed += 1;
                continue;
            }
            self.batches += 1;
            for write in batch {
                match write {
                    Write::AddMessage(_) => self.messages += 1,
                    Write::Delivered { seqs, .. } => self.delivered += seqs.len() as u64,
                    Write::CreateAccount { .. }
                    | Write::SetCredentials { .. }
                    | Write::RemoveAccount { .. }
                    | Write::PutRecord(_)
                    | Write::Arrived { .. }
                    | Write::PutReceived(_)
                    | Write::PutStatement(_)
                    | Write::RemoveStatement(_)
                    | Write::PutPin(_)
                    | Write::RemovePin(_) => {}
                }
            }
        }
    }
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
        Write::AddMessage(message) => {
            let rows = message.copies.len() * size_of::<base::ledger::Copy>();
            message.stanza.len() + rows + message.posts.len() * size_of::<base::ledger::NewPost>()
        }
        Write::Delivered { seqs, .. } | Write::Arrived { seqs, .. } => seqs.len() * size_of::<i64>(),
        Write::PutReceived(received) => received.seen.len(),
        Write::PutStatement(row) => row.key.subject.len() + row.bytes.len(),
        Write::RemoveStatement(key) => key.subject.len(),
        Write::PutPin(_) | Write::RemovePin(_) => 0,
    };
    batch.iter().map(|write| size_of::<Write>() + of(write)).sum()
}
