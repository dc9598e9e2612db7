//! The graph of a node's states as it is in the code: what the explorer sees a node go through.
//!
//! `docs/ha-states.mmd` and `docs/ha-states.svg` are what `takeover drill --diagram` prints; a test keeps
//! them equal to the code.

mod mermaid;
mod svg;

use std::collections::{BTreeMap, BTreeSet};

use takeover_core::ha::explore::all_edges;
use takeover_core::ha::{Cause, State};

pub use mermaid::mermaid;
pub use svg::svg;

/// The graph of a node's states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagram {
    /// From state to state, with everything that leads there in a few words.
    pub edges: BTreeMap<(State, State), BTreeSet<String>>,
}

impl Diagram {
    /// The graph as it is in the code: every history of a pair with two faults is gone through, which takes
    /// a second or two.
    #[must_use]
    pub fn of_the_code() -> Self {
        let mut edges: BTreeMap<(State, State), BTreeSet<String>> = BTreeMap::new();
        for (from, to, cause) in all_edges() {
            edges.entry((from, to)).or_default().insert(word(cause));
        }
        Self { edges }
    }

    /// The edges in order, each with its number from 1 and its words.
    fn numbered(&self) -> impl Iterator<Item = (usize, State, State, String)> {
        let words = |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join("; ");
        self.edges
            .iter()
            .enumerate()
            .map(move |(index, ((from, to), why))| (index + 1, *from, *to, words(why)))
    }
}

/// A cause in a few words.
fn word(cause: Cause) -> String {
    match cause {
        Cause::Admin(action) => format!("by hand: {action}"),
        Cause::Service(_) => "critical service down".to_owned(),
        Cause::Database => "database down".to_owned(),
        Cause::PeerSilent => "peer silent".to_owned(),
        Cause::PeerGoodbye => "peer said goodbye".to_owned(),
        Cause::PeerIn(state) => format!("peer {state}"),
        Cause::WorkDone => "done".to_owned(),
        Cause::WorkFailed => "failed".to_owned(),
        Cause::TimedOut => "took too long".to_owned(),
        Cause::ServicesUp => "services up".to_owned(),
        Cause::Healthy => "healthy for 30 min".to_owned(),
        Cause::Resumed => "SRM started".to_owned(),
    }
}
