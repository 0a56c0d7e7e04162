//! RFC 6120 section 6: one login attempt of a client by SASL, as a value that never waits.
//!
//! Credentials come from a store that answers later, so an [`Exchange`] first says whose it needs, and goes on when
//! they are given. The signatures of SCRAM are rsasl's work. `grammar.rs` stands before it, because rsasl 2.3.1 panics
//! on attributes that are too short (`n,,n`), and lets a client of a `-PLUS` mechanism leave the binding out. Base64 is
//! the caller's business.

mod grammar;
mod offer;
mod password;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use base::Jid;
use base::ledger::{Credential, ScramHash};
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS};
use rsasl::prelude::{
    ChannelBindingCallback, Mechanism as Machine, Mechname, Registry, SASLServer, Session, SessionError, Validation,
};
use rsasl::validate::{Validate, ValidationError};

use grammar::{Binding, First};
pub use offer::{CHANNEL_BINDING, Mechanism, Offer, SaslFailure};
pub use password::{FakeKey, PasswordError, make_credentials};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look up this person's record, then call [`Exchange::credentials`].
    NeedCredentials {
        /// The local part of the address, in its normal form.
        username: String,
    },
    /// Send this, then give the answer to [`Exchange::step`].
    Challenge(Vec<u8>),
    /// The client has proved who it is.
    Success {
        /// The local part of the address, in its normal form.
        username: String,
        /// What the client is told together with the success, by which it knows us.
        final_data: Option<Vec<u8>>,
    },
    /// It has not. The exchange is over.
    Failure(SaslFailure),
}

/// One login attempt.
pub struct Exchange {
    mechanism: Mechanism,
    offer: Offer,
    domain: String,
    state: State,
}

/// What an exchange waits for.
enum State {
    /// The client's first message.
    First,
    /// The person's record.
    Record { username: String, first: Vec<u8> },
    /// The client's proof.
    Proof { username: String, session: Session<Proved, Channel> },
    /// Nothing more.
    Over,
}

impl Exchange {
    /// Begins a login to an account of `domain`, which is in its normal form.
    ///
    /// # Errors
    /// [`SaslFailure::InvalidMechanism`] if the mechanism is not part of the offer.
    pub fn start(offer: &Offer, mechanism: Mechanism, domain: &str) -> Result<Exchange, SaslFailure> {
        if !offer.has(mechanism) {
            return Err(SaslFailure::InvalidMechanism);
        }
        Ok(Exchange { mechanism, offer: *offer, domain: domain.into(), state: State::First })
    }

    /// The mechanism that the client has chosen.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Takes a message of the client, without its base64. An empty one is a message too, and malformed: that there was
    /// none with the request is known to the negotiation, which asks for it (RFC 6120 section 6.4.2). Out of turn, the
    /// attempt fails.
    pub fn step(&mut self, input: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::First => self.first(input).unwrap_or_else(Step::Failure),
            State::Proof { username, session } => prove(username, session, input).unwrap_or_else(Step::Failure),
            State::Record { .. } | State::Over => Step::Failure(SaslFailure::MalformedRequest),
        }
    }

    /// Takes the record of the person that [`Step::NeedCredentials`] named: `None` if there is no such person, who then
    /// gets a fake one, so that a stranger cannot tell (RFC 5802 section 9 leaves it open; attack case D14).
    pub fn credentials(&mut self, record: Option<&[Credential]>, fake: &FakeKey) -> Step {
        let State::Record { username, first } = std::mem::replace(&mut self.state, State::Over) else {
            return Step::Failure(SaslFailure::TemporaryAuthFailure);
        };
        let record = record.unwrap_or_default();
        // Made also for who exists: its microsecond would tell.
        let made_up = fake.credential(wanted(self.mechanism)[0], &format!("{username}@{}", self.domain));
        let real = wanted(self.mechanism).iter().find_map(|hash| record.iter().find(|c| c.hash == *hash));
        let credential = real.unwrap_or(&made_up);
        if self.mechanism == Mechanism::Plain {
            return plain(username, &first, credential).unwrap_or_else(Step::Failure);
        }
        match challenge(&self.offer, self.mechanism, credential.clone(), &first) {
            Ok((session, message)) => {
                self.state = State::Proof { username, session };
                Step::Challenge(message)
            }
            Err(failure) => Step::Failure(failure),
        }
    }

    /// Reads the client's first message: who it says it is.
    fn first(&mut self, input: &[u8]) -> Result<Step, SaslFailure> {
        let First { username, authzid, binding } = match self.mechanism {
            Mechanism::Plain => grammar::plain(input)?.0,
            _ => grammar::client_first(input)?,
        };
        self.check_binding(binding)?;
        let username = self.local_part(&username).ok_or(SaslFailure::NotAuthorized)?;
        if !authzid.is_empty() && !self.is_own(&authzid, &username) {
            return Err(SaslFailure::InvalidAuthzid);
        }
        self.state = State::Record { username: username.clone(), first: input.to_vec() };
        Ok(Step::NeedCredentials { username })
    }

    /// RFC 5802 section 6: the flag fits the mechanism, and nobody has taken `-PLUS` out of our offer on the way.
    fn check_binding(&self, binding: Binding<'_>) -> Result<(), SaslFailure> {
        match (binding, self.mechanism.is_plus()) {
            (Binding::Used(CHANNEL_BINDING), true) | (Binding::Unsupported, false) => Ok(()),
            (Binding::NotOffered, false) if !self.offer.binds() => Ok(()),
            (Binding::NotOffered, false) | (Binding::Used(_), true) => Err(SaslFailure::NotAuthorized),
            (Binding::Unsupported | Binding::NotOffered, true) | (Binding::Used(_), false) => {
                Err(SaslFailure::MalformedRequest)
            }
        }
    }

    /// The normal form of a local part. Fake records go by it: two spellings of one name look alike.
    fn local_part(&self, name: &str) -> Option<String> {
        if name.contains(['@', '/']) {
            return None;
        }
        Some(Jid::new(&format!("{name}@{}", self.domain)).ok()?.local()?.to_string())
    }

    /// Whether an authorization identity is the person's own bare address (RFC 6120 section 6.3.8; attack case B01).
    fn is_own(&self, authzid: &str, username: &str) -> bool {
        Jid::new(authzid).is_ok_and(|jid| jid.is_bare() && jid.local() == Some(username) && jid.domain() == self.domain)
    }
}

