//! XEP-0174 for the accounts of a shard: the switch, what the link is told, and what is taken of it.

mod common;

use base::{Audience, Bare};
use sim::bench::{DOMAIN, Setup};
use sim::{Bench, Goal, Seat, Tree};
use wire::Form;
use xmpp::{Answer, Choice, Command, Standing};

const ROMEO: &str = r"romeo\40forza@nearby.jirani.example";

fn order(bench: &mut Bench, choice: Choice) -> Answer {
    let address = Bare::new(&format!("maria@{DOMAIN}")).unwrap();
    bench.command(Command::Choose { address, choice })
}

fn choose(bench: &mut Bench, choice: Choice) {
    let answer = order(bench, choice);
    assert!(matches!(answer, Answer::Done | Answer::Bonjour(_)), "{answer:?}");
}

/// What was said to the link since it was asked last.
fn said(bench: &mut Bench) -> Vec<String> {
    bench.run_until_idle();
    let line = |stanza: &wire::Stanza<'_>| {
        let mut out = Vec::new();
        stanza.emit(Form::Tcp, &mut out);
        String::from_utf8(out).unwrap()
    };
    bench.said_nearby().iter().map(line).collect()
}

/// Romeo's program says something, by the gateway.
fn romeo(bench: &mut Bench, name: &str, attributes: &str, inner: &str) {
    bench.nearby(&format!(
        "<{name} xmlns='jabber:client' from='{ROMEO}/bonjour' to='maria@{DOMAIN}' {attributes}>{inner}</{name}>"
    ));
}

/// What a client has heard of Romeo: the name of each stanza, its type, and its words.
fn heard(bench: &mut Bench, seat: Seat) -> Vec<(String, String, String)> {
    let of_romeo = |tree: &&Tree| tree.attr("from").is_some_and(|from| from.starts_with(ROMEO));
    let short = |tree: &Tree| {
        let words = format!("{}{}", tree.text_of("body"), tree.text_of("show"));
        (tree.name.clone(), tree.attr("type").unwrap_or_default().to_owned(), words)
    };
    bench.received(seat).iter().filter(of_romeo).map(short).collect()
}

fn one(name: &str, kind: &str, words: &str) -> Vec<(String, String, String)> {
    vec![(name.into(), kind.into(), words.into())]
}

const HERE: &str = "<presence from='maria@jirani.example' to='nearby.jirani.example'/>";
const GONE: &str = "<presence from='maria@jirani.example' to='nearby.jirani.example' type='unavailable'/>";

#[test]
fn who_switches_it_is_told_what_comes_of_it() {
    let switch = |bench: &mut Bench, on: bool, expect: Standing| {
        assert_eq!(order(bench, Choice::Bonjour(on)), Answer::Bonjour(expect));
    };
    let mut bench = Bench::new(1);
    bench.login("maria", "laptop");
    switch(&mut bench, true, Standing::On);
    choose(&mut bench, Choice::Audience(Audience::Yellow));
    switch(&mut bench, true, Standing::Unseen);
    switch(&mut bench, false, Standing::Off);
    let mut bench = Bench::set_up(1, Setup { links: false, ..Setup::default() });
    bench.login("maria", "laptop");
    switch(&mut bench, true, Standing::NoLinks);
    assert_eq!(said(&mut bench), [""; 0]);
    switch(&mut bench, false, Standing::Off);
}

#[test]
fn what_the_link_is_told_of_an_account() {
    let mut bench = Bench::new(1);
    let maria = bench.login("maria", "laptop");
    assert_eq!(said(&mut bench), [""; 0], "it is off");
    choose(&mut bench, Choice::Bonjour(true));
    assert_eq!(said(&mut bench), [HERE]);
    bench.send(
        maria,
        "<presence><show>away</show><status>lunch</status><priority>5</priority><x xmlns='y'/></presence>",
    );
    let inner = "<show>away</show><status>lunch</status>";
    let away = HERE.replace("/>", &format!(">{inner}</presence>"));
    assert_eq!(said(&mut bench), [&*away]);
    // The session with the highest priority counts.
    let phone = bench.login("maria", "phone");
    assert!(said(&mut bench).contains(&away));
    bench.disconnect(maria);
    assert_eq!(said(&mut bench).last().unwrap(), HERE);
    bench.disconnect(phone);
    assert_eq!(said(&mut bench), [GONE]);
    // It is remembered, and only for who lets everybody on the link see them.
    bench.crash();
    bench.connect(maria, Goal::Online);
    assert!(said(&mut bench).contains(&HERE.to_owned()));
    choose(&mut bench, Choice::Audience(Audience::Yellow));
    assert_eq!(said(&mut bench), [GONE]);
    choose(&mut bench, Choice::Bonjour(true));
    assert_eq!(said(&mut bench), [""; 0]);
    choose(&mut bench, Choice::Audience(Audience::All));
    assert_eq!(said(&mut bench), [HERE]);
    choose(&mut bench, Choice::Bonjour(false));
    assert_eq!(said(&mut bench), [GONE]);
    choose(&mut bench, Choice::Bonjour(false));
    assert_eq!(said(&mut bench), [""; 0]);
}

