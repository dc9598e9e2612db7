//! Plans drawn from seeds.
//!
//! Times matter more than anything else: most outages last about as long as some timeout, a little
//! less or a little more, and every other fault strikes while the one before is still being dealt
//! with.

use std::time::Duration;

use takeover_actors::rt::{DRIFT_LIMIT, Rng};
use takeover_core::ha::Action;
use takeover_core::service::ServiceKind;

use super::kind::FaultKind;
use super::knobs::Knobs;
use super::plan::{Plan, Planned};
use super::undo::has_undo;
use crate::drill::{Deed, LinkDeed, MovesDeed, PowerDeed, ServiceDeed};
use crate::lab::DatabaseFault;

/// The limits that outages straddle, in seconds: keep-alive interval and timeout, critical service
/// delay, initialization timeout, re-login limits, the bounds of moves and starts, health before an
/// automatic fallback.
const LIMITS: [u64; 14] = [1, 5, 15, 30, 45, 60, 75, 90, 105, 120, 180, 300, 600, 1800];

/// Services that are worth hurting: the critical ones, SRM, and the clients' door.
const VICTIMS: [ServiceKind; 9] = [
    ServiceKind::TextConference,
    ServiceKind::TextConference,
    ServiceKind::XcpRouter,
    ServiceKind::PresenceEngine,
    ServiceKind::SipProxy,
    ServiceKind::PresenceDatastore,
    ServiceKind::RouteDatastore,
    ServiceKind::XcpConnectionManager,
    ServiceKind::XcpAuthentication,
];

/// The ports of the routers and of SRM.
const PORTS: [u16; 2] = [7400, 22001];

/// How many of the plans have a plot.
const PLOTTED: f64 = 0.5;

impl Plan {
    /// The plan of a seed: 1 to 12 faults of all kinds, and often a plot beside them, in the world of
    /// `knobs`, whose smaller knobs (talk, operator, parameters) are drawn too.
    #[must_use]
    pub fn generate(seed: u64, knobs: &Knobs) -> Self {
        let mut draw = Draw {
            rng: Rng::named(seed, "verify/plan"),
            pairs: knobs.pairs,
        };
        let knobs = draw.knobs(knobs);
        let count = 1 + draw.rng.below(12);
        let last = knobs.length.saturating_sub(Duration::from_secs(3600));
        let mut at = Duration::ZERO;
        let mut steps: Vec<Planned> = Vec::new();
        if draw.rng.chance(PLOTTED) {
            at = draw.millis(Duration::from_secs(1), last);
            steps = draw.plot(at);
        }
        for _ in 0..count {
            at = match !steps.is_empty() && draw.rng.chance(0.5) {
                true => at + draw.outage(),
                false => draw.millis(Duration::from_secs(1), last),
            };
            let step = draw.step(at);
            steps.push(step);
        }
        steps.sort_by_key(|step| step.at);
        let mut knobs = knobs;
        // By a chance of its own: how far off the clients are changes nothing of what is done.
        knobs.distance = distance(&mut Rng::named(seed, "verify/distance"));
        Self { seed, knobs, steps }
    }
}

/// Half of the worlds have their clients at the door; in the others words are under way for some time, so
/// that faults find them there.
fn distance(rng: &mut Rng) -> Duration {
    let far = [5, 50, 400, 2000];
    match rng.chance(0.5) {
        true => Duration::ZERO,
        false => Duration::from_millis(far[rng.below(far.len() as u64) as usize]),
    }
}

pub(super) struct Draw {
    pub(super) rng: Rng,
    pairs: u8,
}

