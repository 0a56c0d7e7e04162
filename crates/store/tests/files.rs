//! Attack case B21: what the store keeps is for its own user; and one process has it at a time.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use common::Directory;
use store::{OpenError, Sqlite};

#[test]
fn files_are_for_their_own_user_only() {
    let directory = Directory::new();
    let place = directory.store();
    // Someone made it readable for all, or restored it so.
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, Permissions::from_mode(0o777)).unwrap();
    fs::write(place.join("store.sqlite"), "").unwrap();
    fs::set_permissions(place.join("store.sqlite"), Permissions::from_mode(0o666)).unwrap();

    let mut store = Sqlite::open(&place).unwrap();
    common::apply(&mut store, common::create("a@x"));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(place.clone()), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&place).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(entry.path()), 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["store.lock", "store.sqlite", "store.sqlite-shm", "store.sqlite-wal"]);
}

#[test]
fn a_store_is_opened_once() {
    let directory = Directory::new();
    let first = Sqlite::open(&directory.store()).unwrap();
    assert!(matches!(Sqlite::open(&directory.store()), Err(OpenError::InUse)));
    drop(first);
    Sqlite::open(&directory.store()).unwrap();
}

#[test]
fn what_is_no_store_of_ours_is_refused_and_left_as_it_is() {
    let directory = Directory::new();
    let place = directory.store();
    fs::create_dir(&place).unwrap();
    let file = place.join("store.sqlite");
    fs::write(&file, "this is no database at all, ".repeat(40)).unwrap();
    let before = fs::read(&file).unwrap();
    assert!(matches!(Sqlite::open(&place), Err(OpenError::Database(_))));
    assert_eq!(fs::read(&file).unwrap(), before);

    fs::remove_file(&file).unwrap();
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE users (name)").unwrap();
    let before = fs::read(&file).unwrap();
    assert!(matches!(Sqlite::open(&place), Err(OpenError::Foreign)));
    assert_eq!(fs::read(&file).unwrap(), before);
}
