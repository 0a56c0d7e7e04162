//! XEP-0174 section 5, attack case E09: who is let in, what is said when, and that crossing calls lose nothing.

use super::*;

const HIS: &str = "10.0.0.2:40000";

#[test]
fn we_call_and_wait_for_the_header() {
    let mut bench = Bench::with_romeo();
    assert_eq!(bench.say("romeo\\40forza", "1", "one &amp; two"), ["connect Out(1) 10.0.0.1 10.0.0.2:5298"]);
    assert_eq!(bench.give(Input::Connected { stream: OUT1 }), [format!("Out(1) {GREETING}")]);
    assert_eq!(bench.say("romeo\\40forza", "2", "three"), [""; 0], "E08: nothing but a header before theirs");
    let both = [format!("Out(1) {}", said("one &amp; two")), format!("Out(1) {}", said("three"))];
    assert_eq!(bench.bytes(OUT1, &header("romeo@forza", "lisa@laptop")), both);
    assert_eq!(bench.say("romeo\\40forza", "3", "four"), [format!("Out(1) {}", said("four"))]);
    assert_eq!(bench.bytes(OUT1, &message("five")), [heard(1, "five")], "one stream for both ways");
    bench.pass(2.0);
    assert_eq!(bench.bytes(OUT1, "</stream:stream>"), ["Out(1) </stream:stream>", "close Out(1)"]);
    assert_eq!(bench.say("romeo\\40forza", "4", "six"), ["connect Out(2) 10.0.0.1 10.0.0.2:5298"]);
}

#[test]
fn they_call() {
    let mut bench = Bench::with_romeo();
    assert_eq!(bench.call(1, HIS), [""; 0], "they say who they are first");
    let answer = bench.bytes(IN1, &(header("romeo@forza", "lisa@laptop") + &message("hi")));
    assert_eq!(answer, [format!("In(1) {GREETING}"), heard(1, "hi")]);
    assert_eq!(bench.say("romeo\\40forza", "1", "ho"), [format!("In(1) {}", said("ho"))]);
    // Features only for who has a version.
    let mut bench = Bench::with_romeo();
    bench.call(1, HIS);
    let versioned = header("romeo@forza", "lisa@laptop").replace("from=", "version='1.0' from=");
    assert_eq!(bench.bytes(IN1, &versioned), [format!("In(1) {GREETING}"), "In(1) <stream:features/>".into()]);
    assert_eq!(bench.bytes(IN1, "<stream:features/>"), [""; 0]);
}

#[test]
fn bytes_may_be_split_anywhere() {
    let text = header("romeo@forza", "lisa@laptop") + " \n" + &message("hi") + &message("é") + "</stream:stream>";
    let mut bench = Bench::with_romeo();
    bench.call(1, HIS);
    let whole = bench.bytes(IN1, &text);
    for piece in [1, 2, 3, 7, 100] {
        let mut bench = Bench::with_romeo();
        bench.call(1, HIS);
        let pieces = text.as_bytes().chunks(piece);
        let split: Vec<_> = pieces.flat_map(|bytes| bench.give(Input::Bytes { stream: IN1, bytes })).collect();
        assert_eq!(split, whole, "{piece}");
    }
}

#[track_caller]
fn identify(peers: &[(&str, &str)], from: Option<&str>, to: Option<&str>, first: &str, expect: Option<&str>) {
    let mut bench = Bench::new();
    for (instance, address) in peers {
        bench.meet(instance, &[address], &[]);
    }
    bench.call(1, HIS);
    let attribute = |name: &str, value: Option<&str>| value.map(|v| format!(" {name}='{v}'")).unwrap_or_default();
    let header = format!(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'{}{}>",
        attribute("from", from),
        attribute("to", to)
    );
    let got = bench.bytes(IN1, &(header + first)).join("\n") + &bench.pass(20.0).join("\n");
    match expect {
        Some(name) => assert!(got.contains(&format!("from='{name}@nearby.a.example")), "{got}"),
        None => assert!(got.contains("close In(1)") && !got.contains("<message"), "{got}"),
    }
}

