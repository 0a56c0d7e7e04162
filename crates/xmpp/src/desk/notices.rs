//! What the daemon has to tell a person in words: a message from their own domain, kept like any other.

use base::Bare;
use base::ledger::Query;
use mesh::verification::Event;
use wire::{Kind, MessageType, Stanza, Xml};

use crate::desk::blocking;
use crate::ns;
use crate::router::Way;
use crate::shard::{Origin, Purpose, Shard};

/// Attack case E07: somebody shows another key for an address. Whoever here knows the address is to hear of it.
pub(crate) fn key_changed(shard: &mut Shard, address: Bare) {
    shard.read(Query::Knowing(address.clone()), Purpose::Knowing(address));
}

/// Tells an account of it.
pub(crate) fn tell_of_key(shard: &mut Shard, account: &Bare, other: &Bare) {
    let text = format!(
        "Somebody near you says that they are {other}, but shows another key than before. Perhaps they have a new \
         computer; perhaps it is somebody else. Nothing is delivered to or from them. Ask {other} in person. If it is \
         right, say on this computer: jirani accept {other}"
    );
    tell(shard, account, &text);
}

/// Somebody wants to compare words, or that has come to a good end: whoever is logged in hears of it. Nobody hears of
/// whom they block.
pub(crate) fn verification(shard: &mut Shard, own: &Bare, other: &Bare, event: Event) {
    let text = match event {
        Event::Asked => format!(
            "{other} is near you and wants to make sure that it is you. If you are together, type on this computer: \
             jirani verify {other}. Then both of you see three words, and say whether they are the same."
        ),
        Event::Verified => format!("{other} is verified: you have compared the words in person."),
        // Whoever compares has a terminal before them, which says it.
        Event::Waiting | Event::Compare { .. } | Event::Failed(_) => return,
    };
    let is_in = !shard.sessions_of(own, |_| true).is_empty();
    if is_in && !blocking::blocks(shard, own.as_str(), &other.jid()) {
        tell(shard, own, &text);
    }
}

/// A message to an account from its own domain.
fn tell(shard: &mut Shard, account: &Bare, text: &str) {
    let Ok(domain) = Bare::new(account.jid().domain()) else { return };
    let body = Xml::within(ns::CLIENT).leaf("body", ns::CLIENT, text).finish();
    let mut message = Stanza::new(Kind::Message(MessageType::Chat)).with_inner(body);
    message.head.from = Some(domain.jid().into_owned());
    message.head.to = Some(account.jid().into_owned());
    shard.enter(account, Way::In, Origin::SERVER, message);
}
