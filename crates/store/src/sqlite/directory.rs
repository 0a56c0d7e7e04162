//! The directory of peers as rows: statements of people and domains, and whose key an address has.

use base::Wall;
use base::ledger::{PinRow, StatementKey, StatementRow};
use base::limits::PAGE_BYTES_MAX;
use rusqlite::{Connection, Row, params};

use super::read::bare;

pub(super) fn put_statement(db: &Connection, row: &StatementRow) -> rusqlite::Result<()> {
    let StatementKey { address, issuer, kind, subject, fork } = &row.key;
    db.prepare_cached(
        "INSERT OR REPLACE INTO statement (address, issuer, kind, subject, fork, sequence, seen, bytes) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![address.as_str(), issuer, kind, subject, fork, row.sequence, row.seen.0, &*row.bytes])
    .map(drop)
}

pub(super) fn remove_statement(db: &Connection, key: &StatementKey) -> rusqlite::Result<()> {
    let StatementKey { address, issuer, kind, subject, fork } = key;
    db.prepare_cached(
        "DELETE FROM statement WHERE address = ?1 AND issuer = ?2 AND kind = ?3 AND subject = ?4 AND fork = ?5",
    )?
    .execute(params![address.as_str(), issuer, kind, subject, fork])
    .map(drop)
}

pub(super) fn put_pin(db: &Connection, pin: &PinRow) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO pin (address, genesis, person) VALUES (?1, ?2, ?3)")?
        .execute(params![pin.address.as_str(), pin.genesis, pin.person])
        .map(drop)
}

pub(super) fn remove_pin(db: &Connection, address: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM pin WHERE address = ?1")?.execute([address]).map(drop)
}

/// A page, as far as [`PAGE_BYTES_MAX`] goes; at least one row if there is one.
pub(super) fn statements(
    db: &Connection,
    after: Option<&StatementKey>,
    limit: u32,
) -> rusqlite::Result<Vec<StatementRow>> {
    const COLUMNS: &str = "SELECT address, issuer, kind, subject, fork, sequence, seen, bytes FROM statement";
    const ORDER: &str = "ORDER BY address, issuer, kind, subject, fork";
    let mut rows = Vec::new();
    let mut bytes = 0;
    let mut take = |row: &Row<'_>| -> rusqlite::Result<bool> {
        let row = statement_row(row)?;
        bytes += row.bytes.len();
        let fits = bytes <= PAGE_BYTES_MAX || rows.is_empty();
        if fits {
            rows.push(row);
        }
        Ok(fits)
    };
    let (mut first, mut next);
    let mut found = match after {
        None => {
            first = db.prepare_cached(&format!("{COLUMNS} {ORDER} LIMIT ?1"))?;
            first.query([limit])?
        }
        Some(StatementKey { address, issuer, kind, subject, fork }) => {
            next = db.prepare_cached(&format!(
                "{COLUMNS} WHERE (address, issuer, kind, subject, fork) > (?1, ?2, ?3, ?4, ?5) {ORDER} LIMIT ?6"
            ))?;
            next.query(params![address.as_str(), issuer, kind, subject, fork, limit])?
        }
    };
    while let Some(row) = found.next()? {
        if !take(row)? {
            break;
        }
    }
    Ok(rows)
}

fn statement_row(row: &Row<'_>) -> rusqlite::Result<StatementRow> {
    let key = StatementKey {
        address: bare(row, 0)?,
        issuer: row.get(1)?,
        kind: row.get(2)?,
        subject: row.get(3)?,
        fork: row.get(4)?,
    };
    let bytes: Vec<u8> = row.get(7)?;
    Ok(StatementRow { key, sequence: row.get(5)?, seen: Wall(row.get(6)?), bytes: bytes.into() })
}

pub(super) fn pins(db: &Connection) -> rusqlite::Result<Vec<PinRow>> {
    db.prepare_cached("SELECT address, genesis, person FROM pin ORDER BY address")?
        .query_map([], |row| Ok(PinRow { address: bare(row, 0)?, genesis: row.get(1)?, person: row.get(2)? }))?
        .collect()
}
