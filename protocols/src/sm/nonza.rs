//! The elements of XEP-0198.

use thiserror::Error;

use crate::ns;
use crate::stanza::Condition;
use crate::stream::{StreamCondition, StreamError};
use crate::xml::{Element, RawElement};

/// A first-level element that is no stanza: it is neither routed nor counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nonza {
    /// Client: acknowledge from now on (section 3).
    Enable {
        /// The client wants to be able to resume.
        resume: bool,
        /// Longest time to keep the session, in seconds, that the client asks for.
        max: Option<u32>,
    },
    /// Server: agreed.
    Enabled {
        /// Name of the session, to resume it by; set if it can be resumed.
        id: Option<String>,
        /// The session can be resumed.
        resume: bool,
        /// For how long after a loss of the stream, in seconds.
        max: Option<u32>,
        /// Where to connect for that, preferably: `host:port`.
        location: Option<String>,
    },
    /// Client: take up an earlier session (section 5).
    Resume {
        /// Name of the session.
        previd: String,
        /// Stanzas the client has handled in it.
        h: u32,
    },
    /// Server: taken up.
    Resumed {
        /// Name of the session.
        previd: String,
        /// Stanzas the server has handled in it.
        h: u32,
    },
    /// Server: not enabled, or not resumed; the stream goes on.
    Failed {
        /// Why.
        condition: Condition,
        /// Stanzas the server had handled in the session that cannot be resumed, if it knows.
        h: Option<u32>,
    },
    /// Either: how many have you handled? (section 4)
    Request,
    /// Either: so many.
    Ack {
        /// Stanzas handled so far, modulo 2³².
        h: u32,
    },
}

/// An element in the namespace of stream management that is none of its words: stream error
/// `bad-format` for a wrong attribute, `unsupported-stanza-type` for a wrong name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadNonza {
    /// No such element.
    #[error("<{name} xmlns='urn:xmpp:sm:3'/> is not defined by XEP-0198")]
    Name {
        /// Local name.
        name: String,
    },
    /// An attribute is missing or no number below 2³².
    #[error("<{name}/> with {attribute}={value:?}: a number from 0 to 4294967295 is needed")]
    Attribute {
        /// Local name.
        name: &'static str,
        /// The attribute.
        attribute: &'static str,
        /// Its value, empty if missing.
        value: String,
    },
}

impl From<&BadNonza> for StreamError {
    fn from(error: &BadNonza) -> Self {
        let condition = match error {
            BadNonza::Name { .. } => StreamCondition::UnsupportedStanzaType,
            BadNonza::Attribute { .. } => StreamCondition::BadFormat,
        };
        Self::new(condition).with_text(error.to_string())
    }
}

impl Nonza {
    /// Reads an element in the namespace of stream management; `None` for other namespaces.
    ///
    /// # Errors
    /// [`BadNonza`]: an unknown name, or an attribute that is missing or no number.
    pub fn from_raw(raw: &RawElement) -> Option<Result<Self, BadNonza>> {
        (raw.ns() == ns::SM).then(|| Self::read(raw))
    }

    fn read(raw: &RawElement) -> Result<Self, BadNonza> {
        let flag = || matches!(raw.attr("resume"), Some("true" | "1"));
        // A limit that is no number is as good as none.
        let max = || raw.attr("max").and_then(|max| max.parse().ok());
        let owned = |name: &str| raw.attr(name).map(str::to_owned);
        match raw.name() {
            "enable" => Ok(Self::Enable {
                resume: flag(),
                max: max(),
            }),
            "enabled" => Ok(Self::Enabled {
                id: owned("id"),
                resume: flag(),
                max: max(),
                location: owned("location"),
            }),
            "resume" => Ok(Self::Resume {
                previd: owned("previd").unwrap_or_default(),
                h: count(raw, "resume")?,
            }),
            "resumed" => Ok(Self::Resumed {
                previd: owned("previd").unwrap_or_default(),
                h: count(raw, "resumed")?,
            }),
            "failed" => Ok(Self::Failed {
                condition: condition(&raw.to_element()),
                h: raw.attr("h").and_then(|h| h.parse().ok()),
            }),
            "r" => Ok(Self::Request),
            "a" => Ok(Self::Ack {
                h: count(raw, "a")?,
            }),
            name => Err(BadNonza::Name {
                name: name.to_owned(),
            }),
        }
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let element = |name: &'static str| Element::new(name, ns::SM);
        let yes = |resume: bool| resume.then_some("true");
        match self {
            Self::Enable { resume, max } => element("enable")
                .with_attr_opt("resume", yes(*resume))
                .with_attr_opt("max", max.map(|max| max.to_string())),
            Self::Enabled {
                id,
                resume,
                max,
                location,
            } => element("enabled")
                .with_attr_opt("id", id.as_deref())
                .with_attr_opt("resume", yes(*resume))
                .with_attr_opt("max", max.map(|max| max.to_string()))
                .with_attr_opt("location", location.as_deref()),
            Self::Resume { previd, h } => element("resume")
                .with_attr("previd", previd)
                .with_attr("h", h.to_string()),
            Self::Resumed { previd, h } => element("resumed")
                .with_attr("previd", previd)
                .with_attr("h", h.to_string()),
            Self::Failed { condition, h } => element("failed")
                .with_attr_opt("h", h.map(|h| h.to_string()))
                .with_child(Element::new(condition.as_str(), ns::STANZA_ERRORS)),
            Self::Request => element("r"),
            Self::Ack { h } => element("a").with_attr("h", h.to_string()),
        }
    }

    /// The element as octets.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request => b"<r xmlns='urn:xmpp:sm:3'/>".to_vec(),
            Self::Ack { h } => format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>").into_bytes(),
            Self::Enable { .. }
            | Self::Enabled { .. }
            | Self::Resume { .. }
            | Self::Resumed { .. }
            | Self::Failed { .. } => self.to_element().to_bytes(),
        }
    }
}

fn count(raw: &RawElement, name: &'static str) -> Result<u32, BadNonza> {
    let value = raw.attr("h").unwrap_or("");
    value.parse().map_err(|_| BadNonza::Attribute {
        name,
        attribute: "h",
        value: value.to_owned(),
    })
}

fn condition(element: &Element) -> Condition {
    element
        .children()
        .filter(|child| child.ns() == ns::STANZA_ERRORS)
        .find_map(|child| Condition::parse(child.name()))
        .unwrap_or(Condition::UndefinedCondition)
}
