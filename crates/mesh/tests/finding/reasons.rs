//! Why nobody is found (attack case E12).

use std::time::Duration;

use mesh::finding::{Input, Interface, Key, Reason};

use crate::world::{REASONS, World, cable, socket};

const PATIENCE: Duration = Duration::from_secs(30);

fn changed(change: fn(&mut Interface)) -> Interface {
    let mut interface = cable(2, "eth0", &["10.0.0.1/24"]);
    change(&mut interface);
    interface
}

/// What is said of this one interface at once, and after half a minute.
#[track_caller]
fn check(change: fn(&mut Interface), then: fn(&mut World), at_once: &[&str], later: &[&str]) {
    let mut world = World::new();
    world.plug(changed(change));
    let only = |world: &mut World| -> Vec<String> {
        world.said().into_iter().filter(|said| said.starts_with("reason") || said == "found").collect()
    };
    let name = world.interfaces[0].is_up_and_shared().then(|| world.announced(2));
    assert_eq!(only(&mut world), at_once);
    if let Some(name) = name {
        world.see(&name, &["10.0.0.1:4700"]);
    }
    then(&mut world);
    world.pass(PATIENCE - Duration::from_millis(1));
    assert_eq!(only(&mut world), [""; 0]);
    world.pass(Duration::from_millis(1));
    assert_eq!(only(&mut world), later);
}

trait Shared {
    fn is_up_and_shared(&self) -> bool;
}

impl Shared for Interface {
    fn is_up_and_shared(&self) -> bool {
        self.up && self.multicast && !self.point_to_point && !self.loopback && !self.addresses.is_empty()
    }
}

#[test]
fn e12_what_is_known_at_once() {
    check(|i| i.up = false, |_| {}, &["reason NoInterface"], &[]);
    check(|i| i.loopback = true, |_| {}, &["reason NoInterface"], &[]);
    check(|i| i.addresses.clear(), |_| {}, &["reason NoInterface"], &[]);
    check(|i| i.multicast = false, |_| {}, &["reason NoMulticast"], &[]);
    // A VPN that takes everything.
    check(|i| i.point_to_point = true, |_| {}, &["reason NoMulticast"], &[]);
}

#[test]
fn e12_what_is_known_after_half_a_minute() {
    check(|_| {}, |_| {}, &[], &["reason Nobody { wireless: false }"]);
    check(|i| i.wireless = true, |_| {}, &[], &["reason Nobody { wireless: true }"]);
    // Somebody on this link is known by address and does not answer.
    check(
        |_| {},
        |world| {
            world.tell(Input::Manual(socket("10.0.0.2:4700")));
            world.tell(Input::Unreachable { key: Key::Manual(socket("10.0.0.2:4700")) });
        },
        &[],
        &["reason Isolated"],
    );
    // Somewhere else is another matter.
    check(
        |_| {},
        |world| {
            world.tell(Input::Manual(socket("192.0.2.2:4700")));
            world.tell(Input::Unreachable { key: Key::Manual(socket("192.0.2.2:4700")) });
        },
        &[],
        &["reason Nobody { wireless: false }"],
    );
    // Somebody answers by unicast, and is never announced.
    check(|_| {}, |world| world.link(1, None, "10.0.0.2:4700"), &[], &["reason Isolated"]);
    // Somebody is announced, and nobody answers.
    check(
        |_| {},
        |world| {
            world.see("a", &["10.0.0.2:4700"]);
            world.unreachable("a");
        },
        &[],
        &["reason Isolated"],
    );
    // Somebody is there.
    check(|_| {}, |world| world.see("a", &["10.0.0.2:4700"]), &[], &[]);
    check(|_| {}, |world| world.link(1, None, "192.0.2.2:4700"), &[], &[]);
}

#[test]
fn e12_our_own_words_do_not_come_back() {
    let mut world = World::with_cable();
    world.pass(PATIENCE);
    world.expect(&["reason Unheard"]);
}

#[test]
fn a_reason_ends_when_somebody_is_found_and_comes_back() {
    let mut world = World::with_cable();
    world.pass(PATIENCE);
    world.said();
    world.see("a", &["10.0.0.2:4700"]);
    world.expect(&["candidate a 10.0.0.2:4700", "found"]);
    world.lose(2, "a");
    world.pass(PATIENCE);
    world.expect(&["gone a", "reason Unheard"]);
    world.unplug(2);
    world.tell(Input::Interfaces(vec![changed(|i| i.up = false)]));
    assert!(world.said().contains(&"reason NoInterface".to_owned()));
}

#[test]
fn reasons_are_words_that_a_person_can_act_on() {
    let words: std::collections::BTreeSet<_> = REASONS.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), REASONS.len());
    assert!(words.iter().all(|words| words.len() > 30 && words.is_ascii() && !words.contains('\n')), "{words:?}");
}

#[test]
fn what_can_be_said_of_interfaces_alone() {
    let loopback = Interface { loopback: true, ..cable(1, "lo", &["127.0.0.1/8"]) };
    let both = |change: fn(&mut Interface)| vec![loopback.clone(), changed(change)];
    for (interfaces, with_loopback, expect) in [
        (vec![], false, Some(Reason::NoInterface)),
        (both(|i| i.up = false), false, Some(Reason::NoInterface)),
        (both(|i| i.up = false), true, None),
        (both(|i| i.point_to_point = true), false, Some(Reason::NoMulticast)),
        (both(|i| i.multicast = false), false, Some(Reason::NoMulticast)),
        (both(|_| {}), false, None),
    ] {
        assert_eq!(Reason::at_once(&interfaces, with_loopback), expect, "{interfaces:?}");
    }
}

#[test]
fn patience_begins_when_there_is_a_network() {
    let mut world = World::new();
    world.plug(changed(|i| i.up = false));
    world.pass(2 * PATIENCE);
    world.expect(&["reason NoInterface"]);
    world.plug(changed(|_| {}));
    world.expect(&["start 2", "announce 2", "found"]);
    world.pass(PATIENCE - Duration::from_millis(1));
    world.expect(&[]);
    world.pass(Duration::from_millis(1));
    world.expect(&["reason Unheard"]);
}
