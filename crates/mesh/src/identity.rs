//! docs/formats/statements.md: who proves to be whom, checked offline and from keys alone (design, section 3).
//!
//! A [`Statement`] is a signed, versioned, expiring fact. A [`Chain`] of them leads from a domain's genesis record over a
//! person to a device. A [`Directory`] holds the newest ones and remembers whose key it knew. An [`Introduction`] is what both
//! sides of a fresh link say to prove who is there.
//!
//! | module | what it names |
//! |---|---|
//! | [`key`] | secret keys, each for one role |
//! | [`stamp`] | sequences, validity, clocks that are wrong |
//! | [`fact`] | what a statement can say |
//! | [`statement`] | statements as bytes |
//! | [`chain`] | from a genesis record to a device |
//! | [`circle`] | how near somebody is
//! | [`household`] | chains to the accounts of a node that holds its domain's root key |
//! | [`directory`] | statements by scope, forks, revocations, pinned keys |
//! | [`introduction`] | the protocol `jirani/introduction/1` |

pub(crate) mod cbor;
pub mod chain;
pub mod circle;
pub mod directory;
pub mod fact;
pub mod household;
pub mod introduction;

pub mod key;
pub mod stamp;
pub mod statement;

pub use chain::{Chain, ChainError, Proven};
pub use directory::{Directory, KeyChange, Noted, Pin, Refusal};
pub use fact::{Fact, Hosting, Issuer, Kind, Location, Membership, Revocation, Sealing, Vouch};

pub use introduction::Introduction;
pub use key::{DeviceKey, IssuerKey, MaySign, PersonId, PersonKey, SealingKey};
pub use stamp::{Stamp, Untimely};
pub use statement::{Claim, SignError, Statement, StatementError};
