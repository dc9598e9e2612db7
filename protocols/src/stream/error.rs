//! Stream errors (RFC 6120, section 4.9).

use std::fmt;

use crate::ns;
use crate::xml::{Element, RawElement, XmlError};

macro_rules! conditions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// A defined condition (RFC 6120, section 4.9.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum StreamCondition { $($(#[$doc])* $variant,)* }

        impl StreamCondition {
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
        }
    };
}

conditions! {
    /// XML that cannot be processed (4.9.3.1).
    BadFormat = "bad-format";
    /// No prefix, or a wrong one, where one is needed (4.9.3.2).
    BadNamespacePrefix = "bad-namespace-prefix";
    /// Another stream of the same kind exists or took over (4.9.3.3).
    Conflict = "conflict";
    /// The peer did not write, or read, for too long (4.9.3.4).
    ConnectionTimeout = "connection-timeout";
    /// The domain is no longer served (4.9.3.5).
    HostGone = "host-gone";
    /// The domain is not served (4.9.3.6).
    HostUnknown = "host-unknown";
    /// `to` or `from` is missing or no address (4.9.3.7).
    ImproperAddressing = "improper-addressing";
    /// The server's own misfortune (4.9.3.8).
    InternalServerError = "internal-server-error";
    /// `from` is not who was authenticated (4.9.3.9).
    InvalidFrom = "invalid-from";
    /// Wrong stream namespace, or unsupported content namespace (4.9.3.10).
    InvalidNamespace = "invalid-namespace";
    /// XML or stanzas that do not fit the schema (4.9.3.11).
    InvalidXml = "invalid-xml";
    /// Not authenticated yet, or not allowed (4.9.3.12).
    NotAuthorized = "not-authorized";
    /// Not well-formed (4.9.3.13).
    NotWellFormed = "not-well-formed";
    /// A policy was violated, such as a size (4.9.3.14).
    PolicyViolation = "policy-violation";
    /// The way to a remote server failed (4.9.3.15).
    RemoteConnectionFailed = "remote-connection-failed";
    /// A new stream must be negotiated (4.9.3.16).
    Reset = "reset";
    /// Out of a resource (4.9.3.17).
    ResourceConstraint = "resource-constraint";
    /// Restricted XML (4.9.3.18).
    RestrictedXml = "restricted-xml";
    /// The client is to connect elsewhere; names where (4.9.3.19).
    SeeOtherHost = "see-other-host";
    /// The server goes down (4.9.3.20).
    SystemShutdown = "system-shutdown";
    /// None of the others (4.9.3.21).
    UndefinedCondition = "undefined-condition";
    /// Not UTF-8 (4.9.3.22).
    UnsupportedEncoding = "unsupported-encoding";
    /// A mandatory feature is not supported (4.9.3.23).
    UnsupportedFeature = "unsupported-feature";
    /// A first-level element nobody understands (4.9.3.24).
    UnsupportedStanzaType = "unsupported-stanza-type";
    /// A version of XMPP that is not supported (4.9.3.25).
    UnsupportedVersion = "unsupported-version";
}

impl fmt::Display for StreamCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A `<stream:error/>`: it ends the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// What went wrong.
    pub condition: StreamCondition,
    /// Where to connect instead, for [`StreamCondition::SeeOtherHost`]: `host`, `host:port`,
    /// an IPv6 address in brackets.
    pub other_host: Option<String>,
    /// Words for people, in English (written with `xml:lang='en'`).
    pub text: Option<String>,
    /// An application-specific condition (RFC 6120, section 4.9.4).
    pub application: Option<Box<Element>>,
}

impl StreamError {
    /// An error of this condition.
    #[must_use]
    pub fn new(condition: StreamCondition) -> Self {
        Self {
            condition,
            other_host: None,
            text: None,
            application: None,
        }
    }

    /// Sends the client to another host (SES-2; RFC 6120, section 4.9.3.19): `host`, `host:port`,
    /// an IPv6 address in brackets.
    #[must_use]
    pub fn see_other_host(host: impl Into<String>) -> Self {
        Self {
            other_host: Some(host.into()),
            ..Self::new(StreamCondition::SeeOtherHost)
        }
    }

    /// This error with words for people, in English.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// This error with an application-specific condition.
    #[must_use]
    pub fn with_application(mut self, element: Element) -> Self {
        self.application = Some(Box::new(element));
        self
    }

    /// Appends the error to `out`, for a stream that declares the prefix `stream`.
    pub fn write_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<stream:error>");
        for child in self.parts() {
            out.extend_from_slice(&child.to_bytes_in(ns::CLIENT));
        }
        out.extend_from_slice(b"</stream:error>");
    }

    fn parts(&self) -> impl Iterator<Item = Element> {
        let condition = Element::new(self.condition.as_str(), ns::STREAM_ERRORS)
            .with_text(self.other_host.as_deref().unwrap_or(""));
        let text = self.text.as_ref().map(|text| {
            Element::new("text", ns::STREAM_ERRORS)
                .with_lang("en")
                .with_text(text)
        });
        [condition]
            .into_iter()
            .chain(text)
            .chain(self.application.as_deref().cloned())
    }

    /// Reads a `<stream:error/>`. What is missing or unknown in it becomes `undefined-condition`;
    /// `None` only for another element.
    #[must_use]
    pub fn from_raw(raw: &RawElement) -> Option<Self> {
        if !raw.is("error", ns::STREAM) {
            return None;
        }
        let element = raw.to_element();
        let defined = element
            .children()
            .filter(|child| child.ns() == ns::STREAM_ERRORS)
            .find_map(|child| Some((StreamCondition::parse(child.name())?, child.text())));
        let (condition, host) = match defined {
            Some((condition, text)) => (condition, Some(text.trim().to_owned())),
            None => (StreamCondition::UndefinedCondition, None),
        };
        let text = element
            .child("text", ns::STREAM_ERRORS)
            .map(|text| text.text().into_owned());
        let application = element
            .children()
            .find(|child| child.ns() != ns::STREAM_ERRORS);
        Some(Self {
            condition,
            other_host: host.filter(|host| !host.is_empty()),
            text,
            application: application.cloned().map(Box::new),
        })
    }
}

impl From<StreamCondition> for StreamError {
    fn from(condition: StreamCondition) -> Self {
        Self::new(condition)
    }
}

/// The stream error that answers each sin against XML.
impl From<&XmlError> for StreamError {
    fn from(error: &XmlError) -> Self {
        let condition = match error {
            XmlError::NotUtf8 { .. } | XmlError::Encoding { .. } => {
                StreamCondition::UnsupportedEncoding
            }
            XmlError::Restricted(_) => StreamCondition::RestrictedXml,
            XmlError::TooLarge { .. }
            | XmlError::TooDeep { .. }
            | XmlError::TooManyAttributes { .. }
            | XmlError::TooManyDeclarations { .. } => StreamCondition::PolicyViolation,
            XmlError::TextBetween => StreamCondition::BadFormat,
            XmlError::ForbiddenCharacter { .. }
            | XmlError::Syntax { .. }
            | XmlError::BadName { .. }
            | XmlError::UndeclaredPrefix { .. }
            | XmlError::BadBinding { .. }
            | XmlError::DuplicateAttribute { .. } => StreamCondition::NotWellFormed,
        };
        Self::new(condition).with_text(error.to_string())
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.condition)?;
        if let Some(host) = &self.other_host {
            write!(f, " {host}")?;
        }
        match &self.text {
            None => Ok(()),
            Some(text) => write!(f, ": {text}"),
        }
    }
}

impl std::error::Error for StreamError {}
