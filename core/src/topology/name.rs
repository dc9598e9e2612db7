//! Names of nodes and groups (TOP-5, TOP-7).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not allowed: {allowed}")]
pub struct InvalidName {
    /// What was to be named.
    pub what: &'static str,
    /// The value refused.
    pub value: String,
    /// What would be allowed.
    pub allowed: &'static str,
}

/// What kind of name a node has (TOP-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeNameKind {
    /// An IP address: reached without DNS.
    Ip,
    /// A host name, without a domain.
    Host,
    /// A fully qualified domain name.
    Fqdn,
}

/// A node's name: an IP address, a host name or an FQDN (TOP-7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(String);

impl NodeName {
    /// What a node may be called.
    pub const ALLOWED: &'static str = "an IP address, or a host name or FQDN of labels of 1 to 63 letters, \
         digits and inner hyphens, 253 characters at most";

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of name it is.
    #[must_use]
    pub fn kind(&self) -> NodeNameKind {
        if self.0.parse::<IpAddr>().is_ok() {
            NodeNameKind::Ip
        } else if self.0.contains('.') {
            NodeNameKind::Fqdn
        } else {
            NodeNameKind::Host
        }
    }

    /// Whether a connection to the node needs DNS (TOP-7, ICP-13).
    #[must_use]
    pub fn needs_dns(&self) -> bool {
        self.kind() != NodeNameKind::Ip
    }

    /// The first label of the name, or the whole address.
    #[must_use]
    pub fn host(&self) -> &str {
        if self.needs_dns() {
            self.0.split('.').next().unwrap_or(&self.0)
        } else {
            &self.0
        }
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_dotted_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.contains('.')
}

impl FromStr for NodeName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let is_ip = text.parse::<IpAddr>().is_ok();
        let is_name = text.len() <= 253 && text.split('.').all(is_label) && !is_dotted_number(text);
        if is_ip || is_name {
            return Ok(NodeName(text.to_owned()));
        }
        Err(InvalidName {
            what: "node name",
            value: text.to_owned(),
            allowed: NodeName::ALLOWED,
        })
    }
}

impl TryFrom<String> for NodeName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> String {
        name.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A group's name (TOP-5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

impl GroupName {
    /// What a group may be called.
    pub const ALLOWED: &'static str = "1 to 128 characters of letters, digits, `_` and `-`";

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let count = text.chars().count();
        let fits = (1..=128).contains(&count)
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if fits {
            return Ok(GroupName(text.to_owned()));
        }
        Err(InvalidName {
            what: "group name",
            value: text.to_owned(),
            allowed: GroupName::ALLOWED,
        })
    }
}

impl TryFrom<String> for GroupName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> String {
        name.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Checks a group's description (TOP-5).
///
/// # Errors
/// [`InvalidName`] when it is longer than 128 characters or has one of `"` `%` `&` `\` `<` `>`.
pub(super) fn check_description(text: &str) -> Result<(), InvalidName> {
    let fits = text.chars().count() <= 128
        && !text
            .chars()
            .any(|c| matches!(c, '"' | '%' | '&' | '\\' | '<' | '>'));
    if fits {
        return Ok(());
    }
    Err(InvalidName {
        what: "group description",
        value: text.to_owned(),
        allowed: "up to 128 characters, none of \" % & \\ < >",
    })
}
