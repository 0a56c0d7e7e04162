//! What people write to the daemon: a word of any language that it speaks, and perhaps a name.

use base::Audience;

use super::{english, french, portuguese, spanish, swahili};

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// What there is.
    Help,
    /// Who is near.
    Who,
    /// Why nobody is near.
    Why,
    /// To be sure who somebody is.
    Verify,
    /// The words are the same.
    Yes,
    /// They are not.
    No,
    /// Nobody shall see the person; or somebody shall not be in their list.
    Hide,
    /// Who may see the person; or somebody shall be in their list again.
    Show,
    /// Who would be a contact.
    Requests,
    /// They shall be one.
    Accept,
    /// They shall not.
    Decline,
}

/// A line that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// What there is.
    Help,
    /// Who is near.
    Who,
    /// Why nobody is near.
    Why,
    /// To be sure who somebody is; the name may be missing.
    Verify(String),
    /// The answer to a question.
    Answer(bool),
    /// Who may see the person?
    AskAudience,
    /// These may see the person.
    SetAudience(Audience),
    /// Who would be a contact?
    Requests,
    /// Somebody who has asked shall be one.
    Accept(String),
    /// Somebody who has asked shall not.
    Decline(String),
    /// Somebody shall not be in the list.
    HidePerson(String),
    /// Somebody may be in the list again.
    ShowPerson(String),
}

const VERBS: [&[(Verb, &[&str])]; 5] =
    [english::VERBS, spanish::VERBS, french::VERBS, swahili::VERBS, portuguese::VERBS];

const AUDIENCES: [&[(Audience, &[&str])]; 5] =
    [english::AUDIENCES, spanish::AUDIENCES, french::AUDIENCES, swahili::AUDIENCES, portuguese::AUDIENCES];

impl Command {
    /// What a line means, if anything: every language is understood, whatever is spoken. Case, accents and a slash in front
    /// do not matter.
    pub(crate) fn read(line: &str) -> Option<Command> {
        let line = line.trim().trim_start_matches('/').trim_end_matches(['.', '!']).trim();
        let (verb, rest) = begin(line, VERBS.iter().flat_map(|verbs| verbs.iter()))?;
        let name = rest.to_owned();
        match (verb, name.is_empty()) {
            (Verb::Help, _) => Some(Command::Help),
            (Verb::Who, _) => Some(Command::Who),
            (Verb::Why, _) => Some(Command::Why),
            (Verb::Verify, _) => Some(Command::Verify(name)),
            // "No idea" answers nothing.
            (Verb::Yes, true) => Some(Command::Answer(true)),
            (Verb::No, true) => Some(Command::Answer(false)),
            (Verb::Yes | Verb::No, false) => None,
            (Verb::Hide, true) => Some(Command::SetAudience(Audience::Nobody)),
            (Verb::Hide, false) => Some(Command::HidePerson(name)),
            (Verb::Requests, _) => Some(Command::Requests),
            (Verb::Accept, _) => Some(Command::Accept(name)),
            (Verb::Decline, _) => Some(Command::Decline(name)),
            (Verb::Show, true) => Some(Command::AskAudience),
            (Verb::Show, false) => Some(match begin(rest, AUDIENCES.iter().flat_map(|words| words.iter())) {
                Some((audience, "")) => Command::SetAudience(audience),
                _ => Command::ShowPerson(name),
            }),
        }
    }
}

/// With what a line begins, and the rest of it; of several the longest.
fn begin<T: Copy + 'static>(
    line: &str,
    table: impl Iterator<Item = &'static (T, &'static [&'static str])>,
) -> Option<(T, &str)> {
    let fits = table.flat_map(|(what, words)| words.iter().map(|words| (*what, *words)));
    fits.filter_map(|(what, words)| Some((what, after(line, words)?))).min_by_key(|(_, rest)| rest.len())
}

/// What stands behind these words, if the line begins with them.
fn after<'l>(line: &'l str, words: &str) -> Option<&'l str> {
    let mut rest = line;
    for word in words.split(' ') {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        if plain(rest[..end].trim_end_matches(['?', ',', ':'])) != plain(word) && plain(&rest[..end]) != word {
            return None;
        }
        rest = rest[end..].trim_start();
    }
    Some(rest)
}

/// A word in small letters without accents: on a foreign keyboard they are hard to find.
fn plain(word: &str) -> String {
    let without = |c| match c {
        'á' | 'à' | 'â' | 'ã' => 'a',
        'é' | 'è' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'ô' | 'õ' => 'o',
        'ú' | 'ü' => 'u',
        'ç' => 'c',
        c => c,
    };
    word.chars().flat_map(char::to_lowercase).map(without).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: Option<Command>) {
        assert_eq!(Command::read(line), expect, "{line}");
    }

    #[test]
    fn lines_are_understood() {
        let named = |make: fn(String) -> Command, name: &str| Some(make(name.into()));
        check("help", Some(Command::Help));
        check("  /HELP! ", Some(Command::Help));
        check("?", Some(Command::Help));
        check("Who?", Some(Command::Who));
        check("who is there?", Some(Command::Who));
        check("whom", None);
        check("por qué", Some(Command::Why));
        check("POR QUE?", Some(Command::Why));
        check("por", None);
        check("kwa nini", Some(Command::Why));
        check("verify Tom", named(Command::Verify, "Tom"));
        check("vérifier  Tom  le Grand", named(Command::Verify, "Tom  le Grand"));
        check("VERIFIER tom@x.jirani.alt", named(Command::Verify, "tom@x.jirani.alt"));
        check("verify", named(Command::Verify, ""));
        check("Yes.", Some(Command::Answer(true)));
        check("sí", Some(Command::Answer(true)));
        check("ndiyo", Some(Command::Answer(true)));
        check("nao", Some(Command::Answer(false)));
        check("no idea", None);
        check("yes please", None);
        check("requests", Some(Command::Requests));
        check("accept p@x.jirani.alt", named(Command::Accept, "p@x.jirani.alt"));
        check("rechazar p@x.jirani.alt", named(Command::Decline, "p@x.jirani.alt"));
        check("hide", Some(Command::SetAudience(Audience::Nobody)));
        check("hide Tom", named(Command::HidePerson, "Tom"));
        check("show", Some(Command::AskAudience));
        check("show all", Some(Command::SetAudience(Audience::All)));
        check("Show people I know", Some(Command::SetAudience(Audience::Green)));
        check("mostrar todo el mundo", Some(Command::SetAudience(Audience::All)));
        check("show Tom", named(Command::ShowPerson, "Tom"));
        check("show all@x.jirani.alt", named(Command::ShowPerson, "all@x.jirani.alt"));
        check("show all of them", named(Command::ShowPerson, "all of them"));
        for nothing in ["", " ", "/", "hello", "?!?", "\u{202e}who", "yes\nno"] {
            check(nothing, None);
        }
    }

    /// No word of one language is another command in another one.
    #[test]
    fn no_word_means_two_things() {
        for (verb, words) in VERBS.iter().flat_map(|verbs| verbs.iter()) {
            for word in *words {
                let found = begin(word, VERBS.iter().flat_map(|verbs| verbs.iter()));
                assert_eq!(found, Some((*verb, "")), "{word}");
            }
        }
        for (audience, words) in AUDIENCES.iter().flat_map(|words| words.iter()) {
            for word in *words {
                let found = begin(word, AUDIENCES.iter().flat_map(|words| words.iter()));
                assert_eq!(found, Some((*audience, "")), "{word}");
            }
        }
    }
}
