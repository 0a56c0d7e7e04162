//! Numbers that tell things apart. Each is a type of its own so that one cannot stand where another belongs.

/// An account of this node: the primary key of all its rows. Addresses may change, this does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// A node that wrote a record or archived a message first, as numbered in this node's own store. Zero is this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub i64);

impl NodeId {
    /// The node whose store it is.
    pub const SELF: NodeId = NodeId(0);
}

/// A connection that somebody opened to us, unique for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// A person's session: one resource. It outlives a connection that breaks (XEP-0198). Unique for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A request to the store on its way; what comes back carries the same ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// An authenticated, encrypted connection to another node, unique for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// One account on one node: the bytes of its device key, an Ed25519 public key. Whoever holds one of these has it from a
/// proof, never from a field.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub [u8; 32]);

impl std::fmt::Debug for DeviceId {
    /// Its first bytes: enough to tell devices apart in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "DeviceId({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}
