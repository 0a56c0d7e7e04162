//! Design, section 9: whom our own accounts have met. More than there is room for beside what others say of themselves, and
//! shown to nobody: a stolen laptop is no map of friendships for its neighbours.

use std::collections::BTreeMap;

use base::ledger::{Batch, StatementKey, StatementRow, Write};
use base::limits::VOUCHES_MAX;
use base::{Bare, Wall};

use super::Refusal;
use crate::identity::fact::{Fact, Kind};
use crate::identity::key::PersonId;
use crate::identity::stamp::Stamp;
use crate::identity::statement::{Claim, Statement};

/// By account, then by what each is about.
#[derive(Debug, Default)]
pub(super) struct Vouches(BTreeMap<Bare, BTreeMap<Vec<u8>, Held>>);

/// One of them.
#[derive(Debug)]
pub(super) struct Held {
    row: StatementRow,
    stamp: Stamp,
    person: PersonId,
}

static NONE: BTreeMap<Vec<u8>, Held> = BTreeMap::new();

impl Held {
    /// Whether it was said by this person, of this person, and holds.
    pub(super) fn counts(&self, now: Wall, by: PersonId, of: PersonId) -> bool {
        self.row.key.issuer == by.0 && self.person == of && self.stamp.check(now).is_ok()
    }

    pub(super) fn row(&self) -> &StatementRow {
        &self.row
    }

    fn new(row: StatementRow, vouch: &Statement) -> Option<Held> {
        let Fact::Vouch(said) = vouch.fact() else { return None };
        Some(Held { row, stamp: vouch.stamp(), person: PersonId::of(&said.person) })
    }
}

impl Vouches {
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    pub(super) fn of(&self, own: &Bare) -> &BTreeMap<Vec<u8>, Held> {
        self.0.get(own).unwrap_or(&NONE)
    }

    /// What was written once; it was verified then. One that contradicts another is none.
    pub(super) fn load(&mut self, row: StatementRow) {
        if let Ok(claim) = Claim::read(&row.bytes)
            && let Some(held) = Held::new(row, claim.statement()).filter(|held| !held.row.key.fork)
        {
            let of = self.0.entry(held.row.key.address.clone()).or_default();
            of.insert(held.row.key.subject.clone(), held);
        }
    }

    pub(super) fn add(&mut self, now: Wall, own: &Bare, vouch: &Statement, writes: &mut Batch) -> Result<(), Refusal> {
        let of = self.0.entry(own.clone()).or_default();
        if !of.contains_key(vouch.subject()) && of.len() >= VOUCHES_MAX {
            return Err(Refusal::Full);
        }
        let key = StatementKey {
            address: own.clone(),
            issuer: *vouch.issuer().as_bytes(),
            kind: Kind::VOUCH.number(),
            subject: vouch.subject().to_vec(),
            fork: false,
        };
        let sequence = vouch.stamp().sequence.cast_signed();
        let row = StatementRow { key, sequence, seen: now, bytes: vouch.bytes().clone() };
        if let Some(held) = Held::new(row, vouch) {
            writes.push(Write::PutStatement(held.row.clone()));
            of.insert(vouch.subject().to_vec(), held);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, own: &Bare, subject: &[u8], writes: &mut Batch) -> bool {
        let held = self.0.get_mut(own).and_then(|of| of.remove(subject));
        let had = held.is_some();
        writes.extend(held.map(|held| Write::RemoveStatement(held.row.key)));
        had
    }

    pub(super) fn remove_all(&mut self, own: &Bare, writes: &mut Batch) {
        let of = self.0.remove(own).unwrap_or_default();
        writes.extend(of.into_values().map(|held| Write::RemoveStatement(held.row.key)));
    }
}
