//! XEP-0059 result set management: which page of a result is wanted, and which one it is.

use wire::{Element, Xml};

use crate::error::{Condition, StanzaError};
use crate::ns;

/// The page that a request wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// At most so many; zero asks how many there are (section 2.7).
    pub(crate) max: Option<u32>,
    /// What stands behind this item.
    pub(crate) after: Option<String>,
    /// What stands before this item.
    pub(crate) before: Option<String>,
    /// The end of what `after` and `before` let through, not its beginning (sections 2.3 and 2.5).
    pub(crate) last: bool,
}

impl Request {
    /// Reads the `<set/>` of a request, if it has one.
    ///
    /// # Errors
    /// `bad-request`, or `feature-not-implemented` for a page by its index (section 2.6 lets us).
    pub(crate) fn read(payload: &Element<'_>) -> Result<Request, StanzaError> {
        let Some(set) = payload.child("set", ns::RSM) else { return Ok(Request::default()) };
        if set.child("index", ns::RSM).is_some() {
            return Err(StanzaError::new(Condition::FeatureNotImplemented, "Pages are not found by index."));
        }
        let text = |name| set.child(name, ns::RSM).map(|e| e.text().into_owned());
        let max = match text("max").map(|max| max.trim().parse::<u64>()) {
            None => None,
            Some(Ok(max)) => Some(u32::try_from(max).unwrap_or(u32::MAX)),
            Some(Err(_)) => return Err(StanzaError::new(Condition::BadRequest, "max is no number.")),
        };
        let before = text("before");
        let last = before.is_some();
        // An empty `<after/>` is not specified; clients mean the beginning.
        let id = |text: Option<String>| text.filter(|id| !id.is_empty());
        Ok(Request { max, after: id(text("after")), before: id(before), last })
    }
}

/// Writes the `<set/>` of an answer: the first and the last id of the page, if it has any, and the size of the whole
/// result, if it is known.
pub(crate) fn write(xml: &mut Xml<'_>, page: Option<(&str, &str)>, count: Option<u64>) {
    xml.open("set", ns::RSM);
    if let Some((first, last)) = page {
        xml.leaf("first", ns::RSM, first).leaf("last", ns::RSM, last);
    }
    if let Some(count) = count {
        xml.leaf("count", ns::RSM, count.to_string());
    }
    xml.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(set: &str, expect: Result<Request, Condition>) {
        let xml = format!("<query xmlns='q'>{set}</query>");
        let found = Request::read(&Element::parse(xml.as_bytes()).unwrap());
        assert_eq!(found.map_err(|e| e.condition), expect, "{set}");
    }

    #[test]
    fn requests() {
        let set = |inner: &str| format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>");
        let id = || Some("i".to_owned());
        check("", Ok(Request::default()));
        check("<set xmlns='other'><max>1</max></set>", Ok(Request::default()));
        check(&set(""), Ok(Request::default()));
        check(&set("<max>10</max>"), Ok(Request { max: Some(10), ..Request::default() }));
        check(&set("<max>0</max>"), Ok(Request { max: Some(0), ..Request::default() }));
        check(&set("<max>99999999999</max>"), Ok(Request { max: Some(u32::MAX), ..Request::default() }));
        check(&set("<after>i</after>"), Ok(Request { after: id(), ..Request::default() }));
        check(&set("<after/>"), Ok(Request::default()));
        check(&set("<before/>"), Ok(Request { last: true, ..Request::default() }));
        check(&set("<before>i</before>"), Ok(Request { before: id(), last: true, ..Request::default() }));
        check(&set("<max/>"), Err(Condition::BadRequest));
        check(&set("<max>-1</max>"), Err(Condition::BadRequest));
        check(&set("<max>ten</max>"), Err(Condition::BadRequest));
        check(&set("<index>0</index>"), Err(Condition::FeatureNotImplemented));
    }

    #[test]
    fn answers() {
        for (page, count, expect) in [
            (None, None, "<set xmlns='http://jabber.org/protocol/rsm'/>"),
            (None, Some(0), "<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set>"),
            (
                Some(("a", "b")),
                None,
                "<set xmlns='http://jabber.org/protocol/rsm'><first>a</first><last>b</last></set>",
            ),
        ] {
            let mut xml = Xml::new();
            write(&mut xml, page, count);
            assert_eq!(String::from_utf8(xml.finish()).unwrap(), expect);
        }
    }
}
