//! RFC 6120 sections 4.9 and 8.3: stream errors, which end a stream, and stanza errors, which answer one stanza.

use std::borrow::Cow;

use base::Jid;
use base::ledger::StoreError;
use wire::{IqType, Kind, MessageType, PresenceType, Refused, Stanza, Xml};

use crate::ns;

/// What a sender can do about a stanza error (RFC 6120 section 8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// Retry after providing credentials.
    Auth,
    /// Do not retry.
    Cancel,
    /// Retry after changing what was sent.
    Modify,
    /// Retry after waiting.
    Wait,
}

macro_rules! conditions {
    ($(#[$outer:meta])* $vis:vis enum $name:ident { $($variant:ident = $text:literal, $type:ident;)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $(#[doc = concat!("`", $text, "`")] $variant,)* }
        impl $name {
            /// The element's name on the wire.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
            /// The error type that RFC 6120 gives it.
            pub fn error_type(self) -> ErrorType {
                match self { $($name::$variant => ErrorType::$type,)* }
            }
        }
    };
}

conditions! {
    /// RFC 6120 section 8.3.3.
    pub enum Condition {
        BadRequest = "bad-request", Modify;
        Conflict = "conflict", Cancel;
        FeatureNotImplemented = "feature-not-implemented", Cancel;
        Forbidden = "forbidden", Auth;
        InternalServerError = "internal-server-error", Cancel;
        ItemNotFound = "item-not-found", Cancel;
        JidMalformed = "jid-malformed", Modify;
        NotAcceptable = "not-acceptable", Modify;
        NotAllowed = "not-allowed", Cancel;
        NotAuthorized = "not-authorized", Auth;
        PolicyViolation = "policy-violation", Modify;
        RecipientUnavailable = "recipient-unavailable", Wait;
        RemoteServerNotFound = "remote-server-not-found", Cancel;
        ResourceConstraint = "resource-constraint", Wait;
        ServiceUnavailable = "service-unavailable", Cancel;
        SubscriptionRequired = "subscription-required", Auth;
        UnexpectedRequest = "unexpected-request", Wait;
    }
}

impl From<wire::Why> for Condition {
    fn from(why: wire::Why) -> Condition {
        use wire::Why::{From, IdTooLong, NoId, NoType, To, Type};
        match why {
            To | From => Condition::JidMalformed,
            Type | NoType | NoId | IdTooLong => Condition::BadRequest,
        }
    }
}

/// A stanza error: a condition and, where it helps, words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// What is wrong.
    pub condition: Condition,
    /// What its author can do: as the condition has it, unless a specification says otherwise.
    pub kind: ErrorType,
    /// What to do about it, in English.
    pub text: Option<Cow<'static, str>>,
    /// The name and the namespace of a condition that a specification adds (RFC 6120 section 8.3.4).
    pub detail: Option<(&'static str, &'static str)>,
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> StanzaError {
        StanzaError { condition, kind: condition.error_type(), text: None, detail: None }
    }
}

impl From<&StoreError> for StanzaError {
    fn from(error: &StoreError) -> StanzaError {
        match error {
            StoreError::Taken => Condition::Conflict.into(),
            StoreError::NoAccount => Condition::ItemNotFound.into(),
            StoreError::Full => StanzaError::new(Condition::ResourceConstraint, "The server's disk is full."),
            StoreError::Failed(_) => StanzaError::new(Condition::InternalServerError, "The server's store failed."),
        }
    }
}

impl StanzaError {
    /// A condition with words.
    pub fn new(condition: Condition, text: impl Into<Cow<'static, str>>) -> StanzaError {
        StanzaError { text: Some(text.into()), ..condition.into() }
    }

    /// So much waits for the addressee's client already that no more is taken for it.
    pub(crate) fn client_is_full() -> StanzaError {
        StanzaError::new(Condition::ResourceConstraint, "Too much waits for this client.")
    }

    /// XEP-0191 section 3.3: the addressee is blocked by the author.
    pub fn blocked() -> StanzaError {
        let detail = Some(("blocked", ns::BLOCKING_ERRORS));
        StanzaError { kind: ErrorType::Cancel, detail, ..Condition::NotAcceptable.into() }
    }

    /// The `<error/>` element.
    pub fn to_xml(&self) -> Vec<u8> {
        let kind = match self.kind {
            ErrorType::Auth => "auth",
            ErrorType::Cancel => "cancel",
            ErrorType::Modify => "modify",
            ErrorType::Wait => "wait",
        };
        let mut xml = Xml::new();
        xml.open("error", ns::CLIENT).attr("type", kind);
        xml.open(self.condition.name(), ns::STANZA_ERRORS).close();
        if let Some(text) = &self.text {
            xml.open("text", ns::STANZA_ERRORS).attr("xml:lang", "en").text(text).close();
        }
        if let Some((name, namespace)) = self.detail {
            xml.open(name, namespace).close();
        }
        xml.close();
        xml.finish()
    }

