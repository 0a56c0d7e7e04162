//! XEP-0050 ad-hoc commands: what the daemon answers in words ([`own_contact`]), for clients with menus.
//!
//! A command that needs an argument is a dialog of one form (XEP-0004). It is remembered for a while, so that nobody completes
//! what was not begun; only accounts of this node can ask. What the commands are is in [`menus`].

mod menus;

use std::collections::{BTreeMap, VecDeque};

use base::limits::{DIALOG_TIME_MAX, DIALOGS_MAX};
use base::{Bare, SessionId, Time};
use wire::{Element, Xml};

use self::menus::{Field, Page};
use super::{Ask, Verdict, own_contact};
use crate::error::{Condition, ErrorType, StanzaError};
use crate::form::Fields;
use crate::ns;
use crate::shard::Shard;
use crate::speech::{Command, Language, Menu, Text};

/// Dialogs that were begun and not ended, of each account the oldest first.
#[derive(Default)]
pub(crate) struct Dialogs(BTreeMap<Bare, VecDeque<Dialog>>);

#[derive(Debug)]
struct Dialog {
    id: String,
    /// Who has begun it.
    session: SessionId,
    menu: Menu,
    ends: Time,
}

/// What became of a dialog that somebody wants to go on with.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Open,
    Expired,
    None,
}

impl Dialogs {
    fn begin(&mut self, own: &Bare, dialog: Dialog) {
        let dialogs = self.0.entry(own.clone()).or_default();
        if dialogs.len() >= DIALOGS_MAX {
            dialogs.pop_front();
        }
        dialogs.push_back(dialog);
    }

    /// Takes a dialog out: it goes on to its end, or has ended.
    fn take(&mut self, own: &Bare, session: SessionId, menu: Menu, id: &str, now: Time) -> Found {
        let Some(dialogs) = self.0.get_mut(own) else { return Found::None };
        let is_it = |dialog: &Dialog| dialog.id == id && dialog.session == session && dialog.menu == menu;
        let Some(at) = dialogs.iter().position(is_it) else { return Found::None };
        let dialog = dialogs.remove(at);
        if dialogs.is_empty() {
            self.0.remove(own);
        }
        if dialog.is_some_and(|dialog| dialog.ends > now) { Found::Open } else { Found::Expired }
    }

    /// A session has ended: what it has begun is nobody's to go on with.
    pub(crate) fn session_ended(&mut self, own: &Bare, session: SessionId) {
        let Some(dialogs) = self.0.get_mut(own) else { return };
        dialogs.retain(|dialog| dialog.session != session);
        if dialogs.is_empty() {
            self.0.remove(own);
        }
    }
}

/// What is done next (section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Execute,
    Complete,
    Cancel,
}

/// The name of a command's node in disco, if it is one.
pub(crate) fn is_node(node: &str) -> bool {
    menus::by_node(node).is_some()
}

/// Section 2.2: the commands as disco#items of the domain.
pub(crate) fn write_items(shard: &Shard, ask: &Ask<'_>, xml: &mut Xml<'_>) {
    let language = language(shard, ask);
    for (node, menu) in menus::NODES {
        xml.open("item", ns::DISCO_ITEMS).attr("jid", ask.address.as_str()).attr("node", node);
        xml.attr("name", Text::Title(menu).in_language(language)).close();
    }
}

/// Sections 2.2 and 2.3: disco#info of the list of commands, or of one of them.
pub(crate) fn write_info(shard: &Shard, ask: &Ask<'_>, node: &str, xml: &mut Xml<'_>) {
    let (kind, menu) = match menus::by_node(node) {
        Some(menu) => ("command-node", menu),
        None => ("command-list", Menu::Help),
    };
    let name = Text::Title(menu).in_language(language(shard, ask));
    xml.open("identity", ns::DISCO_INFO).attr("category", "automation").attr("type", kind).attr("name", name).close();
    for feature in [ns::COMMANDS, ns::FORMS] {
        xml.open("feature", ns::DISCO_INFO).attr("var", feature).close();
    }
}

