//! What somebody asks for.

use serde::{Deserialize, Serialize};

use super::link::LinkSpec;
use super::name::NodeName;
use super::ova::OvaSize;

/// A deployment as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentSpec {
    /// The XMPP domain.
    pub domain: String,
    /// Its clusters.
    pub clusters: Vec<ClusterSpec>,
    /// Links that differ from the default one.
    #[serde(default)]
    pub links: Vec<LinkSpec>,
}

/// A cluster as it is asked for. Its first node is the database publisher (TOP-2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Its name; unique in the deployment.
    pub name: String,
    /// Its groups.
    pub groups: Vec<GroupSpec>,
    /// Whether it is a Business Edition 6000 deployment, which cannot be peered (TOP-10).
    #[serde(default)]
    pub business_edition: bool,
    /// Names of the clusters it is peered with.
    #[serde(default)]
    pub peers: Vec<String>,
}

/// A presence redundancy group as it is asked for (TOP-3 to TOP-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSpec {
    /// Its name (TOP-5).
    pub name: String,
    /// Its description (TOP-5).
    #[serde(default)]
    pub description: String,
    /// Whether HA is on; needs two nodes (TOP-6).
    #[serde(default)]
    pub ha: bool,
    /// Its one or two nodes.
    pub nodes: Vec<NodeSpec>,
}

/// A node as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Its name (TOP-7).
    pub name: NodeName,
    /// Its size (TOP-8).
    #[serde(default)]
    pub ova: OvaSize,
    /// Its software version.
    #[serde(default = "default_version")]
    pub version: String,
    /// Its publisher, where it is not the cluster's first node (TOP-4).
    #[serde(default)]
    pub publisher: Option<NodeName>,
}

/// The version of a node that names none.
fn default_version() -> String {
    NodeSpec::DEFAULT_VERSION.to_owned()
}

impl NodeSpec {
    /// The version of a node that names none.
    pub const DEFAULT_VERSION: &'static str = "14.0.1";

    /// A node of the default size and version.
    #[must_use]
    pub fn new(name: NodeName) -> NodeSpec {
        NodeSpec {
            name,
            ova: OvaSize::default(),
            version: default_version(),
            publisher: None,
        }
    }
}

impl GroupSpec {
    /// A group of these nodes, with HA on if there are two.
    #[must_use]
    pub fn new(name: impl Into<String>, nodes: Vec<NodeSpec>) -> GroupSpec {
        GroupSpec {
            name: name.into(),
            description: String::new(),
            ha: nodes.len() == 2,
            nodes,
        }
    }
}

impl ClusterSpec {
    /// A cluster of these groups, not peered.
    #[must_use]
    pub fn new(name: impl Into<String>, groups: Vec<GroupSpec>) -> ClusterSpec {
        ClusterSpec {
            name: name.into(),
            groups,
            business_edition: false,
            peers: Vec::new(),
        }
    }
}

impl DeploymentSpec {
    /// A deployment of these clusters, with good links.
    #[must_use]
    pub fn new(domain: impl Into<String>, clusters: Vec<ClusterSpec>) -> DeploymentSpec {
        DeploymentSpec {
            domain: domain.into(),
            clusters,
            links: Vec::new(),
        }
    }
}
