//! Design, section 7: the account's own contact, the bare JID of its domain, is the daemon, which speaks to its person.
//!
//! It stands in the contact list without being stored, says in its presence how many are near, greets once, and answers lines
//! of words ([`hear`]). Only accounts of this node reach it: what comes over a link is for an account (attack case D14).

mod answers;
mod comparing;
mod greeting;
mod people;

use std::collections::BTreeMap;
use std::time::Duration;

use base::ledger::{Record, RecordKind};
use base::limits::{CONTACT_LINE_BYTES_MAX, CONTACT_LINES_MAX, CONTACT_PUZZLES_MAX};
use base::{Bare, SessionId, Ticket, Time};
use wire::{Kind, MessageType, PresenceType, Stanza, Xml};

use super::post;
use crate::contacts::{Item, Registers};
use crate::ns;
use crate::parking::Parked;
use crate::router::Way;
use crate::session::What;
use crate::shard::{After, Fate, Origin, Shard};
use crate::speech::{Command, Language, Text};

pub(crate) use self::answers::{NAMES_MAX, answer};
pub(crate) use self::comparing::{Comparing, happened};
pub(crate) use self::greeting::{changed, due, shown_to};
pub(crate) use self::people::{Person, hidden, near};

/// The name in the contact list.
const NAME: &str = "Jirani";

/// Keys of an account's preferences.
const LANGUAGE: &str = "language";
const GREETED: &str = "greeted";
const REMOVED: &str = "contact-removed";

/// How long [`CONTACT_LINES_MAX`] lines are answered.
const PACE_TIME: Duration = Duration::from_secs(60);

/// After this long the daemon says again that it does not understand.
const PATIENCE: Duration = Duration::from_secs(600);

/// What an account has chosen about its contact, from its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choices {
    /// In which language it is spoken to while nobody is logged in.
    pub(crate) language: Language,
    /// Whether it was greeted.
    pub(crate) greeted: bool,
    /// Whether it does not want the daemon in its list.
    pub(crate) removed: bool,
}

impl Choices {
    /// As the store has them.
    pub(crate) fn from_records(records: &[Record]) -> Choices {
        let value = |key: &str| {
            let known = records.iter().find(|r| r.kind == RecordKind::Preference && r.key == key);
            known.and_then(|record| std::str::from_utf8(record.value.as_deref()?).ok())
        };
        Choices {
            language: value(LANGUAGE).map(Language::of).unwrap_or_default(),
            greeted: value(GREETED).is_some(),
            removed: value(REMOVED).is_some(),
        }
    }
}

/// What passes between a shard's accounts and the daemon. It is gone with the daemon: nothing here is a promise.
#[derive(Default)]
pub(crate) struct Contact {
    /// Who is to be greeted, and when.
    greetings: BTreeMap<Bare, Time>,
    /// When it is looked how many are near.
    look_at: Option<Time>,
    /// How many were near when an account's clients were told.
    told: BTreeMap<Bare, usize>,
    /// Whose words are being compared with whose.
    comparing: BTreeMap<Bare, Comparing>,
    /// How much the accounts say.
    paces: BTreeMap<Bare, Pace>,
}

/// How much an account says to the daemon: what a machine says is not answered for ever (two that do not understand each
/// other would never end).
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    since: Time,
    lines: u32,
    /// Lines in a row that were not understood, and when the last one came.
    puzzles: u32,
    puzzled: Time,
}

/// How much is said to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worthy {
    Answer,
    /// That it is too much.
    Complaint,
    Silence,
}

impl Pace {
    fn take(&mut self, now: Time, understood: bool) -> Worthy {
        if now - self.since >= PACE_TIME {
            (self.since, self.lines) = (now, 0);
        }
        self.lines = self.lines.saturating_add(1);
        if understood || now - self.puzzled >= PATIENCE {
            self.puzzles = 0;
        }
        if !understood {
            self.puzzles = self.puzzles.saturating_add(1);
            self.puzzled = now;
        }
        match self.lines {
            _ if self.puzzles > CONTACT_PUZZLES_MAX => Worthy::Silence,
            lines if lines <= CONTACT_LINES_MAX => Worthy::Answer,
            lines if lines == CONTACT_LINES_MAX + 1 => Worthy::Complaint,
            _ => Worthy::Silence,
        }
    }
}

/// There is no such account any more: what was between it and the daemon is not for one that is made anew.
pub(crate) fn forget(shard: &mut Shard, own: &Bare) {
    let Contact { greetings, look_at: _, told, comparing, paces } = &mut shard.contact;
    greetings.remove(own);
    told.remove(own);
    comparing.remove(own);
    paces.remove(own);
}

