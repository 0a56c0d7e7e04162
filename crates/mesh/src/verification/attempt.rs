//! docs/formats/verification.md: one attempt of two people, as one side of it sees it. It knows no other attempt, no clock
//! and no count: see [`Book`](super::book::Book).

use base::DeviceId;

use super::WORDS;
use super::line::{Line, Party};
use super::message::{Check, End, Message, Number, Promise, Said};
use crate::identity::Pin;

/// One side of an attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    /// With whose keys.
    pub(super) with: Pin,
    /// Where they are: one link to one device, but while several devices are asked. None while the last one is gone and
    /// another one may come.
    pub(super) lines: Vec<Line>,
    pub(super) state: State,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum State {
    /// This person has asked: the number is promised.
    Asking { number: Number },
    /// The other one has asked, and promised a number.
    Asked { promise: Promise },
    /// This person was willing; ours is said, theirs is to be opened.
    Answered { promise: Promise, number: Number },
    /// The words are known.
    Comparing { promise: Promise, asked_here: bool, words: [&'static str; WORDS], check: Check, yes: Yes },
}

/// Who has said that the words are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Yes {
    here: bool,
    there: bool,
}

/// What comes of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Nothing,
    /// The words are known now.
    Compare,
    /// Both have said yes.
    Both,
    /// It is over, for the other side has ended it.
    Ended(End),
    /// It is over, for the other side has broken the rules.
    Cheated,
}

/// What is to be sent, and on which line.
pub(super) type Sent = Vec<(Line, Message)>;

fn message(line: &Line, attempt: Promise, said: Said) -> (Line, Message) {
    (line.clone(), Message { from: line.here.device, to: line.there.device, attempt, said })
}

impl Attempt {
    /// This person asks, at all of these devices.
    pub(super) fn ask(with: Pin, lines: Vec<Line>, number: Number, sent: &mut Sent) -> Attempt {
        let attempt = Attempt { with, lines, state: State::Asking { number } };
        attempt.repeat(sent);
        attempt
    }

    /// What is asked is said to all of them once more.
    pub(super) fn repeat(&self, sent: &mut Sent) {
        if let State::Asking { number } = &self.state {
            sent.extend(self.lines.iter().map(|line| message(line, line.promise(true, number), Said::Ask)));
        }
    }

    /// The other one has asked.
    pub(super) fn asked(line: Line, promise: Promise) -> Attempt {
        Attempt { with: line.there.pin, lines: vec![line], state: State::Asked { promise } }
    }

