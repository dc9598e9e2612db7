//! Breadth first through all worlds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::super::params::HaParams;
use super::ahead::expand_ahead;
use super::calm::{Backwards, Calm};
use super::check::Violation;
use super::expand::Expanded;
use super::moves::{Class, Move, Moves};
use super::numbers::Numbers;
use super::planted::Planted;
use super::world::{Edge, Plan, Rule, World};
use crate::digest::Digest;

/// How many violations are kept with their traces.
const KEPT_VIOLATIONS: usize = 16;

/// After how many states progress is told.
const TELL_EVERY: usize = 1 << 14;

/// What to explore.
#[derive(Clone, Debug)]
pub struct Explorer {
    faults: u8,
    most_states: usize,
    pub(super) try_refused_actions: bool,
    first_only: bool,
    threads: usize,
    plan: Plan,
}

/// How far an exploration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Different states found so far.
    pub states: usize,
    /// How many of them are still to be looked at.
    pub waiting: usize,
    /// The moves it takes to those that are looked at now.
    pub depth: usize,
}

/// How a world was reached: moves from the pair at rest in row 1, and the worlds after each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The moves with the world after each.
    pub moves: Vec<(Move, World)>,
}

/// What an exploration found.
#[derive(Clone, Debug, Serialize)]
pub struct Exploration {
    /// The faults there could be.
    pub faults: u8,
    /// Different states of the world.
    pub states: usize,
    /// Moves between them.
    pub transitions: usize,
    /// The longest way to a state.
    pub depth: usize,
    /// Whether every state was reached; if not, it ended at the bound on states.
    pub complete: bool,
    /// States at rest.
    pub at_rest: usize,
    /// States from which no steps, repairs and operator actions lead back to row 1 with all users at home.
    pub cannot_heal: usize,
    /// States from which steps and repairs alone do not lead there: an operator is needed.
    pub needs_operator: usize,
    /// The states at rest among those, by the row of the table that the pair is in. Row 0: the nodes are
    /// cut off from each other, and it takes both views to tell the rows.
    pub operator_rests: BTreeMap<u8, usize>,
    /// Rows of the table that were seen.
    pub rows: Vec<u8>,
    /// How often something was wrong.
    pub violations: usize,
    /// The digest of the whole relation: each state, each move, the state after it.
    pub digest: u64,
    /// The first violations, each with its way there.
    #[serde(skip)]
    pub found: Vec<(Violation, Trace)>,
    /// The changes of state that were seen, each with what made it change.
    #[serde(skip)]
    pub edges: BTreeSet<Edge>,
}

impl Explorer {
    /// An exploration with so many faults, of the machine with its default parameters.
    #[must_use]
    pub fn new(faults: u8) -> Explorer {
        let params = HaParams::default();
        Explorer {
            faults,
            most_states: usize::MAX >> 8,
            try_refused_actions: false,
            first_only: false,
            threads: 1,
            plan: Plan {
                params,
                planted: None,
                prompt: false,
            },
        }
    }

    /// Ends at about so many states.
    #[must_use]
    pub fn most_states(mut self, states: usize) -> Explorer {
        self.most_states = states;
        self
    }

    /// Repairs and operators also act while messages and work are still going on: many more states.
    #[must_use]
    pub fn prompt(mut self) -> Explorer {
        self.plan.prompt = true;
        self
    }

    /// With a bug that must be found.
    #[must_use]
    pub fn planted(mut self, planted: Planted) -> Explorer {
        self.plan.planted = Some(planted);
        self
    }

    /// With automatic fallback switched on (HA-6).
    #[must_use]
    pub fn automatic_fallback(mut self, health: Duration) -> Explorer {
        self.plan.params.automatic_fallback = Some(health);
        self
    }

    /// Also tries every action in every state that does not offer it (HA-11).
    #[must_use]
    pub fn try_refused_actions(mut self) -> Explorer {
        self.try_refused_actions = true;
        self
    }

    /// Ends with the moves that lead to the first violation.
    #[must_use]
    pub fn first_only(mut self) -> Explorer {
        self.first_only = true;
        self
    }

