//! Where a behaviour is prescribed: a section of a specification, an attack case, a document of ours.
//!
//! `RFC 6121 section 8.5.2`, `RFC 6121 appendix A.3`, `XEP-0198`, `XEP-0198 section 5`, `attack case A23`,
//! `docs/durability.md`.

use std::cmp::Ordering;
use std::fmt;

/// One place, ordered as a reader looks it up: RFCs and XEPs by their numbers, sections as they follow each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// What it stands in.
    pub document: Document,
    /// Where in it; none of a whole XEP or a document of ours.
    pub place: Option<Place>,
}

/// What is referred to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// A Request for Comments.
    Rfc(u16),
    /// An XMPP Extension Protocol.
    Xep(u16),
    /// The catalogue of what strangers can send; its places are ids, as `A23`.
    AttackCases,
    /// A page of `docs/`.
    Page(String),
}

/// A section, an appendix or an id: parts between dots. Numbers are ordered as numbers, and letters come after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

impl Reference {
    /// Reads one as above.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Reference, String> {
        let wrong = || format!("'{text}' is no reference as 'RFC 6121 section 8.5' or 'XEP-0198'");
        if let Some(id) = text.strip_prefix("attack case ") {
            let place = Place::parse(id).filter(|place| place.is_lettered()).ok_or_else(wrong)?;
            return Ok(Reference { document: Document::AttackCases, place: Some(place) });
        }
        if text.starts_with("docs/") && text.ends_with(".md") {
            return Ok(Reference { document: Document::Page(text.to_owned()), place: None });
        }
        let (document, place) = if let Some(rest) = text.strip_prefix("XEP-") {
            let (number, place) = rest.split_at_checked(4).ok_or_else(wrong)?;
            (Document::Xep(number.parse().map_err(|_| wrong())?), place)
        } else {
            let rest = text.strip_prefix("RFC ").ok_or_else(wrong)?;
            // Nobody finds a behaviour in an RFC without its section.
            let (number, place) = rest.split_at(rest.find(' ').ok_or_else(wrong)?);
            (Document::Rfc(number.parse().map_err(|_| wrong())?), place)
        };
        if place.is_empty() {
            return Ok(Reference { document, place: None });
        }
        let (lettered, place) = match (place.strip_prefix(" section "), place.strip_prefix(" appendix ")) {
            (Some(section), _) => (false, section),
            (None, Some(appendix)) => (true, appendix),
            (None, None) => return Err(wrong()),
        };
        let place = Place::parse(place).filter(|place| place.is_lettered() == lettered).ok_or_else(wrong)?;
        Ok(Reference { document, place: Some(place) })
    }

    /// Reads several with `, ` between them.
    ///
    /// # Errors
    /// What is wrong with the first that is none.
    pub fn parse_list(text: &str) -> Result<Vec<Reference>, String> {
        text.split(", ").map(Reference::parse).collect()
    }
}

impl Place {
    fn parse(text: &str) -> Option<Place> {
        let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        text.split('.').all(part).then(|| Place(text.to_owned()))
    }

    fn is_lettered(&self) -> bool {
        self.0.starts_with(|c: char| c.is_ascii_uppercase())
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Place) -> Ordering {
        let parts = |place: &Place| -> Vec<(u32, String)> {
            // What is no number comes behind all numbers.
            place.0.split('.').map(|part| (part.parse().unwrap_or(u32::MAX), part.to_owned())).collect()
        };
        parts(self).cmp(&parts(other))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Place) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Document::Rfc(number) => write!(f, "RFC {number}"),
            Document::Xep(number) => write!(f, "XEP-{number:04}"),
            Document::AttackCases => f.write_str("Attack cases"),
            Document::Page(path) => f.write_str(path),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, document: Document, place: Option<&str>) {
        let place = place.map(|place| Place(place.to_owned()));
        assert_eq!(Reference::parse(text), Ok(Reference { document, place }));
    }

    #[test]
    fn references() {
        check("RFC 6121 section 8.5.2", Document::Rfc(6121), Some("8.5.2"));
        check("RFC 6121 appendix A.3", Document::Rfc(6121), Some("A.3"));
        check("XEP-0049", Document::Xep(49), None);
        check("XEP-0198 section 5", Document::Xep(198), Some("5"));
        check("attack case D02", Document::AttackCases, Some("D02"));
        check("docs/durability.md", Document::Page("docs/durability.md".into()), None);
        for wrong in [
            "",
            "RFC 6121",
            "RFC 6121 sections 2 and 3",
            "RFC 6121 section A.1",
            "RFC 6121 appendix 1",
            "RFC 6121 section 8..5",
            "RFC six section 1",
            "XEP-198",
            "XEP-0198 part 1",
            "XEP-01985",
            "attack case 7",
            "Design",
        ] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn they_are_ordered_as_they_are_looked_up() {
        let ordered = [
            "RFC 6120 section 4.9.3.9",
            "RFC 6120 section 4.9.3.10",
            "RFC 6121 section 3",
            "RFC 6121 section 3.1",
            "RFC 6121 section 10",
            "RFC 6121 appendix A.2",
            "XEP-0049",
            "XEP-0198",
            "XEP-0198 section 3",
            "attack case A21",
            "docs/durability.md",
        ];
        assert!(ordered.map(|text| Reference::parse(text).unwrap()).is_sorted());
    }
}
