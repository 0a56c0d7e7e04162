//! What can be tested of the responders without a network; the rest is in `tests/laptops`.

use base::limits::{MDNS_INSTANCES_MAX, MDNS_RECORDS_MAX, MDNS_TIMERS_MAX};

use super::*;

#[test]
fn e01_names_that_are_not_ours() {
    for (name, expect) in [
        ("0123456789abcdef._jirani._udp.local.", Some("0123456789abcdef")),
        ("0123456789ABCDEF._Jirani._UDP.local.", Some("0123456789abcdef")),
        ("._jirani._udp.local.", None),
        ("_jirani._udp.local.", None),
        ("a\\.b._jirani._udp.local.", None),
        ("a.b._jirani._udp.local.", None),
        ("\u{1b}[2J._jirani._udp.local.", None),
        ("jörg._jirani._udp.local.", None),
        ("a._other._udp.local.", None),
        ("", None),
        ("é._jirani._udp.local", None),
    ] {
        assert_eq!(label(name).as_ref().map(Instance::as_str), expect, "{name:?}");
    }
}

#[test]
fn e06_what_a_responder_may_hold() {
    let crowded = |name: &str, count: usize| is_crowded(&Metrics::from([(name.to_owned(), count as i64)]));
    for (name, limit) in [("cached-srv", MDNS_RECORDS_MAX), ("timer", MDNS_TIMERS_MAX)] {
        assert_eq!([limit - 1, limit, limit + 1, 10 * limit].map(|n| crowded(name, n)), [false, false, true, true]);
    }
    assert!(!crowded("respond", 10 * MDNS_RECORDS_MAX));
}

#[tokio::test]
async fn e06_so_many_instances_and_no_more() {
    let nowhere = NetworkId(u32::MAX);
    let people = People::new(nowhere, "host.local.".to_owned());
    let mut responder = Responder::start(nowhere, Guard::new(&[]), people).unwrap();
    let mut found = |n: usize| {
        let name = format!("{n}.{SERVICE}");
        responder.heard(ServiceEvent::ServiceFound(SERVICE.to_owned(), name)).is_ok()
    };
    assert_eq!((0..10 * MDNS_INSTANCES_MAX).take_while(|n| found(*n)).count(), MDNS_INSTANCES_MAX);
    responder.close().await;
}
