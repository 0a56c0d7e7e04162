//! docs/formats/statements.md: who vouches for somebody, sealed so that it is read by those who know the voucher and by nobody
//! else.
//!
//! Key and pad of each follow from the link, the side, the voucher's key and whom it is about: whoever does not know the voucher sees
//! random bytes, and whoever does asks nothing that would tell whom they know. What a vouch is about is not in it: it is what
//! was proved on this link, so that nothing else can be shown.

use std::collections::BTreeMap;

use base::DeviceId;
use base::limits::{VOUCHED_MAX, VOUCHED_READ_MAX};

use super::Role;
use super::proof::{Prover, mac};
use crate::identity::chain::Proven;
use crate::identity::fact::Vouch;
use crate::identity::key::PersonId;
use crate::identity::stamp::Stamp;
use crate::identity::statement::{Statement, StatementError};
use crate::keys::{PublicKey, SIGNATURE_BYTES, Signature};

/// Bytes that make each saying a new one.
pub(super) const SALT_BYTES: usize = 16;
/// What tells who knows the voucher that there is something for them.
const TAG_BYTES: usize = 16;
/// Sequence, from, until, signature.
const BODY_BYTES: usize = 3 * 8 + SIGNATURE_BYTES;
/// Bytes of one vouch.
pub(super) const RECORD_BYTES: usize = TAG_BYTES + BODY_BYTES;
/// They come in such numbers, filled up with noise.
const STEP: usize = 4;

type Tag = [u8; TAG_BYTES];
type Body = [u8; BODY_BYTES];

/// The vouches for one device's person, in the order of their tags, which says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vouched {
    salt: [u8; SALT_BYTES],
    records: BTreeMap<Tag, Body>,
}

/// What one record is read with.
struct Key([u8; 32]);

impl Key {
    fn new(prover: &Prover, role: Role, salt: &[u8; SALT_BYTES], device: DeviceId, voucher: &PersonId) -> Key {
        Key(mac(prover.vouch_key(), &[&[role.byte()][..], salt, &device.0, &voucher.0].concat()))
    }

    fn tag(&self) -> Tag {
        *mac(&self.0, b"tag").first_chunk().expect("32 bytes")
    }

    /// Seals, and opens.
    fn apply(&self, body: &Body) -> Body {
        let pad = (0u8..).flat_map(|n| mac(&self.0, &[n]));
        let mut bytes = *body;
        bytes.iter_mut().zip(pad).for_each(|(byte, pad)| *byte ^= pad);
        bytes
    }
}

impl Vouched {
    /// What the side with this role shows of the vouches for the person of a device of its own: the first [`VOUCHED_MAX`].
    /// `noise` must be new each time.
    pub(super) fn seal(
        prover: &Prover,
        role: Role,
        device: DeviceId,
        vouches: &[Statement],
        noise: &[u8; 32],
    ) -> Vouched {
        let salt = *mac(noise, &device.0).first_chunk().expect("32 bytes");
        let sealed = vouches.iter().take(VOUCHED_MAX).map(|vouch| {
            let key = Key::new(prover, role, &salt, device, &PersonId::of(vouch.issuer()));
            (key.tag(), key.apply(&body(vouch)))
        });
        let mut records: BTreeMap<Tag, Body> = sealed.collect();
        let full = records.len().next_multiple_of(STEP);
        for n in 0u32.. {
            if records.len() >= full {
                break;
            }
            let drawn = Key(mac(noise, &[&device.0[..], &n.to_be_bytes()].concat()));
            records.insert(drawn.tag(), drawn.apply(&[0; BODY_BYTES]));
        }
        Vouched { salt, records }
    }

    /// As it came; `None` if these are not whole records, or too many.
    pub(super) fn of(salt: [u8; SALT_BYTES], bytes: &[u8]) -> Option<Vouched> {
        let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
        if !rest.is_empty() || records.len() > VOUCHED_MAX {
            return None;
        }
        let split = |record: &[u8; RECORD_BYTES]| {
            let (tag, body) = record.split_first_chunk::<TAG_BYTES>()?;
            Some((*tag, *body.first_chunk::<BODY_BYTES>()?))
        };
        Some(Vouched { salt, records: records.iter().filter_map(split).collect() })
    }

    pub(super) fn salt(&self) -> &[u8; SALT_BYTES] {
        &self.salt
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.records.iter().flat_map(|(tag, body)| tag.iter().chain(body)).copied().collect()
    }

    /// What these people say of whoever has proved to be at the other end, which has this role: the first
    /// [`VOUCHED_READ_MAX`]. Nobody vouches for themselves.
    ///
    /// # Errors
    /// If one of them has not said it.
    pub(super) fn open<'a>(
        &self,
        prover: &Prover,
        role: Role,
        of: &Proven,
        known: impl Iterator<Item = &'a PersonId>,
    ) -> Result<Vec<Statement>, StatementError> {
        let others = known.filter(|voucher| **voucher != PersonId::of(&of.person));
        let found = others.filter_map(|voucher| {
            let key = Key::new(prover, role, &self.salt, of.device, voucher);
            Some((voucher, key.apply(self.records.get(&key.tag())?)))
        });
        found.take(VOUCHED_READ_MAX).map(|(voucher, body)| vouch(voucher, &body, of)).collect()
    }
}

fn body(vouch: &Statement) -> Body {
    let Stamp { sequence, from, until } = vouch.stamp();
    let times = [sequence, from, until.unwrap_or_default()].map(u64::to_be_bytes).concat();
    let mut body = [0; BODY_BYTES];
    body.iter_mut().zip(times.iter().chain(&vouch.signature().to_bytes())).for_each(|(to, from)| *to = *from);
    body
}

fn vouch(by: &PersonId, body: &Body, of: &Proven) -> Result<Statement, StatementError> {
    let (times, signature) = body.split_last_chunk::<SIGNATURE_BYTES>().expect("its length");
    let (times, _) = times.as_chunks::<8>();
    let time = |n: usize| times.get(n).map_or(0, |time| u64::from_be_bytes(*time));
    let stamp = Stamp { sequence: time(0), from: time(1), until: Some(time(2)) };
    let name = of.address.jid().local().unwrap_or_default().to_owned();
    let said = Vouch { domain: of.genesis, name, person: of.person };
    Statement::signed(&PublicKey::from_bytes(&by.0)?, said.into(), stamp, &Signature::from_bytes(*signature))
}
