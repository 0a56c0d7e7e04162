//! Statements: one form, one signer, one purpose (attack cases B12, B17, F03).

use std::net::SocketAddr;

use ciborium::Value;
use coset::{HeaderBuilder, iana};
use mesh::KeyError;
use mesh::identity::fact::FactError;
use mesh::identity::{
    Claim, Fact, Hosting, Issuer, IssuerKey, Kind, Location, Membership, Revocation, Sealing, SealingKey, SignError,
    Stamp, Statement, StatementError, Vouch, stamp,
};

use crate::world::{Forger, Home, NOW, device, encode, key_value, person, sign};

/// One statement of each kind.
fn all() -> Vec<Statement> {
    let (home, maria, laptop) = (Home::new(), person(10), device(20));
    let issuer = IssuerKey::from_seed(&[5; 32]);
    let full =
        Membership { role: Some(3), group: Some("3b".into()), policy: Some([9; 16]), ..home.member("maria", &maria) };
    let addresses = ["192.0.2.7:5222", "[2001:db8::7]:5222"].map(|a| a.parse().unwrap());
    let hosted = sign(&maria, Hosting { device: laptop.public() }, NOW);
    vec![
        sign(&home.root, Issuer { domain: home.genesis.hash(), key: issuer.public() }, NOW),
        sign(&issuer, full, NOW),
        sign(&home.root, home.member("paulo", &person(11)), NOW),
        sign(&laptop, Sealing { key: SealingKey([8; 32]) }, NOW),
        sign(&laptop, Location::new(addresses.to_vec()).unwrap(), NOW),
        sign(&maria, Vouch { domain: home.genesis.hash(), name: "paulo".into(), person: person(11).public() }, NOW),
        sign(&maria, Revocation::of(Kind::HOSTING, hosted.subject()), NOW),
        sign(&maria, Revocation::of_key(), NOW),
        hosted,
    ]
}

#[test]
fn what_is_signed_is_read() {
    for statement in all() {
        let read = Statement::read(statement.bytes()).unwrap();
        assert_eq!(read, statement);
        assert_eq!(Claim::read(statement.bytes()).unwrap().statement(), &statement);
        // Other COSE libraries read it, too.
        let theirs = <coset::CoseSign1 as coset::CborSerializable>::from_slice(statement.bytes()).unwrap();
        assert_eq!(theirs.protected.header.key_id, statement.issuer().as_bytes());
        assert!(statement.says_the_same_as(statement.bytes()));
    }
}

#[test]
fn each_bit_counts() {
    for statement in [&all()[1], &all()[7]] {
        let bytes = statement.bytes();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Statement::read(&changed).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Claim::read(&bytes[..len]).is_err(), "{len} bytes");
        }
        assert!(Claim::read(&[bytes, &[0][..]].concat()).is_err(), "one byte more");
    }
}

/// The fields of a hosting by the person of seed 10.
fn fields() -> [Value; 6] {
    let from = stamp::seconds(NOW);
    let number = Value::from;
    let device = key_value(device(20).public());
    [number(3), number(from), number(from), number(from + 60), device, Value::Map(vec![])]
}

fn changed(at: usize, value: impl Into<Value>) -> [Value; 6] {
    let mut fields = fields();
    fields[at] = value.into();
    fields
}

/// Reads what the person of seed 10 forged.
fn forged(kind: u64, fields: impl Into<Vec<Value>>) -> Result<Fact, StatementError> {
    Statement::read(&Forger::new(10, kind).sign(fields)).map(|statement| statement.fact().clone())
}

#[track_caller]
fn check(kind: u64, fields: impl Into<Vec<Value>>, expect: StatementError) {
    assert_eq!(forged(kind, fields), Err(expect));
}

#[test]
fn the_forger_can_write() {
    assert_eq!(forged(3, fields()), Ok(Fact::Hosting(Hosting { device: device(20).public() })));
}

/// B12: the word of one key under the name of another; B17: bytes signed for one purpose used for another.
#[test]
fn b12_b17_a_statement_is_its_signers_and_of_one_kind() {
    let mut forger = Forger::new(11, 3);
    forger.protected.key_id = person(10).public().as_bytes().to_vec();
    let bad = Err(StatementError::Signature(mesh::BadSignature));
    assert_eq!(Statement::read(&forger.sign(fields())), bad);
    for bound_to in [0, 2, 4, 33] {
        assert_eq!(Statement::read(&Forger::new(10, bound_to).sign(fields())), bad, "{bound_to}");
    }
    // What a key signs in another context is no statement, and the other way round.
    let root = mesh::RootKey::from_seed(&[10; 32]);
    let mut bytes = Forger::new(10, 3).sign(fields());
    let at = bytes.len() - 64;
    let signature = root.sign(mesh::Context::new("statement"), &bytes[..at]).to_bytes();
    bytes[at..].copy_from_slice(&signature);
    assert_eq!(Statement::read(&bytes), bad);
}

