//! A pair in virtual time: two machines, their services, their users, the link between them.

use std::time::Duration;

use takeover_core::ha::table::{self, Seen};
use takeover_core::ha::{
    Action, BootKind, Effect, Event, HaNode, HaParams, HaRecord, Health, PeerMessage, Phase,
    Reason, Refusal, ServiceSet, Staleness, State, StateChange, Timer, step,
};
use takeover_core::service::ServiceKind;
use takeover_core::time::Moment;

/// How long a message of the peer, a piece of work and a start of services take.
const LATENCY: Duration = Duration::from_millis(10);
const WORK: Duration = Duration::from_secs(2);
const START: Duration = Duration::from_secs(10);

/// What happens later.
#[derive(Clone, Debug)]
enum Later {
    Expire(usize, u64, Timer),
    Deliver(usize, PeerMessage),
    Report(usize, u64, u64, Event),
    Started(usize, u64),
    Stop(usize, u64),
}

/// Which work fails or hangs on a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Broken {
    pub take_over: bool,
    pub hand_back: bool,
    pub take_back: bool,
    pub release: bool,
    pub hangs: bool,
    pub start: Option<ServiceKind>,
}

/// One node with what surrounds its SRM.
#[derive(Clone, Debug)]
pub struct Host {
    pub srm: Option<HaNode>,
    pub record: HaRecord,
    pub powered: bool,
    pub down: ServiceSet,
    pub database_down: bool,
    pub broken: Broken,
    /// The life of SRM, so that timers and work of an old one are not heard.
    life: u64,
    /// The number of the work under way; 0 for none.
    working: u64,
    timers: Vec<(Timer, u64)>,
    pub changes: Vec<(Moment, StateChange)>,
    pub refusals: Vec<Refusal>,
    pub stale: Vec<Staleness>,
    pub alarms: Vec<takeover_core::ha::Alarm>,
}

/// The pair.
#[derive(Clone, Debug)]
pub struct Pair {
    pub params: HaParams,
    pub hosts: [Host; 2],
    /// Who owns the users of home 0 and home 1.
    pub owner: [usize; 2],
    /// Each change of that: when, whose users, to whom.
    pub moves: Vec<(Moment, usize, usize)>,
    /// Whether messages from this node get through.
    pub link: [bool; 2],
    /// How long messages from this node take.
    pub latency: [Duration; 2],
    pub now: Moment,
    queue: Vec<(Moment, u64, Later)>,
    serial: u64,
    pub trace: bool,
}

impl Host {
    fn new() -> Host {
        Host {
            srm: None,
            record: HaRecord::fresh(true),
            powered: true,
            down: ServiceSet::EMPTY,
            database_down: false,
            broken: Broken::default(),
            life: 0,
            working: 0,
            timers: Vec::new(),
            changes: Vec::new(),
            refusals: Vec::new(),
            stale: Vec::new(),
            alarms: Vec::new(),
        }
    }
}

pub fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

impl Pair {
    /// Both nodes just started; nothing has happened yet.
    pub fn starting(params: HaParams) -> Pair {
        let mut pair = Pair {
            params,
            hosts: [Host::new(), Host::new()],
            owner: [0, 1],
            moves: Vec::new(),
            link: [true, true],
            latency: [LATENCY; 2],
            now: Moment::ZERO,
            queue: Vec::new(),
            serial: 0,
            trace: std::env::var_os("TRACE").is_some(),
        };
        for i in 0..2 {
            pair.boot(i, BootKind::SrmRestart);
        }
        pair
    }

    /// Both nodes in Normal.
    pub fn normal() -> Pair {
        Pair::normal_with(HaParams::default())
    }

    pub fn normal_with(params: HaParams) -> Pair {
        let mut pair = Pair::starting(params);
        pair.run(secs(1));
        assert_eq!(pair.row(), Some(1));
        pair
    }

    fn later(&mut self, after: Duration, what: Later) {
        self.serial += 1;
        self.queue.push((self.now + after, self.serial, what));
    }

    pub fn boot(&mut self, i: usize, kind: BootKind) {
        let host = &mut self.hosts[i];
        host.powered = true;
        host.life += 1;
        host.timers.clear();
        if kind == BootKind::NodeBoot {
            host.down = self.params.critical;
        }
        let health = Health {
            down: host.down,
            database_down: host.database_down,
            ..Health::GOOD
        };
        let (srm, effects) = HaNode::boot(&host.record, i == 0, kind, health, &self.params);
        host.srm = Some(srm);
        self.carry_out(i, effects);
    }

