//! docs/formats/verification.md: all attempts of a node's accounts. An account compares with one person at a time; some more
//! may have asked it. Bounded by people, not by links.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base::limits::{VERIFICATION_ASKED_MAX, VERIFICATION_DEVICES_MAX, VERIFICATION_GRACE, VERIFICATION_TIME_MAX};
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
    /// With whom.
    attempts: BTreeMap<Bare, Open>,
    tries: Tries,
}

/// An attempt that is not over.
#[derive(Debug)]
struct Open {
    attempt: Attempt,
    /// Until when somebody has to do something.
    until: Time,
    /// While nobody is there by any link: until when they may come back.
    back_until: Option<Time>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pages: BTreeMap<Bare, Page>,
    outputs: VecDeque<Output>,
}

impl Page {
    fn is_comparing(&self) -> bool {
        self.attempts.values().any(|open| open.attempt.is_active())
    }

    fn have_asked(&self) -> usize {
        self.attempts.values().filter(|open| !open.attempt.is_active()).count()
    }
}

impl Open {
    fn new(now: Time, attempt: Attempt) -> Open {
        Open { attempt, until: now + VERIFICATION_TIME_MAX, back_until: None }
    }

    /// They are there by these lines now.
    fn turn_to(&mut self, lines: Vec<Line>, number: Number, sent: &mut Sent) {
        self.back_until = None;
        if self.attempt.is_active() {
            self.attempt.ask_by(lines, number, sent);
        }
    }

    fn due(&self) -> Time {
        self.back_until.map_or(self.until, |back| back.min(self.until))
    }
}

/// As many as are asked, if they have these keys.
fn with(attempt: &Attempt, lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().filter(|line| attempt.is_with(&line.there)).take(VERIFICATION_DEVICES_MAX).collect()
}

impl Book {
    /// A person begins, or is willing. `lines` lead to the other one's devices in reach, the best first; `number` is random
    /// and drawn for this.
    pub(crate) fn begin(&mut self, now: Time, own: &Bare, other: &Bare, lines: Vec<Line>, number: Number) {
        let page = self.pages.entry(own.clone()).or_default();
        let mut sent = Sent::new();
        let is_comparing = page.is_comparing();
        let event = match page.attempts.get_mut(other) {
            Some(Open { attempt, until, .. }) => match attempt.state {
                State::Comparing { .. } if attempt.is_adrift() => Event::Waiting,
                State::Comparing { words, asked_here, .. } => Event::Compare { words, begun_here: asked_here },
                State::Asked { .. } if is_comparing => Event::Failed(Cause::Busy),
                State::Asked { .. } => {
                    // What was asked on a line that is gone cannot be answered: it is asked from here.
                    match attempt.is_adrift() {
                        true => attempt.ask_by(with(attempt, lines), number, &mut sent),
                        false => attempt.answer(number, &mut sent),
                    }
                    *until = now + VERIFICATION_TIME_MAX;
                    Event::Waiting
                }
                State::Asking { .. } | State::Answered { .. } => {
                    // The first question may have come before the proof of who says it, and been nothing.
                    attempt.repeat(&mut sent);
                    Event::Waiting
                }
            },
            None if is_comparing => Event::Failed(Cause::Busy),
            None => match lines.first().map(|line| line.there.pin) {
                None => Event::Failed(Cause::NotInReach),
                Some(pin) => match page.tries.count(now, pin.person, false) {
                    Err(again_in) => Event::Failed(Cause::TooOften { again_in }),
                    Ok(()) => {
                        let lines = lines.into_iter().take(VERIFICATION_DEVICES_MAX).collect();
                        let attempt = Attempt::ask(pin, lines, number, &mut sent);
                        page.attempts.insert(other.clone(), Open::new(now, attempt));
                        Event::Waiting
                    }
                },
            },
        };
        self.send(sent);
        self.tell(own, other, event);
    }

