//! XEP-0174 section 4, attack cases E04, E07 and E08: who is shown, and for how long.

use super::*;

const THERE: &str =
    "<presence from='romeo\\40forza@nearby.a.example/bonjour' to='lisa@a.example'><nick>romeo@forza</nick></presence>";
const GONE: &str = "<presence from='romeo\\40forza@nearby.a.example/bonjour' to='lisa@a.example' type='unavailable'/>";
const LOOK: &str = "connect Out(1) 10.0.0.1 10.0.0.2:5298";

fn gone(bench: &mut Bench) -> Vec<String> {
    bench.give(Input::Gone { network: NETWORK, instance: "romeo@forza" })
}

#[test]
fn somebody_comes_and_changes() {
    let mut bench = Bench::new();
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &[]), [LOOK], "made up, perhaps");
    assert_eq!(bench.give(Input::Connected { stream: OUT1 }), ["close Out(1)", THERE], "at once");
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &["jid=lisa@a.example", "vc=!"]), [""; 0], "E07: a jid is nothing");
    let txt = ["status=dnd", "msg=back soon", "nick=Romeo", "node=libpurple"];
    bench.pass(2.0);
    let changed = bench.see("romeo@forza", &[ROMEO], &txt);
    let inner = "<show>away</show><status>back soon</status><nick>Romeo</nick>";
    assert_eq!(changed, [THERE.replace("<nick>romeo@forza</nick>", inner)]);
    let left = bench.give(Input::Left { network: NETWORK });
    assert_eq!(left, [GONE]);
}

#[test]
fn who_is_shown_at_all() {
    for (instance, address, txt, shown) in [
        ("Jörg Müller@tablet", ROMEO, "", true),
        ("alice", ROMEO, "", true),
        ("x@y@z", ROMEO, "", true),
        (" alice", ROMEO, "", false),
        ("romeo@forza", "10.0.0.2:0", "", false),
        ("romeo@forza", "10.0.1.2:5298", "", false),
        ("romeo@forza", "192.0.2.1:80", "", false),
        ("romeo@forza", "255.255.255.255:80", "", false),
        ("romeo@forza", "224.0.0.251:80", "", false),
        ("romeo@forza", "[fe80::2%2]:80", "", true),
        ("romeo@forza", "[fe80::2%3]:80", "", false),
        ("romeo@forza", "[2001:db8::2]:80", "", false),
        ("tom@desk", ROMEO, "jirani=1", false),
        (&"a".repeat(64), ROMEO, "", false),
    ] {
        let mut bench = Bench::new();
        let seen = bench.meet(instance, &[address], &[txt]);
        assert_eq!(!seen.is_empty(), shown, "{instance} {address} {txt}: {seen:?}");
        let skipped = bench.gateway.tally().skipped;
        assert_eq!(skipped == 0, shown || txt == "jirani=1");
    }
    let mut bench = Bench::with_romeo();
    assert_eq!(bench.see("ROMEO@Forza", &["10.0.0.3:1"], &[]), [""; 0], "the same address");
    assert_eq!(Bench::empty().see("romeo@forza", &[ROMEO], &[]), [""; 0], "nobody looks");
}

#[test]
fn e04_a_goodbye_is_looked_into() {
    // Nobody answers any more: gone at once.
    let mut bench = Bench::with_romeo();
    assert_eq!(gone(&mut bench), ["ask", LOOK]);
    assert_eq!(bench.end(OUT1, End::Failed), [GONE]);
    // Nothing comes back: gone when connecting has taken long enough.
    let mut bench = Bench::with_romeo();
    gone(&mut bench);
    assert_eq!(bench.pass(4.0), ["close Out(1)", GONE]);
    // It was not theirs.
    let mut bench = Bench::with_romeo();
    gone(&mut bench);
    assert_eq!(bench.give(Input::Connected { stream: OUT1 }), ["close Out(1)"]);
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &[]), [""; 0]);
    assert_eq!(bench.pass(60.0), [""; 0]);
    // Nobody speaks for them, and their program still listens: a bad radio, at first.
    let mut bench = Bench::with_romeo();
    gone(&mut bench);
    bench.give(Input::Connected { stream: OUT1 });
    for number in [2, 3] {
        let call = LOOK.replace("Out(1)", &format!("Out({number})"));
        assert_eq!(bench.pass(75.0), ["ask".to_owned(), call]);
        bench.give(Input::Connected { stream: StreamId::Out(number) });
    }
    assert_eq!(bench.pass(5.0), [GONE]);
    // The program of somebody else answers: theirs has gone.
    let mut bench = Bench::with_romeo();
    bench.meet("benvolio@forza", &[ROMEO], &[]);
    gone(&mut bench);
    bench.give(Input::Connected { stream: OUT1 });
    assert_eq!(bench.pass(6.0), [GONE]);
    // Unless they say that they are there.
    let mut bench = Bench::with_romeo();
    bench.meet("benvolio@forza", &[ROMEO], &[]);
    gone(&mut bench);
    bench.give(Input::Connected { stream: OUT1 });
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &[]), [""; 0]);
    assert_eq!(bench.pass(6.0), [""; 0]);
}

