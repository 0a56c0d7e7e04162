//! Design, section 7: what is remembered of people in reach: whom a person does not want in the list, and whom some client
//! may still show.

use std::collections::{BTreeMap, BTreeSet};

use base::Bare;
use base::ledger::{Record, RecordKind};
use base::limits::{HIDDEN_MAX, SHOWN_REMEMBERED_BYTES_MAX, SHOWN_REMEMBERED_MAX};

/// The key of the record of who was shown: one row, however many come and go.
pub(super) const SHOWN: &str = "shown";

/// What an account has remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// With the clocks of their records: who was hidden first is the least.
    hidden: BTreeMap<Bare, u64>,
    shown: BTreeSet<Bare>,
    /// Bytes of the addresses of those who were shown, as they are written.
    shown_bytes: usize,
}

/// The key of the record that hides somebody.
pub(super) fn hidden_key(other: &Bare) -> String {
    format!("hidden {other}")
}

impl Remembered {
    /// Takes it out of an account's records. What cannot be read is left out.
    pub(crate) fn from_records(records: &[Record]) -> Remembered {
        let mut remembered = Remembered::default();
        for record in records.iter().filter(|record| record.kind == RecordKind::Neighbour) {
            let Some(value) = &record.value else { continue };
            if record.key == SHOWN {
                let lines = std::str::from_utf8(value).unwrap_or_default().lines();
                let shown = lines.filter_map(|line| Bare::new(line).ok()).take(SHOWN_REMEMBERED_MAX);
                remembered.put_shown(shown.collect());
            } else if let Some(("hidden", address)) = record.key.split_once(' ')
                && let Ok(address) = Bare::new(address)
            {
                remembered.hidden.insert(address, record.clock);
            }
        }
        remembered
    }

    /// Whether somebody is not wanted in the list.
    pub(super) fn hides(&self, other: &str) -> bool {
        self.hidden.contains_key(other)
    }

    /// Who is not wanted in the list.
    pub(crate) fn hidden(&self) -> impl Iterator<Item = &Bare> {
        self.hidden.keys()
    }

    /// Somebody is not wanted in the list any more; `clock`: the newest of the account. Who is wanted again because there are
    /// too many.
    pub(super) fn hide(&mut self, other: &Bare, clock: u64) -> Option<Bare> {
        self.hidden.insert(other.clone(), clock);
        let first = self.hidden.iter().filter(|(address, _)| *address != other).min_by_key(|(_, clock)| **clock);
        let first = first.map(|(address, _)| address.clone()).filter(|_| self.hidden.len() > HIDDEN_MAX)?;
        self.hidden.remove(&first);
        Some(first)
    }

    /// Somebody is wanted again; whether they were not.
    pub(super) fn unhide(&mut self, other: &Bare) -> bool {
        self.hidden.remove(other).is_some()
    }

    /// Whether a client may show somebody.
    pub(super) fn was_shown(&self, other: &Bare) -> bool {
        self.shown.contains(other)
    }

    /// Somebody is shown from now on; whether that is news. `is_shown` tells who is, if others must be forgotten.
    pub(super) fn show(&mut self, other: &Bare, is_shown: impl Fn(&Bare) -> bool) -> bool {
        if self.shown.contains(other) {
            return false;
        }
        let is_full = self.shown.len() >= SHOWN_REMEMBERED_MAX;
        if is_full || self.shown_bytes + written(other) > SHOWN_REMEMBERED_BYTES_MAX {
            let mut shown = std::mem::take(&mut self.shown);
            shown.retain(is_shown);
            shown.insert(other.clone());
            self.put_shown(shown);
        } else {
            self.shown_bytes += written(other);
            self.shown.insert(other.clone());
        }
        true
    }

    /// These were shown: as many of them as there is room for, the shortest first.
    fn put_shown(&mut self, mut shown: BTreeSet<Bare>) {
        let mut bytes = shown.iter().map(written).sum();
        while bytes > SHOWN_REMEMBERED_BYTES_MAX
            && let Some(longest) = shown.iter().max_by_key(|address| written(address)).cloned()
        {
            bytes -= written(&longest);
            shown.remove(&longest);
        }
        (self.shown, self.shown_bytes) = (shown, bytes);
    }

    /// A client has just read the list: it may show nobody else. Gives who was remembered and is not shown.
    pub(super) fn settle(&mut self, is_shown: impl Fn(&Bare) -> bool) -> Vec<Bare> {
        let (shown, ghosts): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(&mut self.shown).into_iter().partition(is_shown);
        self.put_shown(shown);
        ghosts.into_iter().collect()
    }

    /// The value of the record of who was shown; `None`: nobody.
    pub(super) fn shown_value(&self) -> Option<Vec<u8>> {
        let lines: Vec<&str> = self.shown.iter().map(Bare::as_str).collect();
        (!lines.is_empty()).then(|| lines.join("\n").into_bytes())
    }
}

/// Bytes of a line of the record.
fn written(address: &Bare) -> usize {
    address.as_str().len() + 1
}

#[cfg(test)]
mod tests {
    use base::{AccountId, NodeId};

