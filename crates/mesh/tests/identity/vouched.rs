//! Who vouches for somebody, as it is shown on a link: to those who know the voucher, and to nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::Wall;
use base::limits::{INTRODUCTION_FRAME_BYTES_MAX, VOUCHED_MAX, VOUCHED_READ_MAX};
use mesh::identity::introduction::{Failure, Input, MessageError, Output, Policy, Role, Trust, Visibility};
use mesh::identity::{PersonId, Statement, StatementError, Vouch};

use crate::introduction::{EXPORTER, End, everyone, id, own, policy, settle};
use crate::world::{Home, NOW, days, person, sign};

const MARIA: u8 = 10;

fn who(seed: u8) -> PersonId {
    PersonId::of(&person(seed).public())
}

/// What somebody says of the person of a seed in a household.
fn vouch(by: u8, home: &Home, name: &str, seed: u8, at: Wall) -> Statement {
    sign(&person(by), Vouch { domain: home.genesis.hash(), name: name.into(), person: person(seed).public() }, at)
}

fn of_maria(by: &[u8]) -> Vec<Statement> {
    by.iter().map(|by| vouch(*by, &Home::new(), "maria", MARIA, NOW)).collect()
}

fn trust(vouches: Vec<Statement>, known: &[u8]) -> Trust {
    let vouches = BTreeMap::from([(id(MARIA), vouches)]);
    Trust { vouches: Arc::new(vouches), known: Arc::new(known.iter().copied().map(who).collect()), noise: [3; 32] }
}

/// Maria, for whom these vouch, and somebody who knows some people.
fn shown(vouches: Vec<Statement>, known: &[u8]) -> [End; 2] {
    let mut a = End::new(Role::Dialler, EXPORTER, everyone(&Home::new(), &[("maria", MARIA)]));
    let mut b = End::new(Role::Listener, EXPORTER, policy(vec![]));
    a.handle(Input::Trust(trust(vouches, &[])));
    b.handle(Input::Trust(trust(vec![], known)));
    settle(&mut a, &mut b);
    [a, b]
}

fn vouchers(end: &End) -> BTreeSet<PersonId> {
    end.introduction.vouched(id(MARIA)).iter().map(|vouch| PersonId::of(vouch.issuer())).collect()
}

#[track_caller]
fn check(vouches: &[u8], known: &[u8], read: &[u8]) {
    let [_, b] = shown(of_maria(vouches), known);
    assert_eq!(vouchers(&b), read.iter().copied().map(who).collect());
    assert_eq!(b.failures(), []);
    let told = b.heard.iter().filter(|output| matches!(output, Output::Vouched(_))).count();
    assert_eq!(told, usize::from(!vouches.is_empty()));
}

#[test]
fn who_knows_a_voucher_reads_what_they_say() {
    check(&[], &[20], &[]);
    check(&[20, 21], &[], &[]);
    check(&[20, 21], &[22], &[]);
    check(&[20, 21], &[20, 22], &[20]);
    check(&[20, 21, 22], &[20, 21, 30], &[20, 21]);
    // Nobody vouches for themselves.
    check(&[MARIA, 20], &[MARIA, 20], &[20]);
}

/// The one frame that shows vouches.
fn frame(vouches: &[u8], exporter: [u8; 32], role: Role, noise: u8) -> Vec<u8> {
    let mut end = End::new(role, exporter, everyone(&Home::new(), &[("maria", MARIA)]));
    end.handle(Input::Trust(Trust { noise: [noise; 32], ..trust(of_maria(vouches), &[]) }));
    let frames: Vec<_> = end.drain().into_iter().filter(|frame| frame[1] == 5).collect();
    assert_eq!(frames.len(), 1);
    frames.concat()
}

/// Pieces of a frame, as somebody compares them who looks for what they have seen before.
fn pieces(frame: &[u8]) -> BTreeSet<&[u8]> {
    // Behind the kind and the device.
    frame[40..].windows(8).collect()
}