    /// With so many threads that look ahead. What is found does not depend on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Explorer {
        self.threads = threads.max(1);
        self
    }

    /// The rule that drives the world; one for each thread.
    pub(super) fn rule(&self) -> Rule {
        Rule::of(&self.plan)
    }

    /// The pair at rest in row 1, with all faults to come.
    fn start(&self) -> World {
        let rule = self.rule();
        let mut world = World::starting(&rule, 0).canonical();
        let mut moves = Moves::new();
        while !world.is_at_rest(&mut moves) {
            world = world.after(moves[0], &rule);
        }
        world.faults_left = self.faults;
        world
    }

    /// Explores. `progress` hears now and then how far it has come.
    #[must_use]
    pub fn run(&self, mut progress: impl FnMut(Progress)) -> Exploration {
        let mut search = Search::new(self);
        let mut layer = vec![search.first(self.start())];
        while !layer.is_empty() && !search.is_full() {
            search.depth += 1;
            layer = search.next_layer(&layer, &mut progress);
        }
        search.finish(layer.is_empty())
    }

    /// The worlds along a list of moves from the start.
    fn replay(&self, moves: &[Move]) -> Trace {
        let (mut world, rule) = (self.start(), self.rule());
        let step = |a_move: &Move| {
            world = world.after(*a_move, &rule);
            (*a_move, world)
        };
        Trace {
            moves: moves.iter().map(step).collect(),
        }
    }
}

/// Every change of state that a pair goes through in all histories with two faults, with one fault and people
/// who act at any moment, and with one fault and automatic fallback.
#[must_use]
pub fn all_edges() -> BTreeSet<Edge> {
    let explorers = [
        Explorer::new(2),
        Explorer::new(1).prompt(),
        Explorer::new(1).automatic_fallback(HaParams::FALLBACK_HEALTH),
    ];
    let edges = explorers
        .into_iter()
        .flat_map(|explorer| explorer.run(|_| {}).edges);
    edges.collect()
}

/// An exploration under way.
struct Search<'a> {
    explorer: &'a Explorer,
    seen: Numbers,
    parents: Vec<(u32, Move)>,
    calm: Vec<Calm>,
    calm_ends: Vec<u32>,
    healed: Vec<u32>,
    transitions: usize,
    depth: usize,
    resting: Vec<(u32, u8)>,
    rows: [bool; 64],
    digest: Digest,
    violations: usize,
    found: Vec<(Violation, u32)>,
    edges: BTreeSet<Edge>,
}

