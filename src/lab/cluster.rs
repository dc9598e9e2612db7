//! How a cluster of a lab is described.

use crate::config::{ClusterConfig, GroupConfig, NodeConfig};

/// A cluster being described.
pub struct ClusterBuilder(pub(super) ClusterConfig);

impl ClusterBuilder {
    fn group(mut self, name: &str, nodes: &[&str]) -> Self {
        self.0.groups.push(GroupConfig {
            name: name.to_owned(),
            high_availability: nodes.len() == 2,
            persistent_chat_ha: None,
            nodes: nodes.iter().map(|node| NodeConfig::named(node)).collect(),
        });
        self
    }

    /// Adds a pair of nodes, with high availability.
    #[must_use]
    pub fn pair(self, name: &str, first: &str, second: &str) -> Self {
        self.group(name, &[first, second])
    }

    /// Adds a node that is alone in its group.
    #[must_use]
    pub fn single(self, name: &str, node: &str) -> Self {
        self.group(name, &[node])
    }

    /// Sets the software version of a node added so far; both nodes of a group need the same (TOP-4).
    #[must_use]
    pub fn version(mut self, node: &str, version: &str) -> Self {
        let nodes = self.0.groups.iter_mut().flat_map(|group| &mut group.nodes);
        for named in nodes.filter(|named| named.name == node) {
            version.clone_into(&mut named.version);
        }
        self
    }

    /// Switches high availability off for the groups so far.
    #[must_use]
    pub fn without_ha(mut self) -> Self {
        self.0
            .groups
            .iter_mut()
            .for_each(|group| group.high_availability = false);
        self
    }

    /// Says whether the rooms of the groups so far move with their node (CHAT-4, CHAT-5).
    #[must_use]
    pub fn chat_ha(mut self, on: bool) -> Self {
        let groups = self.0.groups.iter_mut();
        groups.for_each(|group| group.persistent_chat_ha = Some(on));
        self
    }

    /// Names the database of the rooms of one of the nodes so far.
    #[must_use]
    pub fn chat_database(mut self, node: &str, database: &str) -> Self {
        let nodes = self.0.groups.iter_mut().flat_map(|group| &mut group.nodes);
        for one in nodes.filter(|one| one.name == node) {
            one.chat_database = Some(database.to_owned());
        }
        self
    }

    /// Sets the size of its nodes, in users (TOP-8). Without it, it is the smallest that carries its
    /// users.
    #[must_use]
    pub fn ova(mut self, users: u32) -> Self {
        self.0.ova = users;
        self
    }
}
