//! Design, sections 2 and 7 (D7): who may see and reach a person on a link without being their contact. The person chooses;
//! the circles are judged by the node, which knows the keys.

use std::collections::BTreeMap;

use base::ledger::{Record, RecordKind};
use base::{Audience, Bare, Circle, Jid, Ticket};

use super::{bonjour, in_reach, presence};
use crate::contacts::Registers;
use crate::shard::{After, Shard};

/// How near people are to accounts of this node, as far as it is not the farthest.
#[derive(Default)]
pub(crate) struct Circles(BTreeMap<Bare, BTreeMap<Bare, Circle>>);

impl Circles {
    /// The node has judged somebody, for one account.
    pub(crate) fn put(&mut self, own: &Bare, other: Bare, circle: Circle) {
        if circle != Circle::Red {
            self.0.entry(own.clone()).or_default().insert(other, circle);
        } else if let Some(known) = self.0.get_mut(own) {
            known.remove(&other);
            if known.is_empty() {
                self.0.remove(own);
            }
        }
    }

    /// How near somebody is. People of one domain are of one community: its root key says who they are.
    pub(crate) fn of(&self, own: &Bare, other: &Bare) -> Circle {
        if own.jid().domain() == other.jid().domain() {
            return Circle::Green;
        }
        self.0.get(own).and_then(|known| known.get(other)).copied().unwrap_or(Circle::Red)
    }
}

/// What an account has chosen, from its records.
pub(crate) fn from_records(records: &[Record]) -> Audience {
    let chosen = records.iter().find(|record| record.kind == RecordKind::Preference && record.key == Audience::KEY);
    let name = chosen.and_then(|record| record.value.as_deref()).and_then(|value| std::str::from_utf8(value).ok());
    name.and_then(Audience::named).unwrap_or_default()
}

/// A person chooses; their account has been read. The node shows them accordingly when it is durable.
pub(crate) fn choose(shard: &mut Shard, own: &Bare, audience: Audience) -> Ticket {
    let before = presence::admitted(shard, own);
    if let Some(account) = shard.accounts.get_mut(own) {
        account.audience = audience;
    }
    presence::admit_anew(shard, own, &before);
    bonjour::tell(shard, own);
    let value = Some(audience.name().as_bytes().to_vec());
    let ticket = shard.put_record(own, RecordKind::Preference, Audience::KEY, value);
    shard.after(ticket, After::Distrust(own.clone()));
    shard.after(ticket, After::Settings);
    in_reach::judge(shard, own);
    ticket
}

/// Whether somebody may see an account's presence: a contact who was allowed to, or somebody of its audience. `None` if its
/// contacts must be read first.
pub(crate) fn admits(shard: &Shard, own: &Bare, other: &Bare) -> Option<bool> {
    let roster = shard.accounts.get(own)?.roster.as_ref()?;
    Some(roster.registers(other).has(Registers::FROM) || has(shard, own, other))
}

/// Whether somebody on a link is in an account's audience.
pub(crate) fn has(shard: &Shard, own: &Bare, other: &Bare) -> bool {
    let is_on_link = |jid: &Jid<'_>| shard.is_elsewhere(jid) || shard.config.hosts.is_nearby(jid);
    let account = shard.accounts.get(own).filter(|_| is_on_link(&other.jid()));
    account.is_some_and(|account| account.audience.admits(shard.circles.of(own, other)))
}
