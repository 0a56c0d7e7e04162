//! Attack case G12: a process that dies at any moment, and a log that is torn, lose nothing that was acknowledged.

#![allow(clippy::disallowed_methods, reason = "a child process is told its directory by the environment")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base::Ticket;
use common::Directory;
use store::{Sqlite, Writer};

const PLACE: &str = "STORE_SURVIVAL_PLACE";

/// What the parent kills: it writes for ever, and says what is durable as soon as it is.
#[test]
#[ignore = "the child of `killed_at_any_moment_nothing_acknowledged_is_missing`"]
fn child() {
    let place = PathBuf::from(std::env::var_os(PLACE).expect("started by its parent only"));
    let store = Sqlite::open(&place).unwrap();
    let mut seq = common::account(&store, "a@x").next_seq;
    let writer = Writer::start(store, |done| {
        let mut out = std::io::stdout().lock();
        for (ticket, result) in done {
            result.unwrap();
            writeln!(out, "durable {}", ticket.0).unwrap();
        }
        out.flush().unwrap();
    })
    .unwrap();
    loop {
        if writer.queued().items < 50 {
            writer.submit(Ticket(seq as u64), numbered(seq)).unwrap();
            seq += 1;
        }
    }
}

/// Big enough that some bodies have pages of their own.
fn numbered(seq: i64) -> base::ledger::Batch {
    common::message(&format!("{seq} {}", ".".repeat((seq * 37 % 6000) as usize)), vec![common::copy(1, seq, "b@x")])
}

/// How many messages there are; they must be the first ones, whole and without a gap.
#[track_caller]
fn check_prefix(place: &Path) -> i64 {
    let store = Sqlite::open(place).unwrap();
    let stanzas = common::waiting(&store, 1);
    let row = common::account(&store, "a@x");
    assert_eq!((row.next_seq - 1, row.pending as usize), (stanzas.len() as i64, stanzas.len()));
    for (seq, stanza) in (1..).zip(&stanzas) {
        assert_eq!(stanza, &format!("{seq} {}", ".".repeat((seq * 37 % 6000) as usize)));
    }
    let db = rusqlite::Connection::open(place.join("store.sqlite")).unwrap();
    assert_eq!(db.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    stanzas.len() as i64
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_missing() {
    let directory = Directory::new();
    let place = directory.store();
    common::apply(&mut Sqlite::open(&place).unwrap(), common::create("a@x"));
    // The last round goes beyond the pages after which the log is copied back.
    for wanted in [1, 7, 60, 400, 5000] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(PLACE, &place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut durable = 0;
        let mut seen = 0;
        // What it said before it died counts, even if it is read after.
        for line in lines {
            let Some(number) = line.strip_prefix("durable ") else { continue };
            durable = number.parse::<i64>().unwrap();
            seen += 1;
            if seen == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= wanted, "the child ended by itself");
        let there = check_prefix(&place);
        assert!(there >= durable, "{durable} were acknowledged, {there} are there");
    }
}

/// The database and its log as a power cut would leave them.
fn image(of: &Path, to: &Path, log: &[u8]) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    fs::copy(of.join("store.sqlite"), to.join("store.sqlite")).unwrap();
    fs::write(to.join("store.sqlite-wal"), log).unwrap();
}

#[test]
fn a_torn_log_keeps_all_that_was_committed_before_the_tear() {
    let (directory, copied) = (Directory::new(), Directory::new());
    let (place, copy) = (directory.store(), copied.store());
    let mut store = Sqlite::open(&place).unwrap();
    common::apply(&mut store, common::create("a@x"));
    let log = || fs::read(place.join("store.sqlite-wal")).unwrap();
    // Where the log ended when the account, and then each message, was durable.
    let mut ends = vec![log().len()];
    for seq in 1..=12 {
        common::apply(&mut store, numbered(seq));
        ends.push(log().len());
    }
    let whole = log();
    let check = |log: &[u8], tear: usize| {
        image(&place, &copy, log);
        let committed = ends.iter().filter(|end| **end <= tear).count() as i64 - 1;
        assert_eq!(check_prefix(&copy), committed, "torn at {tear}");
    };
    for tear in (ends[0]..=whole.len()).step_by(1111).chain(ends.iter().copied()) {
        check(&whole[..tear], tear);
        if tear < whole.len() {
            let mut rotten = whole.clone();
            rotten[tear] ^= 0x40;
            // A frame ends at each commit: the one that holds this byte is lost, with what follows it.
            check(&rotten, tear);
            rotten[tear..].fill(0);
            check(&rotten, tear);
        }
    }
}
