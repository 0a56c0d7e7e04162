//! The shard's side of the store: batches and their tickets, what follows a batch, reads and their answers.

use std::sync::Arc;
use std::time::Duration;

use base::ledger::{Batch, Query, Record, RecordKind, Rows, StoreError, Write};
use base::{Bare, SessionId, Ticket};

use super::{After, Due, Output, Purpose, Shard};
use crate::account::Account;
use crate::admin::Answer;
use crate::desk;
use crate::desk::blocking::Blocked;
use crate::desk::in_reach::Remembered;
use crate::desk::near::Near;
use crate::desk::own_contact::Choices;
use crate::desk::preferences::Preferences;
use crate::desk::private::Sizes;
use crate::error::{Condition, StanzaError};
use crate::questions::Question;
use crate::session::What;
use crate::tally;

/// When the store is asked again for what it could not read.
const READ_AGAIN: Duration = Duration::from_secs(60);

impl Shard {
    /// Adds a write to the batch of the input at hand.
    pub(crate) fn write(&mut self, write: Write) -> Ticket {
        self.batch.push(write);
        Ticket(self.next_ticket)
    }

    /// Writes a record of an account that has been read, or its tombstone; of a kind without versions.
    pub(crate) fn put_record(&mut self, address: &Bare, kind: RecordKind, key: &str, value: Option<Vec<u8>>) -> Ticket {
        let wall = self.now.wall;
        let account = self.accounts.get_mut(address).expect("only an account that has been read has records");
        let record = account.record(kind, key, value, wall);
        self.write(Write::PutRecord(record))
    }

    /// Writes a record in a batch of its own: nothing waits for it, and if it fails nothing else does.
    pub(crate) fn write_alone(&mut self, record: Record) {
        self.flush_batch();
        self.store(vec![Write::PutRecord(record)]);
    }

    /// The newest batch that there is something in: with it, all that memory says is durable.
    pub(crate) fn newest(&self) -> Ticket {
        Ticket(if self.batch.is_empty() { self.next_ticket - 1 } else { self.next_ticket })
    }

    /// Arranges what follows a batch that is not durable yet.
    pub(crate) fn after(&mut self, ticket: Ticket, then: After) {
        if ticket == Ticket(self.next_ticket) {
            self.after.push(then);
        } else if let Ok(at) = self.in_flight.binary_search_by_key(&ticket, |(t, _)| *t) {
            self.in_flight[at].1.push(then);
        } else {
            self.follow(&Ok(()), then);
        }
    }

