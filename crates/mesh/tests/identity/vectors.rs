//! The vectors of docs/formats/statements.md. What is signed there is computed here a second time, by other means.

#[path = "../common/vectors.rs"]
mod read;

use ed25519_dalek::{Signature, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use mesh::Genesis;
use mesh::identity::introduction::{Input, Output, Own, Policy, Role, Visibility};
use mesh::identity::{
    Chain, DeviceKey, Directory, Fact, Introduction, IssuerKey, PersonKey, SignError, Stamp, Statement,
};
use read::Vector;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

use crate::world::{NOW, now};

#[track_caller]
fn with(field: &str) -> Vec<Vector> {
    read::with(include_str!("../../../../docs/formats/statements.md"), field)
}

/// Says the same once more, by the key of a role.
fn sign_again(vector: &Vector, fact: Fact, stamp: Stamp) -> Result<Statement, SignError> {
    let seed = &vector.array("seed");
    match (vector.text("role"), fact) {
        ("root", Fact::Issuer(fact)) => Statement::sign(&vector.key("seed"), fact, stamp),
        ("root", Fact::Membership(fact)) => Statement::sign(&vector.key("seed"), fact, stamp),
        ("root", Fact::Revocation(fact)) => Statement::sign(&vector.key("seed"), fact, stamp),
        ("issuer", Fact::Membership(fact)) => Statement::sign(&IssuerKey::from_seed(seed), fact, stamp),
        ("person", Fact::Hosting(fact)) => Statement::sign(&PersonKey::from_seed(seed), fact, stamp),
        ("person", Fact::Vouch(fact)) => Statement::sign(&PersonKey::from_seed(seed), fact, stamp),
        ("person", Fact::Revocation(fact)) => Statement::sign(&PersonKey::from_seed(seed), fact, stamp),
        ("device", Fact::Sealing(fact)) => Statement::sign(&DeviceKey::from_seed(seed), fact, stamp),
        ("device", Fact::Location(fact)) => Statement::sign(&DeviceKey::from_seed(seed), fact, stamp),
        other => panic!("{other:?}"),
    }
}

#[test]
fn statements_are_as_documented() {
    let mut kinds = std::collections::BTreeSet::new();
    for vector in with("structure") {
        let statement = Statement::read(&vector.bytes("statement")).unwrap();
        let what = vector.text("says");
        let until = match vector.text("until") {
            "-" => None,
            number => Some(number.parse().unwrap()),
        };
        let number = |field: &str| vector.text(field).parse::<u64>().unwrap();
        let stamp = Stamp { sequence: number("sequence"), from: number("from"), until };
        assert_eq!(statement.stamp(), stamp, "{what}");
        assert_eq!(u64::from(statement.fact().kind().number()), number("kind"), "{what}");
        assert_eq!(statement.subject(), vector.bytes("subject"), "{what}");
        let again = sign_again(&vector, statement.fact().clone(), stamp).unwrap();
        assert_eq!(again, statement, "{what}");
        // By other means: the document's structure is what the signature is over, and ends in the payload.
        let key = SigningKey::from_bytes(&vector.array("seed")).verifying_key();
        let structure = vector.bytes("structure");
        let (signed, signature) = statement.bytes().split_last_chunk::<64>().unwrap();
        key.verify_strict(&structure, &Signature::from_bytes(signature)).unwrap();
        let payload = vector.bytes("payload");
        assert!(structure.ends_with(&payload) && signed[..signed.len() - 2].ends_with(&payload), "{what}");
        let bound = format!("jirani/statement/{}", statement.fact().kind().number());
        assert!(structure.windows(bound.len()).any(|window| window == bound.as_bytes()), "{what}");
        kinds.insert(statement.fact().kind());
    }
    assert_eq!(kinds.len(), 7, "each kind has a vector");
}

#[test]
fn what_is_refused_is_as_documented() {
    for vector in with("refused") {
        let error = Statement::read(&vector.bytes("statement")).unwrap_err();
        assert_eq!(error.to_string(), vector.text("refused"));
    }
}

fn role(vector: &Vector) -> Role {
    match vector.text("role") {
        "dialler" => Role::Dialler,
        "listener" => Role::Listener,
        other => panic!("{other}"),
    }
}

/// The end that says it.
fn end(vector: &Vector, policy: Policy) -> Introduction {
    let [own, other] = ["own-transport", "other-transport"].map(|field| vector.array(field));
    Introduction::new(role(vector), vector.array("exporter"), own, other, policy)
}

fn frames(introduction: &mut Introduction) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| introduction.poll())
        .filter_map(|output| if let Output::Frame(frame) = output { Some(frame) } else { None })
        .collect()
}

