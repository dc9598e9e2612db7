//! A drill carried out on a lab in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use takeover_actors::rt::Tail;
use takeover_core::ha::{Detection, HaParams, State};
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use takeover_core::params::Param;
use takeover_core::time::Moment;
use takeover_storage::{PostgresScratch, PostgresSettings, StoreError};

use super::claim::holds;
use super::outcome::{Failure, Outcome, Told, row_counts, variants};
use super::script::{Claim, Deed, Drill, Engine, Line, PEOPLE, Step};
use super::trace::{TRANSITION, Trace};
use super::words::alarm_name;
use super::{deed, room};
use crate::lab::{Control, Lab, LabError};

/// Entries of the journal that may wait for the drill to look at them.
const TAIL: usize = 1 << 20;
/// Protocol time in which a lab comes up.
const UP: Duration = Duration::from_secs(600);

/// A drill that has been carried out, and its lab.
pub struct Run {
    /// What came of it.
    pub outcome: Outcome,
    /// The lab, as the drill left it; `None` if it could not be made.
    pub lab: Option<Lab>,
    /// Its schemas, dropped after the lab has let go of them.
    _schemas: Vec<PostgresScratch>,
}

/// Where the rooms of a drill's pairs are.
#[derive(Clone, Copy, Debug)]
pub enum Rooms<'s> {
    /// In the lab's own store.
    Own,
    /// On this PostgreSQL server: each pair gets a schema that was not there, named like the one
    /// given, which is dropped with the [`Run`].
    PostgreSql(&'s PostgresSettings),
}

impl Rooms<'_> {
    /// The engine that keeps them.
    #[must_use]
    pub fn engine(self) -> Engine {
        match self {
            Self::Own => Engine::Own,
            Self::PostgreSql(_) => Engine::PostgreSql,
        }
    }

    fn schemas(self, drill: &Drill) -> Result<Vec<PostgresScratch>, StoreError> {
        match self {
            Self::Own => Ok(Vec::new()),
            Self::PostgreSql(like) => {
                let made = drill.groups().iter().map(|_| PostgresScratch::make(like));
                made.collect()
            }
        }
    }
}

/// Carries a drill out, with its rooms in the lab's own store; `watch` hears what happens as it
/// happens.
pub fn run(drill: &Drill, watch: &mut dyn FnMut(&Told)) -> Run {
    run_on(drill, Rooms::Own, watch)
}

/// Carries a drill out on an engine; `watch` hears what happens as it happens.
pub fn run_on(drill: &Drill, rooms: Rooms<'_>, watch: &mut dyn FnMut(&Told)) -> Run {
    let not_run = |why: String| Run {
        outcome: Outcome::not_run(drill, rooms.engine(), why),
        lab: None,
        _schemas: Vec::new(),
    };
    let schemas = match rooms.schemas(drill) {
        Ok(schemas) => schemas,
        Err(error) => return not_run(error.to_string()),
    };
    let built = build(drill, &schemas).and_then(|lab| Running::new(drill, lab, watch));
    let mut running = match built {
        Ok(running) => running,
        Err(error) => return not_run(error.to_string()),
    };
    let failure = running.all_steps();
    running.finish(failure, rooms.engine(), schemas)
}

fn build(drill: &Drill, schemas: &[PostgresScratch]) -> Result<Lab, LabError> {
    let groups = drill.groups();
    let mut builder = Lab::virtual_time(drill.seed).cluster("cluster-1", |cluster| {
        groups
            .iter()
            .fold(cluster, |cluster, (name, [first, second])| {
                cluster.pair(name, first, second)
            })
    });
    let nodes = drill.nodes();
    for (user, home) in PEOPLE.iter().filter(|(_, home)| nodes.contains(home)) {
        builder = builder.user(user, home);
    }
    for (name, value) in &drill.parameters {
        builder = builder.parameter(name, value);
    }
    for ((group, _), schema) in groups.iter().zip(schemas) {
        builder = builder.postgresql(group, schema.settings().clone());
    }
    let lab = builder.build()?;
    for user in &drill.forgetful {
        lab.client_with(user, |spec| spec.resumption = false)?;
    }
    Ok(lab)
}

/// A drill under way.
struct Running<'d> {
    drill: &'d Drill,
    lab: Lab,
    seen: Watcher<'d>,
    rest: Duration,
}

/// Reads the journal as it grows.
pub(super) struct Watcher<'d> {
    tail: Tail,
    pub(super) traces: Vec<(&'static str, [&'static str; 2], Trace)>,
    /// The stretch of the first pair, and the moment, at which the last thing was done.
    since: (usize, Moment),
    alarms: Vec<(Moment, &'static str)>,
    /// Who hosts the rooms of each conference alias.
    pub(super) hosts: BTreeMap<String, NodeId>,
    told: Vec<Told>,
    watch: &'d mut dyn FnMut(&Told),
}