#[test]
fn a_stranger_sees_noise() {
    // Four: nothing is filled up with noise, which is the same here where the seed of it is.
    let four = [20, 21, 22, 23];
    let one = frame(&four, EXPORTER, Role::Dialler, 1);
    for (what, other) in [
        ("other vouchers", frame(&[30, 31, 32, 33], EXPORTER, Role::Dialler, 1)),
        ("another link", frame(&four, [1; 32], Role::Dialler, 1)),
        ("the other side", frame(&four, EXPORTER, Role::Listener, 1)),
        ("another saying", frame(&four, EXPORTER, Role::Dialler, 2)),
    ] {
        assert_eq!(one.len(), other.len(), "{what}");
        // The salt is the same where the seed is.
        let salt = if what == "another saying" { 0 } else { 30 };
        assert!(pieces(&one).intersection(&pieces(&other)).count() <= salt, "{what}");
    }
    for by in four {
        let vouch = &of_maria(&[by])[0];
        let clear = [&person(by).public().as_bytes()[..], &vouch.bytes()[vouch.bytes().len() - 64..]].concat();
        assert_eq!(pieces(&one).intersection(&clear.windows(8).collect()).count(), 0);
    }
    // How many they are is told by fours.
    let length = |count: u8| frame(&(20..20 + count).collect::<Vec<_>>(), EXPORTER, Role::Dialler, 1).len();
    assert_eq!((length(1), length(4)), (length(2), length(3)));
    assert!(length(5) > length(4) && length(5) == length(8));
}

#[test]
fn what_was_shown_elsewhere_is_worth_nothing() {
    for (exporter, role, read) in
        [(EXPORTER, Role::Dialler, true), ([1; 32], Role::Dialler, false), (EXPORTER, Role::Listener, false)]
    {
        let [_, mut b] = shown(vec![], &[20, 21]);
        b.handle(Input::Frame(&frame(&[20, 21], exporter, role, 1)));
        b.drain();
        assert_eq!(!vouchers(&b).is_empty(), read);
    }
    // Of a device that is not there, or shown as another one's.
    let stranger = Policy { devices: vec![(own(&Home::new(), "eve", 11), Visibility::Everyone)], noise: [9; 32] };
    let mut a = End::new(Role::Dialler, EXPORTER, stranger);
    let mut b = End::new(Role::Listener, EXPORTER, policy(vec![]));
    b.handle(Input::Trust(trust(vec![], &[20, 21])));
    settle(&mut a, &mut b);
    let mut copied = frame(&[20, 21], EXPORTER, Role::Dialler, 1);
    b.handle(Input::Frame(&copied));
    copied[4..36].copy_from_slice(&id(11).0);
    b.handle(Input::Frame(&copied));
    b.drain();
    assert_eq!((b.introduction.vouched(id(11)).len(), vouchers(&b).len()), (0, 0));
}

#[test]
fn only_what_a_voucher_has_said_of_this_person_is_read() {
    let (home, other) = (Home::new(), Home::nakuru());
    for foreign in [
        vouch(20, &home, "mario", MARIA, NOW),
        vouch(20, &home, "maria", 11, NOW),
        vouch(20, &other, "maria", MARIA, NOW),
    ] {
        let [_, b] = shown(vec![foreign], &[20]);
        assert!(vouchers(&b).is_empty());
        assert!(matches!(b.failures()[..], [Failure::Statement(StatementError::Signature(_))]), "{:?}", b.failures());
    }
    // Every bit counts of what is sealed: the tag, the times, the signature.
    let good = frame(&[20], EXPORTER, Role::Dialler, 1);
    let at = good.len() - 4 * 104;
    let mut read = 0;
    for byte in (at..good.len()).step_by(3) {
        let [_, mut b] = shown(vec![], &[20]);
        let mut bad = good.clone();
        bad[byte] ^= 1;
        b.handle(Input::Frame(&bad));
        b.drain();
        read += usize::from(!vouchers(&b).is_empty());
    }
    // Three of four records are noise, whose bits mean nothing.
    let all = (at..good.len()).step_by(3).count();
    assert!((all / 4 * 3 - 2..=all / 4 * 3 + 2).contains(&read), "{read} of {all}");
}

