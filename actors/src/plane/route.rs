//! The way of a stanza to its target.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use takeover_core::id::NodeId;
use takeover_core::sync::{Claim, Delivery, Ownership};
use takeover_protocols::jid::Jid;
use takeover_protocols::muc::Broadcast;
use takeover_protocols::ns;
use takeover_protocols::routing::{Address, Decision, Resource, route as table};
use takeover_protocols::stanza::{
    Condition, ErrorType, MessageType, PresenceType, Stanza, StanzaError, StanzaKind,
};

use super::deliver::Outcome;
use super::letter::{Letter, ROUTER_PORT};
use super::node::Gate;
use super::parcel::{Origin, Parcel};
use super::user::{Out, Push, User, Written};
use super::{Plane, Router};
use crate::conference::Alias;
use crate::rt::{Arrival, Endpoint, NotSent, Packet, Returned};

/// What is left to route after a step: answers, and parcels whose turn has come.
pub(crate) type Left = Vec<Parcel>;

/// Whose an address is.
enum Target {
    User(Arc<User>),
    NoSuchUser,
    Alias(Arc<Alias>),
    Server,
    Gateway,
    Elsewhere,
}

impl Plane {
    /// Routes a parcel that is at node `at`, and all that follows from it.
    pub fn route(&self, at: NodeId, parcel: Parcel) {
        let mut left = self.step(at, parcel);
        while !left.is_empty() {
            let mut next = Left::new();
            for parcel in left {
                next.append(&mut self.step(at, parcel));
            }
            left = next;
        }
    }

    /// Routes what the server itself says.
    pub fn say(&self, at: NodeId, stanza: Stanza) {
        self.route(at, Parcel::of(stanza));
    }

    fn step(&self, at: NodeId, parcel: Parcel) -> Left {
        self.node(at)
            .counters
            .routed
            .fetch_add(1, Ordering::Relaxed);
        match self.target(parcel.stanza.to.as_ref()) {
            Target::User(user) => self.to_user(at, &user, parcel),
            Target::Alias(alias) => self.to_alias(at, &alias, parcel),
            Target::Server => self.at_server(at, parcel),
            Target::Gateway => self.at_gateway(at, parcel),
            Target::NoSuchUser => self.no_such_user(parcel),
            Target::Elsewhere => self.refuse(parcel, Condition::RemoteServerNotFound),
        }
    }

    /// Which node hosts this user or room; nothing if that is nobody's here.
    pub(crate) fn host_of(&self, address: Option<&Jid>) -> Option<NodeId> {
        match self.target(address) {
            Target::User(user) => Some(user.slot.owner().node()),
            Target::Alias(alias) => Some(alias.owner().node()),
            Target::NoSuchUser | Target::Server | Target::Gateway | Target::Elsewhere => None,
        }
    }

    fn target(&self, address: Option<&Jid>) -> Target {
        let Some(to) = address else {
            return Target::Server;
        };
        let domain = to.domain().as_str();
        if self.domains.iter().any(|served| served == domain) {
            if to.node().is_none() {
                return Target::Server;
            }
            let text = to.as_str();
            let bare = text.split_once('/').map_or(text, |(bare, _)| bare);
            return self.user(bare).map_or(Target::NoSuchUser, Target::User);
        }
        match self.alias(domain) {
            Some(alias) => Target::Alias(alias.clone()),
            None if domain == self.push_gateway() => Target::Gateway,
            None => Target::Elsewhere,
        }
    }

    /// There is no such account (RFC 6121, section 8.5.1).
    fn no_such_user(&self, parcel: Parcel) -> Left {
        let nobody = None::<std::iter::Empty<Resource<'_>>>;
        let parcel = match parcel.claim() {
            Claim::Go(parcel) => parcel,
            Claim::Parked | Claim::Stale(_) => return Left::new(),
        };
        match table(parcel.stanza.kind, Address::Bare, nobody) {
            Decision::Bounce(condition) => self.bounce(parcel, condition),
            Decision::Unsubscribed => {
                let mut denied = Stanza::presence(PresenceType::Unsubscribed);
                denied.from = parcel.stanza.to.as_ref().map(|to| to.to_bare().into());
                denied.to.clone_from(&parcel.stanza.from);
                let mut left = finished(parcel.origin);
                left.push(Parcel::of(denied));
                left
            }
            Decision::Deliver(_)
            | Decision::Store
            | Decision::Answer
            | Decision::Subscription
            | Decision::Probe
            | Decision::Drop => finished(parcel.origin),
        }
    }

