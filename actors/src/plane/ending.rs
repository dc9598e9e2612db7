//! How sessions end, or wait for their clients.

use std::sync::Arc;
use std::time::Duration;

use takeover_core::canary;
use takeover_core::id::NodeId;
use takeover_core::sync::Ownership;
use takeover_core::time::Moment;

use super::Plane;
use super::client::{Attached, is_link};
use super::deliver::put_back;
use super::outlet::Close;
use super::user::{Link, Out, Session, User};

impl Plane {
    pub(super) fn give_back(&self, user: &Arc<User>, outs: Vec<Out>) {
        if canary!("UnreadMessagesForgotten") {
            return;
        }
        let mut outs = Some(outs);
        let outcomes = user.update(|state| {
            let outs = outs.take().unwrap_or_default();
            put_back(state, outs, self.limits, self.stamp(), || {
                self.number().to_string()
            })
        });
        self.act_all(self.home_of(user), user, outcomes.unwrap_or_default());
    }

    /// The connection is gone without an end of its stream. A session that can be resumed stays
    /// for `keep`, another one ends.
    pub fn lost(&self, attached: &Attached, keep: Duration) {
        let resumable = self.mine(attached, |session| session.is_resumable());
        match resumable {
            Ok(true) => self.detach(attached, keep),
            Ok(false) => self.end(attached),
            Err(_) => {}
        }
    }

    /// Detaches a session: it stays for `keep`, with its presence and rooms.
    pub fn detach(&self, attached: &Attached, keep: Duration) {
        let until = self.world.now() + keep;
        let outlet = &attached.outlet;
        let outcomes = attached.user.slot.with(attached.mine, |state| {
            let Some(session) = state.session(attached.id) else {
                return Vec::new();
            };
            if !is_link(session, outlet) {
                return Vec::new();
            }
            session.link = Link::Detached {
                until: self.waits_until(session, until),
            };
            if session.is_resumable() {
                return Vec::new();
            }
            let outs = session.out.drain(..).collect();
            put_back(state, outs, self.limits, self.stamp(), || {
                self.number().to_string()
            })
        });
        self.note_detached(&attached.jid, attached.mine.node());
        self.watch(attached.mine.node(), &attached.user);
        self.act_all(
            attached.mine.node(),
            &attached.user,
            outcomes.unwrap_or_default(),
        );
    }

    /// Until when a session waits for its client: one with pushes longer than others (SES-10).
    pub(super) fn waits_until(&self, session: &Session, until: Moment) -> Moment {
        match session.mobile {
            Some(_) => until.max(self.world.now() + self.push.keep),
            None => until,
        }
    }

    /// Ends a session for good.
    pub fn end(&self, attached: &Attached) {
        let outlet = &attached.outlet;
        let gone = attached.user.slot.with(attached.mine, |state| {
            let index = state
                .sessions
                .iter()
                .position(|session| session.id == attached.id)?;
            is_link(&state.sessions[index], outlet).then(|| state.sessions.remove(index))
        });
        if let Ok(Some(session)) = gone {
            self.ended(attached.mine.node(), &attached.user, session);
        }
    }

    /// Ends the session of this name if it has missed something: its client logs in anew, and asks its
    /// rooms for what was said.
    pub(super) fn end_incomplete(&self, mine: Ownership, user: &Arc<User>, name: &str) {
        let missed = user.slot.with(mine, |state| {
            let is_it = |session: &mut Session| session.incomplete && session.is_named(name);
            state.sessions.extract_if(.., is_it).collect::<Vec<_>>()
        });
        for session in missed.unwrap_or_default() {
            if let Link::Attached(old) = &session.link {
                old.close(Close::Conflict);
            }
            self.ended(mine.node(), user, session);
        }
    }

    /// Ends the sessions of a user that have been detached for too long.
    pub fn expire(&self, user: &Arc<User>, at: NodeId) {
        let now = self.world.now();
        let mine = user.slot.owner();
        if mine.node() != at {
            return;
        }
        let expired = user.slot.with(mine, |state| {
            let is_over = |session: &mut Session| match session.link {
                Link::Detached { until } => until <= now,
                Link::Attached(_) => false,
            };
            state.sessions.extract_if(.., is_over).collect::<Vec<_>>()
        });
        for session in expired.unwrap_or_default() {
            self.ended(at, user, session);
        }
    }

    /// Ends all sessions at `node` that have been detached for too long.
    pub fn sweep(&self, node: NodeId) {
        for user in self.node(node).residents.due(self.world.now()) {
            self.expire(&user, node);
            self.watch(node, &user);
        }
    }

    /// Has the node look at a user again when the first of its detached sessions is given up.
    pub(super) fn watch(&self, node: NodeId, user: &Arc<User>) {
        if user.slot.owner().node() != node {
            return;
        }
        let here = self.node(node);
        if let Some(until) = user.slot.peek(|state, _| state.first_end())
            && here.residents.watch(until, user.clone())
        {
            here.call_caretaker();
        }
    }

    /// What follows from the end of a session that is out of the state already: its stanzas go
    /// elsewhere, and everybody hears that it is unavailable.
    pub(super) fn ended(&self, at: NodeId, user: &Arc<User>, mut session: Session) {
        let mut outs: Vec<Out> = Vec::new();
        if let Some(sm) = session.sm.take() {
            outs.extend(sm.unacked.into_unacked());
        }
        session.wake_up(self.life(at));
        outs.extend(session.out.drain(..));
        self.give_back(user, outs);
        if !canary!("EndNotAnnounced") {
            self.announce_end(at, user, &mut session);
        }
        self.note_closed(&session.jid, at);
    }
}
