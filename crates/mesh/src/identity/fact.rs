//! docs/formats/statements.md: what a statement can say: its subject, by which scopes are told apart, and its content.

mod kind;
mod place;

use ciborium::Value;

use base::Bare;
use base::limits::{MEMBER_GROUP_BYTES_MAX, MEMBER_NAME_BYTES_MAX};

use crate::genesis::GenesisHash;
use crate::keys::{KeyError, PublicKey};

use super::cbor::{self, CborError, Items};
use super::key::SealingKey;

pub use kind::Kind;
pub use place::Location;

/// The root key entrusts a key with the memberships of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Which domain.
    pub domain: GenesisHash,
    /// Who may sign memberships.
    pub key: PublicKey,
}

/// An authority gives a name of its domain to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Which domain.
    pub domain: GenesisHash,
    /// The name: what stands before the @ of the address, in its normal form (RFC 7622 section 3.3).
    pub name: String,
    /// Whose it is.
    pub person: PublicKey,
    /// What the person is there, as the domain's policy numbers it.
    pub role: Option<u8>,
    /// The class or team.
    pub group: Option<String>,
    /// Which policy holds for the person.
    pub policy: Option<[u8; 16]>,
}

/// A person lets a device speak for them. One statement for each device, never a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosting {
    /// The device's key.
    pub device: PublicKey,
}

/// A device says to which key bundles for it are sealed from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// The key.
    pub key: SealingKey,
}

/// A person vouches that a name belongs to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouch {
    /// Which domain.
    pub domain: GenesisHash,
    /// The name there.
    pub name: String,
    /// Whose key the voucher has seen.
    pub person: PublicKey,
}

/// A key takes back what it said, or itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation(Target);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// All that the key said of this subject with a sequence up to the revocation's own.
    Scope { kind: Kind, subject: Vec<u8> },
    /// The key itself, and all that it ever said.
    Key,
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// See [`Issuer`].
    Issuer(Issuer),
    /// See [`Membership`].
    Membership(Membership),
    /// See [`Hosting`].
    Hosting(Hosting),
    /// See [`Sealing`].
    Sealing(Sealing),
    /// See [`Location`].
    Location(Location),
    /// See [`Vouch`].
    Vouch(Vouch),
    /// See [`Revocation`].
    Revocation(Revocation),
    /// Of a later time: kept and passed on, and no more.
    Unread(Kind),
}

/// Why a subject or content is none of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// It is not laid out as its kind is.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A field that may not be passed over is not known here.
    #[error("field {0} is not known here and must be")]
    Field(u64),
    /// A key in it is refused.
    #[error("a key in it is refused: {0}")]
    Key(#[from] KeyError),
    /// A name is no local part in its normal form, or too long.
    #[error("the name is no local part of an address in its normal form, of {MEMBER_NAME_BYTES_MAX} bytes at most")]
    Name,
    /// A group's name is empty or too long.
    #[error("the group has no name, or one of more than {MEMBER_GROUP_BYTES_MAX} bytes")]
    Group,
    /// A number is beyond its range.
    #[error("a number is beyond its range")]
    Range,
    /// An address is none, or there are too many.
    #[error("an address is none that can be dialled, or there are too many of them")]
    Address,
}

impl Revocation {
    /// Takes back what the signing key said of a subject, as [`Statement::subject`](super::Statement::subject) has it. A
    /// later statement with a higher sequence holds again.
    pub fn of(kind: Kind, subject: &[u8]) -> Revocation {
        Revocation(Target::Scope { kind, subject: subject.to_vec() })
    }

    /// Takes back the signing key itself, for ever.
    pub fn of_key() -> Revocation {
        Revocation(Target::Key)
    }

    /// The kind of what is taken back; `None` for the key itself.
    pub fn kind(&self) -> Option<Kind> {
        match self.0 {
            Target::Scope { kind, .. } => Some(kind),
            Target::Key => None,
        }
    }
}

impl Hosting {
    /// The subject of a statement about this device.
    pub fn subject(device: &[u8; 32]) -> Vec<u8> {
        cbor::write(&cbor::bytes(device))
    }
}

impl Issuer {
    /// The subject of a statement about this key.
    pub fn subject(domain: &GenesisHash, key: &[u8; 32]) -> Vec<u8> {
        cbor::write(&pair(domain, cbor::bytes(key)))
    }
}

