//! The embedded store and its twin give the same results and the same answers, whatever they are given.

mod common;

use base::ledger::{
    ArchiveQuery, Batch, Copy, Credential, NewMessage, Query, Record, RecordKind, ScramHash, StoreError, Write,
};
use base::{AccountId, Bare, NodeId, Wall};
use common::{Directory, bare};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use store::{Sqlite, Store, Twin};

/// Few accounts and addresses, so that writes meet.
fn account() -> impl Strategy<Value = AccountId> {
    (1..5i64).prop_map(AccountId)
}

fn address() -> impl Strategy<Value = Bare> {
    prop::sample::select(vec!["a@x", "b@x", "c@x", "é@x", "x"]).prop_map(bare)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(vec!["", "k", "'", "\0", "é"]).prop_map(String::from), ".{0,4}"]
}

fn kind() -> impl Strategy<Value = RecordKind> {
    prop::sample::select(&RecordKind::ALL[..2])
}

fn wall() -> impl Strategy<Value = Wall> {
    prop_oneof![9 => 0..20i64, 1 => any::<i64>()].prop_map(Wall)
}

fn credential() -> impl Strategy<Value = Credential> {
    (any::<bool>(), vec(any::<u8>(), 0..3), any::<u32>()).prop_map(|(strong, salt, iterations)| Credential {
        hash: if strong { ScramHash::Sha256 } else { ScramHash::Sha1 },
        stored_key: salt.iter().map(|b| b ^ 1).collect(),
        server_key: salt.iter().map(|b| b ^ 2).collect(),
        salt,
        iterations,
    })
}

fn record() -> impl Strategy<Value = Record> {
    let clock = prop_oneof![20 => 0..9u64, 1 => any::<u64>()];
    let version = prop_oneof![20 => 0..9i64, 1 => any::<i64>()];
    (account(), kind(), text(), option::of(vec(any::<u8>(), 0..3)), clock, 0..3i64, version).prop_map(
        |(account, kind, key, value, clock, node, version)| Record {
            account,
            kind,
            key,
            value,
            clock,
            node: NodeId(node),
            version,
        },
    )
}

/// `seq` is drawn as a step: 0 takes the next number, so that most copies fit; see [`numbered`].
fn a_copy() -> impl Strategy<Value = Copy> {
    let step = prop_oneof![20 => Just(0i64), 3 => -2..3i64, 1 => Just(i64::MAX)];
    (account(), step, address(), wall(), 0..3i64, any::<i64>(), any::<bool>(), any::<bool>()).prop_map(
        |(account, seq, with, filed, node, first_seq, archived, pending)| Copy {
            account,
            seq,
            with,
            filed,
            first_node: NodeId(node),
            first_seq,
            archived,
            pending,
        },
    )
}

