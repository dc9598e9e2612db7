//! A user's place: what all nodes of the group know of a user and its sessions.
//!
//! It is the group's replicated soft-state store (USR-5): it survives the death of a node, so that
//! the peer finds sessions, queues and counts as they were. One user is one unit of ownership.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use takeover_core::id::NodeId;
use takeover_core::sync::{Ownership, Slot, SlotError};
use takeover_core::time::Moment;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::{BareJid, FullJid, Jid};
use takeover_protocols::muc::Broadcast;
use takeover_protocols::presence::{Connected, Shown};
use takeover_protocols::roster::Roster;
use takeover_protocols::routing::Resource;
use takeover_protocols::sm::Outbound;
use takeover_protocols::stanza::{Stanza, StanzaKind};

use super::deliver::is_kept;
use super::mobile::Mobile;
use super::outlet::Outlet;
use super::parcel::Parcel;
use super::tickets::Tickets;

/// The place of a user: an owner with an epoch, a gate, and the state behind it.
pub type UserSlot = Slot<UserState, Parcel>;

/// A user of the deployment.
#[derive(Debug)]
pub struct User {
    /// Bare address.
    pub jid: BareJid,
    /// The node it is assigned to.
    home: AtomicU16,
    /// Who owns the user now, and its state.
    pub slot: UserSlot,
}

/// A session's number, never used twice in a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What is behind the gate of a user's slot.
#[derive(Debug, Default)]
pub struct UserState {
    /// Sessions, attached or detached, in the order they were opened.
    pub sessions: Vec<Session>,
    /// Messages that wait for the user to come (XEP-0160), in order.
    pub offline: VecDeque<Waiting>,
    /// Roster, once somebody has needed it.
    pub roster: Option<Box<Roster>>,
    /// The store's waiting messages are in `offline`.
    pub offline_loaded: bool,
    /// Parcels that need the roster while it is being loaded.
    pub for_roster: Vec<Parcel>,
    /// The roster is being loaded.
    pub roster_loading: bool,
}

/// A message that waits for its user.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What tells it from others of this user, in the store too.
    pub key: String,
    /// When it came.
    pub at: Timestamp,
    /// Its place in the store, once it is durable.
    pub stored: Option<u64>,
    /// The message.
    pub stanza: Stanza,
}

/// A stanza on its way out of a session.
#[derive(Clone, Debug)]
pub struct Out {
    /// What is written.
    pub what: Written,
    /// Its place in the offline store, from which it is removed once the client has it.
    pub stored: Option<u64>,
}

/// Stream management of a session (XEP-0198), outward.
#[derive(Debug)]
pub struct Managed {
    /// The name under which it is resumed; empty if the client did not ask for that.
    pub name: Arc<str>,
    /// Inbound stanzas received before counting began.
    pub base: u64,
    /// Written and not acknowledged.
    pub unacked: Outbound<Out>,
}

/// What is written to a client.
#[derive(Clone, Debug)]
pub enum Written {
    /// A stanza of the session's own.
    Stanza(Box<Stanza>),
    /// One recipient's copy of what a room says to many; it is never built, only written.
    Copy {
        /// What all get.
        of: Arc<Broadcast>,
        /// Whose copy it is, among the recipients.
        recipient: usize,
    },
    /// One contact's copy of a user's presence, likewise.
    Seen {
        /// What all contacts get.
        of: Arc<Broadcast>,
        /// The contact.
        by: Jid,
    },
}

/// Whether a session has a wire.
#[derive(Debug)]
pub enum Link {
    /// It has, and this is the way to the task that owns it.
    Attached(Arc<Outlet>),
    /// It has lost it, and waits for the client until then.
    Detached {
        /// When it is given up.
        until: Moment,
    },
}

