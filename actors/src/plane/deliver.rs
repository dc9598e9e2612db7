//! What a user's place does with a stanza (RFC 6121, section 8.5), decided under its lock.

use takeover_core::sync::Claim;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::Jid;
use takeover_protocols::stanza::{
    Condition, IqType, MessageType, PresenceType, Stanza, StanzaKind,
};

use super::parcel::{Origin, Parcel};
use super::user::{Out, Push, UserState, Waiting};

/// What is still to be done with a stanza when the lock is gone.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing but to finish its ticket: it is delivered, or silently dropped where the standard
    /// says so.
    Done(Option<Origin>),
    /// Answer this error.
    Bounce(Parcel, Condition),
    /// It is among the waiting messages under this key: make it durable.
    Store(Parcel, String),
    /// The server answers for the account.
    Account(Parcel),
    /// The ticket's turn has not come.
    Parked,
    /// The ticket is of an earlier life of the sender's session.
    Stale(Parcel),
}

/// What bounds a user's place.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Stanzas that a session may have queued and unacknowledged.
    pub session_queue: usize,
    /// Messages that may wait for a user.
    pub offline: usize,
    /// Sessions of one user: *Maximum number of logon sessions per user* (SES-1).
    pub sessions: usize,
}

/// Delivers a parcel to the state of the user in its `to`. `at` is the wall time for the offline
/// store, `key` names a message that has no ticket.
pub fn accept(
    state: &mut UserState,
    parcel: Parcel,
    limits: Limits,
    at: Timestamp,
    key: impl FnOnce() -> String,
) -> Outcome {
    let parcel = match parcel.claim() {
        Claim::Go(parcel) => parcel,
        Claim::Parked => return Outcome::Parked,
        Claim::Stale(parcel) => return Outcome::Stale(parcel),
    };
    let resource = resource_of(state, parcel.stanza.to.as_ref());
    match parcel.stanza.kind {
        StanzaKind::Message(kind) => {
            message(state, parcel, kind, resource, Rules { limits, at, key })
        }
        StanzaKind::Presence(kind) => presence(state, parcel, kind, resource, limits),
        StanzaKind::Iq(kind) => iq(state, parcel, kind, resource, limits),
    }
}

