//! Namespaces in XML 1.0 section 6: brings rare spellings of the content namespace to the usual one.
//!
//! `<c:message xmlns:c='jabber:client'><c:body/></c:message>` and `<body xmlns='jabber:client'/>` are right, but would
//! have to be understood again by everybody who reads the stanza after us, and are wrong on a stream between servers.

use std::borrow::Cow;

use crate::ns;
use crate::scope::Scope;
use crate::tokens::{StartTag, Token, Tokens};
use crate::write::{push_attr, push_raw_attr};

/// An element that is being written.
struct Level<'a> {
    /// What was declared inside of it.
    scope: Scope<'a>,
    /// The default namespace that the written XML has inside of it.
    default: Cow<'a, str>,
    /// Its name as written.
    name: &'a str,
}

/// Rewrites what stands in a stanza so that the content namespace has no prefix and is not declared where it is in
/// force anyway. `scope` is what was in force in the stanza.
pub(crate) fn rewrite(inner: &str, scope: Scope<'_>, content: &'static str) -> String {
    let mut out = Vec::with_capacity(inner.len());
    let mut levels = vec![Level { scope, default: Cow::Borrowed(content), name: "" }];
    for token in Tokens::new(inner) {
        match token {
            Token::Start(tag) => {
                let first = levels.len() == 1;
                if let Some(around) = levels.last() {
                    let level = start(&mut out, tag, around, content, first);
                    if !tag.is_empty() {
                        levels.push(level);
                    }
                }
            }
            Token::End => {
                if let Some(level) = levels.pop() {
                    out.extend_from_slice(b"</");
                    out.extend_from_slice(level.name.as_bytes());
                    out.push(b'>');
                }
            }
            Token::Text(raw) => out.extend_from_slice(raw.as_bytes()),
            Token::Cdata(raw) => {
                for piece in ["<![CDATA[", raw, "]]>"] {
                    out.extend_from_slice(piece.as_bytes());
                }
            }
        }
    }
    String::from_utf8(out).expect("pieces of text make text")
}

fn start<'a>(
    out: &mut Vec<u8>,
    tag: StartTag<'a>,
    around: &Level<'a>,
    content: &'static str,
    first: bool,
) -> Level<'a> {
    let mut scope = tag.enter(&around.scope);
    let (prefix, local) = tag.prefix_and_local();
    let mut namespace = scope.resolve(prefix).unwrap_or_default();
    if first && ns::is_content(&namespace) {
        namespace = Cow::Borrowed(content);
        if prefix.is_empty() {
            scope.default = Cow::Borrowed(content);
        }
    }
    let plain = prefix.is_empty() || namespace == content;
    let name = if plain { local } else { tag.name() };
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    let mut default = around.default.clone();
    if plain && namespace != default {
        push_attr(out, "xmlns", &namespace);
        default = namespace;
    }
    for attribute in tag.attributes().filter(|a| a.name != "xmlns") {
        push_raw_attr(out, attribute.name, attribute.raw());
    }
    out.extend_from_slice(if tag.is_empty() { b"/>" } else { b">" });
    Level { scope, default, name }
}