/// One session: a resource of a user.
#[derive(Debug)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// Full address.
    pub jid: FullJid,
    /// What it has shown of itself: presence for all, and whom it has sent presence directly; rooms
    /// are among them.
    pub shown: Shown,
    /// When its client came last, by a login or a resumption.
    pub came: Moment,
    /// Its presence has changed while the Presence Engine was down.
    pub unpublished: bool,
    /// It has asked for the roster and hears of changes (RFC 6121, section 2.1.6).
    pub interested: bool,
    /// It wants carbon copies (XEP-0280).
    pub carbons: bool,
    /// A message that waits nowhere else found no room here: to resume would be to say that nothing was
    /// missed.
    pub incomplete: bool,
    /// What it has besides where its client asked for pushes (SES-10).
    pub mobile: Option<Box<Mobile>>,
    /// Its inbound stanzas.
    pub tickets: Arc<Tickets>,
    /// Stream management, where enabled.
    pub sm: Option<Managed>,
    /// Accepted and not written yet.
    pub out: VecDeque<Out>,
    /// Its wire.
    pub link: Link,
}

/// What a session does with a stanza.
#[derive(Debug)]
pub enum Push {
    /// It is queued, or written.
    Queued,
    /// It is queued for a client that is away and to be told of it (SES-10).
    Missed,
    /// The session cannot take it: it has no wire and no stream management, or its queue is full.
    Refused(Out),
}

impl User {
    /// A user without sessions, owned by its home node.
    #[must_use]
    pub fn new(jid: BareJid, home: NodeId) -> Self {
        let slot = Slot::new(Ownership::new(home, 0), UserState::default());
        let home = AtomicU16::new(home.0);
        Self { jid, home, slot }
    }

    /// The node it is assigned to (USR-1). A failover does not change it.
    #[must_use]
    pub fn home(&self) -> NodeId {
        NodeId(self.home.load(Ordering::Acquire))
    }

    /// Assigns it to another node, which [`Plane::assign`](super::Plane::assign) writes down.
    pub(super) fn assign(&self, home: NodeId) {
        self.home.store(home.0, Ordering::Release);
    }

    /// Changes the state in the name of whoever owns the user now; `None` once the user is gone.
    pub fn update<R>(&self, mut change: impl FnMut(&mut UserState) -> R) -> Option<R> {
        loop {
            match self.slot.with(self.slot.owner(), &mut change) {
                Ok(result) => return Some(result),
                Err(SlotError::Stale { .. }) => {}
                Err(
                    SlotError::Closed { .. } | SlotError::Frozen { .. } | SlotError::Open { .. },
                ) => {
                    return None;
                }
            }
        }
    }
}

impl Out {
    /// A stanza that is in no store.
    #[must_use]
    pub fn of(stanza: impl Into<Box<Stanza>>) -> Self {
        let (what, stored) = (Written::Stanza(stanza.into()), None);
        Self { what, stored }
    }

    /// Message, presence or iq, and its type.
    #[must_use]
    pub fn kind(&self) -> StanzaKind {
        match &self.what {
            Written::Stanza(stanza) => stanza.kind,
            Written::Copy { of, .. } | Written::Seen { of, .. } => of.stanza().kind,
        }
    }

    /// The stanza, for whoever has to do more than to write it.
    #[must_use]
    pub fn into_stanza(self) -> Box<Stanza> {
        match self.what {
            Written::Stanza(stanza) => stanza,
            Written::Copy { of, recipient } => Box::new(of.stanza_for(&of.recipients()[recipient])),
            Written::Seen { of, by } => Box::new(of.stanza_for(&by)),
        }
    }

    /// Appends it to `out` as it is written.
    pub fn write_into(&self, out: &mut Vec<u8>) {
        match &self.what {
            Written::Stanza(stanza) => stanza.write_into(out),
            Written::Copy { of, recipient } => of.write_for(&of.recipients()[*recipient], out),
            Written::Seen { of, by } => of.write_for(by, out),
        }
    }
}

impl Connected for Session {
    fn jid(&self) -> &FullJid {
        &self.jid
    }

    fn shown(&self) -> &Shown {
        &self.shown
    }

    fn shown_mut(&mut self) -> &mut Shown {
        &mut self.shown
    }
}

