//! The stanza: read, changed, emitted, read again.

use base::Jid;
use wire::{
    Element, Form, FrameError, Framer, IqType, Kind, MessageType, ParseError, PresenceType, Stanza, Why, Xml,
    escape_attr, escape_text,
};

const CHAT: &str = "<message xmlns='jabber:client' from='a@b.example/c' to='d@e.example' id='1' type='chat'>\
    <body>hi</body><delay xmlns='urn:xmpp:delay'/>\n<stanza-id xmlns='urn:xmpp:sid:0' id='x'/></message>";

fn chat() -> Stanza<'static> {
    Stanza::parse(CHAT.as_bytes()).unwrap()
}

fn emitted(stanza: &Stanza<'_>, form: Form) -> String {
    let mut out = b"before".to_vec();
    stanza.emit(form, &mut out);
    String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned()
}

fn names(stanza: &Stanza<'_>) -> Vec<String> {
    stanza.payloads().map(|payload| format!("{{{}}}{}", payload.namespace(), payload.name())).collect()
}

#[test]
fn forms() {
    let stanza = chat();
    let bare = CHAT.replace(" xmlns='jabber:client'", "");
    assert_eq!(emitted(&stanza, Form::Nested), CHAT);
    assert_eq!(emitted(&stanza, Form::WebSocket), CHAT);
    assert_eq!(emitted(&stanza, Form::Tcp), bare);
    assert_eq!(emitted(&stanza, Form::Server), bare);
    assert_eq!(emitted(&stanza.borrow(), Form::Nested), CHAT);
    assert_eq!(emitted(&stanza.into_owned(), Form::Nested), CHAT);
}

#[test]
fn payloads_are_cut_and_appended() {
    let mut stanza = chat();
    let all = ["{jabber:client}body", "{urn:xmpp:delay}delay", "{urn:xmpp:sid:0}stanza-id"];
    assert_eq!(names(&stanza), all);
    assert_eq!(stanza.payload("body", "jabber:client").unwrap().text(), "hi");
    assert!(stanza.payload("body", "jabber:server").is_none());

    stanza.cut(|payload| payload.is("delay", "urn:xmpp:delay"));
    stanza.cut(|payload| payload.is("stanza-id", "urn:xmpp:sid:0"));
    stanza.append("<stanza-id xmlns='urn:xmpp:sid:0' id='y' by='d@e.example'/>");
    stanza.append("<body xmlns='jabber:client' xml:lang='sw'>habari</body><x xmlns='urn:x'/>");
    let expect = ["{jabber:client}body", "{urn:xmpp:sid:0}stanza-id", "{jabber:client}body", "{urn:x}x"];
    assert_eq!(names(&stanza), expect);
    assert_eq!(names(&stanza.borrow()), expect);
    assert_eq!(
        emitted(&stanza.borrow(), Form::Server),
        "<message from='a@b.example/c' to='d@e.example' id='1' type='chat'><body>hi</body>\n\
         <stanza-id xmlns='urn:xmpp:sid:0' id='y' by='d@e.example'/><body xml:lang='sw'>habari</body><x xmlns='urn:x'/></message>"
    );
    let nested = emitted(&stanza, Form::Nested);
    assert_eq!(names(&Stanza::parse(nested.as_bytes()).unwrap()), expect);

    stanza.cut(|payload| payload.name() != "x");
    assert_eq!(names(&stanza), ["{urn:x}x"]);
    stanza.cut(|_| true);
    assert_eq!(names(&stanza), Vec::<String>::new());
    stanza.append("<y xmlns='urn:y'/>");
    assert_eq!(names(&stanza.into_owned()), ["{urn:y}y"]);
}

