//! OWN-3: one server.

use std::collections::BTreeMap;

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Seldom, Violation};

/// OWN-3.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "OWN-3",
    sentence: "Outside of a partition one node serves a user: a session is opened or resumed only at the \
               node that owns its user, and whoever is online while its pair is at rest is so there.",
    file: "own_3.rs",
    looked: Looked::Step,
};

/// A session at a node that does not own its user.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{jid} is served by {node}, and its user is with {owner}")]
pub struct Broken {
    jid: String,
    node: NodeId,
    owner: NodeId,
}

/// Who owns each user that has moved, and when all clients were looked at last.
#[derive(Default)]
pub(super) struct Servers {
    owners: BTreeMap<String, NodeId>,
    seldom: Seldom,
}

impl Check for Servers {
    fn entry(&mut self, entry: &Entry, scene: &Scene<'_>) -> Result<(), Violation> {
        match (&entry.event, entry.node) {
            (Event::UserMoved { user, to, .. }, _) => {
                self.owners.insert(user.clone(), *to);
                Ok(())
            }
            (Event::SessionOpened { jid } | Event::SessionResumed { jid }, Some(node)) => {
                let bare = jid.split_once('/').map_or(jid.as_str(), |(bare, _)| bare);
                let home = || scene.lab.plane().user(bare).map(|user| user.home());
                let owner = self.owners.get(bare).copied().or_else(home);
                match owner {
                    Some(owner) if owner != node => Err(Violation::Own3(Broken {
                        jid: jid.clone(),
                        node,
                        owner,
                    })),
                    Some(_) | None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        match self.seldom.is_due(scene.now) {
            true => self.end(scene),
            false => Ok(()),
        }
    }

    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let pairs = scene.facts.pairs.iter().filter(|pair| pair.is_quiet(scene));
        let at_rest: Vec<NodeId> = pairs.flat_map(|pair| pair.nodes).collect();
        if at_rest.is_empty() {
            return Ok(());
        }
        for client in scene.lab.clients().values() {
            let user = scene.lab.plane().user(client.user().as_str());
            let owner = user.map(|user| user.slot.owner().node());
            let Some(owner) = owner.filter(|owner| at_rest.contains(owner)) else {
                continue;
            };
            if client.is_at(scene.lab.deployment().node(owner).name.as_str()) {
                continue;
            }
            let place = client.place().ok();
            let node = place.and_then(|place| scene.lab.node_id(&place).ok());
            if let Some(node) = node.filter(|node| *node != owner) {
                let jid = client.user().to_string();
                return Err(Violation::Own3(Broken { jid, node, owner }));
            }
        }
        Ok(())
    }
}