    /// Gives an event to a node's SRM, if it runs.
    pub fn tell(&mut self, i: usize, event: Event) {
        let Some(srm) = self.hosts[i].srm else { return };
        let before = (srm.state, srm.reason);
        let (after, effects) = step(&srm, event.clone(), &self.params);
        if self.trace {
            println!("{} {i} {event:?}", self.now);
        }
        let end = effects.iter().fold(before, |at, effect| match effect {
            Effect::Record(change) => {
                assert_eq!(change.from, at.0, "HA-13: {event:?}");
                (change.to, change.reason)
            }
            _ => at,
        });
        assert_eq!(end, (after.state, after.reason), "HA-13: {event:?}");
        self.hosts[i].srm = Some(after);
        self.carry_out(i, effects);
        let armed: Vec<Timer> = after.timers.iter().collect();
        let mut held: Vec<Timer> = self.hosts[i]
            .timers
            .iter()
            .map(|(timer, _)| *timer)
            .collect();
        held.sort();
        if self.hosts[i].srm == Some(after) {
            assert_eq!(armed, held, "the set of armed timers is what was asked for");
            let bounded = armed.contains(&Timer::Transition);
            let moves = !after.state.is_stable() || after.phase == Phase::Claiming;
            let looks = after.state == State::Backup && after.phase == Phase::Waiting;
            assert!(bounded || !moves, "HA-14: {:?}", after.state);
            assert!(!bounded || moves || looks, "HA-14: {:?}", after.state);
        }
    }

    fn carry_out(&mut self, i: usize, effects: Vec<Effect>) {
        for effect in effects {
            if self.trace && !matches!(effect, Effect::Arm(..) | Effect::Disarm(_)) {
                println!("{} {i}     {effect:?}", self.now);
            }
            self.effect(i, effect);
        }
    }

    fn effect(&mut self, i: usize, effect: Effect) {
        let life = self.hosts[i].life;
        match effect {
            Effect::Persist(record) => self.hosts[i].record = record,
            Effect::Record(change) => self.hosts[i].changes.push((self.now, change)),
            Effect::Arm(timer, after) => {
                self.serial += 1;
                let serial = self.serial;
                self.hosts[i].timers.retain(|(other, _)| *other != timer);
                self.hosts[i].timers.push((timer, serial));
                self.later(after, Later::Expire(i, serial, timer));
            }
            Effect::Disarm(timer) => self.hosts[i].timers.retain(|(other, _)| *other != timer),
            Effect::SendPeer(message) if self.link[i] => {
                self.later(self.latency[i], Later::Deliver(1 - i, message));
            }
            Effect::SendPeer(_) => {}
            Effect::StartCriticalServices => self.later(START, Later::Started(i, life)),
            Effect::StopCriticalServices => self.later(Duration::ZERO, Later::Stop(i, life)),
            Effect::ReleaseUsers(attempt) => {
                let failed = self.hosts[i].broken.release;
                self.report(
                    i,
                    failed,
                    Event::UsersReleased(attempt),
                    Event::UsersReleaseFailed(attempt),
                );
            }
            Effect::TakeOverUsers { attempt, .. } => {
                let failed = self.hosts[i].broken.take_over;
                self.report(
                    i,
                    failed,
                    Event::UsersTaken(attempt),
                    Event::UsersTakeFailed(attempt),
                );
            }
            Effect::HandBackUsers(attempt) => {
                let failed = self.hosts[i].broken.hand_back;
                let done = Event::UsersHandedBack(attempt);
                self.report(i, failed, done, Event::UsersHandBackFailed(attempt));
            }
            Effect::TakeBackUsers { attempt, .. } => {
                let failed = self.hosts[i].broken.take_back;
                let done = Event::UsersTakenBack(attempt);
                self.report(i, failed, done, Event::UsersTakeBackFailed(attempt));
            }
            Effect::AbandonWork => self.hosts[i].working = 0,
            Effect::RestartSrm => self.boot(i, BootKind::SrmRestart),
            Effect::Raise(alarm) => self.hosts[i].alarms.push(alarm),
            Effect::DropStale(why) => self.hosts[i].stale.push(why),
            Effect::Refuse(refusal) => self.hosts[i].refusals.push(refusal),
        }
    }

    fn report(&mut self, i: usize, failed: bool, done: Event, failure: Event) {
        if !self.hosts[i].broken.hangs {
            let life = self.hosts[i].life;
            self.serial += 1;
            let work = self.serial;
            self.hosts[i].working = work;
            let event = if failed { failure } else { done };
            self.later(WORK, Later::Report(i, life, work, event));
        }
    }

    /// Stops a service, or lets it fail.
    pub fn stop(&mut self, i: usize, kind: ServiceKind) {
        self.hosts[i].down = self.hosts[i].down.with(kind);
        self.tell(i, Event::ServiceDown(kind));
    }

    /// Starts a service.
    pub fn start(&mut self, i: usize, kind: ServiceKind) {
        self.hosts[i].down = self.hosts[i].down.without(kind);
        self.tell(i, Event::ServiceUp(kind));
    }

    pub fn database(&mut self, i: usize, up: bool) {
        self.hosts[i].database_down = !up;
        self.tell(
            i,
            if up {
                Event::DatabaseUp
            } else {
                Event::DatabaseDown
            },
        );
    }

    pub fn admin(&mut self, i: usize, action: Action) {
        self.tell(i, Event::Admin(action));
    }

    /// Ends SRM alone.
    pub fn kill_srm(&mut self, i: usize) {
        self.hosts[i].srm = None;
        self.hosts[i].life += 1;
    }

