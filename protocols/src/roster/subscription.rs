//! The subscription states and what moves between them (RFC 6121, appendix A).
//!
//! Every pair of (user, contact) is in one of nine states on the user's side. A presence stanza of
//! one of the four subscription types moves it, when the user sends it ([`outbound`]) and when the
//! contact does ([`inbound`]).
//!
//! ```
//! use takeover_protocols::roster::subscription::{inbound, outbound, State, SubscriptionKind};
//! let asked = outbound(State::None, SubscriptionKind::Subscribe);
//! assert!(asked.route && asked.next == State::NonePendingOut);
//! let granted = inbound(asked.next, SubscriptionKind::Subscribed);
//! assert!(granted.deliver && granted.next == State::To);
//! ```

use serde::{Deserialize, Serialize};

use crate::stanza::{PresenceType, Stanza, StanzaKind};

/// The four presence types that manage subscriptions (RFC 6121, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SubscriptionKind {
    /// A request to see the other's presence.
    Subscribe,
    /// The request is granted.
    Subscribed,
    /// The sender no longer wants to see the other's presence.
    Unsubscribe,
    /// The sender no longer shows its presence, or denies a request.
    Unsubscribed,
}

impl SubscriptionKind {
    /// All four, in the order of the appendix.
    pub const ALL: [Self; 4] = [
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Subscribed,
        Self::Unsubscribed,
    ];

    /// The kind of a presence stanza, if it is of one of these types.
    #[must_use]
    pub fn of(stanza: &Stanza) -> Option<Self> {
        match stanza.kind {
            StanzaKind::Presence(PresenceType::Subscribe) => Some(Self::Subscribe),
            StanzaKind::Presence(PresenceType::Subscribed) => Some(Self::Subscribed),
            StanzaKind::Presence(PresenceType::Unsubscribe) => Some(Self::Unsubscribe),
            StanzaKind::Presence(PresenceType::Unsubscribed) => Some(Self::Unsubscribed),
            StanzaKind::Presence(
                PresenceType::Available
                | PresenceType::Unavailable
                | PresenceType::Probe
                | PresenceType::Error,
            )
            | StanzaKind::Message(_)
            | StanzaKind::Iq(_) => None,
        }
    }

    /// The type of presence that it is.
    #[must_use]
    pub fn to_presence(self) -> PresenceType {
        match self {
            Self::Subscribe => PresenceType::Subscribe,
            Self::Subscribed => PresenceType::Subscribed,
            Self::Unsubscribe => PresenceType::Unsubscribe,
            Self::Unsubscribed => PresenceType::Unsubscribed,
        }
    }
}

/// The state of a subscription as the user's server sees it (RFC 6121, appendix A.1).
///
/// *To*: the user sees the contact's presence. *From*: the contact sees the user's. *Pending out*:
/// the user asked. *Pending in*: the contact asked and has no answer yet.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum State {
    /// Neither sees the other, nobody asked.
    #[default]
    None,
    /// Neither sees the other; the user asked.
    NonePendingOut,
    /// Neither sees the other; the contact asked.
    NonePendingIn,
    /// Neither sees the other; both asked.
    NonePendingOutIn,
    /// The user sees the contact.
    To,
    /// The user sees the contact, who asked to see the user.
    ToPendingIn,
    /// The contact sees the user.
    From,
    /// The contact sees the user, who asked to see the contact.
    FromPendingOut,
    /// Each sees the other.
    Both,
}

/// The value of a roster item's `subscription` attribute, `remove` apart (RFC 6121, 2.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subscription {
    /// Neither sees the other.
    None,
    /// The user sees the contact.
    To,
    /// The contact sees the user.
    From,
    /// Each sees the other.
    Both,
}

impl Subscription {
    /// The value as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::To => "to",
            Self::From => "from",
            Self::Both => "both",
        }
    }
}

impl State {
    /// All nine, in the order of the appendix.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::NonePendingOut,
        Self::NonePendingIn,
        Self::NonePendingOutIn,
        Self::To,
        Self::ToPendingIn,
        Self::From,
        Self::FromPendingOut,
        Self::Both,
    ];

    /// The state without what is pending: the `subscription` attribute.
    #[must_use]
    pub fn subscription(self) -> Subscription {
        match self {
            Self::None | Self::NonePendingOut | Self::NonePendingIn | Self::NonePendingOutIn => {
                Subscription::None
            }
            Self::To | Self::ToPendingIn => Subscription::To,
            Self::From | Self::FromPendingOut => Subscription::From,
            Self::Both => Subscription::Both,
        }
    }

    /// Whether the user asked and has no answer: the attribute `ask='subscribe'`.
    #[must_use]
    pub fn pending_out(self) -> bool {
        match self {
            Self::NonePendingOut | Self::NonePendingOutIn | Self::FromPendingOut => true,
            Self::None
            | Self::NonePendingIn
            | Self::To
            | Self::ToPendingIn
            | Self::From
            | Self::Both => false,
        }
    }

    /// Whether the contact asked and has no answer.
    #[must_use]
    pub fn pending_in(self) -> bool {
        match self {
            Self::NonePendingIn | Self::NonePendingOutIn | Self::ToPendingIn => true,
            Self::None
            | Self::NonePendingOut
            | Self::To
            | Self::From
            | Self::FromPendingOut
            | Self::Both => false,
        }
    }

    /// Whether the user sees the contact's presence (`to` or `both`).
    #[must_use]
    pub fn sees_contact(self) -> bool {
        matches!(self.subscription(), Subscription::To | Subscription::Both)
    }

    /// Whether the contact sees the user's presence (`from` or `both`).
    #[must_use]
    pub fn seen_by_contact(self) -> bool {
        matches!(self.subscription(), Subscription::From | Subscription::Both)
    }

    /// The state made of its three parts. A contact that already sees the user has nothing to ask
    /// for, nor has a user who sees the contact: what is pending there is dropped.
    fn of(subscription: Subscription, pending_out: bool, pending_in: bool) -> Self {
        match (subscription, pending_out, pending_in) {
            (Subscription::None, false, false) => Self::None,
            (Subscription::None, true, false) => Self::NonePendingOut,
            (Subscription::None, false, true) => Self::NonePendingIn,
            (Subscription::None, true, true) => Self::NonePendingOutIn,
            (Subscription::To, _, false) => Self::To,
            (Subscription::To, _, true) => Self::ToPendingIn,
            (Subscription::From, false, _) => Self::From,
            (Subscription::From, true, _) => Self::FromPendingOut,
            (Subscription::Both, _, _) => Self::Both,
        }
    }

    fn with_to(self, sees: bool) -> Self {
        let subscription = match (sees, self.seen_by_contact()) {
            (true, true) => Subscription::Both,
            (true, false) => Subscription::To,
            (false, true) => Subscription::From,
            (false, false) => Subscription::None,
        };
        Self::of(subscription, false, self.pending_in())
    }

    fn with_from(self, seen: bool) -> Self {
        let subscription = match (self.sees_contact(), seen) {
            (true, true) => Subscription::Both,
            (true, false) => Subscription::To,
            (false, true) => Subscription::From,
            (false, false) => Subscription::None,
        };
        Self::of(subscription, self.pending_out(), false)
    }
}

