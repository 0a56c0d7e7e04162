//! XML 1.0 sections 2.11, 3.3.3, 4.1 and 4.6: text as it is written and text as it is meant.

use std::borrow::Cow;

use memchr::{memchr2, memchr3};

use crate::chars::is_char;

/// What element text means that has passed the check: references resolved, line ends made one.
pub(crate) fn text(raw: &str) -> Cow<'_, str> {
    match memchr2(b'&', b'\r', raw.as_bytes()) {
        Some(at) => Cow::Owned(resolve(raw, at, '\n', '\t')),
        None => Cow::Borrowed(raw),
    }
}

/// What a CDATA section means: nothing in it is markup, but line ends are made one.
pub(crate) fn cdata(raw: &str) -> Cow<'_, str> {
    if raw.contains('\r') { Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(raw) }
}

/// What an attribute value means that has passed the check: white space becomes spaces.
pub(crate) fn value(raw: &str) -> Cow<'_, str> {
    let first = [memchr3(b'&', b'\r', b'\n', raw.as_bytes()), memchr::memchr(b'\t', raw.as_bytes())];
    match first.into_iter().flatten().min() {
        Some(at) => Cow::Owned(resolve(raw, at, ' ', ' ')),
        None => Cow::Borrowed(raw),
    }
}

/// Resolves from `at` on, where the first thing to be changed stands.
fn resolve(raw: &str, at: usize, line_end: char, tab: char) -> String {
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..at]);
    let mut rest = &raw[at..];
    while let Some(c) = rest.chars().next() {
        match c {
            '&' => {
                let (name, behind) = rest[1..].split_once(';').unwrap_or((&rest[1..], ""));
                out.extend(reference(name));
                rest = behind;
                continue;
            }
            '\r' => {
                out.push(line_end);
                rest = rest[1..].strip_prefix('\n').unwrap_or(&rest[1..]);
                continue;
            }
            '\n' => out.push(line_end),
            '\t' => out.push(tab),
            c => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The character of a reference, given what stands between `&` and `;`. None if there is no such character in XML, or
/// if it is an entity that a DTD would have to name.
pub(crate) fn reference(name: &str) -> Option<char> {
    let number = match name.strip_prefix('#') {
        None => {
            return match name {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "apos" => Some('\''),
                "quot" => Some('"'),
                _ => None,
            };
        }
        Some(number) => number,
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` also takes a sign, which XML does not.
    let code = digits.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok())??;
    char::from_u32(code).filter(|c| is_char(*c))
}

/// Appends element text, escaped. What XML cannot say at all (U+0000, ...) becomes U+FFFD.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    push(out, text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#xd;"),
        c if !is_char(c) => Some("\u{fffd}"),
        _ => None,
    });
}

/// Appends an attribute value, escaped for either kind of quotes. What XML cannot say at all becomes U+FFFD.
pub(crate) fn push_value(out: &mut Vec<u8>, text: &str) {
    push(out, text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\'' => Some("&apos;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#x9;"),
        '\n' => Some("&#xa;"),
        '\r' => Some("&#xd;"),
        c if !is_char(c) => Some("\u{fffd}"),
        _ => None,
    });
}

/// Text in which what XML cannot say at all is U+FFFD.
pub(crate) fn sayable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_char) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_char(c) { c } else { char::REPLACEMENT_CHARACTER }).collect())
}

fn push(out: &mut Vec<u8>, text: &str, instead: impl Fn(char) -> Option<&'static str>) {
    let plain = |b: &u8| matches!(b, b' ' | b'!' | b'#'..=b'%' | b'('..=b';' | b'=' | b'?'..=b'~');
    if text.as_bytes().iter().all(plain) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut copied = 0;
    for (at, c) in text.char_indices() {
        if let Some(escaped) = instead(c) {
            out.extend_from_slice(&text.as_bytes()[copied..at]);
            out.extend_from_slice(escaped.as_bytes());
            copied = at + c.len_utf8();
        }
    }
    out.extend_from_slice(&text.as_bytes()[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (name, expect) in [
            ("amp", Some('&')),
            ("quot", Some('"')),
            ("#65", Some('A')),
            ("#x1F600", Some('😀')),
            ("#x1f600", Some('😀')),
            ("#00000000000065", Some('A')),
            ("#x9", Some('\t')),
            ("#0", None),
            ("#x0", None),
            ("#x1f", None),
            ("#xD800", None),
            ("#xFFFE", None),
            ("#x110000", None),
            ("#99999999999999999999", None),
            ("#", None),
            ("#x", None),
            ("#+65", None),
            ("#X41", None),
            ("#-1", None),
            ("AMP", None),
            ("nbsp", None),
            ("", None),
        ] {
            assert_eq!(reference(name), expect, "{name:?}");
        }
    }

    #[test]
    fn meaning() {
        for (raw, as_text, as_value) in [
            ("plain", "plain", "plain"),
            ("a&lt;b&#x26;&amp;amp;", "a<b&&amp;", "a<b&&amp;"),
            ("a\r\nb\rc\nd\te", "a\nb\nc\nd\te", "a b c d e"),
            ("&#xd;&#xa;&#9;", "\r\n\t", "\r\n\t"),
            ("ü&gt;ü", "ü>ü", "ü>ü"),
        ] {
            assert_eq!((&*text(raw), &*value(raw)), (as_text, as_value), "{raw:?}");
        }
        assert_eq!(cdata("a&lt;\r\n\rb"), "a&lt;\n\nb");
    }

    #[test]
    fn escaping_is_undone_by_reading() {
        for plain in ["", "plain", "<&>'\"", "\t\n\r \r\n", "]]>", "ü😀'", "https://a.example/?b=c&d"] {
            let (mut as_text, mut as_value) = (Vec::new(), Vec::new());
            push_text(&mut as_text, plain);
            push_value(&mut as_value, plain);
            assert_eq!(text(std::str::from_utf8(&as_text).unwrap()), plain);
            assert_eq!(value(std::str::from_utf8(&as_value).unwrap()), plain);
            assert!(!as_value.iter().any(|b| b"<'\"\t\n\r".contains(b)), "{plain:?}");
        }
        let mut out = Vec::new();
        push_text(&mut out, "a\0b\u{ffff}");
        assert_eq!(out, "a\u{fffd}b\u{fffd}".as_bytes());
        assert_eq!(sayable("a\0b\u{ffff}"), "a\u{fffd}b\u{fffd}");
        assert!(matches!(sayable("a\t<ü"), Cow::Borrowed("a\t<ü")));
    }
}
