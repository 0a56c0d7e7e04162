//! How the twin answers: by walking its tables, with no cleverness at all.

use base::AccountId;
use base::ledger::{AccountRow, ArchiveQuery, MessageRow, Opened, Page, Query, Record, RecordKind, Rows};
use base::limits::PAGE_BYTES_MAX;

use super::tables::{Account, Tables};

/// Answers one query.
pub(super) fn answer(tables: &Tables, query: &Query) -> Rows {
    let id_of = |address| tables.addresses.rows().get(address).copied();
    match query {
        Query::Account(address) => Rows::Account(id_of(address).map(|id| Opened {
            row: account_row(id, &tables.accounts.rows()[&id]),
            records: RecordKind::AT_THE_DOOR.into_iter().flat_map(|k| records(tables, id, k)).cloned().collect(),
        })),
        Query::Credentials(address) => {
            Rows::Credentials(id_of(address).map(|id| (id, tables.credentials.rows()[&id].values().cloned().collect())))
        }
        Query::Accounts => {
            let mut rows: Vec<_> = tables.accounts.rows().iter().map(|(id, a)| account_row(*id, a)).collect();
            rows.sort_by(|a, b| a.address.cmp(&b.address));
            Rows::Accounts(rows)
        }
        Query::Records { account, kind } => Rows::Records(records(tables, *account, *kind).cloned().collect()),
        Query::Pending { account, after, limit } => {
            let waiting = copies(tables, *account).filter(|m| m.pending && m.seq > *after);
            let waiting: Vec<_> = waiting.collect();
            let len = page_len(waiting.iter().copied(), *limit);
            Rows::Messages(waiting[..len].iter().copied().cloned().collect())
        }
        Query::Archive(query) => Rows::Page(archive(tables, query)),

        Query::Statements { after, limit } => Rows::Statements(tables.directory.page(after.as_ref(), *limit)),
        Query::Pins => Rows::Pins(tables.directory.pins.rows().values().cloned().collect()),
    }
}

/// Live records, by key.
fn records(tables: &Tables, account: AccountId, kind: RecordKind) -> impl Iterator<Item = &Record> {
    let from_first = tables.records.rows().range((account, kind, String::new())..).map(|(_, record)| record);
    let of_kind = from_first.take_while(move |record| record.account == account && record.kind == kind);
    of_kind.filter(|record| record.value.is_some())
}

fn account_row(id: AccountId, account: &Account) -> AccountRow {
    let Account { address, created, next_seq, next_version, clock, pending } = account.clone();
    AccountRow { id, address, created, next_seq, next_version, clock, pending }
}

fn copies(tables: &Tables, account: AccountId) -> impl DoubleEndedIterator<Item = &MessageRow> {
    tables.copies.rows().range((account, i64::MIN)..=(account, i64::MAX)).map(|(_, row)| row)
}

fn archive(tables: &Tables, q: &ArchiveQuery) -> Page {
    let set: Vec<&MessageRow> = copies(tables, q.account)
        .filter(|m| m.archived)
        .filter(|m| q.with.as_ref().is_none_or(|with| m.with == *with))
        .filter(|m| q.start.is_none_or(|start| m.filed >= start) && q.end.is_none_or(|end| m.filed <= end))
        .collect();
    let mut range: Vec<&MessageRow> = set
        .iter()
        .copied()
        .filter(|m| q.after.is_none_or(|after| m.seq > after) && q.before.is_none_or(|before| m.seq < before))
        .collect();
    let len =
        if q.last { page_len(range.iter().rev().copied(), q.limit) } else { page_len(range.iter().copied(), q.limit) };
    let complete = range.len() <= len;
    if q.last {
        range.drain(..range.len() - len);
    } else {
        range.truncate(len);
    }
    Page { messages: range.into_iter().cloned().collect(), complete, count: q.count.then_some(set.len() as u64) }
}

/// How many of these make a page.
fn page_len<'a>(messages: impl Iterator<Item = &'a MessageRow>, limit: u32) -> usize {
    let mut bytes = 0;
    let fits = |(i, message): &(usize, &MessageRow)| {
        bytes += message.stanza.len();
        *i == 0 || bytes <= PAGE_BYTES_MAX
    };
    messages.take(limit as usize).enumerate().take_while(fits).count()
}
