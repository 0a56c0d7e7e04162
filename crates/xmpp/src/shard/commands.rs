//! Orders of the person who runs the node.

use base::Ticket;
use base::ledger::{Query, StoreError, Write};

use super::{After, Output, Purpose, Shard};
use crate::admin::{Answer, Command};
use crate::desk;
use crate::error::StreamError;

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
            Command::RemoveAccount { account, .. } => {
                let ticket = self.write(Write::RemoveAccount { account: *account });
                self.after(ticket, After::Reply(id, command));
            }
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

    pub(super) fn finish_command(&mut self, id: u64, command: Command, result: Result<(), StoreError>) {
        let answer = match result {
            Ok(()) => Answer::Done,
            Err(error) => Answer::Failed(error),
        };
        if answer == Answer::Done {
            match command {
                Command::SetPassword { address, .. } => desk::registration::password_changed(self, &address, None),
                Command::RemoveAccount { address, .. } => {
                    let why = StreamError::PolicyViolation("The account was removed.");
                    desk::registration::removed(self, &address, why);
                }
                Command::CreateAccount { address, .. } => self.forget_account(&address),
                Command::Accounts | Command::Report | Command::ShutDown => {}
            }
        }
        self.push(Output::Reply { id, answer });
    }
}
