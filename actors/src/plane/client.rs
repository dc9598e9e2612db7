//! Sessions as their tasks use them: opened, resumed, fed, drained, detached.

use std::sync::Arc;

use takeover_core::canary;
use takeover_core::id::NodeId;
use takeover_core::sync::{Issued, Ownership, SlotError};
use takeover_protocols::jid::FullJid;
use takeover_protocols::roster::subscription::SubscriptionKind;
use takeover_protocols::routing::{WithoutTo, without_to};
use takeover_protocols::sm::{AckError, Outbound};
use takeover_protocols::stanza::{Stanza, StanzaKind};
use thiserror::Error;

use super::Plane;
use super::outlet::{Close, Outlet};
use super::parcel::{Origin, Parcel, content_key, target_key};
use super::route::{Left, finished};
use super::tickets::Tickets;
use super::user::{Link, Managed, Out, Session, SessionId, User, UserState};

/// A session that a client owns, as its task holds it.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The user.
    pub user: Arc<User>,
    /// Which of its sessions.
    pub id: SessionId,
    /// Its full address.
    pub jid: FullJid,
    /// The ownership under which it was attached; once that is over the task must close.
    pub mine: Ownership,
    /// The session's inbound tickets.
    pub tickets: Arc<Tickets>,
    /// The life of the session that this attachment is.
    pub incarnation: u32,
    /// Inbound stanzas received before stream management began.
    pub base: u64,
    /// How the task is woken and told to close.
    pub outlet: Arc<Outlet>,
}

/// Why a session was not opened or resumed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The user is owned by another node (SES-2): `see-other-host`.
    #[error("the user is hosted by {0}")]
    Elsewhere(NodeId),
    /// The user is between two nodes: try again when that is over.
    #[error("the user is moving to another node")]
    Moving,
    /// *Maximum number of logon sessions per user* is reached (SES-1).
    #[error("{limit} sessions are open, as many as one user may have")]
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
    /// No session of this name can be resumed.
    #[error("there is no session to resume under that name")]
    NoSuchSession,
    /// The client acknowledges what was never sent.
    #[error(transparent)]
    Ack(#[from] AckError),
}

/// The task must close: its session belongs to another node or to a newer connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced(pub Close);

/// What a session's task writes next.
#[derive(Debug, Default)]
pub struct Batch {
    /// Stanzas in order.
    pub outs: Vec<Out>,
    /// They are kept until acknowledged; otherwise [`Plane::written`] says what became of them.
    pub managed: bool,
    /// The queue holds more than was taken.
    pub more: bool,
}

impl Plane {
    /// Opens a session, with `outlet` for its way out. A session of the same resource ends with
    /// `conflict` (RFC 6120, section 7.7.2.2). To be called when [`Plane::load`] has succeeded.
    ///
    /// # Errors
    /// [`OpenError::Elsewhere`], [`OpenError::Moving`], [`OpenError::TooMany`].
    pub fn open_session(
        &self,
        at: NodeId,
        user: &Arc<User>,
        jid: FullJid,
        outlet: Outlet,
    ) -> Result<Attached, OpenError> {
        let mine = self.owned(at, user)?;
        let outlet = Arc::new(outlet);
        let id = SessionId(self.number());
        let limit = self.limits.sessions;
        let opened = user.slot.with(mine, |state| {
            let (index, why) = match displaced(state, &jid, limit) {
                Ok(displaced) => displaced,
                Err(()) => return Err(OpenError::TooMany { limit }),
            };
            let old = index.map(|index| state.sessions.remove(index));
            if let Some(Session {
                link: Link::Attached(outlet),
                ..
            }) = &old
            {
                outlet.close(why);
            }
            let session = Session::new(id, jid.clone(), outlet.clone(), self.world.now());
            let tickets = session.tickets.clone();
            // Most users have one: no room for others.
            state.sessions.reserve_exact(1);
            state.sessions.push(session);
            Ok((old, tickets))
        });
        let (old, tickets) = opened.map_err(|error| elsewhere(&error))??;
        if let Some(old) = old {
            self.ended(at, user, old);
        }
        self.note_opened(&jid, at);
        let user = user.clone();
        Ok(Attached {
            user,
            id,
            jid,
            mine,
            tickets,
            incarnation: 0,
            base: 0,
            outlet,
        })
    }

