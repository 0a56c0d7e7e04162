//! RFC 6762, RFC 6763, RFC 8882: how laptops on a link find each other. A pure value decides; sockets are elsewhere.
//!
//! The [`Finder`] is told what the kernel says of the interfaces, what an mDNS responder hears on each, and which links
//! live. It says on which networks a responder shall run and under which name this machine is announced there, whom it
//! may be worth to dial, and, when nobody is found, why ([`Reason`]).
//!
//! What an announcement says is a hint about addresses, never about a person: who answers proves that inside the link.
//!
//! | module | duty |
//! |---|---|
//! | `finder` | [`Finder`]: one input, then drain |
//! | `interface` | the kernel's interfaces: which can have neighbours, and which addresses are on the link |
//! | `names` | names that mean nothing, for one network and one day |
//! | `network` | one network: its responder and what we are called there |
//! | `neighbours` | who was announced, in bounded memory |
//! | `attempts` | how often announcements may make us dial |
//! | `reason` | why nobody is found |

mod attempts;
mod finder;
mod interface;
mod names;
mod neighbours;
mod network;
mod reason;

use std::net::{IpAddr, SocketAddr};

use base::LinkId;

pub use finder::Finder;
pub use interface::{Interface, Prefix};
pub use names::Instance;
pub use reason::Reason;

/// The format of our announcements: what TXT key `v` says.
pub const FORMAT: u16 = 1;

/// What a finder is made of.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The UDP port that links are accepted on.
    pub port: u16,
    /// Whether neighbours are looked for on this machine itself (for a demonstration).
    pub loopback: bool,
    /// Where names are drawn from: fresh bytes from the system's generator at every start, or names would repeat.
    pub seed: [u8; 32],
}

/// A network that this machine is attached to: the kernel's number of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(pub u32);

/// Somebody that may be dialled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Announced on a network under this name.
    Announced(Instance),
    /// Named by a person of this machine.
    Manual(SocketAddr),
}

/// What a responder heard of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where.
    pub network: NetworkId,
    /// The first label of the service's name.
    pub instance: Instance,
    /// All addresses it has on this network, each with its port, link-local ones with their scope.
    pub addresses: Vec<SocketAddr>,
    /// The format that its TXT record names.
    pub format: Option<u16>,
}

/// Everything that can happen to a finder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// All interfaces as the kernel has them now.
    Interfaces(Vec<Interface>),
    /// Ways to other networks have changed: what a person named may be reached now.
    Routes,
    /// An instance was announced, or has changed.
    Seen(Sighting),
    /// An instance said goodbye, ran out, or did not answer.
    Gone {
        /// Where.
        network: NetworkId,
        /// Which.
        instance: Instance,
    },
    /// A responder ended and was not asked to.
    Failed {
        /// Whose.
        network: NetworkId,
    },
    /// A person named an address.
    Manual(SocketAddr),
    /// A link is up.
    LinkUp {
        /// The link.
        link: LinkId,
        /// The candidate it came from, if this side dialled.
        key: Option<Key>,
        /// The other end.
        remote: SocketAddr,
    },
    /// A link has ended.
    LinkDown {
        /// The link.
        link: LinkId,
    },
    /// A link does not answer as it should; whether it is dead is not known.
    Suspect {
        /// The link.
        link: LinkId,
    },
    /// None of a candidate's addresses answered.
    Unreachable {
        /// The candidate.
        key: Key,
    },
    /// It is time ([`Finder::wake_at`]).
    Due,
}

/// What a responder shall do. There is one for each network, so that nothing that is said on one network is heard on
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start a responder on this network, and browse.
    Start {
        /// Where.
        network: NetworkId,
        /// Own addresses that can be reached from beyond the link: questions sent there are not answered (attack case E03).
        guard: Vec<IpAddr>,
    },
    /// Stop it, saying goodbye.
    Stop {
        /// Where.
        network: NetworkId,
    },
    /// The interface has got addresses: use them, and ask again.
    Look {
        /// Where.
        network: NetworkId,
        /// As in [`Order::Start`].
        guard: Vec<IpAddr>,
    },
    /// Announce this machine, with nothing in the TXT record but `v=` [`FORMAT`].
    Announce {
        /// Where.
        network: NetworkId,
        /// Under which name.
        instance: Instance,
        /// The UDP port of links.
        port: u16,
    },
    /// Say goodbye to this name.
    Withdraw {
        /// Where.
        network: NetworkId,
        /// Which.
        instance: Instance,
    },
    /// Ask whether this instance still is there: if not, it is to be [`Input::Gone`] within seconds.
    Verify {
        /// Where.
        network: NetworkId,
        /// Which.
        instance: Instance,
    },
}

/// Everything that a finder does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// For the responders.
    Order(Order),
    /// For who dials: this may be a neighbour. Said again when something is new: other addresses, or its link has ended.
    Candidate {
        /// Who.
        key: Key,
        /// Where to try.
        addresses: Vec<SocketAddr>,
    },
    /// For who dials: this one is not announced any more, and no link to it lives.
    CandidateGone {
        /// Who.
        key: Key,
    },
    /// For people: why nobody is found. `None` while somebody is, or it is too early to say.
    Reason(Option<Reason>),
}