impl Watcher<'_> {
    fn catch_up(&mut self) {
        for entry in self.tail.drain() {
            self.entry(&entry);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        if let Event::HaAlarm(alarm) = &entry.event {
            self.alarms.push((entry.at, alarm_name(alarm)));
        }
        if let (Event::RoomsHosted { alias, .. }, Some(node)) = (&entry.event, entry.node) {
            self.hosts.insert(alias.clone(), node);
        }
        for pair in 0..self.traces.len() {
            let (name, nodes, trace) = &mut self.traces[pair];
            if trace.take(entry) {
                let views = trace.views().to_vec();
                let told = Told::pair(entry.at, name, *nodes, &views);
                self.tell(told);
            }
        }
    }

    fn tell(&mut self, told: Told) {
        (self.watch)(&told);
        self.told.push(told);
    }

    pub(super) fn trace(&self, pair: &str) -> Option<&Trace> {
        let found = self.traces.iter().find(|(name, _, _)| *name == pair);
        found.map(|(_, _, trace)| trace)
    }

    /// Whether SRM has raised this alarm since the last thing that was done.
    pub(super) fn raised(&self, name: &str) -> bool {
        let since = self.since.1;
        let mut alarms = self.alarms.iter();
        alarms.any(|(at, alarm)| *at >= since && *alarm == name)
    }

    fn mark(&mut self, now: Moment) {
        let first = self
            .traces
            .first()
            .map_or(0, |(_, _, trace)| trace.stretches().len());
        self.since = (first.saturating_sub(1), now);
    }
}

impl<'d> Running<'d> {
    fn new(drill: &'d Drill, lab: Lab, watch: &'d mut dyn FnMut(&Told)) -> Result<Self, LabError> {
        let params = lab.parameters();
        let port = u16::try_from(params.number(Param::ServicePort)).unwrap_or(u16::MAX);
        let rest = rest(&params.ha());
        let mut traces = Vec::new();
        for (name, nodes) in drill.groups() {
            let [first, second] = nodes.map(|node| lab.node_id(node));
            traces.push((*name, *nodes, Trace::new([first?, second?], port)));
        }
        let seen = Watcher {
            tail: lab.journal().tail(TAIL),
            traces,
            since: (0, Moment::ZERO),
            alarms: Vec::new(),
            hosts: BTreeMap::new(),
            told: Vec::new(),
            watch,
        };
        let mut running = Self {
            drill,
            lab,
            seen,
            rest,
        };
        running.switch_on()?;
        Ok(running)
    }

    /// Every node is switched on, comes to `Normal` and has its services up.
    fn switch_on(&mut self) -> Result<(), LabError> {
        let nodes = self.drill.nodes();
        for node in &nodes {
            self.lab.node(node)?.power_on()?;
        }
        let up = |lab: &Control| {
            nodes.iter().all(|node| {
                let status = lab.status(node).unwrap_or_default();
                let mut services = status.services.values();
                lab.state(node) == Some(State::Normal)
                    && !services.any(|state| state.is_in_transition())
            })
        };
        if self.until(UP, |lab, _| up(lab)) {
            self.until(Duration::from_secs(1), |_, _| false);
            return Ok(());
        }
        Err(LabError::NotUp {
            limit_s: UP.as_secs(),
            missing: "a node is not Normal".to_owned(),
        })
    }

