//! XEP-0199 and XEP-0198 through a whole node: a client that is gone without a word is noticed, and what was on its way is
//! not lost.

mod common;

use std::time::Duration;

use base::limits::{CLIENT_ANSWER_TIME_MAX, CLIENT_LOOK_TIME, CLIENT_SILENCE_MAX};
use common::{befriend, hears, online};
use sim::Bench;

/// When a client that has vanished is noticed at the latest.
const NOTICED: Duration = Duration::from_secs(
    CLIENT_SILENCE_MAX.as_secs() + CLIENT_ANSWER_TIME_MAX.as_secs() + 2 * CLIENT_LOOK_TIME.as_secs(),
);

#[test]
fn contacts_see_a_client_leave_that_has_vanished() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    befriend(&mut bench, ("maria", maria), ("paulo", paulo));
    bench.vanish(maria);
    for _ in 0..CLIENT_SILENCE_MAX.as_secs() / 60 {
        bench.send(paulo, "<iq type='result' id='here'/>");
        bench.pass(Duration::from_secs(60));
    }
    hears(&mut bench, paulo, &[]);
    for _ in 0..(NOTICED - CLIENT_SILENCE_MAX).as_secs() / 60 {
        bench.send(paulo, "<iq type='result' id='here'/>");
        bench.pass(Duration::from_secs(60));
    }
    hears(&mut bench, paulo, &["unavailable maria/here"]);
}

#[test]
fn what_a_vanished_client_was_sent_waits_for_it() {
    let mut bench = Bench::new(1);
    let maria = bench.login_managed("maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    bench.vanish(maria);
    bench.send(paulo, "<message to='maria@jirani.example' type='chat'><body>hi</body></message>");
    bench.disconnect(paulo);
    bench.pass(NOTICED);
    assert_eq!(bench.waiting("maria").len(), 1, "it is not confirmed");
    bench.connect(maria, sim::Goal::Online);
    assert!(bench.client_of(maria).is_resumed());
    hears(&mut bench, maria, &["message paulo/there (hi)"]);
}
