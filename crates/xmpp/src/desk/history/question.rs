//! XEP-0313 sections 4.1 and 4.3: a query as it is asked: the form, the page, the order.

use base::limits::PAGE_MESSAGES_MAX;
use base::{Jid, Wall};
use wire::{Element, Xml};

use crate::desk::stanza_ids::Ids;
use crate::error::{Condition, StanzaError};
use crate::form::Fields;
use crate::{ns, rsm};

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Question {
    /// Comes back with each result.
    pub(super) queryid: Option<String>,
    /// Only messages with this address: the whole of it if it has a resource.
    pub(super) with: Option<Jid<'static>>,
    /// Filed at this time or later.
    pub(super) start: Option<Wall>,
    /// Filed at this time or earlier.
    pub(super) end: Option<Wall>,
    /// Only behind this number.
    pub(super) after: Option<i64>,
    /// Only before this number.
    pub(super) before: Option<i64>,
    /// Only these numbers, in order.
    pub(super) seqs: Option<Vec<i64>>,
    /// The end of the range, not its beginning.
    pub(super) last: bool,
    /// At most so many results.
    pub(super) max: u32,
    /// The newest result is sent first.
    pub(super) flip: bool,
    /// Whether all results are counted, and none sent.
    pub(super) count: bool,
    /// Whether a page that is complete is all there is, so that its size is the count.
    pub(super) whole: bool,
}

impl Question {
    /// Reads `<query/>`. `ids` and `next_seq` are the account's.
    ///
    /// # Errors
    /// `bad-request` for what cannot be understood, `feature-not-implemented` for fields that are not known,
    /// `item-not-found` for ids that are not in the archive.
    pub(super) fn read(query: &Element<'_>, ids: &Ids, next_seq: i64) -> Result<Question, StanzaError> {
        if query.attr("node").is_some() {
            return Err(StanzaError::new(Condition::ItemNotFound, "An account's archive has no nodes."));
        }
        let seq = |id: String| {
            let text = "There is no message with this id.";
            ids.read(&id, next_seq).ok_or_else(|| StanzaError::new(Condition::ItemNotFound, text))
        };
        let page = rsm::Request::read(query)?;
        let (page_after, page_before) = (page.after.map(seq).transpose()?, page.before.map(seq).transpose()?);
        let mut question = Question {
            queryid: query.attr("queryid").map(|id| id.into_owned()),
            last: page.last,
            max: page.max.unwrap_or(PAGE_MESSAGES_MAX).min(PAGE_MESSAGES_MAX),
            flip: query.child("flip-page", ns::ARCHIVE).is_some(),
            whole: page_after.is_none() && page_before.is_none(),
            ..Question::default()
        };
        if let Some(form) = query.child("x", ns::FORMS) {
            let mut fields = Fields::submitted(&form, ns::ARCHIVE)?;
            question.with = fields.one("with")?.map(|with| address(&with)).transpose()?;
            question.start = fields.one("start")?.map(|start| moment(&start)).transpose()?;
            question.end = fields.one("end")?.map(|end| moment(&end)).transpose()?;
            question.after = fields.one("after-id")?.map(seq).transpose()?;
            question.before = fields.one("before-id")?.map(seq).transpose()?;
            let asked = fields.all("ids");
            if asked.len() > PAGE_MESSAGES_MAX as usize {
                let text = format!("At most {PAGE_MESSAGES_MAX} messages can be asked for by their ids.");
                return Err(StanzaError::new(Condition::NotAcceptable, text));
            }
            if !asked.is_empty() {
                let mut seqs = asked.into_iter().map(seq).collect::<Result<Vec<_>, _>>()?;
                seqs.sort_unstable();
                seqs.dedup();
                question.seqs = Some(seqs);
            }
            // No groupchat is in an account's archive, wanted or not.
            if let Some(wanted) = fields.one("include-groupchat")?
                && !matches!(wanted.as_str(), "true" | "false" | "1" | "0")
            {
                return Err(StanzaError::new(Condition::BadRequest, "include-groupchat is true or false."));
            }
            fields.done()?;
        }
        let filtered = question.after.is_some() || question.before.is_some() || question.seqs.is_some();
        question.count = page.max == Some(0) && !filtered && !question.is_exact();
        question.after = question.after.max(page_after);
        question.before = question.before.into_iter().chain(page_before).min();
        Ok(question)
    }

