//! A link's word is stronger than an announcement.

use std::time::Duration;

use base::LinkId;
use mesh::finding::Input;

use crate::world::{World, socket};

#[test]
fn e04_a_goodbye_while_a_link_lives_is_only_asked_about() {
    let mut world = World::with_cable();
    world.see("a", &["10.0.0.2:4700"]);
    world.link(1, Some("a"), "10.0.0.2:4700");
    world.said();
    for _ in 0..1000 {
        world.lose(2, "a");
    }
    world.expect(&["verify 2 a"]);
    world.pass(Duration::from_secs(10));
    world.lose(2, "a");
    world.expect(&["verify 2 a"]);
    // It was not there any more: known when the link ends.
    world.unlink(1);
    world.expect(&["gone a"]);
}

#[test]
fn e04_a_false_goodbye_is_forgotten_when_it_answers() {
    let mut world = World::with_cable();
    world.see("a", &["10.0.0.2:4700"]);
    world.link(1, Some("a"), "10.0.0.2:4700");
    world.lose(2, "a");
    world.see("a", &["10.0.0.2:4700"]);
    world.pass(Duration::from_secs(10));
    world.said();
    world.unlink(1);
    world.expect(&["verify 2 a", "candidate a 10.0.0.2:4700"]);
    world.lose(2, "a");
    world.expect(&["gone a"]);
}

#[test]
fn suspicion_asks_and_changes_nothing() {
    let mut world = World::with_cable();
    world.see("a", &["10.0.0.2:4700"]);
    world.link(1, Some("a"), "10.0.0.2:4700");
    world.said();
    world.tell(Input::Suspect { link: LinkId(1) });
    world.tell(Input::Suspect { link: LinkId(1) });
    world.tell(Input::Suspect { link: LinkId(9) });
    world.expect(&["verify 2 a"]);
}

#[test]
fn who_has_called_us_is_not_called() {
    let mut world = World::with_cable();
    world.link(1, None, "10.0.0.2:4700");
    world.see("a", &["10.0.0.2:4700"]);
    world.expect(&[]);
    // Nor when it takes another name for the day.
    world.see("b", &["10.0.0.2:4700"]);
    world.expect(&[]);
    world.unlink(1);
    world.expect(&["verify 2 a", "verify 2 b", "candidate a 10.0.0.2:4700", "candidate b 10.0.0.2:4700"]);
}

#[test]
fn of_two_links_one_is_enough() {
    let mut world = World::with_cable();
    world.see("a", &["10.0.0.2:4700"]);
    world.link(1, Some("a"), "10.0.0.2:4700");
    world.link(2, None, "10.0.0.2:4700");
    world.said();
    world.unlink(1);
    world.unlink(1);
    world.expect(&[]);
    world.unlink(2);
    world.expect(&["verify 2 a", "candidate a 10.0.0.2:4700"]);
}

#[test]
fn a_cable_that_is_pulled_does_not_end_a_link_by_itself() {
    let mut world = World::with_cable();
    world.see("a", &["10.0.0.2:4700"]);
    world.link(1, Some("a"), "10.0.0.2:4700");
    world.said();
    world.unplug(2);
    assert_eq!(world.said()[0], "stop 2");
    world.unlink(1);
    assert_eq!(world.said()[0], "gone a");
}

#[test]
fn a_link_to_a_named_address_that_ends_is_tried_again() {
    let mut world = World::with_cable();
    world.tell(Input::Manual(socket("192.0.2.7:4700")));
    let key = mesh::finding::Key::Manual(socket("192.0.2.7:4700"));
    world.tell(Input::LinkUp { link: LinkId(1), key: Some(key), remote: socket("192.0.2.7:4700") });
    world.said();
    world.unlink(1);
    world.expect(&["candidate 192.0.2.7:4700 192.0.2.7:4700"]);
}
