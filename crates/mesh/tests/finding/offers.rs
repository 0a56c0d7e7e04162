//! Who is offered to be dialled, where, and how often.

use std::time::Duration;

use base::limits::{
    ADDRESS_ATTEMPT_EVERY, ADDRESS_ATTEMPTS_BURST_MAX, ANNOUNCED_ATTEMPTS_BURST_MAX, ANNOUNCED_ATTEMPTS_PER_SECOND_MAX,
    MANUAL_ADDRESSES_MAX, NEIGHBOUR_ADDRESSES_MAX,
};
use mesh::finding::{Input, Sighting};

use crate::world::{World, cable, instance, socket};

#[test]
fn a_neighbour_is_offered_once_and_again_when_it_moves() {
    let mut world = World::with_cable();
    world.see("a", &["10.0.0.2:4700"]);
    world.expect(&["candidate a 10.0.0.2:4700"]);
    world.see("a", &["10.0.0.2:4700"]);
    world.expect(&[]);
    world.see("a", &["[fe80::2%2]:4700", "10.0.0.2:4700"]);
    world.expect(&["candidate a 10.0.0.2:4700 [fe80::2%2]:4700"]);
    world.see("a", &["10.0.0.3:4701"]);
    world.expect(&["candidate a 10.0.0.3:4701"]);
    world.lose(2, "a");
    world.expect(&["gone a"]);
    world.lose(2, "a");
    world.expect(&[]);
}

/// What of the announced addresses may be dialled, on a network with 10.0.0.1/24 and fe80::1/64 and the number 2.
#[track_caller]
fn check_addresses(announced: &[&str], expect: &str) {
    let mut world = World::with_cable();
    world.see("a", announced);
    let said = world.said().join(", ");
    assert_eq!(said.strip_prefix("candidate a ").unwrap_or_default(), expect);
}

#[test]
fn e08_e13_only_addresses_of_this_link() {
    check_addresses(&["10.0.0.2:4700"], "10.0.0.2:4700");
    // Anywhere else.
    check_addresses(&["10.0.1.2:4700", "192.0.2.1:53", "[2001:db8::1]:53", "127.0.0.1:4700", "[::1]:4700"], "");
    check_addresses(&["10.0.0.2:4700", "192.0.2.1:53"], "10.0.0.2:4700");
    // Nobody's, everybody's, and no port.
    check_addresses(
        &["0.0.0.0:1", "255.255.255.255:1", "224.0.0.251:5353", "[::]:1", "[ff02::fb]:5353", "10.0.0.2:0"],
        "",
    );
    // Link-local ones with the scope of this network only.
    check_addresses(&["[fe80::2%2]:4700", "[fe80::3%3]:4700", "[fe80::4]:4700"], "[fe80::2%2]:4700");
    check_addresses(&["[::ffff:10.0.0.2]:4700"], "");
    // Ourselves; but another daemon of this laptop is a neighbour.
    check_addresses(&["10.0.0.1:4700", "[fe80::1%2]:4700"], "");
    check_addresses(&["10.0.0.1:4701"], "10.0.0.1:4701");
}

#[test]
fn an_announcement_of_another_format_is_none() {
    for (format, expect) in [(Some(1), 1), (Some(2), 0), (Some(0), 0), (None, 0)] {
        let mut world = World::with_cable();
        let addresses = vec![socket("10.0.0.2:4700")];
        let network = world.interfaces[0].index;
        world.tell(Input::Seen(Sighting { network, instance: instance("a"), addresses, format }));
        assert_eq!(world.said().len(), expect, "{format:?}");
    }
}

