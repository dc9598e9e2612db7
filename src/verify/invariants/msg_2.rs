//! MSG-2: nothing twice, nothing out of order.

use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// MSG-2.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "MSG-2",
    sentence: "Nobody is shown a message twice, or after a later one of the same sender in the same \
               conversation.",
    file: "msg_2.rs",
    looked: Looked::Look,
};

/// A copy too many, or in the wrong place.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{first}")]
pub struct Broken {
    first: String,
}

pub(super) struct Copies;

impl Check for Copies {
    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        match scene.lab.first_slip() {
            None => Ok(()),
            Some(first) => Err(Violation::Msg2(Broken { first })),
        }
    }
}
