//! Plays: acceptance tests as text, "A sends ...; B receives ...", in the manner of Prosody's scansion.
//!
//! The format is `docs/plays.md`. A play is performed on a [`Stage`]: on the bench ([`OnBench`], with its clock and its
//! disk), or over TCP against any running server. The parser, the client and the judgement are the same.

mod library;
mod on_bench;
mod parse;
mod perform;

pub use library::PlayFile;
pub use on_bench::OnBench;
pub use parse::ParseError;
pub use perform::{Event, Failure, Stage};

use std::path::PathBuf;
use std::time::Duration;

use crate::pattern::Pattern;
use crate::reference::Reference;

/// A play.
#[derive(Clone, Debug)]
pub struct Play {
    /// The file it was read from, for what a failure says.
    pub file: PathBuf,
    /// Where its behaviour is prescribed.
    pub references: Vec<Reference>,
    /// What happens in it, in a sentence or two.
    pub words: String,
    /// Accounts that must be there, those of the clients included; sorted.
    pub accounts: Vec<String>,
    /// Who plays.
    pub roles: Vec<Role>,
    /// What happens.
    pub steps: Vec<Step>,
    /// Why a server other than ours may do otherwise, if it may.
    pub others: Option<String>,
}

/// One client of a play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// As the play calls it.
    pub name: String,
    /// The local part of its address; its name if nothing else is said.
    pub account: String,
    /// Its password.
    pub password: String,
    /// The resource it asks for.
    pub resource: Option<String>,
    /// Its first presence.
    pub presence: Option<String>,
    /// Whether it uses XEP-0198 by itself.
    pub managed: bool,
}

/// One line, with the block below it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line, from 1.
    pub line: usize,
    /// What happens.
    pub action: Action,
}

/// What happens. Numbers of clients are places in [`Play::roles`].
#[derive(Clone, Debug)]
pub enum Action {
    /// Logs in and begins a session.
    Connects(usize),
    /// Logs in and takes its session up again.
    Reconnects(usize),
    /// Opens a connection and says nothing by itself.
    Opens(usize),
    /// Logs in as far as the features.
    Authenticates(usize),
    /// Ends its stream.
    Disconnects(usize),
    /// Its connection breaks.
    Cuts(usize),
    /// Goes on or stops reading its socket.
    Reads(usize, bool),
    /// Answers or leaves unanswered when the server asks what it has had.
    Acknowledges(usize, bool),
    /// Says this, so often; `{n}` counts.
    Sends {
        /// Who.
        role: usize,
        /// What.
        text: String,
        /// How often.
        times: u32,
    },
    /// Hears these.
    Receives {
        /// Who.
        role: usize,
        /// What.
        patterns: Vec<Pattern>,
        /// Whether their order matters.
        ordered: bool,
        /// How often; `{n}` counts.
        times: u32,
    },
    /// Hears nothing.
    ReceivesNothing(usize),
    /// The server closes its connection.
    IsDisconnected(usize),
    /// Only where time is a number.
    TimePasses(Duration),
    /// The server is killed and starts again.
    NodeCrashes,
    /// The next batch is not written. Only where the disk is ours.
    StoreFails,
    /// The same, because there is no room.
    DiskIsFull,
}

impl Play {
    /// Why the play can only be performed on the bench, if so.
    pub fn needs_bench(&self) -> Option<&'static str> {
        self.steps.iter().find_map(|step| match step.action {
            Action::TimePasses(_) => Some("time passes in it"),
            Action::StoreFails | Action::DiskIsFull => Some("the disk fails in it"),
            Action::Reads(..) => Some("a client stops reading in it"),
            _ => None,
        })
    }

    /// Whether the server is killed in it.
    pub fn crashes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::NodeCrashes))
    }
}
