//! Copies of messages for a user's other clients (XEP-0280), where Multiple Device Messaging is on
//! (SES-11).

use std::sync::Arc;

use takeover_protocols::carbons::{Direction, Switch, copy_for, is_eligible};
use takeover_protocols::jid::FullJid;
use takeover_protocols::stanza::{Stanza, StanzaKind};

use super::parcel::Parcel;
use super::route::{Left, finished};
use super::user::{Out, SessionId, User, UserState};
use super::{Limits, Plane};

impl Plane {
    /// A client wants copies, or none any more.
    pub(super) fn switch_carbons(&self, user: &Arc<User>, parcel: Parcel, switch: Switch) -> Left {
        let Parcel { stanza, origin } = parcel;
        let by = stanza.from.as_ref().and_then(|from| from.resource());
        user.update(|state| {
            let session = by.and_then(|by| state.resource(by.as_str()));
            if let Some(session) = session {
                session.carbons = switch == Switch::Enable;
            }
        });
        let mut left = finished(origin);
        left.push(Parcel::of(stanza.result()));
        left
    }

    /// What a client sends, its user's other clients get a copy of.
    pub(super) fn copy_sent(&self, user: &User, by: SessionId, stanza: &Stanza) {
        let limits = self.limits;
        if limits.carbons && matches!(stanza.kind, StanzaKind::Message(_)) {
            user.update(|state| {
                copy(state, stanza, Direction::Sent, limits, |_, id| id != by);
            });
        }
    }
}

/// What some of a user's clients get, the others get a copy of; `has_it` says who got the message
/// itself.
pub(super) fn copy_received(
    state: &mut UserState,
    stanza: &Stanza,
    limits: Limits,
    has_it: impl Fn(usize) -> bool,
) {
    if limits.carbons {
        copy(state, stanza, Direction::Received, limits, |index, _| {
            !has_it(index)
        });
    }
}

fn copy(
    state: &mut UserState,
    stanza: &Stanza,
    direction: Direction,
    limits: Limits,
    wanted: impl Fn(usize, SessionId) -> bool,
) {
    let sessions = state.sessions.iter_mut().enumerate();
    let mut others = sessions
        .filter(|(index, session)| session.carbons && wanted(*index, session.id))
        .peekable();
    // Most users have one client, and the message is not looked into for nobody.
    if others.peek().is_none() || !is_eligible(stanza, direction) {
        return;
    }
    for (_, session) in others {
        let to: FullJid = session.jid.clone();
        let copy = copy_for(stanza, direction, &to);
        // A copy that finds no room is lost: the message itself is not.
        let _ = session.push(Out::of(copy), limits.session_queue);
    }
}
