//! Introductions: who is at the other end of a link (attack cases B12, B14, B22, B23, E07).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::limits::{
    INTRODUCTION_FAILURES_MAX, INTRODUCTION_FRAME_BYTES_MAX, INTRODUCTION_HOUR_BYTES_MAX, LINK_DEVICES_MAX,
};
use base::{Bare, DeviceId, Now};
use mesh::identity::introduction::{Failure, Fault, Input, Output, Own, Policy, Role, Visibility};
use mesh::identity::{
    Chain, ChainError, Directory, Introduction, Kind, PersonId, Pin, Refusal, Revocation, StatementError, Untimely,
};

use crate::world::{Home, NOW, days, device, hosting, now, person, sign, sign_as};

/// One end: what it shows, what it holds, and what came out.
pub(crate) struct End {
    pub(crate) introduction: Introduction,
    directory: Directory,
    now: Now,
    pub(crate) heard: Vec<Output>,
    /// All frames that it ever said.
    pub(crate) said: Vec<Vec<u8>>,
}

pub(crate) const EXPORTER: [u8; 32] = [77; 32];
const KEYS: [[u8; 32]; 2] = [[71; 32], [72; 32]];

impl End {
    pub(crate) fn new(role: Role, exporter: [u8; 32], policy: Policy) -> End {
        let [local, remote] = match role {
            Role::Dialler => KEYS,
            Role::Listener => [KEYS[1], KEYS[0]],
        };
        let introduction = Introduction::new(role, exporter, local, remote, policy);
        End { introduction, directory: Directory::new(), now: now(NOW), heard: vec![], said: vec![] }
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.introduction.handle(self.now, input, &self.directory);
    }

    /// What it says now.
    pub(crate) fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(output) = self.introduction.poll() {
            match output {
                Output::Frame(frame) => frames.push(frame),
                output => {
                    if let Output::Proven(chain) = &output {
                        self.directory.learn(self.now.wall, chain).unwrap();
                    }
                    self.heard.push(output);
                }
            }
        }
        self.said.extend(frames.iter().cloned());
        frames
    }

    /// Who was proven to it, by name.
    pub(crate) fn present(&self) -> Vec<String> {
        let name = |chain: &Chain| chain.proven().address.jid().local().unwrap().to_owned();
        self.introduction.present().map(name).collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(crate) fn failures(&self) -> Vec<Failure> {
        let failed = |output: &Output| if let Output::Failed(failure) = output { Some(*failure) } else { None };
        self.heard.iter().filter_map(failed).collect()
    }
}

/// Carries frames to and fro until both ends are silent.
pub(crate) fn settle(a: &mut End, b: &mut End) {
    loop {
        let (from_a, from_b) = (a.drain(), b.drain());
        if from_a.is_empty() && from_b.is_empty() {
            return;
        }
        from_a.iter().for_each(|frame| b.handle(Input::Frame(frame)));
        from_b.iter().for_each(|frame| a.handle(Input::Frame(frame)));
    }
}

pub(crate) fn own(home: &Home, name: &str, seed: u8) -> Arc<Own> {
    let chain = home.chain(name, &person(seed), &device(seed + 100), NOW);
    Arc::new(Own::new(device(seed + 100), chain).unwrap())
}

pub(crate) fn id(seed: u8) -> DeviceId {
    DeviceId(*device(seed + 100).public().as_bytes())
}

fn known(seeds: &[u8]) -> Visibility {
    Visibility::Known(Arc::new(seeds.iter().map(|seed| PersonId::of(&person(*seed).public())).collect()))
}

pub(crate) fn policy(devices: Vec<(Arc<Own>, Visibility)>) -> Policy {
    Policy { devices, noise: [9; 32] }
}

pub(crate) fn everyone(home: &Home, people: &[(&str, u8)]) -> Policy {
    policy(people.iter().map(|(name, seed)| (own(home, name, *seed), Visibility::Everyone)).collect())
}

