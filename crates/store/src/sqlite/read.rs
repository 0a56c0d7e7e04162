//! Queries become rows. Every page comes from an index in its order: nothing is sorted, nothing is counted unasked.

use base::ledger::{
    AccountRow, ArchiveQuery, Credential, MessageRow, Opened, Page, Query, Record, RecordKind, Rows, ScramHash,
    StoreError,
};
use base::limits::PAGE_BYTES_MAX;
use base::{AccountId, Bare, NodeId, Wall};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::{directory, failed, span};

/// Answers one query from one moment of the store.
pub(super) fn answer(db: &Connection, query: &Query) -> Result<Rows, StoreError> {
    match query {
        Query::Account(address) => open(db, address).map(Rows::Account),
        Query::Credentials(address) => credentials(db, address).map(Rows::Credentials),
        Query::Accounts => accounts(db).map(Rows::Accounts),
        Query::Records { account, kind } => records(db, *account, *kind).map(Rows::Records),
        Query::Pending { account, after, limit } => pending(db, *account, *after, *limit).map(Rows::Messages),
        Query::Archive(query) => archive(db, query).map(Rows::Page),

        Query::Statements { after, limit } => directory::statements(db, after.as_ref(), *limit).map(Rows::Statements),
        Query::Pins => directory::pins(db).map(Rows::Pins),
    }
    .map_err(failed)
}

/// The columns that [`account_row`] takes, of `account` joined with its primary `address`.
macro_rules! account_columns {
    () => {
        "account.account, address.address, created, next_seq, next_version, clock, pending"
    };
}

fn open(db: &Connection, address: &Bare) -> rusqlite::Result<Option<Opened>> {
    let moment = db.unchecked_transaction()?;
    let Some(row) = account(&moment, address)? else { return Ok(None) };
    let mut opened = Opened { row, records: Vec::new() };
    for kind in RecordKind::AT_THE_DOOR {
        opened.records.append(&mut records(&moment, opened.row.id, kind)?);
    }
    Ok(Some(opened))
}

fn account(db: &Connection, address: &Bare) -> rusqlite::Result<Option<AccountRow>> {
    db.prepare_cached(concat!(
        "SELECT ",
        account_columns!(),
        " FROM address AS asked JOIN account USING (account) \
         JOIN address ON address.account = account.account AND address.role = 0 WHERE asked.address = ?1"
    ))?
    .query_row([address.as_str()], account_row)
    .optional()
}

fn accounts(db: &Connection) -> rusqlite::Result<Vec<AccountRow>> {
    db.prepare_cached(concat!(
        "SELECT ",
        account_columns!(),
        " FROM address JOIN account USING (account) WHERE address.role = 0 ORDER BY address.address"
    ))?
    .query_map([], account_row)?
    .collect()
}

fn account_row(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        id: AccountId(row.get(0)?),
        address: bare(row, 1)?,
        created: Wall(row.get(2)?),
        next_seq: row.get(3)?,
        next_version: row.get(4)?,
        clock: unsigned(row, 5)?,
        pending: unsigned(row, 6)?,
    })
}

