//! Whether a stanza is what was expected: all that the pattern says must be there, and more may be.
//!
//! In attributes and texts `{any}` stands for any text, `{name}` for the text that has this name: the first one that comes
//! gets it, later ones must be equal to it.

use std::collections::BTreeMap;

use crate::xml::Tree;

/// Texts with names.
pub type Bindings = BTreeMap<String, String>;

/// What is expected.
#[derive(Clone, Debug)]
pub struct Pattern {
    tree: Tree,
    /// Nothing more may be there than the pattern says.
    exactly: bool,
}

impl Pattern {
    /// A pattern from XML.
    pub fn new(tree: Tree, exactly: bool) -> Pattern {
        Pattern { tree, exactly }
    }

    /// What it was made from.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Whether it is this; then new names are bound.
    ///
    /// # Errors
    /// What is different, in words.
    pub fn matches(&self, found: &Tree, bindings: &mut Bindings) -> Result<(), String> {
        let mut new = bindings.clone();
        self.element(&self.tree, found, &mut new)?;
        *bindings = new;
        Ok(())
    }

    fn element(&self, expected: &Tree, found: &Tree, bindings: &mut Bindings) -> Result<(), String> {
        if !found.is(&expected.name, &expected.namespace) {
            let (name, namespace) = (&found.name, &found.namespace);
            return Err(format!("<{name} xmlns='{namespace}'> is no <{}>", expected.name));
        }
        for (namespace, name, expected_value) in &expected.attributes {
            let value = found.attributes.iter().find(|(ns, n, _)| ns == namespace && n == name);
            let Some((_, _, value)) = value else {
                return Err(format!("<{}> has no {name}='{expected_value}'", expected.name));
            };
            text(expected_value, value, bindings)
                .map_err(|why| format!("{name}='{value}' of <{}>: {why}", expected.name))?;
        }
        if self.exactly && found.attributes.len() > expected.attributes.len() {
            return Err(format!("<{}> has more attributes", expected.name));
        }
        if self.exactly || !expected.text.trim().is_empty() {
            text(expected.text.trim(), found.text.trim(), bindings)
                .map_err(|why| format!("the text of <{}>: {why}", expected.name))?;
        }
        let mut left: Vec<&Tree> = found.children.iter().collect();
        for child in &expected.children {
            let mut why = format!("<{}> has no <{} xmlns='{}'>", expected.name, child.name, child.namespace);
            let at = left.iter().position(|candidate| {
                let mut new = bindings.clone();
                match self.element(child, candidate, &mut new) {
                    Ok(()) => {
                        *bindings = new;
                        true
                    }
                    Err(other) => {
                        if candidate.is(&child.name, &child.namespace) {
                            why = other;
                        }
                        false
                    }
                }
            });
            left.remove(at.ok_or(why)?);
        }
        match left.first() {
            Some(more) if self.exactly => Err(format!("<{}> also has <{}>", expected.name, more.name)),
            _ => Ok(()),
        }
    }
}

/// A piece of a text with places in it.
enum Piece<'a> {
    Literal(&'a str),
    Any,
    Name(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((name, after)) = behind.split_once('}') else { break };
        pieces.push(Piece::Literal(before));
        pieces.push(if name == "any" { Piece::Any } else { Piece::Name(name) });
        rest = after;
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// Puts the texts in where their names stand.
///
/// # Errors
/// If a name has no text.
pub fn fill_in(text: &str, bindings: &Bindings) -> Result<String, String> {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Literal(literal) => Ok(literal),
            Piece::Any => Err("{any} says nothing here".into()),
            Piece::Name(name) => bindings.get(name).map(String::as_str).ok_or(format!("{{{name}}} is not known yet")),
        })
        .collect()
}

/// A place takes as little as lets the next literal follow.
fn text(expected: &str, found: &str, bindings: &mut Bindings) -> Result<(), String> {
    let refused = || format!("expected '{expected}'");
    let mut rest = found;
    let mut open: Option<Option<&str>> = None;
    let pieces = pieces(expected);
    let last = pieces.len() - 1;
    for (i, piece) in pieces.into_iter().enumerate() {
        let literal = match piece {
            Piece::Any => {
                open = Some(None);
                continue;
            }
            Piece::Name(name) => match bindings.get(name) {
                Some(bound) => bound.clone(),
                None => {
                    open = Some(Some(name));
                    continue;
                }
            },
            Piece::Literal(literal) => literal.to_owned(),
        };
        let Some(name) = open else {
            rest = rest.strip_prefix(literal.as_str()).ok_or_else(refused)?;
            continue;
        };
        if literal.is_empty() && i < last {
            continue;
        }
        let at = if i == last { rest.strip_suffix(literal.as_str()).map(str::len) } else { rest.find(&literal) };
        let at = at.ok_or_else(refused)?;
        if let Some(name) = name {
            bindings.insert(name.to_owned(), rest[..at].to_owned());
        }
        rest = &rest[at + literal.len()..];
        open = None;
    }
    if rest.is_empty() { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, found: &str, fits: bool) {
        let tree = |xml: &str| Tree::fragment(xml).unwrap().remove(0);
        let (exactly, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        let mut bindings = Bindings::from([("known".into(), "k".into())]);
        let result = Pattern::new(tree(pattern), exactly).matches(&tree(found), &mut bindings);
        assert_eq!(result.is_ok(), fits, "{result:?}");
        if let Some(new) = bindings.get("new") {
            assert_eq!(new, "n");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, found, fits) in [
            ("<a/>", "<a b='1'><c/>text</a>", true),
            ("<a/>", "<b/>", false),
            ("<a xmlns='x'/>", "<a/>", false),
            ("<a b='1'/>", "<a/>", false),
            ("<a b='1'/>", "<a b='2'/>", false),
            ("<a>t</a>", "<a> t </a>", true),
            ("<a>t</a>", "<a>tt</a>", false),
            ("<a><c/><b/></a>", "<a><b/><c/></a>", true),
            ("<a><b/><b/></a>", "<a><b/></a>", false),
            ("<a><b c='2'/></a>", "<a><b c='1'/><b c='2'/></a>", true),
            ("!<a/>", "<a/>", true),
            ("!<a/>", "<a b='1'/>", false),
            ("!<a/>", "<a><b/></a>", false),
            ("!<a/>", "<a>t</a>", false),
            ("!<a><b/></a>", "<a><b c='1'/></a>", false),
            ("<a b='{any}'/>", "<a b=''/>", true),
            ("<a b='{any}'/>", "<a/>", false),
            ("<a b='{known}'/>", "<a b='k'/>", true),
            ("<a b='{known}'/>", "<a b='kk'/>", false),
            ("<a b='{new}' c='{new}'/>", "<a b='n' c='n'/>", true),
            ("<a b='{new}' c='{new}'/>", "<a b='n' c='m'/>", false),
            ("<a b='x{any}y{known}z'/>", "<a b='x..ykz'/>", true),
            ("<a b='x{any}y'/>", "<a b='x..'/>", false),
            ("<a b='{new}/{known}'/>", "<a b='n/k'/>", true),
        ] {
            check(pattern, found, fits);
        }
    }
}
