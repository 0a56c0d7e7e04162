//! What is held of one address: which statement of a scope stays, and which pair of them is a fork.

use base::Wall;
use base::ledger::{Batch, StatementKey, StatementRow, Write};
use base::limits::ADDRESS_STATEMENTS_MAX;

use super::Noted;
use crate::identity::fact::Kind;
use crate::identity::key::PersonId;
use crate::identity::statement::same_words;

/// How old `seen` may become before it is written again.
const SEEN_MS: i64 = 86_400_000;

/// The statements of one address.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// A few dozen at most; in no order, but that a fork's second stands behind its first.
    rows: Vec<StatementRow>,
    /// Bytes of all statements.
    bytes: usize,
    /// When one of them was last shown.
    seen: Wall,
}

impl Group {
    pub(super) fn load(&mut self, row: StatementRow) {
        self.bytes += row.bytes.len();
        self.seen = self.seen.max(row.seen);
        self.rows.push(row);
    }

    pub(super) fn rows(&self) -> &[StatementRow] {
        &self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn seen(&self) -> Wall {
        self.seen
    }

    pub(super) fn into_keys(self) -> impl Iterator<Item = StatementKey> {
        self.rows.into_iter().map(|row| row.key)
    }

    /// The rows of a kind and subject, whosever.
    pub(super) fn of(&self, kind: Kind, subject: &[u8]) -> impl Iterator<Item = &StatementRow> {
        self.rows.iter().filter(move |row| row.key.kind == kind.number() && row.key.subject == subject)
    }

    /// The sequence of the newest statement of a scope.
    pub(super) fn sequence(&self, issuer: &[u8; 32], kind: Kind, subject: &[u8]) -> Option<u64> {
        let row = self.of(kind, subject).find(|row| row.key.issuer == *issuer);
        row.map(|row| row.sequence.cast_unsigned())
    }

    pub(super) fn forks(&self) -> impl Iterator<Item = [&StatementRow; 2]> {
        let seconds = self.rows.iter().filter(|row| row.key.fork);
        seconds.filter_map(|second| {
            let first = self.rows.iter().find(|row| !row.key.fork && same_scope(&row.key, &second.key))?;
            Some([first, second])
        })
    }

    /// Files a statement by the rules of its scope; `ceiling` is the highest sequence that is believed now. Where there is no
    /// room, what somebody says of themselves gives way to what their authority says: nobody makes their own revocation
    /// impossible by talking much.
    pub(super) fn put(&mut self, row: StatementRow, ceiling: u64, authority: &[[u8; 32]], writes: &mut Batch) -> Noted {
        self.seen = self.seen.max(row.seen);
        let Some(at) = self.rows.iter().position(|held| same_scope(&held.key, &row.key)) else {
            if self.rows.len() >= ADDRESS_STATEMENTS_MAX {
                let own = |held: &&StatementRow| !authority.contains(&held.key.issuer);
                let by_authority = authority.contains(&row.key.issuer);
                let Some(last) = self.rows.iter().rfind(own).filter(|_| by_authority) else { return Noted::Full };
                let last = last.key.clone();
                self.remove_scope(&last, writes);
            }
            self.push(row, writes);
            return Noted::New;
        };
        let held = &self.rows[at];
        // One from beyond all belief was filed when our own clock was wrong: whatever comes now is better.
        let newer = row.sequence > held.sequence || held.sequence.cast_unsigned() > ceiling;
        if newer {
            self.remove_scope(&row.key, writes);
            self.push(row, writes);
            return Noted::Newer;
        }
        if row.sequence < held.sequence {
            return Noted::Older;
        }
        let mut ours = self.rows.iter_mut().filter(|held| same_scope(&held.key, &row.key));
        if let Some(same) = ours.find(|held| same_words(&held.bytes, &row.bytes)) {
            if row.seen.0.saturating_sub(same.seen.0) >= SEEN_MS {
                same.seen = row.seen;
                writes.push(Write::PutStatement(same.clone()));
            }
            return Noted::Same;
        }
        // Two are proof enough: a third one is not kept.
        let forked = self.rows.iter().any(|held| held.key.fork && same_scope(&held.key, &row.key));
        if !forked {
            self.push(StatementRow { key: StatementKey { fork: true, ..row.key }, ..row }, writes);
        }
        Noted::Fork
    }

    /// Forgets that a device is a place of the person.
    pub(super) fn remove_hosting(&mut self, subject: &[u8], writes: &mut Batch) {
        let is_it = |row: &mut StatementRow| row.key.kind == Kind::HOSTING.number() && row.key.subject == subject;
        for row in self.rows.extract_if(.., is_it) {
            self.bytes -= row.bytes.len();
            writes.push(Write::RemoveStatement(row.key));
        }
    }

    /// What this person says of others, and others of this subject, to be kept elsewhere; it stays written.
    pub(super) fn take_vouches(&mut self, by: &PersonId, of: &[u8]) -> impl Iterator<Item = StatementRow> {
        let is_it = |row: &mut StatementRow| {
            row.key.kind == Kind::VOUCH.number() && (row.key.issuer == by.0 || row.key.subject == of)
        };
        let taken: Vec<StatementRow> = self.rows.extract_if(.., is_it).collect();
        self.bytes -= taken.iter().map(|row| row.bytes.len()).sum::<usize>();
        taken.into_iter()
    }

    fn push(&mut self, row: StatementRow, writes: &mut Batch) {
        self.bytes += row.bytes.len();
        writes.push(Write::PutStatement(row.clone()));
        self.rows.push(row);
    }

    /// Makes way for a newer one, and for its fork's second.
    fn remove_scope(&mut self, key: &StatementKey, writes: &mut Batch) {
        let gone = self.rows.extract_if(.., |row| same_scope(&row.key, key));
        for row in gone {
            self.bytes -= row.bytes.len();
            writes.push(Write::RemoveStatement(row.key));
        }
    }
}

fn same_scope(a: &StatementKey, b: &StatementKey) -> bool {
    (a.issuer, a.kind, &a.subject) == (b.issuer, b.kind, &b.subject)
}