fn credentials(db: &Connection, address: &Bare) -> rusqlite::Result<Option<(AccountId, Vec<Credential>)>> {
    // Both statements see the same moment: an account never stands beside another one's password.
    let moment = db.unchecked_transaction()?;
    let account: Option<i64> = moment
        .prepare_cached("SELECT account FROM address WHERE address = ?1")?
        .query_row([address.as_str()], |row| row.get(0))
        .optional()?;
    let Some(account) = account else { return Ok(None) };
    let credentials = moment
        .prepare_cached(
            "SELECT hash, salt, iterations, stored_key, server_key FROM credential WHERE account = ?1 ORDER BY hash",
        )?
        .query_map([account], |row| {
            Ok(Credential {
                hash: scram_hash(row)?,
                salt: row.get(1)?,
                iterations: row.get(2)?,
                stored_key: row.get(3)?,
                server_key: row.get(4)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some((AccountId(account), credentials)))
}

fn scram_hash(row: &Row<'_>) -> rusqlite::Result<ScramHash> {
    match row.get(0)? {
        1 => Ok(ScramHash::Sha1),
        2 => Ok(ScramHash::Sha256),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    }
}

fn records(db: &Connection, account: AccountId, kind: RecordKind) -> rusqlite::Result<Vec<Record>> {
    db.prepare_cached(
        "SELECT key, value, clock, node, version FROM record \
         WHERE account = ?1 AND kind = ?2 AND value IS NOT NULL ORDER BY key",
    )?
    .query_map(params![account.0, kind as u8], |row| {
        Ok(Record {
            account,
            kind,
            key: row.get(0)?,
            value: row.get(1)?,
            clock: unsigned(row, 2)?,
            node: NodeId(row.get(3)?),
            version: row.get(4)?,
        })
    })?
    .collect()
}

/// The columns that [`message_row`] takes.
macro_rules! message_columns {
    () => {
        "stanza, origin, seq, peer.address, filed, first_node, first_seq, archived, pending"
    };
}

/// What stands behind `FROM copy`. CROSS JOIN is SQLite's word for "in this order": a page is walked by its copies.
macro_rules! message_joins {
    () => {
        "CROSS JOIN body USING (body) CROSS JOIN peer USING (peer)"
    };
}

fn pending(db: &Connection, account: AccountId, after: i64, limit: u32) -> rusqlite::Result<Vec<MessageRow>> {
    let sql = concat!(
        "SELECT ",
        message_columns!(),
        " FROM copy INDEXED BY copy_pending ",
        message_joins!(),
        " WHERE copy.account = ?1 AND pending = 1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    );
    messages(db, sql, params![account.0, after, limit]).map(|(rows, _)| rows)
}

/// A page of archived rows in `$order`: those that `$which` lets through, between ?2 and ?3, filed from ?4 to ?5, at most ?6.
macro_rules! archive_sql {
    ($which:literal, $order:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM copy ",
            message_joins!(),
            " WHERE ",
            $which,
            " AND archived = 1 AND seq > ?2 AND seq < ?3 AND filed BETWEEN ?4 AND ?5 \
             ORDER BY seq ",
            $order,
            " LIMIT ?6"
        )
    };
}

fn archive(db: &Connection, q: &ArchiveQuery) -> rusqlite::Result<Page> {
    let moment = db.unchecked_transaction()?;
    let account = q.account.0;
    // A number is of one account and one address. An address without one has no messages: 0 is nobody's.
    let with = q.with.as_ref().map(|with| peer(&moment, q.account, with).map(|peer| peer.unwrap_or(0))).transpose()?;
    let (start, end) = (q.start.map(|w| w.0), q.end.map(|w| w.0));
    let (first, last) = span::around(&moment, account, start, end)?;
    let (after, before) = (q.after.map_or(first, |after| after.max(first)), q.before.map_or(last, |b| b.min(last)));
    let (start, end) = (start.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX));
    // One more than asked: it tells whether something lies beyond.
    let limit = i64::from(q.limit) + 1;
    let sql = match (with.is_some(), q.last) {
        (false, false) => archive_sql!("copy.account = ?1", "ASC"),
        (false, true) => archive_sql!("copy.account = ?1", "DESC"),
        (true, false) => archive_sql!("copy.peer = ?1", "ASC"),
        (true, true) => archive_sql!("copy.peer = ?1", "DESC"),
    };
    let whose = with.unwrap_or(account);
    let (mut rows, all) = messages(&moment, sql, (whose, after, before, start, end, limit))?;
    let complete = all && rows.len() <= q.limit as usize;
    rows.truncate(q.limit as usize);
    if q.last {
        rows.reverse();
    }
    let count = if q.count { Some(count(&moment, with.is_some(), [whose, first, last, start, end])?) } else { None };
    Ok(Page { messages: rows, complete, count })
}

/// The number of an address that the account has exchanged messages with.
pub(super) fn peer(db: &Connection, account: AccountId, address: &Bare) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT peer FROM peer WHERE account = ?1 AND address = ?2")?
        .query_row(params![account.0, address.as_str()], |row| row.get(0))
        .optional()
}

/// Counts what `[whose, after, before, start, end]` lets through.
fn count(db: &Connection, of_peer: bool, range: [i64; 5]) -> rusqlite::Result<u64> {
    let sql = if of_peer {
        "SELECT count(*) FROM copy \
         WHERE peer = ?1 AND archived = 1 AND seq > ?2 AND seq < ?3 AND filed BETWEEN ?4 AND ?5"
    } else {
        "SELECT count(*) FROM copy \
         WHERE account = ?1 AND archived = 1 AND seq > ?2 AND seq < ?3 AND filed BETWEEN ?4 AND ?5"
    };
    db.prepare_cached(sql)?.query_row(range, |row| unsigned(row, 0))
}

/// Rows as far as [`PAGE_BYTES_MAX`] goes, and whether they are all.
fn messages(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<(Vec<MessageRow>, bool)> {
    let mut statement = db.prepare_cached(sql)?;
    let (mut messages, mut bytes) = (Vec::new(), 0);
    for row in statement.query_map(params, message_row)? {
        let row = row?;
        bytes += row.stanza.len();
        if bytes > PAGE_BYTES_MAX && !messages.is_empty() {
            return Ok((messages, false));
        }
        messages.push(row);
    }
    Ok((messages, true))
}

fn message_row(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        stanza: row.get_ref(0)?.as_blob().map_err(|e| unreadable(0, e))?.into(),
        origin: Wall(row.get(1)?),
        seq: row.get(2)?,
        with: bare(row, 3)?,
        filed: Wall(row.get(4)?),
        first_node: NodeId(row.get(5)?),
        first_seq: row.get(6)?,
        archived: row.get(7)?,
        pending: row.get(8)?,
    })
}

pub(super) fn bare(row: &Row<'_>, at: usize) -> rusqlite::Result<Bare> {
    let text = row.get_ref(at)?.as_str().map_err(|e| unreadable(at, e))?;
    Bare::new(text).map_err(|e| unreadable(at, e))
}

fn unsigned(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(at)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, number))
}

fn unreadable(at: usize, e: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, Type::Null, Box::new(e))
}
