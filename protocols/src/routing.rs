//! Where a stanza for a local account goes (RFC 6121, section 8).
//!
//! [`route`] is the table of the standard: the kind of stanza, the form of the address and the
//! account's resources decide. It looks at no content and moves nothing.
//!
//! ```
//! use takeover_protocols::routing::{route, Address, Decision, Recipients, Resource};
//! use takeover_protocols::stanza::{MessageType, StanzaKind};
//! let chat = StanzaKind::Message(MessageType::Chat);
//! let resources = [Resource::available("phone", 1), Resource::available("desk", 5)];
//! let decide = |to, resources: &[Resource<'_>]| route(chat, to, Some(resources.iter().copied()));
//! let desk = Address::Full { resource: "desk", known: true };
//! assert_eq!(decide(desk, &resources), Decision::Deliver(Recipients::One(1)));
//! assert_eq!(decide(Address::Bare, &resources), Decision::Deliver(Recipients::AtLeast(0)));
//! assert_eq!(decide(Address::Bare, &[]), Decision::Store);
//! ```
//!
//! Where the standard leaves a choice, nothing is lost in silence: a message that cannot be
//! delivered or stored comes back with an error. Headlines are the exception, for nobody expects
//! an answer to them. A message to the bare address goes to all resources whose priority is not
//! negative: which device a person looks at, the server does not know.
//!
//! Nothing is allocated: every stanza comes by here.

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

/// Which of the resources given a stanza is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// The one at this place among them.
    One(usize),
    /// Every available one with at least this priority.
    AtLeast(i8),
}

impl Recipients {
    /// Whether the resource at this place, with this priority if it is available, is among them.
    #[must_use]
    pub fn include(self, index: usize, priority: Option<i8>) -> bool {
        match self {
            Self::One(one) => one == index,
            Self::AtLeast(least) => priority.is_some_and(|priority| priority >= least),
        }
    }
}

/// What to do with the stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Deliver to these resources, at least one.
    Deliver(Recipients),
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
pub fn route<'r>(
    kind: StanzaKind,
    to: Address<'_>,
    resources: Option<impl Iterator<Item = Resource<'r>> + Clone>,
) -> Decision {
    let Some(resources) = resources else {
        return no_account(kind);
    };
    let matching = match to {
        Address::Bare => return bare(kind, resources),
        Address::Full { resource, .. } => resources.clone().position(|r| r.name == resource),
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
fn bare<'r>(kind: StanzaKind, resources: impl Iterator<Item = Resource<'r>>) -> Decision {
    match kind {
        StanzaKind::Message(MessageType::Normal | MessageType::Chat) => {
            at_least(0, resources).map_or(Decision::Store, Decision::Deliver)
        }
        StanzaKind::Message(MessageType::Groupchat) => {
            Decision::Bounce(Condition::ServiceUnavailable)
        }
        StanzaKind::Message(MessageType::Headline) => {
            at_least(0, resources).map_or(Decision::Drop, Decision::Deliver)
        }
        StanzaKind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
            at_least(i8::MIN, resources).map_or(Decision::Drop, Decision::Deliver)
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
        | StanzaKind::Iq(_) => Decision::Deliver(Recipients::One(index)),
    }
}

/// Section 8.5.3.2: a resource that is not there.
fn no_match<'r>(kind: StanzaKind, resources: impl Iterator<Item = Resource<'r>>) -> Decision {
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

/// All available resources with at least this priority, if there is one.
fn at_least<'r>(least: i8, resources: impl Iterator<Item = Resource<'r>>) -> Option<Recipients> {
    let mut priorities = resources.filter_map(|resource| resource.priority);
    let any = priorities.any(|priority| priority >= least);
    any.then_some(Recipients::AtLeast(least))
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
