//! XEP-0174 section 5 as libpurple has it: what is written on a stream between two programs on a link.

use base::limits::NEARBY_REQUEST_ID_BYTES_MAX;
use wire::ns::{CLIENT, STREAMS};
use wire::{Element, FrameError, Xml, escape_attr};

/// RFC 6120 section 8.3.3.
const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// What libpurple has for HTML.
const XHTML: &str = "http://www.w3.org/1999/xhtml";
/// XEP-0096.
const STREAM_INITIATION: &str = "http://jabber.org/protocol/si";

/// The end of a stream.
pub(super) const END: &[u8] = b"</stream:stream>";

/// What a stream may offer, which is nothing. Only for who has said `version` (RFC 6120 section 4.3.2); libpurple never does.
pub(super) const FEATURES: &[u8] = b"<stream:features/>";

/// Our header. `from` is always said: several people here share one port.
pub(super) fn header(from: &str, to: &str) -> Vec<u8> {
    let mut out = b"<?xml version='1.0' encoding='UTF-8'?>".to_vec();
    out.extend_from_slice(format!("<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' from='").as_bytes());
    escape_attr(&mut out, from);
    out.extend_from_slice(b"' to='");
    escape_attr(&mut out, to);
    out.extend_from_slice(b"' version='1.0' xml:lang='en'>");
    out
}

/// Words. COMPAT(libpurple 2.14): all else is ignored there, an `<id/>` in some of it has the words dropped. It takes a body
/// for HTML, so that `<3` is nothing on the screen: where that matters the words are said as HTML, too, which it prefers.
pub(super) fn message(from: &str, to: &str, body: &str) -> Vec<u8> {
    let mut xml = Xml::within(CLIENT);
    xml.open("message", CLIENT).attr("to", to).attr("from", from).attr("type", "chat");
    xml.leaf("body", CLIENT, body);
    if body.contains(['<', '&', '>']) {
        xml.open("html", XHTML).open("body", XHTML).leaf("font", XHTML, body);
    }
    xml.finish()
}

/// What a stream ends with that cannot go on.
pub(super) fn broken(error: FrameError) -> Vec<u8> {
    let condition = error.condition();
    [format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>").as_bytes(), END]
        .concat()
}

/// A request that wants an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    id: Option<String>,
    /// Whether a file is offered (XEP-0096): there is no place for it here.
    is_file: bool,
}

impl Request {
    /// Reads an iq; none if it is an answer, or its id so long that it gets none.
    pub(super) fn of(iq: &Element<'_>) -> Option<Request> {
        let kind = iq.attr("type")?;
        let id = iq.attr("id").map(|id| id.into_owned());
        let is_file = iq.child("si", STREAM_INITIATION).is_some();
        let fits = id.as_ref().is_none_or(|id| id.len() <= NEARBY_REQUEST_ID_BYTES_MAX);
        (fits && matches!(&*kind, "get" | "set")).then_some(Request { id, is_file })
    }
}

/// The answer to a request: no, politely. Nobody would wait for it long.
pub(super) fn refusal(request: &Request, from: &str, to: &str) -> Vec<u8> {
    let (code, condition) = if request.is_file { ("403", "forbidden") } else { ("503", "service-unavailable") };
    let mut xml = Xml::within(CLIENT);
    xml.open("iq", CLIENT).attr("to", to).attr("from", from).attr_if("id", request.id.as_ref()).attr("type", "error");
    xml.open("error", CLIENT).attr("code", code).attr("type", "cancel").open(condition, STANZAS);
    xml.finish()
}

/// The words of a message: never the other spelling of them beside it, which may be empty or different.
pub(super) fn words(message: &Element<'_>) -> Option<String> {
    let body = message.child("body", CLIENT)?.text();
    (!body.is_empty()).then(|| body.into_owned())
}

/// What stands in an error for one of our people.
pub(super) fn error(kind: &str, condition: &str, text: &str) -> Vec<u8> {
    let mut xml = Xml::within(CLIENT);
    xml.open("error", CLIENT).attr("type", kind);
    xml.open(condition, STANZAS).close().leaf("text", STANZAS, text).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_header_whatever_the_names() {
        let header = header("it's <me>", "Jörg & \"Müller\"@tablet");
        let mut framer = wire::Framer::new(wire::Mode::LinkLocal);
        let mut rest = &header[..];
        let Ok(Some(wire::Frame::Open(read))) = framer.next(&mut rest) else { panic!("no header") };
        assert_eq!(read.from_text.as_deref(), Some("it's <me>"));
        assert_eq!(read.to_text.as_deref(), Some("Jörg & \"Müller\"@tablet"));
        assert_eq!(read.version.as_deref(), Some("1.0"));
    }

    #[track_caller]
    fn check(iq: &str, expect: Option<&str>) {
        let iq = format!("<iq xmlns='jabber:client' {iq}</iq>");
        let request = Request::of(&Element::parse(iq.as_bytes()).unwrap());
        let answer = request.map(|request| refusal(&request, "lisa@l", "romeo@f"));
        assert_eq!(answer.map(|xml| String::from_utf8(xml).unwrap()).as_deref(), expect);
    }

    #[test]
    fn what_is_refused() {
        check(
            "id='0' type='set'><si xmlns='http://jabber.org/protocol/si' id='0'/>",
            Some(
                "<iq to='romeo@f' from='lisa@l' id='0' type='error'><error code='403' type='cancel'>\
                 <forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
            ),
        );
        check(
            "type='get'><ping xmlns='urn:xmpp:ping'/>",
            Some(
                "<iq to='romeo@f' from='lisa@l' type='error'><error code='503' type='cancel'>\
                 <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
            ),
        );
        check("id='1' type='result'>", None);
        check("id='1' type='error'>", None);
        check("id='1'>", None);
    }

    #[test]
    fn only_the_body_is_believed() {
        for (inner, expect) in [
            ("<body>a &amp; b</body>", Some("a & b")),
            ("<html xmlns='http://www.w3.org/1999/xhtml'><body><font>x</font></body></html>", None),
            ("<body>a</body><html xmlns='http://www.w3.org/1999/xhtml'><body/></html>", Some("a")),
            ("<body/>", None),
            ("<x xmlns='jabber:x:event'><composing/></x>", None),
        ] {
            let xml = format!("<message xmlns='jabber:client'>{inner}</message>");
            assert_eq!(words(&Element::parse(xml.as_bytes()).unwrap()).as_deref(), expect, "{inner}");
        }
    }
}
