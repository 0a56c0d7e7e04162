//! The desks: one feature, one file, named by its specification. This is the whole list of what the server answers, and
//! where; disco#info and the stream features are made from it.

pub(crate) mod archive;
pub(crate) mod audience;
pub(crate) mod blocking;
pub(crate) mod caps;
pub(crate) mod carbons;
pub(crate) mod client_state;
pub(crate) mod commands;
pub(crate) mod disco;
pub(crate) mod forgery;
pub(crate) mod history;
pub(crate) mod in_reach;
pub(crate) mod keepalive;
pub(crate) mod last_activity;
pub(crate) mod message;
pub(crate) mod near;
pub(crate) mod notices;
pub(crate) mod offline;
pub(crate) mod own_contact;
pub(crate) mod ping;
pub(crate) mod post;
pub(crate) mod preferences;
pub(crate) mod presence;
pub(crate) mod private;
pub(crate) mod registration;
pub(crate) mod roster;
pub(crate) mod stanza_ids;
pub(crate) mod stream_management;
pub(crate) mod subscription;
pub(crate) mod subscription_states;
pub(crate) mod time;
pub(crate) mod vcard;
pub(crate) mod version;
pub(crate) mod worth;

use base::ledger::{Query, Rows};
use base::{AccountId, Bare, Jid, Ticket};
use wire::{Element, IqType, Kind, Stanza};

use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::shard::{After, Origin, Shard};

/// An IQ request for the server.
pub(crate) struct Ask<'a> {
    pub(crate) place: Place,
    /// The account or the domain that is asked.
    pub(crate) address: &'a Bare,
    pub(crate) origin: Origin,
    /// Whether it is a set, not a get.
    pub(crate) set: bool,
    from: Option<&'a Jid<'a>>,
    pub(crate) payload: Element<'a>,
}

impl<'a> Ask<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// RFC 6120 section 8.2.3: a request has exactly one child.
    pub(crate) fn new(
        place: Place,
        address: &'a Bare,
        origin: Origin,
        stanza: &'a Stanza<'a>,
    ) -> Result<Ask<'a>, StanzaError> {
        let payload = sole_payload(stanza).ok_or_else(not_one_payload)?;
        let set = stanza.head.kind == Kind::Iq(IqType::Set);
        Ok(Ask { place, address, origin, set, from: stanza.head.from.as_ref(), payload })
    }

    /// The person or the server that asks.
    pub(crate) fn asker(&self) -> Option<Bare> {
        self.from.map(Bare::of)
    }
}

/// RFC 6120 section 8.2.3: the one child that a request has.
pub(crate) fn sole_payload<'a>(stanza: &'a Stanza<'_>) -> Option<Element<'a>> {
    let mut payloads = stanza.payloads();
    payloads.next().filter(|_| payloads.next().is_none())
}

/// What the author of a request with none or several hears.
pub(crate) fn not_one_payload() -> StanzaError {
    StanzaError::new(Condition::BadRequest, "A request has exactly one child element.")
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
    /// The same, and this follows it.
    ResultAfterThen(Vec<u8>, Ticket, After),
    /// An error is.
    Error(StanzaError),
    /// The store must be asked this; the rows are for that. Only for what changes nothing: it may be lost with its session.
    Read(Query, Reading),
    /// The account gets this password (XEP-0077): it must be hashed first.
    NewPassword(AccountId, String),
    /// Ask again when the account's contacts have been read.
    NeedsRoster,
    /// Ask again when it is known how much private XML the account keeps.
    NeedsPrivate,
}