/// What a subscription stanza that the user sends does (RFC 6121, appendix A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Whether it is routed to the contact.
    pub route: bool,
    /// The state afterwards.
    pub next: State,
    /// What it does to the pre-approval of the contact's next request (RFC 6121, section 3.4):
    /// `Some(true)` sets it, `Some(false)` cancels it.
    pub approval: Option<bool>,
}

/// What a subscription stanza from the contact does (RFC 6121, appendix A.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Whether it is delivered to the user's resources.
    pub deliver: bool,
    /// The state afterwards.
    pub next: State,
    /// What the server answers on the user's behalf.
    pub reply: Option<SubscriptionKind>,
}

/// The user sends a subscription stanza (RFC 6121, tables of appendix A.2).
#[must_use]
pub fn outbound(state: State, kind: SubscriptionKind) -> Outbound {
    let to = |route, next| Outbound {
        route,
        next,
        approval: None,
    };
    match kind {
        SubscriptionKind::Subscribe if state.sees_contact() => to(true, state),
        SubscriptionKind::Subscribe => to(
            true,
            State::of(state.subscription(), true, state.pending_in()),
        ),
        SubscriptionKind::Unsubscribe => to(true, state.with_to(false)),
        SubscriptionKind::Subscribed if state.pending_in() => to(true, state.with_from(true)),
        SubscriptionKind::Subscribed => Outbound {
            approval: (!state.seen_by_contact()).then_some(true),
            ..to(false, state)
        },
        SubscriptionKind::Unsubscribed => {
            let had = state.pending_in() || state.seen_by_contact();
            Outbound {
                approval: Some(false),
                ..to(had, state.with_from(false))
            }
        }
    }
}

/// The contact sends a subscription stanza (RFC 6121, tables of appendix A.3).
#[must_use]
pub fn inbound(state: State, kind: SubscriptionKind) -> Inbound {
    let to = |deliver, next| Inbound {
        deliver,
        next,
        reply: None,
    };
    match kind {
        SubscriptionKind::Subscribe if state.seen_by_contact() => Inbound {
            reply: Some(SubscriptionKind::Subscribed),
            ..to(false, state)
        },
        SubscriptionKind::Subscribe => {
            let next = State::of(state.subscription(), state.pending_out(), true);
            to(!state.pending_in(), next)
        }
        SubscriptionKind::Unsubscribe => {
            let had = state.pending_in() || state.seen_by_contact();
            let reply = had.then_some(SubscriptionKind::Unsubscribed);
            Inbound {
                reply,
                ..to(had, state.with_from(false))
            }
        }
        SubscriptionKind::Subscribed if state.pending_out() => to(true, state.with_to(true)),
        SubscriptionKind::Subscribed => to(false, state),
        SubscriptionKind::Unsubscribed => {
            let had = state.pending_out() || state.sees_contact();
            to(had, state.with_to(false))
        }
    }
}

/// The contact asks, and the user approved beforehand (RFC 6121, section 3.4.2): the server grants
/// it without asking the user.
#[must_use]
pub fn inbound_pre_approved(state: State) -> Inbound {
    Inbound {
        deliver: false,
        next: state.with_from(true),
        reply: Some(SubscriptionKind::Subscribed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two sides of one subscription agree after any stanza of either that arrives.
    #[test]
    fn both_sides_agree_when_nothing_is_under_way() {
        let mirror = |state: State| {
            let (to, from) = (state.seen_by_contact(), state.sees_contact());
            let subscription = match (to, from) {
                (true, true) => Subscription::Both,
                (true, false) => Subscription::To,
                (false, true) => Subscription::From,
                (false, false) => Subscription::None,
            };
            State::of(subscription, state.pending_in(), state.pending_out())
        };
        for user in State::ALL {
            for kind in SubscriptionKind::ALL {
                let sent = outbound(user, kind);
                if !sent.route {
                    continue;
                }
                let got = inbound(mirror(user), kind);
                assert_eq!(got.next, mirror(sent.next), "{user:?} sends {kind:?}");
            }
        }
    }
}
