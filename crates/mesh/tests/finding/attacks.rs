//! Crowds that are not there, and inputs that make no sense.

use std::time::Duration;

use base::LinkId;
use base::limits::{NEIGHBOURS_MAX, NEIGHBOURS_PER_ADDRESS_MAX};
use mesh::finding::{Input, Instance, Key, NetworkId, Sighting};
use proptest::prelude::*;

use crate::world::{World, cable, instance, socket};

/// A home of its own for each, in a wide network.
fn address(n: usize) -> String {
    format!("10.{}.{}.{}:4700", 1 + n / 62_500, n / 250 % 250, n % 250 + 2)
}

fn wide() -> World {
    let mut world = World::new();
    world.plug(cable(2, "eth0", &["10.0.0.1/8"]));
    world
}

#[test]
fn e06_a_hundred_thousand_made_up_neighbours() {
    let mut world = wide();
    world.see("friend", &["10.0.0.2:4700"]);
    world.link(1, Some("friend"), "10.0.0.2:4700");
    for n in 0..100_000 {
        world.see(&format!("bogus{n}"), &[&address(n)]);
        world.go_to(world.now.mono + Duration::from_micros(100));
        world.outputs.clear();
        assert!(world.finder.neighbours() <= NEIGHBOURS_MAX);
    }
    assert_eq!(world.finder.neighbours(), NEIGHBOURS_MAX);
    // Who has a link has not been pushed out; and a newcomer finds a place, and its turn.
    world.unlink(1);
    assert_eq!(world.said()[0], "verify 2 friend");
    world.see("real", &["10.0.0.3:4700"]);
    world.pass(Duration::from_secs(70));
    assert!(world.said().contains(&"candidate real 10.0.0.3:4700".to_owned()));
}

#[test]
fn e06_one_address_with_many_names_pushes_out_its_own() {
    let mut world = World::with_cable();
    for n in 0..5 {
        world.see(&format!("friend{n}"), &[&format!("10.0.0.{}:4700", n + 2)]);
    }
    let mut held = |count: usize| {
        (0..count).for_each(|n| world.see(&format!("bogus{n}"), &["10.0.0.66:4700"]));
        world.finder.neighbours() - 5
    };
    let max = NEIGHBOURS_PER_ADDRESS_MAX;
    assert_eq!([max - 1, max, max + 1, 10 * max].map(&mut held), [max - 1, max, max, max]);
    assert!(world.said().iter().all(|said| !said.starts_with("gone friend")));
}

#[test]
fn e06_when_all_have_links_a_newcomer_waits() {
    let mut world = wide();
    for n in 0..NEIGHBOURS_MAX {
        world.see(&format!("friend{n}"), &[&address(n)]);
        world.link(n as u64, None, &address(n));
    }
    world.said();
    world.see("late", &["10.200.0.1:4700"]);
    assert_eq!((world.said().len(), world.finder.neighbours()), (0, NEIGHBOURS_MAX));
}

fn any_input() -> impl Strategy<Value = Input> {
    let network = (0_u32..4).prop_map(NetworkId);
    let name = "[a-f]{1,2}".prop_map(|name| Instance::new(&name).unwrap());
    let address = (0_u8..6, 4699_u16..4702).prop_map(|(host, port)| socket(&format!("10.0.0.{host}:{port}")));
    let link = (0_u64..4).prop_map(LinkId);
    let interfaces = prop::collection::vec((1_u32..4, 0_u8..3, any::<bool>()), 0..4).prop_map(|all| {
        let interface = |(index, subnet, up)| {
            let mut interface = cable(index, &format!("eth{index}"), &[&format!("10.0.{subnet}.1/24")]);
            interface.up = up;
            interface
        };
        Input::Interfaces(all.into_iter().map(interface).collect())
    });
    let key = prop_oneof![name.clone().prop_map(Key::Announced), address.clone().prop_map(Key::Manual)];
    prop_oneof![
        interfaces,
        (network.clone(), name.clone(), prop::collection::vec(address.clone(), 0..4)).prop_map(
            |(network, instance, addresses)| {
                Input::Seen(Sighting { network, instance, addresses, format: Some(1) })
            }
        ),
        (network.clone(), name).prop_map(|(network, instance)| Input::Gone { network, instance }),
        network.prop_map(|network| Input::Failed { network }),
        address.clone().prop_map(Input::Manual),
        (link.clone(), prop::option::of(key.clone()), address).prop_map(|(link, key, remote)| Input::LinkUp {
            link,
            key,
            remote
        }),
        link.clone().prop_map(|link| Input::LinkDown { link }),
        link.prop_map(|link| Input::Suspect { link }),
        key.prop_map(|key| Input::Unreachable { key }),
        Just(Input::Routes),
        Just(Input::Due),
    ]
}

proptest! {
    /// Whatever comes in whatever order: candidates go only if they were offered, responders stop only if they run, and
    /// nothing is asked of one that does not.
    #[test]
    fn any_inputs(inputs in prop::collection::vec((any_input(), 0_u64..20_000, -100_000_i64..100_000), 1..60)) {
        let mut world = World::new();
        let (mut offered, mut running) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for (input, pause_ms, jump_ms) in inputs {
            world.pass(Duration::from_millis(pause_ms));
            world.now.wall.0 += jump_ms;
            world.tell(input);
            for said in world.said() {
                let (word, rest) = said.split_once(' ').unwrap_or((&said, ""));
                let subject = rest.split(' ').next().unwrap().to_owned();
                match word {
                    "candidate" => { offered.insert(subject); }
                    "gone" => prop_assert!(offered.remove(&subject), "{}", said),
                    "start" => prop_assert!(running.insert(subject), "{}", said),
                    "stop" => { running.remove(&subject); }
                    "announce" | "look" => prop_assert!(running.contains(&subject), "{}", said),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn instances_are_told_apart_without_capitals() {
    let mut world = World::with_cable();
    world.see("Abc", &["10.0.0.2:4700"]);
    world.lose(2, "aBC");
    world.expect(&["candidate abc 10.0.0.2:4700", "gone abc"]);
    assert_eq!(instance("ABC"), instance("abc"));
}
