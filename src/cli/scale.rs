//! `takeover scale`: a deployment at its full size, and a failover of all its pairs at once.

use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::interrupt::Interrupt;
use super::{FAILED, OK, REFUSED, fail, print};
use crate::report::Table;
use crate::scale::{Phase, Report, ScaleSpec, Step, run};

const MORE: &str = "The targets are for two cores: 2.25 million sessions (30 clusters of 75 000 users) in 4 \
GiB, 1.5 KiB each all included; boot within 120 s; a million moved sessions in 10 s. A target that is missed \
changes nothing about the exit code. Exit codes: 0 nobody and nothing was lost, and no message came twice; 1 \
something was, or the run was broken off; 2 there is no such deployment.";

/// Boot a deployment with every user logged in, and fail one node of every pair over at once.
///
/// In virtual time, with real nodes and slim clients, whose stanzas are handed over without octets or XML.
/// Sample users write to each other all along. Prints what a session costs in memory, how long the boot
/// takes, how fast time passes, how many users move in a second, and that none was lost.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct Scale {
    /// Clusters: 1 to 30.
    #[arg(long, default_value_t = 1)]
    clusters: u32,
    /// Nodes of each cluster, in pairs: 2, 4 or 6.
    #[arg(long, default_value_t = 6)]
    nodes: u32,
    /// Users of each cluster: 1 to 25 000 for each pair.
    #[arg(long, default_value_t = 75_000)]
    users: u32,
    /// Seed of all chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object on standard output, all else on standard error.
    #[arg(long)]
    json: bool,
}

impl Scale {
    pub(super) fn run(&self) -> u8 {
        let spec = ScaleSpec {
            clusters: self.clusters,
            nodes: self.nodes,
            users: self.users,
            seed: self.seed,
        };
        if let Err(error) = spec.check() {
            return fail(REFUSED, error);
        }
        let interrupt = Interrupt::listen();
        let mut progress = Progress::new();
        let measured = run(&spec, &mut |step| {
            progress.show(step);
            match interrupt.has_come() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        progress.bar.finish_and_clear();
        let report = match measured {
            Ok(report) => report,
            Err(error) => return fail(FAILED, error),
        };
        if self.json {
            print(json!(report));
        } else {
            print(words(&report));
        }
        if report.is_whole() { OK } else { FAILED }
    }
}

/// How often the bar shows that it is alive.
const TICK: Duration = Duration::from_millis(200);

/// A bar on a terminal, else a line for each phase.
struct Progress {
    bar: ProgressBar,
    phase: Option<Phase>,
}

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new(1);
        let style =
            ProgressStyle::with_template("{spinner} {bar:24.yellow/dim} {elapsed} {msg:.dim}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        // A look can take seconds when a million users move at one moment of protocol time.
        bar.enable_steady_tick(TICK);
        Self { bar, phase: None }
    }

    fn show(&mut self, step: Step) {
        if self.phase != Some(step.phase) {
            self.phase = Some(step.phase);
            if self.bar.is_hidden() {
                let wall = self.bar.elapsed().as_secs_f64();
                eprintln!("{wall:7.1} s  {} …", step.phase.words());
            }
        }
        self.bar.set_length(step.of.max(1));
        self.bar.set_position(step.done);
        let (done, of) = (step.done, step.of);
        let words = step.phase.words();
        self.bar
            .set_message(format!("{words}: {done} of {of}, at {} s", step.virtual_s));
    }
}

const MIB: f64 = 1024.0 * 1024.0;

/// The figures, each beside its target.
fn words(report: &Report) -> String {
    let mut table = Table::new(["", "measured", "target"]);
    for (name, measured, target) in cost(report).into_iter().chain(failover(report)) {
        table.row([name.to_owned(), measured, target]);
    }
    let (moved, back) = (report.moved_s, report.back_s);
    format!(
        "{table}From the power cut on all had moved after {moved:.1} s, and all were back after {back:.1} s \
         ({:.0} s of protocol time). Seed {}, digest {}.",
        report.back_virtual_s, report.spec.seed, report.digest
    )
}

/// What is measured, as it was measured, and what is aimed at.
type Row = (&'static str, String, String);

/// What the deployment costs while nothing happens.
fn cost(report: &Report) -> Vec<Row> {
    let targets = &report.targets;
    let sized = |octets: Option<u64>| match octets {
        Some(octets) => format!("{:.0} MiB", octets as f64 / MIB),
        None => "unknown".to_owned(),
    };
    let each = report.bytes_per_session;
    let each = each.map_or("unknown".to_owned(), |octets| format!("{octets} bytes"));
    let most = format!("≤ {} bytes", targets.bytes_per_session);
    let all = format!("≤ {:.0} MiB", targets.bytes as f64 / MIB);
    let boot = format!("{:.1} s", report.boot_s);
    let pace = format!("{:.0}", report.virtual_seconds_per_second);
    vec![
        ("sessions", report.sessions.to_string(), String::new()),
        ("memory of a session", each, most),
        ("memory in all", sized(report.bytes), all.clone()),
        ("peak of the process", sized(report.peak_bytes), all),
        ("boot", boot, format!("≤ {:.0} s", targets.boot_s)),
        ("virtual seconds per second", pace, String::new()),
    ]
}

/// What the failover took, and what became of users and messages.
fn failover(report: &Report) -> Vec<Row> {
    let fast = format!("≥ {:.0}", report.targets.moved_per_second);
    let all = report.to_move.to_string();
    let count = |name, count: u64, target: &str| (name, count.to_string(), target.to_owned());
    let rate = |name, rate: f64| (name, format!("{rate:.0}"), fast.clone());
    vec![
        count("users to move", report.to_move, ""),
        count("users moved", report.moved, &all),
        rate("moved per second", report.moved_per_second),
        rate("moved and back per second", report.back_per_second),
        count("sessions that went on", report.resumed, &all),
        count("users lost", report.users_lost, "0"),
        count("messages", report.messages, ""),
        count("messages lost", report.messages_lost, "0"),
        count("messages doubled", report.messages_doubled, "0"),
    ]
}
