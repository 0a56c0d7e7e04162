//! What a message costs: groups of 1, 16 and 256 messages with two copies each, over 100 accounts.
//!
//! `in_memory` has its files where a sync costs nothing, so its time is processor time; `on_disk` is what a person waits.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use base::ledger::{Batch, Copy, NewMessage, Write};
use base::{AccountId, Bare, NodeId, Wall};
use divan::Bencher;
use divan::counter::ItemsCount;
use store::{Sqlite, Store};

const ACCOUNTS: i64 = 100;
const GROUPS: [usize; 3] = [1, 16, 256];

fn main() {
    divan::main();
}

#[divan::bench(args = GROUPS, sample_count = 200, sample_size = 1)]
fn in_memory(bencher: Bencher<'_, '_>, group: usize) {
    commit(bencher, group, Path::new("/dev/shm"));
}

#[divan::bench(args = GROUPS, sample_count = 200, sample_size = 1)]
fn on_disk(bencher: Bencher<'_, '_>, group: usize) {
    commit(bencher, group, Path::new(env!("CARGO_TARGET_TMPDIR")));
}

fn commit(bencher: Bencher<'_, '_>, group: usize, place: &Path) {
    let directory = Directory(place.join(format!("store-bench-{}-{group}", std::process::id())));
    let mut store = Sqlite::open(&directory.0).unwrap();
    let accounts: Vec<Batch> = (0..ACCOUNTS)
        .map(|n| vec![Write::CreateAccount { address: address(n), credentials: vec![], created: Wall(0) }])
        .collect();
    assert!(store.apply(&accounts).iter().all(Result::is_ok));
    let seq = AtomicI64::new(1);
    bencher
        .counter(ItemsCount::new(group))
        .with_inputs(|| (0..group).map(|_| message(seq.fetch_add(1, Ordering::Relaxed))).collect::<Vec<Batch>>())
        .bench_local_refs(|batches| assert!(store.apply(batches).iter().all(Result::is_ok)));
}

/// A chat message of usual length: archived for both, and waiting for the second.
fn message(seq: i64) -> Batch {
    let (from, to) = (seq % ACCOUNTS, seq * 7 % ACCOUNTS);
    let text = "I am under the mango tree behind the school, are you coming before the bus leaves?";
    let stanza = format!(
        "<message xmlns='jabber:client' from='{}/phone' to='{}' id='b7a9c8d2-{seq:08}' type='chat'><body>{text}</body>\
         <markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='b7a9c8d2-{seq:08}'/></message>",
        address(from),
        address(to)
    );
    let copy = |account: i64, with: i64, half: i64, pending| Copy {
        account: AccountId(account + 1),
        // Both copies of a message to oneself have a number.
        seq: 2 * seq + half,
        with: address(with),
        filed: Wall(1_795_168_380_123 + seq),
        first_node: NodeId::SELF,
        first_seq: 2 * seq + half,
        archived: true,
        pending,
    };
    let copies = vec![copy(from, to, 0, false), copy(to, from, 1, true)];
    vec![Write::AddMessage(NewMessage { stanza: stanza.into_bytes().into(), origin: Wall(seq), copies, posts: vec![] })]
}

fn address(number: i64) -> Bare {
    Bare::new(&format!("pupil-{number:04}@otter-lamp-river.example")).unwrap()
}

/// Removed with what is in it when the bench has run.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
