//! Presence of XMPP users (RFC 6121, section 4): what the machine of
//! [`takeover_protocols::presence`] asks for is done here, and not while the Presence Engine is down.

use std::borrow::Cow;

use takeover_core::id::NodeId;
use takeover_protocols::jid::{BareJid, FullJid, Jid};
use takeover_protocols::presence::{self, PresenceEffect};
use takeover_protocols::roster::Roster;
use takeover_protocols::stanza::{PresenceType, Stanza};

use super::node::Gate;
use super::offline::flush;
use super::route::Left;
use super::user::{Out, Session, SessionId, User, UserState};
use super::{Limits, Parcel, Plane};

impl Plane {
    /// The client says that it is available or not, to all who may know.
    pub(crate) fn own_presence(&self, at: NodeId, user: &User, from: &FullJid, said: &Stanza) {
        let engine = self.node(at).is_open(Gate::Presence);
        let mut left_out = false;
        let effects = user.update(|state| {
            let roster = state.roster.as_deref()?;
            let effects = presence::sent(&mut state.sessions, from, said.clone(), roster);
            if let Some(session) = state.resource(from.resource().as_str()) {
                left_out = session.shown.is_left_out();
                session.unpublished = match left_out {
                    // That it is gone may not have been told yet.
                    true => session.unpublished,
                    false => !engine && effects.iter().any(is_broadcast),
                };
            }
            Some(show(state, effects, self.limits))
        });
        let mut effects = effects.flatten().unwrap_or_default();
        effects.retain(|effect| engine || !is_broadcast(effect));
        self.make_known(at, effects);
        if engine && !left_out {
            self.tell_searchers(at, user, said);
        }
    }

    /// Routes what a change of presence makes known.
    pub(super) fn make_known(&self, at: NodeId, effects: Vec<PresenceEffect>) {
        for effect in effects {
            match effect {
                PresenceEffect::Broadcast { stanza, to } => self.tell(at, *stanza, to),
                PresenceEffect::Directed { stanza, to } | PresenceEffect::Probe { stanza, to } => {
                    for to in to {
                        self.say(at, Stanza::clone(&stanza).with_to(to));
                    }
                }
                PresenceEffect::Send(stanza) => self.say(at, *stanza),
                // Done under the lock.
                PresenceEffect::Own { .. } | PresenceEffect::Arrived { .. } => {}
            }
        }
    }

    /// Makes known that a session is over, which is out of the state already: to contacts, and to
    /// whom it sent presence directly. Contacts may also have to hear what it had said last, that it is
    /// gone, and they were not told.
    pub(crate) fn announce_end(&self, at: NodeId, user: &User, session: &mut Session) {
        let effects = user.update(|state| {
            let roster = state.roster.as_deref()?;
            let was = std::mem::take(&mut session.shown);
            let mut effects = presence::ended(&state.sessions, &session.jid, was, roster);
            if std::mem::take(&mut session.unpublished) && !effects.iter().any(is_broadcast) {
                effects.push(broadcast(gone(&session.jid), roster));
            }
            Some(show(state, effects, self.limits))
        });
        self.make_known(at, effects.flatten().unwrap_or_default());
    }

    /// Distributes what was said while the Presence Engine of `node` was down.
    pub(super) fn publish_pending(&self, node: NodeId) {
        for user in self.hosted_by(node) {
            self.publish_pending_of(node, &user);
        }
    }

    /// As [`Plane::publish_pending`], for one user.
    pub(super) fn publish_pending_of(&self, node: NodeId, user: &User) {
        let pending = user.slot.with(user.slot.owner(), pending);
        self.make_known(node, pending.unwrap_or_default());
    }

    /// Somebody who may be subscribed asks for the user's presence (RFC 6121, section 4.3.2).
    pub(super) fn probed(&self, user: &User, probe: &Stanza) -> Left {
        let effects = user.slot.peek(|state, _| {
            let roster = state.roster.as_deref();
            roster.map(|roster| presence::probed(&state.sessions, probe, roster))
        });
        let answers = effects.into_iter().flatten();
        answers
            .filter_map(|effect| match effect {
                PresenceEffect::Send(stanza) => Some(Parcel::of(*stanza)),
                PresenceEffect::Broadcast { .. }
                | PresenceEffect::Directed { .. }
                | PresenceEffect::Probe { .. }
                | PresenceEffect::Own { .. }
                | PresenceEffect::Arrived { .. } => None,
            })
            .collect()
    }