#[test]
fn words_both_ways() {
    let mut bench = Bench::new(2);
    let maria = bench.login_managed("maria", "laptop");
    let word = format!("<message to='{ROMEO}' type='chat' id='1'><body>hi</body></message>");
    let refused = |bench: &mut Bench| {
        bench.send(maria, &word);
        let heard = bench.received(maria);
        heard.iter().any(|tree| tree.attr("id") == Some("1") && tree.attr("type") == Some("error"))
    };
    assert!(refused(&mut bench), "it is off");
    choose(&mut bench, Choice::Bonjour(true));
    assert!(refused(&mut bench), "nobody is there");
    let nick = "<nick xmlns='http://jabber.org/protocol/nick'>Romeo</nick>";
    romeo(&mut bench, "presence", "", &format!("<show>away</show>{nick}"));
    let presence = bench.received(maria);
    assert_eq!(presence.iter().map(|tree| tree.text_of("show")).collect::<Vec<_>>(), ["away"]);
    assert!(presence[0].child("nick").is_none(), "the name is the list's (attack case D18)");
    said(&mut bench);
    assert!(!refused(&mut bench));
    let passed = said(&mut bench);
    assert!(passed.len() == 1 && passed[0].contains("<body>hi</body>"), "{passed:?}");
    romeo(&mut bench, "message", "type='chat' id='g-1'", "<body>ho</body><sent xmlns='urn:xmpp:carbons:2'/>");
    assert_eq!(heard(&mut bench, maria), one("message", "chat", "ho"));
    // What says nothing, and what nobody there understands.
    for (xml, bounced) in [
        (
            format!(
                "<message to='{ROMEO}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
            ),
            false,
        ),
        (format!("<presence to='{ROMEO}'/>"), false),
        (format!("<message to='{ROMEO}' type='groupchat' id='9'><body>x</body></message>"), true),
        (format!("<iq to='{ROMEO}' type='get' id='9'><query xmlns='jabber:iq:version'/></iq>"), true),
    ] {
        bench.send(maria, &xml);
        let answers = bench.received(maria);
        assert_eq!(answers.iter().any(|tree| tree.attr("type") == Some("error")), bounced, "{xml}");
        assert_eq!(said(&mut bench), [""; 0], "{xml}");
    }
    // Both are history.
    bench.send(maria, "<iq type='set' id='h'><query xmlns='urn:xmpp:mam:2'/></iq>");
    let kept = bench.received(maria);
    let message =
        |tree: &Tree| Some(tree.child("result")?.child("forwarded")?.child("message")?.text_of("body").to_owned());
    let kept: Vec<_> = kept.iter().filter_map(message).collect();
    assert_eq!(kept, ["hi", "ho"]);
    // Switched off, he is gone.
    choose(&mut bench, Choice::Bonjour(false));
    assert_eq!(heard(&mut bench, maria), one("presence", "unavailable", ""));
    romeo(&mut bench, "message", "type='chat'", "<body>still there?</body>");
    assert_eq!(heard(&mut bench, maria), []);
    let error = "<error type='wait'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let back = format!("from='{ROMEO}' to='maria@{DOMAIN}/laptop' type='error' id='1'");
    bench.nearby(&format!("<message xmlns='jabber:client' {back}>{error}</message>"));
    assert_eq!(heard(&mut bench, maria), one("message", "error", ""), "what was waiting comes back");
}

#[test]
fn only_the_link_is_believed_for_the_link() {
    let mut bench = Bench::new(3);
    let maria = bench.login("maria", "laptop");
    choose(&mut bench, Choice::Bonjour(true));
    for from in ["ana@jirani.example", "x@nearby.other.example", "nearby.jirani.example", "x@other.example"] {
        let xml = format!(
            "<message xmlns='jabber:client' from='{from}' to='maria@{DOMAIN}' type='chat'><body>psst</body></message>"
        );
        bench.nearby(&xml);
        let heard = bench.received(maria);
        assert!(heard.iter().all(|tree| tree.text_of("body") != "psst"), "{from}");
    }
    romeo(&mut bench, "iq", "type='set' id='1'", "<query xmlns='jabber:iq:roster'/>");
    romeo(&mut bench, "presence", "type='subscribe'", "");
    assert_eq!(heard(&mut bench, maria), []);
}

