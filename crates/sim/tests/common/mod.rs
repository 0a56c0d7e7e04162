//! What the tests of contacts share: stanzas in a few words each, so that a test can list all that is heard.

#![allow(dead_code, reason = "each test file takes what it needs")]

use sim::bench::{DOMAIN, login};
use sim::{Bench, Goal, Login, Seat, Tree};

/// A stanza in a few words: `subscribe paulo`, `push paulo both`, `chat paulo/phone`.
pub(crate) fn words(tree: &Tree) -> String {
    let short = |jid: &str| jid.replace(&format!("@{DOMAIN}"), "");
    let from = tree.attr("from").map(short).unwrap_or_default();
    let kind = tree.attr("type").unwrap_or("available");
    let query = tree.child("query").filter(|query| query.namespace == "jabber:iq:roster");
    match (tree.name.as_str(), query) {
        ("iq", Some(query)) if kind == "set" => {
            format!("push {}", query.children.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        ("iq", Some(query)) if kind == "result" => {
            format!("roster {}", query.children.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        ("error", _) => "the stream ends".into(),
        (_, _) if kind == "error" => {
            let error = tree.child("error").expect("an error says which");
            format!("error {}", error.children[0].name)
        }
        ("iq", _) => kind.into(),
        ("presence", _) => match tree.text_of("status") {
            "" => format!("{kind} {from}"),
            status => format!("{kind} {from} ({status})"),
        },
        _ => format!("{} {from} ({})", tree.name, tree.text_of("body")),
    }
}

fn item(item: &Tree) -> String {
    let mut words = item.attr("jid").expect("an item has an address").replace(&format!("@{DOMAIN}"), "");
    for word in [item.attr("name"), item.attr("subscription")].into_iter().flatten() {
        words = format!("{words} {word}");
    }
    for (name, word) in [("ask", "ask"), ("approved", "approved")] {
        if item.attr(name).is_some() {
            words = format!("{words} {word}");
        }
    }
    for group in &item.children {
        words = format!("{words} [{}]", group.text);
    }
    words
}

/// All that a client has heard since it was asked last.
#[track_caller]
pub(crate) fn heard(bench: &mut Bench, seat: Seat) -> Vec<String> {
    bench.received(seat).iter().map(words).collect()
}

/// A client has heard this, in this order, and nothing else.
#[track_caller]
pub(crate) fn hears(bench: &mut Bench, seat: Seat, expect: &[&str]) {
    assert_eq!(heard(bench, seat), expect);
}

/// A client says a presence of this type to an account, and all is done that comes of it.
#[track_caller]
pub(crate) fn say(bench: &mut Bench, seat: Seat, kind: &str, to: &str) {
    bench.send(seat, &format!("<presence type='{kind}' to='{to}@{DOMAIN}'/>"));
    bench.run_until_idle();
}

/// A client asks for its contacts: from now on it is told of changes.
#[track_caller]
pub(crate) fn roster(bench: &mut Bench, seat: Seat) -> String {
    bench.send(seat, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    heard(bench, seat).pop().expect("a roster")
}

/// A client changes a contact.
pub(crate) fn set(bench: &mut Bench, seat: Seat, item: &str) {
    bench.send(seat, &format!("<iq type='set' id='s'><query xmlns='jabber:iq:roster'>{item}</query></iq>"));
}

/// A client of an account that has asked for its contacts, and is available.
#[track_caller]
pub(crate) fn online(bench: &mut Bench, account: &str, resource: &str) -> Seat {
    let seat = bound(bench, account, resource);
    roster(bench, seat);
    bench.send(seat, "<presence/>");
    bench.received(seat);
    seat
}

/// A client of an account that has said nothing yet.
#[track_caller]
pub(crate) fn bound(bench: &mut Bench, account: &str, resource: &str) -> Seat {
    let seat = bench.client(Login { resource: Some(resource.into()), presence: None, ..login(account) });
    bench.connect(seat, Goal::Online);
    seat
}

/// Lets each of two people see the other.
#[track_caller]
pub(crate) fn befriend(bench: &mut Bench, one: (&str, Seat), other: (&str, Seat)) {
    for (asks, allows) in [(one, other), (other, one)] {
        say(bench, asks.1, "subscribe", allows.0);
        say(bench, allows.1, "subscribed", asks.0);
    }
    bench.received(one.1);
    bench.received(other.1);
}
