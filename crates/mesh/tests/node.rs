//! The node as a value: two of them at the ends of links that the test carries the frames of.

use std::collections::VecDeque;
use std::sync::Arc;

use base::ledger::{PinRow, StatementRow, Write};
use base::limits::{EARLY_PARCELS_BYTES_MAX, MANUAL_ADDRESSES_MAX, VERIFICATION_GRACE};
use base::{Circle, DeviceId, LinkId, Now, Wall};
use mesh::identity::introduction::{Own, Visibility};
use mesh::identity::{DeviceKey, Pin};
use mesh::link::{CloseCode, Command, DialCause, DownCause, Event, ProtocolId};
use mesh::node::{Dialled, Input, Node, Output, Tally, Trouble};
use mesh::post::{Copied, Lasting, Parcel};
use mesh::verification::{Act, Cause, Event as Verified};

#[path = "common/people.rs"]
mod people;

use people::{NOW, address, own};

/// What a parcel's place in the queue takes.
const PLACE: usize = size_of::<((DeviceId, DeviceId), Vec<u8>)>();

fn device(own: &Own) -> DeviceId {
    own.chain().proven().device
}

/// Two nodes, and what was told of each.
struct Two {
    nodes: [Node; 2],
    heard: [Vec<Output>; 2],
    /// Frames on their way: to whom, on which link.
    wires: VecDeque<(usize, Event)>,
    /// What each has written.
    written: [(Vec<StatementRow>, Vec<PinRow>); 2],
}

impl Two {
    fn new(devices: [&[&Arc<Own>]; 2]) -> Two {
        let mut nodes = [1, 2].map(|seed| Node::new(NOW, 5299, false, [seed; 32]));
        for (node, devices) in nodes.iter_mut().zip(devices) {
            let shown = devices.iter().map(|own| (Arc::clone(own), Visibility::Everyone)).collect();
            node.handle(NOW, Input::Devices(shown));
        }
        Two { nodes, heard: [Vec::new(), Vec::new()], wires: VecDeque::new(), written: Default::default() }
    }

    fn tell(&mut self, who: usize, input: Input<'_>) {
        self.tell_at(NOW, who, input);
    }

