//! The calendar jumps forth and back between any two messages and changes: order, paging and the newest value are kept.

use sim::{Bench, bench::PASSWORD};

const HOUR_MS: i64 = 3_600_000;

#[track_caller]
fn check(jumps: &[i64]) {
    let mut bench = Bench::new(1);
    let maria = bench.login("maria", "laptop");
    bench.make_account("paulo", PASSWORD);
    for (number, jump) in jumps.iter().enumerate() {
        bench.send(
            maria,
            &format!("<message to='paulo@jirani.example' type='chat' id='{number}'><body>.</body></message>"),
        );
        let item = format!("<item jid='paulo@jirani.example' name='{number}'/>");
        bench.send(maria, &format!("<iq type='set' id='r'><query xmlns='jabber:iq:roster'>{item}</query></iq>"));
        bench.run_until_idle();
        bench.jump_wall(*jump);
    }
    let all: Vec<String> = (0..jumps.len()).map(|number| number.to_string()).collect();
    let paulo = bench.login("paulo", "phone");
    let waited = bench.received(paulo);
    let ids: Vec<_> = waited.iter().filter(|tree| tree.name == "message").filter_map(|tree| tree.attr("id")).collect();
    assert_eq!(ids, all, "what waited, {jumps:?}");

    bench.send(paulo, "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    let history = bench.received(paulo);
    let result =
        |tree: &sim::Tree| tree.child("result")?.child("forwarded")?.child("message")?.attr("id").map(str::to_owned);
    assert_eq!(history.iter().filter_map(result).collect::<Vec<_>>(), all, "history, {jumps:?}");

    // What the store says, not what memory does.
    bench.crash();
    bench.run_until_idle();
    let maria = bench.login("maria", "laptop");
    bench.received(maria);
    bench.send(maria, "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>");
    let name = jumps.len() - 1;
    bench.expect(maria, &format!("<iq id='g'><query xmlns='jabber:iq:roster'><item name='{name}'/></query></iq>"));
}

#[test]
fn a_jumping_calendar_changes_no_order_and_no_value() {
    check(&[0, 0, 0]);
    check(&[-HOUR_MS, -HOUR_MS, -HOUR_MS, 0]);
    check(&[HOUR_MS, -2 * HOUR_MS, 24 * HOUR_MS, -48 * HOUR_MS, 0]);
    // A battery that is empty, and a clock that is set for the next century.
    check(&[-60 * 365 * 24 * HOUR_MS, 0, 60 * 365 * 24 * HOUR_MS, 0]);
    check(&[100 * 365 * 24 * HOUR_MS, -100 * 365 * 24 * HOUR_MS, 0, 0]);
}
