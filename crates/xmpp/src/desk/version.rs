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
    xml.open("query").attr("xmlns", ns::VERSION);
    xml.open("name").text("Jirani").close();
    xml.open("version").text(shard.config.version).close();
    xml.close();
    Verdict::Result(xml.finish())
}
