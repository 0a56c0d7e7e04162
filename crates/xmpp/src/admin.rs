//! What the person who runs a node can order of a shard.

use base::ledger::{Credential, StoreError};
use base::{AccountId, Audience, Bare};

use crate::report::Report;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Makes an account; fails if the address is taken (E5).
    CreateAccount {
        /// Its address.
        address: Bare,
        /// What its password became.
        credentials: Vec<Credential>,
    },
    /// Changes a password. All sessions of the account end.
    SetPassword {
        /// Its address.
        address: Bare,
        /// Its id.
        account: AccountId,
        /// What the new password became.
        credentials: Vec<Credential>,
    },
    /// Removes an account with all it has. All its sessions end when that is durable.
    RemoveAccount {
        /// Its address.
        address: Bare,
        /// Its id.
        account: AccountId,
    },
    /// Chooses something for an account; fails if there is none.
    Choose {
        /// Its address.
        address: Bare,
        /// What.
        choice: Choice,
    },
    /// Lists the accounts.
    Accounts,
    /// Says what the shard is doing.
    Report,
    /// Ends all sessions; the answer comes when all that they left behind is durable.
    ShutDown,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done, and durable.
    Done,
    /// It is not done.
    Failed(StoreError),
    /// Addresses.
    Accounts(Vec<Bare>),
    /// What the shard is doing.
    Report(Report),
    /// Whether an account is on the link, now that it is durable.
    Bonjour(Standing),
}

/// Whether an account is on the link for other programs (XEP-0174).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not want to be.
    Off,
    /// It is, while somebody is logged in.
    On,
    /// It would be, if it let everybody near see it.
    Unseen,
    /// It would be, if this node made links.
    NoLinks,
}

/// What a person chooses for their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Who may see it on links and reach it.
    Audience(Audience),
    /// Whether it is on the link for other programs, too (XEP-0174), and they for it.
    Bonjour(bool),
}
