//! The three kinds of stanza and their types.

use std::fmt;

macro_rules! types {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every type, in the order of the standard.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The type with exactly this `type` attribute.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The value of the `type` attribute.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use types;

types! {
    /// Type of a message (RFC 6121, section 5.2.2).
    MessageType {
        /// A single message; the default, also for types nobody knows.
        Normal = "normal",
        /// Part of a one-to-one conversation.
        Chat = "chat",
        /// To or from a room.
        Groupchat = "groupchat",
        /// An alert to which no answer is expected.
        Headline = "headline",
        /// The answer to a message that could not be processed.
        Error = "error",
    }
}

types! {
    /// Type of a presence stanza (RFC 6121, section 4.7.1).
    PresenceType {
        /// Available: written without a `type`.
        Available = "available",
        /// No longer available.
        Unavailable = "unavailable",
        /// Asks for a subscription.
        Subscribe = "subscribe",
        /// Grants one.
        Subscribed = "subscribed",
        /// Ends one's own subscription.
        Unsubscribe = "unsubscribe",
        /// Denies or revokes a subscription.
        Unsubscribed = "unsubscribed",
        /// A server asks for current presence.
        Probe = "probe",
        /// The answer to a presence stanza that could not be processed.
        Error = "error",
    }
}

types! {
    /// Type of an iq (RFC 6120, section 8.2.3).
    IqType {
        /// Asks for information.
        Get = "get",
        /// Provides data, changes something.
        Set = "set",
        /// The answer of success.
        Result = "result",
        /// The answer of failure.
        Error = "error",
    }
}

/// Kind and type of a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StanzaKind {
    /// `<message/>`: push, stored for a user who is away.
    Message(MessageType),
    /// `<presence/>`: broadcast to who is subscribed.
    Presence(PresenceType),
    /// `<iq/>`: request and answer; never stored.
    Iq(IqType),
}

impl StanzaKind {
    /// The element's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Presence(_) => "presence",
            Self::Iq(_) => "iq",
        }
    }

    /// The value of `type`, or nothing where leaving it out says the same.
    #[must_use]
    pub fn type_attr(self) -> Option<&'static str> {
        match self {
            Self::Message(MessageType::Normal) | Self::Presence(PresenceType::Available) => None,
            Self::Message(kind) => Some(kind.as_str()),
            Self::Presence(kind) => Some(kind.as_str()),
            Self::Iq(kind) => Some(kind.as_str()),
        }
    }

    /// Whether this answers an earlier stanza with an error.
    #[must_use]
    pub fn is_error(self) -> bool {
        self == self.to_error()
    }

    /// Whether an error may answer this: not an error, not an iq result (RFC 6120, section 8.3.1).
    #[must_use]
    pub fn may_be_answered_with_error(self) -> bool {
        !self.is_error() && self != Self::Iq(IqType::Result)
    }

    /// Whether this is an iq that must be answered (RFC 6120, section 8.2.3, XMPP-2).
    #[must_use]
    pub fn is_request(self) -> bool {
        matches!(self, Self::Iq(IqType::Get | IqType::Set))
    }

    /// Whether it answers a request: an iq of type result or error (RFC 6120, section 8.2.3).
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Iq(IqType::Result | IqType::Error))
    }

    /// The same kind with type `error`.
    #[must_use]
    pub fn to_error(self) -> Self {
        match self {
            Self::Message(_) => Self::Message(MessageType::Error),
            Self::Presence(_) => Self::Presence(PresenceType::Error),
            Self::Iq(_) => Self::Iq(IqType::Error),
        }
    }
}

impl fmt::Display for StanzaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.type_attr() {
            None => f.write_str(self.name()),
            Some(kind) => write!(f, "{} {kind}", self.name()),
        }
    }
}