    fn tell_at(&mut self, now: Now, who: usize, input: Input<'_>) {
        self.nodes[who].handle(now, input);
        while let Some(output) = self.nodes[who].poll() {
            match output {
                Output::Link(Command::Send { link, protocol, frame }) => {
                    self.wires.push_back((1 - who, Event::Frame { link, protocol, frame }));
                }
                Output::Store(batch) => {
                    for write in batch {
                        match write {
                            Write::PutStatement(row) => {
                                self.written[who].0.retain(|held| held.key != row.key);
                                self.written[who].0.push(row);
                            }
                            Write::RemoveStatement(key) => self.written[who].0.retain(|held| held.key != key),
                            Write::PutPin(row) => {
                                self.written[who].1.retain(|held| held.address != row.address);
                                self.written[who].1.push(row);
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                }
                other => self.heard[who].push(other),
            }
        }
    }

    fn up(&mut self, link: u64) {
        let keys = [[link as u8, 1], [link as u8, 2]].map(|key| key.repeat(16).try_into().unwrap());
        for who in 0..2 {
            let event = Event::Up {
                link: LinkId(link),
                attempt: None,
                exporter: [link as u8; 32],
                local_key: keys[who],
                remote_key: keys[1 - who],
                dialled: who == 0,
                remote: "192.0.2.1:5299".parse().unwrap(),
            };
            self.tell(who, Input::Link(event));
        }
    }

    fn down(&mut self, link: u64) {
        for who in 0..2 {
            self.tell(who, Input::Link(Event::Down { link: LinkId(link), cause: DownCause::Silent }));
        }
    }

    fn carry(&mut self) {
        while let Some((to, event)) = self.wires.pop_front() {
            self.tell(to, Input::Link(event));
        }
    }

    #[track_caller]
    fn hears(&mut self, who: usize, expect: &[Output]) {
        assert_eq!(std::mem::take(&mut self.heard[who]), expect, "node {who}");
    }
}

fn reach(own: &Own, up: bool) -> Output {
    Output::Reach { device: device(own), address: own.chain().proven().address.clone(), up }
}

fn lasting() -> Vec<u8> {
    let lasting =
        Lasting { incarnation: Some(7), counter: 1, floor: 1, age_s: 0, copied: Copied::No, payload: b"something" };
    Parcel::Lasting(lasting).to_bytes()
}

#[test]
fn people_are_in_reach_while_a_link_lives() {
    let (lisa, tom, mary) = (own("lisa", 0, 11), own("tom", 1, 12), own("mary", 1, 13));
    let mut two = Two::new([&[&lisa], &[&tom, &mary]]);
    two.up(1);
    two.hears(0, &[]);
    two.carry();
    two.hears(0, &[reach(&mary, true), reach(&tom, true)]);
    two.hears(1, &[reach(&lisa, true)]);
    assert_eq!(two.nodes[0].neighbours().count(), 2);

    two.tell(0, Input::Parcel { from: &address("lisa", 0), to: device(&tom), bytes: b"\0hello".to_vec() });
    two.carry();
    two.hears(1, &[Output::Parcel { from: device(&lisa), to: address("tom", 1), bytes: b"\0hello".to_vec() }]);

    // By another link, which is better for being newer.
    two.up(2);
    two.carry();
    two.hears(1, &[reach(&lisa, true)]);
    two.down(1);
    two.hears(1, &[]);
    two.down(2);
    two.hears(1, &[reach(&lisa, false)]);
    two.heard[0].clear();
    // Nobody is there.
    two.tell(0, Input::Parcel { from: &address("lisa", 0), to: device(&tom), bytes: b"\0hello".to_vec() });
    assert!(two.wires.is_empty());
    assert_eq!((two.nodes[0].neighbours().count(), two.nodes[0].links()), (0, 0));
}

#[test]
fn somebody_may_leave_before_the_link() {
    let (lisa, tom, mary) = (own("lisa", 0, 11), own("tom", 1, 12), own("mary", 1, 13));
    let mut two = Two::new([&[&lisa], &[&tom, &mary]]);
    two.up(1);
    two.carry();
    two.heard[0].clear();
    two.tell(1, Input::Devices(vec![(Arc::clone(&tom), Visibility::Everyone)]));
    two.carry();
    two.hears(0, &[reach(&mary, false)]);
}

#[test]
fn a_parcel_that_overtakes_the_proof_waits_for_it() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    let proofs = std::mem::take(&mut two.wires);
    let frame = |bytes: &[u8]| [&[0x80][..], &device(&lisa).0, &device(&tom).0, bytes].concat();
    let post = |frame| Input::Link(Event::Frame { link: LinkId(1), protocol: ProtocolId::POST, frame });
    two.tell(1, post(frame(b"first")));
    // What waits costs its place, too: none of these comes for nothing. Up to the limit more waits; what is beyond is lost, and the post says it again.
    two.tell(1, post([&[0][..], &vec![1; EARLY_PARCELS_BYTES_MAX - 2 * PLACE - 5]].concat()));
    two.tell(1, post(vec![0, 2]));
    two.hears(1, &[]);
    two.wires = proofs;
    two.carry();
    let parcel = |bytes: Vec<u8>| Output::Parcel { from: device(&lisa), to: address("tom", 1), bytes };
    two.hears(
        1,
        &[reach(&lisa, true), parcel(b"first".to_vec()), parcel(vec![1; EARLY_PARCELS_BYTES_MAX - 2 * PLACE - 5])],
    );
}

#[test]
fn parcels_of_nobody_and_for_nobody_are_nothing() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    two.carry();
    two.heard[1].clear();
    let post = |frame| Input::Link(Event::Frame { link: LinkId(1), protocol: ProtocolId::POST, frame });
    // In the name of a device that has not proved to be there: C17, and B12.
    two.tell(1, post([&[0x80][..], &[9; 32], &device(&tom).0, b"forged"].concat()));
    // For one that is not here.
    two.tell(1, post([&[0x81][..], &device(&lisa).0, &[9; 32], b"lost"].concat()));
    two.hears(1, &[]);
    // What is no frame ends the link.
    two.tell(1, post(vec![5]));
    two.hears(1, &[Output::Link(Command::Close { link: LinkId(1), code: CloseCode::Malformed })]);
}

#[test]
fn a_changed_key_is_told_and_not_believed() {
    // E07: the authority of the second household says that Tom has another key now.
    let (lisa, tom, impostor) = (own("lisa", 0, 11), own("tom", 1, 12), own("tom", 1, 14));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    two.carry();
    // Lisa writes to Tom: from now on she knows his key.
    two.tell(0, Input::Parcel { from: &address("lisa", 0), to: device(&tom), bytes: lasting() });
    two.down(1);
    two.carry();
    two.heard[0].clear();

    two.tell(1, Input::Devices(vec![(Arc::clone(&impostor), Visibility::Everyone)]));
    two.up(2);
    two.carry();
    let told = std::mem::take(&mut two.heard[0]);
    let [Output::Trouble(Trouble::KeyChanged(change))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(change.address, address("tom", 1));
    assert_eq!(two.nodes[0].neighbours().count(), 0);

    // Once, not with every link that they make.
    two.down(2);
    two.up(3);
    two.carry();
    two.hears(0, &[]);

    // The person has asked Tom, who has indeed a new laptop. A key that was not shown, or not last, is not accepted.
    assert_eq!(two.nodes[0].contested().collect::<Vec<_>>(), [(**change).clone()]);
    let (tom, lisa) = (address("tom", 1), address("lisa", 0));
    for (address, shown) in [(&tom, change.known), (&lisa, change.shown)] {
        two.tell(0, Input::Accept { address, shown });
        two.hears(0, &[]);
    }
    // Their link may have ended meanwhile.
    two.down(3);
    two.tell(0, Input::Accept { address: &tom, shown: change.shown });
    assert_eq!(two.nodes[0].contested().count(), 0);
    two.heard[1].clear();
    two.up(4);
    two.carry();
    two.hears(0, &[reach(&impostor, true)]);
}

#[test]
fn a_fingerprint_is_six_words_of_both_keys() {
    let pin = |own: &Own| Pin::of(own.chain().proven());
    let lisa = pin(&own("lisa", 0, 11)).fingerprint();
    // As docs/formats/statements.md has it: people have it on paper.
    assert_eq!(lisa, "develop-intake-outfox-group-plumage-talon");
    assert_eq!(pin(&own("other", 0, 11)).fingerprint(), lisa, "the name is no key");
    for other in [own("lisa", 0, 12), own("lisa", 1, 11)] {
        assert_ne!(pin(&other).fingerprint(), lisa);
    }
}

#[test]
fn what_a_person_named_is_tried_at_once_and_told() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    let there = "192.0.2.1:5299".parse().unwrap();
    let dial = |attempt| Output::Link(Command::Dial { attempt, addresses: vec![there] });
    for attempt in 0..2 {
        two.tell(0, Input::Dial(there));
        two.hears(0, &[dial(attempt)]);
        assert_eq!(two.nodes[0].dialled(there), Dialled::Going);
        two.tell(0, Input::Link(Event::DialFailed { attempt, cause: DialCause::Silent }));
        two.hears(0, &[]);
        assert_eq!(two.nodes[0].dialled(there), Dialled::Failed(DialCause::Silent));
    }
    two.up(1);
    assert_eq!(two.nodes[0].dialled(there), Dialled::Linked(vec![]));
    assert_eq!(two.nodes[0].links_without_people(), 1);
    two.carry();
    assert_eq!(two.nodes[0].dialled(there), Dialled::Linked(vec![address("tom", 1)]));
    assert_eq!(two.nodes[0].links_without_people(), 0);
    let Tally { links, dials, dials_failed, .. } = two.nodes[0].tally().clone();
    assert_eq!((links, dials, dials_failed), (1, 2, [("silent", 2)].into()));

    two.down(1);
    for port in 1..=MANUAL_ADDRESSES_MAX as u16 {
        let address = std::net::SocketAddr::from(([192, 0, 2, 2], port));
        two.tell(0, Input::Dial(address));
        let is_last = usize::from(port) == MANUAL_ADDRESSES_MAX;
        assert_eq!(two.nodes[0].dialled(address), if is_last { Dialled::TooMany } else { Dialled::Going });
    }
}

#[test]
fn a_key_that_nobody_cared_for_may_change() {
    let (lisa, tom, other) = (own("lisa", 0, 11), own("tom", 1, 12), own("tom", 1, 14));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    two.carry();
    two.down(1);
    two.heard[0].clear();
    // Both say that they are Tom, with one sequence: the authority contradicts itself, and neither is believed anew.
    two.tell(1, Input::Devices(vec![(Arc::clone(&other), Visibility::Everyone)]));
    two.up(2);
    two.carry();
    two.hears(0, &[]);
    assert!(two.nodes[0].directory().forks().next().is_some());
}

#[test]
fn a_copied_data_directory_is_told() {
    // B23: the same identity on two laptops at once.
    let lisa = own("lisa", 0, 11);
    let mut two = Two::new([&[&lisa], &[&lisa]]);
    two.up(1);
    two.carry();
    two.hears(0, &[Output::Trouble(Trouble::Twin(address("lisa", 0)))]);
    assert_eq!(two.nodes[0].neighbours().count(), 0);
}

#[test]
fn empty_parcels_that_come_early_are_not_for_nothing() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    let proofs = std::mem::take(&mut two.wires);
    let post = |frame| Input::Link(Event::Frame { link: LinkId(1), protocol: ProtocolId::POST, frame });
    two.tell(1, post([&[0x80][..], &device(&lisa).0, &device(&tom).0].concat()));
    (0..10 * EARLY_PARCELS_BYTES_MAX / PLACE).for_each(|_| two.tell(1, post(vec![0])));
    two.wires = proofs;
    two.carry();
    assert_eq!(
        two.heard[1].len(),
        1 + EARLY_PARCELS_BYTES_MAX / PLACE,
        "those that had room, behind who came in reach"
    );
}

