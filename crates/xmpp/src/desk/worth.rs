//! XEP-0313 section 5.1.1, XEP-0160 section 3 and XEP-0334: for how long a message matters, by what stands in it.

use wire::{Element, Kind, MessageType, Stanza};

use crate::ns;

/// For how long a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It is kept until it is delivered, and then as history.
    Lasting,
    /// It is kept until it is delivered.
    Passing,
    /// It may not be kept: if it cannot be delivered now, its author is told.
    Unkept,
    /// It says something about this moment only: if it cannot be delivered now, nobody misses it.
    Momentary,
}

/// What a payload does to the class of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    /// Makes it history.
    History,
    /// Nothing: it says nothing by itself, or only together with something else.
    Nothing,
    /// The author wants it kept (XEP-0334 section 4).
    Store,
    /// The author wants no history of it.
    NoHistory,
    /// The author wants it not written at all.
    NoStore,
}

/// An element by name (`*`: any) and namespace.
struct Row {
    name: &'static str,
    namespace: &'static str,
    worth: Worth,
}

const fn row(name: &'static str, namespace: &'static str, worth: Worth) -> Row {
    Row { name, namespace, worth }
}

/// What we know of payloads. What stands here no more and no less is waited for and no history: XEP-0160 wants messages of
/// any content to wait, and nobody can read the history of what nobody understands.
const TABLE: &[Row] = &[
    row("body", ns::CLIENT, Worth::History),
    row("subject", ns::CLIENT, Worth::History),
    row("thread", ns::CLIENT, Worth::Nothing),
    row("*", ns::CHAT_STATES, Worth::Nothing),
    row("no-store", ns::HINTS, Worth::NoStore),
    row("no-permanent-store", ns::HINTS, Worth::NoHistory),
    row("store", ns::HINTS, Worth::Store),
    row("no-copy", ns::HINTS, Worth::Nothing),
    row("private", ns::CARBONS, Worth::Nothing),
    row("origin-id", ns::STANZA_IDS, Worth::Nothing),
    row("stanza-id", ns::STANZA_IDS, Worth::Nothing),
    row("delay", ns::DELAY, Worth::Nothing),
    row("request", ns::RECEIPTS, Worth::Nothing),
    row("received", ns::RECEIPTS, Worth::History),
    row("markable", ns::MARKERS, Worth::Nothing),
    row("*", ns::MARKERS, Worth::History),
    // XEP-0308 and XEP-0424: they change what stands in the history.
    row("replace", "urn:xmpp:message-correct:0", Worth::History),
    row("retract", "urn:xmpp:message-retract:1", Worth::History),
    row("apply-to", "urn:xmpp:fasten:0", Worth::History),
    // XEP-0444, XEP-0461, XEP-0428, XEP-0224.
    row("reactions", "urn:xmpp:reactions:0", Worth::History),
    row("reply", "urn:xmpp:reply:0", Worth::Nothing),
    row("fallback", "urn:xmpp:fallback:0", Worth::Nothing),
    row("attention", "urn:xmpp:attention:0", Worth::Nothing),
    // Encrypted content: XEP-0380, XEP-0384 in its three versions, XEP-0373, XEP-0027.
    row("encryption", "urn:xmpp:eme:0", Worth::History),
    row("encrypted", "eu.siacs.conversations.axolotl", Worth::History),
    row("encrypted", "urn:xmpp:omemo:1", Worth::History),
    row("encrypted", "urn:xmpp:omemo:2", Worth::History),
    row("openpgp", "urn:xmpp:openpgp:0", Worth::History),
    row("x", "jabber:x:encrypted", Worth::History),
    // XEP-0066 and XEP-0447: a file without words.
    row("x", "jabber:x:oob", Worth::History),
    row("file-sharing", "urn:xmpp:sfs:0", Worth::History),
    // Invitations: XEP-0249; in a room's element the invitation is one level deeper, see `worth`.
    row("x", ns::CONFERENCE, Worth::History),
    row("x", ns::MUC_USER, Worth::Nothing),
];

fn worth(payload: &Element<'_>) -> Option<Worth> {
    let (name, namespace) = (payload.name(), payload.namespace());
    let fits = |row: &&Row| (row.name == name || row.name == "*") && row.namespace == namespace;
    let found = TABLE.iter().find(fits)?.worth;
    Some(if is_invitation(payload) { Worth::History } else { found })
}

/// Whether a payload invites into a room (XEP-0045 section 7.8.2, XEP-0249).
pub(crate) fn is_invitation(payload: &Element<'_>) -> bool {
    payload.name() == "x"
        && match payload.namespace() {
            ns::CONFERENCE => true,
            ns::MUC_USER => payload.child("invite", ns::MUC_USER).is_some(),
            _ => false,
        }
}

