//! Namespaces in XML 1.0 sections 3 to 6: the prefixes in force while an element is checked, the innermost last.
//!
//! At most [`ELEMENT_NAMESPACES_MAX`] are in force, and each namespace is read and compared once, where it is declared:
//! neither many names nor long namespaces make the check slow (attack case A05). Those of the stream header count only
//! when they are used: then they go along to the next stream, which has others.

use std::borrow::Cow;

use base::limits::{ELEMENT_NAMESPACES_MAX, NAMESPACE_BYTES_MAX};
use smallvec::SmallVec;

use crate::error::{FrameError, Limit};
use crate::ns;
use crate::scope::Scope;

/// What a prefix is bound to: equal for equal namespaces, whatever the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The prefix `xml`.
    Xml,
    /// A declaration around the element that is checked, by its place there.
    Outer(usize),
    /// A declaration in it, by its place in the list.
    Inner(usize),
}

pub(crate) struct Prefixes<'x> {
    outer: &'x Scope<'x>,
    inner: SmallVec<[Declared<'x>; 2]>,
    /// The most that `inner` has had.
    inner_most: usize,
    used: u32,
}

struct Declared<'x> {
    prefix: &'x [u8],
    namespace: Cow<'x, str>,
    bound: Bound,
}

impl<'x> Prefixes<'x> {
    pub(crate) fn new(outer: &'x Scope<'x>) -> Prefixes<'x> {
        Prefixes { outer, inner: SmallVec::new(), inner_most: 0, used: 0 }
    }

    /// How many are declared inside; to be given to [`Prefixes::leave`] at the end of the element.
    pub(crate) fn declared(&self) -> usize {
        self.inner.len()
    }

    pub(crate) fn leave(&mut self, declared: usize) {
        self.inner.truncate(declared);
    }

    /// Which of the outer prefixes were used, as bits.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// Declares a prefix, or with an empty one the default namespace, of which only the name is checked here. The
    /// namespace is compared as it is meant, not as it is written.
    pub(crate) fn declare(&mut self, prefix: &'x [u8], namespace: Cow<'x, str>) -> Result<(), FrameError> {
        if namespace.len() > NAMESPACE_BYTES_MAX {
            return Err(Limit::Namespace.into());
        }
        let reserved = matches!(&*namespace, ns::XML | ns::XMLNS);
        let allowed = match prefix {
            b"" => !reserved,
            b"xml" => namespace == ns::XML,
            b"xmlns" => false,
            _ => !reserved && !namespace.is_empty(),
        };
        if !allowed {
            return Err(FrameError::NotWellFormed);
        }
        if matches!(prefix, b"" | b"xml") {
            return Ok(());
        }
        let twin = self.inner.iter().find(|other| other.namespace == namespace).map(|other| other.bound);
        let outer = || self.outer.bindings().iter().position(|other| other.namespace == namespace).map(Bound::Outer);
        let bound = twin.or_else(outer).unwrap_or(Bound::Inner(self.inner.len()));
        self.inner.push(Declared { prefix, namespace, bound });
        self.inner_most = self.inner_most.max(self.inner.len());
        self.check_limit()
    }

    fn check_limit(&self) -> Result<(), FrameError> {
        if self.inner_most + self.used.count_ones() as usize > ELEMENT_NAMESPACES_MAX {
            return Err(Limit::Namespaces.into());
        }
        Ok(())
    }

    /// What a prefix is bound to.
    pub(crate) fn resolve(&mut self, prefix: &[u8]) -> Result<Bound, FrameError> {
        if prefix == b"xml" {
            return Ok(Bound::Xml);
        }
        if let Some(found) = self.inner.iter().rev().find(|declared| declared.prefix == prefix) {
            return Ok(found.bound);
        }
        let bindings = self.outer.bindings();
        let at = bindings.iter().rposition(|b| b.prefix.as_bytes() == prefix).ok_or(FrameError::NotWellFormed)?;
        self.used |= 1 << at;
        self.check_limit()?;
        // The first of those that say the same.
        let first = bindings.iter().position(|b| b.namespace == bindings[at].namespace);
        Ok(Bound::Outer(first.unwrap_or(at)))
    }

    /// The namespace that is bound.
    pub(crate) fn namespace(&self, bound: Bound) -> Cow<'x, str> {
        match bound {
            Bound::Xml => Cow::Borrowed(ns::XML),
            Bound::Outer(at) => Cow::Borrowed(&self.outer.bindings()[at].namespace),
            Bound::Inner(at) => self.inner[at].namespace.clone(),
        }
    }

    /// The namespace of names without a prefix, around the element.
    pub(crate) fn default(&self) -> Cow<'x, str> {
        Cow::Borrowed(&self.outer.default)
    }

    /// Runs `look` without counting what it resolves as used.
    pub(crate) fn unused<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let used = self.used;
        let seen = look(self);
        self.used = used;
        seen
    }
}
