//! From a configuration to the parts of a lab.

use std::collections::BTreeSet;
use std::sync::Arc;

use takeover_actors::board::Board;
use takeover_actors::gate::Gates;
use takeover_actors::setup::{NodeSetup, Pace};
use takeover_core::id::NodeId;
use takeover_core::service::{Family, ServiceKind};
use takeover_core::topology::{
    ClusterSpec, Deployment, DeploymentSpec, GroupSpec, NodeSpec, TopologyWarning,
};

use super::LabError;
use crate::config::{ClusterConfig, GroupConfig, LabConfig, NodeConfig};

/// Checks and numbers the topology of a configuration.
pub(super) fn deployment(
    config: &LabConfig,
) -> Result<(Deployment, Vec<TopologyWarning>), LabError> {
    let clusters = config
        .clusters
        .iter()
        .map(cluster)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Deployment::build(&DeploymentSpec::new(
        config.domain.clone(),
        clusters,
    ))?)
}

fn cluster(config: &ClusterConfig) -> Result<ClusterSpec, LabError> {
    let groups = config
        .groups
        .iter()
        .map(|group_config| group(group_config, config.ova));
    Ok(ClusterSpec::new(
        config.name.clone(),
        groups.collect::<Result<Vec<_>, _>>()?,
    ))
}

fn group(config: &GroupConfig, ova: u32) -> Result<GroupSpec, LabError> {
    let nodes = config
        .nodes
        .iter()
        .map(|node_config| node(node_config, ova));
    let mut spec = GroupSpec::new(config.name.clone(), nodes.collect::<Result<Vec<_>, _>>()?);
    spec.ha = config.high_availability;
    Ok(spec)
}

fn node(config: &NodeConfig, ova: u32) -> Result<NodeSpec, LabError> {
    let refused = |what, name: String, why: String| LabError::Name { what, name, why };
    let name = config.name.parse();
    let name = name.map_err(|error: takeover_core::topology::InvalidName| {
        refused("node", config.name.clone(), error.to_string())
    })?;
    let mut spec = NodeSpec::new(name);
    spec.ova = ova
        .try_into()
        .map_err(|error: takeover_core::topology::UnknownOva| {
            refused("size of node", config.name.clone(), error.to_string())
        })?;
    Ok(spec)
}

/// The configuration of a group, by its place in the deployment.
pub(super) fn group_config(config: &LabConfig, index: usize) -> Option<&GroupConfig> {
    config
        .clusters
        .iter()
        .flat_map(|cluster| &cluster.groups)
        .nth(index)
}

/// What every node is built from; `change` adds what the data plane needs.
pub(super) fn setups(
    config: &LabConfig,
    deployment: &Deployment,
    pace: &Pace,
    board: &Board,
    change: impl Fn(NodeId, &mut NodeSetup),
) -> Vec<Arc<NodeSetup>> {
    let gates = Gates::new(u16::try_from(deployment.nodes().len()).unwrap_or(u16::MAX));
    let setup = |node: &takeover_core::topology::Node| {
        let mut setup =
            NodeSetup::new(node.id, node.name.to_string(), gates.clone(), board.clone());
        let group = group_config(config, node.group.index());
        setup.peer = deployment.peer_of(node.id);
        setup.ha = deployment.group(node.group).ha;
        setup.persistent_chat = group.is_some_and(|group| group.persistent_chat);
        setup.activated = features();
        setup.pace = pace.clone();
        change(node.id, &mut setup);
        Arc::new(setup)
    };
    deployment.nodes().iter().map(setup).collect()
}

/// All feature services are activated.
fn features() -> BTreeSet<ServiceKind> {
    ServiceKind::ALL
        .into_iter()
        .filter(|kind| kind.family() == Family::Feature)
        .collect()
}
