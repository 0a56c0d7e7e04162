//! RFC 6121 sections 2.3 to 2.5: what a client does with somebody whom its list shows: who is removed is hidden, who is renamed or
//! regrouped becomes a contact. And what people do: who writes to somebody wants to see them.

use base::ledger::RecordKind;
use base::{Bare, Circle, Jid};
use wire::{Element, Kind, MessageType, PresenceType, Stanza};

use super::list::Words;
use super::{contact_look, hide, is_neighbour, note_hidden, offer, remembered, telling, who};
use crate::contacts::Item;
use crate::desk::roster::{self, Request};
use crate::desk::subscription_states::Verb;
use crate::desk::{Ask, Verdict, subscription};
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::shard::{Origin, Shard};

/// A roster set about somebody who is no contact; `None` if it is not about somebody in reach.
pub(crate) fn set(shard: &mut Shard, ask: &Ask<'_>, other: &Bare, element: &Element<'_>) -> Option<Verdict> {
    let own = ask.address;
    let person = shard.neighbours.lists.get(own).and_then(|list| list.get(other.as_str()));
    if element.attr("subscription").as_deref() == Some("remove") {
        let is_known = person.is_some() || shard.accounts[own].remembered.was_shown(other);
        return is_known.then(|| Verdict::ResultAfter(Vec::new(), hide(shard, own, other)));
    }
    let person = person?;
    let wanted = match Item::from_xml(element) {
        Ok(item) => item,
        Err(error) => return Some(Verdict::Error(error)),
    };
    let language = shard.sessions.get(&ask.origin.session).map(|session| session.language).unwrap_or_default();
    let (shown, group) = (person.name(other, language), language.in_reach());
    let same_name = wanted.name() == Some(shown.as_str());
    if same_name && wanted.is_only_in(group) {
        return Some(Verdict::Result(Vec::new()));
    }
    // The list's own mark and group say what is so now; a contact is called and stands as the person says.
    let name = if same_name { person.plain_name(other) } else { wanted.name().unwrap_or_default().to_owned() };
    Some(befriend(shard, ask, other, wanted.named(&name).without_group(group)))
}

/// Makes somebody a contact, as if the person had allowed and asked to see each other (sections 3.1 and 3.4).
fn befriend(shard: &mut Shard, ask: &Ask<'_>, other: &Bare, item: Item) -> Verdict {
    let own = ask.address;
    let Some(known) = shard.accounts[own].roster.as_ref() else { return Verdict::NeedsRoster };
    if !known.has_room_for(other, &item) {
        return Verdict::Error(StanzaError::new(Condition::ResourceConstraint, "The contact list is full."));
    }
    roster::record(shard, own, other, Some(item), Request::Keep);
    let origin = Origin { session: ask.origin.session, number: None };
    for (verb, kind) in [(Verb::Subscribed, PresenceType::Subscribed), (Verb::Subscribe, PresenceType::Subscribe)] {
        let mut stanza = Stanza::new(Kind::Presence(kind));
        stanza.head.from = Some(own.jid().into_owned());
        stanza.head.to = Some(other.jid().into_owned());
        subscription::outbound(shard, own, origin, verb, stanza);
    }
    Verdict::ResultAfter(Vec::new(), shard.newest())
}

/// A contact is another one than before, or none any more. Its push says so; what it is to others follows.
pub(crate) fn contact_changed(
    shard: &mut Shard,
    own: &Bare,
    other: &Bare,
    before: Option<&Item>,
    after: Option<&Item>,
) {
    let look = |item: Option<&Item>| item.map(|item| contact_look(other, item));
    match (before, after) {
        (None, Some(_)) => forget_hidden(shard, own, other),
        // Who was removed does not come back as a neighbour.
        (Some(_), None) if shard.is_elsewhere(&other.jid()) || is_neighbour(shard, own, &other.jid()) => {
            note_hidden(shard, own, other);
        }
        _ => {}
    }
    let Some(list) = shard.neighbours.lists.get_mut(own) else { return };
    if after.is_some() {
        list.hand_over(other);
    }
    list.rename_contact(look(before), look(after));
    shard.neighbours.untold.insert(own.clone());
}

fn forget_hidden(shard: &mut Shard, own: &Bare, other: &Bare) {
    if shard.accounts.get_mut(own).is_some_and(|account| account.remembered.unhide(other)) {
        shard.put_record(own, RecordKind::Neighbour, &remembered::hidden_key(other), None);
    }
}

/// A person of this node writes to somebody: then they want to see them.
pub(crate) fn wrote(shard: &mut Shard, own: &Bare, stanza: &Stanza<'_>) {
    let Some(to) = &stanza.head.to else { return };
    let is_hidden = shard.accounts.get(own).is_some_and(|account| account.remembered.hides(to.bare()));
    if (is_hidden || is_about(shard, own, to)) && has_words(stanza) {
        let other = Bare::of(to);
        super::unhide(shard, own, &other);
        spoke(shard, own, &other, Words::Chat);
    }
}

/// Somebody writes to a person of this node. A stranger's words are a chat once they are answered.
pub(crate) fn heard(shard: &mut Shard, own: &Bare, stanza: &Stanza<'_>) {
    let Some(from) = stanza.head.from.as_ref().filter(|from| is_about(shard, own, from)) else { return };
    let other = Bare::of(from);
    if has_words(stanza) {
        let is_answered = || shard.accounts.get(own).is_some_and(|account| account.near.has_answered(&other));
        let is_chat = shard.circles.of(own, &other) != Circle::Red || is_answered();
        spoke(shard, own, &other, if is_chat { Words::Chat } else { Words::Strange });
    }
}

/// Whether anything here is concerned with what passes between two. Most messages are between contacts.
fn is_about(shard: &Shard, own: &Bare, other: &Jid<'_>) -> bool {
    let is_shown = || shard.neighbours.lists.get(own).is_some_and(|list| list.get(other.bare()).is_some());
    is_neighbour(shard, own, other) || is_shown()
}

/// Whether a message is more than a notice.
fn has_words(stanza: &Stanza<'_>) -> bool {
    matches!(stanza.head.kind, Kind::Message(MessageType::Chat | MessageType::Normal))
        && stanza.payload("body", ns::CLIENT).is_some()
}

/// Something was said. Whoever is in a chat stands in the list first of all, and shows what their client can do.
fn spoke(shard: &mut Shard, own: &Bare, other: &Bare, words: Words) {
    let now = shard.now.mono;
    let Some(list) = shard.neighbours.lists.get_mut(own) else { return };
    if list.get(other.as_str()).is_none() {
        who(shard, own, other).map(|who| offer(shard, own, other, who, words));
    } else if list.speak(now, other, words) {
        telling::ask_for(shard, own, other, None);
    }
    telling::publish(shard, own, telling::Ask::Those, None);
}
