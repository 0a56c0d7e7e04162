//! XEP-0191 through a whole node: who sees whom while one blocks the other, and how long a list may be.

mod common;

use base::Bare;
use base::limits::{BLOCKED_BYTES_MAX, BLOCKED_MAX};
use common::{befriend, bound, heard, hears, online};
use mesh::verification::Event;
use sim::{Bench, Seat};

fn block(bench: &mut Bench, seat: Seat, verb: &str, jids: &[&str]) {
    let items: String = jids.iter().map(|jid| format!("<item jid='{jid}'/>")).collect();
    bench.send(seat, &format!("<iq type='set' id='b'><{verb} xmlns='urn:xmpp:blocking'>{items}</{verb}></iq>"));
    bench.run_until_idle();
}

/// Two people who see each other.
fn friends(bench: &mut Bench) -> (Seat, Seat) {
    let maria = online(bench, "maria", "here");
    let paulo = online(bench, "paulo", "there");
    befriend(bench, ("maria", maria), ("paulo", paulo));
    (maria, paulo)
}

/// Each says something new of themselves; `passes`: whether the other hears it.
#[track_caller]
fn check_presence_passes(bench: &mut Bench, maria: Seat, paulo: Seat, passes: bool) {
    bench.send(maria, "<presence><status>Tea</status></presence>");
    bench.run_until_idle();
    bench.send(paulo, "<presence><status>Rain</status></presence>");
    let mut at_maria = vec!["available maria/here (Tea)"];
    let mut at_paulo = vec!["available paulo/there (Rain)"];
    if passes {
        at_maria.push("available paulo/there (Rain)");
        at_paulo.insert(0, "available maria/here (Tea)");
    }
    hears(bench, maria, &at_maria);
    hears(bench, paulo, &at_paulo);
}

#[test]
fn who_is_blocked_sees_the_person_leave_and_come_back() {
    for item in ["paulo@jirani.example", "paulo@jirani.example/there", "jirani.example"] {
        let mut bench = Bench::new(1);
        let (maria, paulo) = friends(&mut bench);
        block(&mut bench, maria, "block", &[item]);
        hears(&mut bench, maria, &["result"]);
        hears(&mut bench, paulo, &["unavailable maria/here"]);
        check_presence_passes(&mut bench, maria, paulo, false);
        block(&mut bench, maria, "block", &[item]);
        hears(&mut bench, maria, &["result"]);
        hears(&mut bench, paulo, &[]);
        block(&mut bench, maria, "unblock", &[item]);
        hears(&mut bench, paulo, &["available maria/here (Tea)"]);
        hears(&mut bench, maria, &["available paulo/there (Rain)", "result"]);
        check_presence_passes(&mut bench, maria, paulo, true);
    }
}

/// Somebody in reach asks to compare words: who is in hears of it, but not of whom they block.
#[test]
fn a_question_of_who_is_blocked_is_not_heard() {
    let mut bench = Bench::new(1);
    let [own, other] = ["maria@jirani.example", "tom@elsewhere.example"].map(|address| Bare::new(address).unwrap());
    // Nobody is in, and nothing waits for who comes.
    bench.verification(&own, &other, Event::Asked);
    let maria = online(&mut bench, "maria", "here");
    hears(&mut bench, maria, &[]);
    bench.verification(&own, &other, Event::Asked);
    bench.run_until_idle();
    let asked = bench.received(maria);
    assert!(asked.iter().any(|tree| tree.text_of("body").contains("tom@elsewhere.example")), "{asked:?}");
    block(&mut bench, maria, "block", &["tom@elsewhere.example"]);
    heard(&mut bench, maria);
    bench.verification(&own, &other, Event::Asked);
    bench.run_until_idle();
    hears(&mut bench, maria, &[]);
}

#[test]
fn one_resource_alone_is_blocked() {
    let mut bench = Bench::new(1);
    let (maria, paulo) = friends(&mut bench);
    let phone = online(&mut bench, "paulo", "phone");
    heard(&mut bench, maria);
    heard(&mut bench, paulo);
    block(&mut bench, maria, "block", &["paulo@jirani.example/phone"]);
    hears(&mut bench, phone, &["unavailable maria/here"]);
    hears(&mut bench, paulo, &[]);
    bench.send(maria, "<presence><status>Tea</status></presence>");
    hears(&mut bench, phone, &[]);
    hears(&mut bench, paulo, &["available maria/here (Tea)"]);
    bench.send(phone, "<presence><status>Bus</status></presence>");
    bench.run_until_idle();
    bench.send(paulo, "<presence><status>Rain</status></presence>");
    hears(&mut bench, maria, &["result", "available maria/here (Tea)", "available paulo/there (Rain)"]);
}

