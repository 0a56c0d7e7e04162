//! What the daemon says to people, in their languages. All texts are here: [`Text`] is everything there is to say, and each
//! language says all of it.
//!
//! What comes from others (names) passes [`harmless`] before it is said.

mod command;
mod english;
mod french;
mod portuguese;
mod spanish;
mod swahili;

use std::time::Duration;

use base::{Audience, Circle};
use mesh::finding::Reason;
use mesh::verification::Cause;

use self::command::Verb;
use crate::letters::is_invisible;

pub(crate) use self::command::Command;

/// A language that the daemon speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Spanish.
    Spanish,
    /// French.
    French,
    /// Swahili.
    Swahili,
    /// Portuguese.
    Portuguese,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 5] =
        [Language::English, Language::Spanish, Language::French, Language::Swahili, Language::Portuguese];

    /// The one that a tag (RFC 5646) means: `pt-BR` is Portuguese. English for those that are not spoken.
    pub fn of(tag: &str) -> Language {
        let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        match primary.as_str() {
            "es" => Language::Spanish,
            "fr" => Language::French,
            "sw" => Language::Swahili,
            "pt" => Language::Portuguese,
            _ => Language::English,
        }
    }

    /// Its tag (RFC 5646).
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Spanish => "es",
            Language::French => "fr",
            Language::Swahili => "sw",
            Language::Portuguese => "pt",
        }
    }

    /// The group of those in reach in a contact list.
    pub fn in_reach(self) -> &'static str {
        match self {
            Language::English => "In reach",
            Language::Spanish => "Al alcance",
            Language::French => "À portée",
            Language::Swahili => "Walio karibu",
            Language::Portuguese => "Ao alcance",
        }
    }

    /// What stands behind the name of somebody whom nobody has verified.
    pub fn not_verified(self) -> &'static str {
        match self {
            Language::English => "not verified",
            Language::Spanish => "sin verificar",
            Language::French => "non vérifié",
            Language::Swahili => "hajathibitishwa",
            Language::Portuguese => "não verificado",
        }
    }
}

