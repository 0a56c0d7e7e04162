//! Who is near because people whom we have met vouch for them: some nodes as values, and the links between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base::ledger::{PinRow, StatementRow, Write};
use base::limits::{GIVEN_VOUCH_TIME_MAX, VOUCHERS_NEEDED};
use base::{Bare, Circle, LinkId, Now, Wall};
use mesh::identity::introduction::{Own, Visibility};
use mesh::identity::{PersonId, Pin};
use mesh::link::{Command, DownCause, Event, ProtocolId};
use mesh::node::{Input, Node, Output};
use mesh::verification::Act;

#[path = "common/people.rs"]
mod people;

use people::{NOW, address, own};

const LISA: usize = 0;
const TOM: usize = 1;
const ANA: usize = 2;
const PAULO: usize = 3;

/// Some laptops with one person each.
struct World {
    now: Now,
    people: Vec<Arc<Own>>,
    nodes: Vec<Node>,
    /// Who is at the ends of each link, by its number.
    links: Vec<[usize; 2]>,
    wires: VecDeque<(usize, Event)>,
    /// What each was told of circles.
    circles: Vec<Vec<(Bare, Circle)>>,
    written: Vec<(Vec<StatementRow>, Vec<PinRow>)>,
    /// Frames of introductions that were carried.
    introductions: Vec<Vec<u8>>,
    /// Frames of these kinds are lost on their way.
    deaf_to: Vec<u8>,
}

impl World {
    /// Lisa is of another household than Tom, Ana and Paulo.
    fn new() -> World {
        World::of(vec![own("lisa", 0, 11), own("tom", 1, 12), own("ana", 1, 13), own("paulo", 1, 14)])
    }

    fn of(people: Vec<Arc<Own>>) -> World {
        let nodes = (0..people.len()).map(|n| Node::new(NOW, 5299, false, [n as u8 + 1; 32])).collect();
        let mut world = World {
            now: NOW,
            nodes,
            links: Vec::new(),
            wires: VecDeque::new(),
            circles: vec![Vec::new(); people.len()],
            written: vec![Default::default(); people.len()],
            introductions: Vec::new(),
            deaf_to: Vec::new(),
            people,
        };
        (0..world.people.len()).for_each(|who| world.show(who, Visibility::Everyone));
        world
    }

    fn show(&mut self, who: usize, to: Visibility) {
        let devices = vec![(Arc::clone(&self.people[who]), to)];
        self.tell(who, Input::Devices(devices));
        self.carry();
    }

    fn address(&self, who: usize) -> Bare {
        self.people[who].chain().proven().address.clone()
    }

    fn tell(&mut self, who: usize, input: Input<'_>) {
        self.nodes[who].handle(self.now, input);
        while let Some(output) = self.nodes[who].poll() {
            match output {
                Output::Link(Command::Send { link, protocol, frame }) => {
                    let ends = self.links[link.0 as usize];
                    let to = if ends[0] == who { ends[1] } else { ends[0] };
                    if protocol == ProtocolId::INTRODUCTION {
                        self.introductions.push(frame.clone());
                        if frame.get(1).is_some_and(|kind| self.deaf_to.contains(kind)) {
                            continue;
                        }
                    }
                    self.wires.push_back((to, Event::Frame { link, protocol, frame }));
                }
                Output::Link(Command::Close { link, code }) => panic!("{who} closes {link:?}: {code:?}"),
                Output::Circle { other, circle, .. } => self.circles[who].push((other, circle)),
                Output::Store(batch) => batch.into_iter().for_each(|write| self.write(who, write)),
                _ => {}
            }
        }
    }

    fn write(&mut self, who: usize, write: Write) {
        let (statements, pins) = &mut self.written[who];
        match write {
            Write::PutStatement(row) => {
                statements.retain(|held| held.key != row.key);
                statements.push(row);
            }
            Write::RemoveStatement(key) => statements.retain(|held| held.key != key),
            Write::PutPin(row) => pins.push(row),
            other => panic!("{other:?}"),
        }
    }

    fn carry(&mut self) {
        while let Some((to, event)) = self.wires.pop_front() {
            self.tell(to, Input::Link(event));
        }
    }

    /// A new link.
    fn up(&mut self, one: usize, other: usize) -> usize {
        let link = self.links.len();
        self.links.push([one, other]);
        for (end, who) in [one, other].into_iter().enumerate() {
            let key = |end: usize| [link as u8 + 1, end as u8].repeat(16).try_into().unwrap();
            let event = Event::Up {
                link: LinkId(link as u64),
                attempt: None,
                exporter: [link as u8 + 1; 32],
                local_key: key(end),
                remote_key: key(1 - end),
                dialled: end == 0,
                remote: "192.0.2.1:5299".parse().unwrap(),
            };
            self.tell(who, Input::Link(event));
        }
        self.carry();
        link
    }

