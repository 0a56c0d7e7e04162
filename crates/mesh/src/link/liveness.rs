//! Design, section 8: a peer that is cut off is known to be gone within 30 s, and never one that is there.
//!
//! QUIC does it, and this value only says when. Its keep-alive (RFC 9000 section 10.1.2) asks nothing while something
//! is said; on an idle link it asks once in [`Liveness::ask_after`]; a question that is not answered is repeated
//! by the probe timeout (RFC 9002 section 6.2) after some 30 ms, and at twice the distance each time. Pings of our own on
//! top would be a second clock with its own mistakes, and cost more bytes. What QUIC cannot know is that somebody else
//! has a suspicion: [`super::Command::Doubt`] makes it ask at once.

use std::time::Duration;

use base::limits::{LINK_ASK_TIME, LINK_SILENCE_MAX};

/// When a link that says nothing is asked, and given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// The keep-alive: how long a link may say nothing before it is asked. Shorter than [`Liveness::gone_after`].
    pub ask_after: Duration,
    /// How much later the side that was dialled asks: of two that would ask at the same moment one is enough.
    pub dialled_waits: Duration,
    /// The idle timeout: how long an answer may take. It counts from the first thing that was said and not answered
    /// (RFC 9000 section 10.1).
    pub gone_after: Duration,
}

impl Liveness {
    /// What links have.
    pub const NORMAL: Liveness =
        Liveness { ask_after: LINK_ASK_TIME, dialled_waits: Duration::from_millis(500), gone_after: LINK_SILENCE_MAX };

    /// When the end of an idle link is noticed at the latest.
    pub fn noticed_when_idle(&self) -> Duration {
        self.ask_after + self.dialled_waits + self.gone_after
    }

    /// When it is noticed at the latest if something was to be said, or somebody was in doubt.
    pub fn noticed_when_asked(&self) -> Duration {
        self.gone_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_noticed_in_time() {
        assert!(Liveness::NORMAL.noticed_when_idle() <= Duration::from_secs(30) - Duration::from_secs(5));
        assert!(Liveness::NORMAL.noticed_when_asked() <= Duration::from_secs(10));
        let Liveness { ask_after, dialled_waits, gone_after } = Liveness::NORMAL;
        assert!(ask_after + dialled_waits < gone_after, "or QUIC gives up before it asks");
        assert_eq!((ask_after, gone_after), (LINK_ASK_TIME, LINK_SILENCE_MAX));
    }
}
