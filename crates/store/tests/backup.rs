//! A backup is one moment of a store that is being written; what is restored from it gives no number twice.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::AccountId;
use base::ledger::{AccountRow, Query, Rows};
use common::{Directory, bare, copy, create, message};
use store::{BackupError, Item, OpenError, Sqlite, Store as _, backup, restore};

const NOW: Duration = Duration::from_secs(1_795_168_380);

fn items() -> Vec<Item> {
    let item = |name: &str, bytes: &[u8]| Item { name: name.into(), bytes: bytes.into() };
    vec![item("identity/node", b"a secret of forty bytes, or about that.."), item("tls/authority.pem", b"")]
}

fn account(store: &Sqlite, address: &str) -> AccountRow {
    match store.answer(&Query::Account(bare(address))).unwrap() {
        Rows::Account(Some(opened)) => opened.row,
        other => panic!("{other:?}"),
    }
}

fn waiting(store: &Sqlite, account: AccountId) -> Vec<String> {
    match store.answer(&Query::Pending { account, after: 0, limit: u32::MAX }).unwrap() {
        Rows::Messages(rows) => rows.iter().map(|row| String::from_utf8(row.stanza.to_vec()).unwrap()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_in_use_is_copied_as_of_one_moment() {
    let directory = Directory::new();
    let (place, file) = (directory.store(), directory.store().with_extension("backup"));
    let mut store = Sqlite::open(&place).unwrap();
    common::apply(&mut store, create("a@x"));
    let stop = AtomicBool::new(false);
    let (at_least, written) = std::thread::scope(|scope| {
        let (sent, known) = std::sync::mpsc::channel();
        let writer = scope.spawn(|| {
            let sent = sent;
            let mut seq = 0;
            while !stop.load(Ordering::Relaxed) {
                seq += 1;
                common::apply(&mut store, message(&format!("m{seq}"), vec![copy(1, seq, "b@x")]));
                let _ = sent.send(seq);
            }
            seq
        });
        let at_least = known.iter().find(|seq| *seq >= 20).unwrap();
        backup(&place, &file, || Ok(items())).unwrap();
        stop.store(true, Ordering::Relaxed);
        (at_least, writer.join().unwrap())
    });
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    drop(store);

    let again = place.with_extension("again");
    assert!(restore(&file, &again, NOW, 7).unwrap() == items());
    let store = Sqlite::open(&again).unwrap();
    let messages = waiting(&store, AccountId(1));
    let count = messages.len() as i64;
    assert!((at_least..=written).contains(&count), "{at_least} {count} {written}");
    assert_eq!(messages, (1..=count).map(|seq| format!("m{seq}")).collect::<Vec<_>>());
    assert_eq!(account(&store, "a@x").pending, count as u64);
    let bytes = fs::read(again.join("store.sqlite")).unwrap();
    let secret = &items()[0].bytes;
    assert!(!bytes.windows(secret.len()).any(|window| window == secret), "the keys are not in the store");
}

/// The numbers after restoring an account that had `had` messages when the backup was made.
#[track_caller]
fn check_numbers(had: i64, now: Duration, chance: u16, expect: i64) {
    let directory = Directory::new();
    let (place, file) = (directory.store(), directory.store().with_extension("backup"));
    let mut store = Sqlite::open(&place).unwrap();
    common::apply(&mut store, create("a@x"));
    common::apply(&mut store, message("m", vec![copy(1, had, "b@x")]));
    backup(&place, &file, || Ok(Vec::new())).unwrap();
    let again = place.with_extension("again");
    restore(&file, &again, now, chance).unwrap();
    let mut store = Sqlite::open(&again).unwrap();
    assert_eq!(account(&store, "a@x").next_seq, expect);
    common::apply(&mut store, message("new", vec![copy(1, expect, "b@x")]));
    assert_eq!(waiting(&store, AccountId(1)), ["m", "new"]);
    common::apply(&mut store, create("later@x"));
    assert_eq!(
        account(&store, "later@x").id.0,
        now.as_secs().max(1) as i64 + 1,
        "a lost account's number is not given"
    );
}

#[test]
fn numbers_go_on_beyond_all_that_can_have_been_given() {
    check_numbers(5, NOW, 7, NOW.as_secs() as i64 * 65_536 + 7);
    check_numbers(5, NOW, 8, NOW.as_secs() as i64 * 65_536 + 8);
    // A clock that is wrong: far beyond what there was, all the same.
    check_numbers(5, Duration::ZERO, 7, 6 + (1 << 32));
    // Restored before, and much written since.
    let before = NOW.as_secs() as i64 * 65_536;
    check_numbers(before, NOW, 7, before + 1 + (1 << 32));
}

#[test]
fn roster_versions_are_not_given_twice() {
    let directory = Directory::new();
    let (place, file) = (directory.store(), directory.store().with_extension("backup"));
    common::apply(&mut Sqlite::open(&place).unwrap(), create("a@x"));
    backup(&place, &file, || Ok(Vec::new())).unwrap();
    restore(&file, &place.with_extension("again"), NOW, 7).unwrap();
    let store = Sqlite::open(&place.with_extension("again")).unwrap();
    assert_eq!(account(&store, "a@x").next_version, NOW.as_secs() as i64 * 65_536 + 7);
}

#[test]
fn nothing_is_written_over_and_nothing_is_left_of_what_fails() {
    let directory = Directory::new();
    let place = directory.store();
    let folder = place.parent().unwrap();
    let (file, again) = (folder.join("backup"), folder.join("again"));
    let names = || {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert!(matches!(backup(&place, &file, || Ok(Vec::new())), Err(BackupError::File { .. })), "there is no store");
    assert!(names().is_empty());
    drop(Sqlite::open(&place).unwrap());
    assert!(matches!(backup(&place, &folder.join("no/such"), || Ok(Vec::new())), Err(BackupError::File { .. })));
    fs::write(&file, "precious").unwrap();
    assert!(matches!(backup(&place, &file, || Ok(Vec::new())), Err(BackupError::Exists(_))));
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert_eq!(names(), ["backup", "store"]);

    assert!(matches!(restore(&folder.join("none"), &again, NOW, 0), Err(BackupError::File { .. })));
    assert!(matches!(restore(&file, &again, NOW, 0), Err(BackupError::NoBackup(_))));
    assert!(matches!(restore(&place.join("store.sqlite"), &again, NOW, 0), Err(BackupError::NoBackup(_))));
    assert_eq!(names(), ["backup", "store"]);
}

#[test]
fn a_damaged_or_newer_backup_is_refused() {
    let directory = Directory::new();
    let place = directory.store();
    let folder = place.parent().unwrap();
    let (good, bad, again) = (folder.join("good"), folder.join("bad"), folder.join("again"));
    let mut store = Sqlite::open(&place).unwrap();
    common::apply(&mut store, create("a@x"));
    for seq in 1..200 {
        common::apply(&mut store, message(&"text ".repeat(100), vec![copy(1, seq, "b@x")]));
    }
    backup(&place, &good, || Ok(items())).unwrap();
    let bytes = fs::read(&good).unwrap();
    let refused = |bytes: &[u8], path: &Path| {
        fs::write(path, bytes).unwrap();
        let error = restore(path, &again, NOW, 0).err().expect("it is refused");
        assert!(!again.exists());
        error
    };
    for length in [0, 10, 100, 4096, bytes.len() / 2, bytes.len() - 4096] {
        refused(&bytes[..length], &bad);
    }
    let mut torn = bytes.clone();
    torn[20 * 4096..21 * 4096].fill(0x55);
    assert!(matches!(refused(&torn, &bad), BackupError::Damaged { .. } | BackupError::Database(_)));
    // PRAGMA user_version stands at 60.
    let mut newer = bytes;
    newer[60..64].copy_from_slice(&99u32.to_be_bytes());
    assert!(matches!(refused(&newer, &bad), BackupError::Open(OpenError::Newer { found: 99, .. })));
}