    fn down(&mut self, link: usize) {
        for who in self.links[link] {
            let event = Event::Down { link: LinkId(link as u64), cause: DownCause::Silent };
            self.tell(who, Input::Link(event));
        }
        self.carry();
    }

    /// Two people compare words.
    fn meet(&mut self, one: usize, other: usize) {
        let link = self.up(one, other);
        for act in [Act::Begin, Act::Agree] {
            for (who, with) in [(one, other), (other, one)] {
                let (own, other) = (self.address(who), self.address(with));
                self.tell(who, Input::Verify { own: &own, other: &other, act });
                self.carry();
            }
        }
        assert!(self.nodes[one].has_met(&self.address(one), &self.address(other)));
        self.down(link);
    }

    /// The program is started again with what was written.
    fn restart(&mut self, who: usize) {
        let mut node = Node::new(self.now, 5299, false, [who as u8 + 100; 32]);
        let (statements, pins) = self.written[who].clone();
        node.load(statements, pins);
        self.nodes[who] = node;
        self.show(who, Visibility::Everyone);
    }

    fn pass(&mut self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.now = Now { mono: self.now.mono + time, wall: Wall(self.now.wall.0 + millis) };
    }

    /// What somebody was told of somebody else since the last time.
    #[track_caller]
    fn hears(&mut self, who: usize, of: usize, expect: &[Circle]) {
        let other = self.address(of);
        let told = self.circles[who].extract_if(.., |(about, _)| *about == other);
        assert_eq!(told.map(|(_, circle)| circle).collect::<Vec<_>>(), expect);
    }
}

/// Ana and Paulo have met both.
fn with_two_friends() -> World {
    let mut world = World::new();
    for friend in [ANA, PAULO] {
        world.meet(LISA, friend);
        world.meet(friend, TOM);
    }
    world
}

#[test]
fn whom_two_friends_have_met_is_yellow_while_they_are_in_reach() {
    let mut world = with_two_friends();
    let link = world.up(LISA, TOM);
    world.hears(LISA, TOM, &[Circle::Yellow]);
    world.hears(TOM, LISA, &[Circle::Yellow]);
    let (lisa, tom) = (world.address(LISA), world.address(TOM));
    assert!(!world.nodes[LISA].has_met(&lisa, &tom) && world.nodes[LISA].met().all(|(_, other)| *other != tom));
    let toms = Pin::of(world.people[TOM].chain().proven()).person;
    assert_eq!(world.nodes[LISA].vouched_people(&lisa), [toms].into());
    world.down(link);
    world.hears(LISA, TOM, &[Circle::Red]);
    assert_eq!(world.nodes[LISA].vouched_people(&lisa), [].into());
    // Also after a start, by whichever side dials; and who is met is green.
    world.restart(TOM);
    world.restart(LISA);
    world.circles.iter_mut().for_each(Vec::clear);
    world.up(TOM, LISA);
    world.hears(LISA, TOM, &[Circle::Yellow]);
    world.meet(LISA, TOM);
    world.hears(LISA, TOM, &[Circle::Green]);
}

#[test]
fn one_friend_is_not_enough_and_counts_once() {
    let mut world = World::new();
    world.meet(LISA, ANA);
    world.meet(TOM, ANA);
    let link = world.up(LISA, TOM);
    world.hears(LISA, TOM, &[]);
    world.down(link);
    // One person with two names, whom both have met by both.
    let two_names = vec![own("lisa", 0, 11), own("tom", 1, 12), own("ana", 1, 13), own("anita", 1, 13)];
    let mut world = World::of(two_names);
    for name in [ANA, PAULO] {
        world.meet(LISA, name);
        world.meet(TOM, name);
    }
    world.up(LISA, TOM);
    world.hears(LISA, TOM, &[]);
    assert_eq!(VOUCHERS_NEEDED, 2, "the first part would prove nothing");
}

#[test]
fn friends_of_one_side_only_are_nothing() {
    let mut world = World::new();
    // Tom is vouched for by people whom Lisa has seen on links, and has not met.
    for friend in [ANA, PAULO] {
        world.meet(TOM, friend);
        world.up(LISA, friend);
    }
    world.up(LISA, TOM);
    world.hears(LISA, TOM, &[]);
    assert_eq!(world.nodes[LISA].vouched_people(&world.address(LISA)), [].into());
}

