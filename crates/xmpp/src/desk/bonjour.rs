//! XEP-0174 for our people: the switch, what of their presence everybody on the link sees, what they say to people there and
//! hear of them.
//!
//! Nobody there proves who they are, and nothing of it is encrypted: so it is off by default, and only on while the account
//! lets everybody on the link see it. What was handed to the link counts as sent; nobody there says that it has arrived.

use std::collections::BTreeMap;

use base::ledger::{Record, RecordKind};
use base::{Bare, Circle, Jid, SessionId, Ticket};
use wire::{Kind, MessageType, PresenceType, Stanza};

use super::{forgery, in_reach, post, worth};
use crate::admin::Standing;
use crate::contacts::Registers;
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::router::Way;
use crate::session::Session;
use crate::shard::{After, Fate, Origin, Output, Shard};

/// The key of the account's preference; it has the value [`ON`], or is not there.
const KEY: &str = "bonjour";
const ON: &[u8] = b"on";

/// The accounts that are on the link, with whom each sees there: by address, and from where they speak.
#[derive(Default)]
pub(crate) struct Bonjour(BTreeMap<Bare, BTreeMap<Bare, Jid<'static>>>);

/// Whether it is on, from an account's records.
pub(crate) fn from_records(records: &[Record]) -> bool {
    let of_switch = |record: &&Record| record.kind == RecordKind::Preference && record.key == KEY;
    records.iter().find(of_switch).is_some_and(|record| record.value.as_deref() == Some(ON))
}

/// A person switches it; their account has been read.
pub(crate) fn switch(shard: &mut Shard, own: &Bare, on: bool) -> Ticket {
    if let Some(account) = shard.accounts.get_mut(own) {
        account.bonjour = on;
    }
    tell(shard, own);
    let ticket = shard.put_record(own, RecordKind::Preference, KEY, on.then(|| ON.to_vec()));
    shard.after(ticket, After::Distrust(own.clone()));
    ticket
}

/// Whether an account that is in memory is on the link, and if not, why.
pub(crate) fn standing(shard: &Shard, own: &Bare) -> Standing {
    match shard.accounts.get(own).filter(|account| account.bonjour) {
        None => Standing::Off,
        Some(_) if !shard.config.links => Standing::NoLinks,
        Some(account) if !account.audience.admits(Circle::Red) => Standing::Unseen,
        Some(_) => Standing::On,
    }
}

/// Something that the link may see of an account has changed, or whether it may.
pub(crate) fn tell(shard: &mut Shard, own: &Bare) {
    let was_there = shard.bonjour.0.contains_key(own);
    match presence(shard, own) {
        Some(presence) => {
            shard.bonjour.0.entry(own.clone()).or_default();
            pass(shard, presence);
        }
        None if was_there => {
            let gone = to_gateway(PresenceType::Unavailable, &own.jid());
            pass(shard, gone);
            let seen = shard.bonjour.0.remove(own).unwrap_or_default();
            for other in seen.into_values() {
                vanish(shard, own, other);
            }
        }
        None => {}
    }
}

/// A session has become available: it hears who is on the link. Who wants a contact list hears it with that
/// ([`in_reach::introduce`]).
pub(crate) fn show_all(shard: &mut Shard, own: &Bare, session: SessionId) {
    let is_on = shard.bonjour.0.contains_key(own);
    let Some(session) = shard.sessions.get(&session).filter(|session| is_on && !session.interested) else { return };
    let probe = to_gateway(PresenceType::Probe, &session.jid);
    pass(shard, probe);
}

/// What everybody on the link may see: how the best of the account's sessions is, what it says of that, and its nickname.
fn presence(shard: &Shard, own: &Bare) -> Option<Stanza<'static>> {
    if standing(shard, own) != Standing::On {
        return None;
    }
    let there = shard.sessions_of(own, |session| session.presence.is_some());
    let told = there.iter().filter_map(|id| shard.sessions.get(id)?.presence.as_ref());
    // Of several that are as good, the one that spoke last of them to log in.
    let best = told.max_by_key(|told| told.priority)?;
    let mut presence = to_gateway(PresenceType::Available, &own.jid());
    for payload in best.stanza.payloads() {
        if matches!((payload.name(), payload.namespace()), ("show" | "status", ns::CLIENT) | ("nick", ns::NICK)) {
            presence.append(payload.raw());
        }
    }
    Some(presence)
}