impl Vouch {
    /// The subject of a statement about this name.
    pub fn subject(domain: &GenesisHash, name: &str) -> Vec<u8> {
        cbor::write(&named(domain, name))
    }
}

fn pair(domain: &GenesisHash, of: Value) -> Value {
    Value::Array(vec![cbor::bytes(domain.as_bytes()), of])
}

fn named(domain: &GenesisHash, name: &str) -> Value {
    pair(domain, Value::Text(name.to_owned()))
}

fn key(key: &PublicKey) -> Value {
    cbor::bytes(key.as_bytes())
}

impl Fact {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Fact::Issuer(_) => Kind::ISSUER,
            Fact::Membership(_) => Kind::MEMBERSHIP,
            Fact::Hosting(_) => Kind::HOSTING,
            Fact::Sealing(_) => Kind::SEALING,
            Fact::Location(_) => Kind::LOCATION,
            Fact::Vouch(_) => Kind::VOUCH,
            Fact::Revocation(_) => Kind::REVOCATION,
            Fact::Unread(kind) => *kind,
        }
    }

    /// What it is about, as it is signed.
    pub(crate) fn subject(&self) -> Vec<u8> {
        cbor::write(&self.parts().0)
    }

    /// The subject and the content, for signing.
    pub(crate) fn parts(&self) -> (Value, Value) {
        let nothing = || Value::Array(vec![]);
        let (subject, content) = match self {
            Fact::Issuer(issuer) => (pair(&issuer.domain, key(&issuer.key)), vec![]),
            Fact::Membership(m) => (named(&m.domain, &m.name), m.content()),
            Fact::Hosting(hosting) => (key(&hosting.device), vec![]),
            Fact::Sealing(sealing) => (nothing(), vec![(1, cbor::bytes(&sealing.key.0))]),
            Fact::Location(location) => (nothing(), vec![(1, location.content())]),
            Fact::Vouch(vouch) => (named(&vouch.domain, &vouch.name), vec![(1, key(&vouch.person))]),
            Fact::Revocation(Revocation(Target::Key)) => (nothing(), vec![]),
            Fact::Revocation(Revocation(Target::Scope { kind, subject })) => {
                (Value::Array(vec![kind.number().into(), cbor::bytes(subject)]), vec![])
            }
            Fact::Unread(_) => unreachable!("no key may sign it: it implements no MaySign"),
        };
        let content = content.into_iter().map(|(field, value): (u64, Value)| (field.into(), value)).collect();
        (subject, Value::Map(content))
    }

    /// Reads strictly what was signed as this kind.
    pub(crate) fn read(kind: Kind, subject: Value, content: Value) -> Result<Fact, FactError> {
        let mut fields = Fields::of(content)?;
        let fact = match kind {
            Kind::ISSUER => {
                let mut items = Items::of(subject)?;
                let (domain, key) = (GenesisHash::from_bytes(items.array()?), items.array()?);
                items.end()?;
                Fact::Issuer(Issuer { domain, key: PublicKey::from_bytes(&key)? })
            }
            Kind::MEMBERSHIP => Fact::Membership(Membership::read(subject, &mut fields)?),
            Kind::HOSTING => Fact::Hosting(Hosting { device: PublicKey::from_bytes(&cbor::array(subject)?)? }),
            Kind::SEALING => {
                Items::of(subject)?.end()?;
                Fact::Sealing(Sealing { key: SealingKey(cbor::array(fields.must(1)?)?) })
            }
            Kind::LOCATION => {
                Items::of(subject)?.end()?;
                Fact::Location(Location::read(fields.must(1)?)?)
            }
            Kind::VOUCH => {
                let (domain, name) = read_named(subject)?;
                Fact::Vouch(Vouch { domain, name, person: PublicKey::from_bytes(&cbor::array(fields.must(1)?)?)? })
            }
            Kind::REVOCATION => Fact::Revocation(Revocation(Target::read(subject)?)),
            // Fields of a later kind are not ours to judge.
            later => return Ok(Fact::Unread(later)),
        };
        fields.end()?;
        Ok(fact)
    }
}

impl Membership {
    /// The subject of a statement about this name.
    pub fn subject(domain: &GenesisHash, name: &str) -> Vec<u8> {
        cbor::write(&named(domain, name))
    }

