//! RFC 6120 section 4.7.2, design section 3: the domains of this node and, of a person with two laptops, the one account at
//! a domain whose root key is on the other.

use std::collections::BTreeSet;

use base::jid::NEARBY;
use base::{Bare, Jid};
use wire::Header;

/// Whom this node serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// The domain that a client means who says `localhost` or nothing.
    pub primary: String,
    /// The domains that are served as a whole, the primary one included.
    pub served: Vec<String>,
    /// Accounts of this node at domains whose root key is elsewhere: people who have two laptops. Of such a domain nobody
    /// else is here.
    pub guests: BTreeSet<Bare>,
    /// People of the served domains who live on other nodes only.
    pub away: BTreeSet<Bare>,
}

impl Hosts {
    /// Whether who is at this address, or would be, is here.
    pub fn serves(&self, jid: &Jid<'_>) -> bool {
        if self.served.iter().any(|domain| domain == jid.domain()) {
            return self.away.is_empty() || !self.away.contains(jid.bare());
        }
        match jid.local() {
            Some(_) => self.guests.contains(jid.bare()),
            None => self.has_domain(jid.domain()),
        }
    }

    /// Whether it is the address of somebody on the link whose program knows no server (XEP-0174).
    pub fn is_nearby(&self, jid: &Jid<'_>) -> bool {
        jid.domain().strip_prefix(NEARBY).is_some_and(|domain| self.has_domain(domain)) && !self.serves(jid)
    }

    /// Whether clients may log in at this domain.
    pub fn has_domain(&self, domain: &str) -> bool {
        self.served.iter().any(|served| served == domain) || self.of_guests().any(|known| known == domain)
    }

    /// The domains at which clients may log in, those that are served as a whole first.
    pub fn domains(&self) -> Vec<&str> {
        let mut domains: Vec<&str> = self.served.iter().map(String::as_str).collect();
        for domain in self.of_guests() {
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        domains
    }

    fn of_guests(&self) -> impl Iterator<Item = &str> {
        self.guests.iter().filter_map(|guest| guest.as_str().split_once('@')).map(|(_, domain)| domain)
    }

    /// The domain that a stream header's `to` means.
    pub(crate) fn meant_by(&self, header: &Header<'_>) -> Option<&str> {
        if header.to_text.is_none() {
            return Some(&self.primary);
        }
        let to = header.to.as_ref().filter(|to| to.is_domain())?;
        match to.domain() {
            // The address that a person types into a client that asks only for a server. The bind result tells the real one.
            "localhost" | "127.0.0.1" | "[::1]" => Some(&self.primary),
            domain => self.domains().into_iter().find(|known| *known == domain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_here_and_who_is_not() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| Bare::new(text).unwrap()).collect();
        let hosts = Hosts {
            primary: "here".into(),
            served: vec!["here".into(), "also.here".into()],
            guests: addresses(&["ana@there", "lisa@there", "tom@also.here"]),
            away: addresses(&["paulo@here"]),
        };
        for (jid, expect) in [
            ("here", true),
            ("also.here", true),
            ("there", true),
            ("elsewhere", false),
            ("anybody@here", true),
            ("anybody@here/r", true),
            ("paulo@here", false),
            ("paulo@here/r", false),
            ("paulo@also.here", true),
            ("lisa@there", true),
            ("lisa@there/r", true),
            ("paulo@there", false),
            ("lisa@elsewhere", false),
        ] {
            assert_eq!(hosts.serves(&Jid::new(jid).unwrap()), expect, "{jid}");
        }
        for (jid, expect) in [
            ("x@nearby.here", true),
            ("x@nearby.here/r", true),
            ("nearby.there", true),
            ("x@nearby.elsewhere", false),
            ("x@nearby.nearby.here", false),
            ("nearby", false),
            ("x@here", false),
        ] {
            assert_eq!(hosts.is_nearby(&Jid::new(jid).unwrap()), expect, "{jid}");
        }
        assert_eq!(hosts.domains(), ["here", "also.here", "there"]);
    }
}
