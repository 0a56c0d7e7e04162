//! RFC 6120 and RFC 6121 as a small client without socket, clock or terminal: bytes and typed lines in, bytes and lines to
//! print out. The scenes in `client/tests.rs` show what that is like.

use std::collections::BTreeMap;

use base::{Bare, Jid, Wall};
use wire::{Element, Form, Frame, Framer, IqType, Kind, MessageType, Mode, PresenceType, Stanza, Xml};
use xmpp::ns;

use super::scram::Scram;
use crate::terminal::harmless;

const HELP: &str = "/to NAME chooses whom you write to; /who shows your contacts; /add NAME makes one; \
                    /away WORDS and /back say how you are; /quit ends";

/// What a client must know to begin.
pub(crate) struct Login {
    pub(crate) address: Bare,
    pub(crate) password: String,
    /// Printable, and new for each login.
    pub(crate) nonce: String,
    /// How far local time is ahead of UTC.
    pub(crate) ahead_ms: i64,
}

/// How far the login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Features,
    Proving,
    SecondFeatures,
    Binding,
    Online,
    /// Over, with nothing more to be said or heard.
    Over,
}

/// How somebody is who is available. Of several devices the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Away,
    Busy,
    There,
}

impl State {
    /// From the `<show/>` of a presence (RFC 6121 section 4.7.2.1).
    fn of(presence: &Stanza<'_>) -> State {
        match presence.payload("show", ns::CLIENT).as_ref().map(Element::text).as_deref() {
            Some("away" | "xa") => State::Away,
            Some("dnd") => State::Busy,
            _ => State::There,
        }
    }

    fn word(self) -> &'static str {
        match self {
            State::Away => "away",
            State::Busy => "busy",
            State::There => "there",
        }
    }
}

/// A contact as the list has it, and where it is available.
#[derive(Default)]
struct Contact {
    name: Option<String>,
    /// Whether they let us see them.
    seen: bool,
    /// Resources that are available.
    at: BTreeMap<String, State>,
}

impl Contact {
    /// How they are, if they are there at all.
    fn state(&self) -> Option<State> {
        self.at.values().max().copied()
    }
}

/// See the module.
pub(crate) struct Client {
    framer: Framer,
    talk: Talk,
}

/// All of a client but what cuts frames.
struct Talk {
    login: Login,
    scram: Scram,
    stage: Stage,
    contacts: BTreeMap<Bare, Contact>,
    /// Whom typed lines go to.
    to: Option<Bare>,
    now: Wall,
    sent: Vec<u8>,
    printed: Vec<String>,
    /// Why it ended, if not as was wished.
    failure: Option<String>,
}

impl Client {
    /// Begins a stream.
    pub(crate) fn new(login: Login) -> Client {
        let scram = Scram::new(login.address.jid().local().unwrap_or_default(), &login.password, &login.nonce);
        let mut talk = Talk {
            login,
            scram,
            stage: Stage::Features,
            contacts: BTreeMap::new(),
            to: None,
            now: Wall(0),
            sent: Vec::new(),
            printed: Vec::new(),
            failure: None,
        };
        talk.open();
        Client { framer: Framer::new(Mode::Client), talk }
    }

    /// Bytes of the daemon.
    pub(crate) fn handle_bytes(&mut self, now: Wall, mut bytes: &[u8]) {
        self.talk.now = now;
        while self.talk.stage != Stage::Over {
            let before = self.talk.stage;
            match self.framer.next(&mut bytes) {
                Ok(None) => return,
                Ok(Some(frame)) => self.talk.frame(frame),
                Err(error) => self.talk.fail(format!("the daemon sends what is no XMPP: {error}")),
            }
            if before == Stage::Proving && self.talk.stage == Stage::SecondFeatures {
                self.framer.authenticated();
                self.framer.restart();
                self.talk.open();
            }
        }
    }

    /// A line that the person typed.
    pub(crate) fn handle_line(&mut self, line: &str) {
        self.talk.line(line.trim());
    }

    /// The person is done: the stream ends when all before has been handled.
    pub(crate) fn quit(&mut self) {
        self.talk.sent.extend_from_slice(b"</stream:stream>");
    }

    /// What is to be sent.
    pub(crate) fn poll_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.talk.sent)
    }

    /// What is to be printed; harmless for a terminal.
    pub(crate) fn poll_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.talk.printed)
    }

    /// Whether typed lines can be handled.
    pub(crate) fn is_online(&self) -> bool {
        self.talk.stage == Stage::Online
    }

    /// Whether nothing more will come; with the reason if it was none of ours.
    pub(crate) fn is_over(&self) -> Option<Result<(), &str>> {
        (self.talk.stage == Stage::Over).then(|| self.talk.failure.as_deref().map_or(Ok(()), Err))
    }
}

