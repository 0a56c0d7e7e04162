//! XEP-0030 service discovery: the server and the accounts say what they are, from the list of desks.

use wire::{Element, IqType, Kind, Stanza, Xml};

use super::caps::{self, Identity};
use super::{Ask, DESKS, FEATURES, Place, Verdict, commands, presence};
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
    let of_server = |is_one: fn(&str) -> bool| ask.place == Place::Server && node.as_deref().is_some_and(is_one);
    let is_command = of_server(|node| node == ns::COMMANDS || commands::is_node(node));
    let known = node.is_none() || is_command || of_server(caps::is_server_node);
    match may_ask(shard, ask) {
        None => return Verdict::NeedsRoster,
        Some(false) => return Verdict::Error(Condition::ServiceUnavailable.into()),
        Some(true) => {}
    }
    if let Some(refusal) = refuse(ask, known) {
        return refusal;
    }
    let [category, kind, _, name] = identity(ask.place);
    let mut xml = Xml::new();
    xml.open("query", ns::DISCO_INFO).attr_if("node", node.as_ref());
    if let Some(node) = node.filter(|_| is_command) {
        commands::write_info(shard, ask, &node, &mut xml);
        return Verdict::Result(xml.finish());
    }
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

/// disco#items: there are none here but the server's commands.
pub(crate) fn items(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    match may_ask(shard, ask) {
        None => return Verdict::NeedsRoster,
        Some(false) if ask.set => return Verdict::Error(Condition::ServiceUnavailable.into()),
        Some(false) => return Verdict::Result(no_items(&ask.payload)),
        Some(true) => {}
    }
    let node = ask.payload.attr("node");
    let has_commands = ask.place == Place::Server && node.as_deref() == Some(ns::COMMANDS);
    // A command has no items, and is there.
    let is_command = ask.place == Place::Server && node.as_deref().is_some_and(commands::is_node);
    if let Some(refusal) = refuse(ask, node.is_none() || has_commands || is_command) {
        return refusal;
    }
    let mut xml = Xml::new();
    xml.open("query", ns::DISCO_ITEMS).attr_if("node", node);
    if has_commands {
        commands::write_items(shard, ask, &mut xml);
    }
    Verdict::Result(xml.finish())
}

/// What an account that does not exist says to a request for its items: nothing, but not an error (section 8). `None` if
/// it is another request.
pub(crate) fn items_of_nobody(stanza: &Stanza<'_>) -> Option<Vec<u8>> {
    let to_person = stanza.head.to.as_ref().is_some_and(|to| to.is_bare() && !to.is_domain());
    if stanza.head.kind != Kind::Iq(IqType::Get) || !to_person {
        return None;
    }
    stanza.payload("query", ns::DISCO_ITEMS).map(|query| no_items(&query))
}

fn no_items(query: &Element<'_>) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.open("query", ns::DISCO_ITEMS).attr_if("node", query.attr("node"));
    xml.finish()
}

/// Whether an account tells the asker what it is: only who may see the person (section 8). To the others it is as if
/// there were none. `None` if the person's contacts must be read first.
fn may_ask(shard: &Shard, ask: &Ask<'_>) -> Option<bool> {
    match ask.place {
        Place::Server | Place::Own => Some(true),
        Place::Person => ask.asker().map_or(Some(false), |asker| presence::may_see(shard, ask.address, &asker)),
    }
}

/// Only a get, of a node that is known.
fn refuse(ask: &Ask<'_>, node_known: bool) -> Option<Verdict> {
    if ask.set {
        return Some(Verdict::Error(Condition::NotAllowed.into()));
    }
    (!node_known).then(|| Verdict::Error(Condition::ItemNotFound.into()))
}
