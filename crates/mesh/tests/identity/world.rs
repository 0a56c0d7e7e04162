//! What the tests share: two domains, people and devices from seeds, one moment, and a forger.

use base::{Bare, Now, Time, Wall};
use ciborium::Value;
use coset::{CborSerializable as _, CoseSign1Builder, Header, HeaderBuilder, iana};
use ed25519_dalek::{Signer as _, SigningKey};
use mesh::identity::{
    Chain, DeviceKey, Fact, Hosting, MaySign, Membership, PersonKey, Proven, Stamp, Statement, stamp,
};
use mesh::{Draft, Genesis, Label, PublicKey, RootKey};

/// One second of November 2026.
pub(crate) const NOW: Wall = Wall(1_795_168_380_000);
pub(crate) const DAY: i64 = 86_400_000;
pub(crate) const IN_2099: Wall = Wall(4_070_908_800_000);

pub(crate) fn days(days: i64) -> Wall {
    Wall(NOW.0 + days * DAY)
}

pub(crate) fn now(wall: Wall) -> Now {
    Now { mono: Time(7), wall }
}

pub(crate) fn person(seed: u8) -> PersonKey {
    PersonKey::from_seed(&[seed; 32])
}

pub(crate) fn device(seed: u8) -> DeviceKey {
    DeviceKey::from_seed(&[seed; 32])
}

pub(crate) fn bare(text: &str) -> Bare {
    Bare::new(text).unwrap()
}

/// A domain and its root key.
pub(crate) struct Home {
    pub(crate) root: RootKey,
    pub(crate) genesis: Genesis,
}

impl Home {
    /// `invent-body-midwife-wrapper-fatigue.jirani.alt`, the first one of docs/formats/domain.md.
    pub(crate) fn new() -> Home {
        Home::of(1, None, 0x0010_9eaf)
    }

    /// `nakuru-nomad-ruling-engine-skyline-romance.jirani.alt`, the second one.
    pub(crate) fn nakuru() -> Home {
        Home::of(3, Some(Label::new("nakuru").unwrap()), 0x0018_505d)
    }

    fn of(seed: u8, label: Option<Label>, modifier: u128) -> Home {
        let root = RootKey::from_seed(&[seed; 32]);
        let next = RootKey::from_seed(&[seed + 1; 32]).public().commitment();
        let genesis = Genesis::new(Draft { label, root: root.public(), next }, modifier.to_be_bytes()).unwrap();
        Home { root, genesis }
    }

    pub(crate) fn address(&self, name: &str) -> Bare {
        bare(&format!("{name}@{}", self.genesis.name()))
    }

    /// What a membership says.
    pub(crate) fn member(&self, name: &str, person: &PersonKey) -> Membership {
        Membership {
            domain: self.genesis.hash(),
            name: name.into(),
            person: person.public(),
            role: None,
            group: None,
            policy: None,
        }
    }

    /// A chain without an issuer, signed at one moment.
    pub(crate) fn chain(&self, name: &str, person: &PersonKey, device: &DeviceKey, at: Wall) -> Chain {
        let membership = sign(&self.root, self.member(name, person), at);
        self.join(vec![membership, hosting(person, device, at)])
    }

    #[track_caller]
    pub(crate) fn join(&self, statements: Vec<Statement>) -> Chain {
        Chain::new(self.genesis.clone(), statements).unwrap()
    }
}

pub(crate) fn hosting(person: &PersonKey, device: &DeviceKey, at: Wall) -> Statement {
    sign(person, Hosting { device: device.public() }, at)
}

/// Signed at a moment, for as long as may be.
#[track_caller]
pub(crate) fn sign<F: Into<Fact>, K: MaySign<F>>(key: &K, fact: F, at: Wall) -> Statement {
    Statement::sign(key, fact, Stamp::next(None, at, None)).unwrap()
}

/// Signed with this sequence.
#[track_caller]
pub(crate) fn sign_as<F: Into<Fact>, K: MaySign<F>>(key: &K, fact: F, sequence: u64) -> Statement {
    let from = sequence.min(stamp::seconds(NOW));
    Statement::sign(key, fact, Stamp { sequence, from, until: None }).unwrap()
}

pub(crate) fn proven(chain: &Chain) -> Proven {
    chain.proven().clone()
}

/// Somebody who signs anything in the form of a statement.
pub(crate) struct Forger {
    key: SigningKey,
    /// The number in the external data.
    pub(crate) bound_to: u64,
    pub(crate) protected: Header,
    pub(crate) unprotected: Header,
}

impl Forger {
    pub(crate) fn new(seed: u8, kind: u64) -> Forger {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let kid = key.verifying_key().to_bytes().to_vec();
        let protected = HeaderBuilder::new().algorithm(iana::Algorithm::Ed25519).key_id(kid).build();
        Forger { key, bound_to: kind, protected, unprotected: Header::default() }
    }

    /// Signs a payload, whatever it is.
    pub(crate) fn sign_bytes(self, payload: Vec<u8>) -> Vec<u8> {
        CoseSign1Builder::new()
            .protected(self.protected)
            .unprotected(self.unprotected)
            .payload(payload)
            .create_signature(format!("jirani/statement/{}", self.bound_to).as_bytes(), |structure| {
                self.key.sign(structure).to_bytes().to_vec()
            })
            .build()
            .to_vec()
            .unwrap()
    }

    /// Signs the fields of a payload.
    pub(crate) fn sign(self, fields: impl Into<Vec<Value>>) -> Vec<u8> {
        self.sign_bytes(encode(&Value::Array(fields.into())))
    }
}

pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

pub(crate) fn key_value(key: PublicKey) -> Value {
    Value::Bytes(key.as_bytes().to_vec())
}
