//! docs/formats/verification.md: all attempts of a node's accounts. An account compares with one person at a time; some more
//! may have asked it. Bounded by people, not by links.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base::limits::{VERIFICATION_ASKED_MAX, VERIFICATION_DEVICES_MAX, VERIFICATION_TIME_MAX};
use base::{Bare, DeviceId, LinkId, Time};

use super::attempt::{self, Attempt, Sent, State, Step};
use super::line::{Line, Party};
use super::message::{End, Message, Number, Said};
use super::tries::Tries;
use super::{Cause, Event};

/// What the other side cannot tell more exactly.
const UP_TO: Duration = Duration::from_secs(3600);

/// What the node has to do.
#[derive(Debug)]
pub(crate) enum Output {
    /// A frame for a link.
    Send { link: LinkId, frame: Vec<u8> },
    /// Something for a person.
    Told { own: Bare, other: Bare, event: Event },
    /// Both have said yes; the person is told when it is kept.
    Verified { own: Bare, there: Party },
}

/// The attempts of one account.
#[derive(Debug, Default)]
struct Page {
    /// With whom, and until when.
    attempts: BTreeMap<Bare, (Attempt, Time)>,
    tries: Tries,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pages: BTreeMap<Bare, Page>,
    outputs: VecDeque<Output>,
}

impl Page {
    fn is_comparing(&self) -> bool {
        self.attempts.values().any(|(attempt, _)| attempt.is_active())
    }

    fn have_asked(&self) -> usize {
        self.attempts.values().filter(|(attempt, _)| !attempt.is_active()).count()
    }
}

impl Book {
    /// A person begins, or is willing. `lines` lead to the other one's devices in reach, the best first; `number` is random
    /// and drawn for this.
    pub(crate) fn begin(&mut self, now: Time, own: &Bare, other: &Bare, lines: Vec<Line>, number: Number) {
        let page = self.pages.entry(own.clone()).or_default();
        let mut sent = Sent::new();
        let is_comparing = page.is_comparing();
        // What was asked on a line that is gone counts as a try already.
        let is_counted = page.attempts.get(other).is_some_and(|(attempt, _)| attempt.is_adrift());
        if is_counted && !is_comparing {
            page.attempts.remove(other);
        }
        let event = match page.attempts.get_mut(other) {
            Some((attempt, until)) => match attempt.state {
                State::Comparing { words, asked_here, .. } => Event::Compare { words, begun_here: asked_here },
                State::Asked { .. } if is_comparing => Event::Failed(Cause::Busy),
                State::Asked { .. } => {
                    attempt.answer(number, &mut sent);
                    *until = now + VERIFICATION_TIME_MAX;
                    Event::Waiting
                }
                State::Asking { .. } | State::Answered { .. } => Event::Waiting,
            },
            None if is_comparing => Event::Failed(Cause::Busy),
            None => match lines.first().map(|line| match is_counted {
                true => Ok(()),
                false => page.tries.count(now, line.there.pin.person, false),
            }) {
                None => Event::Failed(Cause::NotInReach),
                Some(Err(again_in)) => Event::Failed(Cause::TooOften { again_in }),
                Some(Ok(())) => {
                    let lines = lines.into_iter().take(VERIFICATION_DEVICES_MAX).collect();
                    let attempt = Attempt::ask(lines, number, &mut sent);
                    page.attempts.insert(other.clone(), (attempt, now + VERIFICATION_TIME_MAX));
                    Event::Waiting
                }
            },
        };
        self.send(sent);
        self.tell(own, other, event);
    }

    /// A person says that the words are the same.
    pub(crate) fn agree(&mut self, own: &Bare, other: &Bare) {
        let mut sent = Sent::new();
        let step = match self.attempt(own, other) {
            Some((attempt, _)) if matches!(attempt.state, State::Comparing { .. }) => attempt.agree(&mut sent),
            _ => return self.tell(own, other, Event::Failed(Cause::NothingToSay)),
        };
        self.send(sent);
        if step == Step::Both {
            self.verified(own, other);
        }
    }

    /// A person says that they differ, or does not want to compare.
    pub(crate) fn refuse(&mut self, own: &Bare, other: &Bare) {
        let end = match self.attempt(own, other).map(|(attempt, _)| &attempt.state) {
            Some(State::Comparing { .. }) => End::Differed,
            Some(_) => End::Refused,
            None => return self.tell(own, other, Event::Failed(Cause::NothingToSay)),
        };
        self.end(own, other, Some(end), Cause::RefusedHere);
    }

    /// A device at the other end of this line, proved to be there, says something.
    pub(crate) fn hear(&mut self, now: Time, line: &Line, message: &Message) {
        if message.said == Said::Ask {
            return self.hear_question(now, line, message);
        }
        let (own, other) = (&line.here.address, &line.there.address);
        let mut sent = Sent::new();
        let Some((attempt, until)) = self.attempt(own, other) else { return };
        let step = attempt.hear(line, message, &mut sent);
        let event = match &attempt.state {
            State::Comparing { words, asked_here, .. } if step == Step::Compare => {
                *until = now + VERIFICATION_TIME_MAX;
                Some(Event::Compare { words: *words, begun_here: *asked_here })
            }
            _ => None,
        };
        self.send(sent);
        match step {
            Step::Nothing | Step::Compare => {}
            Step::Both => self.verified(own, other),
            Step::Ended(end) => self.end(own, other, None, cause(end)),
            Step::Cheated => self.end(own, other, Some(End::Cheated), Cause::Cheated),
        }
        if let Some(event) = event {
            self.tell(own, other, event);
        }
    }

