//! Orders of the person who runs the node.

use std::sync::Arc;

use base::ledger::{Query, Rows, StoreError, Write};
use base::{Bare, Ticket};

use super::{After, Leaver, Output, Purpose, ROSTER_KINDS, Shard};
use crate::admin::{Answer, Choice, Command};
use crate::contacts::Roster;
use crate::desk;
use crate::desk::registration::Gone;
use crate::error::StreamError;
use crate::parking::Parked;

impl Shard {
    pub(super) fn handle_command(&mut self, id: u64, command: Command) {
        match &command {
            Command::CreateAccount { address, credentials } => {
                let ticket = self.write(Write::CreateAccount {
                    address: address.clone(),
                    credentials: credentials.clone(),
                    created: self.now.wall,
                });
                self.after(ticket, After::Reply(id, command));
            }
            Command::SetPassword { account, credentials, .. } => {
                let ticket = self.write(Write::SetCredentials { account: *account, credentials: credentials.clone() });
                self.after(ticket, After::Reply(id, command));
            }
            Command::RemoveAccount { address, account } => {
                let (address, account, kinds) = (address.clone(), *account, ROSTER_KINDS.iter());
                self.read_leaver(Box::new(Leaver {
                    command: id,
                    address,
                    account,
                    contacts: Roster::default(),
                    kinds,
                }));
            }
            Command::Choose { address, choice } => match self.accounts.get(address) {
                Some(account) if account.row.is_some() && !account.is_loading() => {
                    self.choose(id, address, *choice);
                }
                _ => self.park(address, Parked::Choice { command: id, choice: *choice }),
            },
            Command::Accounts => {
                self.read(Query::Accounts, Purpose::Accounts(id));
            }
            Command::Report => {
                let answer = Answer::Report(self.report());
                self.push(Output::Reply { id, answer });
            }
            Command::ShutDown => {
                let mut sessions: Vec<_> = self.sessions.keys().copied().collect();
                sessions.sort();
                for session in sessions {
                    self.end_stream(session, StreamError::SystemShutdown);
                }
                self.tell_of_departed();
                self.write_confirmed();
                let last = Ticket(self.next_ticket - 1);
                self.after(last, After::Reply(id, command));
            }
        }
    }

    /// Something is chosen for an account that is ready.
    pub(super) fn choose(&mut self, id: u64, address: &Bare, choice: Choice) {
        let ticket = match choice {
            Choice::Audience(audience) => desk::audience::choose(self, address, audience),
            Choice::Bonjour(on) => desk::bonjour::switch(self, address, on),
        };
        self.after(ticket, After::Reply(id, Command::Choose { address: address.clone(), choice }));
    }

    /// Reads the next of what an account knows of others; when all is there, removes it.
    fn read_leaver(&mut self, mut leaver: Box<Leaver>) {
        if let Some(kind) = leaver.kinds.next() {
            let query = Query::Records { account: leaver.account, kind: *kind };
            self.read(query, Purpose::Leaver(leaver));
            return;
        }
        let Leaver { command, address, account, contacts, .. } = *leaver;
        let why = StreamError::PolicyViolation("The account was removed.");
        let gone = Gone { address, contacts: Arc::new(contacts), why, reply: Some(command) };
        let ticket = self.write(Write::RemoveAccount { account });
        self.after(ticket, After::Removed(Box::new(gone)));
    }

    pub(super) fn handle_leaver(&mut self, mut leaver: Box<Leaver>, rows: Result<Rows, StoreError>) {
        match rows {
            Ok(Rows::Records(records)) => {
                leaver.contacts.add(records);
                self.read_leaver(leaver);
            }
            Ok(_) => self
                .conclude_command(leaver.command, Err(StoreError::Failed("the store answered something else".into()))),
            Err(error) => self.conclude_command(leaver.command, Err(error)),
        }
    }

    pub(super) fn finish_command(&mut self, id: u64, command: Command, result: Result<(), StoreError>) {
        if result.is_ok() {
            match command {
                Command::Choose { address, choice: Choice::Bonjour(_) } => {
                    let answer = Answer::Bonjour(desk::bonjour::standing(self, &address));
                    return self.push(Output::Reply { id, answer });
                }
                Command::SetPassword { address, .. } => desk::registration::password_changed(self, &address, None),
                Command::CreateAccount { address, .. } => self.forget_account(&address),
                // Its own end follows its batch.
                Command::RemoveAccount { .. } => {}
                Command::Choose { .. } | Command::Accounts | Command::Report | Command::ShutDown => {}
            }
        }
        self.conclude_command(id, result);
    }

    pub(super) fn conclude_command(&mut self, id: u64, result: Result<(), StoreError>) {
        let answer = match result {
            Ok(()) => Answer::Done,
            Err(error) => Answer::Failed(error),
        };
        self.push(Output::Reply { id, answer });
    }
}
