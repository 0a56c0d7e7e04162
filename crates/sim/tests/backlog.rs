//! XEP-0160 through a whole node: messages that wait in the store come once and in order, however the clients change.

mod common;

use std::time::Duration;

use base::ledger::StoreError;
use common::bound;
use sim::{Bench, Seat};

/// The ids of the messages that a client has heard since it was asked last.
#[track_caller]
fn ids(bench: &mut Bench, seat: Seat) -> Vec<String> {
    let heard = bench.received(seat);
    heard.iter().filter(|t| t.name == "message").map(|t| t.attr("id").unwrap_or_default().to_owned()).collect()
}

/// A page that was asked for before a session left is not taken for the page of the one that comes next.
#[test]
fn a_page_that_comes_too_late_is_nobodys() {
    let mut bench = Bench::new(1);
    let maria = bench.login("maria", "here");
    let (phone, laptop) = (bound(&mut bench, "paulo", "phone"), bound(&mut bench, "paulo", "laptop"));
    // From now on the contacts are in memory.
    bench.send(phone, "<presence><priority>-1</priority></presence>");
    for id in 1..=3 {
        bench.send(maria, &format!("<message to='paulo@jirani.example' id='{id}'><body>{id}</body></message>"));
    }
    bench.run_until_idle();
    bench.setup.answer = Duration::from_millis(100)..=Duration::from_millis(100);
    bench.setup.commit = Duration::from_millis(300)..=Duration::from_millis(300);
    bench.send(phone, "<presence/>");
    bench.pass(Duration::from_millis(30));
    bench.disconnect(phone);
    bench.pass(Duration::from_millis(30));
    bench.send(laptop, "<presence/>");
    assert_eq!(ids(&mut bench, laptop), ["1", "2", "3"]);
    bench.pass(Duration::from_secs(2));
    assert!(bench.waiting("paulo").is_empty());
}

/// The disk refuses any of the writes: what a client has had does not come again while it is not written that it had it.
#[test]
fn what_has_arrived_does_not_come_again_when_the_disk_would_not_note_it() {
    for refuses in 0..=u8::MAX {
        let mut bench = Bench::new(1);
        let (maria, paulo) = (bench.login("maria", "laptop"), bench.login("paulo", "phone"));
        let say = |bench: &mut Bench, id| {
            let body = "<body>.</body>";
            bench.send(maria, &format!("<message to='paulo@jirani.example' type='chat' id='{id}'>{body}</message>"));
            bench.run_until_idle();
        };
        say(&mut bench, 1);
        for nth in (0..8).filter(|bit| refuses >> bit & 1 == 1) {
            bench.fail_batch(nth + 1, StoreError::Full);
        }
        bench.pass(Duration::from_millis(1500));
        bench.send(paulo, "<presence type='unavailable'/>");
        say(&mut bench, 2);
        bench.send(paulo, "<presence/>");
        bench.pass(Duration::from_secs(3));
        say(&mut bench, 3);
        let refused = ids(&mut bench, maria);
        let mut expect = vec!["1", "2", "3"];
        expect.retain(|id| !refused.iter().any(|refused| refused == id));
        assert_eq!(ids(&mut bench, paulo), expect, "refused: {refuses:08b}");
    }
}
