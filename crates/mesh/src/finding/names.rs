//! RFC 8882: names that mean nothing. One is drawn for each attachment to a network and each day, so that who listens on
//! two networks, or on two days, cannot tell that it is the same laptop (attack case E16).

use std::collections::VecDeque;
use std::fmt;

use base::limits::{INSTANCE_BYTES_MAX, NETWORKS_MAX};

use crate::hash;

/// The name of a service instance: one DNS label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance(String);

impl Instance {
    /// Reads a label, which a stranger chose. Ours are made of letters and digits; DNS does not tell capitals from small
    /// letters, so neither do we (attack case E01).
    pub fn new(label: &str) -> Option<Instance> {
        let fits = !label.is_empty() && label.len() <= INSTANCE_BYTES_MAX;
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (fits && plain).then(|| Instance(label.to_ascii_lowercase()))
    }

    /// As it is said on the network.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Instance {
    /// Quoted: it may be anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Digits of a name: five bits each, in the alphabet of RFC 4648 section 7.
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Digits that a name has: 80 bits, so that two are the same by intent only.
const NAME_DIGITS: usize = 16;

/// Names of ours that an echo may still bring: today's and yesterday's of every network, and those given up.
const REMEMBERED: usize = 8 * NETWORKS_MAX;

/// Where our names come from, and which they were.
pub(super) struct Names {
    seed: [u8; 32],
    drawn: u64,
    own: VecDeque<Instance>,
}

impl Names {
    pub(super) fn new(seed: [u8; 32]) -> Names {
        Names { seed, drawn: 0, own: VecDeque::new() }
    }

    /// A name that was never used.
    pub(super) fn draw(&mut self) -> Instance {
        let bytes = self.bytes();
        let digits = bytes.iter().take(NAME_DIGITS).map(|byte| char::from(DIGITS[usize::from(byte % 32)]));
        let name = Instance(digits.collect());
        if self.own.len() == REMEMBERED {
            self.own.pop_front();
        }
        self.own.push_back(name.clone());
        name
    }

    /// A number below the bound that nobody else can guess.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) % bound.max(1)
    }

    /// Whether this is or was a name of ours: then it is an echo, or somebody who pretends to be us.
    pub(super) fn is_own(&self, name: &Instance) -> bool {
        self.own.contains(name)
    }

    fn bytes(&mut self) -> [u8; 32] {
        self.drawn += 1;
        hash::tagged(hash::INSTANCE, &[&self.seed[..], &self.drawn.to_le_bytes()].concat())
    }
}
