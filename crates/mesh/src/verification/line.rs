//! docs/formats/verification.md: the two ends of one link as both of them see it, and what follows from it: promises and
//! words. Nothing of it is the same on another link, between other keys, or the other way round.

use base::{Bare, DeviceId, LinkId};

use super::WORDS;
use super::message::{CHECK_BYTES, Check, Number, Promise};
use super::words::{BITS, word};
use crate::hash;
use crate::identity::Pin;

/// Somebody at one end: proved by an introduction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) address: Bare,
    pub(crate) pin: Pin,
    pub(crate) device: DeviceId,
}

/// A link between two devices.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) link: LinkId,
    /// What only the two ends of the link know of it.
    pub(crate) secret: Secret,
    /// Whether this side dialled.
    pub(crate) dialled: bool,
    pub(crate) here: Party,
    pub(crate) there: Party,
}

/// Follows from a link's exporter and transport keys: the same at both ends, and nowhere else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    /// It stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    pub(crate) fn of(exporter: &[u8; 32], dialled: bool, local_key: &[u8; 32], remote_key: &[u8; 32]) -> Secret {
        let (dialler, listener) = if dialled { (local_key, remote_key) } else { (remote_key, local_key) };
        Secret(hash::tagged(hash::COMPARED_LINK, &[*exporter, *dialler, *listener].concat()))
    }
}

impl Line {
    /// Everything that the words depend on but the numbers, each part of a fixed length.
    fn ends(&self, asked_here: bool) -> Vec<u8> {
        let (dialler, listener) = if self.dialled { (&self.here, &self.there) } else { (&self.there, &self.here) };
        let mut bytes = self.secret.0.to_vec();
        for party in [dialler, listener] {
            bytes.extend(party.pin.genesis.as_bytes());
            bytes.extend(party.pin.person.0);
            bytes.extend(party.device.0);
        }
        bytes.push(u8::from(self.dialled == asked_here));
        bytes
    }

    /// What promises a number of the side that asks.
    pub(crate) fn promise(&self, asked_here: bool, number: &Number) -> Promise {
        hash::tagged(hash::COMPARED_PROMISE, &[&self.ends(asked_here)[..], number].concat())
    }

    /// The words, and what names them in a yes.
    pub(crate) fn words(&self, asked_here: bool, asked: &Number, answered: &Number) -> ([&'static str; WORDS], Check) {
        let said = [&self.ends(asked_here)[..], asked, answered].concat();
        let hash = hash::tagged(hash::COMPARED_WORDS, &said);
        let (bits, rest) = hash.split_first_chunk::<4>().expect("32 bytes");
        let bits = u32::from_be_bytes(*bits);
        let nth = |n: usize| (bits >> (u32::BITS as usize - (n + 1) * BITS)) as u16;
        (std::array::from_fn(|n| word(nth(n))), *rest.first_chunk::<CHECK_BYTES>().expect("28 bytes"))
    }
}
