//! Reads the journal as it grows and holds every invariant against it.

use takeover_actors::rt::Tail;
use takeover_core::journal::Entry;
use takeover_core::time::Moment;

use super::facts::Facts;
use super::invariants::{Check, Scene, Violation, checks};
use crate::lab::Control;

/// Entries of the journal that may wait to be looked at.
const TAIL: usize = 1 << 20;

/// A violation and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// When it was seen.
    pub at: Moment,
    /// What was violated, and how.
    pub violation: Violation,
}

/// Watches one run.
pub(super) struct Watch {
    tail: Tail,
    pub(super) facts: Facts,
    checks: Vec<Box<dyn Check>>,
    found: Option<Found>,
    entries: u64,
}

impl Watch {
    /// Watches a lab from its first entry on.
    pub(super) fn new(lab: &Control) -> Self {
        let mut watch = Self {
            tail: lab.journal().tail(TAIL),
            facts: Facts::new(lab),
            checks: checks(),
            found: None,
            entries: 0,
        };
        for entry in lab.journal().entries() {
            watch.take(lab, &entry);
        }
        watch
    }

    fn take(&mut self, lab: &Control, entry: &Entry) {
        self.entries += 1;
        self.facts.take(entry);
        self.each(lab, |check, scene| check.entry(entry, scene));
    }

    /// The first violation, if there was one.
    pub(super) fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// How many entries of the journal were looked at.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Looks at what the journal has got since the last time; whether all is well.
    pub(super) fn catch_up(&mut self, lab: &Control) -> bool {
        for entry in self.tail.drain() {
            self.take(lab, &entry);
        }
        self.found.is_none()
    }

    /// Looks at the state of things.
    pub(super) fn look(&mut self, lab: &Control) -> bool {
        self.catch_up(lab) && self.each(lab, |check, scene| check.look(scene))
    }

    /// The last look, when the faults are over and everything has come to rest.
    pub(super) fn end(&mut self, lab: &Control) -> bool {
        self.look(lab) && self.each(lab, |check, scene| check.end(scene))
    }

    /// The lab has been shut down.
    pub(super) fn after(&mut self, lab: &Control) -> bool {
        self.catch_up(lab) && self.each(lab, |check, scene| check.after(scene))
    }

    /// Something that no check can see by itself.
    pub(super) fn report(&mut self, at: Moment, violation: Violation) {
        self.found.get_or_insert(Found { at, violation });
    }

    fn each(
        &mut self,
        lab: &Control,
        mut ask: impl FnMut(&mut dyn Check, &Scene<'_>) -> Result<(), Violation>,
    ) -> bool {
        if self.found.is_some() {
            return false;
        }
        let now = lab.now();
        let scene = Scene {
            lab,
            facts: &self.facts,
            now,
        };
        for check in &mut self.checks {
            if let Err(violation) = ask(check.as_mut(), &scene) {
                self.found = Some(Found { at: now, violation });
                return false;
            }
        }
        true
    }
}