/// Both ends of one link, settled.
fn link(dialler: Policy, listener: Policy) -> [End; 2] {
    let mut a = End::new(Role::Dialler, EXPORTER, dialler);
    let mut b = End::new(Role::Listener, EXPORTER, listener);
    settle(&mut a, &mut b);
    [a, b]
}

#[test]
fn both_sides_prove_who_they_are() {
    let (one, two) = (Home::new(), Home::nakuru());
    let [a, b] = link(everyone(&one, &[("maria", 10), ("paulo", 11)]), everyone(&two, &[("ana", 12)]));
    assert_eq!(a.present(), ["ana"]);
    assert_eq!(b.present(), ["maria", "paulo"]);
    let chain = a.introduction.present().next().unwrap();
    assert_eq!((&chain.proven().address, chain.proven().device), (&two.address("ana"), id(12)));
    assert!(a.failures().is_empty() && b.failures().is_empty());
}

#[test]
fn one_person_on_two_laptops_is_two_devices() {
    let home = Home::new();
    let [a, b] = link(everyone(&home, &[("maria", 10)]), {
        let chain = home.chain("maria", &person(10), &device(120), NOW);
        policy(vec![(Arc::new(Own::new(device(120), chain).unwrap()), Visibility::Everyone)])
    });
    assert_eq!((a.present(), b.present()), (vec!["maria".to_owned()], vec!["maria".to_owned()]));
}

#[test]
fn a_chain_of_another_device_is_not_shown() {
    let chain = Home::new().chain("maria", &person(10), &device(20), NOW);
    assert!(Own::new(device(21), chain).is_none());
}

/// Frames that one end said on a link, given to another end.
fn replay(frames: &[Vec<u8>], to: &mut End) {
    frames.iter().for_each(|frame| to.handle(Input::Frame(frame)));
    to.drain();
}

/// B12: what proves on one link proves nothing on another, nor from the other side, nor back to who said it.
#[test]
fn b12_an_introduction_is_worth_nothing_elsewhere() {
    let home = Home::new();
    let [a, _] = link(everyone(&home, &[("maria", 10)]), everyone(&home, &[("ana", 12)]));
    let nobody = || policy(vec![]);
    let proof = [Failure::Proof(mesh::BadSignature)];
    // The same link again: it is the listener's place to hear it, and it holds.
    let mut same = End::new(Role::Listener, EXPORTER, nobody());
    replay(&a.said, &mut same);
    assert_eq!(same.present(), ["maria"]);
    // Another connection.
    let mut elsewhere = End::new(Role::Listener, [78; 32], nobody());
    replay(&a.said, &mut elsewhere);
    assert_eq!((elsewhere.present().len(), &elsewhere.failures()[..]), (0, &proof[..]));
    // By the other role, on the same connection: a mirror.
    let mut mirrored = End::new(Role::Dialler, EXPORTER, nobody());
    replay(&a.said, &mut mirrored);
    assert_eq!((mirrored.present().len(), &mirrored.failures()[..]), (0, &proof[..]));
    // Other transport keys, even if an exporter could be the same; and the role alone.
    for (role, local, remote) in
        [(Role::Listener, [1; 32], KEYS[0]), (Role::Listener, KEYS[1], [1; 32]), (Role::Dialler, KEYS[1], KEYS[0])]
    {
        let introduction = Introduction::new(role, EXPORTER, local, remote, nobody());
        let mut moved = End { introduction, ..End::new(role, EXPORTER, nobody()) };
        replay(&a.said, &mut moved);
        assert_eq!((moved.present().len(), &moved.failures()[..]), (0, &proof[..]));
    }
}

