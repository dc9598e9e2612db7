//! A deployment that has been checked and numbered.

use std::collections::BTreeMap;

use super::error::TopologyError;
use super::link::Link;
use super::name::{GroupName, NodeName};
use super::ova::OvaSize;
use super::port::Port;
use crate::id::{ClusterId, GroupId, NodeId};

/// A node of a [`Deployment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// Its name.
    pub name: NodeName,
    /// Its size.
    pub ova: OvaSize,
    /// Its software version.
    pub version: String,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its group.
    pub group: GroupId,
}

/// A group of a [`Deployment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub id: GroupId,
    /// Its name.
    pub name: GroupName,
    /// Its description.
    pub description: String,
    /// Whether HA is on at the start.
    pub ha: bool,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its one or two nodes.
    pub nodes: Vec<NodeId>,
}

/// A cluster of a [`Deployment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its number.
    pub id: ClusterId,
    /// Its name.
    pub name: String,
    /// Whether it is a Business Edition 6000 deployment.
    pub business_edition: bool,
    /// Its database publisher: its first node (TOP-2).
    pub publisher: NodeId,
    /// Its groups.
    pub groups: Vec<GroupId>,
    /// Its nodes, the publisher first.
    pub nodes: Vec<NodeId>,
    /// The clusters it is peered with.
    pub peers: Vec<ClusterId>,
}

/// A deployment that has been checked and numbered. Made by [`Deployment::build`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub(super) domain: String,
    pub(super) clusters: Vec<Cluster>,
    pub(super) groups: Vec<Group>,
    pub(super) nodes: Vec<Node>,
    pub(super) links: BTreeMap<(NodeId, NodeId), Link>,
    pub(super) default_link: Link,
}

impl Deployment {
    /// The XMPP domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// All clusters, by number.
    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// All groups, by number.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// All nodes, by number.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The cluster of this number.
    ///
    /// # Panics
    /// If the number is of another deployment; numbers come from this one.
    #[must_use]
    pub fn cluster(&self, id: ClusterId) -> &Cluster {
        &self.clusters[id.index()]
    }

    /// The group of this number.
    ///
    /// # Panics
    /// If the number is of another deployment; numbers come from this one.
    #[must_use]
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.index()]
    }

    /// The node of this number.
    ///
    /// # Panics
    /// If the number is of another deployment; numbers come from this one.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The node of this name, in any case: the whole name, or its first label where only one node has it.
    #[must_use]
    pub fn node_named(&self, name: &str) -> Option<&Node> {
        let exact = self
            .nodes
            .iter()
            .find(|node| node.name.as_str().eq_ignore_ascii_case(name));
        exact.or_else(|| {
            let mut short = self
                .nodes
                .iter()
                .filter(|node| node.name.host().eq_ignore_ascii_case(name));
            short.next().filter(|_| short.next().is_none())
        })
    }

    /// The group of this name.
    #[must_use]
    pub fn group_named(&self, name: &str) -> Option<&Group> {
        self.groups
            .iter()
            .find(|group| group.name.as_str().eq_ignore_ascii_case(name))
    }

    /// The cluster of this name.
    #[must_use]
    pub fn cluster_named(&self, name: &str) -> Option<&Cluster> {
        self.clusters
            .iter()
            .find(|cluster| cluster.name.eq_ignore_ascii_case(name))
    }

    /// The other node of the node's group, if there is one.
    #[must_use]
    pub fn peer_of(&self, id: NodeId) -> Option<NodeId> {
        self.group(self.node(id).group)
            .nodes
            .iter()
            .copied()
            .find(|other| *other != id)
    }

    /// Whether the node is the first of its group.
    #[must_use]
    pub fn is_first(&self, id: NodeId) -> bool {
        self.group(self.node(id).group).nodes.first() == Some(&id)
    }

    /// Whether the node is its cluster's database publisher (TOP-2).
    #[must_use]
    pub fn is_publisher(&self, id: NodeId) -> bool {
        self.cluster(self.node(id).cluster).publisher == id
    }

    /// The host name clients and servers know the node by: its FQDN or address as given, or its host name
    /// within the domain.
    #[must_use]
    pub fn host_name(&self, id: NodeId) -> String {
        let name = &self.node(id).name;
        match name.kind() {
            super::NodeNameKind::Ip | super::NodeNameKind::Fqdn => {
                name.as_str().to_ascii_lowercase()
            }
            super::NodeNameKind::Host => {
                format!("{}.{}", name.as_str().to_ascii_lowercase(), self.domain)
            }
        }
    }

    /// The link between two nodes, in either order.
    #[must_use]
    pub fn link(&self, a: NodeId, b: NodeId) -> &Link {
        self.links
            .get(&(a.min(b), a.max(b)))
            .unwrap_or(&self.default_link)
    }

    /// Whether the link between two nodes lets a port through.
    #[must_use]
    pub fn passes(&self, a: NodeId, b: NodeId, port: Port) -> bool {
        let link = self.link(a, b);
        !link.partitioned && !link.blocked_ports.contains(&port.number())
    }

    /// Checks that a node can carry so many users (TOP-8).
    ///
    /// # Errors
    /// [`TopologyError::TooManyUsers`] where its size is smaller.
    pub fn check_users(&self, id: NodeId, users: usize) -> Result<(), TopologyError> {
        let node = self.node(id);
        if users <= node.ova.users() as usize {
            return Ok(());
        }
        Err(TopologyError::TooManyUsers {
            node: node.name.to_string(),
            users,
            allowed: node.ova,
        })
    }

    /// Checks that a cluster can get one more peer (TOP-1, TOP-10).
    ///
    /// # Errors
    /// [`TopologyError::BusinessEditionPeer`] where either is a Business Edition 6000,
    /// [`TopologyError::UnknownPeer`] for a peering with itself, [`TopologyError::TooManyPeers`] where the
    /// mesh would outgrow 30 clusters.
    pub fn check_peering(&self, a: ClusterId, b: ClusterId) -> Result<(), TopologyError> {
        if a == b {
            return Err(TopologyError::UnknownPeer {
                cluster: self.cluster(a).name.clone(),
                peer: self.cluster(b).name.clone(),
            });
        }
        for id in [a, b] {
            if self.cluster(id).business_edition {
                let cluster = self.cluster(id).name.clone();
                return Err(TopologyError::BusinessEditionPeer { cluster });
            }
        }
        let mut mesh = self.mesh(a);
        mesh.extend(self.mesh(b));
        mesh.sort_unstable();
        mesh.dedup();
        if mesh.len() > super::MAX_PEERED_CLUSTERS {
            return Err(TopologyError::TooManyPeers { count: mesh.len() });
        }
        Ok(())
    }

    /// The clusters that are joined with `start` by peerings, itself included.
    #[must_use]
    pub fn mesh(&self, start: ClusterId) -> Vec<ClusterId> {
        let mut found = vec![start];
        let mut next = 0;
        while let Some(id) = found.get(next).copied() {
            next += 1;
            for peer in &self.cluster(id).peers {
                if !found.contains(peer) {
                    found.push(*peer);
                }
            }
        }
        found
    }
}
