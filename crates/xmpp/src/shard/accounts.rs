//! Accounts that must be read first: what arrives for them waits, in order and capped.

use base::ledger::{Query, RecordKind, StoreError};
use base::{Bare, SessionId};
use smallvec::SmallVec;
use wire::{Kind, Stanza};

use super::{Fate, Origin, Output, Purpose, ROSTER_KINDS, Shard};
use crate::account::Account;
use crate::desk;
use crate::error::{Condition, StanzaError, StreamError};
use crate::parking::Parked;
use crate::router::Way;
use crate::session::Session;

impl Shard {
    /// Lets an input wait for its account, and asks for the account if nothing is on its way.
    pub(crate) fn park(&mut self, address: &Bare, input: Parked) {
        let asks = self.accounts.get(address).is_none_or(|a| a.row.is_none() && a.awaited.is_empty());
        let bytes = input.bytes();
        let refused = if self.parking.admits(&input, asks) {
            self.accounts.entry(address.clone()).or_insert_with(Account::unread).park(input).err()
        } else {
            Some(input)
        };
        if let Some(refused) = refused {
            return self.refuse_parked(refused, &StanzaError::from(Condition::ResourceConstraint));
        }
        self.parking.entered(bytes);
        if asks {
            self.parking.asked();
            self.read_of(address, Query::Account(address.clone()), Purpose::Account(address.clone()));
        }
    }

    /// Lets a stanza wait, in front of all that waits already, until its account's contacts are read.
    pub(crate) fn park_for_roster(&mut self, address: &Bare, way: Way, origin: Origin, stanza: Stanza<'_>) -> Fate {
        self.park_first(address, way, origin, stanza);
        self.read_roster(address);
        Fate::Parked
    }

    /// The same until it is known how much private XML the account keeps.
    pub(crate) fn park_for_private(&mut self, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
        self.park_first(address, Way::In, origin, stanza);
        if let Some(account) = self.account_id(address) {
            let query = Query::Records { account, kind: RecordKind::Private };
            self.read_of(address, query, Purpose::Private(address.clone()));
        }
        Fate::Parked
    }

    pub(super) fn park_first(&mut self, address: &Bare, way: Way, origin: Origin, stanza: Stanza<'_>) {
        self.park_input_first(address, Parked::Stanza { way, origin, stanza: Box::new(stanza.into_owned()) });
    }

    /// Lets an input wait in front of all that waits already.
    pub(super) fn park_input_first(&mut self, address: &Bare, input: Parked) {
        let account = self.accounts.get_mut(address).expect("only an account that is ready asks for more");
        self.parking.entered(input.bytes());
        account.park_first(input);
    }

    pub(super) fn read_roster(&mut self, address: &Bare) {
        let Some(account) = self.account_id(address) else { return };
        for kind in ROSTER_KINDS {
            self.read_of(address, Query::Records { account, kind }, Purpose::Roster(address.clone()));
        }
    }

    /// Asks for something of an account. What arrives for it meanwhile waits.
    pub(super) fn read_of(&mut self, address: &Bare, query: Query, purpose: Purpose) {
        let ticket = self.read(query, purpose);
        if let Some(account) = self.accounts.get_mut(address) {
            account.awaited.push(ticket);
        }
    }

    pub(super) fn resume_parked(&mut self, address: &Bare) {
        loop {
            let Some(account) = self.accounts.get_mut(address) else { return };
            if !account.awaited.is_empty() {
                return;
            }
            let Some(input) = account.unpark() else { return self.retire(address) };
            self.parking.left(input.bytes());
            match input {
                Parked::Bind { .. } => self.bind(address, input),
                Parked::Stanza { way, origin, stanza } => {
                    let fate = self.process(address, way, origin, *stanza);
                    self.meet(origin, fate);
                }
                Parked::Parcel { number, incarnation, bytes } => {
                    self.hear_lasting(address, number, incarnation, &bytes);
                }
                Parked::Sibling { device } => desk::post::note_sibling(self, address, device),
                Parked::Expired(row) => desk::post::expire(self, address, &row),
                Parked::Words(words) => desk::own_contact::say(self, address, &*words),
                Parked::Choice { command, choice } => self.choose(command, address, choice),
            }
        }
    }

    /// There is no such account, or it cannot be read: all that waits for it is refused.
    pub(super) fn no_account(&mut self, address: &Bare, error: &StanzaError) {
        let sessions = self.accounts.get(address).map(|a| a.sessions.clone()).unwrap_or_default();
        for session in sessions {
            self.end_stream(session, StreamError::ResourceConstraint("The account cannot be read now. Log in again."));
        }
        self.forget_inboxes(address);
        // What is still on its way was asked for an account that memory knows no more: nobody will await it.
        let Some(mut account) = self.accounts.remove(address) else { return };
        while let Some(input) = account.unpark() {
            self.parking.left(input.bytes());
            self.refuse_parked(input, error);
        }
    }

    pub(super) fn refuse_parked(&mut self, input: Parked, error: &StanzaError) {
        match input {
            Parked::Bind { conn, .. } => {
                let text = "The account cannot be opened now. Try again later.";
                self.end_with(conn, StreamError::ResourceConstraint(text));
                self.push(Output::Close { conn });
            }
            Parked::Stanza { origin, stanza, .. } => {
                match stanza.head.kind {
                    Kind::Presence(_) => desk::presence::refused(self, origin, &stanza, error),
                    _ if error.condition == Condition::ServiceUnavailable => self.answer_for_nobody(origin, &stanza),
                    _ => self.bounce(origin, &stanza, error),
                }
                // What its author's own account wrote because of it may not be durable yet.
                self.meet(origin, Fate::After(self.newest()));
            }
            // It is said again.
            Parked::Parcel { .. } => self.refuse_parcel(),
            Parked::Sibling { .. } | Parked::Words(_) => {}
            // It is found again.
            Parked::Expired(row) => drop(self.peers.expiring.remove(&(row.post.account, row.post.seq))),
            Parked::Choice { command, .. } => {
                let error = match error.condition {
                    Condition::ServiceUnavailable => StoreError::NoAccount,
                    _ => StoreError::Failed("the account cannot be read now".into()),
                };
                self.conclude_command(command, Err(error));
            }
        }
    }

    /// What memory says of an account's rows is wrong: its sessions end, and the next one reads it again.
    pub(super) fn distrust(&mut self, address: &Bare) {
        self.no_account(address, &StanzaError::from(Condition::InternalServerError));
    }

    /// An account has gone, or has come: what memory knows of its address is not so any more.
    pub(crate) fn forget_account(&mut self, address: &Bare) {
        self.forget_lanes(address);
        desk::in_reach::forget(self, address);
        desk::own_contact::forget(self, address);
        self.no_account(address, &StanzaError::from(Condition::ServiceUnavailable));
    }

    /// The sessions of an account for which the answer is true, in the order in which they were bound.
    pub(crate) fn sessions_of(&self, address: &Bare, which: impl Fn(&Session) -> bool) -> SmallVec<[SessionId; 4]> {
        let Some(account) = self.accounts.get(address) else { return SmallVec::new() };
        account.sessions.iter().copied().filter(|id| self.sessions.get(id).is_some_and(&which)).collect()
    }
}
