//! XEP-0049 private XML storage: what a person's clients keep here for themselves, by the name and namespace of its root.

use std::collections::BTreeMap;

use base::ledger::{Query, Record, RecordKind, Rows};
use base::limits::{PRIVATE_BYTES_MAX, PRIVATE_ITEMS_MAX};
use wire::{Element, Xml};

use super::{Ask, Verdict};
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::shard::{After, Shard};

/// How many bytes an account keeps under each key: read before its first set, which waits with the account until then.
#[derive(Debug, Default)]
pub(crate) struct Sizes(BTreeMap<String, usize>);

impl Sizes {
    /// Of all that is kept.
    pub(crate) fn from_records(records: &[Record]) -> Sizes {
        Sizes(records.iter().map(|r| (r.key.clone(), r.value.as_ref().map_or(0, Vec::len))).collect())
    }

    /// Puts values in place of what was there.
    ///
    /// # Errors
    /// Which limit they would pass; then nothing is changed.
    fn put(&mut self, values: &BTreeMap<String, Vec<u8>>) -> Result<(), &'static str> {
        let kept = self.0.iter().filter(|(key, _)| !values.contains_key(*key));
        let (items, bytes) = kept.fold((0, 0), |(items, bytes), (_, size)| (items + 1, bytes + size));
        if items + values.len() > PRIVATE_ITEMS_MAX {
            return Err("Too many different things are kept.");
        }
        if bytes + values.values().map(Vec::len).sum::<usize>() > PRIVATE_BYTES_MAX {
            return Err("Too much is kept.");
        }
        self.0.extend(values.iter().map(|(key, value)| (key.clone(), value.len())));
        Ok(())
    }
}

/// A get of one element, a set of some.
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    let mut children = ask.payload.children();
    let first = children.next();
    let Some(first) = first.filter(|_| ask.payload.children().all(|child| has_own_namespace(&child))) else {
        return refuse(Condition::NotAcceptable, "What is kept has a namespace of its own.");
    };
    if ask.set {
        return set(shard, ask);
    }
    let Some(account) = shard.account_id(ask.address) else {
        return Verdict::Error(Condition::ServiceUnavailable.into());
    };
    match children.next() {
        Some(other) if key(&other) != key(&first) => refuse(Condition::BadRequest, "Ask for one thing at a time."),
        _ => Verdict::Read(Query::Records { account, kind: RecordKind::Private }, Box::new(get)),
    }
}

fn get(_: &mut Shard, ask: &Ask<'_>, rows: Rows) -> Verdict {
    let (Some(wanted), Rows::Records(records)) = (ask.payload.children().next(), rows) else {
        return Verdict::Error(Condition::BadRequest.into());
    };
    let key = key(&wanted);
    let found = records.into_iter().find(|record| record.key == key).and_then(|record| record.value);
    let mut xml = Xml::new();
    xml.open("query", ns::PRIVATE);
    match found.filter(|value| Element::parse(value).is_ok()) {
        Some(value) => xml.raw(value),
        None => xml.open(wanted.name(), wanted.namespace()).close(),
    };
    Verdict::Result(xml.finish())
}

fn set(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    // Of two with one key the later counts.
    let values: BTreeMap<_, _> = ask.payload.children().map(|child| (key(&child), child.raw().into_owned())).collect();
    let sizes = shard.accounts.get_mut(ask.address).and_then(|account| account.private.as_mut());
    let Some(sizes) = sizes else { return Verdict::NeedsPrivate };
    if let Err(text) = sizes.put(&values) {
        return refuse(Condition::ResourceConstraint, text);
    }
    for (key, value) in values {
        shard.put_record(ask.address, RecordKind::Private, &key, Some(value));
    }
    let ticket = shard.newest();
    shard.after(ticket, After::Distrust(ask.address.clone()));
    Verdict::ResultAfter(Vec::new(), ticket)
}

fn key(element: &Element<'_>) -> String {
    format!("{} {}", element.name(), element.namespace())
}

fn has_own_namespace(element: &Element<'_>) -> bool {
    !matches!(element.namespace(), "" | ns::PRIVATE | ns::CLIENT)
}

fn refuse(condition: Condition, text: &'static str) -> Verdict {
    Verdict::Error(StanzaError::new(condition, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(first: usize, count: usize, bytes: usize) -> BTreeMap<String, Vec<u8>> {
        (first..first + count).map(|n| (format!("{n:06}"), vec![b' '; bytes])).collect()
    }

    #[test]
    fn different_things_are_limited() {
        for (count, fits) in [
            (PRIVATE_ITEMS_MAX - 1, true),
            (PRIVATE_ITEMS_MAX, true),
            (PRIVATE_ITEMS_MAX + 1, false),
            (PRIVATE_ITEMS_MAX * 10, false),
        ] {
            assert_eq!(Sizes::default().put(&values(0, count, 1)).is_ok(), fits, "{count}");
        }
        let mut full = Sizes::default();
        full.put(&values(0, PRIVATE_ITEMS_MAX, 1)).unwrap();
        assert!(full.put(&values(5, 1, 2)).is_ok(), "a full storage still changes");
        assert!(full.put(&values(PRIVATE_ITEMS_MAX, 1, 1)).is_err());
    }

    #[test]
    fn bytes_are_limited() {
        let half = PRIVATE_BYTES_MAX / 2;
        for (bytes, fits) in [(half - 1, true), (half, true), (half + 1, false), (half * 10, false)] {
            let mut sizes = Sizes::default();
            sizes.put(&values(0, 1, half)).unwrap();
            assert_eq!(sizes.put(&values(1, 1, bytes)).is_ok(), fits, "{bytes}");
            assert!(sizes.put(&values(0, 1, 1)).is_ok(), "what was refused takes no room");
        }
    }
}
