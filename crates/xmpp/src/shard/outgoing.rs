//! What is on its way to clients: straight into the buffer that a connection is written from, or held behind what must be
//! durable first; and what is known to have arrived.

use base::{AccountId, Bare, ConnId, SessionId, Ticket};
use wire::{Form, Kind, Stanza};

use super::{After, CONFIRMATION_DELAY, Due, Output, Shard, UNWATCHED_BYTES_MAX, Waiting};
use crate::desk;
use crate::error::{StanzaError, StreamError};
use crate::held::Outgoing;
use crate::session::What;
use crate::tally;

impl Shard {
    /// Sends a stanza to a session's client, not before the batch `after` is durable and behind all that is held.
    pub(crate) fn send(&mut self, session: SessionId, stanza: &Stanza<'_>, what: What, after: Option<Ticket>) {
        let after = after.filter(|t| *t > self.settled);
        let Some(to) = self.sessions.get(&session) else { return };
        if what == What::Stanza && !to.has_room_for(stanza.inner_len()) {
            return self.turn_away(stanza);
        }
        if self.waits_for_attention(session, stanza, what, after) {
            return;
        }
        let Some(to) = self.sessions.get(&session) else { return };
        if let What::Copy(seq) = what
            && let Some(account) = self.accounts.get_mut(&to.account)
        {
            *account.in_flight.entry(seq).or_default() += 1;
        }
        if after.is_none() && to.held.is_empty() && to.sm.is_none() {
            // The hot path: straight into the buffer that the connection is written from.
            let start = self.arena.len();
            stanza.emit(Form::Tcp, &mut self.arena);
            return self.emitted(session, start, what);
        }
        let mut bytes = Vec::new();
        stanza.emit(Form::Tcp, &mut bytes);
        self.enqueue(session, bytes, what, after);
    }

    /// Too much waits for a client already. Who spoke to it hears so where an answer is due; what says something about a
    /// moment is dropped.
    pub(super) fn turn_away(&mut self, stanza: &Stanza<'_>) {
        let Some(from) = stanza.head.from.as_ref().filter(|from| !from.is_bare()) else { return };
        let to_one = stanza.head.to.as_ref().is_some_and(|to| !to.is_bare());
        let due = match stanza.head.kind {
            Kind::Iq(_) => true,
            Kind::Message(_) => to_one,
            Kind::Presence(_) => false,
        };
        let author = self.resource(&Bare::of(from), from.resource().unwrap_or_default()).filter(|_| due);
        let error = StanzaError::client_is_full();
        if let (Some(author), Some(answer)) = (author, error.answer_to(stanza)) {
            tally::count(&mut self.tally.stanza_errors, error.condition.name());
            self.send(author, &answer, What::Answer, None);
        }
    }

    /// XEP-0352: whether a stanza waits until somebody looks at the client. One that does not wait goes behind those
    /// that did.
    pub(super) fn waits_for_attention(
        &mut self,
        id: SessionId,
        stanza: &Stanza<'_>,
        what: What,
        after: Option<Ticket>,
    ) -> bool {
        let Some(waiting) = self.sessions.get_mut(&id).and_then(|s| s.inactive.as_mut()) else { return false };
        let waits = what == What::Stanza && after.is_none() && waiting.take(stanza);
        if !waits || waiting.is_full() {
            desk::client_state::flush(self, id);
        }
        waits
    }

    /// As [`Shard::send`], for bytes that are ready.
    pub(crate) fn send_bytes(&mut self, session: SessionId, bytes: Vec<u8>, what: What, after: Option<Ticket>) {
        desk::client_state::flush(self, session);
        self.enqueue(session, bytes, what, after);
    }

    /// Puts bytes behind all that is on its way to a session's client.
    pub(crate) fn enqueue(&mut self, session: SessionId, bytes: Vec<u8>, what: What, after: Option<Ticket>) {
        let after = after.filter(|t| *t > self.settled);
        let Some(to) = self.sessions.get_mut(&session) else { return };
        if to.overflows_with(bytes.len()) {
            self.take_back(session, what);
            return self.end_stream(session, StreamError::ResourceConstraint("Too much waits for this client."));
        }
        if after.is_some() || !to.held.is_empty() {
            let news = to.held.push(Outgoing { after: after.unwrap_or(Ticket(0)), bytes, what });
            if let Some(ticket) = news {
                self.after(ticket, After::Release(session));
            }
            return;
        }
        self.release(session, bytes, what);
    }

