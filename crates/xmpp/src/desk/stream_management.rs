//! XEP-0198 stream management: both sides count stanzas, so that a session survives its connection and nothing is lost.
//!
//! What we acknowledge is on disk. What the client has not acknowledged is kept here to be sent again on resumption; what
//! has a row in the store waits there too, so that a session that never comes back loses nothing either.

use std::collections::{BTreeSet, VecDeque};

use base::limits::{CLIENT_BEHIND_TIME_MAX, SESSION_FILED_BYTES_MAX};
use base::{Bare, ConnId, SessionId, Time};
use wire::{Element, Xml};

use crate::error::StreamError;
use crate::ns;
use crate::session::What;
use crate::shard::{After, Origin, Output, Shard};

pub(crate) const REQUEST: &[u8] = b"<r xmlns='urn:xmpp:sm:3'/>";

/// The two counts of a session. They wrap at 2^32 (section 4).
#[derive(Debug, Default)]
pub(crate) struct StreamManagement {
    /// The id under which the session may be resumed, if it may.
    pub(crate) id: Option<String>,
    /// Stanzas that came from the client.
    received: u32,
    /// Those among them that are not handled yet.
    unsettled: BTreeSet<u32>,
    /// The client asked how many are handled when these were `received`, oldest first: it is told once they are. A client
    /// that goes on asking is answered all the same, so the oldest stay; of more than some the last stands for the rest.
    owed: VecDeque<u32>,
    /// Stanzas that the client has acknowledged.
    acknowledged: u32,
    /// Those sent since, oldest first.
    queue: VecDeque<(Vec<u8>, What)>,
    queue_bytes: usize,
    /// When the client was first seen to hold too much since it has acknowledged something.
    behind: Option<Time>,
    /// Whether an `<r/>` of ours is unanswered.
    asked: bool,
    /// Who wants the session and waits until all that the client said in it is handled.
    resumption: Option<Resumption>,
}

/// A connection that wants to have a session.
#[derive(Debug)]
struct Resumption {
    conn: ConnId,
    /// What its client has had.
    h: u32,
}

/// `<r/>` of a client that are remembered while what was sent before them is being handled: one commit's worth of those
/// that ask after each stanza.
const OWED_MAX: usize = 16;

impl StreamManagement {
    /// A stanza has come; its number.
    fn count_in(&mut self) -> u32 {
        self.received = self.received.wrapping_add(1);
        self.unsettled.insert(self.received);
        self.received
    }

    /// What may be acknowledged: all before the first that is not handled. Near the wrap the order of numbers is not that
    /// of time, so the first is the one that is furthest behind.
    fn handled(&self) -> u32 {
        let behind = self.unsettled.iter().map(|n| self.received.wrapping_sub(*n)).max();
        match behind {
            Some(behind) => self.received.wrapping_sub(behind).wrapping_sub(1),
            None => self.received,
        }
    }

    /// The client asks; what it can be told now.
    fn request(&mut self) -> Option<u32> {
        if self.unsettled.is_empty() {
            return Some(self.received);
        }
        if self.owed.len() >= OWED_MAX {
            self.owed.pop_back();
        }
        self.owed.push_back(self.received);
        None
    }

    /// A stanza is handled; what the client, who asked, can be told now.
    fn settle(&mut self, number: u32) -> Option<u32> {
        self.unsettled.remove(&number);
        let handled = self.handled();
        let mut reached = false;
        while self.owed.front().is_some_and(|owed| handled.wrapping_sub(*owed) < u32::MAX / 2) {
            self.owed.pop_front();
            reached = true;
        }
        reached.then_some(handled)
    }

    /// The session ends: the connection that waits for it, if there is one.
    pub(crate) fn take_waiting(&mut self) -> Option<ConnId> {
        self.resumption.take().map(|resumption| resumption.conn)
    }

    /// A stanza is on its way: it is kept until it is acknowledged. Gives a request to be sent behind it, if none is
    /// under way.
    pub(crate) fn sent(&mut self, bytes: Vec<u8>, what: What) -> Option<&'static [u8]> {
        self.queue_bytes += bytes.len();
        self.queue.push_back((bytes, what));
        (!std::mem::replace(&mut self.asked, true)).then_some(REQUEST)
    }

    /// The client has had everything up to `h`. Gives the store's numbers of what it has had.
    fn acknowledge(&mut self, h: u32) -> Result<Vec<i64>, StreamError> {
        let count = h.wrapping_sub(self.acknowledged) as usize;
        if count > self.queue.len() {
            let sent = self.acknowledged.wrapping_add(self.queue.len() as u32);
            return Err(StreamError::HandledCountTooHigh { h, sent });
        }
        self.acknowledged = h;
        if count > 0 {
            self.behind = None;
        }
        let mut copies = Vec::new();
        for (bytes, what) in self.queue.drain(..count) {
            self.queue_bytes -= bytes.len();
            copies.extend(what.copy());
        }
        Ok(copies)
    }

    /// Whether the client has held too much for too long without acknowledging anything. To be asked now and then.
    pub(crate) fn has_given_up(&mut self, now: Time) -> bool {
        if self.queue_bytes <= SESSION_FILED_BYTES_MAX {
            self.behind = None;
            return false;
        }
        now - *self.behind.get_or_insert(now) >= CLIENT_BEHIND_TIME_MAX
    }

    /// Bytes of what the client has not acknowledged.
    pub(crate) fn unacknowledged_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// The store's numbers of what the client has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> impl Iterator<Item = i64> {
        self.queue.iter().filter_map(|(_, what)| what.copy())
    }
}

