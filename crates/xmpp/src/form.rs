//! XEP-0004 data forms with the types of XEP-0068: reads a submitted one.

use std::collections::BTreeMap;

use wire::Element;

use crate::error::{Condition, StanzaError};
use crate::ns;

/// The fields of a submitted form by name, with their values. A field without a value is as if it were not there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, Vec<String>>);

impl Fields {
    /// Reads `<x xmlns='jabber:x:data' type='submit'/>`.
    ///
    /// # Errors
    /// `bad-request` if it is none, or if a field is there twice.
    pub(crate) fn read(form: &Element<'_>) -> Result<Fields, StanzaError> {
        if form.attr("type").as_deref() != Some("submit") {
            return Err(StanzaError::new(Condition::BadRequest, "The form is not a submitted one."));
        }
        let mut fields = BTreeMap::new();
        for field in form.children().filter(|c| c.is("field", ns::FORMS)) {
            let Some(name) = field.attr("var") else {
                return Err(StanzaError::new(Condition::BadRequest, "A field of the form has no name."));
            };
            let values: Vec<_> =
                field.children().filter(|c| c.is("value", ns::FORMS)).map(|v| v.text().into_owned()).collect();
            if fields.insert(name.into_owned(), values).is_some() {
                return Err(StanzaError::new(Condition::BadRequest, "A field of the form is there twice."));
            }
        }
        fields.retain(|_, values| !values.is_empty());
        Ok(Fields(fields))
    }

    /// Reads a submitted form of this type.
    ///
    /// # Errors
    /// `bad-request` also if its `FORM_TYPE` is another.
    pub(crate) fn submitted(form: &Element<'_>, form_type: &str) -> Result<Fields, StanzaError> {
        let mut fields = Fields::read(form)?;
        match fields.one("FORM_TYPE")? {
            Some(found) if found == form_type => Ok(fields),
            _ => Err(StanzaError::new(Condition::BadRequest, "The form has another FORM_TYPE, or none.")),
        }
    }

    /// Takes a field of one value.
    ///
    /// # Errors
    /// `bad-request` if it has more.
    pub(crate) fn one(&mut self, name: &str) -> Result<Option<String>, StanzaError> {
        let mut values = self.all(name);
        let text = || format!("The field {name} has more than one value.");
        if values.len() > 1 { Err(StanzaError::new(Condition::BadRequest, text())) } else { Ok(values.pop()) }
    }

    /// Takes a field with all its values.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.0.remove(name).unwrap_or_default()
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// `feature-not-implemented`, with the name of a field that nobody took.
    pub(crate) fn done(self) -> Result<(), StanzaError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(StanzaError::new(Condition::FeatureNotImplemented, format!("The field {name} is not known here.")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: &str, expect: Result<&[(&str, &[&str])], Condition>) {
        let form = Element::parse(form.as_bytes()).unwrap();
        let found = Fields::submitted(&form, "t").map_err(|e| e.condition);
        let owned = |(name, values): &(&str, &[&str])| ((*name).into(), values.iter().map(|v| (*v).into()).collect());
        assert_eq!(found, expect.map(|fields| Fields(fields.iter().map(owned).collect())));
    }

    #[test]
    fn forms() {
        let form = |kind: &str, fields: &str| {
            let form_type = "<field var='FORM_TYPE' type='hidden'><value>t</value></field>";
            format!("<x xmlns='jabber:x:data' type='{kind}'>{form_type}{fields}</x>")
        };
        let two = "<field var='a'><value>1</value><value>2</value></field><field var='b'><value/></field>";
        check(&form("submit", two), Ok(&[("a", &["1", "2"]), ("b", &[""])]));
        check(&form("submit", "<field var='a'/>"), Ok(&[]));
        check(&form("submit", "<value/><field var='a' xmlns='other'/>"), Ok(&[]));
        check(&form("cancel", ""), Err(Condition::BadRequest));
        check(&form("submit", "<field/>"), Err(Condition::BadRequest));
        check(&form("submit", "<field var='a'/><field var='a'/>"), Err(Condition::BadRequest));
        check("<x xmlns='jabber:x:data' type='submit'/>", Err(Condition::BadRequest));
        let other = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>u</value></field></x>";
        check(other, Err(Condition::BadRequest));
    }

    #[test]
    fn fields_are_taken() {
        let field = |name: &str, values: &[&str]| (name.into(), values.iter().map(|v| (*v).into()).collect());
        let mut fields = Fields([field("a", &["1"]), field("b", &["1", "2"]), field("c", &["1"])].into());
        assert_eq!(fields.one("a"), Ok(Some("1".into())));
        assert_eq!(fields.one("a"), Ok(None));
        assert_eq!(fields.one("b").unwrap_err().condition, Condition::BadRequest);
        assert_eq!(fields.done().unwrap_err().condition, Condition::FeatureNotImplemented);
        assert_eq!(Fields(BTreeMap::new()).done(), Ok(()));
    }
}
