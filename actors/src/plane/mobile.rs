//! Clients that are away (SES-10): a session with pushes lives on without a connection, composed at the
//! node that hosts its user, and what comes for it is told to a push gateway.
//!
//! Two ways of being away. In the *background* the client has closed its connection: what comes waits in
//! the session's queue, which the pair knows (USR-5). *Suspended*, by the client's own word
//! (XEP-0352), what comes stays unread in the memory of the node alone, and is lost with it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_protocols::csi::ClientState;
use takeover_protocols::jid::FullJid;
use takeover_protocols::push::{self, Registration, Summary, Switch, Unread};
use takeover_protocols::stanza::{Condition, Stanza, StanzaKind};

use super::Plane;
use super::client::{Attached, Fenced};
use super::gateway::PushRules;
use super::parcel::Parcel;
use super::route::{Left, finished};
use super::user::{Out, Push, Session, SessionId, User, Written};

/// One life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The node.
    node: NodeId,
    /// Which of its lives.
    number: u32,
}

/// What a session has whose client asked for pushes.
#[derive(Debug)]
pub struct Mobile {
    /// What its client has not read, and where it is told.
    unread: Unread,
    /// The life of a node that has composed the session: no other may push for it.
    composed: Life,
    /// The client has said that it is suspended.
    suspended: bool,
    /// What came since then, in the memory of `kept_by`.
    kept: Vec<Out>,
    /// Whose memory that is.
    kept_by: Life,
}

/// A push that is to go out.
struct Due {
    jid: FullJid,
    registration: Registration,
    summary: Summary,
}

impl Mobile {
    fn new(registration: Registration, here: Life) -> Self {
        Self {
            unread: Unread::new(registration),
            composed: here,
            suspended: false,
            kept: Vec::new(),
            kept_by: here,
        }
    }
}

impl Session {
    /// Whether its client has said that it is suspended.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.mobile.as_ref().is_some_and(|mobile| mobile.suspended)
    }

    /// Stanzas that are kept for a suspended client.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.mobile.as_ref().map_or(0, |mobile| mobile.kept.len())
    }

    /// A stanza that was queued for a client that is away; whether it is to be told of that.
    pub(super) fn missed(&mut self, stanza: &Stanza) -> bool {
        let mobile = self.mobile.as_mut();
        mobile.is_some_and(|mobile| mobile.unread.missed(stanza))
    }

    /// Keeps a stanza for a suspended client.
    pub(super) fn keep(&mut self, out: Out, limit: usize) -> Push {
        let full = self.backlog() >= limit;
        let Some(mobile) = self.mobile.as_mut().filter(|_| !full) else {
            return self.refuse(out);
        };
        let missed = mobile.unread.missed(out.shared());
        mobile.kept.push(out);
        if missed { Push::Missed } else { Push::Queued }
    }

    /// The client is there: what was kept for it is queued behind the rest.
    pub(super) fn wake_up(&mut self, here: Life) {
        if let Some(mobile) = &mut self.mobile {
            mobile.suspended = false;
            mobile.composed = here;
            mobile.unread.read();
            self.out.extend(mobile.kept.drain(..));
        }
    }

    /// Takes what was kept in the memory of a node whose life is over; what is kept from now on is
    /// in that of `here`.
    fn forgotten(&mut self, here: Life, is_over: impl Fn(Life) -> bool) -> Vec<Out> {
        let Some(mobile) = &mut self.mobile else {
            return Vec::new();
        };
        let kept_by = std::mem::replace(&mut mobile.kept_by, here);
        match is_over(kept_by) {
            true => std::mem::take(&mut mobile.kept),
            false => Vec::new(),
        }
    }

    /// Whether it waits to be composed by `here`.
    fn is_uncomposed(&self, here: Life) -> bool {
        let uncomposed = |mobile: &Mobile| mobile.composed != here;
        !self.is_attached() && self.mobile.as_deref().is_some_and(uncomposed)
    }

    /// The push that is due, if `here` may send it.
    fn due(&mut self, here: Life, rules: PushRules) -> Option<Due> {
        let mobile = self.mobile.as_mut()?;
        if mobile.composed != here {
            return None;
        }
        let summary = mobile.unread.push(rules.content)?;
        let registration = mobile.unread.registration().clone();
        let jid = self.jid.clone();
        Some(Due {
            jid,
            registration,
            summary,
        })
    }
}

impl Out {
    /// The stanza as all its recipients share it: without an address of this one.
    pub(super) fn shared(&self) -> &Stanza {
        match &self.what {
            Written::Stanza(stanza) => stanza,
            Written::Copy { of, .. } | Written::Seen { of, .. } => of.stanza(),
        }
    }
}

impl Plane {
    /// The present life of a node.
    pub(super) fn life(&self, node: NodeId) -> Life {
        let number = self.world.network().life(node);
        Life { node, number }
    }

    fn is_over(&self, life: Life) -> bool {
        let network = self.world.network();
        !network.is_up(life.node) || network.life(life.node) != life.number
    }

    /// A client asks for pushes, or for none any more (XEP-0357, section 5). They are for a session
    /// that can wait for its client, and the deployment knows one gateway.
    pub(super) fn switch_pushes(
        &self,
        user: &Arc<User>,
        parcel: Parcel,
        switch: Result<Switch, Condition>,
    ) -> Left {
        let switched = match switch {
            Ok(Switch::Enable(registration))
                if registration.service.as_str() != self.gateway.address() =>
            {
                Err(Condition::ItemNotFound)
            }
            Ok(switch) => self.switched(user, &parcel.stanza, &switch),
            Err(condition) => Err(condition),
        };
        match switched {
            Ok(()) => {
                let Parcel { stanza, origin } = parcel;
                let mut left = finished(origin);
                left.push(Parcel::of(stanza.result()));
                left
            }
            Err(condition) => self.bounce(parcel, condition),
        }
    }

