//! Batches become rows: one transaction for all that are given, each whole or not at all.
//!
//! A write checks everything before it changes anything, so a batch of one write needs no savepoint; a longer one has one.

use std::collections::BTreeMap;

use base::AccountId;
use base::ledger::{Batch, Credential, NewMessage, Received, Record, ScramHash, StoreError, Write};
use base::limits::{RECEIVED_INCARNATIONS_MAX, RECEIVED_MAX};
use base::{Bare, Wall};
use rusqlite::{Connection, OptionalExtension, params};

use super::span::Spans;
use super::tally::{Tallies, Tally};
use super::{directory, failed, read};

/// How many posts of an account, ?1, own each body.
macro_rules! bodies_of_posts {
    () => {
        "SELECT body, count(*) AS times FROM outbox WHERE account = ?1 GROUP BY body"
    };
}

/// Why a batch stops.
enum Stop {
    /// What it asks cannot be: its own fault, and the others go on.
    Refused(StoreError),
    /// The database fails: the transaction is lost.
    Database(rusqlite::Error),
}

impl From<StoreError> for Stop {
    fn from(e: StoreError) -> Stop {
        Stop::Refused(e)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(e: rusqlite::Error) -> Stop {
        Stop::Database(e)
    }
}

/// Applies all batches in one transaction. If the database fails before the commit (no room for one of them), each is
/// tried alone; if the commit itself fails, all fail with it.
pub(super) fn apply(db: &mut Connection, batches: &[Batch]) -> Vec<Result<(), StoreError>> {
    match transaction(db, batches) {
        Ok(results) => results,
        Err(Failure::Commit(e)) => vec![Err(e); batches.len()],
        Err(Failure::Before(e)) if batches.len() < 2 => vec![Err(e); batches.len()],
        Err(Failure::Before(_)) => batches.iter().flat_map(|batch| apply(db, std::slice::from_ref(batch))).collect(),
    }
}

/// When a transaction was lost.
enum Failure {
    Before(StoreError),
    Commit(StoreError),
}

fn transaction(db: &mut Connection, batches: &[Batch]) -> Result<Vec<Result<(), StoreError>>, Failure> {
    let before = |e| Failure::Before(failed(e));
    let transaction = db.transaction().map_err(before)?;
    let mut group =
        Group { db: &transaction, tallies: Tallies::default(), spans: Spans::default(), peers: BTreeMap::new() };
    let results = batches.iter().map(|batch| group.batch(batch)).collect::<rusqlite::Result<_>>().map_err(before)?;
    group.flush().map_err(before)?;
    transaction.commit().map_err(|e| Failure::Commit(failed(e)))?;
    Ok(results)
}

/// The batches of one transaction.
struct Group<'a> {
    db: &'a Connection,
    tallies: Tallies,
    spans: Spans,
    peers: BTreeMap<(AccountId, Bare), i64>,
}

