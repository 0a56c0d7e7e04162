//! XML 1.0 (fifth edition) sections 2.2 and 2.3: which characters may stand where.

/// May go on with a name (a byte of a longer character passes here, and is looked at again by [`is_name`]).
pub(crate) const NAME: u8 = 1;
/// White space.
pub(crate) const SPACE: u8 = 2;

/// What a byte can be, as bits.
pub(crate) const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let mut class = 0;
        if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | 0x80..) {
            class |= NAME;
        }
        if matches!(b, b' ' | b'\t' | b'\n' | b'\r') {
            class |= SPACE;
        }
        table[byte] = class;
        byte += 1;
    }
    table
};

/// Whether a byte has one of these classes.
#[inline]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASS[usize::from(byte)] & class != 0
}

/// How many bytes at the front have the class.
#[inline]
pub(crate) fn run(bytes: &[u8], class: u8) -> usize {
    bytes.iter().position(|b| !is(*b, class)).unwrap_or(bytes.len())
}

/// How many bytes stand before the first `<`, `&`, control character or `third`.
#[inline]
pub(crate) fn plain(bytes: &[u8], third: u8) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // The high bit of each byte that is zero, and perhaps of bytes above the lowest of these.
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let (blocks, rest) = bytes.as_chunks::<8>();
    for (i, block) in blocks.iter().enumerate() {
        let x = u64::from_le_bytes(*block);
        let control = x.wrapping_sub(ONES * 0x20) & !x;
        let found = zero(x ^ (ONES * u64::from(b'<')))
            | zero(x ^ (ONES * u64::from(b'&')))
            | zero(x ^ (ONES * u64::from(third)))
            | control;
        let found = found & (ONES << 7);
        if found != 0 {
            return i * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let stop = |b: &u8| *b < b' ' || *b == b'<' || *b == b'&' || *b == third;
    blocks.len() * 8 + rest.iter().position(stop).unwrap_or(rest.len())
}

/// Production 2, `Char`.
pub(crate) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Production 4 of Namespaces in XML, `NCName`, for a name that has passed [`NAME`] byte by byte.
pub(crate) fn is_name(name: &[u8]) -> bool {
    let Some(first) = name.first() else { return false };
    if name.is_ascii() {
        return first.is_ascii_alphabetic() || *first == b'_';
    }
    std::str::from_utf8(name).is_ok_and(|name| {
        let mut chars = name.chars();
        chars.next().is_some_and(starts_name) && chars.all(continues_name)
    })
}

fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic()
        || c == '_'
        || matches!(c, '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
            | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
            | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

fn continues_name(c: char) -> bool {
    starts_name(c)
        || c.is_ascii_digit()
        || matches!(c, '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, expect) in [
            ("body", true),
            ("_a-1.b", true),
            ("größe", true),
            ("日本", true),
            ("", false),
            ("1a", false),
            ("-a", false),
            (".a", false),
            ("\u{b7}a", false),
            ("a\u{b7}", true),
            ("a\u{d7}", false),
            ("a\u{2028}", false),
        ] {
            assert_eq!(is_name(name.as_bytes()), expect, "{name:?}");
        }
        assert!(!is_name(b"\xff") && !is_name(b"a\xc3"));
    }

    #[test]
    fn plain_runs_end_where_they_should() {
        for third in [b']', b'\'', b'"'] {
            for len in 0..40 {
                for filler in [b'a', b' ', 0x7f, 0x80, 0xff, b'=', b'%'] {
                    let mut text = vec![filler; len];
                    assert_eq!(plain(&text, third), len);
                    for at in 0..len {
                        for stop in [b'<', b'&', third, 0, 0x1f, b'\n'] {
                            text[at] = stop;
                            assert_eq!(plain(&text, third), at);
                            // What comes behind does not matter.
                            text[len - 1] = stop;
                            assert_eq!(plain(&text, third), at);
                            (text[at], text[len - 1]) = (filler, filler);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn characters() {
        for c in ['\0', '\u{8}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
            assert!(!is_char(c), "{c:?}");
        }
        for c in ['\t', '\n', '\r', ' ', '\u{7f}', '\u{85}', '\u{fffd}', '\u{1fffe}', '\u{10ffff}'] {
            assert!(is_char(c), "{c:?}");
        }
    }
}
