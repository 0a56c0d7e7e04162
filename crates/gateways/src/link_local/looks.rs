//! Attack cases E04, E06 and E08: looks whether somebody is there, by connections on which nothing is said. One look is for all
//! who are announced at that address and port. Who does not answer is not shown, and shown again when they do.

use std::net::SocketAddr;
use std::time::Duration;

use base::Time;
use base::limits::NEARBY_LOOKS_MAX;

use super::streams::Phase;
use super::{Gateway, Output};

/// How often it is looked whether somebody is still there with whom no stream is open. A stream looks after itself.
const LOOK_EVERY: Duration = Duration::from_secs(75);

/// When it is tried again where an address has been tried too often.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// So often at most a goodbye, another address or a call that failed has us look at somebody before it is time.
const PROMPT_EVERY: Duration = Duration::from_secs(10);

/// All networks are asked who is there so often at most: each time a responder says all again that it knows.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// The looks at one of them.
pub(super) struct Look {
    /// When the next one is due.
    pub(super) at: Option<Time>,
    /// Which of their addresses is looked at next.
    next: usize,
    /// Which is looked at now.
    pub(super) now_at: Option<SocketAddr>,
    prompted_at: Option<Time>,
}

impl Look {
    pub(super) fn at(time: Time) -> Look {
        Look { at: Some(time), next: 0, now_at: None, prompted_at: None }
    }

    /// All addresses were looked at, or none need be.
    fn done(&mut self, next: Time) {
        (self.at, self.next, self.now_at) = (Some(next), 0, None);
    }
}

/// When all networks are asked who is there.
#[derive(Default)]
pub(super) struct Asking {
    last: Option<Time>,
    pub(super) due: Option<Time>,
}

impl Gateway {
    /// Asks on all networks who is there, soon; gives when.
    pub(super) fn ask(&mut self) -> Time {
        let at = self.asking.last.map_or(self.now, |last| self.now.max(last + ASK_EVERY));
        self.asking.due = Some(at);
        self.tick_asking();
        at
    }

    pub(super) fn tick_asking(&mut self) {
        if self.asking.due.take_if(|due| *due <= self.now).is_some() {
            self.asking.last = Some(self.now);
            self.outputs.push_back(Output::Ask);
        }
    }

    /// Something says that somebody may be gone: looks soon.
    pub(super) fn prompt(&mut self, instance: &str) {
        let Some(look) = self.peers.get_mut(instance).map(|peer| &mut peer.look) else { return };
        let at = look.prompted_at.map_or(self.now, |last| self.now.max(last + PROMPT_EVERY));
        if look.at.is_none_or(|due| due > at) {
            (look.at, look.prompted_at) = (Some(at), Some(at));
        }
    }

    /// Whether no more looks may begin until one is over.
    pub(super) fn looks_enough(&self) -> bool {
        self.streams.values().filter(|stream| stream.phase == Phase::Looking).count() >= NEARBY_LOOKS_MAX
    }

    pub(super) fn tick_looks(&mut self) {
        let now = self.now;
        let due = self.peers.iter().filter(|(_, peer)| peer.look.at.is_some_and(|at| at <= now));
        // Whoever has answered before comes before those whom somebody may have made up.
        let mut due: Vec<_> = due.map(|(name, peer)| (!peer.heard, peer.look.at, name.clone())).collect();
        due.sort();
        for (_, _, instance) in due {
            if self.looks_enough() {
                return;
            }
            let talking = self.talks_with(&instance);
            let Some(peer) = self.peers.get_mut(&instance) else { continue };
            if peer.look.now_at.is_some() {
                // What comes of that look says when the next one is.
                peer.look.at = None;
            } else if talking && peer.gone_at.is_none() {
                peer.look.done(now + LOOK_EVERY);
            } else {
                if peer.silent > 0 && peer.gone_at.is_none() {
                    self.ask_for(&instance);
                }
                self.look(&instance);
            }
        }
    }

    /// Tries the next address of somebody; after the last one nobody is there.
    fn look(&mut self, instance: &str) {
        let Some(peer) = self.peers.get_mut(instance) else { return };
        peer.look.at = None;
        let (addresses, begin) = (peer.addresses(), peer.look.next);
        let mut held_back = false;
        for (at, (network, address)) in addresses.into_iter().enumerate().skip(begin) {
            let under_way = self.streams.values().any(|s| s.phase == Phase::Looking && s.remote == address);
            let wait = !under_way && self.looks_enough();
            let begun = under_way || (!wait && self.call_to_look(network, address));
            let Some(look) = self.peers.get_mut(instance).map(|peer| &mut peer.look) else { return };
            if wait {
                (look.at, look.next) = (Some(self.now), at);
                return;
            }
            if begun {
                (look.now_at, look.next) = (Some(address), at + 1);
                return;
            }
            held_back = true;
        }
        if !held_back {
            self.missing(instance);
        } else if let Some(peer) = self.peers.get_mut(instance) {
            peer.look.done(self.now + LOOK_AGAIN);
        }
    }

    /// A look is over.
    pub(super) fn looked(&mut self, address: SocketAddr, answered: bool) {
        let now = self.now;
        let mut lookers = Vec::new();
        for (instance, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.look.now_at == Some(address)) {
            peer.look.now_at = None;
            if !answered {
                lookers.push(instance.clone());
            } else if !peer.has(address) {
                peer.look.done(now);
            }
        }
        if answered {
            let there = self.peers.iter().filter(|(_, peer)| peer.has(address));
            let there: Vec<_> = there.map(|(instance, _)| instance.clone()).collect();
            there.iter().for_each(|instance| self.answers(instance));
        }
        lookers.iter().for_each(|instance| self.look(instance));
    }

    /// Nobody wants to know any more whether this one is there.
    pub(super) fn stop_looking(&mut self, instance: &str) {
        let Some(address) = self.peers.get_mut(instance).and_then(|peer| peer.look.now_at.take()) else { return };
        if self.peers.values().any(|peer| peer.look.now_at == Some(address)) {
            return;
        }
        let is_it = |stream: &super::Stream| stream.phase == Phase::Looking && stream.remote == address;
        if let Some(id) = self.streams.iter().find(|(_, stream)| is_it(stream)).map(|(id, _)| *id) {
            self.drop_stream(id);
        }
    }

    /// Something answers at an address of somebody.
    pub(super) fn answers(&mut self, instance: &str) {
        let Some(peer) = self.peers.get_mut(instance) else { return };
        peer.heard = true;
        peer.look.done(self.now + LOOK_EVERY);
        if !std::mem::replace(&mut peer.alive, true) {
            self.tell_all(instance);
        }
    }

    /// Nobody answers at any address of somebody.
    fn missing(&mut self, instance: &str) {
        let talking = self.talks_with(instance);
        if let Some(peer) = self.peers.get_mut(instance).filter(|peer| talking && peer.gone_at.is_none()) {
            // They have called while we looked.
            return peer.look.done(self.now + LOOK_EVERY);
        }
        if self.hand_over(instance) {
            return;
        }
        let Some(peer) = self.peers.get_mut(instance) else { return };
        if peer.gone_at.is_some() {
            return self.forget(instance);
        }
        peer.look.done(self.now + LOOK_EVERY);
        if std::mem::replace(&mut peer.alive, false) {
            self.tell_all_gone(instance);
        }
        self.give_up(instance);
    }
}