    fn hear_question(&mut self, now: Time, line: &Line, message: &Message) {
        let (own, other) = (&line.here.address, &line.there.address);
        let page = self.pages.entry(own.clone()).or_default();
        let (mut sent, mut is_new) = (Sent::new(), false);
        let is_full = page.is_comparing() || page.have_asked() >= VERIFICATION_ASKED_MAX;
        let refused = match page.attempts.get_mut(other) {
            Some((attempt, _)) if attempt.is_named(line, &message.attempt) => None,
            Some((attempt, _)) if matches!(attempt.state, State::Asking { .. }) && attempt.is_on(line) => {
                attempt.cross(line, message.attempt, &mut sent);
                None
            }
            Some((attempt, _)) if attempt.is_adrift() => {
                *attempt = Attempt::asked(line.clone(), message.attempt);
                None
            }
            // They have asked anew, perhaps from another device.
            Some((attempt, _)) if attempt.is_active() => Some(End::Busy),
            None if is_full => Some(End::Busy),
            _ => match page.tries.count(now, line.there.pin.person, true) {
                Err(_) => Some(End::TooOften),
                Ok(()) => {
                    let attempt = Attempt::asked(line.clone(), message.attempt);
                    page.attempts.insert(other.clone(), (attempt, now + VERIFICATION_TIME_MAX));
                    is_new = true;
                    None
                }
            },
        };
        sent.extend(refused.map(|end| attempt::refuse(line, message.attempt, end)));
        self.send(sent);
        if is_new {
            self.tell(own, other, Event::Asked);
        }
    }

    /// Somebody is at the end of a link no more; or nobody, if no device is named. Gives what may go on by another link, if
    /// there is one: see [`Book::go_on`]. Words of a link end with it.
    pub(crate) fn lost(&mut self, link: LinkId, device: Option<DeviceId>) -> Vec<(Bare, Bare)> {
        let is_lost =
            |line: &Line| line.link == link && device.is_none_or(|d| d == line.there.device || d == line.here.device);
        let mut left = Vec::new();
        for (own, page) in &mut self.pages {
            let lost = page.attempts.iter_mut().filter_map(|(other, (attempt, _))| {
                let may_go_on = matches!(attempt.state, State::Asking { .. } | State::Asked { .. });
                attempt.lose(is_lost).then(|| (may_go_on, own.clone(), other.clone()))
            });
            left.extend(lost);
        }
        let (may_go_on, over): (Vec<_>, Vec<_>) = left.into_iter().partition(|(may_go_on, ..)| *may_go_on);
        for (_, own, other) in over {
            self.end(&own, &other, None, Cause::LeftReach);
        }
        may_go_on.into_iter().map(|(_, own, other)| (own, other)).collect()
    }

    /// By which lines somebody is in reach now whose last line is gone. It is no other try.
    pub(crate) fn go_on(&mut self, own: &Bare, other: &Bare, lines: Vec<Line>) {
        if lines.is_empty() {
            return self.end(own, other, None, Cause::LeftReach);
        }
        let mut sent = Sent::new();
        if let Some((attempt, _)) = self.attempt(own, other) {
            attempt.move_to(lines.into_iter().take(VERIFICATION_DEVICES_MAX).collect(), &mut sent);
        }
        self.send(sent);
    }

    /// An account is here no more.
    pub(crate) fn forget(&mut self, own: &Bare) {
        self.pages.remove(own);
    }

    /// [`Book::wake_at`] may have come.
    pub(crate) fn handle_timer(&mut self, now: Time) {
        let attempts = self.pages.iter().flat_map(|(own, page)| page.attempts.iter().map(move |at| (own, at)));
        let late = attempts.filter(|(_, (_, (_, until)))| *until <= now);
        let late: Vec<_> = late.map(|(own, (other, _))| (own.clone(), other.clone())).collect();
        for (own, other) in late {
            self.end(&own, &other, Some(End::Late), Cause::NoAnswer);
        }
    }

    /// When the next attempt has taken too long.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        self.pages.values().flat_map(|page| page.attempts.values().map(|(_, until)| *until)).min()
    }

    /// What is to be done.
    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn attempt(&mut self, own: &Bare, other: &Bare) -> Option<&mut (Attempt, Time)> {
        self.pages.get_mut(own)?.attempts.get_mut(other)
    }

    fn take(&mut self, own: &Bare, other: &Bare) -> Option<Attempt> {
        self.pages.get_mut(own)?.attempts.remove(other).map(|(attempt, _)| attempt)
    }

    fn verified(&mut self, own: &Bare, other: &Bare) {
        if let Some(line) = self.take(own, other).and_then(|attempt| attempt.lines.into_iter().next()) {
            self.outputs.push_back(Output::Verified { own: own.clone(), there: line.there });
        }
    }

    /// It is over; the other side is told why, if it does not know.
    fn end(&mut self, own: &Bare, other: &Bare, told: Option<End>, cause: Cause) {
        let Some(attempt) = self.take(own, other) else { return };
        let mut sent = Sent::new();
        if let Some(end) = told {
            attempt.end(end, &mut sent);
        }
        self.send(sent);
        self.tell(own, other, Event::Failed(cause));
    }

    fn send(&mut self, sent: Sent) {
        let frames = sent.into_iter().map(|(line, said)| Output::Send { link: line.link, frame: said.write() });
        self.outputs.extend(frames);
    }

    fn tell(&mut self, own: &Bare, other: &Bare, event: Event) {
        self.outputs.push_back(Output::Told { own: own.clone(), other: other.clone(), event });
    }
}

/// What the other side's reason is to a person here.
fn cause(end: End) -> Cause {
    match end {
        End::Refused => Cause::Refused,
        End::Differed => Cause::Differed,
        End::TooOften => Cause::TooOften { again_in: UP_TO },
        End::Busy => Cause::Busy,
        End::Late => Cause::NoAnswer,
        End::Cheated => Cause::Cheated,
    }
}