/// The frame by which a device shows a chain on the link, signed by whichever device key.
fn shown(chain: &Chain, key: u8) -> Vec<u8> {
    // A chain of the signing device takes its place in the frame of an honest end.
    let signer = home_of(key);
    let mut end = End::new(Role::Dialler, EXPORTER, signer);
    let frame = end.drain().pop().unwrap();
    let mut parts: Vec<ciborium::Value> = ciborium::from_reader(&frame[..]).unwrap();
    let bytes = |bytes: &[u8]| ciborium::Value::Bytes(bytes.to_vec());
    parts[1] = bytes(&chain.genesis().encode());
    parts[2] = ciborium::Value::Array(chain.statements().iter().map(|s| bytes(s.bytes())).collect());
    crate::world::encode(&ciborium::Value::Array(parts))
}

fn home_of(seed: u8) -> Policy {
    everyone(&Home::new(), &[("eve", seed)])
}

/// B12 and D1: an impostor with the same name and another key; one who shows a stolen chain; one who swaps a chain.
#[test]
fn b12_an_impostor_is_found_out() {
    let home = Home::new();
    let maria = home.chain("maria", &person(10), &device(110), NOW);
    let hear = |frame: &[u8], end: &mut End| {
        end.handle(Input::Frame(frame));
        end.drain();
    };
    let listener = || End::new(Role::Listener, EXPORTER, policy(vec![]));
    // Eve has Maria's chain, which is no secret, and her own device key.
    let mut end = listener();
    hear(&shown(&maria, 66), &mut end);
    assert_eq!((end.present().len(), end.failures()), (0, vec![Failure::Proof(mesh::BadSignature)]));
    // Eve's own domain has a member called maria: another address.
    let elsewhere = Home::nakuru();
    let mut end = End::new(Role::Listener, EXPORTER, policy(vec![]));
    end.directory.pin(maria.proven()).unwrap();
    let mut eve = End::new(Role::Dialler, EXPORTER, everyone(&elsewhere, &[("maria", 66)]));
    settle(&mut eve, &mut end);
    let address: Vec<&Bare> = end.introduction.present().map(|chain| &chain.proven().address).collect();
    assert_eq!(address, [&elsewhere.address("maria")]);
    // Eve lets Maria's device speak for herself: its key has not signed that.
    let eves = home
        .join(vec![sign(&home.root, home.member("eve", &person(66)), NOW), hosting(&person(66), &device(110), NOW)]);
    let mut end = listener();
    let mut honest = End::new(Role::Dialler, EXPORTER, everyone(&home, &[("maria", 10)]));
    let frame = honest.drain().pop().unwrap();
    let mut parts: Vec<ciborium::Value> = ciborium::from_reader(&frame[..]).unwrap();
    let statements = eves.statements().iter().map(|s| ciborium::Value::Bytes(s.bytes().to_vec())).collect();
    parts[2] = ciborium::Value::Array(statements);
    hear(&crate::world::encode(&ciborium::Value::Array(parts)), &mut end);
    assert_eq!((end.present().len(), end.failures()), (0, vec![Failure::Proof(mesh::BadSignature)]));
    // Statements that lead nowhere.
    let mut end = listener();
    let mut parts: Vec<ciborium::Value> = ciborium::from_reader(&frame[..]).unwrap();
    parts[2].as_array_mut().unwrap().pop();
    hear(&crate::world::encode(&ciborium::Value::Array(parts)), &mut end);
    assert_eq!(end.failures(), [Failure::Chain(ChainError::Missing(Kind::HOSTING))]);
}

/// E07: the authority of a known address says another key, or somebody stole the authority's.
#[test]
fn e07_a_changed_key_is_refused_and_told() {
    let home = Home::new();
    let maria = home.chain("maria", &person(10), &device(110), NOW);
    let mut a = End::new(Role::Dialler, EXPORTER, everyone(&home, &[("maria", 66)]));
    let mut b = End::new(Role::Listener, EXPORTER, policy(vec![(own(&home, "ana", 12), known(&[66]))]));
    b.directory.pin(maria.proven()).unwrap();
    settle(&mut a, &mut b);
    assert_eq!((a.present().len(), b.present().len()), (0, 0), "who is refused is shown nothing");
    let [Output::Refused(chain, Refusal::KeyChanged(change))] = &b.heard[..] else { panic!("{:?}", b.heard) };
    assert_eq!((change.known, change.shown), (Pin::of(maria.proven()), Pin::of(chain.proven())));
    // The person says that it is right.
    let chain = chain.clone();
    b.directory.repin(chain.proven());
    b.handle(Input::Recheck);
    settle(&mut a, &mut b);
    assert_eq!((a.present(), b.present()), (vec!["ana".to_owned()], vec!["maria".to_owned()]));
}

