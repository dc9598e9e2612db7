//! A drill as a picture: nodes with their services, SRM's messages and timers, users, clients.

use takeover_core::time::Moment;

use super::{Outcome, Run};
use crate::report::{Picture, Table, paint_since};

/// Draws a drill that was carried out; `None` if its lab did not come up.
#[must_use]
pub fn picture(run: &Run) -> Option<Picture> {
    let lab = run.lab.as_ref()?;
    let outcome = &run.outcome;
    let first_step = outcome.events.iter().find(|told| told.place == "step");
    let up = first_step.map_or(0.0, |told| told.at_s - 0.5);
    let up = Moment::from_micros((up * 1e6) as u64);
    let rows: Vec<String> = outcome.rows.keys().map(u8::to_string).collect();
    let word = if outcome.ok {
        "Went as written"
    } else {
        "FAILED"
    };
    let subtitle = format!(
        "{}. {word}; rows {} of the state table. Seed {}, virtual time.",
        outcome.title,
        rows.join(", "),
        outcome.seed
    );
    Some(paint_since(lab, &outcome.drill, &subtitle, up))
}

/// The outcomes as a table.
#[must_use]
pub fn table<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> Table {
    let mut table = Table::new(["drill", "rooms in", "verdict", "rows", "protocol time"]);
    for outcome in outcomes {
        let rows: Vec<String> = outcome.rows.keys().map(u8::to_string).collect();
        let word = if outcome.ok { "ok" } else { "FAILED" };
        let time = format!("{:.0} s", outcome.took_s);
        table.row([
            outcome.drill.clone(),
            outcome.engine.name().to_owned(),
            word.to_owned(),
            rows.join(" "),
            time,
        ]);
    }
    table
}