impl Talk {
    fn open(&mut self) {
        let domain = self.login.address.jid().domain().to_owned();
        self.sent.extend_from_slice(b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' ");
        self.sent.extend_from_slice(b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='");
        wire::escape_attr(&mut self.sent, &domain);
        self.sent.extend_from_slice(b"'>");
    }

    /// The one place that prints: whatever anybody has written is harmless behind it.
    fn print(&mut self, line: &str) {
        self.printed.push(harmless(line).into_owned());
    }

    fn fail(&mut self, why: String) {
        self.failure = Some(why);
        self.stage = Stage::Over;
    }

    fn send(&mut self, stanza: &Stanza<'_>) {
        stanza.emit(Form::Tcp, &mut self.sent);
    }

    // --- what the daemon says ---------------------------------------------------------------------------------------

    fn frame(&mut self, frame: Frame<'_>) {
        match frame {
            Frame::Open(_) | Frame::Refused(_) => {}
            Frame::Close => self.stage = Stage::Over,
            Frame::Element(element) => self.element(&element),
            Frame::Stanza(stanza) => match stanza.head.kind {
                Kind::Message(kind) => self.message(kind, &stanza),
                Kind::Presence(kind) => self.presence(kind, &stanza),
                Kind::Iq(kind) => self.iq(kind, &stanza),
            },
        }
    }

    fn element(&mut self, element: &Element<'_>) {
        match (self.stage, element.name()) {
            (_, "error") if element.is("error", ns::STREAMS) => {
                let text = element.child("text", ns::STREAM_ERRORS).map(|text| text.text().into_owned());
                let name = element.children().next().map_or("unknown", |condition| condition.name()).to_owned();
                self.fail(format!("the daemon ends the session: {}", text.unwrap_or(name)));
            }
            (Stage::Features, "features") => {
                let offered = element.child("mechanisms", ns::SASL);
                let offers = |mechanism| offered.iter().flat_map(Element::children).any(|m| m.text() == mechanism);
                if !offers("SCRAM-SHA-256") {
                    return self.fail("the daemon wants TLS (`require_tls`), which this client does not speak".into());
                }
                let mut auth = Xml::new();
                auth.open("auth", ns::SASL).attr("mechanism", "SCRAM-SHA-256").text(self.scram.first());
                self.sent.extend(auth.finish());
                self.stage = Stage::Proving;
            }
            (Stage::Proving, "challenge") => match self.scram.answer(&element.text()) {
                Some(answer) => self.sent.extend(Xml::new().leaf("response", ns::SASL, answer).finish()),
                None => self.fail("what listens there does not know how to log in: it is no Jirani of yours".into()),
            },
            (Stage::Proving, "success") if self.scram.is_proved_by(&element.text()) => {
                self.stage = Stage::SecondFeatures;
            }
            (Stage::Proving, "success") => self.fail("what listens there does not know your password".into()),
            (Stage::Proving, "failure") => self.fail("the password is wrong, or there is no such account".into()),
            (Stage::SecondFeatures, "features") => {
                let mut bind = Xml::new();
                bind.open("bind", ns::BIND);
                self.ask(IqType::Set, "bind", bind.finish());
                self.stage = Stage::Binding;
            }
            _ => {}
        }
    }

    fn ask(&mut self, kind: IqType, id: &str, inner: Vec<u8>) {
        let mut iq = Stanza::new(Kind::Iq(kind));
        iq.head.id = Some(id.into());
        let iq = iq.with_inner(inner);
        self.send(&iq);
    }

    fn iq(&mut self, kind: IqType, iq: &Stanza<'_>) {
        let own = iq.head.from.as_ref().is_none_or(|from| from.as_str() == self.login.address.as_str());
        match (kind, iq.head.id.as_deref()) {
            (IqType::Result, Some("bind")) if self.stage == Stage::Binding => {
                self.stage = Stage::Online;
                let mut query = Xml::new();
                query.open("query", ns::ROSTER);
                self.ask(IqType::Get, "roster", query.finish());
                self.send(&Stanza::new(Kind::Presence(PresenceType::Available)));
                let hello = format!("You are {}. {HELP}.", self.login.address);
                self.print(&hello);
            }
            (IqType::Error, Some("bind")) => self.fail("the daemon gives no session".into()),
            (IqType::Result | IqType::Error, id) => {
                if let (Some("roster"), Some(query)) = (id, iq.payload("query", ns::ROSTER).filter(|_| own)) {
                    query.children().for_each(|item| self.item(&item));
                }
            }
            (IqType::Get | IqType::Set, _) => {
                let push = iq.payload("query", ns::ROSTER).filter(|_| own && kind == IqType::Set);
                if let Some(query) = &push {
                    query.children().for_each(|item| self.item(&item));
                }
                let known = push.is_some() || iq.payload("ping", ns::PING).is_some();
                let mut answer = Stanza::new(Kind::Iq(if known { IqType::Result } else { IqType::Error }));
                (answer.head.id, answer.head.to) = (iq.head.id.clone(), iq.head.from.clone());
                let mut error = Xml::new();
                if !known {
                    error
                        .open("error", ns::CLIENT)
                        .attr("type", "cancel")
                        .open("service-unavailable", ns::STANZA_ERRORS);
                }
                let answer = answer.with_inner(error.finish());
                self.send(&answer);
            }
        }
    }

    /// A contact of the list, as it is now.
    fn item(&mut self, item: &Element<'_>) {
        let Some(address) = item.attr("jid").and_then(|jid| Bare::new(&jid).ok()) else { return };
        let subscription = item.attr("subscription");
        if subscription.as_deref() == Some("remove") {
            self.contacts.remove(&address);
            return;
        }
        let contact = self.contacts.entry(address).or_default();
        contact.name = item.attr("name").map(|name| name.into_owned());
        contact.seen = matches!(subscription.as_deref(), Some("to" | "both"));
    }

    fn message(&mut self, kind: MessageType, message: &Stanza<'_>) {
        let Some(from) = message.head.from.as_ref().map(Bare::of) else { return };
        let who = self.short(&from);
        if kind == MessageType::Error {
            let error = message.payload("error", ns::CLIENT);
            let condition = error.iter().flat_map(Element::children).next().map(|c| c.name().to_owned());
            let why = condition.unwrap_or_else(|| "no reason is given".into());
            return self.print(&format!("! {who} did not get your message: {why}"));
        }
        let Some(body) = message.payload("body", ns::CLIENT) else { return };
        let stamp = message.payload("delay", ns::DELAY).and_then(|delay| delay.attr("stamp")?.parse().ok());
        let time = self.time(stamp.unwrap_or(self.now));
        let text = body.text();
        // The lines behind the first are set in: nobody can write a line that looks like another person's.
        for (at, line) in text.lines().enumerate() {
            let line = if at == 0 { format!("{time} {who}: {line}") } else { format!("      {line}") };
            self.print(&line);
        }
    }

    fn presence(&mut self, kind: PresenceType, presence: &Stanza<'_>) {
        let Some(from) = &presence.head.from else { return };
        let (bare, resource) = (Bare::of(from), from.resource().unwrap_or_default().to_owned());
        if bare == self.login.address {
            return;
        }
        let who = self.short(&bare);
        if kind == PresenceType::Subscribe {
            return self.print(&format!("* {who} wants to be your contact: /add {who} accepts"));
        }
        let Some(contact) = self.contacts.get_mut(&bare) else { return };
        let was = contact.state();
        match kind {
            PresenceType::Available => drop(contact.at.insert(resource, State::of(presence))),
            PresenceType::Unavailable => drop(contact.at.remove(&resource)),
            _ => return,
        }
        let is = contact.state();
        if was == is {
            return;
        }
        let Some(state) = is else { return self.print(&format!("* {who} has gone")) };
        let words = presence.payload("status", ns::CLIENT).map(|status| status.text().into_owned());
        let words = words.filter(|words| !words.is_empty()).map(|words| format!(": {words}")).unwrap_or_default();
        self.print(&format!("* {who} is {}{words}", state.word()));
    }

    // --- what the person types --------------------------------------------------------------------------------------

    fn line(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.trim()) {
            ("", _) => {}
            ("/quit", _) => self.sent.extend_from_slice(b"</stream:stream>"),
            ("/who", _) => self.who(),
            ("/to", name) => {
                if let Some(to) = self.person(name) {
                    let who = self.short(&to);
                    self.to = Some(to);
                    self.print(&format!("* You write to {who}."));
                }
            }
            ("/add", name) => {
                if let Some(person) = self.person(name) {
                    for kind in [PresenceType::Subscribe, PresenceType::Subscribed] {
                        let mut presence = Stanza::new(Kind::Presence(kind));
                        presence.head.to = Some(person.jid().clone().into_owned());
                        self.send(&presence);
                    }
                    let who = self.short(&person);
                    self.print(&format!("* {who} is asked, and may see you."));
                }
            }
            ("/away", words) => self.is_(Some("away"), words),
            ("/back", _) => self.is_(None, ""),
            _ if line.starts_with('/') && !line.starts_with("//") => self.print(&format!("! {HELP}.")),
            // Two slashes are for who wants to write one.
            _ => self.write(line.strip_prefix('/').unwrap_or(line)),
        }
    }

    /// Says how the person is.
    fn is_(&mut self, show: Option<&str>, words: &str) {
        let mut inner = Xml::new();
        if let Some(show) = show {
            inner.leaf("show", ns::CLIENT, show);
        }
        if !words.is_empty() {
            inner.leaf("status", ns::CLIENT, words);
        }
        let presence = Stanza::new(Kind::Presence(PresenceType::Available)).with_inner(inner.finish());
        self.send(&presence);
    }

    fn write(&mut self, text: &str) {
        let Some(to) = &self.to else { return self.print("! To whom? /to NAME chooses") };
        let mut message = Stanza::new(Kind::Message(MessageType::Chat));
        message.head.to = Some(to.jid().clone().into_owned());
        let message = message.with_inner(Xml::new().leaf("body", ns::CLIENT, text).finish());
        self.send(&message);
    }

    fn who(&mut self) {
        if self.contacts.is_empty() {
            self.print("* You have no contacts yet: /add NAME");
        }
        let lines: Vec<String> = self
            .contacts
            .iter()
            .map(|(address, contact)| {
                let state = match (contact.state(), contact.seen) {
                    (Some(state), _) => state.word(),
                    (None, true) => "gone",
                    (None, false) => "not known: they have not accepted yet",
                };
                match &contact.name {
                    Some(name) => format!("  {name}: {state}   {}", self.short(address)),
                    None => format!("  {}: {state}", self.short(address)),
                }
            })
            .collect();
        lines.iter().for_each(|line| self.print(line));
    }

    /// Whom a name means: a whole address, somebody of our own domain, or the one contact elsewhere who is called so. Behind the
    /// name of somebody whom nobody has verified stand words of the daemon in parentheses: they are meant by the whole only, or
    /// whoever is near could call themselves like anybody (attack case D18).
    fn person(&mut self, name: &str) -> Option<Bare> {
        let whole =
            if name.contains('@') { name.to_owned() } else { format!("{name}@{}", self.login.address.jid().domain()) };
        let person = Jid::new(&whole).ok().filter(|jid| jid.local().is_some()).map(|jid| Bare::of(&jid));
        if name.contains('@') || person.as_ref().is_some_and(|person| self.contacts.contains_key(person)) {
            return person.or_else(|| self.no_name(name));
        }
        let wanted = name.to_lowercase();
        let is_marked = |contact: &Contact| contact.name.as_deref().is_some_and(|name| name.ends_with(')'));
        let is_called = |address: &Bare, contact: &Contact| {
            let (jid, is_marked) = (address.jid(), is_marked(contact));
            let names = [jid.local().filter(|_| !is_marked), contact.name.as_deref()];
            names.into_iter().flatten().any(|shown| shown.to_lowercase() == wanted)
        };
        let is_alike = |address: &Bare, contact: &Contact| {
            is_marked(contact) && address.jid().local().is_some_and(|local| local.to_lowercase() == wanted)
        };
        let alike = self.contacts.iter().find(|(address, contact)| is_alike(address, contact));
        if let Some(hint) = alike.map(|(address, _)| format!("! Somebody near is called {name}, too: /to {address}")) {
            self.print(&hint);
        }
        let mut called = self.contacts.iter().filter(|(address, contact)| is_called(address, contact));
        match (called.next(), called.next()) {
            (Some((only, _)), None) => Some(only.clone()),
            (Some(_), Some(_)) => {
                self.print(&format!("! Several people are called {name}: /who tells them apart"));
                None
            }
            _ => person.or_else(|| self.no_name(name)),
        }
    }

    fn no_name(&mut self, name: &str) -> Option<Bare> {
        self.print(&format!("! {name} cannot be a name"));
        None
    }

    /// An address as it is shown: without the domain if that is ours.
    fn short(&self, address: &Bare) -> String {
        let jid = address.jid();
        match jid.local() {
            Some(local) if jid.domain() == self.login.address.jid().domain() => local.to_owned(),
            _ => address.to_string(),
        }
    }

    /// The time of day, with the day if it was another one.
    fn time(&self, at: Wall) -> String {
        let local = |wall: Wall| Wall(wall.0.saturating_add(self.login.ahead_ms)).to_string();
        let (at, now) = (local(at), local(self.now));
        if at[..10] == now[..10] { at[11..16].to_owned() } else { format!("{} {}", &at[..10], &at[11..16]) }
    }
}

#[cfg(test)]
mod tests;
