//! What a [`Gateway`](super::Gateway) is told, and what it wants done.

use std::net::{IpAddr, SocketAddr};

use wire::Stanza;

/// A TCP connection, by who began it. Unique for the life of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// Somebody called; the driver numbers these.
    In(u64),
    /// We called; the gateway numbers these.
    Out(u64),
}

/// An address of this machine on one of its networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// The number of the interface.
    pub network: u32,
    /// The address.
    pub ip: IpAddr,
    /// How many leading bits all on the link have in common.
    pub bits: u8,
}

impl Own {
    /// Whether an address is of the same link.
    pub fn reaches(&self, other: IpAddr) -> bool {
        let (own, other, width) = match (self.ip, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u128::from(own.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let rest = width - u32::from(self.bits).min(width);
        (own ^ other).checked_shr(rest).unwrap_or(0) == 0
    }
}

/// An instance that was resolved on one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The number of the interface.
    pub network: u32,
    /// The instance's own part of the service's name.
    pub instance: String,
    /// Where it listens; link-local ones with their scope.
    pub addresses: Vec<SocketAddr>,
    /// The TXT record.
    pub txt: Vec<(String, Vec<u8>)>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other side has said that it says no more.
    Closed,
    /// It could not be made, was broken, or did not take what was written.
    Failed,
}

/// What happens.
#[derive(Debug)]
pub enum Input<'a> {
    /// Connections are accepted at this port, on all addresses.
    Listening {
        /// The TCP port.
        port: u16,
    },
    /// The addresses of this machine, all of them.
    Addresses(Vec<Own>),
    /// An instance is there, or is different. Our own are heard, too.
    Seen(Sighting),
    /// An instance has said goodbye, or its records have expired.
    Gone {
        /// The number of the interface.
        network: u32,
        /// The instance.
        instance: &'a str,
    },
    /// Nothing that was heard on this network counts any more.
    Left {
        /// The number of the interface.
        network: u32,
    },
    /// Somebody called.
    Accepted {
        /// The connection.
        stream: StreamId,
        /// From where; link-local with its scope.
        remote: SocketAddr,
    },
    /// A connection of ours is made.
    Connected {
        /// Which.
        stream: StreamId,
    },
    /// Something came.
    Bytes {
        /// On which connection.
        stream: StreamId,
        /// However split.
        bytes: &'a [u8],
    },
    /// A connection is over, and known no more.
    Ended {
        /// Which.
        stream: StreamId,
        /// How.
        how: End,
    },
    /// One of our people says something: presence to the gateway's own address (available: they are announced from now on,
    /// as that says; unavailable: no more; a probe: who is there?), or words or a probe to somebody on the link.
    Stanza(Stanza<'a>),
    /// [`Gateway::wake_at`](super::Gateway::wake_at) has come.
    Timer,
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Accept connections, and say [`Input::Listening`]; look for instances, and say what is there. Or no more of both.
    Open(bool),
    /// Announce an instance on all networks, or what is different of it.
    Announce {
        /// The instance's own part of the service's name.
        instance: String,
        /// The TXT record, in this order.
        txt: Vec<(&'static str, String)>,
    },
    /// Say goodbye for an instance.
    Withdraw {
        /// Which.
        instance: String,
    },
    /// Ask on all networks who is there.
    Ask,
    /// Make a connection.
    Connect {
        /// Its id.
        stream: StreamId,
        /// From this address of ours: others know us by it.
        from: IpAddr,
        /// To there.
        to: SocketAddr,
    },
    /// Write to a connection.
    Write {
        /// Which.
        stream: StreamId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Close a connection when what was written has left, and say nothing of it any more.
    Close {
        /// Which.
        stream: StreamId,
    },
    /// For one of our people, from somebody on the link.
    Stanza(Stanza<'static>),
}