    fn to_user(&self, at: NodeId, user: &Arc<User>, mut parcel: Parcel) -> Left {
        loop {
            let seen = user.slot.owner();
            if seen.node() != at {
                let left = self.post(at, seen, parcel);
                fence(Ordering::SeqCst);
                if user.slot.owner() != seen {
                    // It has moved between the look and the sending: nobody else brings it after.
                    self.sweep_to(user, seen.node());
                }
                return left;
            }
            match self.deliver(user, seen, parcel) {
                Ok(left) => return left,
                Err(again) => parcel = again,
            }
        }
    }

    /// Delivers at the owner; the parcel comes back if `seen` is over.
    pub(crate) fn deliver(
        &self,
        user: &Arc<User>,
        seen: Ownership,
        parcel: Parcel,
    ) -> Result<Left, Parcel> {
        let delivery = user
            .slot
            .deliver(seen, parcel, |state, parcel| self.accept(state, parcel));
        match delivery {
            Delivery::Delivered(outcome) => Ok(self.act(seen.node(), user, outcome)),
            Delivery::Held => Ok(Left::new()),
            Delivery::Stale(parcel, _) => Err(parcel),
            Delivery::Full(parcel) => Ok(self.refuse(parcel, Condition::ResourceConstraint)),
            Delivery::Closed(parcel) => Ok(self.no_such_user(parcel)),
        }
    }

    /// Queues one recipient's copy of what a room says, if its session is at this node and takes
    /// it. False where nothing has happened: then the copy is to be built and routed.
    pub(super) fn offer_copy(
        &self,
        at: NodeId,
        of: &Arc<Broadcast>,
        recipient: usize,
        mut octets: Option<&mut Vec<u8>>,
    ) -> bool {
        // What a session takes under its full address, whatever else is known of it (RFC 6121,
        // section 8.5.3.1), and what never waits for a user.
        let fits = match of.stanza().kind {
            StanzaKind::Message(kind) => kind == MessageType::Groupchat,
            StanzaKind::Presence(kind) => {
                matches!(kind, PresenceType::Available | PresenceType::Unavailable)
            }
            StanzaKind::Iq(_) => false,
        };
        let to = &of.recipients()[recipient];
        let Some((bare, resource)) = to.as_str().split_once('/').filter(|_| fits) else {
            return false;
        };
        let Some(user) = self.user(bare) else {
            return false;
        };
        let seen = user.slot.owner();
        if seen.node() != at {
            return false;
        }
        let offered = user.slot.offer(seen, |state| {
            let what = Written::Copy {
                of: of.clone(),
                recipient,
            };
            let (out, limit) = (Out { what, stored: None }, self.limits.session_queue);
            let session = state.resource(resource)?;
            let pushed = match &mut octets {
                Some(octets) => session.tell(out, limit, octets),
                None => session.push(out, limit),
            };
            match pushed {
                Push::Queued => Some(false),
                Push::Missed => Some(true),
                Push::Refused(_) => None,
            }
        });
        let counters = &self.node(at).counters;
        let (taken, missed) = (offered.flatten().is_some(), offered.flatten() == Some(true));
        counters.routed.fetch_add(taken.into(), Ordering::Relaxed);
        counters.messages.fetch_add(taken.into(), Ordering::Relaxed);
        if missed {
            for parcel in self.pushes(at, &user) {
                self.route(at, parcel);
            }
        }
        taken
    }

