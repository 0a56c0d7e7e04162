//! The embedded store and its twin give the same results and the same answers, whatever they are given.

mod common;

use base::ledger::{
    ArchiveQuery, Batch, Copy, Credential, NewMessage, NewPost, PinRow, Query, Received, Record, RecordKind, Rows,
    ScramHash, StatementKey, StatementRow, StoreError, Write,
};
use base::limits::{RECEIVED_INCARNATIONS_MAX, RECEIVED_MAX};
use base::{AccountId, Bare, DeviceId, NodeId, Wall};
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
    let step = prop_oneof![20 => Just(0i64), 3 => -2..3i64, 4 => 200..300i64, 1 => Just(i64::MAX)];
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

fn device() -> impl Strategy<Value = DeviceId> {
    (0..3u8).prop_map(|n| DeviceId([n * 100; 32]))
}

fn incarnation() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 0..12u64, 1 => any::<u64>()]
}

/// Its `seq` is a step as in [`a_copy`].
fn a_post() -> impl Strategy<Value = NewPost> {
    let counter = 1..i64::MAX as u64;
    let step = prop_oneof![20 => Just(0i64), 3 => -2..3i64];
    (account(), step, address(), option::of(device()), incarnation(), counter, vec(any::<u8>(), 0..3), wall()).prop_map(
        |(account, seq, to, device, incarnation, counter, copied, expires)| NewPost {
            account,
            seq,
            to,
            device,
            incarnation,
            counter,
            copied,
            expires,
        },
    )
}

/// Its `changes` is a step from what there is: 0 mostly takes the next; see [`numbered`].
fn received() -> impl Strategy<Value = Received> {
    let step = prop_oneof![20 => Just(0i64), 1 => -2..3i64, 1 => any::<i64>()];
    (account(), device(), incarnation(), step, vec(any::<u8>(), 0..3), wall()).prop_map(
        |(account, device, incarnation, changes, seen, used)| Received {
            account,
            device,
            incarnation,
            changes,
            seen,
            used,
        },
    )
}

fn write() -> impl Strategy<Value = Write> {
    let message = (vec(any::<u8>(), 0..4), wall(), vec(a_copy(), 0..4), vec(a_post(), 0..3)).prop_map(
        |(stanza, origin, copies, posts)| {
            Write::AddMessage(NewMessage { stanza: stanza.into(), origin, copies, posts })
        },
    );
    prop_oneof![
        4 => (account(), vec(place(), 0..4)).prop_map(|(account, seqs)| Write::Arrived { account, seqs }),
        8 => received().prop_map(Write::PutReceived),
        2 => (address(), vec(credential(), 0..3), wall())
            .prop_map(|(address, credentials, created)| Write::CreateAccount { address, credentials, created }),
        1 => (account(), vec(credential(), 0..3))
            .prop_map(|(account, credentials)| Write::SetCredentials { account, credentials }),
        1 => (1..9i64).prop_map(|account| Write::RemoveAccount { account: AccountId(account) }),
        4 => record().prop_map(Write::PutRecord),
        8 => message,
        4 => (account(), vec(place(), 0..4)).prop_map(|(account, seqs)| Write::Delivered { account, seqs }),
        4 => directory_write(),
    ]
}

fn statement_key() -> impl Strategy<Value = StatementKey> {
    let subject = prop::sample::select(vec![&b""[..], b"a", b"a\0", b"b"]).prop_map(<[u8]>::to_vec);
    (address(), 0..3u8, 0..3u8, subject, any::<bool>()).prop_map(|(address, issuer, kind, subject, fork)| {
        StatementKey { address, issuer: [issuer; 32], kind, subject, fork }
    })
}

fn statement() -> impl Strategy<Value = StatementRow> {
    // Some are so long that a few of them are a page.
    let bytes = prop_oneof![9 => 0..4usize, 1 => Just(base::limits::PAGE_BYTES_MAX / 2)];
    (statement_key(), any::<i64>(), wall(), bytes).prop_map(|(key, sequence, seen, bytes)| StatementRow {
        key,
        sequence,
        seen,
        bytes: vec![7; bytes].into(),
    })
}

