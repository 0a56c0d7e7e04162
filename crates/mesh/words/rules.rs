//! What a word of the list must satisfy, in code: shared by the maker of the list and by the test that re-checks it.
//!
//! The sound key is made for this list. It is coarser than an English ear on purpose: many of our people did not grow
//! up with English, so "ship" and "sheep", "full" and "fool", "price" and "prize" count as one sound.

use std::collections::{BTreeMap, BTreeSet};

use mesh::spelling::distance;

/// A word is known from its first letters: all of them if it has fewer.
pub(crate) const PREFIX_LETTERS: usize = 5;
/// One slip of the keyboard never turns a word into another.
pub(crate) const SLIPS_APART: usize = 2;

/// Why a word cannot stand beside the words already chosen.
#[derive(Debug)]
pub(crate) enum Conflict {
    /// Another word begins with the same letters.
    Prefix,
    /// This word sounds the same.
    Sound(#[expect(dead_code, reason = "read in the message of a failed test")] String),
    /// This word is one slip away.
    Spelling(#[expect(dead_code, reason = "read in the message of a failed test")] String),
}

/// The words chosen so far, indexed by what must be unique.
#[derive(Default)]
pub(crate) struct Chosen {
    prefixes: BTreeSet<String>,
    sounds: BTreeMap<String, String>,
    /// Two words one slip apart become equal when at most one letter of each is left out.
    shortened: BTreeMap<String, Vec<String>>,
}

impl Chosen {
    /// Chooses a word, or says what it clashes with.
    pub(crate) fn add(&mut self, word: &str) -> Result<(), Conflict> {
        let prefix = &word[..word.len().min(PREFIX_LETTERS)];
        if self.prefixes.contains(prefix) {
            return Err(Conflict::Prefix);
        }
        let sound = sound_key(word);
        if let Some(other) = self.sounds.get(&sound) {
            return Err(Conflict::Sound(other.clone()));
        }
        let shortened: BTreeSet<String> = shortened(word).collect();
        let near = shortened.iter().filter_map(|short| self.shortened.get(short)).flatten();
        if let Some(other) = near.into_iter().find(|other| distance(other, word) < SLIPS_APART) {
            return Err(Conflict::Spelling(other.clone()));
        }
        self.prefixes.insert(prefix.to_owned());
        self.sounds.insert(sound, word.to_owned());
        for short in shortened {
            self.shortened.entry(short).or_default().push(word.to_owned());
        }
        Ok(())
    }
}

/// Three to seven letters a-z.
pub(crate) fn has_good_shape(word: &str) -> bool {
    (3..=7).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The words of a file in which lines with `#` are comments.
pub(crate) fn bare_words(file: &str) -> BTreeSet<&str> {
    file.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
}

fn shortened(word: &str) -> impl Iterator<Item = String> {
    let without = |at: usize| word.char_indices().filter(move |(i, _)| *i != at).map(|(_, letter)| letter).collect();
    (0..=word.len()).map(without)
}

/// Beginnings that are not spoken as written.
const BEGINNINGS: [(&str, &str); 8] =
    [("kn", "n"), ("gn", "n"), ("pn", "n"), ("wr", "r"), ("ps", "s"), ("who", "ho"), ("wh", "w"), ("x", "s")];

/// Endings by their sound, a longer one before a shorter one that is part of it. `X` is the sound of "sh", `C` of "ch".
#[rustfmt::skip]
const ENDINGS: [(&str, &str); 46] = [
    ("tion", "Xn"), ("sion", "Xn"), ("cian", "Xn"), ("cean", "Xn"), ("ture", "Cr"), ("sure", "Xr"), ("cious", "Xs"),
    ("tious", "Xs"), ("ous", "os"), ("ance", "ens"), ("ence", "ens"), ("ant", "ent"), ("mb", "m"), ("mn", "m"),
    ("gn", "n"), ("bt", "t"), ("que", "k"), ("gue", "g"), ("ough", "ou"), ("ey", "y"), ("age", "ij"), ("ce", "s"),
    ("dge", "j"), ("ge", "j"), ("ear", "ar"), ("eer", "ar"), ("air", "ar"), ("are", "ar"), ("ere", "ar"), ("ore", "or"),
    ("oor", "or"), ("oar", "or"), ("our", "or"), ("ier", "yr"), ("er", "r"), ("or", "r"), ("ar", "r"), ("re", "r"),
    ("le", "l"), ("al", "l"), ("el", "l"), ("il", "l"), ("ol", "l"), ("yl", "l"), ("es", "s"), ("e", ""),
];

/// Groups of letters by their sound, applied one after the other. `0` is the sound of "th".
#[rustfmt::skip]
const GROUPS: [(&str, &str); 34] = [
    ("eigh", "ai"), ("ough", "ou"), ("augh", "au"), ("igh", "i"), ("gh", "g"), ("tch", "C"), ("sch", "sk"), ("ch", "C"),
    ("sh", "X"), ("ph", "f"), ("th", "0"), ("dg", "j"), ("ck", "k"), ("qu", "kw"), ("sce", "se"), ("sci", "si"),
    ("cc", "k"), ("ce", "se"), ("ci", "si"), ("cy", "si"), ("c", "k"), ("ge", "je"), ("gi", "ji"), ("gy", "ji"),
    ("x", "ks"), ("z", "s"), ("alk", "ak"), ("alm", "am"), ("stl", "sl"), ("ear", "ar"), ("eir", "ar"), ("air", "ar"),
    ("er", "ar"), ("ir", "ur"),
];

/// How a word sounds, roughly: words with the same key are not told apart over a bad telephone line.
pub(crate) fn sound_key(word: &str) -> String {
    let mut spelled = word.to_owned();
    for (from, to) in BEGINNINGS {
        if let Some(rest) = spelled.strip_prefix(from) {
            spelled = format!("{to}{rest}");
        }
    }
    for (from, to) in ENDINGS {
        // A stem without a vowel keeps its ending, for that is the sound of the whole word: "for", "all".
        let is_syllable = matches!(to, "r" | "l");
        if spelled.len() >= from.len() + 2
            && let Some(stem) = spelled.strip_suffix(from)
            && (!is_syllable || stem.chars().any(is_vowel))
        {
            spelled = format!("{stem}{to}");
            break;
        }
    }
    for (from, to) in GROUPS {
        spelled = spelled.replace(from, to);
    }
    // Vowels fall into three classes, doubled sounds and silent letters go.
    let mut key = String::new();
    let letters: Vec<char> = spelled.chars().collect();
    for (at, &letter) in letters.iter().enumerate() {
        let after_vowel = at > 0 && is_vowel(letters[at - 1]);
        let before_vowel = letters.get(at + 1).copied().is_some_and(is_vowel);
        let sound = match letter {
            'h' | 'w' if !before_vowel => continue,
            'y' if at == 0 => 'Y',
            // A run of vowels counts once, by its first letter.
            _ if is_vowel(letter) && after_vowel => continue,
            'e' | 'i' | 'y' => 'i',
            'o' | 'u' => 'o',
            other => other,
        };
        if !key.ends_with(sound) {
            key.push(sound);
        }
    }
    key
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}
