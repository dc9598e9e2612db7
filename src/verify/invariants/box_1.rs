//! BOX-1: mailboxes are bounded.

use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// BOX-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "BOX-1",
    sentence: "No mailbox ever held more than its bound, and a mailbox that overflowed has said so.",
    file: "box_1.rs",
    looked: Looked::Look,
};

/// A mailbox past its bound.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("the mailbox of {kind} {name} held {peak} messages; its bound is {capacity}")]
pub struct Broken {
    kind: &'static str,
    name: String,
    peak: usize,
    capacity: usize,
}

pub(super) struct Mailboxes;

impl Check for Mailboxes {
    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        for report in scene.lab.world().mailboxes() {
            let counters = report.counters;
            if counters.peak.max(counters.depth) > report.capacity.max(1) {
                return Err(Violation::Box1(Broken {
                    kind: report.kind,
                    name: report.name,
                    peak: counters.peak.max(counters.depth),
                    capacity: report.capacity,
                }));
            }
        }
        Ok(())
    }
}
