//! RFC 6121 sections 8.5.1 to 8.5.3 through a whole node, as tables: who gets what, and what its author hears, for every
//! kind of stanza and every mix of priorities. The public interoperability suite looks at the same.

mod common;

use common::{bound, heard, hears, online, roster, say, set};
use sim::{Bench, Seat};

const UNKNOWN: &str = "<test xmlns='urn:example:unknown'>x</test>";
const ROSTER: &str = "<query xmlns='jabber:iq:roster'/>";
const MARK: &str = "<mark xmlns='urn:example:mark'/>";

/// The priorities of a person's resources.
const MIXES: [&[i8]; 13] = [
    &[],
    &[1],
    &[0],
    &[-1],
    &[1, 1, 1],
    &[1, 1, -1, 1],
    &[3, 1, 2],
    &[1, 2, -1, 3],
    &[0, 0, 0],
    &[0, 0, -1, 0],
    &[3, 1, 0],
    &[1, 0, -1, 3],
    &[-1, -1, -1],
];

/// Who of the resources a stanza reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Each.
    All,
    /// Each whose priority is not negative.
    Open,
    /// None.
    Nobody,
}

/// Maria, and Paulo's resources with these priorities. Each hears its own presence: a client may wait for that.
fn people(mix: &[i8]) -> (Bench, Seat, Vec<Seat>) {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    bench.make_account("paulo", "secret");
    let paulo: Vec<Seat> = (0..mix.len()).map(|n| bound(&mut bench, "paulo", &format!("r{n}"))).collect();
    for (seat, priority) in paulo.iter().zip(mix) {
        bench.send(*seat, &format!("<presence id='p'><priority>{priority}</priority></presence>"));
        assert!(bench.received(*seat).iter().any(|tree| tree.attr("id") == Some("p")), "its own presence");
    }
    for seat in &paulo {
        bench.received(*seat);
    }
    (bench, maria, paulo)
}

/// For each mix: the stanza goes to `paulo@jirani.example{to}`, reaches whom it should with that address, and Maria hears
/// `answer`; `no_one_open` if no resource has a priority that is not negative.
#[track_caller]
fn check(stanza: &str, to: &str, reach: Reach, answer: &[&str], no_one_open: &[&str]) {
    let to = format!("paulo@jirani.example{to}");
    for mix in MIXES {
        let (mut bench, maria, paulo) = people(mix);
        bench.send(maria, &stanza.replacen("to=''", &format!("to='{to}'"), 1));
        bench.run_until_idle();
        let open = mix.iter().any(|priority| *priority >= 0);
        hears(&mut bench, maria, if open { answer } else { no_one_open });
        for (seat, priority) in paulo.iter().zip(mix) {
            let came = bench.received(*seat);
            let expect = match reach {
                Reach::All => true,
                Reach::Open => *priority >= 0,
                Reach::Nobody => false,
            };
            assert_eq!(came.len(), usize::from(expect), "{stanza} to {to} at {priority} of {mix:?}");
            assert!(came.iter().all(|tree| tree.attr("to") == Some(&to)), "the address stays as it is");
        }
    }
}

fn message(kind: &str) -> String {
    format!("<message type='{kind}' to='' id='m'><body>hi</body></message>")
}

const UNAVAILABLE: &[&str] = &["error service-unavailable"];

#[test]
fn messages_to_a_person() {
    for (kind, reach, answer, no_one_open) in [
        ("normal", Reach::Open, &[][..], &[][..]),
        ("chat", Reach::Open, &[], &[]),
        ("headline", Reach::Open, &[], &[]),
        ("groupchat", Reach::Nobody, UNAVAILABLE, UNAVAILABLE),
        ("error", Reach::Nobody, &[], &[]),
    ] {
        check(&message(kind), "", reach, answer, no_one_open);
    }
}

#[test]
fn messages_to_a_resource_that_is_not_there() {
    for (kind, reach, answer, no_one_open) in [
        ("chat", Reach::Open, &[][..], &[][..]),
        ("normal", Reach::Nobody, UNAVAILABLE, UNAVAILABLE),
        ("headline", Reach::Nobody, UNAVAILABLE, UNAVAILABLE),
        ("groupchat", Reach::Nobody, UNAVAILABLE, UNAVAILABLE),
        ("error", Reach::Nobody, &[], &[]),
    ] {
        check(&message(kind), "/none", reach, answer, no_one_open);
    }
}

#[test]
fn presence_to_a_person_or_to_a_resource_that_is_not_there() {
    for (to, reach) in [("", Reach::All), ("/none", Reach::Nobody)] {
        for kind in ["", "type='unavailable' "] {
            check(&format!("<presence {kind}to=''>{MARK}</presence>"), to, reach, &[], &[]);
        }
    }
    // About a subscription that there is not. Only the author's own list may change.
    for (kind, push) in [("subscribed", &["push paulo none approved"][..]), ("unsubscribe", &[]), ("unsubscribed", &[])]
    {
        check(&format!("<presence type='{kind}' to=''>{MARK}</presence>"), "/none", Reach::Nobody, push, push);
    }
}

