//! XEP-0077 in the driver: strangers make accounts, if that is allowed, and not in floods.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use base::limits::REGISTRATIONS_PER_MINUTE_MAX;
use base::{Bare, Time};
use xmpp::{Answer, Command, Condition, StanzaError};

use crate::engine::Engine;

/// What of a minute is counted together.
const MINUTE: Duration = Duration::from_secs(60);

/// Whether strangers may make accounts, and how many they asked for lately.
pub(crate) struct Registrations {
    allowed: bool,
    minute: RefCell<Minute>,
}

/// A minute that began with a request, and how many came in it.
#[derive(Default)]
struct Minute {
    begun: Time,
    requests: u32,
}

impl Minute {
    /// Whether one more may be made now.
    fn admits(&mut self, now: Time) -> bool {
        if self.requests == 0 || now >= self.begun + MINUTE {
            *self = Minute { begun: now, requests: 0 };
        }
        let admits = self.requests < REGISTRATIONS_PER_MINUTE_MAX;
        self.requests += u32::from(admits);
        admits
    }
}

impl Registrations {
    pub(crate) fn new(allowed: bool) -> Registrations {
        Registrations { allowed, minute: RefCell::default() }
    }

    /// Whether this daemon makes accounts for strangers at all.
    pub(crate) fn allowed(&self) -> bool {
        self.allowed
    }

    /// Makes an account, durable when this returns.
    ///
    /// # Errors
    /// What the stranger is told.
    pub(crate) async fn register(&self, engine: &Rc<Engine>, address: Bare, password: &str) -> Result<(), StanzaError> {
        let made = self.make(engine, address, password).await;
        let mut tally = engine.tally.borrow_mut();
        match &made {
            Ok(()) => tally.registrations += 1,
            Err(_) => tally.refused_registrations += 1,
        }
        made
    }

    async fn make(&self, engine: &Rc<Engine>, address: Bare, password: &str) -> Result<(), StanzaError> {
        // Before the password is hashed: that is what costs.
        if !self.minute.borrow_mut().admits(engine.clock.now().mono) {
            tracing::warn!("too many accounts are asked for in a minute");
            let text = "Too many people register now. Try again in a minute.";
            return Err(StanzaError::new(Condition::ResourceConstraint, text));
        }
        let credentials = engine.make_credentials(password).await.map_err(not_acceptable)?;
        match engine.command(Command::CreateAccount { address: address.clone(), credentials }).await {
            Answer::Done => {
                tracing::info!(%address, "a stranger registered");
                Ok(())
            }
            Answer::Failed(error) => Err(StanzaError::from(&error)),
            Answer::Accounts(_) | Answer::Report(_) | Answer::Bonjour(_) => Err(Condition::InternalServerError.into()),
        }
    }
}

/// What cannot be a password, in words.
pub(crate) fn not_acceptable(error: crate::sasl::PasswordError) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_registrations() {
        let most = REGISTRATIONS_PER_MINUTE_MAX;
        for asked in [most - 1, most, most + 1, most * 10] {
            let (mut minute, begun) = (Minute::default(), Time(7));
            let admitted = (0..asked).filter(|_| minute.admits(begun)).count();
            assert_eq!(admitted as u32, asked.min(most));
            let end = begun + MINUTE;
            assert_eq!(minute.admits(Time(end.0 - 1)), asked < most, "{asked}");
            assert!(minute.admits(end), "{asked}: the next minute has its own");
        }
    }
}
