//! OWN-2: the directory.

use std::collections::BTreeMap;

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// OWN-2.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "OWN-2",
    sentence: "The directory names one owner of a user, a node of the user's own group, and it is \
               the one that the journal has moved the user to. At the end everybody is at home.",
    file: "own_2.rs",
    looked: Looked::Look,
};

/// The directory and the journal differ.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("the directory has {user} with {owner}, and it should be with {expected}")]
pub struct Broken {
    user: String,
    owner: NodeId,
    expected: NodeId,
}

/// Where the journal has moved users.
#[derive(Default)]
pub(super) struct Directory(BTreeMap<String, NodeId>);

impl Check for Directory {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        if let Event::UserMoved { user, to, .. } = &entry.event {
            self.0.insert(user.clone(), *to);
        }
        Ok(())
    }

    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let plane = scene.lab.plane();
        for (user, expected) in &self.0 {
            let Some(known) = plane.user(user) else {
                continue;
            };
            let owner = known.slot.owner().node();
            let group = |node| scene.facts.pair_of(node).map(|pair| pair.group);
            if owner != *expected || group(owner) != group(known.home()) {
                return Err(Violation::Own2(Broken {
                    user: user.clone(),
                    owner,
                    expected: *expected,
                }));
            }
        }
        Ok(())
    }

    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        for user in scene.lab.plane().users() {
            let (owner, home) = (user.slot.owner().node(), user.home());
            if owner != home {
                return Err(Violation::Own2(Broken {
                    user: user.jid.to_string(),
                    owner,
                    expected: home,
                }));
            }
        }
        Ok(())
    }
}
