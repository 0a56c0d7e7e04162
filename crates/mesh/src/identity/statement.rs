//! RFC 9052 COSE_Sign1 with RFC 9864 Ed25519: a statement as bytes, verified over the bytes received.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ciborium::Value;
use coset::{AsCborValue as _, CborSerializable as _, CoseSign1, CoseSign1Builder, Header, HeaderBuilder, iana};

use base::limits::STATEMENT_BYTES_MAX;

use crate::keys::{BadSignature, KeyError, PublicKey, SIGNATURE_BYTES, Signature};

use super::cbor::{self, CborError, Items};
use super::fact::{Fact, FactError, Kind};
use super::key::MaySign;
use super::stamp::{SECOND_MAX, Stamp};

/// A signed fact whose signature was checked: the issuing key said this.
///
/// Whether that key had the right to say it is shown by a [`Chain`](super::Chain).
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    issuer: PublicKey,
    stamp: Stamp,
    fact: Fact,
    subject: Vec<u8>,
    bytes: Arc<[u8]>,
}

/// What has the form of a statement and was not verified: nobody has said it yet.
#[derive(Clone, Debug)]
pub struct Claim {
    statement: Statement,
    /// What the signature must be over.
    structure: Vec<u8>,
    signature: Signature,
}

/// Why bytes are no statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Longer than [`STATEMENT_BYTES_MAX`].
    #[error("the statement has {found} bytes; {STATEMENT_BYTES_MAX} is the most")]
    TooLong {
        /// Its bytes.
        found: usize,
    },
    /// No deterministic CBOR, or not laid out as a statement is.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The headers are not exactly the algorithm and the key.
    #[error("the headers are not exactly the algorithm Ed25519 and the key")]
    Header,
    /// The issuing key is refused.
    #[error("the issuing key is refused: {0}")]
    Key(#[from] KeyError),
    /// A kind that must be understood and is not.
    #[error("statements of kind {0} are not known here")]
    Kind(u64),
    /// Its times contradict each other, are beyond the year 9999, or it would hold for longer than its kind may.
    #[error("the times of the statement cannot be")]
    Times,
    /// What it says is refused.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// The signature is not the issuing key's.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

/// Why a key does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// A key may take back only what it could have said.
    #[error("a key of this role says no statement of the kind {0}, so it can take none back")]
    Role(Kind),
    /// Nobody would accept it.
    #[error("nobody would accept it: {0}")]
    Refused(#[from] StatementError),
}

/// The type-bound external data (RFC 9052 section 4.3): bytes signed as one kind are worthless as another.
fn external_data(kind: Kind) -> Vec<u8> {
    format!("jirani/statement/{}", kind.number()).into_bytes()
}

/// The bytes of a statement; `sign` is given what the signature is over.
fn written(issuer: &PublicKey, fact: &Fact, stamp: Stamp, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let kind = fact.kind();
    let (subject, content) = fact.parts();
    let payload = cbor::write(&Value::Array(vec![
        kind.number().into(),
        stamp.sequence.into(),
        stamp.from.into(),
        stamp.until.map_or(Value::Null, Into::into),
        subject,
        content,
    ]));
    CoseSign1Builder::new()
        .protected(header(issuer))
        .payload(payload)
        .create_signature(&external_data(kind), sign)
        .build()
        .to_vec()
        .expect("our headers have no duplicates")
}

/// Exactly what the protected header says.
fn header(issuer: &PublicKey) -> Header {
    HeaderBuilder::new().algorithm(iana::Algorithm::Ed25519).key_id(issuer.as_bytes().to_vec()).build()
}

impl Statement {
    /// Says a fact. The issuing key is the signing key: it cannot be supplied (attack cases B12 and B17). It holds as long
    /// as its kind may, at most.
    ///
    /// # Errors
    /// If nobody would accept it: see [`StatementError`]; or if a revocation is of what the key never says.
    pub fn sign<F: Into<Fact>, K: MaySign<F>>(key: &K, fact: F, stamp: Stamp) -> Result<Statement, SignError> {
        let fact = fact.into();
        if let Fact::Revocation(revocation) = &fact
            && let Some(kind) = revocation.kind()
            && !K::REVOKES.contains(&kind)
        {
            return Err(SignError::Role(kind));
        }
        let until = fact.kind().life_max().map(|life| stamp.until.unwrap_or(u64::MAX).min(end(stamp.from, life)));
        let stamp = Stamp { until, ..stamp };
        let sign = |structure: &[u8]| key.secret().sign_cose(structure).to_bytes().to_vec();
        Ok(Claim::read(&written(&key.public_key(), &fact, stamp, sign))?.statement)
    }

    /// The statement that a key has signed, from its parts.
    ///
    /// # Errors
    /// If the signature is not over it, or nobody would accept it.
    pub(crate) fn signed(
        issuer: &PublicKey,
        fact: Fact,
        stamp: Stamp,
        signature: &Signature,
    ) -> Result<Statement, StatementError> {
        Statement::read(&written(issuer, &fact, stamp, |_| signature.to_bytes().to_vec()))
    }

    /// The signature, which stands last.
    pub(crate) fn signature(&self) -> Signature {
        Signature::from_bytes(*self.bytes.last_chunk().expect("a statement ends with its signature"))
    }

    /// Reads and verifies a statement strictly.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Statement, StatementError> {
        Claim::read(bytes)?.verify()
    }

    /// Whose word it is.
    pub fn issuer(&self) -> &PublicKey {
        &self.issuer
    }

    /// When it was made, and how long it holds.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// What it says.
    pub fn fact(&self) -> &Fact {
        &self.fact
    }

    /// What it is about, as deterministic CBOR. Two statements are of one scope if key, kind and this are the same.
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The bytes that were signed, or received.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Whether both say the same in the same words; the signature may be another one, and says nothing.
    pub fn says_the_same_as(&self, bytes: &[u8]) -> bool {
        same_words(&self.bytes, bytes)
    }
}

