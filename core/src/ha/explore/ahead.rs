//! Several threads look at worlds; one takes in what they found, in the order of the worlds.
//!
//! Where a world leads depends on that world alone, and is most of the work. Numbering is done in order by
//! one thread, so that every run gives the same numbers, whatever the threads did first.

use std::panic::resume_unwind;
use std::thread::{Scope, ScopedJoinHandle, scope};

use super::expand::Expanded;
use super::moves::Moves;
use super::search::Explorer;
use super::world::World;

/// How many worlds are looked at ahead by each thread.
const BATCH: usize = 1 << 11;

type Working<'scope> = ScopedJoinHandle<'scope, Vec<Expanded>>;

/// Looks at all worlds and hands on what was found, in their order.
pub(super) fn expand_ahead(
    explorer: &Explorer,
    worlds: &[World],
    threads: usize,
    mut take_in: impl FnMut(Expanded),
) {
    let mut scratch = Moves::new();
    if threads < 2 || worlds.len() < BATCH {
        for world in worlds {
            take_in(explorer.expand(world, &mut scratch));
        }
        return;
    }
    scope(|scope| {
        let mut batches = worlds.chunks(BATCH * threads);
        let mut ahead = batches.next().map(|batch| begin(scope, explorer, batch));
        while let Some(working) = ahead.take() {
            let done: Vec<Vec<Expanded>> = working.into_iter().map(end).collect();
            ahead = batches.next().map(|batch| begin(scope, explorer, batch));
            done.into_iter().flatten().for_each(&mut take_in);
        }
    });
}

/// A thread for each part of a batch.
fn begin<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    explorer: &'env Explorer,
    batch: &'env [World],
) -> Vec<Working<'scope>> {
    let look_at = |part: &'env [World]| {
        scope.spawn(move || {
            let mut scratch = Moves::new();
            let look = |world| explorer.expand(world, &mut scratch);
            part.iter().map(look).collect()
        })
    };
    batch.chunks(BATCH).map(look_at).collect()
}

/// What a thread found. A panic in it is a panic here.
fn end(working: Working<'_>) -> Vec<Expanded> {
    working.join().unwrap_or_else(|panic| resume_unwind(panic))
}
