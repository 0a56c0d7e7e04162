//! Design, section 9: whom our own accounts have met. More than there is room for beside what others say of themselves, and
//! shown to nobody: a stolen laptop is no map of friendships for its neighbours.

use std::collections::BTreeMap;

use base::ledger::{Batch, StatementKey, StatementRow, Write};
use base::limits::VOUCHES_MAX;
use base::{Bare, Wall};

use super::Refusal;
use crate::identity::fact::{Fact, Kind, Vouch};
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

    /// Whether this person has to say it again: it holds, and not for long.
    pub(super) fn is_due(&self, now: Wall, by: PersonId) -> bool {
        self.counts(now, by, self.person) && self.stamp.is_due(now)
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// What it says.
    pub(super) fn vouch(&self) -> Option<Vouch> {
        match Claim::read(&self.row.bytes).ok()?.statement().fact() {
            Fact::Vouch(vouch) => Some(vouch.clone()),
            _ => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesis::GenesisHash;
    use crate::identity::key::PersonKey;

    const NOW: Wall = Wall(1_795_132_800_000);

    fn vouch(by: &PersonKey, n: usize, sequence: u64) -> Statement {
        let said = Vouch { domain: GenesisHash::from_bytes([1; 32]), name: format!("p{n}"), person: by.public() };
        let stamp = Stamp { sequence: NOW.0 as u64 / 1000 + sequence, ..Stamp::next(None, NOW, None) };
        Statement::sign(by, said, stamp).unwrap()
    }

    /// So many, as if for others with each key: signing takes long.
    fn fill(vouches: &mut Vouches, own: &Bare, count: usize, like: &Statement) {
        vouches.add(NOW, own, like, &mut Batch::default()).unwrap();
        let of = vouches.0.get_mut(own).unwrap();
        let Held { row, stamp, person } = of.pop_first().unwrap().1;
        of.extend((0..count).map(|n| (n.to_be_bytes().to_vec(), Held { row: row.clone(), stamp, person })));
    }

    #[test]
    fn an_account_vouches_for_so_many_and_no_more() {
        let (own, by) = (Bare::new("lisa@a.alt").unwrap(), PersonKey::from_seed(&[1; 32]));
        let (one, again) = (vouch(&by, 1, 0), vouch(&by, 1, 1));
        for (held, expect) in [
            (VOUCHES_MAX - 1, Ok(())),
            (VOUCHES_MAX, Err(Refusal::Full)),
            (VOUCHES_MAX + 1, Err(Refusal::Full)),
            (10 * VOUCHES_MAX, Err(Refusal::Full)),
        ] {
            let (mut vouches, mut writes) = (Vouches::default(), Batch::default());
            fill(&mut vouches, &own, held, &one);
            assert_eq!(vouches.add(NOW, &own, &one, &mut writes), expect, "{held}");
            assert_eq!(writes.len(), usize::from(expect.is_ok()), "{held}");
            // What takes the place of another needs no room; another account has its own.
            assert_eq!(vouches.add(NOW, &own, &again, &mut writes), expect, "{held}");
            assert_eq!(vouches.add(NOW, &Bare::new("tom@a.alt").unwrap(), &one, &mut writes), Ok(()));
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_removed() {
        let (own, by) = (Bare::new("lisa@a.alt").unwrap(), PersonKey::from_seed(&[1; 32]));
        let (mut vouches, mut writes) = (Vouches::default(), Batch::default());
        for n in [1, 2, 3] {
            vouches.add(NOW, &own, &vouch(&by, n, 0), &mut writes).unwrap();
        }
        let mut again = Vouches::default();
        for write in &writes {
            let Write::PutStatement(row) = write else { panic!("{write:?}") };
            again.load(row.clone());
        }
        let rows = |vouches: &Vouches| vouches.of(&own).values().map(|held| held.row.clone()).collect::<Vec<_>>();
        assert_eq!((rows(&again), rows(&again).len()), (rows(&vouches), 3));

        writes.clear();
        let subject = vouch(&by, 2, 0).subject().to_vec();
        assert!(again.remove(&own, &subject, &mut writes) && !again.remove(&own, &subject, &mut writes));
        again.remove_all(&own, &mut writes);
        assert!(again.of(&own).is_empty() && again.is_empty());
        assert_eq!(writes.iter().filter(|write| matches!(write, Write::RemoveStatement(_))).count(), 3);
    }

    #[test]
    fn a_vouch_counts_for_one_person_by_one_person_in_its_time() {
        let (own, by) = (Bare::new("lisa@a.alt").unwrap(), PersonKey::from_seed(&[1; 32]));
        let mut vouches = Vouches::default();
        vouches.add(NOW, &own, &vouch(&by, 1, 0), &mut Batch::default()).unwrap();
        let held = vouches.of(&own).values().next().unwrap();
        let (good, other) = (PersonId::of(&by.public()), PersonId([9; 32]));
        let year_later = Wall(NOW.0 + 400 * 24 * 3600 * 1000);
        for (now, of, by, expect) in [
            (NOW, good, good, true),
            (NOW, other, good, false),
            (NOW, good, other, false),
            (year_later, good, good, false),
        ] {
            assert_eq!(held.counts(now, by, of), expect);
        }
    }
}
