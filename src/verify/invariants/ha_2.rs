//! HA-2: documented states.

use takeover_core::ha::{Reason, State};
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};
use crate::verify::coverage::documented;

/// HA-2.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "HA-2",
    sentence: "A node rests only in a state and for a reason that the state table has together. A pair to which \
               nothing is being done rests in a row of the table; none is in a transition for longer than its \
               timers allow, whatever is being done to it. Which rows, and which states with which reasons, were \
               reached is said in the report.",
    file: "ha_2.rs",
    looked: Looked::Look,
};

/// A rest that the table does not have.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Broken {
    /// Of a pair.
    #[error("{pair} has been for {seconds} s in {states}")]
    Pair {
        /// The pair.
        pair: String,
        /// How long.
        seconds: u64,
        /// Its states.
        states: String,
    },
    /// Of a node.
    #[error("{node} is {state} ({reason}), which the state table does not have")]
    Node {
        /// The node.
        node: NodeId,
        /// Its state.
        state: State,
        /// Its reason.
        reason: Reason,
    },
}

pub(super) struct Rows;

impl Check for Rows {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        let (Event::Ha(change), Some(node)) = (&entry.event, entry.node) else {
            return Ok(());
        };
        let (state, reason) = (change.to, change.reason);
        match !state.is_stable() || documented().any(|known| known == (state, reason)) {
            true => Ok(()),
            false => Err(Violation::Ha2(Broken::Node {
                node,
                state,
                reason,
            })),
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        for pair in &scene.facts.pairs {
            let still = pair.still(scene.now);
            let rest = still.min(pair.calm(scene.now));
            for view in pair.trace.views() {
                // A transition has its own timers: they run out whatever stands in its way.
                let (long, limit) = match view.is_stable() {
                    true => (rest, scene.facts.rest),
                    false => (still, crate::drill::TRANSITION),
                };
                let fits = view.is_stable() && view.row.is_some_and(|row| row.stable);
                if !fits && long > limit {
                    let [first, second] = view.nodes;
                    return Err(Violation::Ha2(Broken::Pair {
                        pair: pair.name.clone(),
                        seconds: long.as_secs(),
                        states: format!("{first}, {second}"),
                    }));
                }
            }
        }
        Ok(())
    }
}
