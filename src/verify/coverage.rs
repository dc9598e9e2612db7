//! What a search has tried: faults by kind, and the states of pairs that they met.

use std::collections::{BTreeMap, BTreeSet};

use takeover_core::ha::table::{self, Seen};
use takeover_core::ha::{Reason, State};
use takeover_core::id::GroupId;

use super::facts::{Facts, PairFacts};
use super::kind::FaultKind;

/// What was tried, and what the pairs went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How often a fault of each kind met a pair in each row of the state table; row 0 is none of
    /// them: a transition between rows, or a pair of which nothing can be seen.
    pub met: BTreeMap<(FaultKind, u8), u64>,
    /// How often each kind was injected.
    pub kinds: BTreeMap<FaultKind, u64>,
    /// The rows of the state table that pairs were in.
    pub rows: BTreeSet<u8>,
    /// The states and reasons that nodes were in, together.
    pub states: BTreeSet<(State, Reason)>,
    /// Deeds that the lab refused, as it must where they make no sense.
    pub refused: u64,
}

impl Coverage {
    /// A fault is about to strike these pairs.
    pub(super) fn met(&mut self, kind: FaultKind, facts: &Facts, struck: &[GroupId]) {
        *self.kinds.entry(kind).or_default() += 1;
        let pairs = facts.pairs.iter().filter(|p| struck.contains(&p.group));
        for pair in pairs {
            *self.met.entry((kind, row(pair))).or_default() += 1;
        }
    }

    /// The rows that the pairs went through.
    pub(super) fn rest(&mut self, facts: &Facts) {
        let views = || facts.pairs.iter().flat_map(|pair| pair.trace.all_views());
        let seen = views().flat_map(|view| view.nodes);
        self.states.extend(seen.filter_map(|seen| match seen {
            Seen::Reachable(state, reason) => Some((state, reason)),
            Seen::Unreachable => None,
        }));
        let exact = views().filter(|view| view.exact);
        self.rows
            .extend(exact.filter_map(|view| Some(view.row?.number)));
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.met {
            *self.met.entry(*key).or_default() += count;
        }
        for (kind, count) in &other.kinds {
            *self.kinds.entry(*kind).or_default() += count;
        }
        self.rows.extend(&other.rows);
        self.states.extend(&other.states);
        self.refused += other.refused;
    }

    /// How many of the pairs (kind of fault, row of the table) were tried.
    #[must_use]
    pub fn tried(&self) -> usize {
        self.met.keys().filter(|(_, row)| *row > 0).count()
    }

    /// How many there are.
    #[must_use]
    pub fn possible() -> usize {
        FaultKind::ALL.len() * table::rows().len()
    }

    /// States with reasons that the table has and no node was in.
    #[must_use]
    pub fn missing_states(&self) -> BTreeSet<(State, Reason)> {
        documented()
            .filter(|known| !self.states.contains(known))
            .collect()
    }

    /// Rows that no pair was in.
    #[must_use]
    pub fn missing_rows(&self) -> Vec<u8> {
        let all = table::rows().iter().map(|row| row.number);
        all.filter(|row| !self.rows.contains(row)).collect()
    }
}

/// Every state that the table has, with each reason that it has for it.
pub(super) fn documented() -> impl Iterator<Item = (State, Reason)> {
    let sides = table::rows()
        .iter()
        .flat_map(|row| [&row.node1, &row.node2]);
    sides.flat_map(|side| {
        let reasons = side.reasons.iter();
        reasons.flat_map(|reason| side.states.iter().map(|state| (*state, *reason)))
    })
}

fn row(pair: &PairFacts) -> u8 {
    let seen = pair.trace.views().iter().find_map(|view| view.row);
    seen.map_or(0, |row| row.number)
}
