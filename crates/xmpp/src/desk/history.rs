//! XEP-0313 message archive management: an account asks for its history.
//!
//! A question waits its turn among those of its session (`questions.rs`), so that a slow link costs patience and not memory.
//! Its results go behind all that was sent before, and the result of the IQ behind them.

mod question;
mod search;

use base::AccountId;
use base::ledger::{ArchiveQuery, MessageRow, Query, Rows};
use wire::{Kind, MessageType, Stanza, Xml};

use super::stanza_ids::Ids;
use super::{Ask, Verdict};
use crate::error::Condition;
use crate::session::What;
use crate::shard::Shard;
use crate::{ns, rsm};
use question::Question;
use search::Search;

/// `<query/>`: a get asks for the form, a set for messages.
pub(crate) fn query(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if !shard.config.archive {
        return Verdict::Error(Condition::ServiceUnavailable.into());
    }
    if !ask.set {
        return Verdict::Result(question::form());
    }
    let Some(row) = &shard.accounts[ask.address].row else {
        return Verdict::Error(Condition::ServiceUnavailable.into());
    };
    let ids = Ids::new(shard.config.node, row.id);
    match Question::read(&ask.payload, &ids, row.next_seq) {
        Ok(question) => go_on(row.id, ids, Search::new(question)),
        Err(error) => Verdict::Error(error),
    }
}

/// Reads for a question until it is answered.
fn go_on(account: AccountId, ids: Ids, mut search: Search) -> Verdict {
    let query = search.query(account);
    let take = move |shard: &mut Shard, ask: &Ask<'_>, rows: Rows| {
        let Rows::Page(page) = rows else { return Verdict::Error(Condition::InternalServerError.into()) };
        if search.take(page) {
            return go_on(account, ids, search);
        }
        send_results(shard, ask, &ids, &search);
        Verdict::Result(fin(&ids, &search))
    };
    Verdict::Read(query, Box::new(take))
}

/// `<metadata/>` (section 5): the first and the last message.
pub(crate) fn metadata(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    let Some(row) = shard.accounts[ask.address].row.as_ref().filter(|_| shard.config.archive) else {
        return Verdict::Error(Condition::ServiceUnavailable.into());
    };
    if ask.set {
        return Verdict::Error(Condition::BadRequest.into());
    }
    let (account, ids) = (row.id, Ids::new(shard.config.node, row.id));
    let take_first = move |_: &mut Shard, _: &Ask<'_>, rows: Rows| {
        let first = one(rows);
        let take_last =
            move |_: &mut Shard, _: &Ask<'_>, rows: Rows| Verdict::Result(extent(&ids, first.zip(one(rows))));
        Verdict::Read(end(account, true), Box::new(take_last))
    };
    Verdict::Read(end(account, false), Box::new(take_first))
}

/// Asks for the message at one end of an archive.
fn end(account: AccountId, last: bool) -> Query {
    let (with, start, end, after, before) = (None, None, None, None, None);
    Query::Archive(ArchiveQuery { account, with, start, end, after, before, last, limit: 1, count: false })
}

fn one(rows: Rows) -> Option<MessageRow> {
    if let Rows::Page(page) = rows { page.messages.into_iter().next() } else { None }
}

/// Section 4.2: each message in a message of its own, the newest first if the page is flipped (section 4.3.4).
fn send_results(shard: &mut Shard, ask: &Ask<'_>, ids: &Ids, search: &Search) {
    let Some(reader) = shard.sessions.get(&ask.origin.session).map(|session| session.jid.clone()) else { return };
    let len = search.found.len();
    for i in 0..len {
        let row = &search.found[if search.question.flip { len - 1 - i } else { i }];
        let mut xml = Xml::new();
        xml.open("result", ns::ARCHIVE).attr_if("queryid", search.question.queryid.as_ref());
        xml.attr("id", ids.write(row.seq));
        xml.open("forwarded", ns::FORWARD);
        xml.open("delay", ns::DELAY).attr("stamp", row.filed.to_string()).close();
        // What a disk made of it might be no stanza any more: then its place is shown and nothing in it.
        if let Ok(mut message) = Stanza::parse(&row.stanza) {
            message.append(ids.element(row.seq, ask.address));
            xml.stanza(&message);
        }
        let mut result = Stanza::new(Kind::Message(MessageType::Normal)).with_inner(xml.finish());
        result.head.to = Some(reader.borrow());
        result.head.from = Some(ask.address.jid());
        shard.send(ask.origin.session, &result, What::Answer, None);
    }
}

/// `<fin/>`: which page it was. Flipping it does not change that.
fn fin(ids: &Ids, search: &Search) -> Vec<u8> {
    let ends = search.found.front().zip(search.found.back());
    let ends = ends.map(|(first, last)| (ids.write(first.seq), ids.write(last.seq)));
    let mut xml = Xml::new();
    xml.open("fin", ns::ARCHIVE).attr_if("complete", search.complete.then_some("true"));
    rsm::write(&mut xml, ends.as_ref().map(|(first, last)| (first.as_str(), last.as_str())), search.count);
    xml.finish()
}

/// `<metadata/>`: nothing in it if the archive is empty.
fn extent(ids: &Ids, ends: Option<(MessageRow, MessageRow)>) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.open("metadata", ns::ARCHIVE);
    for (name, row) in ends.iter().flat_map(|(first, last)| [("start", first), ("end", last)]) {
        xml.open(name, ns::ARCHIVE).attr("id", ids.write(row.seq));
        xml.attr("timestamp", row.filed.to_string()).close();
    }
    xml.finish()
}
