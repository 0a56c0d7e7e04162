//! What we are called, and for how long (RFC 8882).

use std::collections::BTreeSet;
use std::time::Duration;

use base::limits::{INSTANCE_BYTES_MAX, NAME_CONFLICTS_MAX};
use mesh::finding::{Input, Instance};

use crate::world::{World, cable};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn e01_what_a_name_may_be() {
    let long = "a".repeat(INSTANCE_BYTES_MAX + 1);
    for (label, expect) in [
        ("0123456789abcdef", Some("0123456789abcdef")),
        ("ABC-9", Some("abc-9")),
        (&long[1..], Some(&long[1..])),
        (&long[2..], Some(&long[2..])),
        (&long, None),
        (&long.repeat(10), None),
        ("", None),
        ("a.b", None),
        ("a b", None),
        ("a\\046b", None),
        ("jörg", None),
        ("\u{1b}[2J", None),
        ("\0", None),
    ] {
        assert_eq!(Instance::new(label).as_ref().map(Instance::as_str), expect, "{label:?}");
    }
}

#[test]
fn e16_another_network_another_day_another_name() {
    let mut world = World::new();
    let mut names = BTreeSet::new();
    world.plug(cable(2, "eth0", &["10.0.0.1/24"]));
    world.plug(cable(3, "wlan0", &["10.9.0.1/24"]));
    names.extend([world.announced(2), world.announced(3)]);
    world.said();
    // Each day once, with the old name withdrawn first.
    for _ in 0..3 {
        world.pass(DAY);
        names.extend([world.announced(2), world.announced(3)]);
        let orders: Vec<_> = world.said().into_iter().filter(|said| !said.starts_with("reason")).collect();
        assert_eq!(orders, ["withdraw 2", "withdraw 3", "announce 2", "announce 3"]);
    }
    // Another network behind the same cable.
    world.plug(cable(2, "eth0", &["192.168.1.7/24"]));
    names.insert(world.announced(2));
    assert_eq!(names.len(), 9);
    for name in &names {
        assert!(name.len() == 16 && name.bytes().all(|b| b.is_ascii_alphanumeric()), "{name}");
    }
    // Nothing of it follows from what others can see.
    let mut other = World::with(false, [8; 32]);
    other.plug(cable(2, "eth0", &["10.0.0.1/24"]));
    assert!(!names.contains(&other.announced(2)));
}

#[test]
fn e16_laptops_do_not_change_their_names_together() {
    let changes: BTreeSet<_> = (0..20)
        .map(|seed| {
            let mut world = World::with(false, [seed; 32]);
            world.plug(cable(2, "eth0", &["10.0.0.1/24"]));
            world.pass(Duration::from_secs(60));
            world.finder.wake_at().unwrap()
        })
        .collect();
    assert_eq!(changes.len(), 20);
}

#[test]
fn one_visit_one_name() {
    // What happens to the interface, and whether the name stays.
    let check = |absent: u64, addresses: &[&str], stays: bool| {
        let mut world = World::new();
        world.plug(cable(2, "eth0", &["fe80::1/64"]));
        world.plug(cable(2, "eth0", &["fe80::1/64", "10.0.0.1/24"]));
        let name = world.announced(2);
        world.unplug(2);
        world.pass(Duration::from_secs(absent));
        world.said();
        // The kernel may give it another number.
        world.plug(cable(5, "eth0", addresses));
        assert_eq!(world.announced(5) == name, stays, "{absent} {addresses:?}");
    };
    check(5, &["fe80::1/64", "10.0.0.9/24"], true);
    check(5, &["fe80::1/64"], true);
    check(59, &["10.0.0.1/24"], true);
    check(61, &["10.0.0.1/24"], false);
    check(5, &["10.0.1.1/24"], false);
}

#[test]
fn addresses_that_come_late_tell_whether_it_is_the_same_network() {
    for (late, stays) in [("10.0.0.7/24", true), ("172.16.0.1/16", false)] {
        let mut world = World::new();
        world.plug(cable(2, "eth0", &["fe80::1/64", "10.0.0.1/24"]));
        let name = world.announced(2);
        world.plug(cable(2, "eth0", &["fe80::1/64"]));
        world.plug(cable(2, "eth0", &["fe80::1/64", late]));
        assert_eq!(world.announced(2) == name, stays, "{late}");
    }
}