#[test]
fn requests_to_a_person_or_to_a_resource_that_is_not_there() {
    for kind in ["get", "set"] {
        for (payload, to, answer) in [
            (UNKNOWN, "", UNAVAILABLE),
            (UNKNOWN, "/none", UNAVAILABLE),
            (ROSTER, "", &["error forbidden"]),
            (ROSTER, "/none", UNAVAILABLE),
        ] {
            check(&format!("<iq type='{kind}' to='' id='q'>{payload}</iq>"), to, Reach::Nobody, answer, answer);
        }
    }
}

#[test]
fn a_resource_that_is_there_gets_what_is_for_it() {
    let error = "<error type='cancel'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let mut stanzas: Vec<String> = ["normal", "chat", "headline", "groupchat", "error"].map(message).into();
    stanzas.extend(["", "type='unavailable' "].map(|kind| format!("<presence {kind}to='' id='m'/>")));
    for payload in [UNKNOWN, ROSTER] {
        stanzas.push(format!("<iq type='result' to='' id='m'>{payload}</iq>"));
        stanzas.push(format!("<iq type='error' to='' id='m'>{payload}{error}</iq>"));
    }
    stanzas.extend(["get", "set"].map(|kind| format!("<iq type='{kind}' to='' id='m'>{UNKNOWN}</iq>")));
    for stanza in stanzas {
        for mix in MIXES.into_iter().filter(|mix| !mix.is_empty()) {
            let (mut bench, maria, paulo) = people(mix);
            for (n, seat) in paulo.iter().enumerate() {
                bench.send(maria, &stanza.replacen("to=''", &format!("to='paulo@jirani.example/r{n}'"), 1));
                let came = bench.received(*seat);
                assert_eq!(came.len(), 1, "{stanza} to {n} of {mix:?}");
                assert_eq!(came[0].attr("id"), Some("m"));
                assert_eq!(came[0].attr("from"), Some("maria@jirani.example/here"));
            }
            for seat in paulo {
                hears(&mut bench, seat, &[]);
            }
            hears(&mut bench, maria, &[]);
        }
    }
}

/// The author of a stanza to who does not exist hears this.
#[track_caller]
fn check_nobody(stanza: &str, answer: &[&str]) {
    for to in ["nobody@jirani.example", "nobody@jirani.example/none"] {
        let mut bench = Bench::new(1);
        let maria = bound(&mut bench, "maria", "here");
        bench.send(maria, &stanza.replacen("to=''", &format!("to='{to}'"), 1));
        hears(&mut bench, maria, answer);
    }
}

#[test]
fn there_is_no_such_person() {
    for kind in ["get", "set"] {
        for payload in [UNKNOWN, "<ping xmlns='urn:xmpp:ping'/>"] {
            check_nobody(&format!("<iq type='{kind}' to='' id='q'>{payload}</iq>"), UNAVAILABLE);
        }
    }
    for kind in ["normal", "chat", "headline", "groupchat"] {
        check_nobody(&message(kind), UNAVAILABLE);
    }
    check_nobody(&message("error"), &[]);
    for kind in ["unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "error"] {
        check_nobody(&format!("<presence type='{kind}' to=''/>"), &[]);
    }
    check_nobody("<presence to=''/>", &[]);
    check_nobody("<presence type='probe' to=''/>", &["unsubscribed nobody"]);
}

/// Section 3.4: who was allowed beforehand and is taken from the list asks like anybody else.
#[test]
fn an_approval_goes_with_the_contact() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    say(&mut bench, maria, "subscribed", "paulo");
    hears(&mut bench, maria, &["push paulo none approved"]);
    set(&mut bench, maria, "<item jid='paulo@jirani.example' subscription='remove'/>");
    hears(&mut bench, maria, &["push paulo remove", "result"]);
    say(&mut bench, paulo, "subscribe", "maria");
    hears(&mut bench, maria, &["subscribe paulo"]);
    hears(&mut bench, paulo, &["push maria none ask"]);
}

/// A contact hears of their removal before the one who removed them hears that it is done: nothing of it comes later, into
/// what they do next.
#[test]
fn who_is_removed_hears_of_it_at_once() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    common::befriend(&mut bench, ("maria", maria), ("paulo", paulo));
    set(&mut bench, maria, "<item jid='paulo@jirani.example' subscription='remove'/>");
    assert_eq!(heard(&mut bench, maria).last().map(String::as_str), Some("result"));
    let his = heard(&mut bench, paulo);
    for word in ["unavailable maria/here", "unsubscribe maria", "unsubscribed maria", "push maria none"] {
        assert!(his.iter().any(|heard| heard == word), "{word} of {his:?}");
    }
    assert_eq!(roster(&mut bench, paulo), "roster maria none");
}