#[test]
fn headers_are_exactly_ours() {
    let with = |change: fn(&mut Forger)| {
        let mut forger = Forger::new(10, 3);
        change(&mut forger);
        Claim::read(&forger.sign(fields())).map(drop)
    };
    assert_eq!(with(|_| {}), Ok(()));
    use StatementError::Header;
    assert_eq!(with(|f| f.protected.alg = Some(coset::Algorithm::Assigned(iana::Algorithm::EdDSA))), Err(Header));
    assert_eq!(with(|f| f.protected.alg = None), Err(Header));
    assert_eq!(with(|f| f.protected.key_id.truncate(31)), Err(Header));
    assert_eq!(with(|f| f.protected.iv = vec![1]), Err(Header));
    assert_eq!(with(|f| f.unprotected = HeaderBuilder::new().key_id(vec![1]).build()), Err(Header));
    assert_eq!(with(|f| f.unprotected = HeaderBuilder::new().value(99, Value::Null).build()), Err(Header));
    // A key of small order signs for everybody.
    let small = StatementError::Key(KeyError::SmallOrder);
    assert_eq!(with(|f| f.protected.key_id = [&[1][..], &[0; 31]].concat()), Err(small));
    // A tag before it, a payload that is elsewhere, no signature.
    let good = Forger::new(10, 3).sign(fields());
    assert!(Claim::read(&[&[0xd2][..], &good].concat()).is_err());
    let parts: Value = ciborium::from_reader(&good[..]).unwrap();
    for at in 1..4 {
        let mut parts = parts.clone().into_array().unwrap();
        parts[at] = Value::Null;
        assert!(Claim::read(&encode(&Value::Array(parts))).is_err(), "{at}");
    }
}

#[test]
fn payloads_are_exactly_ours() {
    use mesh::identity::statement::StatementError as E;
    assert!(matches!(forged(3, &fields()[..5]), Err(E::Cbor(_))), "a field too few");
    assert!(matches!(forged(3, [&fields()[..], &[Value::Null]].concat()), Err(E::Cbor(_))), "a field too many");
    assert!(matches!(forged(3, changed(4, Value::Null)), Err(E::Fact(_))), "no device");
    assert!(matches!(forged(3, changed(5, Value::Null)), Err(E::Fact(_))), "no content");
    assert!(matches!(forged(3, changed(1, Value::Text("1".into()))), Err(E::Cbor(_))), "a text as sequence");
    assert!(matches!(forged(3, changed(1, Value::Integer((-1).into()))), Err(E::Cbor(_))), "a negative sequence");
    // Not deterministic inside: the payload is in a byte string, but strict all the same.
    let mut payload = encode(&Value::Array(fields().into()));
    assert_eq!(payload[1], 3);
    payload.splice(1..2, [0x18, 3]);
    let bytes = Forger::new(10, 3).sign_bytes(payload);
    assert!(matches!(Statement::read(&bytes), Err(E::Cbor(_))));
}

#[test]
fn later_kinds_are_kept_or_refused_by_their_number() {
    for kind in [8, 11, 12, 63] {
        let fields = changed(0, kind);
        assert_eq!(forged(kind, fields), Ok(Fact::Unread(Kind::new(kind).unwrap())), "{kind}");
    }
    for kind in [0, 64, 255, 256, u64::MAX] {
        check(kind, changed(0, kind), StatementError::Kind(kind));
    }
}

#[test]
fn later_fields_are_passed_over_or_refused_by_their_number() {
    let with = |field: u64| changed(5, Value::Map(vec![(field.into(), Value::Null)]));
    for field in [16, 17, 1 << 40] {
        assert!(forged(3, with(field)).is_ok(), "{field}");
    }
    for field in [0, 1, 15] {
        check(3, with(field), StatementError::Fact(FactError::Field(field)));
    }
    let named = changed(5, Value::Map(vec![(Value::Text("a".into()), Value::Null)]));
    assert!(matches!(forged(3, named), Err(StatementError::Fact(FactError::Cbor(_)))));
}

