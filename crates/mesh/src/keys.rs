//! RFC 8032 Ed25519: the root key of a domain, and strict reading of public keys and signatures (attack case B17).

use std::fmt;

use ed25519_dalek::{Signature as RawSignature, VerifyingKey};

use crate::hash;

/// Bytes of a public key, of a seed, and of a commitment.
pub const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// What a signature is about. Bytes signed for one purpose are worthless for every other.
///
/// Each kind of statement has one constant; there is no way to make a context from foreign text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(&'static str);

impl Context {
    /// Names a purpose. Meant for constants: a bad name does not compile there.
    ///
    /// # Panics
    /// If the name is empty or longer than 255 bytes, for its length is written in one byte.
    pub const fn new(name: &'static str) -> Context {
        assert!(!name.is_empty() && name.len() <= 255);
        Context(name)
    }

    /// What is really signed: a tag, the context with its length, the message.
    fn frame(self, message: &[u8]) -> Vec<u8> {
        let length = u8::try_from(self.0.len()).expect("checked when the context was made");
        [b"jirani-signature", &[length][..], self.0.as_bytes(), message].concat()
    }
}

mod secret {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::{Context, KEY_BYTES, PublicKey, Signature};

    /// The secret half of a key, whatever it is for. Wiped from memory when dropped. The public key that goes into a signature
    /// is always its own: it cannot be supplied (RUSTSEC-2022-0093).
    pub struct Secret(SigningKey);

    impl Secret {
        pub(crate) fn from_seed(seed: &[u8; KEY_BYTES]) -> Secret {
            Secret(SigningKey::from_bytes(seed))
        }

        pub(crate) fn public(&self) -> PublicKey {
            PublicKey(self.0.verifying_key())
        }

        pub(crate) fn sign(&self, context: Context, message: &[u8]) -> Signature {
            Signature(self.0.sign(&context.frame(message)).to_bytes())
        }

        /// Signs a COSE `Sig_structure`, which says itself what it is. It is a CBOR array, so it begins with no byte that a
        /// framed message begins with: neither can be taken for the other.
        pub(crate) fn sign_cose(&self, structure: &[u8]) -> Signature {
            debug_assert!(structure.first().is_some_and(|byte| byte >> 5 == 4), "an array");
            Signature(self.0.sign(structure).to_bytes())
        }
    }
}

pub(crate) use secret::Secret;

/// The secret half of a domain's root key. Wiped from memory when dropped; never printed.
pub struct RootKey(pub(crate) Secret);

impl RootKey {
    /// The key that belongs to 32 secret, uniformly random bytes.
    ///
    /// The caller's copy of the seed is the caller's to wipe.
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> RootKey {
        RootKey(Secret::from_seed(seed))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// Signs a message for one purpose.
    pub fn sign(&self, context: Context, message: &[u8]) -> Signature {
        self.0.sign(context, message)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// A public key that was checked: it has exactly one encoding and generates the large group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why 32 bytes are no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// RFC 8032 section 5.1.3: decoding failed.
    #[error("these bytes are no point of the curve")]
    NotAPoint,
    /// The point is written in a way that no encoder writes it: a second name for the same key.
    #[error("the key is not written in its one canonical form")]
    NotCanonical,
    /// A key of small order accepts signatures that nobody made.
    #[error("the key is of small order")]
    SmallOrder,
    /// The key has a small-order part; verifiers disagree about its signatures.
    #[error("the key is outside the group of prime order")]
    MixedOrder,
}

/// The signature does not belong to this key, context and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not belong to this key and message")]
pub struct BadSignature;

impl PublicKey {
    /// Reads a public key strictly.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<PublicKey, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        let point = key.to_edwards();
        if point.compress().to_bytes() != *bytes {
            return Err(KeyError::NotCanonical);
        }
        if point.is_small_order() {
            return Err(KeyError::SmallOrder);
        }
        if !point.is_torsion_free() {
            return Err(KeyError::MixedOrder);
        }
        Ok(PublicKey(key))
    }

    /// The one encoding of this key.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        self.0.as_bytes()
    }

    /// Checks a signature strictly: reduced scalar, canonical point, no small order.
    pub fn verify(&self, context: Context, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.verify_bytes(&context.frame(message), signature)
    }

    /// As [`PublicKey::verify`], for a COSE `Sig_structure`.
    pub(crate) fn verify_cose(&self, structure: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        debug_assert!(structure.first().is_some_and(|byte| byte >> 5 == 4), "an array");
        self.verify_bytes(structure, signature)
    }

    fn verify_bytes(&self, bytes: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.0.verify_strict(bytes, &RawSignature::from_bytes(&signature.0)).map_err(|_| BadSignature)
    }

    /// What a genesis record says of this key while it is still a secret on paper.
    pub fn commitment(&self) -> KeyCommitment {
        KeyCommitment(hash::tagged(hash::NEXT_KEY, self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", Hex(self.as_bytes()))
    }
}

/// The hash of a key that will be shown later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyCommitment([u8; KEY_BYTES]);

impl KeyCommitment {
    /// Any 32 bytes may be a commitment; only a key can show that they are one.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> KeyCommitment {
        KeyCommitment(bytes)
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for KeyCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyCommitment({})", Hex(&self.0))
    }
}

/// A signature as it came or goes. Two different ones can be valid for one message, so never compare or index by it.
#[derive(Clone, Copy)]
pub struct Signature([u8; SIGNATURE_BYTES]);

impl Signature {
    /// Any 64 bytes may come as a signature; [`PublicKey::verify`] decides.
    pub fn from_bytes(bytes: [u8; SIGNATURE_BYTES]) -> Signature {
        Signature(bytes)
    }

    /// For the wire.
    pub fn to_bytes(&self) -> [u8; SIGNATURE_BYTES] {
        self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", Hex(&self.0))
    }
}

/// Bytes for a person: two lower-case digits each.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
