//! Attack case A22: clients that do not read or never acknowledge, slow disks, and who pays for it. What others say ends
//! nobody's session: what is filed waits in the store, the rest comes back to its author.

mod common;

use std::time::Duration;

use base::limits::{
    CLIENT_BEHIND_TIME_MAX, CLIENT_LOOK_TIME, PRESENCE_BYTES_MAX, ROSTER_GROUPS_MAX, SESSION_FILED_BYTES_MAX,
    SESSION_OUTPUT_BYTES_MAX, SESSION_SHARE_BYTES_MAX,
};
use common::{bound, heard};
use sim::bench::Setup;
use sim::{Bench, Seat};

const LARGE: usize = 250_000;

fn chat(to: &str, id: usize, bytes: usize) -> String {
    let body = "x".repeat(bytes);
    format!("<message to='{to}@jirani.example' type='chat' id='{id}'><body>{body}</body></message>")
}

/// The ids of the messages that a client has heard since it was asked last, without errors.
#[track_caller]
fn ids(bench: &mut Bench, seat: Seat) -> Vec<usize> {
    let heard = bench.received(seat);
    let messages = heard.iter().filter(|t| t.name == "message" && t.attr("type") != Some("error"));
    messages.map(|t| t.attr("id").unwrap().parse().unwrap()).collect()
}

/// How many errors with this condition a client has heard since it was asked last.
#[track_caller]
fn refusals(bench: &mut Bench, seat: Seat) -> usize {
    heard(bench, seat).iter().filter(|words| *words == "error resource-constraint").count()
}

fn paulo(bench: &mut Bench, managed: bool) -> Seat {
    if managed { bench.login_managed("paulo", "phone") } else { bench.login("paulo", "phone") }
}

#[test]
fn many_large_messages_in_one_commit_come_all_and_in_order() {
    for (managed, archive) in [(false, true), (true, true), (true, false)] {
        let mut bench = Bench::set_up(1, Setup { archive, ..Setup::default() });
        let paulo = paulo(&mut bench, managed);
        let maria = bench.login("maria", "here");
        bench.setup.commit = Duration::from_secs(1)..=Duration::from_secs(1);
        for id in 0..40 {
            bench.send(maria, &chat("paulo", id, if id % 3 == 0 { LARGE } else { 10 }));
        }
        bench.pass(Duration::from_secs(60));
        assert!(!bench.client_of(paulo).is_away(), "managed: {managed}");
        assert_eq!(ids(&mut bench, paulo), (0..40).collect::<Vec<_>>(), "managed: {managed}, archive: {archive}");
        bench.pass(Duration::from_secs(5));
        assert!(bench.waiting("paulo").is_empty());
    }
}

