//! What a message costs the shard: from a client's bytes to the bytes for the other client, without sockets and disk.

use std::sync::Arc;
use std::time::Duration;

use base::ledger::{AccountRow, Opened, Query, Rows};
use base::{AccountId, Bare, ConnId, Now, Time, Wall};
use wire::{Frame, Framer, Mode};
use xmpp::{Config, Hosts, Input, Output, Shard};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

const NOW: Now = Now { mono: Time(1), wall: Wall(1_795_168_380_000) };
const HEADER: &[u8] = b"<stream:stream to='a.example' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const CHAT: &[u8] = b"<message to='u1@a.example' id='a7c1e2f0-41d3' type='chat'><body>Wherefore art thou, Romeo? Deny thy father!</body></message>";

/// A shard with people `u0`, `u1`... who are all available, and the first one's framer.
struct Scene {
    shard: Shard,
    framer: Framer,
}

impl Scene {
    fn new(people: u64, archive: bool) -> Scene {
        let hosts = Hosts { primary: "a.example".into(), served: vec!["a.example".into()], ..Hosts::default() };
        let config = Config {
            hosts: Arc::new(hosts),
            node: 1,
            archive,
            contact: false,
            links: true,
            resume_time_max: Duration::from_secs(600),
            version: "bench",
        };
        let mut scene = Scene { shard: Shard::new(config, NOW, [1; 32]), framer: opened() };
        for n in 0..people {
            let (conn, address) = (ConnId(n), Bare::new(&format!("u{n}@a.example")).unwrap());
            let bind = Input::Bind { conn, address, resource: Some("x".into()), id: "b".into(), language: None };
            scene.shard.handle(NOW, bind);
            scene.drain();
            scene.say(conn, b"<presence/>");
        }
        scene
    }

    fn say(&mut self, conn: ConnId, bytes: &[u8]) -> usize {
        let mut chunk = bytes;
        while let Ok(Some(frame)) = self.framer.next(&mut chunk) {
            self.shard.handle(NOW, Input::Frame { conn, frame });
        }
        self.drain()
    }

    /// Stands for the store and the sockets: everything is durable and gone at once.
    fn drain(&mut self) -> usize {
        let mut written = 0;
        loop {
            let mut follow = Vec::new();
            while let Some(output) = self.shard.poll() {
                match output {
                    Output::Write { bytes, .. } => written += bytes.len(),
                    Output::NotifyDrained { conn } => follow.push(Input::Drained { conn }),
                    Output::Store { ticket, .. } => follow.push(Input::Stored { ticket, result: Ok(()) }),
                    Output::Read { ticket, query, .. } => follow.push(Input::Rows { ticket, rows: Ok(rows(&query)) }),
                    _ => {}
                }
            }
            if follow.is_empty() {
                return written;
            }
            for input in follow {
                self.shard.handle(NOW, input);
            }
        }
    }
}

fn rows(query: &Query) -> Rows {
    match query {
        Query::Account(address) => {
            let row = AccountRow {
                id: AccountId(1),
                address: address.clone(),
                created: Wall(0),
                next_seq: 1,
                next_version: 1,
                clock: 0,
                pending: 0,
                outbox: 0,
            };
            Rows::Account(Some(Opened { row, records: Vec::new() }))
        }
        Query::Records { .. } => Rows::Records(Vec::new()),
        _ => Rows::Messages(Vec::new()),
    }
}

fn opened() -> Framer {
    let mut framer = Framer::new(Mode::Client);
    framer.authenticated();
    let mut chunk = HEADER;
    assert!(matches!(framer.next(&mut chunk), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(&mut chunk), Ok(None)));
    framer
}

/// From one client to another, nothing written: framed, checked, stamped, routed, emitted.
#[divan::bench(args = [2, 100, 10_000])]
fn chat_passed_on(bencher: divan::Bencher, people: u64) {
    let mut scene = Scene::new(people, false);
    assert!(scene.say(ConnId(0), CHAT) > CHAT.len());
    bencher.bench_local(|| scene.say(ConnId(0), divan::black_box(CHAT)));
}

/// The same with the archive on, the store itself not counted.
#[divan::bench]
fn chat_filed(bencher: divan::Bencher) {
    let mut scene = Scene::new(2, true);
    assert!(scene.say(ConnId(0), CHAT) > CHAT.len());
    bencher.bench_local(|| scene.say(ConnId(0), divan::black_box(CHAT)));
}