#[test]
fn who_blocks_and_who_is_blocked_do_not_see_each_other_come_or_go() {
    let mut bench = Bench::new(1);
    let (maria, paulo) = friends(&mut bench);
    block(&mut bench, maria, "block", &["paulo@jirani.example"]);
    hears(&mut bench, paulo, &["unavailable maria/here"]);
    bench.disconnect(maria);
    hears(&mut bench, paulo, &[]);
    let maria = bound(&mut bench, "maria", "again");
    bench.send(maria, "<presence/>");
    hears(&mut bench, maria, &["available maria/again"]);
    hears(&mut bench, paulo, &[]);
    bench.disconnect(paulo);
    let paulo = bound(&mut bench, "paulo", "again");
    bench.send(paulo, "<presence/>");
    hears(&mut bench, paulo, &["available paulo/again"]);
    bench.send(paulo, "<presence to='maria@jirani.example' type='probe'/>");
    hears(&mut bench, paulo, &[]);
    hears(&mut bench, maria, &[]);
}

#[test]
fn who_had_presence_directly_sees_the_person_leave_once() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    bench.send(maria, "<presence to='paulo@jirani.example/there'/>");
    hears(&mut bench, paulo, &["available maria/here"]);
    block(&mut bench, maria, "block", &["paulo@jirani.example"]);
    hears(&mut bench, paulo, &["unavailable maria/here"]);
    bench.disconnect(maria);
    hears(&mut bench, paulo, &[]);
}

#[test]
fn a_request_from_who_is_blocked_is_not_kept() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    block(&mut bench, maria, "block", &["paulo@jirani.example"]);
    bench.send(paulo, "<presence type='subscribe' to='maria@jirani.example'/>");
    hears(&mut bench, paulo, &["push maria none ask"]);
    block(&mut bench, maria, "unblock", &[]);
    bench.disconnect(maria);
    let maria = online_and_heard(&mut bench);
    hears(&mut bench, maria, &["available maria/again"]);
}

fn online_and_heard(bench: &mut Bench) -> Seat {
    let maria = bound(bench, "maria", "again");
    bench.send(maria, "<presence/>");
    maria
}

#[test]
fn the_list_is_limited() {
    for (count, answer) in
        [(BLOCKED_MAX - 1, "result"), (BLOCKED_MAX, "result"), (BLOCKED_MAX + 1, "error resource-constraint")]
    {
        let mut bench = Bench::new(1);
        let maria = bound(&mut bench, "maria", "here");
        let jids: Vec<_> = (0..count).map(|n| format!("u{n}@d.example")).collect();
        block(&mut bench, maria, "block", &jids.iter().map(String::as_str).collect::<Vec<_>>());
        hears(&mut bench, maria, &[answer]);
        bench.send(maria, "<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>");
        let list = bench.received(maria).remove(0);
        let blocked = list.child("blocklist").unwrap().children.len();
        assert_eq!(blocked, if answer == "result" { count } else { 0 }, "all or nothing");
    }
}

#[test]
fn the_list_is_limited_in_bytes() {
    for (bytes, answer) in [
        (BLOCKED_BYTES_MAX - 1, "result"),
        (BLOCKED_BYTES_MAX, "result"),
        (BLOCKED_BYTES_MAX + 1, "error resource-constraint"),
        (BLOCKED_BYTES_MAX * 2, "error resource-constraint"),
    ] {
        let mut bench = Bench::new(1);
        let maria = bound(&mut bench, "maria", "here");
        let long = |n: usize, bytes: usize| format!("u@d.example/{n:0width$}", width = bytes - "u@d.example/".len());
        let mut jids: Vec<_> = (1..bytes / 500).map(|n| long(n, 500)).collect();
        jids.push(long(0, 500 + bytes % 500));
        block(&mut bench, maria, "block", &jids.iter().map(String::as_str).collect::<Vec<_>>());
        hears(&mut bench, maria, &[answer]);
    }
}

#[test]
fn what_was_not_written_is_not_blocked() {
    let mut bench = Bench::new(1);
    let maria = bound(&mut bench, "maria", "here");
    let paulo = bound(&mut bench, "paulo", "there");
    bench.fail_batch(1, base::ledger::StoreError::Full);
    block(&mut bench, maria, "block", &["paulo@jirani.example"]);
    bench.send(paulo, "<message to='maria@jirani.example' type='chat'><body>hi</body></message>");
    hears(&mut bench, paulo, &[]);
    assert_eq!(bench.waiting("maria").len(), 1);
}
