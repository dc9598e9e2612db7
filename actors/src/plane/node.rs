//! One node, as routing sees it: which of its gates are open, and how clients are sent to it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use takeover_core::id::{ClusterId, GroupId, NodeId};
use takeover_core::time::Moment;
use takeover_storage::{ChatStore, UserStore};

use super::letter::Letter;
use super::residents::Residents;
use super::standby::Awaited;
use super::user::{SessionId, User};
use crate::conference::TcMsg;
use crate::rt::Addr;
use crate::session::{CaretakerMsg, ConnectionMsg, CrowdArrival, HandArrival};
use crate::wire::Arrival;

/// A part of a node without which some traffic stops. Each is opened and closed by its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Gate {
    /// XCP Router: closed, no messaging and no availability flows on the node (SVC-2).
    Router = 1,
    /// XCP Connection Manager: closed, XMPP clients are not served.
    Connections = 2,
    /// Presence Engine: closed, presence is not distributed.
    Presence = 4,
    /// XCP Text Conference Manager: closed, the node's rooms do not answer.
    Conference = 8,
}

/// Nobody takes a client in: the XCP Connection Manager does not serve, or cannot keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the XCP Connection Manager of this node does not serve")]
pub struct NotServed;

/// What a deployment tells of a node when the plane is built.
pub struct NodeSpec {
    /// Its number; nodes are given in its order, from 0.
    pub id: NodeId,
    /// Its name: IP address, host name or FQDN (TOP-7).
    pub name: String,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its presence redundancy group.
    pub group: GroupId,
    /// The other node of the group.
    pub peer: Option<NodeId>,
    /// The user database of its cluster.
    pub users: Arc<dyn UserStore>,
    /// Domain of its rooms (CHAT-1), such as `conference-1-cluster.example.com`.
    pub alias: String,
    /// The database of its rooms, which it shares with its peer (CHAT-5); without one all its rooms
    /// are ad hoc.
    pub chat: Option<Arc<dyn ChatStore>>,
}

/// What a node counts on the data path (chapter 6).
#[derive(Debug, Default)]
pub struct Counters {
    /// Stanzas that its router has taken.
    pub routed: AtomicU64,
    /// Messages delivered or kept for its users.
    pub messages: AtomicU64,
    /// Users that moved to it.
    pub moved_in: AtomicU64,
    /// Users that moved away.
    pub moved_out: AtomicU64,
    /// Stanzas of an earlier life of their session, dropped.
    pub stale: AtomicU64,
    /// Sessions attached now.
    pub attached: AtomicU64,
    /// Client connections that came.
    pub connections: AtomicU64,
    /// Logins that failed.
    pub refused_logins: AtomicU64,
    /// Logins that came to a session, new or resumed.
    pub logins: AtomicU64,
    /// Logins that wait for their turn now.
    pub logins_waiting: AtomicU64,
    /// Logins turned away because too many waited.
    pub crowded_out: AtomicU64,
    /// Inactive sessions of clients whose active one is at the peer (SES-8).
    pub inactive: AtomicU64,
    /// Pushes sent (SES-10).
    pub pushes: AtomicU64,
}

/// Sessions that are to be composed, by their users.
pub(super) type Uncomposed = VecDeque<(Arc<User>, SessionId)>;

/// A node on the data path.
pub struct NodePlane {
    /// What was said of it.
    pub spec: NodeSpec,
    /// What it counts.
    pub counters: Counters,
    /// Its users.
    pub residents: Residents,
    gates: AtomicU8,
    address: RwLock<Option<String>>,
    inbox: Mutex<VecDeque<(NodeId, Letter)>>,
    orphans: Mutex<Vec<Letter>>,
    door: RwLock<Option<Addr<ConnectionMsg>>>,
    conference: RwLock<Option<Addr<TcMsg>>>,
    caretaker: RwLock<Option<Addr<CaretakerMsg>>>,
    /// The caretaker is called, and has not heard it yet.
    called: AtomicBool,
    awaited: Awaited,
    uncomposed: Mutex<Uncomposed>,
    switched_off: AtomicU64,
}

impl NodePlane {
    /// A node with all gates closed.
    #[must_use]
    pub fn new(spec: NodeSpec) -> Self {
        Self {
            spec,
            counters: Counters::default(),
            residents: Residents::default(),
            gates: AtomicU8::new(0),
            address: RwLock::default(),
            inbox: Mutex::default(),
            orphans: Mutex::default(),
            door: RwLock::default(),
            conference: RwLock::default(),
            caretaker: RwLock::default(),
            called: AtomicBool::new(false),
            awaited: Awaited::default(),
            uncomposed: Mutex::default(),
            switched_off: AtomicU64::new(0),
        }
    }

    /// Sessions of clients that are away, which it has to compose (SES-10), in their order.
    pub(super) fn uncomposed(&self) -> &Mutex<Uncomposed> {
        &self.uncomposed
    }

    /// How many sessions of clients that are away wait to be composed (SES-10).
    #[must_use]
    pub fn composing(&self) -> usize {
        self.uncomposed.lock().len()
    }

