//! A drill as a picture: nodes with their services, SRM's messages and timers, users, clients.

use std::collections::BTreeMap;

use takeover_actors::srm::SrmTimer;
use takeover_core::ha::Timer;
use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::time::Moment;

use super::{Outcome, Run};
use crate::lab::Control;
use crate::report::{Lane, LaneKind, Picture, Table, Tone, paint_since};

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
    let mut picture = paint_since(lab, &outcome.drill, &subtitle, up);
    add_srm_lanes(&mut picture, lab, up);
    Some(picture)
}

/// Adds to each node what its SRM sends and which of its timers run.
fn add_srm_lanes(picture: &mut Picture, lab: &Control, up: Moment) {
    for node in lab.deployment().nodes() {
        let lanes = srm_lanes(lab, node.id, up);
        let name = node.name.to_string();
        let own = |lane: &Lane| lane.name == name || lane.name.starts_with(&format!("{name} "));
        let after = picture.lanes.iter().rposition(own);
        let place = after.map_or(picture.lanes.len(), |place| place + 1);
        picture.lanes.splice(place..place, lanes);
    }
}

fn srm_lanes(lab: &Control, node: NodeId, up: Moment) -> Vec<Lane> {
    let name = lab.node_name(node);
    let mut sent = Lane::new(format!("{name} SRM sends"), LaneKind::Timer);
    let mut timers: BTreeMap<String, Lane> = BTreeMap::new();
    for entry in lab.journal().select(|entry| entry.node == Some(node)) {
        match &entry.event {
            Event::PeerSent { .. } if entry.at > up => sent.tick(entry.at, Tone::Plain),
            Event::TimerArmed { timer, .. } => {
                let Some(known) = of_srm(timer) else { continue };
                let title = || Lane::new(format!("{name} {known}"), LaneKind::Timer);
                let lane = timers.entry(timer.clone()).or_insert_with(title);
                lane.end(entry.at);
                lane.turn(entry.at, "runs", Tone::Moving);
            }
            Event::TimerFired { timer } => {
                if let Some(lane) = timers.get_mut(timer) {
                    lane.end(entry.at);
                    lane.tick(entry.at, Tone::Bad);
                }
            }
            Event::TimerCancelled { timer } => {
                if let Some(lane) = timers.get_mut(timer) {
                    lane.end(entry.at);
                }
            }
            Event::Power { .. } => timers.values_mut().for_each(|lane| lane.end(entry.at)),
            _ => {}
        }
    }
    [sent].into_iter().chain(timers.into_values()).collect()
}

/// The timer of the HA machine that the journal calls so.
fn of_srm(name: &str) -> Option<Timer> {
    let mut all = Timer::ALL.into_iter();
    all.find(|timer| name == format!("{:?}", SrmTimer::Ha(*timer)))
}

/// The outcomes as a table.
#[must_use]
pub fn table<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> Table {
    let mut table = Table::new(["drill", "verdict", "rows", "protocol time"]);
    for outcome in outcomes {
        let rows: Vec<String> = outcome.rows.keys().map(u8::to_string).collect();
        let word = if outcome.ok { "ok" } else { "FAILED" };
        let time = format!("{:.0} s", outcome.took_s);
        table.row([outcome.drill.clone(), word.to_owned(), rows.join(" "), time]);
    }
    table
}
