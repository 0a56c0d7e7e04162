//! XEP-0441 archiving preferences: with whom an account wants its messages kept as history.
//!
//! They are read with the account, so that filing a message never waits for them; and if they say `roster`, so are the
//! contacts, and stay in memory as long as the account does. Nobody else pays for that.

use std::collections::BTreeSet;

use base::Jid;
use base::ledger::{Record, RecordKind};
use base::limits::ARCHIVE_PREFERENCES_MAX;
use wire::{Element, Xml};

use super::{Ask, Verdict};
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::shard::{After, Shard};

/// The record's key among the account's preferences.
const KEY: &str = "archive";

/// What an account wants. The default is to keep all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    default: Habit,
    always: BTreeSet<String>,
    never: BTreeSet<String>,
}

/// What is done with those who are in neither list (section 2.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Habit {
    #[default]
    Always,
    Never,
    Roster,
}

const HABITS: [(Habit, &str); 3] = [(Habit::Always, "always"), (Habit::Never, "never"), (Habit::Roster, "roster")];

impl Preferences {
    /// As the store has them, if the account has ever set any. A record that cannot be read must not lock a person out.
    pub(crate) fn from_records(records: &[Record]) -> Option<Preferences> {
        let record = records.iter().find(|r| r.key == KEY)?;
        Preferences::from_xml(&Element::parse(record.value.as_deref()?).ok()?).ok()
    }

    /// Whether contacts must be known to apply them.
    pub(crate) fn need_roster(&self) -> bool {
        self.default == Habit::Roster
    }

    /// Whether messages with this address are kept (section 2.3). The more exact entry decides, and of two equally exact
    /// ones the one that keeps less.
    pub(crate) fn allow(&self, other: &Jid<'_>, is_contact: impl FnOnce(&str) -> bool) -> bool {
        for address in [other.as_str(), other.bare()] {
            if self.never.contains(address) {
                return false;
            }
            if self.always.contains(address) {
                return true;
            }
        }
        match self.default {
            Habit::Always => true,
            Habit::Never => false,
            Habit::Roster => is_contact(other.bare()),
        }
    }

    fn from_xml(prefs: &Element<'_>) -> Result<Preferences, StanzaError> {
        let default = prefs.attr("default");
        let habit = HABITS.iter().find(|(_, text)| default.as_deref() == Some(*text));
        let Some((default, _)) = habit else {
            return Err(StanzaError::new(Condition::BadRequest, "The default is always, never or roster."));
        };
        let list = |name| {
            let list = prefs.child(name, ns::ARCHIVE);
            let jids = list.iter().flat_map(Element::children).filter(|e| e.is("jid", ns::ARCHIVE));
            let mut addresses = BTreeSet::new();
            for jid in jids {
                let text = jid.text();
                let jid = Jid::new(text.trim());
                let refused = |_| StanzaError::new(Condition::BadRequest, "An entry of a list is no address.");
                addresses.insert(jid.map_err(refused)?.as_str().to_owned());
                if addresses.len() > ARCHIVE_PREFERENCES_MAX {
                    return Err(too_many());
                }
            }
            Ok(addresses)
        };
        let preferences = Preferences { default: *default, always: list("always")?, never: list("never")? };
        if preferences.always.len() + preferences.never.len() > ARCHIVE_PREFERENCES_MAX {
            return Err(too_many());
        }
        Ok(preferences)
    }

    fn to_xml(&self) -> Vec<u8> {
        let default = HABITS.iter().find(|(habit, _)| *habit == self.default).map(|(_, text)| text);
        let mut xml = Xml::new();
        xml.open("prefs", ns::ARCHIVE).attr_if("default", default);
        for (name, list) in [("always", &self.always), ("never", &self.never)] {
            xml.open(name, ns::ARCHIVE);
            for address in list {
                xml.leaf("jid", ns::ARCHIVE, address);
            }
            xml.close();
        }
        xml.finish()
    }
}

fn too_many() -> StanzaError {
    let text = format!("The lists may have {ARCHIVE_PREFERENCES_MAX} addresses together.");
    StanzaError::new(Condition::NotAcceptable, text)
}