#[test]
fn who_proves_two_addresses_has_the_one_of_the_link_that_is_used() {
    // One device with a chain of each household: B12.
    let (lisa, here, there) = (own("lisa", 0, 11), own("tom", 1, 12), own("tommy", 0, 12));
    assert_eq!(device(&here), device(&there));
    let mut two = Two::new([&[&lisa], &[&here]]);
    let shows = |own: &Arc<Own>| Input::Devices(vec![(Arc::clone(own), Visibility::Everyone)]);
    two.up(1);
    two.carry();
    two.hears(0, &[reach(&here, true)]);
    // On the links that come now another one is shown, and the first link ends.
    two.down(1);
    two.tell(1, shows(&there));
    two.heard[0].clear();
    two.up(2);
    two.carry();
    two.hears(0, &[reach(&there, true)]);
    two.up(3);
    two.carry();
    two.down(3);
    two.heard[0].retain(|heard| !matches!(heard, Output::Link(_)));
    two.hears(0, &[reach(&there, true), reach(&there, true)]);
}

impl Two {
    /// What two people do one after the other, each time with all that it brings.
    fn act(&mut self, acts: &[(usize, Act)]) {
        let address = |node: &Node| node.own().next().map(|(address, _)| address.clone()).unwrap();
        let addresses = self.nodes.each_ref().map(address);
        for (who, act) in acts {
            let (own, other) = (&addresses[*who], &addresses[1 - *who]);
            self.tell(*who, Input::Verify { own, other, act: *act });
            self.carry();
        }
    }

