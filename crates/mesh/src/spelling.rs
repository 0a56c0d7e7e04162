//! The nearest word of the list for a mistyped one, so that an error can say what was probably meant.

use crate::words::{self, WORD_LETTERS_MAX};

/// How many slips apart two spellings are: a letter too many, missing or wrong, or two neighbours swapped (optimal
/// string alignment).
///
/// The cost grows with the product of both lengths: bound them first.
pub fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    // Three rows of the usual table: the one before the last is needed for swaps.
    let mut older = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, &a) in left.iter().enumerate() {
        let mut row = Vec::with_capacity(right.len() + 1);
        row.push(i + 1);
        for (j, &b) in right.iter().enumerate() {
            let mut best = (above[j + 1] + 1).min(row[j] + 1).min(above[j] + usize::from(a != b));
            if i > 0 && j > 0 && a == right[j - 1] && left[i - 1] == b {
                best = best.min(older[j - 1] + 1);
            }
            row.push(best);
        }
        older = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

/// The word of the list that was probably meant: the nearest within two slips, the first of them in the list if several
/// are as near. `None` if nothing is that near, or the text is far too long to be a word.
pub fn closest(text: &str) -> Option<&'static str> {
    if text.len() > WORD_LETTERS_MAX + SLIPS_MAX {
        return None;
    }
    // `min_by_key` returns the first of equals, so the answer does not depend on chance.
    let (slips, word) = words::all().map(|word| (distance(text, word), word)).min_by_key(|&(slips, _)| slips)?;
    (slips <= SLIPS_MAX).then_some(word)
}

/// Farther than this, a suggestion is a guess.
const SLIPS_MAX: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: &str, right: &str, slips: usize) {
        assert_eq!(distance(left, right), slips);
        assert_eq!(distance(right, left), slips);
    }

    #[test]
    fn slips() {
        check("", "", 0);
        check("", "lamp", 4);
        check("river", "river", 0);
        check("river", "rivr", 1);
        check("river", "rvier", 1);
        check("river", "rivet", 1);
        check("river", "lamp", 5);
        check("abcd", "badc", 2);
    }

    #[test]
    fn suggestions() {
        for (text, meant) in [
            ("rivr", Some("river")),
            ("rvier", Some("river")),
            ("River", Some("river")),
            ("river", Some("river")),
            ("qqqqq", None),
            ("", None),
            ("zookeepers", None),
        ] {
            assert_eq!(closest(text), meant, "{text}");
        }
    }
}
