//! XEP-0092 software version: the program's name and version, and nothing about the machine.

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
    xml.open("query", ns::VERSION);
    xml.leaf("name", ns::VERSION, "Jirani").leaf("version", ns::VERSION, shard.config.version);
    Verdict::Result(xml.finish())
}
