//! HA-2: documented states.

use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// HA-2.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "HA-2",
    sentence: "A pair to which nothing is being done rests in a row of the state table, and in no \
               transition for longer than its timers allow. Whether every row was reached is said \
               in the report.",
    file: "ha_2.rs",
    looked: Looked::Look,
};

/// A rest that the table does not have.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{pair} has been for {seconds} s in {states}")]
pub struct Broken {
    pair: String,
    seconds: u64,
    states: String,
}

pub(super) struct Rows;

impl Check for Rows {
    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        for pair in &scene.facts.pairs {
            let long = pair.still(scene.now).min(pair.calm(scene.now));
            for view in pair.trace.views() {
                let limit = match view.is_stable() {
                    true => scene.facts.rest,
                    false => crate::drill::TRANSITION,
                };
                let fits = view.is_stable() && view.row.is_some_and(|row| row.stable);
                if !fits && long > limit {
                    let [first, second] = view.nodes;
                    return Err(Violation::Ha2(Broken {
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
