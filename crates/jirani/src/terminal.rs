//! What others have written, made harmless for a terminal: no escape sequence, no line that is not ours, no text that
//! runs against its reading direction (Unicode UAX #9 overrides; attack case: a name that rewrites the screen).

use std::borrow::Cow;

/// A text of somebody else as one piece of a line: whatever a terminal would act upon, or nobody could see, is shown as
/// `\u{..}`. Gives the text itself if there is no such thing in it.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// As [`harmless`], for a text of several lines: its line breaks stay.
pub(crate) fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

/// Control characters (C0, DEL, C1), line and paragraph separators, what changes the writing direction, and what has no
/// width: with those a name can look like another one, or move the cursor.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(harmless(text), expect);
        assert!(!expect.contains(is_harmful));
    }

    #[test]
    fn what_a_terminal_acts_upon_is_shown() {
        check("maria@x/Bücherei", "maria@x/Bücherei");
        check("مريم 玛丽亚 नमस्ते", "مريم 玛丽亚 नमस्ते");
        // Joiners belong to scripts and to pictures of families; they move nothing.
        check("न्\u{200d} 👨\u{200d}👩\u{200d}👧", "न्\u{200d} 👨\u{200d}👩\u{200d}👧");
        check("\x1b[2J\x1b]0;title\x07", r"\u{1b}[2J\u{1b}]0;title\u{7}");
        check("a\r\nPassword: ", r"a\u{d}\u{a}Password: ");
        check("\u{9b}31m\u{7f}\0\t", r"\u{9b}31m\u{7f}\u{0}\u{9}");
        check("\u{202e}moc.elgoog\u{202c}", r"\u{202e}moc.elgoog\u{202c}");
        check("\u{2066}x\u{2069}\u{2028}\u{200b}", r"\u{2066}x\u{2069}\u{2028}\u{200b}");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(harmless_lines("one\r\ntwo\x1b\rthree\n"), "one\ntwo\\u{1b}\\u{d}three");
    }
}