    /// Sends a contact that may see the user the presence of each resource (RFC 6121, section
    /// 3.1.6), or, once it may not, that each is gone (section 3.2.3).
    pub(super) fn show_to(&self, user: &User, contact: &BareJid, seen: bool) -> Left {
        let stanzas = user.slot.peek(|state, _| match seen {
            true => presence::shown_to(&state.sessions, contact),
            false => presence::hidden_from(&state.sessions, contact),
        });
        stanzas.into_iter().map(Parcel::of).collect()
    }

    /// Notes whom a session sends presence directly, so that it hears of the end (RFC 6121, section
    /// 4.6).
    pub(crate) fn note_directed(&self, user: &User, id: SessionId, kind: PresenceType, to: &Jid) {
        user.update(|state| {
            let UserState {
                sessions, roster, ..
            } = state;
            let session = sessions.iter_mut().find(|session| session.id == id);
            if let (Some(session), Some(roster)) = (session, roster) {
                session.shown.direct(kind, to, roster);
            }
        });
    }
}

pub(super) fn is_broadcast(effect: &PresenceEffect) -> bool {
    matches!(effect, PresenceEffect::Broadcast { .. })
}

/// What the sessions have said that nobody was told.
fn pending(state: &mut UserState) -> Vec<PresenceEffect> {
    let Some(roster) = &state.roster else {
        return Vec::new();
    };
    let unpublished = state.sessions.iter_mut().filter(|s| s.unpublished);
    let tell = |session: &mut Session| {
        session.unpublished = false;
        let shown = session.shown.stanza(&session.jid);
        broadcast(
            shown.map_or_else(|| gone(&session.jid), Cow::into_owned),
            roster,
        )
    };
    unpublished.map(tell).collect()
}

pub(super) fn gone(jid: &FullJid) -> Stanza {
    Stanza::presence(PresenceType::Unavailable).with_from(jid.clone())
}

/// To all who may see the user.
fn broadcast(stanza: Stanza, roster: &Roster) -> PresenceEffect {
    PresenceEffect::Broadcast {
        stanza: Box::new(stanza),
        to: roster.watchers().cloned().map(Jid::from).collect(),
    }
}

/// Does what concerns the user's own sessions; answers the rest.
pub(super) fn show(
    state: &mut UserState,
    mut effects: Vec<PresenceEffect>,
    limits: Limits,
) -> Vec<PresenceEffect> {
    effects.retain(|effect| match effect {
        PresenceEffect::Own { stanza, resources } => {
            show_own(state, stanza, resources, limits);
            false
        }
        PresenceEffect::Arrived {
            resource,
            initial,
            takes_messages,
        } => {
            if *initial {
                show_requests(state, resource, limits);
            }
            if *takes_messages {
                flush(state, limits);
            }
            false
        }
        PresenceEffect::Broadcast { .. }
        | PresenceEffect::Directed { .. }
        | PresenceEffect::Probe { .. }
        | PresenceEffect::Send(_) => true,
    });
    effects
}

/// The user's own resources hear of each other under the bare address (RFC 6121, section 4.2.2).
fn show_own(state: &mut UserState, stanza: &Stanza, resources: &[FullJid], limits: Limits) {
    for session in &mut state.sessions {
        if resources.contains(&session.jid) {
            let own = stanza.clone().with_to(session.jid.to_bare());
            // A session that cannot take it is told the present state when it comes back.
            let _ = session.push(Out::of(own), limits.session_queue);
        }
    }
}

/// Requests that have no answer yet are shown again at every login (RFC 6121, section 3.1.3).
fn show_requests(state: &mut UserState, resource: &FullJid, limits: Limits) {
    let requests = state.roster.as_ref().map(|roster| roster.requests());
    if let Some(session) = state.resource(resource.resource().as_str()) {
        for stanza in requests.into_iter().flatten() {
            let _ = session.push(Out::of(stanza), limits.session_queue);
        }
    }
}
