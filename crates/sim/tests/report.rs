//! What a shard says of itself: who is on, since when, and whose connection is broken.

mod common;

use std::time::Duration;

use common::online;
use sim::Bench;
use xmpp::{Answer, Command, Report};

fn report(bench: &mut Bench) -> Report {
    match bench.command(Command::Report) {
        Answer::Report(report) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_report_has_each_session_as_it_is() {
    let mut bench = Bench::new(1);
    assert_eq!(report(&mut bench), Report::default());
    let first = bench.now().wall;
    let paulo = online(&mut bench, "paulo", "b");
    bench.pass(Duration::from_secs(5));
    let second = bench.now().wall;
    let maria = bench.login_managed("maria", "a");
    let said = report(&mut bench);
    let short = |at: &xmpp::Online| (at.address.clone(), at.conn.is_some(), at.available);
    let online: Vec<_> = said.online.iter().map(short).collect();
    assert_eq!(online, [("maria@jirani.example/a".into(), true, true), ("paulo@jirani.example/b".into(), true, true)]);
    let early = &said.online[1].since;
    assert!(first <= *early && *early < second && second <= said.online[0].since);
    assert_eq!(said.accounts, 2);

    // A managed session may come back; the other one is gone.
    bench.cut(maria);
    bench.cut(paulo);
    bench.run_until_idle();
    let online: Vec<_> = report(&mut bench).online.iter().map(short).collect();
    assert_eq!(online, [("maria@jirani.example/a".into(), false, true)]);
}
