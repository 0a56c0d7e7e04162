//! What the framer makes of a stream: the same however its bytes are split.

use wire::{Form, Frame, FrameError, Framer, Mode};

const CLIENT: &str = "<?xml version='1.0'?><stream:stream to='a.example' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const SERVER: &str = "<stream:stream to='a.example' version='1.0' xmlns='jabber:server' xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams'>";
const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0'/>";

/// One line for each frame.
fn show(frame: &Frame<'_>) -> String {
    match frame {
        Frame::Open(h) => format!(
            "open to={} version={} lang={}",
            h.to_text.as_deref().unwrap_or("-"),
            h.version.as_deref().unwrap_or("-"),
            h.lang.as_deref().unwrap_or("-"),
        ),
        Frame::Stanza(stanza) => {
            let mut out = Vec::new();
            stanza.emit(Form::Tcp, &mut out);
            String::from_utf8(out).unwrap()
        }
        Frame::Refused(r) => format!("refused {} {} {:?}", r.name, r.id.as_deref().unwrap_or("-"), r.why),
        Frame::Element(e) => format!("element {{{}}}{} {}", e.namespace(), e.name(), e.text()),
        Frame::Close => "close".to_owned(),
    }
}

fn frames<'a>(mode: Mode, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut framer = Framer::new(mode);
    let mut seen = Vec::new();
    for mut chunk in chunks {
        loop {
            match framer.next(&mut chunk) {
                Ok(Some(frame)) => seen.push(show(&frame)),
                Ok(None) => break,
                Err(error) => {
                    seen.push(format!("error {}", error.condition()));
                }
            }
        }
        assert!(chunk.is_empty());
    }
    if framer.held_bytes() > 0 {
        seen.push("held".to_owned());
    }
    seen
}

/// Reads the input whole, in two pieces split anywhere, and byte by byte.
#[track_caller]
fn check_bytes(mode: Mode, input: &[u8], expect: &[&str]) {
    assert_eq!(frames(mode, [input].into_iter()), expect, "whole: {:?}", String::from_utf8_lossy(input));
    assert_eq!(frames(mode, input.chunks(1)), expect, "byte by byte: {:?}", String::from_utf8_lossy(input));
    for at in 0..input.len() {
        let (one, two) = input.split_at(at);
        let seen = frames(mode, [one, two].into_iter());
        assert_eq!(seen, expect, "split at {at}: {:?}", String::from_utf8_lossy(input));
    }
}

#[track_caller]
fn check(mode: Mode, head: &str, input: &str, expect: &[&str]) {
    let opened = match mode {
        Mode::Client => "open to=a.example version=1.0 lang=en",
        Mode::Server | Mode::WebSocket | Mode::LinkLocal => "open to=a.example version=1.0 lang=-",
    };
    let expect: Vec<&str> = std::iter::once(opened).chain(expect.iter().copied()).collect();
    check_bytes(mode, format!("{head}{input}").as_bytes(), &expect);
}

#[track_caller]
fn client(input: &str, expect: &[&str]) {
    check(Mode::Client, CLIENT, input, expect);
}

/// XEP-0174, as libpurple speaks it: no version, and names that are no addresses.
#[test]
fn two_clients_on_one_link_speak() {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<stream:stream xmlns=\"jabber:client\" \
                xmlns:stream=\"http://etherx.jabber.org/streams\" from=\"J\u{f6}rg M\u{fc}ller@tablet\" to=\"a b\">";
    let message = "<message from='J\u{f6}rg M\u{fc}ller@tablet' to='x@y@z'>hi<body>no</body></message>";
    check_bytes(
        Mode::LinkLocal,
        format!("{head}{message} <iq/><presence type='odd'/></stream:stream>").as_bytes(),
        &[
            "open to=a b version=- lang=-",
            "element {jabber:client}message hi",
            "element {jabber:client}iq ",
            "element {jabber:client}presence ",
            "close",
        ],
    );
}

