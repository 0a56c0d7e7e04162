//! Design, sections 2 and 9: who is near because people whom we have met vouch for them. What others say of our own people is
//! kept to be shown; what is said of those at the other end of a link counts as long as the link lives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{Bare, Circle, DeviceId, LinkId};
use rand_chacha::rand_core::Rng as _;

use super::Node;
use crate::identity::introduction::{self, Own, Trust};
use crate::identity::{Chain, PersonId, Pin, household};

impl Node {
    /// The keys of those who are yellow to an account of ours, as far as they are in reach.
    pub fn vouched_people(&self, own: &Bare) -> BTreeSet<PersonId> {
        let is_yellow = |other: &Bare| self.near.get(&(own.clone(), other.clone())) == Some(&Circle::Yellow);
        let chains = self.links.values().flat_map(|at| at.introduction.present()).map(Chain::proven);
        chains.filter(|proven| is_yellow(&proven.address)).map(|proven| PersonId::of(&proven.person)).collect()
    }

    /// To whom an account of ours shows itself that shows itself to all whose key is known here, and to those for whom its
    /// people vouch.
    pub fn known_or_vouched(&self, own: &Own) -> BTreeSet<PersonId> {
        let vouched = self.vouched_people(&own.chain().proven().address);
        self.directory.known_people().into_iter().chain(vouched).collect()
    }

    /// Whose word counts for an account: whom it has met, and the people of its domain, by their keys.
    fn vouchers(&self, own: &Bare) -> BTreeMap<PersonId, Bare> {
        let met = self.met().filter(|(of, _)| of == own);
        let met = met.filter_map(|(_, other)| Some((self.directory.pinned(other)?.person, other.clone())));
        let household = self.directory.household(own).map(|(address, pin)| (pin.person, address.clone()));
        met.chain(household).collect()
    }

    /// How many of an account's people say who somebody is who is in reach. People of one domain need nobody.
    pub(super) fn vouchers_of(&self, own: &Bare, other: &Bare) -> usize {
        if own.jid().domain() == other.jid().domain() {
            return 0;
        }
        let on_links = self.reach.iter().flat_map(|(device, links)| links.iter().map(move |at| (device, at)));
        let said: Vec<_> = on_links
            .filter(|(_, (_, address))| address == other)
            .filter_map(|(device, (link, _))| Some((device, self.links.get(link)?)))
            .flat_map(|(device, at)| at.introduction.vouched(*device))
            .collect();
        if said.is_empty() {
            return 0;
        }
        let known = self.vouchers(own);
        let by = said.into_iter().filter_map(|vouch| {
            let by = PersonId::of(vouch.issuer());
            known.get(&by).filter(|address| self.directory.holds(self.now.wall, address, vouch)).map(|_| by)
        });
        by.collect::<BTreeSet<_>>().len()
    }

    /// Somebody at the end of a link has shown who vouches for them.
    pub(super) fn judge_on(&mut self, link: LinkId, device: DeviceId) {
        let Some(address) = self.links.get(&link).and_then(|at| at.proven(device)).map(address) else { return };
        self.judge_all(&address);
    }

    /// Says what has changed for somebody, to all of our accounts.
    pub(super) fn judge_all(&mut self, other: &Bare) {
        let own: Vec<Bare> = self.devices.iter().map(|(own, _)| address(own.chain())).collect();
        for own in own.iter().filter(|own| *own != other) {
            self.judge(own, other);
        }
    }

    /// Says what has changed for all whom somebody vouches for, or did.
    pub(super) fn judge_vouched(&mut self) {
        let yellow =
            self.near.iter().filter(|(_, circle)| **circle == Circle::Yellow).map(|((_, other), _)| other.clone());
        let is_vouched = |at: &super::Link, chain: &&Chain| !at.introduction.vouched(chain.proven().device).is_empty();
        let there =
            self.links.values().flat_map(|at| at.introduction.present().filter(move |chain| is_vouched(at, chain)));
        let others: BTreeSet<Bare> = yellow.chain(there.map(address)).collect();
        others.iter().for_each(|other| self.judge_all(other));
    }

    /// Who vouches for our people, and whose word counts here, is said to all links.
    pub(super) fn trust(&mut self) {
        let trust = self.trusted();
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.trust_on(link, &trust);
        }
    }

    /// The same, without what makes it new each time.
    pub(super) fn trusted(&self) -> Trust {
        let own = || self.devices.iter().map(|(own, _)| own.chain().proven());
        let vouches = own().map(|own| (own.device, self.directory.received(self.now.wall, &own.address))).collect();
        let known = own().flat_map(|own| self.vouchers(&own.address).into_keys()).collect();
        Trust { vouches: Arc::new(vouches), known: Arc::new(known), noise: [0; 32] }
    }

    pub(super) fn trust_on(&mut self, link: LinkId, trust: &Trust) {
        let mut noise = [0; 32];
        self.rng.fill_bytes(&mut noise);
        self.introduce(link, introduction::Input::Trust(Trust { noise, ..trust.clone() }));
    }

    /// Whoever has been met gets, at each meeting, what our people say of them.
    pub(super) fn give(&mut self, link: LinkId, to: &Chain) {
        let to = to.proven();
        let met = |own: &Bare| self.directory.vouches(self.now.wall, own, &to.address, &Pin::of(to));
        let ours = self.devices.iter().map(|(own, _)| own);
        let ours = ours.filter(|own| self.shows(link, own.chain().proven().device) && met(&address(own.chain())));
        let given: Vec<_> = ours.filter_map(|own| household::give(self.now.wall, own, to)).collect();
        for vouch in given {
            self.introduce(link, introduction::Input::Give(&vouch));
        }
    }

    /// Two have just met: each gets what the other one says; what came before this side was ready is taken now.
    pub(super) fn exchange(&mut self, other: &Bare) {
        let links = self.links.iter().flat_map(|(link, at)| at.introduction.present().map(|chain| (*link, chain)));
        let theirs = links.filter(|(_, chain)| chain.proven().address == *other);
        let theirs: Vec<(LinkId, Chain)> = theirs.map(|(link, chain)| (link, chain.clone())).collect();
        for (link, chain) in theirs {
            self.give(link, &chain);
            self.take_given(link, chain.proven().device);
        }
    }

    /// Keeps what somebody at the end of a link says of a person of ours, if these two have met.
    pub(super) fn take_given(&mut self, link: LinkId, device: DeviceId) {
        let Some(at) = self.links.get(&link) else { return };
        let (Some(by), Some(vouch)) = (at.proven(device), at.introduction.given(device).cloned()) else { return };
        let (by, pin) = (address(by), Pin::of(by.proven()));
        let own = self.devices.iter().map(|(own, _)| address(own.chain()));
        let met: Vec<Bare> = own.filter(|own| self.directory.vouches(self.now.wall, own, &by, &pin)).collect();
        if met.iter().filter(|own| self.directory.add_received(self.now.wall, own, &vouch)).count() > 0 {
            self.trust();
        }
    }
}

fn address(chain: &Chain) -> Bare {
    chain.proven().address.clone()
}
