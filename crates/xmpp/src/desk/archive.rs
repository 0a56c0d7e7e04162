//! XEP-0313 and XEP-0160, the filing: which messages are kept, for whom, and under which XEP-0359 ids.

use base::ledger::{Copy, NewMessage, Write};
use base::limits::PENDING_MESSAGES_MAX;
use base::{Bare, NodeId, SessionId, Ticket};
use wire::{Form, Kind, MessageType, Stanza, Xml};

use crate::ns;
use crate::shard::{Origin, Shard};

/// How long a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It is kept until it is delivered, and then as history.
    Lasting,
    /// It is kept until it is delivered (XEP-0334 `no-permanent-store`).
    Passing,
    /// It is never written: chat states, headlines, errors, `no-store`.
    Momentary,
}

/// The class of a message, by its type, hints and payloads.
pub(crate) fn class(stanza: &Stanza<'_>) -> Class {
    if !matches!(stanza.head.kind, Kind::Message(MessageType::Normal | MessageType::Chat)) {
        return Class::Momentary;
    }
    let mut class = Class::Momentary;
    for payload in stanza.payloads() {
        match (payload.name(), payload.namespace()) {
            ("no-store", ns::HINTS) => return Class::Momentary,
            ("no-permanent-store", ns::HINTS) => return Class::Passing,
            // What says nothing by itself: a typing notice stays one whatever thread it belongs to.
            (_, ns::CHAT_STATES | ns::HINTS | ns::STANZA_IDS) | ("thread", ns::CLIENT) => {}
            _ => class = Class::Lasting,
        }
    }
    class
}

/// What is to be written of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filing {
    /// Whether anything is.
    pub(crate) needed: bool,
    /// Whether as history.
    archived: bool,
}

/// Decides what is written. Without an archive, a message between two clients that are here and count nothing needs no
/// disk: nobody is told that it is safe.
pub(crate) fn filing(shard: &Shard, _to: &Bare, origin: Origin, class: Class, sessions: &[SessionId]) -> Filing {
    let archived = class == Class::Lasting && shard.config.archive;
    let counted = |id: &SessionId| shard.sessions.get(id).is_some_and(|s| s.sm.is_some());
    let promised = sessions.is_empty() || counted(&origin.session) || sessions.iter().any(counted);
    Filing { needed: class != Class::Momentary && (archived || promised), archived }
}

/// Whether so much waits for a person that no more is taken.
pub(crate) fn is_full(shard: &Shard, address: &Bare) -> bool {
    shard.accounts[address.as_str()].row.as_ref().is_some_and(|row| row.pending >= PENDING_MESSAGES_MAX)
}

/// Files one body with a copy for the addressee and, as history, one for an author of this node. Gives the batch and the
/// addressee's number.
pub(crate) fn file(
    shard: &mut Shard,
    address: &Bare,
    origin: Origin,
    stanza: &Stanza<'_>,
    filing: &Filing,
) -> (Ticket, i64) {
    let mut bytes = Vec::new();
    stanza.emit(Form::Nested, &mut bytes);
    let author = shard.sessions.get(&origin.session).map(|s| s.account.clone());
    let mut copies = Vec::with_capacity(2);
    if let Some(author) = author.filter(|author| filing.archived && author != address) {
        copies.extend(copy(shard, &author, address, true, false));
    }
    let with = stanza.head.from.as_ref().map_or_else(|| address.clone(), Bare::of);
    let own = copy(shard, address, &with, filing.archived, true).expect("the addressee has been read");
    let seq = own.seq;
    copies.push(own);
    if let Some(row) = shard.accounts.get_mut(address).and_then(|a| a.row.as_mut()) {
        row.pending += 1;
    }
    let message = NewMessage { stanza: bytes.into(), origin: shard.now.wall, copies };
    (shard.write(Write::AddMessage(message)), seq)
}

fn copy(shard: &mut Shard, owner: &Bare, with: &Bare, archived: bool, pending: bool) -> Option<Copy> {
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

/// The `<stanza-id/>` of a copy: the node that archived it first and its number there, opaque to everybody else.
pub(crate) fn stanza_id(node: u64, seq: i64, by: &Bare) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.open("stanza-id", ns::STANZA_IDS);
    xml.attr("by", by.as_str()).attr("id", format!("{node:016x}-{seq:x}")).close();
    xml.finish()
}
