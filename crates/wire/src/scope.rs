//! Namespaces in XML 1.0 section 6: which declarations are in force around an element.

use std::borrow::Cow;

use crate::ns;

/// A prefix and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding<'a> {
    pub(crate) prefix: Cow<'a, str>,
    pub(crate) namespace: Cow<'a, str>,
}

/// What an element inherits: from the stream header, or from the elements around it.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    /// The namespace of names without a prefix.
    pub(crate) default: Cow<'a, str>,
    bindings: Bindings<'a>,
}

#[derive(Clone, Debug)]
enum Bindings<'a> {
    Kept(&'a [Binding<'a>]),
    Made(Vec<Binding<'a>>),
}

impl<'a> Scope<'a> {
    /// Nothing is declared.
    pub(crate) const NONE: Scope<'static> = Scope { default: Cow::Borrowed(""), bindings: Bindings::Kept(&[]) };

    /// A scope with what somebody else keeps.
    pub(crate) fn new(default: &'a str, bindings: &'a [Binding<'a>]) -> Scope<'a> {
        Scope { default: Cow::Borrowed(default), bindings: Bindings::Kept(bindings) }
    }

    /// All prefixes, the innermost last.
    pub(crate) fn bindings(&self) -> &[Binding<'a>] {
        match &self.bindings {
            Bindings::Kept(kept) => kept,
            Bindings::Made(made) => made,
        }
    }

    /// Declares one more.
    pub(crate) fn declare(&mut self, prefix: &'a str, namespace: Cow<'a, str>) {
        if let Bindings::Kept(kept) = self.bindings {
            self.bindings = Bindings::Made(kept.to_vec());
        }
        if let Bindings::Made(made) = &mut self.bindings {
            made.push(Binding { prefix: Cow::Borrowed(prefix), namespace });
        }
    }

    /// Declares these and no others.
    pub(crate) fn declare_all(&mut self, bindings: Vec<Binding<'a>>) {
        self.bindings = Bindings::Made(bindings);
    }

    /// What a prefix stands for; the empty one for the default.
    pub(crate) fn resolve(&self, prefix: &str) -> Option<Cow<'a, str>> {
        match prefix {
            "" => Some(self.default.clone()),
            "xml" => Some(Cow::Borrowed(ns::XML)),
            _ => self.bindings().iter().rev().find(|b| b.prefix == prefix).map(|b| b.namespace.clone()),
        }
    }
}
