//! Design, section 9: two people who are together compare three words; here they are told of it, and say yes or no.
//!
//! `mesh::verification` does it; this is its voice. One at a time for an account: a yes must mean the words on the screen.

use base::Bare;
use mesh::verification::{Act, Event};

use super::answers::speak;
use super::{near, tell};
use crate::desk::blocking;
use crate::shard::{Output, Shard};
use crate::speech::{Text, harmless};

/// A question that an account was asked.
pub(crate) struct Comparing {
    other: Bare,
    /// Whether the words are on the screen. Before that a yes says that the person wants to compare them.
    words: bool,
}

/// An account wants to compare words with somebody.
pub(crate) fn begin(shard: &mut Shard, own: &Bare, other: &Bare) {
    shard.push(Output::Verify { own: own.clone(), other: other.clone(), act: Act::Begin });
}

/// An account says yes or no.
pub(super) fn answer(shard: &mut Shard, own: &Bare, yes: bool) {
    let Some(Comparing { other, words }) = shard.contact.comparing.remove(own) else {
        return speak(shard, own, &Text::NoQuestion);
    };
    let act = match (yes, words) {
        (true, true) => Act::Agree,
        (true, false) => Act::Begin,
        (false, _) => Act::Refuse,
    };
    shard.push(Output::Verify { own: own.clone(), other, act });
}

/// Something came of it, here or there. Whoever is logged in hears of it, and nobody of whom they block.
pub(crate) fn happened(shard: &mut Shard, own: &Bare, other: &Bare, event: Event) {
    let is_here = !shard.sessions_of(own, |_| true).is_empty();
    if !is_here || blocking::blocks(shard, own.as_str(), &other.jid()) {
        return;
    }
    let asked = &mut shard.contact.comparing;
    match event {
        // While there are words to say yes to, nobody else's question may get that yes. They can ask again.
        Event::Asked if asked.get(own).is_some_and(|comparing| comparing.words) => return,
        Event::Asked | Event::Compare { .. } => {
            let words = event != Event::Asked;
            asked.insert(own.clone(), Comparing { other: other.clone(), words });
        }
        Event::Verified | Event::Failed(_) if asked.get(own).is_some_and(|comparing| comparing.other == *other) => {
            asked.remove(own);
        }
        Event::Waiting | Event::Verified | Event::Failed(_) => {}
    }
    let known = near(shard, own).into_iter().find(|person| person.address == *other);
    let name = known.map_or_else(|| harmless(other.as_str()), |person| person.name);
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