#[test]
fn e09_who_is_who() {
    let hi = "<message from='benvolio@forza' to='x'><body>hi</body></message>";
    let romeo = [("romeo@forza", ROMEO)];
    let both = [("romeo@forza", ROMEO), ("benvolio@forza", "10.0.0.2:5299")];
    let elsewhere = [("romeo@forza", "10.0.0.3:5298")];
    let (lisa, known) = (Some("lisa@laptop"), Some("romeo\\40forza"));
    identify(&romeo, Some("romeo@forza"), lisa, hi, known);
    identify(&romeo, Some("romeo@forza"), None, hi, known);
    identify(&romeo, Some("romeo@forza"), Some("whoever"), hi, known);
    identify(&romeo, Some("romeo@forza/pda"), lisa, hi, known);
    identify(&romeo, Some("ROMEO@forza"), lisa, hi, None);
    identify(&romeo, Some("juliet@pronto"), lisa, hi, None);
    identify(&romeo, Some(""), lisa, hi, None);
    identify(&elsewhere, Some("romeo@forza"), lisa, hi, None);
    identify(&[], Some("romeo@forza"), lisa, hi, None);
    // Without a name: the only one there, or whom the first words are from.
    identify(&romeo, None, lisa, hi, known);
    identify(&both, None, lisa, hi, Some("benvolio\\40forza"));
    identify(&both, None, lisa, &hi.replace("benvolio", "tybalt"), None);
    identify(&both, None, lisa, "", None);
    identify(&elsewhere, None, lisa, hi, None);
    identify(&[], None, None, hi, None);
}

#[test]
fn e09_to_whom_a_call_is() {
    let mut bench = Bench::with_romeo();
    bench.stanza("<presence from='tom@a.example' to='nearby.a.example'/>");
    for (number, to, expect) in [(1, "lisa@laptop", "lisa"), (2, "tom@laptop", "tom"), (3, "juliet@laptop", "")] {
        bench.call(number, HIS);
        let got = bench.bytes(StreamId::In(number), &(header("romeo@forza", to) + &message("hi"))).join("\n");
        assert_eq!(got.contains(&format!("to='{expect}@a.example'")), !expect.is_empty(), "{got}");
    }
}

#[test]
fn e09_a_call_that_does_not_say_to_whom() {
    let to = |name: &str| message("hi").replace("to='lisa@laptop'", name);
    let vague = header("romeo@forza", "").replace(" to=\"\"", "");
    for (words, expect) in [
        (to("to='tom@laptop'"), Some("to='tom@a.example'")),
        (to("to='lisa@laptop/x'"), Some("to='lisa@a.example'")),
        (to("to='juliet@laptop'"), None),
        (to(""), None),
    ] {
        let mut bench = Bench::with_romeo();
        bench.stanza("<presence from='tom@a.example' to='nearby.a.example'/>");
        bench.call(1, HIS);
        let greeting = GREETING.replace("lisa@laptop", "");
        assert_eq!(bench.bytes(IN1, &vague), [format!("In(1) {greeting}")]);
        let got = bench.bytes(IN1, &words);
        match expect {
            Some(to) => assert!(got.len() == 1 && got[0].contains(to), "{got:?}"),
            None => assert_eq!(got.last().unwrap(), "close In(1)", "{got:?}"),
        }
    }
}

#[test]
fn a_call_may_come_before_the_announcement() {
    let mut bench = Bench::new();
    bench.call(1, HIS);
    assert_eq!(bench.bytes(IN1, &header("romeo@forza", "lisa@laptop")), ["ask"]);
    assert_eq!(bench.bytes(IN1, &message("hi")), [""; 0]);
    let seen = bench.see("romeo@forza", &[ROMEO], &[]);
    assert_eq!([&seen[0], &seen[2]], [&format!("In(1) {GREETING}"), &heard(1, "hi")]);
    assert!(seen[1].starts_with("<presence"), "{seen:?}");
    // Whoever stays unknown is turned away.
    let mut bench = Bench::new();
    bench.call(1, HIS);
    bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
    let turned = bench.pass(3.0);
    assert_eq!(turned, ["In(1) <stream:stream from='' to=''></stream:stream>", "close In(1)"]);
}