#[test]
fn e04_other_addresses_for_a_known_name_have_to_wait() {
    // Romeo answers where he was: the other one is nobody.
    let mut bench = Bench::with_romeo();
    assert_eq!(bench.see("romeo@forza", &["10.0.0.9:5298"], &["nick=Eve"]), [LOOK]);
    bench.give(Input::Connected { stream: OUT1 });
    assert_eq!(bench.say("romeo\\40forza", "1", "hi"), ["connect Out(2) 10.0.0.1 10.0.0.2:5298"]);
    // He does not: he has moved.
    let mut bench = Bench::with_romeo();
    bench.see("romeo@forza", &["10.0.0.9:5298"], &[]);
    assert_eq!(bench.end(OUT1, End::Failed), [GONE, "connect Out(2) 10.0.0.1 10.0.0.9:5298"]);
    assert_eq!(bench.give(Input::Connected { stream: StreamId::Out(2) }), ["close Out(2)", THERE]);
    assert_eq!(bench.say("romeo\\40forza", "1", "hi"), ["connect Out(3) 10.0.0.1 10.0.0.9:5298"]);
}

#[test]
fn whoever_is_silent_is_looked_for() {
    let mut bench = Bench::with_romeo();
    assert_eq!(bench.pass(75.0), [LOOK]);
    assert_eq!(bench.pass(4.0), ["close Out(1)", GONE], "a cable is cut");
    // Their announcement still lives: they are shown again when they answer.
    assert_eq!(bench.pass(75.0), ["connect Out(2) 10.0.0.1 10.0.0.2:5298"]);
    assert_eq!(bench.give(Input::Connected { stream: StreamId::Out(2) }), ["close Out(2)", THERE]);
    // All addresses are tried.
    let mut bench = Bench::new();
    bench.meet("romeo@forza", &["[fe80::2%2]:5298", ROMEO], &[]);
    assert_eq!(bench.pass(75.0), [LOOK]);
    assert_eq!(bench.end(OUT1, End::Failed), ["connect Out(2) fe80::1 [fe80::2%2]:5298"]);
    assert_eq!(bench.give(Input::Connected { stream: StreamId::Out(2) }), ["close Out(2)"]);
}

#[test]
fn while_a_stream_is_open_the_system_looks() {
    let mut bench = Bench::with_romeo();
    bench.call(1, "10.0.0.2:40000");
    bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
    assert_eq!(bench.pass(300.0), [""; 0]);
    assert_eq!(bench.end(IN1, End::Failed), [LOOK], "it says that nobody is there");
    assert_eq!(bench.end(OUT1, End::Failed), [GONE]);
}

