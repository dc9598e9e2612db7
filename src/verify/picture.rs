//! A schedule as a picture and as tables.

use takeover_core::ha::table;

use super::coverage::Coverage;
use super::kind::FaultKind;
use super::plan::Plan;
use crate::lab::Control;
use crate::report::{Lane, LaneKind, Picture, Table, Tone, paint_since};

/// Clients that are drawn at most: 300 lanes would be no picture.
const DRAWN: usize = 24;

/// Draws what happened in a lab that a plan was carried out on: a lane for the plan's steps, then
/// nodes, services and the clients that lost their sessions.
#[must_use]
pub fn picture(plan: &Plan, lab: &Control, title: &str, subtitle: &str) -> Picture {
    let began = lab.journal().find(0, |entry| {
        matches!(entry.event, takeover_core::journal::Event::Fault { .. })
    });
    let up = began.map_or(takeover_core::time::Moment::ZERO, |entry| entry.at);
    let mut picture = paint_since(lab, title, subtitle, up);
    let mut steps = Lane::new("plan", LaneKind::Timer);
    for step in &plan.steps {
        let at = up + step.at.saturating_sub(plan.steps[0].at);
        steps.tell(at, step.to_string(), None, Tone::Bad);
    }
    let mut left = DRAWN;
    picture.lanes.retain(|lane| {
        let struck = lane.kind != LaneKind::Client || lane.spans.len() > 2;
        if lane.kind == LaneKind::Client && struck {
            left = left.saturating_sub(1);
        }
        struck && left > 0
    });
    picture.lanes.insert(0, steps);
    picture
}

/// Faults by kind.
#[must_use]
pub fn faults(coverage: &Coverage) -> Table {
    let mut table = Table::new(["fault", "injected"]);
    for kind in FaultKind::ALL {
        let count = coverage.kinds.get(&kind).copied().unwrap_or(0);
        table.row([kind.name().to_owned(), count.to_string()]);
    }
    table
}

/// The rows of the state table that each kind of fault has met, and those that were never reached.
#[must_use]
pub fn grid(coverage: &Coverage) -> String {
    let mut text = format!(
        "{} of {} pairs (kind of fault, row of the state table) tried; ",
        coverage.tried(),
        Coverage::possible()
    );
    let (reached, all) = (coverage.rows.len(), table::rows().len());
    text.push_str(&format!("{reached} of {all} rows reached"));
    let missing = coverage.missing_rows();
    if !missing.is_empty() {
        text.push_str(&format!(", not {missing:?}"));
    }
    for (state, reason) in coverage.missing_states() {
        text.push_str(&format!("\nno node was {state} ({reason})"));
    }
    text
}