    /// Lets time pass until something is so, and reads the journal meanwhile.
    fn until(
        &mut self,
        limit: Duration,
        mut condition: impl FnMut(&Control, &Watcher<'_>) -> bool,
    ) -> bool {
        let seen = &mut self.seen;
        let done = self.lab.until(
            |lab| {
                seen.catch_up();
                condition(lab, seen)
            },
            limit,
        );
        seen.catch_up();
        done
    }

    fn all_steps(&mut self) -> Option<Failure> {
        for line in &self.drill.steps {
            self.lab.settle();
            self.seen.catch_up();
            self.seen.tell(Told::step(self.lab.now(), &line.text));
            if let Err(why) = self.step(line) {
                return Some(Failure {
                    line: line.number,
                    step: line.text.clone(),
                    why,
                });
            }
        }
        self.come_to_rest()
    }

    fn step(&mut self, line: &Line) -> Result<(), String> {
        match &line.step {
            Step::Wait(time) => {
                self.until(*time, |_, _| false);
                Ok(())
            }
            Step::Do(deed) => self.act(deed).map_err(|error| error.to_string()),
            Step::Talk(talk) => {
                let said = room::carry_out(talk, &self.lab);
                self.lab.settle();
                said.map_err(|error| error.to_string())
            }
            Step::Refused(deed) => match self.act(deed) {
                Ok(()) => Err("it was accepted".to_owned()),
                Err(error) => {
                    let now = self.lab.now();
                    self.seen.tell(Told::note(now, &error.to_string()));
                    Ok(())
                }
            },
            Step::Expect(claim, limit) => self.expect(claim, *limit),
            Step::See(row, limit) => self.see(*row, *limit),
            Step::Stay(claim, time) => self.stay(claim, *time),
        }
    }

    fn act(&mut self, deed: &Deed) -> Result<(), LabError> {
        self.seen.mark(self.lab.now());
        deed::carry_out(deed, &mut self.lab)?;
        self.lab.settle();
        self.seen.catch_up();
        Ok(())
    }

    fn expect(&mut self, claim: &Claim, limit: Duration) -> Result<(), String> {
        if self.until(limit, |lab, seen| holds(claim, lab, seen)) {
            return self.look_up(claim);
        }
        Err(format!(
            "not so after {} s: {}",
            limit.as_secs_f64(),
            self.standing()
        ))
    }

    /// What cannot be known without asking a database.
    fn look_up(&mut self, claim: &Claim) -> Result<(), String> {
        let Claim::NothingLost(node) = claim else {
            return Ok(());
        };
        let place = room::of(&self.lab, node).map_err(|error| error.to_string())?;
        let account = room::check(&mut self.lab, &place)?;
        self.seen.tell(Told::note(self.lab.now(), &account));
        Ok(())
    }

    fn see(&mut self, row: u8, limit: Duration) -> Result<(), String> {
        let since = self.seen.since.0;
        let was = |_: &Control, seen: &Watcher<'_>| {
            seen.traces
                .first()
                .is_some_and(|(_, _, trace)| trace.was_in(row, since))
        };
        if self.until(limit, was) {
            return Ok(());
        }
        Err(format!(
            "not seen in {} s: {}",
            limit.as_secs_f64(),
            self.standing()
        ))
    }

    fn stay(&mut self, claim: &Claim, time: Duration) -> Result<(), String> {
        self.seen.catch_up();
        if self.until(time, |lab, seen| !holds(claim, lab, seen))
            || !holds(claim, &self.lab, &self.seen)
        {
            return Err(format!("not so at {}: {}", self.lab.now(), self.standing()));
        }
        Ok(())
    }

    /// How things stand, for whoever expected something else.
    fn standing(&self) -> String {
        let pairs = self.seen.traces.iter().map(|(name, nodes, trace)| {
            let told = Told::pair(self.lab.now(), name, *nodes, trace.views());
            format!("{name} {}", told.what)
        });
        let clients = self.lab.clients();
        let people = clients
            .values()
            .map(|client| format!("{} {}", client.name(), client.state()));
        pairs.chain(people).collect::<Vec<_>>().join("; ")
    }

    /// At the end every pair rests in a row of the table; transitions are waited for (HA-14).
    fn come_to_rest(&mut self) -> Option<Failure> {
        let rest = self.rest;
        let at_rest = |lab: &Control, seen: &Watcher<'_>| {
            seen.traces.iter().all(|(_, _, trace)| {
                let since = trace
                    .stretches()
                    .last()
                    .map_or(Moment::ZERO, |open| open.from);
                trace.is_at_rest() && lab.now().saturating_since(since) > rest
            })
        };
        if self.until(TRANSITION, at_rest) {
            return None;
        }
        Some(Failure {
            line: self.drill.steps.last().map_or(0, |line| line.number),
            step: "(the end)".to_owned(),
            why: format!("the lab did not come to rest: {}", self.standing()),
        })
    }

    fn finish(
        self,
        failure: Option<Failure>,
        engine: Engine,
        schemas: Vec<PostgresScratch>,
    ) -> Run {
        let now = self.lab.now();
        let traces = || self.seen.traces.iter().map(|(_, _, trace)| trace);
        let rows = row_counts(traces());
        let misfits: Vec<_> = traces()
            .flat_map(|trace| trace.misfits(now, self.rest))
            .collect();
        let unseen = |row: &u8| !rows.contains_key(row);
        let missing: Vec<u8> = self.drill.shows.iter().copied().filter(unseen).collect();
        let outcome = Outcome {
            drill: self.drill.name.clone(),
            title: self.drill.title.clone(),
            engine,
            ok: failure.is_none() && misfits.is_empty() && missing.is_empty(),
            failure,
            missing_rows: missing,
            misfits,
            variants: variants(traces()),
            rows,
            took_s: now.as_secs_f64(),
            seed: self.drill.seed,
            digest: format!("{:016x}", self.lab.journal().digest()),
            events: self.seen.told,
        };
        Run {
            outcome,
            lab: Some(self.lab),
            _schemas: schemas,
        }
    }
}

/// How long a pair must be still to be at rest: longer than a silence that is yet to be noticed.
pub(crate) fn rest(params: &HaParams) -> Duration {
    let silence = match params.detection {
        Detection::KeepAlive { interval, timeout } => interval + timeout,
        Detection::ConnectTimeout {
            interval,
            connect_timeout,
        } => interval + connect_timeout,
    };
    silence.max(params.initialization_timeout + params.detection.interval())
}
