//! What a roster asks of whoever drives it.

use serde::{Deserialize, Serialize};

use super::item::RosterItem;
use crate::jid::{BareJid, FullJid};
use crate::ns;
use crate::stanza::{IqType, Stanza};
use crate::xml::Element;

/// One durable change of a roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterChange {
    /// The contact.
    pub jid: BareJid,
    /// What is known of it now; `None` if nothing is.
    pub item: Option<RosterItem>,
    /// The roster's version after the change.
    pub version: u64,
}

/// A change to show to the clients that asked for the roster (RFC 6121, section 2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterPush {
    pub(super) item: Element,
    pub(super) version: u64,
}

impl RosterPush {
    /// The `<query/>` of the push.
    #[must_use]
    pub fn to_element(&self) -> Element {
        query(self.version).with_child(self.item.clone())
    }

    /// The push for one client; `id` is the server's own. It has no `from`, which means the
    /// client's own account.
    #[must_use]
    pub fn stanza_for(&self, to: &FullJid, id: &str) -> Stanza {
        Stanza::iq(IqType::Set, id)
            .with_to(to.clone())
            .with_child(&self.to_element())
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum RosterEffect {
    /// Make this durable before the effects after it.
    Save(Box<RosterChange>),
    /// Show this to each of the user's clients that has asked for the roster.
    Push(RosterPush),
    /// Show this to the client that has just got its answer, and to no other.
    PushTo(FullJid, RosterPush),
    /// Route this: an answer to a client, or a subscription stanza to a contact.
    Send(Box<Stanza>),
    /// Deliver this to each of the user's clients that is available: a request may be answered by
    /// any of them (RFC 6121, section 3.1.3), and what changes the roster comes before its push.
    Deliver(Box<Stanza>),
    /// Send the presence of all the user's available resources to the contact.
    ShowPresence(BareJid),
    /// Send unavailable presence of all the user's available resources to the contact.
    HidePresence(BareJid),
    /// The client has asked for the roster: from now on it gets pushes (an "interested resource").
    Interested(FullJid),
}

/// The element of a roster result or push.
pub(super) fn query(version: u64) -> Element {
    Element::new("query", ns::ROSTER).with_attr("ver", version.to_string())
}