    /// Whether this person has done something for it.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self.state, State::Asked { .. })
    }

    /// Whether it is on this line.
    pub(super) fn is_on(&self, line: &Line) -> bool {
        self.lines.iter().any(|on| is_same(on, line))
    }

    /// Which attempt it is on a line, as the two sides name it.
    fn name(&self, line: &Line) -> Promise {
        match &self.state {
            State::Asking { number } => line.promise(true, number),
            State::Asked { promise } | State::Answered { promise, .. } | State::Comparing { promise, .. } => *promise,
        }
    }

    /// Whether this promise is what began it: said twice, it is nothing new.
    pub(super) fn is_named(&self, line: &Line, promise: &Promise) -> bool {
        self.is_on(line) && self.name(line) == *promise
    }

    /// What was asked for is answered, with a number that nobody could guess.
    pub(super) fn answer(&mut self, number: Number, sent: &mut Sent) {
        if let State::Asked { promise } = self.state
            && let Some(line) = self.lines.first()
        {
            sent.push(message(line, promise, Said::Answer(number)));
            self.state = State::Answered { promise, number };
        }
    }

    /// Both have asked at once: the side that dialled counts as the one that did. The other one's number was promised to
    /// nobody else, so it is the answer.
    pub(super) fn cross(&mut self, line: &Line, promise: Promise, sent: &mut Sent) {
        let State::Asking { number } = self.state else { return };
        if line.dialled {
            // Ours may have come before the proof of who says it, and been nothing.
            return sent.push(message(line, line.promise(true, &number), Said::Ask));
        }
        self.settle_on(line, End::Busy, sent);
        self.state = State::Asked { promise };
        self.answer(number, sent);
    }

    /// Whatever the other side says of it but a question.
    pub(super) fn hear(&mut self, line: &Line, said: &Message, sent: &mut Sent) -> Step {
        if !self.is_named(line, &said.attempt) {
            return Step::Nothing;
        }
        match (&mut self.state, said.said) {
            (State::Asking { number }, Said::Answer(theirs)) => {
                let (promise, number) = (said.attempt, *number);
                self.settle_on(line, End::Busy, sent);
                sent.push(message(line, promise, Said::Open(number)));
                self.compare(promise, true, &number, &theirs);
                Step::Compare
            }
            (State::Answered { promise, number }, Said::Open(theirs)) => {
                if line.promise(false, &theirs) != *promise {
                    return Step::Cheated;
                }
                let (promise, number) = (*promise, *number);
                self.compare(promise, false, &theirs, &number);
                Step::Compare
            }
            (State::Comparing { check, yes, .. }, Said::Agree(theirs)) => {
                if theirs != *check {
                    return Step::Cheated;
                }
                yes.there = true;
                if yes.here { Step::Both } else { Step::Nothing }
            }
            // Of several devices one may say no; the person may sit at another.
            (State::Asking { .. }, Said::End(_)) if self.lines.len() > 1 => {
                self.lines.retain(|on| !is_same(on, line));
                Step::Nothing
            }
            (_, Said::End(end)) => Step::Ended(end),
            // Said before, or too early to mean anything.
            _ => Step::Nothing,
        }
    }

    fn compare(&mut self, promise: Promise, asked_here: bool, asked: &Number, answered: &Number) {
        if let Some(line) = self.lines.first() {
            let (words, check) = line.words(asked_here, asked, answered);
            self.state = State::Comparing { promise, asked_here, words, check, yes: Yes::default() };
        }
    }

    /// The person says that the words are the same.
    pub(super) fn agree(&mut self, sent: &mut Sent) -> Step {
        let State::Comparing { promise, check, yes, .. } = &mut self.state else { return Step::Nothing };
        if !std::mem::replace(&mut yes.here, true)
            && let Some(line) = self.lines.first()
        {
            sent.push(message(line, *promise, Said::Agree(*check)));
        }
        if yes.there { Step::Both } else { Step::Nothing }
    }

    /// The other side is told that it is over.
    pub(super) fn end(&self, end: End, sent: &mut Sent) {
        sent.extend(self.lines.iter().map(|line| message(line, self.name(line), Said::End(end))));
    }

    /// Somebody is at the end of a line no more. Whether that was the last one.
    pub(super) fn lose(&mut self, is_lost: impl Fn(&Line) -> bool) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !is_lost(line));
        before > 0 && self.lines.is_empty()
    }

    /// This person is willing, and asks by these lines, whoever asked by those that are gone. A promised number stays, for
    /// nobody has seen it; one that was said is not said again.
    pub(super) fn ask_by(&mut self, lines: Vec<Line>, fresh: Number, sent: &mut Sent) {
        let number = if let State::Asking { number } = self.state { number } else { fresh };
        *self = Attempt::ask(self.with, lines, number, sent);
    }

    /// Whether there are words on this screen.
    pub(super) fn is_comparing(&self) -> bool {
        matches!(self.state, State::Comparing { .. })
    }

    /// Whether its last line is gone.
    pub(super) fn is_adrift(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether it is with whoever has these keys.
    pub(super) fn is_with(&self, party: &Party) -> bool {
        self.with == party.pin
    }

    /// Whether they have turned to this line: ours is gone, or will be.
    pub(super) fn has_turned_to(&self, line: &Line) -> bool {
        let is_older = |on: &Line| on.there.device == line.there.device && on.link != line.link;
        self.is_with(&line.there) && (self.is_adrift() || self.lines.iter().any(is_older))
    }

    /// From now on it is with one device; the others that were asked are told so.
    fn settle_on(&mut self, line: &Line, end: End, sent: &mut Sent) {
        let others = self.lines.iter().filter(|on| !is_same(on, line));
        sent.extend(others.map(|on| message(on, self.name(on), Said::End(end))));
        self.lines.retain(|on| is_same(on, line));
    }
}

/// A refusal of what somebody has asked, where no attempt came of it.
pub(super) fn refuse(line: &Line, attempt: Promise, end: End) -> (Line, Message) {
    message(line, attempt, Said::End(end))
}

fn is_same(one: &Line, other: &Line) -> bool {
    let ends = |line: &Line| -> (_, DeviceId, DeviceId) { (line.link, line.here.device, line.there.device) };
    ends(one) == ends(other)
}
