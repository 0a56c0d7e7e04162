//! Numbered migrations: brings a database from whatever version it has to the one this program knows.

use rusqlite::{Connection, TransactionBehavior};

/// The steps, oldest first. One that was released is never changed; `PRAGMA user_version` counts those that were taken.
const MIGRATIONS: [&str; 3] = [
    include_str!("../migrations/001_first.sql"),
    include_str!("../migrations/002_post.sql"),
    include_str!("../migrations/003_directory.sql"),
];

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A program newer than this one has written it. Nothing was changed.
    #[error(
        "this store has format {found}, and this program knows formats up to {known}: \
         it was written by a newer version of Jirani, so please install that version or a later one"
    )]
    Newer {
        /// Its format.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// It is a database, but not one of ours. Nothing was changed.
    #[error("this database was not made by Jirani")]
    Foreign,
    /// Another process has it open.
    #[error("another process has this store open")]
    InUse,
    /// The directory or a file in it cannot be made or opened.
    #[error("the store cannot be opened: {0}")]
    Files(#[from] std::io::Error),
    /// What the database says.
    #[error("the store cannot be opened: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Takes the steps that are missing, each in a transaction of its own.
pub(crate) fn migrate(db: &mut Connection) -> Result<(), OpenError> {
    steps(db, &MIGRATIONS)
}

fn steps(db: &mut Connection, migrations: &[&str]) -> Result<(), OpenError> {
    let taken = taken(db, migrations.len())?;
    for (at, sql) in migrations.iter().enumerate().skip(taken) {
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", at as i64 + 1)?;
        step.commit()?;
    }
    Ok(())
}

/// Whether a database that is only read is ours and of a format that we know.
pub(crate) fn check(db: &Connection) -> Result<(), OpenError> {
    match taken(db, MIGRATIONS.len())? {
        0 => Err(OpenError::Foreign),
        _ => Ok(()),
    }
}

/// How many steps were taken, of so many that are known.
fn taken(db: &Connection, known: usize) -> Result<usize, OpenError> {
    let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if !is_ours(db, found)? {
        return Err(OpenError::Foreign);
    }
    match usize::try_from(found) {
        Ok(taken) if taken <= known => Ok(taken),
        _ => Err(OpenError::Newer { found, known: known as i64 }),
    }
}

/// Whether the database is empty and new, or says in `meta` that it is ours.
fn is_ours(db: &Connection, version: i64) -> Result<bool, OpenError> {
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(version == 0);
    }
    let named = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'meta'";
    if version < 1 || db.query_row(named, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(false);
    }
    let format = "SELECT count(*) FROM meta WHERE name = 'format' AND value = 'jirani-store'";
    Ok(db.query_row(format, [], |row| row.get::<_, i64>(0)).unwrap_or(0) == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(db: &Connection) -> i64 {
        db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn missing_steps_are_taken_once_and_in_order() {
        let all = [MIGRATIONS[0], "CREATE TABLE second (x)", "ALTER TABLE second ADD COLUMN y"];
        for from in 0..=all.len() {
            let mut db = Connection::open_in_memory().unwrap();
            if from > 0 {
                steps(&mut db, &all[..from]).unwrap();
            }
            assert_eq!(version(&db), from as i64);
            steps(&mut db, &all).unwrap();
            steps(&mut db, &all).unwrap();
            assert_eq!(version(&db), 3);
            db.execute("INSERT INTO second (x, y) VALUES (1, 2)", []).unwrap();
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut db = Connection::open_in_memory().unwrap();
        let bad = [MIGRATIONS[0], "CREATE TABLE second (x); CREATE TABLE second (y)"];
        assert!(matches!(steps(&mut db, &bad), Err(OpenError::Database(_))));
        assert_eq!(version(&db), 1);
        assert!(db.prepare("SELECT x FROM second").is_err());
    }

    #[test]
    fn a_store_of_the_first_format_is_brought_up_to_date() {
        let mut db = Connection::open_in_memory().unwrap();
        steps(&mut db, &MIGRATIONS[..1]).unwrap();
        db.execute("INSERT INTO account (created, pending) VALUES (5, 7)", []).unwrap();
        migrate(&mut db).unwrap();
        let row = db.query_row("SELECT pending, outbox FROM account", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!((row.unwrap(), version(&db)), ((7, 0), MIGRATIONS.len() as i64));
    }

    #[test]
    fn a_newer_store_is_refused_in_clear_words() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        db.pragma_update(None, "user_version", 7).unwrap();
        let refusal = migrate(&mut db).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "this store has format 7, and this program knows formats up to 3: it was written by a newer version of \
             Jirani, so please install that version or a later one"
        );
        assert_eq!(version(&db), 7);
    }

    #[test]
    fn a_foreign_database_is_left_alone() {
        for sql in [
            "CREATE TABLE users (x)",
            "CREATE TABLE meta (name, value)",
            "PRAGMA user_version = 1",
            "CREATE TABLE meta (x); PRAGMA user_version = 1",
            "CREATE TABLE meta (name, value); PRAGMA user_version = 1",
            "CREATE TABLE meta (name, value); PRAGMA user_version = -1",
        ] {
            let mut db = Connection::open_in_memory().unwrap();
            db.execute_batch(sql).unwrap();
            assert!(matches!(migrate(&mut db), Err(OpenError::Foreign)), "{sql}");
            assert!(db.prepare("SELECT account FROM account").is_err(), "{sql}");
        }
    }
}
