//! Running a model: as the code stands, and with a bug planted in it.

use crate::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use takeover_core::sync::planted::{Bug, plant};

/// The model must hold in every execution, and there must be more than one.
///
/// # Panics
/// With the model's own words where it does not hold.
pub fn holds(bound: Bound, body: fn()) {
    plant(None);
    let executions = Arc::new(AtomicUsize::new(0));
    check(bound, body, &executions);
    let executions = executions.load(Ordering::Relaxed);
    println!("held in {executions} executions");
    assert!(
        executions > 1,
        "the model has a single execution: nothing in it happens at once"
    );
}

/// With `bug` planted the model must stop with a message that has `words` in it.
///
/// # Panics
/// Where the bug goes unfound, or something else than the bug is found.
pub fn finds(bug: Bug, words: &str, bound: Bound, body: fn()) {
    let executions = Arc::new(AtomicUsize::new(0));
    plant(Some(bug));
    let outcome = catch_unwind(AssertUnwindSafe(|| check(bound, body, &executions)));
    plant(None);
    let executions = executions.load(Ordering::Relaxed);
    let Err(panic) = outcome else {
        panic!("{bug:?} is planted, and the model held in all of {executions} executions");
    };
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default();
    assert!(
        message.contains(words),
        "{bug:?} is planted, {words:?} was to be found, but: {message}"
    );
    println!(
        "{bug:?} found in execution {executions}: {}",
        message.lines().next().unwrap_or("")
    );
}

#[cfg(takeover_loom)]
fn check(bound: Bound, body: fn(), executions: &Arc<AtomicUsize>) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = match bound {
        Bound::Exhaustive => None,
        Bound::Preemptions(most) => Some(most),
        Bound::Schedules(_) => panic!("loom does not draw schedules: give it a bound"),
    };
    let executions = Arc::clone(executions);
    builder.check(move || {
        executions.fetch_add(1, Ordering::Relaxed);
        body();
    });
}

/// What shuttle's schedules are drawn from.
#[cfg(all(takeover_shuttle, not(takeover_loom)))]
const SEED: u64 = 0x7a6b_e0fe;

#[cfg(all(takeover_shuttle, not(takeover_loom)))]
fn check(bound: Bound, body: fn(), executions: &Arc<AtomicUsize>) {
    let Bound::Schedules(schedules) = bound else {
        panic!("shuttle draws schedules: say how many");
    };
    use shuttle::scheduler::{PctScheduler, RandomScheduler};
    // Half at random, half with few preemptions at random places: each finds what the other
    // seldom does. From a fixed seed, so that the same schedules are drawn in every run.
    let half = schedules.div_ceil(2);
    let random = RandomScheduler::new_from_seed(SEED, half);
    let few = PctScheduler::new_from_seed(SEED, 3, half);
    let count = Arc::clone(executions);
    let counted = move || {
        count.fetch_add(1, Ordering::Relaxed);
        body();
    };
    shuttle::Runner::new(random, shuttle::Config::new()).run(counted.clone());
    shuttle::Runner::new(few, shuttle::Config::new()).run(counted);
}
