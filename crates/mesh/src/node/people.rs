//! Design, sections 2 and 9: whom our accounts have met: two people compare words, and what comes of it.

use std::collections::BTreeSet;

use base::{Bare, Circle, DeviceId, LinkId};
use rand_chacha::rand_core::Rng as _;

use super::{Link, Node, Output};
use crate::identity::circle::circle;
use crate::identity::household::{self, VouchError};
use crate::identity::{Chain, Pin, Proven};
use crate::link::{CloseCode, Command, ProtocolId};
use crate::verification::book;
use crate::verification::line::{Line, Party};
use crate::verification::message::{Message, NUMBER_BYTES, Number};
use crate::verification::{Act, Cause, Event};

fn party(chain: &Chain) -> Party {
    let Proven { address, device, .. } = chain.proven();
    Party { address: address.clone(), pin: Pin::of(chain.proven()), device: *device }
}

impl Link {
    /// Who is at the end of this link with this device, if it has proved to be.
    pub(super) fn proven(&self, device: DeviceId) -> Option<&Chain> {
        self.introduction.present().find(|chain| chain.proven().device == device)
    }
}

impl Node {
    /// Which of our accounts has met whom, as far as their keys are the same.
    pub fn met(&self) -> impl Iterator<Item = &(Bare, Bare)> {
        self.near.iter().filter(|(_, circle)| **circle == Circle::Green).map(|(pair, _)| pair)
    }

    /// Whether an account of ours has met somebody, as far as their key is the same.
    pub fn has_met(&self, own: &Bare, other: &Bare) -> bool {
        self.near.get(&(own.clone(), other.clone())) == Some(&Circle::Green)
    }

    pub(super) fn verify(&mut self, own: &Bare, other: &Bare, act: Act) {
        match act {
            Act::Begin => self.begin(own, other),
            Act::Agree => self.book.agree(own, other),
            Act::Refuse => self.book.refuse(own, other),
        }
    }

    fn begin(&mut self, own: &Bare, other: &Bare) {
        let Some((here, _)) = self.devices.iter().find(|(device, _)| device.chain().proven().address == *own) else {
            return self.tell(own, other, Event::Failed(Cause::CannotVouch));
        };
        if here.person().is_none() {
            return self.tell(own, other, Event::Failed(Cause::CannotVouch));
        }
        let there = self.lines(own, other);
        let is_there = !there.is_empty();
        // Who is not shown on a link cannot be known there.
        let there: Vec<Line> = there.into_iter().filter(|line| self.shows(line.link, line.here.device)).collect();
        if is_there && there.is_empty() {
            return self.tell(own, other, Event::Failed(Cause::Hidden));
        }
        let number = self.number();
        self.book.begin(self.now.mono, own, other, there, number);
    }

    fn number(&mut self) -> Number {
        let mut number = [0; NUMBER_BYTES];
        self.rng.fill_bytes(&mut number);
        number
    }

    /// The links that lead to somebody's devices in reach, as an account of ours sees them.
    fn lines(&self, own: &Bare, other: &Bare) -> Vec<Line> {
        let Some(here) = self.own_chain(own).map(party) else { return Vec::new() };
        let links = self.reach.iter().filter_map(|(device, links)| Some((*device, links.last()?)));
        let theirs = links.filter(|(_, (_, address))| address == other && address != own);
        theirs.filter_map(|(device, (link, _))| self.line(*link, &here, device)).collect()
    }

    /// Whoever was at the end of a link is there no more; perhaps by another one.
    pub(super) fn leave(&mut self, link: LinkId, device: Option<DeviceId>) {
        for (own, other) in self.book.lost(link, device) {
            self.turn(&own, &other);
        }
        // Who vouched for them was said on that link.
        self.judge_vouched();
    }

    /// Somebody is in reach: perhaps they were compared with, and their link has ended.
    pub(super) fn come(&mut self, other: &Bare) {
        for own in self.book.waiting_for(other) {
            self.turn(&own, other);
        }
    }

    fn turn(&mut self, own: &Bare, other: &Bare) {
        let mut lines = self.lines(own, other);
        lines.retain(|line| self.shows(line.link, line.here.device));
        let number = self.number();
        self.book.come(self.now.mono, own, other, lines, number);
    }

    fn line(&self, link: LinkId, here: &Party, device: DeviceId) -> Option<Line> {
        let at = self.links.get(&link)?;
        let there = party(at.proven(device)?);
        Some(Line { link, secret: at.secret, dialled: at.dialled, here: here.clone(), there })
    }

