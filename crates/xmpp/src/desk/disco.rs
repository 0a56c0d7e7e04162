//! XEP-0030 service discovery: the server and the accounts say what they are, from the list of desks.

use wire::Xml;

use super::{Ask, DESKS, FEATURES, Place, Verdict};
use crate::error::Condition;
use crate::ns;
use crate::shard::Shard;

/// disco#info.
pub(crate) fn info(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if let Some(error) = refuse(ask) {
        return error;
    }
    let (category, kind) = match ask.place {
        Place::Server => ("server", "im"),
        Place::Own | Place::Person => ("account", "registered"),
    };
    let mut xml = Xml::new();
    xml.open("query", ns::DISCO_INFO);
    xml.open("identity", ns::DISCO_INFO).attr("category", category).attr("type", kind);
    if ask.place == Place::Server {
        xml.attr("name", "Jirani");
    }
    xml.close();
    let desks = DESKS.iter().filter(|d| d.feature && d.places.contains(&ask.place)).map(|d| d.namespace);
    let others = FEATURES.iter().filter(|(place, _)| *place == ask.place).map(|(_, feature)| *feature);
    // Without an archive there is nothing to be asked for, and no message has an id in it.
    let here =
        |feature: &&str| shard.config.archive || !(feature.starts_with(ns::ARCHIVE) || *feature == ns::STANZA_IDS);
    for feature in desks.chain(others).filter(here) {
        xml.open("feature", ns::DISCO_INFO).attr("var", feature).close();
    }
    Verdict::Result(xml.finish())
}

/// disco#items: there are none here.
pub(crate) fn items(_: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if let Some(error) = refuse(ask) {
        return error;
    }
    Verdict::Result(Xml::new().open("query", ns::DISCO_ITEMS).finish())
}

/// Only a get, of no node. Another person's account answers those who may see them (XEP-0030 section 8).
fn refuse(ask: &Ask<'_>) -> Option<Verdict> {
    if ask.set {
        return Some(Verdict::Error(Condition::NotAllowed.into()));
    }
    if ask.payload.attr("node").is_some() {
        return Some(Verdict::Error(Condition::ItemNotFound.into()));
    }
    (ask.place == Place::Person).then(|| Verdict::Error(Condition::ServiceUnavailable.into()))
}