/// B14: who holds Alice's keys is Alice, but nobody else to her.
#[test]
fn b14_a_stolen_key_does_not_make_others_of_the_thief() {
    let home = Home::new();
    let bob = home.chain("bob", &person(11), &device(111), NOW);
    let mut alice = End::new(Role::Listener, EXPORTER, everyone(&home, &[("alice", 10)]));
    // The thief shows Bob's chain to Alice, signed by Alice's own device key, and then mirrors what she says.
    alice.handle(Input::Frame(&shown(&bob, 10)));
    let frames = alice.drain();
    frames.iter().for_each(|frame| alice.handle(Input::Frame(frame)));
    alice.drain();
    let proof = Failure::Proof(mesh::BadSignature);
    assert_eq!((alice.present().len(), alice.failures()), (0, vec![proof, proof]));
}

/// B23: the same identity on two computers is seen when they meet.
#[test]
fn b23_a_copied_device_key_is_told() {
    let home = Home::new();
    let [a, b] = link(everyone(&home, &[("maria", 10)]), everyone(&home, &[("maria", 10), ("ana", 12)]));
    assert_eq!((a.heard.first(), a.present()), (Some(&Output::Twin(id(10))), vec!["ana".to_owned()]));
    assert_eq!((b.heard.first(), b.present().len()), (Some(&Output::Twin(id(10))), 0));
}

#[test]
fn a_link_to_oneself_is_closed() {
    let home = Home::new();
    let introduction = Introduction::new(Role::Dialler, EXPORTER, KEYS[0], KEYS[0], everyone(&home, &[("maria", 10)]));
    let mut end = End { introduction, ..End::new(Role::Dialler, EXPORTER, policy(vec![])) };
    assert_eq!(end.drain(), Vec::<Vec<u8>>::new());
    assert_eq!(end.heard, [Output::Close(Fault::Ourselves)]);
}

/// Whom each of two sees: names by what the first and the second let see them.
#[track_caller]
fn check_seen(first: Visibility, second: Visibility, expect: [bool; 2]) {
    let home = Home::new();
    let [a, b] = link(policy(vec![(own(&home, "maria", 10), first)]), policy(vec![(own(&home, "paulo", 11), second)]));
    assert_eq!([b.present() == ["maria"], a.present() == ["paulo"]], expect);
    assert_eq!(b.present().len() + a.present().len(), expect.iter().filter(|seen| **seen).count());
    assert!(a.failures().is_empty() && b.failures().is_empty());
}

#[test]
fn people_are_shown_to_whom_they_want() {
    let everyone = || Visibility::Everyone;
    check_seen(everyone(), everyone(), [true, true]);
    check_seen(everyone(), known(&[]), [true, false]);
    check_seen(everyone(), known(&[10]), [true, true]);
    check_seen(known(&[11]), known(&[10]), [true, true]);
    // Maria would show herself to Paulo, who does not know her: he stays hidden, and hears of her.
    check_seen(known(&[11]), known(&[12]), [true, false]);
    check_seen(known(&[12]), known(&[13]), [false, false]);
    check_seen(known(&[]), known(&[]), [false, false]);
}

