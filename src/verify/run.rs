//! One schedule: a plan carried out on a lab while every invariant is held against it.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use takeover_actors::rt::panic_text;
use takeover_core::time::Moment;

use super::coverage::Coverage;
use super::facts::{concerned, moves, moves_at_end};
use super::invariants::{BrokenOff, Disagrees, Unreported, Unserved, Violation};
use super::operator;
use super::plan::Plan;
use super::undo::{has_undo, undo};
use super::watch::{Found, Watch};
use super::world::{self, Kept, World};
use crate::client::Tally;
use crate::drill::{self, Deed};
use crate::lab::{Control, Lab, LabError};

/// How often the state of things is looked at while there is talk.
const LOOK: Duration = Duration::from_secs(60);
/// How often it is looked at while all is quiet.
const GLANCE: Duration = Duration::from_secs(1200);
/// Protocol time in which the pairs come home once the faults are over, with an operator who looks
/// every minute: several transitions at their longest, one after the other.
const HOME: Duration = Duration::from_secs(2 * 3600);
/// Protocol time after the faults in which a pair may still act on one of them: a word that was late is missed until the
/// silence has lasted for its time (HA-1). Only then is it asked whether all are at home.
const LATE: Duration = Duration::from_secs(180);
/// Protocol time in which all that was said arrives once everybody is online.
const ARRIVE: Duration = Duration::from_secs(1800);
/// What a client takes beside its re-login window: a login that is given up, and the waits between
/// the places it tries.
const LOGIN: Duration = Duration::from_secs(180);
/// Protocol time for a shutdown in order.
const DARK: Duration = Duration::from_secs(600);

/// What came of a schedule.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed of its plan.
    pub seed: u64,
    /// The first violation, if there was one.
    pub found: Option<Found>,
    /// Protocol time that passed.
    pub took: Duration,
    /// Entries of the journal.
    pub entries: u64,
    /// The digest of the journal.
    pub digest: u64,
    /// Messages, over all clients. Lost is only what was missing when everything had come to rest.
    pub tally: Tally,
    /// Acknowledged messages that were on their way when a violation ended the run.
    pub on_their_way: u64,
    /// Faults, and the states that they met.
    pub coverage: Coverage,
}

/// A schedule that was carried out, and its lab as it was at the end or at the violation.
pub struct Run {
    /// What came of it.
    pub outcome: Outcome,
    /// The lab; `None` if all went well and it was shut down, or if it broke off.
    pub lab: Option<Lab>,
}

/// Carries a plan out.
///
/// # Errors
/// [`LabError`] where the plan's world cannot be built: a parameter out of its range.
pub fn run(plan: &Plan) -> Result<Run, LabError> {
    carry_out(plan, Kept::All)
}

/// As [`run`], where only the outcome is asked for.
pub(super) fn outcome(plan: &Plan) -> Result<Outcome, LabError> {
    carry_out(plan, Kept::Latest).map(|run| run.outcome)
}

fn carry_out(plan: &Plan, kept: Kept) -> Result<Run, LabError> {
    let cast = plan.cast();
    let mut lab = world::lab(plan.seed, &cast, &plan.knobs, kept)?;
    let mut watch = Watch::new(&lab);
    let world = match World::settle(&mut lab, &plan.knobs) {
        Err(LabError::NotUp { limit_s, missing }) => {
            return Ok(not_up(plan, lab, limit_s, missing));
        }
        settled => settled?,
    };
    watch.facts.begin(&lab);
    let running = Running {
        plan,
        world,
        lab,
        watch,
        standing: BTreeMap::new(),
        talking: false,
        breaking: true,
        rested: false,
        coverage: Coverage::default(),
    };
    let control = running.lab.control();
    // What it holds is gone with it: nobody looks at a half of it.
    let ran = catch_unwind(AssertUnwindSafe(|| running.all()));
    Ok(ran.unwrap_or_else(|panic| broken_off(plan, &control, &*panic)))
}