    /// Hands bytes to the connection, and keeps them if XEP-0198 may want them again.
    pub(super) fn release(&mut self, session: SessionId, bytes: Vec<u8>, what: What) {
        let start = self.arena.len();
        self.arena.extend_from_slice(&bytes);
        if let Some(sm) = self.sessions.get_mut(&session).and_then(|s| s.sm.as_mut())
            && let Some(request) = sm.sent(bytes, what)
        {
            self.arena.extend_from_slice(request);
        }
        self.emitted(session, start, what);
    }

    /// The arena from `start` on is on its way to a session's client.
    pub(super) fn emitted(&mut self, session: SessionId, start: usize, what: What) {
        let Some(to) = self.sessions.get_mut(&session) else { return };
        let Some(conn) = to.conn else {
            self.arena.truncate(start);
            return;
        };
        let end = self.arena.len();
        self.tally.to_clients.count_written(&self.arena[start..end]);
        let mut watch = false;
        if to.sm.is_none() {
            to.leaving.extend(what.copy());
            to.leaving_bytes += end - start;
            watch = !to.watched && (what.copy().is_some() || to.leaving_bytes > UNWATCHED_BYTES_MAX);
            to.watched |= watch;
        }
        self.outputs.push_back(Waiting::Write { conn, start, end });
        if watch {
            self.push(Output::NotifyDrained { conn });
        }
    }

    /// Bytes that belong to the stream and to no session's count.
    pub(crate) fn write_raw(&mut self, conn: ConnId, bytes: &[u8]) {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.outputs.push_back(Waiting::Write { conn, start, end: self.arena.len() });
    }

    pub(super) fn handle_drained(&mut self, conn: ConnId) {
        let Some(id) = self.conns.get(&conn).copied() else { return };
        let session = self.sessions.get_mut(&id).expect("every connection has its session");
        (session.leaving_bytes, session.watched) = (0, false);
        session.questions.left();
        let (address, seqs) = (session.account.clone(), std::mem::take(&mut session.leaving));
        self.confirm(&address, seqs);
        self.caught_up(id);
    }

    /// Less waits for a client than before: what can wait goes on.
    pub(crate) fn caught_up(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        if self.accounts.get(&session.account).is_some_and(|account| account.backlog.is_some()) {
            desk::offline::go_on(self, &session.account.clone());
        }
        self.next_question(id);
    }

    /// These copies have reached their person.
    pub(crate) fn confirm(&mut self, address: &Bare, mut seqs: Vec<i64>) {
        let Some(account) = self.accounts.get_mut(address) else { return };
        // Of two sessions that were sent the same copy, the first to confirm it settles it.
        seqs.retain(|seq| account.in_flight.remove(seq).is_some());
        let Some(row) = account.row.as_mut().filter(|_| !seqs.is_empty()) else { return };
        row.pending = row.pending.saturating_sub(seqs.len() as u64);
        let id = row.id;
        self.write_off(id, &seqs);
        desk::offline::confirmed(self, address, &seqs);
    }

    /// The rows of these copies will say that they wait no more, at the next write or soon.
    pub(super) fn write_off(&mut self, account: AccountId, seqs: &[i64]) {
        self.confirm_soon();
        self.confirmed.entry(account).or_default().extend_from_slice(seqs);
        self.arrived.entry(account).or_default().extend(seqs);
    }

    /// The rows of these posts will be gone, likewise.
    pub(super) fn write_off_posts(&mut self, account: AccountId, seqs: &[i64]) {
        self.confirm_soon();
        self.posted.entry(account).or_default().extend_from_slice(seqs);
    }

    fn confirm_soon(&mut self) {
        if self.confirmed.is_empty() && self.posted.is_empty() {
            self.confirm_at = self.now.mono + CONFIRMATION_DELAY;
            self.due.insert((self.confirm_at, Due::Confirm));
        }
    }
}