    /// Ends and starts SRM alone.
    pub fn restart_srm(&mut self, i: usize) {
        self.kill_srm(i);
        self.boot(i, BootKind::SrmRestart);
    }

    /// Cuts the power.
    pub fn crash(&mut self, i: usize) {
        self.kill_srm(i);
        self.hosts[i].powered = false;
        self.hosts[i].down = self.params.critical;
    }

    /// Shuts the node down in order.
    pub fn shut_down(&mut self, i: usize) {
        self.tell(i, Event::Shutdown);
        self.crash(i);
    }

    pub fn power_on(&mut self, i: usize) {
        self.boot(i, BootKind::NodeBoot);
    }

    pub fn cut(&mut self) {
        self.link = [false, false];
    }

    pub fn heal(&mut self) {
        self.link = [true, true];
    }

    /// Lets protocol time pass.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let next = self
                .queue
                .iter()
                .enumerate()
                .min_by_key(|(_, (at, serial, _))| (*at, *serial));
            let Some((place, (at, serial, _))) = next else {
                break;
            };
            if *at > end {
                break;
            }
            let (at, serial) = (*at, *serial);
            let (_, _, what) = self.queue.swap_remove(place);
            self.now = at;
            self.happen(serial, what);
        }
        self.now = end;
    }

    fn happen(&mut self, _serial: u64, what: Later) {
        match what {
            Later::Expire(i, serial, timer) => {
                let armed = self.hosts[i].timers.contains(&(timer, serial));
                if armed && self.hosts[i].srm.is_some() {
                    self.hosts[i].timers.retain(|(other, _)| *other != timer);
                    self.tell(i, Event::Expired(timer));
                }
            }
            Later::Deliver(i, message) => {
                self.tell(i, Event::Peer(message));
                self.heard_twice(i, message);
            }
            Later::Report(i, life, work, event) => {
                if self.hosts[i].life == life && self.hosts[i].working == work {
                    self.moved(i, &event);
                    self.tell(i, event);
                }
            }
            Later::Stop(i, life) => {
                if self.hosts[i].life == life {
                    for kind in self.params.critical.iter() {
                        self.stop(i, kind);
                    }
                }
            }
            Later::Started(i, life) => {
                if self.hosts[i].life == life {
                    self.started(i);
                }
            }
        }
    }

    /// A message that comes again changes nothing: it is dropped, visibly.
    fn heard_twice(&self, i: usize, message: PeerMessage) {
        let Some(srm) = self.hosts[i].srm else { return };
        let (after, effects) = step(&srm, Event::Peer(message), &self.params);
        let dropped = effects
            .iter()
            .any(|effect| matches!(effect, Effect::DropStale(_)));
        assert!(dropped, "{message}");
        assert_eq!(
            (after.state, after.phase, after.peer.status),
            (srm.state, srm.phase, srm.peer.status)
        );
    }

    fn started(&mut self, i: usize) {
        if let Some(kind) = self.hosts[i].broken.start {
            for other in self.hosts[i].down.without(kind).iter() {
                self.start(i, other);
            }
            self.hosts[i].down = ServiceSet::EMPTY.with(kind);
            self.tell(i, Event::ServicesStartFailed(Some(kind)));
            return;
        }
        for kind in self.hosts[i].down.iter() {
            self.start(i, kind);
        }
        self.tell(i, Event::ServicesStarted);
    }

    fn moved(&mut self, i: usize, event: &Event) {
        let current = self.hosts[i].srm.map(|srm| srm.attempt);
        match event {
            Event::UsersTaken(attempt) if current == Some(*attempt) => {
                (0..2).for_each(|home| self.own(home, i));
            }
            Event::UsersTakenBack(attempt) if current == Some(*attempt) => self.own(i, i),
            _ => {}
        }
    }

    fn own(&mut self, home: usize, owner: usize) {
        if self.owner[home] != owner {
            self.owner[home] = owner;
            self.moves.push((self.now, home, owner));
        }
    }

    pub fn state(&self, i: usize) -> Option<(State, Reason)> {
        self.hosts[i].srm.map(|srm| (srm.state, srm.reason))
    }

    fn seen(&self, i: usize) -> Seen {
        self.state(i).map_or(Seen::Unreachable, |(state, reason)| {
            Seen::Reachable(state, reason)
        })
    }

    /// The row the pair is in, if the table has it.
    pub fn row(&self) -> Option<u8> {
        table::find(self.seen(0), self.seen(1)).map(|found| found.row.number)
    }

    /// The row with node `i` as node 1, or a text that says what the pair is in.
    #[track_caller]
    pub fn expect_row(&self, home: usize, number: u8) {
        let found = table::find(self.seen(home), self.seen(1 - home));
        let here = format!("{} / {}", self.seen(home), self.seen(1 - home));
        let Some(found) = found else {
            panic!("expected row {number}, found no row: {here}")
        };
        assert_eq!(found.row.number, number, "{here}");
    }
}
