//! What the tests of groups share: two people on two laptops, and short ways to say and to hear.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::BTreeMap;
use std::time::Duration;

use mesh::post::{Copied, Lasting, Parcel};
use sim::group::At;
use sim::{Group, Tree};

pub(crate) const LISA: &str = "lisa@lisa.jirani.alt";
pub(crate) const PAULO: &str = "paulo@paulo.jirani.alt";

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A chat message.
pub(crate) fn body(to: &str, id: &str, text: &str) -> String {
    format!("<message to='{to}' id='{id}' type='chat'><body>{text}</body></message>")
}

/// Somebody is in the contact list from now on.
pub(crate) fn contact(address: &str) -> String {
    format!("<iq type='set' id='f'><query xmlns='jabber:iq:roster'><item jid='{address}'/></query></iq>")
}

/// The bodies of the messages among these, in order.
pub(crate) fn bodies(heard: &[Tree]) -> Vec<&str> {
    heard.iter().filter(|tree| tree.child("body").is_some()).map(|tree| tree.text_of("body")).collect()
}

/// A lasting parcel.
pub(crate) fn lasting(incarnation: u64, counter: u64, floor: u64, payload: &[u8]) -> Vec<u8> {
    let copied = Copied::No;
    Parcel::Lasting(Lasting { incarnation: Some(incarnation), counter, floor, age_s: 0, copied, payload }).to_bytes()
}

/// The bodies that a client finds in its history, in order.
pub(crate) fn history(group: &mut Group, at: At) -> Vec<String> {
    let (mut bodies, mut after) = (Vec::new(), String::new());
    loop {
        group.heard(at);
        let page = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>50</max>{after}</set>");
        group.send(at, &format!("<iq type='set' id='h'><query xmlns='urn:xmpp:mam:2'>{page}</query></iq>"));
        group.pass(seconds(1));
        let heard = group.heard(at);
        let results: Vec<&Tree> = heard.iter().filter_map(|tree| tree.child("result")).collect();
        let Some(last) = results.last().and_then(|result| result.attr("id")) else { return bodies };
        after = format!("<after>{last}</after>");
        let messages = results.iter().filter_map(|result| result.child("forwarded")?.child("message"));
        bodies.extend(messages.map(|message| message.text_of("body").to_owned()));
    }
}

/// Lisa on one laptop and Paulo on another.
pub(crate) struct Pair {
    pub(crate) group: Group,
    pub(crate) lisa: At,
    pub(crate) paulo: At,
    /// What each has heard of the other's presence.
    seen: BTreeMap<At, bool>,
}

impl Pair {
    /// They are linked and do not know each other.
    pub(crate) fn strangers(seed: u64) -> Pair {
        let mut group = Group::new(seed, &["lisa.jirani.alt", "paulo.jirani.alt"]);
        let (lisa, paulo) = (group.login(0, "lisa", "here"), group.login(1, "paulo", "there"));
        group.link(0, 1);
        group.pass(seconds(1));
        for at in [lisa, paulo] {
            group.send(at, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
        }
        group.pass(seconds(1));
        Pair { group, lisa, paulo, seen: BTreeMap::new() }
    }

    /// They are linked, and see each other's presence.
    pub(crate) fn befriended(seed: u64) -> Pair {
        let mut pair = Pair::strangers(seed);
        let Pair { group, lisa, paulo, .. } = &mut pair;
        for (at, to) in [(*lisa, PAULO), (*paulo, LISA)] {
            group.send(at, &format!("<presence type='subscribe' to='{to}'/>"));
            group.pass(seconds(1));
        }
        for (at, to) in [(*lisa, PAULO), (*paulo, LISA)] {
            group.send(at, &format!("<presence type='subscribed' to='{to}'/>"));
            group.pass(seconds(1));
        }
        pair
    }

    /// Whether Paulo's client shows Lisa as available; `None` if it has never heard of her.
    pub(crate) fn presence_of_lisa(&mut self) -> Option<bool> {
        self.presence(self.paulo, LISA)
    }

    /// And the other way round.
    pub(crate) fn presence_of_paulo(&mut self) -> Option<bool> {
        self.presence(self.lisa, PAULO)
    }

    fn presence(&mut self, at: At, whom: &str) -> Option<bool> {
        self.note(at, whom);
        self.seen.get(&at).copied()
    }

    /// Remembers what a client has heard of the other's presence, before somebody takes that away.
    pub(crate) fn note_presence(&mut self, at: At) {
        self.note(at, if at == self.lisa { PAULO } else { LISA });
    }

    fn note(&mut self, at: At, whom: &str) {
        for tree in self.group.glimpse(at) {
            let from = tree.attr("from").unwrap_or_default();
            if tree.name == "presence" && from.starts_with(&format!("{whom}/")) {
                match tree.attr("type") {
                    None => self.seen.insert(at, true),
                    Some("unavailable") => self.seen.insert(at, false),
                    Some(_) => None,
                };
            }
        }
    }
}