/// Tells an account its preferences, or changes them; the answer is what is in force.
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if !shard.config.archive {
        return Verdict::Error(Condition::ServiceUnavailable.into());
    }
    let account = shard.accounts.get_mut(ask.address).expect("an account that is asked is ready");
    if !ask.set {
        return Verdict::Result(account.preferences.as_deref().cloned().unwrap_or_default().to_xml());
    }
    let preferences = match Preferences::from_xml(&ask.payload) {
        Ok(preferences) => preferences,
        Err(error) => return Verdict::Error(error),
    };
    if preferences.need_roster() && account.roster.is_none() {
        return Verdict::NeedsRoster;
    }
    let answer = preferences.to_xml();
    account.preferences = Some(Box::new(preferences));
    let ticket = shard.put_record(ask.address, RecordKind::Preference, KEY, Some(answer.clone()));
    shard.after(ticket, After::Distrust(ask.address.clone()));
    Verdict::ResultAfter(answer, ticket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefs(default: &str, always: &[&str], never: &[&str]) -> String {
        let list = |list: &[&str]| list.iter().map(|jid| format!("<jid>{jid}</jid>")).collect::<String>();
        let (always, never) = (list(always), list(never));
        format!(
            "<prefs xmlns='urn:xmpp:mam:2' default='{default}'><always>{always}</always><never>{never}</never></prefs>"
        )
    }

    fn read(xml: &str) -> Result<Preferences, Condition> {
        Preferences::from_xml(&Element::parse(xml.as_bytes()).unwrap()).map_err(|e| e.condition)
    }

    #[test]
    fn who_is_kept() {
        for (default, always, never, with, contact, expect) in [
            ("always", &[][..], &[][..], "a@b/c", false, true),
            ("never", &[], &[], "a@b/c", true, false),
            ("roster", &[], &[], "a@b/c", true, true),
            ("roster", &[], &[], "a@b/c", false, false),
            ("never", &["a@b"], &[], "a@b/c", false, true),
            ("never", &["a@b"], &[], "a@b", false, true),
            ("never", &["a@b/c"], &[], "a@b/c", false, true),
            ("never", &["a@b/c"], &[], "a@b/d", false, false),
            ("never", &["a@b/c"], &[], "a@b", false, false),
            ("always", &[], &["a@b"], "a@b/c", true, false),
            ("always", &["a@b"], &["a@b"], "a@b/c", true, false),
            ("never", &["a@b/c"], &["a@b"], "a@b/c", false, true),
            ("always", &["a@b"], &["a@b/c"], "a@b/c", false, false),
            ("never", &["b"], &[], "b", false, true),
            ("never", &["b"], &[], "a@b", false, false),
            ("never", &["A@B"], &[], "a@b", false, true),
        ] {
            let found = read(&prefs(default, always, never)).unwrap().allow(&Jid::new(with).unwrap(), |_| contact);
            assert_eq!(found, expect, "{default} {always:?} {never:?} {with} {contact}");
        }
    }

    #[test]
    fn they_are_written_as_they_are_read() {
        let xml = prefs("roster", &["a@b", "a@b/c"], &["d"]);
        let preferences = read(&xml).unwrap();
        assert_eq!(read(std::str::from_utf8(&preferences.to_xml()).unwrap()).unwrap(), preferences);
        assert_eq!(read("<prefs xmlns='urn:xmpp:mam:2' default='always'/>"), Ok(Preferences::default()));
        let empty = "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs>";
        assert_eq!(Preferences::default().to_xml(), empty.as_bytes());
    }

    #[test]
    fn wrong_ones_are_refused() {
        for xml in ["<prefs xmlns='urn:xmpp:mam:2'/>", &prefs("sometimes", &[], &[]), &prefs("always", &["@"], &[])] {
            assert_eq!(read(xml), Err(Condition::BadRequest), "{xml}");
        }
    }

    #[test]
    fn lists_are_limited() {
        // Ten times as many would be more elements than a stanza may have.
        let jids: Vec<_> = (0..9 * ARCHIVE_PREFERENCES_MAX).map(|i| format!("a{i}@b")).collect();
        let jids: Vec<&str> = jids.iter().map(String::as_str).collect();
        for (len, expect) in [(ARCHIVE_PREFERENCES_MAX - 1, true), (ARCHIVE_PREFERENCES_MAX, true)]
            .into_iter()
            .chain([(ARCHIVE_PREFERENCES_MAX + 1, false), (9 * ARCHIVE_PREFERENCES_MAX, false)])
        {
            let (always, never) = jids[..len].split_at(len / 2);
            let found = read(&prefs("always", always, never));
            assert_eq!(found.is_ok(), expect, "{len}");
            assert_eq!(read(&prefs("always", &[], &jids[..len])).is_ok(), expect, "{len}");
        }
    }
}