#[test]
fn e07_an_impostor_beside_her_is_nobody() {
    let (his, hers) = ("10.0.0.9:5298", header("romeo@forza", "lisa@laptop"));
    // Her address and mine, once she is known.
    let mut bench = Bench::with_romeo();
    bench.pass(6.0);
    assert_eq!(bench.see("romeo@forza", &[ROMEO, his], &[]), [""; 0], "who is named is there still");
    bench.call(1, "10.0.0.9:40000");
    assert_eq!(bench.bytes(IN1, &hers), ["ask"], "not her");
    assert!(bench.pass(3.0).contains(&"close In(1)".to_owned()));
    assert_eq!(bench.say("romeo\\40forza", "1", "hi"), ["connect Out(1) 10.0.0.1 10.0.0.2:5298"]);
    // And on another network.
    let mut bench = Bench::with_romeo();
    let own = |network, ip: &str| Own { network, ip: ip.parse().unwrap(), bits: 24 };
    bench.give(Input::Addresses(vec![own(NETWORK, HERE), own(3, "10.0.3.1")]));
    bench.pass(6.0);
    let elsewhere = Sighting {
        network: 3,
        instance: "romeo@forza".to_owned(),
        addresses: vec!["10.0.3.9:5298".parse().unwrap()],
        txt: Vec::new(),
    };
    assert_eq!(bench.give(Input::Seen(elsewhere)), [LOOK]);
    bench.call(1, "10.0.3.9:40000");
    assert_eq!(bench.bytes(IN1, &hers), ["ask"], "not her");
    // When the first is left the other is a newcomer.
    let left = bench.give(Input::Left { network: NETWORK });
    assert_eq!(left[..2], [GONE, "close Out(1)"], "{left:?}");
}

#[test]
fn a_machine_has_several_addresses() {
    let second = "[fe80::2%2]:5298";
    let speaks = |bench: &mut Bench| {
        bench.call(1, "[fe80::2%2]:40000");
        bench.bytes(IN1, &header("romeo@forza", "lisa@laptop")).join("").contains(GREETING)
    };
    // They come one by one at first.
    let mut bench = Bench::with_romeo();
    bench.pass(3.0);
    bench.see("romeo@forza", &[ROMEO, second], &[]);
    assert!(speaks(&mut bench));
    // One that was theirs comes again.
    let mut bench = Bench::with_romeo();
    bench.see("romeo@forza", &[ROMEO, second], &[]);
    bench.pass(20.0);
    bench.see("romeo@forza", &[ROMEO], &[]);
    assert_eq!(bench.gateway.peers["romeo@forza"].addresses().len(), 1);
    bench.pass(20.0);
    bench.see("romeo@forza", &[ROMEO, second], &[]);
    assert!(speaks(&mut bench));
}

#[test]
fn e04_who_takes_a_name_over_is_somebody_else() {
    let mut bench = Bench::with_romeo();
    bench.pass(6.0);
    bench.say("romeo\\40forza", "1", "for romeo");
    assert_eq!(bench.see("romeo@forza", &["10.0.0.9:5298"], &[]), ["connect Out(2) 10.0.0.1 10.0.0.2:5298"]);
    let over = bench.end(StreamId::Out(2), End::Failed);
    assert_eq!(over[0], GONE);
    assert!(over[1].contains("id='1' type='error'") && over[1].contains("not delivered"), "{over:?}");
    assert_eq!(over[2..], ["close Out(1)", "connect Out(3) 10.0.0.1 10.0.0.9:5298"]);
    let come = bench.give(Input::Connected { stream: StreamId::Out(3) });
    assert_eq!(come, ["close Out(3)", THERE], "and nothing is said to them");
    // The same in a conversation; he may have heard of it or not.
    let mut bench = Bench::with_romeo();
    bench.pass(6.0);
    bench.call(1, "10.0.0.2:40000");
    bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
    bench.say("romeo\\40forza", "1", "for romeo");
    assert_eq!(gone(&mut bench), ["ask", LOOK]);
    bench.see("romeo@forza", &["10.0.0.9:5298"], &[]);
    let over = bench.end(OUT1, End::Failed);
    assert_eq!(over[..3], [GONE, "In(1) </stream:stream>", "close In(1)"]);
    assert!(over[3].contains("id='1' type='error'") && over[3].contains("may not have"), "{over:?}");
}

#[test]
fn e06_a_made_up_name_is_not_shown() {
    let mut bench = Bench::new();
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &[]), [LOOK]);
    assert_eq!(bench.gateway.counts().1, 0);
    assert_eq!(bench.end(OUT1, End::Failed), [""; 0]);
    assert!(bench.say("romeo\\40forza", "1", "hi")[0].contains("item-not-found"));
    // Who calls from there is there.
    bench.call(1, "10.0.0.2:40000");
    let come = bench.bytes(IN1, &(header("romeo@forza", "lisa@laptop") + &message("hi")));
    assert_eq!(come, [format!("In(1) {GREETING}"), THERE.to_owned(), heard(1, "hi")]);
}

