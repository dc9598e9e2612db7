//! USR-2: nobody is moved about.

use std::collections::BTreeMap;

use takeover_core::ha::{Reason, State};
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use takeover_core::time::Moment;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};
use crate::verify::silence::silences;

/// USR-2.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "USR-2",
    sentence: "Nobody moves twice for one cause. A cause is a fault, a deed of the operator, an automatic \
               fallback, and each silence between the nodes of a pair that is the network's doing (HA-1), by the \
               network's own ledger: a partition is two of them (HA-10). What was no cause of a move by the time \
               a pair has come to rest is none later.",
    file: "usr_2.rs",
    looked: Looked::Step,
};

/// A move too many.
#[derive(Clone, Debug, PartialEq, Error)]
#[error(
    "{user} moved to {to}, its move number {moves} since its pair was at rest; there were {causes} causes"
)]
pub struct Broken {
    user: String,
    to: NodeId,
    moves: u64,
    causes: u64,
}

/// What happened to a pair since it was at rest.
#[derive(Default)]
struct Since {
    /// When it was so last.
    quiet: Moment,
    /// The causes that the pair had had by then.
    causes: u64,
    /// The silences since then, as they were counted for the last move.
    silences: (Moment, u64),
    /// Automatic fallbacks.
    fallbacks: u64,
    /// How often each user has moved.
    users: BTreeMap<String, u64>,
}

/// How often users have moved, by the first node of their pair.
#[derive(Default)]
pub(super) struct Moves {
    pairs: BTreeMap<NodeId, Since>,
    /// When the SRM of each node has begun.
    starts: BTreeMap<NodeId, Vec<Moment>>,
}

impl Check for Moves {
    fn entry(&mut self, entry: &Entry, scene: &Scene<'_>) -> Result<(), Violation> {
        match (&entry.event, entry.node) {
            (Event::Ha(change), Some(node)) => {
                let begins =
                    (change.to, change.reason) == (State::TakingBack, Reason::AutomaticFallback);
                if let Some(pair) = scene.facts.pair_of(node).filter(|_| begins) {
                    self.pairs.entry(pair.nodes[0]).or_default().fallbacks += 1;
                }
                if change.to == State::Initializing {
                    self.starts.entry(node).or_default().push(entry.at);
                }
                Ok(())
            }
            (Event::UserMoved { user, to, .. }, _) => self.moved(user, *to, entry.at, scene),
            _ => Ok(()),
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        for pair in &scene.facts.pairs {
            if pair.is_quiet(scene) {
                let since = self.pairs.entry(pair.nodes[0]).or_default();
                *since = Since {
                    quiet: scene.now,
                    causes: pair.causes,
                    ..Since::default()
                };
            }
        }
        Ok(())
    }
}

impl Moves {
    fn moved(
        &mut self,
        user: &str,
        to: NodeId,
        at: Moment,
        scene: &Scene<'_>,
    ) -> Result<(), Violation> {
        let Some(pair) = scene.facts.pair_of(to) else {
            return Ok(());
        };
        let since = self.pairs.entry(pair.nodes[0]).or_default();
        let moves = since.users.entry(user.to_owned()).or_default();
        *moves += 1;
        let known = pair.causes - since.causes + since.fallbacks;
        if *moves <= known {
            return Ok(());
        }
        if since.silences.0 < at {
            let (network, detection) = (scene.lab.world().network(), scene.facts.detection);
            let starts = |node| self.starts.get(&node).map_or(&[][..], Vec::as_slice);
            let heard = silences(network, pair.nodes, detection, starts, since.quiet, at);
            since.silences = (at, heard);
        }
        let causes = known + since.silences.1;
        match *moves > causes {
            true => Err(Violation::Usr2(Broken {
                user: user.to_owned(),
                to,
                moves: *moves,
                causes,
            })),
            false => Ok(()),
        }
    }
}
