//! Design, section 13: what a device in reach can make a node keep is limited, and what waits for one is not in memory.

mod groups_common;

use base::limits::{
    OUTBOX_TIME_MAX, PAGE_BYTES_MAX, PARCEL_BYTES_MAX, PEER_QUESTIONS_MAX, POST_WINDOW_BYTES_MAX, REACH_RESOURCES_MAX,
    SIBLINGS_MAX,
};
use base::{Bare, Circle, DeviceId};
use groups_common::{PAULO, Pair, bodies, body, contact, seconds};
use mesh::post::{Copied, Lasting, OriginId, Parcel};
use sim::Bench;
use wire::Form;
use wire::packed::Unpacker;
use xmpp::{Answer, Command};

const EVE: &str = "eve@eve.jirani.alt";
const MARIA: &str = "maria@jirani.example";

/// A node with maria on it, and eve's device in reach.
fn beside_eve() -> (Bench, DeviceId, Bare) {
    let mut bench = Bench::new(1);
    bench.make_account("maria", sim::bench::PASSWORD);
    let eve = DeviceId([9; 32]);
    bench.reach(eve, &Bare::new(EVE).unwrap(), true);
    (bench, eve, Bare::new(MARIA).unwrap())
}

fn fleeting(xml: &str) -> Vec<u8> {
    Parcel::Fleeting { payload: xml.as_bytes() }.to_bytes()
}