/// Presence for the gateway itself.
fn to_gateway(kind: PresenceType, from: &Jid<'_>) -> Stanza<'static> {
    let mut presence = Stanza::new(Kind::Presence(kind));
    presence.head.to = Jid::new(&format!("{}{}", base::jid::NEARBY, from.domain())).ok().map(Jid::into_owned);
    presence.head.from = Some(from.borrow().into_owned());
    presence
}

fn pass(shard: &mut Shard, stanza: Stanza<'static>) {
    shard.push(Output::Gateway { stanza });
}

/// One of our people says something to somebody on the link, or to nobody there.
pub(crate) fn send(shard: &mut Shard, origin: Origin, stanza: Stanza<'_>) -> Fate {
    let (Some(from), Some(to)) = (&stanza.head.from, &stanza.head.to) else { return Fate::Done };
    let (own, to) = (Bare::of(from), Bare::of(to));
    let kind = match stanza.head.kind {
        Kind::Message(kind) => kind,
        // Their programs know presence and words only; and presence is for all.
        Kind::Iq(_) => {
            shard.bounce(origin, &stanza, &Condition::ServiceUnavailable.into());
            return Fate::Done;
        }
        Kind::Presence(PresenceType::Subscribe) => {
            allow(shard, &own, &to);
            return Fate::Done;
        }
        Kind::Presence(PresenceType::Probe) if sees(shard, &own, &to) => {
            pass(shard, stanza.into_owned());
            return Fate::Done;
        }
        Kind::Presence(_) => return Fate::Done,
    };
    if stanza.payload("body", ns::CLIENT).is_none() || kind == MessageType::Error {
        return Fate::Done;
    }
    let refused = if kind == MessageType::Groupchat {
        Some(Condition::ServiceUnavailable.into())
    } else if !sees(shard, &own, &to) {
        Some(StanzaError::new(Condition::ItemNotFound, "Nobody of this name is on the link now."))
    } else {
        None
    };
    if let Some(error) = refused {
        shard.bounce(origin, &stanza, &error);
        return Fate::Done;
    }
    let is_kept = matches!(worth::class(&stanza), worth::Class::Lasting | worth::Class::Passing);
    let Some(ticket) = is_kept.then(|| post::keep(shard, &own, &to, origin, &stanza)).flatten() else {
        pass(shard, stanza.into_owned());
        return Fate::Done;
    };
    shard.after(ticket, After::Gateway(Box::new(stanza.into_owned())));
    Fate::After(ticket)
}

/// Somebody on the link is to be a contact. Nobody there can be asked: their presence is for all, and all presence is for
/// them. So the gateway answers for them as it would for anybody, here or away; who has allowed it is seen, too.
fn allow(shard: &mut Shard, own: &Bare, other: &Bare) {
    if other.jid().local().is_none() {
        return;
    }
    let roster = shard.accounts.get(own).and_then(|account| account.roster.as_ref());
    let is_allowed = roster.is_some_and(|roster| roster.registers(other).has(Registers::APPROVED));
    let say = |kind| {
        let mut stanza = Stanza::new(Kind::Presence(kind));
        stanza.head.from = Some(other.jid().into_owned());
        stanza.head.to = Some(own.jid().into_owned());
        stanza
    };
    shard.enter(own, Way::In, Origin::SERVER, say(PresenceType::Subscribed));
    if is_allowed {
        shard.enter(own, Way::In, Origin::SERVER, say(PresenceType::Subscribe));
    }
    if sees(shard, own, other) {
        let mut probe = say(PresenceType::Probe);
        std::mem::swap(&mut probe.head.from, &mut probe.head.to);
        pass(shard, probe);
    }
}

/// Whether an account sees somebody on the link.
fn sees(shard: &Shard, own: &Bare, other: &Bare) -> bool {
    shard.bonjour.0.get(own).is_some_and(|seen| seen.contains_key(other))
}

/// The link says something to one of our people. Only what the gateway may say for it is taken.
pub(crate) fn hear(shard: &mut Shard, mut stanza: Stanza<'_>) {
    let (Some(from), Some(to)) = (&stanza.head.from, &stanza.head.to) else { return };
    let (own, other) = (Bare::of(to), Bare::of(from));
    let is_of_domain = from.domain().strip_prefix(base::jid::NEARBY) == Some(to.domain());
    if !is_of_domain || from.local().is_none() {
        return;
    }
    // What comes back may come after the person has switched it off.
    if stanza.head.kind == Kind::Message(MessageType::Error) {
        shard.enter(&own, Way::In, Origin::SERVER, stanza);
        return;
    }
    let Some(seen) = shard.bonjour.0.get_mut(&own) else { return };
    match stanza.head.kind {
        Kind::Presence(PresenceType::Available) => {
            seen.insert(other.clone(), from.borrow().into_owned());
            let name = stanza.payload("nick", ns::NICK).map(|nick| nick.text().into_owned()).unwrap_or_default();
            in_reach::appear(shard, &own, &other, &name);
            // The list has it, clean and marked (attack case D18).
            stanza.cut(|payload| payload.is("nick", ns::NICK));
        }
        Kind::Presence(PresenceType::Unavailable) => {
            if let Some(other) = seen.remove(&other) {
                vanish(shard, &own, other);
            }
            return;
        }
        Kind::Message(MessageType::Chat) => {}
        _ => return,
    }
    forgery::cut(&mut stanza, &shard.config.hosts);
    shard.enter(&own, Way::In, Origin::SERVER, stanza);
}

/// Somebody on the link is not shown to an account any more.
fn vanish(shard: &mut Shard, own: &Bare, other: Jid<'static>) {
    let bare = Bare::of(&other);
    let mut gone = Stanza::new(Kind::Presence(PresenceType::Unavailable));
    gone.head.from = Some(other);
    gone.head.to = Some(own.jid().into_owned());
    let hears = |session: &Session| session.presence.is_some();
    if !shard.sessions_of(own, hears).is_empty() {
        shard.enter(own, Way::In, Origin::SERVER, gone);
    }
    in_reach::vanish(shard, own, &bare);
}

#[cfg(test)]
mod tests {
    use base::{AccountId, NodeId};

    use super::*;

    #[test]
    fn the_switch_is_a_record() {
        for (kind, key, value, expect) in [
            (RecordKind::Preference, "bonjour", Some("on"), true),
            (RecordKind::Preference, "bonjour", Some("off"), false),
            (RecordKind::Preference, "bonjour", None, false),
            (RecordKind::Preference, "audience", Some("on"), false),
            (RecordKind::Private, "bonjour", Some("on"), false),
        ] {
            let value = value.map(|value| value.as_bytes().to_vec());
            let (account, node) = (AccountId(1), NodeId::SELF);
            let record = Record { account, kind, key: key.into(), value, clock: 1, node, version: 0 };
            assert_eq!(from_records(&[record]), expect, "{kind:?} {key}");
        }
        assert!(!from_records(&[]));
    }
}
