//! A replay as a picture of letters.

use std::fmt::Write as _;

use super::replay::Replay;
use crate::report::Table;

/// Lines of a chart, about.
const LINES: usize = 24;
/// Letters of the longest bars.
const WIDTH: usize = 28;
/// Parts of a letter that a bar can end with.
const PARTS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// Spans of time that a line may stand for, in seconds.
const SPANS: [usize; 12] = [1, 2, 5, 10, 15, 20, 25, 30, 60, 120, 300, 600];

/// What the longest bars stand for, so that two charts can be compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Logins in a second.
    pub logins: f64,
    /// Logins that wait.
    pub queue: f64,
}

impl Scale {
    /// The scale on which all of these have room.
    #[must_use]
    pub fn of<'r>(replays: impl IntoIterator<Item = &'r Replay>) -> Self {
        let mut scale = Self {
            logins: 1.0,
            queue: 1.0,
        };
        for replay in replays {
            scale.logins = scale.logins.max(f64::from(replay.peak_logins));
            scale.queue = scale.queue.max(f64::from(replay.peak_queue));
        }
        scale
    }
}

/// Logins per second over time, and the queue at the door.
#[must_use]
pub fn chart(replay: &Replay, scale: Scale) -> String {
    let first = replay.logins.iter().position(|logins| *logins > 0);
    let first = first.unwrap_or(0);
    let length = replay.logins.len() - first;
    let span = span(length);
    let begin = first / span * span;
    let mut text = format!(
        "   after failure   logins/s {:WIDTH$}  queue\n",
        String::new()
    );
    let mut from = begin;
    while from < replay.logins.len() {
        let to = (from + span).min(replay.logins.len());
        let logins: u32 = replay.logins[from..to].iter().sum();
        let queue = replay.queue[from..to].iter().copied().max().unwrap_or(0);
        let rate = f64::from(logins) / (to - from) as f64;
        let line = format!(
            "{from:>6} – {:>5} s  {rate:>7.1}  {:<WIDTH$} {queue:>6}  {}",
            from + span,
            bar(rate / scale.logins),
            bar(f64::from(queue) / scale.queue),
        );
        let _ = writeln!(text, "{}", line.trim_end());
        from += span;
    }
    text
}

fn span(length: usize) -> usize {
    let wanted = length.div_ceil(LINES);
    let found = SPANS.iter().copied().find(|span| *span >= wanted);
    found.unwrap_or(wanted)
}

/// A bar of this part of the width.
fn bar(part: f64) -> String {
    let eighths = (part.clamp(0.0, 1.0) * WIDTH as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).map(|part| PARTS[part]));
    bar
}

/// The replays side by side, each with its name.
#[must_use]
pub fn table(replays: &[(&str, &Replay)], users: u32) -> Table {
    let mut table = Table::new([
        "limits",
        "lower",
        "upper",
        "come/s",
        "peak/s",
        "longest queue",
        "turned away",
        "back",
        "last one back",
    ]);
    for (name, replay) in replays {
        let come = replay.arrivals_per_second;
        table.row([
            (*name).to_owned(),
            format!("{} s", replay.limits.lower_s),
            format!("{} s", replay.limits.upper_s),
            come.map_or("all".to_owned(), |rate| format!("{rate:.1}")),
            replay.peak_logins.to_string(),
            replay.peak_queue.to_string(),
            replay.turned_away.to_string(),
            format!("{}/{users}", replay.back),
            format!("{} s", replay.last_s),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::Limits;

    fn replay() -> Replay {
        let mut logins = vec![0; 120];
        logins.extend([10; 50]);
        Replay {
            limits: Limits::DEFAULT,
            arrivals_per_second: Some(10.0),
            queue: logins.iter().map(|logins| logins * 2).collect(),
            peak_logins: 10,
            peak_queue: 20,
            turned_away: 3,
            back: 500,
            last_s: 170,
            logins,
        }
    }

    #[test]
    fn the_chart_begins_with_the_first_login() {
        let scale = Scale {
            logins: 20.0,
            queue: 20.0,
        };
        let text = chart(&replay(), scale);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 11, "{text}");
        assert!(
            lines[1].contains("120") && lines[1].contains("10.0"),
            "{text}"
        );
        let bars = lines[1].matches('█').count();
        assert_eq!(
            bars,
            WIDTH / 2 + WIDTH,
            "half a bar and a whole one: {text}"
        );
    }

    #[test]
    fn the_table_tells_who_was_turned_away() {
        let text = table(&[("default", &replay())], 500).to_string();
        assert!(
            text.contains("turned away") && text.contains("500/500"),
            "{text}"
        );
    }
}
