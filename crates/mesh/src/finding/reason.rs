//! Why nobody is found (attack case E12), in words that a person can act on.

use std::fmt;
use std::time::Duration;

use super::interface::Interface;

/// How long nobody must have been found before it is worth a word.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Why nobody is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Nothing is connected.
    NoInterface,
    /// What is connected cannot send to all: a tunnel.
    NoMulticast,
    /// What we say to all does not come back to ourselves.
    Unheard,
    /// Some are known to be there, and discovery and the network do not agree on it.
    Isolated,
    /// Nobody answers.
    Nobody {
        /// Over radio that may have a cause of its own.
        wireless: bool,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NoInterface => {
                "this computer is connected to no network: plug in a cable or join a wireless network"
            }
            Reason::NoMulticast => {
                "the network that this computer is connected to has no neighbours (a tunnel, as of a VPN): \
                 join a local network, or name an address"
            }
            Reason::Unheard => {
                "what this computer announces does not even come back to itself: a firewall on it, \
                 or another program, may keep UDP port 5353"
            }
            Reason::Isolated => {
                "other computers are there, but this network keeps them apart (isolation of clients, or no multicast): \
                 change that at the access point, use another network, or name an address"
            }
            Reason::Nobody { wireless: false } => "nobody else on this network answers",
            Reason::Nobody { wireless: true } => {
                "nobody else on this network answers; if others are there, the access point may keep clients apart"
            }
        })
    }
}

impl Reason {
    /// Why nobody can be found with these interfaces, whoever is there; `None` if somebody can. `loopback`: whether
    /// neighbours are looked for on this machine itself.
    pub fn at_once(interfaces: &[Interface], loopback: bool) -> Option<Reason> {
        let connected = || interfaces.iter().filter(|interface| interface.is_connected(loopback));
        let shared = connected().any(Interface::is_shared);
        Evidence { connected: connected().next().is_some(), shared, ..Evidence::default() }.at_once()
    }
}

/// What the reason is found from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// An interface is up and has an address.
    pub(super) connected: bool,
    /// On one of them there can be neighbours.
    pub(super) shared: bool,
    /// Our own announcement came back somewhere.
    pub(super) heard: bool,
    /// Somebody on a link of ours is known, though not from an announcement, or is announced and does not answer.
    pub(super) contradicted: bool,
    /// One of the networks is a radio's.
    pub(super) wireless: bool,
}

impl Evidence {
    /// What can be said at once, without waiting for anybody.
    pub(super) fn at_once(self) -> Option<Reason> {
        match self {
            Evidence { connected: false, .. } => Some(Reason::NoInterface),
            Evidence { shared: false, .. } => Some(Reason::NoMulticast),
            _ => None,
        }
    }

    /// What can be said when nobody was found for long.
    pub(super) fn after_patience(self) -> Reason {
        match self {
            Evidence { contradicted: true, .. } => Reason::Isolated,
            Evidence { heard: false, .. } => Reason::Unheard,
            Evidence { wireless, .. } => Reason::Nobody { wireless },
        }
    }
}