/// Whether the bytes of two statements are the same but for the signature, which stands last.
pub(crate) fn same_words(one: &[u8], other: &[u8]) -> bool {
    let words = |bytes: &[u8]| bytes.len().checked_sub(SIGNATURE_BYTES);
    match (words(one), words(other)) {
        (Some(a), Some(b)) => one[..a] == other[..b],
        _ => one == other,
    }
}

fn end(from: u64, life: Duration) -> u64 {
    from.saturating_add(life.as_secs()).min(SECOND_MAX)
}

impl Claim {
    /// Reads the form of a statement, without asking whose word it is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Claim, StatementError> {
        if bytes.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError::TooLong { found: bytes.len() });
        }
        let value = cbor::read(bytes)?;
        // Before the COSE library sees it: it would read any CBOR there.
        if let Some(Value::Bytes(protected)) = value.as_array().and_then(|parts| parts.first()) {
            cbor::read(protected)?;
        }
        let sign1 = CoseSign1::from_cbor_value(value).map_err(|_| CborError::Shape)?;
        let issuer: [u8; 32] =
            sign1.protected.header.key_id.as_slice().try_into().map_err(|_| StatementError::Header)?;
        let issuer = PublicKey::from_bytes(&issuer)?;
        if sign1.protected.header != header(&issuer) || !sign1.unprotected.is_empty() {
            return Err(StatementError::Header);
        }
        let signature: [u8; SIGNATURE_BYTES] = sign1.signature.as_slice().try_into().map_err(|_| CborError::Shape)?;
        let mut items = Items::of(cbor::read(sign1.payload.as_deref().ok_or(CborError::Shape)?)?)?;

        let kind = items.number()?;
        let kind = Kind::new(kind).ok_or(StatementError::Kind(kind))?;
        let (sequence, from) = (items.number()?, items.number()?);
        let until = match items.value()? {
            Value::Null => None,
            number => Some(cbor::number(number)?),
        };
        let stamp = Stamp { sequence, from, until };
        if !can_be(stamp, kind) {
            return Err(StatementError::Times);
        }
        let (subject, content) = (items.value()?, items.value()?);
        items.end()?;
        let subject_bytes = cbor::write(&subject);
        let fact = Fact::read(kind, subject, content)?;
        let structure = sign1.tbs_data(&external_data(kind));
        let statement = Statement { issuer, stamp, fact, subject: subject_bytes, bytes: bytes.into() };
        Ok(Claim { statement, structure, signature: Signature::from_bytes(signature) })
    }

    /// What it would say, if it is true that the issuing key said it.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Asks whether the issuing key said it.
    ///
    /// # Errors
    /// If not.
    pub fn verify(self) -> Result<Statement, StatementError> {
        self.statement.issuer.verify_cose(&self.structure, &self.signature)?;
        Ok(self.statement)
    }
}

/// Whether such times can be: in order, before the year 10000, and no longer than the kind may hold (attack case F03).
fn can_be(stamp: Stamp, kind: Kind) -> bool {
    let Stamp { sequence, from, until } = stamp;
    let ends = match (until, kind.life_max()) {
        (Some(until), Some(life)) => (from..=end(from, life)).contains(&until),
        (None, None) => true,
        _ => false,
    };
    ends && from <= sequence && sequence <= SECOND_MAX
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("issuer", &self.issuer)
            .field("stamp", &self.stamp)
            .field("fact", &self.fact)
            .finish_non_exhaustive()
    }
}
