//! RFC 6120 section 8.2.3: requests whose answer is in the store. Each session has one under way at a time, and the next
//! is asked when the answer before it has left.
//!
//! So a client that asks for everybody's picture at once holds short questions here, and never all the pictures. A set
//! never waits in this line: a get that was sent before it may be answered with what it set.

use std::collections::VecDeque;

use base::ledger::{Query, Rows, StoreError};
use base::limits::{PEER_QUESTIONS_MAX, QUESTIONS_BYTES_MAX, QUESTIONS_MAX};
use base::{Bare, SessionId};
use wire::Stanza;

use crate::desk::{Ask, Place, Reading, Verdict};
use crate::error::{Condition, StanzaError};
use crate::shard::{Fate, Origin, Output, Shard};

/// A request, what the store must be asked for it, and who makes the answer of the rows.
pub(crate) struct Question {
    pub(crate) place: Place,
    pub(crate) address: Bare,
    pub(crate) origin: Origin,
    pub(crate) stanza: Stanza<'static>,
    pub(crate) query: Query,
    pub(crate) reading: Reading,
}

/// What a session has asked and was not told yet.
#[derive(Default)]
pub(crate) struct Questions {
    waiting: VecDeque<Box<Question>>,
    waiting_bytes: usize,
    stage: Stage,
}

/// Where the question at hand is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// There is none.
    #[default]
    None,
    /// With the store.
    Asked,
    /// Answered, and the answer is on its way.
    Leaving,
}

impl Questions {
    /// What was on its way to the client has left, or is lost with the connection.
    pub(crate) fn left(&mut self) {
        if self.stage == Stage::Leaving {
            self.stage = Stage::None;
        }
    }

    fn push(&mut self, question: Box<Question>) -> Result<(), Box<Question>> {
        let bytes = question.stanza.inner_len();
        if self.waiting.len() >= QUESTIONS_MAX || self.waiting_bytes + bytes > QUESTIONS_BYTES_MAX {
            return Err(question);
        }
        self.waiting_bytes += bytes;
        self.waiting.push_back(question);
        Ok(())
    }

    fn pop(&mut self) -> Option<Box<Question>> {
        let question = self.waiting.pop_front()?;
        self.waiting_bytes -= question.stanza.inner_len();
        Some(question)
    }
}

impl Shard {
    /// Takes a question. It counts as handled: what has no effect may be lost with the session.
    pub(crate) fn question(&mut self, question: Question) -> Fate {
        let id = question.origin.session;
        if question.origin.peer().is_some() {
            if self.peers.questions >= PEER_QUESTIONS_MAX {
                let error = StanzaError::new(Condition::ResourceConstraint, "Too many questions at once.");
                self.bounce(question.origin, &question.stanza, &error);
            } else {
                self.peers.questions += 1;
                self.read_for(Box::new(question));
            }
            return Fate::Done;
        }
        let Some(session) = self.sessions.get_mut(&id) else { return Fate::Done };
        match session.questions.push(Box::new(question)) {
            Ok(()) => self.next_question(id),
            Err(refused) => {
                let error = StanzaError::new(Condition::ResourceConstraint, "Too many questions at once.");
                self.bounce(refused.origin, &refused.stanza, &error);
            }
        }
        Fate::Done
    }

    /// Asks the next question of a session, if nothing is under way and its client keeps up.
    pub(crate) fn next_question(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.questions.stage != Stage::None || session.conn.is_none() || !session.keeps_up() {
            return;
        }
        if let Some(question) = session.questions.pop() {
            session.questions.stage = Stage::Asked;
            self.read_for(question);
        }
    }

    /// The store has answered.
    pub(crate) fn handle_answered(&mut self, question: Box<Question>, rows: Result<Rows, StoreError>) {
        let Question { place, address, origin, stanza, reading, .. } = *question;
        let verdict = match (Ask::new(place, &address, origin, &stanza), rows) {
            (Ok(ask), Ok(rows)) => reading(self, &ask, rows),
            (Err(error), _) => Verdict::Error(error),
            (_, Err(error)) => Verdict::Error(StanzaError::from(&error)),
        };
        if let Verdict::Read(query, reading) = verdict {
            return self.read_for(Box::new(Question { place, address, origin, stanza, query, reading }));
        }
        if origin.peer().is_some() {
            self.peers.questions -= 1;
        }
        // It was settled when it was asked.
        self.conclude(place, &address, Origin { number: None, ..origin }, stanza, verdict);
        let Some(session) = self.sessions.get_mut(&origin.session) else { return };
        match session.conn {
            Some(conn) => {
                session.questions.stage = Stage::Leaving;
                self.push(Output::NotifyDrained { conn });
            }
            None => session.questions.stage = Stage::None,
        }
    }
}
