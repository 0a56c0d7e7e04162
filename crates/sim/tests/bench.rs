//! The bench itself: the shortest conversation, a crash, a cut cable, and the same game from the same seed.

use std::time::Duration;

use sim::{Bench, Goal};

fn chat(to: &str, body: &str) -> String {
    format!("<message to='{to}@jirani.example' type='chat'><body>{body}</body></message>")
}

#[test]
fn a_message_goes_from_client_to_client() {
    let mut bench = Bench::new(1);
    let maria = bench.login("maria", "laptop");
    let paulo = bench.login("paulo", "phone");
    bench.send(maria, &chat("paulo", "hi"));
    bench.expect(paulo, "<message from='maria@jirani.example/laptop' type='chat'><body>hi</body></message>");
    bench.expect_nothing(maria);
}

#[test]
fn what_was_acknowledged_survives_a_crash() {
    let mut bench = Bench::new(2);
    let maria = bench.login_managed("maria", "laptop");
    bench.make_account("paulo", sim::bench::PASSWORD);
    bench.send(maria, &chat("paulo", "one"));
    bench.run_until_idle();
    assert_eq!(bench.client_of(maria).acknowledged().len(), 2, "the presence and the message");
    bench.crash();
    bench.run_until_idle();
    assert!(bench.client_of(maria).is_away());
    let paulo = bench.login("paulo", "phone");
    bench.expect(paulo, "<message><body>one</body><delay xmlns='urn:xmpp:delay'/></message>");
    bench.expect_nothing(paulo);
    bench.connect(maria, Goal::Online);
    assert!(!bench.client_of(maria).is_resumed());
}

#[test]
fn a_cut_cable_loses_what_is_on_it_and_resumption_brings_it_back() {
    let mut bench = Bench::new(3);
    let maria = bench.login("maria", "laptop");
    let paulo = bench.login_managed("paulo", "phone");
    bench.cut(paulo);
    bench.send(maria, &chat("paulo", "one"));
    bench.expect_nothing(paulo);
    bench.connect(paulo, Goal::Online);
    assert!(bench.client_of(paulo).is_resumed());
    bench.expect(paulo, "<message><body>one</body></message>");
    bench.expect_nothing(paulo);
}

#[test]
fn the_same_seed_plays_the_same_game() {
    let play = |seed| {
        let mut bench = Bench::new(seed);
        let maria = bench.login("maria", "laptop");
        for i in 0..20 {
            bench.send(maria, &chat("maria", &i.to_string()));
        }
        let received: Vec<_> = bench.received(maria).iter().map(ToString::to_string).collect();
        bench.pass(Duration::from_secs(10));
        (received, bench.now(), bench.batches())
    };
    assert_eq!(play(7), play(7));
    assert_ne!(play(7).1, play(8).1);
}
