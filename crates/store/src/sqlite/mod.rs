//! The embedded store: one SQLite database in a directory of its own (design, section 12).
//!
//! WAL, so that readers never wait for the writer; `synchronous = FULL`, so that what was committed is on disk.

mod directory;
mod read;
mod span;
mod sweep;
mod tally;
#[cfg(test)]
mod tests;
mod write;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::ledger::{Batch, Query, Rows, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::schema::{self, OpenError};

/// The database, in the store's directory. SQLite puts its log and index beside it, with the same mode.
pub(crate) const DATABASE: &str = "store.sqlite";
/// Locked as long as the store is open. The kernel lets go of it when a process dies, however it dies.
const LOCK: &str = "store.lock";
/// The log may have so many pages before they are copied back into the database: 16 MB, read again after a crash.
const LOG_PAGES: i64 = 4000;
/// More than all statements there are, so that none is prepared twice.
const STATEMENTS: usize = 64;

/// The embedded store, open for writing.
#[derive(Debug)]
pub struct Sqlite {
    db: Connection,
    path: PathBuf,
    _lock: File,
}

impl Sqlite {
    /// Opens the store in `directory`, which is made if it is missing. Only this user can read what is in it.
    ///
    /// # Errors
    /// Why it cannot be opened; see [`OpenError`].
    pub fn open(directory: &Path) -> Result<Sqlite, OpenError> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
        let lock = private_file(&directory.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(TryLockError::Error(e)) => return Err(e.into()),
        }
        // Made here and not by SQLite, which would ask the umask.
        let path = directory.join(DATABASE);
        private_file(&path)?;
        File::open(directory)?.sync_all()?;

        let mut db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | no_mutex())?;
        db.busy_timeout(Duration::from_secs(5))?;
        // Before anything is written: a database that is not ours stays as it is.
        schema::migrate(&mut db)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        // Both bounds are for a crowd; a laptop's writer touches a few pages. A group of 256 messages of 100 accounts
        // changes some 500: they stay in memory until the commit (kB), and are copied back once for many groups (pages).
        db.pragma_update(None, "cache_size", -8000)?;
        db.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        // A log that grew beyond that in a burst is cut back (bytes).
        db.pragma_update(None, "journal_size_limit", LOG_PAGES * 4096)?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Sqlite { db, path, _lock: lock })
    }

    /// A connection that only reads, for another thread. It sees every batch whose result was given before it is asked.
    ///
    /// # Errors
    /// What the database says.
    pub fn reader(&self) -> Result<Reader, OpenError> {
        let db = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY | no_mutex())?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "cache_size", -512)?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Reader { db })
    }
}

impl crate::Store for Sqlite {
    fn apply(&mut self, batches: &[Batch]) -> Vec<Result<(), StoreError>> {
        write::apply(&mut self.db, batches)
    }

    fn sweep(&mut self) -> Result<bool, StoreError> {
        sweep::sweep(&mut self.db).map_err(failed)
    }

    fn answer(&self, query: &Query) -> Result<Rows, StoreError> {
        read::answer(&self.db, query)
    }
}

/// A connection to the embedded store that only reads.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

impl Reader {
    /// As [`crate::Store::answer`].
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the rows cannot be read.
    pub fn answer(&self, query: &Query) -> Result<Rows, StoreError> {
        read::answer(&self.db, query)
    }
}

/// Each connection belongs to one thread at a time (Rust sees to it), so SQLite need not lock it.
fn no_mutex() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn private_file(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// What the database says, in the ledger's words.
fn failed(e: rusqlite::Error) -> StoreError {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        _ => StoreError::Failed(e.to_string()),
    }
}
