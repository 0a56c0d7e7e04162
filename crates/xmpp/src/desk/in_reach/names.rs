//! Attack case D18, UTS 39 section 4: names in a contact list are clean, and told apart where they only look alike.

use base::Bare;
use base::limits::NEIGHBOUR_NAME_CHARS_MAX;
use sha1::{Digest as _, Sha1};
use unicode_normalization::char::is_combining_mark;
use unicode_security::skeleton;

use crate::letters::is_invisible;

/// What stands between a name and the words that tell it from another.
pub(super) const SEPARATOR: &str = " · ";

/// Marks on one letter. No script has more.
const MARKS_MAX: usize = 4;

/// What a name looks like: two with the same are taken for each other. A digest, because a long contact list has many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Look(u64);

impl Look {
    /// Without case, marks, and what has no shape of its own; letters that look like others are those.
    pub(crate) fn of(name: &str) -> Look {
        let bare = skeleton(&name.to_lowercase()).filter(|c| !is_combining_mark(*c)).collect::<String>();
        Look(digest([bare.to_lowercase().as_str()]))
    }
}

/// 64 bits of SHA-1 over texts: enough to tell the names of one list apart.
pub(super) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = Sha1::new();
    for text in texts {
        hash.update(text);
        hash.update([0]);
    }
    let bytes: [u8; 20] = hash.finalize().into();
    bytes[..8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// A name that somebody else chose, as a list may show it: on one line, of letters that can be seen, not too long.
pub(super) fn clean(name: &str) -> String {
    let mut marks = 0;
    let seen = name.chars().filter_map(|c| {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        match c {
            _ if c.is_whitespace() => Some(' '),
            _ if c.is_control() || is_invisible(c) || marks > MARKS_MAX => None,
            _ => Some(c),
        }
    });
    let seen: String = seen.collect();
    // The separator is the daemon's.
    let words: Vec<&str> = seen.split(' ').filter(|word| !matches!(*word, "" | "·")).collect();
    let cut: String = words.join(" ").chars().take(NEIGHBOUR_NAME_CHARS_MAX).collect();
    cut.trim_end().to_owned()
}

/// What tells somebody from others of their name: so many words of their domain, then their whole address; of who has none
/// of their own (`gateway`), what stands before it.
pub(super) fn suffix(address: &Bare, gateway: bool, words: usize) -> String {
    let jid = address.jid();
    if gateway {
        return clean(jid.local().unwrap_or_default());
    }
    let label = jid.domain().split('.').next().unwrap_or_default();
    let known: Vec<&str> = label.split('-').collect();
    if words > known.len() { address.as_str().to_owned() } else { known[..words].join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        for (name, expect) in [
            ("Lisa", "Lisa"),
            ("  Lisa \n Marie\t", "Lisa Marie"),
            ("Zoë Ñandú 李", "Zoë Ñandú 李"),
            ("\u{202e}asiL\u{202c}", "asiL"),
            ("Li\u{200b}sa\u{feff}", "Lisa"),
            ("\u{1b}[31mLisa", "[31mLisa"),
            ("Lisa\u{2028}Paulo", "Lisa Paulo"),
            ("Lisa · river", "Lisa river"),
            ("Gal·la", "Gal·la"),
            ("a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}b", "a\u{301}\u{301}\u{301}\u{301}b"),
            ("\u{3164}\u{2800}", ""),
        ] {
            assert_eq!(clean(name), expect, "{name:?}");
        }
    }

    #[test]
    fn names_have_a_length() {
        let most = NEIGHBOUR_NAME_CHARS_MAX;
        for (chars, expect) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
            assert_eq!(clean(&"é".repeat(chars)).chars().count(), expect, "{chars}");
        }
    }

    #[track_caller]
    fn check(one: &str, other: &str, alike: bool) {
        assert_eq!(Look::of(one) == Look::of(other), alike, "{one:?} and {other:?}");
    }

    #[test]
    fn names_that_look_alike() {
        for (one, other, alike) in [
            ("Lisa", "lisa", true),
            ("Jose", "José", true),
            ("paulo", "pau1o", true),
            // Cyrillic, and fullwidth.
            ("anna", "аnnа", true),
            ("anna", "ａｎｎａ", true),
            ("Lisa", "Li\u{200b}sa", true),
            ("modern", "rnodern", true),
            ("lisa", "liza", false),
            ("lisa", "lisa marie", false),
            ("李", "王", false),
        ] {
            check(one, other, alike);
        }
    }

    #[test]
    fn what_tells_people_apart() {
        for (address, gateway, words, expect) in [
            ("lisa@nakuru-otter-lamp.jirani.alt", false, 1, "nakuru"),
            ("lisa@nakuru-otter-lamp.jirani.alt", false, 2, "nakuru-otter"),
            ("lisa@nakuru-otter-lamp.jirani.alt", false, 3, "nakuru-otter-lamp"),
            ("lisa@nakuru-otter-lamp.jirani.alt", false, 4, "lisa@nakuru-otter-lamp.jirani.alt"),
            ("lisa\\40pc@nearby.otter.jirani.alt", true, 1, "lisa\\40pc"),
        ] {
            assert_eq!(suffix(&Bare::new(address).unwrap(), gateway, words), expect, "{address}");
        }
    }
}
