//! One run: boot, quiet time, failover, and what came of it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use takeover_actors::plane::{Plane, User};
use takeover_actors::rack::PowerAction;
use takeover_actors::rt::Root;
use takeover_core::ha::State;
use takeover_core::id::NodeId;
use takeover_protocols::jid::BareJid;
use thiserror::Error;

use super::crowd::{self, CrowdSpec, Shared, TALKERS};
use super::spec::{Pair, UserName};
use super::{BadScale, Report, ScaleSpec, Targets, memory};
use crate::lab::{Lab, LabError};

/// Protocol time within which all nodes serve.
const UP: Duration = Duration::from_secs(600);
/// Protocol time within which all users are logged in, once their nodes serve.
const IN: Duration = Duration::from_secs(600);
/// Protocol time of the quiet phase.
const QUIET: Duration = Duration::from_secs(120);
/// How much longer than the re-login window clients may take to come back.
const MARGIN: Duration = Duration::from_secs(600);
/// Protocol time in which what was said last arrives.
const LAST: Duration = Duration::from_secs(60);
/// What passes between two looks.
const SLICE: Duration = Duration::from_secs(1);

/// What a run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Users are made known at their homes.
    Populate,
    /// Nodes start.
    Boot,
    /// Users log in.
    LogIn,
    /// Nothing happens but talk.
    Quiet,
    /// One node of each pair is without power, and users move.
    FailOver,
    /// The clients of those that have moved come back.
    Return,
    /// What was said last arrives, and everybody is looked after.
    Verify,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The phase.
    pub phase: Phase,
    /// What is done of it: pairs, nodes, users or protocol seconds.
    pub done: u64,
    /// What there is to do.
    pub of: u64,
    /// Protocol seconds since the lab's start.
    pub virtual_s: u64,
}

/// Why a run came to no end.
#[derive(Debug, Error)]
pub enum ScaleError {
    /// There is no such deployment.
    #[error(transparent)]
    Scale(#[from] BadScale),
    /// The lab refused something.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A user's name is none.
    #[error("no address: {0}")]
    Name(String),
    /// Whoever watched broke it off.
    #[error("broken off by a signal while {0}")]
    Interrupted(&'static str),
    /// The clients of a pair ended by a bug of theirs.
    #[error("clients crashed: {0}")]
    Crashed(String),
}

impl Phase {
    /// What goes on, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Populate => "users are made known",
            Self::Boot => "nodes start",
            Self::LogIn => "users log in",
            Self::Quiet => "nothing happens but talk",
            Self::FailOver => "users move",
            Self::Return => "clients come back",
            Self::Verify => "everybody is looked after",
        }
    }
}

/// Boots the deployment, fails one node of each pair over, and measures. `watch` is told how far it is,
/// and may break it off.
///
/// # Errors
/// [`ScaleError`]. What is lost or too slow is in the report, and no error.
pub fn run(
    spec: &ScaleSpec,
    watch: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> Result<Report, ScaleError> {
    spec.check()?;
    let before = memory::read();
    let since = clock();
    let mut scene = Scene::boot(*spec, watch)?;
    scene.log_in(watch)?;
    let boot_s = since.elapsed().as_secs_f64();
    let after = memory::read();
    let bytes = before.zip(after);
    let bytes = bytes.map(|(before, after)| after.resident.saturating_sub(before.resident));
    let sessions = scene.shared.online();
    let pace = scene.quiet(watch)?;
    let moved = scene.fail_over(watch)?;
    scene.settle(watch)?;
    let sum = scene.shared.tally().lock().sum();
    let (there, lost) = scene.look_after();
    Ok(Report {
        spec: *spec,
        sessions,
        bytes_per_session: bytes.map(|bytes| bytes / sessions.max(1)),
        bytes,
        peak_bytes: memory::read().map(|memory| memory.peak),
        boot_s,
        virtual_seconds_per_second: pace,
        to_move: moved.users,
        moved: there,
        moved_s: moved.moved_s,
        back_s: moved.back_s,
        back_virtual_s: moved.back_virtual_s,
        moved_per_second: moved.users as f64 / moved.moved_s.max(1e-6),
        back_per_second: moved.users as f64 / moved.back_s.max(1e-6),
        resumed: scene.shared.resumed(),
        users_lost: lost,
        messages: sum.sent,
        messages_lost: sum.lost,
        messages_doubled: sum.doubled,
        digest: format!("{:016x}", scene.lab.journal().digest()),
        targets: Targets::GIVEN,
    })
}

/// What the failover took.
struct Moved {
    users: u64,
    moved_s: f64,
    back_s: f64,
    back_virtual_s: f64,
}

/// The deployment of a run.
struct Scene {
    spec: ScaleSpec,
    lab: Lab,
    shared: Arc<Shared>,
    /// The clients of each pair; they live as long as these.
    crowds: Vec<Root<()>>,
    /// By node, those that fail: the first of each pair, and its peer.
    failing: BTreeMap<NodeId, NodeId>,
}

fn clock() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "told, and of no effect")]
    Instant::now()
}