    /// Whether the other side's resource matters.
    pub(super) fn is_exact(&self) -> bool {
        self.with.as_ref().is_some_and(|with| !with.is_bare())
    }
}

fn address(text: &str) -> Result<Jid<'static>, StanzaError> {
    let refused = |_| StanzaError::new(Condition::BadRequest, "The field with is no address.");
    Jid::new(text).map(Jid::into_owned).map_err(refused)
}

fn moment(text: &str) -> Result<Wall, StanzaError> {
    text.parse().map_err(|error: base::WallError| StanzaError::new(Condition::BadRequest, error.to_string()))
}

/// Section 4.1.5: the form that a client may fill in.
pub(super) fn form() -> Vec<u8> {
    let fields = [
        ("jid-single", "with"),
        ("text-single", "start"),
        ("text-single", "end"),
        ("text-single", "before-id"),
        ("text-single", "after-id"),
        ("boolean", "include-groupchat"),
    ];
    let mut xml = Xml::new();
    xml.open("query", ns::ARCHIVE).open("x", ns::FORMS).attr("type", "form");
    xml.open("field", ns::FORMS).attr("type", "hidden").attr("var", "FORM_TYPE");
    xml.leaf("value", ns::FORMS, ns::ARCHIVE).close();
    for (kind, name) in fields {
        xml.open("field", ns::FORMS).attr("type", kind).attr("var", name).close();
    }
    xml.open("field", ns::FORMS).attr("type", "list-multi").attr("var", "ids");
    xml.open("validate", ns::VALIDATE).attr("datatype", "xs:string").open("open", ns::VALIDATE);
    xml.finish()
}

#[cfg(test)]
mod tests {
    use base::AccountId;

    use super::*;

    const NEXT_SEQ: i64 = 100;

    fn ids() -> Ids {
        Ids::new(1, AccountId(1))
    }

    #[track_caller]
    fn check(inner: &str, expect: Result<Question, Condition>) {
        let xml = format!("<query xmlns='urn:xmpp:mam:2'>{inner}</query>");
        let found = Question::read(&Element::parse(xml.as_bytes()).unwrap(), &ids(), NEXT_SEQ);
        assert_eq!(found.map_err(|e| e.condition), expect, "{inner}");
    }

    fn form_of(fields: &[(&str, &str)]) -> String {
        let mut form = "<x xmlns='jabber:x:data' type='submit'>".to_owned();
        for (name, value) in [("FORM_TYPE", ns::ARCHIVE)].iter().chain(fields) {
            form += &format!("<field var='{name}'><value>{value}</value></field>");
        }
        form + "</x>"
    }

    fn set(inner: &str) -> String {
        format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>")
    }

    fn all() -> Question {
        Question { max: PAGE_MESSAGES_MAX, whole: true, ..Question::default() }
    }

    #[test]
    fn filters() {
        let id = |seq| ids().write(seq);
        let jid = |text| Some(Jid::new(text).unwrap());
        check("", Ok(all()));
        check("<flip-page/>", Ok(Question { flip: true, ..all() }));
        check(&form_of(&[]), Ok(all()));
        check(&form_of(&[("with", "A@b")]), Ok(Question { with: jid("a@b"), ..all() }));
        check(&form_of(&[("with", "a@b/c")]), Ok(Question { with: jid("a@b/c"), ..all() }));
        let times = [("start", "1970-01-01T00:00:01Z"), ("end", "1970-01-01T00:00:02Z")];
        check(&form_of(&times), Ok(Question { start: Some(Wall(1000)), end: Some(Wall(2000)), ..all() }));
        let range = [("after-id", &*id(5)), ("before-id", &*id(9))];
        check(&form_of(&range), Ok(Question { after: Some(5), before: Some(9), ..all() }));
        check(&form_of(&[("ids", &id(7))]), Ok(Question { seqs: Some(vec![7]), ..all() }));
        let ids = form_of(&[("ids", &format!("{}</value><value>{}</value><value>{}", id(9), id(7), id(9)))]);
        check(&ids, Ok(Question { seqs: Some(vec![7, 9]), ..all() }));
        check(&form_of(&[("include-groupchat", "true")]), Ok(all()));
    }

