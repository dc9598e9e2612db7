//! `takeover verify`: the fault search.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;

use super::interrupt::Interrupt;
use super::searched::{self, Report};
use super::{FAILED, OK, REFUSED, canaries, fail, print, reliability};
use crate::report;
use crate::verify::{self, Knobs, Minimal, Plan, Search, Searched};

const MORE: &str = "A plan is a small text file: docs/FAULT_PLANS.md says what it may have in it. \
A failure prints its seed; `--replay SEED` runs it again, event for event.";

/// How long a plan is made shorter.
const PATIENCE: Duration = Duration::from_secs(60);

/// Break a whole deployment on purpose, from seeds, and look for a run in which a promise is broken.
///
/// Each schedule is a day of a cluster of three pairs with 300 users in virtual time: faults drawn
/// from its seed, traffic around them, an operator who does what the state table recommends. Every
/// invariant of docs/INVARIANTS.md is held against it. What was found is made as short as it can be
/// and written down as a plan and a picture.
#[derive(Args)]
#[command(after_help = MORE, group = ArgGroup::new("what").required(false))]
pub(super) struct Verify {
    /// How many schedules to carry out.
    #[arg(long, value_name = "N", default_value_t = 100, group = "what",
          value_parser = clap::value_parser!(u64).range(1..))]
    schedules: u64,
    /// The seed of the first schedule; the others follow it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Carry out the one schedule of this seed and tell what happens.
    #[arg(long, value_name = "SEED", group = "what")]
    replay: Option<u64>,
    /// Make the plan of this seed, which fails, as short as it can be.
    #[arg(long, value_name = "SEED", group = "what")]
    minimize: Option<u64>,
    /// Carry out a plan from a file.
    #[arg(long, value_name = "FILE", group = "what")]
    plan: Option<PathBuf>,
    /// Draw the schedules in another world than the default one: a plan without faults, from a file. Small worlds
    /// are gone through fast, and much in them is near to everything else.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "canaries", "invariants", "write", "add"])]
    world: Option<PathBuf>,
    /// Print the invariants as the page docs/INVARIANTS.md.
    #[arg(long, group = "what")]
    invariants: bool,
    /// Plant each of the known bugs, or those named, and see that the search finds it (a build with the
    /// feature `canaries`).
    #[arg(long, group = "what", value_name = "NAME", num_args = 0..)]
    canaries: Option<Vec<String>>,
    /// Go on after a violation: count all of them.
    #[arg(long)]
    keep_going: bool,
    /// Write what was measured into its section of this page, such as docs/RELIABILITY.md.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Add a row for this search to the table of long searches of this page, such as docs/RELIABILITY.md.
    #[arg(long, value_name = "FILE")]
    add: Option<PathBuf>,
    /// Run every schedule twice and compare the digests (DET-1).
    #[arg(long)]
    twice: bool,
    /// Threads; as many as there are cores if nothing is said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print one JSON object on standard output, all else on standard error.
    #[arg(long)]
    json: bool,
    /// Where plan, picture and journal of a failure are written; made where it is not there.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

impl Verify {
    pub(super) fn run(&self) -> u8 {
        if self.invariants {
            print(verify::page().trim_end());
            return OK;
        }
        // Before the search, which may take hours, not after it.
        let section = match self.canaries {
            Some(_) => canaries::SECTION,
            None => searched::SECTION,
        };
        let pages = [(&self.write, section), (&self.add, searched::TABLE)];
        for (page, name) in pages {
            if let Some(page) = page
                && let Err(why) = reliability::check(page, name)
            {
                return fail(REFUSED, why);
            }
        }
        if let Some(names) = &self.canaries {
            return canaries::run(names, self.threads(), self.write.as_deref());
        }
        let knobs = match self.world.as_deref().map_or(Ok(Knobs::default()), world) {
            Ok(knobs) => knobs,
            Err(why) => return fail(REFUSED, why),
        };
        if let Some(seed) = self.replay {
            return self.replay(&Plan::generate(seed, &knobs));
        }
        if let Some(seed) = self.minimize {
            return self.shorten(&Plan::generate(seed, &knobs));
        }
        match &self.plan {
            None => self.search(knobs),
            Some(path) => match read(path) {
                Ok(plan) => self.replay(&plan),
                Err(why) => fail(REFUSED, why),
            },
        }
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }

    fn search(&self, knobs: Knobs) -> u8 {
        let search = Search {
            seed: self.seed,
            schedules: self.schedules,
            threads: self.threads(),
            knobs,
            twice: self.twice,
        };
        let progress = Progress::new(self.schedules);
        let interrupt = Interrupt::listen();
        let searched = search.run(&|so_far| progress.show(so_far), &|so_far| {
            interrupt.has_come() || (!self.keep_going && !so_far.found.is_empty())
        });
        progress.bar.finish_and_clear();
        let searched = match searched {
            Ok(searched) => searched,
            Err(error) => return fail(FAILED, error),
        };
        let report = Report {
            wall: progress.since.elapsed(),
            search: &search,
            searched: &searched,
        };
        report.tell();
        if let Err(why) = self.write_down(&report) {
            return fail(FAILED, why);
        }
        let code = match searched.found.keys().next() {
            // What was broken off is no verdict.
            None if searched.schedules < self.schedules => fail(FAILED, report.broken_off()),
            None => OK,
            Some(seed) => self.shorten(&Plan::generate(*seed, &search.knobs)),
        };
        if self.json {
            print(serde_json::json!(searched.figures()));
        }
        code
    }

    fn write_down(&self, report: &Report<'_>) -> Result<(), String> {
        if let Some(page) = &self.write {
            reliability::put(page, &report.section())?;
        }
        match &self.add {
            Some(page) => reliability::add(page, searched::TABLE, &report.row()),
            None => Ok(()),
        }
    }

