//! What only a server may say, taken out of what clients say: XEP-0359 section 6, attack cases D01 to D04.
//!
//! A client that believes such an element must be able to: so it never passes from one person to another.

use base::Jid;
use wire::{Element, IqType, Kind, Stanza};

use crate::negotiation::Hosts;
use crate::ns;

const CARBONS: &str = "urn:xmpp:carbons:2";
const ARCHIVE: &str = "urn:xmpp:mam:2";

/// Cuts every instance out of a message.
pub(crate) fn cut(stanza: &mut Stanza<'_>, hosts: &Hosts) {
    if let Kind::Message(_) = stanza.head.kind {
        stanza.cut(|e| is_forged(e, hosts));
    }
}

/// Whether it is a roster push: only the server may make one, whoever it is for (RFC 6121 section 2.1.6).
pub(crate) fn is_roster_push(stanza: &Stanza<'_>) -> bool {
    stanza.head.kind == Kind::Iq(IqType::Set)
        && stanza.head.to.as_ref().is_some_and(|to| !to.is_bare())
        && stanza.payloads().any(|payload| payload.namespace() == ns::ROSTER)
}

fn is_forged(element: &Element<'_>, hosts: &Hosts) -> bool {
    match (element.name(), element.namespace()) {
        ("stanza-id", ns::STANZA_IDS) => element.attr("by").is_none_or(|by| match Jid::new(&by) {
            Ok(by) => hosts.served.iter().any(|d| d == by.domain()),
            Err(_) => true,
        }),
        ("received" | "sent", CARBONS) | ("result", ARCHIVE) => true,
        _ => false,
    }
}