    fn events(&mut self, who: usize) -> Vec<Verified> {
        let told = std::mem::take(&mut self.heard[who]);
        let event = |output| if let Output::Verification { event, .. } = output { Some(event) } else { None };
        told.into_iter().filter_map(event).collect()
    }
}

const BEGIN: [(usize, Act); 2] = [(0, Act::Begin), (1, Act::Begin)];
const AGREE: [(usize, Act); 2] = [(0, Act::Agree), (1, Act::Agree)];

#[test]
fn two_who_have_compared_words_are_green_to_each_other() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let (lisas, toms) = (address("lisa", 0), address("tom", 1));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    two.carry();
    two.heard = Default::default();
    two.act(&BEGIN);
    let (seen, there) = (two.events(0), two.events(1));
    let Some(Verified::Compare { words, begun_here: true }) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(there.last(), Some(&Verified::Compare { words: *words, begun_here: false }));
    two.act(&AGREE);
    for (who, own, other) in [(0, &lisas, &toms), (1, &toms, &lisas)] {
        let (own, other) = (own.clone(), other.clone());
        assert!(two.nodes[who].has_met(&own, &other) && !two.nodes[who].has_met(&other, &own));
        let circle = Output::Circle { own: own.clone(), other: other.clone(), circle: Circle::Green };
        two.hears(who, &[circle, Output::Verification { own, other, event: Verified::Verified }]);
    }
    // Whoever was met may see those who hide from strangers.
    assert!(two.nodes[0].directory().known_people().contains(&Pin::of(tom.chain().proven()).person));
    let vouches = |two: &Two, by: &Own| {
        let is_by = |row: &&StatementRow| row.key.kind == 6 && row.key.issuer == Pin::of(by.chain().proven()).person.0;
        two.written[0].0.iter().filter(is_by).count()
    };
    assert_eq!((vouches(&two, &lisa), vouches(&two, &tom)), (1, 1), "each keeps what the other one says, too");

    // After a start it is said before anybody is in reach.
    let load = |two: &Two, now: Now| {
        let mut node = Node::new(now, 5299, false, [3; 32]);
        let (statements, pins) = two.written[0].clone();
        node.load(statements, pins);
        node.handle(now, Input::Devices(vec![(Arc::clone(&lisa), Visibility::Everyone)]));
        let outputs: Vec<Output> = std::iter::from_fn(|| node.poll()).collect();
        let met = Output::Circle { own: lisas.clone(), other: toms.clone(), circle: Circle::Green };
        (node, outputs.contains(&met))
    };
    assert!(load(&two, NOW).1);
    // It is renewed in time, and over when nobody does that for a year.
    let days = |days: i64| Now { mono: NOW.mono, wall: Wall(NOW.wall.0 + days * 24 * 3600 * 1000) };
    assert!(load(&two, days(395)).1);
    assert!(!load(&two, days(398)).1);
    let renewed = |at: i64| {
        let mut node = Node::new(days(at), 5299, false, [3; 32]);
        let (statements, pins) = two.written[0].clone();
        node.load(statements, pins);
        node.handle(days(at), Input::Devices(vec![(Arc::clone(&lisa), Visibility::Everyone)]));
        std::iter::from_fn(|| node.poll()).any(|output| {
            let is_vouch = |write: &Write| matches!(write, Write::PutStatement(row) if row.key.kind == 6);
            matches!(output, Output::Store(batch) if batch.iter().any(is_vouch))
        })
    };
    assert_eq!([100, 200, 398].map(renewed), [false, true, false]);

    // And taken back when the person says so.
    two.tell(0, Input::Unverify { own: &lisas, other: &toms });
    two.hears(0, &[Output::Circle { own: lisas.clone(), other: toms.clone(), circle: Circle::Red }]);
    assert_eq!(vouches(&two, &lisa), 0);
    two.tell(0, Input::Unverify { own: &lisas, other: &toms });
    two.hears(0, &[]);
}