#[test]
fn crossing_calls_lose_nothing() {
    let his_header = header("romeo@forza", "lisa@laptop");
    let ours = format!("In(1) {GREETING}");
    let word = |stream: &str| format!("{stream} {}", said("hi"));
    // His call comes while ours is on its way: ours is dropped before it says a word.
    let mut bench = Bench::with_romeo();
    bench.say("romeo\\40forza", "1", "hi");
    bench.call(1, HIS);
    assert_eq!(bench.bytes(IN1, &his_header), [ours.clone(), "close Out(1)".into(), word("In(1)")]);
    assert_eq!(bench.bytes(IN1, &message("ho")), [heard(1, "ho")]);
    // His call is there when ours is made: ours waits until he has said who he is.
    let mut bench = Bench::with_romeo();
    bench.say("romeo\\40forza", "1", "hi");
    bench.call(1, HIS);
    assert_eq!(bench.give(Input::Connected { stream: OUT1 }), [""; 0]);
    assert_eq!(bench.bytes(IN1, &his_header), [ours.clone(), "close Out(1)".into(), word("In(1)")]);
    // His call is there when lisa speaks: none is made.
    let mut bench = Bench::with_romeo();
    bench.call(1, HIS);
    assert_eq!(bench.say("romeo\\40forza", "1", "hi"), [""; 0]);
    assert_eq!(bench.bytes(IN1, &his_header), [ours.clone(), word("In(1)")]);
    // He called and says nothing: ours goes on after a second.
    let mut bench = Bench::with_romeo();
    bench.call(1, HIS);
    bench.say("romeo\\40forza", "1", "hi");
    assert_eq!(bench.pass(1.0), ["connect Out(1) 10.0.0.1 10.0.0.2:5298"]);
    // Both headers are under way: lisa's word waits until it is known which stream he takes.
    for he_takes_ours in [true, false] {
        let mut bench = Bench::with_romeo();
        bench.say("romeo\\40forza", "1", "hi");
        bench.give(Input::Connected { stream: OUT1 });
        bench.call(1, HIS);
        assert_eq!(bench.bytes(IN1, &his_header), std::slice::from_ref(&ours));
        assert_eq!(bench.bytes(IN1, &message("ho")), [heard(1, "ho")], "he is heard on his");
        if he_takes_ours {
            let taken = bench.bytes(OUT1, &his_header);
            assert_eq!(taken, ["In(1) </stream:stream>".to_owned(), word("Out(1)")]);
            assert_eq!(bench.bytes(IN1, &message("late")), [heard(2, "late")], "what is on its way is heard");
            assert_eq!(bench.bytes(IN1, "</stream:stream>"), ["close In(1)"]);
        } else {
            assert_eq!(bench.end(OUT1, End::Closed), [word("In(1)")]);
        }
    }
    // A second call of his takes the place of the first.
    let mut bench = Bench::with_romeo();
    bench.call(1, HIS);
    bench.bytes(IN1, &his_header);
    bench.call(2, "10.0.0.2:40001");
    let second = bench.bytes(IN2, &his_header);
    assert_eq!(second, [format!("In(2) {GREETING}"), "In(1) </stream:stream>".into()]);
    assert_eq!(bench.say("romeo\\40forza", "1", "hi"), [word("In(2)")]);
    assert_eq!(bench.pass(5.0), ["close In(1)"]);
}

