//! Design, section 9: two people who are together compare three words; here they are told of it, and say yes or no.
//!
//! `mesh::verification` does it; this is its voice. One at a time for an account: a yes must mean the words on the screen.

use base::Bare;
use mesh::verification::{Act, Event};

use super::answers::speak;
use super::tell;
use crate::desk::{blocking, in_reach};
use crate::shard::{Output, Shard};
use crate::speech::{Text, harmless};

/// A question that an account was asked.
pub(crate) struct Comparing {
    other: Bare,
    stage: Stage,
}

/// What a yes would mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The person wants to compare words, as the other one does.
    Asked,
    /// Nothing: they have said so.
    Willing,
    /// The words on the screen are the same.
    Words,
}

/// An account wants to compare words with somebody.
pub(crate) fn begin(shard: &mut Shard, own: &Bare, other: &Bare) {
    shard.push(Output::Verify { own: own.clone(), other: other.clone(), act: Act::Begin });
}

/// An account says yes or no.
pub(super) fn answer(shard: &mut Shard, own: &Bare, yes: bool) {
    let known = shard.contact.comparing.remove(own).filter(|comparing| comparing.stage != Stage::Willing);
    let Some(Comparing { other, stage }) = known else { return speak(shard, own, &Text::NoQuestion) };
    let act = match (yes, stage) {
        (true, Stage::Words) => Act::Agree,
        (true, Stage::Asked | Stage::Willing) => Act::Begin,
        (false, _) => Act::Refuse,
    };
    if act == Act::Begin {
        let willing = Comparing { other: other.clone(), stage: Stage::Willing };
        shard.contact.comparing.insert(own.clone(), willing);
    }
    shard.push(Output::Verify { own: own.clone(), other, act });
}

/// Something came of it, here or there. Whoever is logged in hears of it, and nobody of whom they block.
pub(crate) fn happened(shard: &mut Shard, own: &Bare, other: &Bare, event: Event) {
    let is_here = !shard.sessions_of(own, |_| true).is_empty();
    let is_heard = is_here && !blocking::blocks(shard, own.as_str(), &other.jid());
    let asked = &mut shard.contact.comparing;
    let stage = asked.get(own).map(|comparing| comparing.stage);
    let is_about = asked.get(own).is_some_and(|comparing| comparing.other == *other);
    if matches!(event, Event::Verified | Event::Failed(_)) && is_about {
        asked.remove(own);
    }
    match event {
        _ if !is_heard => return,
        // While there are words to say yes to, nobody else's question may get that yes. They can ask again.
        Event::Asked if stage == Some(Stage::Words) => return,
        // It was the other one who asked.
        Event::Waiting if stage == Some(Stage::Willing) && is_about => return,
        Event::Asked | Event::Compare { .. } => {
            let stage = if event == Event::Asked { Stage::Asked } else { Stage::Words };
            asked.insert(own.clone(), Comparing { other: other.clone(), stage });
        }
        Event::Waiting | Event::Verified | Event::Failed(_) => {}
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
