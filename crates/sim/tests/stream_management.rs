//! XEP-0198 through a whole node whose disk is slow: what is acknowledged, and what a client that comes back is told.

use std::time::Duration;

use sim::{Bench, Goal, Seat};

fn chat(id: u32) -> String {
    format!("<message to='paulo@jirani.example' type='chat' id='{id}'><body>{id}</body></message>")
}

/// How many of a client's stanzas have been acknowledged.
fn acknowledged(bench: &mut Bench, seat: Seat) -> usize {
    bench.client_of(seat).acknowledged().len()
}

/// Maria says something, loses her connection and comes back before it has taken effect, so often: it takes effect once.
#[track_caller]
fn check_said_once(mut bench: Bench, returns: u32) {
    let maria = bench.login_managed("maria", "here");
    let before = acknowledged(&mut bench, maria);
    bench.send(maria, &chat(1));
    bench.pass(Duration::from_millis(50));
    for _ in 0..returns {
        bench.cut(maria);
        bench.pass(Duration::from_millis(50));
        bench.begin_to_connect(maria, Goal::Online);
        bench.pass(Duration::from_millis(200));
        assert!(!bench.client_of(maria).is_ready(), "it is not told before it is true");
    }
    bench.run_until_idle();
    assert!(bench.client_of(maria).is_resumed());
    bench.send(maria, &chat(2));
    bench.run_until_idle();
    assert_eq!(bench.client_of(maria).fault(), None);
    assert_eq!(acknowledged(&mut bench, maria), before + 2);
    let waiting = bench.waiting("paulo");
    assert_eq!(waiting.iter().map(|tree| tree.text_of("body")).collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn a_session_comes_back_when_what_was_said_in_it_is_durable() {
    for returns in [1, 3] {
        let mut bench = Bench::new(1);
        // Both accounts are in memory: only the commit is slow.
        for account in ["maria", "paulo"] {
            let seat = bench.login(account, "before");
            bench.disconnect(seat);
            bench.run_until_idle();
        }
        bench.setup.commit = Duration::from_secs(5)..=Duration::from_secs(5);
        check_said_once(bench, returns);
    }
}

#[test]
fn a_session_comes_back_when_whom_it_spoke_to_has_been_read() {
    for returns in [1, 3] {
        let mut bench = Bench::new(1);
        bench.make_account("paulo", sim::bench::PASSWORD);
        let maria = bench.login("maria", "before");
        bench.disconnect(maria);
        bench.run_until_idle();
        bench.setup.answer = Duration::from_secs(2)..=Duration::from_secs(2);
        check_said_once(bench, returns);
    }
}

/// The connection that waits for a session goes, and the session ends as any that nobody takes up.
#[test]
fn who_goes_while_waiting_for_a_session_leaves_nothing() {
    let mut bench = Bench::new(1);
    bench.make_account("paulo", sim::bench::PASSWORD);
    let maria = bench.login_managed("maria", "here");
    bench.setup.commit = Duration::from_secs(5)..=Duration::from_secs(5);
    bench.send(maria, &chat(1));
    bench.pass(Duration::from_millis(50));
    bench.cut(maria);
    bench.begin_to_connect(maria, Goal::Online);
    bench.pass(Duration::from_millis(200));
    bench.cut(maria);
    bench.pass(Duration::from_secs(400));
    bench.connect(maria, Goal::Online);
    assert!(!bench.client_of(maria).is_resumed());
    assert_eq!(bench.waiting("paulo").len(), 1);
}

/// A client that asks after each stanza, and always says the next one before the last is durable.
#[test]
fn a_busy_client_hears_that_it_is_heard() {
    let mut bench = Bench::new(1);
    bench.make_account("paulo", sim::bench::PASSWORD);
    let maria = bench.login_managed("maria", "here");
    let before = acknowledged(&mut bench, maria);
    bench.setup.commit = Duration::from_millis(50)..=Duration::from_millis(50);
    for id in 1..=50 {
        bench.send(maria, &chat(id));
        bench.pass(Duration::from_millis(20));
    }
    let told = acknowledged(&mut bench, maria) - before;
    assert!(told >= 40, "it was told of {told} while it went on");
}
