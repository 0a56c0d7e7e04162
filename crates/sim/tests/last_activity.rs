//! XEP-0012 through a whole node: since when a person has been away, for who may see them.

mod common;

use std::time::Duration;

use base::limits::LAST_STATUS_BYTES_MAX;
use common::{befriend, online};
use sim::{Bench, Seat};

/// What a client is told of a person: seconds and status, or the error.
#[track_caller]
fn last(bench: &mut Bench, seat: Seat, person: &str) -> (String, String) {
    bench.send(
        seat,
        &format!("<iq type='get' id='l' to='{person}@jirani.example'><query xmlns='jabber:iq:last'/></iq>"),
    );
    let answer = bench.received(seat).pop().expect("a request is answered");
    match answer.child("query") {
        Some(query) => (query.attr("seconds").expect("they are required").into(), query.text.clone()),
        None => (answer.child("error").expect("a result or an error").children[0].name.clone(), String::new()),
    }
}

fn friends(bench: &mut Bench) -> (Seat, Seat) {
    let maria = online(bench, "maria", "here");
    let paulo = online(bench, "paulo", "there");
    befriend(bench, ("maria", maria), ("paulo", paulo));
    (maria, paulo)
}

#[test]
fn it_counts_from_when_the_last_session_left() {
    let mut bench = Bench::new(1);
    let (maria, paulo) = friends(&mut bench);
    assert_eq!(last(&mut bench, paulo, "maria"), ("0".into(), String::new()));
    let phone = online(&mut bench, "maria", "phone");
    bench.send(maria, "<presence type='unavailable'><status>not yet</status></presence>");
    bench.run_until_idle();
    assert_eq!(last(&mut bench, paulo, "maria"), ("0".into(), String::new()));
    bench.send(phone, "<presence type='unavailable'><status>Heading &lt;home&gt;</status></presence>");
    bench.run_until_idle();
    bench.disconnect(maria);
    bench.disconnect(phone);
    bench.pass(Duration::from_secs(300));
    assert_eq!(last(&mut bench, paulo, "maria"), ("300".into(), "Heading <home>".into()));
    bench.pass(Duration::from_secs(300));
    assert_eq!(last(&mut bench, paulo, "maria"), ("600".into(), "Heading <home>".into()));
}

#[test]
fn it_survives_a_crash_and_a_clock_that_goes_back() {
    let mut bench = Bench::new(1);
    let (maria, paulo) = friends(&mut bench);
    bench.cut(maria);
    bench.run_until_idle();
    bench.disconnect(paulo);
    bench.run_until_idle();
    bench.crash();
    bench.pass(Duration::from_secs(60));
    let paulo = online(&mut bench, "paulo", "again");
    assert_eq!(last(&mut bench, paulo, "maria"), ("60".into(), String::new()));
    bench.jump_wall(-3_600_000);
    assert_eq!(last(&mut bench, paulo, "maria"), ("0".into(), String::new()));
}

#[test]
fn who_was_never_there_is_not_found_by_contacts() {
    let mut bench = Bench::new(1);
    let (_, paulo) = friends(&mut bench);
    // The node stops while they are there: nothing was written.
    bench.crash();
    let again = online(&mut bench, "paulo", "again");
    assert_eq!(last(&mut bench, again, "maria").0, "item-not-found");
    assert!(bench.client_of(paulo).is_away());
}

#[test]
fn a_long_status_is_not_kept() {
    for (bytes, kept) in [
        (LAST_STATUS_BYTES_MAX - 1, true),
        (LAST_STATUS_BYTES_MAX, true),
        (LAST_STATUS_BYTES_MAX + 1, false),
        (LAST_STATUS_BYTES_MAX * 10, false),
    ] {
        let mut bench = Bench::new(1);
        let (maria, paulo) = friends(&mut bench);
        let status = "x".repeat(bytes);
        bench.send(maria, &format!("<presence type='unavailable'><status>{status}</status></presence>"));
        bench.run_until_idle();
        let expect = if kept { status } else { String::new() };
        assert_eq!(last(&mut bench, paulo, "maria"), ("0".into(), expect), "{bytes}");
    }
}
