//! RFC 6120 section 8.2.3 through a whole node: requests that the store answers, many at once, large ones, and the limits
//! of what is kept (XEP-0049, XEP-0054).

mod common;

use std::time::Duration;

use base::limits::{PRIVATE_BYTES_MAX, QUESTIONS_BYTES_MAX, QUESTIONS_MAX, STANZA_BYTES_MAX, VCARD_BYTES_MAX};
use common::{bound, heard, hears};
use sim::{Bench, Seat};

const CARD: &str = "<vCard xmlns='vcard-temp'><NOTE></NOTE></vCard>";

/// Sets a card of so many bytes.
fn set_card(bench: &mut Bench, seat: Seat, bytes: usize) {
    let note = "x".repeat(bytes - CARD.len());
    bench.send(seat, &format!("<iq type='set' id='s'><vCard xmlns='vcard-temp'><NOTE>{note}</NOTE></vCard></iq>"));
}

#[test]
fn a_card_is_limited() {
    for (bytes, answer) in
        [(VCARD_BYTES_MAX - 1, "result"), (VCARD_BYTES_MAX, "result"), (VCARD_BYTES_MAX + 1, "error policy-violation")]
    {
        let mut bench = Bench::new(1);
        let maria = bound(&mut bench, "maria", "here");
        set_card(&mut bench, maria, bytes);
        hears(&mut bench, maria, &[answer]);
    }
}

/// A client, and a store that takes its time from now on: all questions arrive before the first answer.
fn slow_store() -> (Bench, Seat) {
    let mut bench = Bench::new(1);
    let maria = bound(&mut bench, "maria", "here");
    bench.setup.answer = Duration::from_millis(100)..=Duration::from_millis(100);
    (bench, maria)
}

#[test]
fn questions_that_wait_are_limited() {
    for count in [QUESTIONS_MAX - 1, QUESTIONS_MAX, QUESTIONS_MAX + 1, QUESTIONS_MAX * 10] {
        let (mut bench, maria) = slow_store();
        // The first one is with the store, and the others wait. In portions, so that the refusals are read.
        let get = "<iq type='get' id='g'><vCard xmlns='vcard-temp'/></iq>";
        for sent in (0..=count).step_by(QUESTIONS_MAX) {
            bench.send(maria, &get.repeat(QUESTIONS_MAX.min(count + 1 - sent)));
            bench.pass(Duration::from_millis(8));
        }
        let answers = heard(&mut bench, maria);
        let refused = answers.iter().filter(|answer| *answer == "error resource-constraint").count();
        assert_eq!(answers.len(), count + 1);
        assert_eq!(refused, count.saturating_sub(QUESTIONS_MAX), "{count}");
    }
}

#[test]
fn bytes_of_questions_that_wait_are_limited() {
    let (mut bench, maria) = slow_store();
    let size = STANZA_BYTES_MAX - 1000;
    let fit = QUESTIONS_BYTES_MAX / size;
    let get = format!(
        "<iq type='get' id='g'><query xmlns='jabber:iq:private'><a xmlns='urn:example:a'>{}</a></query></iq>",
        "x".repeat(size)
    );
    bench.send(maria, &get.repeat(1 + fit + 1));
    let answers = heard(&mut bench, maria);
    assert_eq!(answers.iter().filter(|answer| *answer == "error resource-constraint").count(), 1);
    assert_eq!(answers.len(), 1 + fit + 1);
}

/// More than may wait for one client, asked for by one that does not read for a while.
#[test]
fn large_answers_wait_for_a_slow_client() {
    for managed in [false, true] {
        let mut bench = Bench::new(1);
        let maria = bound(&mut bench, "maria", "here");
        set_card(&mut bench, maria, VCARD_BYTES_MAX);
        hears(&mut bench, maria, &["result"]);
        let paulo = if managed { bench.login_managed("paulo", "there") } else { bench.login("paulo", "there") };
        bench.set_reads(paulo, false);
        let get = "<iq type='get' id='g' to='maria@jirani.example'><vCard xmlns='vcard-temp'/></iq>";
        bench.send(paulo, &get.repeat(100));
        bench.run_until_idle();
        bench.set_reads(paulo, true);
        let cards = bench.received(paulo).iter().filter(|tree| tree.child("vCard").is_some()).count();
        assert_eq!(cards, 100, "managed: {managed}");
    }
}

#[test]
fn private_storage_is_limited_however_fast_it_is_filled() {
    let mut bench = Bench::new(1);
    let maria = bound(&mut bench, "maria", "here");
    let size = PRIVATE_BYTES_MAX / 8;
    let set = |n: usize| {
        let (before, behind) = (format!("<a xmlns='urn:example:{n:02}'>"), "</a>");
        let text = "x".repeat(size - before.len() - behind.len());
        format!("<iq type='set' id='s'><query xmlns='jabber:iq:private'>{before}{text}{behind}</query></iq>")
    };
    // In two bursts: what waits until it is known how much is kept already is limited, too, at seven of these.
    let mut answers = Vec::new();
    for burst in [0..5, 5..10] {
        let all: String = burst.map(set).collect();
        bench.send(maria, &all);
        answers.extend(heard(&mut bench, maria));
    }
    assert_eq!(answers.iter().filter(|answer| *answer == "result").count(), 8);
    assert_eq!(answers.iter().filter(|answer| *answer == "error resource-constraint").count(), 2);
    bench.crash();
    let maria = bound(&mut bench, "maria", "again");
    bench.send(maria, &set(10));
    hears(&mut bench, maria, &["error resource-constraint"]);
    bench.send(maria, &set(3));
    hears(&mut bench, maria, &["result"]);
}

/// The first set has to read first how much there is: it is acknowledged when it is written, not when it is asked for.
#[test]
fn the_first_thing_kept_is_durable_before_it_is_acknowledged() {
    let mut bench = Bench::new(1);
    let maria = bench.login_managed("maria", "here");
    let before = bench.client_of(maria).acknowledged().len();
    bench.setup.answer = Duration::from_secs(1)..=Duration::from_secs(1);
    bench.setup.commit = Duration::from_secs(1)..=Duration::from_secs(1);
    bench.send(maria, "<iq type='set' id='s'><query xmlns='jabber:iq:private'><a xmlns='urn:example:a'/></query></iq>");
    bench.pass(Duration::from_millis(1900));
    assert_eq!(bench.client_of(maria).acknowledged().len(), before, "it is being written");
    bench.run_until_idle();
    assert_eq!(bench.client_of(maria).acknowledged().len(), before + 1);
}

/// And it is not lost with its session, if that ends while the store is still being asked.
#[test]
fn what_is_kept_is_kept_although_its_author_has_gone() {
    let mut bench = Bench::new(1);
    let maria = bound(&mut bench, "maria", "here");
    bench.setup.answer = Duration::from_secs(1)..=Duration::from_secs(1);
    let query = |inner: &str| format!("<query xmlns='jabber:iq:private'>{inner}</query>");
    let set = query("<a xmlns='urn:example:a'><b/></a>");
    bench.send(maria, &format!("<iq type='set' id='s'>{set}</iq>"));
    bench.pass(Duration::from_millis(100));
    bench.disconnect(maria);
    bench.run_until_idle();
    let maria = bound(&mut bench, "maria", "again");
    bench.send(maria, &format!("<iq type='get' id='g'>{}</iq>", query("<a xmlns='urn:example:a'/>")));
    bench.expect(maria, &format!("<iq type='result' id='g'>{set}</iq>"));
}
