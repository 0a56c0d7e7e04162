//! One network that we are attached to: whether its responder runs, and what we are called there.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Time;
use base::limits::NAME_CONFLICTS_MAX;

use super::Instance;

/// How long a responder that failed rests before it is started again; twice as long each time.
const REST_FIRST: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(60);
/// A responder that ran so long was a good one: the next failure is a first one.
const RAN_WELL: Duration = Duration::from_secs(300);

/// How long a network may be out of reach and still be the same visit: a cable that was pulled and put back.
pub(super) const ABSENCE_MAX: Duration = Duration::from_secs(60);

/// What we are called somewhere.
#[derive(Clone)]
pub(super) struct Name {
    pub(super) instance: Instance,
    /// The day it is for.
    pub(super) day: i64,
    /// When it was drawn.
    pub(super) since: Time,
    /// How many names were given up that day because somebody else claimed them.
    conflicts: u32,
}

impl Name {
    pub(super) fn new(instance: Instance, day: i64, since: Time) -> Name {
        Name { instance, day, since, conflicts: 0 }
    }

    /// Attack case E05: another name after a conflict.
    pub(super) fn contested(&mut self, instance: Instance, now: Time) {
        self.conflicts += 1;
        (self.instance, self.since) = (instance, now);
    }

    /// Whether there is still a point in being announced.
    pub(super) fn is_usable(&self) -> bool {
        self.conflicts <= NAME_CONFLICTS_MAX
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running { since: Time },
    Resting { until: Time },
}

/// A network while its interface is up.
pub(super) struct Network {
    /// The interface's name.
    pub(super) interface: String,
    /// What its addresses have in common, as last known: without it, this is still the same network.
    pub(super) prefixes: BTreeSet<(u128, u8)>,
    pub(super) name: Name,
    /// Whether we are announced.
    pub(super) announced: bool,
    /// Whether our own announcement came back: then announcing works, as far as this machine is concerned.
    pub(super) heard: bool,
    state: State,
    failures: u32,
}

impl Network {
    pub(super) fn new(interface: String, prefixes: BTreeSet<(u128, u8)>, name: Name, now: Time) -> Network {
        let state = State::Running { since: now };
        Network { interface, prefixes, name, announced: false, heard: false, state, failures: 0 }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Its responder has failed.
    pub(super) fn rest(&mut self, now: Time) {
        let State::Running { since } = self.state else { return };
        if now - since >= RAN_WELL {
            self.failures = 0;
        }
        let rest = REST_FIRST.saturating_mul(1 << self.failures.min(16)).min(REST_MAX);
        self.failures += 1;
        self.state = State::Resting { until: now + rest };
        self.announced = false;
    }

    /// When its responder is started again, if it rests.
    pub(super) fn rests_until(&self) -> Option<Time> {
        match self.state {
            State::Running { .. } => None,
            State::Resting { until } => Some(until),
        }
    }

    pub(super) fn run(&mut self, now: Time) {
        self.state = State::Running { since: now };
        self.heard = false;
    }

    /// The network behind the interface was another one: it has no prefix of the old.
    pub(super) fn is_other(&self, prefixes: &BTreeSet<(u128, u8)>) -> bool {
        is_other(&self.prefixes, prefixes)
    }
}

/// A network that was left a moment ago.
pub(super) struct Left {
    pub(super) at: Time,
    pub(super) prefixes: BTreeSet<(u128, u8)>,
    pub(super) name: Name,
}

impl Left {
    /// Whether coming back means the same visit.
    pub(super) fn is_same(&self, now: Time, prefixes: &BTreeSet<(u128, u8)>) -> bool {
        now - self.at <= ABSENCE_MAX && !is_other(&self.prefixes, prefixes)
    }
}

/// Addresses come one by one: while one side has none that tells, they are not known to differ.
fn is_other(old: &BTreeSet<(u128, u8)>, new: &BTreeSet<(u128, u8)>) -> bool {
    !old.is_empty() && !new.is_empty() && old.is_disjoint(new)
}