impl UserState {
    /// The sessions as routing sees them.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> + Clone {
        self.sessions.iter().map(|session| Resource {
            name: session.jid.resource().as_str(),
            priority: session.priority(),
        })
    }

    /// When the first of the detached sessions is given up.
    #[must_use]
    pub fn first_end(&self) -> Option<Moment> {
        let ends = self
            .sessions
            .iter()
            .filter_map(|session| match session.link {
                Link::Attached(_) => None,
                Link::Detached { until } => Some(until),
            });
        ends.min()
    }

    /// The session of this number.
    pub fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// The session of this resource.
    pub fn resource(&mut self, resource: &str) -> Option<&mut Session> {
        self.sessions
            .iter_mut()
            .find(|session| session.jid.resource().as_str() == resource)
    }

    /// Whether a session is there to whom a message to the bare address may go.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.sessions
            .iter()
            .any(|session| session.priority().is_some_and(|p| p >= 0))
    }
}

impl Session {
    /// A new session with this way out, whose client came then.
    #[must_use]
    pub fn new(id: SessionId, jid: FullJid, outlet: Arc<Outlet>, came: Moment) -> Self {
        Self {
            id,
            jid,
            shown: Shown::default(),
            came,
            unpublished: false,
            interested: false,
            carbons: false,
            incomplete: false,
            mobile: None,
            tickets: Arc::new(Tickets::new(id)),
            sm: None,
            out: VecDeque::new(),
            link: Link::Attached(outlet),
        }
    }

    /// Priority of its presence; nothing while it is not available.
    #[must_use]
    pub fn priority(&self) -> Option<i8> {
        self.shown.priority()
    }

    /// Whether a client owns it now.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        match self.link {
            Link::Attached(_) => true,
            Link::Detached { .. } => false,
        }
    }

    /// Whether the session manager counts it as active: it has a client, and its presence (HA-17).
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.is_attached() && !self.shown.is_left_out()
    }

    /// Whether it can be resumed.
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        self.sm.as_ref().is_some_and(|sm| !sm.name.is_empty())
    }

    /// Whether it is the one that is resumed by this name.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.is_resumable() && self.sm.as_ref().is_some_and(|sm| *sm.name == *name)
    }

    /// Stanzas queued and not acknowledged.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.out.len() + self.sm.as_ref().map_or(0, |sm| sm.unacked.len()) + self.kept()
    }

    /// As [`Session::push`], but on the spot where nothing is to be written before it. What is written
    /// is on its way as if the task had done it, so this is not for what the client acknowledges, nor
    /// for what is kept if the wire breaks; and the wire takes one stanza at a time. `octets` is where
    /// it is composed.
    pub fn tell(&mut self, out: Out, limit: usize, octets: &mut Vec<u8>) -> Push {
        let is_direct = self.out.is_empty() && self.sm.is_none() && !self.is_suspended();
        match &self.link {
            Link::Attached(outlet) if is_direct && outlet.write(&out, octets) => Push::Queued,
            Link::Attached(_) | Link::Detached { .. } => self.push(out, limit),
        }
    }

    /// Queues a stanza and wakes the task that writes; at most `limit` may be queued.
    pub fn push(&mut self, out: Out, limit: usize) -> Push {
        // Who has asked something over a wire that is open runs, whatever else it wants to wait.
        let is_awaited = self.is_attached() && out.kind().is_answer();
        if self.is_suspended() && !is_awaited {
            return self.keep(out, limit);
        }
        match &self.link {
            Link::Attached(outlet) if self.backlog() < limit => {
                // A task that has more to write already is awake.
                if self.out.is_empty() {
                    outlet.wake();
                }
            }
            Link::Attached(outlet) => {
                outlet.close(super::outlet::Close::Overrun);
                return self.refuse(out);
            }
            Link::Detached { .. } if self.is_resumable() && self.backlog() < limit => {
                let missed = self.missed(out.shared());
                self.out.push_back(out);
                return if missed { Push::Missed } else { Push::Queued };
            }
            Link::Detached { .. } => return self.refuse(out),
        }
        self.out.push_back(out);
        Push::Queued
    }

    /// There is no room: what may wait for the user waits, what a room says is missed.
    pub(super) fn refuse(&mut self, out: Out) -> Push {
        let kind = out.kind();
        self.incomplete |= matches!(kind, StanzaKind::Message(_)) && !is_kept(kind);
        Push::Refused(out)
    }
}