/// The address of an account's contact.
pub(crate) fn address(own: &Bare) -> Bare {
    Bare::new(own.jid().domain()).expect("the domain of an address is one")
}

/// A session begins: its language is the account's from now on, if it says one. Gives the one that it is spoken to in.
pub(crate) fn note_language(shard: &mut Shard, own: &Bare, said: Option<Language>) -> Language {
    let known = language(shard, own);
    match (said, shard.accounts.get_mut(own)) {
        (Some(said), Some(account)) if said != known => {
            account.choices.language = said;
            // Nobody waits for it: if it is not written, the next session says it again.
            shard.put_record(own, RecordKind::Preference, LANGUAGE, Some(said.tag().as_bytes().to_vec()));
            said
        }
        _ => known,
    }
}

/// In which language an account is spoken to.
pub(crate) fn language(shard: &Shard, own: &Bare) -> Language {
    shard.accounts.get(own).map(|account| account.choices.language).unwrap_or_default()
}

/// The daemon says something to a person: a message from their own domain, kept like any other.
pub(crate) fn tell(shard: &mut Shard, own: &Bare, text: impl Fn(Language) -> String + 'static) {
    match shard.accounts.get(own) {
        Some(account) if account.row.is_some() && !account.is_loading() => say(shard, own, &text),
        // Its language is not known yet.
        _ => shard.park(own, Parked::Words(Box::new(text))),
    }
}

/// The same to an account that has been read.
pub(crate) fn say(shard: &mut Shard, own: &Bare, text: &dyn Fn(Language) -> String) {
    let language = language(shard, own);
    let body = Xml::within(ns::CLIENT).leaf("body", ns::CLIENT, text(language)).finish();
    let mut message = Stanza::new(Kind::Message(MessageType::Chat)).with_inner(body);
    message.head.from = Some(address(own).jid().into_owned());
    message.head.to = Some(own.jid().into_owned());
    message.head.id = Some(shard.token().into());
    message.head.lang = Some(language.tag().into());
    // Not through the parked inputs: what it answers may be one of them, and others wait behind it.
    shard.process(own, Way::In, Origin::SERVER, message);
}

/// The words of a message to the daemon, if there are any. Chat states, receipts and errors say nothing to it.
pub(crate) fn line(stanza: &Stanza<'_>) -> Option<String> {
    let Kind::Message(MessageType::Chat | MessageType::Normal) = stanza.head.kind else { return None };
    let body = stanza.payload("body", ns::CLIENT)?;
    let text = body.text();
    (!text.trim().is_empty()).then(|| text.into_owned())
}

/// Somebody of this node says a line to the daemon: it is kept as their history, and answered.
pub(crate) fn hear(shard: &mut Shard, own: &Bare, origin: Origin, stanza: &Stanza<'_>) -> Fate {
    let Some(line) = line(stanza) else { return Fate::Done };
    post::keep(shard, own, &address(own), origin, stanza);
    let command = if line.len() <= CONTACT_LINE_BYTES_MAX { Command::read(&line) } else { None };
    let now = shard.now.mono;
    let pace = shard.contact.paces.entry(own.clone()).or_default();
    match pace.take(now, command.is_some()) {
        Worthy::Silence => {}
        Worthy::Complaint => say(shard, own, &|language| Text::TooFast.in_language(language)),
        Worthy::Answer => {
            let language = language(shard, own);
            let answer = match command {
                Some(command) => answers::answer(shard, own, command, language),
                None => Some(Text::NotUnderstood.in_language(language)),
            };
            if let Some(answer) = answer {
                say(shard, own, &|_| answer.clone());
            }
        }
    }
    // What it has changed is durable with its answer, and no sooner is it acknowledged.
    Fate::After(shard.newest())
}

// --- in the contact list ---------------------------------------------------------------------------------------------

/// Whether an account has the daemon in its list.
pub(crate) fn is_listed(shard: &Shard, own: &Bare) -> bool {
    shard.config.contact && shard.accounts.get(own).is_some_and(|account| !account.choices.removed)
}

/// The daemon in an account's list of contacts, whose stored item has the name and the groups that the person gave it.
pub(crate) fn item(shard: &Shard, own: &Bare, language: Language) -> Option<(Bare, Item)> {
    if !is_listed(shard, own) {
        return None;
    }
    let contact = address(own);
    let stored = shard.accounts[own].roster.as_ref().and_then(|roster| roster.items.get(&contact)).cloned();
    let item = stored.unwrap_or_else(|| Item::in_group(NAME, language.in_reach()));
    Some((contact, item.with(Registers::TO.with(Registers::FROM))))
}

