//! The peer world, which knows no XMPP: names that are keys (what a domain is called without DNS, and how anyone checks
//! it offline), who proves to be whom, how laptops find each other, links, the post. Pure values.
//!
//! An owner makes a [`RootKey`], commits to the next one in a [`Draft`], searches a modifier ([`Search`]) and gets a
//! [`Genesis`]. Its [`GenesisHash`] is the domain for all code; its [`DomainName`] is the domain for people.
//!
//! | module | what it names |
//! |---|---|
//! | [`words`] | the frozen list of 4,096 words |
//! | [`spelling`] | what a mistyped word was meant to be |
//! | [`keys`] | root keys, public keys, signatures for one purpose |
//! | [`label`] | the part of a name that its owner chooses |
//! | [`genesis`] | the record from which a name follows |
//! | [`search`] | the work that makes a name dear to imitate |
//! | [`domain`] | names as text |
//! | [`phrase`] | a secret on paper |
//! | [`link`] | what is said between nodes, and whom to dial when |
//! | [`post`] | what one device owes another: kept, said again, taken once and in order |
//! | [`identity`] | who proves to be whom: statements, chains, the directory, the introduction on a link |
//! | [`node`] | all of these joined: one value for each process |
//! | [`verification`] | three words on two screens: nobody is between |
//! | [`finding`] | who may be on the networks around us, and at which addresses |

pub mod domain;
pub mod finding;
pub mod genesis;
mod hash;
pub mod identity;
pub mod keys;
pub mod label;
pub mod link;
pub mod node;
pub mod phrase;
pub mod post;
pub mod search;
pub mod spelling;
pub mod verification;
pub mod words;

pub use domain::{DomainName, DomainNameError};
pub use genesis::{Draft, Genesis, GenesisError, GenesisHash};
pub use keys::{BadSignature, Context, KeyCommitment, KeyError, PublicKey, RootKey, Signature};
pub use label::{Label, LabelError};
pub use phrase::PhraseError;
pub use search::Search;