fn directory_write() -> impl Strategy<Value = Write> {
    let pin = (address(), any::<u8>(), any::<u8>()).prop_map(|(address, genesis, person)| PinRow {
        address,
        genesis: [genesis; 32],
        person: [person; 32],
    });
    prop_oneof![
        4 => statement().prop_map(Write::PutStatement),
        2 => statement_key().prop_map(Write::RemoveStatement),
        2 => pin.prop_map(Write::PutPin),
        1 => address().prop_map(Write::RemovePin),
    ]
}

/// A number that a message may have.
fn place() -> impl Strategy<Value = i64> {
    prop_oneof![3 => -1..12i64, 1 => 200..600i64]
}

fn query() -> impl Strategy<Value = Query> {
    let archive = (
        (account(), option::of(address()), option::of(wall()), option::of(wall())),
        (option::of(place()), option::of(place()), any::<bool>(), 0..5u32, any::<bool>()),
    )
        .prop_map(|((account, with, start, end), (after, before, last, limit, count))| {
            Query::Archive(ArchiveQuery { account, with, start, end, after, before, last, limit, count })
        });
    prop_oneof![
        address().prop_map(Query::Account),
        address().prop_map(Query::Credentials),
        Just(Query::Accounts),
        (account(), kind()).prop_map(|(account, kind)| Query::Records { account, kind }),
        (kind(), text()).prop_map(|(kind, key)| Query::RecordsOfAll { kind, key }),
        (account(), place(), 0..5u32).prop_map(|(account, after, limit)| Query::Pending { account, after, limit }),
        (account(), address(), option::of(device()), place(), 0..5u32)
            .prop_map(|(account, to, device, after, limit)| Query::Outbox { account, to, device, after, limit }),
        (address(), device()).prop_map(|(to, device)| Query::Owners { to, device }),
        (wall(), 0..5u32).prop_map(|(at, limit)| Query::Expired { at, limit }),
        (account(), device()).prop_map(|(account, device)| Query::Received { account, device }),
        archive,
        (option::of(statement_key()), 0..9u32).prop_map(|(after, limit)| Query::Statements { after, limit }),
        Just(Query::Statements { after: None, limit: u32::MAX }),
        Just(Query::Pins),
        address().prop_map(Query::Knowing),
    ]
}

