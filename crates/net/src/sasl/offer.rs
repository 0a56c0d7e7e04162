//! RFC 6120 sections 6.3 and 6.5: which mechanisms a connection is offered, and how a login may fail.

/// The channel binding type of RFC 9266, the only one that is right under TLS 1.3.
pub const CHANNEL_BINDING: &str = "tls-exporter";

/// How a client may prove who it is. In the order in which they are offered: the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// RFC 7677, bound to the TLS connection.
    ScramSha256Plus,
    /// RFC 5802, bound to the TLS connection.
    ScramSha1Plus,
    /// RFC 7677.
    ScramSha256,
    /// RFC 5802.
    ScramSha1,
    /// RFC 4616: the password itself.
    Plain,
}

impl Mechanism {
    /// All of them, in the order of offering.
    pub const ALL: [Mechanism; 5] = [
        Mechanism::ScramSha256Plus,
        Mechanism::ScramSha1Plus,
        Mechanism::ScramSha256,
        Mechanism::ScramSha1,
        Mechanism::Plain,
    ];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Mechanism::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha1 => "SCRAM-SHA-1",
            Mechanism::Plain => "PLAIN",
        }
    }

    /// The mechanism with this name, if we have it.
    pub fn from_name(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// Whether it is bound to the TLS connection.
    pub(super) fn is_plus(self) -> bool {
        matches!(self, Mechanism::ScramSha256Plus | Mechanism::ScramSha1Plus)
    }
}

/// What a connection is, which decides how one may log in over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Whether TLS protects it.
    pub tls: bool,
    /// The TLS connection's `tls-exporter` value, if it has one (RFC 9266).
    pub exporter: Option<[u8; 32]>,
    /// Whether it never leaves this computer.
    pub loopback: bool,
}

impl Offer {
    /// What is offered: channel binding where there is a channel, PLAIN only where nobody listens (RFC 6120
    /// section 13.8.3; attack case B02).
    pub fn mechanisms(&self) -> Vec<Mechanism> {
        Mechanism::ALL.into_iter().filter(|mechanism| self.has(*mechanism)).collect()
    }

    pub(super) fn has(&self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::ScramSha256Plus | Mechanism::ScramSha1Plus => self.binds(),
            Mechanism::ScramSha256 | Mechanism::ScramSha1 => true,
            Mechanism::Plain => self.tls || self.loopback,
        }
    }

    pub(super) fn binds(&self) -> bool {
        self.tls && self.exporter.is_some()
    }
}

/// Why a login failed: the conditions of RFC 6120 section 6.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslFailure {
    /// Section 6.5.1. The client gave up.
    #[error("aborted")]
    Aborted,
    /// Section 6.5.5. What the client sent is no base64.
    #[error("incorrect-encoding")]
    IncorrectEncoding,
    /// Section 6.5.6. The client wants to be somebody else than whose password it knows.
    #[error("invalid-authzid")]
    InvalidAuthzid,
    /// Section 6.5.7. The mechanism was not offered.
    #[error("invalid-mechanism")]
    InvalidMechanism,
    /// Section 6.5.8. The message breaks the mechanism's grammar.
    #[error("malformed-request")]
    MalformedRequest,
    /// Section 6.5.10. No such person, wrong password, or not this TLS connection: not said which.
    #[error("not-authorized")]
    NotAuthorized,
    /// Section 6.5.11. Not the client's fault: the store does not answer or has a broken record.
    #[error("temporary-auth-failure")]
    TemporaryAuthFailure,
}

impl SaslFailure {
    /// All of them.
    pub const ALL: [SaslFailure; 7] = [
        SaslFailure::Aborted,
        SaslFailure::IncorrectEncoding,
        SaslFailure::InvalidAuthzid,
        SaslFailure::InvalidMechanism,
        SaslFailure::MalformedRequest,
        SaslFailure::NotAuthorized,
        SaslFailure::TemporaryAuthFailure,
    ];

    /// The name of its element.
    pub fn name(self) -> &'static str {
        match self {
            SaslFailure::Aborted => "aborted",
            SaslFailure::IncorrectEncoding => "incorrect-encoding",
            SaslFailure::InvalidAuthzid => "invalid-authzid",
            SaslFailure::InvalidMechanism => "invalid-mechanism",
            SaslFailure::MalformedRequest => "malformed-request",
            SaslFailure::NotAuthorized => "not-authorized",
            SaslFailure::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }
}
