//! XEP-0313 message archive management: an account asks for its history.
//!
//! The questions of one session are answered one after another: the next one is read when the answer to the last one has
//! left, so that a slow link costs patience and not memory. Results go behind all that was sent before, and the result of
//! the IQ behind them. A question promises nothing, so XEP-0198 counts it as handled at once.

mod question;
mod search;

use std::collections::VecDeque;

use base::ledger::{ArchiveQuery, MessageRow, Query, Rows, StoreError};
use base::limits::{HISTORY_QUERIES_MAX, PAGE_BYTES_MAX};
use base::{AccountId, Bare, SessionId};
use wire::{IqType, Kind, MessageType, Stanza, Xml};

use super::stanza_ids::Ids;
use super::{Ask, Place, Verdict, archive};
use crate::error::{Condition, StanzaError};
use crate::session::What;
use crate::shard::{Output, Shard};
use crate::{ns, rsm};
use question::Question;
use search::Search;

/// The questions of one session.
#[derive(Default)]
pub(crate) struct Queue {
    /// What the store has been asked for.
    current: Option<Job>,
    waiting: VecDeque<Job>,
    leaving: Leaving,
}

/// How far the last answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Leaving {
    /// It has left, or there was none.
    #[default]
    Done,
    /// It is on its way.
    Sent,
    /// The connection will tell.
    Asked,
}

/// A question with the head of its answer.
struct Job {
    reply: Stanza<'static>,
    task: Task,
}

enum Task {
    Search(Search),
    /// Section 5: the first and the last message.
    Metadata {
        first: Option<MessageRow>,
    },
}

/// `<query/>`: a get asks for the form, a set for messages.
pub(crate) fn query(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if let Err(error) = may_ask(shard, ask) {
        return Verdict::Error(error);
    }
    if !ask.set {
        return Verdict::Result(question::form());
    }
    let next_seq = shard.accounts[ask.address.as_str()].row.as_ref().map_or(0, |row| row.next_seq);
    match Question::read(&ask.payload, &archive::ids(shard, ask.address), next_seq) {
        Ok(question) => enqueue(shard, ask, Task::Search(Search::new(question))),
        Err(error) => Verdict::Error(error),
    }
}

/// `<metadata/>` (section 5).
pub(crate) fn metadata(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    match may_ask(shard, ask) {
        Ok(()) if ask.set => Verdict::Error(Condition::BadRequest.into()),
        Ok(()) => enqueue(shard, ask, Task::Metadata { first: None }),
        Err(error) => Verdict::Error(error),
    }
}

fn may_ask(shard: &Shard, ask: &Ask<'_>) -> Result<(), StanzaError> {
    match ask.place {
        _ if !shard.config.archive => Err(Condition::ServiceUnavailable.into()),
        Place::Own => Ok(()),
        Place::Person | Place::Server => Err(Condition::Forbidden.into()),
    }
}

fn enqueue(shard: &mut Shard, ask: &Ask<'_>, task: Task) -> Verdict {
    let Some(session) = shard.sessions.get_mut(&ask.origin.session) else {
        return Verdict::Error(Condition::UnexpectedRequest.into());
    };
    let queue = session.history.get_or_insert_default();
    if queue.waiting.len() + usize::from(queue.current.is_some()) >= HISTORY_QUERIES_MAX {
        let text = "Too many questions to the archive are open. Wait for the answers.";
        return Verdict::Error(StanzaError::new(Condition::ResourceConstraint, text));
    }
    let mut reply = Stanza::new(Kind::Iq(IqType::Result));
    reply.head.id = ask.stanza.head.id.clone();
    reply.head.to = ask.stanza.head.from.clone();
    reply.head.from = ask.stanza.head.to.clone();
    queue.waiting.push_back(Job { reply: reply.into_owned(), task });
    go_on(shard, ask.origin.session);
    Verdict::Later
}