/// Turns the steps of [`a_copy`] into numbers, as a caller does who counts each account's messages.
fn numbered(mut groups: Vec<Vec<Batch>>) -> Vec<Vec<Batch>> {
    let mut next = [1i64; 5];
    let mut changes = std::collections::BTreeMap::new();
    for write in groups.iter_mut().flatten().flatten() {
        match write {
            Write::AddMessage(message) => {
                let copies = message.copies.iter_mut().map(|copy| (copy.account, &mut copy.seq));
                let posts = message.posts.iter_mut().map(|post| (post.account, &mut post.seq));
                for (account, seq) in copies.chain(posts).filter(|(_, seq)| **seq != i64::MAX) {
                    let next = &mut next[account.0 as usize];
                    *seq += *next;
                    *next = (*next).max(*seq) + 1;
                }
            }
            Write::PutReceived(r) => {
                let made = changes.entry((r.account, r.device, r.incarnation)).or_insert(0i64);
                *made += 1;
                r.changes = r.changes.saturating_add(*made);
            }
            _ => {}
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
        // Most of what follows has someone to be about.
        let accounts = ["a@x", "b@x", "c@x"].map(common::create);
        prop_assert_eq!(sqlite.apply(&accounts), twin.apply(&accounts));
        for group in &groups {
            prop_assert_eq!(sqlite.apply(group), twin.apply(group));
            common::sweep(&mut sqlite);
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
            "SELECT count(*) FROM body WHERE owners <> (SELECT count(*) FROM copy WHERE copy.body = body.body) \
             + (SELECT count(*) FROM outbox WHERE outbox.body = body.body)",
        ),
        (
            "outbox miscounted",
            "SELECT count(*) FROM account WHERE outbox <> \
             (SELECT count(*) FROM outbox WHERE outbox.account = account.account)",
        ),
        ("post without body", "SELECT count(*) FROM outbox WHERE body NOT IN (SELECT body FROM body)"),
        ("post of nobody", "SELECT count(*) FROM outbox WHERE account NOT IN (SELECT account FROM account)"),
        ("mark of nobody", "SELECT count(*) FROM received WHERE account NOT IN (SELECT account FROM account)"),
        ("nobody's body", "SELECT count(*) FROM body WHERE owners < 1"),
        ("copy without body", "SELECT count(*) FROM copy WHERE body NOT IN (SELECT body FROM body)"),
        ("copy for nothing", "SELECT count(*) FROM copy WHERE archived = 0 AND pending = 0"),
        (
            "pending miscounted",
            "SELECT count(*) FROM account WHERE pending <> \
             (SELECT count(*) FROM copy WHERE copy.account = account.account AND copy.pending = 1)",
        ),
        (
            "copy without its own peer",
            "SELECT count(*) FROM copy WHERE (peer, account) NOT IN (SELECT peer, account FROM peer)",
        ),
        (
            "archived outside of its span",
            "SELECT count(*) FROM copy WHERE archived = 1 AND NOT EXISTS (SELECT 1 FROM span WHERE \
             span.account = copy.account AND span = seq >> 8 AND filed BETWEEN filed_min AND filed_max)",
        ),
        ("peer of nobody", "SELECT count(*) FROM peer WHERE account NOT IN (SELECT account FROM account)"),
        ("span of nobody", "SELECT count(*) FROM span WHERE account NOT IN (SELECT account FROM account)"),
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

#[test]
fn an_account_opens_with_what_must_be_known_at_the_door() {
    let put = |account, kind, key: &str, value: Option<&[u8]>| {
        let (key, value) = (key.to_owned(), value.map(Into::into));
        let account = AccountId(account);
        Write::PutRecord(Record { account, kind, key, value, clock: 1, node: NodeId::SELF, version: 0 })
    };
    both(|store| {
        common::apply(store, [common::create("a@x"), common::create("b@x")].concat());
        common::apply(
            store,
            vec![
                put(1, RecordKind::Preference, "p", Some(b"1")),
                put(1, RecordKind::Block, "z@x", Some(b"")),
                put(1, RecordKind::Block, "m@x", Some(b"")),
                put(1, RecordKind::Block, "gone@x", None),
                put(1, RecordKind::Roster, "m@x", Some(b"<item/>")),
                put(2, RecordKind::Block, "a@x", Some(b"")),
            ],
        );
        let Ok(Rows::Account(Some(opened))) = store.answer(&Query::Account(bare("a@x"))) else {
            panic!("a@x has been made")
        };
        let known: Vec<_> = opened.records.iter().map(|r| (r.kind, r.key.as_str())).collect();
        let (block, preference) = (RecordKind::Block, RecordKind::Preference);
        assert_eq!(known, [(block, "m@x"), (block, "z@x"), (preference, "p")]);
        assert_eq!((opened.row.id, opened.row.next_version), (AccountId(1), 1), "such records have no version");
    });
}

#[test]
fn the_later_record_stays_in_whatever_order_they_come() {
    let put = |clock: u64, value: Option<&str>, version| {
        vec![Write::PutRecord(Record {
            account: AccountId(1),
            kind: RecordKind::Roster,
            key: "b@x".into(),
            value: value.map(Into::into),
            clock,
            node: NodeId(1),
            version,
        })]
    };
    both(|store| {
        common::apply(store, common::create("a@x"));
        for (clock, value, expect) in [
            (5, Some("first"), Some("first")),
            (4, Some("older"), Some("first")),
            (5, Some("same clock, later"), Some("same clock, later")),
            (7, None, None),
            (6, Some("older than the tombstone"), None),
            (7, Some("back"), Some("back")),
        ] {
            common::apply(store, put(clock, value, 10 + clock as i64));
            let Ok(Rows::Records(rows)) =
                store.answer(&Query::Records { account: AccountId(1), kind: RecordKind::Roster })
            else {
                panic!("not records")
            };
            let values: Vec<_> = rows.iter().filter_map(|r| r.value.as_deref()).collect();
            assert_eq!(values, expect.map(str::as_bytes).into_iter().collect::<Vec<_>>());
        }
        let row = common::account(store, "a@x");
        assert_eq!((row.clock, row.next_version), (7, 18));
        let beyond = i64::MAX as u64 + 1;
        assert!(matches!(&store.apply(&[put(beyond, None, 0)])[..], [Err(StoreError::Failed(_))]));
        common::apply(store, put(beyond - 1, None, 0));
    });
}

#[test]
fn what_a_refused_batch_met_first_is_met_again() {
    both(|store| {
        let refused = |seq| {
            let mut batch = common::message("refused", vec![common::copy(1, seq, "new@x")]);
            batch.push(Write::RemoveAccount { account: AccountId(9) });
            batch
        };
        let batches = [
            common::create("a@x"),
            refused(1),
            common::message("kept", vec![common::copy(1, 1, "new@x")]),
            refused(2),
            common::message("kept too", vec![common::copy(1, 2, "new@x")]),
        ];
        let results = store.apply(&batches);
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false, true]);
        assert_eq!(common::waiting(store, 1), ["kept", "kept too"]);
    });
}

#[test]
fn what_was_received_is_written_one_change_after_another() {
    let put = |changes| {
        let (account, device, seen) = (AccountId(1), DeviceId([7; 32]), vec![changes as u8]);
        vec![Write::PutReceived(Received { account, device, incarnation: u64::MAX, changes, seen, used: Wall(0) })]
    };
    both(|store| {
        common::apply(store, common::create("a@x"));
        for (changes, fits) in [(2, false), (1, true), (1, false), (3, false), (2, true), (3, true), (i64::MIN, false)]
        {
            assert_eq!(store.apply(&[put(changes)])[0].is_ok(), fits, "{changes}");
        }
        let found = store.answer(&Query::Received { account: AccountId(1), device: DeviceId([7; 32]) });
        let Ok(Rows::Received(rows)) = found else { panic!("not what was received") };
        assert_eq!(rows.iter().map(|r| (r.incarnation, r.changes)).collect::<Vec<_>>(), [(u64::MAX, 3)]);
    });
}

#[test]
fn what_was_received_is_remembered_of_so_many() {
    let key = |device: usize| {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(device as u64).to_be_bytes());
        DeviceId(key)
    };
    let put = |device, incarnation, used| {
        let (account, device, used) = (AccountId(1), key(device), Wall(used));
        Write::PutReceived(Received { account, device, incarnation, changes: 1, seen: vec![], used })
    };
    let of = |store: &dyn Store, device| match store
        .answer(&Query::Received { account: AccountId(1), device: key(device) })
    {
        Ok(Rows::Received(rows)) => rows.iter().map(|row| row.incarnation).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    both(|store| {
        common::apply(store, common::create("a@x"));
        let most = RECEIVED_INCARNATIONS_MAX as u64;
        // The first is used last, and the newest stays although it seems to be the oldest.
        for n in 1..=10 * most {
            common::apply(store, vec![put(0, n, if n == 1 { 1000 } else { n as i64 })]);
            let kept = n.min(most);
            let expect: Vec<u64> = std::iter::once(1).chain(n + 2 - kept..=n).take(kept as usize).collect();
            assert_eq!(of(store, 0), expect);
        }
        common::apply(store, vec![put(0, 5, -1)]);
        assert!(of(store, 0).contains(&5));
        let before = of(store, 0).len();
        common::apply(store, (1..=RECEIVED_MAX - before).map(|d| put(d, 1, 2000 + d as i64)).collect());
        assert_eq!((of(store, 0).len(), of(store, 1).len()), (before, 1), "all have room");
        common::apply(store, vec![put(10_000, 1, 0)]);
        assert_eq!((of(store, 0).len(), of(store, 10_000).len()), (before - 1, 1));
        assert!(!of(store, 0).contains(&5), "what was used least recently goes first");
        common::apply(store, (1..10 * RECEIVED_MAX).map(|d| put(20_000 + d, 1, 9000 + d as i64)).collect());
        assert_eq!((of(store, 0).len(), of(store, 20_000 + 9 * RECEIVED_MAX).len()), (0, 1));
    });
}
