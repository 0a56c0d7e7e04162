//! What a gateway finds for one account, and who is told to somebody who asks: with a shard and a store, without a network.

use std::sync::Arc;
use std::time::Duration;

use base::ledger::Write;
use base::limits::SESSION_SHARE_BYTES_MAX;
use base::{ConnId, DeviceId, Now, Time, Wall};
use store::{Store as _, Twin};
use wire::{Frame, Stanza};

use super::*;
use crate::desk::audience;
use crate::hosts::Hosts;
use crate::shard::{Config, Input, Output};
use crate::speech::Language;

const CONN: ConnId = ConnId(1);

/// Lisa's node. What the store is asked it answers at once.
struct Node {
    shard: Shard,
    store: Twin,
    now: Now,
}

impl Node {
    /// With Lisa's client, which has read its list.
    fn new() -> Node {
        let hosts =
            Hosts { primary: "own.jirani.alt".into(), served: vec!["own.jirani.alt".into()], ..Hosts::default() };
        let resume_time_max = Duration::from_secs(300);
        let config = Config {
            hosts: Arc::new(hosts),
            node: 1,
            archive: false,
            resume_time_max,
            version: "0",
            contact: false,
            links: true,
        };
        let mut store = Twin::new();
        let create = Write::CreateAccount { address: lisa(), credentials: vec![], created: Wall(0) };
        assert!(store.apply(&[vec![create]]).iter().all(Result::is_ok));
        let now = Now::default();
        let mut node = Node { shard: Shard::new(config, now, [1; 32]), store, now };
        node.login(CONN, Language::English);
        node
    }

    /// A client of Lisa's reads its list. What is written.
    fn login(&mut self, conn: ConnId, language: Language) -> String {
        let (resource, id, language) = (Some(format!("{conn:?}")), "b".into(), Some(language));
        self.handle(Input::Bind { conn, address: lisa(), resource, id, language });
        let stanza = b"<iq xmlns='jabber:client' type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>";
        self.handle(Input::Frame { conn, frame: Frame::Stanza(Stanza::parse(stanza).unwrap()) })
    }