fn chain(vector: &Vector) -> Chain {
    let statements = ["first", "second", "third"].map(|field| Statement::read(&vector.bytes(field)).unwrap());
    Chain::new(Genesis::decode(&vector.bytes("genesis")).unwrap(), statements.to_vec()).unwrap()
}

#[test]
fn introductions_are_as_documented() {
    for vector in with("present") {
        let chain = chain(&vector);
        assert_eq!(chain.check(NOW).unwrap().address.as_str(), vector.text("address"));
        let own = Arc::new(Own::new(DeviceKey::from_seed(&vector.array("seed")), chain.clone()).unwrap());
        let policy = Policy { devices: vec![(own, Visibility::Everyone)], noise: [0; 32] };
        let said = frames(&mut end(&vector, policy));
        assert_eq!(said[1], vector.bytes("present"));
        // By other means.
        let signed = [&b"jirani-signature\x0cintroduction"[..], &vector.bytes("message")].concat();
        let (_, signature) = said[1].split_last_chunk::<64>().unwrap();
        let key = SigningKey::from_bytes(&vector.array("seed")).verifying_key();
        key.verify_strict(&signed, &Signature::from_bytes(signature)).unwrap();
        let shown = vector.bytes("shown");
        let digest = Sha256::new().chain_update(b"jirani-shown-one").chain_update(&shown).finalize();
        let role = if role(&vector) == Role::Dialler { 1 } else { 2 };
        let [exporter, own, other] = ["exporter", "own-transport", "other-transport"].map(|field| vector.bytes(field));
        let message = [&exporter[..], &[role], &own, &other, &digest].concat();
        assert_eq!(message, vector.bytes("message"));
        assert!(said[1].windows(shown.len() - 1).any(|window| window == &shown[1..]), "shown is in the frame");
        // The other end hears it.
        let mut hears = Introduction::new(
            match vector.text("role") {
                "dialler" => Role::Listener,
                _ => Role::Dialler,
            },
            vector.array("exporter"),
            vector.array("other-transport"),
            vector.array("own-transport"),
            Policy { devices: vec![], noise: [0; 32] },
        );
        hears.handle(now(NOW), Input::Frame(&said[1]), &Directory::new());
        assert_eq!(hears.present().collect::<Vec<_>>(), [&chain]);
    }
}

#[test]
fn tags_are_as_documented() {
    let mac = |key: &[u8], message: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    };
    for vector in with("tag") {
        let key = mac(&vector.bytes("exporter"), b"jirani/introduction/1 tags");
        assert_eq!(key, vector.bytes("tag-key"));
        let byte = if role(&vector) == Role::Dialler { 1 } else { 2 };
        let tag = mac(&key, &[&[byte][..], &vector.bytes("person")].concat());
        assert_eq!(&tag[..16], vector.bytes("tag"));
        let chain = chain(&with("present")[0]);
        assert_eq!(chain.proven().person.as_bytes()[..], vector.bytes("person"));
        let own = Own::new(DeviceKey::from_seed(&with("present")[0].array("seed")), chain).unwrap();
        let hidden = Visibility::Known(Arc::default());
        let policy = Policy { devices: vec![(Arc::new(own), hidden)], noise: vector.array("noise") };
        assert_eq!(frames(&mut end(&vector, policy)), [vector.bytes("tags")]);
        assert!(vector.bytes("tags").windows(16).any(|window| window == &tag[..16]));
    }
}