#[test]
fn so_many_are_shown_and_read_and_no_more() {
    let most = VOUCHED_MAX;
    for (come, shown_) in [(most - 1, most), (most, most), (most + 1, most), (2 * most, most)] {
        let all: Vec<u8> = (60..60 + come as u8).collect();
        let frame = frame(&all, EXPORTER, Role::Dialler, 1);
        assert_eq!(frame.len().div_euclid(104), shown_);
        assert!(frame.len() <= INTRODUCTION_FRAME_BYTES_MAX);
    }
    for known in [VOUCHED_READ_MAX - 1, VOUCHED_READ_MAX, VOUCHED_READ_MAX + 1, 5 * VOUCHED_READ_MAX] {
        let seeds: Vec<u8> = (60..60 + known as u8).collect();
        let [_, b] = shown(of_maria(&seeds), &seeds);
        assert_eq!(vouchers(&b).len(), known.min(VOUCHED_READ_MAX));
    }
    // A frame with more of them, or with pieces, is none.
    for (bytes, ok) in
        [((most - 1) * 104, true), (most * 104, true), (most * 104 + 1, false), ((most + 1) * 104, false), (103, false)]
    {
        let [_, mut b] = shown(vec![], &[20]);
        let head = [&[0x84, 5, 0x58, 32][..], &id(MARIA).0, &[0x50], &[7; 16]].concat();
        let length = bytes as u16;
        let length = if bytes < 256 { vec![0x58, bytes as u8] } else { [&[0x59][..], &length.to_be_bytes()].concat() };
        b.handle(Input::Frame(&[head, length, vec![1; bytes]].concat()));
        b.drain();
        let expect: &[Failure] = if ok { &[] } else { &[Failure::Message(MessageError::Vouched)] };
        assert_eq!(b.failures(), expect, "{bytes}");
    }
}

#[test]
fn only_what_has_changed_is_shown_again() {
    let [mut a, mut b] = shown(of_maria(&[20]), &[20, 21]);
    let before = a.said.len();
    let mut change = |vouches: Vec<Statement>, read: &[u8], frames: usize| {
        a.handle(Input::Trust(trust(vouches, &[])));
        settle(&mut a, &mut b);
        assert_eq!(vouchers(&b), read.iter().copied().map(who).collect());
        assert_eq!(a.said.len() - before, frames);
    };
    change(of_maria(&[20]), &[20], 0);
    change(of_maria(&[20, 21]), &[20, 21], 1);
    change(vec![vouch(20, &Home::new(), "maria", MARIA, days(1))], &[20], 2);
    change(vec![], &[], 3);
    change(vec![], &[], 3);
}

#[test]
fn what_is_given_comes_from_who_says_it() {
    let home = Home::new();
    for (by, taken) in [(MARIA, true), (20, false)] {
        let [mut a, mut b] = shown(vec![], &[]);
        let given = vouch(by, &home, "paulo", 11, NOW);
        a.handle(Input::Give(&given));
        settle(&mut a, &mut b);
        assert_eq!(b.introduction.given(id(MARIA)), taken.then_some(&given));
        assert_eq!(b.heard.contains(&Output::Given(id(MARIA))), taken);
    }
    let [_, mut b] = shown(vec![], &[]);
    let mut forged = vouch(MARIA, &home, "paulo", 11, NOW).bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    b.handle(Input::Frame(&[&[0x82, 4, 0x58, forged.len() as u8][..], &forged].concat()));
    b.drain();
    assert_eq!(b.introduction.given(id(MARIA)), None);
    assert!(matches!(b.failures()[..], [Failure::Statement(StatementError::Signature(_))]), "{:?}", b.failures());
}
