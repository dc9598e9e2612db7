//! The board: what the nodes of a lab are right now, readable without asking them.
//!
//! Written by rack, node and SRM as they act; read by whoever shows or waits for a state.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use takeover_core::ha::HaNode;
use takeover_core::id::NodeId;
use takeover_core::journal::Power;
use takeover_core::service::{ServiceKind, ServiceState};

/// What one node is.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    /// Its power (SVC-5).
    pub power: Power,
    /// Which life of it this is, from 1; 0 before the first.
    pub incarnation: u32,
    /// Its services while it is on, those that were never started in this life with them.
    pub services: BTreeMap<ServiceKind, ServiceState>,
    /// What its SRM knows, as of its last step; `None` while no SRM runs.
    pub ha: Option<HaNode>,
}

impl Default for NodeStatus {
    fn default() -> Self {
        Self {
            power: Power::Off,
            incarnation: 0,
            services: BTreeMap::new(),
            ha: None,
        }
    }
}

impl NodeStatus {
    /// The state of a service.
    pub fn service(&self, kind: ServiceKind) -> ServiceState {
        self.services.get(&kind).cloned().unwrap_or_default()
    }
}

/// The board of a lab. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Board(Arc<[Mutex<NodeStatus>]>);

impl Board {
    /// A board for nodes 0 to `nodes` - 1, all off.
    pub fn new(nodes: u16) -> Self {
        Self((0..nodes).map(|_| Mutex::default()).collect())
    }

    /// What a node is; the default for one that the lab does not have.
    pub fn node(&self, node: NodeId) -> NodeStatus {
        self.0
            .get(node.index())
            .map_or_else(NodeStatus::default, |status| status.lock().clone())
    }

    /// What a node's SRM knows, while it runs.
    pub fn ha(&self, node: NodeId) -> Option<HaNode> {
        self.0.get(node.index())?.lock().ha
    }

    /// The state of a node's service.
    pub fn service(&self, node: NodeId, kind: ServiceKind) -> ServiceState {
        let status = self
            .0
            .get(node.index())
            .map(|status| status.lock().service(kind));
        status.unwrap_or_default()
    }

    fn change(&self, node: NodeId, change: impl FnOnce(&mut NodeStatus)) {
        if let Some(status) = self.0.get(node.index()) {
            change(&mut status.lock());
        }
    }

    pub(crate) fn set_power(&self, node: NodeId, power: Power, incarnation: u32) {
        self.change(node, |status| {
            status.power = power;
            status.incarnation = incarnation;
            match power {
                Power::On | Power::Rebooting => {}
                Power::Off | Power::Killed => {
                    status.services.clear();
                    status.ha = None;
                }
            }
        });
    }

    pub(crate) fn set_service(&self, node: NodeId, kind: ServiceKind, state: ServiceState) {
        self.change(node, |status| {
            status.services.insert(kind, state);
        });
    }

    pub(crate) fn set_ha(&self, node: NodeId, ha: Option<HaNode>) {
        self.change(node, |status| status.ha = ha);
    }
}
