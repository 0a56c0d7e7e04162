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
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &[]), [THERE]);
    assert_eq!(bench.see("romeo@forza", &[ROMEO], &["jid=lisa@a.example", "vc=!"]), [""; 0], "E07: a jid is nothing");
    let txt = ["status=dnd", "msg=back soon", "nick=Romeo", "node=libpurple"];
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
        let seen = bench.see(instance, &[address], &[txt]);
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
    bench.see("benvolio@forza", &[ROMEO], &[]);
    gone(&mut bench);
    bench.give(Input::Connected { stream: OUT1 });
    assert_eq!(bench.pass(6.0), [GONE]);
    // Unless they say that they are there.
    let mut bench = Bench::with_romeo();
    bench.see("benvolio@forza", &[ROMEO], &[]);
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
    assert_eq!(bench.end(OUT1, End::Failed), [THERE]);
    assert_eq!(bench.say("romeo\\40forza", "1", "hi"), ["connect Out(2) 10.0.0.1 10.0.0.9:5298"]);
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
    bench.see("romeo@forza", &["[fe80::2%2]:5298", ROMEO], &[]);
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
