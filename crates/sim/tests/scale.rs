//! Design, sections 4 and 12: what an account has costs nothing until it is asked for, and then a page at a time.

use std::sync::Arc;
use std::time::Duration;

use base::ledger::{Copy, NewMessage, Query, Record, RecordKind, Rows, Write};
use base::limits::PAGE_BYTES_MAX;
use base::{AccountId, Bare, ConnId, NodeId, Now, Time, Wall};
use store::{Store as _, Twin};
use wire::{Framer, Mode};
use xmpp::{Config, Hosts, Input, Output, Shard};

const NOW: Now = Now { mono: Time(1), wall: Wall(1_795_168_380_000) };
const CONN: ConnId = ConnId(1);
const MARIA: AccountId = AccountId(1);
const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

fn address() -> Bare {
    Bare::new("maria@jirani.example").unwrap()
}

/// A shard with its store and one client, everything at once; and what it costs.
struct Node {
    shard: Shard,
    twin: Twin,
    framer: Framer,
    /// Whether the client uses XEP-0198, and how many stanzas it has had since.
    managed: bool,
    stanzas: usize,
    messages: usize,
    reads: usize,
    rows: usize,
    held_bytes_max: usize,
}

impl Node {
    fn new() -> Node {
        let hosts =
            Hosts { primary: "jirani.example".into(), served: vec!["jirani.example".into()], ..Hosts::default() };
        let config = Config {
            hosts: Arc::new(hosts),
            node: 1,
            archive: true,
            contact: false,
            links: true,
            resume_time_max: Duration::from_secs(300),
            version: "0.0",
        };
        let mut twin = Twin::new();
        let create = Write::CreateAccount { address: address(), credentials: vec![], created: Wall(0) };
        assert_eq!(twin.apply(&[vec![create]]), [Ok(())]);
        let mut framer = Framer::new(Mode::Client);
        framer.authenticated();
        let mut chunk = HEADER;
        while framer.next(&mut chunk).unwrap().is_some() {}
        let shard = Shard::new(config, NOW, [1; 32]);
        Node { shard, twin, framer, managed: false, stanzas: 0, messages: 0, reads: 0, rows: 0, held_bytes_max: 0 }
    }

    /// Files messages for Maria.
    fn file(&mut self, count: i64, bytes: usize, pending: bool) {
        let stanza: Arc<[u8]> = format!(
            "<message xmlns='jabber:client' from='paulo@jirani.example/x' to='maria@jirani.example' type='chat'><body>{}</body></message>",
            "x".repeat(bytes)
        )
        .into_bytes()
        .into();
        for seq in 1..=count {
            let copy = Copy {
                account: MARIA,
                seq,
                with: Bare::new("paulo@jirani.example").unwrap(),
                filed: Wall(seq),
                first_node: NodeId::SELF,
                first_seq: seq,
                archived: true,
                pending,
            };
            let message = NewMessage { stanza: stanza.clone(), origin: Wall(seq), copies: vec![copy], posts: vec![] };
            assert_eq!(self.twin.apply(&[vec![Write::AddMessage(message)]]), [Ok(())]);
        }
    }

    fn befriend(&mut self, count: i64) {
        for n in 1..=count {
            let record = Record {
                account: MARIA,
                kind: RecordKind::Roster,
                key: format!("friend{n}@elsewhere.example"),
                value: Some(b"<item xmlns='jabber:iq:roster'/>".to_vec()),
                clock: n as u64,
                node: NodeId::SELF,
                version: n,
            };
            assert_eq!(self.twin.apply(&[vec![Write::PutRecord(record)]]), [Ok(())]);
        }
    }

    fn bind(&mut self) {
        let bind =
            Input::Bind { conn: CONN, address: address(), resource: Some("x".into()), id: "b".into(), language: None };
        self.shard.handle(NOW, bind);
        self.settle();
    }

    fn say(&mut self, xml: &[u8]) {
        let mut chunk = xml;
        while let Some(frame) = self.framer.next(&mut chunk).unwrap() {
            self.shard.handle(NOW, Input::Frame { conn: CONN, frame });
        }
        self.settle();
    }

    /// Does what the shard wants until it wants nothing more. The client reads all, and acknowledges it after each round.
    fn settle(&mut self) {
        loop {
            self.held_bytes_max = self.held_bytes_max.max(self.shard.held_bytes());
            let before = self.messages;
            let follow = self.take_outputs();
            if follow.is_empty() && self.messages == before {
                return;
            }
            for input in follow {
                self.shard.handle(NOW, input);
                self.held_bytes_max = self.held_bytes_max.max(self.shard.held_bytes());
            }
            if self.managed && self.messages > before {
                let xml = format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.stanzas);
                let mut chunk = xml.as_bytes();
                while let Some(frame) = self.framer.next(&mut chunk).unwrap() {
                    self.shard.handle(NOW, Input::Frame { conn: CONN, frame });
                }
            }
        }
    }

    fn take_outputs(&mut self) -> Vec<Input<'static>> {
        let mut follow = Vec::new();
        while let Some(output) = self.shard.poll() {
            match output {
                Output::Write { bytes, .. } => {
                    let text = std::str::from_utf8(bytes).unwrap();
                    self.messages += text.matches("</message>").count();
                    if self.managed {
                        let starts = ["<message", "<iq", "<presence"];
                        self.stanzas += usize::from(starts.iter().any(|start| text.starts_with(start)));
                    }
                    self.managed |= text.starts_with("<enabled");
                }
                Output::NotifyDrained { conn } => follow.push(Input::Drained { conn }),
                Output::Store { ticket, batch } => {
                    let result = self.twin.apply(&[batch]).remove(0);
                    follow.push(Input::Stored { ticket, result });
                }
                Output::Read { ticket, query, .. } => {
                    let rows = self.twin.answer(&query);
                    self.reads += 1;
                    self.rows += rows.as_ref().map_or(0, size);
                    follow.push(Input::Rows { ticket, rows });
                }
                Output::Close { .. } => panic!("the client was cut off after {} messages", self.messages),
                _ => {}
            }
        }
        follow
    }
}