impl Shard {
    /// Counts a stanza that came.
    pub(crate) fn count_in(&mut self, session: SessionId) -> Option<u32> {
        self.sessions.get_mut(&session)?.sm.as_mut().map(|sm| sm.count_in())
    }

    /// A stanza is handled. If its author is still to be told what became of it, that comes first: an acknowledgement
    /// whose error is never heard would be a promise.
    pub(crate) fn settle(&mut self, origin: Origin) {
        match self.sessions.get(&origin.session).and_then(|session| session.held.answers_until()) {
            Some(ticket) if origin.number.is_some() => self.after(ticket, After::Acknowledge(origin)),
            _ => self.acknowledge(origin),
        }
    }

    /// A stanza is handled, and its author has been told all; if the client waits to hear so, it does.
    pub(crate) fn acknowledge(&mut self, origin: Origin) {
        let Some(number) = origin.number else { return };
        let Some(session) = self.sessions.get_mut(&origin.session) else { return };
        let Some(sm) = session.sm.as_mut() else { return };
        let handled = sm.settle(number);
        if sm.resumption.is_some() {
            return resume_if_settled(self, origin.session);
        }
        if let (Some(handled), Some(conn)) = (handled, session.conn) {
            self.write_raw(conn, &answer(handled));
        }
    }
}

/// A first-level element of a bound client.
pub(crate) fn handle(shard: &mut Shard, id: SessionId, element: &Element<'_>) {
    if element.namespace() != ns::SM {
        return shard.end_stream(id, StreamError::UnsupportedStanzaType);
    }
    let token = shard.token();
    let resume_time_max = shard.config.resume_time_max.as_secs();
    let Some(session) = shard.sessions.get_mut(&id) else { return };
    let Some(conn) = session.conn else { return };
    match (element.name(), session.sm.as_mut()) {
        ("enable", None) => {
            let resumable = matches!(element.attr("resume").as_deref(), Some("true" | "1"));
            let mut xml = Xml::new();
            xml.open("enabled", ns::SM);
            if resumable {
                xml.attr("id", &token).attr("resume", "true").attr("max", resume_time_max.to_string());
            }
            xml.close();
            let sm = StreamManagement { id: resumable.then(|| token.clone()), ..StreamManagement::default() };
            session.sm = Some(Box::new(sm));
            if resumable {
                shard.resumable.insert(token, id);
            }
            shard.write_raw(conn, &xml.finish());
        }
        ("enable", Some(_)) => shard.write_raw(conn, &failed("unexpected-request")),
        ("r", Some(sm)) => {
            if let Some(handled) = sm.request() {
                shard.write_raw(conn, &answer(handled));
            }
        }
        ("a", Some(sm)) => {
            let Some(h) = element.attr("h").and_then(|h| h.parse().ok()) else {
                return shard.end_stream(id, StreamError::PolicyViolation("An acknowledgement needs the attribute h."));
            };
            sm.asked = false;
            match sm.acknowledge(h) {
                Ok(copies) => {
                    // More has been sent since the client was asked: ask again.
                    let again = !sm.queue.is_empty();
                    sm.asked = again;
                    let address = session.account.clone();
                    if again {
                        shard.write_raw(conn, REQUEST);
                    }
                    shard.confirm(&address, copies);
                    shard.caught_up(id);
                }
                Err(error) => shard.end_stream(id, error),
            }
        }
        ("resume", _) => shard.write_raw(conn, &failed("unexpected-request")),
        _ => shard.end_stream(id, StreamError::UnsupportedStanzaType),
    }
}

/// Section 5: the client wants an earlier session on a new connection. Whoever is authenticated as its account may have
/// it, from one connection at a time: the last who asks.
///
/// What the client said before may still be on its way to the disk, or wait for an account. It will take effect: if it were
/// not counted, the client would say it again. So the session is resumed when all of it is handled.
pub(crate) fn resume(shard: &mut Shard, conn: ConnId, address: &Bare, previd: &str, h: u32) {
    let found = shard.resumable.get(previd).copied().filter(|s| shard.sessions[s].account == *address);
    let Some(id) = found else { return refuse(shard, conn) };
    shard.displace(id);
    let sm = shard.sessions.get_mut(&id).and_then(|session| session.sm.as_mut());
    let sm = sm.expect("only such sessions can be resumed");
    shard.binding.insert(conn);
    if let Some(earlier) = sm.resumption.replace(Resumption { conn, h }) {
        refuse(shard, earlier.conn);
    }
    resume_if_settled(shard, id);
}

