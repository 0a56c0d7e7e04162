//! A hash map whose keys strangers may choose (attack case A10): keyed SipHash, the key from the shard's seed.
//!
//! Nothing iterates over one where the order could be seen from outside.

use std::collections::HashMap;
use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// A map with keyed hashing.
pub(crate) type Map<K, V> = HashMap<K, V, Keyed>;

/// Makes hashers with one secret key.
#[derive(Clone)]
pub(crate) struct Keyed(SipHasher13);

impl Keyed {
    pub(crate) fn new(key: [u8; 16]) -> Keyed {
        Keyed(SipHasher13::new_with_key(&key))
    }
}

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}
