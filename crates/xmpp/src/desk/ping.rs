//! XEP-0199 pings; and RFC 3921 section 3, the session request that older clients send, which asks for as little.

use super::{Ask, Verdict};
use crate::shard::Shard;

/// An empty result.
pub(crate) fn handle(_: &mut Shard, _: &Ask<'_>) -> Verdict {
    Verdict::Result(Vec::new())
}
