//! XEP-0191 blocking: from whom a person does not want to hear, nor be seen.
//!
//! The list is read together with the account, so it is known before anything is delivered. Whoever is on it finds what
//! they would find if there were no such person.

use std::collections::BTreeSet;

use base::ledger::{Record, RecordKind};
use base::limits::{BLOCKED_BYTES_MAX, BLOCKED_MAX};
use base::{Bare, Jid, SessionId};
use wire::{IqType, Kind, MessageType, Stanza, Xml};

use super::{Ask, Verdict, audience, in_reach, presence};
use crate::contacts::{Registers, Roster};
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::session::What;
use crate::shard::{After, Origin, Shard};

/// The addresses that an account blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blocked(BTreeSet<Box<str>>);

impl Blocked {
    /// Takes the list out of an account's records.
    pub(crate) fn from_records(records: &[Record]) -> Blocked {
        Blocked(records.iter().filter(|r| r.kind == RecordKind::Block).map(|r| r.key.as_str().into()).collect())
    }

    /// Section 6: an item is a resource alone, a person with all their resources, or a domain with everybody in it.
    pub(crate) fn matches(&self, jid: &Jid<'_>) -> bool {
        !self.0.is_empty() && [jid.as_str(), jid.bare(), jid.domain()].iter().any(|item| self.0.contains(*item))
    }
}

/// Whether a person blocks an address. Nobody blocks themselves (section 5).
pub(crate) fn blocks(shard: &Shard, person: &str, other: &Jid<'_>) -> bool {
    shard.accounts.get(person).is_some_and(|account| account.blocked.matches(other)) && other.bare() != person
}

/// Whether one of two blocks the other: then presence does not pass between them.
pub(crate) fn apart(shard: &Shard, a: &Jid<'_>, b: &Jid<'_>) -> bool {
    blocks(shard, a.bare(), b) || blocks(shard, b.bare(), a)
}

/// Section 3.3: keeps from a person what comes from somebody they block; whether it did.
pub(crate) fn keep_out(shard: &mut Shard, person: &Bare, origin: Origin, stanza: &Stanza<'_>) -> bool {
    let kept_out = stanza.head.from.as_ref().is_some_and(|from| blocks(shard, person.as_str(), from));
    if kept_out
        && let Kind::Message(MessageType::Normal | MessageType::Chat) | Kind::Iq(IqType::Get | IqType::Set) =
            stanza.head.kind
    {
        shard.answer_for_nobody(origin, stanza);
    }
    kept_out
}

/// Section 3.3: what a person says to somebody they block goes nowhere.
pub(crate) fn refuse_outbound(shard: &Shard, own: &Bare, to: &Jid<'_>) -> Option<StanzaError> {
    // The own server is not blocked with its domain: it has to answer.
    let is_server = to.is_domain() && shard.config.hosts.has_domain(to.domain());
    (!is_server && blocks(shard, own.as_str(), to)).then(StanzaError::blocked)
}

/// Section 3.2: the list. Who has asked for it is told of changes.
pub(crate) fn list(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if ask.set {
        return Verdict::Error(Condition::BadRequest.into());
    }
    if let Some(session) = shard.sessions.get_mut(&ask.origin.session) {
        session.wants_blocklist = true;
    }
    let mut xml = Xml::new();
    xml.open("blocklist", ns::BLOCKING);
    for item in &shard.accounts[ask.address].blocked.0 {
        xml.open("item", ns::BLOCKING).attr("jid", item).close();
    }
    Verdict::Result(xml.finish())
}

/// Section 3.3: adds to the list.
pub(crate) fn block(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    let items = match items(ask) {
        Ok(items) if items.is_empty() => return bad_request("Who shall be blocked?"),
        Ok(items) => items,
        Err(verdict) => return verdict,
    };
    let mut after = shard.accounts[ask.address].blocked.clone();
    after.0.extend(items.iter().cloned());
    let bytes: usize = after.0.iter().map(|item| item.len()).sum();
    if after.0.len() > BLOCKED_MAX || bytes > BLOCKED_BYTES_MAX {
        return Verdict::Error(StanzaError::new(Condition::ResourceConstraint, "The block list is full."));
    }
    change(shard, ask, "block", &items, after)
}

/// Sections 3.4 and 3.5: takes some off the list, or all.
pub(crate) fn unblock(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    let items = match items(ask) {
        Ok(items) => items,
        Err(verdict) => return verdict,
    };
    let mut after = shard.accounts[ask.address].blocked.clone();
    if items.is_empty() {
        after.0.clear();
    } else {
        after.0.retain(|item| !items.contains(item));
    }
    change(shard, ask, "unblock", &items, after)
}

/// The addresses of a request, normalised.
fn items(ask: &Ask<'_>) -> Result<BTreeSet<Box<str>>, Verdict> {
    if !ask.set {
        return Err(bad_request("The block list is changed by a set."));
    }
    let mut items = BTreeSet::new();
    for element in ask.payload.children().filter(|child| child.is("item", ns::BLOCKING)) {
        match element.attr("jid").as_deref().map(Jid::new) {
            Some(Ok(jid)) => items.insert(jid.as_str().into()),
            Some(Err(_)) => return Err(Verdict::Error(Condition::JidMalformed.into())),
            None => return Err(bad_request("An item has no address.")),
        };
    }
    Ok(items)
}

fn bad_request(text: &'static str) -> Verdict {
    Verdict::Error(StanzaError::new(Condition::BadRequest, text))
}