    /// What is written because of an input.
    fn handle(&mut self, input: Input<'_>) -> String {
        self.shard.handle(self.now, input);
        let (mut written, mut answers) = (String::new(), Vec::new());
        loop {
            while let Some(output) = self.shard.poll() {
                match output {
                    Output::Write { bytes, .. } => written.push_str(std::str::from_utf8(bytes).unwrap()),
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
            answers.drain(..).for_each(|answer| self.shard.handle(self.now, answer));
        }
    }

    fn say(&mut self, stanza: &str) -> String {
        let stanza = Stanza::parse(stanza.as_bytes()).unwrap();
        self.handle(Input::Frame { conn: CONN, frame: Frame::Stanza(stanza) })
    }

    /// What is written because of what another desk does, and after so many seconds.
    fn told(&mut self, seconds: u64, deed: impl FnOnce(&mut Shard)) -> String {
        deed(&mut self.shard);
        self.now.mono = self.now.mono + Duration::from_secs(seconds);
        self.handle(Input::Timeout)
    }
}

fn lisa() -> Bare {
    bare("lisa@own.jirani.alt")
}

fn bare(address: &str) -> Bare {
    Bare::new(address).unwrap()
}

/// The addresses, names and subscriptions of the items that are written.
fn items(written: &str) -> Vec<String> {
    let attr = |item: &str, name: &str| {
        let rest = item.split_once(&format!(" {name}='"))?.1;
        Some(rest.split('\'').next()?.to_owned())
    };
    let told = |item: &str| [attr(item, "name"), attr(item, "subscription")].into_iter().flatten().collect::<Vec<_>>();
    written.split("<item").skip(1).map(|item| told(item.split('>').next().unwrap()).join(" ")).collect()
}

#[test]
fn a_gateway_finds_people_for_one_account() {
    let mut node = Node::new();
    let anna = bare("anna\\40pc@nearby.own.jirani.alt");
    let told = node.told(0, |shard| appear(shard, &lisa(), &anna, "Anna\u{202e} \n Maria"));
    assert_eq!(items(&told), ["Anna Maria (not verified) both"]);
    let told = node.told(0, |shard| appear(shard, &lisa(), &anna, "Anna Maria"));
    assert_eq!(items(&told), [] as [&str; 0]);
    let told = node.told(0, |shard| appear(shard, &lisa(), &anna, "\u{200b}"));
    assert_eq!(items(&told), ["anna\\40pc (not verified) both"], "who has no name is called as the address says");
    node.told(0, |shard| appear(shard, &bare("eva@own.jirani.alt"), &bare("b@nearby.own.jirani.alt"), "B"));
    assert_eq!(shown(&mut node.shard, &lisa()).len(), 1);
    // Hidden, and wanted again.
    let told = node.told(0, |shard| {
        hide(shard, &lisa(), &anna);
    });
    assert_eq!(items(&told), ["remove"]);
    assert_eq!(shown(&mut node.shard, &lisa()), []);
    let told = node.told(0, |shard| {
        unhide(shard, &lisa(), &anna);
    });
    assert_eq!(items(&told).len(), 1);
    // Nobody knows who they are: who wants to see verified people only does not see them.
    let told = node.told(0, |shard| {
        audience::choose(shard, &lisa(), base::Audience::Yellow);
    });
    assert_eq!(items(&told), ["remove"]);
    let told = node.told(0, |shard| {
        audience::choose(shard, &lisa(), base::Audience::All);
    });
    assert_eq!(items(&told).len(), 1);
    assert_eq!(items(&node.told(29, |shard| vanish(shard, &lisa(), &anna))), [] as [&str; 0]);
    assert_eq!(shown(&mut node.shard, &lisa()), [], "who has left is not told to who asks");
    assert_eq!(items(&node.told(1, |_| {})), ["remove"]);
}

#[test]
fn a_gateway_finds_so_many() {
    let most = GATEWAY_NEIGHBOURS_MAX;
    for (count, expect) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
        let mut node = Node::new();
        node.say("<presence xmlns='jabber:client'/>");
        node.handle(Input::Closed { conn: CONN });
        for n in 0..count {
            appear(&mut node.shard, &lisa(), &bare(&format!("p{n}@nearby.own.jirani.alt")), "");
        }
        assert_eq!(node.shard.neighbours.gateway[&lisa()].len(), expect, "{count}");
        forget(&mut node.shard, &lisa());
        assert!(node.shard.neighbours.gateway.is_empty());
    }
}

#[test]
fn who_asks_is_told_of_so_many() {
    let most = IN_REACH_TOLD_MAX;
    for (count, expect) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
        let mut node = Node::new();
        for n in 0..count {
            let address = bare(&format!("p{n}@otter.jirani.alt"));
            let mut key = [1; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            node.handle(Input::Reach { device: DeviceId(key), address, up: true });
        }
        let told = shown(&mut node.shard, &lisa());
        assert_eq!(told.len(), expect, "{count}");
        let list = &node.shard.neighbours.lists[&lisa()];
        assert_eq!(list.people().count(), count.min(IN_REACH_SHOWN_MAX), "the list itself is as it was");
        // In the order of the list.
        let in_list: Vec<_> = list.in_order(Time(0)).into_iter().map(|(address, _)| address.clone()).collect();
        let first =
            told.iter().map(|shown| shown.address.clone()).filter(|address| list.get(address.as_str()).is_some());
        assert_eq!(first.collect::<Vec<_>>(), in_list);
        assert!(told.iter().all(|shown| !shown.bonjour && shown.circle == Circle::Red && shown.name.starts_with('p')));
    }
}

#[test]
fn each_client_has_the_list_in_its_language() {
    let mut node = Node::new();
    let device = DeviceId([1; 32]);
    node.handle(Input::Reach { device, address: bare("p@otter.jirani.alt"), up: true });
    let list = node.login(ConnId(2), Language::French);
    assert_eq!(items(&list), ["p (non vérifié) both"]);
    assert!(list.contains("<group>À portée</group>"), "{list}");
    let pushed = node.handle(Input::Reach { device: DeviceId([2; 32]), address: bare("q@otter.jirani.alt"), up: true });
    assert_eq!(items(&pushed), ["q (not verified) both", "q (non vérifié) both"]);
    let versions = versions(&pushed);
    assert_ne!(versions[0], versions[1]);
}

/// The versions in what is written.
fn versions(written: &str) -> Vec<&str> {
    written.split(" ver='").skip(1).map(|rest| rest.split('\'').next().unwrap()).collect()
}

#[test]
fn who_missed_a_push_reads_the_list_again() {
    let mut node = Node::new();
    let reach = |node: &mut Node, n: u8| {
        let address = bare(&format!("p{n}@otter.jirani.alt"));
        node.handle(Input::Reach { device: DeviceId([n; 32]), address, up: true })
    };
    let ask = |node: &mut Node, version: &str| {
        let query = format!("<query xmlns='jabber:iq:roster' ver='{version}'/>");
        node.say(&format!("<iq xmlns='jabber:client' type='get' id='1'>{query}</iq>"))
    };
    let waits = |node: &mut Node, bytes: usize| {
        node.shard.sessions.values_mut().for_each(|session| session.leaving_bytes = bytes);
    };
    for (bytes, missed) in [(0, false), (SESSION_SHARE_BYTES_MAX, true)] {
        waits(&mut node, bytes);
        assert_eq!(items(&reach(&mut node, 1)).is_empty(), missed);
        waits(&mut node, 0);
        let pushed = reach(&mut node, 2);
        assert_eq!(items(&pushed).len(), 1);
        let read = items(&ask(&mut node, versions(&pushed)[0]));
        assert_eq!(read.len(), if missed { 2 } else { 0 }, "{pushed}");
        // Once is enough.
        let pushed = reach(&mut node, 3);
        assert_eq!(items(&ask(&mut node, versions(&pushed)[0])), [""; 0]);
        node = Node::new();
    }
}

#[test]
fn a_list_lasts_as_long_as_somebody_wants_it() {
    let mut node = Node::new();
    node.handle(Input::Reach { device: DeviceId([1; 32]), address: bare("p@otter.jirani.alt"), up: true });
    assert_eq!(node.shard.neighbours.lists.len(), 1);
    node.handle(Input::Closed { conn: CONN });
    assert!(node.shard.neighbours.lists.is_empty());
}
