//! The promise of `docs/durability.md` about messages: what was acknowledged arrives or waits, what was refused does
//! neither, nothing comes twice without the client knowing it by its XEP-0359 id, and order is kept from one to another.

use std::collections::{BTreeMap, BTreeSet};

use crate::xml::Tree;

/// Watches messages by their ids, which must differ over the whole test.
#[derive(Debug, Default)]
pub struct Delivery {
    /// By author and addressee, in the order of writing.
    sent: BTreeMap<(String, String), Vec<String>>,
    acknowledged: BTreeSet<String>,
    refused: BTreeSet<String>,
    /// By addressee, what has come, in the order of the first time; and under which stanza-id.
    received: BTreeMap<String, Vec<(String, String)>>,
    /// By addressee, what the store no longer kept for them when the node crashed.
    settled: BTreeSet<(String, String)>,
    faults: Vec<String>,
}

impl Delivery {
    /// One has written to another.
    pub fn sent(&mut self, author: &str, addressee: &str, id: &str) {
        self.sent.entry((author.into(), addressee.into())).or_default().push(id.into());
    }

    /// The author's server has acknowledged it.
    pub fn acknowledged(&mut self, id: &str) {
        self.acknowledged.insert(id.into());
    }

    /// A client of a person has heard something.
    pub fn received(&mut self, person: &str, tree: &Tree) {
        let (Some(id), "message") = (tree.attr("id"), tree.name.as_str()) else { return };
        if tree.attr("type") == Some("error") {
            self.refused.insert(id.into());
            return;
        }
        let stanza_id = tree.child("stanza-id").and_then(|child| child.attr("id")).unwrap_or_default().to_owned();
        let all = self.received.entry(person.into()).or_default();
        match all.iter().find(|(known, _)| known == id) {
            None => all.push((id.into(), stanza_id)),
            Some((_, known)) if *known != stanza_id => {
                self.faults.push(format!("{person} got {id} twice, and cannot know it"));
            }
            Some(_) if self.settled.contains(&(person.to_owned(), id.to_owned())) => {
                self.faults.push(format!("{person} got {id} again, although the store knew that it had arrived"));
            }
            Some(_) => {}
        }
    }

    /// The node has crashed; this is what its store still keeps for a person.
    pub fn crashed(&mut self, person: &str, waiting: &[Tree]) {
        let waiting: BTreeSet<&str> = waiting.iter().filter_map(|tree| tree.attr("id")).collect();
        let had = self.received.get(person).into_iter().flatten();
        let settled = had.filter(|(id, _)| !waiting.contains(id.as_str()));
        self.settled.extend(settled.map(|(id, _)| (person.to_owned(), id.clone())));
    }

    /// How many messages have come.
    pub fn count(&self) -> usize {
        self.received.values().map(Vec::len).sum()
    }

    /// Whether all that is promised was kept, now that everybody has heard everything.
    ///
    /// # Errors
    /// What was not.
    pub fn verdict(&self) -> Result<(), String> {
        let mut faults = self.faults.clone();
        for ((author, addressee), sent) in &self.sent {
            let received = self.received.get(addressee).map_or(&[][..], Vec::as_slice);
            let from_author: Vec<&String> = received.iter().map(|(id, _)| id).filter(|id| sent.contains(id)).collect();
            let place = |id: &String| sent.iter().position(|s| s == id);
            if !from_author.is_sorted_by_key(|id| place(id)) {
                faults.push(format!("{addressee} got what {author} wrote in another order: {from_author:?}"));
            }
            for id in sent {
                let (arrived, refused) = (from_author.contains(&id), self.refused.contains(id));
                if arrived && refused {
                    faults.push(format!("{id} was refused, and {addressee} got it"));
                }
                if self.acknowledged.contains(id) && !arrived && !refused {
                    faults.push(format!("{id} of {author} was acknowledged, and {addressee} never got it"));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, stanza_id: &str) -> Tree {
        let xml = format!("<message id='{id}'><stanza-id xmlns='urn:xmpp:sid:0' id='{stanza_id}'/></message>");
        Tree::fragment(&xml).unwrap().remove(0)
    }

    #[track_caller]
    fn check(received: &[(&str, &str)], holds: bool) {
        let mut delivery = Delivery::default();
        for id in ["1", "2", "3"] {
            delivery.sent("a", "b", id);
        }
        delivery.acknowledged("1");
        for (id, stanza_id) in received {
            match *id {
                "crash" => delivery.crashed("b", &[message(stanza_id, "")]),
                "refused" => {
                    let xml = format!("<message id='{stanza_id}' type='error'/>");
                    delivery.received("a", &Tree::fragment(&xml).unwrap().remove(0));
                }
                id => delivery.received("b", &message(id, stanza_id)),
            }
        }
        assert_eq!(delivery.verdict().is_ok(), holds, "{:?}", delivery.verdict());
    }

    #[test]
    fn the_promise() {
        check(&[("1", "x")], true);
        check(&[], false);
        check(&[("1", "x"), ("3", "z")], true);
        check(&[("2", "y"), ("1", "x")], false);
        check(&[("1", "x"), ("1", "y")], false);
        check(&[("1", "x"), ("crash", "1"), ("1", "x")], true);
        check(&[("1", "x"), ("crash", "2"), ("1", "x")], false);
        check(&[("refused", "1")], true);
        check(&[("1", "x"), ("2", "y"), ("refused", "2")], false);
    }
}