/// Makes the list what it is from now on: writes what differs, hides and shows the person, tells who wants to know.
fn change(shard: &mut Shard, ask: &Ask<'_>, verb: &'static str, items: &BTreeSet<Box<str>>, after: Blocked) -> Verdict {
    let own = ask.address;
    let account = shard.accounts.get_mut(own).expect("an account that is asked is ready");
    let Some(roster) = account.roster.clone() else { return Verdict::NeedsRoster };
    let before = std::mem::replace(&mut account.blocked, after.clone());
    for key in before.0.symmetric_difference(&after.0) {
        let value = after.0.contains(key).then(Vec::new);
        shard.put_record(own, RecordKind::Block, key, value);
    }
    let ticket = shard.newest();
    shard.after(ticket, After::Distrust(own.clone()));
    hide(shard, own, &roster, &before, &after);
    show(shard, own, &roster, &before, &after);
    in_reach::judge(shard, own);
    let mut xml = Xml::new();
    xml.open(verb, ns::BLOCKING);
    for item in items {
        xml.open("item", ns::BLOCKING).attr("jid", item).close();
    }
    let mut push = Stanza::new(Kind::Iq(IqType::Set)).with_inner(xml.finish());
    for session in shard.sessions_of(own, |session| session.wants_blocklist) {
        let Some(jid) = shard.sessions.get(&session).map(|s| s.jid.clone()) else { continue };
        push.head.to = Some((*jid).clone());
        push.head.id = Some(shard.token().into());
        shard.send(session, &push, What::Answer, Some(ticket));
    }
    Verdict::ResultAfter(Vec::new(), ticket)
}

/// Section 3.3: whoever could see the person and is blocked now sees them leave.
fn hide(shard: &mut Shard, own: &Bare, roster: &Roster, before: &Blocked, after: &Blocked) {
    let near = near(shard, own, roster, after, before);
    for contact in contacts(roster, Registers::FROM, after, before).into_iter().chain(near) {
        presence::show_to(shard, own, &contact, false);
    }
    for session in shard.sessions_of(own, |session| !session.directed.is_empty()) {
        for to in forget_directed(shard, own, session, after) {
            presence::leave_directed(shard, session, to);
        }
    }
}

/// Section 3.4: whoever may see the person and is blocked no more sees them come. And the person sees them again: what
/// they said meanwhile did not come through.
fn show(shard: &mut Shard, own: &Bare, roster: &Roster, before: &Blocked, after: &Blocked) {
    let near = near(shard, own, roster, before, after);
    for contact in contacts(roster, Registers::FROM, before, after).iter().chain(&near) {
        presence::show_to(shard, own, contact, true);
    }
    for contact in contacts(roster, Registers::TO, before, after).into_iter().chain(near) {
        presence::look_again(shard, own, &Bare::of(&contact));
    }
}

/// The contacts with a subscription who are on one list and not on the other: as a whole, or one resource of them.
fn contacts(roster: &Roster, register: Registers, on: &Blocked, off: &Blocked) -> Vec<Jid<'static>> {
    let differs = |jid: &Jid<'_>| on.matches(jid) && !off.matches(jid);
    let whole = roster.having(register).map(Bare::jid).filter(differs).map(Jid::into_owned);
    let items = on.0.difference(&off.0).filter_map(|item| Jid::new(item).ok());
    let parts = items.filter(|jid| !jid.is_bare() && differs(jid) && roster.registers(&Bare::of(jid)).has(register));
    whole.chain(parts.map(Jid::into_owned)).collect()
}

/// The same of those who see the person without a subscription, because they are in reach.
fn near(shard: &Shard, own: &Bare, roster: &Roster, on: &Blocked, off: &Blocked) -> Vec<Jid<'static>> {
    let mut in_reach = shard.in_reach();
    in_reach.retain(|other| !roster.registers(other).has(Registers::FROM) && audience::has(shard, own, other));
    let jids = in_reach.into_iter().map(|other| other.jid().into_owned());
    jids.filter(|jid| on.matches(jid) && !off.matches(jid)).collect()
}

/// Takes out of a session's memory whom it sent presence directly and who is blocked now.
fn forget_directed(shard: &mut Shard, own: &Bare, session: SessionId, after: &Blocked) -> BTreeSet<Jid<'static>> {
    let Some(session) = shard.sessions.get_mut(&session) else { return BTreeSet::new() };
    let is_blocked = |to: &Jid<'_>| after.matches(to) && to.bare() != own.as_str();
    let (gone, kept) = std::mem::take(&mut session.directed).into_iter().partition(is_blocked);
    session.directed = kept;
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(item: &str, jid: &str, expect: bool) {
        let blocked = Blocked([item.into()].into());
        assert_eq!(blocked.matches(&Jid::new(jid).unwrap()), expect, "{item} and {jid}");
    }

    #[test]
    fn addresses_match_as_section_6_says() {
        for (item, jid, expect) in [
            ("u@d.example/r", "u@d.example/r", true),
            ("u@d.example/r", "u@d.example/other", false),
            ("u@d.example/r", "u@d.example", false),
            ("u@d.example", "u@d.example/r", true),
            ("u@d.example", "u@d.example", true),
            ("u@d.example", "v@d.example", false),
            ("u@d.example", "d.example", false),
            ("d.example/r", "d.example/r", true),
            ("d.example/r", "d.example/other", false),
            ("d.example/r", "d.example", false),
            ("d.example/r", "u@d.example/r", false),
            ("d.example", "d.example", true),
            ("d.example", "d.example/r", true),
            ("d.example", "u@d.example", true),
            ("d.example", "u@d.example/r", true),
            ("d.example", "u@sub.d.example", false),
            ("example", "u@d.example", false),
        ] {
            check(item, jid, expect);
        }
        assert!(!Blocked::default().matches(&Jid::new("u@d.example").unwrap()));
    }
}
