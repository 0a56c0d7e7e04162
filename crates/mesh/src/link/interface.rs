//! Design, section 6: what the layer of links is told and what it tells: the same for every transport and for the simulator.

use std::net::SocketAddr;

use base::LinkId;

use super::code::{CloseCode, Refusal};
use super::protocol::ProtocolId;

/// What the layer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Makes a link to whoever is at one of these addresses: the first is tried at once, each next one a little later.
    /// It ends in exactly one [`Event::Up`] or [`Event::DialFailed`] with the same number.
    Dial {
        /// Chosen by whoever dials.
        attempt: u64,
        /// All of one peer, the best one first.
        addresses: Vec<SocketAddr>,
    },
    /// Sends a frame behind all those before it of the same link and protocol. It is lost if the link goes. If more
    /// waits than may wait, the link is closed with [`CloseCode::Behind`].
    Send {
        /// Over which link; nothing happens if it is not there any more.
        link: LinkId,
        /// One that this side speaks.
        protocol: ProtocolId,
        /// At most [`base::limits::LINK_FRAME_BYTES_MAX`] bytes; a longer one closes the link.
        frame: Vec<u8>,
    },
    /// Closes a link at once; what has not left is lost. [`Event::Down`] follows.
    Close {
        /// Nothing happens if it is not there any more.
        link: LinkId,
        /// What the peer is told.
        code: CloseCode,
    },
    /// Somebody suspects that the peer is gone: it is asked now instead of when the link has been silent for long.
    Doubt {
        /// Nothing happens if it is not there any more.
        link: LinkId,
    },
}

/// What the layer tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A link is there, and nobody has proved more than that they hold `remote_key`.
    Up {
        /// Its number; used once.
        link: LinkId,
        /// The dial that made it, if this side dialled.
        attempt: Option<u64>,
        /// What only the two ends know of this very connection (RFC 8446 section 7.5): equal on both sides.
        exporter: [u8; 32],
        /// Our transport key; it says nothing of who we are.
        local_key: [u8; 32],
        /// The peer's.
        remote_key: [u8; 32],
        /// Whether this side dialled.
        dialled: bool,
        /// Where the peer is now.
        remote: SocketAddr,
    },
    /// The next frame of a link and protocol.
    Frame {
        /// Where it came from.
        link: LinkId,
        /// What is spoken.
        protocol: ProtocolId,
        /// At most [`base::limits::LINK_FRAME_BYTES_MAX`] bytes.
        frame: Vec<u8>,
    },
    /// The peer does not read what is sent in this protocol; the link lives on. Told once for each link and protocol.
    Refused {
        /// Whose peer.
        link: LinkId,
        /// What it does not take.
        protocol: ProtocolId,
        /// Why.
        refusal: Refusal,
    },
    /// A link is gone. Told once for each [`Event::Up`]; nothing of that link follows.
    Down {
        /// Its number.
        link: LinkId,
        /// Why.
        cause: DownCause,
    },
    /// A dial made no link.
    DialFailed {
        /// Its number.
        attempt: u64,
        /// Why.
        cause: DialCause,
    },
}

/// Why a link is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownCause {
    /// The peer closed it.
    #[error("the other side closed the link: {0}")]
    ByPeer(CloseCode),
    /// This side closed it.
    #[error("the link was closed here: {0}")]
    ByUs(CloseCode),
    /// The peer has not answered for too long.
    #[error("the other side does not answer any more")]
    Silent,
    /// The peer is there and has forgotten the link: its daemon was started anew.
    #[error("the other side knows nothing of the link any more")]
    Forgotten,
    /// The address that the peer reached us at is not ours any more.
    #[error("this computer has lost the address that the link came to")]
    AddressLost,
    /// One side broke the transport's rules.
    #[error("the link broke: {0}")]
    Broken(String),
}

/// Why a dial made no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialCause {
    /// No addresses, or none that can be reached from here.
    #[error("there is no address that can be dialled")]
    NoAddress,
    /// Nobody answered in time.
    #[error("nobody answered")]
    Silent,
    /// Somebody answered, and does not want a link.
    #[error("the other side refused the link: {0}")]
    Refused(CloseCode),
    /// There are too many links here.
    #[error("there are too many links here")]
    Full,
    /// The address is our own.
    #[error("it is this computer itself")]
    Ourselves,
    /// Somebody answered in another way than a node does.
    #[error("no neighbour's daemon answered: {0}")]
    Broken(String),
}

impl DialCause {
    /// Every name, so that the first of a kind is seen to come.
    pub const NAMES: [&str; 6] = ["no-address", "silent", "refused", "full", "ourselves", "broken"];

    /// One word, for counting.
    pub fn name(&self) -> &'static str {
        let [no_address, silent, refused, full, ourselves, broken] = DialCause::NAMES;
        match self {
            DialCause::NoAddress => no_address,
            DialCause::Silent => silent,
            DialCause::Refused(_) => refused,
            DialCause::Full => full,
            DialCause::Ourselves => ourselves,
            DialCause::Broken(_) => broken,
        }
    }
}

/// A door to the layer of links: whoever has it dials, speaks its protocols, and hears what comes of it.
pub trait Links {
    /// Tells the layer something. What comes of it is told by [`Links::poll`], never at once.
    fn command(&mut self, command: Command);

    /// What the layer tells next, in order; `None` when there is nothing now.
    fn poll(&mut self) -> Option<Event>;
}
