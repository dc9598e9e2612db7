//! What a deployment is made of: clusters, groups, nodes, links (chapter 1 of the specification).
//!
//! A [`DeploymentSpec`] is what somebody asks for; [`Deployment::build`] checks it against TOP-1 to
//! TOP-10 and gives the numbered deployment, with warnings as values, or every error at once.

mod build;
mod deployment;
mod error;
mod link;
mod name;
mod ova;
mod port;
mod spec;

pub use deployment::{Cluster, Deployment, Group, Node};
pub use error::{TopologyError, TopologyErrors, TopologyWarning};
pub use link::{Link, LinkSpec};
pub use name::{GroupName, InvalidName, NodeName, NodeNameKind};
pub use ova::{OvaSize, UnknownOva};
pub use port::Port;
pub use spec::{ClusterSpec, DeploymentSpec, GroupSpec, NodeSpec};

/// The most clusters that may be peered with each other (TOP-1).
pub const MAX_PEERED_CLUSTERS: usize = 30;
/// The most nodes of a cluster (TOP-2).
pub const MAX_NODES_PER_CLUSTER: usize = 6;
/// The most nodes of a group (TOP-3).
pub const MAX_NODES_PER_GROUP: usize = 2;

#[cfg(test)]
mod tests;
