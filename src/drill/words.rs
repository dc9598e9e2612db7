//! The words of a drill: times, names, and what is said where one is wrong.

use std::time::Duration;

use takeover_core::ha::Alarm;
use takeover_core::service::ServiceKind;
use thiserror::Error;

/// Why a drill cannot be read: where, what was typed, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}: {what}: {typed:?}; allowed: {}", allowed.join(", "))]
pub struct ScriptError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What was typed.
    pub typed: String,
    /// What may stand there.
    pub allowed: Vec<String>,
}

/// What is wrong with a word, before it is known where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) what: &'static str,
    pub(crate) typed: String,
    pub(crate) allowed: Vec<String>,
}

impl Wrong {
    pub(crate) fn new<S: Into<String>>(
        what: &'static str,
        typed: &str,
        allowed: impl IntoIterator<Item = S>,
    ) -> Self {
        let allowed = allowed.into_iter().map(Into::into).collect();
        Self {
            what,
            typed: typed.to_owned(),
            allowed,
        }
    }
}

/// The longest span of time, in hours: times are added to each other, and up to here each microsecond
/// has a number of its own in what is typed.
const MOST_HOURS: u64 = 100_000;

/// A span of time, such as `90s`, `1.5s`, `500ms`, `30m`, `2h`, to the microsecond.
pub(crate) fn duration(word: &str) -> Result<Duration, Wrong> {
    let wrong = || {
        let most = format!("up to {MOST_HOURS}h");
        Wrong::new("no time", word, ["500ms", "90s", "30m", "2h", &most])
    };
    let split = word
        .find(|letter: char| letter.is_ascii_alphabetic())
        .ok_or_else(wrong)?;
    let (number, unit) = word.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let micros = (number * factor * 1e6).round();
    let allowed = 0.0..=(MOST_HOURS * 3600) as f64 * 1e6;
    match allowed.contains(&micros) {
        true => Ok(Duration::from_micros(micros as u64)),
        false => Err(wrong()),
    }
}

/// A service by its short name.
pub(crate) fn service(word: &str) -> Result<ServiceKind, Wrong> {
    let names = ServiceKind::ALL.map(ServiceKind::short_name);
    ServiceKind::ALL
        .into_iter()
        .find(|kind| kind.short_name() == word)
        .ok_or_else(|| Wrong::new("no service", word, names))
}

/// A word out of a few.
pub(crate) fn one_of(what: &'static str, word: &str, known: &[&str]) -> Result<String, Wrong> {
    match known.contains(&word) {
        true => Ok(word.to_owned()),
        false => Err(Wrong::new(what, word, known.iter().copied())),
    }
}

/// A number in a range.
pub(crate) fn number(what: &'static str, word: &str, low: u64, high: u64) -> Result<u64, Wrong> {
    let number = word.parse().ok().filter(|n| (low..=high).contains(n));
    number.ok_or_else(|| Wrong::new(what, word, [format!("{low} to {high}")]))
}

/// The alarms by the names a drill gives them.
pub(crate) const ALARMS: [&str; 6] = [
    "critical-service-down",
    "database-down",
    "peer-lost",
    "failed-mode",
    "split-brain",
    "enabled-too-early",
];

/// The name a drill gives an alarm.
pub(crate) const fn alarm_name(alarm: &Alarm) -> &'static str {
    match alarm {
        Alarm::CriticalServiceDown(_) => "critical-service-down",
        Alarm::DatabaseDown => "database-down",
        Alarm::PeerLost(_) => "peer-lost",
        Alarm::FailedMode(_) => "failed-mode",
        Alarm::SplitBrain => "split-brain",
        Alarm::EnabledTooEarly => "enabled-too-early",
    }
}

#[cfg(test)]
mod tests {
    use super::super::display::time;
    use super::*;

    /// A time is printed as it is read: nothing finer than a microsecond, nothing that overflows.
    #[test]
    fn a_time_is_read_to_the_microsecond_and_bounded() {
        for (word, printed) in [
            ("0.0001ms", "0ms"),
            ("0.0006ms", "0.001ms"),
            ("61.002s", "61.002s"),
            ("99999.123456s", "99999.123456s"),
            ("100000h", "100000h"),
        ] {
            let read = duration(word).unwrap();
            assert_eq!(time(read), printed);
            assert_eq!(duration(printed), Ok(read));
        }
        for word in [
            "100001h",
            "1000000000000000000h",
            "-1s",
            "nans",
            "infs",
            "s",
            "5",
        ] {
            let wrong = duration(word).unwrap_err();
            assert!(
                wrong.allowed.contains(&"up to 100000h".to_owned()),
                "{word}"
            );
        }
    }
}
