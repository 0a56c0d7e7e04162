//! RFC 6121 section 2: the contact list is read, changed and pushed, with the versions of section 2.6 (XEP-0237) from a
//! counter of this store.

use std::sync::Arc;

use base::ledger::{Record, RecordKind, Write};
use base::{Bare, Jid, NodeId, SessionId, Ticket};
use wire::{IqType, Kind, Stanza, Xml};

use super::{Ask, Verdict, in_reach, near, own_contact, subscription};
use crate::contacts::{Item, Registers};
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::session::What;
use crate::shard::{After, Shard};
use crate::speech::Language;

/// What happens to a request that waits for an answer.
pub(crate) enum Request {
    /// It stays as it is.
    Keep,
    /// It waits from now on: the stanza in its nested form.
    Put(Vec<u8>),
    /// It is answered or withdrawn.
    Remove,
}

/// `jabber:iq:roster`.
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if ask.set { set(shard, ask) } else { get(shard, ask) }
}

/// Section 2.1.3: the whole roster, or nothing if the client's version is the newest (section 2.6.3).
fn get(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    // Who of those in reach is no contact must be known even to say that nothing is new.
    let Some(roster) = shard.accounts[ask.address].roster.clone() else { return Verdict::NeedsRoster };
    let Some(language) = shard.sessions.get(&ask.origin.session).map(|session| session.language) else {
        return Verdict::Result(Vec::new());
    };
    let in_reach = in_reach::joins(shard, ask.address, ask.origin.session);
    let version = version(shard, ask.address, language);
    let known = ask.payload.attr("ver").is_some_and(|ver| ver == version);
    let mut xml = Xml::new();
    if !known {
        xml.open("query", ns::ROSTER).attr("ver", &version);
        let daemon = own_contact::item(shard, ask.address, language);
        let is_daemon = |address: &Bare| daemon.as_ref().is_some_and(|(known, _)| known == address);
        for (address, item) in roster.items.iter().filter(|(address, _)| !is_daemon(address)) {
            item.write_xml(address, &mut xml);
        }
        if let Some((address, item)) = daemon {
            item.write_xml(&address, &mut xml);
        }
        for (address, person) in &in_reach {
            person.write_xml(address, language, &mut xml);
        }
    }
    Verdict::Result(xml.finish())
}

/// Section 2.1.5: one contact is added, changed or removed; all interested sessions are told when that is durable.
fn set(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    let refuse = |condition, text| Verdict::Error(StanzaError::new(condition, text));
    let mut items = ask.payload.children();
    let (Some(element), None) = (items.next(), items.next()) else {
        return refuse(Condition::BadRequest, "A roster set has exactly one item.");
    };
    let contact = match element.attr("jid").as_deref().map(Jid::new) {
        Some(Ok(jid)) if element.is("item", ns::ROSTER) => Bare::of(&jid),
        _ => return refuse(Condition::BadRequest, "The item has no valid address."),
    };
    if contact == *ask.address {
        return refuse(Condition::NotAllowed, "Nobody is a contact of themselves.");
    }
    let Some(roster) = &shard.accounts[ask.address].roster else { return Verdict::NeedsRoster };
    let before = roster.items.get(&contact).cloned();
    let is_daemon = contact == own_contact::address(ask.address);
    if before.is_none()
        && let Some(verdict) = in_reach::set(shard, ask, &contact, &element)
    {
        return verdict;
    }
    let Some(roster) = &shard.accounts[ask.address].roster else { return Verdict::NeedsRoster };
    if element.attr("subscription").as_deref() == Some("remove") {
        if is_daemon && own_contact::is_listed(shard, ask.address) {
            let mut ticket = own_contact::list(shard, ask.address, false);
            own_contact::announce(shard, ask.address);
            match before {
                Some(_) => ticket = subscription::remove(shard, ask.address, &contact),
                None => push(shard, ask.address, &contact, ticket),
            }
            return Verdict::ResultAfter(Vec::new(), ticket);
        }
        if before.is_none() {
            return Verdict::Error(Condition::ItemNotFound.into());
        }
        return Verdict::ResultAfter(Vec::new(), subscription::remove(shard, ask.address, &contact));
    }
    let registers = before.map(|item| item.registers).unwrap_or_default();
    let item = match Item::from_xml(&element) {
        Ok(item) => item.with(registers),
        Err(error) => return Verdict::Error(error),
    };
    if !roster.has_room_for(&contact, &item) {
        return refuse(Condition::ResourceConstraint, "The contact list is full.");
    }
    let is_back = is_daemon && !own_contact::is_listed(shard, ask.address) && shard.config.contact;
    if is_back {
        own_contact::list(shard, ask.address, true);
    }
    let ticket = record(shard, ask.address, &contact, Some(item), Request::Keep);
    push(shard, ask.address, &contact, ticket);
    if is_back {
        own_contact::announce(shard, ask.address);
    }
    Verdict::ResultAfter(Vec::new(), ticket)
}

