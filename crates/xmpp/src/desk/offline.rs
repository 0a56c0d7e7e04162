//! XEP-0160 messages that wait: brought from the store page by page to the sessions that may have them (XEP-0203 stamps).
//!
//! While they are being brought, newer ones queue up behind them in the store, so that order is kept; a page is asked for
//! when the one before has been confirmed, so that memory stays flat however many wait. The same for a client that does not
//! keep up: what it is not sent waits here until it has caught up. Of several clients of a person, one that lags behind does
//! not hold up the others: what one of them has confirmed has arrived, and the one that lags finds it in the history.

use base::ledger::{MessageRow, Query, Rows, StoreError};
use base::limits::PAGE_MESSAGES_MAX;
use base::{Bare, SessionId, Ticket};
use wire::{Stanza, Xml};

use crate::account::Backlog;
use crate::desk::archive;
use crate::ns;
use crate::session::What;
use crate::shard::Shard;

/// A session may have messages now: if some wait, they are brought.
pub(crate) fn begin(shard: &mut Shard, address: &Bare) {
    let Some(account) = shard.accounts.get_mut(address) else { return };
    if account.has_waiting() && account.backlog.is_none() {
        account.backlog = Some(Backlog::default());
    }
    go_on(shard, address);
}

/// Asks for the next page, if the last one has arrived and somebody keeps up. To be called whenever that may have come
/// true.
pub(crate) fn go_on(shard: &mut Shard, address: &Bare) {
    let backlog = shard.accounts.get(address).and_then(|a| a.backlog.as_ref());
    if backlog.is_none_or(|b| b.awaited.is_some() || !b.unconfirmed.is_empty()) {
        return;
    }
    let sessions = eligible(shard, address);
    if sessions.is_empty() {
        end(shard, address);
    } else if sessions.iter().any(|id| shard.sessions[id].keeps_up()) {
        ask(shard, address);
    }
}

/// What still waits goes on waiting, until the next session comes.
fn end(shard: &mut Shard, address: &Bare) {
    if let Some(account) = shard.accounts.get_mut(address) {
        account.backlog = None;
    }
    shard.retire(address);
}

fn ask(shard: &mut Shard, address: &Bare) {
    // What has arrived must not be read as waiting.
    shard.write_confirmed();
    let Some(account) = shard.accounts.get_mut(address) else { return };
    let (Some(row), Some(backlog)) = (&account.row, &mut account.backlog) else { return };
    backlog.asked = row.next_seq - 1;
    let query = Query::Pending { account: row.id, after: backlog.sent, limit: PAGE_MESSAGES_MAX };
    let ticket = shard.read_backlog(address, query);
    if let Some(backlog) = shard.accounts.get_mut(address).and_then(|a| a.backlog.as_mut()) {
        backlog.awaited = Some(ticket);
        backlog.arrived.clear();
    }
}

/// The store has answered.
pub(crate) fn answered(shard: &mut Shard, address: &Bare, ticket: Ticket, rows: Result<Rows, StoreError>) {
    let Some(account) = shard.accounts.get_mut(address) else { return };
    let Some(backlog) = account.backlog.as_mut().filter(|b| b.awaited == Some(ticket)) else { return };
    backlog.awaited = None;
    let Ok(Rows::Messages(mut rows)) = rows else { return end(shard, address) };
    rows.retain(|row| row.seq > backlog.sent);
    page(shard, address, rows);
}

fn page(shard: &mut Shard, address: &Bare, rows: Vec<MessageRow>) {
    let mut sessions = eligible(shard, address);
    if sessions.is_empty() {
        return end(shard, address);
    }
    sessions.retain(|id| shard.sessions[id].keeps_up());
    let Some(account) = shard.accounts.get_mut(address) else { return };
    let Some(backlog) = account.backlog.as_mut().filter(|_| !sessions.is_empty()) else { return };
    if rows.is_empty() {
        // Newer ones may have been filed since the page was asked for.
        let newest = account.row.as_ref().map_or(0, |row| row.next_seq - 1);
        if newest > backlog.asked {
            return go_on(shard, address);
        }
        let again = backlog.again;
        account.backlog = None;
        if again {
            begin(shard, address);
        }
        return;
    }
    backlog.sent = rows.last().map_or(backlog.sent, |row| row.seq);
    // What a session has been sent is on its way already, or has arrived: since the page was asked for, or earlier and the
    // disk would not take it.
    let unwritten = account.row.as_ref().and_then(|row| shard.arrived.get(&row.id));
    let has_arrived = |seq: &i64| backlog.arrived.contains(seq) || unwritten.is_some_and(|seqs| seqs.contains(seq));
    let is_new = |row: &MessageRow| !account.in_flight.contains_key(&row.seq) && !has_arrived(&row.seq);
    let rows: Vec<_> = rows.into_iter().filter(is_new).collect();
    backlog.again |= !rows.is_empty();
    backlog.unconfirmed = rows.iter().map(|row| row.seq).collect();
    let ids = archive::ids(shard, address);
    let mut spoilt = Vec::new();
    for row in rows {
        // What this program stored it can read; what a disk made of it might be no stanza any more, and nobody's message.
        let Ok(mut stanza) = Stanza::parse(&row.stanza) else {
            spoilt.push(row.seq);
            continue;
        };
        let mut delay = Xml::new();
        delay.open("delay", ns::DELAY).attr("from", address.jid().domain());
        delay.attr("stamp", row.filed.to_string()).close();
        stanza.append(delay.finish());
        if row.archived {
            stanza.append(ids.element(row.seq, address));
        }
        for session in &sessions {
            shard.send(*session, &stanza, What::Copy(row.seq), None);
        }
    }
    if let Some(account) = shard.accounts.get_mut(address) {
        account.in_flight.extend(spoilt.iter().map(|seq| (*seq, 1)));
    }
    shard.confirm(address, spoilt);
    go_on(shard, address);
}

/// Some have reached their person: when all of a page have, the next one is asked for.
pub(crate) fn confirmed(shard: &mut Shard, address: &Bare, seqs: &[i64]) {
    let Some(backlog) = shard.accounts.get_mut(address).and_then(|a| a.backlog.as_mut()) else { return };
    backlog.unconfirmed.retain(|seq| !seqs.contains(seq));
    if backlog.awaited.is_some() {
        backlog.arrived.extend(seqs);
    }
    go_on(shard, address);
}

/// A session has ended: what it was sent and has not confirmed goes to those that are left, or waits.
pub(crate) fn session_ended(shard: &mut Shard, address: &Bare) {
    let none_left = eligible(shard, address).is_empty();
    let Some(account) = shard.accounts.get_mut(address) else { return };
    let Some(backlog) = account.backlog.as_mut().filter(|_| !none_left) else {
        account.backlog = None;
        if !none_left {
            begin(shard, address);
        }
        return;
    };
    // It may have left some behind.
    backlog.again = true;
    // While a page is unconfirmed no other is asked for; once nobody is left to confirm it, the next one is.
    backlog.unconfirmed.retain(|seq| account.in_flight.contains_key(seq));
    go_on(shard, address);
}

fn eligible(shard: &Shard, address: &Bare) -> Vec<SessionId> {
    let Some(account) = shard.accounts.get(address) else { return Vec::new() };
    account.sessions.iter().copied().filter(|s| shard.sessions[s].takes_messages()).collect()
}
