//! RFC 7622 addresses: `local@domain/resource`, always kept in their one normal form.
//!
//! A [`Jid`] that exists is normalised; comparing two is comparing bytes. What is already normal (nearly all that clients
//! send) is borrowed, not copied.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use precis_profiles::precis_core::profile::PrecisFastInvocation;
use precis_profiles::{OpaqueString, UsernameCaseMapped};

use crate::limits::JID_PART_BYTES_MAX;

/// What stands before a domain in the addresses of people who have none: those on the same link whose programs know no
/// server (XEP-0174).
pub const NEARBY: &str = "nearby.";

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JidError {
    /// `@domain`.
    #[error("nothing stands before the @")]
    EmptyLocal,
    /// `local@` or nothing at all.
    #[error("it has no domain")]
    EmptyDomain,
    /// `domain/`.
    #[error("nothing stands after the /")]
    EmptyResource,
    /// A part is longer than 1,023 bytes (RFC 7622 section 3.1).
    #[error("a part of it is longer than 1,023 bytes")]
    TooLong,
    /// The part before the @ is no PRECIS UsernameCaseMapped string, or has one of `"&'/:<>@`.
    #[error("the part before the @ has a character that may not stand there")]
    Local,
    /// The domain is neither a name that IDNA2008 allows nor an IP address.
    #[error("the domain is no domain name and no IP address")]
    Domain,
    /// The resource is no PRECIS OpaqueString.
    #[error("the part after the / has a character that may not stand there")]
    Resource,
}

/// An address in its normal form, with or without a resource. Borrowed where it can be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid<'a> {
    text: Cow<'a, str>,
    /// Where the domain begins: behind the @, or zero.
    domain_at: u16,
    /// Where the domain ends: at the /, or at the end.
    bare_end: u16,
}

impl<'a> Jid<'a> {
    /// Reads and normalises an address.
    ///
    /// # Errors
    /// What part is wrong, and how (RFC 7622 section 3).
    pub fn new(text: &'a str) -> Result<Jid<'a>, JidError> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, bare),
        };
        let local = local.map(normal_local).transpose()?;
        let domain = normal_domain(domain)?;
        let resource = resource.map(normal_resource).transpose()?;
        let as_it_stands = matches!(local, None | Some(Cow::Borrowed(_)))
            && matches!(domain, Cow::Borrowed(d) if local.as_ref().map_or(0, |l| l.len() + 1) + d.len() == bare.len())
            && matches!(resource, None | Some(Cow::Borrowed(_)));
        if as_it_stands {
            let domain_at = local.map_or(0, |l| l.len() + 1) as u16;
            return Ok(Jid { text: Cow::Borrowed(text), domain_at, bare_end: bare.len() as u16 });
        }
        Ok(Jid::join(local.as_deref(), &domain, resource.as_deref()))
    }

    /// Puts normal parts together. At most 3 * 1,023 + 2 bytes, so `u16` holds every place in it.
    fn join(local: Option<&str>, domain: &str, resource: Option<&str>) -> Jid<'static> {
        let mut text = String::with_capacity(
            local.map_or(0, |l| l.len() + 1) + domain.len() + resource.map_or(0, |r| r.len() + 1),
        );
        if let Some(local) = local {
            text.push_str(local);
            text.push('@');
        }
        let domain_at = text.len() as u16;
        text.push_str(domain);
        let bare_end = text.len() as u16;
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(resource);
        }
        Jid { text: Cow::Owned(text), domain_at, bare_end }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the @.
    pub fn local(&self) -> Option<&str> {
        self.domain_at.checked_sub(1).map(|at| &self.text[..usize::from(at)])
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.domain_at)..usize::from(self.bare_end)]
    }

    /// The part behind the /.
    pub fn resource(&self) -> Option<&str> {
        self.text.get(usize::from(self.bare_end) + 1..)
    }

    /// The address without its resource, as text.
    pub fn bare(&self) -> &str {
        &self.text[..usize::from(self.bare_end)]
    }

    /// Whether there is no resource.
    pub fn is_bare(&self) -> bool {
        usize::from(self.bare_end) == self.text.len()
    }

    /// Whether it is a domain and nothing else.
    pub fn is_domain(&self) -> bool {
        self.domain_at == 0 && self.is_bare()
    }

    /// The same address without its resource.
    pub fn to_bare(&self) -> Jid<'_> {
        Jid { text: Cow::Borrowed(self.bare()), domain_at: self.domain_at, bare_end: self.bare_end }
    }

    /// The same address, borrowed from this one.
    pub fn borrow(&self) -> Jid<'_> {
        Jid { text: Cow::Borrowed(&self.text), domain_at: self.domain_at, bare_end: self.bare_end }
    }

    /// The same address, owning its text.
    pub fn into_owned(self) -> Jid<'static> {
        Jid { text: Cow::Owned(self.text.into_owned()), ..self }
    }

    /// The same bare address with this resource.
    ///
    /// # Errors
    /// If the resource is no PRECIS OpaqueString or too long.
    pub fn with_resource(&self, resource: &str) -> Result<Jid<'static>, JidError> {
        Ok(Jid::join(self.local(), self.domain(), Some(&normal_resource(resource)?)))
    }
}

