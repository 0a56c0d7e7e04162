//! Namespaces by the names that the specifications' tables give them.

/// RFC 6120 section 11.2.2.
pub const CLIENT: &str = "jabber:client";
/// RFC 6120 section 4.8.1.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// RFC 6120 section 4.9.2: stream error conditions.
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// RFC 6120 section 8.3.2: stanza error conditions.
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// RFC 6120 section 5.
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// RFC 6120 section 6.
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// XEP-0440.
pub const CHANNEL_BINDINGS: &str = "urn:xmpp:sasl-cb:0";
/// RFC 6120 section 7.
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// RFC 3921 section 3, kept for clients that still ask for it.
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// RFC 6121 section 2.
pub const ROSTER: &str = "jabber:iq:roster";
/// XEP-0012.
pub const LAST_ACTIVITY: &str = "jabber:iq:last";
/// XEP-0030.
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030.
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0004.
pub const FORMS: &str = "jabber:x:data";
/// XEP-0045 section 7: what a room says of its people, and its invitations.
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// XEP-0050.
pub const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// XEP-0049.
pub const PRIVATE: &str = "jabber:iq:private";
/// XEP-0054.
pub const VCARD: &str = "vcard-temp";
/// XEP-0153: the hash of a picture, in presence.
pub const VCARD_UPDATE: &str = "vcard-temp:x:update";
/// XEP-0059.
pub const RSM: &str = "http://jabber.org/protocol/rsm";
/// XEP-0077.
pub const REGISTER: &str = "jabber:iq:register";
/// XEP-0077 section 5, a stream feature.
pub const REGISTER_FEATURE: &str = "http://jabber.org/features/iq-register";
/// XEP-0085.
pub const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// XEP-0092.
pub const VERSION: &str = "jabber:iq:version";
/// XEP-0115.
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// XEP-0122.
pub const VALIDATE: &str = "http://jabber.org/protocol/xdata-validate";
/// XEP-0184.
pub const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0191.
pub const BLOCKING: &str = "urn:xmpp:blocking";
/// XEP-0191 section 3.3: what an error is marked with.
pub const BLOCKING_ERRORS: &str = "urn:xmpp:blocking:errors";
/// XEP-0198, version 3.
pub const SM: &str = "urn:xmpp:sm:3";
/// XEP-0199.
pub const PING: &str = "urn:xmpp:ping";
/// XEP-0202.
pub const TIME: &str = "urn:xmpp:time";
/// XEP-0203.
pub const DELAY: &str = "urn:xmpp:delay";
/// XEP-0249.
pub const CONFERENCE: &str = "jabber:x:conference";
/// XEP-0280.
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0297.
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// XEP-0313 and XEP-0441.
pub const ARCHIVE: &str = "urn:xmpp:mam:2";
/// XEP-0313 section 6: ids in queries, flipped pages, metadata.
pub const ARCHIVE_EXTENDED: &str = "urn:xmpp:mam:2#extended";
/// XEP-0313 section 6: the field `include-groupchat` is understood.
pub const ARCHIVE_GROUPCHAT_FIELD: &str = "urn:xmpp:mam:2#groupchat-field";
/// XEP-0333.
pub const MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0334.
pub const HINTS: &str = "urn:xmpp:hints";
/// XEP-0352.
pub const CLIENT_STATE: &str = "urn:xmpp:csi:0";
/// XEP-0359.
pub const STANZA_IDS: &str = "urn:xmpp:sid:0";
/// XEP-0160, advertised by the server.
pub const OFFLINE: &str = "msgoffline";
/// XEP-0237, advertised as a stream feature.
pub const ROSTER_VERSIONS: &str = "urn:xmpp:features:rosterver";
/// RFC 6121 section 3.4.1, a stream feature.
pub const PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
