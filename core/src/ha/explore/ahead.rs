//! Several threads look at worlds; one takes in what they found, in the order of the worlds.
//!
//! Where a world leads depends on that world alone, and is most of the work. Numbering is done in order by
//! one thread, so that every run gives the same numbers, whatever the threads did first.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::thread::{Scope, ScopedJoinHandle, scope};

use super::expand::Expanded;
use super::moves::Moves;
use super::search::Explorer;
use super::world::{Edge, World};

/// How many worlds are looked at ahead by each thread.
const BATCH: usize = 1 << 11;

/// What a thread found of its worlds, and the changes of state on the way.
type Part = (Vec<Expanded>, BTreeSet<Edge>);
type Working<'scope> = ScopedJoinHandle<'scope, Part>;

/// Looks at all worlds and hands on what was found, in their order. Returns the changes of state that were
/// seen.
pub(super) fn expand_ahead(
    explorer: &Explorer,
    worlds: &[World],
    threads: usize,
    mut take_in: impl FnMut(Expanded),
) -> BTreeSet<Edge> {
    if threads < 2 || worlds.len() < BATCH {
        let (mut scratch, rule) = (Moves::new(), explorer.rule());
        for world in worlds {
            take_in(explorer.expand(world, &rule, &mut scratch));
        }
        return rule.into_edges();
    }
    let mut edges = BTreeSet::new();
    scope(|scope| {
        let mut batches = worlds.chunks(BATCH * threads);
        let mut ahead = batches.next().map(|batch| begin(scope, explorer, batch));
        while let Some(working) = ahead.take() {
            let done: Vec<Part> = working.into_iter().map(end).collect();
            ahead = batches.next().map(|batch| begin(scope, explorer, batch));
            for (expanded, seen) in done {
                expanded.into_iter().for_each(&mut take_in);
                edges.extend(seen);
            }
        }
    });
    edges
}

/// A thread for each part of a batch.
fn begin<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    explorer: &'env Explorer,
    batch: &'env [World],
) -> Vec<Working<'scope>> {
    let look_at = |part: &'env [World]| {
        scope.spawn(move || {
            let (mut scratch, rule) = (Moves::new(), explorer.rule());
            let look = |world| explorer.expand(world, &rule, &mut scratch);
            let expanded = part.iter().map(look).collect();
            (expanded, rule.into_edges())
        })
    };
    batch.chunks(BATCH).map(look_at).collect()
}

/// What a thread found. A panic in it is a panic here.
fn end(working: Working<'_>) -> Part {
    working.join().unwrap_or_else(|panic| resume_unwind(panic))
}
