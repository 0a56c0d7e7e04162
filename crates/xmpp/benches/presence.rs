//! What presence costs: a broadcast to 200 contacts who are here, also when thousands are not, and a login with its list.
//!
//! `broadcast` counts delivered stanzas, so its time is for each of them; the allocations are for the whole broadcast.

use std::sync::Arc;

use base::ledger::{Record, RecordKind, Write};
use base::{AccountId, Bare, ConnId, NodeId, Now, Wall};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use store::{Store as _, Twin};
use wire::{Frame, Stanza};
use xmpp::{Config, Hosts, Input, Output, Shard};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const HERE: usize = 200;

fn main() {
    divan::main();
}

/// `args`: how many contacts there are in all.
#[divan::bench(args = [200, 5000])]
fn broadcast(bencher: Bencher<'_, '_>, contacts: usize) {
    let mut node = Node::new(contacts);
    for n in 0..HERE {
        node.login(ConnId(n as u64 + 1), &format!("p{n}"));
        node.say(ConnId(n as u64 + 1), "<presence xmlns='jabber:client'/>");
    }
    let hub = ConnId(100_000);
    node.login(hub, "hub");
    node.say(hub, "<presence xmlns='jabber:client'/>");
    let presence = "<presence xmlns='jabber:client'><show>away</show><status>Back soon</status>\
                    <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://client.example' \
                    ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>";
    assert_eq!(node.say(hub, presence), HERE + 1);
    bencher.counter(ItemsCount::new(HERE)).bench_local(|| node.say(hub, presence));
}

/// Bind, the list, the first presence and the end of it, among so many contacts, of whom up to 200 are here. The memory
/// of `max alloc` holds the list twice: as it was read, and as it was sent.
#[divan::bench(args = [20, 5000])]
fn login(bencher: Bencher<'_, '_>, contacts: usize) {
    let mut node = Node::new(contacts);
    let here = contacts.min(HERE);
    for n in 0..here {
        node.login(ConnId(n as u64 + 1), &format!("p{n}"));
        node.say(ConnId(n as u64 + 1), "<presence xmlns='jabber:client'/>");
    }
    let mut conn = 100_000;
    bencher.bench_local(|| {
        conn += 1;
        node.login(ConnId(conn), "hub");
        let list = "<iq xmlns='jabber:client' type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>";
        assert_eq!(node.say(ConnId(conn), list), 1);
        assert_eq!(node.say(ConnId(conn), "<presence xmlns='jabber:client'/>"), 2 * here + 1);
        node.handle(Input::Closed { conn: ConnId(conn) })
    });
}

/// A shard and its store, without threads: what it asks is answered at once.
struct Node {
    shard: Shard,
    store: Twin,
}

impl Node {
    /// An account `hub` and its contacts `p0`, `p1` ...: each sees the other.
    fn new(contacts: usize) -> Node {
        let hosts = Hosts { primary: "a.example".into(), served: vec!["a.example".into()], ..Hosts::default() };
        let config = Config {
            hosts: Arc::new(hosts),
            node: 1,
            archive: false,
            contact: false,
            links: true,
            resume_time_max: std::time::Duration::from_secs(300),
            version: "0",
        };
        let mut store = Twin::new();
        let create =
            |name: &str| Write::CreateAccount { address: address(name), credentials: vec![], created: Wall(0) };
        let mut batches = vec![vec![create("hub")]];
        batches.extend((0..contacts.min(HERE)).map(|n| vec![create(&format!("p{n}"))]));
        let mut version = 0;
        let mut record = |account, kind, key: String, value| {
            version += 1;
            let (clock, node) = (version as u64, NodeId::SELF);
            Write::PutRecord(Record {
                account: AccountId(account),
                kind,
                key,
                value: Some(value),
                clock,
                node,
                version,
            })
        };
        let mut befriend = |account, with: &str| {
            let with = address(with);
            let item = format!("<item xmlns='jabber:iq:roster' jid='{with}' name='A name'><group>Class</group></item>");
            vec![
                record(account, RecordKind::Roster, with.to_string(), item.into_bytes()),
                record(account, RecordKind::Subscription, format!("to {with}"), vec![]),
                record(account, RecordKind::Subscription, format!("from {with}"), vec![]),
            ]
        };
        for n in 0..contacts {
            batches.push(befriend(1, &format!("p{n}")));
            if n < HERE {
                batches.push(befriend(n as i64 + 2, "hub"));
            }
        }
        assert!(store.apply(&batches).iter().all(Result::is_ok));
        store.sync();
        Node { shard: Shard::new(config, Now::default(), [1; 32]), store }
    }

    fn login(&mut self, conn: ConnId, account: &str) {
        let address = address(account);
        self.handle(Input::Bind { conn, address, resource: Some("x".into()), id: "b".into(), language: None });
    }

    /// A client says a stanza. Gives how many are written because of it.
    fn say(&mut self, conn: ConnId, stanza: &str) -> usize {
        let stanza = Stanza::parse(stanza.as_bytes()).unwrap();
        self.handle(Input::Frame { conn, frame: Frame::Stanza(stanza) })
    }

    fn handle(&mut self, input: Input<'_>) -> usize {
        self.shard.handle(Now::default(), input);
        let mut written = 0;
        let mut answers = Vec::new();
        loop {
            while let Some(output) = self.shard.poll() {
                match output {
                    Output::Write { bytes, .. } => written += usize::from(!divan::black_box(bytes).is_empty()),
                    Output::Store { ticket, batch } => {
                        let result = self.store.apply(&[batch]).remove(0);
                        self.store.sync();
                        answers.push(Input::Stored { ticket, result });
                    }
                    Output::Read { ticket, query, .. } => {
                        answers.push(Input::Rows { ticket, rows: self.store.answer(&query) });
                    }
                    _ => {}
                }
            }
            if answers.is_empty() {
                return written;
            }
            for answer in answers.drain(..) {
                self.shard.handle(Now::default(), answer);
            }
        }
    }
}

fn address(name: &str) -> Bare {
    Bare::new(&format!("{name}@a.example")).unwrap()
}
