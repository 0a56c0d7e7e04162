//! What removed accounts have left behind goes slice by slice. Nobody can reach it any more: the account's row and its
//! addresses went at once, and its number is never given to another. After a crash the next start goes on.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// Copies in a slice: some 10 ms of a laptop, and one sync of its disk.
const SLICE_COPIES: i64 = 1000;

/// Removes a slice. Whether there may be more.
pub(super) fn sweep(db: &mut Connection) -> rusqlite::Result<bool> {
    let Some(account) = leftover(db)? else { return Ok(false) };
    let slice = db.transaction()?;
    remove_copies(&slice, account)?;
    slice.commit()?;
    Ok(true)
}

/// An account that has copies or the addresses of peers, and is no more. One step for each account that there is.
fn leftover(db: &Connection) -> rusqlite::Result<Option<i64>> {
    for owners in [
        "WITH RECURSIVE owner (account) AS (SELECT min(account) FROM copy UNION ALL \
         SELECT (SELECT min(account) FROM copy WHERE account > owner.account) FROM owner WHERE account IS NOT NULL) \
         SELECT account FROM owner WHERE account IS NOT NULL AND account NOT IN (SELECT account FROM account) LIMIT 1",
        "WITH RECURSIVE owner (account) AS (SELECT min(account) FROM peer UNION ALL \
         SELECT (SELECT min(account) FROM peer WHERE account > owner.account) FROM owner WHERE account IS NOT NULL) \
         SELECT account FROM owner WHERE account IS NOT NULL AND account NOT IN (SELECT account FROM account) LIMIT 1",
    ] {
        let found = db.prepare_cached(owners)?.query_row([], |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn remove_copies(slice: &Transaction<'_>, account: i64) -> rusqlite::Result<()> {
    let last: Option<i64> = slice
        .prepare_cached("SELECT max(seq) FROM (SELECT seq FROM copy WHERE account = ?1 ORDER BY seq LIMIT ?2)")?
        .query_row([account, SLICE_COPIES], |row| row.get(0))?;
    let Some(last) = last else {
        // Peers are named by copies alone.
        slice.prepare_cached("DELETE FROM peer WHERE account = ?1")?.execute([account])?;
        return Ok(());
    };
    for sql in [
        // Bodies that nobody else has go; the others lose the owners that this account was.
        "DELETE FROM body WHERE (body, owners) IN \
         (SELECT body, count(*) FROM copy WHERE account = ?1 AND seq <= ?2 GROUP BY body)",
        "UPDATE body SET owners = owners - gone.times \
         FROM (SELECT body, count(*) AS times FROM copy WHERE account = ?1 AND seq <= ?2 GROUP BY body) AS gone \
         WHERE body.body = gone.body",
        "DELETE FROM copy WHERE account = ?1 AND seq <= ?2",
    ] {
        slice.prepare_cached(sql)?.execute(params![account, last])?;
    }
    Ok(())
}
