//! Each limit of the identity's, reached: one less, exactly, one more, ten times.

use base::limits::{
    ADDRESS_STATEMENTS_MAX, DIRECTORY_STRANGERS_BYTES_MAX, HOSTING_TIME_MAX, INTRODUCTION_FRAME_BYTES_MAX,
    LOCATION_ADDRESSES_MAX, LOCATION_TIME_MAX, MEMBER_GROUP_BYTES_MAX, MEMBER_NAME_BYTES_MAX, MEMBERSHIP_TIME_MAX,
    PINS_MAX, SEALING_TIME_MAX, STATEMENT_BYTES_MAX,
};
use ciborium::Value;
use mesh::identity::fact::FactError;
use mesh::identity::{
    Chain, ChainError, Claim, Directory, Kind, Location, Membership, Noted, Proven, Refusal, SignError, Stamp,
    Statement, StatementError, Vouch, stamp,
};

use crate::directory::crowd;
use crate::world::{Forger, Home, NOW, bare, device, hosting, key_value, person, sign};

/// Runs a check around a limit: whether it shall be let through.
#[track_caller]
fn around(limit: usize, let_through: impl Fn(usize) -> bool) {
    for (size, expect) in [(limit - 1, true), (limit, true), (limit + 1, false), (10 * limit, false)] {
        assert_eq!(let_through(size), expect, "{size} at a limit of {limit}");
    }
}

#[test]
fn a_statement_has_at_most_1024_bytes() {
    around(STATEMENT_BYTES_MAX, |size| {
        let from = stamp::seconds(NOW);
        let of = |filler: usize| {
            let content = Value::Map(vec![(16.into(), Value::Bytes(vec![0; filler]))]);
            let device = key_value(device(20).public());
            Forger::new(10, 3).sign([3.into(), from.into(), from.into(), from.into(), device, content])
        };
        // The lengths of lengths differ; a filler of the right size is near.
        let bytes = (0..=size).rev().map(of).find(|bytes| bytes.len() <= size).unwrap();
        assert_eq!(bytes.len(), size);
        match Statement::read(&bytes) {
            Ok(_) => true,
            Err(StatementError::TooLong { found }) if found == size => false,
            Err(other) => panic!("{other}"),
        }
    });
}

fn try_member(member: Membership) -> Result<Statement, SignError> {
    Statement::sign(&Home::new().root, member, Stamp::next(None, NOW, None))
}

#[test]
fn names_and_groups_are_bounded() {
    let home = Home::new();
    around(MEMBER_NAME_BYTES_MAX, |size| match try_member(home.member(&"a".repeat(size), &person(10))) {
        Ok(_) => true,
        Err(SignError::Refused(StatementError::Fact(FactError::Name) | StatementError::TooLong { .. })) => false,
        Err(other) => panic!("{other}"),
    });
    around(MEMBER_GROUP_BYTES_MAX, |size| {
        let member = Membership { group: Some("g".repeat(size)), ..home.member("maria", &person(10)) };
        match try_member(member) {
            Ok(_) => true,
            Err(SignError::Refused(StatementError::Fact(FactError::Group))) => false,
            Err(other) => panic!("{other}"),
        }
    });
}

#[test]
fn a_location_has_at_most_eight_addresses() {
    let address = |n: usize| std::net::SocketAddr::from(([192, 0, 2, 1], 1 + n as u16));
    around(LOCATION_ADDRESSES_MAX, |size| Location::new((0..size).map(address).collect()).is_ok());
    around(LOCATION_ADDRESSES_MAX, |size| {
        let from = stamp::seconds(NOW);
        let addresses = vec![Value::Bytes(vec![192, 0, 2, 1, 0, 1]); size];
        let content = Value::Map(vec![(1.into(), Value::Array(addresses))]);
        let fields = [5.into(), from.into(), from.into(), from.into(), Value::Array(vec![]), content];
        Claim::read(&Forger::new(20, 5).sign(fields)).is_ok()
    });
}