    pub(super) fn shows(&self, link: LinkId, own: DeviceId) -> bool {
        self.links.get(&link).is_some_and(|at| at.introduction.shows(own))
    }

    /// What came on a link in the protocol of verification. Only from who has proved to be there, to who is shown there.
    pub(super) fn compare(&mut self, link: LinkId, frame: &[u8]) {
        let message = match Message::read(frame) {
            Ok(Some(message)) => message,
            // Of a later version, and harmless.
            Ok(None) => return,
            Err(_) => return self.close(link, CloseCode::Malformed),
        };
        let own = self.devices.iter().map(|(own, _)| own);
        let Some(own) = own.into_iter().find(|own| own.chain().proven().device == message.to) else { return };
        let here = party(own.chain());
        let can_vouch = own.person().is_some();
        let is_in_reach = self.reach.get(&message.from).is_some_and(|links| links.iter().any(|(at, _)| *at == link));
        if !can_vouch || !is_in_reach || !self.shows(link, here.device) {
            return;
        }
        // Devices of one person have nothing to compare.
        if let Some(line) = self.line(link, &here, message.from).filter(|line| line.there.address != here.address) {
            let number = self.number();
            self.book.hear(self.now.mono, &line, &message, number);
        }
    }

    pub(super) fn drain_book(&mut self) {
        while let Some(output) = self.book.poll() {
            match output {
                book::Output::Send { link, frame } => {
                    let command = Command::Send { link, protocol: ProtocolId::VERIFICATION, frame };
                    self.outputs.push_back(Output::Link(command));
                }
                book::Output::Told { own, other, event } => self.tell(&own, &other, event),
                book::Output::Verified { own, there } => self.vouch(&own, &there),
            }
        }
    }

    /// Both have said yes: it is kept, then told.
    fn vouch(&mut self, own: &Bare, there: &Party) {
        let of = self.devices.iter().find(|(device, _)| device.chain().proven().address == *own);
        let links = self.links.values();
        let met = links.filter_map(|at| at.proven(there.device)).find(|chain| Pin::of(chain.proven()) == there.pin);
        let (Some((of, _)), Some(met)) = (of, met) else {
            return self.tell(own, &there.address, Event::Failed(Cause::LeftReach));
        };
        let done = household::vouch(&mut self.directory, self.now.wall, of, met.proven());
        let event = match done {
            Ok(()) => Event::Verified,
            Err(VouchError::Key) => Event::Failed(Cause::CannotVouch),
            Err(VouchError::Refused(_)) => Event::Failed(Cause::Full),
        };
        let writes = self.directory.take_writes();
        if !writes.is_empty() {
            self.outputs.push_back(Output::Store(writes));
        }
        self.judge_after(own, &there.address);
        self.tell(own, &there.address, event);
        if event == Event::Verified {
            self.exchange(&there.address);
        }
    }

    pub(super) fn unverify(&mut self, own: &Bare, other: &Bare) {
        self.directory.remove_vouch(own, other);
        self.judge_after(own, other);
    }

    /// Whom an account has met counts for others, too.
    fn judge_after(&mut self, own: &Bare, other: &Bare) {
        if self.judge(own, other) {
            self.trust();
            self.judge_vouched();
        }
    }

    /// Says what has changed for one pair. Whether anything has.
    pub(super) fn judge(&mut self, own: &Bare, other: &Bare) -> bool {
        let key = self.directory.pinned(other);
        let circle = circle(&self.directory, self.now.wall, own, other, key, || self.vouchers_of(own, other));
        let pair = (own.clone(), other.clone());
        let before = match circle {
            Circle::Red => self.near.remove(&pair),
            _ => self.near.insert(pair, circle),
        };
        let has_changed = before.unwrap_or(Circle::Red) != circle;
        if has_changed {
            self.outputs.push_back(Output::Circle { own: own.clone(), other: other.clone(), circle });
        }
        has_changed
    }

    /// Says what has changed for all whom our accounts have met, or had.
    pub(super) fn tell_circles(&mut self) {
        let met = self.directory.vouched(self.now.wall);
        let before: BTreeSet<(Bare, Bare)> = self.met().cloned().collect();
        for (own, other) in met.symmetric_difference(&before) {
            self.judge(own, other);
        }
        self.judge_vouched();
    }

    fn tell(&mut self, own: &Bare, other: &Bare, event: Event) {
        self.outputs.push_back(Output::Verification { own: own.clone(), other: other.clone(), event });
    }
}
