//! The network between the nodes: every message from one node to another goes through it.
//!
//! Two kinds of ports. A *stream* port behaves like TCP: in order, nothing lost while both lives
//! last; what cannot get through waits in the link, and its sender can take it back
//! ([`Network::take_back`]) when it gives the destination up. A *datagram* port (heartbeats) may
//! lose, double and overtake. On a perfect link a packet is handed over on the spot, without a
//! timer and without a lock on the link.

use super::clock::Clock;
use super::dns::Names;
use super::journal::Journal;
use super::ledger::Ledger;
use super::link::{Arrival, Attempts, Endpoint, Link, OnWire, Packet};
use super::rng::Rng;
use super::timers::Timers;
use super::world::WorldSpec;
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use takeover_core::id::NodeId;
use takeover_core::time::Moment;

/// How many packets wait in one flow (sender, receiver, port) before one more is refused.
pub const FLOW_CAPACITY: usize = 1 << 16;

/// A packet that the network did not take; it is given back.
pub enum NotSent {
    /// The sending node has no power: nothing is sent.
    SenderDown(Box<dyn Packet>),
    /// A stream port on which nobody listens there.
    NobodyListens(Box<dyn Packet>),
    /// [`FLOW_CAPACITY`] packets wait already.
    FlowFull(Box<dyn Packet>),
    /// The world has no such node.
    NoSuchNode(NodeId, Box<dyn Packet>),
}

impl NotSent {
    /// The packet.
    pub fn into_packet(self) -> Box<dyn Packet> {
        match self {
            Self::SenderDown(packet)
            | Self::NobodyListens(packet)
            | Self::FlowFull(packet)
            | Self::NoSuchNode(_, packet) => packet,
        }
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SenderDown(_) => f.write_str("the sending node has no power"),
            Self::NobodyListens(_) => f.write_str("nobody listens on that port"),
            Self::FlowFull(_) => write!(f, "{FLOW_CAPACITY} packets wait already"),
            Self::NoSuchNode(node, _) => write!(f, "there is no node {}", node.0),
        }
    }
}

impl fmt::Debug for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for NotSent {}

/// What a node's side of the network has counted, in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCounters {
    /// Taken from this node.
    pub sent: u64,
    /// Delivered to this node.
    pub delivered: u64,
    /// Lost or dropped on the way to this node.
    pub dropped: u64,
    /// Given back to this node as sender.
    pub returned: u64,
    /// Not taken from this node.
    pub refused: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) sent: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) returned: AtomicU64,
    pub(super) refused: AtomicU64,
}

pub(super) struct Node {
    pub(super) up: AtomicBool,
    pub(super) life: AtomicU32,
    pub(super) ports: RwLock<Vec<(u16, Arc<dyn Endpoint>)>>,
    pub(super) counts: Counts,
    /// Links to it that are not plain.
    pub(super) rough: AtomicUsize,
}

pub(super) struct LinkCell {
    /// Perfect and empty: packets need not look at the link.
    pub(super) plain: AtomicBool,
    pub(super) link: Mutex<Option<Box<Link>>>,
}

pub(super) struct Inner {
    pub(super) seed: u64,
    pub(super) clock: Clock,
    pub(super) journal: Journal,
    pub(super) timers: Arc<Timers>,
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<LinkCell>,
    pub(super) datagram: RwLock<BTreeSet<u16>>,
    pub(super) names: RwLock<Names>,
    pub(super) ledger: OnceLock<Ledger>,
}

/// The simulated network. Cheap to clone.
#[derive(Clone)]
pub struct Network(pub(super) Arc<Inner>);

pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Network {
    /// Notes whether a link to `to` is plain; under the link's lock.
    pub(super) fn set_plain(&self, cell: &LinkCell, to: NodeId, plain: bool) {
        let was = cell.plain.swap(plain, Ordering::AcqRel);
        let Some(node) = self.node(to).filter(|_| was != plain) else {
            return;
        };
        match plain {
            true => node.rough.fetch_sub(1, Ordering::SeqCst),
            false => node.rough.fetch_add(1, Ordering::SeqCst),
        };
    }

    pub(super) fn new(
        spec: WorldSpec,
        clock: Clock,
        journal: Journal,
        timers: Arc<Timers>,
    ) -> Self {
        let count = usize::from(spec.nodes);
        let nodes = (0..count).map(|_| Node {
            up: AtomicBool::new(false),
            life: AtomicU32::new(0),
            ports: RwLock::default(),
            counts: Counts::default(),
            rough: AtomicUsize::new(0),
        });
        let links = (0..count * count).map(|_| LinkCell {
            plain: AtomicBool::new(true),
            link: Mutex::default(),
        });
        Self(Arc::new(Inner {
            seed: spec.seed,
            clock,
            journal,
            timers,
            nodes: nodes.collect(),
            links: links.collect(),
            datagram: RwLock::new(BTreeSet::from([22001])),
            names: RwLock::default(),
            ledger: OnceLock::new(),
        }))
    }

    pub(super) fn node(&self, node: NodeId) -> Option<&Node> {
        self.0.nodes.get(usize::from(node.0))
    }

    pub(super) fn cell(&self, from: NodeId, to: NodeId) -> Option<&LinkCell> {
        let count = self.0.nodes.len();
        let (from, to) = (usize::from(from.0), usize::from(to.0));
        if from < count && to < count {
            self.0.links.get(from * count + to)
        } else {
            None
        }
    }

    /// Makes `port` a datagram port (22001, the default *Service port*, is one from the start).
    pub fn set_datagram(&self, port: u16) {
        self.0.datagram.write().insert(port);
    }

    /// Listens on a port of a node; whoever listened there before no longer does.
    pub fn listen(&self, node: NodeId, port: u16, endpoint: Arc<dyn Endpoint>) {
        let Some(node) = self.node(node) else { return };
        let mut ports = node.ports.write();
        let before = ports
            .iter()
            .position(|(p, _)| *p == port)
            .map(|at| ports.swap_remove(at));
        ports.push((port, endpoint));
        drop(ports);
        drop(before);
    }

    /// Stops listening on a port of a node.
    pub fn unlisten(&self, node: NodeId, port: u16) {
        let Some(node) = self.node(node) else { return };
        let mut ports = node.ports.write();
        let before = ports
            .iter()
            .position(|(p, _)| *p == port)
            .map(|at| ports.swap_remove(at));
        drop(ports);
        drop(before);
    }

    pub(super) fn endpoint(&self, node: NodeId, port: u16) -> Option<Arc<dyn Endpoint>> {
        let ports = self.node(node)?.ports.read();
        ports
            .iter()
            .find(|(p, _)| *p == port)
            .map(|(_, endpoint)| endpoint.clone())
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// [`NotSent`] gives the packet back.
    pub fn send(
        &self,
        from: NodeId,
        to: NodeId,
        port: u16,
        packet: Box<dyn Packet>,
    ) -> Result<(), NotSent> {
        let (Some(sender), Some(receiver)) = (self.node(from), self.node(to)) else {
            return Err(NotSent::NoSuchNode(
                if self.node(from).is_none() { from } else { to },
                packet,
            ));
        };
        if !sender.up.load(Ordering::Acquire) {
            add(&sender.counts.refused, 1);
            return Err(NotSent::SenderDown(packet));
        }
        let number = self.note_sent(from, to, port);
        // Both ids are in range, so the cell is there.
        let Some(cell) = self.cell(from, to) else {
            return Err(NotSent::NoSuchNode(to, packet));
        };
        let from_life = sender.life.load(Ordering::Acquire);
        if cell.plain.load(Ordering::Acquire) && receiver.up.load(Ordering::Acquire) {
            let arrival = Arrival {
                from,
                from_life,
                to,
                port,
                packet,
            };
            return self.hand_over(arrival, number);
        }
        let to_life = receiver.life.load(Ordering::Acquire);
        let wire = OnWire {
            due: Moment::ZERO,
            attempts: Attempts::default(),
            through: Moment::ZERO,
            number,
            from_life,
            to_life,
            packet,
        };
        if self.0.datagram.read().contains(&port) {
            self.send_datagram(cell, from, to, port, wire);
            return Ok(());
        }
        self.send_stream(cell, from, to, port, wire)
    }

    /// The fast path: nothing is in the way.
    fn hand_over(&self, arrival: Arrival, number: usize) -> Result<(), NotSent> {
        let Arrival { from, to, port, .. } = arrival;
        self.note_arrived(from, to, port, number);
        let endpoint = self.endpoint(to, port);
        // Both ids were looked at by the caller.
        let (Some(sender), Some(receiver)) = (self.node(from), self.node(to)) else {
            return Ok(());
        };
        match endpoint {
            Some(endpoint) => {
                add(&sender.counts.sent, 1);
                add(&receiver.counts.delivered, 1);
                endpoint.arrived(arrival);
                Ok(())
            }
            None if self.0.datagram.read().contains(&port) => {
                add(&sender.counts.sent, 1);
                add(&receiver.counts.dropped, 1);
                Ok(())
            }
            None => {
                add(&sender.counts.refused, 1);
                Err(NotSent::NobodyListens(arrival.packet))
            }
        }
    }

    pub(super) fn open<'a>(
        &self,
        cell: &'a LinkCell,
        from: NodeId,
        to: NodeId,
    ) -> MutexGuard<'a, Option<Box<Link>>> {
        let mut guard = cell.link.lock();
        if guard.is_none() {
            let name = format!("link/{}/{}", from.0, to.0);
            *guard = Some(Box::new(Link::new(Rng::named(self.0.seed, &name))));
        }
        guard
    }
}