#[test]
fn what_changes_while_a_link_lives_is_told_on_it() {
    let mut world = World::new();
    world.meet(LISA, ANA);
    world.meet(LISA, PAULO);
    world.meet(TOM, ANA);
    world.up(LISA, TOM);
    world.hears(LISA, TOM, &[]);
    world.meet(TOM, PAULO);
    world.hears(LISA, TOM, &[Circle::Yellow]);
    // Lisa takes back that she has met Ana.
    let (lisa, ana) = (world.address(LISA), world.address(ANA));
    world.tell(LISA, Input::Unverify { own: &lisa, other: &ana });
    world.hears(LISA, TOM, &[Circle::Red]);
    world.hears(LISA, ANA, &[Circle::Green, Circle::Red]);
}

#[test]
fn a_vouch_is_over_when_the_two_have_not_met_for_long() {
    let mut world = with_two_friends();
    let day = Duration::from_secs(24 * 3600);
    // Half a year of daily starts: what one says oneself is renewed, what others said needs them.
    world.pass(GIVEN_VOUCH_TIME_MAX - day * 8);
    let link = world.up(LISA, TOM);
    world.hears(LISA, TOM, &[Circle::Yellow]);
    world.down(link);
    world.hears(LISA, TOM, &[Circle::Red]);
    // Paulo meets Tom again, and Ana does not.
    let again = world.up(PAULO, TOM);
    world.down(again);
    world.pass(day * 10);
    let link = world.up(LISA, TOM);
    world.hears(LISA, TOM, &[]);
    world.down(link);
    let again = world.up(ANA, TOM);
    world.down(again);
    world.up(LISA, TOM);
    world.hears(LISA, TOM, &[Circle::Yellow]);
    // What is over is not kept.
    let vouches = |world: &World| world.written[TOM].0.iter().filter(|row| row.key.kind == 6).count();
    assert_eq!(vouches(&world), 4, "two by Tom, two about him");
    world.pass(GIVEN_VOUCH_TIME_MAX + day * 2);
    world.restart(TOM);
    assert_eq!(vouches(&world), 2);
}

#[test]
fn only_who_has_been_met_leaves_something_to_keep() {
    let mut world = World::new();
    // Ana vouches for Tom, who takes back that he has met her.
    world.meet(ANA, TOM);
    let (tom, ana) = (world.address(TOM), world.address(ANA));
    world.tell(TOM, Input::Unverify { own: &tom, other: &ana });
    let anas = PersonId::of(&world.people[ANA].chain().proven().person);
    world.written[TOM].0.retain(|row| row.key.issuer != anas.0);
    world.restart(TOM);
    world.up(ANA, TOM);
    assert!(world.written[TOM].0.iter().all(|row| row.key.kind != 6 || row.key.issuer != anas.0));
}

#[test]
fn who_hides_is_seen_by_who_is_vouched_for() {
    let mut world = with_two_friends();
    let known = |world: &World| Visibility::Known(Arc::new(world.nodes[LISA].known_or_vouched(&world.people[LISA])));
    let hidden = known(&world);
    world.show(LISA, hidden);
    world.up(LISA, TOM);
    assert_eq!(world.nodes[TOM].neighbours().count(), 0);
    world.hears(LISA, TOM, &[Circle::Yellow]);
    // As the driver does when it hears that.
    let seen = known(&world);
    world.show(LISA, seen);
    assert_eq!(world.nodes[TOM].neighbours().map(|n| n.address).collect::<Vec<_>>(), [address("lisa", 0)]);
    world.hears(TOM, LISA, &[Circle::Yellow]);
}

#[test]
fn what_a_stranger_hears_names_nobody() {
    let mut world = with_two_friends();
    world.people.push(own("eve", 0, 15));
    world.nodes.push(Node::new(NOW, 5299, false, [99; 32]));
    world.circles.push(Vec::new());
    world.written.push(Default::default());
    world.show(4, Visibility::Everyone);
    world.introductions.clear();
    world.up(4, TOM);
    let keys = [ANA, PAULO].map(|who| world.people[who].chain().proven().person);
    let names = |frame: &[u8]| {
        let has = |part: &[u8]| frame.windows(part.len()).any(|window| window == part);
        keys.iter().any(|key| has(key.as_bytes())) || has(b"ana") || has(b"paulo")
    };
    assert!(world.introductions.iter().any(|frame| frame.get(1) == Some(&5)), "they are shown");
    assert!(!world.introductions.iter().any(|frame| names(frame)));
    world.hears(4, TOM, &[]);
}

/// A peer of before passes over what it does not know.
#[test]
fn who_does_not_know_of_vouches_is_unharmed() {
    let mut world = World::new();
    world.deaf_to = vec![4, 5];
    for friend in [ANA, PAULO] {
        world.meet(LISA, friend);
        world.meet(friend, TOM);
    }
    world.up(LISA, TOM);
    world.hears(LISA, TOM, &[]);
    assert_eq!(world.nodes[LISA].neighbours().count(), 1);
}
