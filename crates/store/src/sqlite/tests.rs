//! What can only be shown from inside: a disk that is full, a commit that fails, and how many steps a query takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use base::ledger::{ArchiveQuery, Copy, NewMessage, Record, RecordKind, Write};
use base::{AccountId, Bare, NodeId, Wall};

use super::*;
use crate::Store;

/// An open store in a directory that goes away.
struct Fixture {
    store: Sqlite,
    directory: PathBuf,
}

impl Fixture {
    fn new() -> Fixture {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("store-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        let mut store = Sqlite::open(&directory).unwrap();
        let create = |address| Write::CreateAccount { address: bare(address), credentials: vec![], created: Wall(0) };
        assert_eq!(store.apply(&[vec![create("a@x")], vec![create("empty@x")]]), [Ok(()), Ok(())]);
        Fixture { store, directory }
    }

    /// Messages of account 1 that wait.
    fn pending(&self) -> u64 {
        match self.store.answer(&Query::Account(bare("a@x"))) {
            Ok(Rows::Account(Some(opened))) => opened.row.pending,
            other => panic!("{other:?}"),
        }
    }

    fn count(&self, sql: &str) -> i64 {
        self.store.db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// What SQLite's machine does for a query: the same wherever and whenever it runs.
    fn steps(&mut self, query: &Query) -> u64 {
        self.store.answer(query).unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false // Go on.
        };
        self.store.db.progress_handler(1, Some(count)).unwrap();
        self.store.answer(query).unwrap();
        self.store.db.progress_handler(0, None::<fn() -> bool>).unwrap();
        steps.load(Ordering::Relaxed)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn bare(text: &str) -> Bare {
    Bare::new(text).unwrap()
}

fn message(seq: i64, bytes: usize) -> Batch {
    let copy = Copy {
        account: AccountId(1),
        seq,
        with: bare(&format!("peer-{}@x", seq % 10)),
        filed: Wall(seq),
        first_node: NodeId::SELF,
        first_seq: seq,
        archived: true,
        pending: seq % 2 == 0,
    };
    let stanza = vec![b'.'; bytes].into();
    vec![Write::AddMessage(NewMessage { stanza, origin: Wall(0), copies: vec![copy], posts: vec![] })]
}

#[test]
fn a_commit_is_on_disk() {
    let fixture = Fixture::new();
    let mode: String = fixture.store.db.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), fixture.count("PRAGMA synchronous")), ("wal", 2));
}

