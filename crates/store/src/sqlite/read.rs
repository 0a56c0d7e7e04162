//! Queries become rows. Every page comes from an index in its order: nothing is sorted, nothing is counted unasked.

use base::ledger::{
    AccountRow, ArchiveQuery, Credential, MessageRow, NewPost, Opened, Page, PostRow, Query, Received, Record,
    RecordKind, Rows, ScramHash, StoreError,
};
use base::limits::PAGE_BYTES_MAX;
use base::{AccountId, Bare, DeviceId, NodeId, Wall};
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
        Query::RecordsOfAll { kind, key } => records_of_all(db, *kind, key).map(Rows::Records),
        Query::Pending { account, after, limit } => pending(db, *account, *after, *limit).map(Rows::Messages),
        Query::Archive(query) => archive(db, query).map(Rows::Page),
        Query::Outbox { account, to, device, after, limit } => {
            outbox(db, *account, to, device.as_ref(), *after, *limit).map(Rows::Posts)
        }
        Query::Owners { to, device } => owners(db, to, device).map(Rows::Owners),
        Query::Expired { at, limit } => expired(db, *at, *limit),
        Query::Received { account, device } => received(db, *account, *device).map(Rows::Received),

        Query::Statements { after, limit } => directory::statements(db, after.as_ref(), *limit).map(Rows::Statements),
        Query::Knowing(address) => knowing(db, address).map(Rows::Owners),
        Query::Pins => directory::pins(db).map(Rows::Pins),
    }
    .map_err(failed)
}

