//! Users change their node: by hand-over (freeze, drain, publish, thaw) or by a forced take-over.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use takeover_core::canary;
use takeover_core::id::NodeId;
use takeover_core::sync::{Ownership, SlotError};
use takeover_core::time::Moment;
use takeover_protocols::jid::Jid;
use takeover_protocols::stanza::Stanza;

use super::Plane;
use super::deliver::{Outcome, put_back};
use super::letter::{Letter, ROUTER_PORT};
use super::node::Gate;
use super::outlet::{Close, Outlet};
use super::parcel::Parcel;
use super::user::{Link, Out, User, UserState};
use crate::conference::Alias;
use crate::rt::Packet;

/// How many stanzas are held for a user who is between two nodes.
pub const HELD: usize = 4096;

/// The letter in a packet that is on its way.
fn peek(packet: &dyn Packet) -> Option<&Letter> {
    let any: &dyn Any = packet;
    any.downcast_ref::<Letter>()
}

/// The letter in a packet that came back.
pub(super) fn letter_of(packet: Box<dyn Packet>) -> Option<Letter> {
    let any: Box<dyn Any> = packet;
    any.downcast::<Letter>().ok().map(|letter| *letter)
}

impl Plane {
    /// Begins to hand a user over to `to`: what comes for it is held, and its clients are told to
    /// go there. Answers the ways out that are still in use; once their tasks have ended, or time
    /// is up, [`Plane::pass_on`] ends the hand-over.
    ///
    /// # Errors
    /// [`SlotError`]: the user is not `mine` to give, or is on its way already.
    pub fn begin_hand_over(
        &self,
        user: &User,
        mine: Ownership,
        to: NodeId,
    ) -> Result<Vec<Arc<Outlet>>, SlotError> {
        user.slot.freeze(mine, HELD)?;
        user.slot.with(mine, |state| {
            let attached = state
                .sessions
                .iter()
                .filter_map(|session| match &session.link {
                    Link::Attached(outlet) => Some(outlet.clone()),
                    Link::Detached { .. } => None,
                });
            attached
                .inspect(|outlet| outlet.close(Close::MovedTo(to)))
                .collect()
        })
    }

    /// Ends a hand-over: `to` owns the user from now on, its sessions are detached until `until`,
    /// and what was held is delivered.
    ///
    /// # Errors
    /// [`SlotError`]: somebody has taken the user meanwhile.
    pub fn pass_on(
        &self,
        user: &Arc<User>,
        mine: Ownership,
        to: NodeId,
        until: Moment,
    ) -> Result<Ownership, SlotError> {
        let next = user.slot.publish(mine, to)?;
        self.sweep_to(user, mine.node());
        let mut outcomes = user.slot.with(next, |state| {
            self.detach_all(state, to, Close::MovedTo(to), until)
        })?;
        user.slot.thaw(next, |state, parcel| {
            if !canary!("HeldStanzasDropped") {
                outcomes.extend(self.accept(state, parcel).stands());
            }
        })?;
        self.moved(user, mine.node(), next, outcomes);
        Ok(next)
    }

    /// Calls off a hand-over that nobody will end: the user stays where it is, its sessions are
    /// detached until `until` (their clients were sent away), and what was held is delivered. Nothing
    /// happens if somebody has taken the user meanwhile.
    pub fn call_off(&self, user: &Arc<User>, mine: Ownership, until: Moment) {
        let mut outcomes = Vec::new();
        let detached = user.slot.with(mine, |state| {
            outcomes = self.detach_all(state, mine.node(), Close::Shutdown, until);
        });
        if detached.is_err() {
            return;
        }
        // Stale or open: it was taken over, or thawed, in between.
        let _ = user.slot.thaw(mine, |state, parcel| {
            outcomes.extend(self.accept(state, parcel).stands());
        });
        self.watch(mine.node(), user);
        self.act_all(mine.node(), user, outcomes);
    }

    /// Takes a user from a node that is dead, cut off or without its services. Nothing happens if
    /// `to` owns it already (a take-over may be repeated).
    pub fn take_over(&self, user: &Arc<User>, to: NodeId, until: Moment) -> Option<Ownership> {
        loop {
            let seen = user.slot.owner();
            if seen.node() == to {
                return None;
            }
            match self.seize(user, seen, to, until) {
                Ok(taken) => return Some(taken),
                Err(SlotError::Stale { .. }) => {}
                Err(
                    SlotError::Closed { .. } | SlotError::Frozen { .. } | SlotError::Open { .. },
                ) => return None,
            }
        }
    }

