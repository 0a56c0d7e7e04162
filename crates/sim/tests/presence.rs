//! RFC 6121 section 4 through a whole node: who sees whom, and when.

mod common;

use std::time::Duration;

use base::limits::{DIRECTED_PRESENCE_MAX, PRESENCE_BYTES_MAX, SESSION_OUTPUT_BYTES_MAX};
use common::{befriend, bound, heard, hears, online, say};
use sim::{Bench, Seat};

/// Two people who see each other, and one whom nobody sees.
fn people(bench: &mut Bench) -> (Seat, Seat, Seat) {
    let maria = online(bench, "maria", "here");
    let paulo = online(bench, "paulo", "there");
    let eva = online(bench, "eva", "else");
    befriend(bench, ("maria", maria), ("paulo", paulo));
    bench.received(eva);
    (maria, paulo, eva)
}

#[test]
fn contacts_see_each_other_come_change_and_go() {
    let mut bench = Bench::new(1);
    let (maria, paulo, eva) = people(&mut bench);
    bench.send(maria, "<presence id='p2'><show>away</show><status>Tea</status></presence>");
    hears(&mut bench, maria, &["available maria/here (Tea)"]);
    bench.expect(
        paulo,
        "<presence from='maria@jirani.example/here' to='paulo@jirani.example' id='p2'>\
         <show>away</show><status>Tea</status></presence>",
    );
    let phone = bound(&mut bench, "paulo", "phone");
    hears(&mut bench, phone, &[]);
    bench.send(phone, "<presence/>");
    hears(&mut bench, phone, &["available paulo/phone", "available paulo/there", "available maria/here (Tea)"]);
    hears(&mut bench, paulo, &["available paulo/phone"]);
    hears(&mut bench, maria, &["available paulo/phone"]);
    bench.send(phone, "<presence type='unavailable'><status>Bye</status></presence>");
    hears(&mut bench, phone, &["unavailable paulo/phone (Bye)"]);
    hears(&mut bench, paulo, &["unavailable paulo/phone (Bye)"]);
    hears(&mut bench, maria, &["unavailable paulo/phone (Bye)"]);
    bench.disconnect(phone);
    hears(&mut bench, maria, &[]);
    bench.cut(paulo);
    hears(&mut bench, maria, &["unavailable paulo/there"]);
    hears(&mut bench, eva, &[]);
}

#[test]
fn who_may_come_back_has_not_gone() {
    let mut bench = Bench::new(1);
    let (maria, paulo, _) = people(&mut bench);
    bench.disconnect(paulo);
    let paulo = bench.login_managed("paulo", "there");
    bench.received(maria);
    bench.cut(paulo);
    hears(&mut bench, maria, &[]);
    bench.pass(Duration::from_secs(301));
    hears(&mut bench, maria, &["unavailable paulo/there"]);
}

#[test]
fn one_side_sees_and_the_other_does_not() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    say(&mut bench, maria, "subscribe", "paulo");
    say(&mut bench, paulo, "subscribed", "maria");
    bench.received(maria);
    bench.received(paulo);
    for (seat, hers, his) in [
        (maria, &["available maria/here"][..], &[][..]),
        (paulo, &["available paulo/there"], &["available paulo/there"]),
    ] {
        bench.send(seat, "<presence/>");
        assert_eq!((heard(&mut bench, maria), heard(&mut bench, paulo)), (owned(hers), owned(his)));
    }
    // Whoever comes second learns of the first, if they may see them.
    for (who, other, expect) in [("maria", maria, 2), ("paulo", paulo, 1)] {
        bench.disconnect(other);
        bench.run_until_idle();
        let again = bound(&mut bench, who, "again");
        bench.send(again, "<presence/>");
        assert_eq!(heard(&mut bench, again).len(), expect, "{who}");
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn directed_presence_is_taken_back_when_its_author_goes() {
    let to = |kind: &str, to: &str| format!("<presence{kind} to='{to}'/>");
    for end in 0..3 {
        let mut bench = Bench::new(1);
        let (maria, paulo, eva) = people(&mut bench);
        bench.send(maria, &to("", "eva@jirani.example"));
        bench.send(maria, &to("", "eva@jirani.example/else"));
        bench.send(maria, &to("", "paulo@jirani.example/there"));
        bench.send(maria, &to("", "nobody@jirani.example"));
        hears(&mut bench, eva, &["available maria/here", "available maria/here"]);
        hears(&mut bench, paulo, &["available maria/here"]);
        bench.send(maria, "<presence><show>away</show></presence>");
        hears(&mut bench, eva, &[]);
        bench.send(maria, &to(" type='unavailable'", "eva@jirani.example/else"));
        hears(&mut bench, eva, &["unavailable maria/here"]);
        match end {
            0 => bench.send(maria, "<presence type='unavailable'/>"),
            1 => bench.disconnect(maria),
            _ => bench.cut(maria),
        }
        hears(&mut bench, eva, &["unavailable maria/here"]);
        let his = heard(&mut bench, paulo);
        assert_eq!(his, ["available maria/here", "unavailable maria/here"], "once, although he was told twice");
        bench.disconnect(maria);
        hears(&mut bench, eva, &[]);
    }
}

#[test]
fn who_is_not_available_can_show_themselves_to_one() {
    let mut bench = Bench::new(1);
    let (_, paulo, eva) = people(&mut bench);
    let maria = bound(&mut bench, "maria", "hidden");
    for name in ["paulo", "eva"] {
        bench.send(maria, &format!("<presence to='{name}@jirani.example'/>"));
    }
    bench.run_until_idle();
    bench.cut(maria);
    for seat in [paulo, eva] {
        hears(&mut bench, seat, &["available maria/hidden", "unavailable maria/hidden"]);
    }
}

#[test]
fn directed_presence_is_limited() {
    let mut bench = Bench::new(1);
    let maria = bound(&mut bench, "maria", "here");
    for i in 0..DIRECTED_PRESENCE_MAX {
        bench.send(maria, &format!("<presence to='p{i}@jirani.example'/>"));
    }
    hears(&mut bench, maria, &[]);
    for _ in 0..10 {
        bench.send(maria, "<presence to='more@jirani.example'/>");
        hears(&mut bench, maria, &["error resource-constraint"]);
    }
    bench.send(maria, "<presence to='p0@jirani.example'/>");
    bench.send(maria, "<presence type='unavailable' to='p0@jirani.example'/>");
    bench.send(maria, "<presence to='more@jirani.example'/>");
    hears(&mut bench, maria, &[]);
}

#[test]
fn it_goes_to_the_right_sessions() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let low = bound(&mut bench, "paulo", "low");
    bench.send(low, "<presence><priority>-1</priority></presence>");
    let high = bound(&mut bench, "paulo", "high");
    bench.send(high, "<presence><priority>5</priority></presence>");
    let mute = bound(&mut bench, "paulo", "mute");
    for (to, expect) in [
        ("", [1, 1, 0]),
        ("/low", [1, 0, 0]),
        // Section 8.5.3.1: a connected resource is enough.
        ("/mute", [0, 0, 1]),
        ("/none", [0, 0, 0]),
    ] {
        for kind in ["", " type='unavailable'", " type='error'"] {
            for seat in [low, high, mute] {
                bench.received(seat);
            }
            bench.send(maria, &format!("<presence{kind} to='paulo@jirani.example{to}'/>"));
            let came = [low, high, mute].map(|seat| {
                let came = bench.received(seat);
                // Section 8.5.2.1.2: the address stays as it is.
                assert!(came.iter().all(|t| t.attr("to") == Some(&*format!("paulo@jirani.example{to}"))));
                came.len()
            });
            assert_eq!(came, expect, "{to} {kind}");
        }
    }
    hears(&mut bench, maria, &[]);
}

