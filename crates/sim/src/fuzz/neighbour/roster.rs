//! RFC 6121 section 2: a client's contact list, as the result of its question and the pushes make it.

use std::collections::BTreeMap;

use xmpp::Language;

use crate::xml::Tree;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Roster {
    pub(super) version: String,
    items: BTreeMap<String, Item>,
}

/// What a client shows of a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    subscription: String,
    asks: bool,
    groups: Vec<String>,
}

impl Item {
    fn of(item: &Tree) -> Item {
        let text = |name: &str| item.attr(name).unwrap_or_default().to_owned();
        let mut groups: Vec<String> = item.children.iter().map(|group| group.text.clone()).collect();
        groups.sort();
        Item { name: text("name"), subscription: text("subscription"), asks: item.attr("ask").is_some(), groups }
    }

    /// Whether it stands where people in reach do.
    pub(super) fn is_in_reach(&self) -> bool {
        Language::ALL.iter().any(|language| self.groups == [language.in_reach()])
    }
}

impl Roster {
    /// The whole of it.
    pub(super) fn of(query: &Tree) -> Roster {
        let mut roster = Roster { version: version(query), items: BTreeMap::new() };
        for item in &query.children {
            let known = roster.items.insert(address(item), Item::of(item));
            assert!(known.is_none(), "the same address twice:\n{query}");
        }
        roster
    }

    /// One of it has changed. Gives the address.
    pub(super) fn push(&mut self, query: &Tree) -> String {
        let [item] = &query.children[..] else { panic!("a push has one item:\n{query}") };
        let address = address(item);
        self.version = version(query);
        if item.attr("subscription") == Some("remove") {
            self.items.remove(&address);
        } else {
            self.items.insert(address.clone(), Item::of(item));
        }
        address
    }

    pub(super) fn get(&self, address: &str) -> Option<&Item> {
        self.items.get(address)
    }

    /// All of it, by address.
    pub(super) fn items(&self) -> &BTreeMap<String, Item> {
        &self.items
    }
}

fn version(query: &Tree) -> String {
    query.attr("ver").expect("it has a version").to_owned()
}

fn address(item: &Tree) -> String {
    item.attr("jid").expect("it has an address").to_owned()
}
