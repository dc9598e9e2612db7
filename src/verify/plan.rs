//! A fault plan: what is done to a deployment and when, as a value and as a small text file.
//!
//! The words of the deeds are those of the drills (`drills/README.md`). A plan is replayed by its
//! text alone: the seed in it decides all chance of the lab.

use std::fmt;
use std::time::Duration;

use super::kind::FaultKind;
use super::knobs::{HEADS, Knobs};
use super::undo::has_undo;
use crate::drill::words::{Wrong, duration, number};
use crate::drill::{Deed, Drill, ScriptError, time};

/// A fault plan.
///
/// ```
/// use takeover::verify::Plan;
///
/// let text = "seed 7\nusers 20\nrooms 2\nlength 1h\nat 90s cut 1A 1B for 75s\nat 10m fail over 2A\n";
/// let plan = Plan::parse("mine.plan", text)?;
/// assert_eq!(plan.steps.len(), 2);
/// assert_eq!(Plan::parse("again.plan", &plan.to_string())?, plan);
/// # Ok::<(), takeover::drill::ScriptError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The seed of all chance in the lab.
    pub seed: u64,
    /// The world.
    pub knobs: Knobs,
    /// What is done, in order of time.
    pub steps: Vec<Planned>,
}

/// Something that is done at a time, and perhaps undone later.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// When, from the moment everybody is online.
    pub at: Duration,
    /// What.
    pub deed: Deed,
    /// After so long it is undone; `None` where it stays as it is until all is healed at the end.
    pub lasts: Option<Duration>,
}

impl Planned {
    /// When it is over, from the moment everybody is online.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.at + self.lasts.unwrap_or_default()
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        FaultKind::of(&self.deed)
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} {}", time(self.at), self.deed)?;
        match self.lasts {
            Some(span) => write!(f, " for {}", time(span)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        write!(f, "{}", self.knobs)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl Plan {
    /// Reads a plan; `#` begins a comment. `file` is named in errors.
    ///
    /// # Errors
    /// [`ScriptError`] with file, line, what was typed and what is allowed, for the first line that
    /// is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        let mut plan = Self {
            seed: 1,
            knobs: Knobs::default(),
            steps: Vec::new(),
        };
        let mut deeds: Vec<(usize, &str)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            match line.is_empty() || line.starts_with("at ") {
                true if line.is_empty() => {}
                true => deeds.push((index + 1, line)),
                false => plan
                    .read_head(line)
                    .map_err(|wrong| at(file, index + 1, wrong))?,
            }
        }
        // Who takes part is known once the whole head is read.
        for (line, text) in deeds {
            let step = plan.read_step(text);
            plan.steps
                .push(step.map_err(|wrong| at(file, line, wrong))?);
        }
        plan.steps.sort_by_key(|step| step.at);
        Ok(plan)
    }

    fn read_head(&mut self, line: &str) -> Result<(), Wrong> {
        if let Some(seed) = line.strip_prefix("seed ") {
            self.seed = number("no seed", seed.trim(), 0, u64::MAX)?;
            return Ok(());
        }
        match self.knobs.read(line)? {
            true => Ok(()),
            false => {
                let offer = HEADS.into_iter().chain(["at TIME DEED [for TIME]"]);
                Err(Wrong::new("no line of a plan", line, offer))
            }
        }
    }

    fn read_step(&self, line: &str) -> Result<Planned, Wrong> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (at, rest) = match *words {
            ["at", at, ref rest @ ..] => (duration(at)?, rest),
            _ => {
                let offer = ["at TIME DEED [for TIME]"];
                return Err(Wrong::new("no step", line, offer));
            }
        };
        let (deed, lasts) = match *rest {
            [ref deed @ .., "for", span] => (deed, Some(duration(span)?)),
            _ => (rest, None),
        };
        let deed = self.cast().deed(deed)?;
        if lasts.is_some() && !has_undo(&deed) {
            let offer = [format!("at TIME {deed}")];
            return Err(Wrong::new("it cannot be undone", line, offer));
        }
        Ok(Planned { at, deed, lasts })
    }

    /// Who takes part.
    pub(super) fn cast(&self) -> Drill {
        Drill::cast(self.knobs.pairs)
    }
}

fn at(file: &str, line: usize, wrong: Wrong) -> ScriptError {
    ScriptError {
        file: file.to_owned(),
        line,
        what: wrong.what.to_owned(),
        typed: wrong.typed,
        allowed: wrong.allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan, String> {
        Plan::parse("x.plan", text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_plan_is_written_as_it_is_read() {
        let text = "seed 9\nlength 2h\npairs 2\nusers 12\nrooms 3\ntalkers 4 every 30s\n\
                    talk 1m before and 10m after\naway 1\ncontacts 2\ndistance 50ms\noperator every 90s\n\
                    set Keep Alive Interval = 10\nat 12.345s cut 1A -> 2B for 61.002s\n\
                    at 1h database pair-2 slow 250ms for 15s\nat 1h drop clients of 2A\n";
        let read = plan(text).unwrap();
        assert_eq!(read.to_string(), text);
        assert_eq!(plan(&read.to_string()).unwrap(), read);
    }

    #[test]
    fn steps_are_in_order_of_time_whatever_the_order_of_lines() {
        let read = plan("at 2m reboot 1A\nat 1m fail over 1B\n").unwrap();
        let ats: Vec<u64> = read.steps.iter().map(|step| step.at.as_secs()).collect();
        assert_eq!(ats, [60, 120]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_what_is_allowed() {
        for (text, said) in [
            (
                "users 0",
                "x.plan:1: no number of users: \"0\"; allowed: 1 to 25000",
            ),
            (
                "colour red",
                "x.plan:1: no line of a plan: \"colour red\"; allowed: seed NUMBER",
            ),
            (
                "pairs 1\nat 1s reboot 2A",
                "x.plan:2: no node: \"2A\"; allowed: 1A, 1B",
            ),
            ("at 1s fail over 1A for 5s", "x.plan:1: it cannot be undone"),
            ("at noon reboot 1A", "x.plan:1: no time: \"noon\""),
            ("at 1s", "x.plan:1: no step of a drill"),
            (
                "operator every 0s",
                "x.plan:1: no interval: \"0s\"; allowed: more than 0s",
            ),
        ] {
            let error = plan(text).unwrap_err();
            assert!(
                error.starts_with(said) || error.contains("no step"),
                "{error}"
            );
        }
    }
}
