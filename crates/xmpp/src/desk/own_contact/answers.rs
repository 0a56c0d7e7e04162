//! What the daemon does about a line that it has understood, and what it says to it.

use base::{Audience, Bare};

use super::people::{Meant, Person, hidden, meant};
use super::{absence, comparing, near, neighbours, say};
use crate::admin::Standing;
use crate::desk::{audience, bonjour, in_reach, near as requests};
use crate::shard::Shard;
use crate::speech::{Absence, Command, Text, harmless};

/// Names in an answer: a screenful. There may be a thousand.
pub(crate) const NAMES_MAX: usize = 20;

/// Does what an account wants, and says what came of it.
pub(super) fn answer(shard: &mut Shard, own: &Bare, command: Command) {
    match command {
        Command::Help => speak(shard, own, &Text::Help),
        Command::Who => who(shard, own),
        Command::Why if in_reach::count(shard, own) == 0 => {
            let absence = absence(shard, own);
            speak(shard, own, &Text::Why(absence));
        }
        Command::Why => who(shard, own),
        Command::Verify(name) if name.is_empty() => speak(shard, own, &Text::WhoIsMeant),
        Command::Verify(name) => {
            let people = near(shard, own);
            about(shard, own, &name, &people, |shard, other| comparing::begin(shard, own, other));
        }
        Command::Answer(yes) => comparing::answer(shard, own, yes),
        Command::AskAudience => {
            let audience = shard.accounts[own].audience;
            speak(shard, own, &Text::Audience(audience));
        }
        Command::SetAudience(audience) => choose_audience(shard, own, audience),
        Command::HidePerson(name) => {
            let people = near(shard, own);
            about(shard, own, &name, &people, |shard, other| hide(shard, own, other, &people));
        }
        Command::ShowPerson(name) => unhide(shard, own, &name),
        Command::Bonjour(wish) => switch_bonjour(shard, own, wish),
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
    let count = in_reach::count(shard, own).max(shown.len());
    speak(shard, own, &Text::Who(count, &shown));
}

/// These may see an account from now on.
fn choose_audience(shard: &mut Shard, own: &Bare, audience: Audience) {
    audience::choose(shard, own, audience);
    speak(shard, own, &Text::Audience(audience));
}

/// Does something about somebody, if it is clear who is meant.
fn about(shard: &mut Shard, own: &Bare, name: &str, people: &[Person], act: impl FnOnce(&mut Shard, &Bare)) {
    match meant(people, name) {
        Meant::One(other) => act(shard, &other),
        Meant::Several(addresses) => {
            let shown = &addresses[..addresses.len().min(NAMES_MAX)];
            speak(shard, own, &Text::Several(&harmless(name), shown));
        }
        Meant::Nobody => speak(shard, own, &Text::NobodyCalled(&harmless(name))),
    }
}

/// Takes somebody out of the list. Contacts stand there because the person wants it.
fn hide(shard: &mut Shard, own: &Bare, other: &Bare, people: &[Person]) {
    let person = people.iter().find(|person| person.address == *other);
    let name = person.map_or_else(|| harmless(other.as_str()), |person| person.name.clone());
    if person.is_some_and(|person| person.is_contact) {
        return speak(shard, own, &Text::IsContact(&name));
    }
    in_reach::hide(shard, own, other);
    speak(shard, own, &Text::Hidden(&name, other.as_str()));
}

/// Lets somebody into the list again.
fn unhide(shard: &mut Shard, own: &Bare, name: &str) {
    let hidden = hidden(shard, own);
    let is_hidden = |other: &Bare| hidden.iter().any(|person| person.address == *other);
    match meant(&hidden, name) {
        Meant::One(other) if is_hidden(&other) => {
            in_reach::unhide(shard, own, &other);
            speak(shard, own, &Text::Shown(&harmless(other.as_str())));
        }
        Meant::Several(addresses) => {
            let shown = &addresses[..addresses.len().min(NAMES_MAX)];
            speak(shard, own, &Text::Several(&harmless(name), shown));
        }
        Meant::One(_) | Meant::Nobody => speak(shard, own, &Text::NobodyHidden(&harmless(name))),
    }
}

/// Shows an account to other programs on the link, or not any more; or says whether it is shown.
fn switch_bonjour(shard: &mut Shard, own: &Bare, wish: Option<bool>) {
    if let Some(on) = wish {
        bonjour::switch(shard, own, on);
    }
    let text = match bonjour::standing(shard, own) {
        Standing::On => Text::Bonjour(Some(true)),
        Standing::Off => Text::Bonjour(Some(false)),
        Standing::Unseen => Text::Bonjour(None),
        Standing::NoLinks => Text::Why(Absence::LinksOff),
    };
    speak(shard, own, &text);
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