/// What a stranger hears of people who hide: tags whose number says nothing and which are new on every link.
#[test]
fn who_hides_leaves_nothing_to_a_stranger() {
    let home = Home::new();
    let said = |exporter, seeds: &[u8], noise: u8| {
        let hidden = |seed: &u8| (own(&home, &format!("p{seed}"), *seed), known(&[99]));
        let policy = Policy { devices: seeds.iter().map(hidden).collect(), noise: [noise; 32] };
        let mut end = End::new(Role::Dialler, exporter, policy);
        let frames = end.drain();
        assert_eq!(frames.len(), 1, "only tags");
        frames[0].clone()
    };
    let nobody = said(EXPORTER, &[], 1);
    for seeds in [&[10][..], &[10, 11, 12, 13, 14, 15, 16, 17]] {
        assert_eq!(said(EXPORTER, seeds, 1).len(), nobody.len(), "{}", seeds.len());
    }
    assert!(said(EXPORTER, &[10, 11, 12, 13, 14, 15, 16, 17, 18], 1).len() > nobody.len());
    // Nothing of one link is found on the next.
    let chunks = |frame: Vec<u8>| -> BTreeSet<Vec<u8>> { frame[4..].chunks(16).map(<[u8]>::to_vec).collect() };
    let (one, two) = (chunks(said([1; 32], &[10, 11], 1)), chunks(said([2; 32], &[10, 11], 2)));
    assert_eq!((one.len(), one.intersection(&two).count()), (8, 0));
}

/// A tag is of one side: a mirror does not make a hidden person believe that her own other laptop is there.
#[test]
fn tags_that_are_mirrored_say_nothing() {
    let mut end = End::new(Role::Dialler, EXPORTER, policy(vec![(own(&Home::new(), "maria", 10), known(&[10]))]));
    let tags = end.drain();
    replay(&tags, &mut end);
    assert_eq!(end.said, tags, "nothing but the tags");
}

#[test]
fn what_changes_on_a_link_is_said_on_it() {
    let home = Home::new();
    let (maria, paulo) = (own(&home, "maria", 10), own(&home, "paulo", 11));
    let shown = |own: &Arc<Own>| (Arc::clone(own), Visibility::Everyone);
    let [mut a, mut b] = link(policy(vec![shown(&maria)]), policy(vec![]));
    let mut change = |a: &mut End, devices: Vec<(Arc<Own>, Visibility)>, expect: &[&str], frames: usize| {
        let before = a.said.len();
        a.handle(Input::Policy(policy(devices)));
        settle(a, &mut b);
        assert_eq!((b.present(), a.said.len() - before), (expect.iter().map(ToString::to_string).collect(), frames));
    };
    change(&mut a, vec![shown(&maria)], &["maria"], 0);
    change(&mut a, vec![shown(&maria), shown(&paulo)], &["maria", "paulo"], 1);
    change(&mut a, vec![shown(&paulo)], &["paulo"], 1);
    // Hidden from now on: a tag, and the withdrawal.
    change(&mut a, vec![(Arc::clone(&paulo), known(&[12]))], &[], 2);
    change(&mut a, vec![shown(&paulo)], &["paulo"], 2);
    // A renewed chain is shown in the place of the old one.
    let renewed = Own::new(device(111), home.chain("paulo", &person(11), &device(111), days(1))).unwrap();
    change(&mut a, vec![(Arc::new(renewed), Visibility::Everyone)], &["paulo"], 1);
    // The same device at another address is somebody else.
    let moved = Own::new(device(111), home.chain("pablo", &person(11), &device(111), NOW)).unwrap();
    change(&mut a, vec![(Arc::new(moved), Visibility::Everyone)], &["pablo"], 1);
    let told = |output: &Output| match output {
        Output::Proven(chain) => format!("+{}", chain.proven().address.jid().local().unwrap()),
        Output::Gone(device) => if *device == id(10) { "-maria" } else { "-paulo" }.to_owned(),
        other => panic!("{other:?}"),
    };
    let told: Vec<String> = b.heard.iter().map(told).collect();
    assert_eq!(told, ["+maria", "+paulo", "-maria", "-paulo", "+paulo", "+paulo", "-paulo", "+pablo"]);
}

