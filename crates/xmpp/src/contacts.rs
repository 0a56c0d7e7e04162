//! RFC 6121 section 2.1.2: an account's contacts as they stand in memory, and the records that they are made of.
//!
//! A contact has its name and groups in one record, and each of its four registers in another: two devices that change
//! different ones while apart both keep their change. Requests that wait for an answer are records of their own.

use std::collections::BTreeMap;

use base::Bare;
use base::ledger::{Record, RecordKind};
use base::limits::{ROSTER_BYTES_MAX, ROSTER_GROUPS_MAX, ROSTER_ITEMS_MAX, ROSTER_NAME_BYTES_MAX};
use wire::{Element, Xml};

use crate::error::{Condition, StanzaError};
use crate::ns;

/// What an account knows of others: loaded while somebody is logged in, and shared while a broadcast walks over it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster {
    /// The contacts.
    pub(crate) items: BTreeMap<Bare, Item>,
    /// Bytes of their records of names and groups.
    bytes: usize,
    /// Subscription requests that wait for an answer, by the asking address: the stanza in its nested form.
    pub(crate) requests: BTreeMap<Bare, Box<[u8]>>,
}

/// A contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    name: Option<Box<str>>,
    groups: Box<[Box<str>]>,
    /// The subscription.
    pub(crate) registers: Registers,
}

/// What is known of a subscription: a set of yes and no, each with a history of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registers(u8);

impl Registers {
    /// The person sees the contact's presence.
    pub(crate) const TO: Registers = Registers(1);
    /// The contact sees the person's presence.
    pub(crate) const FROM: Registers = Registers(2);
    /// The person has asked to see it and has no answer yet (section 2.1.2.2).
    pub(crate) const ASK: Registers = Registers(4);
    /// The person allows it before the contact has asked (section 3.4).
    pub(crate) const APPROVED: Registers = Registers(8);

    /// Each alone, with its name in the store.
    pub(crate) const ALL: [(Registers, &'static str); 4] =
        [(Registers::TO, "to"), (Registers::FROM, "from"), (Registers::ASK, "ask"), (Registers::APPROVED, "approved")];

    /// Whether this one is set.
    pub(crate) fn has(self, register: Registers) -> bool {
        self.0 & register.0 != 0
    }

    /// This one alone, if it is set.
    pub(crate) fn only(self, register: Registers) -> Registers {
        Registers(self.0 & register.0)
    }

    /// With this one set.
    pub(crate) fn with(self, register: Registers) -> Registers {
        Registers(self.0 | register.0)
    }

    /// With this one not set.
    pub(crate) fn without(self, register: Registers) -> Registers {
        Registers(self.0 & !register.0)
    }

    /// As the attribute `subscription` says it (section 2.1.2.5).
    fn subscription(self) -> &'static str {
        match (self.has(Registers::TO), self.has(Registers::FROM)) {
            (false, false) => "none",
            (true, false) => "to",
            (false, true) => "from",
            (true, true) => "both",
        }
    }

    /// The key of the record of one register.
    pub(crate) fn key(name: &str, contact: &Bare) -> String {
        format!("{name} {contact}")
    }
}

impl Roster {
    /// Takes in what the store has of one kind. A record that cannot be read is left out: it must not lock a person out.
    pub(crate) fn add(&mut self, records: Vec<Record>) {
        for record in records {
            let Some(value) = record.value else { continue };
            match record.kind {
                RecordKind::Roster => {
                    let Ok(address) = Bare::new(&record.key) else { continue };
                    let Some(item) = Element::parse(&value).ok().and_then(|e| Item::from_xml(&e).ok()) else {
                        continue;
                    };
                    let registers = self.registers(&address);
                    self.put(&address, Some(item.with(registers)));
                }
                RecordKind::Subscription => {
                    let Some((name, address)) = record.key.split_once(' ') else { continue };
                    let register = Registers::ALL.iter().find(|(_, n)| *n == name);
                    let (Some((register, _)), Ok(address)) = (register, Bare::new(address)) else { continue };
                    if !self.items.contains_key(&address) {
                        self.put(&address, Some(Item::default()));
                    }
                    let item = self.items.entry(address).or_default();
                    item.registers = item.registers.with(*register);
                }
                RecordKind::Request => {
                    let Ok(address) = Bare::new(&record.key) else { continue };
                    self.requests.insert(address, value.into());
                }
                _ => {}
            }
        }
    }

    /// Makes a contact what it is from now on, or no contact any more.
    pub(crate) fn put(&mut self, address: &Bare, item: Option<Item>) {
        self.bytes = self.bytes_with(address, item.as_ref());
        match item {
            Some(item) => self.items.insert(address.clone(), item),
            None => self.items.remove(address),
        };
    }

