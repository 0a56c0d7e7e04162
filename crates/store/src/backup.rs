//! One file with all of a node: the store as of one moment (SQLite's `VACUUM INTO`), and in a table beside its own the
//! node's other files. And back, so that no number is given twice (docs/formats/backup.md).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use crate::schema::{self, OpenError};
use crate::sqlite::DATABASE;

/// A file of the node that lies outside the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// Its path in the node's directory, with `/`.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A backup is never written over another file.
    #[error("{0} exists already: choose another name")]
    Exists(PathBuf),
    /// The file is a store or nothing of ours, but no backup.
    #[error("{0} is no backup of a Jirani")]
    NoBackup(PathBuf),
    /// A page of it is not what was written.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What SQLite found first.
        what: String,
    },
    /// It is of a newer program, or cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A name that SQLite cannot take.
    #[error("{0} is not UTF-8: choose another name")]
    Name(PathBuf),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// What the database says; a full disk, most often.
    #[error("the database says: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Numbers below this may have been given between the backup and the loss of what it was made of, whatever the clock says.
const LEAP: i64 = 1 << 32;

/// Writes the store in `directory` and the other files into `to`, for its owner only; when it returns, the file is whole
/// and on disk, and before that it has no name. The store may be in use by a daemon: neither waits for the other. The other
/// files are asked for when the store is copied: what belongs to a row of it is there by then.
///
/// # Errors
/// Why there is no backup. Then nothing is left of it.
pub fn backup(
    directory: &Path,
    to: &Path,
    items: impl FnOnce() -> Result<Vec<Item>, BackupError>,
) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let draft = backup_draft(to);
    let done = write(directory, &draft, items)
        .and_then(|()| fs::rename(&draft, to).and_then(|()| sync_name(to)).map_err(|source| file_error(to, source)));
    if done.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&draft);
    }
    done
}

/// Where a backup that this process makes grows until it gets its name.
pub fn backup_draft(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(format!(".draft-{}", std::process::id()));
    name.into()
}

fn write(
    directory: &Path,
    draft: &Path,
    items: impl FnOnce() -> Result<Vec<Item>, BackupError>,
) -> Result<(), BackupError> {
    let source = open(&directory.join(DATABASE))?;
    schema::check(&source)?;
    // SQLite takes a file that is there if it is empty; made here, so that it is nobody else's for no moment.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft);
    let file = file.map_err(|source| file_error(draft, source))?;
    let path = draft.to_str().ok_or_else(|| BackupError::Name(draft.to_owned()))?;
    source.execute("VACUUM INTO ?1", [path])?;
    let mut copy = Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // No journal beside it: what fails is removed.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    let change = copy.transaction()?;
    change.execute_batch("CREATE TABLE backup (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT")?;
    for item in items()? {
        change.execute("INSERT INTO backup (name, bytes) VALUES (?1, ?2)", params![item.name, item.bytes])?;
    }
    change.commit()?;
    drop(copy);
    file.sync_all().map_err(|source| file_error(draft, source))
}

/// Makes a store in `directory`, which must not be there, from a backup; gives the other files. `now` is the time since
/// 1970, and `chance` tells two restorations of one second apart: message numbers, roster versions and account numbers go
/// on beyond all that can have been given after the backup was made.
///
/// # Errors
/// Why nothing was restored. The directory may then have something in it.
pub fn restore(from: &Path, directory: &Path, now: Duration, chance: u16) -> Result<Vec<Item>, BackupError> {
    let backup = open(from)?;
    let no_backup = || BackupError::NoBackup(from.to_owned());
    match schema::check(&backup) {
        Ok(()) => {}
        Err(OpenError::Newer { found, known }) => return Err(OpenError::Newer { found, known }.into()),
        Err(_) => return Err(no_backup()),
    }
    let has_items = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'backup'";
    backup.query_row(has_items, [], |_| Ok(())).optional()?.ok_or_else(no_backup)?;
    let sound: String = backup.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(BackupError::Damaged { path: from.to_owned(), what: sound });
    }
    let items = backup
        .prepare("SELECT name, bytes FROM backup ORDER BY name")?
        .query_map([], |row| Ok(Item { name: row.get(0)?, bytes: row.get(1)? }))?
        .collect::<Result<_, _>>()?;
    drop(backup);

    let path = directory.join(DATABASE);
    copy(from, directory, &path).map_err(|source| file_error(&path, source))?;
    let mut store = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // The node's keys stay in no page that is free.
    store.pragma_update(None, "secure_delete", true)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX).min(i64::from(u32::MAX));
    let change = store.transaction()?;
    change.execute_batch("DROP TABLE backup")?;
    change.execute(
        "UPDATE account SET next_seq = max(next_seq + ?1, ?2), next_version = max(next_version + ?1, ?2)",
        [LEAP, seconds << 16 | i64::from(chance)],
    )?;
    let counted = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'account'";
    if change.execute(counted, [seconds])? == 0 {
        change.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('account', ?1)", [seconds])?;
    }
    change.commit()?;
    drop(store);
    File::open(&path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_name(&path))
        .map_err(|e| file_error(&path, e))?;
    Ok(items)
}

fn copy(from: &Path, directory: &Path, path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(directory)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::copy(&mut File::open(from)?, &mut to)?;
    to.sync_all()
}

/// Opens a database to read.
fn open(path: &Path) -> Result<Connection, BackupError> {
    // SQLite's own words for a missing file name neither file nor reason.
    File::open(path).map_err(|source| file_error(path, source))?;
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(Duration::from_secs(5))?;
    Ok(db)
}

/// Makes a file's name survive a power cut.
fn sync_name(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn file_error(path: &Path, source: io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), source }
}