#[test]
fn a_probe_is_answered_by_who_may_be_seen() {
    let mut bench = Bench::new(1);
    let (maria, paulo, eva) = people(&mut bench);
    let phone = bound(&mut bench, "paulo", "phone");
    bench.send(phone, "<presence><status>Out</status></presence>");
    for seat in [maria, paulo, eva] {
        bench.received(seat);
    }
    say(&mut bench, maria, "probe", "paulo");
    hears(&mut bench, maria, &["available paulo/there", "available paulo/phone (Out)"]);
    // A stranger hears the same of him as of nobody.
    for who in ["paulo", "nobody"] {
        say(&mut bench, eva, "probe", who);
        hears(&mut bench, eva, &[&format!("unsubscribed {who}")]);
    }
    say(&mut bench, eva, "probe", "eva");
    hears(&mut bench, eva, &["available eva/else"]);
    bench.disconnect(paulo);
    bench.disconnect(phone);
    bench.run_until_idle();
    bench.received(maria);
    say(&mut bench, maria, "probe", "paulo");
    hears(&mut bench, maria, &["unavailable paulo"]);
}

#[test]
fn priorities() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    for (priority, expect) in [
        ("127", "available maria/here"),
        ("-128", "available maria/here"),
        ("+1", "available maria/here"),
        ("128", "error bad-request"),
        ("-129", "error bad-request"),
        ("", "error bad-request"),
        ("high", "error bad-request"),
    ] {
        bench.send(maria, &format!("<presence><priority>{priority}</priority></presence>"));
        hears(&mut bench, maria, &[expect]);
    }
}

#[test]
fn an_error_is_never_answered() {
    let mut bench = Bench::new(1);
    let (maria, paulo, _) = people(&mut bench);
    for to in ["", " to='nobody@jirani.example'", " to='jirani.example'", " to='a@elsewhere.example'"] {
        bench.send(maria, &format!("<presence type='error'{to}/>"));
        hears(&mut bench, maria, &[]);
    }
    hears(&mut bench, paulo, &[]);
}

/// Nobody who does not read hurts the others, nor is hurt by what the others say: what finds no room is dropped.
#[test]
fn a_crowd_that_does_not_read_stays() {
    let mut bench = Bench::new(1);
    let hub = online(&mut bench, "hub", "x");
    let names: Vec<_> = (0..30).map(|i| format!("p{i}")).collect();
    let mut seats = Vec::new();
    for name in &names {
        let seat = online(&mut bench, name, "x");
        befriend(&mut bench, ("hub", hub), (name, seat));
        seats.push(seat);
    }
    for seat in &seats {
        bench.set_reads(*seat, false);
    }
    let status = "x".repeat(PRESENCE_BYTES_MAX - 100);
    let times = 2 * SESSION_OUTPUT_BYTES_MAX / PRESENCE_BYTES_MAX;
    for _ in 0..times {
        bench.send(hub, &format!("<presence><status>{status}</status></presence>"));
        bench.run_until_idle();
    }
    assert!(heard(&mut bench, hub).iter().all(|word| !word.starts_with("unavailable")));
    for seat in &seats {
        bench.set_reads(*seat, true);
        let came = heard(&mut bench, *seat).len();
        assert!((1..times / 2).contains(&came), "{came}");
    }
    bench.send(hub, "<presence><status>small</status></presence>");
    for seat in seats {
        hears(&mut bench, seat, &["available hub/x (small)"]);
    }
}