    #[test]
    fn pages() {
        let id = |seq| ids().write(seq);
        check(&set("<max>10</max>"), Ok(Question { max: 10, ..all() }));
        for (max, expect) in [(99, 99), (100, 100), (101, 100), (1000, 100), (5_000_000_000_u64, 100)] {
            check(&set(&format!("<max>{max}</max>")), Ok(Question { max: expect, ..all() }));
        }
        check(&set("<before/>"), Ok(Question { last: true, ..all() }));
        let part = Question { whole: false, ..all() };
        check(&set(&format!("<after>{}</after>", id(3))), Ok(Question { after: Some(3), ..part.clone() }));
        let before = set(&format!("<before>{}</before>", id(3)));
        check(&before, Ok(Question { before: Some(3), last: true, ..part.clone() }));
        check(&set("<max>0</max>"), Ok(Question { max: 0, count: true, ..all() }));
        let exact = form_of(&[("with", "a@b/c")]) + &set("<max>0</max>");
        let with = Some(Jid::new("a@b/c").unwrap());
        check(&exact, Ok(Question { max: 0, with, ..all() }));
        // The narrower of the form's and the page's limits.
        let form = form_of(&[("after-id", &id(5)), ("before-id", &id(9))]);
        for (page, after, before, last) in [
            (format!("<after>{}</after>", id(7)), 7, 9, false),
            (format!("<after>{}</after>", id(3)), 5, 9, false),
            (format!("<before>{}</before>", id(7)), 5, 7, true),
            (format!("<before>{}</before>", id(11)), 5, 9, true),
        ] {
            let expect = Question { after: Some(after), before: Some(before), last, ..part.clone() };
            check(&(form.clone() + &set(&page)), Ok(expect));
        }
    }

    #[test]
    fn refusals() {
        let unknown = ids().write(NEXT_SEQ);
        for (inner, expect) in [
            (form_of(&[("with", "@")]), Condition::BadRequest),
            (form_of(&[("with", "")]), Condition::BadRequest),
            (form_of(&[("start", "yesterday")]), Condition::BadRequest),
            (form_of(&[("end", "2026-02-30T00:00:00Z")]), Condition::BadRequest),
            (form_of(&[("include-groupchat", "perhaps")]), Condition::BadRequest),
            (form_of(&[("search", "words")]), Condition::FeatureNotImplemented),
            (form_of(&[("after-id", &unknown)]), Condition::ItemNotFound),
            (form_of(&[("before-id", "1")]), Condition::ItemNotFound),
            (form_of(&[("ids", &unknown)]), Condition::ItemNotFound),
            (form_of(&[("start", "1970-01-01T00:00:01Z</value><value>")]), Condition::BadRequest),
            (set(&format!("<after>{unknown}</after>")), Condition::ItemNotFound),
            (set("<before>x</before>"), Condition::ItemNotFound),
            (set("<index>1</index>"), Condition::FeatureNotImplemented),
            ("<x xmlns='jabber:x:data' type='submit'/>".into(), Condition::BadRequest),
        ] {
            check(&inner, Err(expect));
        }
    }

    #[test]
    fn ids_are_limited() {
        let of = |len: i64| {
            let values: Vec<_> = (1..=len).map(|seq| ids().write(seq % 50 + 1)).collect();
            form_of(&[("ids", &values.join("</value><value>"))])
        };
        let max = i64::from(PAGE_MESSAGES_MAX);
        let fifty = Question { seqs: Some((1..=50).collect()), ..all() };
        check(&of(max - 1), Ok(fifty.clone()));
        check(&of(max), Ok(fifty));
        check(&of(max + 1), Err(Condition::NotAcceptable));
        check(&of(max * 10), Err(Condition::NotAcceptable));
    }
}