impl fmt::Display for Jid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Jid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

/// A bare address as a key: cheap to copy, and found in a map by its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bare(Arc<str>);

impl Bare {
    /// Reads and normalises a bare address.
    ///
    /// # Errors
    /// As [`Jid::new`]; a resource is an error too.
    pub fn new(text: &str) -> Result<Bare, JidError> {
        let jid = Jid::new(text)?;
        if jid.is_bare() { Ok(Bare::of(&jid)) } else { Err(JidError::Resource) }
    }

    /// The bare address of an address.
    pub fn of(jid: &Jid<'_>) -> Bare {
        Bare(jid.bare().into())
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as a [`Jid`].
    pub fn jid(&self) -> Jid<'_> {
        let domain_at = self.0.find('@').map_or(0, |at| at + 1) as u16;
        Jid { text: Cow::Borrowed(&self.0), domain_at, bare_end: self.0.len() as u16 }
    }
}

impl Borrow<str> for Bare {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// RFC 7622 section 3.3: UsernameCaseMapped without `"&'/:<>@`.
fn normal_local(text: &str) -> Result<Cow<'_, str>, JidError> {
    let forbidden = |b: u8| matches!(b, b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@');
    if text.is_empty() {
        return Err(JidError::EmptyLocal);
    }
    if text.len() > JID_PART_BYTES_MAX {
        return Err(JidError::TooLong);
    }
    if text.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !forbidden(b)) {
        return Ok(Cow::Borrowed(text));
    }
    let mapped = UsernameCaseMapped::enforce(text).map_err(|_| JidError::Local)?;
    if mapped.bytes().any(forbidden) {
        return Err(JidError::Local);
    }
    if mapped.len() > JID_PART_BYTES_MAX {
        return Err(JidError::TooLong);
    }
    // PRECIS is not idempotent for every string (RFC 8264 section 7): one form only, or no address.
    match UsernameCaseMapped::enforce(mapped.as_ref()) {
        Ok(again) if again == mapped => Ok(mapped),
        _ => Err(JidError::Local),
    }
}

/// RFC 7622 section 3.2: a domain name in U-labels, or an IP address; one trailing dot is dropped.
fn normal_domain(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.len() > JID_PART_BYTES_MAX {
        return Err(JidError::TooLong);
    }
    if let Some(address) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| JidError::Domain)?;
        let normal = format!("[{address}]");
        return Ok(if normal == text { Cow::Borrowed(text) } else { Cow::Owned(normal) });
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() {
        return Err(JidError::EmptyDomain);
    }
    let plain = text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with("xn--")
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    if plain && text.len() <= 253 {
        return if ends_in_a_lone_number(text) { Err(JidError::Domain) } else { Ok(Cow::Borrowed(text)) };
    }
    let (unicode, checked) = idna::domain_to_unicode(text);
    checked.map_err(|_| JidError::Domain)?;
    // To A-labels and back: a name with two spellings (attack case B07) is none.
    let ascii = idna::domain_to_ascii_strict(&unicode).map_err(|_| JidError::Domain)?;
    let (again, checked) = idna::domain_to_unicode(&ascii);
    if checked.is_err() || again != unicode || unicode.is_empty() || unicode.contains(['/', '@', ':']) {
        return Err(JidError::Domain);
    }
    if ends_in_a_lone_number(&unicode) {
        return Err(JidError::Domain);
    }
    if unicode.len() > JID_PART_BYTES_MAX {
        return Err(JidError::TooLong);
    }
    Ok(Cow::Owned(unicode))
}

/// What ends in a number is an IPv4 address or nothing (as URLs have it): no third reading of 1.2.3.
fn ends_in_a_lone_number(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    last.bytes().all(|b| b.is_ascii_digit()) && domain.parse::<Ipv4Addr>().is_err()
}

