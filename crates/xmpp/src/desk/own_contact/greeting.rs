//! Design, section 7: the first words of the daemon to a person, and its presence, which says how many are near.

use std::time::Duration;

use base::ledger::RecordKind;
use base::{Bare, SessionId};
use wire::PresenceType;

use super::{GREETED, is_listed, near, say, show};
use crate::desk::in_reach;
use crate::shard::Shard;
use crate::speech::Text;

/// How long the daemon looks around before it greets: neighbours on the same link are found within.
const LOOK_AROUND: Duration = Duration::from_secs(5);

/// How long changes are gathered before clients hear how many are near: a class that comes in is one change or two.
const GATHER: Duration = Duration::from_secs(5);

/// Names in a greeting.
const NAMES_MAX: usize = 5;

/// A session of an account has become available: it sees the daemon, which greets the account if it never did.
pub(crate) fn shown_to(shard: &mut Shard, own: &Bare, session: SessionId) {
    if !is_listed(shard, own) {
        return;
    }
    let count = in_reach::count(shard, own);
    shard.contact.told.insert(own.clone(), count);
    show(shard, own, session, PresenceType::Available, Some(count));
    let at = shard.now.mono + LOOK_AROUND;
    if !shard.accounts[own].choices.greeted && !shard.contact.greetings.contains_key(own) {
        shard.contact.greetings.insert(own.clone(), at);
        shard.contact_due(at);
    }
}

/// Somebody may be near, or may not be any more: clients hear of it soon.
pub(crate) fn changed(shard: &mut Shard) {
    if shard.config.contact && shard.contact.look_at.is_none() {
        let at = shard.now.mono + GATHER;
        shard.contact.look_at = Some(at);
        shard.contact_due(at);
    }
}

/// It is time for one or the other.
pub(crate) fn due(shard: &mut Shard) {
    let now = shard.now.mono;
    let ripe = shard.contact.greetings.iter().filter(|(_, at)| **at <= now).map(|(own, _)| own.clone());
    for own in ripe.collect::<Vec<_>>() {
        shard.contact.greetings.remove(&own);
        greet(shard, &own);
    }
    if shard.contact.look_at.is_some_and(|at| at <= now) {
        shard.contact.look_at = None;
        tell_how_many(shard);
    }
}

/// Greets an account, once in its life, if somebody is there to read it.
fn greet(shard: &mut Shard, own: &Bare) {
    let is_there = !shard.sessions_of(own, |session| session.presence.is_some()).is_empty();
    let ready = shard.accounts.get_mut(own).filter(|account| account.row.is_some() && !account.is_loading());
    let Some(account) = ready.filter(|account| is_there && !account.choices.greeted) else { return };
    account.choices.greeted = true;
    shard.put_record(own, RecordKind::Preference, GREETED, Some(Vec::new()));
    let people = near(shard, own);
    let names: Vec<String> = people.iter().take(NAMES_MAX).map(|person| person.name.clone()).collect();
    let count = in_reach::count(shard, own);
    say(shard, own, &|language| Text::Greeting(count, &names).in_language(language));
}

/// Tells the clients of those for whom there are more or fewer than before.
fn tell_how_many(shard: &mut Shard) {
    let accounts = std::mem::take(&mut shard.contact.told);
    for (own, before) in accounts {
        let sessions = shard.sessions_of(&own, |session| session.presence.is_some());
        if sessions.is_empty() || !is_listed(shard, &own) {
            continue;
        }
        let count = in_reach::count(shard, &own);
        shard.contact.told.insert(own.clone(), count);
        if count != before {
            sessions.into_iter().for_each(|id| show(shard, &own, id, PresenceType::Available, Some(count)));
        }
    }
}
