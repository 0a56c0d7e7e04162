//! XEP-0174 section 3, XEP-0106: names of instances as local parts of addresses, and names for our own instances.
//!
//! An address is lower case and in one normal form, a name is not: so a name is found again in the list of those that are
//! there ([`super::peers`]), not worked out of the address.

use base::Bare;
use base::limits::INSTANCE_BYTES_MAX;

/// What XEP-0106 section 2 has for the characters that may not stand in a local part.
const ESCAPES: [(char, &str); 10] = [
    (' ', r"\20"),
    ('"', r"\22"),
    ('&', r"\26"),
    ('\'', r"\27"),
    ('/', r"\2f"),
    (':', r"\3a"),
    ('<', r"\3c"),
    ('>', r"\3e"),
    ('@', r"\40"),
    ('\\', r"\5c"),
];

/// The local part for an instance; none if there can be none: it begins or ends with a space, or has a character that no
/// address may have.
pub(super) fn local_part(instance: &str) -> Option<String> {
    if instance.is_empty() || instance.trim_matches(' ') != instance {
        return None;
    }
    let mut escaped = String::with_capacity(instance.len() + 8);
    for (at, c) in instance.char_indices() {
        let code = ESCAPES.iter().find(|(plain, _)| *plain == c).map(|(_, code)| *code);
        match code {
            // Only where it would be read as an escape.
            Some(code) if c != '\\' || ESCAPES.iter().any(|(_, code)| starts_with(&instance[at..], code)) => {
                escaped.push_str(code);
            }
            _ => escaped.push(c),
        }
    }
    let address = Bare::new(&format!("{escaped}@x")).ok()?;
    address.jid().local().map(str::to_owned)
}

/// Whether it begins with this code, whatever the case of its letters.
fn starts_with(text: &str, code: &str) -> bool {
    text.get(..code.len()).is_some_and(|start| start.eq_ignore_ascii_case(code))
}

/// The same name, read back from a local part that nobody has changed the case of: what a person is called on the link.
pub(super) fn plain(local: &str) -> String {
    let mut plain = String::with_capacity(local.len());
    let mut rest = local;
    while let Some(c) = rest.chars().next() {
        let escape = ESCAPES.iter().find(|(_, code)| starts_with(rest, code));
        plain.push(escape.map_or(c, |(plain, _)| *plain));
        rest = &rest[escape.map_or(c.len_utf8(), |(_, code)| code.len())..];
    }
    plain
}

/// What one of our people is called on the link: `user@host` as XEP-0174 wants it. `number` tells from others who have taken
/// the name before; zero means none has.
pub(super) fn own_instance(user: &str, host: &str, number: u16) -> String {
    let number = if number == 0 { String::new() } else { format!("-{number}") };
    let host = cut(host, INSTANCE_BYTES_MAX / 2);
    let room = INSTANCE_BYTES_MAX - host.len() - number.len() - 1;
    format!("{}{number}@{host}", cut(user, room))
}

/// The longest beginning of a text with at most so many bytes.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_local_parts() {
        for (instance, expect) in [
            ("romeo@forza", Some(r"romeo\40forza")),
            ("alice", Some("alice")),
            ("x@y@z", Some(r"x\40y\40z")),
            ("Jörg Müller@tablet", Some(r"jörg\20müller\40tablet")),
            (r"juliet\40elsewhere@right", Some(r"juliet\5c40elsewhere\40right")),
            (r"back\slash", Some(r"back\slash")),
            (r"c:\3C", Some(r"c\3a\5c3c")),
            ("dot.name@tablet", Some(r"dot.name\40tablet")),
            (r#"a"&'/:<>b"#, Some(r"a\22\26\27\2f\3a\3c\3eb")),
            ("愛@x", Some(r"愛\40x")),
            ("", None),
            (" a", None),
            ("a ", None),
            ("a\u{1}", None),
            ("a\u{1f600}", None),
        ] {
            assert_eq!(local_part(instance).as_deref(), expect, "{instance:?}");
            if let Some(local) = local_part(instance) {
                assert_eq!(plain(&local), instance.to_lowercase(), "{instance:?}");
            }
        }
    }

    #[test]
    fn an_escaped_name_can_be_too_long() {
        // The label of a service has 63 bytes at most; this is what could come of a longer one.
        use base::limits::JID_PART_BYTES_MAX;
        for (bytes, fits) in [
            (JID_PART_BYTES_MAX - 1, true),
            (JID_PART_BYTES_MAX, true),
            (JID_PART_BYTES_MAX + 1, false),
            (10 * JID_PART_BYTES_MAX, false),
        ] {
            assert_eq!(local_part(&"a".repeat(bytes)).is_some(), fits, "{bytes}");
        }
    }

    #[test]
    fn our_own_names_fit_a_label() {
        for (user, host, number, expect) in [
            ("lisa", "laptop", 0, "lisa@laptop".to_owned()),
            ("lisa", "laptop", 7, "lisa-7@laptop".to_owned()),
            ("ü", &"h".repeat(99), 0, format!("ü@{}", "h".repeat(31))),
            (&"ü".repeat(99), "h", 65535, format!("{}-65535@h", "ü".repeat(27))),
        ] {
            let instance = own_instance(user, host, number);
            assert_eq!(instance, expect);
            assert!(instance.len() <= INSTANCE_BYTES_MAX);
        }
    }
}