fn language(shard: &Shard, ask: &Ask<'_>) -> Language {
    shard.sessions.get(&ask.origin.session).map(|session| session.language).unwrap_or_default()
}

/// `<command/>`.
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    match run(shard, ask) {
        Ok(verdict) => verdict,
        Err(error) => Verdict::Error(error),
    }
}

fn run(shard: &mut Shard, ask: &Ask<'_>) -> Result<Verdict, StanzaError> {
    let own = ask.asker().filter(|own| shard.account_id(own).is_some()).ok_or(Condition::Forbidden)?;
    if !ask.set {
        return Err(Condition::BadRequest.into());
    }
    let node = ask.payload.attr("node").unwrap_or_default();
    let menu = menus::by_node(&node).ok_or(Condition::ItemNotFound)?;
    let action = match ask.payload.attr("action").as_deref() {
        None | Some("execute") => Action::Execute,
        // There is one form: the next stage is the end.
        Some("complete" | "next") => Action::Complete,
        Some("cancel") => Action::Cancel,
        Some("prev") => return Err(refusal(Condition::BadRequest, "bad-action")),
        Some(_) => return Err(refusal(Condition::BadRequest, "malformed-action")),
    };
    if shard.accounts[&own].roster.is_none() {
        return Ok(Verdict::NeedsRoster);
    }
    let answer = Answer { node: &node, language: language(shard, ask) };
    let id = match ask.payload.attr("sessionid") {
        Some(id) => id,
        None if action == Action::Execute => return Ok(begin(shard, &own, ask.origin.session, menu, &answer)),
        None => return Err(refusal(Condition::BadRequest, "bad-sessionid")),
    };
    match shard.dialogs.take(&own, ask.origin.session, menu, &id, shard.now.mono) {
        Found::Open => {}
        Found::Expired => return Err(refusal(Condition::NotAllowed, "session-expired")),
        Found::None => return Err(refusal(Condition::BadRequest, "bad-sessionid")),
    }
    if action == Action::Cancel {
        return Ok(Verdict::Result(answer.canceled(&id)));
    }
    let command = read(menu, &ask.payload).ok_or_else(|| refusal(Condition::BadRequest, "bad-payload"))?;
    let words = own_contact::answer(shard, &own, command, answer.language);
    let words = words.unwrap_or_else(|| Text::GoesOnInChat.in_language(answer.language));
    Ok(Verdict::ResultAfter(answer.completed(&id, &words), shard.newest()))
}

/// A command is executed: it is answered at once, or with a form.
fn begin(shard: &mut Shard, own: &Bare, session: SessionId, menu: Menu, answer: &Answer<'_>) -> Verdict {
    let id = shard.token();
    match menus::open(shard, own, menu, answer.language) {
        Page::Words(words) => Verdict::Result(answer.completed(&id, &words)),
        Page::Form(fields) => {
            let ends = shard.now.mono + DIALOG_TIME_MAX;
            shard.dialogs.begin(own, Dialog { id: id.clone(), session, menu, ends });
            Verdict::Result(answer.form(&id, menu, &fields))
        }
    }
}

/// What a form that comes back filled in asks for.
fn read(menu: Menu, command: &Element<'_>) -> Option<Command> {
    let mut fields = Fields::read(&command.child("x", ns::FORMS)?).ok()?;
    menus::read(menu, |name| fields.one(name).ok().flatten())
}

/// Section 4.4: an error with what this specification adds to it.
fn refusal(condition: Condition, detail: &'static str) -> StanzaError {
    let error = StanzaError { detail: Some((detail, ns::COMMANDS)), ..condition.into() };
    // The table has `modify` for what is malformed, and `cancel` for what is over.
    let kind = if detail == "session-expired" { ErrorType::Cancel } else { ErrorType::Modify };
    StanzaError { kind, ..error }
}

