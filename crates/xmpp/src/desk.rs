//! The desks: one feature, one file, named by its specification. This is the whole list of what the server answers, and
//! where; disco#info and the stream features are made from it.

pub(crate) mod archive;
pub(crate) mod carbons;
pub(crate) mod disco;
pub(crate) mod forgery;
pub(crate) mod history;
pub(crate) mod message;
pub(crate) mod offline;
pub(crate) mod ping;
pub(crate) mod preferences;
pub(crate) mod presence;
pub(crate) mod roster;
pub(crate) mod stanza_ids;
pub(crate) mod stream_management;
pub(crate) mod subscription;
pub(crate) mod subscription_states;
pub(crate) mod version;
pub(crate) mod worth;

use base::{Bare, Ticket};
use wire::{Element, Stanza};

use crate::error::StanzaError;
use crate::ns;
use crate::shard::{Origin, Shard};

/// An IQ request for the server.
pub(crate) struct Ask<'a> {
    pub(crate) place: Place,
    /// The account or the domain that is asked.
    pub(crate) address: &'a Bare,
    pub(crate) origin: Origin,
    /// Whether it is a set, not a get.
    pub(crate) set: bool,
    pub(crate) stanza: &'a Stanza<'a>,
    pub(crate) payload: Element<'a>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The server itself.
    Server,
    /// The asker's own account.
    Own,
    /// Another person's account.
    Person,
}

/// What a desk says to a request.
pub(crate) enum Verdict {
    /// This payload (which may be empty) is the result.
    Result(Vec<u8>),
    /// This is the result when that batch is durable.
    ResultAfter(Vec<u8>, Ticket),
    /// An error is.
    Error(StanzaError),
    /// Ask again when the account's contacts have been read.
    NeedsRoster,
    /// The desk answers by itself, in its own time. Nothing that must be durable depends on the request.
    Later,
}

/// A desk's sign: what it answers, where, and what it tells of itself.
pub(crate) struct Desk {
    pub(crate) name: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) places: &'static [Place],
    /// Whether disco#info names the namespace as a feature.
    pub(crate) feature: bool,
    pub(crate) handle: fn(&mut Shard, &Ask<'_>) -> Verdict,
}

/// Every desk that answers requests.
pub(crate) const DESKS: &[Desk] = &[
    Desk {
        name: "query",
        namespace: ns::DISCO_INFO,
        places: &[Place::Server, Place::Own, Place::Person],
        feature: true,
        handle: disco::info,
    },
    Desk {
        name: "query",
        namespace: ns::DISCO_ITEMS,
        places: &[Place::Server, Place::Own, Place::Person],
        feature: true,
        handle: disco::items,
    },
    Desk { name: "query", namespace: ns::ROSTER, places: &[Place::Own], feature: false, handle: roster::handle },
    Desk {
        name: "ping",
        namespace: ns::PING,
        places: &[Place::Server, Place::Own],
        feature: true,
        handle: ping::handle,
    },
    Desk {
        name: "session",
        namespace: ns::SESSION,
        places: &[Place::Own, Place::Server],
        feature: false,
        handle: ping::handle,
    },
    Desk {
        name: "query",
        namespace: ns::ARCHIVE,
        places: &[Place::Own, Place::Person],
        feature: true,
        handle: history::query,
    },
    Desk {
        name: "metadata",
        namespace: ns::ARCHIVE,
        places: &[Place::Own, Place::Person],
        feature: false,
        handle: history::metadata,
    },
    Desk {
        name: "prefs",
        namespace: ns::ARCHIVE,
        places: &[Place::Own, Place::Person],
        feature: false,
        handle: preferences::handle,
    },
    Desk { name: "enable", namespace: ns::CARBONS, places: &[Place::Own], feature: false, handle: carbons::enable },
    Desk { name: "disable", namespace: ns::CARBONS, places: &[Place::Own], feature: false, handle: carbons::disable },
    Desk { name: "query", namespace: ns::VERSION, places: &[Place::Server], feature: true, handle: version::handle },
];

/// What disco#info names beside the desks: what is done without being asked, or asked for at another place.
pub(crate) const FEATURES: &[(Place, &str)] = &[
    (Place::Server, ns::CARBONS),
    (Place::Server, ns::OFFLINE),
    (Place::Own, ns::ARCHIVE_EXTENDED),
    (Place::Own, ns::ARCHIVE_GROUPCHAT_FIELD),
    (Place::Own, ns::STANZA_IDS),
];

/// What the stream features of an authenticated client name beside bind.
pub(crate) const STREAM_FEATURES: &[(&str, &str)] =
    &[("sm", ns::SM), ("ver", ns::ROSTER_VERSIONS), ("sub", ns::PRE_APPROVAL)];
