//! What a user's place does with a stanza (RFC 6121, section 8.5), decided under its lock.

use takeover_core::sync::Claim;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::Jid;
use takeover_protocols::offline::{Keep, keep};
use takeover_protocols::presence::is_known_to;
use takeover_protocols::routing::{Address, Decision, Recipients, route};
use takeover_protocols::stanza::{Condition, MessageType, Stanza, StanzaKind};

use super::Plane;
use super::carbons::copy_received;
use super::parcel::{Origin, Parcel};
use super::user::{Out, Push, Session, UserState, Waiting};

/// What is still to be done with a stanza when the lock is gone.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing but to finish its ticket: it is delivered, or silently dropped where the standard
    /// says so.
    Done(Option<Origin>),
    /// As `Done`, for a client that is away: it is to be told by a push (SES-10).
    Missed(Option<Origin>),
    /// Answer this error.
    Bounce(Parcel, Condition),
    /// It is among the waiting messages under this key: make it durable.
    Store(Parcel, String),
    /// The server answers for the account.
    Account(Parcel),
    /// The ticket's turn has not come.
    Parked,
    /// The turn of this one has come: it is to be routed.
    Next(Parcel),
    /// The ticket is of an earlier life of the sender's session.
    Stale(Parcel),
}

impl Outcome {
    /// Of a stanza that was held while its target moved: it stands in the target's order now. What its sender said
    /// next is not to be overtaken by what the same sender has said in a later session, so it need not wait until
    /// the lock is gone. Answers itself, and whose turn has come.
    pub(crate) fn stands(self) -> impl Iterator<Item = Self> {
        let origin = match &self {
            Self::Done(origin) | Self::Missed(origin) => origin.as_ref(),
            Self::Store(parcel, _) => parcel.origin.as_ref(),
            Self::Bounce(..) | Self::Account(_) | Self::Parked | Self::Next(_) | Self::Stale(_) => {
                None
            }
        };
        let next = origin.and_then(Origin::accepted).map(Self::Next);
        [Some(self), next].into_iter().flatten()
    }
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
    /// Whether clients may have copies of messages (XEP-0280): *Multiple Device Messaging* (SES-11).
    pub carbons: bool,
}

impl Plane {
    /// Delivers a parcel to the state of the user in its `to`.
    pub(super) fn accept(&self, state: &mut UserState, parcel: Parcel) -> Outcome {
        let rules = Rules {
            limits: self.limits,
            at: || self.stamp(),
            key: || self.number().to_string(),
            shows_user: self.shows_user(&parcel.stanza),
        };
        accept(state, parcel, rules)
    }
}

fn accept(state: &mut UserState, parcel: Parcel, rules: Rules<impl Key, impl At>) -> Outcome {
    let parcel = match parcel.claim() {
        Claim::Go(parcel) => parcel,
        Claim::Parked => return Outcome::Parked,
        Claim::Stale(parcel) => return Outcome::Stale(parcel),
    };
    if is_kept(parcel.stanza.kind) && !state.offline.is_empty() && state.is_reachable() {
        // Earlier ones are still becoming durable; they go first.
        return wait(state, parcel, rules);
    }
    match decide(state, &parcel.stanza) {
        Decision::Deliver(to) => deliver(state, parcel, to, rules),
        Decision::Store => wait(state, parcel, rules),
        Decision::Bounce(condition) => Outcome::Bounce(parcel, condition),
        Decision::Answer | Decision::Subscription | Decision::Probe => Outcome::Account(parcel),
        Decision::Unsubscribed | Decision::Drop => Outcome::Done(parcel.origin),
    }
}

/// Names a message that has no ticket.
trait Key: FnOnce() -> String {}

impl<F: FnOnce() -> String> Key for F {}

/// Tells the wall time.
trait At: FnOnce() -> Timestamp {}

impl<F: FnOnce() -> Timestamp> At for F {}

/// What a user's place goes by. Key and time are for a message that waits, and few do.
struct Rules<K, T> {
    limits: Limits,
    at: T,
    key: K,
    /// The stanza shows a user: a session that is left out does not get it (HA-17).
    shows_user: bool,
}

/// Asks the standard's table (RFC 6121, section 8.5).
fn decide(state: &UserState, stanza: &Stanza) -> Decision {
    let resource = stanza
        .to
        .as_ref()
        .and_then(|to| to.as_str().split_once('/'))
        .map(|(_, resource)| resource);
    let to = match resource {
        None => Address::Bare,
        Some(resource) => Address::Full {
            resource,
            known: !stanza.kind.is_request() || is_known(state, resource, stanza.from.as_ref()),
        },
    };
    route(stanza.kind, to, Some(state.resources()))
}

/// Whether the sender of a request may know that the resource is there. Servers and their services
/// may.
fn is_known(state: &UserState, resource: &str, from: Option<&Jid>) -> bool {
    let Some(from) = from.filter(|from| from.node().is_some()) else {
        return true;
    };
    let named = |session: &&Session| session.jid.resource().as_str() == resource;
    let session = state.sessions.iter().find(named);
    match (session, &state.roster) {
        (Some(session), Some(roster)) => is_known_to(&session.shown, from, roster),
        (None, _) | (_, None) => false,
    }
}

