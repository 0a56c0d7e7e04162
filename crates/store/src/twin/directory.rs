//! The directory of peers in the twin.

use base::Bare;
use base::ledger::{PinRow, StatementKey, StatementRow};
use base::limits::PAGE_BYTES_MAX;

use super::table::Table;

/// Its tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) statements: Table<StatementKey, StatementRow>,
    pub(super) pins: Table<Bare, PinRow>,
}

/// A point of their journals.
pub(super) type Mark = [usize; 2];

impl Directory {
    pub(super) fn mark(&self) -> Mark {
        [self.statements.mark(), self.pins.mark()]
    }

    pub(super) fn undo_to(&mut self, [statements, pins]: Mark) {
        self.statements.undo_to(statements);
        self.pins.undo_to(pins);
    }

    pub(super) fn forget_undo(&mut self) {
        self.statements.forget_undo();
        self.pins.forget_undo();
    }

    /// A page of statements.
    pub(super) fn page(&self, after: Option<&StatementKey>, limit: u32) -> Vec<StatementRow> {
        let mut bytes = 0;
        let behind = self.statements.rows().values().filter(|row| after.is_none_or(|after| row.key > *after));
        let fits = |(at, row): &(usize, &StatementRow)| {
            bytes += row.bytes.len();
            *at == 0 || bytes <= PAGE_BYTES_MAX
        };
        behind.take(limit as usize).enumerate().take_while(fits).map(|(_, row)| row.clone()).collect()
    }
}
