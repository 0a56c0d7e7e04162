//! Each limit on what strangers send, reached: one below, at it, one above, ten times (attack cases A04, A05, A06, A07,
//! A08, A09, A26).

use base::limits::*;
use wire::{Form, Frame, FrameError, Framer, Limit, Mode, Stanza};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

fn opened(authenticated: bool) -> Framer {
    let mut framer = Framer::new(Mode::Client);
    if authenticated {
        framer.authenticated();
    }
    assert!(matches!(framer.next(&mut HEADER.as_bytes()), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(&mut &b" "[..]), Ok(None)));
    framer
}

/// Feeds a stanza in pieces of this size. Never holds more than it may.
fn feed(authenticated: bool, xml: &str, piece: usize) -> Result<usize, FrameError> {
    let bytes_max = if authenticated { STANZA_BYTES_MAX } else { UNAUTHENTICATED_STANZA_BYTES_MAX };
    let mut framer = opened(authenticated);
    let mut frames = 0;
    for mut chunk in xml.as_bytes().chunks(piece) {
        while framer.next(&mut chunk)?.is_some() {
            frames += 1;
        }
        assert!(framer.held_bytes() <= bytes_max);
    }
    Ok(frames)
}

/// `make(n)` reaches the limit at `n`.
#[track_caller]
fn check(limit: usize, reached: Limit, make: impl Fn(usize) -> String) {
    for n in [limit - 1, limit, limit + 1, limit * 10] {
        let xml = make(n);
        let expect = if n <= limit { Ok(1) } else { Err(FrameError::PolicyViolation(reached)) };
        for piece in [xml.len(), xml.len() / 2 + 1, 7] {
            assert_eq!(feed(true, &xml, piece), expect, "{reached:?} {n} in pieces of {piece}");
        }
    }
}

fn numbered(n: usize, one: impl Fn(usize) -> String) -> String {
    (0..n).map(one).collect()
}

#[test]
fn bytes() {
    let frame = "<message><body></body></message>".len();
    let make = |n: usize| format!("<message><body>{}</body></message>", "a".repeat(n - frame));
    check(STANZA_BYTES_MAX, Limit::Bytes, make);
    let limit = UNAUTHENTICATED_STANZA_BYTES_MAX;
    for n in [limit - 1, limit, limit + 1, limit * 10] {
        let expect = if n <= limit { Ok(1) } else { Err(FrameError::PolicyViolation(Limit::Bytes)) };
        for piece in [n, n / 2 + 1, 1] {
            assert_eq!(feed(false, &make(n), piece), expect, "{n} in pieces of {piece}");
        }
    }
    // A header and a declaration that never end; white space is nothing at all.
    for endless in [format!("<stream:stream a='{}", "a".repeat(limit)), format!("<?xml {}", " ".repeat(limit))] {
        let mut framer = Framer::new(Mode::Client);
        let error = framer.next(&mut endless.as_bytes()).unwrap_err();
        assert_eq!(error, FrameError::PolicyViolation(Limit::Bytes));
    }
    assert_eq!(feed(false, &" ".repeat(limit * 10), 1000), Ok(0));
}

#[test]
fn elements() {
    let deep = |n: usize| format!("<message>{}{}</message>", "<a>".repeat(n - 1), "</a>".repeat(n - 1));
    check(ELEMENT_DEPTH_MAX, Limit::Depth, deep);
    check(STANZA_ELEMENTS_MAX, Limit::Elements, |n| format!("<message>{}</message>", "<a/>".repeat(n - 1)));
}

#[test]
fn attributes() {
    check(ELEMENT_ATTRIBUTES_MAX, Limit::Attributes, |n| {
        format!("<message><a xmlns='u' {}/></message>", numbered(n, |i| format!(" a{i}='1'")))
    });
    check(STANZA_FOREIGN_ATTRIBUTES_MAX, Limit::Attributes, |n| {
        format!("<message from='a' to='b' id='c' type='d' xml:lang='e'{}/>", numbered(n, |i| format!(" a{i}='1'")))
    });
    check(ATTRIBUTE_BYTES_MAX, Limit::Attribute, |n| format!("<message><a b='{}'/></message>", "b".repeat(n)));
    check(NAME_BYTES_MAX, Limit::Name, |n| format!("<message><{}/></message>", "a".repeat(n)));
    check(NAME_BYTES_MAX, Limit::Name, |n| format!("<message><a {}='1'/></message>", "b".repeat(n)));
    check(NAME_BYTES_MAX, Limit::Name, |n| format!("<message><a:{} xmlns:a='u'/></message>", "b".repeat(n - 2)));
}

#[test]
fn namespaces() {
    // The default namespace is not counted among those in force, nor is what the header declares and nobody uses.
    check(ELEMENT_NAMESPACES_MAX, Limit::Namespaces, |n| {
        format!("<message><a{}/></message>", numbered(n, |i| format!(" xmlns:a{i}='u'")))
    });
    check(ELEMENT_NAMESPACES_MAX, Limit::Namespaces, |n| {
        let deep = numbered(n, |i| format!("<a xmlns:a{i}='u' xmlns='u{i}'>"));
        format!("<message>{deep}{}</message>", "</a>".repeat(n))
    });
    check(ELEMENT_NAMESPACES_MAX, Limit::Namespaces, |n| {
        format!("<message><a{}/><stream:a/></message>", numbered(n - 1, |i| format!(" xmlns:a{i}='u'")))
    });
    // The same one again and again is found before there are many.
    let twins = format!("<message{}/>", " xmlns='jabber:client'".repeat(1000));
    assert_eq!(feed(true, &twins, 1000), Err(FrameError::PolicyViolation(Limit::Namespaces)));
    check(NAMESPACE_BYTES_MAX, Limit::Namespace, |n| format!("<message><a xmlns='{}'/></message>", "u".repeat(n)));
    check(NAMESPACE_BYTES_MAX, Limit::Namespace, |n| format!("<message><a xmlns:a='{}'/></message>", "u".repeat(n)));
}

