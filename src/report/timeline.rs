//! The timeline on a terminal: a line per event, and a bar for the wait under way.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use takeover_core::time::Moment;

use super::Tone;

/// One event as a line: time, place, what, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, in protocol time.
    pub at: Moment,
    /// Where: a node's or client's name, or `lab`.
    pub place: String,
    /// What happened.
    pub what: String,
    /// Why, where there is a reason.
    pub why: Option<String>,
    /// What it means.
    pub tone: Tone,
}

impl Line {
    /// The line without colours.
    #[must_use]
    pub fn plain(&self) -> String {
        let why = self
            .why
            .as_ref()
            .map(|why| format!("  ({why})"))
            .unwrap_or_default();
        format!("{}  {:<9}  {}{why}", time(self.at), self.place, self.what)
    }

    fn coloured(&self) -> String {
        let colour = match self.tone {
            Tone::Good => "32",
            Tone::Busy => "34",
            Tone::Moving => "33",
            Tone::Bad => "31",
            Tone::Dark => "90",
            Tone::Plain => "0",
        };
        let why = self
            .why
            .as_ref()
            .map(|why| format!("  \x1b[2m({why})\x1b[0m"))
            .unwrap_or_default();
        format!(
            "\x1b[2m{}\x1b[0m  \x1b[1m{:<9}\x1b[0m  \x1b[{colour}m{}\x1b[0m{why}",
            time(self.at),
            self.place,
            self.what
        )
    }
}

fn time(at: Moment) -> String {
    format!("{:>8.1} s", at.as_secs_f64())
}

struct Wait {
    label: String,
    since: Moment,
    until: Moment,
}

/// Writes lines as they come, and while something is waited for shows how long it still takes.
///
/// Where the output is no terminal there are no colours and no bar: a wait is one plain line when it
/// begins.
pub struct Timeline {
    out: Box<dyn Write + Send>,
    bar: Option<ProgressBar>,
    colours: bool,
    waits: BTreeMap<String, Wait>,
}

impl Timeline {
    /// A timeline on the process's standard error (`true`) or standard output.
    #[must_use]
    pub fn on_terminal(stderr: bool) -> Self {
        let (out, terminal): (Box<dyn Write + Send>, bool) = if stderr {
            (Box::new(std::io::stderr()), std::io::stderr().is_terminal())
        } else {
            (Box::new(std::io::stdout()), std::io::stdout().is_terminal())
        };
        let bar = terminal.then(|| {
            let target = if stderr {
                ProgressDrawTarget::stderr_with_hz(10)
            } else {
                ProgressDrawTarget::stdout_with_hz(10)
            };
            let bar = ProgressBar::with_draw_target(Some(1000), target);
            bar.set_style(style());
            bar
        });
        let colours = terminal && std::env::var_os("NO_COLOR").is_none();
        Self {
            out,
            bar,
            colours,
            waits: BTreeMap::new(),
        }
    }

    /// A timeline of plain lines into anything.
    #[must_use]
    pub fn plain(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            bar: None,
            colours: false,
            waits: BTreeMap::new(),
        }
    }

    /// Writes a line.
    pub fn show(&mut self, line: &Line) {
        let text = if self.colours {
            line.coloured()
        } else {
            line.plain()
        };
        self.write(&text);
    }

    /// Writes a text that is not an event: a heading, a verdict.
    pub fn write(&mut self, text: &str) {
        // Who closed the terminal does not want to read: the run goes on.
        let write = |out: &mut dyn Write| drop(writeln!(out, "{text}").and_then(|()| out.flush()));
        match &self.bar {
            Some(bar) => bar.suspend(|| write(&mut self.out)),
            None => write(&mut self.out),
        }
    }

    /// A wait begins: `key` names it for [`Timeline::wait_ends`].
    pub fn wait_begins(&mut self, key: &str, label: &str, since: Moment, until: Moment) {
        if self.bar.is_none() {
            let left = until.saturating_since(since).as_secs_f64();
            self.write(&format!(
                "{}  {:<9}  … {label}: {left:.0} s",
                time(since),
                ""
            ));
        }
        self.waits.insert(
            key.to_owned(),
            Wait {
                label: label.to_owned(),
                since,
                until,
            },
        );
    }

    /// A wait is over, in time or not.
    pub fn wait_ends(&mut self, key: &str) {
        self.waits.remove(key);
        if let (true, Some(bar)) = (self.waits.is_empty(), &self.bar) {
            bar.set_style(hidden());
            bar.tick();
        }
    }

    /// Shows how far the wait that ends first has come.
    pub fn tick(&mut self, now: Moment) {
        let first = self.waits.values().min_by_key(|wait| wait.until);
        let (Some(bar), Some(wait)) = (&self.bar, first) else {
            return;
        };
        let (all, done) = (
            wait.until.saturating_since(wait.since),
            now.saturating_since(wait.since),
        );
        bar.set_style(style());
        bar.set_position(permille(done, all));
        let left = all.saturating_sub(done).as_secs_f64();
        bar.set_message(format!(
            "{}: {left:.0} s left of {:.0} s",
            wait.label,
            all.as_secs_f64()
        ));
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn permille(done: Duration, all: Duration) -> u64 {
    if all.is_zero() {
        return 1000;
    }
    ((done.as_secs_f64() / all.as_secs_f64()).min(1.0) * 1000.0) as u64
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("            {bar:24.yellow/dim} {msg:.dim}");
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━─")
}

fn hidden() -> ProgressStyle {
    ProgressStyle::with_template("").unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn without_a_terminal_lines_are_plain_and_a_wait_is_one_line() {
        let out = Shared::default();
        let mut timeline = Timeline::plain(out.clone());
        timeline.show(&Line {
            at: Moment(12_340_000),
            place: "1A".into(),
            what: "TC Failed".into(),
            why: Some("killed".into()),
            tone: Tone::Bad,
        });
        timeline.wait_begins(
            "d",
            "critical service down",
            Moment::ZERO,
            Moment(90_000_000),
        );
        timeline.tick(Moment(5));
        timeline.wait_ends("d");
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "    12.3 s  1A         TC Failed  (killed)\n     0.0 s             … critical service down: 90 s\n"
        );
    }
}