impl Group<'_> {
    /// The inner result is the batch's own; the outer one says that the database failed.
    fn batch(&mut self, batch: &[Write]) -> rusqlite::Result<Result<(), StoreError>> {
        let result = match batch {
            [] => Ok(()),
            [write] => self.write(write),
            writes => self.together(writes),
        };
        match result {
            Ok(()) => Ok(Ok(())),
            Err(Stop::Refused(e)) => Ok(Err(e)),
            Err(Stop::Database(e)) => Err(e),
        }
    }

    fn together(&mut self, writes: &[Write]) -> Result<(), Stop> {
        // What earlier batches counted goes to the rows first, so that a rollback leaves it there.
        self.flush()?;
        self.run("SAVEPOINT batch")?;
        let result = writes.iter().try_for_each(|write| self.write(write));
        if let Err(Stop::Refused(_)) = result {
            self.tallies.clear();
            self.spans.clear();
            self.peers.clear();
            self.run("ROLLBACK TO batch")?;
        }
        self.run("RELEASE batch")?;
        result
    }

    /// Writes what was counted to its rows.
    fn flush(&mut self) -> rusqlite::Result<()> {
        self.tallies.flush(self.db)?;
        self.spans.flush(self.db)
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.db.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn write(&mut self, write: &Write) -> Result<(), Stop> {
        match write {
            Write::CreateAccount { address, credentials, created } => {
                self.create_account(address, credentials, *created)
            }
            Write::SetCredentials { account, credentials } => {
                self.tally(*account)?;
                self.set_credentials(*account, credentials)
            }
            Write::RemoveAccount { account } => self.remove_account(*account),
            Write::PutRecord(record) => self.put_record(record),
            Write::AddMessage(message) => self.add_message(message),
            Write::Delivered { account, seqs } => self.delivered(*account, seqs),
            Write::Arrived { account, seqs } => self.arrived(*account, seqs),
            Write::PutReceived(received) => self.put_received(received),

            Write::PutStatement(row) => Ok(directory::put_statement(self.db, row)?),
            Write::RemoveStatement(key) => Ok(directory::remove_statement(self.db, key)?),
            Write::PutPin(pin) => Ok(directory::put_pin(self.db, pin)?),
            Write::RemovePin(address) => Ok(directory::remove_pin(self.db, address.as_str())?),
        }
    }

    fn tally(&mut self, account: AccountId) -> Result<Tally, Stop> {
        Ok(self.tallies.get(self.db, account)?.ok_or(StoreError::NoAccount)?)
    }

    fn create_account(&mut self, address: &Bare, credentials: &[Credential], created: Wall) -> Result<(), Stop> {
        let mut taken = self.db.prepare_cached("SELECT 1 FROM address WHERE address = ?1")?;
        if taken.exists([address.as_str()])? {
            return Err(StoreError::Taken.into());
        }
        self.db.prepare_cached("INSERT INTO account (created) VALUES (?1)")?.execute([created.0])?;
        let account = AccountId(self.db.last_insert_rowid());
        self.db
            .prepare_cached("INSERT INTO address (address, account, role) VALUES (?1, ?2, 0)")?
            .execute(params![address.as_str(), account.0])?;
        self.set_credentials(account, credentials)
    }

    fn set_credentials(&mut self, account: AccountId, credentials: &[Credential]) -> Result<(), Stop> {
        self.db.prepare_cached("DELETE FROM credential WHERE account = ?1")?.execute([account.0])?;
        let mut insert = self.db.prepare_cached(
            "INSERT OR REPLACE INTO credential (account, hash, salt, iterations, stored_key, server_key) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for c in credentials {
            let hash = hash_number(c.hash);
            insert.execute(params![account.0, hash, c.salt, c.iterations, c.stored_key, c.server_key])?;
        }
        Ok(())
    }

    /// What is short goes now; messages go later, slice by slice: see `sweep.rs`.
    fn remove_account(&mut self, account: AccountId) -> Result<(), Stop> {
        self.tally(account)?;
        self.tallies.forget(account);
        self.spans.forget(account);
        for sql in [
            // What is owed to others goes with its author, at once: nobody must find it any more.
            concat!("DELETE FROM body WHERE (body, owners) IN (", bodies_of_posts!(), ")"),
            concat!(
                "UPDATE body SET owners = owners - gone.times FROM (",
                bodies_of_posts!(),
                ") AS gone WHERE body.body = gone.body"
            ),
            "DELETE FROM outbox WHERE account = ?1",
            "DELETE FROM received WHERE account = ?1",
            "DELETE FROM span WHERE account = ?1",
            "DELETE FROM record WHERE account = ?1",
            "DELETE FROM credential WHERE account = ?1",
            "DELETE FROM address WHERE account = ?1",
            "DELETE FROM account WHERE account = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([account.0])?;
        }
        Ok(())
    }

    /// An older clock never overwrites a newer one, in whatever order they come.
    fn put_record(&mut self, r: &Record) -> Result<(), Stop> {
        let mut tally = self.tally(r.account)?;
        let clock = i64::try_from(r.clock)
            .map_err(|_| StoreError::Failed(format!("a clock of {} is beyond all time", r.clock)))?;
        self.db
            .prepare_cached(
                "INSERT INTO record (account, kind, key, value, clock, node, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT DO UPDATE SET value = excluded.value, clock = excluded.clock, node = excluded.node, \
                 version = excluded.version WHERE excluded.clock >= clock",
            )?
            .execute(params![r.account.0, r.kind as u8, r.key, r.value, clock, r.node.0, r.version])?;
        tally.see_record(r.version, clock);
        self.tallies.set(r.account, tally);
        Ok(())
    }

    fn add_message(&mut self, message: &NewMessage) -> Result<(), Stop> {
        self.count_copies(message)?;
        let kept = || message.copies.iter().filter(|copy| copy.archived || copy.pending);
        let owners = (kept().count() + message.posts.len()) as i64;
        if owners == 0 {
            return Ok(());
        }
        self.db.prepare_cached("INSERT INTO body (origin, owners, stanza) VALUES (?1, ?2, ?3)")?.execute(params![
            message.origin.0,
            owners,
            &*message.stanza
        ])?;
        let body = self.db.last_insert_rowid();
        let mut insert = self.db.prepare_cached(
            "INSERT INTO copy (account, seq, body, peer, filed, first_node, first_seq, archived, pending) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for c in kept() {
            let (account, with) = (c.account.0, self.peer(c.account, &c.with)?);
            let (node, seq) = (c.first_node.0, c.first_seq);
            insert.execute(params![account, c.seq, body, with, c.filed.0, node, seq, c.archived, c.pending])?;
            if c.archived {
                self.spans.widen(c.account, c.seq, c.filed.0);
            }
        }
        let mut insert = self.db.prepare_cached(
            "INSERT INTO outbox (account, seq, body, address, device, incarnation, counter, copied, expires) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for p in &message.posts {
            let (incarnation, counter) = (p.incarnation as i64, p.counter as i64);
            let device: &[u8] = p.device.as_ref().map_or(&[], |device| &device.0);
            let key = (p.account.0, p.seq, body);
            let (address, copied, expires) = (p.to.as_str(), &p.copied, p.expires.0);
            insert.execute(params![key.0, key.1, key.2, address, device, incarnation, counter, copied, expires])?;
        }
        Ok(())
    }

    /// The account's number of an address, which that gets when it is first met.
    fn peer(&mut self, account: AccountId, address: &Bare) -> rusqlite::Result<i64> {
        let key = (account, address.clone());
        if let Some(peer) = self.peers.get(&key) {
            return Ok(*peer);
        }
        let peer = match read::peer(self.db, account, address)? {
            Some(peer) => peer,
            None => {
                self.db
                    .prepare_cached("INSERT INTO peer (account, address) VALUES (?1, ?2)")?
                    .execute(params![account.0, address.as_str()])?;
                self.db.last_insert_rowid()
            }
        };
        self.peers.insert(key, peer);
        Ok(peer)
    }

    /// Takes the numbers of a message's copies: of all of them, or of none.
    fn count_copies(&mut self, message: &NewMessage) -> Result<(), Stop> {
        let copies = message.copies.iter().map(|copy| (copy.account, copy.seq, i64::from(copy.pending), 0));
        let posts = message.posts.iter().map(|post| (post.account, post.seq, 0, 1));
        let mut before = Vec::with_capacity(message.copies.len() + message.posts.len());
        for (account, seq, pending, outbox) in copies.chain(posts) {
            let counted = self.tally(account).and_then(|tally| {
                let mut counted = tally;
                counted.take_seq(seq)?;
                counted.pending += pending;
                counted.outbox += outbox;
                Ok((tally, counted))
            });
            match counted {
                Ok((tally, counted)) => {
                    before.push((account, tally));
                    self.tallies.set(account, counted);
                }
                Err(stop) => {
                    before.into_iter().rev().for_each(|(account, tally)| self.tallies.set(account, tally));
                    return Err(stop);
                }
            }
        }
        Ok(())
    }

    fn delivered(&mut self, account: AccountId, seqs: &[i64]) -> Result<(), Stop> {
        let mut tally = self.tally(account)?;
        let mut find = self
            .db
            .prepare_cached("SELECT body, archived FROM copy WHERE account = ?1 AND seq = ?2 AND pending = 1")?;
        for seq in seqs {
            let key = [account.0, *seq];
            let found = find.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((body, archived)) = found else { continue };
            if archived {
                self.db.prepare_cached("UPDATE copy SET pending = 0 WHERE account = ?1 AND seq = ?2")?.execute(key)?;
            } else {
                self.db.prepare_cached("DELETE FROM copy WHERE account = ?1 AND seq = ?2")?.execute(key)?;
                self.let_go(body)?;
            }
            tally.pending -= 1;
        }
        self.tallies.set(account, tally);
        Ok(())
    }

    fn arrived(&mut self, account: AccountId, seqs: &[i64]) -> Result<(), Stop> {
        let mut tally = self.tally(account)?;
        let mut remove = self.db.prepare_cached("DELETE FROM outbox WHERE account = ?1 AND seq = ?2 RETURNING body")?;
        for seq in seqs {
            let body: Option<i64> = remove.query_row([account.0, *seq], |row| row.get(0)).optional()?;
            if let Some(body) = body {
                self.let_go(body)?;
                tally.outbox -= 1;
            }
        }
        self.tallies.set(account, tally);
        Ok(())
    }

    fn put_received(&mut self, r: &Received) -> Result<(), Stop> {
        self.tally(r.account)?;
        let (account, device, incarnation) = (r.account.0, &r.device.0[..], r.incarnation as i64);
        let key = params![account, device, incarnation];
        let found: Option<i64> = self
            .db
            .prepare_cached("SELECT changes FROM received WHERE account = ?1 AND device = ?2 AND incarnation = ?3")?
            .query_row(key, |row| row.get(0))
            .optional()?;
        if found.unwrap_or(0).checked_add(1) != Some(r.changes) {
            let text = format!("change {} of what was received is not the next", r.changes);
            return Err(StoreError::Failed(text).into());
        }
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO received (account, device, incarnation, changes, seen, used) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![account, device, incarnation, r.changes, r.seen, r.used.0])?;
        if found.is_none() {
            // The newest stays, whatever its time.
            self.db
                .prepare_cached(
                    "DELETE FROM received WHERE account = ?1 AND device = ?2 AND incarnation IN \
                     (SELECT incarnation FROM received WHERE account = ?1 AND device = ?2 AND incarnation <> ?3 \
                     ORDER BY used DESC, incarnation DESC LIMIT -1 OFFSET ?4)",
                )?
                .execute(params![account, device, incarnation, RECEIVED_INCARNATIONS_MAX as i64 - 1])?;
            self.db
                .prepare_cached(
                    "DELETE FROM received WHERE account = ?1 AND (device, incarnation) IN \
                     (SELECT device, incarnation FROM received WHERE account = ?1 \
                     AND (device, incarnation) <> (?2, ?3) \
                     ORDER BY used DESC, device DESC, incarnation DESC LIMIT -1 OFFSET ?4)",
                )?
                .execute(params![account, device, incarnation, RECEIVED_MAX as i64 - 1])?;
        }
        Ok(())
    }

    /// One owner less for a body; the last one takes it along.
    fn let_go(&self, body: i64) -> rusqlite::Result<()> {
        let last = self.db.prepare_cached("DELETE FROM body WHERE body = ?1 AND owners = 1")?.execute([body])?;
        if last == 0 {
            self.db.prepare_cached("UPDATE body SET owners = owners - 1 WHERE body = ?1")?.execute([body])?;
        }
        Ok(())
    }
}

/// As stored: never reuse a number.
pub(super) fn hash_number(hash: ScramHash) -> i64 {
    match hash {
        ScramHash::Sha1 => 1,
        ScramHash::Sha256 => 2,
    }
}