    fn seize(
        &self,
        user: &Arc<User>,
        seen: Ownership,
        to: NodeId,
        until: Moment,
    ) -> Result<Ownership, SlotError> {
        let next = user.slot.claim(seen, to, HELD)?;
        self.sweep_to(user, seen.node());
        let mut outcomes = user.slot.with(next, |state| {
            self.detach_all(state, to, Close::MovedTo(to), until)
        })?;
        user.slot.thaw(next, |state, parcel| {
            outcomes.extend(self.accept(state, parcel).stands());
        })?;
        self.moved(user, seen.node(), next, outcomes);
        Ok(next)
    }

    /// Sends what is on its way to a user's old node after the user, before anything newer can
    /// come: each sender's order is kept by the links.
    pub(super) fn sweep_to(&self, user: &User, old: NodeId) {
        let bare = user.jid.as_str();
        self.bring_after(old, |to| is_of(to.as_str(), bare));
    }

    /// As for a user, for all rooms of an alias that `old` hosts no more.
    pub fn sweep_to_alias(&self, alias: &Alias, old: NodeId) {
        self.bring_after(old, |to| to.domain().as_str() == alias.domain());
    }

    /// What is on its way to `old`, for addresses that `is_theirs`, follows them.
    fn bring_after(&self, old: NodeId, is_theirs: impl Fn(&Jid) -> bool) {
        // The other half of this fence is behind each posting: either the letter is seen here, or its
        // sender sees the new owner.
        fence(Ordering::SeqCst);
        self.turn_round(old, |letter| {
            letter.parcel.stanza.to.as_ref().is_some_and(&is_theirs)
        });
    }

    /// Routes anew what is on its way to a node or waits before its closed router, as far as `pick` chooses, from
    /// where it came: first what waits, which has come sooner, also what came while the links were looked at.
    fn turn_round(&self, old: NodeId, pick: impl Fn(&Letter) -> bool) {
        let here = self.node(old);
        let mut letters = here.kept_where(&pick);
        if self.world.network().may_wait(old) {
            let mut waiting = Vec::new();
            for from in self.others(old) {
                let taken = self.take_back(from, old, &pick).into_iter();
                waiting.extend(taken.map(|letter| (from, letter)));
            }
            letters.extend(here.kept_where(&pick));
            letters.extend(waiting);
        }
        for (from, letter) in letters {
            self.route_on(from, letter.parcel);
        }
    }

    /// Routes what is on its way from a node: from where its sender lives by now, if it has moved, so that it goes
    /// ahead of what that says there.
    pub(super) fn route_on(&self, from: NodeId, parcel: Parcel) {
        let host = self.host_of(parcel.stanza.from.as_ref());
        self.route(host.unwrap_or(from), parcel);
    }

    /// What `old` has sent and that has not arrived goes on from `new`, as far as `pick` chooses
    /// by the sender's address: rooms and users that have moved do not leave their words behind.
    pub fn send_on(&self, old: NodeId, new: NodeId, pick: impl Fn(&Stanza) -> bool) {
        for to in self.others(old) {
            if self.world.network().may_wait(to) {
                self.divert(old, to, new, |letter| pick(&letter.parcel.stanza));
            }
        }
    }

    /// Sends on from `new` what `old` had sent when its power was cut.
    pub fn send_orphans(&self, old: NodeId, new: NodeId) {
        for letter in self.node(old).orphans() {
            self.route(new, letter.parcel);
        }
    }

    /// Detaches what a former life of `node` left attached; for a node that starts.
    pub fn detach_leftovers(&self, node: NodeId, until: Moment) {
        if canary!("LeftoversStayAttached") {
            return;
        }
        for user in self.hosted_by(node) {
            let mine = user.slot.owner();
            let outcomes = user
                .slot
                .with(mine, |state| {
                    self.detach_all(state, node, Close::Shutdown, until)
                })
                .unwrap_or_default();
            self.watch(node, &user);
            self.act_all(node, &user, outcomes);
            self.compose_later(node, &user);
        }
    }