    /// Turns stream management on; what is received from now on counts. With `resumable`, answers
    /// the name to resume the session by.
    ///
    /// # Errors
    /// [`Fenced`].
    pub fn enable(&self, attached: &mut Attached, resumable: bool) -> Result<Arc<str>, Fenced> {
        let base = attached.tickets.received();
        let name: Arc<str> = match resumable {
            true => self
                .durable_name(&format!("{}.{}", attached.id.0, self.secret()))
                .into(),
            false => "".into(),
        };
        let limit = self.limits.session_queue;
        self.mine(attached, |session| {
            let unacked = Outbound::new(limit.saturating_mul(2));
            session.sm = Some(Managed {
                name: name.clone(),
                base,
                unacked,
            });
        })?;
        attached.base = base;
        Ok(name)
    }

    /// Takes up a session on a new connection (XEP-0198, section 5), whichever node had it before;
    /// `outlet` is its way out from now on.
    /// The count for the client is right once [`Attached::settled`] has completed; until then
    /// nothing of the client may be read.
    ///
    /// # Errors
    /// [`OpenError::Elsewhere`], [`OpenError::Moving`], [`OpenError::NoSuchSession`],
    /// [`OpenError::Ack`].
    pub fn resume(
        &self,
        at: NodeId,
        user: &Arc<User>,
        name: &str,
        h: u32,
        outlet: Outlet,
    ) -> Result<Attached, OpenError> {
        let mine = self.owned(at, user)?;
        self.end_incomplete(mine, user, name);
        let outlet = Arc::new(outlet);
        let taken = user.slot.with(mine, |state| {
            let found = state
                .sessions
                .iter_mut()
                .find(|session| session.is_named(name));
            let session = found.ok_or(OpenError::NoSuchSession)?;
            let Some(sm) = &mut session.sm else {
                return Err(OpenError::NoSuchSession);
            };
            let acked = match canary!("ResumeCountIgnored") {
                true => Vec::new(),
                false => sm.unacked.ack(h)?,
            };
            let base = sm.base;
            requeue(session);
            session.wake_up(self.life(at));
            if let Link::Attached(old) = &session.link {
                old.close(Close::Conflict);
            }
            session.link = Link::Attached(outlet.clone());
            session.came = self.world.now();
            outlet.wake();
            let tickets = session.tickets.clone();
            let incarnation = tickets.resume();
            Ok((
                session.id,
                session.jid.clone(),
                tickets,
                incarnation,
                base,
                acked,
            ))
        });
        let (id, jid, tickets, incarnation, base, acked) =
            taken.map_err(|error| elsewhere(&error))??;
        self.confirm(user, places(&acked));
        self.note_resumed(&jid, at);
        let user = user.clone();
        Ok(Attached {
            user,
            id,
            jid,
            mine,
            tickets,
            incarnation,
            base,
            outlet,
        })
    }

    /// A stanza of the client, `from` its full address.
    ///
    /// # Errors
    /// [`Fenced`]: it was not taken, and the client must not be told that it was.
    pub fn from_client(
        &self,
        attached: &Attached,
        stanza: impl Into<Box<Stanza>>,
    ) -> Result<(), Fenced> {
        self.check(attached)?;
        let mut stanza = stanza.into();
        let user = &attached.user;
        let unaddressed = stanza.to.is_none().then(|| without_to(stanza.kind));
        if let Some(WithoutTo::OwnAccount | WithoutTo::Answer) = unaddressed {
            stanza.to = Some(user.jid.clone().into());
        }
        let issued = attached
            .tickets
            .issue(attached.incarnation, target_key(&stanza), || {
                content_key(&stanza)
            });
        let ticket = match issued {
            Issued::Ticket(ticket) => ticket,
            Issued::Repeated => return Ok(()),
            Issued::Stale => return Err(Fenced(Close::Conflict)),
        };
        let tickets = attached.tickets.clone();
        let origin = Origin { tickets, ticket };
        let at = attached.mine.node();
        if unaddressed == Some(WithoutTo::Broadcast) {
            self.own_presence(at, user, &attached.jid, &stanza);
            // A broadcast has no single target that anything could wait behind.
            let _ = origin.finish();
            return Ok(());
        }
        let origin = Some(origin);
        let parcel = Parcel { stanza, origin };
        let left = match unaddressed {
            Some(WithoutTo::Refuse(condition)) => self.bounce(parcel, condition),
            Some(WithoutTo::Drop) => finished(parcel.origin),
            Some(WithoutTo::OwnAccount | WithoutTo::Answer | WithoutTo::Broadcast) | None => {
                self.addressed(attached, parcel)
            }
        };
        for parcel in left {
            self.route(at, parcel);
        }
        Ok(())
    }

