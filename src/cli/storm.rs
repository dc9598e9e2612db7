//! `takeover storm`: the logins after a failover (SES-5, SES-6).

use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};
use takeover_core::profile::{self, Mode, Profile};
use takeover_core::topology::OvaSize;

use super::{FAILED, OK, REFUSED, fail, print};
use crate::storm::{Limits, Replay, Scale, StormSpec, chart, replay, table};

/// Replay the logins after a failover, with the re-login limits that fit and with the default ones.
///
/// A node of a pair loses its power; each client of its users waits a random time between the limits
/// and logs in at the other node, which serves so many logins a second as the login profiles count
/// with. In virtual time, with simulated clients, through the real failover. The chart shows logins
/// per second and the queue at the door; who would wait longer than a login may take is turned away
/// and comes again.
#[derive(Args)]
pub(super) struct Storm {
    /// Users that a node's machine is sized for: 500, 1000, 2000, 5000, 15000 or 25000.
    #[arg(long)]
    ova: OvaSize,
    /// How the users are spread: active/active or active/standby.
    #[arg(long)]
    mode: Mode,
    /// Active users of the node that fails.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// Try these limits too, in seconds: LOWER-UPPER, such as 0-60.
    #[arg(long, value_name = "LOWER-UPPER", value_parser = limits)]
    limits: Option<Limits>,
    /// Seed of the clients' chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object instead of the charts.
    #[arg(long)]
    json: bool,
}

fn limits(text: &str) -> Result<Limits, String> {
    let wrong = || {
        format!("{text:?} is not LOWER-UPPER; allowed: whole seconds from 0 to 7200, LOWER ≤ UPPER")
    };
    let (lower, upper) = text.split_once('-').ok_or_else(wrong)?;
    let seconds = |text: &str| text.trim().parse::<u32>().ok().filter(|s| *s <= 7200);
    match (seconds(lower), seconds(upper)) {
        (Some(lower_s), Some(upper_s)) if lower_s <= upper_s => Ok(Limits { lower_s, upper_s }),
        _ => Err(wrong()),
    }
}

impl Storm {
    pub(super) fn run(&self) -> u8 {
        let row = match profile::look_up(self.ova, self.mode, self.users, false) {
            Ok(row) => row,
            Err(error) => return fail(REFUSED, error),
        };
        #[expect(clippy::disallowed_methods, reason = "told, and of no effect")]
        let since = Instant::now();
        let replays = match self.replays(row) {
            Ok(replays) => replays,
            Err(error) => return fail(FAILED, error),
        };
        let wall = since.elapsed().as_secs_f64();
        if self.json {
            print(self.as_json(row, &replays, wall));
        } else {
            print(self.in_words(row, &replays, wall));
        }
        let all = replays.iter().all(|(_, replay)| replay.back == self.users);
        if all { OK } else { FAILED }
    }

    fn replays(&self, row: &Profile) -> Result<Vec<(&'static str, Replay)>, crate::LabError> {
        let fitting = Limits {
            lower_s: row.lower_s,
            upper_s: row.upper_s,
        };
        let wanted = [
            Some(("profile", fitting)),
            Some(("default", Limits::DEFAULT)),
            self.limits.map(|limits| ("given", limits)),
        ];
        let mut replays = Vec::new();
        for (name, limits) in wanted.into_iter().flatten() {
            if !self.json {
                eprintln!(
                    "replaying {} users with the {name} limits, {} to {} s …",
                    self.users, limits.lower_s, limits.upper_s
                );
            }
            replays.push((name, replay(&self.spec(limits))?));
        }
        Ok(replays)
    }

    fn spec(&self, limits: Limits) -> StormSpec {
        StormSpec {
            ova: self.ova,
            mode: self.mode,
            users: self.users,
            limits,
            seed: self.seed,
        }
    }

    fn rate(&self) -> f64 {
        self.spec(Limits::DEFAULT).rate()
    }

    fn in_words(&self, row: &Profile, replays: &[(&str, Replay)], wall: f64) -> String {
        let mut text = format!(
            "{} users of a {}-user node in {} log in again at its peer, which serves {} logins a second.\n\
             The login profile's row: up to {} users, lower limit {} s, upper limit {} s{}.\n",
            self.users,
            self.ova.users(),
            self.mode,
            self.rate(),
            row.expected_active_users,
            row.lower_s,
            row.upper_s,
            irregular(row),
        );
        let scale = Scale::of(replays.iter().map(|(_, replay)| replay));
        for (name, replay) in replays {
            let Limits { lower_s, upper_s } = replay.limits;
            text.push_str(&format!("\nThe {name} limits, {lower_s} to {upper_s} s\n"));
            text.push_str(&chart(replay, scale));
            text.push_str(&format!("{}\n", self.finding(replay)));
        }
        let rows: Vec<(&str, &Replay)> = replays.iter().map(|(name, r)| (*name, r)).collect();
        text.push_str(&format!("\n{}", table(&rows, self.users)));
        text.push_str(&format!("{wall:.1} s of wall time"));
        text
    }

    /// What the limits do to this node, in a sentence.
    fn finding(&self, replay: &Replay) -> String {
        let rate = self.rate();
        match replay.arrivals_per_second {
            None => "All come at once.".to_owned(),
            Some(come) if come > rate * 1.005 => format!(
                "Too short: {come:.1} logins come in a second where {rate} are served; \
                 the queue grew to {}, {} attempts were turned away.",
                replay.peak_queue, replay.turned_away
            ),
            Some(come) if come < rate / 2.0 => format!(
                "Longer than needed: {come:.1} logins come in a second where {rate} are served."
            ),
            Some(come) => format!("It fits: {come:.1} logins come in a second, {rate} are served."),
        }
    }

    fn as_json(&self, row: &Profile, replays: &[(&str, Replay)], wall: f64) -> Value {
        let runs: serde_json::Map<String, Value> = replays
            .iter()
            .map(|(name, replay)| ((*name).to_owned(), json!(replay)))
            .collect();
        json!({
            "ova": self.ova,
            "mode": self.mode,
            "users": self.users,
            "logins_per_second": self.rate(),
            "row": row,
            "irregular": row.is_irregular(),
            "seed": self.seed,
            "runs": runs,
            "wall_s": wall,
        })
    }
}

fn irregular(row: &Profile) -> String {
    if row.is_irregular() {
        let formula = row.formula_upper_s;
        return format!(" (irregular: the formula behind the table gives {formula} s)");
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_two_numbers_in_order() {
        let read = limits("0-60");
        assert_eq!(
            read,
            Ok(Limits {
                lower_s: 0,
                upper_s: 60
            })
        );
        for wrong in ["60", "90-60", "a-b", "0-7201", "-5-10"] {
            let error = limits(wrong).unwrap_err();
            assert!(
                error.contains("LOWER ≤ UPPER") && error.contains(wrong),
                "{error}"
            );
        }
    }
}
