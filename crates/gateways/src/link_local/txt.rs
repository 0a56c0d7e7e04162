//! XEP-0174 section 2, the TXT record: what a person shows to everybody on the link, in the words that each side reads.
//!
//! libpurple's words differ from those of the specification: its `dnd` is "away", and its `away` is "idle".

use wire::{Kind, PresenceType, Stanza, Xml};

use super::names::cut;

/// XEP-0172.
const NICK: &str = "http://jabber.org/protocol/nick";

/// Bytes of a name that we announce: a whole record is to fit beside three others into one packet.
const NAME_BYTES_MAX: usize = 63;
/// Bytes of a status text that we announce.
const MESSAGE_BYTES_MAX: usize = 120;

/// The key by which our own daemons know each other: their people meet over links, where they prove who they are.
const OURS: &str = "jirani";

/// How available somebody is, as far as both sides can say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Show {
    #[default]
    Available,
    Away,
    Dnd,
}

/// What is shown of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Empty if there is none.
    pub(super) name: String,
    pub(super) show: Show,
    /// Empty if there is none.
    pub(super) message: String,
}

impl Shown {
    /// As an announcement says it. A name is the nickname, else the first and last name.
    pub(super) fn read(txt: &[(String, Vec<u8>)]) -> Shown {
        let value = |key: &str| {
            let found = txt.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, value)| value);
            found.map(|value| String::from_utf8_lossy(value).trim().to_owned()).unwrap_or_default()
        };
        let nick = value("nick");
        let full = || format!("{} {}", value("1st"), value("last")).trim().to_owned();
        // COMPAT(libpurple 2.14): "away" is announced as dnd. Others mean what they say.
        let away = if value("node") == "libpurple" { Show::Away } else { Show::Dnd };
        let show = match value("status").as_str() {
            "dnd" => away,
            "away" => Show::Away,
            _ => Show::Available,
        };
        Shown { name: if nick.is_empty() { full() } else { nick }, show, message: value("msg") }
    }

    /// As a session of our person says it; without a name of its own, `name`.
    pub(super) fn of(presence: &Stanza<'_>, name: &str) -> Shown {
        let text = |name, namespace| {
            presence.payload(name, namespace).map(|e| e.text().trim().to_owned()).filter(|text| !text.is_empty())
        };
        let show = match text("show", wire::ns::CLIENT).as_deref() {
            Some("away" | "xa") => Show::Away,
            Some("dnd") => Show::Dnd,
            _ => Show::Available,
        };
        let name = text("nick", NICK).unwrap_or_else(|| name.to_owned());
        Shown { name, show, message: text("status", wire::ns::CLIENT).unwrap_or_default() }
    }

    /// The record that announces it. Keys without a value are left out: libpurple takes an empty one for none.
    pub(super) fn txt(&self, port: u16) -> Vec<(&'static str, String)> {
        // COMPAT(libpurple 2.14): only dnd is shown as not available.
        let status = if self.show == Show::Available { "avail" } else { "dnd" };
        let name = clean(&self.name, NAME_BYTES_MAX);
        let mut txt = vec![
            ("txtvers", "1".to_owned()),
            ("nick", name.clone()),
            ("1st", name),
            ("last", String::new()),
            ("status", status.to_owned()),
            ("msg", clean(&self.message, MESSAGE_BYTES_MAX)),
            ("port.p2pj", port.to_string()),
            ("vc", "!".to_owned()),
            (OURS, "1".to_owned()),
        ];
        txt.retain(|(_, value)| !value.is_empty());
        txt
    }

    /// The presence that shows it to one of our people; its addresses are not filled in.
    pub(super) fn presence(&self, name: &str) -> Stanza<'static> {
        let mut xml = Xml::within(wire::ns::CLIENT);
        match self.show {
            Show::Available => {}
            Show::Away => drop(xml.leaf("show", wire::ns::CLIENT, "away")),
            Show::Dnd => drop(xml.leaf("show", wire::ns::CLIENT, "dnd")),
        }
        if !self.message.is_empty() {
            xml.leaf("status", wire::ns::CLIENT, &self.message);
        }
        xml.leaf("nick", NICK, name);
        Stanza::new(Kind::Presence(PresenceType::Available)).with_inner(xml.finish())
    }
}

