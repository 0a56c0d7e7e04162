//! Tags: how people who hide from strangers are found by those who know them.
//!
//! A tag proves nothing: who knows a person's key and stands at the other end of this link can make it. It only brings those
//! whom the person might want to see to show themselves first.

use std::collections::BTreeSet;

use base::limits::LINK_DEVICES_MAX;

use super::Role;
use super::proof::{Prover, mac};
use crate::identity::key::PersonId;

/// Bytes of a tag.
pub(super) const TAG_BYTES: usize = 16;
/// Tags come in such numbers, filled up with noise: nobody sees how many hide here, or whether anybody does.
const STEP: usize = 8;

type Tag = [u8; TAG_BYTES];

/// The tags of one side, in the order of their bytes, which says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags(BTreeSet<Tag>);

fn shortened(mac: [u8; 32]) -> Tag {
    *mac.first_chunk().expect("32 bytes")
}

fn tag(prover: &Prover, role: Role, person: &PersonId) -> Tag {
    shortened(mac(prover.tag_key(), &[&[role.byte()][..], &person.0].concat()))
}

impl Tags {
    /// The tags of these people on the side with this role.
    pub(super) fn make(prover: &Prover, role: Role, people: &[PersonId], noise: &[u8; 32]) -> Tags {
        let mut tags: BTreeSet<Tag> = people.iter().map(|person| tag(prover, role, person)).collect();
        let full = tags.len().max(1).next_multiple_of(STEP).min(LINK_DEVICES_MAX);
        let mut drawn = (0u32..).map(|n| shortened(mac(noise, &n.to_be_bytes())));
        while tags.len() < full {
            tags.extend(drawn.next());
        }
        Tags(tags)
    }

    /// Tags as they came, a whole number of them.
    pub(super) fn of(bytes: &[u8]) -> Tags {
        Tags(bytes.as_chunks().0.iter().copied().collect())
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flatten().copied().collect()
    }

    /// Whether there is the tag of this person, said by the side with this role.
    pub(super) fn has(&self, prover: &Prover, role: Role, person: &PersonId) -> bool {
        !self.0.is_empty() && self.0.contains(&tag(prover, role, person))
    }
}