#[test]
fn an_empty_stanza_is_one_tag() {
    let mut stanza = Stanza::new(Kind::Presence(PresenceType::Available));
    assert_eq!(emitted(&stanza, Form::Tcp), "<presence/>");
    assert_eq!(emitted(&stanza, Form::Nested), "<presence xmlns='jabber:client'/>");
    stanza = stanza.with_inner(Xml::new().leaf("show", wire::ns::CLIENT, "a<b").finish());
    assert_eq!(emitted(&stanza, Form::Tcp), "<presence><show>a&lt;b</show></presence>");
    stanza.cut(|_| true);
    assert_eq!(emitted(&stanza, Form::Tcp), "<presence/>");
}

#[test]
fn a_head_is_built_by_its_fields() {
    let mut stanza = Stanza::new(Kind::Iq(IqType::Result));
    stanza.head.to = Some(Jid::new("a@b.example/it's").unwrap());
    stanza.head.from = Some(Jid::new("b.example").unwrap());
    stanza.head.id = Some("\"<\n>".into());
    stanza.head.lang = Some("sw".into());
    let expect =
        "<iq from='b.example' to='a@b.example/it&apos;s' id='&quot;&lt;&#xa;&gt;' type='result' xml:lang='sw'/>";
    assert_eq!(emitted(&stanza, Form::Tcp), expect);
    let nested = emitted(&stanza, Form::Nested);
    assert_eq!(Stanza::parse(nested.as_bytes()).unwrap().head, stanza.head);
    let copy = stanza.borrow();
    assert_eq!(copy.head.into_owned(), stanza.head);
}

#[test]
fn kinds_are_written_as_they_are_read() {
    use {IqType as I, MessageType as M, PresenceType as P};
    for (kind, text) in [
        (Kind::Message(M::Normal), None),
        (Kind::Message(M::Chat), Some("chat")),
        (Kind::Message(M::Groupchat), Some("groupchat")),
        (Kind::Message(M::Headline), Some("headline")),
        (Kind::Message(M::Error), Some("error")),
        (Kind::Presence(P::Available), None),
        (Kind::Presence(P::Unavailable), Some("unavailable")),
        (Kind::Presence(P::Probe), Some("probe")),
        (Kind::Presence(P::Subscribe), Some("subscribe")),
        (Kind::Presence(P::Subscribed), Some("subscribed")),
        (Kind::Presence(P::Unsubscribe), Some("unsubscribe")),
        (Kind::Presence(P::Unsubscribed), Some("unsubscribed")),
        (Kind::Presence(P::Error), Some("error")),
        (Kind::Iq(I::Get), Some("get")),
        (Kind::Iq(I::Set), Some("set")),
        (Kind::Iq(I::Result), Some("result")),
        (Kind::Iq(I::Error), Some("error")),
    ] {
        assert_eq!((kind.type_text(), kind.is_error()), (text, text == Some("error")));
        let mut stanza = Stanza::new(kind);
        stanza.head.id = Some("1".into());
        let nested = emitted(&stanza, Form::Nested);
        assert_eq!(Stanza::parse(nested.as_bytes()).unwrap().head.kind, kind, "{nested}");
    }
}

#[test]
fn other_attributes_are_kept() {
    let xml = "<message xmlns='jabber:client' xmlns:p='urn:p' a='1' p:b='&lt;'><p:c/></message>";
    let stanza = Stanza::parse(xml.as_bytes()).unwrap();
    assert_eq!(stanza.head.attr("a").as_deref(), Some("1"));
    assert_eq!(stanza.head.attr("p:b").as_deref(), Some("<"));
    assert_eq!(stanza.head.attr("xmlns:p"), None);
    assert!(stanza.payload("c", "urn:p").is_some());
    assert_eq!(emitted(&stanza, Form::Nested), xml);
}