    pub(super) fn flush_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.store(batch);
        self.flush_confirmed();
    }

    /// Confirmations go along with a write that is made anyway: a batch for each account, so that no failure takes others.
    pub(super) fn flush_confirmed(&mut self) {
        if self.confirmed.is_empty() && self.posted.is_empty() {
            return;
        }
        for (account, seqs) in std::mem::take(&mut self.confirmed) {
            self.after.push(After::Reconfirm(account, seqs.clone()));
            self.store(vec![Write::Delivered { account, seqs }]);
        }
        for (account, seqs) in std::mem::take(&mut self.posted) {
            self.after.push(After::Rearrive(account, seqs.clone()));
            self.store(vec![Write::Arrived { account, seqs }]);
        }
        self.due.remove(&(self.confirm_at, Due::Confirm));
    }

    /// Gives all confirmations to the store now, behind what the input at hand writes.
    pub(crate) fn write_confirmed(&mut self) {
        self.flush_batch();
        self.flush_confirmed();
    }

    pub(super) fn store(&mut self, batch: Batch) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.in_flight.push_back((ticket, std::mem::take(&mut self.after)));
        self.push(Output::Store { ticket, batch });
    }

    pub(super) fn handle_stored(&mut self, ticket: Ticket, result: Result<(), StoreError>) {
        let Some((first, then)) = self.in_flight.pop_front() else { return };
        assert_eq!(first, ticket, "the store answers in the order in which it was asked");
        self.settled = ticket;
        let mut then = then;
        if result.is_err() {
            for session in then.iter().filter_map(|a| if let After::Release(s) = a { Some(*s) } else { None }) {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.held.drop_failed(ticket);
                }
            }
            // Distrust ends sessions: what they are to hear comes first.
            then.sort_by_key(|then| matches!(then, After::Distrust(_)));
        }
        for then in then {
            self.follow(&result, then);
        }
    }

    pub(super) fn follow(&mut self, result: &Result<(), StoreError>, then: After) {
        match (then, result) {
            (After::Release(session), _) => self.release_held(session),
            (After::Settle(origin), _) => self.settle(origin),
            (After::Acknowledge(origin), _) => self.acknowledge(origin),
            (After::Bounce(session, reply), Err(error)) => {
                let error = StanzaError::from(error);
                tally::count(&mut self.tally.stanza_errors, error.condition.name());
                self.send(session, &reply.with_inner(error.to_xml()), What::Answer, None);
            }
            (After::Distrust(address), Err(_)) => self.distrust(&address),
            (After::Unfile(address, seq), Err(_)) => {
                if let Some(account) = self.accounts.get_mut(&address) {
                    account.unfile(seq);
                }
            }
            (After::NewPassword(address, but), Ok(())) => {
                desk::registration::password_changed(self, &address, Some(but));
            }
            (After::Removed(gone), result) => {
                if result.is_ok() {
                    desk::registration::removed(self, &gone);
                }
                if let Some(id) = gone.reply {
                    self.conclude_command(id, result.clone());
                }
            }
            (After::NewPassword(..), Err(_)) | (After::Bounce(..) | After::Distrust(_) | After::Unfile(..), Ok(())) => {
            }
            (After::Reconfirm(account, seqs), Ok(())) => {
                if let Some(arrived) = self.arrived.get_mut(&account) {
                    arrived.retain(|seq| !seqs.contains(seq));
                    if arrived.is_empty() {
                        self.arrived.remove(&account);
                    }
                }
            }
            // Its rows have gone with it.
            (After::Reconfirm(account, _), Err(StoreError::NoAccount)) => drop(self.arrived.remove(&account)),
            (After::Reconfirm(account, seqs), Err(_)) => self.write_off(account, &seqs),
            (After::Reply(id, command), result) => self.finish_command(id, command, result.clone()),
            (After::Say(own), result) => self.say_on(&own, result.is_err()),
            (After::Settings, Ok(())) => self.push(Output::Settings),
            // The account is read again, and its person hears of it.
            (After::Settings, Err(_)) => {}
            (After::Confirm(confirm), result) => self.confirm_heard(*confirm, result),
            (After::Unpost(own, rows), Err(_)) => self.count_posts(&own, -(rows as i64)),
            (After::Expired(own, account, seq), result) => {
                self.peers.expiring.remove(&(account, seq));
                if result.is_err() {
                    self.count_posts(&own, 1);
                }
            }
            (After::Unpost(..) | After::Rearrive(..), Ok(())) | (After::Rearrive(_, _), Err(StoreError::NoAccount)) => {
            }
            (After::Rearrive(account, seqs), Err(_)) => self.write_off_posts(account, &seqs),
        }
    }

    pub(super) fn release_held(&mut self, session: SessionId) {
        let settled = self.settled;
        while let Some(outgoing) = self.sessions.get_mut(&session).and_then(|s| s.held.pop(settled)) {
            self.release(session, outgoing.bytes, outgoing.what);
        }
        self.caught_up(session);
    }

    /// Asks the store.
    pub(crate) fn read(&mut self, query: Query, purpose: Purpose) -> Ticket {
        let ticket = Ticket(self.next_read);
        self.next_read += 1;
        self.reads.insert(ticket, purpose);
        let after = Some(self.newest()).filter(|t| *t > self.settled);
        self.push(Output::Read { ticket, query, after });
        ticket
    }

    /// Asks what a request of a client needs.
    pub(crate) fn read_for(&mut self, question: Box<Question>) {
        self.read(question.query.clone(), Purpose::Question(question));
    }

    /// Asks for the next page of waiting messages.
    pub(crate) fn read_backlog(&mut self, address: &Bare, query: Query) -> Ticket {
        self.read(query, Purpose::Backlog(address.clone()))
    }

    /// The account that a read was asked for, if memory still knows it as it was then.
    pub(super) fn awaiting(&mut self, address: &Bare, ticket: Ticket) -> Option<&mut Account> {
        let account = self.accounts.get_mut(address)?;
        account.take_answer(ticket).then_some(account)
    }

    pub(super) fn handle_rows(&mut self, ticket: Ticket, rows: Result<Rows, StoreError>) {
        let Some(purpose) = self.reads.remove(&ticket) else { return };
        match (purpose, rows) {
            (Purpose::Account(address), rows) => {
                self.parking.answered();
                let Some(account) = self.awaiting(&address, ticket) else { return };
                match rows {
                    Ok(Rows::Account(Some(opened))) => {
                        account.blocked = Blocked::from_records(&opened.records);
                        account.audience = desk::audience::from_records(&opened.records);
                        account.choices = Choices::from_records(&opened.records);
                        account.remembered = Remembered::from_records(&opened.records);
                        account.near = Near::from_records(&opened.records);
                        account.siblings = desk::post::siblings(&opened.records);
                        account.preferences = Preferences::from_records(&opened.records).map(Box::new);
                        account.row = Some(opened.row);
                        let needs_roster = account.preferences.as_ref().is_some_and(|p| p.need_roster());
                        if self.config.archive && needs_roster {
                            self.read_roster(&address);
                        }
                        self.resume_parked(&address);
                    }
                    Ok(_) => self.no_account(&address, &StanzaError::from(Condition::ServiceUnavailable)),
                    Err(error) => self.no_account(&address, &StanzaError::from(&error)),
                }
            }
            (Purpose::Roster(address), rows) => {
                let Some(account) = self.awaiting(&address, ticket) else { return };
                match rows {
                    Ok(Rows::Records(records)) => {
                        account.arriving.add(records);
                        if account.awaited.is_empty() {
                            account.roster = Some(Arc::new(std::mem::take(&mut account.arriving)));
                            self.resume_parked(&address);
                        }
                    }
                    Ok(_) => self.no_account(&address, &StanzaError::from(Condition::InternalServerError)),
                    Err(error) => self.no_account(&address, &StanzaError::from(&error)),
                }
            }
            (Purpose::Private(address), rows) => {
                let Some(account) = self.awaiting(&address, ticket) else { return };
                match rows {
                    Ok(Rows::Records(records)) => {
                        account.private = Some(Sizes::from_records(&records));
                        self.resume_parked(&address);
                    }
                    Ok(_) => self.no_account(&address, &StanzaError::from(Condition::InternalServerError)),
                    Err(error) => self.no_account(&address, &StanzaError::from(&error)),
                }
            }
            (Purpose::Received(address, device), rows) => {
                if self.awaiting(&address, ticket).is_none() {
                    return;
                }
                match rows {
                    Ok(Rows::Received(rows)) => {
                        self.received_answered(&address, device, rows);
                        self.resume_parked(&address);
                    }
                    Ok(_) => self.no_account(&address, &StanzaError::from(Condition::InternalServerError)),
                    Err(error) => self.no_account(&address, &StanzaError::from(&error)),
                }
            }
            (Purpose::Owners(device, number), Ok(Rows::Owners(owners))) => self.owners_answered(device, number, owners),
            (Purpose::Posts(own, device), Ok(Rows::Posts(rows))) => {
                self.posts_answered(own, device, ticket, Some(rows));
            }
            (Purpose::Posts(own, device), _) => self.posts_answered(own, device, ticket, None),
            (Purpose::Expired, Ok(rows)) => self.expired_answered(rows),
            (Purpose::Knowing(other), Ok(Rows::Owners(owners))) => {
                owners.into_iter().for_each(|(_, account)| desk::notices::tell_of_key(self, &account, &other));
            }
            // Whoever comes in reach again is looked for again.
            (Purpose::Expired, _) => self.expire_at(self.now.mono + READ_AGAIN),
            (Purpose::Owners(..) | Purpose::Knowing(_), _) => {}
            (Purpose::Backlog(address), rows) => desk::offline::answered(self, &address, ticket, rows),
            (Purpose::Question(question), rows) => self.handle_answered(question, rows),
            (Purpose::Leaver(leaver), rows) => self.handle_leaver(leaver, rows),
            (Purpose::Accounts(id), rows) => {
                let answer = match rows {
                    Ok(Rows::Accounts(rows)) => Answer::Accounts(rows.into_iter().map(|r| r.address).collect()),
                    Ok(_) => Answer::Accounts(Vec::new()),
                    Err(error) => Answer::Failed(error),
                };
                self.push(Output::Reply { id, answer });
            }
        }
    }
}