#[test]
fn what_cannot_be_handed_over_comes_back() {
    let lost = |id: &str, text: &str| {
        format!(
            "<message from='romeo\\40forza@nearby.a.example' to='lisa@a.example/x' id='{id}' type='error'>\
             <error type='wait'><recipient-unavailable/><text>{text}</text></error></message>"
        )
    };
    // Nobody answers at any address.
    let mut bench = Bench::with_romeo();
    bench.say("romeo\\40forza", "1", "hi");
    bench.end(OUT1, End::Failed);
    let gone = bench.end(StreamId::Out(2), End::Failed);
    assert_eq!(gone.last().unwrap(), &lost("1", "It was not delivered: they do not answer on the link."));
    // The stream breaks: what was written a moment ago may have been lost, what was long ago was not.
    let mut bench = Bench::with_romeo();
    bench.call(1, HIS);
    bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
    bench.say("romeo\\40forza", "1", "long ago");
    bench.pass(60.0);
    bench.say("romeo\\40forza", "2", "now");
    let broken = bench.end(IN1, End::Failed);
    assert_eq!(broken[0], lost("2", "The connection broke: it may not have arrived."));
    assert_eq!(broken.len(), 2, "{broken:?}");
    // They end it in order: what was on its way was not read.
    for ends in ["</stream:stream>", ""] {
        let mut bench = Bench::with_romeo();
        bench.call(1, HIS);
        bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
        bench.say("romeo\\40forza", "1", "read");
        bench.pass(1.5);
        bench.say("romeo\\40forza", "2", "not read");
        let ended = if ends.is_empty() { bench.end(IN1, End::Closed) } else { bench.bytes(IN1, ends) };
        let back = ended.iter().filter(|line| line.starts_with("<message"));
        assert_eq!(back.collect::<Vec<_>>(), [&lost("2", "The connection broke: it may not have arrived.")]);
    }
    // Nobody is there at all.
    let nobody = Bench::new().say("juliet\\40pronto", "1", "hi");
    assert_eq!(nobody.len(), 1);
    assert!(nobody[0].contains("<item-not-found/>") && nobody[0].contains("id='1' type='error'"), "{nobody:?}");
}

#[test]
fn what_else_comes_on_a_stream() {
    let mut bench = Bench::with_romeo();
    bench.call(1, HIS);
    bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
    let offer = "<iq to='lisa@laptop' from='romeo@forza' id='0' type='set'><si xmlns='http://jabber.org/protocol/si' id='0'/></iq>";
    let no = "In(1) <iq to='romeo@forza' from='lisa@laptop' id='0' type='error'><error code='403' type='cancel'>\
              <forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
    assert_eq!(bench.bytes(IN1, offer), [no]);
    for nothing in
        ["<presence/>", "<message type='chat'><body/></message>", "<x xmlns='y'/>", "<iq type='result' id='1'/>", " "]
    {
        assert_eq!(bench.bytes(IN1, nothing), [""; 0], "{nothing}");
    }
    let long = "x".repeat(100_000);
    assert_eq!(bench.bytes(IN1, &message(&long)), [heard(1, &long)]);
    // What is no XML ends this stream, and no other.
    bench.meet("benvolio@forza", &["10.0.0.2:5299"], &[]);
    bench.call(2, HIS);
    bench.bytes(IN2, &header("benvolio@forza", "lisa@laptop"));
    let broken = bench.bytes(IN1, "<message></presence>");
    assert!(broken[0].contains("not-well-formed"), "{broken:?}");
    assert_eq!(broken[1], "close In(1)");
    assert_eq!(bench.bytes(IN2, &message("hi")).len(), 1);
}

#[test]
fn a_header_is_said_once() {
    let mut bench = Bench::with_romeo();
    bench.see("alice", &[ROMEO], &[]);
    bench.call(1, HIS);
    let nameless = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    assert_eq!(bench.bytes(IN1, nameless), ["In(1) <stream:stream from='lisa@laptop' to=''>"]);
    let turned_away = bench.bytes(IN1, "<message from='juliet'><body>hi</body></message>");
    assert_eq!(turned_away, ["In(1) </stream:stream>", "close In(1)"]);
}

#[test]
fn who_calls_while_we_look_in_vain_is_there() {
    let mut bench = Bench::with_romeo();
    assert_eq!(bench.pass(75.0), ["connect Out(1) 10.0.0.1 10.0.0.2:5298"]);
    bench.call(1, HIS);
    bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
    assert_eq!(bench.end(OUT1, End::Failed), [""; 0]);
    assert_eq!(bench.bytes(IN1, &message("ho")), [heard(1, "ho")]);
}
