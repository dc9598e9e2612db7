//! ICS-1: the clusters agree on users.

use std::collections::BTreeMap;

use takeover_core::id::NodeId;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// ICS-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "ICS-1",
    sentence: "Every node of the mesh finds a user at the same home: assigned users are counted once, \
               and all of them are found.",
    file: "ics_1.rs",
    looked: Looked::End,
};

/// A user that is not found, or found twice.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{assigned} users are assigned to nodes, and the directory has {known}")]
pub struct Broken {
    assigned: usize,
    known: usize,
}

pub(super) struct Peers;

impl Check for Peers {
    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let users = scene.lab.plane().users();
        let mut homes: BTreeMap<NodeId, usize> = BTreeMap::new();
        for user in &users {
            *homes.entry(user.home()).or_default() += 1;
        }
        let nodes = scene.lab.node_names();
        let counted = nodes
            .iter()
            .filter_map(|node| scene.lab.assigned_users(node).ok());
        let assigned: usize = counted.sum();
        let known: usize = homes.values().sum();
        let clients = scene.lab.clients();
        let found = clients
            .values()
            .filter(|client| scene.lab.plane().user(client.user().as_str()).is_some())
            .count();
        match assigned == known && found == clients.len() {
            true => Ok(()),
            false => Err(Violation::Ics1(Broken { assigned, known })),
        }
    }
}