/// Makes the verdict of what the store answered.
pub(crate) type Reading = Box<dyn FnOnce(&mut Shard, &Ask<'_>, Rows) -> Verdict>;

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
    Desk { name: "query", namespace: ns::ARCHIVE, places: &[Place::Own], feature: true, handle: history::query },
    Desk { name: "metadata", namespace: ns::ARCHIVE, places: &[Place::Own], feature: false, handle: history::metadata },
    Desk { name: "prefs", namespace: ns::ARCHIVE, places: &[Place::Own], feature: false, handle: preferences::handle },
    Desk { name: "enable", namespace: ns::CARBONS, places: &[Place::Own], feature: false, handle: carbons::enable },
    Desk { name: "disable", namespace: ns::CARBONS, places: &[Place::Own], feature: false, handle: carbons::disable },
    Desk {
        name: "command",
        namespace: ns::COMMANDS,
        places: &[Place::Server],
        feature: true,
        handle: commands::handle,
    },
    Desk { name: "query", namespace: ns::VERSION, places: &[Place::Server], feature: true, handle: version::handle },
    Desk { name: "time", namespace: ns::TIME, places: &[Place::Server], feature: true, handle: time::handle },
    Desk {
        name: "query",
        namespace: ns::LAST_ACTIVITY,
        places: &[Place::Server, Place::Own, Place::Person],
        feature: true,
        handle: last_activity::handle,
    },
    Desk {
        name: "vCard",
        namespace: ns::VCARD,
        places: &[Place::Own, Place::Person],
        feature: true,
        handle: vcard::handle,
    },
    Desk { name: "query", namespace: ns::PRIVATE, places: &[Place::Own], feature: false, handle: private::handle },
    Desk {
        name: "query",
        namespace: ns::REGISTER,
        places: &[Place::Server, Place::Own],
        feature: false,
        handle: registration::handle,
    },
    Desk { name: "blocklist", namespace: ns::BLOCKING, places: &[Place::Own], feature: false, handle: blocking::list },
    Desk { name: "block", namespace: ns::BLOCKING, places: &[Place::Own], feature: false, handle: blocking::block },
    Desk { name: "unblock", namespace: ns::BLOCKING, places: &[Place::Own], feature: false, handle: blocking::unblock },
];

/// What disco#info names beside the desks, and where: things of an account that clients look for at the server.
pub(crate) const FEATURES: &[(&str, &[Place])] = &[
    (ns::ARCHIVE_EXTENDED, &[Place::Own]),
    (ns::ARCHIVE_GROUPCHAT_FIELD, &[Place::Own]),
    (ns::BLOCKING, &[Place::Server]),
    (ns::CAPS, &[Place::Server]),
    (ns::CARBONS, &[Place::Server]),
    (ns::FORMS, &[Place::Server]),
    (ns::OFFLINE, &[Place::Server]),
    (ns::PRIVATE, &[Place::Server]),
    (ns::REGISTER, &[Place::Server]),
    (ns::STANZA_IDS, &[Place::Own]),
    (ns::VCARD, &[Place::Server]),
];

/// Whether a client asks for what nobody may have or change but its own person. It is refused before anybody looks whether
/// there is such a person (attack case D14).
pub(crate) fn is_foreign(stanza: &Stanza<'_>, own: &Bare) -> bool {
    let to_another =
        stanza.head.to.as_ref().is_some_and(|to| to.is_bare() && !to.is_domain() && to.as_str() != own.as_str());
    let set = match stanza.head.kind {
        Kind::Iq(IqType::Get) => false,
        Kind::Iq(IqType::Set) => true,
        _ => return false,
    };
    to_another
        && stanza.payloads().any(|payload| match (payload.name(), payload.namespace()) {
            ("query", ns::ROSTER | ns::PRIVATE) | (_, ns::BLOCKING | ns::ARCHIVE) => true,
            ("vCard", ns::VCARD) => set,
            _ => false,
        })
}

/// What the stream features of an authenticated client name beside bind.
pub(crate) const STREAM_FEATURES: &[(&str, &str)] =
    &[("csi", ns::CLIENT_STATE), ("sm", ns::SM), ("ver", ns::ROSTER_VERSIONS), ("sub", ns::PRE_APPROVAL)];