/// RUN-1: the lab went round in circles at one moment, or panicked where no supervisor catches it.
fn broken_off(plan: &Plan, control: &Control, panic: &(dyn Any + Send)) -> Run {
    let outcome = Outcome {
        seed: plan.seed,
        found: Some(Found {
            at: control.now(),
            violation: Violation::Run1(BrokenOff {
                why: panic_text(panic),
            }),
        }),
        took: control.now().saturating_since(Moment::ZERO),
        entries: control.journal().len(),
        digest: control.journal().digest(),
        tally: control.finding().total,
        on_their_way: 0,
        coverage: Coverage::default(),
    };
    Run { outcome, lab: None }
}

/// USR-1: nobody had done anything to it, and still it did not come up.
fn not_up(plan: &Plan, lab: Lab, limit_s: u64, missing: String) -> Run {
    let violation = Violation::Usr1(Unserved {
        count: lab
            .clients()
            .values()
            .filter(|client| !client.is_online())
            .count(),
        first: missing,
        after: Duration::from_secs(limit_s),
    });
    let outcome = Outcome {
        seed: plan.seed,
        found: Some(Found {
            at: lab.now(),
            violation,
        }),
        took: lab.now().saturating_since(Moment::ZERO),
        entries: lab.journal().len(),
        digest: lab.journal().digest(),
        tally: lab.finding().total,
        on_their_way: 0,
        coverage: Coverage::default(),
    };
    let lab = Some(lab);
    Run { outcome, lab }
}

/// What happens at a time of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    /// A step of the plan ends.
    End(usize),
    /// The talk begins or ends.
    Talk(bool),
    /// A step of the plan begins.
    Begin(usize),
    /// The operator looks.
    Visit,
}

struct Running<'p> {
    plan: &'p Plan,
    world: World,
    lab: Lab,
    watch: Watch,
    standing: BTreeMap<usize, Deed>,
    talking: bool,
    /// The plan is being carried out; at its end everything is healed.
    breaking: bool,
    /// Everybody was online and silent, and what was said has had its time to arrive.
    rested: bool,
    coverage: Coverage,
}

