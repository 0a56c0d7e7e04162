//! An ordered table that remembers how to undo: the same journal serves a batch that fails and a crash.

use std::collections::BTreeMap;

/// Rows by key, and what each change since the last [`Table::forget`] replaced.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    undo: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table { rows: BTreeMap::new(), undo: Vec::new() }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    /// The rows as they are.
    pub(super) fn rows(&self) -> &BTreeMap<K, V> {
        &self.rows
    }

    /// Writes a row, or removes it.
    pub(super) fn set(&mut self, key: K, value: Option<V>) {
        let before = match value {
            Some(value) => self.rows.insert(key.clone(), value),
            None => self.rows.remove(&key),
        };
        self.undo.push((key, before));
    }

    /// Removes the rows that `gone` names.
    pub(super) fn remove_where(&mut self, gone: impl Fn(&K, &V) -> bool) {
        let keys: Vec<K> = self.rows.iter().filter(|(k, v)| gone(k, v)).map(|(k, _)| k.clone()).collect();
        for key in keys {
            self.set(key, None);
        }
    }

    /// This point of the journal.
    pub(super) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Takes back all changes since `mark`.
    pub(super) fn undo_to(&mut self, mark: usize) {
        for (key, before) in self.undo.drain(mark..).rev() {
            match before {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }

    /// Makes all changes so far final.
    pub(super) fn forget_undo(&mut self) {
        self.undo.clear();
    }
}
