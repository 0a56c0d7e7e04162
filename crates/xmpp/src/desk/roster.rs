//! RFC 6121 section 2: the contact list, with the versions of section 2.6 (XEP-0237) from a counter of this store.

use std::collections::BTreeMap;

use base::Bare;
use base::ledger::{Record, RecordKind, Write};
use base::limits::{ROSTER_GROUPS_MAX, ROSTER_ITEMS_MAX, ROSTER_NAME_BYTES_MAX};
use base::{Jid, NodeId};
use wire::{Element, IqType, Kind, Stanza, Xml};

use super::{Ask, Verdict};
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::session::What;
use crate::shard::{After, Shard};

/// An account's contacts.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    items: BTreeMap<Bare, Item>,
}

/// A contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Item {
    name: Option<String>,
    groups: Vec<String>,
}

impl Roster {
    /// As the store has it. A record that cannot be read is left out: it must not lock a person out.
    pub(crate) fn from_records(records: &[Record]) -> Roster {
        let item = |r: &Record| {
            let address = Bare::new(&r.key).ok()?;
            let element = Element::parse(r.value.as_deref()?).ok()?;
            Some((address, Item::from_xml(&element).ok()?))
        };
        Roster { items: records.iter().filter_map(item).collect() }
    }

    /// Whether this bare address is a contact's.
    pub(crate) fn has(&self, address: &str) -> bool {
        self.items.contains_key(address)
    }
}

impl Item {
    /// Name and groups of an `<item/>` (sections 2.1.2.4 and 2.1.2.6).
    fn from_xml(element: &Element<'_>) -> Result<Item, StanzaError> {
        let name = element.attr("name").map(|n| n.into_owned()).filter(|n| !n.is_empty());
        if name.as_ref().is_some_and(|n| n.len() > ROSTER_NAME_BYTES_MAX) {
            return Err(StanzaError::new(Condition::NotAcceptable, "The contact's name is too long."));
        }
        let mut groups = Vec::new();
        for group in element.children().filter(|c| c.is("group", ns::ROSTER)) {
            let group = group.text().into_owned();
            if group.is_empty() {
                return Err(StanzaError::new(Condition::NotAcceptable, "A group has no name."));
            }
            if group.len() > ROSTER_NAME_BYTES_MAX || groups.len() >= ROSTER_GROUPS_MAX {
                return Err(StanzaError::new(
                    Condition::NotAcceptable,
                    "A group's name is too long, or they are too many.",
                ));
            }
            if groups.contains(&group) {
                return Err(StanzaError::new(Condition::BadRequest, "A group is named twice."));
            }
            groups.push(group);
        }
        Ok(Item { name, groups })
    }

    fn write_xml(&self, address: &Bare, xml: &mut Xml<'_>) {
        xml.open("item", ns::ROSTER).attr("jid", address.as_str());
        if let Some(name) = &self.name {
            xml.attr("name", name);
        }
        xml.attr("subscription", "none");
        for group in &self.groups {
            xml.leaf("group", ns::ROSTER, group);
        }
        xml.close();
    }

    /// As it is stored: the element as it stands in a roster.
    fn to_record(&self, address: &Bare) -> Vec<u8> {
        let mut xml = Xml::new();
        xml.open("item", ns::ROSTER).attr("jid", address.as_str());
        if let Some(name) = &self.name {
            xml.attr("name", name);
        }
        for group in &self.groups {
            xml.leaf("group", ns::ROSTER, group);
        }
        xml.close();
        xml.finish()
    }
}

/// A roster get or set of the account's own session.
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if shard.accounts[ask.address.as_str()].roster.is_none() {
        return Verdict::NeedsRoster;
    }
    if ask.set { set(shard, ask) } else { get(shard, ask) }
}

