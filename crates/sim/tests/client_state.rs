//! XEP-0352 through a whole node: what waits for an inactive client is limited, and is not counted by XEP-0198.

mod common;

use base::limits::{INACTIVE_BYTES_MAX, INACTIVE_STANZAS_MAX};
use common::{bound, heard, hears};
use sim::{Bench, Seat};

const INACTIVE: &str = "<inactive xmlns='urn:xmpp:csi:0'/>";

fn inactive(bench: &mut Bench, managed: bool) -> Seat {
    let seat = if managed { bench.login_managed("maria", "phone") } else { bench.login("maria", "phone") };
    bench.send(seat, INACTIVE);
    bench.run_until_idle();
    seat
}

#[test]
fn too_many_bytes_do_not_wait() {
    for (bytes, waits) in [
        (INACTIVE_BYTES_MAX / 2, true),
        (INACTIVE_BYTES_MAX - 1000, true),
        (INACTIVE_BYTES_MAX, false),
        (INACTIVE_BYTES_MAX + 1000, false),
    ] {
        let mut bench = Bench::new(1);
        let maria = inactive(&mut bench, true);
        let paulo = bound(&mut bench, "paulo", "there");
        let state =
            format!("<composing xmlns='http://jabber.org/protocol/chatstates'>{}</composing>", "x".repeat(bytes));
        bench.send(paulo, &format!("<message type='chat' to='maria@jirani.example/phone'>{state}</message>"));
        assert_eq!(heard(&mut bench, maria).is_empty(), waits, "{bytes}");
    }
}

#[test]
fn too_many_contacts_do_not_wait() {
    let mut bench = Bench::new(1);
    let maria = inactive(&mut bench, false);
    let rooms: Vec<_> = (0..16).map(|n| bound(&mut bench, &format!("p{n}"), "r")).collect();
    // Each session is another address; as many as may wait need as many sessions, 32 for each account.
    let mut sessions = rooms;
    for n in 0..16 {
        for r in 1..32 {
            sessions.push(bound(&mut bench, &format!("p{n}"), &format!("r{r}")));
        }
    }
    for (n, session) in sessions.into_iter().enumerate().take(INACTIVE_STANZAS_MAX) {
        bench.send(session, "<presence to='maria@jirani.example/phone'/>");
        let came = heard(&mut bench, maria).len();
        assert_eq!(came, if n + 1 < INACTIVE_STANZAS_MAX { 0 } else { INACTIVE_STANZAS_MAX });
    }
}

#[test]
fn what_waits_is_sent_once_after_a_cut() {
    let mut bench = Bench::new(1);
    let maria = inactive(&mut bench, true);
    let paulo = bound(&mut bench, "paulo", "there");
    bench.send(paulo, "<presence to='maria@jirani.example/phone'><status>1</status></presence>");
    bench.run_until_idle();
    bench.cut(maria);
    bench.run_until_idle();
    bench.send(paulo, "<presence to='maria@jirani.example/phone'><status>2</status></presence>");
    bench.send(paulo, "<message to='maria@jirani.example/phone' type='chat'><body>hi</body></message>");
    bench.send(paulo, "<presence to='maria@jirani.example/phone'><status>3</status></presence>");
    bench.run_until_idle();
    bench.connect(maria, sim::Goal::Online);
    assert!(bench.client_of(maria).is_resumed());
    hears(&mut bench, maria, &["available paulo/there (2)", "message paulo/there (hi)", "available paulo/there (3)"]);
    bench.cut(maria);
    bench.run_until_idle();
    bench.connect(maria, sim::Goal::Online);
    hears(&mut bench, maria, &[]);
}