/// F03: numbers that cannot be.
#[test]
fn f03_times_that_cannot_be_are_refused() {
    let from = stamp::seconds(NOW);
    for (at, value) in [
        (1, 1 << 63),
        (1, u64::MAX),
        (1, stamp::SECOND_MAX + 1),
        (1, from - 1),
        (2, from + 1),
        (3, from - 1),
        (3, u64::MAX),
    ] {
        check(3, changed(at, value), StatementError::Times);
    }
    check(3, changed(3, Value::Null), StatementError::Times);
    assert!(forged(3, changed(1, stamp::SECOND_MAX)).is_ok(), "whether it is believed, the day decides");
    // Only a revocation has no end, and it has none.
    let revocation = |until: Value| {
        let mut fields = changed(0, 7);
        (fields[3], fields[4]) = (until, Value::Array(vec![]));
        forged(7, fields)
    };
    assert_eq!(revocation(Value::Null), Ok(Fact::Revocation(Revocation::of_key())));
    assert_eq!(revocation((from + 1).into()), Err(StatementError::Times));
}

/// C15 here: a name is in the one form that addresses have.
#[test]
fn names_are_local_parts_in_their_normal_form() {
    let home = Home::new();
    let signed = |name: &str| {
        let stamp = Stamp::next(None, NOW, None);
        Statement::sign(&home.root, home.member(name, &person(10)), stamp).map(drop)
    };
    for good in ["maria", "maría", "π", "o\\27hara", "a.b-c"] {
        assert_eq!(signed(good), Ok(()), "{good}");
    }
    let bad = SignError::Refused(StatementError::Fact(FactError::Name));
    for name in ["", "Maria", "a@b", "a/b", "a b", "ｍａｒｉａ", "a\u{202e}b", "e\u{301}", "\0", "a'", "henry\u{2163}"]
    {
        assert_eq!(signed(name), Err(bad), "{name:?}");
    }
}

#[test]
fn only_addresses_that_mean_something_elsewhere_are_said() {
    let location = |text: &str| Location::new(vec![text.parse::<SocketAddr>().unwrap()]).map(drop);
    for good in ["192.0.2.7:1", "169.254.3.4:5", "[fd00::1]:65535", "10.0.0.1:9"] {
        assert_eq!(location(good), Ok(()), "{good}");
    }
    for bad in
        ["192.0.2.7:0", "0.0.0.0:1", "127.0.0.1:1", "224.0.0.251:1", "[fe80::1%3]:1", "[::1]:1", "[::ffff:192.0.2.7]:1"]
    {
        assert_eq!(location(bad), Err(FactError::Address), "{bad}");
    }
    let raw = |bytes: &[u8]| {
        let mut fields = changed(0, 5);
        fields[4] = Value::Array(vec![]);
        fields[5] = Value::Map(vec![(1.into(), Value::Array(vec![Value::Bytes(bytes.to_vec())]))]);
        forged(5, fields).is_ok()
    };
    assert!(raw(&[192, 0, 2, 7, 0, 1]));
    assert!(!raw(&[192, 0, 2, 7, 0]) && !raw(&[]) && !raw(&[1; 17]) && !raw(&[127, 0, 0, 1, 0, 1]));
}

#[test]
fn a_role_takes_back_only_what_it_says() {
    let (home, issuer) = (Home::new(), IssuerKey::from_seed(&[5; 32]));
    let stamp = Stamp::next(None, NOW, None);
    let refused = |kind| Err(SignError::Role(kind));
    let of = |kind| Revocation::of(kind, &[0x80]);
    let by_root = |kind| Statement::sign(&home.root, of(kind), stamp).map(drop);
    let by_issuer = |kind| Statement::sign(&issuer, of(kind), stamp).map(drop);
    let by_person = |kind| Statement::sign(&person(10), of(kind), stamp).map(drop);
    for (kind, expect) in [
        (Kind::ISSUER, [Ok(()), refused(Kind::ISSUER), refused(Kind::ISSUER)]),
        (Kind::MEMBERSHIP, [Ok(()), Ok(()), refused(Kind::MEMBERSHIP)]),
        (Kind::HOSTING, [refused(Kind::HOSTING), refused(Kind::HOSTING), Ok(())]),
        (Kind::VOUCH, [refused(Kind::VOUCH), refused(Kind::VOUCH), Ok(())]),
        (Kind::SEALING, [refused(Kind::SEALING); 3]),
    ] {
        assert_eq!([by_root(kind), by_issuer(kind), by_person(kind)], expect, "{kind}");
    }
}

#[test]
fn secrets_are_not_printed() {
    for printed in [
        format!("{:?}", person(0xa5)),
        format!("{:?}", device(0xa5)),
        format!("{:?}", IssuerKey::from_seed(&[0xa5; 32])),
    ] {
        assert!(printed.contains("Key { public: PublicKey("), "{printed}");
        assert!(!printed.contains("a5a5") && !printed.contains("165, 165"), "{printed}");
    }
}