    /// One plan, told as it happens.
    fn replay(&self, plan: &Plan) -> u8 {
        eprint!("{plan}");
        let run = match verify::run(plan) {
            Ok(run) => run,
            Err(error) => return fail(REFUSED, error),
        };
        let outcome = &run.outcome;
        let found = outcome.found.as_ref();
        eprintln!(
            "{} of protocol time, {} events, digest {:016x}",
            humane(outcome.took),
            outcome.entries,
            outcome.digest
        );
        eprintln!("{}", searched::messages(&outcome.tally));
        if outcome.on_their_way > 0 {
            eprintln!("{} were on their way when it ended", outcome.on_their_way);
        }
        let said = found.map(|found| format!("{} at {}", found.violation, found.at));
        eprintln!("{}", said.as_deref().unwrap_or("no invariant was violated"));
        if found.is_some() {
            self.write(plan, &run, said.as_deref().unwrap_or_default());
        }
        if self.json {
            let violation = found.map(|found| found.violation.to_string());
            print(serde_json::json!({
                "ok": found.is_none(),
                "seed": plan.seed,
                "violation": violation,
                "at_s": found.map(|found| found.at.as_secs_f64()),
                "plan": plan.to_string(),
                "events": outcome.entries,
                "messages": outcome.tally,
                "digest": format!("{:016x}", outcome.digest),
            }));
        }
        if found.is_none() { OK } else { FAILED }
    }

    /// A plan that fails, made as short as it can be and written down.
    fn shorten(&self, plan: &Plan) -> u8 {
        let found = match verify::run(plan) {
            Ok(run) => run.outcome.found,
            Err(error) => return fail(REFUSED, error),
        };
        let Some(found) = found else {
            eprintln!("seed {}: no invariant was violated", plan.seed);
            return OK;
        };
        let invariant = found.violation.invariant();
        eprintln!("seed {}: {}", plan.seed, found.violation);
        eprintln!("{}: {}", invariant.id, invariant.sentence);
        let since = start();
        let minimal = verify::minimize(plan, &found.violation, &mut |shortest| {
            shortest.steps.len() > 1 && since.elapsed() < PATIENCE
        });
        let Minimal {
            plan,
            violation,
            tried,
        } = &minimal;
        eprintln!(
            "the shortest plan found ({} faults, {tried} candidates, {:.1} s): {violation}",
            plan.steps.len(),
            since.elapsed().as_secs_f64()
        );
        eprint!("{plan}");
        if let Ok(run) = verify::run(plan) {
            self.write(plan, &run, &violation.to_string());
        }
        if self.json {
            print(serde_json::json!({
                "ok": false,
                "seed": plan.seed,
                "invariant": invariant.id,
                "violation": violation.to_string(),
                "faults": plan.steps.len(),
                "tried": tried,
                "plan": plan.to_string(),
            }));
        }
        FAILED
    }

    /// Writes the plan and, where the lab is still there, the picture and the journal.
    fn write(&self, plan: &Plan, run: &verify::Run, said: &str) {
        let at = |end: &str| self.out.join(format!("verify-{}.{end}", plan.seed));
        let mut files = vec![(at("plan"), format!("# {said}\n{plan}"))];
        if let Some(lab) = &run.lab {
            let title = format!("Seed {}", plan.seed);
            let picture = verify::picture(plan, lab, &title, said);
            files.push((at("html"), report::page(&picture, &[])));
            files.push((at("journal"), lab.journal().lines()));
        }
        if let Err(error) = std::fs::create_dir_all(&self.out) {
            fail(FAILED, format!("{}: {error}", self.out.display()));
            return;
        }
        for (path, text) in files {
            match std::fs::write(&path, text) {
                Ok(()) => eprintln!("written: {}", path.display()),
                Err(error) => drop(fail(FAILED, format!("{}: {error}", path.display()))),
            }
        }
    }
}

fn read(path: &Path) -> Result<Plan, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    Plan::parse(&path.display().to_string(), &text).map_err(|error| error.to_string())
}

/// The world of a plan that has nothing else in it.
fn world(path: &Path) -> Result<Knobs, String> {
    let plan = read(path)?;
    match plan.steps.first() {
        None => Ok(plan.knobs),
        Some(step) => Err(format!(
            "{}: a world has no faults, and this one has `{step}`",
            path.display()
        )),
    }
}

/// The moment a person begins to wait.
fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "shown to people, of no effect")]
    Instant::now()
}

/// The bar on the terminal: schedules, their rate, protocol time.
struct Progress {
    bar: ProgressBar,
    since: Instant,
    last: Mutex<u64>,
}

impl Progress {
    fn new(schedules: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(schedules), ProgressDrawTarget::stderr());
        let style = "{bar:30} {pos}/{len} schedules, {per_sec}, {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self {
            bar,
            since: start(),
            last: Mutex::new(0),
        }
    }

    fn show(&self, so_far: &Searched) {
        let years = so_far.years();
        let wall = self.since.elapsed().as_secs_f64().max(0.001);
        let speed = so_far.took.as_secs_f64() / wall;
        self.bar
            .set_message(format!("{years:.2} virtual years, {speed:.0} times life"));
        self.bar.set_position(so_far.schedules);
        let mut last = self.last.lock();
        let due = so_far.schedules >= *last + 100;
        if due && self.bar.is_hidden() {
            *last = so_far.schedules;
            eprintln!("{} schedules, {years:.2} virtual years", so_far.schedules);
        }
    }
}

fn humane(time: Duration) -> String {
    format!("{:.1} h", time.as_secs_f64() / 3600.0)
}
