//! Design, section 3: domain -> genesis -> (issuer) -> membership -> person -> hosting -> device, checked offline.

use base::limits::INTRODUCTION_FRAME_BYTES_MAX;
use base::{Bare, DeviceId, Wall};

use crate::genesis::{Genesis, GenesisHash};
use crate::keys::PublicKey;

use super::fact::{Fact, Kind};
use super::stamp::Untimely;
use super::statement::Statement;

/// What a chain proves. It comes from keys alone: no field of anybody's is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The address that the domain gave to the person.
    pub address: Bare,
    /// The domain.
    pub genesis: GenesisHash,
    /// The person.
    pub person: PublicKey,
    /// The device that speaks for the person.
    pub device: DeviceId,
}

/// A genesis record and statements that lead from it to a device, and whatever else these keys said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    genesis: Genesis,
    /// Issuer (if there is one), membership, hosting, then the others.
    statements: Vec<Statement>,
    /// How many of them are the chain itself: two, or three with an issuer.
    links: usize,
    proven: Proven,
    device: PublicKey,
}

/// Why statements are no chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The statements are not an issuer (or none), a membership and a hosting, in this order.
    #[error("a {0} is missing where it should stand")]
    Missing(Kind),
    /// A link is signed by another key than the one that the link before it names.
    #[error("the {0} is signed by a key that had no right to")]
    Signer(Kind),
    /// A link is about another domain.
    #[error("the {0} is about another domain")]
    Domain(Kind),
    /// What stands behind the chain is not said by one of its keys, or is a second way to the address.
    #[error("a {0} behind the chain does not belong there")]
    Stray(Kind),
    /// With the domain, the name is no address.
    #[error("the name is no address of its domain")]
    Address,
    /// All together is more than one frame takes.
    #[error("the statements have {found} bytes together, which is more than fits")]
    TooLong {
        /// Bytes of all statements.
        found: usize,
    },
}

/// Bytes of a chain's statements: they fit into one frame with the genesis record, the signature and their lengths.
const STATEMENTS_BYTES_MAX: usize = INTRODUCTION_FRAME_BYTES_MAX - 512;

impl Chain {
    /// Joins statements in this order: an issuer if the membership is not the root key's own, the membership, the hosting,
    /// then any others that these keys signed. Time is asked by [`Chain::check`].
    ///
    /// # Errors
    /// Which link does not hold.
    pub fn new(genesis: Genesis, statements: Vec<Statement>) -> Result<Chain, ChainError> {
        let found = statements.iter().map(|statement| statement.bytes().len()).sum();
        if found > STATEMENTS_BYTES_MAX {
            return Err(ChainError::TooLong { found });
        }
        let domain = genesis.hash();
        let mut rest = statements.iter().peekable();
        let mut authority = genesis.root();
        let mut keys = vec![*authority];
        if let Some((statement, Fact::Issuer(issuer))) = rest.peek().map(|s| (s, s.fact())) {
            by(statement, authority)?;
            of(statement, issuer.domain, domain)?;
            authority = &issuer.key;
            keys.push(issuer.key);
            rest.next();
        }
        let Some((statement, Fact::Membership(membership))) = rest.next().map(|s| (s, s.fact())) else {
            return Err(ChainError::Missing(Kind::MEMBERSHIP));
        };
        by(statement, authority)?;
        of(statement, membership.domain, domain)?;
        let Some((statement, Fact::Hosting(hosting))) = rest.next().map(|s| (s, s.fact())) else {
            return Err(ChainError::Missing(Kind::HOSTING));
        };
        by(statement, &membership.person)?;
        keys.extend([membership.person, hosting.device]);
        let others = rest.len();
        for other in rest {
            let kind = other.fact().kind();
            if !keys.contains(other.issuer()) || matches!(kind, Kind::ISSUER | Kind::MEMBERSHIP) {
                return Err(ChainError::Stray(kind));
            }
        }
        let address = Bare::new(&format!("{}@{}", membership.name, genesis.name())).map_err(|_| ChainError::Address)?;
        if address.jid().local() != Some(membership.name.as_str()) {
            return Err(ChainError::Address);
        }
        let (person, device) = (membership.person, hosting.device);
        let proven = Proven { address, genesis: domain, person, device: DeviceId(*device.as_bytes()) };
        Ok(Chain { genesis, links: statements.len() - others, statements, proven, device })
    }

    /// Whether every link holds at this moment.
    ///
    /// # Errors
    /// The first that does not, and on which side of its time we are.
    pub fn check(&self, now: Wall) -> Result<&Proven, (Kind, Untimely)> {
        for link in self.links() {
            link.stamp().check(now).map_err(|untimely| (link.fact().kind(), untimely))?;
        }
        Ok(&self.proven)
    }

    /// What it proves whenever it holds.
    pub fn proven(&self) -> &Proven {
        &self.proven
    }

    /// The key of the device, which proves on a link that it is there.
    pub fn device(&self) -> &PublicKey {
        &self.device
    }

    /// The domain's record.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Issuer (if there is one), membership, hosting, in this order.
    pub fn links(&self) -> &[Statement] {
        &self.statements[..self.links]
    }

    /// The membership.
    pub fn membership(&self) -> &Statement {
        &self.statements[self.links - 2]
    }

    /// All statements: the links, then what else was said by their keys.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

fn by(statement: &Statement, key: &PublicKey) -> Result<(), ChainError> {
    if statement.issuer() == key { Ok(()) } else { Err(ChainError::Signer(statement.fact().kind())) }
}

fn of(statement: &Statement, found: GenesisHash, domain: GenesisHash) -> Result<(), ChainError> {
    if found == domain { Ok(()) } else { Err(ChainError::Domain(statement.fact().kind())) }
}
