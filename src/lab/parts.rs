//! From a configuration to the parts of a lab.

use std::collections::BTreeSet;
use std::sync::Arc;

use takeover_actors::board::Board;
use takeover_actors::gate::Gates;
use takeover_actors::setup::{NodeSetup, Pace};
use takeover_core::assignment::{Load, assign};
use takeover_core::id::NodeId;
use takeover_core::params::{Param, ParamErrors, Params, Scope, Setting};
use takeover_core::service::{Family, ServiceKind};
use takeover_core::topology::{
    ClusterSpec, Deployment, DeploymentSpec, GroupSpec, NodeSpec, OvaSize, TopologyErrors,
    TopologyWarning,
};

use super::LabError;
use crate::config::{ClusterConfig, GroupConfig, LabConfig, NodeConfig, UserConfig};

/// Checks and numbers the topology of a configuration.
pub(super) fn deployment(
    config: &LabConfig,
) -> Result<(Deployment, Vec<TopologyWarning>), LabError> {
    let people = config.users.all().count();
    let clusters = config
        .clusters
        .iter()
        .map(|cluster_config| cluster(cluster_config, people))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Deployment::build(&DeploymentSpec::new(
        config.domain.clone(),
        clusters,
    ))?)
}

fn cluster(config: &ClusterConfig, people: usize) -> Result<ClusterSpec, LabError> {
    let ova = match config.ova {
        0 => fitting(people),
        given => given,
    };
    let groups = config
        .groups
        .iter()
        .map(|group_config| group(group_config, ova));
    Ok(ClusterSpec::new(
        config.name.clone(),
        groups.collect::<Result<Vec<_>, _>>()?,
    ))
}

/// The smallest size that carries so many users on one node, or the largest there is.
fn fitting(people: usize) -> u32 {
    let carries = |size: &OvaSize| size.users() as usize >= people;
    let fitting = OvaSize::ALL.into_iter().find(carries);
    fitting.unwrap_or(OvaSize::U25000).users()
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
    if !config.version.is_empty() {
        spec.version.clone_from(&config.version);
    }
    Ok(spec)
}

/// The parameters of the deployment's clusters: the configuration's, then `more` by their names.
pub(super) fn params(
    config: &LabConfig,
    more: &[(String, String)],
    deployment: &Deployment,
) -> Result<Params, ParamErrors> {
    let own = config.parameters.iter();
    let own = own.map(|(param, value)| (param.spec().name.to_owned(), value.to_string()));
    let all: Vec<(String, String)> = own.chain(more.iter().cloned()).collect();
    let mut settings = Vec::new();
    for (name, value) in &all {
        let of_node = Param::named(name).is_some_and(|param| param.spec().scope == Scope::Node);
        if of_node {
            let nodes = deployment.nodes().iter().map(|node| Some(node.id));
            settings.extend(nodes.map(|node| Setting { name, node, value }));
        } else {
            settings.push(Setting {
                name,
                node: None,
                value,
            });
        }
    }
    let mut params = Params::new();
    params.set_all(&settings)?;
    Ok(params)
}

/// Every user of the configuration with its home (USR-1).
pub(super) fn homes(
    config: &LabConfig,
    params: &Params,
    deployment: &Deployment,
) -> Result<Vec<(UserConfig, NodeId)>, LabError> {
    let mut homes = Vec::new();
    let mut counts = vec![0; deployment.nodes().len()];
    let mut homeless = Vec::new();
    for user in config.users.all() {
        let home = user
            .home
            .as_deref()
            .and_then(|home| deployment.node_named(home));
        match (&user.home, home) {
            (_, Some(node)) => {
                counts[node.id.index()] += 1;
                homes.push((user, node.id));
            }
            (None, None) => homeless.push(user),
            (Some(home), None) => {
                let known = deployment
                    .nodes()
                    .iter()
                    .map(|node| node.name.to_string())
                    .collect();
                return Err(LabError::NoSuch {
                    what: "node",
                    name: home.clone(),
                    known,
                });
            }
        }
    }
    let nodes_of = |group: &takeover_core::topology::Group| {
        group
            .nodes
            .iter()
            .map(|node| (*node, counts[node.index()]))
            .collect()
    };
    let mut load = Load::new(deployment.groups().iter().map(nodes_of).collect());
    let known: BTreeSet<String> = homes
        .iter()
        .map(|(user, _)| user.name.to_lowercase())
        .collect();
    let names = homeless.iter().map(|user| user.name.as_str());
    let assigned = assign(params.assignment_mode(), &mut load, &known, names);
    if let Some(bad) = assigned.refused.first() {
        return Err(LabError::Name {
            what: "user",
            name: String::new(),
            why: bad.to_string(),
        });
    }
    let placed = homeless.into_iter().zip(assigned.homes);
    homes.extend(placed.filter_map(|(user, (_, home))| Some((user, home?))));
    check_sizes(&homes, deployment)?;
    Ok(homes)
}

/// TOP-8: a node carries no more users than its size.
fn check_sizes(
    homes: &[(UserConfig, NodeId)],
    deployment: &Deployment,
) -> Result<(), TopologyErrors> {
    let mut counts = vec![0; deployment.nodes().len()];
    for (_, home) in homes {
        counts[home.index()] += 1;
    }
    let nodes = deployment.nodes().iter().zip(counts);
    let errors: Vec<_> = nodes
        .filter_map(|(node, count)| deployment.check_users(node.id, count).err())
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(TopologyErrors(errors))
    }
}

/// What every node is built from; `change` adds what the data plane needs.
pub(super) fn setups(
    deployment: &Deployment,
    params: &Params,
    pace: &Pace,
    board: &Board,
    change: impl Fn(NodeId, &mut NodeSetup),
) -> Vec<Arc<NodeSetup>> {
    let gates = Gates::new(u16::try_from(deployment.nodes().len()).unwrap_or(u16::MAX));
    let setup = |node: &takeover_core::topology::Node| {
        let mut setup =
            NodeSetup::new(node.id, node.name.to_string(), gates.clone(), board.clone());
        setup.peer = deployment.peer_of(node.id);
        setup.ha = deployment.group(node.group).ha;
        setup.persistent_chat = params.is_on(Param::EnablePersistentChat);
        setup.monitor_authentication = params.is_on(Param::EnableXcpAuthMonitoring);
        setup.params = params.ha();
        setup.service_port = u16::try_from(params.number(Param::ServicePort)).unwrap_or(u16::MAX);
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
