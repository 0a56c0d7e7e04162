//! FIPS 180-4 SHA-256 with domain separation: no two uses of the hash in this crate can be given the same bytes.

use sha2::{Digest, Sha256};

/// What a hash is for: the sixteen bytes that stand before everything else. One length for all of them, so that no tag
/// with its message is another tag with another message.
pub(crate) type Tag = [u8; 16];

/// The hash that names a domain.
pub(crate) const GENESIS: &Tag = b"jirani-genesis-1";
/// The hash whose leading zero bits make a name dear to imitate.
pub(crate) const EXTENSION: &Tag = b"jirani-extension";
/// The commitment to the next root key.
pub(crate) const NEXT_KEY: &Tag = b"jirani-next-key1";
/// The checksum of a secret on paper.
pub(crate) const PHRASE: &Tag = b"jirani-phrase-v1";
/// What tells apart the contents of parcels.
pub(crate) const POST: &Tag = b"jirani-post-hash";
/// What a device shows in an introduction.
pub(crate) const SHOWN: &Tag = b"jirani-shown-one";
/// Names that mean nothing, for one network and one day.
pub(crate) const INSTANCE: &Tag = b"jirani-instance1";
/// What people compare of a key.
pub(crate) const FINGERPRINT: &Tag = b"jirani-fingerpr1";
/// What tells one link from all others when people compare words.
pub(crate) const COMPARED_LINK: &Tag = b"jirani-cmp-link1";
/// The promise of a number that is opened later.
pub(crate) const COMPARED_PROMISE: &Tag = b"jirani-cmp-prom1";
/// The words that people compare.
pub(crate) const COMPARED_WORDS: &Tag = b"jirani-cmp-words";

/// SHA-256 over the tag and the bytes.
pub(crate) fn tagged(tag: &Tag, bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(tag).chain_update(bytes).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_differ() {
        let compared = [COMPARED_LINK, COMPARED_PROMISE, COMPARED_WORDS];
        let tags = [GENESIS, EXTENSION, NEXT_KEY, PHRASE, POST, SHOWN, INSTANCE, FINGERPRINT];
        let tags = [&tags[..], &compared].concat();
        assert_eq!(tags.iter().collect::<std::collections::BTreeSet<_>>().len(), tags.len());
    }
}
