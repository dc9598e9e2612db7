//! Names: the address plan and the simulated DNS (TOP-7, ICP-13).

use super::network::Network;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use takeover_core::id::NodeId;

/// Why a connection by name could not be opened (TOP-7, ICP-13).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// DNS cannot be reached from this node, and the name is no IP address.
    #[error("DNS cannot be reached to resolve {0}")]
    DnsUnreachable(String),
    /// DNS, or the address plan, does not know the name.
    #[error("{0} is not known")]
    UnknownName(String),
    /// The link, a firewall or the node's power is in the way.
    #[error("{name}:{port} cannot be reached")]
    Unreachable {
        /// The name asked for.
        name: String,
        /// The port asked for.
        port: u16,
    },
    /// The node is up and nobody listens there.
    #[error("{name}:{port} refused the connection")]
    Refused {
        /// The name asked for.
        name: String,
        /// The port asked for.
        port: u16,
    },
}

#[derive(Default)]
pub(super) struct Names {
    nodes: BTreeMap<String, NodeId>,
    addresses: BTreeMap<IpAddr, NodeId>,
    blind: BTreeSet<NodeId>,
    down: bool,
}

impl Network {
    /// Enters a node's name: an IP address into the address plan, anything else into DNS (TOP-7).
    pub fn name(&self, name: &str, node: NodeId) {
        let mut names = self.0.names.write();
        match name.parse::<IpAddr>() {
            Ok(address) => names.addresses.insert(address, node),
            Err(_) => names.nodes.insert(name.to_ascii_lowercase(), node),
        };
    }

    /// Switches DNS off or on for everybody.
    pub fn dns_down(&self, down: bool) {
        self.0.names.write().down = down;
    }

    /// Cuts one node off from DNS, or joins it again (ICP-13).
    pub fn dns_unreachable_from(&self, node: NodeId, unreachable: bool) {
        let mut names = self.0.names.write();
        if unreachable {
            names.blind.insert(node);
        } else {
            names.blind.remove(&node);
        }
    }

    /// Opens a connection by name, as done before a stream port is used (TOP-7): who it leads to.
    ///
    /// # Errors
    /// [`ConnectError`]: DNS out of reach, name unknown, node out of reach, or nobody listening.
    pub fn connect(&self, from: NodeId, name: &str, port: u16) -> Result<NodeId, ConnectError> {
        let to = self.resolve(from, name)?;
        let reachable = self.is_up(from)
            && self.is_up(to)
            && self.conditions(from, to).passes(port)
            && self.conditions(to, from).passes(port);
        let name = || name.to_owned();
        match (reachable, self.endpoint(to, port)) {
            (false, _) => Err(ConnectError::Unreachable { name: name(), port }),
            (true, None) => Err(ConnectError::Refused { name: name(), port }),
            (true, Some(_)) => Ok(to),
        }
    }

    fn resolve(&self, from: NodeId, name: &str) -> Result<NodeId, ConnectError> {
        let names = self.0.names.read();
        let unknown = || ConnectError::UnknownName(name.to_owned());
        if let Ok(address) = name.parse::<IpAddr>() {
            return names.addresses.get(&address).copied().ok_or_else(unknown);
        }
        if names.down || names.blind.contains(&from) {
            return Err(ConnectError::DnsUnreachable(name.to_owned()));
        }
        names
            .nodes
            .get(&name.to_ascii_lowercase())
            .copied()
            .ok_or_else(unknown)
    }
}
