//! RFC 6121 section 2 through a whole node: the contact list is read, changed, pushed and kept.

mod common;

use base::limits::{ROSTER_GROUPS_MAX, ROSTER_ITEMS_MAX, ROSTER_NAME_BYTES_MAX};
use common::{bound, heard, hears, online, roster, set};
use sim::Bench;

/// What a roster set is answered with.
#[track_caller]
fn check(item: &str, expect: &[&str]) {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    set(&mut bench, maria, item);
    hears(&mut bench, maria, expect);
}

#[test]
fn a_set_is_taken_or_refused() {
    check("<item jid='paulo@jirani.example'/>", &["push paulo none", "result"]);
    check("<item jid='PAULO@Jirani.Example' name='Paulo'/>", &["push paulo Paulo none", "result"]);
    check(
        "<item jid='p@a.example' name=''><group>One</group><group>Two</group></item>",
        &["push p@a.example none [One] [Two]", "result"],
    );
    // Section 2.1.5: only subscription stanzas make a subscription.
    for word in ["both", "to", "foobar", "none"] {
        check(&format!("<item jid='p@a.example' subscription='{word}'/>"), &["push p@a.example none", "result"]);
    }
    check("<item jid='p@a.example' ask='subscribe' approved='true'/>", &["push p@a.example none", "result"]);
    for (refused, why) in [
        ("", "bad-request"),
        ("<item jid='a@a.example'/><item jid='b@a.example'/>", "bad-request"),
        ("<item/>", "bad-request"),
        ("<item jid='@'/>", "bad-request"),
        ("<thing jid='a@a.example'/>", "bad-request"),
        ("<item jid='a@a.example'><group>One</group><group>One</group></item>", "bad-request"),
        ("<item jid='a@a.example'><group/></item>", "not-acceptable"),
        ("<item jid='maria@jirani.example'/>", "not-allowed"),
        ("<item jid='a@a.example' subscription='remove'/>", "item-not-found"),
    ] {
        check(refused, &[&format!("error {why}")]);
    }
}

#[test]
fn names_and_groups_are_limited() {
    for (length, taken) in [
        (ROSTER_NAME_BYTES_MAX - 1, true),
        (ROSTER_NAME_BYTES_MAX, true),
        (ROSTER_NAME_BYTES_MAX + 1, false),
        (10 * ROSTER_NAME_BYTES_MAX, false),
    ] {
        let long = "x".repeat(length);
        for (item, push) in [
            (format!("<item jid='a@a.example' name='{long}'/>"), format!("push a@a.example {long} none")),
            (
                format!("<item jid='a@a.example'><group>{long}</group></item>"),
                format!("push a@a.example none [{long}]"),
            ),
        ] {
            if taken { check(&item, &[&push, "result"]) } else { check(&item, &["error not-acceptable"]) }
        }
    }
    for (count, taken) in [
        (ROSTER_GROUPS_MAX - 1, true),
        (ROSTER_GROUPS_MAX, true),
        (ROSTER_GROUPS_MAX + 1, false),
        (10 * ROSTER_GROUPS_MAX, false),
    ] {
        let groups: String = (0..count).map(|i| format!("<group>{i}</group>")).collect();
        let words: String = (0..count).map(|i| format!(" [{i}]")).collect();
        let item = format!("<item jid='a@a.example'>{groups}</item>");
        let push = format!("push a@a.example none{words}");
        if taken { check(&item, &[&push, "result"]) } else { check(&item, &["error not-acceptable"]) }
    }
}