fn size(rows: &Rows) -> usize {
    match rows {
        Rows::Account(opened) => 1 + opened.as_ref().map_or(0, |opened| opened.records.len()),
        Rows::Records(records) => records.len(),
        Rows::Messages(messages) => messages.len(),
        Rows::Page(page) => page.messages.len(),
        Rows::Posts(posts) => posts.len(),
        Rows::Owners(owners) => owners.len(),
        Rows::Expired { posts, .. } => posts.len(),
        Rows::Received(marks) => marks.len(),
        Rows::Credentials(_) | Rows::Accounts(_) | Rows::Statements(_) | Rows::Pins(_) => {
            panic!("a shard does not ask for these")
        }
    }
}

/// Delivers so many waiting messages of this size; gives the most that the shard held.
#[track_caller]
fn deliver(count: i64, bytes: usize, managed: bool) -> usize {
    let mut node = Node::new();
    node.file(count, bytes, true);
    node.bind();
    if managed {
        node.say(b"<enable xmlns='urn:xmpp:sm:3'/>");
    }
    node.say(b"<presence/>");
    assert_eq!(node.messages, count as usize);
    let Ok(Rows::Account(Some(opened))) = node.twin.answer(&Query::Account(address())) else { panic!("she is there") };
    assert_eq!(opened.row.pending, 0, "all are confirmed");
    node.held_bytes_max
}

#[test]
fn ten_thousand_waiting_messages_take_no_more_memory_than_a_page() {
    for managed in [false, true] {
        let (few, many) = (deliver(500, 300, managed), deliver(10_000, 300, managed));
        assert!(many <= few + few / 10, "{few} bytes for 500, {many} for 10,000");
        // What the shard puts on the wire of a message is at most 300 bytes more than its body; kept and being written.
        assert!(many <= 2 * 100 * 700, "{many}");
    }
}

#[test]
fn large_waiting_messages_come_in_small_pages() {
    for managed in [false, true] {
        let held = deliver(100, 100_000, managed);
        assert!(held <= 2 * (PAGE_BYTES_MAX + 100_000), "{held}");
    }
}

/// Reads and rows until the client has a resource, and until it is available.
fn open(friends: i64, messages: i64) -> [(usize, usize); 2] {
    let mut node = Node::new();
    node.befriend(friends);
    node.file(messages, 10, false);
    node.bind();
    let bound = (node.reads, node.rows);
    node.say(b"<presence/>");
    [bound, (node.reads, node.rows)]
}

#[test]
fn what_an_account_has_is_not_read_at_login() {
    let [bound, available] = open(0, 0);
    assert_eq!((bound, available), ((1, 1), (4, 1)));
    assert_eq!(open(0, 50_000), [bound, available], "history");
    // Contacts are read when somebody is available: presence goes to them.
    assert_eq!(open(5000, 50_000), [bound, (available.0, available.1 + 5000)]);
}

#[test]
fn history_is_read_a_page_at_a_time() {
    let mut node = Node::new();
    node.file(50_000, 300, false);
    node.bind();
    let (reads, rows) = (node.reads, node.rows);
    node.say(b"<iq type='set' id='1'><query xmlns='urn:xmpp:mam:2'/></iq>");
    assert_eq!((node.messages, node.reads - reads, node.rows - rows), (200, 1, 100), "the results and what is in them");
    assert!(node.held_bytes_max <= 100 * 1500, "{}", node.held_bytes_max);
}

#[test]
fn many_questions_at_once_hold_one_answer_at_a_time() {
    for managed in [false, true] {
        let mut node = Node::new();
        node.file(60, 50_000, false);
        node.bind();
        if managed {
            node.say(b"<enable xmlns='urn:xmpp:sm:3'/>");
        }
        let question = "<iq type='set' id='1'><query xmlns='urn:xmpp:mam:2'/></iq>";
        node.say(question.repeat(10).as_bytes());
        assert_eq!(node.messages, 10 * 2 * 10, "ten pages of ten messages of 50 kB");
        assert!(node.held_bytes_max <= 4 * PAGE_BYTES_MAX, "{}", node.held_bytes_max);
    }
}
