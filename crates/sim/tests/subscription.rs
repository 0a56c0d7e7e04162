//! RFC 6121 section 3 and Appendix A through a whole node: in each state each stanza, and all that both people hear.

mod common;

use base::ledger::StoreError;
use base::limits::{REQUEST_BYTES_MAX, REQUESTS_MAX, ROSTER_ASKS_MAX};
use common::{befriend, bound, heard, hears, online, roster, say, set};
use sim::Bench;
use sim::tables::subscription::STATES;

/// All that maria | paulo hear when she says each stanza in each state. Her session is `here`, his is `there`.
const HEARD: &str = "
None: subscribe: push paulo none ask | subscribe maria
None: unsubscribe:  | 
None: subscribed: push paulo none approved | 
None: unsubscribed:  | 
None + Pending Out: subscribe:  | 
None + Pending Out: unsubscribe: push paulo none | unsubscribe maria
None + Pending Out: subscribed: push paulo none ask approved | 
None + Pending Out: unsubscribed:  | 
None + Pending In: subscribe: push paulo none ask | subscribe maria
None + Pending In: unsubscribe:  | 
None + Pending In: subscribed: push paulo from | subscribed maria, push maria to, available maria/here
None + Pending In: unsubscribed:  | unsubscribed maria, push maria none
None + Pending Out+In: subscribe:  | 
None + Pending Out+In: unsubscribe: push paulo none | unsubscribe maria
None + Pending Out+In: subscribed: push paulo from ask | subscribed maria, push maria to, available maria/here
None + Pending Out+In: unsubscribed:  | unsubscribed maria, push maria none
To: subscribe: available paulo/there | 
To: unsubscribe: push paulo none, unavailable paulo/there | unsubscribe maria, push maria none
To: subscribed: push paulo to approved | 
To: unsubscribed:  | 
To + Pending In: subscribe: available paulo/there | 
To + Pending In: unsubscribe: push paulo none, unavailable paulo/there | unsubscribe maria, push maria none ask
To + Pending In: subscribed: push paulo both | subscribed maria, push maria both, available maria/here
To + Pending In: unsubscribed:  | unsubscribed maria, push maria from
From: subscribe: push paulo from ask | subscribe maria
From: unsubscribe:  | 
From: subscribed:  | 
From: unsubscribed: push paulo none | unavailable maria/here, unsubscribed maria, push maria none
From + Pending Out: subscribe:  | 
From + Pending Out: unsubscribe: push paulo from | unsubscribe maria
From + Pending Out: subscribed:  | 
From + Pending Out: unsubscribed: push paulo none ask | unavailable maria/here, unsubscribed maria, push maria none
Both: subscribe: available paulo/there | 
Both: unsubscribe: push paulo from, unavailable paulo/there | unsubscribe maria, push maria to
Both: subscribed:  | 
Both: unsubscribed: push paulo to | unavailable maria/here, unsubscribed maria, push maria from";

#[test]
fn in_each_state_each_stanza() {
    let mut lines = Vec::new();
    for (state, way) in STATES {
        for verb in ["subscribe", "unsubscribe", "subscribed", "unsubscribed"] {
            let mut bench = Bench::new(1);
            let maria = online(&mut bench, "maria", "here");
            let paulo = online(&mut bench, "paulo", "there");
            for (who, verb) in way {
                let (seat, to) = if *who == "maria" { (maria, "paulo") } else { (paulo, "maria") };
                say(&mut bench, seat, verb, to);
            }
            bench.received(maria);
            bench.received(paulo);
            say(&mut bench, maria, verb, "paulo");
            let (hers, his) = (heard(&mut bench, maria).join(", "), heard(&mut bench, paulo).join(", "));
            lines.push(format!("{state}: {verb}: {hers} | {his}"));
        }
    }
    for (line, expect) in lines.iter().zip(HEARD.trim_start().lines()) {
        assert_eq!(line, expect);
    }
    assert_eq!(lines.len(), HEARD.trim_start().lines().count());
}

#[test]
fn a_request_waits_whole_until_it_is_answered() {
    let mut bench = Bench::new(1);
    bench.make_account("paulo", sim::bench::PASSWORD);
    let maria = online(&mut bench, "maria", "here");
    bench.send(
        maria,
        "<presence type='subscribe' to='paulo@jirani.example/none' id='q1'>\
         <status>It is me</status><nick xmlns='http://jabber.org/protocol/nick'>Mia</nick></presence>",
    );
    hears(&mut bench, maria, &["push paulo none ask"]);
    bench.crash();
    for _ in 0..2 {
        let paulo = bound(&mut bench, "paulo", "there");
        bench.send(paulo, "<presence/>");
        bench.expect(paulo, "<presence from='paulo@jirani.example/there'/>");
        bench.expect(
            paulo,
            "<presence type='subscribe' from='maria@jirani.example' to='paulo@jirani.example' id='q1'>\
             <status>It is me</status><nick xmlns='http://jabber.org/protocol/nick'>Mia</nick></presence>",
        );
        bench.send(paulo, "<presence><show>away</show></presence>");
        hears(&mut bench, paulo, &["available paulo/there"]);
        bench.disconnect(paulo);
        bench.run_until_idle();
    }
    let paulo = online(&mut bench, "paulo", "there");
    say(&mut bench, paulo, "unsubscribed", "maria");
    bench.received(paulo);
    bench.send(paulo, "<presence type='unavailable'/>");
    bench.send(paulo, "<presence/>");
    hears(&mut bench, paulo, &["unavailable paulo/there", "available paulo/there"]);
    let maria = bound(&mut bench, "maria", "here");
    assert_eq!(roster(&mut bench, maria), "roster paulo none");
}

