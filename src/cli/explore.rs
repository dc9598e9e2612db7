//! `takeover explore`: every history of a pair, up to a number of faults.

use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use takeover_core::ha::HaParams;
use takeover_core::ha::explore::{Exploration, Explorer, Planted, Power, Progress, Trace, World};

use super::{FAILED, OK, print};

const MORE: &str = "Measured on two busy cores: 2 faults give 192 033 states in 1.4 s; --faults 2 --prompt \
1 642 248 in 13 s; 3 faults 9 948 483 in 83 s with 0.7 GiB of memory; --faults 3 --automatic-fallback \
10 827 549 in 100 s with 0.8 GiB. Exit codes: 0 nothing is wrong; 1 something is, and it is told how \
the pair got there.";

/// Go through every history of a pair, up to a number of faults.
///
/// Two nodes run the machine that the SRMs run. From the pair at rest every possible next move is
/// tried, and from each new state again: messages arrive or are lost, timers expire, power fails, SRMs
/// restart, services and databases fail, links are cut, people repair and act. What must hold is
/// checked in each state: only pairs of the state table at rest, no transition without an end, no users
/// with nobody, and a way back to row 1.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct Explore {
    /// What to explore.
    #[arg(value_enum)]
    what: What,
    /// How many faults there may be: each costs one, repairs and recommended actions cost nothing.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=8))]
    faults: u8,
    /// People also repair and act while messages and work are still going on.
    #[arg(long)]
    prompt: bool,
    /// With automatic fallback switched on.
    #[arg(long)]
    automatic_fallback: bool,
    /// Also try, in every state, each action that is to be refused there.
    #[arg(long)]
    refusals: bool,
    /// End at about so many states; what needs all of them is then not known.
    #[arg(long, value_name = "N")]
    most_states: Option<usize>,
    /// Threads that look ahead; as many as there are cores if nothing is said. The result is the same.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Plant a bug around the machine, to see that it is found.
    #[arg(long, value_name = "BUG", value_parser = planted)]
    plant: Option<Planted>,
    /// Print one JSON object on standard output, all else on standard error.
    #[arg(long)]
    json: bool,
}

/// What can be explored.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// The two nodes of a pair and the link between them.
    Pair,
}

fn planted(name: &str) -> Result<Planted, String> {
    let found = Planted::ALL.into_iter().find(|bug| bug.name() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = Planted::ALL.iter().map(|bug| bug.name()).collect();
        format!("no such bug; there are: {}", names.join(", "))
    })
}

impl Explore {
    pub(super) fn run(&self) -> u8 {
        let What::Pair = self.what;
        let bar = bar();
        let found = self.explorer().run(|progress| show(&bar, progress));
        let took = bar.elapsed();
        bar.finish_and_clear();
        if self.json {
            print(self.object(&found, took));
        } else {
            print(text(&found, took));
        }
        for (violation, trace) in &found.found {
            eprintln!("\nWRONG: {violation:?}\n{}", told(trace));
        }
        if found.violations == 0 { OK } else { FAILED }
    }

    fn explorer(&self) -> Explorer {
        let cores = available_parallelism().map_or(1, usize::from);
        let mut explorer = Explorer::new(self.faults).threads(self.threads.unwrap_or(cores));
        if self.prompt {
            explorer = explorer.prompt();
        }
        if self.automatic_fallback {
            explorer = explorer.automatic_fallback(HaParams::FALLBACK_HEALTH);
        }
        // That bug is in what happens to them.
        if self.refusals || self.plant == Some(Planted::RefusalActs) {
            explorer = explorer.try_refused_actions();
        }
        if let Some(states) = self.most_states {
            explorer = explorer.most_states(states);
        }
        if let Some(bug) = self.plant {
            explorer = explorer.planted(bug).first_only();
        }
        explorer
    }

    fn object(&self, found: &Exploration, took: Duration) -> Value {
        let mut object = json!(found);
        object["model"] = json!("pair");
        object["prompt"] = json!(self.prompt);
        object["automatic_fallback"] = json!(self.automatic_fallback);
        object["planted"] = json!(self.plant.map(Planted::name));
        object["digest"] = json!(format!("{:016x}", found.digest));
        object["wall_s"] = json!(took.as_secs_f64());
        object["peak_memory_mib"] = json!(peak_memory_mib());
        let wrong = |(violation, trace): &(_, Trace)| {
            let moves: Vec<String> = trace.moves.iter().map(|(one, _)| one.to_string()).collect();
            json!({ "violation": violation, "moves": moves })
        };
        object["found"] = found.found.iter().map(wrong).collect();
        object
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(1);
    let style = ProgressStyle::with_template("{bar:24.yellow/dim} {msg:.dim}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// The bar is full when every state that was found has been looked at.
fn show(bar: &ProgressBar, progress: Progress) {
    let done = progress.states - progress.waiting;
    bar.set_length(progress.states as u64);
    bar.set_position(done as u64);
    let rate = done as f64 / bar.elapsed().as_secs_f64().max(0.001);
    bar.set_message(format!(
        "{done} of {} states found so far looked at, depth {}, {rate:.0} a second",
        progress.states, progress.depth
    ));
}

/// The figures, one a line.
fn text(found: &Exploration, took: Duration) -> String {
    let rows: Vec<String> = found.rows.iter().map(u8::to_string).collect();
    let end = if found.complete {
        "every history"
    } else {
        "ended at the bound on states"
    };
    let secs = took.as_secs_f64();
    let rate = found.states as f64 / secs;
    let memory = peak_memory_mib().map_or("unknown".to_owned(), |mib| format!("{mib} MiB"));
    let figures = [
        ("states", found.states.to_string()),
        ("transitions", found.transitions.to_string()),
        ("depth", found.depth.to_string()),
        ("at rest", found.at_rest.to_string()),
        ("cannot_heal", found.cannot_heal.to_string()),
        ("needs_operator", found.needs_operator.to_string()),
        ("  of them at rest", by_row(found)),
        ("rows seen", rows.join(" ")),
        ("wrong", found.violations.to_string()),
        ("digest", format!("{:016x}", found.digest)),
        ("time", format!("{secs:.1} s, {rate:.0} states a second")),
        ("memory at most", memory),
    ];
    let lines = figures.map(|(name, value)| format!("{name:<19}{value}"));
    format!(
        "a pair, up to {} faults: {end}\n{}",
        found.faults,
        lines.join("\n")
    )
}

/// How many rests need an operator, by row of the table.
fn by_row(found: &Exploration) -> String {
    let one = |(row, count): (&u8, &usize)| match row {
        0 => format!("{count} cut off"),
        row => format!("{count} in row {row}"),
    };
    let all: Vec<String> = found.operator_rests.iter().map(one).collect();
    all.join(", ")
}

/// A history, a move a line, with the states of the nodes after it.
fn told(trace: &Trace) -> String {
    let line = |(number, (one, world)): (usize, &(_, World))| {
        let [first, second] = [0, 1].map(|i| side(world, i));
        format!("{:>4}. {one:<28} {first}; {second}\n", number + 1)
    };
    trace.moves.iter().enumerate().map(line).collect()
}

fn side(world: &World, i: usize) -> String {
    let side = &world.sides[i];
    match side.power {
        Power::Up => format!("{} ({})", side.node.state, side.node.reason),
        Power::SrmDown => "SRM is down".to_owned(),
        Power::Off => "off".to_owned(),
    }
}

/// The most memory that this process has had, where the system tells.
fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