    /// A stanza for somebody: answers what to route.
    fn addressed(&self, attached: &Attached, parcel: Parcel) -> Left {
        let user = &attached.user;
        if SubscriptionKind::of(&parcel.stanza).is_some() {
            return self.subscribe(user, parcel);
        }
        if let (StanzaKind::Presence(kind), Some(to)) = (parcel.stanza.kind, &parcel.stanza.to) {
            if self.is_mute(user, attached.id, kind, to) {
                return finished(parcel.origin);
            }
            self.note_directed(user, attached.id, kind, to);
        }
        self.copy_sent(user, attached.id, &parcel.stanza);
        vec![parcel]
    }

    /// A stanza that was refused by the stream itself: it counts, and the error goes back.
    ///
    /// # Errors
    /// [`Fenced`].
    pub fn refused(&self, attached: &Attached, reply: Option<Stanza>) -> Result<(), Fenced> {
        self.check(attached)?;
        if let Issued::Ticket(ticket) = attached.tickets.issue(attached.incarnation, 0, || 0) {
            let _ = attached.tickets.finish(ticket);
        }
        let Some(reply) = reply else { return Ok(()) };
        let limit = self.limits.session_queue;
        let reply = reply.with_to(attached.jid.clone());
        self.mine(attached, |session| {
            let _ = session.push(Out::of(reply), limit);
        })
    }

    /// Takes what is to be written next, at most `limit` stanzas.
    ///
    /// # Errors
    /// [`Fenced`].
    pub fn take_batch(&self, attached: &Attached, limit: usize) -> Result<Batch, Fenced> {
        self.mine(attached, |session| {
            let outs: Vec<Out> = match session.out.len() > limit {
                true => session.out.drain(..limit).collect(),
                // The queue itself, so that an idle session holds none.
                false => std::mem::take(&mut session.out).into(),
            };
            let more = !session.out.is_empty();
            let managed = session.sm.is_some();
            if let Some(sm) = &mut session.sm {
                for out in &outs {
                    // Its limit is above that of the backlog, which `push` keeps.
                    let _ = sm.unacked.push(out.clone());
                }
            }
            Batch {
                outs,
                managed,
                more,
            }
        })
    }

    /// What became of a batch of a session without stream management: the first `count` stanzas
    /// are written; the others go back into the queue, or wait for the user.
    pub fn written(&self, attached: &Attached, batch: Batch, count: usize) {
        let mut outs = batch.outs;
        let rest = outs.split_off(count.min(outs.len()));
        self.confirm(&attached.user, places(&outs));
        if rest.is_empty() {
            return;
        }
        let mut rest = Some(rest);
        let given = attached.user.slot.with(attached.mine, |state| {
            let Some(session) = state.session(attached.id) else {
                return;
            };
            for out in rest.take().into_iter().flatten().rev() {
                session.out.push_front(out);
            }
        });
        if given.is_err() || rest.is_some() {
            self.give_back(&attached.user, rest.unwrap_or_default());
        }
    }