/// What can be said.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    /// How many are near, as a status.
    Status(usize),
    /// The first words: how many are near, and the names of some.
    Greeting(usize, &'a [String]),
    /// What can be asked.
    Help,
    /// That was none of it.
    NotUnderstood,
    /// That was too much at once.
    TooFast,
    /// Who is near: some of so many.
    Who(usize, &'a [Neighbour]),
    /// Why nobody is near.
    Why(Absence),
    /// A name is missing.
    WhoIsMeant,
    /// Nobody near has this name.
    NobodyCalled(&'a str),
    /// Several have this name: their addresses.
    Several(&'a str, &'a [String]),
    /// Who may see the person, and how to change that.
    Audience(Audience),
    /// Somebody was taken out of the list: their name and address.
    Hidden(&'a str, &'a str),
    /// Somebody is a contact.
    IsContact(&'a str),
    /// Nobody who was taken out of the list has this name.
    NobodyHidden(&'a str),
    /// Nobody was taken out of the list.
    NobodyIsHidden,
    /// Somebody may be in the list again.
    Shown(&'a str),
    /// Whether the person is shown to other programs on the link; with `None` they would be, if everybody could see them.
    Bonjour(Option<bool>),
    /// Who would be a contact: some of so many.
    Requests(usize, &'a [String]),
    /// Somebody who asked is a contact now.
    Accepted(&'a str),
    /// Somebody who asked cannot be one: there is no room. Their address.
    ListFull(&'a str),
    /// Somebody who asked is none.
    Declined(&'a str),
    /// Nobody with this address has asked.
    NobodyAsked(&'a str),
    /// The other one is asked.
    Waiting(&'a str),
    /// Somebody wants to compare words: their name and address.
    Asked(&'a str, &'a str),
    /// The words that must be the same on the other one's screen.
    Compare(&'a str, [&'a str; 3]),
    /// The words were the same.
    Verified(&'a str),
    /// Nothing has come of it.
    NotVerified(&'a str, Cause),
    /// There is nothing to say yes or no to.
    NoQuestion,
    /// The address of somebody who shows another key than before.
    KeyChanged(&'a str),
    /// The name of a command in a menu.
    Title(Menu),
    /// Somebody of those near is to be chosen.
    Choose,
    /// An audience that can be chosen.
    Choice(Audience),
    /// Whether somebody who has asked is to be a contact, in a menu.
    Reply(bool),
    /// What a menu has begun goes on in the conversation.
    GoesOnInChat,
}

/// A command in a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Menu {
    /// Who is near.
    Who,
    /// Why nobody is near.
    Why,
    /// To be sure who somebody is.
    Verify,
    /// Who may see the person.
    Audience,
    /// Somebody shall not be in the list.
    Hide,
    /// Somebody may be in the list again.
    Show,
    /// Who would be a contact: shall they be?
    Requests,
    /// Whether other programs on the link see the person.
    Bonjour,
    /// What can be written.
    Help,
}

/// Somebody who is near, as they are told of.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    pub(crate) name: String,
    pub(crate) circle: Circle,
    pub(crate) here: Duration,
}

/// Why nobody is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// This computer makes no links.
    LinksOff,
    /// The person lets nobody see them, and so finds nobody.
    Hiding,
    /// It is not known yet.
    Looking,
    /// What the search has found out.
    Because(Reason),
}

impl Text<'_> {
    /// This, in a language.
    pub(crate) fn in_language(&self, language: Language) -> String {
        match language {
            Language::English => english::say(self),
            Language::Spanish => spanish::say(self),
            Language::French => french::say(self),
            Language::Swahili => swahili::say(self),
            Language::Portuguese => portuguese::say(self),
        }
    }
}

/// Letters of a name that are said at most. What is composed here is shorter.
const NAME_CHARS_MAX: usize = 80;

/// A name of somebody else's choice, without what could end a line, hide, or turn the words around it.
pub(crate) fn harmless(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(NAME_CHARS_MAX).collect()
}

/// A time in the largest unit of which it has one.
enum Span {
    Short,
    Minutes(u64),
    Hours(u64),
    Days(u64),
}

impl Span {
    fn of(time: Duration) -> Span {
        match time.as_secs() / 60 {
            0 => Span::Short,
            minutes @ 1..60 => Span::Minutes(minutes),
            minutes @ 60..1440 => Span::Hours(minutes / 60),
            minutes => Span::Days(minutes / 1440),
        }
    }
}

/// One of it, or so many: `1 person`, `2 people`.
fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A line for each of those near, and one for those who have none.
fn lines(head: String, people: &[Neighbour], line: impl Fn(&Neighbour) -> String, more: Option<String>) -> String {
    let lines = people.iter().map(|person| format!("\n{}: {}", person.name, line(person)));
    let more = more.map(|more| format!("\n{more}"));
    head + &lines.chain(more).collect::<String>()
}

/// Minutes until something may be tried again, at least one.
fn minutes(time: Duration) -> u64 {
    time.as_secs().div_ceil(60).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_mean_languages() {
        for (tag, expect) in [
            ("", Language::English),
            ("en", Language::English),
            ("de-AT", Language::English),
            ("es", Language::Spanish),
            ("es-419", Language::Spanish),
            ("FR-ca", Language::French),
            ("sw-KE", Language::Swahili),
            ("swg", Language::English),
            ("pt-BR", Language::Portuguese),
        ] {
            assert_eq!(Language::of(tag), expect, "{tag}");
        }
    }

    /// Everything that can be said, with numbers and names.
    fn texts<'a>(names: &'a [String], people: &'a [Neighbour]) -> Vec<Text<'a>> {
        let mut texts = vec![Text::Help, Text::NotUnderstood, Text::TooFast, Text::WhoIsMeant, Text::NoQuestion];
        texts.extend([Text::Choose, Text::GoesOnInChat, Text::NobodyIsHidden, Text::Reply(true), Text::Reply(false)]);
        texts.extend([None, Some(false), Some(true)].map(Text::Bonjour));
        for n in [0, 1, 2, 3, 21] {
            let (names, people) = (&names[..n.min(2)], &people[..n.min(3)]);
            texts.extend([Text::Status(n), Text::Greeting(n, names), Text::Who(n, people), Text::Requests(n, names)]);
        }
        let reasons = [
            Reason::NoInterface,
            Reason::NoMulticast,
            Reason::Unheard,
            Reason::Isolated,
            Reason::Nobody { wireless: false },
            Reason::Nobody { wireless: true },
        ];
        texts.extend([Absence::LinksOff, Absence::Hiding, Absence::Looking].map(Text::Why));
        texts.extend(reasons.map(|reason| Text::Why(Absence::Because(reason))));
        let name = &*names[0];
        texts.extend([
            Text::NobodyCalled(name),
            Text::Several(name, names),
            Text::Hidden(name, name),
            Text::IsContact(name),
            Text::NobodyHidden(name),
            Text::Shown(name),
            Text::Accepted(name),
            Text::ListFull(name),
            Text::Declined(name),
            Text::NobodyAsked(name),
            Text::Waiting(name),
            Text::Asked(name, name),
            Text::Compare(name, ["acorn", "bell", "coin"]),
            Text::Verified(name),
            Text::KeyChanged(name),
        ]);
        let causes = [
            Cause::NotInReach,
            Cause::TooOften { again_in: Duration::from_secs(1) },
            Cause::TooOften { again_in: Duration::from_secs(600) },
            Cause::Refused,
            Cause::RefusedHere,
            Cause::Differed,
            Cause::NoAnswer,
            Cause::LeftReach,
            Cause::LinkChanged,
            Cause::Cheated,
            Cause::Busy,
            Cause::NothingToSay,
            Cause::Hidden,
            Cause::CannotVouch,
            Cause::Full,
            Cause::Unwritten,
        ];
        texts.extend(causes.map(|cause| Text::NotVerified(name, cause)));
        let menus = [Menu::Who, Menu::Why, Menu::Verify, Menu::Audience, Menu::Hide, Menu::Show];
        texts.extend(menus.into_iter().chain([Menu::Requests, Menu::Bonjour, Menu::Help]).map(Text::Title));
        texts.extend(Audience::ALL.into_iter().flat_map(|audience| [Text::Audience(audience), Text::Choice(audience)]));
        texts
    }

    /// Two daemons that answer each other would never end; and two texts that are the same were copied and not translated.
    #[test]
    fn every_language_says_everything_and_commands_nothing() {
        let names = ["Tom".to_owned(), "Ana".to_owned()];
        let person =
            |seconds| Neighbour { name: "Tom".into(), circle: Circle::Red, here: Duration::from_secs(seconds) };
        let people = [person(0), person(60), person(7200)];
        for text in texts(&names, &people) {
            let said = Language::ALL.map(|language| text.in_language(language));
            for (at, one) in said.iter().enumerate() {
                assert!(!one.trim().is_empty() && !one.contains("  "), "{text:?}: {one:?}");
                let is_title = matches!(text, Text::Title(_) | Text::Choice(_));
                assert!(is_title || Command::read(one).is_none_or(|c| matches!(c, Command::Help)), "{one:?}");
                assert!(!said[..at].contains(one), "{text:?}: {one:?}");
            }
        }
    }

    /// What the help names is understood.
    #[test]
    fn the_help_is_true() {
        for language in Language::ALL {
            let help = Text::Help.in_language(language);
            let lines: Vec<_> = help.lines().filter_map(|line| line.split_once(" – ")).collect();
            assert_eq!(lines.len(), 11, "{help}");
            for (command, _) in lines {
                assert!(Command::read(command).is_some(), "{command}");
            }
        }
    }

    #[track_caller]
    fn check(text: &Text<'_>, expect: [&str; 5]) {
        assert_eq!(Language::ALL.map(|language| text.in_language(language)), expect);
    }

    #[test]
    fn numbers_are_said_right() {
        check(
            &Text::Status(0),
            ["nobody near", "nadie cerca", "personne à proximité", "hakuna mtu karibu", "ninguém por perto"],
        );
        check(
            &Text::Status(1),
            ["1 person near", "1 persona cerca", "1 personne à proximité", "mtu 1 karibu", "1 pessoa por perto"],
        );
        check(
            &Text::Status(2),
            ["2 people near", "2 personas cerca", "2 personnes à proximité", "watu 2 karibu", "2 pessoas por perto"],
        );
        let person =
            Neighbour { name: "Tom".into(), circle: Circle::Yellow, here: Duration::from_secs(3 * 3600 + 59 * 60) };
        check(
            &Text::Who(3, &[person]),
            [
                "3 people are near:\nTom: vouched for, here for 3 hours\nand 2 more",
                "Hay 3 personas cerca:\nTom: otros responden por esta persona, aquí desde hace 3 horas\ny 2 más",
                "3 personnes à proximité :\nTom: d'autres s'en portent garants, ici depuis 3 heures\net 2 de plus",
                "watu 3 karibu:\nTom: anadhaminiwa na wengine, yuko hapa kwa saa 3\nna wengine 2",
                "Há 3 pessoas por perto:\nTom: outros respondem por esta pessoa, aqui há 3 horas\ne mais 2",
            ],
        );
    }

    #[test]
    fn names_do_no_harm() {
        for (name, expect) in [
            ("Tom", "Tom"),
            ("José Ñandú", "José Ñandú"),
            ("Tom\nyes", "Tomyes"),
            ("\u{202e}moT\u{202c}", "moT"),
            ("a\u{200b}b\u{2028}c\u{2066}d\u{feff}", "abcd"),
            ("\u{1b}[31mred", "[31mred"),
            ("T\u{ad}o\u{3164}m\u{e0041}", "Tom"),
        ] {
            assert_eq!(harmless(name), expect);
        }
        for (chars, kept) in [
            (NAME_CHARS_MAX - 1, NAME_CHARS_MAX - 1),
            (NAME_CHARS_MAX, NAME_CHARS_MAX),
            (NAME_CHARS_MAX + 1, NAME_CHARS_MAX),
            (NAME_CHARS_MAX * 10, NAME_CHARS_MAX),
        ] {
            assert_eq!(harmless(&"é".repeat(chars)).chars().count(), kept);
        }
    }
}
