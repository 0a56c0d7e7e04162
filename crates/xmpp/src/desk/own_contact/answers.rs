//! What the daemon does about a line that it has understood, and what it says to it.

use base::{Audience, Bare};

use super::people::{Meant, Person, meant};
use super::{absence, comparing, near, neighbours, say};
use crate::desk::{audience, near as requests};
use crate::shard::Shard;
use crate::speech::{Command, Text, harmless};

/// Names in an answer: a screenful. There may be a thousand.
pub(crate) const NAMES_MAX: usize = 20;

/// Does what an account wants, and says what came of it.
pub(super) fn answer(shard: &mut Shard, own: &Bare, command: Command) {
    match command {
        Command::Help => speak(shard, own, &Text::Help),
        Command::Who => who(shard, own),
        Command::Why if near(shard, own).is_empty() => {
            let absence = absence(shard, own);
            speak(shard, own, &Text::Why(absence));
        }
        Command::Why => who(shard, own),
        Command::Verify(name) if name.is_empty() => speak(shard, own, &Text::WhoIsMeant),
        Command::Verify(name) => with(shard, own, &name, comparing::begin),
        Command::Answer(yes) => comparing::answer(shard, own, yes),
        Command::AskAudience => {
            let audience = shard.accounts[own].audience;
            speak(shard, own, &Text::Audience(audience));
        }
        Command::SetAudience(audience) => choose_audience(shard, own, audience),
        Command::HidePerson(_) | Command::ShowPerson(_) => speak(shard, own, &Text::NotUnderstood),
        Command::Requests => {
            let asking: Vec<String> = requests::requests(shard, own).iter().map(Bare::to_string).collect();
            speak(shard, own, &Text::Requests(asking.len(), &asking[..asking.len().min(NAMES_MAX)]));
        }
        Command::Accept(name) => answer_request(shard, own, &name, true),
        Command::Decline(name) => answer_request(shard, own, &name, false),
    }
}

/// Says something to an account.
pub(super) fn speak(shard: &mut Shard, own: &Bare, text: &Text<'_>) {
    say(shard, own, &|language| text.in_language(language));
}

fn who(shard: &mut Shard, own: &Bare) {
    let people = near(shard, own);
    let shown = neighbours(shard, &people, NAMES_MAX);
    speak(shard, own, &Text::Who(people.len(), &shown));
}

/// These may see an account from now on.
fn choose_audience(shard: &mut Shard, own: &Bare, audience: Audience) {
    audience::choose(shard, own, audience);
    speak(shard, own, &Text::Audience(audience));
}

/// Does something about somebody who is near, if it is clear who is meant.
fn with(shard: &mut Shard, own: &Bare, name: &str, act: impl FnOnce(&mut Shard, &Bare, &Bare)) {
    let people = near(shard, own);
    about(shard, own, name, &people, act);
}

fn about(shard: &mut Shard, own: &Bare, name: &str, people: &[Person], act: impl FnOnce(&mut Shard, &Bare, &Bare)) {
    match meant(people, name) {
        Meant::One(other) => act(shard, own, &other),
        Meant::Several(addresses) => {
            let shown = &addresses[..addresses.len().min(NAMES_MAX)];
            speak(shard, own, &Text::Several(&harmless(name), shown));
        }
        Meant::Nobody => speak(shard, own, &Text::NobodyCalled(&harmless(name))),
    }
}

/// Answers somebody who would be a contact and is not admitted. Only a whole address means them: they are strangers, and
/// their names are of their own choice.
fn answer_request(shard: &mut Shard, own: &Bare, name: &str, yes: bool) {
    match Bare::new(name.trim()) {
        Ok(other) if requests::answer_request(shard, own, &other, yes) => {
            let text = if yes { Text::Accepted(other.as_str()) } else { Text::Declined(other.as_str()) };
            speak(shard, own, &text);
        }
        _ => speak(shard, own, &Text::NobodyAsked(&harmless(name))),
    }
}
