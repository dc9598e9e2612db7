//! `takeover verify`: the fault search.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;

use super::reliability::{self, Section};
use super::{FAILED, OK, REFUSED, fail, print};
use crate::client::Tally;
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
    #[arg(long, value_name = "N", default_value_t = 100, group = "what")]
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
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
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
        if let Some(names) = &self.canaries {
            return super::canaries::run(names, self.threads(), self.write.as_deref());
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
        self.threads.unwrap_or_else(cores)
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
        let searched = search.run(&|so_far| progress.show(so_far), &|so_far| {
            !self.keep_going && !so_far.found.is_empty()
        });
        progress.bar.finish_and_clear();
        let searched = match searched {
            Ok(searched) => searched,
            Err(error) => return fail(FAILED, error),
        };
        let wall = progress.since.elapsed();
        tell(&searched, wall);
        for (seed, found) in &searched.found {
            eprintln!("seed {seed}: {} at {}", found.violation, found.at);
        }
        if let Some(page) = &self.write
            && let Err(why) = reliability::put(page, &searched_section(&search, &searched, wall))
        {
            return fail(FAILED, why);
        }
        if let Some(page) = &self.add
            && let Err(why) = reliability::add(page, "searches", &row(&search, &searched, wall))
        {
            return fail(FAILED, why);
        }
        let code = match searched.found.keys().next() {
            None => OK,
            Some(seed) => self.shorten(&Plan::generate(*seed, &search.knobs)),
        };
        if self.json {
            print(serde_json::json!(searched.figures()));
        }
        code
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
        eprintln!("{}", messages(&outcome.tally));
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

/// What came of a search, for people.
fn tell(searched: &Searched, wall: Duration) {
    let speed = searched.took.as_secs_f64() / wall.as_secs_f64().max(0.001);
    eprintln!(
        "{} schedules, {:.2} virtual years in {:.0} s ({speed:.0} times life), {} events, digest {:016x}",
        searched.schedules,
        searched.years(),
        wall.as_secs_f64(),
        searched.entries,
        searched.digest()
    );
    eprintln!("{}", messages(&searched.tally));
    eprint!("{}", verify::faults(&searched.coverage));
    eprintln!("{}", verify::grid(&searched.coverage));
}

fn messages(tally: &Tally) -> String {
    let Tally {
        sent,
        acknowledged,
        refused,
        delivered,
        lost,
        doubled,
        reordered,
        unread_lost,
    } = tally;
    format!(
        "{sent} messages sent, {acknowledged} acknowledged, {refused} refused, {delivered} delivered, \
         {lost} lost, {doubled} doubled, {reordered} reordered, {unread_lost} lost with a suspended client"
    )
}

/// The section of the page on what a search has found.
fn searched_section(search: &Search, searched: &Searched, wall: Duration) -> Section {
    let figures = searched.figures();
    let mut text = format!(
        "| figure | value |\n| --- | --- |\n\
         | schedules | {} (seeds {} to {}{}) |\n| violations | {} |\n\
         | protocol time | {:.2} years |\n| events | {} |\n| messages | {} |\n\
         | kinds of faults met by rows of the state table | {} of {} |\n\
         | rows of the state table reached | {} |\n| it took | {:.0} s on {} threads |\n\
         | speed | {:.0} times life |\n| digest | `{}` |\n",
        figures.schedules,
        search.seed,
        search.seed + search.schedules - 1,
        if search.twice { ", each run twice" } else { "" },
        figures.violations.len(),
        figures.virtual_years,
        figures.events,
        messages(&figures.messages),
        figures.coverage,
        figures.coverage_possible,
        figures.rows_reached,
        wall.as_secs_f64(),
        search.threads,
        searched.took.as_secs_f64() / wall.as_secs_f64().max(0.001),
        figures.digest,
    );
    for (seed, violation) in &figures.violations {
        text.push_str(&format!("\nSeed {seed}: {violation}\n"));
    }
    Section {
        name: "search",
        text,
    }
}

/// A search as a row of the table of long searches.
fn row(search: &Search, searched: &Searched, wall: Duration) -> Vec<String> {
    let last = search.seed + searched.schedules.saturating_sub(1);
    let violations: Vec<String> = searched.found.keys().map(u64::to_string).collect();
    let violations = match violations.as_slice() {
        [] => "none".to_owned(),
        seeds => format!("seed {}", seeds.join(", ")),
    };
    vec![
        format!("{} to {last}", search.seed),
        searched.schedules.to_string(),
        violations,
        format!("{:.2} years", searched.years()),
        format!("{:.0} s on {} threads", wall.as_secs_f64(), search.threads),
        format!("`{:016x}`", searched.digest()),
    ]
}

fn humane(time: Duration) -> String {
    format!("{:.1} h", time.as_secs_f64() / 3600.0)
}