#[test]
fn a_new_key_is_somebody_who_was_not_met() {
    let (lisa, tom, other) = (own("lisa", 0, 11), own("tom", 1, 12), own("tom", 1, 14));
    let (lisas, toms) = (address("lisa", 0), address("tom", 1));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    two.carry();
    two.act(&BEGIN);
    two.act(&AGREE);
    two.down(1);
    two.tell(1, Input::Devices(vec![(Arc::clone(&other), Visibility::Everyone)]));
    two.up(2);
    two.carry();
    // He has a new laptop, and is believed; the mark is gone until they compare again.
    two.heard = Default::default();
    let shown = Pin::of(other.chain().proven());
    two.tell(0, Input::Accept { address: &toms, shown });
    let circle = |circle| Output::Circle { own: lisas.clone(), other: toms.clone(), circle };
    two.hears(0, &[circle(Circle::Red), reach(&other, true)]);
    assert!(!two.nodes[0].has_met(&lisas, &toms));
    two.act(&BEGIN);
    two.act(&AGREE);
    assert!(two.heard[0].contains(&circle(Circle::Green)));
}

#[test]
fn who_is_not_there_or_not_shown_is_not_compared_with() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let (lisas, toms) = (address("lisa", 0), address("tom", 1));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    let failed = |cause| [Verified::Failed(cause)];
    two.act(&[(0, Act::Begin)]);
    assert_eq!(two.events(0), failed(Cause::NotInReach));
    two.up(1);
    two.carry();
    two.tell(0, Input::Devices(vec![(Arc::clone(&lisa), Visibility::Known(Arc::default()))]));
    two.carry();
    two.events(0);
    two.act(&[(0, Act::Begin)]);
    assert_eq!(two.events(0), failed(Cause::Hidden));
    // What is said to somebody who is not shown reaches nobody; nor does what is said in the name of somebody else.
    two.events(1);
    let frame = |from: &Own, to: &Own| {
        let ask = [vec![0x84, 1, 0x58, 32], device(from).0.to_vec(), vec![0x58, 32], device(to).0.to_vec()].concat();
        let frame = [ask, vec![0x58, 32], vec![7; 32]].concat();
        Input::Link(Event::Frame { link: LinkId(1), protocol: ProtocolId::VERIFICATION, frame })
    };
    two.tell(0, frame(&tom, &lisa));
    two.tell(1, frame(&own("mary", 0, 15), &tom));
    two.carry();
    assert_eq!((two.events(0), two.events(1)), (vec![], vec![]));
    // An account that is not here, and one whose person's key is not.
    two.tell(0, Input::Verify { own: &toms, other: &lisas, act: Act::Begin });
    assert_eq!(two.events(0), failed(Cause::CannotVouch));
    let chain = tom.chain().clone();
    let guest = Arc::new(Own::new(DeviceKey::from_seed(&[62; 32]), chain).unwrap());
    two.tell(1, Input::Devices(vec![(guest, Visibility::Everyone)]));
    two.tell(0, Input::Devices(vec![(Arc::clone(&lisa), Visibility::Everyone)]));
    two.carry();
    two.events(1);
    two.act(&[(1, Act::Begin)]);
    assert_eq!(two.events(1), failed(Cause::CannotVouch));
    // What is no message ends the link.
    let frame = Event::Frame { link: LinkId(1), protocol: ProtocolId::VERIFICATION, frame: vec![0xff] };
    two.heard = Default::default();
    two.tell(0, Input::Link(frame));
    two.hears(0, &[Output::Link(Command::Close { link: LinkId(1), code: CloseCode::Malformed })]);
}