    fn content(&self) -> Vec<(u64, Value)> {
        let mut content = vec![(1, key(&self.person))];
        content.extend(self.role.map(|role| (2, role.into())));
        content.extend(self.group.as_ref().map(|group| (3, Value::Text(group.clone()))));
        content.extend(self.policy.as_ref().map(|policy| (4, cbor::bytes(policy))));
        content
    }

    fn read(subject: Value, fields: &mut Fields) -> Result<Membership, FactError> {
        let (domain, name) = read_named(subject)?;
        let person = PublicKey::from_bytes(&cbor::array(fields.must(1)?)?)?;
        let role = fields.may(2).map(cbor::number).transpose()?;
        let role = role.map(|role| u8::try_from(role).map_err(|_| FactError::Range)).transpose()?;
        let group = fields.may(3).map(cbor::text).transpose()?;
        if group.as_ref().is_some_and(|group| !(1..=MEMBER_GROUP_BYTES_MAX).contains(&group.len())) {
            return Err(FactError::Group);
        }
        let policy = fields.may(4).map(cbor::array).transpose()?;
        Ok(Membership { domain, name, person, role, group, policy })
    }
}

impl Target {
    fn read(subject: Value) -> Result<Target, FactError> {
        if subject.as_array().is_some_and(Vec::is_empty) {
            return Ok(Target::Key);
        }
        let mut items = Items::of(subject)?;
        let (kind, subject) = (Kind::new(items.number()?).ok_or(FactError::Range)?, items.bytes()?);
        items.end()?;
        // What it names must be something that a statement can have as its subject.
        cbor::read(&subject)?;
        Ok(Target::Scope { kind, subject })
    }
}

impl Revocation {
    /// The subject of a revocation: of a scope, or of the key itself.
    pub(crate) fn subject(target: Option<(Kind, &[u8])>) -> Vec<u8> {
        let target = target.map_or(Target::Key, |(kind, subject)| Target::Scope { kind, subject: subject.to_vec() });
        cbor::write(&Fact::Revocation(Revocation(target)).parts().0)
    }
}

/// A domain and a name in it. The name is in the one form that an address has (attack case C15).
fn read_named(subject: Value) -> Result<(GenesisHash, String), FactError> {
    let mut items = Items::of(subject)?;
    let (domain, name) = (GenesisHash::from_bytes(items.array()?), items.text()?);
    items.end()?;
    if name.len() > MEMBER_NAME_BYTES_MAX || !is_normal(&name) {
        return Err(FactError::Name);
    }
    Ok((domain, name))
}

/// Whether a name is a local part as RFC 7622 section 3.3 writes it.
fn is_normal(name: &str) -> bool {
    Bare::new(&format!("{name}@alt")).is_ok_and(|address| address.jid().local() == Some(name))
}

/// The numbered fields of a content.
struct Fields(Vec<(u64, Value)>);

/// From here on, fields that are not known are passed over.
const FIELD_OPTIONAL_MIN: u64 = 16;

impl Fields {
    fn of(content: Value) -> Result<Fields, FactError> {
        let entries = content.into_map().map_err(|_| CborError::Shape)?;
        let numbered = entries.into_iter().map(|(field, value)| Ok((cbor::number(field)?, value)));
        Ok(Fields(numbered.collect::<Result<_, CborError>>()?))
    }

    fn may(&mut self, field: u64) -> Option<Value> {
        let at = self.0.iter().position(|(number, _)| *number == field)?;
        Some(self.0.remove(at).1)
    }

    fn must(&mut self, field: u64) -> Result<Value, CborError> {
        self.may(field).ok_or(CborError::Shape)
    }

    /// What is left may only be what can be passed over.
    fn end(self) -> Result<(), FactError> {
        match self.0.into_iter().find(|(field, _)| *field < FIELD_OPTIONAL_MIN) {
            Some((field, _)) => Err(FactError::Field(field)),
            None => Ok(()),
        }
    }
}

/// Each fact is one of the enum's.
macro_rules! facts {
    ($($name:ident)*) => {
        $(impl From<$name> for Fact {
            fn from(fact: $name) -> Fact {
                Fact::$name(fact)
            }
        })*
    };
}

facts! { Issuer Membership Hosting Sealing Location Vouch Revocation }
