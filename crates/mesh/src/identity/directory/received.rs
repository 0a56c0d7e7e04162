//! Design, section 9: what others have said of our own accounts, and gave to them. The newest of each voucher, until it is
//! over; shown only to those who know the voucher.

use std::collections::BTreeMap;

use base::ledger::{Batch, StatementKey, StatementRow, Write};
use base::limits::VOUCHERS_MAX;
use base::{Bare, Wall};

use crate::identity::fact::Kind;
use crate::identity::key::PersonId;
use crate::identity::stamp::Untimely;
use crate::identity::statement::{Claim, Statement};

/// By account, then by who said it.
#[derive(Debug, Default)]
pub(super) struct Received(BTreeMap<Bare, BTreeMap<PersonId, Statement>>);

fn key(own: &Bare, vouch: &Statement) -> StatementKey {
    StatementKey {
        address: own.clone(),
        issuer: *vouch.issuer().as_bytes(),
        kind: Kind::VOUCH.number(),
        subject: vouch.subject().to_vec(),
        fork: false,
    }
}

impl Received {
    /// What was written once; it was verified then.
    pub(super) fn load(&mut self, row: &StatementRow) {
        if let Ok(claim) = Claim::read(&row.bytes) {
            let vouch = claim.statement().clone();
            let of = self.0.entry(row.key.address.clone()).or_default();
            of.insert(PersonId::of(vouch.issuer()), vouch);
        }
    }

    /// Keeps it, if it is newer than what is kept of its voucher. Says whether it was. Where there is no room, the one that
    /// ends first makes way.
    pub(super) fn add(&mut self, now: Wall, own: &Bare, vouch: &Statement, writes: &mut Batch) -> bool {
        let of = self.0.entry(own.clone()).or_default();
        let by = PersonId::of(vouch.issuer());
        let until = |vouch: &Statement| vouch.stamp().until;
        match of.get(&by) {
            Some(held) if held.stamp().sequence >= vouch.stamp().sequence => return false,
            None if of.len() >= VOUCHERS_MAX => {
                let first = of.iter().min_by_key(|(_, held)| until(held)).map(|(by, _)| *by);
                let gone = first.and_then(|first| of.remove(&first));
                writes.extend(gone.map(|gone| Write::RemoveStatement(key(own, &gone))));
            }
            _ => {}
        }
        let sequence = vouch.stamp().sequence.cast_signed();
        let row = StatementRow { key: key(own, vouch), sequence, seen: now, bytes: vouch.bytes().clone() };
        writes.push(Write::PutStatement(row));
        of.insert(by, vouch.clone());
        true
    }

    /// What holds, the newest first.
    pub(super) fn of(&self, own: &Bare, now: Wall) -> Vec<Statement> {
        let held = self.0.get(own).into_iter().flat_map(BTreeMap::values);
        let mut held: Vec<Statement> = held.filter(|vouch| vouch.stamp().check(now).is_ok()).cloned().collect();
        held.sort_by_key(|vouch| std::cmp::Reverse(vouch.stamp().sequence));
        held
    }

    /// Drops what is over.
    pub(super) fn tidy(&mut self, now: Wall, writes: &mut Batch) {
        for (own, of) in &mut self.0 {
            let gone = of.values().filter(|vouch| is_over(vouch, now));
            writes.extend(gone.map(|vouch| Write::RemoveStatement(key(own, vouch))));
            of.retain(|_, vouch| !is_over(vouch, now));
        }
    }

    pub(super) fn remove_all(&mut self, own: &Bare, writes: &mut Batch) {
        let of = self.0.remove(own).unwrap_or_default();
        writes.extend(of.into_values().map(|vouch| Write::RemoveStatement(key(own, &vouch))));
    }
}

fn is_over(vouch: &Statement, now: Wall) -> bool {
    matches!(vouch.stamp().check(now), Err(Untimely::Late { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesis::GenesisHash;
    use crate::identity::fact::Vouch;
    use crate::identity::key::PersonKey;
    use crate::identity::stamp::Stamp;

    const NOW: Wall = Wall(1_795_132_800_000);
    const DAY: u64 = 24 * 3600;

    fn days(days: u64) -> Wall {
        Wall(NOW.0 + (days * DAY * 1000).cast_signed())
    }

    /// Said by somebody on a day, for ten days.
    fn vouch(by: usize, day: u64) -> Statement {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&by.to_be_bytes());
        let person = PersonKey::from_seed(&[1; 32]).public();
        let said = Vouch { domain: GenesisHash::from_bytes([1; 32]), name: "lisa".into(), person };
        let from = NOW.0.cast_unsigned() / 1000 + day * DAY;
        let stamp = Stamp { sequence: from, from, until: Some(from + 10 * DAY) };
        Statement::sign(&PersonKey::from_seed(&seed), said, stamp).unwrap()
    }

    #[test]
    fn the_newest_of_each_is_kept_until_it_is_over() {
        let own = Bare::new("lisa@a.alt").unwrap();
        let (mut received, mut writes) = (Received::default(), Batch::default());
        for (by, day, kept) in [(1, 5, true), (1, 5, false), (1, 4, false), (2, 1, true), (1, 6, true)] {
            assert_eq!(received.add(NOW, &own, &vouch(by, day), &mut writes), kept, "{by} {day}");
        }
        assert_eq!(received.of(&own, days(7)), [vouch(1, 6), vouch(2, 1)]);
        let mut again = Received::default();
        for write in &writes {
            let Write::PutStatement(row) = write else { panic!("{write:?}") };
            again.load(row);
        }
        assert_eq!(again.of(&own, days(7)), received.of(&own, days(7)));
        assert_eq!(again.of(&own, days(14)), [vouch(1, 6)], "the other one is over");
        writes.clear();
        again.tidy(days(14), &mut writes);
        let removed = |by| Write::RemoveStatement(key(&own, &vouch(by, 0)));
        assert_eq!(writes, [removed(2)]);
        again.remove_all(&own, &mut writes);
        assert_eq!((writes, again.of(&own, NOW).len()), (vec![removed(2), removed(1)], 0));
    }

    #[test]
    fn so_many_vouchers_and_no_more() {
        let own = Bare::new("lisa@a.alt").unwrap();
        for (come, kept) in [
            (VOUCHERS_MAX - 1, VOUCHERS_MAX - 1),
            (VOUCHERS_MAX, VOUCHERS_MAX),
            (VOUCHERS_MAX + 1, VOUCHERS_MAX),
            (10 * VOUCHERS_MAX, VOUCHERS_MAX),
        ] {
            let (mut received, mut writes) = (Received::default(), Batch::default());
            let newest = vouch(0, 1);
            assert!(received.add(NOW, &own, &newest, &mut writes));
            // Signing takes long: one of them stands for many.
            let id = |n: usize| PersonId(std::array::from_fn(|at| (n >> (8 * (at % 4))) as u8));
            let old = vouch(1, 0);
            received.0.get_mut(&own).unwrap().extend((1..come.min(kept)).map(|n| (id(n), old.clone())));
            for n in kept..come.min(kept + 3) {
                assert!(received.add(NOW, &own, &vouch(1000 + n, 2), &mut writes));
            }
            assert_eq!(received.0[&own].len(), kept);
            assert!(received.of(&own, days(2)).contains(&newest), "who ends first makes way");
        }
    }
}
