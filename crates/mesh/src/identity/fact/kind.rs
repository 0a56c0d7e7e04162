//! docs/formats/statements.md: the numbers of the kinds of statements, and how long each may hold.

use std::fmt;
use std::time::Duration;

use base::limits::{HOSTING_TIME_MAX, LOCATION_TIME_MAX, MEMBERSHIP_TIME_MAX, SEALING_TIME_MAX};

/// What a statement is about. The numbers are signed and stored: never reuse one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u8);

/// The highest number of a kind that is kept and passed on without being understood. What must be understood to be
/// harmless gets a higher one, and is refused by who does not know it.
const KEPT_MAX: u8 = 63;

impl Kind {
    /// Who signs memberships for a domain.
    pub const ISSUER: Kind = Kind(1);
    /// A name belongs to a person.
    pub const MEMBERSHIP: Kind = Kind(2);
    /// A device speaks for a person.
    pub const HOSTING: Kind = Kind(3);
    /// To which key bundles are sealed.
    pub const SEALING: Kind = Kind(4);
    /// Where a device can be dialled.
    pub const LOCATION: Kind = Kind(5);
    /// A person knows a person.
    pub const VOUCH: Kind = Kind(6);
    /// Something holds no more.
    pub const REVOCATION: Kind = Kind(7);
    /// Reserved: a person has another address or key.
    pub const MOVED: Kind = Kind(8);
    /// Reserved: which node speaks for a community to the Internet.
    pub const HUB: Kind = Kind(9);
    /// Reserved: what a policy's number means.
    pub const POLICY: Kind = Kind(10);
    /// Reserved: an authority's time and the digest of all that lives.
    pub const CHECKPOINT: Kind = Kind(11);

    /// The kind with this number, if statements of it may be kept.
    pub fn new(number: u64) -> Option<Kind> {
        u8::try_from(number).ok().filter(|number| (1..=KEPT_MAX).contains(number)).map(Kind)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The longest time that a statement of this kind may hold. Only a revocation has none: it holds for ever.
    pub fn life_max(self) -> Option<Duration> {
        match self {
            Kind::HOSTING => Some(HOSTING_TIME_MAX),
            Kind::SEALING => Some(SEALING_TIME_MAX),
            Kind::LOCATION => Some(LOCATION_TIME_MAX),
            Kind::REVOCATION => None,
            _ => Some(MEMBERSHIP_TIME_MAX),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Kind::ISSUER => "issuer",
            Kind::MEMBERSHIP => "membership",
            Kind::HOSTING => "hosting",
            Kind::SEALING => "sealing",
            Kind::LOCATION => "location",
            Kind::VOUCH => "vouch",
            Kind::REVOCATION => "revocation",
            Kind(number) => return write!(f, "kind {number}"),
        };
        f.write_str(name)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({self})")
    }
}