#[test]
fn comparing_ends_with_the_link_or_in_time() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    two.carry();
    two.act(&BEGIN);
    two.events(0);
    two.down(1);
    let over = Now { mono: NOW.mono + VERIFICATION_GRACE, wall: NOW.wall };
    two.tell_at(over, 0, Input::Timer);
    two.tell_at(over, 1, Input::Timer);
    assert_eq!(two.events(0), [Verified::Failed(Cause::LeftReach)]);
    two.up(2);
    two.carry();
    two.act(&BEGIN);
    two.events(0);
    let due = two.nodes[0].wake_at().unwrap();
    two.nodes[0].handle(Now { mono: due, wall: NOW.wall }, Input::Timer);
    let outputs: Vec<Output> = std::iter::from_fn(|| two.nodes[0].poll()).collect();
    let late =
        |output: &Output| matches!(output, Output::Verification { event: Verified::Failed(Cause::NoAnswer), .. });
    assert!(outputs.iter().any(late), "{outputs:?}");
}

#[test]
fn who_asked_is_heard_also_when_another_link_takes_over() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    two.carry();
    two.act(&[(0, Act::Begin)]);
    // As when both dialled, and one of the two links is closed.
    two.up(2);
    two.carry();
    two.down(1);
    two.carry();
    assert_eq!(two.events(1), [Verified::Asked]);
    two.act(&[(1, Act::Begin)]);
    let last = [two.events(0), two.events(1)].map(|events| events.last().copied());
    let [Some(Verified::Compare { words, .. }), Some(Verified::Compare { words: there, .. })] = last else {
        panic!("{last:?}")
    };
    assert_eq!(words, there);
}

