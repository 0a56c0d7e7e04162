//! What a device signs on a link: this link, its side of it, and what it shows there.

use ciborium::Value;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Role;
use crate::hash;
use crate::identity::cbor;
use crate::identity::chain::Chain;
use crate::identity::key::DeviceKey;
use crate::keys::{BadSignature, Context, Signature};

const INTRODUCTION: Context = Context::new("introduction");

/// What both ends of a link, and nobody else, know of it.
pub(super) struct Prover {
    exporter: Zeroizing<[u8; 32]>,
    local_key: [u8; 32],
    remote_key: [u8; 32],
    tag_key: Zeroizing<[u8; 32]>,
    vouch_key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Prover {
    /// The exporter stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover").finish_non_exhaustive()
    }
}

/// The hash of what a device shows: a length stands before each part, so one chain is never another.
pub(super) fn digest(chain: &Chain) -> [u8; 32] {
    let statements = chain.statements().iter().map(|statement| cbor::bytes(statement.bytes()));
    let shown = Value::Array(vec![Value::Bytes(chain.genesis().encode()), Value::Array(statements.collect())]);
    hash::tagged(hash::SHOWN, &cbor::write(&shown))
}

impl Prover {
    pub(super) fn new(exporter: [u8; 32], local_key: [u8; 32], remote_key: [u8; 32]) -> Prover {
        let tag_key = Zeroizing::new(mac(&exporter, b"jirani/introduction/1 tags"));
        let vouch_key = Zeroizing::new(mac(&exporter, b"jirani/introduction/1 vouches"));
        Prover { exporter: Zeroizing::new(exporter), local_key, remote_key, tag_key, vouch_key }
    }

    /// The key of the tags on this link.
    pub(super) fn tag_key(&self) -> &[u8; 32] {
        &self.tag_key
    }

    /// The key of what is sealed on this link for those who know a voucher.
    pub(super) fn vouch_key(&self) -> &[u8; 32] {
        &self.vouch_key
    }

    /// As one side, whose role is `signer`, says it: its own transport key first.
    fn message(&self, signer: Role, [own, other]: [&[u8; 32]; 2], chain: &Chain) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&self.exporter[..], &[signer.byte()], own, other, &digest(chain)].concat())
    }

    pub(super) fn sign(&self, role: Role, key: &DeviceKey, chain: &Chain) -> Signature {
        key.sign(INTRODUCTION, &self.message(role, [&self.local_key, &self.remote_key], chain))
    }

    /// Checks what the other side, whose role is `signer`, has signed.
    pub(super) fn verify(&self, signer: Role, chain: &Chain, signature: &Signature) -> Result<(), BadSignature> {
        let message = self.message(signer, [&self.remote_key, &self.local_key], chain);
        chain.device().verify(INTRODUCTION, &message, signature)
    }
}

/// RFC 2104 HMAC-SHA256.
pub(super) fn mac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}
