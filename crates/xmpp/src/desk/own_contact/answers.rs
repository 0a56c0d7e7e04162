//! What the daemon does about a command, in words or from a menu, and what it says to it.

use base::Bare;

use super::comparing;
use super::people::{Meant, Person, absence, hidden, meant, near, neighbours};
use crate::admin::Standing;
use crate::contacts::Item;
use crate::desk::{audience, bonjour, in_reach, near as requests};
use crate::shard::Shard;
use crate::speech::{Absence, Command, Language, Text, harmless};

/// Names in an answer: a screenful. There may be a thousand.
pub(crate) const NAMES_MAX: usize = 20;

/// Does what an account wants, whose contacts have been read; gives what is said to it now, if anything. What it has changed
/// is durable with [`Shard::newest`].
pub(crate) fn answer(shard: &mut Shard, own: &Bare, command: Command, language: Language) -> Option<String> {
    let say = |text: Text<'_>| Some(text.in_language(language));
    match command {
        Command::Help => say(Text::Help),
        Command::Why if in_reach::count(shard, own) == 0 => say(Text::Why(absence(shard, own))),
        Command::Who | Command::Why => {
            let people = near(shard, own);
            let shown = neighbours(shard, &people, NAMES_MAX);
            let count = in_reach::count(shard, own).max(shown.len());
            say(Text::Who(count, &shown))
        }
        Command::Verify(name) if name.is_empty() => say(Text::WhoIsMeant),
        Command::Verify(name) => {
            let other = one(&near(shard, own), &name, &Text::NobodyCalled(&harmless(&name)), language);
            other.map(|other| comparing::begin(shard, own, &other)).err()
        }
        Command::Answer(yes) if comparing::answer(shard, own, yes) => None,
        Command::Answer(_) => say(Text::NoQuestion),
        Command::AskAudience => say(Text::Audience(shard.accounts[own].audience)),
        Command::SetAudience(audience) => {
            audience::choose(shard, own, audience);
            say(Text::Audience(audience))
        }
        Command::HidePerson(name) => Some(hide(shard, own, &name, language)),
        Command::ShowPerson(name) => Some(unhide(shard, own, &name, language)),
        Command::Bonjour(wish) => {
            if let Some(on) = wish {
                bonjour::switch(shard, own, on);
            }
            say(match bonjour::standing(shard, own) {
                Standing::On => Text::Bonjour(Some(true)),
                Standing::Off => Text::Bonjour(Some(false)),
                Standing::Unseen => Text::Bonjour(None),
                Standing::NoLinks => Text::Why(Absence::LinksOff),
            })
        }
        Command::Requests => {
            let asking: Vec<String> = requests::requests(shard, own).iter().map(Bare::to_string).collect();
            say(Text::Requests(asking.len(), &asking[..asking.len().min(NAMES_MAX)]))
        }
        Command::Accept(name) => Some(answer_request(shard, own, &name, true, language)),
        Command::Decline(name) => Some(answer_request(shard, own, &name, false, language)),
    }
}

/// The one whom a person means; or what is said if that is nobody (`nobody`) or not clear.
fn one(people: &[Person], name: &str, nobody: &Text<'_>, language: Language) -> Result<Bare, String> {
    match meant(people, name) {
        Meant::One(other) => Ok(other),
        Meant::Several(addresses) => {
            let shown = &addresses[..addresses.len().min(NAMES_MAX)];
            Err(Text::Several(&harmless(name), shown).in_language(language))
        }
        Meant::Nobody => Err(nobody.in_language(language)),
    }
}

/// Takes somebody out of the list. Contacts stand there because the person wants it, near or not.
fn hide(shard: &mut Shard, own: &Bare, name: &str, language: Language) -> String {
    let people = near(shard, own);
    let other = match one(&people, name, &Text::NobodyCalled(&harmless(name)), language) {
        Ok(other) => other,
        Err(answer) => return answer,
    };
    let person = people.into_iter().find(|person| person.address == other);
    let name = person.map_or_else(|| harmless(other.as_str()), |person| person.name);
    if in_reach::is_contact(shard, own, &other) {
        return Text::IsContact(&name).in_language(language);
    }
    in_reach::hide(shard, own, &other);
    Text::Hidden(&name, other.as_str()).in_language(language)
}

/// Lets somebody into the list again.
fn unhide(shard: &mut Shard, own: &Bare, name: &str, language: Language) -> String {
    let hidden = hidden(shard, own);
    let nobody = harmless(name);
    match one(&hidden, name, &Text::NobodyHidden(&nobody), language) {
        Ok(other) if hidden.iter().any(|person| person.address == other) => {
            in_reach::unhide(shard, own, &other);
            Text::Shown(&harmless(other.as_str())).in_language(language)
        }
        Ok(_) => Text::NobodyHidden(&nobody).in_language(language),
        Err(answer) => answer,
    }
}

/// Answers somebody who would be a contact and is not admitted. Only a whole address means them: they are strangers, and
/// their names are of their own choice.
fn answer_request(shard: &mut Shard, own: &Bare, name: &str, yes: bool, language: Language) -> String {
    let asked = Bare::new(name.trim()).ok().filter(|other| requests::requests(shard, own).contains(other));
    let Some(other) = asked else { return Text::NobodyAsked(&harmless(name)).in_language(language) };
    let roster = shard.accounts.get(own).and_then(|account| account.roster.as_ref());
    if yes && roster.is_some_and(|roster| !roster.has_room_for(&other, &Item::default())) {
        // They go on asking: room can be made.
        return Text::ListFull(other.as_str()).in_language(language);
    }
    requests::answer_request(shard, own, &other, yes);
    let text = if yes { Text::Accepted(other.as_str()) } else { Text::Declined(other.as_str()) };
    text.in_language(language)
}
