//! XEP-0050 section 4.1, XEP-0004: which commands there are, what their forms ask, and what a form says in words.
//!
//! Everything that can be said to the daemon of one's own accord is here, too. Only `yes` and `no` are not: they answer
//! what stands in the conversation.

use base::{Audience, Bare};

use crate::desk::own_contact::{self, NAMES_MAX, Person};
use crate::desk::{in_reach, near as requests};
use crate::shard::Shard;
use crate::speech::{Command, Language, Menu, Text};

/// The commands by their nodes, in the order of the list.
pub(super) const NODES: [(&str, Menu); 9] = [
    ("who", Menu::Who),
    ("why", Menu::Why),
    ("verify", Menu::Verify),
    ("audience", Menu::Audience),
    ("hide", Menu::Hide),
    ("show", Menu::Show),
    ("requests", Menu::Requests),
    ("bonjour", Menu::Bonjour),
    ("help", Menu::Help),
];

/// The fields of the forms.
const AUDIENCE: &str = "audience";
const PERSON: &str = "person";
const ANSWER: &str = "answer";
const BONJOUR: &str = "bonjour";

/// The answers to a request, and whether they are a yes.
const ANSWERS: [(&str, bool); 2] = [("accept", true), ("decline", false)];

/// What a command begins with.
pub(super) enum Page {
    /// All that there is to say.
    Words(String),
    /// What must be known first.
    Form(Vec<Field>),
}

/// What is asked: one of several, or yes or no if there is nothing to choose from.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: String,
    /// Values and labels.
    pub(super) options: Vec<(String, String)>,
    /// What is so now.
    pub(super) value: Option<String>,
}

pub(super) fn by_node(node: &str) -> Option<Menu> {
    NODES.iter().find(|(name, _)| *name == node).map(|(_, menu)| *menu)
}

/// What a command of an account begins with, whose contacts have been read.
pub(super) fn open(shard: &mut Shard, own: &Bare, menu: Menu, language: Language) -> Page {
    let title = Text::Title(menu).in_language(language);
    match menu {
        Menu::Help => words(shard, own, Command::Help, language),
        Menu::Who => words(shard, own, Command::Who, language),
        Menu::Why => words(shard, own, Command::Why, language),
        Menu::Audience => {
            let option =
                |audience: &Audience| (audience.name().to_owned(), Text::Choice(*audience).in_language(language));
            let options = Audience::ALL.iter().rev().map(option).collect();
            let value = Some(shard.accounts[own].audience.name().to_owned());
            Page::Form(vec![Field { name: AUDIENCE, label: title, options, value }])
        }
        Menu::Verify | Menu::Hide => {
            let mut people = own_contact::near(shard, own);
            people.retain(|person| menu == Menu::Verify || !in_reach::is_contact(shard, own, &person.address));
            match people.is_empty() {
                true => words(shard, own, Command::Who, language),
                false => Page::Form(vec![choose(people.iter().map(named), language)]),
            }
        }
        Menu::Show => {
            let hidden = own_contact::hidden(shard, own);
            match hidden.is_empty() {
                true => Page::Words(Text::NobodyIsHidden.in_language(language)),
                false => Page::Form(vec![choose(hidden.iter().map(named), language)]),
            }
        }
        Menu::Requests => {
            let asking = requests::requests(shard, own);
            if asking.is_empty() {
                return words(shard, own, Command::Requests, language);
            }
            let option = |(name, yes): (&str, bool)| (name.to_owned(), Text::Reply(yes).in_language(language));
            let options = ANSWERS.map(option).to_vec();
            let address = |other: &Bare| (other.to_string(), other.to_string());
            Page::Form(vec![
                choose(asking.iter().map(address), language),
                Field { name: ANSWER, label: title, options, value: None },
            ])
        }
        Menu::Bonjour => {
            let value = Some(u8::from(shard.accounts[own].bonjour).to_string());
            Page::Form(vec![Field { name: BONJOUR, label: title, options: Vec::new(), value }])
        }
    }
}

fn words(shard: &mut Shard, own: &Bare, command: Command, language: Language) -> Page {
    Page::Words(own_contact::answer(shard, own, command, language).unwrap_or_default())
}

/// One of these people is to be chosen: a screenful, the others can be named in words.
fn choose(people: impl Iterator<Item = (String, String)>, language: Language) -> Field {
    let label = Text::Choose.in_language(language);
    Field { name: PERSON, label, options: people.take(NAMES_MAX).collect(), value: None }
}

fn named(person: &Person) -> (String, String) {
    (person.address.to_string(), format!("{} ({})", person.name, person.address))
}

/// What a form says in words, by the values of its fields; `None` if something is missing or is nothing that was asked.
pub(super) fn read(menu: Menu, mut value: impl FnMut(&str) -> Option<String>) -> Option<Command> {
    let mut person = || Some(Bare::new(&value(PERSON)?).ok()?.to_string());
    match menu {
        Menu::Help | Menu::Who | Menu::Why => None,
        Menu::Audience => Audience::named(&value(AUDIENCE)?).map(Command::SetAudience),
        Menu::Verify => Some(Command::Verify(person()?)),
        Menu::Hide => Some(Command::HidePerson(person()?)),
        Menu::Show => Some(Command::ShowPerson(person()?)),
        Menu::Requests => {
            let person = person()?;
            let answer = value(ANSWER)?;
            let (_, yes) = ANSWERS.into_iter().find(|(name, _)| *name == answer)?;
            Some(if yes { Command::Accept(person) } else { Command::Decline(person) })
        }
        Menu::Bonjour => match value(BONJOUR)?.as_str() {
            "1" | "true" => Some(Command::Bonjour(Some(true))),
            "0" | "false" => Some(Command::Bonjour(Some(false))),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(menu: Menu, fields: &[(&str, &str)], expect: Option<Command>) {
        let value = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(read(menu, value), expect, "{menu:?}: {fields:?}");
    }

    #[test]
    fn forms_say_what_words_say() {
        let tom = || "tom@a.jirani.alt".to_owned();
        let person = ("person", "Tom@a.jirani.alt");
        check(Menu::Audience, &[("audience", "green")], Some(Command::SetAudience(Audience::Green)));
        check(Menu::Audience, &[("audience", "red")], None);
        check(Menu::Verify, &[person], Some(Command::Verify(tom())));
        check(Menu::Verify, &[("person", "@")], None);
        check(Menu::Hide, &[person], Some(Command::HidePerson(tom())));
        check(Menu::Show, &[person], Some(Command::ShowPerson(tom())));
        check(Menu::Requests, &[person, ("answer", "accept")], Some(Command::Accept(tom())));
        check(Menu::Requests, &[person, ("answer", "decline")], Some(Command::Decline(tom())));
        check(Menu::Requests, &[person, ("answer", "later")], None);
        check(Menu::Requests, &[person], None);
        check(Menu::Requests, &[("answer", "accept")], None);
        check(Menu::Bonjour, &[("bonjour", "1")], Some(Command::Bonjour(Some(true))));
        check(Menu::Bonjour, &[("bonjour", "false")], Some(Command::Bonjour(Some(false))));
        check(Menu::Bonjour, &[("bonjour", "")], None);
        for (_, menu) in NODES {
            check(menu, &[], None);
        }
    }
}