    /// A person says that the words are the same.
    pub(crate) fn agree(&mut self, own: &Bare, other: &Bare) {
        let mut sent = Sent::new();
        let step = match self.attempt(own, other) {
            // The words are over; it is told in a moment why.
            Some(Open { attempt, .. }) if attempt.is_adrift() => return,
            Some(Open { attempt, .. }) if attempt.is_comparing() => attempt.agree(&mut sent),
            _ => return self.tell(own, other, Event::Failed(Cause::NothingToSay)),
        };
        self.send(sent);
        if step == Step::Both {
            self.verified(own, other);
        }
    }

    /// A person says that they differ, or does not want to compare.
    pub(crate) fn refuse(&mut self, own: &Bare, other: &Bare) {
        let end = match self.attempt(own, other).map(|open| &open.attempt.state) {
            Some(State::Comparing { .. }) => End::Differed,
            Some(_) => End::Refused,
            None => return self.tell(own, other, Event::Failed(Cause::NothingToSay)),
        };
        self.end(own, other, Some(end), Cause::RefusedHere);
    }

    /// A device at the other end of this line, proved to be there, says something. `number` is random and drawn for this.
    pub(crate) fn hear(&mut self, now: Time, line: &Line, message: &Message, number: Number) {
        if message.said == Said::Ask {
            return self.hear_question(now, line, message, number);
        }
        let (own, other) = (&line.here.address, &line.there.address);
        let mut sent = Sent::new();
        let Some(Open { attempt, until, .. }) = self.attempt(own, other) else { return };
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

    fn hear_question(&mut self, now: Time, line: &Line, message: &Message, number: Number) {
        let (own, other) = (&line.here.address, &line.there.address);
        let has_turned = self.attempt(own, other).is_some_and(|open| open.attempt.has_turned_to(line));
        if has_turned
            && self.may_turn(now, own, other)
            && let Some(open) = self.attempt(own, other)
        {
            // What this side asks on that line is said below, or not needed.
            open.turn_to(vec![line.clone()], number, &mut Sent::new());
        }
        let page = self.pages.entry(own.clone()).or_default();
        let (mut sent, mut is_new) = (Sent::new(), false);
        let is_full = page.is_comparing() || page.have_asked() >= VERIFICATION_ASKED_MAX;
        let refused = match page.attempts.get_mut(other) {
            Some(Open { attempt, .. }) if attempt.is_named(line, &message.attempt) => None,
            Some(Open { attempt, .. }) if matches!(attempt.state, State::Asking { .. }) && attempt.is_on(line) => {
                attempt.cross(line, message.attempt, &mut sent);
                None
            }
            Some(Open { attempt, .. }) if has_turned => {
                *attempt = Attempt::asked(line.clone(), message.attempt);
                None
            }
            // They have asked anew, perhaps from another device.
            Some(Open { attempt, .. }) if attempt.is_active() => Some(End::Busy),
            None if is_full => Some(End::Busy),
            _ => match page.tries.count(now, line.there.pin.person, true) {
                Err(_) => Some(End::TooOften),
                Ok(()) => {
                    let attempt = Attempt::asked(line.clone(), message.attempt);
                    page.attempts.insert(other.clone(), Open::new(now, attempt));
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

    /// Somebody is at the end of a link no more; or nobody, if no device is named. Gives whose last line that was: it is
    /// said at once by which others they are there, see [`Book::come`].
    pub(crate) fn lost(&mut self, link: LinkId, device: Option<DeviceId>) -> Vec<(Bare, Bare)> {
        let is_lost =
            |line: &Line| line.link == link && device.is_none_or(|d| d == line.there.device || d == line.here.device);
        let mut left = Vec::new();
        for (own, page) in &mut self.pages {
            let lost = page.attempts.iter_mut().filter_map(|(other, open)| open.attempt.lose(is_lost).then_some(other));
            left.extend(lost.map(|other| (own.clone(), other.clone())));
        }
        left
    }

    /// Which of our accounts wait for somebody to be there again.
    pub(crate) fn waiting_for(&self, other: &Bare) -> Vec<Bare> {
        let waits = |page: &Page| page.attempts.get(other).is_some_and(|open| open.attempt.is_adrift());
        self.pages.iter().filter(|(_, page)| waits(page)).map(|(own, _)| own.clone()).collect()
    }

    /// By which lines somebody is in reach now whose last line is gone; none, if they are not. It is no other try, but words
    /// end with their line: nobody shall say yes to others than those that they have read. `number` is random and drawn for
    /// this.
    pub(crate) fn come(&mut self, now: Time, own: &Bare, other: &Bare, lines: Vec<Line>, number: Number) {
        let Some(open) = self.attempt(own, other).filter(|open| open.attempt.is_adrift()) else { return };
        let lines = with(&open.attempt, lines);
        match lines.first() {
            None => {
                open.back_until.get_or_insert(now + VERIFICATION_GRACE);
            }
            Some(_) if self.may_turn(now, own, other) => {
                let mut sent = Sent::new();
                if let Some(open) = self.attempt(own, other) {
                    open.turn_to(lines, number, &mut sent);
                }
                self.send(sent);
            }
            Some(_) => {}
        }
    }

    /// Whether an attempt goes on by another line. Words do not; nor do numbers, too often: whoever is between the two has
    /// seen both of them before the people did, and may end a line because they do not like the words.
    fn may_turn(&mut self, now: Time, own: &Bare, other: &Bare) -> bool {
        let Some(page) = self.pages.get_mut(own) else { return false };
        let Some(Open { attempt, .. }) = page.attempts.get(other) else { return false };
        let may = match attempt.state {
            State::Asking { .. } | State::Asked { .. } => true,
            State::Answered { .. } => page.tries.break_off(now, attempt.with.person),
            State::Comparing { .. } => false,
        };
        if !may {
            self.break_off(now, own, other, Cause::LinkChanged);
        }
        may
    }

    /// An account is here no more.
    pub(crate) fn forget(&mut self, own: &Bare) {
        self.pages.remove(own);
    }

    /// [`Book::wake_at`] may have come.
    pub(crate) fn handle_timer(&mut self, now: Time) {
        let attempts = self.pages.iter().flat_map(|(own, page)| page.attempts.iter().map(move |at| (own, at)));
        let late = attempts.filter(|(_, (_, open))| open.due() <= now);
        let late: Vec<_> =
            late.map(|(own, (other, open))| (own.clone(), other.clone(), open.back_until.is_some())).collect();
        for (own, other, is_gone) in late {
            match is_gone {
                true => self.break_off(now, &own, &other, Cause::LeftReach),
                false => self.end(&own, &other, Some(End::Late), Cause::NoAnswer),
            }
        }
    }

    /// When the next attempt has taken too long.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        self.pages.values().flat_map(|page| page.attempts.values().map(Open::due)).min()
    }

    /// What is to be done.
    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn attempt(&mut self, own: &Bare, other: &Bare) -> Option<&mut Open> {
        self.pages.get_mut(own)?.attempts.get_mut(other)
    }

    fn take(&mut self, own: &Bare, other: &Bare) -> Option<Attempt> {
        self.pages.get_mut(own)?.attempts.remove(other).map(|open| open.attempt)
    }

    fn verified(&mut self, own: &Bare, other: &Bare) {
        if let Some(line) = self.take(own, other).and_then(|attempt| attempt.lines.into_iter().next()) {
            self.outputs.push_back(Output::Verified { own: own.clone(), there: line.there });
        }
    }

    /// It is over for want of a line, and was no try, if that does not happen too often.
    fn break_off(&mut self, now: Time, own: &Bare, other: &Bare, cause: Cause) {
        if let Some(page) = self.pages.get_mut(own)
            && let Some(open) = page.attempts.get(other)
            && page.tries.break_off(now, open.attempt.with.person)
        {
            page.tries.give_back(open.attempt.with.person);
        }
        self.end(own, other, None, cause);
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
