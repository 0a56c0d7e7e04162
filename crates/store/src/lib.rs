//! Where batches become durable: SQLite on its own thread with group commit, and a twin in memory for tests.
//!
//! What is asked and answered are the words of [`base::ledger`]; what stands on disk is `docs/formats/store.md`.
//!
//! | part | what it does |
//! |---|---|
//! | [`Store`] | what everything that stores can do: apply batches, answer queries |
//! | [`Sqlite`], [`Reader`] | the embedded store: one directory, one database; connections that only read |
//! | [`Writer`] | a thread that commits all that is queued as one transaction |
//! | [`Readers`] | a few threads that answer queries beside the writer |
//! | [`backup`](backup()), [`restore`] | one file with all of a node, and back |
//! | [`Twin`] | the same answers from memory, with failures and crashes on demand |

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the store is where files and threads are at home; it still reads no clock and no environment"
)]

mod backup;
mod queue;
mod readers;
mod schema;
mod sqlite;
mod twin;
mod writer;

pub use backup::{BackupError, Item, backup, backup_draft, restore};
pub use queue::{Queued, Written};
pub use readers::Readers;
pub use schema::OpenError;
pub use sqlite::{Reader, Sqlite};
pub use twin::Twin;
pub use writer::{Done, Writer};

use base::ledger::{Batch, Query, Rows, StoreError};

/// What the embedded store and its twin have in common. The answers of both are the same.
pub trait Store {
    /// Writes batches in their order. When it returns they are as durable as this store makes them; each has its own
    /// result, and one that fails takes none of the others with it.
    fn apply(&mut self, batches: &[Batch]) -> Vec<Result<(), StoreError>>;

    /// Removes a slice of what removed accounts have left behind, in a transaction of its own: a huge archive keeps nobody
    /// waiting. Whether there may be more.
    ///
    /// # Errors
    /// As a batch; nothing is removed then.
    fn sweep(&mut self) -> Result<bool, StoreError>;

    /// Answers from what all applied batches left.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the rows cannot be read. An account that does not exist has no rows; that is no error.
    /// Who asks for messages by the number of an account that was removed may still find some, until they are swept.
    fn answer(&self, query: &Query) -> Result<Rows, StoreError>;
}