#[test]
fn what_was_asked_waits_for_a_link_whose_proof_comes_a_moment_later() {
    for grace_is_over in [false, true] {
        let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
        let mut two = Two::new([&[&lisa], &[&tom]]);
        two.up(1);
        two.carry();
        two.act(&[(0, Act::Begin)]);
        two.heard = Default::default();
        two.down(1);
        assert_eq!((two.events(0), two.events(1)), (vec![], vec![]));
        let due = two.nodes[0].wake_at().unwrap();
        assert_eq!(due - NOW.mono, VERIFICATION_GRACE);
        if grace_is_over {
            two.tell_at(Now { mono: due, wall: NOW.wall }, 0, Input::Timer);
            assert_eq!(two.events(0), [Verified::Failed(Cause::LeftReach)]);
            continue;
        }
        two.up(2);
        two.carry();
        two.act(&[(1, Act::Begin)]);
        let last = [two.events(0), two.events(1)].map(|events| events.last().copied());
        let [Some(Verified::Compare { words, .. }), Some(Verified::Compare { words: there, .. })] = last else {
            panic!("{last:?}")
        };
        assert_eq!(words, there);
    }
}

#[test]
fn words_whose_link_is_replaced_are_over_and_cost_nothing() {
    let (lisa, tom) = (own("lisa", 0, 11), own("tom", 1, 12));
    let mut two = Two::new([&[&lisa], &[&tom]]);
    two.up(1);
    two.carry();
    for link in 1..=3 {
        two.act(&BEGIN);
        two.heard = Default::default();
        // The next link is there before, or comes a moment later.
        match link % 2 == 0 {
            true => {
                two.up(link + 1);
                two.carry();
                two.down(link);
            }
            false => {
                two.down(link);
                two.up(link + 1);
                two.carry();
            }
        }
        for who in 0..2 {
            assert_eq!(two.events(who), [Verified::Failed(Cause::LinkChanged)]);
        }
    }
    two.act(&BEGIN);
    two.act(&AGREE);
    assert_eq!([two.events(0), two.events(1)].map(|events| events.last().copied()), [Some(Verified::Verified); 2]);
}