/// What a client shows of Romeo, as the roster's results and pushes have told it: subscription, name and whether it waits.
fn shown(bench: &mut Bench, seat: Seat) -> Vec<String> {
    let heard = bench.received(seat);
    let items = heard.iter().filter_map(|tree| tree.child("query")).flat_map(|query| &query.children);
    let attr = |item: &Tree, name: &str| item.attr(name).unwrap_or("-").to_owned();
    let of_romeo = |item: &&Tree| item.attr("jid") == Some(ROMEO);
    items.filter(of_romeo).map(|item| ["subscription", "ask", "name"].map(|name| attr(item, name)).join(" ")).collect()
}

/// Lists with the roster, with Romeo in reach.
fn maria_and_romeo(seed: u64) -> (Bench, Seat) {
    let mut bench = Bench::new(seed);
    let maria = bench.login("maria", "laptop");
    choose(&mut bench, Choice::Bonjour(true));
    bench.send(maria, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    bench.received(maria);
    romeo(&mut bench, "presence", "", "");
    assert_eq!(shown(&mut bench, maria), ["both - romeo\\40forza (not verified)"]);
    said(&mut bench);
    (bench, maria)
}

#[test]
fn who_is_renamed_stays_there() {
    let (mut bench, maria) = maria_and_romeo(4);
    bench.send(
        maria,
        &format!("<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='{ROMEO}' name='Ro'/></query></iq>"),
    );
    assert_eq!(shown(&mut bench, maria).last().unwrap(), "both - Ro");
    // The client has heard that he is a contact: now it hears how he is.
    let probe = format!("<presence from='maria@{DOMAIN}' to='{ROMEO}' type='probe'/>");
    assert_eq!(said(&mut bench), [&*probe]);
    romeo(&mut bench, "presence", "", "<show>away</show>");
    assert_eq!(heard(&mut bench, maria), one("presence", "", "away"));
    // Away he is a contact who is not there.
    romeo(&mut bench, "presence", "type='unavailable'", "");
    assert_eq!(heard(&mut bench, maria), one("presence", "unavailable", ""));
    bench.send(maria, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(shown(&mut bench, maria), ["both - Ro"]);
    // And is heard when he is back, by whoever logs in then.
    romeo(&mut bench, "presence", "", "<show>xa</show>");
    assert_eq!(heard(&mut bench, maria), one("presence", "", "xa"));
    let phone = bench.login("maria", "phone");
    assert!(said(&mut bench).iter().any(|xml| xml.contains("type='probe'")));
    romeo(&mut bench, "presence", "", "<show>dnd</show>");
    assert_eq!(heard(&mut bench, phone).last(), one("presence", "", "dnd").last());
}

#[test]
fn who_is_asked_there_has_answered() {
    let (mut bench, maria) = maria_and_romeo(5);
    bench.send(maria, &format!("<presence to='{ROMEO}' type='subscribe'/>"));
    assert_eq!(shown(&mut bench, maria).last().unwrap(), "to - -");
    // Also who is not there: nobody could say no.
    bench.send(maria, &format!("<presence to='x{ROMEO}' type='subscribe'/>"));
    let heard = bench.received(maria);
    assert!(heard.iter().any(|tree| tree.attr("type") == Some("subscribed")), "{heard:?}");
}

#[test]
fn who_is_hidden_and_written_to_is_shown_again() {
    let (mut bench, maria) = maria_and_romeo(6);
    let remove = format!("<item jid='{ROMEO}' subscription='remove'/>");
    bench.send(maria, &format!("<iq type='set' id='s'><query xmlns='jabber:iq:roster'>{remove}</query></iq>"));
    assert_eq!(shown(&mut bench, maria), ["remove - -"]);
    romeo(&mut bench, "message", "type='chat'", "<body>hello?</body>");
    assert_eq!(shown(&mut bench, maria), [""; 0]);
    bench.send(maria, &format!("<message to='{ROMEO}' type='chat'><body>hello</body></message>"));
    assert_eq!(shown(&mut bench, maria), ["both - romeo\\40forza (not verified)"]);
}
