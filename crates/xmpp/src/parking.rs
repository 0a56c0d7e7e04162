//! RFC 6120 section 10.1: inputs that wait while the account they are for is read, and how much may wait in all accounts.

use base::ledger::PostRow;
use base::limits::{ACCOUNTS_READ_MAX, SHARD_PARKED_BYTES_MAX, SHARD_PARKED_INPUTS_MAX};
use base::{Audience, ConnId, DeviceId};
use wire::Stanza;

use crate::router::Way;
use crate::shard::Origin;
use crate::speech::Language;

/// What the daemon says, in a language that is not known yet.
pub(crate) type Words = Box<dyn Fn(Language) -> String>;

/// An input that waits for an account.
pub(crate) enum Parked {
    Bind {
        conn: ConnId,
        resource: Option<String>,
        id: String,
        language: Option<Language>,
    },
    Stanza {
        way: Way,
        origin: Origin,
        stanza: Box<Stanza<'static>>,
    },
    /// What a device in reach says, of this incarnation.
    Parcel {
        number: u64,
        incarnation: u64,
        bytes: Vec<u8>,
    },
    /// Another device of the account was met.
    Sibling {
        device: DeviceId,
    },
    /// Something that the account has said did not arrive in time.
    Expired(Box<PostRow>),
    /// The daemon says something to its person.
    Words(Words),
    /// A command chooses who may see it.
    Audience {
        command: u64,
        audience: Audience,
    },
}

impl Parked {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Parked::Bind { resource, id, .. } => resource.as_ref().map_or(0, String::len) + id.len(),
            Parked::Stanza { stanza, .. } => stanza.inner_len(),
            Parked::Parcel { bytes, .. } => bytes.len(),
            Parked::Sibling { .. } => size_of::<DeviceId>(),
            Parked::Expired(row) => row.stanza.len(),
            Parked::Audience { .. } | Parked::Words(_) => size_of::<Parked>(),
        }
    }
}

/// What waits in all accounts of a shard together.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    inputs: usize,
    bytes: usize,
    /// Accounts that the store has been asked for.
    reads: usize,
}

impl Parking {
    /// Whether an input may wait; `asks`: if its account must be read for it. A login always may: there are no more of
    /// them than connections, and no stranger's burst keeps a person out.
    pub(crate) fn admits(&self, input: &Parked, asks: bool) -> bool {
        match input {
            Parked::Bind { .. } => true,
            Parked::Stanza { .. }
            | Parked::Parcel { .. }
            | Parked::Sibling { .. }
            | Parked::Expired(_)
            | Parked::Words(_)
            | Parked::Audience { .. } => {
                self.inputs < SHARD_PARKED_INPUTS_MAX
                    && self.bytes + input.bytes() <= SHARD_PARKED_BYTES_MAX
                    && !(asks && self.reads >= ACCOUNTS_READ_MAX)
            }
        }
    }

    /// An input of so many bytes waits.
    pub(crate) fn entered(&mut self, bytes: usize) {
        self.inputs += 1;
        self.bytes += bytes;
    }

    /// It waits no more.
    pub(crate) fn left(&mut self, bytes: usize) {
        self.inputs -= 1;
        self.bytes -= bytes;
    }

    /// The store is asked for an account.
    pub(crate) fn asked(&mut self) {
        self.reads += 1;
    }

    /// It has answered.
    pub(crate) fn answered(&mut self) {
        self.reads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use base::SessionId;
    use wire::{Kind, MessageType};

    use super::*;

    fn stanza(bytes: usize) -> Parked {
        let stanza = Stanza::new(Kind::Message(MessageType::Chat)).with_inner(vec![b' '; bytes]);
        let origin = Origin { session: SessionId(1), number: None };
        Parked::Stanza { way: Way::In, origin, stanza: Box::new(stanza.into_owned()) }
    }

    #[track_caller]
    fn check(parking: &Parking, input: &Parked, asks: bool, expect: bool) {
        assert_eq!(parking.admits(input, asks), expect, "{parking:?}");
        let bind = Parked::Bind { conn: ConnId(1), resource: None, id: "b".into(), language: None };
        assert!(parking.admits(&bind, asks), "a login always may wait");
    }

    #[test]
    fn all_that_waits_is_limited() {
        for (waiting, expect) in [
            (SHARD_PARKED_INPUTS_MAX - 1, true),
            (SHARD_PARKED_INPUTS_MAX, false),
            (SHARD_PARKED_INPUTS_MAX + 1, false),
            (SHARD_PARKED_INPUTS_MAX * 10, false),
        ] {
            let mut parking = Parking::default();
            (0..waiting).for_each(|_| parking.entered(1));
            check(&parking, &stanza(0), true, expect);
            parking.left(1);
            check(&parking, &stanza(0), true, waiting <= SHARD_PARKED_INPUTS_MAX);
        }
        for (bytes, expect) in [
            (SHARD_PARKED_BYTES_MAX - 1, true),
            (SHARD_PARKED_BYTES_MAX, true),
            (SHARD_PARKED_BYTES_MAX + 1, false),
            (SHARD_PARKED_BYTES_MAX * 10, false),
        ] {
            let mut parking = Parking::default();
            parking.entered(bytes - 1000);
            check(&parking, &stanza(1000), true, expect);
        }
        for (reads, expect) in [
            (ACCOUNTS_READ_MAX - 1, true),
            (ACCOUNTS_READ_MAX, false),
            (ACCOUNTS_READ_MAX + 1, false),
            (ACCOUNTS_READ_MAX * 10, false),
        ] {
            let mut parking = Parking::default();
            (0..reads).for_each(|_| parking.asked());
            check(&parking, &stanza(1), true, expect);
            check(&parking, &stanza(1), false, true);
        }
    }
}
