//! END-1: shutdown.

use takeover_core::sync::Gate;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// END-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "END-1",
    sentence: "A shutdown in order ends every node in time and drains or reports every message: none is left \
               on a link, before a router's door, in the mailbox of an actor, with a user between two nodes, \
               or among those that wait for a user without being in the store.",
    file: "end_1.rs",
    looked: Looked::End,
};

/// What a shutdown left behind.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Unreported {
    /// It did not end.
    #[error("the lab was not shut down: {why}")]
    NotStopped {
        /// What it said.
        why: String,
    },
    /// Letters that nobody heard.
    #[error("{count} stanzas wait at {place} after the shutdown")]
    Left {
        /// How many.
        count: usize,
        /// Where.
        place: String,
    },
}

pub(super) struct Shutdown;

impl Check for Shutdown {
    fn after(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let left = |count, place| Err(Violation::End1(Unreported::Left { count, place }));
        let nodes = scene.lab.deployment().nodes();
        for from in nodes {
            let before = scene.lab.plane().node(from.id).waiting();
            if before > 0 {
                return left(before, format!("the router of {}", from.name));
            }
            for to in nodes {
                let waiting = scene.lab.world().network().waiting(from.id, to.id);
                if waiting > 0 {
                    return left(
                        waiting,
                        format!("the link from {} to {}", from.name, to.name),
                    );
                }
            }
        }
        let waits = scene.lab.world().mailboxes_where(|_, now| now.depth > 0);
        if let Some(report) = waits.first() {
            let place = format!("the mailbox of {} {}", report.kind, report.name);
            return left(report.counters.depth, place);
        }
        for user in scene.lab.plane().users() {
            if let Gate::Frozen { held, .. } = user.slot.gate()
                && held > 0
            {
                return left(held, format!("{} between two nodes", user.jid));
            }
            let in_memory = user.slot.peek(|state, _| {
                let waiting = state.offline.iter();
                waiting.filter(|waiting| waiting.stored.is_none()).count()
            });
            if in_memory > 0 {
                return left(in_memory, format!("{}, in no store", user.jid));
            }
        }
        Ok(())
    }
}