/// A revocation that came by another link, a clock that was set: what was accepted is judged anew.
#[test]
fn what_was_accepted_is_judged_anew() {
    let home = Home::new();
    let [_, mut b] = link(everyone(&home, &[("maria", 10)]), policy(vec![]));
    b.heard.clear();
    b.handle(Input::Recheck);
    b.drain();
    assert_eq!(b.heard, [], "nothing has changed");
    b.now = now(days(3000));
    b.handle(Input::Recheck);
    b.drain();
    assert!(matches!(
        &b.heard[..],
        [Output::Gone(_), Output::Refused(_, Refusal::Untimely { kind: Kind::MEMBERSHIP, why: Untimely::Late { .. } })]
    ));
    b.now = now(NOW);
    b.handle(Input::Recheck);
    b.drain();
    assert_eq!(b.present(), ["maria"]);
    let chain = b.introduction.present().next().unwrap().clone();
    let revocation = Revocation::of(Kind::HOSTING, chain.links()[1].subject());
    let sequence = chain.links()[1].stamp().sequence;
    let brings = home.join([chain.statements(), &[sign_as(&person(10), revocation, sequence)]].concat());
    assert_eq!(b.directory.learn(NOW, &brings), Err(Refusal::Revoked(Kind::HOSTING)));
    b.handle(Input::Recheck);
    b.drain();
    assert_eq!(b.present().len(), 0);
}

/// A device that a person has revoked is refused at once, and nobody who hides shows themselves to who stole it.
#[test]
fn a_stolen_laptop_sees_nobody_who_hides() {
    let home = Home::new();
    let chain = home.chain("maria", &person(10), &device(110), NOW);
    let revocation = Revocation::of(Kind::HOSTING, chain.links()[1].subject());
    let brings = home.join([chain.statements(), &[sign_as(&person(10), revocation, 1_795_168_380)]].concat());
    let mut a = End::new(Role::Dialler, EXPORTER, everyone(&home, &[("maria", 10)]));
    let mut b = End::new(Role::Listener, EXPORTER, policy(vec![(own(&home, "ana", 12), known(&[10]))]));
    let _ = b.directory.learn(NOW, &brings);
    settle(&mut a, &mut b);
    assert_eq!((a.present().len(), b.present().len()), (0, 0));
    assert!(matches!(&b.heard[..], [Output::Refused(_, Refusal::Revoked(Kind::HOSTING))]), "{:?}", b.heard);
}

#[test]
fn later_messages_are_passed_over() {
    let home = Home::new();
    let [_, mut b] = link(everyone(&home, &[("maria", 10)]), policy(vec![]));
    for frame in [&[0x81, 0x06][..], &[0x82, 0x18, 0x63, 0xf6]] {
        b.handle(Input::Frame(frame));
    }
    b.drain();
    assert_eq!((b.failures(), b.present()), (vec![], vec!["maria".to_owned()]));
}

#[test]
fn what_proves_nothing_is_borne_three_times() {
    for (failures, closed) in [
        (INTRODUCTION_FAILURES_MAX - 1, false),
        (INTRODUCTION_FAILURES_MAX, false),
        (INTRODUCTION_FAILURES_MAX + 1, true),
        (INTRODUCTION_FAILURES_MAX * 10, true),
    ] {
        let mut end = End::new(Role::Listener, EXPORTER, policy(vec![]));
        for n in 0..failures {
            let frame = [&[0xff][..], &[], &[0x82, 1, 0x41, 0], &[0x84, 2, 0x40, 0x80, 0x40]][n as usize % 4];
            end.handle(Input::Frame(frame));
            end.drain();
        }
        let told = end.heard.iter().filter(|output| matches!(output, Output::Close(Fault::Failures))).count();
        assert_eq!((told, end.failures().len()), (usize::from(closed), failures.min(4) as usize), "{failures}");
    }
}

