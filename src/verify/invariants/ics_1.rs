//! ICS-1: the nodes agree on users.

use std::collections::BTreeMap;
use std::sync::Arc;

use takeover_core::id::NodeId;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Seldom, Violation};

/// ICS-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "ICS-1",
    sentence: "The nodes agree on users: each user is assigned to one node, which lists it and no other does; the \
               directory finds it; and when quiet each node hosts just those whom the directory says it owns.",
    file: "ics_1.rs",
    looked: Looked::Seldom,
};

/// Nodes that do not agree.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Broken {
    /// The lists of the nodes are not the directory.
    #[error("{node} lists {listed} users as its own, and the directory assigns it {assigned}")]
    Assigned {
        /// The node.
        node: String,
        /// Users on its list.
        listed: usize,
        /// Users whose home it is.
        assigned: usize,
    },
    /// A node has a user on its list that is another's, or that the directory does not find.
    #[error("{user} is on the list of {node}, and the directory has it otherwise")]
    Elsewhere {
        /// The user.
        user: String,
        /// The node.
        node: String,
    },
    /// A node does not find all whom it owns.
    #[error("{node} finds {hosted} users to serve, and the directory has it own {owned}")]
    Hosted {
        /// The node.
        node: String,
        /// Users that it finds.
        hosted: usize,
        /// Users that it owns.
        owned: usize,
    },
}

/// When the nodes were asked last.
#[derive(Default)]
pub(super) struct Peers(Seldom);

impl Check for Peers {
    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        match self.0.is_due(scene.now) {
            true => self.end(scene),
            false => Ok(()),
        }
    }

    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let plane = scene.lab.plane();
        let mut homes: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut owners: BTreeMap<NodeId, usize> = BTreeMap::new();
        for user in plane.users() {
            *homes.entry(user.home()).or_default() += 1;
            *owners.entry(user.slot.owner().node()).or_default() += 1;
        }
        for node in scene.lab.deployment().nodes() {
            let name = || node.name.to_string();
            let listed = plane.node(node.id).residents.all();
            for user in &listed {
                let found = plane.user(user.jid.as_str());
                let same = found.is_some_and(|found| Arc::ptr_eq(&found, user));
                if !same || user.home() != node.id {
                    let (user, node) = (user.jid.to_string(), name());
                    return Err(Violation::Ics1(Broken::Elsewhere { user, node }));
                }
            }
            let of = |counts: &BTreeMap<NodeId, usize>| counts.get(&node.id).copied().unwrap_or(0);
            let (node, listed, assigned) = (name(), listed.len(), of(&homes));
            if listed != assigned {
                return Err(Violation::Ics1(Broken::Assigned {
                    node,
                    listed,
                    assigned,
                }));
            }
        }
        quiet(scene, &owners)
    }
}

/// Each node of a quiet pair finds just those whom it owns.
fn quiet(scene: &Scene<'_>, owners: &BTreeMap<NodeId, usize>) -> Result<(), Violation> {
    let pairs = scene.facts.pairs.iter().filter(|pair| pair.is_quiet(scene));
    for node in pairs.flat_map(|pair| pair.nodes) {
        let hosted = scene.lab.plane().hosted_by(node).len();
        let owned = owners.get(&node).copied().unwrap_or(0);
        if hosted != owned {
            let node = scene.lab.node_name(node);
            return Err(Violation::Ics1(Broken::Hosted {
                node,
                hosted,
                owned,
            }));
        }
    }
    Ok(())
}