    /// Does what is left to do with a stanza when the lock of its target is gone.
    pub(crate) fn act(&self, at: NodeId, user: &Arc<User>, outcome: Outcome) -> Left {
        match outcome {
            Outcome::Done(origin) => {
                self.node(at)
                    .counters
                    .messages
                    .fetch_add(1, Ordering::Relaxed);
                finished(origin)
            }
            Outcome::Missed(origin) => {
                let mut left = self.act(at, user, Outcome::Done(origin));
                left.append(&mut self.pushes(at, user));
                left
            }
            Outcome::Bounce(parcel, condition) => self.bounce(parcel, condition),
            Outcome::Store(parcel, key) => {
                self.store_offline(user, parcel, key);
                Left::new()
            }
            Outcome::Account(parcel) => self.for_account(user, parcel),
            Outcome::Parked => Left::new(),
            Outcome::Next(parcel) => Left::from_iter([parcel]),
            Outcome::Stale(_) => {
                self.node(at).counters.stale.fetch_add(1, Ordering::Relaxed);
                Left::new()
            }
        }
    }

    /// To the manager that hosts the alias; in transition the parcel is held.
    fn to_alias(&self, at: NodeId, alias: &Arc<Alias>, mut parcel: Parcel) -> Left {
        if self.lacks_conference(at, &parcel) {
            return self.refuse(parcel, Condition::ServiceUnavailable);
        }
        loop {
            let seen = alias.owner();
            if seen.node() != at {
                if self.is_out_of_reach(alias, seen) {
                    return self.refuse(parcel, Condition::RecipientUnavailable);
                }
                let left = self.post(at, seen, parcel);
                fence(Ordering::SeqCst);
                if alias.owner() != seen {
                    // As for a user: nobody else brings it after.
                    self.sweep_to_alias(alias, seen.node());
                }
                return left;
            }
            match alias.deliver(seen, parcel) {
                Delivery::Delivered(outcome) => return self.after_manager(outcome),
                Delivery::Held => return Left::new(),
                Delivery::Stale(again, _) => parcel = again,
                Delivery::Full(parcel) => {
                    return self.refuse(parcel, Condition::ResourceConstraint);
                }
                Delivery::Closed(parcel) => {
                    return self.refuse(parcel, Condition::RemoteServerNotFound);
                }
            }
        }
    }

    /// CHAT-4: rooms that do not move are unreachable while their node is down; nobody takes over
    /// what is sent to them.
    fn is_out_of_reach(&self, alias: &Alias, owner: Ownership) -> bool {
        !alias.moves() && !self.world.network().is_up(owner.node())
    }

    /// CHAT-2: a user enters a room while TC runs at the node that serves the user.
    fn lacks_conference(&self, at: NodeId, parcel: &Parcel) -> bool {
        let stanza = &parcel.stanza;
        stanza.kind == StanzaKind::Presence(PresenceType::Available)
            && !self.node(at).is_open(Gate::Conference)
            && self.host_of(stanza.from.as_ref()) == Some(at)
            && stanza.has_child("x", ns::MUC)
    }

    /// What is left to do when a parcel was offered to a manager.
    pub(crate) fn after_manager(&self, outcome: Outcome) -> Left {
        match outcome {
            Outcome::Done(origin) | Outcome::Missed(origin) => origin
                .and_then(|origin| origin.accepted())
                .into_iter()
                .collect(),
            Outcome::Bounce(parcel, condition) => {
                // The standard's word for a service that is there and cannot be reached now.
                let error = StanzaError::new(condition).with_type(ErrorType::Wait);
                self.bounce_with(parcel, &error)
            }
            Outcome::Store(parcel, _) | Outcome::Account(parcel) | Outcome::Stale(parcel) => {
                drop(parcel);
                Left::new()
            }
            Outcome::Parked => Left::new(),
            Outcome::Next(parcel) => Left::from_iter([parcel]),
        }
    }

    /// Answers a parcel that nobody has claimed with an error.
    pub(crate) fn refuse(&self, parcel: Parcel, condition: Condition) -> Left {
        match parcel.claim() {
            Claim::Go(parcel) => self.bounce(parcel, condition),
            Claim::Parked | Claim::Stale(_) => Left::new(),
        }
    }

