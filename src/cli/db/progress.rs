//! How a job on a database is shown while it runs: a bar on a terminal, lines for programs.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::print;

/// How often a bar is drawn.
const DRAWN: Duration = Duration::from_millis(100);
/// How often a line is printed.
const LINES: Duration = Duration::from_secs(1);

/// A job's progress.
pub(super) struct Seen {
    /// What it is doing.
    pub(super) phase: &'static str,
    /// 0 to 100.
    pub(super) percent: f64,
    /// Messages dealt with.
    pub(super) messages: u64,
    /// Messages there are.
    pub(super) of: u64,
}

/// Times a job that a person waits for.
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub(super) fn start() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "told to people, and of no effect"
        )]
        let now = Instant::now();
        Self(now)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// So many of something a second.
    pub(super) fn rate(&self, count: u64) -> f64 {
        count as f64 / self.seconds().max(1e-6)
    }
}

/// Runs `job` on this thread, and shows on another how far it has come.
pub(super) fn show<T>(
    as_json: bool,
    watch: &Stopwatch,
    look: impl Fn() -> Seen + Send,
    job: impl FnOnce() -> T,
) -> T {
    let (done, told) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if as_json {
                lines(watch, &look, &told);
            } else {
                bar(watch, &look, &told);
            }
        });
        let ended = job();
        drop(done);
        ended
    })
}

fn goes_on(told: &mpsc::Receiver<()>, pause: Duration) -> bool {
    matches!(told.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
}

fn lines(watch: &Stopwatch, look: &impl Fn() -> Seen, told: &mpsc::Receiver<()>) {
    print(line(watch, &look()));
    while goes_on(told, LINES) {
        print(line(watch, &look()));
    }
}

fn line(watch: &Stopwatch, seen: &Seen) -> Value {
    json!({
        "type": "progress",
        "phase": seen.phase,
        "percent": (seen.percent * 10.0).round() / 10.0,
        "messages": seen.messages,
        "of": seen.of,
        "messages_per_s": watch.rate(seen.messages).round(),
        "elapsed_s": watch.seconds(),
    })
}

fn bar(watch: &Stopwatch, look: &impl Fn() -> Seen, told: &mpsc::Receiver<()>) {
    if !std::io::stderr().is_terminal() {
        while goes_on(told, LINES) {}
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix:10} [{bar:40}] {percent:>3} %  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    while goes_on(told, DRAWN) {
        let seen = look();
        bar.set_length(seen.of.max(1));
        bar.set_position(seen.messages);
        bar.set_prefix(seen.phase);
        bar.set_message(format!(
            "{} of {} messages, {:.0}/s",
            seen.messages,
            seen.of,
            watch.rate(seen.messages)
        ));
    }
    bar.finish_and_clear();
}
