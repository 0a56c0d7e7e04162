//! Design, section 9: two people who are together compare three words; here they are told of it, and say yes or no.
//!
//! `mesh::verification` does it; this is its voice. One at a time for an account: a yes must mean the words on the screen.

use base::Bare;
use mesh::verification::{Act, Event};

use super::tell;
use crate::desk::{blocking, in_reach};
use crate::shard::{Output, Shard};
use crate::speech::{Text, harmless};

/// Whose words an account compares with its own, or is to.
pub(crate) struct Comparing {
    other: Bare,
    stage: Stage,
}

/// What a yes would mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The person wants to compare words, as the other one does.
    Asked,
    /// Nothing: they have just said so.
    Willing,
    /// Nothing: the other one is asked, and the person has been told.
    Waiting,
    /// The words on the screen are the same.
    Words,
}

/// An account wants to compare words with somebody.
pub(super) fn begin(shard: &mut Shard, own: &Bare, other: &Bare) {
    shard.push(Output::Verify { own: own.clone(), other: other.clone(), act: Act::Begin });
}

/// An account says yes or no; whether there was a question.
pub(super) fn answer(shard: &mut Shard, own: &Bare, yes: bool) -> bool {
    let Some(comparing) = shard.contact.comparing.get_mut(own) else { return false };
    let other = comparing.other.clone();
    let act = match (comparing.stage, yes) {
        (Stage::Willing | Stage::Waiting, _) => return false,
        (Stage::Asked, true) => Act::Begin,
        (Stage::Words, true) => Act::Agree,
        (Stage::Asked | Stage::Words, false) => Act::Refuse,
    };
    if act == Act::Begin {
        comparing.stage = Stage::Willing;
    } else {
        shard.contact.comparing.remove(own);
    }
    shard.push(Output::Verify { own: own.clone(), other, act });
    true
}

/// Something came of it, here or there. Whoever is logged in hears of it, and nobody of whom they block.
pub(crate) fn happened(shard: &mut Shard, own: &Bare, other: &Bare, event: Event) {
    let is_here = !shard.sessions_of(own, |_| true).is_empty();
    let is_heard = is_here && !blocking::blocks(shard, own.as_str(), &other.jid());
    let asked = &mut shard.contact.comparing;
    let standing = asked.get(own).map(|comparing| (comparing.other == *other, comparing.stage));
    if matches!(event, Event::Verified | Event::Failed(_)) && standing.is_some_and(|(is_about, _)| is_about) {
        asked.remove(own);
    }
    if !is_heard {
        return;
    }
    let stage = match event {
        // While one stands nobody else's question may get the yes that is for it. They can ask again.
        Event::Asked if standing.is_some_and(|(is_about, stage)| !is_about || stage == Stage::Words) => return,
        Event::Asked => Some(Stage::Asked),
        Event::Waiting => Some(Stage::Waiting),
        Event::Compare { .. } => Some(Stage::Words),
        Event::Verified | Event::Failed(_) => None,
    };
    if let Some(stage) = stage {
        asked.insert(own.clone(), Comparing { other: other.clone(), stage });
    }
    // It was the other one who asked.
    if event == Event::Waiting && standing == Some((true, Stage::Willing)) {
        return;
    }
    let name = in_reach::name(shard, own, other).unwrap_or_else(|| harmless(other.as_str()));
    let address = other.to_string();
    tell(shard, own, move |language| {
        let text = match event {
            Event::Asked => Text::Asked(&name, &address),
            Event::Waiting => Text::Waiting(&name),
            Event::Compare { words, .. } => Text::Compare(&name, words),
            Event::Verified => Text::Verified(&name),
            Event::Failed(cause) => Text::NotVerified(&name, cause),
        };
        text.in_language(language)
    });
}