/// The class of a message, by its type, hints and payloads.
pub(crate) fn class(message: &Stanza<'_>) -> Class {
    let Kind::Message(kind) = message.head.kind else { return Class::Momentary };
    let (mut class, mut history_allowed, mut kept) = (Class::Momentary, true, true);
    for payload in message.payloads() {
        match worth(&payload) {
            // XEP-0334 section 4.5: what shall be stored is, of whatever type. A headline's words alone are not.
            Some(Worth::Store) => class = Class::Lasting,
            Some(Worth::History) if kind != MessageType::Headline => class = Class::Lasting,
            Some(Worth::History | Worth::Nothing) => {}
            Some(Worth::NoHistory) => history_allowed = false,
            Some(Worth::NoStore) => kept = false,
            None if class == Class::Momentary => class = Class::Passing,
            None => {}
        }
    }
    match (kind, class) {
        (MessageType::Groupchat | MessageType::Error, _) | (_, Class::Momentary) => Class::Momentary,
        (MessageType::Headline, Class::Passing) => Class::Momentary,
        _ if !kept => Class::Unkept,
        (_, Class::Lasting) if !history_allowed => Class::Passing,
        _ => class,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(type_text: &str, inner: &str, expect: Class) {
        let xml = format!("<message xmlns='jabber:client' type='{type_text}'>{inner}</message>");
        assert_eq!(class(&Stanza::parse(xml.as_bytes()).unwrap()), expect, "{type_text}: {inner}");
    }

    /// Alone, each row makes the class that its worth says.
    #[test]
    fn every_row_alone() {
        for row in TABLE {
            let name = if row.name == "*" { "anything" } else { row.name };
            let expect = match row.worth {
                Worth::History | Worth::Store => Class::Lasting,
                Worth::Nothing | Worth::NoHistory | Worth::NoStore => Class::Momentary,
            };
            for kind in ["chat", "normal"] {
                check(kind, &format!("<{name} xmlns='{}'/>", row.namespace), expect);
                check(kind, &format!("<{name} xmlns='urn:other'/>"), Class::Passing);
            }
        }
    }

    #[test]
    fn together() {
        let hint = |name: &str| format!("<{name} xmlns='urn:xmpp:hints'/>");
        let (active, body) = ("<active xmlns='http://jabber.org/protocol/chatstates'/>", "<body>hi</body>");
        let encrypted = "<encrypted xmlns='urn:xmpp:omemo:2'/>";
        let event = "<event xmlns='http://jabber.org/protocol/pubsub#event'/>";
        let invite = "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>";
        for (kind, inner, expect) in [
            ("chat", "", Class::Momentary),
            ("chat", body, Class::Lasting),
            ("normal", body, Class::Lasting),
            ("unknown", body, Class::Lasting),
            ("chat", &[active, body].concat(), Class::Lasting),
            ("chat", &[body, active].concat(), Class::Lasting),
            ("chat", &[active, "<thread>t</thread>"].concat(), Class::Momentary),
            ("chat", event, Class::Passing),
            ("chat", &[event, active].concat(), Class::Passing),
            ("chat", &[event, &hint("store")].concat(), Class::Lasting),
            ("chat", &[active, &hint("store")].concat(), Class::Lasting),
            ("chat", &[body, &hint("no-permanent-store")].concat(), Class::Passing),
            ("chat", &[&hint("no-permanent-store"), body].concat(), Class::Passing),
            ("chat", &[body, &hint("no-store")].concat(), Class::Unkept),
            ("chat", &[&hint("no-store"), encrypted].concat(), Class::Unkept),
            ("chat", &[body, &hint("no-store"), &hint("store")].concat(), Class::Unkept),
            ("chat", &[active, &hint("no-store")].concat(), Class::Momentary),
            ("chat", &[body, &hint("no-copy")].concat(), Class::Lasting),
            ("normal", invite, Class::Lasting),
            ("headline", body, Class::Momentary),
            ("headline", event, Class::Momentary),
            ("headline", &[body, &hint("store")].concat(), Class::Lasting),
            ("headline", &[body, &hint("store"), &hint("no-store")].concat(), Class::Unkept),
            ("groupchat", body, Class::Momentary),
            ("groupchat", &[body, &hint("store")].concat(), Class::Momentary),
            ("error", &[body, &hint("store")].concat(), Class::Momentary),
        ] {
            check(kind, inner, expect);
        }
    }
}
