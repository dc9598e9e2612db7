//! One contact, and changes of it.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::subscription::{State, Subscription};
use crate::jid::{self, BareJid};
use crate::ns;
use crate::stanza::{Condition, StanzaError};
use crate::xml::Element;

/// Most characters of a contact's name and of a group's name (RFC 6121, sections 2.1.2.4 and
/// 2.1.2.6 leave the limit to the server).
pub const MAX_NAME: usize = 1_023;

/// A contact of a user, with the state of both subscriptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterItem {
    /// Who.
    pub jid: BareJid,
    /// The user's name for the contact; empty for none.
    pub name: String,
    /// The user's groups that the contact is in.
    pub groups: BTreeSet<String>,
    /// The subscriptions of both.
    pub state: State,
    /// Whether the contact's next request is approved beforehand (RFC 6121, section 3.4).
    pub approved: bool,
    /// Whether the user's clients see the item; they do not see one that only keeps a contact's
    /// request (RFC 6121, section 3.1.3).
    pub listed: bool,
    /// The contact's request, whole, while it is pending: octets of the presence stanza, which is
    /// delivered again at each login (RFC 6121, section 3.1.3).
    pub request: Option<Bytes>,
    /// The roster's version of the last change that clients see.
    pub changed: u64,
}

impl RosterItem {
    /// A contact nobody knows anything about yet.
    #[must_use]
    pub fn new(jid: BareJid) -> Self {
        Self {
            jid,
            name: String::new(),
            groups: BTreeSet::new(),
            state: State::None,
            approved: false,
            listed: false,
            request: None,
            changed: 0,
        }
    }

    /// What clients see of it: nothing else makes a push necessary.
    pub(super) fn shown(&self) -> impl PartialEq + use<'_> {
        (
            self.listed,
            &self.name,
            &self.groups,
            self.state.subscription(),
            self.state.pending_out(),
            self.approved,
        )
    }

    /// Whether nothing is worth keeping of it.
    pub(super) fn is_void(&self) -> bool {
        !self.listed && self.state == State::None && !self.approved
    }

    /// The element `<item/>` of a roster result or push.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let name = (!self.name.is_empty()).then_some(self.name.as_str());
        let group = |group: &String| Element::new("group", ns::ROSTER).with_text(group);
        Element::new("item", ns::ROSTER)
            .with_attr_opt("approved", self.approved.then_some("true"))
            .with_attr_opt("ask", self.state.pending_out().then_some("subscribe"))
            .with_attr("jid", self.jid.as_str())
            .with_attr_opt("name", name)
            .with_attr("subscription", self.state.subscription().as_str())
            .with_children(self.groups.iter().map(group))
    }

    /// Whether the user sees the contact's presence.
    #[must_use]
    pub fn subscription(&self) -> Subscription {
        self.state.subscription()
    }
}

/// What a client's roster set asks for, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Put {
        jid: BareJid,
        name: String,
        groups: BTreeSet<String>,
    },
    Remove(BareJid),
}

impl Wanted {
    /// Reads the `<query/>` of a roster set (RFC 6121, section 2.3.3 has the errors).
    pub(super) fn read(query: &Element) -> Result<Self, StanzaError> {
        let mut items = query
            .children()
            .filter(|child| child.is("item", ns::ROSTER));
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(bad("exactly one item can be set at a time"));
        };
        let text = item.attr("jid").ok_or_else(|| bad("an item needs a jid"))?;
        let jid = jid::parse(text)
            .map_err(|cause| {
                StanzaError::new(Condition::JidMalformed).with_text(cause.to_string())
            })?
            .to_bare();
        if item.attr("subscription") == Some("remove") {
            return Ok(Self::Remove(jid));
        }
        let name = item.attr("name").unwrap_or_default();
        if name.chars().count() > MAX_NAME {
            return Err(unacceptable("the name", name.chars().count()));
        }
        Ok(Self::Put {
            jid,
            name: name.to_owned(),
            groups: groups(item)?,
        })
    }
}

fn groups(item: &Element) -> Result<BTreeSet<String>, StanzaError> {
    let mut groups = BTreeSet::new();
    for group in item
        .children()
        .filter(|child| child.is("group", ns::ROSTER))
    {
        let name = group.text().into_owned();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(unacceptable("a group's name", name.chars().count()));
        }
        if !groups.insert(name) {
            return Err(bad("a group is named twice"));
        }
    }
    Ok(groups)
}

fn bad(text: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest).with_text(text)
}

fn unacceptable(what: &str, length: usize) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_text(format!(
        "{what} has {length} characters; allowed are 1 to {MAX_NAME}"
    ))
}