#[test]
fn a_client_speaks() {
    client("", &[]);
    client(" \n ", &[]);
    client(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AAE=</auth>",
        &["element {urn:ietf:params:xml:ns:xmpp-sasl}auth AAE="],
    );
    client("<r xmlns='urn:xmpp:sm:3'/>\n<presence/>", &["element {urn:xmpp:sm:3}r ", "<presence xml:lang='en'/>"]);
    client(
        "<message type=\"chat\" id='1' to='B@A.Example/x'\n from='c@a.example'><body>hi</body></message ></stream:stream>",
        &[
            "<message from='c@a.example' to='b@a.example/x' id='1' type='chat' xml:lang='en'><body>hi</body></message>",
            "close",
        ],
    );
    client(
        "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq><iq type='result' id='&quot;'/>",
        &[
            "<iq id='1' type='get' xml:lang='en'><query xmlns='jabber:iq:roster'/></iq>",
            "<iq id='&quot;' type='result' xml:lang='en'/>",
        ],
    );
    client("<message xml:lang='de' type='odd'/>", &["<message xml:lang='de'/>"]);
    client(
        "<message><body><![CDATA[<a>]]]]><![CDATA[>]]>]</body></message>",
        &["<message xml:lang='en'><body><![CDATA[<a>]]]]><![CDATA[>]]>]</body></message>"],
    );
    client(
        "<stream:error><x xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        &["element {http://etherx.jabber.org/streams}error "],
    );
    client("<presence/></stream:stream ><presence/> <", &["<presence xml:lang='en'/>", "close"]);
    client("<presence", &["held"]);
}

#[test]
fn servers_and_browsers_speak() {
    check(
        Mode::Server,
        SERVER,
        "<db:result to='a' from='b'>x</db:result><message to='a' from='b'><body>hi</body></message>",
        &["element {jabber:server:dialback}result x", "<message from='b' to='a'><body>hi</body></message>"],
    );
    check(
        Mode::Server,
        SERVER,
        "<message><body xmlns='jabber:server'>hi</body></message>",
        &["<message><body>hi</body></message>"],
    );
    check(
        Mode::Server,
        SERVER,
        "<message><body xmlns='jabber:client'>hi</body></message>",
        &["<message><body>hi</body></message>"],
    );
    check(Mode::Server, SERVER, "<message xmlns='jabber:client'/>", &["error invalid-namespace"]);
    check(
        Mode::WebSocket,
        OPEN,
        "<message xmlns='jabber:client'><body>hi</body></message><close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/><a/>",
        &["<message><body>hi</body></message>", "close"],
    );
    check(Mode::WebSocket, OPEN, "<message><body>hi</body></message>", &["error invalid-namespace"]);
    check(Mode::WebSocket, OPEN, OPEN, &["error bad-format"]);
    check_bytes(Mode::WebSocket, b"<message xmlns='jabber:client'/>", &["error invalid-namespace"]);
    check_bytes(Mode::WebSocket, b"<open/>", &["error invalid-namespace"]);
    check_bytes(Mode::WebSocket, b"</open>", &["error not-well-formed"]);
}

#[test]
fn namespaces_are_brought_home() {
    client(
        "<message><stream:x/><a stream:b='1' xmlns='urn:a'/></message>",
        &[
            "<message xml:lang='en' xmlns:stream='http://etherx.jabber.org/streams'><stream:x/><a stream:b='1' xmlns='urn:a'/></message>",
        ],
    );
    client(
        "<message x='1' p:y='\"' xmlns:p='urn:p'><p:z/></message>",
        &["<message xml:lang='en' x='1' p:y='\"' xmlns:p='urn:p'><p:z/></message>"],
    );
    client(
        "<message><body xmlns='jabber:client'>a</body><body xmlns='jabber:&#99;lient'>b</body></message>",
        &["<message xml:lang='en'><body>a</body><body>b</body></message>"],
    );
    client(
        "<message xmlns:c='jabber:client'><c:body>a</c:body></message>",
        &["<message xml:lang='en' xmlns:c='jabber:client'><body>a</body></message>"],
    );
    client(
        "<c:message xmlns:c='jabber:client' xmlns='urn:d'><c:body>a<b/></c:body><x><c:y c:z='&apos;'/></x></c:message>",
        &[
            "<message xml:lang='en' xmlns:c='jabber:client'><body>a<b xmlns='urn:d'/></body><x xmlns='urn:d'><y xmlns='jabber:client' c:z='&apos;'/></x></message>",
        ],
    );
    client("<message><x xmlns=''><y/></x></message>", &["<message xml:lang='en'><x xmlns=''><y/></x></message>"]);
    check(
        Mode::Client,
        "<stream to='a.example' version='1.0' xml:lang='en' xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:client'>",
        "<features/><c:iq type='get' id='1'><c:a/><q xmlns='urn:q'/><b/></c:iq></stream>",
        &[
            "element {http://etherx.jabber.org/streams}features ",
            "<iq id='1' type='get' xml:lang='en' xmlns:c='jabber:client'><a/><q xmlns='urn:q'/><b xmlns='http://etherx.jabber.org/streams'/></iq>",
            "close",
        ],
    );
}

#[test]
fn stanzas_are_refused_and_the_stream_goes_on() {
    for (stanza, expect) in [
        ("<message to='a@b@c' id='1'/>", "refused message 1 To"),
        ("<message to=''/>", "refused message - To"),
        ("<message to='a&#x7;'/>", "error not-well-formed"),
        ("<presence from='@a' id='1'/>", "refused presence 1 From"),
        ("<presence type='odd'/>", "refused presence - Type"),
        ("<iq type='get'/>", "refused iq - NoId"),
        ("<iq id='1'/>", "refused iq 1 NoType"),
        ("<iq id='1' type='odd'/>", "refused iq 1 Type"),
    ] {
        if expect.starts_with("error") {
            client(stanza, &[expect]);
        } else {
            client(&format!("{stanza}<presence/>"), &[expect, "<presence xml:lang='en'/>"]);
        }
    }
    for (len, ok) in [(1023, true), (1024, true), (1025, false), (10_240, false)] {
        let id = "i".repeat(len);
        let stanza = format!("<message xmlns='jabber:client' id='{id}'/>");
        assert_eq!(wire::Stanza::parse(stanza.as_bytes()).is_ok(), ok, "{len}");
    }
}

#[test]
fn what_ends_a_stream() {
    for (input, condition) in [
        // A01, A02: a DTD, and entities of one's own.
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><presence/>", "restricted-xml"),
        ("<message><!DOCTYPE a>", "restricted-xml"),
        ("<message>&nbsp;</message>", "restricted-xml"),
        ("<message a='&b;'/>", "restricted-xml"),
        ("<message><!-- a --></message>", "restricted-xml"),
        ("<message><![CDAT", "held"),
        ("<message><![CDAT<", "restricted-xml"),
        ("<![CDATA[a]]>", "restricted-xml"),
        ("<message><?a b?></message>", "restricted-xml"),
        ("<?xml version='1.0'?>", "restricted-xml"),
        ("<?xml-stylesheet a='b'?>", "restricted-xml"),
        // A11: characters.
        ("<message>\u{fffe}</message>", "not-well-formed"),
        ("<message a='\u{ffff}'/>", "not-well-formed"),
        ("<message>\u{1}</message>", "not-well-formed"),
        ("<message><![CDATA[\0]]></message>", "not-well-formed"),
        ("<message>&#0;</message>", "not-well-formed"),
        ("<message a='&#xD800;'/>", "not-well-formed"),
        ("<message>&#x;</message>", "not-well-formed"),
        ("<message>&;</message>", "not-well-formed"),
        ("<message>& </message>", "not-well-formed"),
        // RFC 6120 section 4.9.3.1: words where only stanzas stand.
        ("a", "bad-format"),
        ("&amp;", "bad-format"),
        // Tags.
        ("<message>]]></message>", "not-well-formed"),
        ("<message><a></b></message>", "not-well-formed"),
        ("<message><a></message></a>", "not-well-formed"),
        ("<message></messages>", "not-well-formed"),
        ("<message a='<'/>", "not-well-formed"),
        ("<message a=1/>", "not-well-formed"),
        ("<message a/>", "not-well-formed"),
        ("<message a='1'b='2'/>", "not-well-formed"),
        ("<message a='1' a='2'/>", "not-well-formed"),
        ("<message / >", "not-well-formed"),
        ("<message/ a='>'>", "not-well-formed"),
        ("< message/>", "not-well-formed"),
        ("<>", "not-well-formed"),
        ("<1/>", "not-well-formed"),
        ("<message></ message>", "not-well-formed"),
        ("</message>", "not-well-formed"),
        ("</stream:stream a='1'>", "not-well-formed"),
        // Namespaces.
        ("<message><a:b/></message>", "not-well-formed"),
        ("<message a:b='c'/>", "not-well-formed"),
        ("<a:message/>", "not-well-formed"),
        ("<message xmlns:a=''/>", "not-well-formed"),
        ("<message xmlns:xml='a'/>", "not-well-formed"),
        ("<message xmlns:xmlns='a'/>", "not-well-formed"),
        ("<message xmlns:a='http://www.w3.org/2000/xmlns/'/>", "not-well-formed"),
        ("<message xmlns:a='http://www.w3.org/XML/1998/n&#97;mespace'/>", "not-well-formed"),
        ("<message xmlns='http://www.w3.org/XML/1998/namespace'/>", "not-well-formed"),
        ("<message><xmlns:a/></message>", "not-well-formed"),
        ("<message><a xmlns:b='u' xmlns:c='u' b:d='' c:d=''/></message>", "not-well-formed"),
        ("<message><a xmlns:b='u&amp;' xmlns:c='u&#38;' b:d='' c:d=''/></message>", "not-well-formed"),
        ("<message><:a/></message>", "not-well-formed"),
        ("<message><a:/></message>", "not-well-formed"),
        ("<message><a:b:c xmlns:a='u'/></message>", "not-well-formed"),
        ("<message><a:1 xmlns:a='u'/></message>", "not-well-formed"),
        ("<message xmlns='jabber:server'/>", "invalid-namespace"),
        ("<message xmlns='jabber:client\u{c}'/>", "not-well-formed"),
        ("<message xmlns='jabber:client '/>", "invalid-namespace"),
        ("<iq xmlns='urn:a'>", "invalid-namespace"),
        ("<a xmlns=''/>", "invalid-namespace"),
        ("<a xmlns='jabber:server'/>", "invalid-namespace"),
        // A15: a second header; what comes behind the fault is not read.
        (CLIENT.trim_start_matches("<?xml version='1.0'?>"), "bad-format"),
        ("<message></iq><presence/><presence/>", "not-well-formed"),
    ] {
        let expect = if condition == "held" { "held".to_owned() } else { format!("error {condition}") };
        client(input, &[&expect]);
    }
    for (bytes, condition) in [
        (&b"\xc0\xaf"[..], "unsupported-encoding"),
        (b"\xe0\x80\x80", "unsupported-encoding"),
        (b"\xc3", "unsupported-encoding"),
        (b"\xed\xa0\x80", "unsupported-encoding"),
        (b"\xed\xb0\x80\xed\xa0\x80", "unsupported-encoding"),
        (b"\xf4\x90\x80\x80", "unsupported-encoding"),
        (b"\xff", "unsupported-encoding"),
    ] {
        for (front, back) in
            [("<message>", "</message>"), ("<message a='", "'/>"), ("<message><![CDATA[", "]]></message>")]
        {
            let input = [CLIENT.as_bytes(), front.as_bytes(), bytes, back.as_bytes()].concat();
            check_bytes(
                Mode::Client,
                &input,
                &["open to=a.example version=1.0 lang=en", &format!("error {condition}")],
            );
        }
    }
}

#[test]
fn stream_headers() {
    let ns = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";
    for (input, expect) in [
        (format!("<stream:stream {ns}>"), "open to=- version=- lang=-"),
        (format!(" \n<stream:stream {ns} to='@'>"), "open to=@ version=- lang=-"),
        (
            format!("<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?>\n<stream:stream {ns}>"),
            "open to=- version=- lang=-",
        ),
        (format!(" <?xml version='1.0'?><stream:stream {ns}>"), "error restricted-xml"),
        (format!("<?xml version='1.1'?><stream:stream {ns}>"), "error not-well-formed"),
        (format!("<?xml?><stream:stream {ns}>"), "error restricted-xml"),
        (format!("<?xml encoding='utf-8'?><stream:stream {ns}>"), "error not-well-formed"),
        (format!("<?xml version='1.0'encoding='utf-8'?><stream:stream {ns}>"), "error not-well-formed"),
        (format!("<?xml version='1.0' encoding='utf-16'?><stream:stream {ns}>"), "error unsupported-encoding"),
        (format!("<?php?><stream:stream {ns}>"), "error restricted-xml"),
        (format!("\u{feff}<stream:stream {ns}>"), "error unsupported-encoding"),
        ("<\0s\0".to_owned(), "held"),
        ("\0<\0s".to_owned(), "error unsupported-encoding"),
        ("GET / HTTP/1.1\r\n".to_owned(), "error not-well-formed"),
        ("<!DOCTYPE a>".to_owned(), "error restricted-xml"),
        ("<stream:stream xmlns='jabber:client'>".to_owned(), "error not-well-formed"),
        ("<stream:stream xmlns='jabber:client' xmlns:stream='urn:s'>".to_owned(), "error invalid-namespace"),
        (format!("<stream:stream {}>", ns.replace(":client", ":server")), "error invalid-namespace"),
        (format!("<stream:features {ns}>"), "error bad-format"),
        (format!("<stream:stream {ns}/>"), "error bad-format"),
        ("<message/>".to_owned(), "error bad-format"),
        ("</message>".to_owned(), "error not-well-formed"),
        (format!("<stream:stream {ns} a='1' a='2'>"), "error not-well-formed"),
    ] {
        check_bytes(Mode::Client, input.as_bytes(), &[expect]);
    }
}

#[test]
fn a_stream_starts_again() {
    let mut framer = Framer::new(Mode::Client);
    let input = format!("{CLIENT}<auth xmlns='urn:a'/><presence");
    let mut chunk = input.as_bytes();
    while framer.next(&mut chunk).unwrap().is_some() {}
    assert_eq!(framer.held_bytes(), "<presence".len());
    framer.restart();
    assert_eq!(framer.held_bytes(), 0);
    let mut chunk = CLIENT.as_bytes();
    assert!(matches!(framer.next(&mut chunk), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(&mut &b"<presence/>"[..]), Ok(Some(Frame::Stanza(_)))));
    assert!(matches!(framer.next(&mut &b"<!"[..]), Err(FrameError::RestrictedXml)));
    assert!(matches!(framer.next(&mut &b"<presence/>"[..]), Ok(None)));
}

/// Attack case A03: whatever a stream comes by, one reader reads it, and refuses what it refuses by TCP.
#[test]
fn every_entry_refuses_the_same() {
    let server_ns = |xml: &str| xml.replace("<message", "<message xmlns='jabber:server'");
    for (xml, condition) in [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><message/>", "restricted-xml"),
        ("<message>&b;</message>", "restricted-xml"),
        ("<message a='&b;'/>", "restricted-xml"),
        ("<message><!-- a --></message>", "restricted-xml"),
        ("<message>&#0;</message>", "not-well-formed"),
        ("<message a='1' a='2'/>", "not-well-formed"),
    ] {
        let expect = format!("error {condition}");
        let websocket = xml.replace("<message", "<message xmlns='jabber:client'");
        check(Mode::Client, CLIENT, xml, &[&expect]);
        check(Mode::Server, SERVER, &server_ns(xml), &[&expect]);
        check(Mode::WebSocket, OPEN, &websocket, &[&expect]);
    }
}
