//! XEP-0054 vcard-temp: a person's card, kept for them and shown to everybody who asks for it.
//!
//! The hash of its picture in presence (XEP-0153) is the client's to compute: presence passes as it is.

use base::ledger::{Query, RecordKind, Rows};
use base::limits::VCARD_BYTES_MAX;
use wire::Element;

use super::{Ask, Place, Verdict};
use crate::error::{Condition, StanzaError};
use crate::shard::Shard;

/// A get of anybody's, a set of one's own.
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    if !ask.set {
        let Some(account) = shard.account_id(ask.address) else { return none(ask) };
        return Verdict::Read(Query::Records { account, kind: RecordKind::VCard }, Box::new(show));
    }
    if ask.place != Place::Own {
        return Verdict::Error(Condition::Forbidden.into());
    }
    let card = ask.payload.raw();
    if card.len() > VCARD_BYTES_MAX {
        return Verdict::Error(StanzaError::new(Condition::PolicyViolation, "The card is too large."));
    }
    let ticket = shard.put_record(ask.address, RecordKind::VCard, "", Some(card.into_owned()));
    Verdict::ResultAfter(Vec::new(), ticket)
}

fn show(_: &mut Shard, ask: &Ask<'_>, rows: Rows) -> Verdict {
    let Rows::Records(records) = rows else { return none(ask) };
    match records.into_iter().next().and_then(|record| record.value) {
        // What a disk made of it might be no XML any more.
        Some(card) if Element::parse(&card).is_ok() => Verdict::Result(card),
        _ => none(ask),
    }
}

/// Who asks for another's card is not told whether there is a person without one, or no person.
fn none(ask: &Ask<'_>) -> Verdict {
    Verdict::Error(match ask.place {
        Place::Own => Condition::ItemNotFound.into(),
        Place::Person | Place::Server => Condition::ServiceUnavailable.into(),
    })
}
