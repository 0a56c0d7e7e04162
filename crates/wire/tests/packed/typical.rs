//! Stanzas in the manner of chat programs (written by hand, not recorded), each with 40 characters of text where it has a text: none of these sentences, names and ids is
//! in the training of the dictionary. With the longest frame that we allow each.

use base::Bare;

/// A stanza, as it reaches the post.
pub(crate) struct Typical {
    pub(crate) name: &'static str,
    /// The most bytes that its frame may have.
    pub(crate) frame_max: usize,
    pub(crate) xml: &'static str,
}

/// Who sends all of them.
pub(crate) fn from() -> Bare {
    Bare::new("lin@ember-canal-radio-maple-frost.jirani.alt").unwrap()
}

/// Who gets all of them.
pub(crate) fn to() -> Bare {
    Bare::new("tomas@orchid-plain-river-cloud-nine.jirani.alt").unwrap()
}

macro_rules! typical {
    ($($name:literal, $frame_max:literal, $kind:literal, $head:literal, $inner:expr;)*) => {
        pub(crate) const TYPICAL: &[Typical] = &[$(Typical {
            name: $name,
            frame_max: $frame_max,
            xml: concat!(
                "<", $kind, " xmlns='jabber:client' from='lin@ember-canal-radio-maple-frost.jirani.alt", $head,
                ">", $inner, "</", $kind, ">",
            ),
        }),*];
    };
}