    /// The answer to a stanza, or `None` where answering is forbidden: to errors, to IQ results, and to presence that is
    /// not a request (RFC 6120 section 8.3.1: an error is never answered by an error).
    pub fn answer_to(&self, stanza: &Stanza<'_>) -> Option<Stanza<'static>> {
        let kind = match stanza.head.kind {
            Kind::Message(MessageType::Error)
            | Kind::Presence(PresenceType::Error)
            | Kind::Iq(IqType::Error | IqType::Result) => return None,
            Kind::Message(_) => Kind::Message(MessageType::Error),
            Kind::Presence(_) => Kind::Presence(PresenceType::Error),
            Kind::Iq(_) => Kind::Iq(IqType::Error),
        };
        let mut answer = Stanza::new(kind).with_inner(self.to_xml());
        answer.head.to = stanza.head.from.as_ref().map(|from| from.borrow().into_owned());
        answer.head.from = stanza.head.to.as_ref().map(|to| to.borrow().into_owned());
        answer.head.id = stanza.head.id.as_ref().map(|id| Cow::Owned(id.clone().into_owned()));
        Some(answer)
    }
}

/// The answer to a stanza that is none, as bytes for its author: it may have a `to` that is no address, which comes back
/// as it was written (RFC 6120 section 8.1.1.1 and 8.3.3.8).
pub(crate) fn answer_refused(refused: &Refused<'_>, author: &Jid<'_>, error: &StanzaError) -> Option<Vec<u8>> {
    if matches!(refused.type_text.as_deref(), Some("error" | "result")) {
        return None;
    }
    let mut xml = Xml::new();
    xml.open(refused.name, ns::CLIENT).attr("type", "error").attr("to", author.as_str());
    xml.attr_if("from", refused.to.as_ref()).attr_if("id", refused.id.as_ref());
    xml.raw(error.to_xml()).close();
    Some(xml.finish())
}

/// RFC 6120 section 4.9.3. The stream is closed after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// The bytes are not what may stand in a stream; the framer says which condition.
    Bytes(wire::FrameError),
    /// Another session took this one's place.
    Conflict,
    /// Nothing came for too long.
    ConnectionTimeout,
    /// The domain is not served here.
    HostUnknown,
    /// The `from` is not the one this stream is for.
    InvalidFrom,
    /// Something other than authentication was sent before it.
    NotAuthorized,
    /// A rule of this server; in words for a person.
    PolicyViolation(&'static str),
    /// Too much waits for this client, or there is no room for another one.
    ResourceConstraint(&'static str),
    /// The server is going down.
    SystemShutdown,
    /// A first-level element that is no stanza and nothing that was offered.
    UnsupportedStanzaType,
    /// A stream version below 1.0.
    UnsupportedVersion,
    /// XEP-0198 section 4: the client acknowledges more than it was sent.
    HandledCountTooHigh {
        /// What it acknowledges.
        h: u32,
        /// What it was sent.
        sent: u32,
    },
}

impl StreamError {
    /// The condition's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            StreamError::Bytes(e) => e.condition(),
            StreamError::Conflict => "conflict",
            StreamError::ConnectionTimeout => "connection-timeout",
            StreamError::HostUnknown => "host-unknown",
            StreamError::InvalidFrom => "invalid-from",
            StreamError::NotAuthorized => "not-authorized",
            StreamError::PolicyViolation(_) => "policy-violation",
            StreamError::ResourceConstraint(_) => "resource-constraint",
            StreamError::SystemShutdown => "system-shutdown",
            StreamError::UnsupportedStanzaType => "unsupported-stanza-type",
            StreamError::UnsupportedVersion => "unsupported-version",
            StreamError::HandledCountTooHigh { .. } => "undefined-condition",
        }
    }

    /// The error and the end of the stream, to be written on a TCP stream whose header has been sent.
    pub fn to_xml(self) -> Vec<u8> {
        let mut xml = Xml::new();
        xml.open(self.name(), ns::STREAM_ERRORS).close();
        let text = match self {
            StreamError::PolicyViolation(text) | StreamError::ResourceConstraint(text) => Some(Cow::Borrowed(text)),
            StreamError::Bytes(e) => Some(Cow::Owned(e.to_string())),
            _ => None,
        };
        if let Some(text) = text {
            xml.open("text", ns::STREAM_ERRORS).attr("xml:lang", "en").text(&text).close();
        }
        if let StreamError::HandledCountTooHigh { h, sent } = self {
            xml.open("handled-count-too-high", ns::SM);
            xml.attr("h", h.to_string()).attr("send-count", sent.to_string()).close();
        }
        [b"<stream:error>", &*xml.finish(), b"</stream:error></stream:stream>"].concat()
    }
}