#[test]
fn one_look_is_for_all_at_a_port() {
    let mut bench = Bench::with_romeo();
    for name in ["a", "b", "c"] {
        bench.meet(name, &[ROMEO], &[]);
    }
    assert_eq!(bench.pass(75.0), [LOOK]);
    bench.give(Input::Connected { stream: OUT1 });
    assert_eq!(bench.pass(74.0), [""; 0]);
    assert_eq!(bench.pass(1.0).len(), 1);
    // Nobody answers: all are gone.
    assert_eq!(bench.end(StreamId::Out(2), End::Failed).len(), 4);
    assert_eq!(bench.gateway.counts().1, 0);
}

#[test]
fn e08_strangers_use_up_nobodys_calls() {
    let mut bench = Bench::with_romeo();
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    for (n, name) in names.iter().enumerate() {
        bench.meet(name, &[&format!("10.0.0.2:{}", 1 + n)], &[]);
    }
    // All of them say goodbye again and again, and do answer.
    let mut looks = 0;
    for _ in 0..600 {
        for (n, name) in names.iter().enumerate() {
            let lines = bench.give(Input::Gone { network: NETWORK, instance: name });
            looks += lines.iter().filter(|line| line.starts_with("connect")).count();
            bench.answer(&lines);
            bench.see(name, &[&format!("10.0.0.2:{}", 1 + n)], &[]);
        }
        let lines = bench.pass(1.0);
        looks += lines.iter().filter(|line| line.starts_with("connect")).count();
        bench.answer(&lines);
    }
    assert!((100..=16 + 600 / 5).contains(&looks), "{looks}");
    assert!(!bench.gateway.looks.take(bench.now, "10.0.0.2".parse().unwrap()), "used up");
    let call = bench.say("romeo\\40forza", "1", "hi").join("");
    assert!(call.contains("10.0.0.1 10.0.0.2:5298"), "{call}");
}

#[test]
fn e04_many_goodbyes_are_one_look_in_a_while() {
    let mut bench = Bench::with_romeo();
    let mut looks = Vec::new();
    for second in 0..30 {
        for lines in [gone(&mut bench), bench.pass(1.0)] {
            looks.extend(lines.iter().filter(|line| line.starts_with("connect")).map(|_| second));
            bench.answer(&lines);
        }
        bench.see("romeo@forza", &[ROMEO], &[]);
    }
    assert_eq!(looks, [0, 9, 19, 29]);
}

#[test]
fn e06_what_changes_is_passed_on_at_a_pace() {
    let mut bench = Bench::with_romeo();
    let mut told = Vec::new();
    for number in 0..20 {
        told.extend(bench.see("romeo@forza", &[ROMEO], &[&format!("msg={number}")]));
        told.extend(bench.pass(0.1));
    }
    told.extend(bench.pass(2.0));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("<status>19</status>"), "the last wins");
    bench.pass(2.0);
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &["msg=a"]).len(), 1, "after a while at once");
}

#[test]
fn e06_who_asks_for_many_is_answered_once() {
    let mut bench = Bench::with_romeo();
    let names: Vec<_> = (0..5).map(|n| format!("p{n}")).collect();
    names.iter().for_each(|name| drop(bench.meet(name, &[ROMEO], &[])));
    let mut asked = 0;
    for _ in 0..10 {
        for name in &names {
            let lines = bench.give(Input::Gone { network: NETWORK, instance: name });
            asked += lines.iter().filter(|line| *line == "ask").count();
            bench.answer(&lines);
            bench.see(name, &[ROMEO], &[]);
        }
        asked += bench.pass(1.0).iter().filter(|line| *line == "ask").count();
    }
    assert_eq!(asked, 3, "at 0, 5 and 10 s");
}

#[test]
fn what_was_heard_before_our_own_address_came_is_asked_for() {
    let mut bench = Bench::empty();
    bench.give(Input::Addresses(Vec::new()));
    bench.stanza("<presence from='lisa@a.example' to='nearby.a.example'/>");
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &[]), [""; 0]);
    let own = Own { network: NETWORK, ip: HERE.parse().unwrap(), bits: 24 };
    bench.tell(Input::Addresses(vec![own]), &["ask"]);
    bench.tell(Input::Addresses(vec![own]), &[]);
    bench.tell(Input::Addresses(Vec::new()), &[]);
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &[]).len(), 0, "no address of ours");
}
