//! OWN-3: one server.

use std::collections::BTreeMap;

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// OWN-3.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "OWN-3",
    sentence: "Outside of a partition one node serves a user: a session is opened or resumed only \
               at the node that owns its user.",
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

/// Who owns each user that has moved.
#[derive(Default)]
pub(super) struct Servers(BTreeMap<String, NodeId>);

impl Check for Servers {
    fn entry(&mut self, entry: &Entry, scene: &Scene<'_>) -> Result<(), Violation> {
        match (&entry.event, entry.node) {
            (Event::UserMoved { user, to, .. }, _) => {
                self.0.insert(user.clone(), *to);
                Ok(())
            }
            (Event::SessionOpened { jid } | Event::SessionResumed { jid }, Some(node)) => {
                let bare = jid.split_once('/').map_or(jid.as_str(), |(bare, _)| bare);
                let home = || scene.lab.plane().user(bare).map(|user| user.home());
                let owner = self.0.get(bare).copied().or_else(home);
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
}
