//! Many schedules, on as many threads as there are cores: each lab lives on one of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use takeover_core::digest::Digest;

use super::coverage::Coverage;
use super::invariants::{Differs, Violation};
use super::knobs::Knobs;
use super::plan::Plan;
use super::run::{Outcome, outcome};
use super::watch::Found;
use crate::client::Tally;
use crate::lab::LabError;

/// What is searched.
#[derive(Clone, Debug)]
pub struct Search {
    /// The seed of the first schedule; the others follow it one by one.
    pub seed: u64,
    /// How many schedules.
    pub schedules: u64,
    /// Threads; each carries out one schedule at a time.
    pub threads: usize,
    /// The world, as far as it is not drawn.
    pub knobs: Knobs,
    /// Whether each schedule is run twice and the digests compared (DET-1).
    pub twice: bool,
}

/// What came of a search so far.
#[derive(Clone, Debug, Default)]
pub struct Searched {
    /// Schedules that were carried out.
    pub schedules: u64,
    /// Protocol time that passed in them.
    pub took: Duration,
    /// Entries of their journals.
    pub entries: u64,
    /// Messages of their clients.
    pub tally: Tally,
    /// Faults, and the states that they met.
    pub coverage: Coverage,
    /// The digest of each schedule, by seed.
    digests: BTreeMap<u64, u64>,
    /// The schedules in which an invariant was violated, by seed.
    pub found: BTreeMap<u64, Found>,
}

/// What a search says of itself in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Whether nothing was found.
    pub ok: bool,
    /// Schedules that were carried out.
    pub schedules: u64,
    /// Protocol time that passed, in years of 365 days.
    pub virtual_years: f64,
    /// Entries of the journals.
    pub events: u64,
    /// Messages of the clients.
    pub messages: Tally,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Deeds that the lab refused.
    pub refused: u64,
    /// How many of the pairs (kind of fault, row of the state table) were tried.
    pub coverage: usize,
    /// How many of them there are.
    pub coverage_possible: usize,
    /// Rows of the state table that pairs were in.
    pub rows_reached: usize,
    /// The digest of all journals, in order of the seeds.
    pub digest: String,
    /// Seeds in which an invariant was violated, with what was violated.
    pub violations: BTreeMap<u64, String>,
}

impl Search {
    /// Carries the schedules out; `watch` hears what is known after each of them. Ends early where
    /// `stop` says so after a schedule.
    ///
    /// # Errors
    /// [`LabError`] where a world cannot be built.
    pub fn run(
        &self,
        watch: &(dyn Fn(&Searched) + Sync),
        stop: &(dyn Fn(&Searched) -> bool + Sync),
    ) -> Result<Searched, LabError> {
        let next = AtomicU64::new(0);
        let over = AtomicBool::new(false);
        let failed: Mutex<Option<LabError>> = Mutex::new(None);
        let searched = Arc::new(Mutex::new(Searched::default()));
        let work = || {
            while !over.load(Ordering::Acquire) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.schedules {
                    return;
                }
                match self.schedule(self.seed.wrapping_add(number)) {
                    Ok(outcome) => {
                        let mut so_far = searched.lock();
                        so_far.add(&outcome);
                        watch(&so_far);
                        if stop(&so_far) {
                            over.store(true, Ordering::Release);
                        }
                    }
                    Err(error) => {
                        failed.lock().get_or_insert(error);
                        over.store(true, Ordering::Release);
                    }
                }
            }
        };
        // A lab lives on the thread that made it: nothing is shared but the figures.
        std::thread::scope(|scope| {
            for _ in 1..self.threads.max(1) {
                scope.spawn(work);
            }
            work();
        });
        match failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut searched.lock())),
        }
    }

    /// One schedule, or two of one seed.
    fn schedule(&self, seed: u64) -> Result<Outcome, LabError> {
        let plan = Plan::generate(seed, &self.knobs);
        let mut first = outcome(&plan)?;
        if self.twice {
            let again = outcome(&plan)?;
            if (again.digest, again.entries) != (first.digest, first.entries) {
                let violation = Violation::Det1(Differs {
                    first: first.digest,
                    first_entries: first.entries,
                    second: again.digest,
                    second_entries: again.entries,
                });
                let at = takeover_core::time::Moment::ZERO + first.took;
                first.found.get_or_insert(Found { at, violation });
            }
        }
        Ok(first)
    }
}

impl Searched {
    fn add(&mut self, outcome: &Outcome) {
        self.schedules += 1;
        self.took += outcome.took;
        self.entries += outcome.entries;
        self.tally.add(&outcome.tally);
        self.coverage.add(&outcome.coverage);
        self.digests.insert(outcome.seed, outcome.digest);
        if let Some(found) = &outcome.found {
            self.found.insert(outcome.seed, found.clone());
        }
    }

    /// The digest of all journals, in order of the seeds: it does not depend on the threads.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        for (seed, value) in &self.digests {
            digest.update(&seed.to_le_bytes());
            digest.update(&value.to_le_bytes());
        }
        digest.value()
    }

    /// The protocol time in years of 365 days.
    #[must_use]
    pub fn years(&self) -> f64 {
        self.took.as_secs_f64() / (365.0 * 24.0 * 3600.0)
    }

    /// The figures, for programs.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let kinds = self.coverage.kinds.iter();
        let found = self.found.iter();
        Figures {
            ok: self.found.is_empty(),
            schedules: self.schedules,
            virtual_years: self.years(),
            events: self.entries,
            messages: self.tally,
            faults: kinds.map(|(kind, count)| (kind.name(), *count)).collect(),
            refused: self.coverage.refused,
            coverage: self.coverage.tried(),
            coverage_possible: Coverage::possible(),
            rows_reached: self.coverage.rows.len(),
            digest: format!("{:016x}", self.digest()),
            violations: found
                .map(|(seed, found)| (*seed, found.violation.to_string()))
                .collect(),
        }
    }
}