#[test]
fn a_clock_that_jumps_makes_no_storm_of_names() {
    let mut world = World::with_cable();
    let mut withdrawn = 0;
    for n in 0..3600 {
        world.now.wall.0 += if n % 2 == 0 { 400 } else { -400 } * 86_400_000;
        world.pass(Duration::from_secs(1));
        withdrawn += world.said().iter().filter(|said| said.starts_with("withdraw")).count();
    }
    assert!(withdrawn <= 1, "{withdrawn}");
}

#[test]
fn e05_who_claims_our_names_makes_us_silent_in_the_end_not_busy() {
    let mut world = World::new();
    world.plug(cable(2, "eth0", &["10.0.0.1/24"]));
    let mut names = BTreeSet::new();
    for attempt in 1..=NAME_CONFLICTS_MAX {
        let name = world.announced(2);
        assert!(names.insert(name.clone()));
        world.said();
        // Our own echo is no conflict, whatever addresses come with it; another port or only foreign addresses are.
        world.see(&name, &["10.0.0.1:4700", "10.0.0.66:4700"]);
        world.expect(&[]);
        world.see(&name, if attempt % 2 == 0 { &["10.0.0.66:4700"] } else { &["10.0.0.1:9"] });
        assert_eq!(world.outputs.iter().map(crate::world::describe).collect::<Vec<_>>(), ["withdraw 2", "announce 2"]);
    }
    let name = world.announced(2);
    world.said();
    world.see(&name, &["10.0.0.66:4700"]);
    world.expect(&["withdraw 2"]);
    for old in names {
        world.see(&old, &["10.0.0.66:4700"]);
    }
    world.expect(&[]);
    // Others are still found; and tomorrow is another day.
    world.see("a", &["10.0.0.2:4700"]);
    world.expect(&["candidate a 10.0.0.2:4700"]);
    world.pass(DAY);
    assert!(world.said().contains(&"announce 2".to_owned()));
}

#[test]
fn an_echo_with_an_address_of_a_moment_ago_is_no_conflict() {
    let mut world = World::new();
    world.plug(cable(2, "eth0", &["10.0.0.1/24", "fe80::1/64"]));
    let name = world.announced(2);
    world.plug(cable(2, "eth0", &["10.0.0.8/24", "fe80::1/64"]));
    world.said();
    world.see(&name, &["10.0.0.1:4700"]);
    world.expect(&[]);
    world.pass(Duration::from_secs(200));
    world.tell(Input::Interfaces(world.interfaces.clone()));
    world.said();
    world.see(&name, &["10.0.0.1:4700"]);
    assert_eq!(world.said()[0], "withdraw 2");
}

#[test]
fn e13_two_networks_on_one_link_have_one_name() {
    let mut world = World::new();
    world.plug(cable(2, "eth0", &["10.0.0.1/24"]));
    world.plug(cable(3, "wlan0", &["10.0.0.2/24"]));
    let (first, second) = (world.announced(2), world.announced(3));
    world.said();
    world.see_on(2, &second, &["10.0.0.2:4700"]);
    world.see_on(3, &second, &["10.0.0.2:4700"]);
    world.see_on(2, &first, &["10.0.0.1:4700"]);
    world.expect(&[]);
    world.see_on(3, &first, &["10.0.0.1:4700"]);
    world.expect(&["withdraw 3"]);
    world.see_on(3, &first, &["10.0.0.1:4700"]);
    world.expect(&[]);
    // They are parted, or the first is gone: the second speaks for itself again.
    world.lose(3, &first);
    world.expect(&["announce 3"]);
    world.see_on(3, &first, &["10.0.0.1:4700"]);
    world.expect(&["withdraw 3"]);
    world.unplug(2);
    world.expect(&["stop 2", "announce 3"]);
}