#[test]
fn who_never_acknowledges_is_sent_no_more_and_loses_nothing() {
    let mut bench = Bench::new(2);
    let paulo = paulo(&mut bench, true);
    let maria = bench.login("maria", "here");
    bench.client_of(paulo).acknowledges = false;
    for id in 0..40 {
        bench.send(maria, &chat("paulo", id, LARGE));
        bench.run_until_idle();
    }
    let first = ids(&mut bench, paulo);
    assert_eq!(first, (0..=SESSION_FILED_BYTES_MAX / LARGE).collect::<Vec<_>>());
    assert!(!bench.client_of(paulo).is_away());
    assert!(!bench.waiting("paulo").is_empty());
    bench.client_of(paulo).acknowledges = true;
    bench.send(paulo, &format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", first.len() + 1));
    assert_eq!(ids(&mut bench, paulo), (first.len()..40).collect::<Vec<_>>());
    bench.pass(Duration::from_secs(2));
    assert!(bench.waiting("paulo").is_empty());
}

/// Who talks and acknowledges nothing is sent away in the end, and hears everything once when it is back. Who
/// acknowledges something now and then, or holds no more than it may, stays.
#[test]
fn who_never_acknowledges_is_sent_away_in_the_end() {
    for (bytes, acknowledges, stays) in [
        (SESSION_FILED_BYTES_MAX * 9 / 10, false, true),
        (SESSION_FILED_BYTES_MAX + LARGE, false, false),
        (SESSION_FILED_BYTES_MAX * 10, false, false),
        (SESSION_FILED_BYTES_MAX * 10, true, true),
    ] {
        let mut bench = Bench::new(10);
        let paulo = paulo(&mut bench, true);
        let maria = bench.login("maria", "here");
        bench.client_of(paulo).acknowledges = false;
        let count = bytes / LARGE;
        for id in 0..count {
            bench.send(maria, &chat("paulo", id, LARGE));
            bench.run_until_idle();
        }
        let first = ids(&mut bench, paulo).len();
        let minutes = (CLIENT_BEHIND_TIME_MAX + CLIENT_LOOK_TIME * 2).as_secs() / 60;
        for minute in 0..minutes {
            assert!(minute >= CLIENT_BEHIND_TIME_MAX.as_secs() / 60 || !bench.client_of(paulo).is_away(), "{bytes}");
            if acknowledges && minute == minutes / 2 {
                bench.send(paulo, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
            }
            bench.send(paulo, "<iq type='result' id='here'/>");
            bench.pass(Duration::from_secs(60));
        }
        assert_eq!(!bench.client_of(paulo).is_away(), stays, "{bytes}");
        if !stays {
            let last = bench.received(paulo).pop().unwrap();
            assert!(last.is("error", "http://etherx.jabber.org/streams"), "{last}");
            assert!(last.child("policy-violation").is_some(), "{last}");
            assert!(!bench.waiting("paulo").is_empty(), "what it was sent waits again");
            bench.client_of(paulo).forget_session();
            bench.client_of(paulo).acknowledges = true;
            bench.connect(paulo, sim::Goal::Online);
            assert_eq!(ids(&mut bench, paulo), (0..count).collect::<Vec<_>>(), "each once, of which it had {first}");
            bench.pass(Duration::from_secs(2));
            assert!(bench.waiting("paulo").is_empty());
        }
    }
}

/// The same for a client without XEP-0198 that does not read.
#[test]
fn who_does_not_read_is_sent_no_more_and_loses_nothing() {
    for archive in [true, false] {
        let mut bench = Bench::set_up(3, Setup { archive, ..Setup::default() });
        let paulo = paulo(&mut bench, false);
        let maria = bench.login("maria", "here");
        bench.set_reads(paulo, false);
        for id in 0..40 {
            bench.send(maria, &chat("paulo", id, LARGE));
            bench.run_until_idle();
        }
        bench.set_reads(paulo, true);
        assert!(!bench.client_of(paulo).is_away());
        assert_eq!(ids(&mut bench, paulo), (0..40).collect::<Vec<_>>(), "archive: {archive}");
    }
}

/// One of two clients of a person does not read: the other one hears everything.
#[test]
fn who_lags_does_not_hold_up_the_others() {
    let mut bench = Bench::new(4);
    let (phone, laptop) = (paulo(&mut bench, true), bench.login("paulo", "laptop"));
    let maria = bench.login("maria", "here");
    bench.received(phone);
    bench.client_of(phone).acknowledges = false;
    for id in 0..40 {
        bench.send(maria, &chat("paulo", id, LARGE));
        bench.run_until_idle();
    }
    assert_eq!(ids(&mut bench, laptop), (0..40).collect::<Vec<_>>());
    assert!(!bench.client_of(phone).is_away());
    bench.pass(Duration::from_secs(2));
    assert!(bench.waiting("paulo").is_empty());
}

/// What is not filed comes back when it finds no room: requests and words to one client.
#[test]
fn what_others_may_send_at_once_is_limited() {
    let piece = SESSION_SHARE_BYTES_MAX / 32;
    for (pieces, rest) in [(31, piece - 1000), (32, 0), (32, 1), (320, 0)] {
        for managed in [false, true] {
            let mut bench = Bench::new(5);
            let paulo = paulo(&mut bench, managed);
            let maria = bench.login("maria", "here");
            bench.client_of(paulo).acknowledges = false;
            bench.set_reads(paulo, false);
            let mut sent = 0;
            for bytes in std::iter::repeat_n(piece, pieces).chain([rest].into_iter().filter(|rest| *rest > 0)) {
                let inner = format!("<a xmlns='b'>{}</a>", "x".repeat(bytes.max(300) - 300));
                bench.send(maria, &format!("<iq type='get' id='{sent}' to='paulo@jirani.example/phone'>{inner}</iq>"));
                bench.run_until_idle();
                sent += 1;
            }
            let refused = refusals(&mut bench, maria);
            bench.set_reads(paulo, true);
            assert!(!bench.client_of(paulo).is_away(), "nobody is disconnected for what somebody else says");
            let came = bench.received(paulo).iter().filter(|t| t.name == "iq").count();
            assert_eq!(came + refused, sent, "nothing is lost without a word");
            assert!(came.abs_diff(sent.min(32)) <= 1, "{came} of {sent}");
        }
    }
}

/// Who asks for more than they acknowledge is disconnected. Each answer gives back an id of a thousand bytes.
#[test]
fn what_a_client_causes_itself_is_limited() {
    let ask = format!("<iq type='get' id='{}'><nothing xmlns='n'/></iq>", "i".repeat(1000));
    for (answers, stays) in [(SESSION_OUTPUT_BYTES_MAX / 2000, true), (SESSION_OUTPUT_BYTES_MAX / 1000, false)] {
        let mut bench = Bench::new(6);
        let paulo = paulo(&mut bench, true);
        bench.client_of(paulo).acknowledges = false;
        for _ in 0..answers / 10 {
            bench.send(paulo, &ask.repeat(10));
            bench.run_until_idle();
        }
        assert_eq!(!bench.client_of(paulo).is_away(), stays, "{answers}");
    }
}

#[test]
fn presence_is_limited() {
    for (bytes, passes) in [
        (PRESENCE_BYTES_MAX - 1, true),
        (PRESENCE_BYTES_MAX, true),
        (PRESENCE_BYTES_MAX + 1, false),
        (PRESENCE_BYTES_MAX * 10, false),
    ] {
        for to in ["", " to='paulo@jirani.example'"] {
            let mut bench = Bench::new(7);
            bench.make_account("paulo", sim::bench::PASSWORD);
            let maria = bound(&mut bench, "maria", "here");
            let status = "x".repeat(bytes - "<status></status>".len());
            bench.send(maria, &format!("<presence{to}><status>{status}</status></presence>"));
            let refused = heard(&mut bench, maria).contains(&"error policy-violation".to_owned());
            assert_eq!(refused, !passes, "{bytes}{to}");
        }
    }
}

/// What is said to a resource that takes no messages of others comes there, also while the others are brought theirs.
#[test]
fn a_resource_apart_is_sent_its_own_while_messages_are_brought() {
    let mut bench = Bench::new(8);
    let maria = bench.login("maria", "here");
    let (phone, laptop) = (bound(&mut bench, "paulo", "phone"), bound(&mut bench, "paulo", "laptop"));
    bench.send(laptop, "<presence><priority>-1</priority></presence>");
    bench.run_until_idle();
    for id in 0..150 {
        bench.send(maria, &chat("paulo", id, 1));
    }
    bench.received(laptop);
    bench.setup.answer = Duration::from_millis(100)..=Duration::from_millis(100);
    bench.send(phone, "<presence/>");
    bench.pass(Duration::from_millis(20));
    bench.send(maria, &chat("paulo", 150, 1).replace("@jirani.example", "@jirani.example/laptop"));
    bench.send(maria, &chat("paulo", 151, 1));
    assert_eq!(ids(&mut bench, laptop), [150]);
    let all: Vec<usize> = (0..150).chain([151]).collect();
    assert_eq!(ids(&mut bench, phone), all);
    bench.pass(Duration::from_secs(2));
    assert!(bench.waiting("paulo").is_empty());
}

/// The largest contact list there can be is one answer, and comes whole.
#[test]
fn a_contact_list_as_large_as_may_be_comes_whole() {
    let mut bench = Bench::new(9);
    let paulo = paulo(&mut bench, true);
    let groups: String =
        (10..10 + ROSTER_GROUPS_MAX).map(|n| format!("<group>{n}{}</group>", "g".repeat(1000))).collect();
    let (mut taken, mut refused) = (0, 0);
    for n in 0..40 {
        let item = format!("<item jid='p{n}@a.example'>{groups}</item>");
        bench.send(paulo, &format!("<iq type='set' id='s'><query xmlns='jabber:iq:roster'>{item}</query></iq>"));
        match heard(&mut bench, paulo).pop().unwrap().as_str() {
            "result" => taken += 1,
            "error resource-constraint" => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((taken, refused), (32, 8));
    bench.crash();
    bench.run_until_idle();
    bench.connect(paulo, sim::Goal::Online);
    bench.received(paulo);
    bench.send(paulo, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let list = bench.received(paulo).remove(0);
    assert_eq!(list.child("query").unwrap().children.len(), taken);
    assert!(!bench.client_of(paulo).is_away());
}