    /// The user's ownership, if `at` is the owner.
    fn owned(&self, at: NodeId, user: &User) -> Result<Ownership, OpenError> {
        let owner = user.slot.owner();
        if owner.node() != at {
            return Err(OpenError::Elsewhere(owner.node()));
        }
        match user.slot.gate() {
            takeover_core::sync::Gate::Open => Ok(owner),
            takeover_core::sync::Gate::Frozen { .. } | takeover_core::sync::Gate::Closed => {
                Err(OpenError::Moving)
            }
        }
    }

    /// Whether the user is still owned as it was when the session was attached.
    #[must_use]
    pub fn is_mine(&self, attached: &Attached) -> bool {
        attached.user.slot.owner() == attached.mine
    }

    /// Whether the task may still act for the session.
    ///
    /// # Errors
    /// [`Fenced`], with what to tell the client.
    pub fn check(&self, attached: &Attached) -> Result<(), Fenced> {
        if let Some(why) = attached.outlet.closing() {
            return Err(Fenced(why));
        }
        let owner = attached.user.slot.owner();
        if owner == attached.mine {
            Ok(())
        } else {
            Err(Fenced(Close::MovedTo(owner.node())))
        }
    }

    /// Whether the session is served by the connection that it was attached by.
    #[must_use]
    pub fn is_attached(&self, attached: &Attached) -> bool {
        self.mine(attached, |_| ()).is_ok()
    }

    /// Works on the task's own session.
    pub(super) fn mine<R>(
        &self,
        attached: &Attached,
        work: impl FnOnce(&mut Session) -> R,
    ) -> Result<R, Fenced> {
        let result = attached.user.slot.with(attached.mine, |state| {
            let session = state.session(attached.id)?;
            is_link(session, &attached.outlet).then(|| work(session))
        });
        match result {
            Ok(Some(result)) => Ok(result),
            Ok(None) => Err(Fenced(attached.outlet.closing().unwrap_or(Close::Conflict))),
            Err(_) => Err(Fenced(Close::MovedTo(attached.user.slot.owner().node()))),
        }
    }
}

impl Attached {
    /// Completes when no stanza of an earlier connection is in doubt; answers the count for the
    /// client, modulo 2^32.
    pub async fn settled(&self) -> u32 {
        let handled = self.tickets.settled(self.incarnation).await;
        self.count(handled)
    }

    /// How many stanzas of the client are handled, modulo 2^32.
    #[must_use]
    pub fn handled(&self) -> u32 {
        self.count(self.tickets.handled())
    }

    fn count(&self, handled: u64) -> u32 {
        // Truncation is the modulus.
        handled.saturating_sub(self.base) as u32
    }
}

/// Which session must go for a new one of this address, and what it is told: the one of the same
/// resource, else, at the limit, the oldest that has no connection.
fn displaced(state: &UserState, jid: &FullJid, limit: usize) -> Result<(Option<usize>, Close), ()> {
    let same = state
        .sessions
        .iter()
        .position(|session| session.jid == *jid);
    if same.is_some() || state.sessions.len() < limit {
        return Ok((same, Close::Conflict));
    }
    let detached = state
        .sessions
        .iter()
        .position(|session| !session.is_attached());
    detached
        .map(|index| (Some(index), Close::Conflict))
        .ok_or(())
}

/// Puts what is not acknowledged before what is not written yet.
fn requeue(session: &mut Session) {
    let Some(sm) = &mut session.sm else { return };
    if canary!("UnacknowledgedForgotten") {
        let _ = sm.unacked.take_unacked();
    }
    for out in sm.unacked.take_unacked().into_iter().rev() {
        session.out.push_front(out);
    }
}

pub(super) fn is_link(session: &Session, outlet: &Arc<Outlet>) -> bool {
    match &session.link {
        Link::Attached(link) => Arc::ptr_eq(link, outlet),
        Link::Detached { .. } => false,
    }
}

pub(super) fn places(outs: &[Out]) -> Vec<u64> {
    outs.iter().filter_map(|out| out.stored).collect()
}

fn elsewhere(error: &SlotError) -> OpenError {
    match error {
        SlotError::Stale { owner, .. } | SlotError::Closed { owner } => {
            OpenError::Elsewhere(owner.node())
        }
        SlotError::Frozen { .. } | SlotError::Open { .. } => OpenError::Moving,
    }
}