/// Section 2.1.3: the whole roster, or nothing if the client's version is the newest (section 2.6.3).
fn get(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if let Some(session) = shard.sessions.get_mut(&ask.origin.session) {
        session.interested = true;
    }
    let version = version(shard, ask.address);
    if ask.payload.attr("ver").is_some_and(|ver| ver == version) {
        return Verdict::Result(Vec::new());
    }
    let Some(roster) = &shard.accounts[ask.address.as_str()].roster else { return Verdict::NeedsRoster };
    let mut xml = Xml::new();
    xml.open("query", ns::ROSTER).attr("ver", &version);
    for (address, item) in &roster.items {
        item.write_xml(address, &mut xml);
    }
    xml.close();
    Verdict::Result(xml.finish())
}

/// Section 2.1.5: one contact is added, changed or removed; all interested sessions are told when that is durable.
fn set(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    let mut items = ask.payload.children();
    let (Some(element), None) = (items.next(), items.next()) else {
        return Verdict::Error(StanzaError::new(Condition::BadRequest, "A roster set has exactly one item."));
    };
    let address = match element.attr("jid").as_deref().map(Jid::new) {
        Some(Ok(jid)) if element.is("item", ns::ROSTER) => Bare::of(&jid),
        _ => return Verdict::Error(StanzaError::new(Condition::BadRequest, "The item has no valid address.")),
    };
    let removed = element.attr("subscription").as_deref() == Some("remove");
    let item = match Item::from_xml(&element) {
        Ok(item) => item,
        Err(error) => return Verdict::Error(error),
    };
    let account = shard.accounts.get_mut(ask.address).expect("an account that is asked is ready");
    let Some(roster) = &mut account.roster else { return Verdict::NeedsRoster };
    if removed {
        if roster.items.remove(&address).is_none() {
            return Verdict::Error(Condition::ItemNotFound.into());
        }
    } else {
        if roster.items.len() >= ROSTER_ITEMS_MAX && !roster.items.contains_key(&address) {
            return Verdict::Error(StanzaError::new(Condition::ResourceConstraint, "The contact list is full."));
        }
        roster.items.insert(address.clone(), item.clone());
    }
    let (version, clock) = account.take_version(shard.now.wall);
    let id = account.row.as_ref().expect("it is ready").id;
    let ticket = shard.write(Write::PutRecord(Record {
        account: id,
        kind: RecordKind::Roster,
        key: address.as_str().to_owned(),
        value: (!removed).then(|| item.to_record(&address)),
        clock,
        node: NodeId::SELF,
        version,
    }));
    shard.after(ticket, After::Distrust(ask.address.clone()));
    push(shard, ask.address, &address, (!removed).then_some(&item), ticket);
    Verdict::ResultAfter(Vec::new(), ticket)
}

/// Section 2.1.6: tells every interested session.
fn push(shard: &mut Shard, owner: &Bare, contact: &Bare, item: Option<&Item>, after: base::Ticket) {
    let mut xml = Xml::new();
    xml.open("query", ns::ROSTER).attr("ver", &version(shard, owner));
    match item {
        Some(item) => item.write_xml(contact, &mut xml),
        None => {
            xml.open("item", ns::ROSTER).attr("jid", contact.as_str()).attr("subscription", "remove").close();
        }
    }
    xml.close();
    let mut stanza = Stanza::new(Kind::Iq(IqType::Set)).with_inner(xml.finish());
    for session in shard.accounts[owner.as_str()].sessions.clone() {
        let Some(to) = shard.sessions.get(&session).filter(|s| s.interested) else { continue };
        let jid = to.jid.clone();
        stanza.head.to = Some(jid.borrow().into_owned());
        stanza.head.id = Some(shard.token().into());
        shard.send(session, &stanza, What::Stanza, Some(after));
    }
}

/// The roster's version: how many changes the account's records have seen.
fn version(shard: &Shard, owner: &Bare) -> String {
    let row = shard.accounts[owner.as_str()].row.as_ref();
    row.map_or_else(String::new, |row| (row.next_version - 1).to_string())
}
