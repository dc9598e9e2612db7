//! The verdict on a story: what the clients were promised, and how long it took.

use std::collections::BTreeMap;

use serde::Serialize;
use takeover_core::ha::table;

use super::Times;
use crate::client::{Finding, Tally};
use crate::lab::{Control, LabError};
use crate::report::Table;

/// One client's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientVerdict {
    /// Its messages.
    #[serde(flatten)]
    pub tally: Tally,
    /// Protocol time without a session since its first login, in milliseconds.
    pub downtime_ms: u64,
}

/// How the pair ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PairVerdict {
    /// The row of the state table; `None` for a pair that the table does not have.
    pub row: Option<u8>,
    /// The states, the first node first.
    pub states: Vec<String>,
    /// Their reasons.
    pub reasons: Vec<String>,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the story came to its end, no promise was broken and the pair ended in row 1.
    pub ok: bool,
    /// All messages.
    #[serde(flatten)]
    pub total: Tally,
    /// Per client, by name.
    pub clients: BTreeMap<String, ClientVerdict>,
    /// From the death of the service to the start of the failover, in protocol seconds.
    pub detect_s: Option<f64>,
    /// From the start of the failover until both nodes were at rest, in protocol seconds.
    pub failover_s: Option<f64>,
    /// From the administrator's fallback until both nodes were `Normal`, in protocol seconds.
    pub fallback_s: Option<f64>,
    /// How the pair ended.
    pub pair: PairVerdict,
    /// The seed.
    pub seed: u64,
    /// Protocol seconds per second; `None` in virtual time.
    pub speed: Option<f64>,
    /// Seconds that the lab ran; `None` in virtual time.
    pub wall_s: Option<f64>,
    /// What did not happen, where the story did not come to its end.
    pub error: Option<String>,
    /// The first broken promises in words.
    pub broken: Vec<String>,
}

impl Verdict {
    /// Judges a lab after its story.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] where the lab has no group of this name.
    pub fn of(lab: &Control, group: &str, played: Result<Times, String>) -> Result<Self, LabError> {
        let Finding {
            total,
            clients,
            broken,
        } = lab.finding();
        let pair = pair(lab, group)?;
        let known = lab.clients();
        let account = |(name, tally): (String, Tally)| {
            let downtime = known
                .get(&name)
                .map(|client| client.downtime())
                .unwrap_or_default();
            let downtime_ms = u64::try_from(downtime.as_millis()).unwrap_or(u64::MAX);
            (name, ClientVerdict { tally, downtime_ms })
        };
        let times = played.as_ref().ok();
        let speed = lab.world().clock().speed();
        Ok(Self {
            ok: played.is_ok() && total.is_clean() && pair.row == Some(1),
            total,
            clients: clients.into_iter().map(account).collect(),
            detect_s: times.map(|t| t.failover.saturating_since(t.died).as_secs_f64()),
            failover_s: times.map(|t| t.failed_over.saturating_since(t.failover).as_secs_f64()),
            fallback_s: times.map(|t| t.normal.saturating_since(t.fallback).as_secs_f64()),
            pair,
            seed: lab.world().seed(),
            speed,
            wall_s: speed.map(|speed| lab.now().as_secs_f64() / speed),
            error: played.err(),
            broken,
        })
    }

    /// The clients' account as a table.
    #[must_use]
    pub fn clients_table(&self) -> Table {
        let head = [
            "",
            "sent",
            "acknowledged",
            "refused",
            "delivered",
            "lost",
            "doubled",
            "reordered",
            "without a session",
        ];
        let mut table = Table::new(head);
        let figures = |tally: &Tally| {
            let Tally {
                sent,
                acknowledged,
                refused,
                delivered,
                lost,
                doubled,
                reordered,
                // Nobody is suspended in a demonstration.
                unread_lost: _,
            } = *tally;
            [
                sent,
                acknowledged,
                refused,
                delivered,
                lost,
                doubled,
                reordered,
            ]
            .map(|n| n.to_string())
        };
        for (name, client) in &self.clients {
            let downtime = format!("{:.1} s", client.downtime_ms as f64 / 1000.0);
            let cells = figures(&client.tally).into_iter().chain([downtime]);
            table.row([name.clone()].into_iter().chain(cells));
        }
        table.row(["all".to_owned()].into_iter().chain(figures(&self.total)));
        table
    }

    /// How long it took, as a table.
    #[must_use]
    pub fn times_table(&self) -> Table {
        let mut table = Table::new(["", "protocol time"]);
        let shown =
            |secs: Option<f64>| secs.map_or_else(|| "-".to_owned(), |s| format!("{s:.1} s"));
        table.row([
            "to detect (the critical-service delay)".to_owned(),
            shown(self.detect_s),
        ]);
        table.row([
            "to move the users and rooms".to_owned(),
            shown(self.failover_s),
        ]);
        table.row(["to be back home".to_owned(), shown(self.fallback_s)]);
        table
    }

    /// The verdict in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let row = self
            .pair
            .row
            .map_or_else(|| "no known row".to_owned(), |row| format!("row {row}"));
        let ended = format!("the pair ended in {row} ({})", self.pair.states.join(" / "));
        match (&self.error, self.ok) {
            (Some(error), _) => format!("NOT OK: {error}; {ended}"),
            (None, true) => {
                format!("OK: nothing acknowledged was lost, doubled or reordered; {ended}")
            }
            (None, false) => {
                let Tally {
                    lost,
                    doubled,
                    reordered,
                    ..
                } = self.total;
                format!("NOT OK: {lost} lost, {doubled} doubled, {reordered} reordered; {ended}")
            }
        }
    }
}

fn pair(lab: &Control, group: &str) -> Result<PairVerdict, LabError> {
    let states = lab.pair_states(group)?;
    let [first, second] = states.seen();
    let shown = |pick: fn(&table::Seen) -> String| [first, second].iter().map(pick).collect();
    Ok(PairVerdict {
        row: table::find(first, second).map(|found| found.row.number),
        states: shown(|seen| match seen {
            table::Seen::Reachable(state, _) => state.to_string(),
            table::Seen::Unreachable => "(unreachable)".to_owned(),
        }),
        reasons: shown(|seen| match seen {
            table::Seen::Reachable(_, reason) => reason.to_string(),
            table::Seen::Unreachable => String::new(),
        }),
    })
}
