//! Performs a play on a stage, and says what went wrong in it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Action, Play, Role};
use crate::client::{Client, Goal};
use crate::pattern::{Bindings, Pattern, fill_in};
use crate::xml::Tree;

/// Where a play is performed: clients by number, and the server that they talk to.
pub trait Stage {
    /// The server's domain.
    fn domain(&self) -> String;

    /// The client itself.
    fn client(&mut self, role: usize) -> &mut Client;

    /// Connects it, and comes back when it has reached the goal.
    ///
    /// # Errors
    /// If it did not.
    fn connect(&mut self, role: usize, goal: Goal) -> Result<(), String>;

    /// Sends what the client wants to say.
    ///
    /// # Errors
    /// If it cannot be sent.
    fn flush(&mut self, role: usize) -> Result<(), String>;

    /// Breaks its connection.
    fn cut(&mut self, role: usize);

    /// Waits until the client has heard something or its connection is gone; for a moment only if `briefly`.
    fn wait(&mut self, role: usize, briefly: bool);

    /// What only some stages can do.
    ///
    /// # Errors
    /// If this one cannot.
    fn happen(&mut self, event: &Event) -> Result<(), String>;
}

/// What happens to a stage as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server is killed and starts again.
    Crash,
    /// Time passes.
    Pass(Duration),
    /// The next batch is not written.
    StoreFails(base::ledger::StoreError),
    /// A client stops or goes on reading.
    Reads(usize, bool),
}

/// What went wrong, and where.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The play.
    pub file: PathBuf,
    /// The line, from 1; 0 if it was not while it went on.
    pub line: usize,
    /// In words.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.why)
    }
}

impl Play {
    /// Performs the play. The stage has its accounts, and its roles in their order, none of them connected.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub fn perform(&self, stage: &mut dyn Stage) -> Result<(), Failure> {
        let fail = |line, why| Failure { file: self.file.clone(), line, why };
        let mut bindings = Bindings::new();
        bindings.insert("domain".into(), stage.domain());
        for Role { name, account, .. } in &self.roles {
            bindings.insert(format!("{name}.bare"), format!("{account}@{}", stage.domain()));
        }
        for step in &self.steps {
            self.act(&step.action, stage, &mut bindings).map_err(|why| fail(step.line, why))?;
        }
        for (role, Role { name, .. }) in self.roles.iter().enumerate() {
            stage.wait(role, true);
            if let Some(tree) = stage.client(role).next_heard() {
                return Err(fail(0, format!("at the end {name} had also received\n{tree}")));
            }
        }
        Ok(())
    }

    fn act(&self, action: &Action, stage: &mut dyn Stage, bindings: &mut Bindings) -> Result<(), String> {
        match action {
            Action::Connects(role) => {
                stage.client(*role).forget_session();
                stage.connect(*role, Goal::Online)?;
                let jid = stage.client(*role).jid().unwrap_or_default().to_owned();
                bindings.insert(self.roles[*role].name.clone(), jid);
                Ok(())
            }
            Action::Reconnects(role) => {
                stage.connect(*role, Goal::Online)?;
                let resumed = stage.client(*role).is_resumed();
                if resumed { Ok(()) } else { Err("its session is gone".into()) }
            }
            Action::Opens(role) => stage.connect(*role, Goal::Open),
            Action::Authenticates(role) => stage.connect(*role, Goal::Authenticated),
            Action::Disconnects(role) => {
                stage.client(*role).close();
                stage.flush(*role)?;
                self.see_end(*role, stage)
            }
            Action::Cuts(role) => {
                stage.cut(*role);
                Ok(())
            }
            Action::Acknowledges(role, acknowledges) => {
                stage.client(*role).acknowledges = *acknowledges;
                Ok(())
            }
            Action::Sends { role, text, times } => {
                for n in 1..=*times {
                    bindings.insert("n".into(), n.to_string());
                    let text = fill_in(text, bindings)?;
                    stage.client(*role).send(&text);
                    stage.flush(*role)?;
                }
                Ok(())
            }
            Action::Receives { role, patterns, ordered, times } => {
                for n in 1..=*times {
                    bindings.insert("n".into(), n.to_string());
                    self.receive(*role, patterns, *ordered, stage, bindings)?;
                }
                Ok(())
            }
            Action::ReceivesNothing(role) => {
                stage.wait(*role, true);
                match stage.client(*role).next_heard() {
                    None => Ok(()),
                    Some(tree) => Err(format!("nothing was expected, and this came:\n{tree}")),
                }
            }
            Action::IsDisconnected(role) => self.see_end(*role, stage),
            Action::TimePasses(time) => stage.happen(&Event::Pass(*time)),
            Action::NodeCrashes => stage.happen(&Event::Crash),
            Action::StoreFails => {
                stage.happen(&Event::StoreFails(base::ledger::StoreError::Failed("the play says so".into())))
            }
            Action::DiskIsFull => stage.happen(&Event::StoreFails(base::ledger::StoreError::Full)),
            Action::Reads(role, reads) => stage.happen(&Event::Reads(*role, *reads)),
        }
    }

    fn receive(
        &self,
        role: usize,
        patterns: &[Pattern],
        ordered: bool,
        stage: &mut dyn Stage,
        bindings: &mut Bindings,
    ) -> Result<(), String> {
        let mut left: Vec<&Pattern> = patterns.iter().collect();
        while !left.is_empty() {
            stage.wait(role, false);
            let candidates = if ordered { &left[..1] } else { &left[..] };
            let Some(heard) = stage.client(role).next_heard() else {
                let fault = stage.client(role).fault().map_or(String::new(), |fault| format!(" ({fault})"));
                return Err(format!("nothing came{fault}; expected was\n{}", one_of(candidates)));
            };
            let mut why = String::new();
            let found = candidates.iter().position(|pattern| match pattern.matches(&heard, bindings) {
                Ok(()) => true,
                Err(other) => {
                    why = other;
                    false
                }
            });
            let Some(at) = found else {
                return Err(format!("{why}\nexpected was\n{}\nthis came:\n{heard}", one_of(candidates)));
            };
            left.remove(at);
        }
        Ok(())
    }

    fn see_end(&self, role: usize, stage: &mut dyn Stage) -> Result<(), String> {
        stage.wait(role, false);
        match stage.client(role).next_heard() {
            Some(tree) => Err(format!("the end of the connection was expected, and this came:\n{tree}")),
            None if stage.client(role).is_away() => Ok(()),
            None => Err("its connection is still there".into()),
        }
    }
}

fn one_of(patterns: &[&Pattern]) -> String {
    let trees: Vec<String> = patterns.iter().map(|pattern| <&Tree>::to_string(&pattern.tree())).collect();
    trees.join("\nor\n")
}
