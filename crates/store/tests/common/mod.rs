//! What the tests of the store share: a directory that goes away, and short ways to say accounts and messages.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use base::ledger::{AccountRow, Batch, Copy, NewMessage, Query, Rows, Write};
use base::{AccountId, Bare, NodeId, Wall};
use store::Store;

/// A directory of its own for one test, removed at its end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Directory {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir(&path).unwrap();
        Directory(path)
    }

    /// Where the store goes: made by it, not by the test.
    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("store")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn bare(text: &str) -> Bare {
    Bare::new(text).unwrap()
}

/// A batch that makes an account.
pub(crate) fn create(address: &str) -> Batch {
    vec![Write::CreateAccount { address: bare(address), credentials: vec![], created: Wall(1) }]
}

/// A copy that is archived and waits.
pub(crate) fn copy(account: i64, seq: i64, with: &str) -> Copy {
    Copy {
        account: AccountId(account),
        seq,
        with: bare(with),
        filed: Wall(1000 + seq),
        first_node: NodeId::SELF,
        first_seq: seq,
        archived: true,
        pending: true,
    }
}

/// A batch that adds one message.
pub(crate) fn message(stanza: &str, copies: Vec<Copy>) -> Batch {
    let stanza = stanza.as_bytes().into();
    vec![Write::AddMessage(NewMessage { stanza, origin: Wall(7), copies, posts: vec![] })]
}

/// Applies one batch that must succeed.
#[track_caller]
pub(crate) fn apply(store: &mut (impl Store + ?Sized), batch: Batch) {
    assert_eq!(store.apply(&[batch]), [Ok(())]);
}

/// Removes all that removed accounts have left behind. In how many slices.
#[track_caller]
pub(crate) fn sweep(store: &mut (impl Store + ?Sized)) -> usize {
    (0..).take_while(|_| store.sweep().unwrap()).count()
}

/// The row of an account that must exist.
#[track_caller]
pub(crate) fn account(store: &(impl Store + ?Sized), address: &str) -> AccountRow {
    match store.answer(&Query::Account(bare(address))) {
        Ok(Rows::Account(Some(opened))) => opened.row,
        other => panic!("{address}: {other:?}"),
    }
}

/// The stanzas that wait for an account, as text.
#[track_caller]
pub(crate) fn waiting(store: &(impl Store + ?Sized), account: i64) -> Vec<String> {
    let (mut after, mut all) = (0, Vec::new());
    loop {
        match store.answer(&Query::Pending { account: AccountId(account), after, limit: 1_000_000 }) {
            Ok(Rows::Messages(rows)) if rows.is_empty() => return all,
            Ok(Rows::Messages(rows)) => {
                after = rows.last().map_or(after, |row| row.seq);
                all.extend(rows.iter().map(|m| String::from_utf8(m.stanza.to_vec()).unwrap()));
            }
            other => panic!("{account}: {other:?}"),
        }
    }
}
