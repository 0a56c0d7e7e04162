//! What our people say to somebody on the link, until a stream takes it; and whom to call for that.
//!
//! There are no receipts: what was written to a stream counts as sent. What was not comes back to its author, once.

use std::collections::VecDeque;
use std::time::Duration;

use base::limits::{NEARBY_WAIT_MAX, NEARBY_WAITING_BYTES_MAX, NEARBY_WAITING_MAX};
use base::{Bare, Jid, Time};
use wire::Stanza;

use super::streams::Phase;
use super::{Gateway, Pair};

/// When calling is tried again.
const CALL_AGAIN: Duration = Duration::from_secs(1);

/// Something that one of our people said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) author: Jid<'static>,
    pub(super) to: Jid<'static>,
    pub(super) id: Option<String>,
    pub(super) body: String,
    pub(super) until: Time,
}

impl Word {
    pub(super) fn of(stanza: &Stanza<'_>, body: String, now: Time) -> Option<Word> {
        Some(Word {
            author: stanza.head.from.as_ref()?.borrow().into_owned(),
            to: stanza.head.to.as_ref()?.borrow().into_owned(),
            id: stanza.head.id.as_deref().map(str::to_owned),
            body,
            until: now + NEARBY_WAIT_MAX,
        })
    }
}

/// One of our people and somebody on the link.
#[derive(Default)]
pub(super) struct Talk {
    words: VecDeque<Word>,
    /// Which address is called next.
    next: usize,
    /// When to call again.
    again_at: Option<Time>,
}

impl Talk {
    pub(super) fn due(&self) -> Option<Time> {
        self.words.front().map(|word| word.until).into_iter().chain(self.again_at).min()
    }
}

impl Gateway {
    /// One of our people says something.
    pub(super) fn say(&mut self, own: Bare, stanza: &Stanza<'_>) {
        let Some(body) = stanza.payload("body", wire::ns::CLIENT).map(|body| body.text().into_owned()) else { return };
        let local = stanza.head.to.as_ref().and_then(|to| to.local()).unwrap_or_default();
        let instance = self.locals.get(local).filter(|name| self.peers.get(*name).is_some_and(|peer| peer.alive));
        let Some(pair) = instance.filter(|_| self.people.contains_key(&own)).map(|name| (own, name.clone())) else {
            let text = "Nobody of this name is on the link now.";
            return self.refuse(stanza, "cancel", "item-not-found", text);
        };
        let waiting = self.talks.get(&pair).map_or(0, |talk| talk.words.len());
        if waiting >= NEARBY_WAITING_MAX || self.waiting_bytes + body.len() > NEARBY_WAITING_BYTES_MAX {
            let text = "Too much waits for them already.";
            return self.refuse(stanza, "wait", "resource-constraint", text);
        }
        let Some(word) = Word::of(stanza, body, self.now) else { return };
        self.waiting_bytes += word.body.len();
        self.talks.entry(pair.clone()).or_default().words.push_back(word);
        self.drive(&pair);
    }

    /// Brings what waits to a stream, or calls.
    pub(super) fn drive(&mut self, pair: &Pair) {
        if self.talks.get(pair).is_none_or(|talk| talk.words.is_empty()) {
            return;
        }
        let streams: Vec<_> = self.streams_of(pair).collect();
        // While both call it is not known which stream the other side takes.
        if streams.iter().any(|(_, phase)| matches!(phase, Phase::Waiting | Phase::Greeted)) {
            return;
        }
        if let Some((open, _)) = streams.iter().find(|(_, phase)| *phase == Phase::Open) {
            while let Some(word) = self.talks.get_mut(pair).and_then(|talk| talk.words.pop_front()) {
                self.waiting_bytes -= word.body.len();
                self.write_words(*open, pair, word);
            }
            if let Some(talk) = self.talks.get_mut(pair) {
                (talk.next, talk.again_at) = (0, None);
            }
            return;
        }
        if streams.iter().any(|(_, phase)| *phase == Phase::Calling) {
            return;
        }
        self.call_next(pair);
    }

    /// Calls the next address; after the last one it is looked whether anybody is there.
    fn call_next(&mut self, pair: &Pair) {
        let again_at = self.now + CALL_AGAIN;
        let calling = self.may_be_calling(&pair.1);
        let addresses = self.peers.get(&pair.1).map(|peer| peer.addresses()).unwrap_or_default();
        let Some(mut next) = self.talks.get(pair).map(|talk| talk.next) else { return };
        let mut called = false;
        while let Some((network, address)) = addresses.get(next).copied().filter(|_| !called && !calling) {
            next += 1;
            called = self.call_to_talk(pair, network, address);
        }
        let over = !called && !calling;
        if let Some(talk) = self.talks.get_mut(pair) {
            talk.next = if over { 0 } else { next };
            talk.again_at = (!called).then_some(again_at);
        }
        if over {
            self.prompt(&pair.1);
        }
    }

    /// Somebody is gone, or does not answer: what waits for them comes back.
    pub(super) fn give_up(&mut self, instance: &str) {
        let waiting = self.talks.keys().filter(|(_, other)| other == instance);
        let pairs: Vec<_> = waiting.cloned().collect();
        for pair in pairs {
            self.fail(&pair);
        }
    }

    /// One of our people is not on the link any more.
    pub(super) fn forget_talks(&mut self, own: &Bare) {
        let pairs: Vec<_> = self.talks.keys().filter(|(who, _)| who == own).cloned().collect();
        for pair in pairs {
            self.fail(&pair);
            self.talks.remove(&pair);
        }
    }

    fn fail(&mut self, pair: &Pair) {
        let Some(talk) = self.talks.get_mut(pair) else { return };
        (talk.next, talk.again_at) = (0, None);
        let words = std::mem::take(&mut talk.words);
        for word in words {
            self.lose(word);
        }
    }

    fn lose(&mut self, word: Word) {
        self.waiting_bytes -= word.body.len();
        let text = "It was not delivered: they do not answer on the link.";
        self.give_back(word, "wait", "recipient-unavailable", text);
    }

    pub(super) fn tick_talks(&mut self) {
        let now = self.now;
        let due: Vec<_> = self.talks.iter().filter(|(_, t)| t.due().is_some_and(|at| at <= now)).collect();
        let due: Vec<_> = due.into_iter().map(|(pair, _)| pair.clone()).collect();
        for pair in due {
            let Some(talk) = self.talks.get_mut(&pair) else { continue };
            talk.again_at = talk.again_at.filter(|at| *at > now);
            while let Some(word) = self.late_word(&pair) {
                self.lose(word);
            }
            self.drive(&pair);
        }
        // Who is gone and has nothing waiting is forgotten with the talk, so that made-up names take no memory.
        self.talks.retain(|(_, other), talk| !talk.words.is_empty() || self.peers.contains_key(other));
    }

    fn late_word(&mut self, pair: &Pair) -> Option<Word> {
        let talk = self.talks.get_mut(pair)?;
        let is_late = talk.words.front().is_some_and(|word| word.until <= self.now);
        if is_late { talk.words.pop_front() } else { None }
    }
}
