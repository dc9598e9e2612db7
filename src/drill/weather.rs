//! Reads what is done to links, databases, the name service, clocks, machines and clients' lines.

use crate::lab::DatabaseFault;

use super::reader::Reader;
use super::script::{Deed, LinkDeed};
use super::words::{Wrong, duration, number};

/// These deeds, as they are documented and offered.
pub(super) const WEATHER: [&str; 12] = [
    "lose PERCENT NODE NODE",
    "double PERCENT NODE NODE",
    "shuffle TIME NODE NODE",
    "hold NODE NODE",
    "release NODE NODE",
    "database PAIR down|up|full|free|well",
    "database PAIR slow TIME",
    "database PAIR refuses|forgets NUMBER",
    "dns down|up [NODE]",
    "drift NODE PPM",
    "lag NODE TIME",
    "drop clients of NODE",
];

/// How far a clock may be off, in parts per million.
const DRIFT: i32 = takeover_actors::rt::DRIFT_LIMIT.cast_signed();

impl Reader<'_> {
    /// What these words mean; `None` where they are none of these deeds.
    pub(super) fn weather(&self, words: &[&str]) -> Result<Option<Deed>, Wrong> {
        let deed = match *words {
            ["lose", percent, a, b] => self.linked(LinkDeed::Lose(share(percent)?), a, b)?,
            ["double", percent, a, b] => self.linked(LinkDeed::Double(share(percent)?), a, b)?,
            ["shuffle", time, a, b] => self.linked(LinkDeed::Shuffle(duration(time)?), a, b)?,
            ["hold", a, b] => self.linked(LinkDeed::Hold, a, b)?,
            ["release", a, b] => self.linked(LinkDeed::Release, a, b)?,
            ["database", pair, ref fault @ ..] => {
                Deed::Database(database(fault)?, self.pair(pair)?)
            }
            ["dns", word @ ("down" | "up")] => Deed::Dns(word == "down", None),
            ["dns", word @ ("down" | "up"), node] => {
                Deed::Dns(word == "down", Some(self.node(node)?))
            }
            ["drift", node, gains] => Deed::Drift(self.node(node)?, drift(gains)?),
            ["lag", node, time] => Deed::Lag(self.node(node)?, duration(time)?),
            ["drop", "clients", "of", node] => Deed::DropClients(self.node(node)?),
            _ => return Ok(None),
        };
        Ok(Some(deed))
    }
}

fn share(word: &str) -> Result<u8, Wrong> {
    Ok(number("no percentage", word, 0, 100)? as u8)
}

fn drift(word: &str) -> Result<i32, Wrong> {
    let gains = word.parse().ok();
    let gains = gains.filter(|gains: &i32| (-DRIFT..=DRIFT).contains(gains));
    gains.ok_or_else(|| Wrong::new("no clock runs so", word, [format!("-{DRIFT} to {DRIFT}")]))
}

fn database(words: &[&str]) -> Result<DatabaseFault, Wrong> {
    let count = |word| number("no number of writes", word, 1, 1_000_000);
    Ok(match *words {
        ["down"] => DatabaseFault::Down(true),
        ["up"] => DatabaseFault::Down(false),
        ["full"] => DatabaseFault::Full(true),
        ["free"] => DatabaseFault::Full(false),
        ["well"] => DatabaseFault::Well,
        ["slow", time] => DatabaseFault::Slow(duration(time)?),
        ["refuses", writes] => DatabaseFault::Refuse(count(writes)? as u32),
        ["forgets", writes] => DatabaseFault::LoseAnswers(count(writes)? as u32),
        _ => {
            let all = WEATHER.iter().filter(|deed| deed.starts_with("database"));
            return Err(Wrong::new(
                "no fault of a database",
                &words.join(" "),
                all.copied(),
            ));
        }
    })
}