/// RFC 7622 section 3.4: OpaqueString.
fn normal_resource(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.is_empty() {
        return Err(JidError::EmptyResource);
    }
    if text.len() > JID_PART_BYTES_MAX {
        return Err(JidError::TooLong);
    }
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Ok(Cow::Borrowed(text));
    }
    let mapped = OpaqueString::enforce(text).map_err(|_| JidError::Resource)?;
    if mapped.len() > JID_PART_BYTES_MAX {
        return Err(JidError::TooLong);
    }
    match OpaqueString::enforce(mapped.as_ref()) {
        Ok(again) if again == mapped => Ok(mapped),
        _ => Err(JidError::Resource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, JidError>) {
        assert_eq!(Jid::new(text).as_ref().map(Jid::as_str).map_err(|e| *e), expect, "{text:?}");
    }

    #[test]
    fn addresses_have_one_form() {
        for (text, normal) in [
            ("juliet@example.com", "juliet@example.com"),
            ("JULIET@Example.COM./Balcony", "juliet@example.com/Balcony"),
            ("example.com", "example.com"),
            ("example.com/foo/bar@baz", "example.com/foo/bar@baz"),
            ("juliet@example.com/foo bar", "juliet@example.com/foo bar"),
            ("fußball@example.com", "fußball@example.com"),
            ("π@example.com", "π@example.com"),
            ("Σ@example.com/\u{2163}", "σ@example.com/\u{2163}"),
            ("king@example.com/\u{265a}", "king@example.com/\u{265a}"),
            ("ｊｕｌｉｅｔ@example.com", "juliet@example.com"),
            ("a@BÜCHER.example", "a@bücher.example"),
            ("a@xn--bcher-kva.example", "a@bücher.example"),
            ("a@127.0.0.1", "a@127.0.0.1"),
            ("a@[0:0::1]/x", "a@[::1]/x"),
            ("foo\\20bar@example.com", "foo\\20bar@example.com"),
        ] {
            check(text, Ok(normal));
            check(normal, Ok(normal));
        }
    }

    /// Attack case C15.
    #[test]
    fn what_is_no_address() {
        use JidError::*;
        for (text, why) in [
            ("", EmptyDomain),
            ("@example.com", EmptyLocal),
            ("a@", EmptyDomain),
            ("a@/r", EmptyDomain),
            ("example.com/", EmptyResource),
            ("a@.", EmptyDomain),
            ("\"juliet\"@example.com", Local),
            ("foo bar@example.com", Local),
            ("a:b@example.com", Local),
            ("henry\u{2163}@example.com", Local),
            ("\u{265a}@example.com", Local),
            ("a@b@c", Domain),
            ("a@-b.example", Domain),
            ("a@b..c", Domain),
            ("a@b c", Domain),
            ("a@1.2.3", Domain),
            ("a@X.2.3", Domain),
            ("a@[::g]", Domain),
            ("a@xn--example-.org", Domain),
            ("a@b.example/\u{7}", Resource),
            ("a@b.example/\u{202e}x\u{0}", Resource),
        ] {
            check(text, Err(why));
        }
    }

    #[test]
    fn parts_are_at_most_1023_bytes() {
        let most = JID_PART_BYTES_MAX;
        for (len, ok) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
            let part = "a".repeat(len);
            for text in [format!("{part}@example.com"), format!("example.com/{part}")] {
                assert_eq!(Jid::new(&text).is_ok(), ok, "{len}");
            }
        }
        check(&format!("a@{}", "b".repeat(1024)), Err(JidError::TooLong));
        check(&format!("a@{}", "b".repeat(64)), Err(JidError::Domain));
    }

    #[test]
    fn parts_are_found() {
        let jid = Jid::new("a@b.c/d/e").unwrap();
        assert_eq!((jid.local(), jid.domain(), jid.resource()), (Some("a"), "b.c", Some("d/e")));
        assert_eq!((jid.bare(), jid.to_bare().as_str(), jid.is_bare()), ("a@b.c", "a@b.c", false));
        assert_eq!(jid.with_resource("x").unwrap().as_str(), "a@b.c/x");
        let domain = Jid::new("b.c").unwrap();
        assert_eq!((domain.local(), domain.resource(), domain.is_domain()), (None, None, true));
        assert_eq!(Bare::of(&jid).jid(), jid.to_bare());
    }

    #[test]
    fn what_is_normal_is_borrowed() {
        assert!(matches!(Jid::new("a@b.c/d").unwrap().text, Cow::Borrowed(_)));
        assert!(matches!(Jid::new("A@b.c/d").unwrap().text, Cow::Owned(_)));
    }
}
