//! XEP-0359 stanza ids: the name under which a message stands in an account's archive (XEP-0313 section 3.4).
//!
//! An id is the message's number, scrambled with the node's secret: it tells nobody how many messages there are, cannot
//! be guessed, and is found again without being stored. A text that is an id and lies below the account's next number
//! was given by us: [`read`] needs no look into the archive.

use std::hash::Hasher as _;

use base::{AccountId, Bare};
use siphasher::sip::SipHasher13;
use wire::Xml;

use crate::ns;

/// A Feistel network needs four rounds to look like chance in both directions (Luby and Rackoff).
const ROUNDS: u32 = 4;

/// Makes and reads the ids of one account's messages.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    rounds: SipHasher13,
}

impl Ids {
    /// Those of the messages that this node archived first.
    pub(crate) fn new(node: u64, account: AccountId) -> Ids {
        Ids { rounds: SipHasher13::new_with_keys(node, account.0 as u64) }
    }

    /// The id of a message.
    pub(crate) fn write(&self, seq: i64) -> String {
        let (mut left, mut right) = ((seq as u64 >> 32) as u32, seq as u32);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.mix(round, right));
        }
        format!("{left:08x}{right:08x}")
    }

    /// The number of a message by its id; none if no such id has been given. `next_seq` is the account's.
    pub(crate) fn read(&self, id: &str, next_seq: i64) -> Option<i64> {
        let digits = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let halves = u64::from_str_radix(id, 16).ok().filter(|_| digits && id.len() == 16)?;
        let (mut left, mut right) = ((halves >> 32) as u32, halves as u32);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.mix(round, left), left);
        }
        let seq = (u64::from(left) << 32 | u64::from(right)) as i64;
        (1..next_seq).contains(&seq).then_some(seq)
    }

    /// The `<stanza-id/>` of a message in the archive of `by`.
    pub(crate) fn element(&self, seq: i64, by: &Bare) -> Vec<u8> {
        let mut xml = Xml::new();
        xml.open("stanza-id", ns::STANZA_IDS).attr("by", by.as_str()).attr("id", self.write(seq)).close();
        xml.finish()
    }

    fn mix(&self, round: u32, half: u32) -> u32 {
        let mut hasher = self.rounds;
        hasher.write(&round.to_le_bytes());
        hasher.write(&half.to_le_bytes());
        hasher.finish() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back() {
        let ids = Ids::new(7, AccountId(3));
        let mut seen = std::collections::BTreeSet::new();
        for seq in (1..2000).chain([i64::from(u32::MAX), i64::from(u32::MAX) + 1, i64::MAX - 1]) {
            let id = ids.write(seq);
            assert_eq!(ids.read(&id, i64::MAX), Some(seq));
            assert_eq!(ids.read(&id, seq + 1), Some(seq));
            assert_eq!(ids.read(&id, seq), None, "it has not been given yet");
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        let ids = Ids::new(7, AccountId(3));
        let (id, next_seq) = (ids.write(1), 1_000_000);
        for text in ["", "1", "0000000000000001", "0000000000000000", "ffffffffffffffff", "+00000000000000f", &id[1..]]
        {
            assert_eq!(ids.read(text, next_seq), None, "{text}");
        }
        assert_eq!(ids.read(&format!("0{id}"), next_seq), None);
        assert_eq!(ids.read(&"é".repeat(8), next_seq), None);
        assert_eq!(Ids::new(8, AccountId(3)).read(&id, next_seq), None, "another node's");
        assert_eq!(Ids::new(7, AccountId(4)).read(&id, next_seq), None, "another account's");
    }

    /// The bytes are in clients' databases: they may never change.
    #[test]
    fn ids_are_stable() {
        assert_eq!(Ids::new(0x0123_4567_89ab_cdef, AccountId(1)).write(1), "5d02529cde48f8a0");
    }
}