/// What a command says.
struct Answer<'a> {
    node: &'a str,
    language: Language,
}

impl Answer<'_> {
    fn open<'x>(&self, xml: &'x mut Xml<'static>, id: &str, status: &str) -> &'x mut Xml<'static> {
        xml.open("command", ns::COMMANDS).attr("xml:lang", self.language.tag()).attr("node", self.node);
        xml.attr("sessionid", id).attr("status", status)
    }

    fn canceled(&self, id: &str) -> Vec<u8> {
        let mut xml = Xml::new();
        self.open(&mut xml, id, "canceled");
        xml.finish()
    }

    fn completed(&self, id: &str, words: &str) -> Vec<u8> {
        let mut xml = Xml::new();
        self.open(&mut xml, id, "completed");
        xml.open("note", ns::COMMANDS).attr("type", "info").text(words);
        xml.finish()
    }

    fn form(&self, id: &str, menu: Menu, fields: &[Field]) -> Vec<u8> {
        let mut xml = Xml::new();
        self.open(&mut xml, id, "executing");
        xml.open("actions", ns::COMMANDS).attr("execute", "complete").open("complete", ns::COMMANDS).close().close();
        xml.open("x", ns::FORMS).attr("type", "form");
        xml.leaf("title", ns::FORMS, Text::Title(menu).in_language(self.language));
        for Field { name, label, options, value } in fields {
            let kind = if options.is_empty() { "boolean" } else { "list-single" };
            xml.open("field", ns::FORMS).attr("type", kind).attr("var", name).attr("label", label);
            xml.open("required", ns::FORMS).close();
            if let Some(value) = value {
                xml.leaf("value", ns::FORMS, value);
            }
            for (value, label) in options {
                xml.open("option", ns::FORMS).attr("label", label).leaf("value", ns::FORMS, value).close();
            }
            xml.close();
        }
        xml.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialogs_are_few_and_end() {
        let (own, session, now) = (Bare::new("a@b.example").unwrap(), SessionId(1), Time(7));
        let dialog =
            |id: usize| Dialog { id: id.to_string(), session, menu: Menu::Audience, ends: now + DIALOG_TIME_MAX };
        for (begun, first_is) in [
            (DIALOGS_MAX - 1, Found::Open),
            (DIALOGS_MAX, Found::Open),
            (DIALOGS_MAX + 1, Found::None),
            (DIALOGS_MAX * 10, Found::None),
        ] {
            let mut dialogs = Dialogs::default();
            (0..begun).for_each(|id| dialogs.begin(&own, dialog(id)));
            assert_eq!(dialogs.take(&own, session, Menu::Audience, "0", now), first_is, "{begun}");
            let last = (begun - 1).to_string();
            for (session, menu) in [(SessionId(2), Menu::Audience), (session, Menu::Verify)] {
                assert_eq!(dialogs.take(&own, session, menu, &last, now), Found::None, "somebody else's");
            }
            let late = now + DIALOG_TIME_MAX;
            assert_eq!(dialogs.take(&own, session, Menu::Audience, &last, late), Found::Expired);
            assert_eq!(dialogs.take(&own, session, Menu::Audience, &last, now), Found::None, "it was taken");
        }
    }

    #[test]
    fn dialogs_end_with_their_session() {
        let (own, now) = (Bare::new("a@b.example").unwrap(), Time(7));
        let mut dialogs = Dialogs::default();
        for session in [SessionId(1), SessionId(2)] {
            let ends = now + DIALOG_TIME_MAX;
            dialogs.begin(&own, Dialog { id: "0".into(), session, menu: Menu::Audience, ends });
        }
        dialogs.session_ended(&own, SessionId(1));
        assert_eq!(dialogs.take(&own, SessionId(1), Menu::Audience, "0", now), Found::None);
        dialogs.session_ended(&own, SessionId(2));
        assert!(dialogs.0.is_empty(), "{:?}", dialogs.0);
    }
}
