//! What the network has let through from node to node, written down for whoever judges a run.
//!
//! A machine that says "I have heard nothing for a minute" is not to be believed by its own word. The
//! ledger is the network's: when a datagram set out, and when it was there, whether anybody listened.

use super::network::Network;
use parking_lot::{Mutex, MutexGuard};
use takeover_core::id::NodeId;
use takeover_core::time::Moment;

/// A datagram that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When.
    pub at: Moment,
    /// Its place among those sent, from 1.
    pub number: usize,
}

/// The datagrams from one node to another, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Datagrams {
    /// Since when they are written down.
    pub since: Moment,
    /// When each set out from a node that had power.
    pub sent: Vec<Moment>,
    /// When each was where it was sent to, whether or not anybody listened there. One that was overtaken, or a
    /// copy, tells nothing that is not known, and does not count.
    pub arrived: Vec<Receipt>,
}

impl Datagrams {
    /// The number of the newest one that has arrived.
    fn newest(&self) -> usize {
        self.arrived.last().map_or(0, |receipt| receipt.number)
    }
}

/// The ways between all nodes, for one port.
pub(super) struct Ledger {
    port: u16,
    nodes: usize,
    ways: Vec<Mutex<Datagrams>>,
}

impl Ledger {
    fn new(port: u16, nodes: usize, since: Moment) -> Self {
        let datagrams = Datagrams {
            since,
            ..Datagrams::default()
        };
        let way = |_| Mutex::new(datagrams.clone());
        let ways = (0..nodes * nodes).map(way);
        Self {
            port,
            nodes,
            ways: ways.collect(),
        }
    }

    fn way(&self, from: NodeId, to: NodeId) -> Option<&Mutex<Datagrams>> {
        let (from, to) = (usize::from(from.0), usize::from(to.0));
        let inside = from < self.nodes && to < self.nodes;
        inside.then(|| &self.ways[from * self.nodes + to])
    }
}

impl Network {
    /// From now on keeps a ledger of the datagrams to `port`; the first port that is asked for counts.
    pub fn keep_ledger(&self, port: u16) {
        let nodes = self.0.nodes.len();
        self.0
            .ledger
            .get_or_init(|| Ledger::new(port, nodes, self.0.clock.now()));
    }

    /// Asks the ledger about the datagrams from one node to another; nothing where none is kept.
    pub fn ledger<T>(
        &self,
        from: NodeId,
        to: NodeId,
        ask: impl FnOnce(&Datagrams) -> T,
    ) -> Option<T> {
        let way = self.0.ledger.get()?.way(from, to)?;
        Some(ask(&way.lock()))
    }

    fn way(&self, from: NodeId, to: NodeId, port: u16) -> Option<MutexGuard<'_, Datagrams>> {
        let ledger = self.0.ledger.get().filter(|ledger| ledger.port == port);
        Some(ledger?.way(from, to)?.lock())
    }

    /// Writes down that a packet sets out; its number, where a ledger of such packets is kept.
    pub(super) fn note_sent(&self, from: NodeId, to: NodeId, port: u16) -> usize {
        self.way(from, to, port).map_or(0, |mut way| {
            way.sent.push(self.0.clock.now());
            way.sent.len()
        })
    }

    /// Writes down that the packet of this number has arrived.
    pub(super) fn note_arrived(&self, from: NodeId, to: NodeId, port: u16, number: usize) {
        let way = self.way(from, to, port);
        if let Some(mut way) = way.filter(|way| number > way.newest()) {
            let at = self.0.clock.now();
            way.arrived.push(Receipt { at, number });
        }
    }
}