/// Makes a contact what it is from now on (`None`: none any more), in memory and in the store. Only what differs is
/// written; one change has one version.
pub(crate) fn record(shard: &mut Shard, owner: &Bare, contact: &Bare, item: Option<Item>, request: Request) -> Ticket {
    let wall = shard.now.wall;
    let account = shard.accounts.get_mut(owner).expect("an account that is asked is ready");
    let (version, clock) = account.take_version(wall);
    let id = account.row.as_ref().expect("it is ready").id;
    let roster = Arc::make_mut(account.roster.as_mut().expect("who changes it has asked for it"));
    let mut changes = Vec::new();
    let before = roster.items.get(contact).cloned();
    let plain = |item: &Item| item.to_record(contact);
    let (old, new) = (before.as_ref().map(plain), item.as_ref().map(plain));
    // A set that says what is known already is a change all the same: it has a version and is pushed.
    let repeated = before == item && matches!(request, Request::Keep);
    if old != new || repeated {
        changes.push((RecordKind::Roster, contact.as_str().to_owned(), new));
    }
    let registers = |item: Option<&Item>| item.map(|item| item.registers).unwrap_or_default();
    let (old, new) = (registers(before.as_ref()), registers(item.as_ref()));
    for (register, name) in Registers::ALL {
        if old.has(register) != new.has(register) {
            changes.push((RecordKind::Subscription, Registers::key(name, contact), new.has(register).then(Vec::new)));
        }
    }
    match request {
        Request::Keep => {}
        Request::Put(stanza) => {
            roster.requests.insert(contact.clone(), stanza.clone().into());
            changes.push((RecordKind::Request, contact.as_str().to_owned(), Some(stanza)));
        }
        Request::Remove => {
            roster.requests.remove(contact);
            changes.push((RecordKind::Request, contact.as_str().to_owned(), None));
        }
    }
    roster.put(contact, item.clone());
    for (kind, key, value) in changes {
        shard.write(Write::PutRecord(Record { account: id, kind, key, value, clock, node: NodeId::SELF, version }));
    }
    near::contact_changed(shard, owner, contact);
    in_reach::contact_changed(shard, owner, contact, before.as_ref(), item.as_ref());
    let ticket = shard.newest();
    shard.after(ticket, After::Distrust(owner.clone()));
    ticket
}

/// Section 2.1.6: tells every interested session how a contact stands now.
pub(crate) fn push(shard: &mut Shard, owner: &Bare, contact: &Bare, after: Ticket) {
    let interested = shard.sessions_of(owner, |session| session.interested);
    if interested.is_empty() {
        return;
    }
    for session in interested {
        let Some((jid, language)) = shard.sessions.get(&session).map(|s| (s.jid.clone(), s.language)) else { continue };
        let mut xml = Xml::new();
        xml.open("query", ns::ROSTER).attr("ver", push_version(shard, owner, session, 0));
        let daemon = own_contact::item(shard, owner, language).filter(|(known, _)| known == contact);
        let stored = || shard.accounts[owner].roster.as_ref().and_then(|roster| roster.items.get(contact)).cloned();
        match daemon.map(|(_, item)| item).or_else(stored) {
            Some(item) => item.write_xml(contact, &mut xml),
            None => {
                xml.open("item", ns::ROSTER).attr("jid", contact.as_str()).attr("subscription", "remove").close();
            }
        }
        let mut stanza = Stanza::new(Kind::Iq(IqType::Set)).with_inner(xml.finish());
        stanza.head.to = Some((*jid).clone());
        stanza.head.id = Some(shard.token().into());
        shard.send(session, &stanza, What::Answer, Some(after));
    }
}

/// The version in a push before which `behind` others come. A client that has not heard them all, or has missed one, has a
/// version that is nobody's, and reads the roster again.
pub(crate) fn push_version(shard: &Shard, owner: &Bare, session: SessionId, behind: usize) -> String {
    let Some(session) = shard.sessions.get(&session) else { return String::new() };
    let version = version(shard, owner, session.language);
    match behind {
        0 if session.missed_push => version + "+missed",
        0 => version,
        behind => format!("{version}+{behind}"),
    }
}

/// The roster's version for who is spoken to in this language: how many changes the account's records have seen; whether the daemon is
/// in it; if people in reach are shown, a hyphen and a digest of them.
pub(crate) fn version(shard: &Shard, owner: &Bare, language: Language) -> String {
    let row = shard.accounts[owner].row.as_ref();
    let counted = row.map_or_else(String::new, |row| (row.next_version - 1).to_string());
    counted + own_contact::version(shard, owner, language) + &in_reach::version(shard, owner, language)
}