    /// Answers a claimed parcel with an error (RFC 6120, section 8.3.1).
    pub(crate) fn bounce(&self, parcel: Parcel, condition: Condition) -> Left {
        let error = match condition {
            // Not the sender's fault, and it may try again.
            Condition::ResourceConstraint => StanzaError::new(condition).with_type(ErrorType::Wait),
            _ => StanzaError::new(condition),
        };
        self.bounce_with(parcel, &error)
    }

    /// As [`Plane::bounce`], with an error that says more.
    pub(crate) fn bounce_with(&self, parcel: Parcel, error: &StanzaError) -> Left {
        let Parcel { stanza, origin } = parcel;
        let mut left = finished(origin);
        left.extend(stanza.error_reply_with_payload(error).map(Parcel::of));
        left
    }

    /// Sends a parcel to the node that owns its target.
    pub(crate) fn post(&self, at: NodeId, seen: Ownership, parcel: Parcel) -> Left {
        let to = seen.node();
        let letter = Box::new(Letter { seen, parcel });
        match self.world.network().send(at, to, ROUTER_PORT, letter) {
            Ok(()) => Left::new(),
            // The sending node has lost its power meanwhile: its pair knows what it had in hand.
            Err(NotSent::SenderDown(packet)) => {
                if let Some(letter) = super::transfer::letter_of(packet) {
                    self.node(at).keep_orphan(letter);
                }
                Left::new()
            }
            Err(NotSent::NoSuchNode(..)) => Left::new(),
            // It has power and its router is not there yet: the letter waits before the door.
            Err(NotSent::NobodyListens(packet)) => {
                if let Some(letter) = super::transfer::letter_of(packet) {
                    self.node(to).keep(at, letter);
                }
                Left::new()
            }
            Err(NotSent::FlowFull(packet)) => match super::transfer::letter_of(packet) {
                Some(letter) => self.refuse(letter.parcel, Condition::RemoteServerTimeout),
                None => Left::new(),
            },
        }
    }

    fn arrived(&self, at: NodeId, from: NodeId, letter: Letter) {
        if !self.node(at).is_open(Gate::Router) {
            // Who has moved meanwhile need not wait for this router.
            return match self.host_of(letter.parcel.stanza.to.as_ref()) {
                Some(node) if node != at => self.route_on(from, letter.parcel),
                Some(_) | None => self.node(at).keep(from, letter),
            };
        }
        self.route(at, letter.parcel);
    }
}

/// Finishes a ticket; answers what waited behind it.
pub(crate) fn finished(origin: Option<Origin>) -> Left {
    origin
        .and_then(|origin| origin.finish())
        .into_iter()
        .collect()
}

impl Endpoint for Router {
    fn arrived(&self, arrival: Arrival) {
        let (Some(plane), from) = (self.plane.upgrade(), arrival.from) else {
            return;
        };
        if let Ok(letter) = arrival.open::<Letter>() {
            plane.arrived(self.node, from, letter);
        }
    }

    /// The node's power is cut: what it had sent is known to its peer (USR-5).
    fn orphaned(&self, _to: NodeId, packet: Box<dyn Packet>) -> Option<Box<dyn Packet>> {
        let Some(plane) = self.plane.upgrade() else {
            return Some(packet);
        };
        if let Some(letter) = super::transfer::letter_of(packet) {
            match plane.host_of(letter.parcel.stanza.from.as_ref()) {
                // Its sender, a room or a user, lives at another node by now: it goes on from there
                // at once, before anything newer.
                Some(host) if host != self.node => plane.route(host, letter.parcel),
                Some(_) | None => plane.node(self.node).keep_orphan(letter),
            }
        }
        None
    }

    /// The receiver's life ended before it came, or it has power and no router yet. Where the letter's target
    /// lives there still, it goes in, or waits before the door: sent again it would come behind what was sent
    /// later. Else it follows its target.
    fn returned(&self, returned: Returned) {
        let Some(plane) = self.plane.upgrade() else {
            return;
        };
        let Some(letter) = super::transfer::letter_of(returned.packet) else {
            return;
        };
        match plane.host_of(letter.parcel.stanza.to.as_ref()) {
            Some(host) if host == returned.to => plane.arrived(host, self.node, letter),
            Some(_) | None => plane.route_on(self.node, letter.parcel),
        }
    }
}
