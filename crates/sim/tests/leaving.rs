//! RFC 6121 section 2.5.2: an account that is removed leaves nobody who sees it, or whom its address sees.

mod common;

use common::{befriend, hears, online, roster, say};
use sim::Bench;
use xmpp::Answer;

const REMOVE: &str = "<iq type='set' id='1'><query xmlns='jabber:iq:register'><remove/></query></iq>";

/// Paulo and maria are contacts; rosa has asked paulo, and paulo has asked tiago, who is away. Paulo's account goes.
#[track_caller]
fn check(by_himself: bool, logged_in: bool) {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let rosa = online(&mut bench, "rosa", "here");
    let tiago = online(&mut bench, "tiago", "here");
    let paulo = online(&mut bench, "paulo", "there");
    befriend(&mut bench, ("maria", maria), ("paulo", paulo));
    say(&mut bench, rosa, "subscribe", "paulo");
    say(&mut bench, paulo, "subscribe", "tiago");
    for seat in [maria, rosa, paulo] {
        bench.received(seat);
    }
    bench.disconnect(tiago);
    if !logged_in {
        bench.disconnect(paulo);
        bench.run_until_idle();
        bench.received(maria);
    }
    if by_himself {
        bench.send(paulo, REMOVE);
    } else {
        assert_eq!(bench.remove_account("paulo"), Answer::Done);
    }
    bench.run_until_idle();
    let away = logged_in.then_some("unavailable paulo/there");
    let told = ["unsubscribe paulo", "push paulo to", "unsubscribed paulo", "push paulo none"];
    hears(&mut bench, maria, &away.into_iter().chain(told).collect::<Vec<_>>());
    hears(&mut bench, rosa, &["unsubscribed paulo", "push paulo none"]);
    // Who has the address now is a stranger to them, and sees nobody.
    let other = online(&mut bench, "paulo", "new");
    hears(&mut bench, maria, &[]);
    assert_eq!(roster(&mut bench, other), "roster ");
    assert_eq!(roster(&mut bench, maria), "roster paulo none");
    bench.send(other, "<presence type='probe' to='maria@jirani.example'/>");
    hears(&mut bench, other, &["unsubscribed maria"]);
    // What tiago was asked is taken back, though he was away.
    let tiago = online(&mut bench, "tiago", "again");
    hears(&mut bench, tiago, &[]);
}

#[test]
fn who_leaves_is_seen_by_nobody_any_more() {
    check(true, true);
}

#[test]
fn whoever_is_removed_is_seen_by_nobody_any_more() {
    check(false, true);
    check(false, false);
}

/// A removal that could not be written has not happened.
#[test]
fn who_could_not_be_removed_stays_a_contact() {
    let mut bench = Bench::new(2);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    befriend(&mut bench, ("maria", maria), ("paulo", paulo));
    bench.fail_batch(1, base::ledger::StoreError::Full);
    assert_eq!(bench.remove_account("paulo"), Answer::Failed(base::ledger::StoreError::Full));
    hears(&mut bench, maria, &[]);
    assert_eq!(roster(&mut bench, maria), "roster paulo both");
}