/// The records that a mechanism can be checked with, the best first.
fn wanted(mechanism: Mechanism) -> &'static [ScramHash] {
    match mechanism {
        Mechanism::ScramSha256Plus | Mechanism::ScramSha256 => &[ScramHash::Sha256],
        Mechanism::ScramSha1Plus | Mechanism::ScramSha1 => &[ScramHash::Sha1],
        Mechanism::Plain => &[ScramHash::Sha256, ScramHash::Sha1],
    }
}

/// Checks the password of a PLAIN message that [`grammar`] has read before.
fn plain(username: String, first: &[u8], credential: &Credential) -> Result<Step, SaslFailure> {
    let (_, password) = grammar::plain(first)?;
    let iterations = NonZeroU32::new(credential.iterations).ok_or(SaslFailure::TemporaryAuthFailure)?;
    if password::matches(password, credential, iterations) {
        Ok(Step::Success { username, final_data: None })
    } else {
        Err(SaslFailure::NotAuthorized)
    }
}

/// Answers a first message that [`grammar`] has read before.
fn challenge(
    offer: &Offer,
    mechanism: Mechanism,
    credential: Credential,
    first: &[u8],
) -> Result<(Session<Proved, Channel>, Vec<u8>), SaslFailure> {
    // rsasl takes a client's word that we have no channel binding from the registry: one registry for each offer.
    static BOUND: [Machine; 4] = [SCRAM_SHA256_PLUS, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA1];
    static UNBOUND: [Machine; 2] = [SCRAM_SHA256, SCRAM_SHA1];
    let registry = Registry::with_mechanisms(if offer.binds() { &BOUND } else { &UNBOUND });
    // What fails from here on is a record that cannot be: grammar and offer were checked before.
    let config = SASLConfig::builder()
        .with_registry(registry)
        .with_callback(Record(credential))
        .map_err(|_| SaslFailure::TemporaryAuthFailure)?;
    let name = Mechname::parse(mechanism.name().as_bytes()).map_err(|_| SaslFailure::TemporaryAuthFailure)?;
    let mut session = SASLServer::with_cb(config, Channel(offer.exporter))
        .start_suggested(name)
        .map_err(|_| SaslFailure::TemporaryAuthFailure)?;
    let mut message = Vec::new();
    session.step(Some(first), &mut message).map_err(|_| SaslFailure::TemporaryAuthFailure)?;
    Ok((session, message))
}

/// Checks the client's proof.
fn prove(username: String, mut session: Session<Proved, Channel>, input: &[u8]) -> Result<Step, SaslFailure> {
    grammar::client_final(input)?;
    let mut message = Vec::new();
    // rsasl's last comparison (of H(ClientKey)) stops at the first difference. It tells nothing: the client cannot
    // choose that hash, and it is another one at each attempt. A finished session is not yet a proved one: rsasl also finishes by writing `e=invalid-proof`.
    session.step(Some(input), &mut message).map_err(|_| SaslFailure::NotAuthorized)?;
    match session.validation() {
        Some(()) => Ok(Step::Success { username, final_data: Some(message) }),
        None => Err(SaslFailure::NotAuthorized),
    }
}

/// What rsasl calls when the client's proof was right, and only then.
struct Proved;

impl Validation for Proved {
    type Value = ();
}

/// Hands one credential to rsasl.
struct Record(Credential);

impl SessionCallback for Record {
    fn callback(&self, _: &SessionData, _: &Context<'_>, request: &mut Request<'_>) -> Result<(), SessionError> {
        let Credential { iterations, salt, stored_key, server_key, .. } = &self.0;
        request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
            *iterations,
            salt,
            stored_key,
            server_key,
        ))?;
        Ok(())
    }

    fn validate(&self, _: &SessionData, _: &Context<'_>, validate: &mut Validate<'_>) -> Result<(), ValidationError> {
        validate.finalize::<Proved>(());
        Ok(())
    }
}

/// Hands the channel binding to rsasl.
struct Channel(Option<[u8; 32]>);

impl ChannelBindingCallback for Channel {
    fn get_cb_data(&self, name: &str) -> Option<&[u8]> {
        self.0.as_ref().filter(|_| name == CHANNEL_BINDING).map(<[u8; 32]>::as_slice)
    }
}
