//! The bench as a stage: time passes as the play says, the disk fails when the play wants it.

use super::Play;
use super::perform::{Event, Stage};
use crate::bench::{Bench, DOMAIN, PASSWORD, Seat};
use crate::client::{Client, Goal, Login};

/// A bench with the accounts and clients of a play.
pub struct OnBench {
    bench: Bench,
    seats: Vec<Seat>,
}

impl OnBench {
    /// Sets it up.
    pub fn new(play: &Play, seed: u64) -> OnBench {
        let mut bench = Bench::new(seed);
        for account in &play.accounts {
            bench.make_account(account, PASSWORD);
        }
        let seats = play.roles.iter().map(|role| bench.client(role.login(DOMAIN))).collect();
        OnBench { bench, seats }
    }
}

impl super::Role {
    /// How its client logs in to a server of this domain.
    pub fn login(&self, domain: &str) -> Login {
        Login {
            account: self.account.clone(),
            domain: domain.to_owned(),
            password: self.password.clone(),
            resource: self.resource.clone(),
            presence: self.presence.clone(),
            managed: self.managed,
            language: None,
        }
    }
}

impl Stage for OnBench {
    fn domain(&self) -> String {
        DOMAIN.into()
    }

    fn client(&mut self, role: usize) -> &mut Client {
        self.bench.client_of(self.seats[role])
    }

    fn connect(&mut self, role: usize, goal: Goal) -> Result<(), String> {
        self.bench.begin_to_connect(self.seats[role], goal);
        self.bench.run_until_idle();
        let client = self.client(role);
        match client.fault() {
            Some(fault) => Err(fault.to_owned()),
            None if client.is_ready() => Ok(()),
            None => Err(format!("it has not become {goal:?}")),
        }
    }

    fn flush(&mut self, role: usize) -> Result<(), String> {
        self.bench.send(self.seats[role], "");
        Ok(())
    }

    fn cut(&mut self, role: usize) {
        self.bench.run_until_idle();
        self.bench.cut(self.seats[role]);
    }

    fn wait(&mut self, _: usize, _: bool) {
        self.bench.run_until_idle();
    }

    fn happen(&mut self, event: &Event) -> Result<(), String> {
        self.bench.run_until_idle();
        match event {
            Event::Crash => self.bench.crash(),
            Event::Pass(time) => self.bench.pass(*time),
            Event::StoreFails(error) => self.bench.fail_batch(1, error.clone()),
            Event::Reads(role, reads) => self.bench.set_reads(self.seats[*role], *reads),
        }
        self.bench.run_until_idle();
        Ok(())
    }
}
