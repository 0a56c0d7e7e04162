//! XEP-0012 last activity: how long the server has been up, and since when a person has been away, for those who may see
//! them.
//!
//! It is written when an account's last available session leaves. Who may not see a person is told the same as about a
//! person who does not exist (attack case D14).

use base::ledger::{Query, RecordKind, Rows};
use base::limits::LAST_STATUS_BYTES_MAX;
use base::{Bare, Wall};
use wire::{IqType, Kind, Stanza, Xml};

use super::{Ask, Place, Verdict, presence};
use crate::error::{Condition, StanzaError};
use crate::ns;
use crate::shard::Shard;

/// Answers a get.
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if ask.set {
        return Verdict::Error(Condition::NotAllowed.into());
    }
    match ask.place {
        Place::Server => return result((shard.now.mono - shard.started).as_secs(), ""),
        // Who asks for themselves is here.
        Place::Own => return result(0, ""),
        Place::Person => {}
    }
    match ask.asker().and_then(|asker| presence::is_subscribed(shard, ask.address, &asker)) {
        None => return Verdict::NeedsRoster,
        Some(false) => return Verdict::Error(Condition::Forbidden.into()),
        Some(true) => {}
    }
    if !shard.sessions_of(ask.address, |session| session.presence.is_some()).is_empty() {
        return result(0, "");
    }
    match shard.account_id(ask.address) {
        Some(account) => Verdict::Read(Query::Records { account, kind: RecordKind::LastSeen }, Box::new(recall)),
        None => Verdict::Error(Condition::Forbidden.into()),
    }
}

fn recall(shard: &mut Shard, _: &Ask<'_>, rows: Rows) -> Verdict {
    let Rows::Records(records) = rows else { return Verdict::Error(Condition::InternalServerError.into()) };
    match records.first().and_then(|record| parse(record.value.as_deref()?)) {
        Some((at, status)) => result((shard.now.wall.0 - at.0).max(0) as u64 / 1000, status),
        None => Verdict::Error(StanzaError::new(Condition::ItemNotFound, "They have never been here.")),
    }
}

fn result(seconds: u64, status: &str) -> Verdict {
    let mut xml = Xml::new();
    xml.open("query", ns::LAST_ACTIVITY).attr("seconds", seconds.to_string()).text(status);
    Verdict::Result(xml.finish())
}

/// Notes that a person has left, if none of their sessions is available any more. `said`: their last presence.
pub(crate) fn note(shard: &mut Shard, own: &Bare, said: &Stanza<'_>) {
    let here = !shard.sessions_of(own, |session| session.presence.is_some()).is_empty();
    if here || shard.account_id(own).is_none() {
        return;
    }
    let status = said.payload("status", ns::CLIENT);
    let status = status.as_ref().map(|status| status.text()).filter(|text| text.len() <= LAST_STATUS_BYTES_MAX);
    let value = format!("{} {}", shard.now.wall.0, status.unwrap_or_default());
    // Nobody waits for it: if it is not written, the time before it stays.
    shard.put_record(own, RecordKind::LastSeen, "", Some(value.into_bytes()));
}

fn parse(value: &[u8]) -> Option<(Wall, &str)> {
    let (at, status) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    Some((Wall(at.parse().ok()?), status))
}

/// Whether it is a request for last activity: to a resource, too, it is only for those who may see the person.
pub(crate) fn is_request(stanza: &Stanza<'_>) -> bool {
    stanza.head.kind == Kind::Iq(IqType::Get) && stanza.payload("query", ns::LAST_ACTIVITY).is_some()
}
