//! docs/formats/verification.md, `jirani/verification/1`: two people who are together make sure, by three words on both
//! screens, that nobody is between their laptops.
//!
//! One asks and promises a random number; the other is willing and says one; then the first is opened. The words follow from
//! both numbers, the link and the keys at its ends, so that whoever is between the two has one guess in 2^30. What comes of
//! it is a [`Vouch`](crate::identity::Vouch) by each.

mod attempt;
pub(crate) mod book;
pub(crate) mod line;
pub(crate) mod message;
#[cfg(test)]
mod tests;
mod tries;
pub mod words;

use std::fmt;
use std::time::Duration;

/// What a person does about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Wants to compare words with them; or has been asked, and is willing to.
    Begin,
    /// The same three words are on both screens.
    Agree,
    /// The words differ, or the person does not want to compare any.
    Refuse,
}

/// What a person is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The other one wants to compare words. Nothing happens until this person begins, too.
    Asked,
    /// The other one has to begin, too; they are told.
    Waiting,
    /// The words that stand on both screens, in this order.
    Compare {
        /// From a list of their own: none of them is in a name.
        words: [&'static str; WORDS],
        /// Whether this side asked first.
        begun_here: bool,
    },
    /// Both have said that the words are the same: this is who they say they are, with this key.
    Verified,
    /// It has come to nothing, and nothing has changed.
    Failed(Cause),
}

impl Event {
    /// One word, for logs: the words that are compared are nobody else's business.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Asked => "asked",
            Event::Waiting => "waiting",
            Event::Compare { .. } => "compare",
            Event::Verified => "verified",
            Event::Failed(_) => "failed",
        }
    }
}

/// How many words are compared.
pub const WORDS: usize = 3;

/// Why it has come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// They are not in reach.
    NotInReach,
    /// The two have tried too often.
    TooOften {
        /// When they may again.
        again_in: Duration,
    },
    /// The other one does not want to.
    Refused,
    /// This person does not want to, or saw other words.
    RefusedHere,
    /// The other one saw other words.
    Differed,
    /// Somebody did not answer in time.
    NoAnswer,
    /// They were in reach and are not any more.
    LeftReach,
    /// Another link has taken the place of the one that the words belonged to.
    LinkChanged,
    /// The other side has not kept to the rules: what it opened is not what it had committed itself to.
    Cheated,
    /// Somebody else is being compared with, here or there.
    Busy,
    /// There is nothing to say yes or no to.
    NothingToSay,
    /// This person is hidden from the other one, who could not know whom they compare words with.
    Hidden,
    /// The key by which this person would vouch is not on this computer, or it says no more.
    CannotVouch,
    /// This computer cannot keep any more of it.
    Full,
    /// It could not be written, and is forgotten with the next start.
    Unwritten,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::NotInReach => "they are not in reach",
            Cause::TooOften { again_in } => {
                let minutes = again_in.as_secs().div_ceil(60).max(1);
                return write!(f, "too many tries: try again in {minutes} min");
            }
            Cause::Refused => "they do not want to",
            Cause::RefusedHere => "you said no",
            Cause::Differed => "they saw other words: somebody may be between the two computers",
            Cause::NoAnswer => "nobody answered in time",
            Cause::LeftReach => "they left reach",
            Cause::LinkChanged => "the connection between you changed: both begin again",
            Cause::Cheated => "the other computer broke the rules: somebody may be between the two",
            Cause::Busy => "one of you is comparing words with somebody else; try again in two minutes",
            Cause::NothingToSay => "there are no words to say yes or no to",
            Cause::Hidden => "you are hidden from them: let people on this network see you first",
            Cause::CannotVouch => "this computer has no key with which you could vouch for them",
            Cause::Unwritten => "it could not be written on this computer: see `jirani status`, and try again",
            Cause::Full => "this computer remembers as many verified people as it can",
        })
    }
}