typical! {
    "Conversations, English", 75, "message",
    "/Conversations.k2Qz' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' id='4f1d9c6e-73ab-4b52-9e0a-d2c81f57a6e3' type='chat'",
    "<body>Shall we walk down to the lake on Friday</body><request xmlns=\"urn:xmpp:receipts\"/><markable xmlns=\"urn:xmpp:chat-markers:0\"/><origin-id id=\"4f1d9c6e-73ab-4b52-9e0a-d2c81f57a6e3\" xmlns=\"urn:xmpp:sid:0\"/><active xmlns=\"http://jabber.org/protocol/chatstates\"/>";
    "Conversations, Swahili, short id", 80, "message",
    "/Conversations.Zw-3' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/Conversations.0aPe' id='Hn3vT0aLxQe8WbYs' type='chat' xml:lang='sw'",
    "<active xmlns=\"http://jabber.org/protocol/chatstates\"/><request xmlns=\"urn:xmpp:receipts\"/><origin-id id=\"Hn3vT0aLxQe8WbYs\" xmlns=\"urn:xmpp:sid:0\"/><markable xmlns=\"urn:xmpp:chat-markers:0\"/><body>Watoto wote wamefika kijijini salama leo</body>";
    "Dino, Spanish", 65, "message",
    "/dino.a91c04fe' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' id='0b7e52d4-c19f-48a3-8f6d-13e9a470bc25' type='chat'",
    "<body>La abuela llega el lunes con los primos.</body><markable xmlns='urn:xmpp:chat-markers:0'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='0b7e52d4-c19f-48a3-8f6d-13e9a470bc25'/>";
    "Gajim, French", 85, "message",
    "/gajim.QX07B4KD' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/gajim.M2T9ZZ1C' id='d83a6b0f-2e47-4c91-b5d8-7f09e1c3a264' type='chat' xml:lang='fr'",
    "<body>Les enfants ont mangé toutes les cerises</body><origin-id xmlns=\"urn:xmpp:sid:0\" id=\"d83a6b0f-2e47-4c91-b5d8-7f09e1c3a264\" /><active xmlns=\"http://jabber.org/protocol/chatstates\" /><request xmlns=\"urn:xmpp:receipts\" /><markable xmlns=\"urn:xmpp:chat-markers:0\" />";
    "Gajim with a thread, English", 100, "message",
    "/gajim.QX07B4KD' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' id='d83a6b0f-2e47-4c91-b5d8-7f09e1c3a264' type='chat'",
    "<body>My bike has a flat tyre, can you fix it?</body><thread>pQwZkRtUiLmXaVbNcYsJdHfGeOqWzTrE</thread><origin-id xmlns=\"urn:xmpp:sid:0\" id=\"d83a6b0f-2e47-4c91-b5d8-7f09e1c3a264\" /><request xmlns=\"urn:xmpp:receipts\" /><active xmlns=\"http://jabber.org/protocol/chatstates\" /><markable xmlns=\"urn:xmpp:chat-markers:0\" />";
    "Profanity, English", 100, "message",
    "/profanity.Ux4e' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/profanity.bN1s' id='aW3kz9QmB7xLd0R5b2f74c9e1a80d6353e7fa41c92d8b06e5f3a17c4' type='chat'",
    "<body>Shall we walk down to the lake on Friday</body><origin-id xmlns=\"urn:xmpp:sid:0\" id=\"aW3kz9QmB7xLd0R5b2f74c9e1a80d6353e7fa41c92d8b06e5f3a17c4\"/><active xmlns=\"http://jabber.org/protocol/chatstates\"/><request xmlns=\"urn:xmpp:receipts\"/>";
    "Pidgin, Portuguese", 55, "message",
    "/Home' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' id='purple6c1f03be' type='chat'",
    "<active xmlns='http://jabber.org/protocol/chatstates'/><body>Meu irmão vai viajar de barco neste ano.</body>";
    "Psi, English", 55, "message",
    "/Psi.m8Wd' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' id='aac7a' type='chat'",
    "\n<body>The rain stopped, so let us go out again</body>\n<active xmlns=\"http://jabber.org/protocol/chatstates\"/>\n<request xmlns=\"urn:xmpp:receipts\"/>\n";
    "slixmpp, German", 75, "message",
    "/kitchen' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' id='9d41e7c05b2f4a3886f1c0d97e25ab34' type='chat' xml:lang='de'",
    "<body>Wir backen am Samstag Kuchen für die Oma</body><origin-id xmlns='urn:xmpp:sid:0' id='9d41e7c05b2f4a3886f1c0d97e25ab34'/>";
    "a receipt", 65, "message",
    "/Conversations.k2Qz' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/dino.a91c04fe' id='6f0e2b91-8d3c-4a75-b1e6-590c7d2fa843' type='chat'",
    "<received xmlns=\"urn:xmpp:receipts\" id=\"0b7e52d4-c19f-48a3-8f6d-13e9a470bc25\"/><store xmlns=\"urn:xmpp:hints\"/>";
    "a displayed marker", 40, "message",
    "/dino.a91c04fe' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' type='chat'",
    "<displayed xmlns='urn:xmpp:chat-markers:0' id='4f1d9c6e-73ab-4b52-9e0a-d2c81f57a6e3'/><store xmlns='urn:xmpp:hints'/>";
    "composing", 25, "message",
    "/Conversations.k2Qz' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' type='chat'",
    "<composing xmlns=\"http://jabber.org/protocol/chatstates\"/><no-store xmlns=\"urn:xmpp:hints\"/>";
    "presence with capabilities and avatar", 80, "presence",
    "/gajim.QX07B4KD' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' xml:lang='en'",
    "<show>away</show><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='pX7mVw0Dq1cGt4sKj8RnYb2zLfE='/><x xmlns='vcard-temp:x:update'><photo>7b0e94c2d15fa8636e2b9d407cf1835aa6de0214</photo></x>";
    "presence, subscribe", 10, "presence",
    "' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' type='subscribe'",
    "";
    "presence, unavailable", 20, "presence",
    "/profanity.Ux4e' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' type='unavailable'",
    "";
    "disco#info asked", 75, "iq",
    "/dino.a91c04fe' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/gajim.M2T9ZZ1C' id='5e8b1f30-97c4-4d62-a0f7-c63d2e91b805' type='get'",
    "<query xmlns='http://jabber.org/protocol/disco#info' node='https://gajim.org#pX7mVw0Dq1cGt4sKj8RnYb2zLfE='/>";
    "disco#info answered", 105, "iq",
    "/gajim.M2T9ZZ1C' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/dino.a91c04fe' id='5e8b1f30-97c4-4d62-a0f7-c63d2e91b805' type='result'",
    "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='pc' name='Gajim'/><feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/chatstates'/><feature var='http://jabber.org/protocol/disco#info'/><feature var='jabber:x:conference'/><feature var='jabber:x:oob'/><feature var='urn:xmpp:avatar:metadata+notify'/><feature var='urn:xmpp:chat-markers:0'/><feature var='urn:xmpp:jingle:1'/><feature var='urn:xmpp:jingle:apps:file-transfer:5'/><feature var='urn:xmpp:jingle:transports:ibb:1'/><feature var='urn:xmpp:message-correct:0'/><feature var='urn:xmpp:ping'/><feature var='urn:xmpp:reactions:0'/><feature var='urn:xmpp:receipts'/><feature var='urn:xmpp:time'/></query>";
    "ping", 45, "iq",
    "/Conversations.k2Qz' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/Psi.m8Wd' id='c7P0_xVd2QzR' type='get'",
    "<ping xmlns=\"urn:xmpp:ping\"/>";
    "last activity answered", 40, "iq",
    "/Pidgin' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/Psi.m8Wd' id='ab12a' type='result'",
    "<query xmlns='jabber:iq:last' seconds='4711'/>";
    "vCard asked", 30, "iq",
    "/Psi.m8Wd' to='tomas@orchid-plain-river-cloud-nine.jirani.alt' id='ab15a' type='get'",
    "<vCard xmlns=\"vcard-temp\"/>";
    "an error", 45, "message",
    "' to='tomas@orchid-plain-river-cloud-nine.jirani.alt/Psi.m8Wd' id='aac7a' type='error'",
    "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
}
