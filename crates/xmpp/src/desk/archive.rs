//! XEP-0313 and XEP-0160, the filing: for whom a message is kept, and under which number.

use base::ledger::{Copy, NewMessage, NewPost, Write};
use base::limits::PENDING_MESSAGES_MAX;
use base::{Bare, Jid, NodeId, SessionId, Ticket};
use mesh::post::Copied;
use wire::{Form, Stanza};

use crate::desk::post;
use crate::desk::stanza_ids::Ids;
use crate::desk::worth::Class;
use crate::shard::{Origin, Shard};

/// What is to be written of a message. The addressee's copy always is: it waits until it has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filing {
    /// Whether the addressee keeps it as history.
    addressee: bool,
    /// Whether its author, who is somebody else and of this node, keeps it as history.
    author: bool,
}

/// What has been written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filed {
    pub(crate) ticket: Ticket,
    /// The addressee's number.
    pub(crate) seq: i64,
    /// The same, if it is history.
    pub(crate) archived: Option<i64>,
    /// The author's number, if it is the author's history.
    pub(crate) author: Option<i64>,
}

/// Decides what is written, if anything is. Without an archive, a message between two clients that are here, count nothing
/// and keep up needs no disk: nobody is told that it is safe.
pub(crate) fn filing(
    shard: &Shard,
    to: &Bare,
    origin: Origin,
    message: &Stanza<'_>,
    class: Class,
    sessions: &[SessionId],
) -> Option<Filing> {
    if !matches!(class, Class::Lasting | Class::Passing) {
        return None;
    }
    let from = message.head.from.as_ref();
    let (mut addressee, mut author) = (false, false);
    if class == Class::Lasting && shard.config.archive {
        addressee = from.is_some_and(|from| keeps(shard, to.as_str(), from));
        let other = from.filter(|from| from.bare() != to.as_str());
        let target = message.head.to.as_ref();
        author = other.zip(target).is_some_and(|(from, target)| keeps(shard, from.bare(), target));
    }
    let counted = |id: &SessionId| shard.sessions.get(id).is_some_and(|s| s.sm.is_some());
    let from_link = origin.is_elsewhere();
    let promised = || from_link || sessions.is_empty() || counted(&origin.session) || sessions.iter().any(counted);
    let waits = || {
        let backlog = shard.accounts.get(to).is_some_and(|account| account.backlog.is_some());
        backlog || sessions.iter().any(|id| shard.sessions.get(id).is_some_and(|s| !s.keeps_up()))
    };
    (addressee || author || promised() || waits()).then_some(Filing { addressee, author })
}

/// Whether an account of this node wants messages with this address as history.
fn keeps(shard: &Shard, owner: &str, with: &Jid<'_>) -> bool {
    let Some(account) = shard.accounts.get(owner).filter(|a| a.row.is_some()) else { return false };
    let is_contact = |bare: &str| account.roster.as_ref().is_some_and(|roster| roster.items.contains_key(bare));
    account.preferences.as_ref().is_none_or(|preferences| preferences.allow(with, is_contact))
}

/// Whether an account wants its messages with a person as history.
pub(crate) fn keeps_with(shard: &Shard, owner: &Bare, with: &Bare) -> bool {
    shard.config.archive && keeps(shard, owner.as_str(), &with.jid())
}

/// Whether so much waits for a person that no more is taken.
pub(crate) fn is_full(shard: &Shard, address: &Bare) -> bool {
    shard.accounts[address.as_str()].row.as_ref().is_some_and(|row| row.pending >= PENDING_MESSAGES_MAX)
}

/// Files one body with a copy for the addressee and, as history, one for its author; and what both owe to their other
/// devices, unless it comes from one of those.
pub(crate) fn file(shard: &mut Shard, address: &Bare, origin: Origin, message: &Stanza<'_>, filing: Filing) -> Filed {
    let mut bytes = Vec::new();
    message.emit(Form::Nested, &mut bytes);
    let with = message.head.from.as_ref().map_or_else(|| address.clone(), Bare::of);
    let mut copies = Vec::with_capacity(2);
    if filing.author {
        copies.extend(copy(shard, &with, address, true, false));
    }
    let author = copies.first().map(|copy: &Copy| copy.seq);
    let own = copy(shard, address, &with, filing.addressee, true).expect("the addressee has been read");
    let seq = own.seq;
    copies.push(own);
    if let Some(row) = shard.accounts.get_mut(address).and_then(|a| a.row.as_mut()) {
        row.pending += 1;
    }
    let heard = shard.peers.hearing;
    let written = heard.map_or(shard.now.wall, |heard| heard.written);
    let mut owed: Vec<(Bare, Vec<NewPost>)> = Vec::new();
    let has_siblings = |shard: &Shard, own: &Bare| shard.accounts.get(own).is_some_and(|a| !a.siblings.is_empty());
    // What a device of the account itself says to it, that device owes to the others.
    let from_sibling = origin == Origin::COPY || (with == *address && origin.is_elsewhere());
    if !from_sibling && has_siblings(shard, address) {
        let id = heard.and_then(|heard| heard.id);
        owed.push((address.clone(), post::to_siblings(shard, address, Copied::Heard(id), None)));
    }
    if with != *address && has_siblings(shard, &with) && !origin.is_elsewhere() {
        owed.push((with.clone(), post::to_siblings(shard, &with, Copied::Sent, None)));
    }
    let posts = owed.iter().flat_map(|(_, posts)| posts).cloned().collect();
    let ticket = shard.write(Write::AddMessage(NewMessage { stanza: bytes.into(), origin: written, copies, posts }));
    for (own, posts) in owed {
        post::enqueue(shard, &own, &posts, message, written, ticket);
    }
    Filed { ticket, seq, archived: filing.addressee.then_some(seq), author }
}

/// The next copy of an account that has been read.
pub(crate) fn copy(shard: &mut Shard, owner: &Bare, with: &Bare, archived: bool, pending: bool) -> Option<Copy> {
    let filed = shard.now.wall;
    let account = shard.accounts.get_mut(owner).filter(|a| a.row.is_some())?;
    let seq = account.take_seq();
    let id = account.row.as_ref()?.id;
    Some(Copy {
        account: id,
        seq,
        with: with.clone(),
        filed,
        first_node: NodeId::SELF,
        first_seq: seq,
        archived,
        pending,
    })
}

/// The ids of an account's history.
pub(crate) fn ids(shard: &Shard, address: &Bare) -> Ids {
    let row = shard.accounts[address.as_str()].row.as_ref().expect("only an account that has been read has messages");
    Ids::new(shard.config.node, row.id)
}