/// What the version of a contact list says of the daemon in it.
pub(crate) fn version(shard: &Shard, own: &Bare, language: Language) -> &'static str {
    if is_listed(shard, own) { language.tag() } else { "" }
}

/// A person takes the daemon out of their list, or puts it there again. [`announce`] tells their clients.
pub(crate) fn list(shard: &mut Shard, own: &Bare, listed: bool) -> Ticket {
    if let Some(account) = shard.accounts.get_mut(own) {
        account.choices.removed = !listed;
    }
    let ticket = shard.put_record(own, RecordKind::Preference, REMOVED, (!listed).then(Vec::new));
    shard.after(ticket, After::Distrust(own.clone()));
    ticket
}

/// Tells an account's clients whether the daemon is there. Some drop presence of whom they do not show: a push goes before
/// the presence that comes with it.
pub(crate) fn announce(shard: &mut Shard, own: &Bare) {
    let listed = is_listed(shard, own);
    for session in shard.sessions_of(own, |session| session.presence.is_some()) {
        if listed { shown_to(shard, own, session) } else { show(shard, own, session, PresenceType::Unavailable, None) }
    }
}

/// Sends the daemon's presence to a session.
fn show(shard: &mut Shard, own: &Bare, session: SessionId, kind: PresenceType, near: Option<usize>) {
    let Some((jid, language)) = shard.sessions.get(&session).map(|s| (s.jid.clone(), s.language)) else { return };
    let mut presence = Stanza::new(Kind::Presence(kind));
    if let Some(near) = near {
        let status = Text::Status(near).in_language(language);
        presence = presence.with_inner(Xml::within(ns::CLIENT).leaf("status", ns::CLIENT, status).finish());
    }
    presence.head.from = Some(address(own).jid().into_owned());
    presence.head.to = Some((*jid).clone());
    shard.send(session, &presence, What::Stanza, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_are_answered_in_a_minute() {
        let start = Time(0) + PACE_TIME;
        for (lines, expect) in [
            (CONTACT_LINES_MAX - 1, Worthy::Answer),
            (CONTACT_LINES_MAX, Worthy::Answer),
            (CONTACT_LINES_MAX + 1, Worthy::Complaint),
            (CONTACT_LINES_MAX * 10, Worthy::Silence),
        ] {
            let mut pace = Pace::default();
            let last = (0..lines).map(|_| pace.take(start, true)).last();
            assert_eq!(last, Some(expect), "{lines}");
            assert_eq!(pace.take(start + PACE_TIME, true), Worthy::Answer);
        }
    }

    #[test]
    fn who_is_never_understood_is_answered_no_more() {
        let start = Time(0) + PATIENCE;
        for (lines, expect) in [
            (CONTACT_PUZZLES_MAX - 1, Worthy::Answer),
            (CONTACT_PUZZLES_MAX, Worthy::Answer),
            (CONTACT_PUZZLES_MAX + 1, Worthy::Silence),
            (CONTACT_PUZZLES_MAX * 10, Worthy::Silence),
        ] {
            let mut pace = Pace::default();
            let last = (0..lines).map(|line| pace.take(start + PACE_TIME * line, false)).last();
            assert_eq!(last, Some(expect), "{lines}");
        }
        let mut pace = Pace::default();
        assert_eq!((0..5).map(|_| pace.take(start, false)).last(), Some(Worthy::Silence));
        assert_eq!(pace.take(start, true), Worthy::Answer, "who says something after all is heard");
        assert_eq!(pace.take(start, false), Worthy::Answer);
    }

    #[track_caller]
    fn check_line(kind: &str, inner: &str, expect: Option<&str>) {
        let xml = format!("<message xmlns='jabber:client' type='{kind}'>{inner}</message>");
        assert_eq!(line(&Stanza::parse(xml.as_bytes()).unwrap()).as_deref(), expect, "{xml}");
    }

    #[test]
    fn what_is_a_line_to_the_daemon() {
        let body = "<body>who</body>";
        check_line("chat", body, Some("who"));
        check_line("normal", body, Some("who"));
        check_line("error", body, None);
        check_line("headline", body, None);
        check_line("groupchat", body, None);
        check_line("chat", "<body> </body>", None);
        check_line("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", None);
        check_line("chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", None);
    }
}
