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
