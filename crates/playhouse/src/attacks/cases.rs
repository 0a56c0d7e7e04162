//! The attacks themselves, by id. The catalogue with everything that is held elsewhere is `docs/attacks.md`.

use std::time::Duration;

use base::limits::*;

use super::case::Stage::{Authenticated, Bound, Connected, Managed, Stream};
use super::case::{Case, Trick};

/// A header by hand, for those who begin with nothing.
pub(super) const HEADER: &str = "<stream:stream to='plays.example' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
/// What a session that lives answers by a result.
pub(super) const PING: &str = "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>";
/// What a stranger's stream that lives answers by a failure.
const NO_MECHANISM: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>";

/// What nobody answers, also in a session that lives.
const UNKNOWN: &str = "<iq type='get' id='last'><unknown xmlns='u'/></iq>";

const REFUSED: &str = "stream:policy-violation closed";
const RESTRICTED: &str = "stream:restricted-xml closed";
const MALFORMED: &str = "stream:not-well-formed closed";
const UTF8: &str = "stream:unsupported-encoding closed";
const ALIVE: &str = "failure:invalid-mechanism";

/// Every case, in the order of the catalogue.
pub(crate) fn cases() -> Vec<Case> {
    [documents(), sizes(), bytes(), streams(), tls(), crowds(), sessions(), logins(), forgeries(), persons()]
        .into_iter()
        .flatten()
        .collect()
}

fn numbered(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}

/// The limit less one, the limit, one more and ten times as much: with which outcome each.
fn around(
    id: &'static str,
    words: &str,
    limit: usize,
    stage: super::case::Stage,
    outcomes: (&'static str, &'static str),
    make: impl Fn(usize) -> String,
) -> Vec<Case> {
    let sizes = [limit - 1, limit, limit + 1, limit * 10];
    let case = |n: usize| {
        let lives = if matches!(stage, Stream) { NO_MECHANISM } else { PING };
        let outcome = if n <= limit { outcomes.0 } else { outcomes.1 };
        Case::new(id, format!("{n} {words}"), stage, make(n) + lives).gives(outcome)
    };
    sizes.into_iter().map(case).collect()
}

