//! From a plan that violates an invariant to the shortest one found that still does.
//!
//! Steps are left out, half of them first, then single ones; what is left is made simpler: a
//! shorter schedule, no talk beyond what it takes. A candidate counts if it violates the same
//! invariant.

use super::invariants::Violation;
use super::plan::Plan;
use super::run::outcome;

/// A plan that violates an invariant, made shorter.
#[derive(Clone, Debug)]
pub struct Minimal {
    /// The shortest plan found.
    pub plan: Plan,
    /// What it violates.
    pub violation: Violation,
    /// How many candidates were tried.
    pub tried: u64,
}

/// Makes `plan`, which violates what `violation` says, shorter as long as `go_on` says so.
#[must_use]
pub fn minimize(
    plan: &Plan,
    violation: &Violation,
    go_on: &mut dyn FnMut(&Plan) -> bool,
) -> Minimal {
    let mut minimal = Minimal {
        plan: plan.clone(),
        violation: violation.clone(),
        tried: 0,
    };
    let mut chunk = plan.steps.len().div_ceil(2);
    while chunk > 0 && go_on(&minimal.plan) {
        let shorter = minimal.without_chunks(chunk, go_on);
        chunk = match (shorter, chunk) {
            (true, _) => chunk.min(minimal.plan.steps.len().div_ceil(2)),
            (false, 1) => 0,
            (false, _) => chunk / 2,
        };
    }
    minimal.simpler(go_on);
    minimal
}

impl Minimal {
    /// Leaves out each run of `chunk` steps in turn; whether one could be spared.
    fn without_chunks(&mut self, chunk: usize, go_on: &mut dyn FnMut(&Plan) -> bool) -> bool {
        let mut spared = false;
        let mut from = 0;
        while from < self.plan.steps.len() && go_on(&self.plan) {
            let mut candidate = self.plan.clone();
            let to = (from + chunk).min(candidate.steps.len());
            candidate.steps.drain(from..to);
            match self.try_it(candidate) {
                true => spared = true,
                false => from += chunk,
            }
        }
        spared
    }

    /// Ends the schedule soon after the last step, and takes parameters back to their defaults.
    fn simpler(&mut self, go_on: &mut dyn FnMut(&Plan) -> bool) {
        let end = self.plan.steps.iter().map(|step| step.end()).max();
        let mut candidate = self.plan.clone();
        candidate.knobs.length = end.unwrap_or_default() + candidate.knobs.after;
        if candidate.knobs.length < self.plan.knobs.length && go_on(&self.plan) {
            self.try_it(candidate);
        }
        let mut index = 0;
        while index < self.plan.knobs.parameters.len() && go_on(&self.plan) {
            let mut candidate = self.plan.clone();
            candidate.knobs.parameters.remove(index);
            if !self.try_it(candidate) {
                index += 1;
            }
        }
    }

    /// Whether the candidate violates the same invariant; then it is the plan from now on.
    fn try_it(&mut self, candidate: Plan) -> bool {
        self.tried += 1;
        let found = outcome(&candidate).ok().and_then(|outcome| outcome.found);
        match found {
            Some(found) if found.violation.invariant() == self.violation.invariant() => {
                self.plan = candidate;
                self.violation = found.violation;
                true
            }
            Some(_) | None => false,
        }
    }
}
