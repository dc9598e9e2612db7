//! Stanza errors (RFC 6120, section 8.3).

use std::fmt;

use super::kind::types;
use crate::jid::{self, Jid};
use crate::ns;
use crate::xml::Element;

types! {
    /// What the sender of a stanza may do about its error (RFC 6120, section 8.3.2).
    ErrorType {
        /// Try again after giving credentials.
        Auth = "auth",
        /// Do not try again.
        Cancel = "cancel",
        /// Go on: this was only a warning.
        Continue = "continue",
        /// Try again after changing what was sent.
        Modify = "modify",
        /// Try again after waiting.
        Wait = "wait",
    }
}

macro_rules! conditions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $type:ident;)*) => {
        /// A defined condition (RFC 6120, section 8.3.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Condition { $($(#[$doc])* $variant,)* }

        impl Condition {
            /// Every condition, in the order of the standard.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The condition whose element has this name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name of the condition's element.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The type that the standard associates with the condition.
            #[must_use]
            pub fn usual_type(self) -> ErrorType {
                match self {
                    $(Self::$variant => ErrorType::$type,)*
                }
            }
        }
    };
}

conditions! {
    /// The XML does not fit the schema (8.3.3.1).
    BadRequest = "bad-request", Modify;
    /// A resource or session of that name exists (8.3.3.2).
    Conflict = "conflict", Cancel;
    /// The feature is not implemented (8.3.3.3).
    FeatureNotImplemented = "feature-not-implemented", Cancel;
    /// No permission, whoever asks with these rights (8.3.3.4).
    Forbidden = "forbidden", Auth;
    /// Nobody is at this address any more; may name a new one (8.3.3.5).
    Gone = "gone", Cancel;
    /// The server's own misfortune (8.3.3.6).
    InternalServerError = "internal-server-error", Cancel;
    /// The item does not exist (8.3.3.7).
    ItemNotFound = "item-not-found", Cancel;
    /// An address is malformed (8.3.3.8).
    JidMalformed = "jid-malformed", Modify;
    /// Understood, but does not meet criteria (8.3.3.9).
    NotAcceptable = "not-acceptable", Modify;
    /// Nobody is allowed to do this (8.3.3.10).
    NotAllowed = "not-allowed", Cancel;
    /// Credentials are needed (8.3.3.11).
    NotAuthorized = "not-authorized", Auth;
    /// A policy was violated (8.3.3.12).
    PolicyViolation = "policy-violation", Modify;
    /// The recipient is not available for now (8.3.3.13).
    RecipientUnavailable = "recipient-unavailable", Wait;
    /// Requests go elsewhere, usually for a while; may name where (8.3.3.14).
    Redirect = "redirect", Modify;
    /// The asker is not registered (8.3.3.15).
    RegistrationRequired = "registration-required", Auth;
    /// A remote server could not be found (8.3.3.16).
    RemoteServerNotFound = "remote-server-not-found", Cancel;
    /// A remote server did not answer in time (8.3.3.17).
    RemoteServerTimeout = "remote-server-timeout", Wait;
    /// Too busy, or out of a resource (8.3.3.18).
    ResourceConstraint = "resource-constraint", Wait;
    /// The service is not offered (8.3.3.19).
    ServiceUnavailable = "service-unavailable", Cancel;
    /// A subscription is needed (8.3.3.20).
    SubscriptionRequired = "subscription-required", Auth;
    /// None of the others; comes with an application-specific condition (8.3.3.21).
    UndefinedCondition = "undefined-condition", Cancel;
    /// Understood, but not expected now (8.3.3.22).
    UnexpectedRequest = "unexpected-request", Wait;
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `<error/>` of a stanza.
///
/// ```
/// use takeover_protocols::stanza::{Condition, StanzaError};
/// let error = StanzaError::new(Condition::ItemNotFound).with_text("no such room");
/// assert_eq!(StanzaError::from_element(&error.to_element()), Some(error));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// What the sender may do.
    pub kind: ErrorType,
    /// What went wrong.
    pub condition: Condition,
    /// A new address, for [`Condition::Gone`] and [`Condition::Redirect`]; an `xmpp:` URI.
    pub alternate: Option<String>,
    /// Who found out, if not the addressee of the stanza (RFC 6120, section 8.3.2).
    pub by: Option<Jid>,
    /// Words for people, in English (written with `xml:lang='en'`).
    pub text: Option<String>,
    /// An application-specific condition (RFC 6120, section 8.3.4).
    pub application: Option<Box<Element>>,
}

impl StanzaError {
    /// An error with the condition's usual type.
    #[must_use]
    pub fn new(condition: Condition) -> Self {
        Self {
            kind: condition.usual_type(),
            condition,
            alternate: None,
            by: None,
            text: None,
            application: None,
        }
    }

    /// This error with another type.
    #[must_use]
    pub fn with_type(mut self, kind: ErrorType) -> Self {
        self.kind = kind;
        self
    }

    /// This error with words for people, in English.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// This error with the entity that found out.
    #[must_use]
    pub fn with_by(mut self, by: Jid) -> Self {
        self.by = Some(by);
        self
    }

    /// This error with an application-specific condition.
    #[must_use]
    pub fn with_application(mut self, element: Element) -> Self {
        self.application = Some(Box::new(element));
        self
    }

    /// This error with a new address (an `xmpp:` URI), for `gone` and `redirect`.
    #[must_use]
    pub fn with_alternate(mut self, uri: impl Into<String>) -> Self {
        self.alternate = Some(uri.into());
        self
    }

    /// The `<error/>` element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let condition = Element::new(self.condition.as_str(), ns::STANZA_ERRORS)
            .with_text(self.alternate.as_deref().unwrap_or(""));
        let text = self.text.as_ref().map(|text| {
            Element::new("text", ns::STANZA_ERRORS)
                .with_lang("en")
                .with_text(text)
        });
        Element::new("error", ns::CLIENT)
            .with_attr_opt("by", self.by.as_ref().map(|by| by.as_str()))
            .with_attr("type", self.kind.as_str())
            .with_child(condition)
            .with_children(text)
            .with_children(self.application.as_deref().cloned())
    }

    /// Reads an `<error/>` element. What is missing or unknown in it becomes
    /// `undefined-condition`, of the usual type; `None` only for another element.
    #[must_use]
    pub fn from_element(element: &Element) -> Option<Self> {
        if !element.is("error", ns::CLIENT) {
            return None;
        }
        let defined = element
            .children()
            .filter(|child| child.ns() == ns::STANZA_ERRORS)
            .find_map(|child| Some((Condition::parse(child.name())?, child.text())));
        let (condition, alternate) = match defined {
            Some((condition, text)) if text.trim().is_empty() => (condition, None),
            Some((condition, text)) => (condition, Some(text.trim().to_owned())),
            None => (Condition::UndefinedCondition, None),
        };
        let kind = element.attr("type").and_then(ErrorType::parse);
        let text = element
            .child("text", ns::STANZA_ERRORS)
            .map(|text| text.text().into_owned());
        let application = element
            .children()
            .find(|child| child.ns() != ns::STANZA_ERRORS);
        Some(Self {
            kind: kind.unwrap_or_else(|| condition.usual_type()),
            condition,
            alternate,
            by: element.attr("by").and_then(|by| jid::parse(by).ok()),
            text,
            application: application.cloned().map(Box::new),
        })
    }
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> Self {
        Self::new(condition)
    }
}

impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.condition, self.kind)?;
        match &self.text {
            None => Ok(()),
            Some(text) => write!(f, ": {text}"),
        }
    }
}

impl std::error::Error for StanzaError {}