#[test]
fn so_many_addresses_and_no_more() {
    let max = NEIGHBOUR_ADDRESSES_MAX;
    for (announced, expect) in [(max - 1, max - 1), (max, max), (max + 1, max), (10 * max, max)] {
        let mut world = World::with_cable();
        let addresses: Vec<_> = (0..announced).map(|n| format!("10.0.0.{}:4700", n + 2)).collect();
        world.see("a", &addresses.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(world.said()[0].split(' ').count() - 2, expect);
    }
}

#[test]
fn e13_one_neighbour_on_two_networks_is_one() {
    let mut world = World::with_cable();
    world.plug(cable(3, "wlan0", &["10.0.3.1/24", "fe80::3/64"]));
    world.said();
    world.see_on(2, "a", &["10.0.0.2:4700", "[fe80::2%2]:4700"]);
    world.expect(&["candidate a 10.0.0.2:4700 [fe80::2%2]:4700"]);
    world.see_on(3, "a", &["10.0.3.2:4700", "[fe80::2%3]:4700"]);
    world.expect(&["candidate a 10.0.0.2:4700 10.0.3.2:4700 [fe80::2%2]:4700 [fe80::2%3]:4700"]);
    // A reflector brings what was said on the one to the other: nothing new there, and not on that link.
    world.see_on(3, "a", &["10.0.0.2:4700", "10.0.3.2:4700", "[fe80::2%3]:4700"]);
    world.expect(&[]);
    world.lose(2, "a");
    world.expect(&["candidate a 10.0.3.2:4700 [fe80::2%3]:4700"]);
    world.unplug(3);
    world.expect(&["stop 3", "gone a"]);
}

#[test]
fn e17_made_up_names_by_the_hundred_are_tried_by_the_dozen() {
    let mut world = World::with_cable();
    let mut tried = 0;
    for second in 0..10 {
        for n in 0..100 {
            let n = second * 100 + n;
            world.see(&format!("bogus{n}"), &[&format!("10.0.0.{}:4700", n % 250 + 2)]);
        }
        world.pass(Duration::from_secs(1));
        tried += world.said().iter().filter(|said| said.starts_with("candidate")).count();
    }
    assert!(tried <= (ANNOUNCED_ATTEMPTS_BURST_MAX + 10 * ANNOUNCED_ATTEMPTS_PER_SECOND_MAX) as usize, "{tried}");
    assert!(tried > ANNOUNCED_ATTEMPTS_BURST_MAX as usize, "{tried}");
}

#[test]
fn e17_a_real_one_is_not_kept_waiting_by_one_address_with_many_names() {
    let mut world = World::with_cable();
    for n in 0..1000 {
        world.see(&format!("bogus{n}"), &["10.0.0.66:4700"]);
    }
    world.said();
    world.see("real", &["10.0.0.2:4700"]);
    world.pass(Duration::from_millis(100));
    assert!(world.said().contains(&"candidate real 10.0.0.2:4700".to_owned()));
}

#[test]
fn e08_a_third_party_is_tried_a_few_times_a_minute_whatever_its_ports() {
    let mut world = World::with_cable();
    let mut tried = 0;
    for n in 0..600_u16 {
        world.see(&format!("a{}", n % 50), &[&format!("10.0.0.9:{}", n + 1)]);
        world.pass(Duration::from_secs(1));
        tried += world.said().iter().filter(|said| said.starts_with("candidate")).count() as u32;
    }
    assert!(tried <= ADDRESS_ATTEMPTS_BURST_MAX + 600 / ADDRESS_ATTEMPT_EVERY.as_secs() as u32, "{tried}");
}

#[test]
fn e07_an_announcement_says_nothing_of_persons() {
    // The same name with another port and other addresses is another place to try, and nothing else: there is no field by
    // which it could become somebody.
    let mut world = World::with_cable();
    world.see("juliet", &["10.0.0.2:4700"]);
    world.see("juliet", &["10.0.0.66:9"]);
    world.expect(&["candidate juliet 10.0.0.2:4700", "candidate juliet 10.0.0.66:9"]);
}

#[test]
fn what_a_person_names_is_tried_at_once_and_on_every_new_network() {
    let mut world = World::new();
    world.tell(Input::Manual(socket("192.0.2.7:4700")));
    world.expect(&["candidate 192.0.2.7:4700 192.0.2.7:4700"]);
    world.plug(cable(2, "eth0", &["10.0.0.1/24"]));
    world.expect(&["start 2", "candidate 192.0.2.7:4700 192.0.2.7:4700", "announce 2"]);
    // Routes change in bursts.
    world.tell(Input::Routes);
    world.expect(&[]);
    world.pass(Duration::from_secs(10));
    world.tell(Input::Routes);
    world.expect(&["candidate 192.0.2.7:4700 192.0.2.7:4700"]);
    // Not while there is a link.
    world.link(1, None, "192.0.2.7:4700");
    world.pass(Duration::from_secs(10));
    world.tell(Input::Routes);
    world.expect(&[]);
}

#[test]
fn so_many_named_addresses_and_no_more() {
    let mut world = World::new();
    let mut offered = |count: usize| {
        (0..count).for_each(|n| world.tell(Input::Manual(socket(&format!("192.0.2.1:{}", n + 1)))));
        world.said().len()
    };
    let max = MANUAL_ADDRESSES_MAX;
    assert_eq!([max - 1, max, max + 1, 10 * max].map(&mut offered), [max - 1, max, max, max]);
}