fn write() -> impl Strategy<Value = Write> {
    let message = (vec(any::<u8>(), 0..4), wall(), vec(a_copy(), 0..4))
        .prop_map(|(stanza, origin, copies)| Write::AddMessage(NewMessage { stanza: stanza.into(), origin, copies }));
    prop_oneof![
        3 => (address(), vec(credential(), 0..3), wall())
            .prop_map(|(address, credentials, created)| Write::CreateAccount { address, credentials, created }),
        1 => (account(), vec(credential(), 0..3))
            .prop_map(|(account, credentials)| Write::SetCredentials { account, credentials }),
        1 => account().prop_map(|account| Write::RemoveAccount { account }),
        4 => record().prop_map(Write::PutRecord),
        8 => message,
        4 => (account(), vec(-1..12i64, 0..4)).prop_map(|(account, seqs)| Write::Delivered { account, seqs }),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let archive = (
        (account(), option::of(address()), option::of(wall()), option::of(wall())),
        (option::of(-1..12i64), option::of(-1..12i64), any::<bool>(), 0..5u32, any::<bool>()),
    )
        .prop_map(|((account, with, start, end), (after, before, last, limit, count))| {
            Query::Archive(ArchiveQuery { account, with, start, end, after, before, last, limit, count })
        });
    prop_oneof![
        address().prop_map(Query::Account),
        address().prop_map(Query::Credentials),
        Just(Query::Accounts),
        (account(), kind()).prop_map(|(account, kind)| Query::Records { account, kind }),
        (account(), -1..9i64, 0..5u32).prop_map(|(account, after, limit)| Query::Pending { account, after, limit }),
        archive,
    ]
}

/// Turns the steps of [`a_copy`] into numbers, as a caller does who counts each account's messages.
fn numbered(mut groups: Vec<Vec<Batch>>) -> Vec<Vec<Batch>> {
    let mut next = [1i64; 5];
    for write in groups.iter_mut().flatten().flatten() {
        let Write::AddMessage(message) = write else { continue };
        for copy in &mut message.copies {
            if copy.seq != i64::MAX {
                let next = &mut next[copy.account.0 as usize];
                copy.seq += *next;
                *next = (*next).max(copy.seq) + 1;
            }
        }
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_give_the_same(
        groups in vec(vec(vec(write(), 0..4), 0..6), 1..6).prop_map(numbered),
        queries in vec(query(), 40),
    ) {
        let directory = Directory::new();
        let (mut sqlite, mut twin) = (Sqlite::open(&directory.store()).unwrap(), Twin::new());
        let reader = sqlite.reader().unwrap();
        for group in &groups {
            prop_assert_eq!(sqlite.apply(group), twin.apply(group));
            for query in &queries {
                let rows = twin.answer(query);
                prop_assert_eq!(&sqlite.answer(query), &rows, "{:?}", query);
                prop_assert_eq!(&reader.answer(query), &rows, "{:?}", query);
            }
        }
        drop(sqlite);
        let again = Sqlite::open(&directory.store()).unwrap();
        for query in &queries {
            prop_assert_eq!(again.answer(query), twin.answer(query), "{:?}", query);
        }
        check_rows(&directory);
    }
}

/// Each body has as many owners as it says, and at least one; and there are no rows of accounts that are gone.
#[track_caller]
fn check_rows(directory: &Directory) {
    let db = rusqlite::Connection::open(directory.store().join("store.sqlite")).unwrap();
    for (what, sql) in [
        (
            "owners miscounted",
            "SELECT count(*) FROM body WHERE owners <> (SELECT count(*) FROM copy WHERE copy.body = body.body)",
        ),
        ("nobody's body", "SELECT count(*) FROM body WHERE owners < 1"),
        ("copy without body", "SELECT count(*) FROM copy WHERE body NOT IN (SELECT body FROM body)"),
        ("copy for nothing", "SELECT count(*) FROM copy WHERE archived = 0 AND pending = 0"),
        (
            "pending miscounted",
            "SELECT count(*) FROM account WHERE pending <> \
             (SELECT count(*) FROM copy WHERE copy.account = account.account AND copy.pending = 1)",
        ),
        ("copy of nobody", "SELECT count(*) FROM copy WHERE account NOT IN (SELECT account FROM account)"),
        ("record of nobody", "SELECT count(*) FROM record WHERE account NOT IN (SELECT account FROM account)"),
        ("address of nobody", "SELECT count(*) FROM address WHERE account NOT IN (SELECT account FROM account)"),
        ("credential of nobody", "SELECT count(*) FROM credential WHERE account NOT IN (SELECT account FROM account)"),
    ] {
        let rows: i64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{what}");
    }
}

/// A store of each sort, the twin second.
fn both(check: impl Fn(&mut dyn Store)) {
    let directory = Directory::new();
    check(&mut Sqlite::open(&directory.store()).unwrap());
    check(&mut Twin::new());
}

#[test]
fn one_batch_that_conflicts_takes_no_other_with_it() {
    both(|store| {
        let half = vec![
            Write::PutRecord(Record {
                account: AccountId(1),
                kind: RecordKind::Roster,
                key: "half".into(),
                value: Some(vec![]),
                clock: 5,
                node: NodeId::SELF,
                version: 5,
            }),
            Write::RemoveAccount { account: AccountId(9) },
        ];
        let results = store.apply(&[
            common::create("a@x"),
            common::create("a@x"),
            common::message("one", vec![common::copy(1, 1, "b@x")]),
            common::message("two", vec![common::copy(1, 2, "b@x"), common::copy(9, 1, "b@x")]),
            half,
            common::message("three", vec![common::copy(1, 2, "b@x")]),
        ]);
        use StoreError::{NoAccount, Taken};
        assert_eq!(results, [Ok(()), Err(Taken), Ok(()), Err(NoAccount), Err(NoAccount), Ok(())]);
        assert_eq!(common::waiting(store, 1), ["one", "three"]);
        let row = common::account(store, "a@x");
        assert_eq!((row.next_seq, row.next_version, row.clock, row.pending), (3, 1, 0, 2));
    });
}