#[test]
fn contacts_are_limited() {
    let mut bench = Bench::new(1);
    let maria = bound(&mut bench, "maria", "here");
    for i in 0..ROSTER_ITEMS_MAX {
        set(&mut bench, maria, &format!("<item jid='p{i}@a.example'/>"));
        if i % 100 == 0 {
            bench.run_until_idle();
        }
    }
    assert!(heard(&mut bench, maria).iter().all(|word| word == "result"));
    for _ in 0..10 {
        set(&mut bench, maria, "<item jid='more@a.example'/>");
        bench.send(maria, "<presence type='subscribe' to='more@jirani.example'/>");
        hears(&mut bench, maria, &["error resource-constraint", "error resource-constraint"]);
    }
    set(&mut bench, maria, "<item jid='p1@a.example' name='known'/>");
    set(&mut bench, maria, "<item jid='p2@a.example' subscription='remove'/>");
    set(&mut bench, maria, "<item jid='more@a.example'/>");
    hears(&mut bench, maria, &["result", "result", "result"]);
}

#[test]
fn only_who_has_the_list_is_told_of_changes() {
    let mut bench = Bench::new(1);
    let here = online(&mut bench, "maria", "here");
    let quiet = bound(&mut bench, "maria", "quiet");
    roster(&mut bench, quiet);
    let blind = bound(&mut bench, "maria", "blind");
    bench.send(blind, "<presence/>");
    for seat in [here, quiet, blind] {
        bench.received(seat);
    }
    set(&mut bench, blind, "<item jid='p@a.example'/>");
    hears(&mut bench, here, &["push p@a.example none"]);
    hears(&mut bench, quiet, &["push p@a.example none"]);
    hears(&mut bench, blind, &["result"]);
}

#[test]
fn versions_are_new_each_time_and_stable_between() {
    let mut bench = Bench::new(1);
    let maria = bound(&mut bench, "maria", "here");
    roster(&mut bench, maria);
    let mut seen = Vec::new();
    for item in [
        "<item jid='p@a.example'/>",
        "<item jid='p@a.example'/>",
        "<item jid='p@a.example' name='P'/>",
        "<item jid='p@a.example' subscription='remove'/>",
    ] {
        set(&mut bench, maria, item);
        let push = bench.received(maria).remove(0);
        let version = push.child("query").unwrap().attr("ver").expect("a push has a version").to_owned();
        assert!(!seen.contains(&version), "{version} twice");
        seen.push(version);
    }
    let newest = seen.pop().unwrap();
    for (version, expect) in [(newest, "result"), (seen.pop().unwrap(), "roster "), (String::new(), "roster ")] {
        bench.crash();
        let maria = bound(&mut bench, "maria", "here");
        bench.send(maria, &format!("<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='{version}'/></iq>"));
        hears(&mut bench, maria, &[expect]);
        // Also who was told nothing new is told what is new from now on.
        set(&mut bench, maria, "<item jid='p@a.example'/>");
        set(&mut bench, maria, "<item jid='p@a.example' subscription='remove'/>");
        let words = heard(&mut bench, maria);
        assert_eq!(words, ["push p@a.example none", "result", "push p@a.example remove", "result"]);
        if expect == "result" {
            bench.crash();
        }
    }
}

#[test]
fn nobody_has_to_do_with_the_list_of_another() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    for to in ["paulo", "nobody"] {
        for kind in ["get", "set"] {
            bench.send(
                maria,
                &format!(
                    "<iq type='{kind}' id='x' to='{to}@jirani.example'>\
                     <query xmlns='jabber:iq:roster'><item jid='evil@a.example'/></query></iq>"
                ),
            );
            hears(&mut bench, maria, &["error forbidden"]);
        }
    }
    hears(&mut bench, paulo, &[]);
    bench.send(maria, "<iq type='get' id='x' to='maria@jirani.example'><query xmlns='jabber:iq:roster'/></iq>");
    hears(&mut bench, maria, &["roster "]);
}

#[test]
fn the_list_survives() {
    let mut bench = Bench::new(1);
    let maria = bound(&mut bench, "maria", "here");
    set(&mut bench, maria, "<item jid='p@a.example' name='&lt;P&gt; &amp; Co'><group>A &lt; B</group></item>");
    hears(&mut bench, maria, &["result"]);
    bench.crash();
    let maria = bound(&mut bench, "maria", "here");
    assert_eq!(roster(&mut bench, maria), "roster p@a.example <P> & Co none [A < B]");
}
