//! How the twin answers: by walking its tables, with no cleverness at all.

use base::ledger::{AccountRow, ArchiveQuery, MessageRow, Opened, Page, PostRow, Query, Record, RecordKind, Rows};
use base::limits::PAGE_BYTES_MAX;
use base::{AccountId, Bare};

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
        Query::RecordsOfAll { kind, key } => {
            let fits = |record: &&Record| record.kind == *kind && record.key == *key && record.value.is_some();
            Rows::Records(tables.records.rows().values().filter(fits).cloned().collect())
        }
        Query::Pending { account, after, limit } => {
            let waiting = copies(tables, *account).filter(|m| m.pending && m.seq > *after);
            let waiting: Vec<_> = waiting.collect();
            let len = page_len(waiting.iter().map(|m| m.stanza.len()), *limit);
            Rows::Messages(waiting[..len].iter().copied().cloned().collect())
        }
        Query::Archive(query) => Rows::Page(archive(tables, query)),
        Query::Outbox { account, to, device, after, limit } => {
            let fits = |p: &PostRow| p.post.account == *account && p.post.to == *to && p.post.device == *device;
            let posts = tables.outbox.rows().values().filter(|p| fits(p) && p.post.seq > *after);
            let len = page_len(posts.clone().map(|p| p.stanza.len()), *limit);
            Rows::Posts(posts.take(len).cloned().collect())
        }
        Query::Owners { to, device } => {
            let fits = |p: &&PostRow| p.post.to == *to && p.post.device.is_none_or(|d| d == *device);
            let mut owners: Vec<_> = tables.outbox.rows().values().filter(fits).map(|p| p.post.account).collect();
            owners.dedup();
            Rows::Owners(owners.into_iter().map(|id| (id, tables.accounts.rows()[&id].address.clone())).collect())
        }
        Query::Expired { at, limit } => {
            let mut posts: Vec<_> = tables.outbox.rows().values().filter(|p| p.post.expires <= *at).collect();
            posts.sort_by_key(|p| (p.post.expires, p.post.account, p.post.seq));
            posts.truncate(page_len(posts.iter().map(|p| p.stanza.len()), *limit));
            let address = |p: &PostRow| tables.accounts.rows()[&p.post.account].address.clone();
            let posts = posts.into_iter().map(|p| (address(p), p.clone())).collect();
            let later = tables.outbox.rows().values().map(|p| p.post.expires).filter(|expires| expires > at);
            Rows::Expired { posts, next: later.min() }
        }
        Query::Received { account, device } => {
            let rows = tables.received.rows().range((*account, *device, i64::MIN)..=(*account, *device, i64::MAX));
            Rows::Received(rows.map(|(_, row)| row.clone()).collect())
        }

        Query::Statements { after, limit } => Rows::Statements(tables.directory.page(after.as_ref(), *limit)),
        Query::Knowing(address) => Rows::Owners(knowing(tables, address)),
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
    let Account { address, created, next_seq, next_version, clock, pending, outbox } = account.clone();
    AccountRow { id, address, created, next_seq, next_version, clock, pending, outbox }
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
    let bytes = range.iter().map(|m| m.stanza.len());
    let len = if q.last { page_len(bytes.rev(), q.limit) } else { page_len(bytes, q.limit) };
    let complete = range.len() <= len;
    if q.last {
        range.drain(..range.len() - len);
    } else {
        range.truncate(len);
    }
    Page { messages: range.into_iter().cloned().collect(), complete, count: q.count.then_some(set.len() as u64) }
}

/// How many rows of such lengths make a page.
fn page_len(lens: impl Iterator<Item = usize>, limit: u32) -> usize {
    let mut bytes = 0;
    let fits = |(i, len): &(usize, usize)| {
        bytes += len;
        *i == 0 || bytes <= PAGE_BYTES_MAX
    };
    lens.take(limit as usize).enumerate().take_while(fits).count()
}

fn knowing(tables: &Tables, other: &Bare) -> Vec<(AccountId, Bare)> {
    let subscribed = |account: AccountId| {
        ["to", "from", "ask"].iter().any(|register| {
            let key = (account, RecordKind::Subscription, format!("{register} {}", other.as_str()));
            tables.records.rows().get(&key).is_some_and(|record| record.value.is_some())
        })
    };
    let talked = |account: AccountId| {
        let copies = tables.copies.rows().range((account, i64::MIN)..=(account, i64::MAX));
        copies.clone().any(|(_, row)| row.archived && row.with == *other)
    };
    let accounts = tables.accounts.rows().iter().filter(|(id, _)| subscribed(**id) || talked(**id));
    accounts.map(|(id, account)| (*id, account.address.clone())).collect()
}
