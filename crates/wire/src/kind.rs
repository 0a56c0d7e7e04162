//! RFC 6120 section 8.2 and RFC 6121 sections 4.7.1 and 5.2.2: the kinds of stanza and their types.

/// What a stanza is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `<message/>`.
    Message(MessageType),
    /// `<presence/>`.
    Presence(PresenceType),
    /// `<iq/>`.
    Iq(IqType),
}

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageType {
    /// No type, `normal`, or one that nobody knows (RFC 6121 section 5.2.2).
    Normal,
    /// `chat`.
    Chat,
    /// `groupchat`.
    Groupchat,
    /// `headline`.
    Headline,
    /// `error`.
    Error,
}

/// The type of a presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PresenceType {
    /// No type.
    Available,
    /// `unavailable`.
    Unavailable,
    /// `probe`.
    Probe,
    /// `subscribe`.
    Subscribe,
    /// `subscribed`.
    Subscribed,
    /// `unsubscribe`.
    Unsubscribe,
    /// `unsubscribed`.
    Unsubscribed,
    /// `error`.
    Error,
}

/// The type of an iq.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IqType {
    /// `get`.
    Get,
    /// `set`.
    Set,
    /// `result`.
    Result,
    /// `error`.
    Error,
}

impl Kind {
    /// The name of its element.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Message(_) => "message",
            Kind::Presence(_) => "presence",
            Kind::Iq(_) => "iq",
        }
    }

    /// Its type as it is written; none for what is said by leaving the attribute out.
    pub fn type_text(self) -> Option<&'static str> {
        match self {
            Kind::Message(MessageType::Normal) | Kind::Presence(PresenceType::Available) => None,
            Kind::Message(MessageType::Chat) => Some("chat"),
            Kind::Message(MessageType::Groupchat) => Some("groupchat"),
            Kind::Message(MessageType::Headline) => Some("headline"),
            Kind::Presence(PresenceType::Unavailable) => Some("unavailable"),
            Kind::Presence(PresenceType::Probe) => Some("probe"),
            Kind::Presence(PresenceType::Subscribe) => Some("subscribe"),
            Kind::Presence(PresenceType::Subscribed) => Some("subscribed"),
            Kind::Presence(PresenceType::Unsubscribe) => Some("unsubscribe"),
            Kind::Presence(PresenceType::Unsubscribed) => Some("unsubscribed"),
            Kind::Iq(IqType::Get) => Some("get"),
            Kind::Iq(IqType::Set) => Some("set"),
            Kind::Iq(IqType::Result) => Some("result"),
            Kind::Message(MessageType::Error) | Kind::Presence(PresenceType::Error) | Kind::Iq(IqType::Error) => {
                Some("error")
            }
        }
    }

    /// Whether it is of type `error`, which is never answered with another error (RFC 6120 section 8.3.1).
    pub fn is_error(self) -> bool {
        matches!(
            self,
            Kind::Message(MessageType::Error) | Kind::Presence(PresenceType::Error) | Kind::Iq(IqType::Error)
        )
    }
}

impl MessageType {
    /// The meaning of a `type` attribute.
    pub(crate) fn of(text: Option<&str>) -> MessageType {
        match text {
            Some("chat") => MessageType::Chat,
            Some("groupchat") => MessageType::Groupchat,
            Some("headline") => MessageType::Headline,
            Some("error") => MessageType::Error,
            _ => MessageType::Normal,
        }
    }
}

impl PresenceType {
    /// The meaning of a `type` attribute; none for an unknown one.
    pub(crate) fn of(text: Option<&str>) -> Option<PresenceType> {
        Some(match text {
            None => PresenceType::Available,
            Some("unavailable") => PresenceType::Unavailable,
            Some("probe") => PresenceType::Probe,
            Some("subscribe") => PresenceType::Subscribe,
            Some("subscribed") => PresenceType::Subscribed,
            Some("unsubscribe") => PresenceType::Unsubscribe,
            Some("unsubscribed") => PresenceType::Unsubscribed,
            Some("error") => PresenceType::Error,
            Some(_) => return None,
        })
    }
}

impl IqType {
    /// The meaning of a `type` attribute; none for an unknown one.
    pub(crate) fn of(text: &str) -> Option<IqType> {
        Some(match text {
            "get" => IqType::Get,
            "set" => IqType::Set,
            "result" => IqType::Result,
            "error" => IqType::Error,
            _ => return None,
        })
    }
}