#[test]
fn ids() {
    for n in [STANZA_ID_BYTES_MAX - 1, STANZA_ID_BYTES_MAX, STANZA_ID_BYTES_MAX + 1, STANZA_ID_BYTES_MAX * 10] {
        let xml = format!("<message xmlns='jabber:client' id='{}'/>", "i".repeat(n));
        assert_eq!(Stanza::parse(xml.as_bytes()).is_ok(), n <= STANZA_ID_BYTES_MAX, "{n}");
    }
}

/// What a client may send at most, a server takes with all that we add: else one person could end the stream of many.
#[test]
fn what_is_taken_may_be_passed_on() {
    let stanzas = [
        format!("<message{}/>", numbered(STANZA_FOREIGN_ATTRIBUTES_MAX, |i| format!(" a{i}='1'"))),
        format!("<message a=\"{}\"/>", "'".repeat(ATTRIBUTE_BYTES_MAX)),
        format!("<message id=\"{}\"/>", "'".repeat(STANZA_ID_BYTES_MAX)),
        format!("<message><a{}/></message>", numbered(ELEMENT_NAMESPACES_MAX, |i| format!(" xmlns:a{i}='u'"))),
        format!("<message>{}</message>", "<a/>".repeat(STANZA_ELEMENTS_MAX - 1)),
        format!("<message>{}</message>", "a".repeat(STANZA_BYTES_MAX - "<message></message>".len())),
    ];
    let header =
        "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='urn:db'>";
    for stanza in &stanzas {
        let mut client = opened(true);
        let Ok(Some(Frame::Stanza(mut stanza))) = client.next(&mut stanza.as_bytes()) else { panic!("{stanza:.80}") };
        stanza.head.from = Some(base::Jid::new("a@b.example/it's").unwrap());
        stanza.head.to = Some(base::Jid::new("b.example").unwrap());
        stanza.head.lang = Some("en".into());
        stanza.append("<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='b.example'/>");
        let (mut nested, mut out) = (Vec::new(), header.as_bytes().to_vec());
        stanza.emit(Form::Nested, &mut nested);
        assert!(Stanza::parse(&nested).is_ok());
        stanza.emit(Form::Server, &mut out);
        let mut server = Framer::new(Mode::Server);
        server.authenticated();
        let mut chunk = &out[..];
        assert!(matches!(server.next(&mut chunk), Ok(Some(Frame::Open(_)))));
        assert!(matches!(server.next(&mut chunk), Ok(Some(Frame::Stanza(_)))));
    }
}

/// The work for one byte does not grow with the stanza, whatever it is made of and however it comes.
#[test]
fn work_is_linear() {
    let shapes: [&dyn Fn(usize) -> String; 5] = [
        &|n| format!("<message><body>{}</body></message>", "]".repeat(n)),
        &|n| format!("<message><body><![CDATA[{}]]></body></message>", "]".repeat(n)),
        &|n| format!("<message><body>{}</body></message>", "&amp;".repeat(n / 5)),
        &|n| format!("<message>{}</message>", "<a b='' c=''/>".repeat((n / 14).min(9_999))),
        &|n| format!("<message>{}</message>", "<a xmlns:b='u' b:c='' b:d=''></a>".repeat((n / 33).min(9_999))),
    ];
    for (number, shape) in shapes.iter().enumerate() {
        for piece in [1, 100, usize::MAX] {
            // Times are compared very generously: quadratic work would be 32 times more for each byte.
            let time = |n: usize| {
                let xml = shape(n);
                let best = (0..3).map(|_| timed(|| assert_eq!(feed(true, &xml, piece.min(xml.len())), Ok(1)))).min();
                best.unwrap_or_default().as_secs_f64() / xml.len() as f64
            };
            let (small, large) = (time(4_000), time(128_000));
            assert!(large < small * 12.0, "shape {number}, pieces of {piece}: {small} then {large} s a byte");
        }
    }
}

/// Nor does the work for one child that is cut (attack case A07).
#[test]
fn cutting_is_linear() {
    let time = |n: usize| {
        let xml = format!("<message xmlns='jabber:client'>{}</message>", "<a/> ".repeat(n));
        let best = (0..3).map(|_| {
            timed(|| {
                let mut stanza = Stanza::parse(xml.as_bytes()).unwrap();
                stanza.cut(|_| true);
                stanza.cut(|_| false);
                assert_eq!(stanza.payloads().count(), 0);
            })
        });
        best.min().unwrap_or_default().as_secs_f64() / n as f64
    };
    let (small, large) = (time(300), time(9_600));
    assert!(large < small * 12.0, "{small} then {large} s a child");
}

#[expect(clippy::disallowed_methods, reason = "a measurement, not a decision")]
fn timed(work: impl FnOnce()) -> std::time::Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}