    /// Detaches all sessions of a user, whom `at` owns; what those without stream management had
    /// queued waits for the user. What a node kept for a suspended client is lost if that node is.
    fn detach_all(
        &self,
        state: &mut UserState,
        at: NodeId,
        why: Close,
        until: Moment,
    ) -> Vec<Outcome> {
        let mut outs: Vec<Out> = Vec::new();
        for session in &mut state.sessions {
            if let Link::Attached(outlet) = &session.link
                && !canary!("OldWireKept")
            {
                outlet.close(why);
                let until = self.waits_until(session, until);
                session.link = Link::Detached { until };
            }
            outs.append(&mut self.forget(session, at));
            if !session.is_resumable() {
                outs.extend(session.out.drain(..));
            }
        }
        put_back(state, outs, self.limits, self.stamp(), || {
            self.number().to_string()
        })
    }

    fn moved(&self, user: &Arc<User>, from: NodeId, next: Ownership, outcomes: Vec<Outcome>) {
        self.node(from)
            .counters
            .moved_out
            .fetch_add(1, Ordering::Relaxed);
        self.node(next.node())
            .counters
            .moved_in
            .fetch_add(1, Ordering::Relaxed);
        self.send_on(from, next.node(), |stanza| {
            is_of(address(&stanza.from), user.jid.as_str())
        });
        self.note_moved(user, from, next);
        self.node(next.node()).has_come(user);
        self.node(from).residents.set_guest(user, false);
        self.note_guest(user, next.node());
        self.watch(next.node(), user);
        self.act_all(next.node(), user, outcomes);
        if self.node(next.node()).is_open(Gate::Presence) {
            self.publish_pending_of(next.node(), user);
        }
        self.compose_later(next.node(), user);
    }

    pub(crate) fn act_all(&self, at: NodeId, user: &Arc<User>, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            for parcel in self.act(at, user, outcome) {
                self.route(at, parcel);
            }
        }
    }

    /// Gives a node up: what is on its way to it is taken back from the links and routed anew.
    /// To be called once its users and rooms have another owner.
    pub fn give_up(&self, node: NodeId) {
        self.turn_round(node, |_| true);
    }

    /// All nodes but this one, in order.
    fn others(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let all = self.nodes.iter().map(|node| node.spec.id);
        all.filter(move |other| *other != node)
    }

    /// Takes back what `from` has sent to the router of `to`, that has not arrived and that `pick`
    /// chooses, and routes it from `at`. The order of the link is kept.
    pub(super) fn divert(
        &self,
        from: NodeId,
        to: NodeId,
        at: NodeId,
        pick: impl Fn(&Letter) -> bool,
    ) {
        for letter in self.take_back(from, to, pick) {
            self.route(at, letter.parcel);
        }
    }

    /// Takes back what `from` has sent to the router of `to`, that has not arrived and that `pick` chooses, in order.
    fn take_back(&self, from: NodeId, to: NodeId, pick: impl Fn(&Letter) -> bool) -> Vec<Letter> {
        let network = self.world.network();
        let taken = match network.waiting(from, to) {
            0 => Vec::new(),
            _ => network.take_back_where(from, to, |port, packet| {
                port == ROUTER_PORT && peek(packet).is_some_and(&pick)
            }),
        };
        let letters = taken.into_iter();
        letters
            .filter_map(|(_, packet)| letter_of(packet))
            .collect()
    }

    /// Opens a gate of a node. The router's lets in what waited before it.
    pub fn open(&self, node: NodeId, gate: Gate) {
        self.node(node).set(gate, true);
        match gate {
            Gate::Router => {
                self.send_orphans(node, node);
                for (_, letter) in self.node(node).kept_where(|_| true) {
                    self.route(node, letter.parcel);
                }
            }
            Gate::Presence => self.publish_pending(node),
            Gate::Connections | Gate::Conference => {}
        }
    }

    /// A node's power is gone: all its gates are closed, and nobody is at its door.
    pub fn power_off(&self, node: NodeId) {
        for gate in [
            Gate::Router,
            Gate::Connections,
            Gate::Presence,
            Gate::Conference,
        ] {
            self.node(node).set(gate, false);
        }
        self.node(node).set_door(None);
        self.node(node).set_conference(None);
        self.node(node).set_caretaker(None);
        self.node(node).uncomposed().lock().clear();
    }

    /// Closes a gate of a node.
    pub fn shut(&self, node: NodeId, gate: Gate) {
        self.node(node).set(gate, false);
    }
}

pub(super) fn address(of: &Option<Jid>) -> &str {
    of.as_ref().map_or("", |of| of.as_str())
}

/// Whether an address is this bare one, or one of its resources.
pub(super) fn is_of(address: &str, bare: &str) -> bool {
    let rest = address.strip_prefix(bare);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