impl Scene {
    /// Builds it and switches every node on.
    fn boot(
        spec: ScaleSpec,
        watch: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> Result<Self, ScaleError> {
        let lab = spec.lab().build()?;
        let talkers = spec.pairs().count() * TALKERS as usize;
        let mut scene = Self {
            spec,
            lab,
            shared: Shared::new(talkers),
            crowds: Vec::new(),
            failing: BTreeMap::new(),
        };
        let pairs = spec.pairs().count() as u64;
        for (done, pair) in (1..).zip(spec.pairs()) {
            scene.populate(pair)?;
            scene.say(Phase::Populate, done, pairs, watch)?;
        }
        let names = scene.lab.node_names();
        let mut answers = Vec::new();
        for name in &names {
            answers.push(scene.lab.control().power(name, PowerAction::On)?);
        }
        for answer in answers {
            let powered = scene.lab.wait_for(answer).map_err(LabError::from)?;
            powered.map_err(LabError::from)?;
        }
        let limit = scene.lab.now() + UP;
        loop {
            let serves = |name: &&String| scene.lab.state(name) == Some(State::Normal);
            let done = names.iter().filter(serves).count();
            scene.say(Phase::Boot, done as u64, names.len() as u64, watch)?;
            if done == names.len() {
                return Ok(scene);
            }
            if scene.lab.now() >= limit {
                let missing: Vec<&String> = names.iter().filter(|name| !serves(name)).collect();
                return Err(ScaleError::Lab(LabError::NotUp {
                    limit_s: UP.as_secs(),
                    missing: format!("{missing:?}"),
                }));
            }
            scene.lab.pass(SLICE);
        }
    }

    fn nodes(&self, pair: Pair) -> Result<[NodeId; 2], LabError> {
        let [first, second] = ScaleSpec::nodes_of(pair);
        Ok([self.lab.node_id(&first)?, self.lab.node_id(&second)?])
    }

    fn jid(&self, name: UserName) -> Result<BareJid, ScaleError> {
        let text = format!("{name}@{}", self.lab.deployment().domain());
        BareJid::new(&text).map_err(|error| ScaleError::Name(format!("{text}: {error}")))
    }

    /// Makes a pair's users known at their homes.
    fn populate(&mut self, pair: Pair) -> Result<(), ScaleError> {
        let nodes = self.nodes(pair)?;
        self.failing.insert(nodes[0], nodes[1]);
        for member in 0..self.spec.members(pair) {
            let jid = self.jid(self.spec.name(pair, member))?;
            let home = nodes[member as usize % 2];
            self.lab.plane().add_user(&jid, home);
        }
        Ok(())
    }

    /// Starts the clients, and waits until all are logged in.
    fn log_in(&mut self, watch: &mut dyn FnMut(Step) -> ControlFlow<()>) -> Result<(), ScaleError> {
        let pairs: Vec<Pair> = self.spec.pairs().collect();
        for (place, pair) in pairs.iter().enumerate() {
            let nodes = self.nodes(*pair)?;
            let group = self.lab.deployment().node(nodes[0]).group;
            let group = self.lab.deployment().group(group).name.to_string();
            let spec = CrowdSpec {
                scale: self.spec,
                pair: *pair,
                nodes,
                window: self.lab.login_limits(&group)?,
                talkers: self.talkers(&pairs, place)?,
            };
            let crowd = crowd::start(self.lab.plane(), spec, &self.shared);
            self.crowds.push(crowd);
        }
        let all = self.spec.sessions();
        let limit = self.lab.now() + IN;
        while self.shared.online() < all && self.lab.now() < limit {
            self.lab.pass(Duration::from_millis(5));
            self.say(Phase::LogIn, self.shared.online(), all, watch)?;
        }
        Ok(())
    }

    /// The sample users of a pair, each with somebody of another node and somebody of its own node to
    /// write to; one in each pair writes to the next pair.
    fn talkers(
        &self,
        pairs: &[Pair],
        place: usize,
    ) -> Result<Vec<(u32, usize, [BareJid; 2])>, ScaleError> {
        let members = |place: usize| self.spec.members(pairs[place]).min(TALKERS);
        let here = members(place);
        let after = (place + 1) % pairs.len();
        let talker = |member: u32| {
            let across = match member + 1 < here {
                true => (place, member + 1),
                false => (after, 0),
            };
            let beside = match here {
                0..=2 => across,
                _ => (place, (member + 2) % here),
            };
            let partner = |(place, member)| self.jid(self.spec.name(pairs[place], member));
            let number = place * TALKERS as usize + member as usize;
            Ok((member, number, [partner(across)?, partner(beside)?]))
        };
        (0..here).map(talker).collect()
    }

    /// Lets quiet time pass; how many protocol seconds in a second of life.
    fn quiet(&mut self, watch: &mut dyn FnMut(Step) -> ControlFlow<()>) -> Result<f64, ScaleError> {
        self.shared.talk(true);
        let since = clock();
        for second in 1..=QUIET.as_secs() {
            self.lab.pass(SLICE);
            self.say(Phase::Quiet, second, QUIET.as_secs(), watch)?;
        }
        Ok(QUIET.as_secs_f64() / since.elapsed().as_secs_f64().max(1e-6))
    }

    /// Cuts the power of the first node of each pair, all at one moment, until the last client is back.
    fn fail_over(
        &mut self,
        watch: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> Result<Moved, ScaleError> {
        let plane = self.lab.plane().clone();
        let failing: Vec<NodeId> = self.failing.keys().copied().collect();
        let hosted = |node: &NodeId| plane.hosted_by(*node).len() as u64;
        let users: u64 = failing.iter().map(hosted).sum();
        let came = |plane: &Plane| -> u64 {
            let nodes = plane.nodes().iter();
            nodes
                .map(|node| node.counters.moved_in.load(Ordering::Relaxed))
                .sum()
        };
        let (before, all) = (came(&plane), self.spec.sessions());
        let (since, begin) = (clock(), self.lab.now());
        for node in failing {
            let name = self.lab.node_name(node);
            self.lab.node(&name)?.kill()?;
        }
        let upper = self.lab.deployment().groups().iter();
        let upper = upper.filter_map(|group| self.lab.login_limits(&group.name.to_string()).ok());
        let patience = upper.map(|(_, upper)| upper).max().unwrap_or_default() + MARGIN;
        let mut moved_s = None;
        loop {
            self.lab.pass(SLICE);
            let moved = came(&plane) - before;
            if moved < users {
                self.say(Phase::FailOver, moved, users, watch)?;
            } else {
                moved_s.get_or_insert_with(|| since.elapsed().as_secs_f64());
                let back = users.saturating_sub(all - self.shared.online());
                self.say(Phase::Return, back, users, watch)?;
            }
            let passed = self.lab.now().saturating_since(begin);
            let is_back = moved >= users && self.shared.online() == all;
            if is_back || passed > patience {
                let back_s = since.elapsed().as_secs_f64();
                return Ok(Moved {
                    users,
                    moved_s: moved_s.unwrap_or(back_s),
                    back_s,
                    back_virtual_s: passed.as_secs_f64(),
                });
            }
        }
    }

    /// Ends the talk and lets what was said last arrive.
    fn settle(&mut self, watch: &mut dyn FnMut(Step) -> ControlFlow<()>) -> Result<(), ScaleError> {
        self.shared.talk(false);
        for second in 1..=LAST.as_secs() {
            self.lab.pass(SLICE);
            self.say(Phase::Verify, second, LAST.as_secs(), watch)?;
        }
        Ok(())
    }

    /// Looks after every user: how many of those that had to move are where they belong, and how many
    /// of all have no session at a node that runs.
    fn look_after(&self) -> (u64, u64) {
        let plane = self.lab.plane();
        let (mut moved, mut lost) = (0, 0);
        for (from, to) in &self.failing {
            let hosted = |user: &Arc<User>| user.slot.owner().node() == *to;
            let served = |user: &Arc<User>| {
                let attached = |user: &Arc<User>| {
                    user.slot.peek(|state, _| {
                        let sessions = state.sessions.iter();
                        sessions.filter(|session| session.is_attached()).count()
                    })
                };
                hosted(user) && attached(user) == 1
            };
            let residents = plane.node(*from).residents.all();
            moved += residents.iter().filter(|user| hosted(user)).count() as u64;
            let all = residents.iter();
            let stayed = plane.node(*to).residents.all();
            let all = all.chain(&stayed);
            lost += all.filter(|user| !served(user)).count() as u64;
        }
        (moved, lost)
    }

    /// Tells whoever watches.
    fn say(
        &self,
        phase: Phase,
        done: u64,
        of: u64,
        watch: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> Result<(), ScaleError> {
        if let Some(exit) = self.crowds.iter().find_map(Root::exit) {
            let why = self.shared.panicked().unwrap_or_else(|| exit.to_string());
            return Err(ScaleError::Crashed(why));
        }
        let virtual_s = self.lab.now().0 / 1_000_000;
        let step = Step {
            phase,
            done,
            of,
            virtual_s,
        };
        match watch(step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ScaleError::Interrupted(phase.words())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten users in one pair, logged in.
    fn scene() -> Scene {
        let spec = ScaleSpec {
            clusters: 1,
            nodes: 2,
            users: 10,
            seed: 1,
        };
        let mut scene = Scene::boot(spec, &mut go_on).expect("a lab");
        scene.log_in(&mut go_on).expect("clients");
        assert_eq!(scene.shared.online(), 10);
        scene
    }

    fn go_on(_: Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Clients that end by a bug of theirs end the run, which says with what; and so does their actor.
    #[test]
    fn clients_that_crash_end_the_run() {
        for kind in ["crowd clients", "crowd"] {
            let mut scene = scene();
            let text = "a planted panic";
            let struck = scene.lab.panic_in(None, kind, "crowd 1 1", text);
            struck.expect("the clients of the pair");
            let error = scene.quiet(&mut go_on).expect_err("nobody is there");
            assert!(error.to_string().contains(text), "{kind}: {error}");
        }
    }

    /// Whoever watches can break a run off, and is told what it was at.
    #[test]
    fn a_run_is_broken_off() {
        let mut scene = scene();
        let error = scene.quiet(&mut |_| ControlFlow::Break(()));
        let error = error.expect_err("it was broken off").to_string();
        assert_eq!(
            error,
            "broken off by a signal while nothing happens but talk"
        );
    }
}
