//! What came of a drill, and of all of them: for people and for programs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use takeover_core::ha::State;
use takeover_core::ha::table::{self, Seen};
use takeover_core::time::Moment;

use super::script::{Drill, Engine};
use super::trace::{Misfit, Trace, View};
use crate::report::{Line, Tone};

/// Something that a drill tells while it is carried out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// When, in protocol seconds.
    pub at_s: f64,
    /// A step of the drill, the name of a pair, or a note.
    pub place: String,
    /// What happened: the step as written, or the states of the pair.
    pub what: String,
    /// The row of the table, where the pair is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u8>,
    /// What the row means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// What the row recommends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommended_action: Option<&'static str>,
    #[serde(skip)]
    at: Moment,
    #[serde(skip)]
    tone: Tone,
}

impl Told {
    fn new(at: Moment, place: &str, what: String, tone: Tone) -> Self {
        Self {
            at_s: at.as_secs_f64(),
            place: place.to_owned(),
            what,
            row: None,
            cause: None,
            recommended_action: None,
            at,
            tone,
        }
    }

    /// A step begins.
    pub(super) fn step(at: Moment, text: &str) -> Self {
        Self::new(at, "step", text.to_owned(), Tone::Busy)
    }

    /// An answer that belongs to the step before.
    pub(super) fn note(at: Moment, text: &str) -> Self {
        Self::new(at, "answer", text.to_owned(), Tone::Plain)
    }

    /// A pair is seen so from now on.
    pub(super) fn pair(at: Moment, pair: &str, nodes: [&str; 2], views: &[View]) -> Self {
        let rows: Vec<_> = views.iter().filter_map(|view| view.row).collect();
        let mut told = Self::new(at, pair, seen_so(nodes, views), tone(views));
        if let Some(row) = rows.first() {
            told.row = Some(row.number);
            told.cause = Some(row.cause);
            told.recommended_action = Some(row.recommended_action);
        }
        told
    }

    /// As a line of the timeline.
    #[must_use]
    pub fn line(&self) -> Line {
        let row = self.row.map(|row| format!("row {row}: "));
        let why = self.cause.map(|cause| match self.recommended_action {
            Some(action) if action != "none" => format!("{cause}; do: {action}"),
            _ => cause.to_owned(),
        });
        Line {
            at: self.at,
            place: self.place.clone(),
            what: format!("{}{}", row.unwrap_or_default(), self.what),
            why,
            tone: self.tone,
        }
    }
}

fn seen_so(nodes: [&str; 2], views: &[View]) -> String {
    let view = |view: &View| {
        let [first, second] = view.nodes;
        format!("{} {first}, {} {second}", nodes[0], nodes[1])
    };
    match views {
        [] => format!("{} and {} (unreachable)", nodes[0], nodes[1]),
        [only] => view(only),
        _ => {
            let sides: Vec<String> = views.iter().map(view).collect();
            format!("split: {}", sides.join(" | "))
        }
    }
}

fn tone(views: &[View]) -> Tone {
    let states = views.iter().flat_map(|view| view.nodes);
    let of = |seen: Seen| match seen {
        Seen::Unreachable => Tone::Dark,
        Seen::Reachable(State::Normal, _) => Tone::Good,
        Seen::Reachable(State::FailedMode, _) => Tone::Bad,
        Seen::Reachable(state, _) if !state.is_stable() => Tone::Moving,
        Seen::Reachable(..) => Tone::Busy,
    };
    let tones: BTreeSet<Tone> = states.map(of).collect();
    let worst = [Tone::Bad, Tone::Moving, Tone::Busy, Tone::Dark];
    let found = worst.into_iter().find(|tone| tones.contains(tone));
    found.unwrap_or(Tone::Good)
}

/// The step at which a drill failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Its line in the file.
    pub line: usize,
    /// As it was written.
    pub step: String,
    /// Why it failed.
    pub why: String,
}

/// What came of a drill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub drill: String,
    /// Its title.
    pub title: String,
    /// Where its rooms were kept.
    pub engine: Engine,
    /// Whether every step went as written, every row that it shows was reached, and no pair rested
    /// outside the table.
    pub ok: bool,
    /// The step that did not go as written.
    pub failure: Option<Failure>,
    /// Rows that it should have gone through and did not.
    pub missing_rows: Vec<u8>,
    /// Rests outside the table, and transitions without an end.
    pub misfits: Vec<Misfit>,
    /// The rows that were gone through, each with how often.
    pub rows: BTreeMap<u8, u32>,
    /// The same with states and reasons, home first.
    pub variants: BTreeSet<String>,
    /// How much protocol time it took, in seconds.
    pub took_s: f64,
    /// Its seed.
    pub seed: u64,
    /// The digest of its journal: the same drill and seed, the same digest.
    pub digest: String,
    /// What was told.
    pub events: Vec<Told>,
}