#[test]
fn it_is_stamped_with_bare_addresses() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    for (seat, to, from, kind) in [
        (maria, "paulo/there", "maria", "subscribe"),
        (paulo, "maria/here", "paulo", "subscribed"),
        (maria, "paulo/else", "maria", "unsubscribe"),
    ] {
        let to_bare = to.split_once('/').unwrap().0;
        bench.send(seat, &format!("<presence type='{kind}' to='{}'/>", to.replace('/', "@jirani.example/")));
        let other = if seat == maria { paulo } else { maria };
        bench.run_until_idle();
        let stanza = bench.received(other).into_iter().find(|t| t.attr("type") == Some(kind)).expect("it is delivered");
        assert_eq!(stanza.attr("from"), Some(&*format!("{from}@jirani.example")));
        assert_eq!(stanza.attr("to"), Some(&*format!("{to_bare}@jirani.example")));
        bench.received(seat);
    }
}

#[test]
fn approval_before_the_request() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    say(&mut bench, paulo, "subscribed", "maria");
    hears(&mut bench, paulo, &["push maria none approved"]);
    hears(&mut bench, maria, &[]);
    say(&mut bench, maria, "subscribe", "paulo");
    hears(&mut bench, paulo, &["push maria from approved"]);
    hears(&mut bench, maria, &["push paulo none ask", "subscribed paulo", "push paulo to", "available paulo/there"]);
    say(&mut bench, paulo, "unsubscribed", "maria");
    hears(&mut bench, paulo, &["push maria none"]);
    bench.received(maria);
    say(&mut bench, maria, "subscribe", "paulo");
    hears(&mut bench, paulo, &["subscribe maria"]);
}

#[test]
fn approval_is_taken_back_and_survives_until_then() {
    let mut bench = Bench::new(1);
    let paulo = online(&mut bench, "paulo", "there");
    say(&mut bench, paulo, "subscribed", "maria");
    bench.crash();
    let paulo = online(&mut bench, "paulo", "there");
    assert_eq!(roster(&mut bench, paulo), "roster maria none approved");
    say(&mut bench, paulo, "unsubscribed", "maria");
    hears(&mut bench, paulo, &["push maria none"]);
}

#[test]
fn who_is_away_changes_all_the_same() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    befriend(&mut bench, ("maria", maria), ("paulo", paulo));
    bench.disconnect(maria);
    bench.run_until_idle();
    bench.received(paulo);
    say(&mut bench, paulo, "unsubscribe", "maria");
    say(&mut bench, paulo, "unsubscribed", "maria");
    bench.crash();
    let maria = bound(&mut bench, "maria", "here");
    assert_eq!(roster(&mut bench, maria), "roster paulo none");
    bench.send(maria, "<presence/>");
    hears(&mut bench, maria, &["available maria/here"]);
}

#[test]
fn nobody_subscribes_to_themselves_or_to_nobody() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    for kind in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
        say(&mut bench, maria, kind, "maria");
        bench.send(maria, &format!("<presence type='{kind}'/>"));
        hears(&mut bench, maria, &["error bad-request"]);
    }
    // Section 8.5.1: no word about who does not exist; her own list says that she waits.
    say(&mut bench, maria, "subscribe", "nobody");
    bench.send(maria, "<presence type='unsubscribe' to='nobody@jirani.example/there'/>");
    hears(&mut bench, maria, &["push nobody none ask", "push nobody none"]);
    bench.send(maria, "<presence type='subscribe' to='far@elsewhere.example'/>");
    hears(&mut bench, maria, &["error remote-server-not-found"]);
}

#[test]
fn what_is_not_durable_reaches_nobody() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    bench.fail_batch(1, StoreError::Full);
    say(&mut bench, maria, "subscribe", "paulo");
    hears(&mut bench, maria, &["error resource-constraint", "the stream ends"]);
    hears(&mut bench, paulo, &["the stream ends"]);
    let maria = bound(&mut bench, "maria", "here");
    assert_eq!(roster(&mut bench, maria), "roster ");
    let paulo = online(&mut bench, "paulo", "there");
    hears(&mut bench, paulo, &[]);
}

