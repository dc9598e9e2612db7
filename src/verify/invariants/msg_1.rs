//! MSG-1: nothing that was acknowledged is lost.

use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// MSG-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "MSG-1",
    sentence: "What was acknowledged to its sender has reached everyone it was meant for, or came \
               back as an error. Of a room whose history is as long as it can be, what is older is in the archive.",
    file: "msg_1.rs",
    looked: Looked::End,
};

/// Promises that were not kept.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{lost} acknowledged messages never arrived; {first}")]
pub struct Broken {
    lost: u64,
    first: String,
}

pub(super) struct Promises;

impl Check for Promises {
    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let finding = scene.lab.finding();
        match finding.total.lost {
            0 => Ok(()),
            lost => Err(Violation::Msg1(Broken {
                lost,
                first: finding.broken.join("; "),
            })),
        }
    }
}
