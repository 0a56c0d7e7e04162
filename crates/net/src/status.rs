//! What the driver says of itself, its shard and its store to the person who runs the node.

use std::rc::Rc;

use base::Wall;
use base::ledger::{Query, Rows, StoreError};
use base::limits::OUTBOX_TIME_MAX;
use store::{Queued, Written};
use xmpp::{Answer, Command};

use crate::conn::Conn;
use crate::engine::Engine;
use crate::tally::Tally;
use crate::trouble::Trouble;

/// All of it, from one moment.
#[derive(Clone, Debug)]
pub struct Status {
    /// Who is logged in, by address.
    pub people: Vec<Person>,
    /// Accounts there are.
    pub accounts: usize,
    /// Messages that wait for somebody.
    pub waiting: u64,
    /// What waits in outboxes for people of other nodes, or for one's own other devices.
    pub outbox: u64,
    /// When the oldest of it was written.
    pub outbox_since: Option<Wall>,
    /// Devices of other nodes in reach.
    pub in_reach: usize,
    /// What they said and was refused: it was no parcel, or not from whom it said.
    pub parcels_refused: u64,
    /// Connections, with a session and without.
    pub connections: usize,
    /// Those without one.
    pub strangers: usize,
    /// Bytes in the connections' buffers.
    pub connection_bytes: usize,
    /// Accounts that the shard has in memory.
    pub shard_accounts: usize,
    /// Bytes of stanzas that the shard has in memory.
    pub shard_bytes: usize,
    /// What is not on disk yet.
    pub unwritten: Queued,
    /// Queries that wait for the store's readers.
    pub unanswered: usize,
    /// What the store's writer has done.
    pub written: Written,
    /// What the shard has counted.
    pub shard: xmpp::Tally,
    /// What the driver has counted.
    pub net: Tally,
    /// What keeps the store from writing, if anything does.
    pub trouble: Option<Trouble>,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Person {
    /// Its full address.
    pub address: String,
    /// When it began.
    pub since: Wall,
    /// Whether it has said that it is available.
    pub available: bool,
    /// How it is connected; `None` while a broken connection may still be resumed.
    pub login: Option<Login>,
}

/// How somebody is connected.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The SASL mechanism of the login.
    pub mechanism: Option<&'static str>,
}

impl Engine {
    /// Asks the shard and the store, and looks at the connections.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn status(self: &Rc<Engine>) -> Result<Status, StoreError> {
        let Rows::Accounts(accounts) = self.ask(Query::Accounts).await? else {
            return Err(StoreError::Failed("the store answered something else".into()));
        };
        // What was written first is given up first.
        let Rows::Expired { next, .. } = self.ask(Query::Expired { at: Wall(i64::MIN), limit: 0 }).await? else {
            return Err(StoreError::Failed("the store answered something else".into()));
        };
        let report = match self.command(Command::Report).await {
            Answer::Report(report) => report,
            Answer::Failed(error) => return Err(error),
            Answer::Done | Answer::Accounts(_) | Answer::Bonjour(_) => {
                unreachable!("a shard answers what it was asked")
            }
        };
        let conns = self.conns.borrow();
        let login = |conn: &Rc<Conn>| Login { tls: conn.has_tls(), mechanism: conn.mechanism() };
        let people = report.online.into_iter().map(|online| Person {
            login: online.conn.and_then(|conn| conns.get(&conn)).map(login),
            address: online.address,
            since: online.since,
            available: online.available,
        });
        Ok(Status {
            people: people.collect(),
            accounts: accounts.len(),
            waiting: accounts.iter().map(|account| account.pending).sum(),
            outbox: accounts.iter().map(|account| account.outbox).sum(),
            outbox_since: next.map(|expires| Wall(expires.0 - OUTBOX_TIME_MAX.as_millis() as i64)),
            in_reach: report.in_reach,
            parcels_refused: report.parcels_refused,
            connections: conns.len(),
            strangers: conns.values().filter(|conn| conn.is_stranger()).count(),
            connection_bytes: conns.values().map(|conn| conn.held_bytes()).sum(),
            shard_accounts: report.accounts,
            shard_bytes: report.held_bytes,
            unwritten: self.unwritten(),
            unanswered: self.unanswered(),
            written: self.written(),
            shard: report.tally,
            net: self.tally.borrow().clone(),
            trouble: self.trouble(),
        })
    }
}