impl Draw {
    pub(super) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.rng.below(all.len() as u64) as usize].clone()
    }

    /// A time to the millisecond, so that it is exact in a plan's text.
    pub(super) fn millis(&mut self, low: Duration, high: Duration) -> Duration {
        let span = self.rng.between(low, high);
        Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }

    /// About as long as some limit; now and then any time up to some minutes.
    fn outage(&mut self) -> Duration {
        if self.rng.chance(0.2) {
            return self.millis(Duration::from_millis(1), Duration::from_secs(240));
        }
        let limit = Duration::from_secs(self.one_of(&LIMITS));
        let off = Duration::from_secs(3);
        match self.rng.below(4) {
            0 => limit,
            _ => self.millis(limit.saturating_sub(off), limit + off),
        }
        .max(Duration::from_millis(1))
    }

    fn knobs(&mut self, base: &Knobs) -> Knobs {
        let seconds =
            |draw: &mut Self, low, high| Duration::from_secs(low + draw.rng.below(high - low + 1));
        let mut knobs = base.clone();
        knobs.every = base.every.mul_f64(0.5 + self.rng.below(4) as f64 * 0.5);
        knobs.after = seconds(self, 300, 1200);
        knobs.away = self.rng.below(base.away * 2 + 1);
        knobs.operator = seconds(self, 60, 2400);
        let mut set = |name: &str, value: String| knobs.parameters.push((name.to_owned(), value));
        if self.rng.chance(0.25) {
            set("Enable Automatic Fallback", "true".to_owned());
        }
        if self.rng.chance(0.1) {
            set("Enable Multiple Device Messaging", "true".to_owned());
        }
        if self.rng.chance(0.15) {
            let on = "true".to_owned();
            set("Enable XCP Authentication Service Monitoring", on);
        }
        if self.rng.chance(0.15) {
            let delay = 1 + self.rng.below(180);
            set("Critical Service Down Delay", delay.to_string());
        }
        if self.rng.chance(0.1) {
            set("Peer Detection", "connect-timeout".to_owned());
        }
        if self.rng.chance(0.3) {
            let (lower, more) = (1 + self.rng.below(60), self.rng.below(120));
            set("Client Re-Login Lower Limit", lower.to_string());
            set("Client Re-Login Upper Limit", (lower + more).to_string());
        }
        knobs
    }

    fn step(&mut self, at: Duration) -> Planned {
        let kind = self.one_of(&FaultKind::ALL);
        let deed = self.deed(kind);
        let lasts = has_undo(&deed).then(|| self.outage());
        Planned { at, deed, lasts }
    }

    pub(super) fn pair(&mut self) -> u64 {
        1 + self.rng.below(self.pairs.into())
    }

    fn pair_name(&mut self) -> String {
        format!("pair-{}", self.pair())
    }

    fn node(&mut self) -> String {
        format!("{}{}", self.pair(), self.one_of(&["A", "B"]))
    }

    /// Two nodes: mostly those of one pair.
    fn two_nodes(&mut self) -> (String, String) {
        let pair = self.pair();
        if self.pairs > 1 && self.rng.chance(0.25) {
            let other =
                1 + (pair + self.rng.below(u64::from(self.pairs) - 1)) % u64::from(self.pairs);
            let of = |draw: &mut Self, pair| format!("{pair}{}", draw.one_of(&["A", "B"]));
            return (of(self, pair), of(self, other));
        }
        let (first, second) = self.one_of(&[("A", "B"), ("B", "A")]);
        (format!("{pair}{first}"), format!("{pair}{second}"))
    }

    fn linked(&mut self, deed: LinkDeed) -> Deed {
        let (from, to) = self.two_nodes();
        Deed::Link(deed, from, to)
    }

    fn serviced(&mut self, deed: ServiceDeed, kind: ServiceKind) -> Deed {
        Deed::Service(deed, kind, self.node())
    }

    fn deed(&mut self, kind: FaultKind) -> Deed {
        match kind {
            FaultKind::PowerCut => Deed::Power(PowerDeed::Cut, self.node()),
            FaultKind::PowerOff => Deed::Power(PowerDeed::Off, self.node()),
            FaultKind::Reboot => Deed::Power(PowerDeed::Reboot, self.node()),
            FaultKind::ProcessKill => Deed::Power(PowerDeed::Crash, self.node()),
            FaultKind::SrmRestart
            | FaultKind::ServiceStop
            | FaultKind::ServiceFail
            | FaultKind::ServicePanic
            | FaultKind::ServiceRefuses
            | FaultKind::NodeDatabase => self.service(kind),
            FaultKind::DatabaseDown
            | FaultKind::DatabaseSlow
            | FaultKind::DatabaseFull
            | FaultKind::DatabaseForgets => self.database(kind),
            FaultKind::Dns => {
                let node = self.rng.chance(0.5).then(|| self.node());
                Deed::Dns(true, node)
            }
            FaultKind::SlowNode => {
                let lag = self.millis(Duration::from_millis(1), Duration::from_secs(2));
                Deed::Lag(self.node(), lag)
            }
            FaultKind::Clock => {
                let limit = u64::from(DRIFT_LIMIT / 2);
                let gains = self.rng.below(2 * limit + 1) as i32 - limit as i32;
                Deed::Drift(self.node(), gains)
            }
            FaultKind::Moves => {
                let deed = self.one_of(&[MovesDeed::Fail, MovesDeed::Hold]);
                Deed::Moves(deed, self.node())
            }
            FaultKind::Replication => Deed::Replication(false, self.node()),
            FaultKind::Clients => Deed::DropClients(self.node()),
            FaultKind::Admin | FaultKind::Mending => self.admin(),
            FaultKind::Cut
            | FaultKind::CutOneWay
            | FaultKind::Delay
            | FaultKind::Loss
            | FaultKind::Duplicate
            | FaultKind::Reorder
            | FaultKind::Hold
            | FaultKind::Block => self.link(kind),
        }
    }

    fn service(&mut self, kind: FaultKind) -> Deed {
        let victim = self.one_of(&VICTIMS);
        match kind {
            FaultKind::SrmRestart => {
                let deed = self.one_of(&[
                    ServiceDeed::Restart,
                    ServiceDeed::Kill,
                    ServiceDeed::Panic,
                    ServiceDeed::Stop,
                ]);
                self.serviced(deed, ServiceKind::Srm)
            }
            FaultKind::ServiceStop => {
                let deed = self.one_of(&[ServiceDeed::Stop, ServiceDeed::Restart]);
                self.serviced(deed, victim)
            }
            FaultKind::ServicePanic => self.serviced(ServiceDeed::Panic, victim),
            FaultKind::ServiceRefuses => {
                let slow = self.millis(Duration::from_secs(1), Duration::from_secs(400));
                let deed = self.one_of(&[ServiceDeed::Spoil, ServiceDeed::Slow(slow)]);
                self.serviced(deed, victim)
            }
            FaultKind::NodeDatabase => {
                let deed = self.one_of(&[ServiceDeed::Kill, ServiceDeed::Stop, ServiceDeed::Fail]);
                self.serviced(deed, ServiceKind::Database)
            }
            _ => {
                let deed = self.one_of(&[ServiceDeed::Kill, ServiceDeed::Fail]);
                self.serviced(deed, victim)
            }
        }
    }

    fn database(&mut self, kind: FaultKind) -> Deed {
        let writes = 1 + self.rng.below(5) as u32;
        let fault = match kind {
            FaultKind::DatabaseSlow => {
                let span = self.millis(Duration::from_millis(10), Duration::from_secs(5));
                DatabaseFault::Slow(span)
            }
            FaultKind::DatabaseFull => DatabaseFault::Full(true),
            FaultKind::DatabaseForgets => DatabaseFault::LoseAnswers(writes),
            _ => self.one_of(&[DatabaseFault::Down(true), DatabaseFault::Refuse(writes)]),
        };
        Deed::Database(fault, self.pair_name())
    }

    fn link(&mut self, kind: FaultKind) -> Deed {
        let percent = 1 + self.rng.below(100) as u8;
        let deed = match kind {
            FaultKind::CutOneWay => LinkDeed::CutOneWay,
            FaultKind::Delay => {
                LinkDeed::Delay(self.millis(Duration::from_millis(1), Duration::from_secs(20)))
            }
            FaultKind::Loss => LinkDeed::Lose(percent),
            FaultKind::Duplicate => LinkDeed::Double(percent),
            FaultKind::Reorder => {
                LinkDeed::Shuffle(self.millis(Duration::from_millis(1), Duration::from_secs(40)))
            }
            FaultKind::Hold => LinkDeed::Hold,
            FaultKind::Block => LinkDeed::Block(self.one_of(&PORTS)),
            _ => LinkDeed::Cut,
        };
        self.linked(deed)
    }

    fn admin(&mut self) -> Deed {
        match self.rng.below(6) {
            0 | 1 => Deed::OnNode(Action::Failover, self.node()),
            2 | 3 => Deed::OnNode(Action::Fallback, self.node()),
            4 => Deed::OnPair(Action::Recover, self.pair_name()),
            _ => Deed::OnPair(Action::DisableHa, self.pair_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_has_one_plan_and_another_seed_another() {
        let of = |seed| Plan::generate(seed, &Knobs::default()).to_string();
        assert_eq!(of(5), of(5));
        assert_ne!(of(5), of(6));
    }

    /// Whatever is drawn can be written down and read again, to the same plan.
    #[test]
    fn every_drawn_plan_has_a_text() {
        for seed in 0..300 {
            let plan = Plan::generate(seed, &Knobs::default());
            let text = plan.to_string();
            let read = Plan::parse("drawn.plan", &text);
            assert_eq!(read.as_ref(), Ok(&plan), "{text}");
        }
    }

    #[test]
    fn every_kind_of_fault_is_drawn() {
        let plans = (0..300).map(|seed| Plan::generate(seed, &Knobs::default()));
        let steps: Vec<Planned> = plans.flat_map(|plan| plan.steps).collect();
        let drawn: BTreeSet<FaultKind> = steps.iter().map(Planned::kind).collect();
        let missing: Vec<_> = FaultKind::ALL
            .into_iter()
            .filter(|kind| !drawn.contains(kind))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// Outages end a little before and a little after the limits of chapter 2.
    #[test]
    fn outages_straddle_the_limits() {
        let plans = (0..400).map(|seed| Plan::generate(seed, &Knobs::default()));
        let steps: Vec<Planned> = plans.flat_map(|plan| plan.steps).collect();
        for limit in [15, 60, 90, 120] {
            let limit = Duration::from_secs(limit);
            let near = |low: Duration, high: Duration| {
                let spans = steps.iter().filter_map(|step| step.lasts);
                spans.filter(|span| (low..high).contains(span)).count()
            };
            let off = Duration::from_secs(3);
            assert!(near(limit - off, limit) > 0 && near(limit, limit + off) > 0);
        }
    }
}
