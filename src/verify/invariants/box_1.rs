//! BOX-1: mailboxes are bounded.

use std::collections::BTreeMap;

use takeover_actors::rt::MailboxCounters;
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// BOX-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "BOX-1",
    sentence: "No mailbox ever held more than its bound, and every message that found it full is counted: the \
               journal has the first of them, and each doubling.",
    file: "box_1.rs",
    looked: Looked::Look,
};

/// A mailbox past its bound, or one that kept an overflow to itself.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Broken {
    /// It held too many.
    #[error("the mailbox of {kind} {name} held {peak} messages; its bound is {capacity}")]
    Bound {
        /// Its actor's kind.
        kind: &'static str,
        /// Its actor's name.
        name: String,
        /// The most that it held.
        peak: usize,
        /// Its bound.
        capacity: usize,
    },
    /// It overflowed more often than the journal knows.
    #[error(
        "the mailbox of {kind} {name} was full {overflowed} times, and the journal was told of {told}"
    )]
    Untold {
        /// Its actor's kind.
        kind: &'static str,
        /// Its actor's name.
        name: String,
        /// How often it was full.
        overflowed: u64,
        /// How often the journal says.
        told: u64,
    },
}

/// How often each mailbox was full, as the journal has it.
#[derive(Default)]
pub(super) struct Mailboxes(BTreeMap<(Option<NodeId>, String, String), u64>);

impl Check for Mailboxes {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        match &entry.event {
            Event::MailboxOverflow { kind, name, total } => {
                let key = (entry.node, kind.clone(), name.clone());
                self.0.insert(key, *total);
            }
            Event::ActorExited { kind, name, .. } => {
                let key = (entry.node, kind.clone(), name.clone());
                self.0.remove(&key);
            }
            _ => {}
        }
        Ok(())
    }

    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let strained = |capacity, counters: &MailboxCounters| {
            counters.peak > capacity || counters.overflowed > 0
        };
        for report in scene.lab.world().mailboxes_where(strained) {
            let counters = report.counters;
            let (kind, capacity) = (report.kind, report.capacity);
            let name = || report.name.to_string();
            let peak = counters.peak;
            if peak > capacity {
                return Err(Violation::Box1(Broken::Bound {
                    kind,
                    name: name(),
                    peak,
                    capacity,
                }));
            }
            let overflowed = counters.overflowed;
            if overflowed == 0 {
                continue;
            }
            let key = (report.node, kind.to_owned(), name());
            let told = self.0.get(&key).copied().unwrap_or(0);
            // The first and each doubling are told.
            if told > overflowed || overflowed >= told.max(1) * 2 || told == 0 {
                return Err(Violation::Box1(Broken::Untold {
                    kind,
                    name: name(),
                    overflowed,
                    told,
                }));
            }
        }
        Ok(())
    }
}