fn documents() -> Vec<Case> {
    let entities =
        "<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>";
    vec![
        Case::new("A01", "a DTD with entities in entities, used in text", Stream, format!("{entities}<a>&c;</a>"))
            .gives(RESTRICTED),
        Case::new("A01", "the same before the header", Connected, format!("{entities}{HEADER}")).gives(RESTRICTED),
        Case::new("A01", "an entity of one's own", Stream, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>&a;</auth>")
            .gives(RESTRICTED),
        Case::new("A01", "a comment and an instruction", Stream, "<!-- a --><?a b?>").gives(RESTRICTED),
        Case::new("A02", "a DTD with entities, used in an attribute", Stream, format!("{entities}<a b='&c;'/>"))
            .gives(RESTRICTED),
        Case::new("A02", "an entity of one's own in an attribute", Stream, "<a xmlns='u' b='&c;'/>").gives(RESTRICTED),
    ]
}

fn sizes() -> Vec<Case> {
    let attributes = |n: usize| format!("<a xmlns='u'{}/>", numbered(n, |i| format!(" a{i}='1'")));
    let namespaces = |n: usize| format!("<a xmlns='u'{}/>", numbered(n, |i| format!(" xmlns:a{i}='u'")));
    // An unknown element ends a stranger's stream when it is whole: the limit is reached before that.
    let unknown = ("stream:unsupported-stanza-type closed", REFUSED);
    let answered = ("error:service-unavailable result", REFUSED);
    let iq = |inner: &str| format!("<iq type='get' id='a'>{inner}</iq>");
    let mut cases = Vec::new();
    // One of the attributes is `xmlns`, which counts among the namespaces.
    cases.extend(around("A04", "attributes", ELEMENT_ATTRIBUTES_MAX, Stream, unknown, attributes));
    cases.push(Case::new("A04", "100,000 attributes", Stream, attributes(100_000)).gives(REFUSED));
    cases.extend(around("A05", "prefixes", ELEMENT_NAMESPACES_MAX, Stream, unknown, namespaces));
    cases.push(Case::new("A05", "100,000 prefixes", Stream, namespaces(100_000)).gives(REFUSED));
    let padded = |n: usize| {
        let frame = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'></auth>".len();
        format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'>{}</auth>", "A".repeat(n - frame))
    };
    cases.extend(around(
        "A06",
        "bytes of a stranger's element",
        UNAUTHENTICATED_STANZA_BYTES_MAX,
        Stream,
        (ALIVE, REFUSED),
        padded,
    ));
    cases.push(Case::new(
        "A06",
        "an element of 9,000 bytes that does not end",
        Stream,
        format!("<a xmlns='u'>{}", "a".repeat(9_000)),
    ));
    cases.push(Case::new(
        "A06",
        "a header of 9,000 bytes that does not end",
        Connected,
        format!("<stream:stream a='{}", "a".repeat(9_000)),
    ));
    let body = |n: usize| {
        let frame = iq("<a xmlns='u'></a>").len();
        iq(&format!("<a xmlns='u'>{}</a>", "a".repeat(n - frame)))
    };
    cases.extend(around("A06", "bytes of a person's stanza", STANZA_BYTES_MAX, Bound, answered, body));
    let elements = |n: usize| iq(&format!("<a xmlns='u'>{}</a>", "<b/>".repeat(n - 2)));
    cases.extend(around("A07", "elements in a stanza", STANZA_ELEMENTS_MAX, Bound, answered, elements));
    let deep = |n: usize| iq(&format!("<a xmlns='u'>{}{}</a>", "<b>".repeat(n - 2), "</b>".repeat(n - 2)));
    cases.extend(around("A08", "elements inside each other", ELEMENT_DEPTH_MAX, Bound, answered, deep));
    cases.push(
        Case::new("A08", "100,000 elements inside each other", Bound, "<message>".to_owned() + &"<a>".repeat(100_000))
            .gives(REFUSED),
    );
    let stanza = iq(&format!("<a xmlns='u'>{}</a>", "]".repeat(200_000))) + PING;
    cases.push(Case::new("A09", "a token of 200,000 bytes", Bound, stanza).gives(answered.0).costs(4096, 2_000, 2_000));
    let names = iq(&format!("<a xmlns='u'>{}</a>", numbered(9_000, |i| format!("<b{i}/>")))) + PING;
    cases.push(Case::new("A10", "9,000 different names in one stanza", Bound, names).gives(answered.0));
    for (blocks, what) in [(["Aa", "BB"], "31"), (["Ez", "FY"], "33")] {
        let what = format!("8,192 names that collide where the hash is times {what} without a key");
        let names = iq(&format!("<a xmlns='u'>{}</a>", numbered(1 << 13, |i| format!("<{}/>", colliding(blocks, i)))));
        cases.push(Case::new("A10", what, Bound, names + PING).gives(answered.0));
    }
    cases
}

/// The names of thirteen blocks, of which either adds the same to a hash that multiplies by a known number.
fn colliding(blocks: [&str; 2], number: usize) -> String {
    (0..13).map(|bit| blocks[number >> bit & 1]).collect()
}

fn bytes() -> Vec<Case> {
    let wrapped = |bytes: &[u8]| [b"<a xmlns='u'>", bytes, b"</a>"].concat();
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    vec![
        Case::new("A11", "overlong UTF-8", Stream, wrapped(b"\xc0\xaf")).gives(UTF8),
        Case::new("A11", "half a letter of UTF-8", Stream, wrapped(b"\xe2\x82")).gives(UTF8),
        Case::new("A11", "a lone surrogate", Stream, wrapped(b"\xed\xa0\x80")).gives(UTF8),
        Case::new("A11", "swapped surrogates", Stream, wrapped(b"\xed\xb0\x80\xed\xa0\x80")).gives(UTF8),
        Case::new("A11", "U+FFFE", Stream, wrapped("\u{fffe}".as_bytes())).gives(MALFORMED),
        Case::new("A11", "NUL", Stream, wrapped(b"\0")).gives(MALFORMED),
        Case::new("A11", "a control character", Stream, wrapped(b"\x01")).gives(MALFORMED),
        Case::new("A11", "NUL as a reference", Stream, wrapped(b"&#0;")).gives(MALFORMED),
        Case::new("A11", "a surrogate as a reference", Stream, wrapped(b"&#xD800;")).gives(MALFORMED),
        Case::new("A11", "a stream in UTF-16", Connected, [vec![0xff, 0xfe], utf16(HEADER)].concat()).gives(UTF8),
        Case::new(
            "A11",
            "a stream that says it is UTF-16",
            Connected,
            format!("<?xml version='1.0' encoding='UTF-16'?>{HEADER}"),
        )
        .gives(UTF8),
        Case::new(
            "A12",
            "markup that ends elsewhere for another reader",
            Stream,
            "<a xmlns='u' b='>'><![CDATA[</a>]]></a ></a>",
        )
        .gives("stream:unsupported-stanza-type closed"),
        Case::new("A13", "a separator in the name of a namespace", Bound, "<message xmlns='jabber:client\x0c'/>")
            .gives(MALFORMED),
        Case::new("A13", "another separator", Bound, "<message xmlns='jabber:client}message'/>")
            .gives("stream:invalid-namespace closed"),
    ]
}

fn streams() -> Vec<Case> {
    let other = HEADER.replace("plays.example", "other.example");
    vec![
        Case::new("A14", "after the login a header for another domain", Authenticated, other.clone())
            .gives("stream:bad-format closed"),
        Case::new("A15", "a second header", Stream, HEADER).gives("stream:bad-format closed"),
        Case::new("A15", "a second header in a session", Bound, other).gives("stream:bad-format closed"),
        Case::new("A15", "an end that does not match", Stream, format!("<a xmlns='u'></b>{NO_MECHANISM}"))
            .gives(MALFORMED),
        Case::new("A15", "words behind the end", Bound, format!("</stream:stream>{PING}")).gives("closed"),
        Case::new(
            "A16",
            "compression",
            Bound,
            "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
        )
        .gives("stream:unsupported-stanza-type closed"),
        Case::new(
            "A17",
            "compression before the login",
            Stream,
            "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
        )
        .gives("stream:unsupported-stanza-type closed"),
    ]
}

fn tls() -> Vec<Case> {
    // TLS 1.0 on the record, a ClientHello of which one byte comes in each record.
    let fragments = |n: usize| -> Vec<u8> {
        let hello = [1, 0, 0xff, 0xff].into_iter().chain(std::iter::repeat(0));
        hello.take(n).flat_map(|byte| [22, 3, 1, 0, 1, byte]).collect()
    };
    vec![
        Case::new("A18", "a login in clear right behind <starttls/>", Stream, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AG1hbGxvcnkAc2VjcmV0</auth>").then("no TLS").gives("proceed closed"),
        Case::new("A19", "a ClientHello of 20,000 records", Connected, fragments(20_000)).gives("closed"),
        Case::new("A19", "close_notify in the handshake", Connected, [22, 3, 1, 0, 1, 1, 21, 3, 1, 0, 2, 1, 0]).gives("closed"),
        Case::new("A19", "records without content", Connected, [22, 3, 1, 0, 0].repeat(10_000)).gives("closed"),
        Case::new("A19", "a handshake message of another kind", Connected, [22, 3, 1, 0, 4, 0, 0, 0, 0]).gives("closed"),
        Case::new("A19", "a record longer than any may be", Connected, [22, 3, 1, 0xff, 0xff, 0].repeat(100)).gives("closed"),
    ]
}

fn crowds() -> Vec<Case> {
    let word = HEADER.as_bytes().to_vec();
    let one = Duration::from_secs(1);
    vec![
        Case::new("A20", "5,000 connections that say hello and leave", Connected, word.clone())
            .trick(Trick::OpenAndDrop(5_000))
            .costs(8_192, 20_000, 60_000),
        Case::new("A20", "100,000 of them", Connected, word)
            .trick(Trick::OpenAndDrop(100_000))
            .costs(8_192, 200_000, 600_000)
            .slow(),
        Case::new(
            "A21",
            "a header of which a byte comes each second",
            Connected,
            "<stream:stream a='".to_owned() + &"a".repeat(90),
        )
        .trick(Trick::Drip(one))
        .gives("stream:connection-timeout closed")
        .costs(1_024, 3_000, 63_000)
        .slow(),
    ]
}

fn sessions() -> Vec<Case> {
    let flood = |reads, ends| Trick::Flood { messages: 40, reads, ends };
    let long = CLIENT_BEHIND_TIME_MAX + CLIENT_LOOK_TIME * 2;
    let ms = long.as_millis() as u64 + 10_000;
    let resume = |previd: &str, h: u64| format!("<resume xmlns='urn:xmpp:sm:3' previd='{previd}' h='{h}'/>");
    let messages = |to: &str, count| {
        numbered(count, |n| format!("<message to='{to}@plays.example' type='chat' id='{n}'><body>{n}</body></message>"))
    };
    let guesses = numbered(20, |n| resume(&format!("{n:032x}"), 0));
    vec![
        Case::new("A22", "10 MB to who reads nothing", Managed, "")
            .trick(flood(false, None))
            .gives("result")
            .costs(24_576, 10_000, 20_000),
        Case::new("A22", "10 MB to who acknowledges nothing", Managed, "")
            .trick(flood(true, None))
            .gives("result")
            .costs(24_576, 10_000, 20_000),
        Case::new("A22", "the same for ten minutes, reading nothing", Managed, "")
            .trick(flood(false, Some((long, "closed"))))
            .gives("result")
            .costs(24_576, 20_000, ms)
            .slow(),
        Case::new("A22", "the same for ten minutes, acknowledging nothing", Managed, "")
            .trick(flood(true, Some((long, "stream:policy-violation closed"))))
            .gives("result")
            .costs(24_576, 20_000, ms)
            .slow(),
        Case::new(
            "A23",
            "20 guesses of a session's id",
            Authenticated,
            guesses + "<iq type='set' id='a'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        )
        .gives("failed:item-not-found result"),
        Case::new("A23", "more acknowledged than was sent", Managed, "<a xmlns='urn:xmpp:sm:3' h='4000000000'/>")
            .gives("stream:undefined-condition closed"),
        // Of addresses, as many as are looked up at once: beyond that the daemon asks for patience.
        Case::new(
            "A25",
            "5,000 names and namespaces and 1,000 addresses, each once",
            Bound,
            numbered(5_000, |n| format!("<iq type='get' id='{n}'><q{n} xmlns='urn:{n}'/></iq>"))
                + &numbered(1_000, |n| format!("<message type='headline' to='{n}@plays.example'/>"))
                + PING,
        )
        .gives("error:service-unavailable result")
        .costs(8_192, 10_000, 20_000),
        Case::new(
            "A26",
            "a request without an id",
            Bound,
            "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>".to_owned() + PING,
        )
        .gives("error:bad-request result"),
        Case::new(
            "A26",
            "an id that is too long",
            Bound,
            format!(
                "<iq type='get' id='{}'><ping xmlns='urn:xmpp:ping'/></iq>{PING}",
                "i".repeat(STANZA_ID_BYTES_MAX + 1)
            ),
        )
        .gives("error:bad-request result"),
        Case::new("A26", "an id of 64 kB", Bound, format!("<iq type='get' id='{}'/>", "i".repeat(65_536)))
            .gives(REFUSED),
        Case::new(
            "A26",
            "answers that nobody has asked for",
            Bound,
            numbered(100, |n| format!("<iq type='result' id='{n}' to='bob@plays.example'/>")) + PING,
        )
        .gives("result"),
        // As many as may wait while the account is being read.
        Case::new("A27", "1,000 messages to who is away", Bound, messages("away", 1) + PING)
            .then(messages("away", 1_000) + UNKNOWN)
            .gives("result error:service-unavailable")
            .costs(24_576, 20_000, 30_000),
        Case::new(
            "A27",
            "300 requests for presence to who is away",
            Bound,
            numbered(300, |n| format!("<presence to='away@plays.example' type='subscribe' id='{n}'/>")) + PING,
        )
        .gives("result"),
        // As many as may wait, and one more: that one comes back.
        Case::new("A27", "100,001 messages to who is away", Bound, messages("gone", 1) + PING)
            .then(messages("gone", PENDING_MESSAGES_MAX as usize))
            .gives("result error:service-unavailable")
            .costs(65_536, 400_000, 600_000)
            .slow(),
    ]
}

fn logins() -> Vec<Case> {
    let auth = |mechanism: &str, message: &str| {
        format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{message}</auth>")
    };
    vec![
        // bob@plays.example NUL mallory NUL secret
        Case::new(
            "B01",
            "one's own password for somebody else",
            Stream,
            auth("PLAIN", "Ym9iQHBsYXlzLmV4YW1wbGUAbWFsbG9yeQBzZWNyZXQ="),
        )
        .gives("failure:invalid-authzid"),
        // The same by SCRAM: n,a=bob@plays.example,n=mallory,r=abc
        Case::new(
            "B01",
            "the same by SCRAM",
            Stream,
            auth("SCRAM-SHA-256", "bixhPWJvYkBwbGF5cy5leGFtcGxlLG49bWFsbG9yeSxyPWFiYw=="),
        )
        .gives("failure:invalid-authzid"),
        Case::new("B02", "ANONYMOUS", Stream, auth("ANONYMOUS", "YQ==")).gives("failure:invalid-mechanism"),
        Case::new("B02", "EXTERNAL", Stream, auth("EXTERNAL", "=")).gives("failure:invalid-mechanism"),
        Case::new(
            "B02",
            "SCRAM with a binding where there is no TLS",
            Stream,
            auth("SCRAM-SHA-256-PLUS", "cD10bHMtZXhwb3J0ZXIsLG49bWFsbG9yeSxyPWFiYw=="),
        )
        .gives("failure:invalid-mechanism"),
    ]
}

fn forgeries() -> Vec<Case> {
    let forwarded = "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='1999-01-01T00:00:00Z' from='plays.example'/><message xmlns='jabber:client' from='ana@plays.example/a' to='bob@plays.example/here' type='chat'><body>FORGED</body></message></forwarded>";
    let to_bob = |inner: &str| format!("<message to='bob@plays.example' type='chat'><body>see</body>{inner}</message>");
    let forgery = |id, words: &'static str, xml: String| {
        Case::new(id, words, Bound, xml).trick(Trick::Forgery("FORGED")).gives("message:END")
    };
    vec![
        forgery("D01", "a carbon of what was received", to_bob(&format!("<received xmlns='urn:xmpp:carbons:2'>{forwarded}</received>"))),
        forgery("D01", "a carbon of what was sent", to_bob(&format!("<sent xmlns='urn:xmpp:carbons:2'>{forwarded}</sent>"))),
        forgery("D02", "a contact for somebody's list", "<iq type='set' id='a' to='bob@plays.example/here'><query xmlns='jabber:iq:roster'><item jid='FORGED@plays.example' subscription='both'/></query></iq>".into()),
        forgery("D03", "a result of an archive", to_bob(&format!("<result xmlns='urn:xmpp:mam:2' id='1' queryid='q'>{forwarded}</result>"))),
        forgery("D04", "ids in the name of the server", to_bob("<stanza-id xmlns='urn:xmpp:sid:0' by='bob@plays.example' id='FORGED'/><stanza-id xmlns='urn:xmpp:sid:0' by='plays.example' id='FORGED'/><archived xmlns='urn:xmpp:mam:tmp' by='bob@plays.example' id='FORGED'/>")),
        forgery("D07", "a delay in the name of the server", to_bob("<delay xmlns='urn:xmpp:delay' stamp='1999-01-01T00:00:00Z' from='plays.example'>FORGED</delay>")),
        forgery("D23", "a subscription that was never asked for", "<presence to='bob@plays.example' type='subscribed' id='FORGED'/>".into()),
    ]
}

fn persons() -> Vec<Case> {
    let ask = |to: &str, payload: &str| format!("<iq type='get' id='a' to='{to}@plays.example'>{payload}</iq>");
    let mut cases = Vec::new();
    for (words, payload, outcome) in [
        ("last activity", "<query xmlns='jabber:iq:last'/>", "error:forbidden result"),
        ("a version", "<query xmlns='jabber:iq:version'/>", "error:service-unavailable result"),
        (
            "what can be done",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "error:service-unavailable result",
        ),
        ("two things at once", "<a xmlns='u'/><b xmlns='u'/>", "error:bad-request result"),
    ] {
        for person in ["bob", "nobody"] {
            cases.push(
                Case::new("D14", format!("{words}, of {person}"), Bound, ask(person, payload))
                    .then(PING)
                    .gives(outcome),
            );
        }
    }
    let sql = "'); DROP TABLE copy; --";
    let query = |inner: &str| format!("<iq type='set' id='a'><query xmlns='urn:xmpp:mam:2'>{inner}</query></iq>{PING}");
    cases.push(
        Case::new(
            "C14",
            "SQL as a place in the archive",
            Bound,
            query(&format!("<set xmlns='http://jabber.org/protocol/rsm'><max>5</max><before>{sql}</before></set>")),
        )
        .gives("error:item-not-found result"),
    );
    cases.push(Case::new("C14", "SQL as a contact's name", Bound, format!("<iq type='set' id='a'><query xmlns='jabber:iq:roster'><item jid='a@a.example' name=\"{sql}\"><group>{sql}</group></item></query></iq>{PING}")).gives("result"));
    cases.push(Case::new("C11", "errors to whom there is and is not", Bound, numbered(100, |n| format!("<iq type='error' id='{n}' to='nobody@plays.example'><error type='cancel'/></iq><message type='error' to='plays.example'/><message type='error' to='nobody@plays.example'/>")) + PING).gives("result"));
    let jid = |to: String| format!("<message to=\"{to}\"><body>a</body></message>{PING}");
    for (words, to) in [
        ("an address without a person", "@plays.example".to_owned()),
        ("an address with two @", "a@b@plays.example/".to_owned()),
        ("an address that reads backwards", "a\u{202e}b@plays.example".to_owned()),
        ("a part of 1,024 bytes", format!("{}@plays.example", "a".repeat(JID_PART_BYTES_MAX + 1))),
    ] {
        cases.push(Case::new("C15", words, Bound, jid(to)).gives("error:jid-malformed result"));
    }
    let group = |n: usize| {
        format!(
            "<iq type='set' id='a'><query xmlns='jabber:iq:roster'><item jid='a@a.example'><group>{}</group></item></query></iq>",
            "g".repeat(n)
        )
    };
    cases.extend(around(
        "D23",
        "bytes of a group's name",
        ROSTER_NAME_BYTES_MAX,
        Bound,
        ("result", "error:not-acceptable result"),
        group,
    ));
    cases
}
