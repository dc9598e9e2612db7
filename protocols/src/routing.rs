//! Where a stanza for a local account goes (RFC 6121, section 8).
//!
//! [`route`] is the table of the standard: the kind of stanza, the form of the address and the
//! account's resources decide. It looks at no content and moves nothing.
//!
//! ```
//! use takeover_protocols::routing::{route, Address, Decision, Resource};
//! use takeover_protocols::stanza::{MessageType, StanzaKind};
//! let chat = StanzaKind::Message(MessageType::Chat);
//! let resources = [Resource::available("phone", 1), Resource::available("desk", 5)];
//! assert_eq!(route(chat, Address::Bare, Some(&resources)), Decision::Deliver(vec![1]));
//! assert_eq!(route(chat, Address::Bare, Some(&[])), Decision::Store);
//! ```
//!
//! Where the standard leaves a choice, nothing is lost in silence: a message that cannot be
//! delivered or stored comes back with an error. Headlines are the exception, for nobody expects
//! an answer to them. Of several resources with the highest priority all get a message.

use crate::stanza::{Condition, IqType, MessageType, PresenceType, StanzaKind};

/// The form of the address that a stanza is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address<'a> {
    /// `user@domain`.
    Bare,
    /// `user@domain/resource`.
    Full {
        /// The resource.
        resource: &'a str,
        /// Whether the sender may know that the resource is there: the user shares its presence
        /// with it, by subscription or directed presence, or the sender is the user's own, or a
        /// service of the same domain. Matters for iq requests (section 8.5.3.1).
        known: bool,
    },
}

/// A connected resource of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its priority, if it has sent available presence; `None` if it is only connected.
    pub priority: Option<i8>,
}

impl<'a> Resource<'a> {
    /// A resource that sent available presence.
    #[must_use]
    pub fn available(name: &'a str, priority: i8) -> Self {
        Self {
            name,
            priority: Some(priority),
        }
    }

    /// A resource that is connected and has not sent presence (or unavailable).
    #[must_use]
    pub fn connected(name: &'a str) -> Self {
        Self {
            name,
            priority: None,
        }
    }
}

/// What to do with the stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Deliver to these resources: indices into the list given, at least one.
    Deliver(Vec<usize>),
    /// Keep it for the next login, if [`offline`](crate::offline) finds that it can be kept.
    Store,
    /// Return this error to the sender.
    Bounce(Condition),
    /// The server answers the request on the account's behalf.
    Answer,
    /// The subscription rules process it ([`roster`](crate::roster)).
    Subscription,
    /// The server answers the probe (section 4.3).
    Probe,
    /// Answer with presence of type `unsubscribed`: there is no such account.
    Unsubscribed,
    /// Nothing more.
    Drop,
}

/// Decides about a stanza for a local account. `resources` are its connected resources, `None` if
/// there is no such account.
#[must_use]
pub fn route(kind: StanzaKind, to: Address<'_>, resources: Option<&[Resource<'_>]>) -> Decision {
    let Some(resources) = resources else {
        return no_account(kind);
    };
    let matching = match to {
        Address::Bare => return bare(kind, resources),
        Address::Full { resource, .. } => resources.iter().position(|r| r.name == resource),
    };
    match matching {
        None => no_match(kind, resources),
        Some(index) => full(kind, index, to),
    }
}

/// Section 8.5.1: no such account.
fn no_account(kind: StanzaKind) -> Decision {
    match kind {
        StanzaKind::Message(MessageType::Error) => Decision::Drop,
        StanzaKind::Message(
            MessageType::Normal
            | MessageType::Chat
            | MessageType::Groupchat
            | MessageType::Headline,
        )
        | StanzaKind::Iq(IqType::Get | IqType::Set) => {
            Decision::Bounce(Condition::ServiceUnavailable)
        }
        StanzaKind::Presence(PresenceType::Probe) => Decision::Unsubscribed,
        StanzaKind::Presence(
            PresenceType::Available
            | PresenceType::Unavailable
            | PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Error,
        )
        | StanzaKind::Iq(IqType::Result | IqType::Error) => Decision::Drop,
    }
}