#[test]
fn statements_that_are_none_are_named() {
    let home = Home::new();
    let mut end = End::new(Role::Dialler, EXPORTER, everyone(&home, &[("maria", 10)]));
    let frame = end.drain().pop().unwrap();
    let mut parts: Vec<ciborium::Value> = ciborium::from_reader(&frame[..]).unwrap();
    parts[2].as_array_mut().unwrap()[0] = ciborium::Value::Bytes(vec![0; 1025]);
    let mut listener = End::new(Role::Listener, EXPORTER, policy(vec![]));
    listener.handle(Input::Frame(&crate::world::encode(&ciborium::Value::Array(parts))));
    listener.drain();
    assert_eq!(listener.failures(), [Failure::Statement(StatementError::TooLong { found: 1025 })]);
}

#[test]
fn a_link_shows_at_most_64_devices() {
    let home = Home::new();
    let (maria, member) = (person(10), sign(&home.root, home.member("maria", &person(10)), NOW));
    let key =
        |n: usize| mesh::identity::DeviceKey::from_seed(&[[n as u8 + 1; 16], [200; 16]].concat().try_into().unwrap());
    let own = |n: usize| {
        let chain = home.join(vec![member.clone(), hosting(&maria, &key(n), NOW)]);
        (Arc::new(Own::new(key(n), chain).unwrap()), Visibility::Everyone)
    };
    let devices: Vec<_> = (0..LINK_DEVICES_MAX + 1).map(own).collect();
    // Our own side never shows more.
    let [_, b] = link(policy(devices.clone()), policy(vec![]));
    assert_eq!((b.introduction.present().count(), b.failures().len()), (LINK_DEVICES_MAX, 0));
    // Another one does: the link goes.
    let mut listener = End::new(Role::Listener, EXPORTER, policy(vec![]));
    for (at, device) in devices.into_iter().enumerate() {
        let mut end = End::new(Role::Dialler, EXPORTER, policy(vec![device]));
        for frame in end.drain() {
            listener.handle(Input::Frame(&frame));
        }
        listener.drain();
        let closed = listener.heard.contains(&Output::Close(Fault::Devices));
        assert_eq!(closed, at + 1 > LINK_DEVICES_MAX, "{at}");
    }
}

#[test]
fn an_hour_brings_so_many_bytes() {
    let later = |len: usize| {
        // A byte string in an array, of a message that is passed over.
        let head = [0x82, 0x18, 0x63, 0x59, ((len - 6) >> 8) as u8, (len - 6) as u8];
        [&head[..], &vec![0; len - 6]].concat()
    };
    let whole = INTRODUCTION_FRAME_BYTES_MAX;
    for (len, closed) in [(whole - 1, false), (whole, false), (whole + 1, true), (10 * whole - whole / 2, true)] {
        let mut end = End::new(Role::Listener, EXPORTER, policy(vec![]));
        end.handle(Input::Frame(&later(len.min(65_000))));
        end.drain();
        assert_eq!((end.heard == [Output::Close(Fault::Bytes)], end.failures().len()), (closed, 0), "{len}");
    }
    let frames = INTRODUCTION_HOUR_BYTES_MAX / whole;
    let send = |end: &mut End, times: usize| {
        for _ in 0..times {
            end.handle(Input::Frame(&later(whole)));
        }
        end.drain();
        !end.heard.is_empty()
    };
    for (times, closed) in [(frames - 1, false), (frames, false), (frames + 1, true), (10 * frames, true)] {
        let mut end = End::new(Role::Listener, EXPORTER, policy(vec![]));
        assert_eq!(send(&mut end, times), closed, "{times}");
    }
    // The next hour is another one.
    let mut end = End::new(Role::Listener, EXPORTER, policy(vec![]));
    assert!(!send(&mut end, frames));
    end.now.mono = end.now.mono + Duration::from_secs(3600);
    assert!(!send(&mut end, frames));
    assert!(send(&mut end, 1));
}