impl Outcome {
    /// Of a drill whose lab did not come up.
    pub(super) fn not_run(drill: &Drill, engine: Engine, why: String) -> Self {
        let failure = Failure {
            line: 0,
            step: "(the lab)".to_owned(),
            why,
        };
        Self {
            drill: drill.name.clone(),
            title: drill.title.clone(),
            engine,
            ok: false,
            failure: Some(failure),
            missing_rows: drill.shows.clone(),
            misfits: Vec::new(),
            rows: BTreeMap::new(),
            variants: BTreeSet::new(),
            took_s: 0.0,
            seed: drill.seed,
            digest: String::new(),
            events: Vec::new(),
        }
    }

    /// The verdict in lines.
    #[must_use]
    pub fn verdict(&self) -> String {
        let rows: Vec<String> = self.rows.keys().map(u8::to_string).collect();
        let word = if self.ok { "ok" } else { "FAILED" };
        let on = match self.engine {
            Engine::Own => String::new(),
            Engine::PostgreSql => format!(" on {}", self.engine.name()),
        };
        let mut text = format!("{word}: {}{on}, rows {}", self.drill, rows.join(" "));
        if let Some(Failure { line, step, why }) = &self.failure {
            text.push_str(&format!("\n  line {line}, {step:?}: {why}"));
        }
        if !self.missing_rows.is_empty() {
            text.push_str(&format!("\n  rows not reached: {:?}", self.missing_rows));
        }
        for misfit in &self.misfits {
            text.push_str(&format!("\n  not in the table: {misfit}"));
        }
        text
    }
}

/// How often each row was gone through; only where the table has the very states.
pub(super) fn row_counts<'t>(traces: impl Iterator<Item = &'t Trace>) -> BTreeMap<u8, u32> {
    let mut counts = BTreeMap::new();
    for view in traces.flat_map(Trace::all_views).filter(|view| view.exact) {
        if let Some(row) = view.row {
            *counts.entry(row.number).or_default() += 1;
        }
    }
    counts
}

/// The states and reasons in which each row was gone through, the home first.
pub(super) fn variants<'t>(traces: impl Iterator<Item = &'t Trace>) -> BTreeSet<String> {
    let exact = traces.flat_map(Trace::all_views).filter(|view| view.exact);
    let name = |view: &View| {
        let [first, second] = view.nodes;
        let found = table::find(first, second)?;
        let (home, carries) = match found.first_is_node1 {
            true => (first, second),
            false => (second, first),
        };
        Some(format!("{:02}: {home}, {carries}", found.row.number))
    };
    exact.filter_map(name).collect()
}

/// A drill that was not carried out on one of its engines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Skipped {
    /// Its name.
    pub drill: String,
    /// The engine.
    pub engine: Engine,
    /// Why.
    pub skipped: String,
}

/// What came of all drills together, computed from their journals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many rows of the table were reached.
    pub rows_reached: usize,
    /// How many rows the table has.
    pub rows: usize,
    /// The rows that no drill reached.
    pub missing: Vec<u8>,
    /// How many drills there are.
    pub drills: usize,
    /// The drills that failed.
    pub failed: Vec<String>,
    /// Drills that were not carried out on an engine, which is named with the reason.
    pub skipped: Vec<Skipped>,
    /// Rests outside the table, over all drills.
    pub misfits: usize,
    /// The states and reasons in which the rows were gone through.
    pub variants: BTreeSet<String>,
}

impl Summary {
    /// Of these outcomes.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let reached: BTreeSet<u8> = outcomes
            .iter()
            .flat_map(|outcome| outcome.rows.keys().copied())
            .collect();
        let all: BTreeSet<u8> = table::rows().iter().map(|row| row.number).collect();
        let failed = outcomes.iter().filter(|outcome| !outcome.ok);
        Self {
            rows_reached: reached.len(),
            rows: all.len(),
            missing: all.difference(&reached).copied().collect(),
            drills: outcomes.len(),
            failed: failed.map(|outcome| outcome.drill.clone()).collect(),
            skipped: Vec::new(),
            misfits: outcomes.iter().map(|outcome| outcome.misfits.len()).sum(),
            variants: outcomes
                .iter()
                .flat_map(|outcome| outcome.variants.iter().cloned())
                .collect(),
        }
    }

    /// Whether every drill went as written and every row was reached.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.missing.is_empty() && self.failed.is_empty() && self.misfits == 0
    }
}