impl<'a> Search<'a> {
    fn new(explorer: &'a Explorer) -> Search<'a> {
        Search {
            explorer,
            seen: Numbers::new(),
            parents: Vec::new(),
            calm: Vec::new(),
            calm_ends: Vec::new(),
            healed: Vec::new(),
            transitions: 0,
            depth: 0,
            resting: Vec::new(),
            rows: [false; 64],
            digest: Digest::default(),
            violations: 0,
            found: Vec::new(),
            edges: BTreeSet::new(),
        }
    }

    fn is_full(&self) -> bool {
        let enough = self.explorer.first_only && self.violations > 0;
        enough || self.seen.len() >= self.explorer.most_states
    }

    fn first(&mut self, world: World) -> World {
        self.seen.number(world.fingerprint());
        self.parents.push((0, Move::Heal));
        world
    }

    /// Looks at the worlds of a layer, in order, and gives the new ones they lead to.
    fn next_layer(&mut self, layer: &[World], progress: &mut dyn FnMut(Progress)) -> Vec<World> {
        let mut next = Vec::new();
        let (explorer, threads) = (self.explorer, self.explorer.threads);
        let edges = expand_ahead(explorer, layer, threads, |expanded| {
            self.take_in(expanded, &mut next);
            if self.calm_ends.len().is_multiple_of(TELL_EVERY) {
                progress(self.progress());
            }
        });
        self.edges.extend(edges);
        next
    }

    fn progress(&self) -> Progress {
        Progress {
            states: self.seen.len(),
            waiting: self.seen.len() - self.calm_ends.len(),
            depth: self.depth,
        }
    }

    /// Numbers where a world leads, in order.
    fn take_in(&mut self, expanded: Expanded, next: &mut Vec<World>) {
        let from = self.calm_ends.len() as u32;
        if expanded.at_rest {
            self.resting.push((from, expanded.row.unwrap_or(0)));
        }
        if let Some(row) = expanded.row {
            self.rows[usize::from(row)] = true;
        }
        if let Some(violation) = expanded.violation {
            self.keep(violation, from);
        }
        if expanded.healed {
            self.healed.push(from);
        }
        for (a_move, print, after) in expanded.moves {
            let (to, new) = self.seen.number(print);
            if new {
                self.parents.push((from, a_move));
                next.push(after);
            }
            if a_move.class() != Class::Fault {
                self.calm.push(Calm::new(to, a_move.class()));
            }
            self.note_move(from, a_move, to);
        }
        self.calm_ends.push(self.calm.len() as u32);
    }

    fn note_move(&mut self, from: u32, a_move: Move, to: u32) {
        self.transitions += 1;
        let [a, b, c, d] = from.to_le_bytes();
        let [e, f, g, h] = to.to_le_bytes();
        let [kind, node] = a_move.code();
        self.digest.update(&[a, b, c, d, kind, node, e, f, g, h]);
    }

    fn keep(&mut self, violation: Violation, number: u32) {
        self.violations += 1;
        let known = self.found.iter().any(|(other, _)| *other == violation);
        if !known && self.found.len() < KEPT_VIOLATIONS {
            self.found.push((violation, number));
        }
    }

    fn finish(mut self, complete: bool) -> Exploration {
        let looked_at = self.calm_ends.len();
        let back = Backwards::new(&self.calm, &self.calm_ends, self.seen.len());
        let with_operator = back.reach(&self.healed, |_| true);
        let alone = back.reach(&self.healed, |edge| !edge.is(Class::Operator));
        let cannot_heal: Vec<usize> = (0..looked_at)
            .filter(|number| complete && !with_operator[*number])
            .collect();
        if let Some(first) = cannot_heal.first() {
            self.keep(Violation::CannotHeal, *first as u32);
        }
        let endless = back.endless(looked_at);
        if let Some(first) = endless.iter().position(|endless| *endless) {
            self.keep(Violation::NeverEnds, first as u32);
        }
        let needs_operator = (0..looked_at)
            .filter(|number| complete && !alone[*number])
            .count();
        let mut operator_rests = BTreeMap::new();
        for (number, row) in &self.resting {
            if complete && !alone[*number as usize] {
                *operator_rests.entry(*row).or_default() += 1;
            }
        }
        let found = std::mem::take(&mut self.found);
        let mut trace = |(violation, number): (Violation, u32)| {
            let mut trace = self.trace(number);
            if violation == Violation::NeverEnds {
                self.go_round(&mut trace, &endless);
            }
            (violation, trace)
        };
        let found_with_traces = found.into_iter().map(&mut trace).collect();
        Exploration {
            faults: self.explorer.faults,
            states: self.seen.len(),
            transitions: self.transitions,
            depth: self.depth,
            complete,
            at_rest: self.resting.len(),
            cannot_heal: cannot_heal.len(),
            needs_operator,
            operator_rests,
            rows: (0..64).filter(|row| self.rows[usize::from(*row)]).collect(),
            violations: self.violations,
            digest: self.digest.value(),
            found: found_with_traces,
            edges: self.edges,
        }
    }

    /// Adds the steps of one way round to a trace that leads into it.
    fn go_round(&mut self, trace: &mut Trace, endless: &[bool]) {
        let rule = &self.explorer.rule();
        let mut world = trace
            .moves
            .last()
            .map_or_else(|| self.explorer.start(), |last| last.1);
        let mut moves = Moves::new();
        let mut been = Vec::new();
        loop {
            let print = world.fingerprint();
            if been.contains(&print) {
                return;
            }
            been.push(print);
            world.moves(&mut moves, rule);
            let next = moves
                .iter()
                .filter(|a_move| a_move.class() == Class::Step)
                .find_map(|a_move| {
                    let after = world.after(*a_move, rule);
                    let (number, _) = self.seen.number(after.fingerprint());
                    endless
                        .get(number as usize)
                        .is_some_and(|endless| *endless)
                        .then_some((*a_move, after))
                });
            let Some(step) = next else { return };
            trace.moves.push(step);
            world = step.1;
        }
    }

    fn trace(&self, number: u32) -> Trace {
        let mut moves = Vec::new();
        let mut at = number;
        while at != 0 {
            let (parent, a_move) = self.parents[at as usize];
            moves.push(a_move);
            at = parent;
        }
        moves.reverse();
        self.explorer.replay(&moves)
    }
}