/// There is no such session, or not for this connection.
pub(crate) fn refuse(shard: &mut Shard, conn: ConnId) {
    shard.binding.remove(&conn);
    shard.push(Output::ResumeRefused { conn, failed: failed("item-not-found") });
}

/// Gives a session to the connection that waits for it, if nothing is in the way any more.
fn resume_if_settled(shard: &mut Shard, id: SessionId) {
    let Some(session) = shard.sessions.get_mut(&id) else { return };
    let (address, sm) = (session.account.clone(), session.sm.as_mut());
    let Some(sm) = sm.filter(|sm| sm.unsettled.is_empty()) else { return };
    let Some(Resumption { conn, h }) = sm.resumption.take() else { return };
    // It may have gone while it waited.
    if !shard.binding.remove(&conn) {
        return;
    }
    let acknowledged = sm.acknowledge(h);
    shard.attach(id, conn);
    shard.keep(id);
    let copies = match acknowledged {
        Ok(copies) => copies,
        Err(error) => return shard.end_stream(id, error),
    };
    let sm = shard.sessions.get_mut(&id).and_then(|session| session.sm.as_mut()).expect("it is resumed");
    sm.owed.clear();
    // On another connection it may keep up.
    sm.behind = None;
    sm.asked = !sm.queue.is_empty();
    let mut bytes = Vec::new();
    let mut xml = Xml::new();
    xml.open("resumed", ns::SM).attr("h", sm.received.to_string()).attr_if("previd", sm.id.as_ref()).close();
    bytes.extend_from_slice(&xml.finish());
    for (stanza, _) in &sm.queue {
        bytes.extend_from_slice(stanza);
    }
    if sm.asked {
        bytes.extend_from_slice(REQUEST);
    }
    shard.write_raw(conn, &bytes);
    shard.confirm(&address, copies);
    // XEP-0352 section 5.2: a new stream begins in the active state.
    super::client_state::activate(shard, id);
    shard.caught_up(id);
}

fn answer(h: u32) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.open("a", ns::SM).attr("h", h.to_string()).close();
    xml.finish()
}

/// What was asked for cannot be.
pub(crate) fn failed(condition: &'static str) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.open("failed", ns::SM);
    xml.open(condition, ns::STANZA_ERRORS);
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_wrap() {
        let mut sm = StreamManagement { received: u32::MAX - 1, ..StreamManagement::default() };
        let (a, b, c) = (sm.count_in(), sm.count_in(), sm.count_in());
        assert_eq!((a, b, c, sm.handled()), (u32::MAX, 0, 1, u32::MAX - 1));
        sm.unsettled.remove(&b);
        assert_eq!(sm.handled(), u32::MAX - 1);
        sm.unsettled.remove(&a);
        assert_eq!(sm.handled(), 0);
        sm.unsettled.remove(&c);
        assert_eq!(sm.handled(), 1);
    }

    #[test]
    fn acknowledgements_wrap_and_are_never_of_more_than_was_sent() {
        let mut sm = StreamManagement { acknowledged: u32::MAX, ..StreamManagement::default() };
        for seq in 0..3 {
            sm.sent(vec![0], What::Copy(seq));
        }
        assert_eq!(sm.acknowledge(1).unwrap(), [0, 1]);
        assert!(sm.acknowledge(3).is_err());
        assert_eq!(sm.acknowledge(1).unwrap(), []);
        assert_eq!(sm.unacknowledged().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn who_goes_on_asking_is_answered() {
        for asked in [OWED_MAX - 1, OWED_MAX, OWED_MAX + 1, OWED_MAX * 10] {
            let mut sm = StreamManagement::default();
            assert_eq!(sm.request(), Some(0), "there is nothing to wait for");
            for _ in 0..asked {
                sm.count_in();
                assert_eq!(sm.request(), None);
            }
            assert_eq!(sm.owed.len(), asked.min(OWED_MAX));
            let asked = asked as u32;
            let answers: Vec<u32> = (1..=asked).filter_map(|number| sm.settle(number)).collect();
            let each = 1..=asked.min(OWED_MAX as u32 - 1);
            assert_eq!(answers, each.chain((asked >= OWED_MAX as u32).then_some(asked)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn one_answer_serves_all_that_asked_before_it() {
        let mut sm = StreamManagement { received: u32::MAX - 2, ..StreamManagement::default() };
        for _ in 0..4 {
            sm.count_in();
            assert_eq!(sm.request(), None);
        }
        for (number, answer) in [(u32::MAX, None), (0, None), (u32::MAX - 1, Some(0)), (1, Some(1))] {
            assert_eq!(sm.settle(number), answer, "{number}");
        }
    }
}