    /// Whether a contact may become this. Who is a contact may always become smaller.
    pub(crate) fn has_room_for(&self, address: &Bare, item: &Item) -> bool {
        let bytes = self.bytes_with(address, Some(item));
        let is_known = self.items.contains_key(address);
        (is_known || self.items.len() < ROSTER_ITEMS_MAX) && (bytes <= ROSTER_BYTES_MAX || bytes <= self.bytes)
    }

    /// Bytes of all records if a contact were this.
    fn bytes_with(&self, address: &Bare, item: Option<&Item>) -> usize {
        let bytes = |item: Option<&Item>| item.map_or(0, |item| item.to_record(address).len());
        self.bytes + bytes(item) - bytes(self.items.get(address))
    }

    /// The subscription with an address; empty for who is no contact.
    pub(crate) fn registers(&self, address: &Bare) -> Registers {
        self.items.get(address).map(|item| item.registers).unwrap_or_default()
    }

    /// The contacts with whom this register is set.
    pub(crate) fn having(&self, register: Registers) -> impl Iterator<Item = &Bare> {
        self.items.iter().filter(move |(_, item)| item.registers.has(register)).map(|(address, _)| address)
    }
}

impl Item {
    /// One with a name, in a group.
    pub(crate) fn in_group(name: &str, group: &str) -> Item {
        Item { name: Some(name.into()), groups: [group.into()].into(), registers: Registers::default() }
    }

    /// The same contact with this subscription.
    pub(crate) fn with(self, registers: Registers) -> Item {
        Item { registers, ..self }
    }

    /// What the person calls the contact, if anything.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The same contact called so; empty: without a name.
    pub(crate) fn named(self, name: &str) -> Item {
        Item { name: Some(name).filter(|name| !name.is_empty()).map(Into::into), ..self }
    }

    /// Whether it is in this group and in no other.
    pub(crate) fn is_only_in(&self, group: &str) -> bool {
        matches!(&*self.groups, [only] if **only == *group)
    }

    /// The same contact, not in this group.
    pub(crate) fn without_group(self, group: &str) -> Item {
        Item { groups: self.groups.into_iter().filter(|known| **known != *group).collect(), ..self }
    }

    /// Name and groups of an `<item/>` (sections 2.1.2.4 and 2.1.2.6); without a subscription, which only subscription
    /// stanzas make.
    ///
    /// # Errors
    /// What section 2.3.3 refuses.
    pub(crate) fn from_xml(element: &Element<'_>) -> Result<Item, StanzaError> {
        let refuse = |condition, text| Err(StanzaError::new(condition, text));
        let name = element.attr("name").filter(|name| !name.is_empty());
        if name.as_ref().is_some_and(|name| name.len() > ROSTER_NAME_BYTES_MAX) {
            return refuse(Condition::NotAcceptable, "The contact's name is too long.");
        }
        let mut groups: Vec<Box<str>> = Vec::new();
        for group in element.children().filter(|c| c.is("group", ns::ROSTER)) {
            let group = group.text();
            if group.is_empty() {
                return refuse(Condition::NotAcceptable, "A group has no name.");
            }
            if group.len() > ROSTER_NAME_BYTES_MAX {
                return refuse(Condition::NotAcceptable, "A group's name is too long.");
            }
            if groups.iter().any(|g| **g == *group) {
                return refuse(Condition::BadRequest, "A group is named twice.");
            }
            if groups.len() >= ROSTER_GROUPS_MAX {
                return refuse(Condition::NotAcceptable, "The contact is in too many groups.");
            }
            groups.push(group.into());
        }
        Ok(Item { name: name.map(|name| name.into()), groups: groups.into(), registers: Registers::default() })
    }

    /// As a roster and a push have it.
    pub(crate) fn write_xml(&self, address: &Bare, xml: &mut Xml<'_>) {
        self.open(address, xml);
        if self.registers.has(Registers::APPROVED) {
            xml.attr("approved", "true");
        }
        // Section 2.1.2.2: a person who sees the contact's presence already does not ask for it.
        if self.registers.has(Registers::ASK) && !self.registers.has(Registers::TO) {
            xml.attr("ask", "subscribe");
        }
        xml.attr("subscription", self.registers.subscription());
        self.close(xml);
    }

    /// As its record has it: without the subscription, which has records of its own.
    pub(crate) fn to_record(&self, address: &Bare) -> Vec<u8> {
        let mut xml = Xml::new();
        self.open(address, &mut xml);
        self.close(&mut xml);
        xml.finish()
    }