struct Rules<K> {
    limits: Limits,
    at: Timestamp,
    key: K,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Resource {
    /// The address is bare.
    Bare,
    /// The address names the session at this index.
    At(usize),
    /// The address names a session that is not there.
    Missing,
}

fn resource_of(state: &UserState, to: Option<&Jid>) -> Resource {
    let wanted = to
        .and_then(|to| to.as_str().split_once('/'))
        .map(|(_, resource)| resource);
    match wanted {
        None => Resource::Bare,
        Some(wanted) => state
            .sessions
            .iter()
            .position(|session| session.jid.resource().as_str() == wanted)
            .map_or(Resource::Missing, Resource::At),
    }
}

/// RFC 6121, sections 8.5.2.1.1, 8.5.2.2.1, 8.5.3.1 and 8.5.3.2.1.
fn message<K: FnOnce() -> String>(
    state: &mut UserState,
    parcel: Parcel,
    kind: MessageType,
    resource: Resource,
    rules: Rules<K>,
) -> Outcome {
    let keeps = match kind {
        MessageType::Chat | MessageType::Normal => true,
        MessageType::Groupchat | MessageType::Headline | MessageType::Error => false,
    };
    if keeps && !state.offline.is_empty() && state.is_reachable() {
        // Earlier ones are still becoming durable; they go first.
        return wait(state, parcel, rules);
    }
    match (resource, kind) {
        (Resource::At(index), _) => to_session(state, parcel, index, keeps, rules),
        (Resource::Bare, MessageType::Groupchat) => {
            Outcome::Bounce(parcel, Condition::ServiceUnavailable)
        }
        (Resource::Bare, MessageType::Error) => Outcome::Done(parcel.origin),
        (Resource::Bare | Resource::Missing, MessageType::Chat)
        | (Resource::Bare, MessageType::Normal | MessageType::Headline) => {
            to_reachable(state, parcel, keeps, rules)
        }
        (Resource::Missing, MessageType::Normal | MessageType::Groupchat) => {
            Outcome::Bounce(parcel, Condition::ServiceUnavailable)
        }
        (Resource::Missing, MessageType::Headline | MessageType::Error) => {
            Outcome::Done(parcel.origin)
        }
    }
}

fn to_session<K: FnOnce() -> String>(
    state: &mut UserState,
    parcel: Parcel,
    index: usize,
    keeps: bool,
    rules: Rules<K>,
) -> Outcome {
    let Parcel { stanza, origin } = parcel;
    let out = Out {
        stanza,
        stored: None,
    };
    match state.sessions[index].push(out, rules.limits.session_queue) {
        Push::Queued => Outcome::Done(origin),
        Push::Refused(out) if keeps => wait(
            state,
            Parcel {
                stanza: out.stanza,
                origin,
            },
            rules,
        ),
        Push::Refused(_) => Outcome::Done(origin),
    }
}

/// To every session with a priority of 0 or more.
fn to_reachable<K: FnOnce() -> String>(
    state: &mut UserState,
    parcel: Parcel,
    keeps: bool,
    rules: Rules<K>,
) -> Outcome {
    let mut taken = false;
    for session in &mut state.sessions {
        if session.priority().is_some_and(|priority| priority >= 0) {
            let out = Out {
                stanza: parcel.stanza.clone(),
                stored: None,
            };
            match session.push(out, rules.limits.session_queue) {
                Push::Queued => taken = true,
                Push::Refused(_) => {}
            }
        }
    }
    match taken || !keeps {
        true => Outcome::Done(parcel.origin),
        false => wait(state, parcel, rules),
    }
}

/// Puts a message among those that wait (XEP-0160).
fn wait<K: FnOnce() -> String>(state: &mut UserState, parcel: Parcel, rules: Rules<K>) -> Outcome {
    if !is_worth_keeping(&parcel.stanza) {
        return Outcome::Done(parcel.origin);
    }
    if state.offline.len() >= rules.limits.offline {
        return Outcome::Bounce(parcel, Condition::ServiceUnavailable);
    }
    let key = match &parcel.origin {
        Some(origin) => origin.key(),
        None => (rules.key)(),
    };
    state.offline.push_back(Waiting {
        key: key.clone(),
        at: rules.at,
        stored: None,
        stanza: parcel.stanza.clone(),
    });
    Outcome::Store(parcel, key)
}

/// XEP-0160, section 3: chat states and the like are not kept; what people wrote is.
fn is_worth_keeping(stanza: &Stanza) -> bool {
    stanza.kind == StanzaKind::Message(MessageType::Normal)
        || stanza.has_child("body", takeover_protocols::ns::CLIENT)
}

/// RFC 6121, sections 8.5.1, 8.5.2.1.2, 8.5.3.1.
fn presence(
    state: &mut UserState,
    parcel: Parcel,
    kind: PresenceType,
    resource: Resource,
    limits: Limits,
) -> Outcome {
    match (kind, resource) {
        (
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe,
            Resource::Bare | Resource::At(_) | Resource::Missing,
        ) => Outcome::Account(parcel),
        (
            PresenceType::Available | PresenceType::Unavailable | PresenceType::Error,
            Resource::At(index),
        ) => {
            let Parcel { stanza, origin } = parcel;
            // A session that cannot take it is told the present state when it comes back.
            let _ = state.sessions[index].push(
                Out {
                    stanza,
                    stored: None,
                },
                limits.session_queue,
            );
            Outcome::Done(origin)
        }
        (PresenceType::Available | PresenceType::Unavailable, Resource::Bare) => {
            for session in &mut state.sessions {
                if session.presence.is_some() {
                    let out = Out {
                        stanza: parcel.stanza.clone(),
                        stored: None,
                    };
                    let _ = session.push(out, limits.session_queue);
                }
            }
            Outcome::Done(parcel.origin)
        }
        (PresenceType::Error, Resource::Bare | Resource::Missing)
        | (PresenceType::Available | PresenceType::Unavailable, Resource::Missing) => {
            Outcome::Done(parcel.origin)
        }
    }
}

/// RFC 6121, sections 8.5.1, 8.5.2.1.3, 8.5.3.1, 8.5.3.2.3.
fn iq(
    state: &mut UserState,
    parcel: Parcel,
    kind: IqType,
    resource: Resource,
    limits: Limits,
) -> Outcome {
    match (kind, resource) {
        (IqType::Get | IqType::Set, Resource::Bare) => Outcome::Account(parcel),
        (IqType::Get | IqType::Set, Resource::Missing) => {
            Outcome::Bounce(parcel, Condition::ServiceUnavailable)
        }
        (IqType::Result | IqType::Error, Resource::Bare | Resource::Missing) => {
            Outcome::Done(parcel.origin)
        }
        (IqType::Get | IqType::Set | IqType::Result | IqType::Error, Resource::At(index)) => {
            let Parcel { stanza, origin } = parcel;
            match state.sessions[index].push(
                Out {
                    stanza,
                    stored: None,
                },
                limits.session_queue,
            ) {
                Push::Queued => Outcome::Done(origin),
                Push::Refused(out) => Outcome::Bounce(
                    Parcel {
                        stanza: out.stanza,
                        origin,
                    },
                    Condition::RecipientUnavailable,
                ),
            }
        }
    }
}

/// What a session could not write any more: messages wait for the user, requests are answered
/// with an error, the rest is dropped.
pub fn put_back(
    state: &mut UserState,
    outs: Vec<Out>,
    limits: Limits,
    at: Timestamp,
    mut key: impl FnMut() -> String,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for out in outs {
        match (out.stanza.kind, out.stored) {
            (StanzaKind::Message(MessageType::Chat | MessageType::Normal), Some(place)) => {
                insert_again(state, out.stanza, place, at);
            }
            (StanzaKind::Message(MessageType::Chat | MessageType::Normal), None) => {
                let rules = Rules {
                    limits,
                    at,
                    key: &mut key,
                };
                outcomes.push(wait(state, Parcel::of(out.stanza), rules));
            }
            (StanzaKind::Iq(IqType::Get | IqType::Set), _) => {
                let parcel = Parcel::of(out.stanza);
                outcomes.push(Outcome::Bounce(parcel, Condition::ServiceUnavailable));
            }
            (
                StanzaKind::Message(
                    MessageType::Groupchat | MessageType::Headline | MessageType::Error,
                )
                | StanzaKind::Presence(_)
                | StanzaKind::Iq(IqType::Result | IqType::Error),
                _,
            ) => {}
        }
    }
    outcomes
}

/// Puts a message that is in the store already back where it was among those that wait.
fn insert_again(state: &mut UserState, stanza: Stanza, place: u64, at: Timestamp) {
    let index = state
        .offline
        .iter()
        .position(|waiting| waiting.stored.is_none_or(|stored| stored > place))
        .unwrap_or(state.offline.len());
    state.offline.insert(
        index,
        Waiting {
            key: String::new(),
            at,
            stored: Some(place),
            stanza,
        },
    );
}