/// The columns that [`account_row`] takes, of `account` joined with its primary `address`.
macro_rules! account_columns {
    () => {
        "account.account, address.address, created, next_seq, next_version, clock, pending, outbox"
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
        outbox: unsigned(row, 7)?,
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
    .query_map(params![account.0, kind as u8], |row| record_row(row, account, kind))?
    .collect()
}

fn records_of_all(db: &Connection, kind: RecordKind, key: &str) -> rusqlite::Result<Vec<Record>> {
    db.prepare_cached(
        "SELECT key, value, record.clock, node, version, account FROM account CROSS JOIN record USING (account) \
         WHERE kind = ?1 AND key = ?2 AND value IS NOT NULL ORDER BY account",
    )?
    .query_map(params![kind as u8, key], |row| record_row(row, AccountId(row.get(5)?), kind))?
    .collect()
}

fn record_row(row: &Row<'_>, account: AccountId, kind: RecordKind) -> rusqlite::Result<Record> {
    Ok(Record {
        account,
        kind,
        key: row.get(0)?,
        value: row.get(1)?,
        clock: unsigned(row, 2)?,
        node: NodeId(row.get(3)?),
        version: row.get(4)?,
    })
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

/// Messages as far as [`PAGE_BYTES_MAX`] goes, and whether they are all.
fn messages(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<(Vec<MessageRow>, bool)> {
    page(db, sql, params, message_row, |row| row.stanza.len())
}

/// Rows as far as [`PAGE_BYTES_MAX`] goes, at least one, and whether they are all.
fn page<R>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<R>,
    len: impl Fn(&R) -> usize,
) -> rusqlite::Result<(Vec<R>, bool)> {
    let mut statement = db.prepare_cached(sql)?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for row in statement.query_map(params, read)? {
        let row = row?;
        bytes += len(&row);
        if bytes > PAGE_BYTES_MAX && !rows.is_empty() {
            return Ok((rows, false));
        }
        rows.push(row);
    }
    Ok((rows, true))
}

/// The columns that [`post_row`] takes.
macro_rules! post_columns {
    () => {
        "stanza, origin, outbox.account, seq, outbox.address, device, incarnation, counter, copied, expires"
    };
}

fn outbox(
    db: &Connection,
    account: AccountId,
    to: &Bare,
    device: Option<&DeviceId>,
    after: i64,
    limit: u32,
) -> rusqlite::Result<Vec<PostRow>> {
    let sql = concat!(
        "SELECT ",
        post_columns!(),
        " FROM outbox INDEXED BY outbox_address CROSS JOIN body USING (body) \
         WHERE outbox.address = ?1 AND device = ?2 AND account = ?3 AND seq > ?4 ORDER BY seq LIMIT ?5"
    );
    let device: &[u8] = device.map_or(&[], |device| &device.0);
    let params = params![to.as_str(), device, account.0, after, limit];
    page(db, sql, params, post_row, |row| row.stanza.len()).map(|(rows, _)| rows)
}

fn owners(db: &Connection, to: &Bare, device: &DeviceId) -> rusqlite::Result<Vec<(AccountId, Bare)>> {
    db.prepare_cached(
        "SELECT DISTINCT outbox.account, address.address FROM outbox INDEXED BY outbox_address \
         JOIN address ON address.account = outbox.account AND role = 0 \
         WHERE outbox.address = ?1 AND device IN (x'', ?2) ORDER BY outbox.account",
    )?
    .query_map(params![to.as_str(), &device.0[..]], |row| Ok((AccountId(row.get(0)?), bare(row, 1)?)))?
    .collect()
}

fn knowing(db: &Connection, other: &Bare) -> rusqlite::Result<Vec<(AccountId, Bare)>> {
    db.prepare_cached(
        "SELECT account, address FROM address WHERE role = 0 AND (EXISTS (SELECT 1 FROM record \
         WHERE record.account = address.account AND kind = 7 AND value IS NOT NULL \
         AND key IN ('to ' || ?1, 'from ' || ?1, 'ask ' || ?1)) \
         OR EXISTS (SELECT 1 FROM peer JOIN copy ON copy.peer = peer.peer AND archived = 1 \
         WHERE peer.account = address.account AND peer.address = ?1)) ORDER BY account",
    )?
    .query_map([other.as_str()], |row| Ok((AccountId(row.get(0)?), bare(row, 1)?)))?
    .collect()
}

fn expired(db: &Connection, at: Wall, limit: u32) -> rusqlite::Result<Rows> {
    let moment = db.unchecked_transaction()?;
    let sql = concat!(
        "SELECT ",
        post_columns!(),
        ", address.address FROM outbox INDEXED BY outbox_expires CROSS JOIN body USING (body) \
         JOIN address ON address.account = outbox.account AND role = 0 \
         WHERE expires <= ?1 ORDER BY expires, outbox.account, seq LIMIT ?2"
    );
    let read = |row: &Row<'_>| Ok((bare(row, 10)?, post_row(row)?));
    let (posts, _) = page(&moment, sql, params![at.0, limit], read, |(_, row)| row.stanza.len())?;
    let next: Option<i64> = moment
        .prepare_cached("SELECT min(expires) FROM outbox WHERE expires > ?1")?
        .query_row([at.0], |row| row.get(0))?;
    Ok(Rows::Expired { posts, next: next.map(Wall) })
}

fn post_row(row: &Row<'_>) -> rusqlite::Result<PostRow> {
    let bytes = row.get_ref(5)?.as_blob().map_err(|e| unreadable(5, e))?;
    let device = if bytes.is_empty() { None } else { Some(device(bytes, 5)?) };
    let post = NewPost {
        account: AccountId(row.get(2)?),
        seq: row.get(3)?,
        to: bare(row, 4)?,
        device,
        incarnation: row.get::<_, i64>(6)? as u64,
        counter: row.get::<_, i64>(7)? as u64,
        copied: row.get(8)?,
        expires: Wall(row.get(9)?),
    };
    let stanza = row.get_ref(0)?.as_blob().map_err(|e| unreadable(0, e))?.into();
    Ok(PostRow { post, stanza, origin: Wall(row.get(1)?) })
}

fn received(db: &Connection, account: AccountId, device: DeviceId) -> rusqlite::Result<Vec<Received>> {
    db.prepare_cached(
        "SELECT incarnation, changes, seen, used FROM received WHERE account = ?1 AND device = ?2 ORDER BY incarnation",
    )?
    .query_map(params![account.0, &device.0[..]], |row| {
        let incarnation = row.get::<_, i64>(0)? as u64;
        Ok(Received { account, device, incarnation, changes: row.get(1)?, seen: row.get(2)?, used: Wall(row.get(3)?) })
    })?
    .collect()
}

fn device(bytes: &[u8], at: usize) -> rusqlite::Result<DeviceId> {
    bytes.try_into().map(DeviceId).map_err(|e: std::array::TryFromSliceError| unreadable(at, e))
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