fn refused(bench: &mut Bench) -> u64 {
    match bench.command(Command::Report) {
        Answer::Report(report) => report.parcels_refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_parcel_is_limited() {
    for (bytes, fits) in [
        (PARCEL_BYTES_MAX - 1, true),
        (PARCEL_BYTES_MAX, true),
        (PARCEL_BYTES_MAX + 1, false),
        (PARCEL_BYTES_MAX * 10, false),
    ] {
        let (mut bench, eve, maria) = beside_eve();
        let at = bench.login("maria", "r");
        bench.send(at, &contact(EVE));
        bench.run_until_idle();
        bench.disconnect(at);
        bench.run_until_idle();
        let head = format!("<message xmlns='jabber:client' from='{EVE}' to='{MARIA}'><body>");
        let text = "x".repeat(bytes - 1 - head.len() - "</body></message>".len());
        bench.parcel(eve, &maria, fleeting(&format!("{head}{text}</body></message>")));
        assert_eq!(refused(&mut bench), u64::from(!fits), "{bytes}");
        assert_eq!(bench.waiting("maria").len(), usize::from(fits));
    }
}

#[test]
fn resources_of_a_device_are_limited_and_all_leave_with_it() {
    let most = REACH_RESOURCES_MAX;
    for count in [most - 1, most, most + 1, 10 * most] {
        let (mut bench, eve, maria) = beside_eve();
        let seat = bench.login("maria", "here");
        // Of strangers fewer are passed on.
        bench.circle(&maria, &Bare::new(EVE).unwrap(), Circle::Green);
        for n in 0..count {
            let presence = format!("<presence xmlns='jabber:client' from='{EVE}/{n}' to='{MARIA}'/>");
            bench.parcel(eve, &maria, fleeting(&presence));
            if n % 1000 == 0 {
                bench.run_until_idle();
            }
        }
        assert_eq!(bench.received(seat).len(), count.min(most), "{count}");
        bench.reach(eve, &Bare::new(EVE).unwrap(), false);
        let gone = bench.received(seat);
        assert_eq!(gone.len(), count.min(most));
        assert!(gone.iter().all(|tree| tree.attr("type") == Some("unavailable")));
    }
}

/// However presence came: whoever was shown is taken out of sight.
#[test]
fn whoever_was_shown_leaves_with_the_device() {
    let (mut bench, eve, maria) = beside_eve();
    let seat = bench.login("maria", "here");
    let presence = |from: &str| format!("<presence xmlns='jabber:client' from='{from}' to='{MARIA}'/>");
    bench.parcel(eve, &maria, fleeting(&presence(EVE)));
    bench.parcel(eve, &maria, fleeting(&presence(&format!("{EVE}/a"))));
    bench.parcel(eve, &maria, groups_common::lasting(1, 1, 1, presence(&format!("{EVE}/b")).as_bytes()));
    assert_eq!(bench.received(seat).len(), 3);
    bench.reach(eve, &Bare::new(EVE).unwrap(), false);
    let gone: Vec<_> =
        bench.received(seat).iter().map(|tree| tree.attr("from").unwrap_or_default().to_owned()).collect();
    assert_eq!(gone, [EVE.to_owned(), format!("{EVE}/a"), format!("{EVE}/b")]);
}

#[test]
fn other_devices_of_an_account_are_so_many() {
    for count in [SIBLINGS_MAX - 1, SIBLINGS_MAX, SIBLINGS_MAX + 1, 10 * SIBLINGS_MAX] {
        let (mut bench, _, maria) = beside_eve();
        for n in 0..count {
            bench.reach(DeviceId([100 + (n % 100) as u8, n as u8].repeat(16).try_into().unwrap()), &maria, true);
        }
        bench.run_until_idle();
        bench.crash();
        let paulo = bench.login("paulo", "there");
        bench.send(paulo, &format!("<message to='{MARIA}' type='chat'><body>hi</body></message>"));
        bench.run_until_idle();
        assert_eq!(bench.owed("maria") as usize, count.min(SIBLINGS_MAX), "they are known after a restart, too");
    }
}

#[test]
fn questions_of_others_are_limited() {
    for count in [PEER_QUESTIONS_MAX - 1, PEER_QUESTIONS_MAX, PEER_QUESTIONS_MAX + 1, 10 * PEER_QUESTIONS_MAX] {
        let (mut bench, eve, maria) = beside_eve();
        bench.login("maria", "here");
        bench.take_parcels();
        for round in 0..2 {
            for n in 0..count {
                let ask = format!(
                    "<iq xmlns='jabber:client' type='get' id='q{n}' from='{EVE}/x' to='{MARIA}'><vCard xmlns='vcard-temp'/></iq>"
                );
                bench.parcel(eve, &maria, fleeting(&ask));
            }
            bench.run_until_idle();
            let (mut unpacker, mut text) = (Unpacker::new(), Vec::new());
            let eve_address = Bare::new(EVE).unwrap();
            let mut answer = |bytes: &[u8]| match Parcel::read(bytes) {
                Ok(Parcel::Fleeting { payload }) if payload.starts_with(b"<") => {
                    String::from_utf8_lossy(payload).into_owned()
                }
                Ok(Parcel::Fleeting { payload }) => {
                    let stanza = unpacker.unpack(payload, &maria, &eve_address, &mut text).unwrap();
                    let mut xml = Vec::new();
                    stanza.emit(Form::Nested, &mut xml);
                    String::from_utf8_lossy(&xml).into_owned()
                }
                other => panic!("{other:?}"),
            };
            let answers: Vec<String> = bench.take_parcels().iter().map(|(_, _, bytes)| answer(bytes)).collect();
            let full = answers.iter().filter(|answer| answer.contains("resource-constraint")).count();
            assert_eq!((answers.len(), full), (count, count.saturating_sub(PEER_QUESTIONS_MAX)), "round {round}");
        }
    }
}

#[test]
fn what_waits_for_others_is_not_in_memory() {
    let mut pair = Pair::befriended(1);
    pair.group.unlink(0, 1);
    pair.group.pass(seconds(1));
    let text = "x".repeat(4000);
    for n in 0..2000 {
        pair.group.send(pair.lisa, &body(PAULO, &format!("m{n}"), &text));
    }
    pair.group.pass(seconds(20));
    assert_eq!(pair.group.node(0).owed("lisa"), 2000);
    pair.group.heard(pair.paulo);
    pair.group.link(0, 1);
    let mut most = 0;
    for _ in 0..2000 {
        pair.group.pass(std::time::Duration::from_millis(5));
        most = most.max(pair.group.node(0).held_bytes());
        if pair.group.node(0).owed("lisa") == 0 {
            break;
        }
    }
    assert_eq!(pair.group.node(0).owed("lisa"), 0);
    assert_eq!(bodies(&pair.group.heard(pair.paulo)).len(), 2000);
    assert!(most <= PAGE_BYTES_MAX + POST_WINDOW_BYTES_MAX, "{most} bytes of 8 MB");
}

#[test]
fn what_waits_for_others_waits_so_long() {
    let mut pair = Pair::befriended(2);
    pair.group.unlink(0, 1);
    pair.group.pass(seconds(1));
    pair.group.send(pair.lisa, &body(PAULO, "1", "x"));
    pair.group.pass(OUTBOX_TIME_MAX - seconds(60));
    assert_eq!(pair.group.node(0).owed("lisa"), 1);
    pair.group.pass(seconds(120));
    assert_eq!(pair.group.node(0).owed("lisa"), 0);
    assert!(pair.group.heard(pair.lisa).iter().any(|tree| tree.attr("type") == Some("error")));
}

#[test]
fn a_neighbour_says_nothing_of_somebody_elses_numbers() {
    let (mut bench, eve, maria) = beside_eve();
    let (lisa, address) = (DeviceId([8; 32]), Bare::new("lisa@lisa.jirani.alt").unwrap());
    bench.reach(lisa, &address, true);
    let said = |from: &str, copied| {
        let xml =
            format!("<message xmlns='jabber:client' from='{from}' to='{MARIA}' type='chat'><body>Hi</body></message>");
        let lasting = Lasting { incarnation: Some(7), counter: 1, floor: 1, age_s: 0, copied, payload: xml.as_bytes() };
        Parcel::Lasting(lasting).to_bytes()
    };
    // Eve claims to hand on what lisa has said under her first number: then lisa's own first words would be a duplicate.
    let of_lisa = OriginId { device: lisa, incarnation: 7, counter: 1 };
    bench.parcel(eve, &maria, said(EVE, Copied::Heard(Some(of_lisa))));
    bench.run_until_idle();
    assert_eq!((bench.waiting("maria").len(), refused(&mut bench)), (0, 1));
    bench.parcel(lisa, &maria, said(address.as_str(), Copied::No));
    bench.run_until_idle();
    assert_eq!(bench.waiting("maria").len(), 1);
}
