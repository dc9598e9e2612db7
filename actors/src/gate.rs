//! Gates: which services of which node serve right now, readable on every stanza.
//!
//! The control plane opens and closes them; the data path only reads, one load for any set of
//! services. While a node's XCP Router is down nothing flows there (SVC-2): its gate is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use takeover_core::id::NodeId;
use takeover_core::service::ServiceKind;

/// The gates of all nodes of a lab. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gates(Arc<[AtomicU32]>);

const fn bit(kind: ServiceKind) -> u32 {
    1 << kind.index()
}

impl Gates {
    /// The gates of nodes 0 to `nodes` - 1, all closed.
    pub fn new(nodes: u16) -> Self {
        Self((0..nodes).map(|_| AtomicU32::new(0)).collect())
    }

    /// Whether this service of this node serves.
    pub fn is_open(&self, node: NodeId, kind: ServiceKind) -> bool {
        self.all_open(node, &[kind])
    }

    /// Whether all these services of this node serve, read at one instant.
    pub fn all_open(&self, node: NodeId, kinds: &[ServiceKind]) -> bool {
        let wanted = kinds.iter().fold(0, |bits, kind| bits | bit(*kind));
        self.0
            .get(node.index())
            .is_some_and(|gates| gates.load(Ordering::Acquire) & wanted == wanted)
    }

    /// Opens a gate; it closes when the returned pass is dropped, however its holder ends.
    pub(crate) fn open(&self, node: NodeId, kind: ServiceKind) -> Pass {
        if let Some(gates) = self.0.get(node.index()) {
            gates.fetch_or(bit(kind), Ordering::AcqRel);
        }
        Pass {
            gates: self.clone(),
            node,
            kind,
        }
    }

    /// Closes every gate of a node: its power is gone.
    pub(crate) fn close_all(&self, node: NodeId) {
        if let Some(gates) = self.0.get(node.index()) {
            gates.store(0, Ordering::Release);
        }
    }

    fn close(&self, node: NodeId, kind: ServiceKind) {
        if let Some(gates) = self.0.get(node.index()) {
            gates.fetch_and(!bit(kind), Ordering::AcqRel);
        }
    }
}

/// Held by a service while it serves.
#[derive(Debug)]
pub(crate) struct Pass {
    gates: Gates,
    node: NodeId,
    kind: ServiceKind,
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gates.close(self.node, self.kind);
    }
}
