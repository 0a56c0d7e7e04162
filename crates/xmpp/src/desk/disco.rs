//! XEP-0030 service discovery: the server and the accounts say what they are, from the list of desks.

use wire::Xml;

use super::caps::{self, Identity};
use super::{Ask, DESKS, FEATURES, Place, Verdict, presence};
use crate::error::Condition;
use crate::ns;
use crate::shard::Shard;

/// What the one who is asked is (section 3.1).
pub(crate) fn identity(place: Place) -> Identity {
    match place {
        Place::Server => ["server", "im", "", "Jirani"],
        Place::Own | Place::Person => ["account", "registered", "", ""],
    }
}

/// What the one who is asked can do, each feature once.
pub(crate) fn features(place: Place) -> Vec<&'static str> {
    let desks = DESKS.iter().filter(|desk| desk.feature && desk.places.contains(&place)).map(|desk| desk.namespace);
    let others = FEATURES.iter().filter(|(_, places)| places.contains(&place)).map(|(namespace, _)| *namespace);
    let mut features: Vec<_> = desks.chain(others).collect();
    features.sort_unstable();
    features.dedup();
    features
}

/// disco#info.
pub(crate) fn info(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    let node = ask.payload.attr("node");
    let known = node.as_ref().is_none_or(|node| ask.place == Place::Server && caps::is_server_node(node));
    if let Some(refusal) = refuse(shard, ask, known) {
        return refusal;
    }
    let [category, kind, _, name] = identity(ask.place);
    let mut xml = Xml::new();
    xml.open("query", ns::DISCO_INFO).attr_if("node", node);
    xml.open("identity", ns::DISCO_INFO).attr("category", category).attr("type", kind);
    xml.attr_if("name", Some(name).filter(|name| !name.is_empty())).close();
    // Without an archive there is nothing to be asked for, and no message has an id in it.
    let here =
        |feature: &&str| shard.config.archive || !(feature.starts_with(ns::ARCHIVE) || *feature == ns::STANZA_IDS);
    for feature in features(ask.place).into_iter().filter(here) {
        xml.open("feature", ns::DISCO_INFO).attr("var", feature).close();
    }
    Verdict::Result(xml.finish())
}

/// disco#items: there are none here.
pub(crate) fn items(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if let Some(refusal) = refuse(shard, ask, ask.payload.attr("node").is_none()) {
        return refusal;
    }
    Verdict::Result(Xml::new().open("query", ns::DISCO_ITEMS).finish())
}

/// Only a get, of a node that is known. A person's account answers those who may see the person (section 8); to the others
/// it is as if there were none.
fn refuse(shard: &Shard, ask: &Ask<'_>, node_known: bool) -> Option<Verdict> {
    if ask.place == Place::Person {
        match ask.asker().and_then(|asker| presence::may_see(shard, ask.address, &asker)) {
            None => return Some(Verdict::NeedsRoster),
            Some(false) => return Some(Verdict::Error(Condition::ServiceUnavailable.into())),
            Some(true) => {}
        }
    }
    if ask.set {
        return Some(Verdict::Error(Condition::NotAllowed.into()));
    }
    (!node_known).then(|| Verdict::Error(Condition::ItemNotFound.into()))
}