/// Begins with the next question, if the last answer has left. To be called whenever that may have come true.
pub(crate) fn go_on(shard: &mut Shard, id: SessionId) {
    let Some(session) = shard.sessions.get_mut(&id) else { return };
    let backlog = session.sm.as_ref().map(|sm| sm.unacknowledged_bytes());
    let Some(queue) = session.history.as_mut().filter(|queue| queue.current.is_none()) else { return };
    if queue.leaving != Leaving::Done {
        let Some(conn) = session.conn.filter(|_| session.held.is_empty()) else { return };
        match backlog {
            Some(bytes) if bytes > PAGE_BYTES_MAX => return,
            Some(_) => queue.leaving = Leaving::Done,
            None => {
                if std::mem::replace(&mut queue.leaving, Leaving::Asked) == Leaving::Sent {
                    shard.push(Output::NotifyDrained { conn });
                }
                return;
            }
        }
    }
    let Some(job) = queue.waiting.pop_front() else {
        session.history = None;
        return;
    };
    ask_store(shard, id, job);
}

/// All that was sent to the session's client has left.
pub(crate) fn drained(shard: &mut Shard, id: SessionId) {
    let Some(queue) = shard.sessions.get_mut(&id).and_then(|s| s.history.as_mut()) else { return };
    if queue.leaving == Leaving::Asked {
        queue.leaving = Leaving::Done;
        go_on(shard, id);
    }
}

fn ask_store(shard: &mut Shard, id: SessionId, job: Job) {
    let Some(session) = shard.sessions.get_mut(&id) else { return };
    let account = shard.accounts[session.account.as_str()].row.as_ref().expect("a session's account has been read").id;
    let query = job.task.query(account);
    session.history.get_or_insert_default().current = Some(job);
    shard.read_history(id, query);
}

/// The store has answered.
pub(crate) fn rows(shard: &mut Shard, id: SessionId, rows: Result<Rows, StoreError>) {
    let Some(session) = shard.sessions.get_mut(&id) else { return };
    let address = session.account.clone();
    let Some(mut job) = session.history.as_mut().and_then(|queue| queue.current.take()) else { return };
    let page = match rows {
        Ok(Rows::Page(page)) => Ok(page),
        Ok(_) => Err(StanzaError::from(Condition::InternalServerError)),
        Err(error) => Err(StanzaError::from(&error)),
    };
    let payload = match (page, &mut job.task) {
        (Err(error), _) => {
            job.reply.head.kind = Kind::Iq(IqType::Error);
            error.to_xml()
        }
        (Ok(page), Task::Search(search)) => {
            if search.take(page) {
                return ask_store(shard, id, job);
            }
            send_results(shard, id, &address, &job.reply, search);
            fin(&archive::ids(shard, &address), search)
        }
        (Ok(page), Task::Metadata { first: first @ None }) if !page.messages.is_empty() => {
            *first = page.messages.into_iter().next();
            return ask_store(shard, id, job);
        }
        (Ok(page), Task::Metadata { first }) => {
            extent(&archive::ids(shard, &address), first.as_ref(), page.messages.last())
        }
    };
    shard.send(id, &job.reply.with_inner(payload), What::Answer, None);
    if let Some(queue) = shard.sessions.get_mut(&id).and_then(|s| s.history.as_mut()) {
        queue.leaving = Leaving::Sent;
        go_on(shard, id);
    }
}

impl Task {
    fn query(&self, account: AccountId) -> Query {
        match self {
            Task::Search(search) => search.query(account),
            Task::Metadata { first } => Query::Archive(ArchiveQuery {
                account,
                with: None,
                start: None,
                end: None,
                after: None,
                before: None,
                last: first.is_some(),
                limit: 1,
                count: false,
            }),
        }
    }
}

/// Section 4.2: each message in a message of its own, the newest first if the page is flipped (section 4.3.4).
fn send_results(shard: &mut Shard, id: SessionId, address: &Bare, reply: &Stanza<'_>, search: &Search) {
    let ids = archive::ids(shard, address);
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
            message.append(ids.element(row.seq, address));
            xml.stanza(&message);
        }
        let mut result = Stanza::new(Kind::Message(MessageType::Normal)).with_inner(xml.finish());
        result.head.to = reply.head.to.clone();
        result.head.from = reply.head.from.clone();
        shard.send(id, &result, What::Answer, None);
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
fn extent(ids: &Ids, first: Option<&MessageRow>, last: Option<&MessageRow>) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.open("metadata", ns::ARCHIVE);
    for (name, row) in [("start", first), ("end", last)] {
        if let Some(row) = row {
            xml.open(name, ns::ARCHIVE).attr("id", ids.write(row.seq));
            xml.attr("timestamp", row.filed.to_string()).close();
        }
    }
    xml.finish()
}