impl Running<'_> {
    fn all(mut self) -> Run {
        let began = self.lab.now();
        let well = self.breaking() && self.healing() && self.quiet();
        let control = self.lab.control();
        let rested = self.rested;
        let outcome = |running: &mut Self| {
            let mut tally = control.finding().total;
            // What is on its way is lost only when there is nothing left to wait for.
            let on_their_way = if rested {
                0
            } else {
                std::mem::take(&mut tally.lost)
            };
            Outcome {
                seed: running.plan.seed,
                found: running.watch.found().cloned(),
                took: control.now().saturating_since(began),
                entries: running.watch.entries(),
                digest: control.journal().digest(),
                tally,
                on_their_way,
                coverage: std::mem::take(&mut running.coverage),
            }
        };
        self.coverage.rest(&self.watch.facts);
        if !well {
            let outcome = outcome(&mut self);
            let lab = Some(self.lab);
            return Run { outcome, lab };
        }
        let mut outcome = outcome(&mut self);
        let stopped = self.lab.shut_down(DARK);
        if let Err(why) = stopped {
            let why = Unreported::NotStopped {
                why: why.to_string(),
            };
            self.watch.report(control.now(), Violation::End1(why));
        }
        self.watch.after(&control);
        outcome.found = self.watch.found().cloned();
        outcome.digest = control.journal().digest();
        Run { outcome, lab: None }
    }

    /// Everything that happens at a time, in order.
    fn acts(&self) -> Vec<(Duration, Act)> {
        let knobs = &self.plan.knobs;
        let mut acts = Vec::new();
        for (index, step) in self.plan.steps.iter().enumerate() {
            acts.push((step.at, Act::Begin(index)));
            if step.lasts.is_some() {
                acts.push((step.end(), Act::End(index)));
            }
        }
        for (from, to) in self.talks() {
            acts.push((from, Act::Talk(true)));
            acts.push((to, Act::Talk(false)));
        }
        let visits = (1..).map(|number| knobs.operator * number);
        let visits = visits.take_while(|at| *at < knobs.length);
        acts.extend(visits.map(|at| (at, Act::Visit)));
        acts.retain(|(at, _)| *at < knobs.length);
        acts.sort();
        acts
    }

    /// When there is talk: around the faults.
    fn talks(&self) -> Vec<(Duration, Duration)> {
        let knobs = &self.plan.knobs;
        let mut talks: Vec<(Duration, Duration)> = Vec::new();
        for step in &self.plan.steps {
            let from = step.at.saturating_sub(knobs.before);
            let to = step.end() + knobs.after;
            match talks.last_mut() {
                Some((_, open)) if from <= *open => *open = to.max(*open),
                Some(_) | None => talks.push((from, to)),
            }
        }
        talks
    }

    /// The faults of the plan; whether all was well.
    fn breaking(&mut self) -> bool {
        let began = self.lab.now();
        for (at, act) in self.acts() {
            if !self.pass_until(began + at) {
                return false;
            }
            match act {
                Act::Begin(index) => self.begin(index),
                Act::End(index) => self.end(index),
                Act::Talk(on) => self.talk(on),
                Act::Visit => self.visit(),
            }
            if !self.watch.look(&self.lab) {
                return false;
            }
        }
        self.pass_until(began + self.plan.knobs.length)
    }

    /// Lets time pass and looks at what happens.
    fn pass_until(&mut self, until: Moment) -> bool {
        let look = if self.talking { LOOK } else { GLANCE };
        while self.lab.now() < until {
            let left = until.saturating_since(self.lab.now());
            let watch = &mut self.watch;
            self.lab.until(|lab| !watch.catch_up(lab), left.min(look));
            if !self.watch.look(&self.lab) {
                return false;
            }
        }
        true
    }

    fn talk(&mut self, on: bool) {
        self.talking = on;
        match on {
            true => self.world.talk(),
            false => self.world.silence(),
        }
    }

    fn begin(&mut self, index: usize) {
        let plan = self.plan;
        let step = &plan.steps[index];
        self.watch.catch_up(&self.lab);
        let met = concerned(&self.lab, &step.deed);
        self.coverage.met(step.kind(), &self.watch.facts, &met);
        if has_undo(&step.deed) {
            self.standing.insert(index, step.deed.clone());
            self.watch.facts.stand(index, step, &self.lab, true);
        }
        self.do_it(&step.deed);
        self.stir(index, true);
    }

    /// While there is talk, each fault makes somebody come and its end makes the same one leave.
    fn stir(&self, index: usize, comes: bool) {
        if self.talking {
            self.world.stir(index, comes);
        }
    }

    /// Does it; what the lab refuses has no effect.
    fn do_it(&mut self, deed: &Deed) {
        let concerned = concerned(&self.lab, deed);
        self.watch
            .facts
            .cause(self.lab.now(), &concerned, moves(deed));
        if drill::carry_out(deed, &mut self.lab).is_err() {
            self.coverage.refused += 1;
        }
        self.lab.settle();
    }

    fn end(&mut self, index: usize) {
        let Some(deed) = self.standing.remove(&index) else {
            return;
        };
        let concerned = concerned(&self.lab, &deed);
        let moves = moves_at_end(&deed);
        self.watch.facts.cause(self.lab.now(), &concerned, moves);
        // Refused where it is well already: somebody was faster.
        let _ = undo(&deed, &mut self.lab);
        self.lab.settle();
        self.watch.facts.cause(self.lab.now(), &concerned, 0);
        let step = &self.plan.steps[index];
        self.watch.facts.stand(index, step, &self.lab, false);
        self.stir(index, false);
    }

    fn visit(&mut self) {
        let pairs = self.watch.facts.pairs.clone();
        let calm = self.standing.is_empty();
        let waits = self.breaking && self.plan.knobs.is_on("Enable Automatic Fallback");
        for pair in pairs.iter().filter(|pair| pair.trace.is_at_rest()) {
            for deed in operator::decide(&self.lab, &pair.name, pair.nodes, calm, waits) {
                self.do_it(&deed);
            }
        }
    }

    /// Everything is healed, and the pairs come home; whether they did.
    fn healing(&mut self) -> bool {
        self.breaking = false;
        let standing: Vec<usize> = self.standing.keys().copied().collect();
        standing.into_iter().for_each(|index| self.end(index));
        self.talk(false);
        let healed = self.lab.now();
        if !self.pass_until(healed + LATE) {
            return false;
        }
        while !self.is_home() {
            if self.lab.now().saturating_since(healed) > HOME {
                return self.not_home(healed);
            }
            self.visit();
            let until = self.lab.now() + LOOK;
            if !self.pass_until(until) {
                return false;
            }
        }
        true
    }

    /// Whether every pair is in row 1 with all its services up.
    fn is_home(&self) -> bool {
        let up = |node: &String| {
            let status = self.lab.status(node).unwrap_or_default();
            status.services.values().all(|state| state.is_up())
        };
        let mut pairs = self.watch.facts.pairs.iter();
        pairs.all(|pair| pair.trace.is_in(1)) && self.lab.node_names().iter().all(up)
    }

    fn not_home(&mut self, healed: Moment) -> bool {
        let (lab, now) = (&self.lab, self.lab.now());
        let pairs = self.watch.facts.pairs.iter();
        let away: Vec<String> = pairs.map(|pair| standing_of(lab, pair)).collect();
        let violation = Disagrees::NotHome {
            pair: "a pair".to_owned(),
            seconds: now.saturating_since(healed).as_secs(),
            states: away.join("; "),
        };
        self.watch.report(now, Violation::Ha3(violation));
        false
    }

    /// Everybody comes online and hears what was said; then all is looked at for the last time.
    fn quiet(&mut self) -> bool {
        let params = self.lab.parameters();
        let nodes = self.lab.deployment().nodes();
        let upper = nodes.iter().map(|node| params.re_login_limits(node.id).1);
        let limit = upper.max().unwrap_or_default() + LOGIN;
        let (world, watch) = (&self.world, &mut self.watch);
        let online = self
            .lab
            .until(|lab| !watch.catch_up(lab) || world.all_online(), limit);
        if self.watch.found().is_some() {
            return false;
        }
        if !online {
            return self.unserved(limit);
        }
        let until = self.lab.now() + ARRIVE;
        while self.lab.now() < until && !self.lab.nothing_missing() {
            let soon = self.lab.now() + Duration::from_secs(10);
            if !self.pass_until(soon) {
                return false;
            }
        }
        let last = self.lab.now() + LOOK;
        if !self.pass_until(last) {
            return false;
        }
        self.rested = true;
        self.watch.end(&self.lab)
    }

    fn unserved(&mut self, after: Duration) -> bool {
        let offline = self
            .world
            .clients
            .iter()
            .filter(|client| !client.is_online());
        let states: Vec<String> = offline
            .map(|client| format!("{}: {}", client.name(), client.state()))
            .collect();
        let violation = Violation::Usr1(Unserved {
            count: states.len(),
            first: states.first().cloned().unwrap_or_default(),
            after,
        });
        self.watch.report(self.lab.now(), violation);
        false
    }
}

/// How a pair stands, with the services that are not up.
fn standing_of(lab: &Lab, pair: &super::facts::PairFacts) -> String {
    let node = |id| {
        let name = lab.node_name(id);
        let status = lab.status(&name).unwrap_or_default();
        let down = status.services.iter().filter(|(_, state)| !state.is_up());
        let down: Vec<String> = down
            .map(|(kind, state)| format!("{kind} {state}"))
            .collect();
        let state = lab.state(&name).map_or("unreachable", |state| state.name());
        let reason = lab.reason(&name).map_or("", |reason| reason.name());
        format!(
            "{name} {} {state} ({reason}) {}",
            status.power,
            down.join(", ")
        )
    };
    format!(
        "{}: {}, {}",
        pair.name,
        node(pair.nodes[0]),
        node(pair.nodes[1])
    )
}
