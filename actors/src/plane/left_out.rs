//! Sessions without presence: what comes of switching HA on too early (HA-17).
//!
//! While HA is off, clients come back one by one after a restart of services. Switched on before all of
//! them are there, the session manager goes by what it knew when HA was switched off: who came since, or
//! is not back yet, it does not know ([`is_left_out`]). Such a session writes and reads messages as
//! before and stays in its rooms. But nobody sees it, it sees nobody, and it does not count in
//! `ActiveJsmSessions`. A resumption goes on with the same session and mends nothing; a login makes a
//! new one.

use takeover_core::ha::is_left_out;
use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::time::Moment;
use takeover_protocols::jid::{FullJid, Jid};
use takeover_protocols::presence::{PresenceEffect, left_out};
use takeover_protocols::stanza::{PresenceType, Stanza, StanzaKind};

use super::Plane;
use super::node::Gate;
use super::presence::{gone, is_broadcast, show};
use super::user::{Session, SessionId, User, UserState};

/// What SRM does with HA that the sessions of its node feel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    /// It is switched off.
    Off,
    /// It is switched on, and not all sessions are back.
    OnTooEarly,
}

impl Plane {
    /// HA is switched at a node.
    pub fn ha_switched(&self, node: NodeId, how: Switched) {
        match how {
            Switched::Off => self.node(node).set_switched_off(self.world.now()),
            Switched::OnTooEarly => self.leave_out(node),
        }
    }

    /// Leaves out the sessions of a node that its session manager does not know.
    fn leave_out(&self, node: NodeId) {
        let switched_off = self.node(node).switched_off();
        let engine = self.node(node).is_open(Gate::Presence);
        let mut count = 0;
        for user in self.hosted_by(node) {
            let unknown = user.slot.peek(|state, _| unknown(state, switched_off));
            count += unknown.len();
            for jid in unknown {
                let effects = user.update(|state| {
                    let mut effects = forget(state, &jid);
                    if !engine {
                        hold_back(state, &jid, &mut effects);
                    }
                    show(state, effects, self.limits)
                });
                self.make_known(node, effects.unwrap_or_default());
                if engine {
                    self.tell_searchers(node, &user, &gone(&jid));
                }
            }
        }
        if count > 0 {
            let text =
                format!("sessions without presence until their clients log in again: {count}");
            let event = Event::Alarm { text };
            self.world.journal().record(Some(node), event);
        }
    }

    /// Whether a client's presence for one address has no effect: it is without presence, and the
    /// address is no room's.
    pub(super) fn is_mute(&self, user: &User, id: SessionId, said: PresenceType, to: &Jid) -> bool {
        let of_users = match said {
            PresenceType::Available | PresenceType::Unavailable | PresenceType::Probe => {
                !self.is_room(to)
            }
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Error => false,
        };
        let is_left_out = |session: &Session| session.id == id && session.shown.is_left_out();
        of_users
            && user
                .slot
                .peek(|state, _| state.sessions.iter().any(is_left_out))
    }

    /// Whether a stanza shows a user, and not an occupant of a room.
    pub(super) fn shows_user(&self, stanza: &Stanza) -> bool {
        match stanza.kind {
            StanzaKind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
                !stanza.from.as_ref().is_some_and(|from| self.is_room(from))
            }
            StanzaKind::Presence(_) | StanzaKind::Message(_) | StanzaKind::Iq(_) => false,
        }
    }

    fn is_room(&self, address: &Jid) -> bool {
        self.alias(address.domain().as_str()).is_some()
    }
}

/// Whom of a user's sessions the session manager does not know, and knew until now.
fn unknown(state: &UserState, switched_off: Moment) -> Vec<FullJid> {
    let is_unknown = |session: &&Session| {
        !session.shown.is_left_out()
            && is_left_out(session.came, session.is_attached(), switched_off)
    };
    let unknown = state.sessions.iter().filter(is_unknown);
    unknown.map(|session| session.jid.clone()).collect()
}

fn forget(state: &mut UserState, jid: &FullJid) -> Vec<PresenceEffect> {
    match &state.roster {
        Some(roster) => left_out(&mut state.sessions, jid, roster),
        // A session is opened with its user's roster; so there is none here.
        None => Vec::new(),
    }
}

/// The Presence Engine is down: it tells the contacts when it is back.
fn hold_back(state: &mut UserState, jid: &FullJid, effects: &mut Vec<PresenceEffect>) {
    let told = effects.len();
    effects.retain(|effect| !is_broadcast(effect));
    if let Some(session) = state.resource(jid.resource().as_str()) {
        session.unpublished |= effects.len() < told;
    }
}
