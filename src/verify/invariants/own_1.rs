//! OWN-1: epochs.

use std::collections::BTreeMap;

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// OWN-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "OWN-1",
    sentence: "A user's ownership passes from its owner to another node at the next epoch: \
               an epoch has one owner, and epochs only grow.",
    file: "own_1.rs",
    looked: Looked::Step,
};

/// A move that does not follow from the one before.
#[derive(Clone, Debug, PartialEq, Error)]
#[error(
    "{user} moved from {from} to {to} at epoch {epoch}; before it was with {owner} at epoch {was}"
)]
pub struct Broken {
    user: String,
    from: NodeId,
    to: NodeId,
    epoch: u64,
    owner: NodeId,
    was: u64,
}

/// Who owns each user, as the journal tells.
#[derive(Default)]
pub(super) struct Epochs(BTreeMap<String, (NodeId, u64)>);

impl Check for Epochs {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        let Event::UserMoved {
            user,
            from,
            to,
            epoch,
        } = &entry.event
        else {
            return Ok(());
        };
        let before = self.0.insert(user.clone(), (*to, *epoch));
        match before {
            Some((owner, was)) if *from != owner || *epoch != was + 1 => {
                let user = user.clone();
                let (from, to, epoch) = (*from, *to, *epoch);
                Err(Violation::Own1(Broken {
                    user,
                    from,
                    to,
                    epoch,
                    owner,
                    was,
                }))
            }
            Some(_) | None => Ok(()),
        }
    }
}
