//! Networks come and go, and so do responders.

use std::time::Duration;

use base::limits::NETWORKS_MAX;
use mesh::finding::{Input, Interface, NetworkId, Order, Output};

use crate::world::{World, cable};

#[test]
fn a_network_is_announced_on_when_it_is_there() {
    let mut world = World::new();
    world.plug(cable(2, "eth0", &["fe80::1/64"]));
    world.expect(&["start 2", "announce 2"]);
    // An address more: look there, too. One less: the responder would go on to tell it.
    world.plug(cable(2, "eth0", &["fe80::1/64", "10.0.0.1/24"]));
    world.expect(&["look 2"]);
    world.plug(cable(2, "eth0", &["fe80::1/64"]));
    world.expect(&["stop 2", "start 2", "announce 2"]);
    world.plug(cable(2, "eth0", &["fe80::1/64"]));
    world.expect(&[]);
    world.unplug(2);
    world.expect(&["stop 2"]);
}

#[test]
fn where_there_can_be_neighbours() {
    let check = |loopback: bool, change: fn(&mut Interface), expect: &[&str]| {
        let mut world = World::with(loopback, [1; 32]);
        let mut interface = cable(2, "if0", &["10.0.0.1/24"]);
        change(&mut interface);
        world.plug(interface);
        let orders: Vec<_> = world.said().into_iter().filter(|said| !said.starts_with("reason")).collect();
        assert_eq!(orders, expect);
    };
    let yes = &["start 2", "announce 2"];
    check(false, |_| {}, yes);
    check(false, |i| i.up = false, &[]);
    check(false, |i| i.addresses.clear(), &[]);
    check(false, |i| i.multicast = false, &[]);
    check(false, |i| i.point_to_point = true, &[]);
    check(false, |i| (i.loopback, i.multicast) = (true, false), &[]);
    check(true, |i| (i.loopback, i.multicast) = (true, false), yes);
    check(true, |i| i.multicast = false, &[]);
}

#[test]
fn so_many_networks_and_no_more() {
    let count = NETWORKS_MAX as u32;
    for (there, expect) in [(count - 1, count - 1), (count, count), (count + 1, count), (10 * count, count)] {
        let mut world = World::new();
        let all = (0..there).map(|n| cable(n + 2, &format!("eth{n}"), &["fe80::1/64"])).collect();
        world.tell(Input::Interfaces(all));
        let starts = world.said().iter().filter(|said| said.starts_with("start")).count();
        assert_eq!(starts as u32, expect);
    }
}

#[test]
fn cables_of_containers_do_not_push_out_a_radio() {
    let mut world = World::new();
    let mut all: Vec<_> =
        (0..2 * NETWORKS_MAX as u32).map(|n| cable(n + 2, &format!("veth{n}"), &["fe80::1/64"])).collect();
    all.push(Interface { wireless: true, ..cable(90, "wlan0", &["fe80::1/64"]) });
    all.push(cable(91, "usb0", &["10.0.0.1/24", "fe80::1/64"]));
    world.tell(Input::Interfaces(all));
    let said = world.said();
    assert!(said.contains(&"start 90".to_owned()) && said.contains(&"start 91".to_owned()), "{said:?}");
}

#[test]
fn a_responder_that_fails_rests_longer_each_time() {
    let mut world = World::with_cable();
    let mut rests = Vec::new();
    for _ in 0..4 {
        world.fail(2);
        world.expect(&["stop 2"]);
        let rest = world.finder.wake_at().unwrap() - world.now.mono;
        rests.push(rest.as_secs());
        world.pass(rest - Duration::from_millis(1));
        world.expect(&[]);
        world.pass(Duration::from_millis(1));
        world.expect(&["start 2", "announce 2"]);
    }
    assert_eq!(rests, [1, 2, 4, 8]);
    // One that worked for long begins anew.
    world.pass(Duration::from_secs(301));
    world.said();
    world.fail(2);
    assert_eq!(world.finder.wake_at().unwrap() - world.now.mono, Duration::from_secs(1));
}

#[test]
fn what_an_old_responder_says_does_not_count() {
    let mut world = World::with_cable();
    world.fail(2);
    world.said();
    world.see("a", &["10.0.0.2:4700"]);
    world.fail(2);
    world.see_on(3, "a", &["10.0.0.2:4700"]);
    world.fail(3);
    world.expect(&[]);
}

#[test]
fn after_sleep_all_begin_anew() {
    let mut world = World::with_cable();
    world.pass(Duration::from_secs(10));
    world.sleep(Duration::from_secs(4));
    world.tell(Input::Due);
    world.expect(&[]);
    world.sleep(Duration::from_secs(600));
    world.tell(Input::Due);
    world.expect(&["stop 2", "start 2", "announce 2"]);
    // A clock that is set back is no sleep.
    world.now.wall.0 -= 600_000;
    world.tell(Input::Due);
    world.expect(&[]);
}

#[test]
fn e03_which_addresses_are_guarded() {
    let mut world = World::new();
    world.plug(cable(2, "eth0", &["10.0.0.1/24", "127.0.0.1/8", "169.254.3.4/16", "fe80::1/64", "2001:db8::1/64"]));
    let guard = ["10.0.0.1", "2001:db8::1"].map(|ip| ip.parse().unwrap()).to_vec();
    assert_eq!(world.outputs[0], Output::Order(Order::Start { network: NetworkId(2), guard }));
}
