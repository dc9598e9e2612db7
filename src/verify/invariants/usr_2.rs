//! USR-2: nobody is moved about.

use std::collections::BTreeMap;

use takeover_core::ha::Reason;
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// USR-2.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "USR-2",
    sentence: "Nobody moves twice for one cause: a user has moved no more often than something was \
               done to its pair, a fault began or ended, or an automatic fallback was due; a partition may \
               move it twice, once to each side.",
    file: "usr_2.rs",
    looked: Looked::Step,
};

/// A move too many.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{user} moved to {to}, its move number {moves}; {causes} things happened to its pair")]
pub struct Broken {
    user: String,
    to: NodeId,
    moves: u64,
    causes: u64,
}

/// How often users have moved, and pairs have fallen back by themselves.
#[derive(Default)]
pub(super) struct Moves {
    users: BTreeMap<String, u64>,
    own: BTreeMap<u16, u64>,
}

impl Check for Moves {
    fn entry(&mut self, entry: &Entry, scene: &Scene<'_>) -> Result<(), Violation> {
        match (&entry.event, entry.node) {
            (Event::Ha(change), Some(node)) if change.reason == Reason::AutomaticFallback => {
                if let Some(pair) = scene.facts.pair_of(node) {
                    *self.own.entry(pair.nodes[0].0).or_default() += 1;
                }
                Ok(())
            }
            (Event::UserMoved { user, to, .. }, _) => {
                let moves = self.users.entry(user.clone()).or_default();
                *moves += 1;
                let Some(pair) = scene.facts.pair_of(*to) else {
                    return Ok(());
                };
                let own = self.own.get(&pair.nodes[0].0).copied().unwrap_or(0);
                let causes = pair.causes + own;
                match *moves > causes {
                    true => Err(Violation::Usr2(Broken {
                        user: user.clone(),
                        to: *to,
                        moves: *moves,
                        causes,
                    })),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}
