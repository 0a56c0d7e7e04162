//! Attack case E06: who has to leave when strangers fill the directory. Always somebody of the domain that takes the most
//! room, so that a hundred thousand made-up people push out each other and nobody else.

use std::collections::{BTreeMap, BTreeSet};

use base::limits::DIRECTORY_STRANGERS_BYTES_MAX;
use base::{Bare, Wall};

use super::group::Group;

/// Room is made for many at once, so that a crowd does not make each newcomer cost a walk over all.
const ROOM_BYTES: usize = DIRECTORY_STRANGERS_BYTES_MAX / 8;

/// Strangers of one domain.
struct Crowd {
    /// Of the domain's own rows.
    domain: Option<Bare>,
    bytes: usize,
    /// Those seen longest ago stand last.
    people: Vec<(Wall, Bare, usize)>,
}

/// Whether strangers may have too much; asked before it is counted whose is whose.
pub(super) fn is_too_large(groups: &BTreeMap<Bare, Group>) -> bool {
    groups.values().map(Group::bytes).sum::<usize>() > DIRECTORY_STRANGERS_BYTES_MAX
}

/// The addresses to remove; `kept` are ours and those whose key is pinned, who stay with their domains.
pub(super) fn to_evict(groups: &BTreeMap<Bare, Group>, kept: &BTreeSet<&Bare>) -> Vec<Bare> {
    let kept_domains: BTreeSet<String> = kept.iter().map(|address| address.jid().domain().to_owned()).collect();
    let mut crowds: BTreeMap<String, Crowd> = BTreeMap::new();
    for (address, group) in groups {
        let jid = address.jid();
        let is_domain = jid.is_domain();
        if kept.contains(address) || is_domain && kept_domains.contains(jid.domain()) {
            continue;
        }
        let crowd =
            crowds.entry(jid.domain().to_owned()).or_insert(Crowd { domain: None, bytes: 0, people: Vec::new() });
        crowd.bytes += group.bytes();
        if is_domain {
            crowd.domain = Some(address.clone());
        } else {
            crowd.people.push((group.seen(), address.clone(), group.bytes()));
        }
    }
    let mut sum: usize = crowds.values().map(|crowd| crowd.bytes).sum();
    if sum <= DIRECTORY_STRANGERS_BYTES_MAX {
        return Vec::new();
    }
    let mut crowds: Vec<Crowd> = crowds.into_values().collect();
    crowds.iter_mut().for_each(|crowd| crowd.people.sort_by(|a, b| b.cmp(a)));
    let mut gone = Vec::new();
    while sum > DIRECTORY_STRANGERS_BYTES_MAX - ROOM_BYTES {
        let seen = |crowd: &Crowd| std::cmp::Reverse(crowd.people.last().map(|(seen, ..)| *seen));
        let Some(largest) = crowds.iter_mut().max_by_key(|crowd| (crowd.bytes, seen(crowd))) else { break };
        let before = largest.bytes;
        if let Some((_, address, bytes)) = largest.people.pop() {
            gone.push(address);
            largest.bytes -= bytes;
        }
        if largest.people.is_empty() {
            // Nobody needs the domain's own any more.
            gone.extend(largest.domain.take());
            largest.bytes = 0;
        }
        sum -= before - largest.bytes;
        crowds.retain(|crowd| crowd.bytes > 0);
    }
    gone
}