#[test]
fn what_is_no_stanza() {
    let ns = "xmlns='jabber:client'";
    for (xml, expect) in [
        (format!("<a {ns}/>"), ParseError::NoStanza),
        ("<a xmlns='urn:a'/>".to_owned(), ParseError::NoStanza),
        ("<message/>".to_owned(), ParseError::Xml(FrameError::InvalidNamespace)),
        (String::new(), ParseError::Xml(FrameError::NotWellFormed)),
        (format!(" <message {ns}/>"), ParseError::Xml(FrameError::NotWellFormed)),
        (format!("<message {ns}/> "), ParseError::Xml(FrameError::NotWellFormed)),
        (format!("<message {ns}>"), ParseError::Xml(FrameError::NotWellFormed)),
        (format!("<!-- --><message {ns}/>"), ParseError::Xml(FrameError::RestrictedXml)),
        (format!("<iq {ns} type='get'/>"), ParseError::Refused(Why::NoId)),
        (format!("<message {ns} to='@'/>"), ParseError::Refused(Why::To)),
    ] {
        assert_eq!(Stanza::parse(xml.as_bytes()).unwrap_err(), expect, "{xml}");
    }
}

#[test]
fn elements_are_read_in_place() {
    let xml = "<a xmlns='urn:a' xmlns:p='urn:p' b='&lt;\n1' xml:lang='sw' p:c=\"'\">x<b>no</b>&amp;<![CDATA[<y>]]><p:d><e/></p:d></a>";
    let a = Element::parse(xml.as_bytes()).unwrap();
    assert!(a.is("a", "urn:a"));
    assert_eq!(
        (a.attr("b").as_deref(), a.attr("xml:lang").as_deref(), a.attr("xmlns")),
        (Some("< 1"), Some("sw"), None)
    );
    let attrs: Vec<_> = a.attrs().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(attrs, ["b=< 1", "xml:lang=sw", "p:c='"]);
    assert_eq!(a.text(), "x&<y>");
    assert_eq!(a.raw(), xml.as_bytes());
    let d = a.child("d", "urn:p").unwrap();
    assert_eq!(d.raw(), &b"<p:d xmlns='urn:a' xmlns:p='urn:p'><e/></p:d>"[..]);
    let e = d.child("e", "urn:a").unwrap();
    assert_eq!((e.text(), e.children().count(), e.resolve("p").as_deref()), ("".into(), 0, Some("urn:p")));
    assert!(a.child("e", "urn:a").is_none());
}

#[test]
fn a_writer_escapes_and_declares() {
    let mut xml = Xml::new();
    xml.open("forwarded", "urn:xmpp:forward:0").open("delay", "urn:xmpp:delay").attr("stamp", "'").close();
    xml.stanza(&chat());
    let written = String::from_utf8(xml.finish()).unwrap();
    assert_eq!(
        written,
        format!(
            "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='&apos;'/>{CHAT}</forwarded>"
        )
    );
    let mut xml = Xml::within("urn:a");
    xml.open("a", "urn:a").attr_if("b", None::<&str>).attr_if("c", Some("d")).text("\0]]>").raw("<e/>");
    assert_eq!(xml.finish(), "<a c='d'>\u{fffd}]]&gt;<e/></a>".as_bytes());
    assert_eq!(xml.finish(), b"");
    let mut out = Vec::new();
    escape_attr(&mut out, "<'\"&>");
    escape_text(&mut out, "<'\"&>");
    assert_eq!(out, b"&lt;&apos;&quot;&amp;&gt;&lt;'\"&amp;&gt;");
}

#[test]
fn main_types_stay_small() {
    assert_eq!(size_of::<Kind>(), 2);
    assert!(size_of::<Stanza<'_>>() <= 256, "{}", size_of::<Stanza<'_>>());
    assert!(size_of::<Element<'_>>() <= 136, "{}", size_of::<Element<'_>>());
    assert!(size_of::<Framer>() <= 168, "{}", size_of::<Framer>());
}

#[test]
fn values_may_move_between_threads() {
    fn moves<T: Send + Sync>() {}
    moves::<Stanza<'static>>();
    moves::<Element<'static>>();
    moves::<Framer>();
}
