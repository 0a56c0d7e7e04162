//! What happened to an account, in words of the daemon ([`own_contact`](super::own_contact)).

use base::Bare;
use base::ledger::Query;

use super::own_contact;
use crate::shard::{Purpose, Shard};
use crate::speech::Text;

/// Attack case E07: somebody shows another key for an address. Whoever here knows the address is to hear of it.
pub(crate) fn key_changed(shard: &mut Shard, address: Bare) {
    shard.read(Query::Knowing(address.clone()), Purpose::Knowing(address));
}

/// Tells an account of it.
pub(crate) fn tell_of_key(shard: &mut Shard, account: &Bare, other: &Bare) {
    let other = other.to_string();
    own_contact::tell(shard, account, move |language| Text::KeyChanged(&other).in_language(language));
}