/// Whether it is announced by a daemon like this one. Whoever says so and is none is not shown, and that is all.
pub(super) fn is_ours(txt: &[(String, Vec<u8>)]) -> bool {
    txt.iter().any(|(key, _)| key == OURS)
}

/// One line of at most so many bytes.
fn clean(text: &str, bytes_max: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(line.trim(), bytes_max).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use wire::Form;

    use super::*;

    #[track_caller]
    fn read(txt: &[&str], name: &str, show: Show, message: &str) {
        let pair = |text: &&str| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            (key.to_owned(), value.as_bytes().to_vec())
        };
        let found = Shown::read(&txt.iter().map(pair).collect::<Vec<_>>());
        assert_eq!(found, Shown { name: name.into(), show, message: message.into() }, "{txt:?}");
    }

    #[test]
    fn what_announcements_say() {
        read(&[], "", Show::Available, "");
        read(&["nick=", "1st=", "last="], "", Show::Available, "");
        let finch = ["msg=Hanging out", "jid=juliet@capulet.lit", "vc=!", "ver=2.14.12", "node=libpurple"];
        let more = ["port.p2pj=5298", "last=Capulet", "1st=Juliet", "txtvers=1"];
        for (status, show) in [
            ("status=avail", Show::Available),
            ("status=dnd", Show::Away),
            ("status=away", Show::Away),
            ("status=", Show::Available),
            ("status=strange", Show::Available),
        ] {
            read(&[&finch[..], &[status], &more[..]].concat(), "Juliet Capulet", show, "Hanging out");
        }
        read(&["status=dnd", "nick=J"], "J", Show::Dnd, "");
        read(&["nick=J", "1st=Juliet"], "J", Show::Available, "");
        read(&["1st=Juliet"], "Juliet", Show::Available, "");
        read(&["last=Capulet"], "Capulet", Show::Available, "");
        read(&["NICK=J"], "J", Show::Available, "");
        let broken = Shown::read(&[("msg".into(), vec![0xFF, b'a'])]);
        assert_eq!(broken.message, "\u{FFFD}a");
    }

    #[track_caller]
    fn announced(presence: &str, expect: &[&str]) {
        let xml = format!("<presence xmlns='jabber:client'>{presence}</presence>");
        let shown = Shown::of(&Stanza::parse(xml.as_bytes()).unwrap(), "lisa");
        let txt: Vec<_> = shown.txt(5298).iter().map(|(key, value)| format!("{key}={value}")).collect();
        let whole = [&["txtvers=1"], expect, &["port.p2pj=5298", "vc=!", "jirani=1"]].concat();
        assert_eq!(txt, whole);
    }

    #[test]
    fn what_is_announced() {
        announced("", &["nick=lisa", "1st=lisa", "status=avail"]);
        announced("<show>chat</show>", &["nick=lisa", "1st=lisa", "status=avail"]);
        for show in ["away", "xa", "dnd"] {
            let xml = format!("<show>{show}</show><status>back soon</status>");
            announced(&xml, &["nick=lisa", "1st=lisa", "status=dnd", "msg=back soon"]);
        }
        let nick = "<nick xmlns='http://jabber.org/protocol/nick'> Lisa\nM. </nick>";
        announced(nick, &["nick=Lisa M.", "1st=Lisa M.", "status=avail"]);
        let long = format!("<status>{}</status>", "é".repeat(500));
        let cut = format!("msg={}", "é".repeat(60));
        announced(&long, &["nick=lisa", "1st=lisa", "status=avail", &cut]);
    }

    #[test]
    fn what_our_people_see() {
        for (show, message, expect) in [
            (Show::Available, "", "<presence><nick xmlns='http://jabber.org/protocol/nick'>J</nick></presence>"),
            (
                Show::Away,
                "<&>",
                "<presence><show>away</show><status>&lt;&amp;&gt;</status>\
                 <nick xmlns='http://jabber.org/protocol/nick'>J</nick></presence>",
            ),
            (
                Show::Dnd,
                "",
                "<presence><show>dnd</show><nick xmlns='http://jabber.org/protocol/nick'>J</nick></presence>",
            ),
        ] {
            let mut out = Vec::new();
            let shown = Shown { name: String::new(), show, message: message.into() };
            shown.presence("J").emit(Form::Tcp, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        }
    }
}