#[test]
fn a_subscription_is_acknowledged_when_it_is_durable() {
    let mut bench = Bench::new(1);
    bench.make_account("paulo", sim::bench::PASSWORD);
    let maria = bench.login_managed("maria", "here");
    bench.crash_at(sim::bench::CrashAt::BeforeBatch(1));
    bench.send(maria, "<presence type='subscribe' to='paulo@jirani.example'/>");
    bench.run_until_idle();
    assert_eq!((bench.crashes(), bench.client_of(maria).acknowledged().len()), (1, 1), "only the presence");
}

#[test]
fn requests_that_wait_are_limited() {
    let mut bench = Bench::new(1);
    bench.make_account("paulo", sim::bench::PASSWORD);
    for i in 0..REQUESTS_MAX + 3 {
        let asker = bound(&mut bench, &format!("m{i}"), "here");
        say(&mut bench, asker, "subscribe", "paulo");
        bench.disconnect(asker);
    }
    let paulo = bound(&mut bench, "paulo", "there");
    bench.send(paulo, "<presence/>");
    assert_eq!(heard(&mut bench, paulo).len(), 1 + REQUESTS_MAX);
    // There is room again when one is answered.
    say(&mut bench, paulo, "unsubscribed", "m0");
    let asker = bound(&mut bench, "late", "here");
    say(&mut bench, asker, "subscribe", "paulo");
    hears(&mut bench, paulo, &["subscribe late"]);
}

#[test]
fn a_request_is_no_letter() {
    for (bytes, taken) in [
        (REQUEST_BYTES_MAX - 1, true),
        (REQUEST_BYTES_MAX, true),
        (REQUEST_BYTES_MAX + 1, false),
        (10 * REQUEST_BYTES_MAX, false),
    ] {
        let mut bench = Bench::new(1);
        let maria = online(&mut bench, "maria", "here");
        let status = "x".repeat(bytes - "<status></status>".len());
        bench.send(
            maria,
            &format!("<presence type='subscribe' to='paulo@jirani.example'><status>{status}</status></presence>"),
        );
        let expect = if taken { "push paulo none ask" } else { "error policy-violation" };
        hears(&mut bench, maria, &[expect]);
    }
}

#[test]
fn one_person_asks_so_many_at_a_time() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    for i in 0..ROSTER_ASKS_MAX {
        bench.send(maria, &format!("<presence type='subscribe' to='p{i}@jirani.example'/>"));
    }
    assert!(heard(&mut bench, maria).iter().all(|word| word.starts_with("push")));
    for _ in 0..10 {
        say(&mut bench, maria, "subscribe", "more");
        hears(&mut bench, maria, &["error resource-constraint"]);
    }
    // Who was asked may be asked again, and who is not waited for makes room.
    say(&mut bench, maria, "subscribe", "p0");
    say(&mut bench, maria, "unsubscribe", "p1");
    say(&mut bench, maria, "subscribe", "more");
    hears(&mut bench, maria, &["push p1 none", "push more none ask"]);
}

#[test]
fn a_removed_contact_loses_all() {
    for (way, hers, his) in [
        (&[][..], "push paulo remove, result", ""),
        (&["m subscribe"], "push paulo remove, result", "unsubscribe maria"),
        (&["p subscribe"], "push paulo remove, result", "unsubscribed maria, push maria none"),
        (
            &["m subscribe", "p subscribed"],
            "push paulo remove, unavailable paulo/there, result",
            "unsubscribe maria, push maria none",
        ),
        (
            &["p subscribe", "m subscribed"],
            "push paulo remove, result",
            "unavailable maria/here, unsubscribed maria, push maria none",
        ),
        (
            &["m subscribe", "p subscribed", "p subscribe", "m subscribed"],
            "push paulo remove, unavailable paulo/there, result",
            "unavailable maria/here, unsubscribe maria, push maria to, unsubscribed maria, push maria none",
        ),
    ] {
        let mut bench = Bench::new(1);
        let maria = online(&mut bench, "maria", "here");
        let paulo = online(&mut bench, "paulo", "there");
        set(&mut bench, maria, "<item jid='paulo@jirani.example'/>");
        for step in way {
            let (who, kind) = step.split_once(' ').unwrap();
            let (seat, to) = if who == "m" { (maria, "paulo") } else { (paulo, "maria") };
            say(&mut bench, seat, kind, to);
        }
        bench.received(maria);
        bench.received(paulo);
        set(&mut bench, maria, "<item jid='paulo@jirani.example' subscription='remove'/>");
        assert_eq!(
            (heard(&mut bench, maria).join(", "), heard(&mut bench, paulo).join(", ")),
            (hers.into(), his.into())
        );
        bench.crash();
        let maria = bound(&mut bench, "maria", "here");
        assert_eq!(roster(&mut bench, maria), "roster ");
    }
}