    /// When HA was last switched off here; the lab's start where it never was (HA-17).
    pub(super) fn switched_off(&self) -> Moment {
        Moment(self.switched_off.load(Ordering::Acquire))
    }

    /// HA is switched off here.
    pub(super) fn set_switched_off(&self, at: Moment) {
        self.switched_off.store(at.0, Ordering::Release);
    }

    pub(super) fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    /// Whether a gate is open.
    #[must_use]
    pub fn is_open(&self, gate: Gate) -> bool {
        self.gates.load(Ordering::Acquire) & gate as u8 != 0
    }

    /// Opens or closes a gate. Use [`Plane::open`](super::Plane::open) and
    /// [`Plane::shut`](super::Plane::shut), which also see to what waits.
    pub(super) fn set(&self, gate: Gate, open: bool) {
        if open {
            self.gates.fetch_or(gate as u8, Ordering::AcqRel);
        } else {
            self.gates.fetch_and(!(gate as u8), Ordering::AcqRel);
        }
    }

    /// Where clients reach it, as `see-other-host` says it (`host:port`). Known once its endpoint
    /// listens; until then the node's name.
    #[must_use]
    pub fn address(&self) -> String {
        self.address
            .read()
            .clone()
            .unwrap_or_else(|| self.spec.name.clone())
    }

    /// Says where clients reach it.
    pub fn set_address(&self, address: impl Into<String>) {
        *self.address.write() = Some(address.into());
    }

    /// Who takes the node's arrivals; a manager says so when it starts.
    pub(crate) fn set_door(&self, door: Option<Addr<ConnectionMsg>>) {
        *self.door.write() = door;
    }

    /// The manager of the node's rooms, while the service runs.
    pub fn set_conference(&self, manager: Option<Addr<TcMsg>>) {
        *self.conference.write() = manager;
    }

    /// The manager of the node's rooms, if the service runs.
    #[must_use]
    pub fn conference(&self) -> Option<Addr<TcMsg>> {
        self.conference.read().clone().filter(Addr::is_alive)
    }

    /// Who sees to the node's sessions without a connection, while its router runs. It is called at once.
    pub fn set_caretaker(&self, caretaker: Option<Addr<CaretakerMsg>>) {
        *self.caretaker.write() = caretaker;
        self.call_caretaker();
    }

    /// There is something to do for the caretaker earlier than it knows. One that does not run is called when it
    /// does.
    pub(super) fn call_caretaker(&self) {
        if self.called.swap(true, Ordering::AcqRel) {
            return;
        }
        let caretaker = self.caretaker.read();
        let heard = caretaker.as_ref().map(|it| it.send(CaretakerMsg::Look));
        if !matches!(heard, Some(Ok(()))) {
            self.called.store(false, Ordering::Release);
        }
    }

    /// The caretaker looks now; what comes from now on it is called for again.
    pub(crate) fn caretaker_looks(&self) {
        self.called.store(false, Ordering::Release);
    }

    /// Brings a client to the node.
    ///
    /// # Errors
    /// [`NotServed`]: to the client that is a connection refused.
    pub fn arrive(&self, arrival: Arrival) -> Result<(), NotServed> {
        self.at_door(ConnectionMsg::Arrived(arrival))
    }

    /// Brings a client that hands its stanzas over to the node.
    ///
    /// # Errors
    /// [`NotServed`].
    pub fn receive(&self, arrival: HandArrival) -> Result<(), NotServed> {
        self.at_door(ConnectionMsg::Handed(arrival))
    }

    /// Brings a crowd of such clients to the node.
    ///
    /// # Errors
    /// [`NotServed`].
    pub fn receive_crowd(&self, arrival: CrowdArrival) -> Result<(), NotServed> {
        self.at_door(ConnectionMsg::Crowd(arrival))
    }

    fn at_door(&self, message: ConnectionMsg) -> Result<(), NotServed> {
        let door = self.door.read().clone();
        let door = door.filter(|_| self.is_open(Gate::Connections));
        let sent = door.ok_or(NotServed)?.send(message);
        sent.map_err(|_| NotServed)
    }

    /// Keeps a letter while the router is down.
    pub(super) fn keep(&self, from: NodeId, letter: Letter) {
        self.inbox.lock().push_back((from, letter));
    }

    /// Keeps what the node had sent when its power was cut: the pair knows it too (USR-5).
    pub(super) fn keep_orphan(&self, letter: Letter) {
        self.orphans.lock().push(letter);
    }

    /// Takes out what the node had sent when its power was cut, in order for each receiver.
    pub(super) fn orphans(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.orphans.lock())
    }

    /// Takes out kept letters that `pick` chooses; the others keep their places.
    pub(super) fn kept_where(&self, pick: impl Fn(&Letter) -> bool) -> VecDeque<(NodeId, Letter)> {
        let mut inbox = self.inbox.lock();
        if inbox.is_empty() {
            return VecDeque::new();
        }
        let (picked, rest) = inbox.drain(..).partition(|(_, letter)| pick(letter));
        *inbox = rest;
        picked
    }

    /// How many letters wait for the router.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inbox.lock().len()
    }
}
