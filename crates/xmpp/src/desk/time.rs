//! XEP-0202 entity time: the server's clock, in UTC. Where the machine stands is nobody's business.

use wire::Xml;

use super::{Ask, Verdict};
use crate::error::Condition;
use crate::ns;
use crate::shard::Shard;

/// Answers a get.
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if ask.set {
        return Verdict::Error(Condition::NotAllowed.into());
    }
    let mut xml = Xml::new();
    xml.open("time", ns::TIME);
    xml.leaf("tzo", ns::TIME, "+00:00").leaf("utc", ns::TIME, shard.now.wall.to_string());
    Verdict::Result(xml.finish())
}