/// Who signs for longer is not accepted, and our own keys cannot.
#[test]
fn no_kind_holds_for_longer_than_it_may() {
    let from = stamp::seconds(NOW);
    let device = key_value(device(20).public());
    let name = Value::Array(vec![Value::Bytes(vec![1; 32]), Value::Text("maria".into())]);
    let key = Value::Array(vec![Value::Bytes(vec![1; 32]), device.clone()]);
    let nothing = || Value::Array(vec![]);
    let field = |value| Value::Map(vec![(1.into(), value)]);
    for (kind, limit, subject, content) in [
        (1, MEMBERSHIP_TIME_MAX, key, Value::Map(vec![])),
        (2, MEMBERSHIP_TIME_MAX, name.clone(), field(device.clone())),
        (3, HOSTING_TIME_MAX, device.clone(), Value::Map(vec![])),
        (4, SEALING_TIME_MAX, nothing(), field(Value::Bytes(vec![2; 32]))),
        (5, LOCATION_TIME_MAX, nothing(), field(nothing())),
        (6, MEMBERSHIP_TIME_MAX, name, field(device)),
        (12, MEMBERSHIP_TIME_MAX, Value::Null, Value::Null.clone()),
    ] {
        let limit = limit.as_secs();
        assert_eq!(Kind::new(kind).unwrap().life_max().unwrap().as_secs(), limit);
        around(limit as usize, |life| {
            let content = if kind == 12 { Value::Map(vec![]) } else { content.clone() };
            let fields = [kind.into(), from.into(), from.into(), (from + life as u64).into(), subject.clone(), content];
            match Claim::read(&Forger::new(10, kind).sign(fields)) {
                Ok(_) => true,
                Err(StatementError::Times) => false,
                Err(other) => panic!("{kind}: {other}"),
            }
        });
    }
    let long = Stamp { sequence: from, from, until: Some(u64::MAX) };
    let home = Home::new();
    let member = Statement::sign(&home.root, home.member("maria", &person(10)), long).unwrap();
    assert_eq!(member.stamp().until, Some(from + MEMBERSHIP_TIME_MAX.as_secs()));
}

#[test]
fn an_address_has_at_most_32_statements() {
    let (home, maria, laptop) = (Home::new(), person(10), device(20));
    let mut directory = Directory::new();
    let mut filed = 0;
    for n in 0..ADDRESS_STATEMENTS_MAX {
        let mut statements = home.chain("maria", &maria, &laptop, NOW).statements().to_vec();
        let vouch = Vouch { domain: home.genesis.hash(), name: format!("friend{n}"), person: person(9).public() };
        statements.push(sign(&maria, vouch, NOW));
        let noted = directory.learn(NOW, &home.join(statements)).unwrap();
        // Two of them are the chain.
        let expect = if n < ADDRESS_STATEMENTS_MAX - 2 { Noted::New } else { Noted::Full };
        assert_eq!(noted[2], expect, "{n}");
        filed += usize::from(noted[2] == Noted::New);
    }
    assert_eq!(filed, ADDRESS_STATEMENTS_MAX - 2);
    assert_eq!(directory.statements(&home.address("maria")).len(), ADDRESS_STATEMENTS_MAX);
}

#[test]
fn ten_thousand_keys_are_pinned_and_no_more() {
    let home = Home::new();
    let chain = home.chain("maria", &person(10), &device(20), NOW);
    let mut directory = Directory::new();
    let pin = |n: usize| Proven { address: bare(&format!("p{n}@a.alt")), ..chain.proven().clone() };
    for n in 0..PINS_MAX {
        assert_eq!(directory.pin(&pin(n)), Ok(()), "{n}");
    }
    assert_eq!(directory.pin(&pin(PINS_MAX)), Err(Refusal::Full));
    assert_eq!(directory.pin(&pin(0)), Ok(()), "one that is pinned is pinned");
    directory.unpin(&bare("p0@a.alt"));
    assert_eq!(directory.pin(&pin(PINS_MAX)), Ok(()));
}

#[test]
fn strangers_have_two_megabytes() {
    let home = Home::new();
    let chain = home.chain("maria", &person(10), &device(20), NOW);
    let mut empty = Directory::new();
    empty.learn(NOW, &chain).unwrap();
    let newcomer: usize = [home.address("maria"), bare(&home.genesis.name().to_string())]
        .iter()
        .flat_map(|address| empty.statements(address))
        .map(|row| row.bytes.len())
        .sum();
    around(DIRECTORY_STRANGERS_BYTES_MAX, |size| {
        let mut directory = Directory::new();
        let people = (size - newcomer) / 1000;
        let mut rows = crowd("a.alt", people, 1000, NOW);
        rows.extend(crowd("b.alt", 1, size - newcomer - people * 1000, NOW));
        directory.load_statements(rows);
        directory.learn(NOW, &chain).unwrap();
        directory.take_writes().iter().all(|write| !matches!(write, base::ledger::Write::RemoveStatement(_)))
    });
}

/// What a chain shows fits into a frame; if it does not, it is no chain.
#[test]
fn a_chain_fits_into_a_frame() {
    let (home, maria, laptop) = (Home::new(), person(10), device(20));
    let mut statements = home.chain("maria", &maria, &laptop, NOW).statements().to_vec();
    loop {
        let n = statements.len();
        let vouch =
            Vouch { domain: home.genesis.hash(), name: format!("{}{n}", "a".repeat(200)), person: person(9).public() };
        statements.push(sign(&maria, vouch, NOW));
        let bytes: usize = statements.iter().map(|statement| statement.bytes().len()).sum();
        let fits = bytes <= INTRODUCTION_FRAME_BYTES_MAX - 512;
        let joined = Chain::new(home.genesis.clone(), statements.clone()).map(drop);
        assert_eq!(joined, if fits { Ok(()) } else { Err(ChainError::TooLong { found: bytes }) });
        if !fits {
            break;
        }
    }
    assert_eq!(hosting(&maria, &laptop, NOW), statements[1]);
}
