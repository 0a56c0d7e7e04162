//! What only a server may say, taken out of what clients say: XEP-0359 section 6, attack cases D01 to D04
//! and D07.
//!
//! A client that believes such an element must be able to: so it never passes from one person to another.

use base::Jid;
use wire::{Element, IqType, Kind, Stanza};

use crate::hosts::Hosts;
use crate::ns;

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
    let served = |jid: &Jid<'_>| hosts.has_domain(jid.domain());
    match (element.name(), element.namespace()) {
        ("stanza-id", ns::STANZA_IDS) => {
            element.attr("by").is_none_or(|by| Jid::new(&by).map_or(true, |by| served(&by)))
        }
        // A stamp of the server or of an account; a client that was delayed itself says so in its own full name.
        ("delay", ns::DELAY) => element
            .attr("from")
            .is_some_and(|from| Jid::new(&from).is_ok_and(|from| from.resource().is_none() && served(&from))),
        // Of any version: old clients believe old ones.
        ("received" | "sent", namespace) => namespace.starts_with("urn:xmpp:carbons:"),
        ("result" | "archived", namespace) => namespace.starts_with("urn:xmpp:mam:"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use wire::Form;

    use super::*;

    #[track_caller]
    fn check(inner: &str, expect: &str) {
        let hosts = Hosts { primary: "here".into(), served: vec!["here".into()], ..Hosts::default() };
        let xml = format!("<message xmlns='jabber:client'>{inner}</message>");
        let mut stanza = Stanza::parse(xml.as_bytes()).unwrap();
        cut(&mut stanza, &hosts);
        let mut out = Vec::new();
        stanza.emit(Form::Tcp, &mut out);
        let expect = format!("<message>{expect}</message>").replace("<message></message>", "<message/>");
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn what_only_a_server_may_say() {
        let id = |by: &str| format!("<stanza-id xmlns='urn:xmpp:sid:0' id='1'{by}/>");
        let delay = |from: &str| format!("<delay xmlns='urn:xmpp:delay' stamp='2026-11-20T09:53:00Z'{from}/>");
        let carbon =
            |name: &str| format!("<{name} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></{name}>");
        for forged in [
            &id(" by='a@here'"),
            &id(" by='here'"),
            &id(" by='A@HERE'"),
            &id(" by='a@here/r'"),
            &id(" by='@'"),
            &id(""),
            &delay(" from='here'"),
            &delay(" from='a@here'"),
            &carbon("sent"),
            &carbon("received"),
            "<received xmlns='urn:xmpp:carbons:1'/>",
            "<result xmlns='urn:xmpp:mam:2' id='1'/>",
            "<result xmlns='urn:xmpp:mam:0' id='1'/>",
            "<archived xmlns='urn:xmpp:mam:tmp' by='a@here' id='1'/>",
        ] {
            check(forged, "");
            check(&format!("{forged}<body>hi</body>{forged}"), "<body>hi</body>");
        }
        for honest in [
            &id(" by='room@elsewhere'"),
            "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>",
            &delay(""),
            &delay(" from='a@here/phone'"),
            &delay(" from='elsewhere'"),
            "<private xmlns='urn:xmpp:carbons:2'/>",
            "<received xmlns='urn:xmpp:receipts' id='1'/>",
        ] {
            check(honest, honest);
        }
    }
}
