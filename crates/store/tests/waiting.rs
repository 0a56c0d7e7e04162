//! Delivered messages wait no more, and bodies go with their last owner.

mod common;

use base::AccountId;
use base::ledger::{Copy, StoreError, Write};
use common::{Directory, account, apply, copy, create, message, sweep, waiting};
use store::{Sqlite, Store, Writer};

fn delivered(account: i64, seqs: &[i64]) -> Vec<Write> {
    vec![Write::Delivered { account: AccountId(account), seqs: seqs.into() }]
}

/// How many bodies the database holds.
fn bodies(directory: &Directory) -> i64 {
    let db = rusqlite::Connection::open(directory.store().join("store.sqlite")).unwrap();
    db.query_row("SELECT count(*) FROM body", [], |row| row.get(0)).unwrap()
}

#[test]
fn bodies_go_with_their_last_owner() {
    let directory = Directory::new();
    let mut store = Sqlite::open(&directory.store()).unwrap();
    apply(&mut store, create("a@x"));
    apply(&mut store, create("b@x"));
    let only_waits = |account, seq| Copy { archived: false, ..copy(account, seq, "c@x") };
    let nothing = |account, seq| Copy { pending: false, ..only_waits(account, seq) };

    apply(&mut store, message("nobody keeps it", vec![nothing(1, 1)]));
    assert_eq!(bodies(&directory), 0);
    apply(&mut store, message("for both", vec![copy(1, 2, "b@x"), only_waits(2, 2)]));
    apply(&mut store, message("only waits", vec![only_waits(1, 3), only_waits(2, 3)]));
    apply(&mut store, message("to myself", vec![copy(1, 4, "a@x"), copy(1, 5, "a@x")]));
    apply(&mut store, message("twice to one", vec![copy(1, 6, "b@x"), copy(1, 7, "b@x"), copy(2, 4, "a@x")]));
    apply(&mut store, delivered(1, &[6, 7]));
    assert_eq!(waiting(&store, 1), ["for both", "only waits", "to myself", "to myself"]);
    assert_eq!(bodies(&directory), 4);

    apply(&mut store, delivered(1, &[2, 3]));
    assert_eq!((waiting(&store, 1).len(), bodies(&directory)), (2, 4));
    apply(&mut store, delivered(2, &[3]));
    assert_eq!((waiting(&store, 2), bodies(&directory)), (vec!["for both".into(), "twice to one".into()], 3));
    // Again, and what never was: passed over.
    apply(&mut store, delivered(2, &[3, 3, 99, -1]));
    assert_eq!((account(&store, "b@x").pending, bodies(&directory)), (2, 3));

    apply(&mut store, vec![Write::RemoveAccount { account: AccountId(1) }]);
    sweep(&mut store);
    assert_eq!((waiting(&store, 2), bodies(&directory)), (vec!["for both".into(), "twice to one".into()], 2));
    apply(&mut store, delivered(2, &[2, 4]));
    assert_eq!((waiting(&store, 2), bodies(&directory)), (vec![], 1));
    assert_eq!(store.apply(&[delivered(1, &[2])]), [Err(StoreError::NoAccount)]);

    // A removed account's number is not given again: what still names it cannot reach a stranger.
    apply(&mut store, vec![Write::RemoveAccount { account: AccountId(2) }]);
    sweep(&mut store);
    assert_eq!(bodies(&directory), 0);
    apply(&mut store, create("b@x"));
    assert_eq!(account(&store, "b@x").id, AccountId(3));
}

/// A store in which one of two people is removed who have 2,500 messages together and 2,500 alone.
fn with_much_left(directory: &Directory) -> Sqlite {
    let mut store = Sqlite::open(&directory.store()).unwrap();
    apply(&mut store, create("a@x"));
    apply(&mut store, create("b@x"));
    let both = |seq| message("both", vec![copy(1, seq, "b@x"), copy(2, seq, "a@x")]);
    let batches =
        (1..=5000).map(|seq| if seq % 2 == 0 { both(seq) } else { message("one", vec![copy(1, seq, "c@x")]) });
    assert!(store.apply(&batches.collect::<Vec<_>>()).iter().all(Result::is_ok));
    apply(&mut store, vec![Write::RemoveAccount { account: AccountId(1) }]);
    store
}

/// What is left behind goes slice by slice, each whole; a process that dies between two goes on when it is there again.
#[test]
fn what_a_removed_account_leaves_goes_in_slices() {
    let directory = Directory::new();
    let mut store = with_much_left(&directory);
    assert_eq!(bodies(&directory), 5000, "it is still to go");
    apply(&mut store, create("a@x"));
    assert_eq!((account(&store, "a@x").id, waiting(&store, 3).len()), (AccountId(3), 0), "it is another account");
    let mut slices = 0;
    while store.sweep().unwrap() {
        slices += 1;
        assert_eq!(waiting(&store, 2).len(), 2500, "the other one's stay");
        store = {
            drop(store);
            Sqlite::open(&directory.store()).unwrap()
        };
    }
    assert_eq!((slices, bodies(&directory)), (6, 2500), "five slices of copies, one of addresses");
    let db = rusqlite::Connection::open(directory.store().join("store.sqlite")).unwrap();
    let owners: i64 = db.query_row("SELECT sum(owners) FROM body", [], |row| row.get(0)).unwrap();
    let left: i64 =
        db.query_row("SELECT (SELECT count(*) FROM copy) + (SELECT count(*) FROM peer)", [], |row| row.get(0)).unwrap();
    assert_eq!((owners, left), (2500, 2501));
}

/// The writer sweeps by itself when it has nothing else to do, also what the process before has left.
#[test]
#[expect(clippy::disallowed_methods, reason = "it waits for another thread")]
fn the_writer_sweeps_what_is_left() {
    let directory = Directory::new();
    let store = with_much_left(&directory);
    let writer = Writer::start(store, |_| {}).unwrap();
    for _ in 0..1000 {
        if bodies(&directory) == 2500 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(bodies(&directory), 2500);
    drop(writer);
}