#[test]
fn a_full_disk_is_told_and_nothing_is_half_written() {
    let mut fixture = Fixture::new();
    let pages = fixture.count("PRAGMA page_count");
    fixture.store.db.pragma_update(None, "max_page_count", pages + 8).unwrap();
    // A group in which one batch is too large: alone it fails, the others go on.
    let group = [message(2, 100), message(4, 1_000_000), message(6, 100)];
    assert_eq!(fixture.store.apply(&group), [Ok(()), Err(StoreError::Full), Ok(())]);
    assert_eq!((fixture.pending(), fixture.count("SELECT count(*) FROM body")), (2, 2));

    let mut seq = 8;
    while fixture.store.apply(&[message(seq, 3000)]) == [Ok(())] {
        seq += 2;
        assert!(seq < 1000, "eight pages are full at some time");
    }
    let written = (seq - 8) / 2 + 2;
    assert_eq!(fixture.store.apply(&[message(seq, 3000)]), [Err(StoreError::Full)]);
    assert_eq!((fixture.pending() as i64, fixture.count("SELECT count(*) FROM body")), (written, written));
    assert_eq!(fixture.count("SELECT max(next_seq) FROM account"), seq - 1);

    // Room again: the same number may be used, because nothing has used it.
    fixture.store.db.pragma_update(None, "max_page_count", 100_000).unwrap();
    assert_eq!(fixture.store.apply(&[message(seq, 3000)]), [Ok(())]);
    assert_eq!(fixture.count("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

#[test]
fn a_commit_that_fails_fails_all_its_batches() {
    let mut fixture = Fixture::new();
    // A deferred constraint is looked at only by COMMIT.
    let trap = "PRAGMA foreign_keys = ON; \
                CREATE TABLE trap (x INTEGER REFERENCES account DEFERRABLE INITIALLY DEFERRED); \
                CREATE TRIGGER trap AFTER INSERT ON body WHEN length(new.stanza) = 13 \
                BEGIN INSERT INTO trap VALUES (-1); END";
    fixture.store.db.execute_batch(trap).unwrap();
    let results = fixture.store.apply(&[message(2, 1), message(4, 13), message(6, 1)]);
    for result in results {
        assert!(matches!(result, Err(StoreError::Failed(_))), "{result:?}");
    }
    assert_eq!((fixture.pending(), fixture.count("SELECT count(*) FROM body")), (0, 0));
    assert_eq!(fixture.store.apply(&[message(2, 1), message(6, 1)]), [Ok(()), Ok(())]);
    assert_eq!(fixture.pending(), 2);
}

#[test]
fn any_of_its_addresses_finds_an_account() {
    let fixture = Fixture::new();
    let more = "INSERT INTO address (address, account, role) VALUES ('alias@x', 1, 1), ('moved@x', 1, 2)";
    fixture.store.db.execute_batch(more).unwrap();
    let of = |address| fixture.store.answer(&Query::Account(bare(address))).unwrap();
    assert_eq!(of("alias@x"), of("a@x"));
    assert_eq!(of("moved@x"), of("a@x"));
    assert_eq!(of("nobody@x"), Rows::Account(None));
    let Rows::Accounts(all) = fixture.store.answer(&Query::Accounts).unwrap() else { panic!("not accounts") };
    assert_eq!(all.iter().map(|row| row.address.as_str()).collect::<Vec<_>>(), ["a@x", "empty@x"]);
    let second = fixture.store.db.execute("INSERT INTO address (address, account, role) VALUES ('b@x', 1, 0)", []);
    assert!(second.is_err(), "one primary address");
}

/// A large account costs as much as an empty one to open, and a page as much as the same page of a small account.
#[test]
fn what_an_account_has_does_not_slow_its_opening_or_its_pages() {
    let mut fixture = Fixture::new();
    let page = |with: bool, last| {
        let with = with.then(|| bare("peer-2@x"));
        let (account, limit) = (AccountId(1), 20);
        let none = (None, None, None, None);
        let (start, end, after, before) = none;
        Query::Archive(ArchiveQuery { account, with, start, end, after, before, last, limit, count: false })
    };
    let pages = [
        Query::Pending { account: AccountId(1), after: 0, limit: 20 },
        page(false, false),
        page(false, true),
        page(true, false),
        page(true, true),
    ];
    let grow = |fixture: &mut Fixture, seqs: std::ops::Range<i64>| {
        let contacts = seqs.clone().step_by(4).map(|n| {
            vec![Write::PutRecord(Record {
                account: AccountId(1),
                kind: RecordKind::Roster,
                key: format!("contact-{n}@x"),
                value: Some(vec![b'.'; 100]),
                clock: n as u64,
                node: NodeId::SELF,
                version: n,
            })]
        });
        let batches: Vec<Batch> = contacts.chain(seqs.map(|seq| message(seq, 50))).collect();
        assert!(fixture.store.apply(&batches).iter().all(Result::is_ok));
    };
    grow(&mut fixture, 1..500);
    let small: Vec<u64> = pages.iter().map(|query| fixture.steps(query)).collect();
    grow(&mut fixture, 500..20_000);
    for (query, small) in pages.iter().zip(small) {
        assert_eq!(fixture.steps(query), small, "{query:?}");
    }
    // A time near the end is found by spans, not by walking there.
    let Query::Archive(late) = page(false, false) else { unreachable!("it is an archive query") };
    let late = Query::Archive(ArchiveQuery { start: Some(Wall(19_990)), ..late });
    assert!(fixture.steps(&late) < 20_000 / 4, "{}", fixture.steps(&late));
    let mut opening = |address| fixture.steps(&Query::Account(bare(address)));
    assert_eq!(opening("a@x"), opening("empty@x"));
    let mut login = |address| fixture.steps(&Query::Credentials(bare(address)));
    assert_eq!(login("a@x"), login("empty@x"));
}