    fn switched(&self, user: &User, asked: &Stanza, switch: &Switch) -> Result<(), Condition> {
        let by = asked.from.as_ref().and_then(|from| from.resource());
        let here = self.life(user.slot.owner().node());
        let done = user.update(|state| {
            let session = by.and_then(|by| state.resource(by.as_str()));
            let Some(session) = session.filter(|session| session.is_resumable()) else {
                return Err(Condition::UnexpectedRequest);
            };
            if let Switch::Enable(registration) = switch {
                session.mobile = Some(Box::new(Mobile::new(registration.clone(), here)));
                return Ok(());
            }
            let ends = |mobile: &Mobile| switch.ends(mobile.unread.registration());
            if session.mobile.as_deref().is_some_and(ends) {
                session.wake_up(here);
                session.mobile = None;
            }
            Ok(())
        });
        done.unwrap_or(Err(Condition::ServiceUnavailable))
    }

    /// A client tells whether it is in use (XEP-0352). To one without pushes nothing changes: what
    /// comes for it has no other way to its user.
    ///
    /// # Errors
    /// [`Fenced`].
    pub fn client_state(&self, attached: &Attached, state: ClientState) -> Result<(), Fenced> {
        let here = self.life(attached.mine.node());
        self.mine(attached, |session| {
            match state {
                ClientState::Active => session.wake_up(here),
                ClientState::Inactive => {
                    if let Some(mobile) = &mut session.mobile {
                        (mobile.suspended, mobile.kept_by) = (true, here);
                    }
                }
            }
            attached.outlet.wake();
        })
    }

    /// The pushes that are due for a user, at the node that hosts it.
    pub(super) fn pushes(&self, at: NodeId, user: &User) -> Left {
        let (here, rules) = (self.life(at), self.push);
        let due = user.update(|state| {
            let sessions = state.sessions.iter_mut();
            let due = sessions.filter_map(|session| session.due(here, rules));
            due.collect::<Vec<_>>()
        });
        let push = |due: Due| {
            let id = format!("push-{}", self.number());
            let counters = &self.node(at).counters;
            counters.pushes.fetch_add(1, Ordering::Relaxed);
            self.note_pushed(&due.jid, due.summary.unread, at);
            Parcel::of(push::notification(
                &id,
                &user.jid,
                &due.registration,
                &due.summary,
            ))
        };
        due.into_iter().flatten().map(push).collect()
    }

    /// Takes what is lost of a session with the life of a node, and says so; answers what is not
    /// lost: requests are owed an answer, and what is in the offline store waits there.
    pub(super) fn forget(&self, session: &mut Session, at: NodeId) -> Vec<Out> {
        let gone = session.forgotten(self.life(at), |life| self.is_over(life));
        let is_lost = |out: &Out| match out.kind() {
            StanzaKind::Message(_) => out.stored.is_none(),
            StanzaKind::Presence(_) | StanzaKind::Iq(_) => false,
        };
        let (lost, kept): (Vec<Out>, Vec<Out>) = gone.into_iter().partition(is_lost);
        if lost.is_empty() {
            return kept;
        }
        if let Some(mobile) = &mut session.mobile {
            let words = lost.iter().filter(|out| out.shared().body().is_some());
            mobile.unread.lost(words.count() as u64);
        }
        let ids = lost
            .iter()
            .map(|out| out.shared().id.clone().unwrap_or_default());
        self.note_unread_lost(&session.jid, ids.collect(), at);
        kept
    }

    /// Has `at` compose the sessions of a user that has come there, as soon as it is their turn.
    pub(super) fn compose_later(&self, at: NodeId, user: &Arc<User>) {
        let here = self.life(at);
        let waiting: Vec<SessionId> = user.slot.peek(|state, _| {
            let sessions = state.sessions.iter();
            let waiting = sessions.filter(|session| session.is_uncomposed(here));
            waiting.map(|session| session.id).collect()
        });
        if !waiting.is_empty() {
            let waiting = waiting.into_iter().map(|id| (user.clone(), id));
            self.node(at).uncomposed().lock().extend(waiting);
            self.node(at).call_caretaker();
        }
    }

    /// Whether a session waits for `node` to compose it.
    #[must_use]
    pub fn is_uncomposed(&self, node: NodeId, session: &Session) -> bool {
        session.is_uncomposed(self.life(node))
    }

    /// Sessions of clients that are away which a node composes in a minute, at least one.
    #[must_use]
    pub fn composed_per_minute(&self) -> u32 {
        self.push.composed_per_minute.max(1)
    }

    /// Composes the next session that waits for it at a node, and sends the push that is due. False
    /// where none waits: those whose client has come, or whose user has gone, need it no more.
    pub fn compose_next(&self, at: NodeId) -> bool {
        loop {
            let next = self.node(at).uncomposed().lock().pop_front();
            let Some((user, id)) = next else { return false };
            if let Some(jid) = self.compose(at, &user, id) {
                self.note(at, Event::SessionComposed { jid });
                for parcel in self.pushes(at, &user) {
                    self.route(at, parcel);
                }
                return true;
            }
        }
    }

    fn compose(&self, at: NodeId, user: &User, id: SessionId) -> Option<String> {
        let (mine, here) = (user.slot.owner(), self.life(at));
        if mine.node() != at {
            return None;
        }
        let composed = user.slot.with(mine, |state| {
            let session = state
                .session(id)
                .filter(|session| session.is_uncomposed(here))?;
            session.mobile.as_mut()?.composed = here;
            Some(session.jid.to_string())
        });
        composed.ok().flatten()
    }
}