/// Section 8.5.2: the bare address.
fn bare(kind: StanzaKind, resources: &[Resource<'_>]) -> Decision {
    match kind {
        StanzaKind::Message(MessageType::Normal | MessageType::Chat) => {
            most_available(resources).map_or(Decision::Store, Decision::Deliver)
        }
        StanzaKind::Message(MessageType::Groupchat) => {
            Decision::Bounce(Condition::ServiceUnavailable)
        }
        StanzaKind::Message(MessageType::Headline) => {
            to_all(resources, |priority| priority >= 0).map_or(Decision::Drop, Decision::Deliver)
        }
        StanzaKind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
            to_all(resources, |_| true).map_or(Decision::Drop, Decision::Deliver)
        }
        StanzaKind::Presence(
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed,
        ) => Decision::Subscription,
        StanzaKind::Presence(PresenceType::Probe) => Decision::Probe,
        StanzaKind::Iq(IqType::Get | IqType::Set) => Decision::Answer,
        StanzaKind::Message(MessageType::Error)
        | StanzaKind::Presence(PresenceType::Error)
        | StanzaKind::Iq(IqType::Result | IqType::Error) => Decision::Drop,
    }
}

/// Section 8.5.3.1: a resource that is there.
fn full(kind: StanzaKind, index: usize, to: Address<'_>) -> Decision {
    let known = match to {
        Address::Bare => true,
        Address::Full { known, .. } => known,
    };
    match kind {
        StanzaKind::Presence(
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed,
        ) => Decision::Subscription,
        StanzaKind::Presence(PresenceType::Probe) => Decision::Probe,
        StanzaKind::Iq(IqType::Get | IqType::Set) if !known => {
            Decision::Bounce(Condition::ServiceUnavailable)
        }
        StanzaKind::Message(_)
        | StanzaKind::Presence(
            PresenceType::Available | PresenceType::Unavailable | PresenceType::Error,
        )
        | StanzaKind::Iq(_) => Decision::Deliver(vec![index]),
    }
}

/// Section 8.5.3.2: a resource that is not there.
fn no_match(kind: StanzaKind, resources: &[Resource<'_>]) -> Decision {
    match kind {
        StanzaKind::Message(MessageType::Chat)
        | StanzaKind::Presence(
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe,
        ) => bare(kind, resources),
        StanzaKind::Message(MessageType::Normal | MessageType::Groupchat)
        | StanzaKind::Iq(IqType::Get | IqType::Set) => {
            Decision::Bounce(Condition::ServiceUnavailable)
        }
        StanzaKind::Message(MessageType::Headline | MessageType::Error)
        | StanzaKind::Presence(
            PresenceType::Available | PresenceType::Unavailable | PresenceType::Error,
        )
        | StanzaKind::Iq(IqType::Result | IqType::Error) => Decision::Drop,
    }
}

/// The available resources with the highest priority, if that is not negative.
fn most_available(resources: &[Resource<'_>]) -> Option<Vec<usize>> {
    let highest = resources
        .iter()
        .filter_map(|r| r.priority)
        .max()
        .filter(|p| *p >= 0)?;
    to_all(resources, |priority| priority == highest)
}

fn to_all(resources: &[Resource<'_>], wanted: impl Fn(i8) -> bool) -> Option<Vec<usize>> {
    let with = |(_, resource): &(usize, &Resource<'_>)| resource.priority.is_some_and(&wanted);
    let chosen: Vec<usize> = resources
        .iter()
        .enumerate()
        .filter(with)
        .map(|(index, _)| index)
        .collect();
    (!chosen.is_empty()).then_some(chosen)
}

/// What a client's stanza without `to` is (RFC 6121, section 8.1; RFC 6120, section 10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutTo {
    /// As if it were for the sender's own bare address.
    OwnAccount,
    /// Presence for everybody who sees the user's.
    Broadcast,
    /// The server answers it on the account's behalf.
    Answer,
    /// An error: the kind needs an address.
    Refuse(Condition),
    /// Nothing more.
    Drop,
}

/// Decides about a stanza of a client that is for nobody in particular.
#[must_use]
pub fn without_to(kind: StanzaKind) -> WithoutTo {
    match kind {
        StanzaKind::Message(MessageType::Error)
        | StanzaKind::Presence(PresenceType::Error)
        | StanzaKind::Iq(IqType::Result | IqType::Error) => WithoutTo::Drop,
        StanzaKind::Message(
            MessageType::Normal
            | MessageType::Chat
            | MessageType::Groupchat
            | MessageType::Headline,
        ) => WithoutTo::OwnAccount,
        StanzaKind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
            WithoutTo::Broadcast
        }
        StanzaKind::Presence(
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe,
        ) => WithoutTo::Refuse(Condition::BadRequest),
        StanzaKind::Iq(IqType::Get | IqType::Set) => WithoutTo::Answer,
    }
}