    fn open(&self, address: &Bare, xml: &mut Xml<'_>) {
        xml.open("item", ns::ROSTER).attr("jid", address.as_str()).attr_if("name", self.name.as_ref());
    }

    fn close(&self, xml: &mut Xml<'_>) {
        for group in &self.groups {
            xml.leaf("group", ns::ROSTER, group);
        }
        xml.close();
    }
}

#[cfg(test)]
mod tests {
    use base::{AccountId, NodeId};

    use super::*;

    fn record(kind: RecordKind, key: &str, value: Option<&str>) -> Record {
        let value = value.map(|value| value.as_bytes().to_vec());
        Record { account: AccountId(1), kind, key: key.into(), value, clock: 1, node: NodeId::SELF, version: 1 }
    }

    /// What the records make, as a roster has it.
    #[track_caller]
    fn check(records: &[(RecordKind, &str, Option<&str>)], expect: &str) {
        // The kinds are read side by side: they come in any order.
        for turned in [false, true] {
            let mut records: Vec<_> = records.iter().map(|(kind, key, value)| record(*kind, key, *value)).collect();
            if turned {
                records.reverse();
            }
            let mut roster = Roster::default();
            roster.add(records);
            let mut xml = Xml::within(ns::ROSTER);
            roster.items.iter().for_each(|(address, item)| item.write_xml(address, &mut xml));
            assert_eq!(String::from_utf8(xml.finish()).unwrap(), expect);
        }
    }

    #[test]
    fn a_contact_is_put_together_from_its_records() {
        use RecordKind::{Request, Roster, Subscription};
        let item = "<item xmlns='jabber:iq:roster' jid='p@a.example' name='P'><group>G</group></item>";
        check(&[], "");
        check(
            &[(Roster, "p@a.example", Some(item))],
            "<item jid='p@a.example' name='P' subscription='none'><group>G</group></item>",
        );
        check(
            &[
                (Roster, "p@a.example", Some(item)),
                (Subscription, "from p@a.example", Some("")),
                (Subscription, "ask p@a.example", Some("")),
                (Subscription, "to q@a.example", Some("")),
                (Subscription, "approved q@a.example", Some("")),
            ],
            "<item jid='p@a.example' name='P' ask='subscribe' subscription='from'><group>G</group></item>\
             <item jid='q@a.example' approved='true' subscription='to'/>",
        );
        // A tombstone is nothing, and so is what cannot be read.
        check(
            &[
                (Roster, "p@a.example", None),
                (Roster, "q@a.example", Some("<item")),
                (Roster, "@", Some(item)),
                (Subscription, "to p@a.example", None),
                (Subscription, "hears p@a.example", Some("")),
                (Subscription, "to", Some("")),
                (Subscription, "to @", Some("")),
                (Request, "r@a.example", Some("<presence xmlns='jabber:client' type='subscribe'/>")),
            ],
            "",
        );
    }

    #[test]
    fn a_record_says_what_was_read() {
        let xml = "<item xmlns='jabber:iq:roster' jid='p@a.example' name='&lt;P&gt;'><group>A &amp; B</group></item>";
        let item = Item::from_xml(&Element::parse(xml.as_bytes()).unwrap()).unwrap();
        let registers = Registers::TO.with(Registers::APPROVED);
        let address = Bare::new("p@a.example").unwrap();
        assert_eq!(String::from_utf8(item.with(registers).to_record(&address)).unwrap(), xml);
    }

    #[test]
    fn the_list_is_limited_in_bytes() {
        let named = |name: usize| Item { name: Some("n".repeat(name).into()), ..Item::default() };
        let (first, second) = (Bare::new("p@a.example").unwrap(), Bare::new("q@a.example").unwrap());
        let frame = named(0).to_record(&first).len();
        for (bytes, fits) in [
            (ROSTER_BYTES_MAX - 1, true),
            (ROSTER_BYTES_MAX, true),
            (ROSTER_BYTES_MAX + 1, false),
            (ROSTER_BYTES_MAX * 10, false),
        ] {
            let mut roster = Roster::default();
            roster.put(&first, Some(named(1000)));
            let item = named(bytes - 1000 - 2 * frame);
            assert_eq!(roster.has_room_for(&second, &item), fits, "{bytes}");
            // What is there already, from before there was this limit, may shrink and go.
            roster.put(&second, Some(item));
            assert_eq!(roster.bytes, bytes);
            assert!(roster.has_room_for(&first, &named(10)));
            assert_eq!(roster.has_room_for(&first, &named(1001)), bytes < ROSTER_BYTES_MAX);
            roster.put(&second, None);
            roster.put(&first, None);
            assert_eq!(roster.bytes, 0);
        }
    }
}