/// Whether a stanza of this kind may wait for the user.
pub(super) fn is_kept(kind: StanzaKind) -> bool {
    matches!(
        kind,
        StanzaKind::Message(MessageType::Chat | MessageType::Normal)
    )
}

/// Queues a stanza at each of its recipients; one that nobody could take waits or goes back.
fn deliver(
    state: &mut UserState,
    parcel: Parcel,
    to: Recipients,
    rules: Rules<impl Key, impl At>,
) -> Outcome {
    let Parcel { stanza, origin } = parcel;
    let recipients: Vec<bool> = match rules.limits.carbons {
        true => {
            let sessions = state.sessions.iter().enumerate();
            sessions
                .map(|(index, session)| to.include(index, session.priority()))
                .collect()
        }
        false => Vec::new(),
    };
    copy_received(state, &stanza, rules.limits, |index| {
        recipients.get(index) == Some(&true)
    });
    let included = |(index, session): (usize, &Session)| {
        let blind = rules.shows_user && session.shown.is_left_out();
        !blind && to.include(index, session.priority())
    };
    let mut left = state
        .sessions
        .iter()
        .enumerate()
        .filter(|s| included(*s))
        .count();
    let mut stanza = Some(stanza);
    let (mut taken, mut missed) = (false, false);
    for (index, session) in state.sessions.iter_mut().enumerate() {
        if !included((index, &*session)) {
            continue;
        }
        left -= 1;
        // The last one gets the stanza itself.
        let copy = if left == 0 {
            stanza.take()
        } else {
            stanza.clone()
        };
        let Some(copy) = copy else { break };
        match session.push(Out::of(copy), rules.limits.session_queue) {
            Push::Queued => taken = true,
            Push::Missed => (taken, missed) = (true, true),
            Push::Refused(out) => stanza = stanza.or_else(|| Some(out.into_stanza())),
        }
    }
    match stanza {
        Some(stanza) if !taken => refused(state, Parcel { stanza, origin }, rules),
        Some(_) | None if missed => Outcome::Missed(origin),
        Some(_) | None => Outcome::Done(origin),
    }
}

/// No session could take it: it has no wire and cannot be resumed, or its queue is full. Of presence
/// it is told the present state when it comes back.
fn refused(state: &mut UserState, parcel: Parcel, rules: Rules<impl Key, impl At>) -> Outcome {
    match parcel.stanza.kind {
        kind if is_kept(kind) => wait(state, parcel, rules),
        kind if kind.is_request() => Outcome::Bounce(parcel, Condition::RecipientUnavailable),
        StanzaKind::Message(_) | StanzaKind::Presence(_) | StanzaKind::Iq(_) => {
            Outcome::Done(parcel.origin)
        }
    }
}

/// Puts a message among those that wait (XEP-0160).
fn wait(state: &mut UserState, parcel: Parcel, rules: Rules<impl Key, impl At>) -> Outcome {
    let last = state.offline.len();
    wait_at(state, parcel, rules, last)
}

fn wait_at(
    state: &mut UserState,
    parcel: Parcel,
    rules: Rules<impl Key, impl At>,
    index: usize,
) -> Outcome {
    match keep(&parcel.stanza) {
        Keep::Store => {}
        Keep::Bounce => return Outcome::Bounce(parcel, Condition::ServiceUnavailable),
        Keep::Drop => return Outcome::Done(parcel.origin),
    }
    if state.offline.len() >= rules.limits.offline {
        return Outcome::Bounce(parcel, Condition::ServiceUnavailable);
    }
    let key = match &parcel.origin {
        Some(origin) => origin.key(),
        None => (rules.key)(),
    };
    let waiting = Waiting {
        key: key.clone(),
        at: (rules.at)(),
        stored: None,
        stanza: Stanza::clone(&parcel.stanza),
    };
    state.offline.insert(index, waiting);
    Outcome::Store(parcel, key)
}

/// What a session could not write any more: messages wait for the user, before those that came when the
/// session took no more; requests are answered with an error, the rest is dropped.
pub fn put_back(
    state: &mut UserState,
    outs: Vec<Out>,
    limits: Limits,
    at: Timestamp,
    mut key: impl FnMut() -> String,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut next = 0;
    for out in outs {
        let kind = out.kind();
        match out.stored {
            Some(place) if is_kept(kind) => {
                next = insert_again(state, *out.into_stanza(), place, at) + 1;
            }
            None if is_kept(kind) => {
                let key = &mut key;
                let rules = Rules {
                    limits,
                    at: || at,
                    key,
                    shows_user: false,
                };
                let parcel = Parcel::of(out.into_stanza());
                let before = state.offline.len();
                outcomes.push(wait_at(state, parcel, rules, next));
                next += state.offline.len() - before;
            }
            Some(_) | None if kind.is_request() => {
                let parcel = Parcel::of(out.into_stanza());
                outcomes.push(Outcome::Bounce(parcel, Condition::ServiceUnavailable));
            }
            Some(_) | None => {}
        }
    }
    outcomes
}

/// Puts a message that is in the store already back where it was among those that wait; answers where.
fn insert_again(state: &mut UserState, stanza: Stanza, place: u64, at: Timestamp) -> usize {
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
    index
}