    use super::*;

    fn bare(n: usize) -> Bare {
        Bare::new(&format!("p{n:06}@otter.jirani.alt")).unwrap()
    }

    fn record(key: &str, value: Option<&str>, clock: u64) -> Record {
        let (value, kind) = (value.map(|value| value.as_bytes().to_vec()), RecordKind::Neighbour);
        Record { account: AccountId(1), kind, key: key.into(), value, clock, node: NodeId::SELF, version: 0 }
    }

    #[test]
    fn records_are_read() {
        let remembered = Remembered::from_records(&[
            record("shown", Some("p000001@otter.jirani.alt\n@\np000002@otter.jirani.alt"), 1),
            record("hidden p000003@otter.jirani.alt", Some(""), 2),
            record("hidden p000004@otter.jirani.alt", None, 3),
            record("hidden @", Some(""), 3),
            record("other p000005@otter.jirani.alt", Some(""), 4),
        ]);
        let mut expect = Remembered::default();
        expect.hide(&bare(3), 2);
        assert!(expect.show(&bare(1), |_| true) && expect.show(&bare(2), |_| true) && !expect.show(&bare(2), |_| true));
        assert_eq!(remembered, expect);
        let again = record(SHOWN, Some(std::str::from_utf8(&expect.shown_value().unwrap()).unwrap()), 5);
        assert_eq!(Remembered::from_records(&[again]).shown, expect.shown);
        assert_eq!(expect.settle(|address| *address == bare(2)), [bare(1)]);
        assert_eq!(expect.settle(|_| false), [bare(2)]);
        assert_eq!(expect.shown_value(), None);
    }

    #[test]
    fn who_was_hidden_first_makes_room() {
        for (count, gone) in [
            (HIDDEN_MAX - 1, None),
            (HIDDEN_MAX, None),
            (HIDDEN_MAX + 1, Some(0)),
            (10 * HIDDEN_MAX, Some(9 * HIDDEN_MAX - 1)),
        ] {
            let mut remembered = Remembered::default();
            let last = (0..count).fold(None, |_, n| remembered.hide(&bare(n), n as u64));
            assert_eq!(last, gone.map(bare), "{count}");
            assert_eq!(remembered.hidden.len(), count.min(HIDDEN_MAX));
        }
        let mut remembered = Remembered::default();
        remembered.hide(&bare(1), 1);
        assert!(remembered.unhide(&bare(1)) && !remembered.unhide(&bare(1)) && !remembered.hides(bare(1).as_str()));
    }

    #[test]
    fn so_many_bytes_are_remembered() {
        // Lines of 512 bytes, but for the last.
        let long = |n: usize, bytes: usize| Bare::new(&format!("p{n:06}{}@x", "y".repeat(bytes - 10))).unwrap();
        let lines = SHOWN_REMEMBERED_BYTES_MAX / 512;
        for (last, forgotten) in [(511, 0), (512, 0), (513, 1), (1024, 1)] {
            let mut remembered = Remembered::default();
            for n in 1..lines {
                assert!(remembered.show(&long(n, 512), |_| true));
            }
            let last = long(0, last);
            remembered.show(&last, |_| true);
            assert_eq!(remembered.was_shown(&last), forgotten == 0, "the longest makes room: {}", last.as_str().len());
            assert_eq!(remembered.shown.len(), lines - forgotten);
            let value = remembered.shown_value().unwrap();
            assert!(value.len() <= SHOWN_REMEMBERED_BYTES_MAX);
            // The others have room all the same.
            assert!(remembered.show(&bare(1), |_| true) && remembered.was_shown(&bare(1)));
            let bytes: usize = remembered.shown.iter().map(written).sum();
            assert!(bytes == remembered.shown_bytes && bytes <= SHOWN_REMEMBERED_BYTES_MAX);
        }
        let all: Vec<String> = (0..10 * lines).map(|n| long(n, 512).to_string()).collect();
        let read = Remembered::from_records(&[record(SHOWN, Some(&all.join("\n")), 1)]);
        assert_eq!(read.shown.len(), lines);
    }

    #[test]
    fn who_is_gone_makes_room_for_who_is_shown() {
        for (count, kept) in [
            (SHOWN_REMEMBERED_MAX - 1, SHOWN_REMEMBERED_MAX - 1),
            (SHOWN_REMEMBERED_MAX, SHOWN_REMEMBERED_MAX),
            (SHOWN_REMEMBERED_MAX + 1, 2),
        ] {
            let mut remembered = Remembered::default();
            for n in 0..count {
                remembered.show(&bare(n), |address| *address == bare(7));
            }
            assert_eq!(remembered.shown.len(), kept, "{count}");
            assert!(remembered.was_shown(&bare(7)) && remembered.was_shown(&bare(count - 1)));
        }
        let lines: Vec<String> = (0..10 * SHOWN_REMEMBERED_MAX).map(|n| bare(n).to_string()).collect();
        let read = Remembered::from_records(&[record(SHOWN, Some(&lines.join("\n")), 1)]);
        assert_eq!(read.shown.len(), SHOWN_REMEMBERED_MAX);
    }
}
