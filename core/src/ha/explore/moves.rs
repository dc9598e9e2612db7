//! What can happen next in a world.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::admin;
use super::super::event::{Action, Event};
use super::super::node::BootKind;
use super::super::peer::Link;
use super::super::reason::Reason;
use super::super::state::State;
use super::super::timer::Timer;
use super::world::{Power, Queue, Rule, SERVICE, Work, World};

/// One of the two nodes.
pub type Node = u8;

/// The class of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It happens by itself.
    Step,
    /// Somebody repairs something.
    Repair,
    /// An operator does what the table recommends.
    Operator,
    /// It costs one of the faults.
    Fault,
}

/// Something that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Move {
    /// The next message arrives at the node.
    Deliver(Node),
    /// A keep-alive of the node gets through to its peer.
    KeepAlive(Node),
    /// The node's work on users is done.
    WorkDone(Node),
    /// The node's critical services are up.
    ServicesStarted(Node),
    /// A timer of the node expires.
    Expire(Node, Timer),
    /// The node's power comes back.
    PowerOn(Node),
    /// The node's SRM is started.
    StartSrm(Node),
    /// The node's critical service is started.
    StartService(Node),
    /// The node's database is started.
    StartDatabase(Node),
    /// The link heals.
    Heal,
    /// An operator falls back to the node.
    Fallback(Node),
    /// An operator recovers the group.
    Recover,
    /// An operator switches HA on.
    EnableHa,
    /// The node's power is cut.
    Crash(Node),
    /// The node's power is cut when its work on users is done and nobody has heard of it.
    CrashAfterWork(Node),
    /// The node is shut down in order.
    Shutdown(Node),
    /// The node's SRM dies.
    KillSrm(Node),
    /// The node's critical service fails.
    FailService(Node),
    /// The node's database fails.
    FailDatabase(Node),
    /// The link is cut; what was on its way is lost.
    Cut,
    /// The next message to the node is lost.
    Lose(Node),
    /// The node's work on users fails.
    FailWork(Node),
    /// The node's critical services do not start.
    FailStart(Node),
    /// The node's work on users, or the start of its services, never ends and never reports.
    Hang(Node),
    /// A step of the node's transition takes too long.
    Slow(Node),
    /// The node hears nothing of its peer for the timeout, although it is there.
    FalseSilence(Node),
    /// An administrator fails the node over.
    Failover(Node),
    /// An administrator switches HA off.
    DisableHa,
}

impl Move {
    /// Two bytes that tell it from every other move.
    #[must_use]
    pub(super) const fn code(self) -> [u8; 2] {
        match self {
            Move::Deliver(i) => [0, i],
            Move::KeepAlive(i) => [1, i],
            Move::WorkDone(i) => [2, i],
            Move::ServicesStarted(i) => [3, i],
            Move::Expire(i, timer) => [4 + timer as u8, i],
            Move::PowerOn(i) => [16, i],
            Move::StartSrm(i) => [17, i],
            Move::StartService(i) => [18, i],
            Move::StartDatabase(i) => [19, i],
            Move::Heal => [20, 0],
            Move::Fallback(i) => [21, i],
            Move::Recover => [22, 0],
            Move::EnableHa => [23, 0],
            Move::Crash(i) => [24, i],
            Move::CrashAfterWork(i) => [25, i],
            Move::Shutdown(i) => [26, i],
            Move::KillSrm(i) => [27, i],
            Move::FailService(i) => [28, i],
            Move::FailDatabase(i) => [29, i],
            Move::Cut => [30, 0],
            Move::Lose(i) => [31, i],
            Move::FailWork(i) => [32, i],
            Move::FailStart(i) => [33, i],
            Move::Slow(i) => [34, i],
            Move::FalseSilence(i) => [35, i],
            Move::Failover(i) => [36, i],
            Move::DisableHa => [37, 0],
            Move::Hang(i) => [38, i],
        }
    }

    /// Its class; a timer's expiry is a step.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Move::Deliver(_)
            | Move::KeepAlive(_)
            | Move::WorkDone(_)
            | Move::ServicesStarted(_)
            | Move::Expire(..) => Class::Step,
            Move::PowerOn(_)
            | Move::StartSrm(_)
            | Move::StartService(_)
            | Move::StartDatabase(_)
            | Move::Heal => Class::Repair,
            Move::Fallback(_) | Move::Recover | Move::EnableHa => Class::Operator,
            Move::Crash(_)
            | Move::CrashAfterWork(_)
            | Move::Shutdown(_)
            | Move::KillSrm(_)
            | Move::FailService(_)
            | Move::FailDatabase(_)
            | Move::Cut
            | Move::Lose(_)
            | Move::FailWork(_)
            | Move::FailStart(_)
            | Move::Hang(_)
            | Move::Slow(_)
            | Move::FalseSilence(_)
            | Move::Failover(_)
            | Move::DisableHa => Class::Fault,
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A list of moves, reused.
pub(super) type Moves = Vec<Move>;

impl World {
    /// Everything that can happen next, in a fixed order.
    pub(super) fn moves(&self, moves: &mut Moves, rule: &Rule) {
        moves.clear();
        for i in 0..2 {
            self.quick_steps(i, moves);
        }
        let quiet = moves.is_empty();
        if quiet {
            // Messages and work are fast, timers are slow.
            (0..2).for_each(|i| self.expiries(i, moves));
        }
        if quiet || rule.plan.prompt {
            (0..2).for_each(|i| self.repairs(i, moves));
            self.operator(moves);
        }
        if self.faults_left > 0 {
            (0..2).for_each(|i| self.faults(i, moves));
            self.common_faults(moves);
        }
    }

    /// Whether the world stays as it is, if nobody does anything.
    pub(super) fn is_at_rest(&self, scratch: &mut Moves) -> bool {
        scratch.clear();
        for i in 0..2 {
            self.quick_steps(i, scratch);
            self.expiries(i, scratch);
        }
        scratch.is_empty()
    }

    fn quick_steps(&self, i: usize, moves: &mut Moves) {
        let (side, node) = (&self.sides[i], i as Node);
        if side.power != Power::Up {
            return;
        }
        if !self.queues[i].is_empty() {
            moves.push(Move::Deliver(node));
        }
        // Messages are fast, keep-alives are not.
        if self.queues.iter().all(Queue::is_empty) && self.peer_is_behind(i) {
            moves.push(Move::KeepAlive(node));
        }
        if side.work != Work::None {
            moves.push(Move::WorkDone(node));
        }
        if side.starting {
            moves.push(Move::ServicesStarted(node));
        }
    }

    /// Whether a keep-alive of the node would tell its peer anything new, or asks it for an answer.
    fn peer_is_behind(&self, i: usize) -> bool {
        let (own, peer) = (&self.sides[i].node, &self.sides[1 - i].node.peer);
        self.reaches_peer(i)
            && own.timers.contains(Timer::Heartbeat)
            && (own.peer.link != Link::Alive
                || peer.link != Link::Alive
                || peer.incarnation != own.incarnation
                || peer.status != Some(own.status())
                || peer.seq < own.peer.question
                || self.has_heard_a_question(i))
    }

    /// Whether the peer has asked the node, which has heard it, and its answer was lost.
    fn has_heard_a_question(&self, i: usize) -> bool {
        let (own, peer) = (&self.sides[i].node, &self.sides[1 - i].node);
        (1..=own.peer.seq).contains(&peer.peer.question) && own.peer.incarnation == peer.incarnation
    }

    fn expiries(&self, i: usize, moves: &mut Moves) {
        let side = &self.sides[i];
        if side.power != Power::Up {
            return;
        }
        for timer in side.node.timers.iter() {
            let may = match timer {
                Timer::Heartbeat => false,
                Timer::PeerSilence => !self.reaches_peer(1 - i),
                Timer::ServiceDelay | Timer::Transition | Timer::AutoFallback => true,
            };
            if may {
                moves.push(Move::Expire(i as Node, timer));
            }
        }
    }

    fn repairs(&self, i: usize, moves: &mut Moves) {
        let (side, node) = (&self.sides[i], i as Node);
        match side.power {
            Power::Off => moves.push(Move::PowerOn(node)),
            Power::SrmDown => moves.push(Move::StartSrm(node)),
            Power::Up => {
                if side.service_down && !side.starting && !self.is_stopped_by_hand(i) {
                    moves.push(Move::StartService(node));
                }
            }
        }
        if side.power != Power::Off && side.database_down {
            moves.push(Move::StartDatabase(node));
        }
        if i == 0 && self.cut {
            moves.push(Move::Heal);
        }
    }

    /// HA-4: the services of such a node are down by order.
    fn is_stopped_by_hand(&self, i: usize) -> bool {
        let node = &self.sides[i].node;
        node.state == State::Idle
            || (node.state == State::FailingOver && node.reason == Reason::AdminRequest)
    }

    fn offers(&self, i: usize, action: Action) -> bool {
        let side = &self.sides[i];
        side.power == Power::Up
            && admin::allowed(side.node.state, side.node.enabled).contains(&action)
    }

    fn operator(&self, moves: &mut Moves) {
        for i in 0..2 {
            if self.offers(i, Action::Fallback) {
                moves.push(Move::Fallback(i as Node));
            }
        }
        if (0..2).any(|i| self.offers(i, Action::Recover) && !self.sides[i].node.recovering) {
            moves.push(Move::Recover);
        }
        if (0..2).any(|i| self.offers(i, Action::EnableHa)) {
            moves.push(Move::EnableHa);
        }
    }

    fn faults(&self, i: usize, moves: &mut Moves) {
        let (side, node) = (&self.sides[i], i as Node);
        if side.power == Power::Off {
            return;
        }
        moves.push(Move::Crash(node));
        if !side.service_down {
            moves.push(Move::FailService(node));
        }
        if !side.database_down {
            moves.push(Move::FailDatabase(node));
        }
        if side.power != Power::Up {
            return;
        }
        moves.push(Move::Shutdown(node));
        moves.push(Move::KillSrm(node));
        if !self.queues[i].is_empty() {
            moves.push(Move::Lose(node));
        }
        if side.work != Work::None {
            moves.push(Move::CrashAfterWork(node));
            moves.push(Move::FailWork(node));
        }
        if side.starting {
            moves.push(Move::FailStart(node));
        }
        if side.starting || side.work != Work::None {
            moves.push(Move::Hang(node));
        }
        if side.node.timers.contains(Timer::Transition) {
            moves.push(Move::Slow(node));
        }
        if side.node.timers.contains(Timer::PeerSilence) && self.reaches_peer(1 - i) {
            moves.push(Move::FalseSilence(node));
        }
        if self.offers(i, Action::Failover) {
            moves.push(Move::Failover(node));
        }
    }

    fn common_faults(&self, moves: &mut Moves) {
        if !self.cut {
            moves.push(Move::Cut);
        }
        if (0..2).any(|i| self.offers(i, Action::DisableHa)) {
            moves.push(Move::DisableHa);
        }
    }

    /// The world after a move.
    pub(super) fn after(mut self, a_move: Move, rule: &Rule) -> World {
        if a_move.class() == Class::Fault {
            self.faults_left -= 1;
        }
        match a_move {
            Move::Deliver(i) => self.deliver(i.into(), rule),
            Move::KeepAlive(i) => self.tell(i.into(), Event::Expired(Timer::Heartbeat), rule),
            Move::WorkDone(i) => self.end_work(i.into(), true, rule),
            Move::FailWork(i) => self.end_work(i.into(), false, rule),
            Move::ServicesStarted(i) => self.services_started(i.into(), rule),
            Move::FailStart(i) => self.start_failed(i.into(), rule),
            Move::Expire(i, timer) => self.tell(i.into(), Event::Expired(timer), rule),
            Move::Hang(i) => self.hang(i.into()),
            Move::Slow(i) => self.tell(i.into(), Event::Expired(Timer::Transition), rule),
            Move::FalseSilence(i) => self.tell(i.into(), Event::Expired(Timer::PeerSilence), rule),
            Move::PowerOn(i) => self.boot(i.into(), BootKind::NodeBoot, rule),
            Move::StartSrm(i) => self.boot(i.into(), BootKind::SrmRestart, rule),
            Move::StartService(i) => self.service_up(i.into(), rule),
            Move::FailService(i) => self.service_down(i.into(), rule),
            Move::StartDatabase(i) => self.database(i.into(), true, rule),
            Move::FailDatabase(i) => self.database(i.into(), false, rule),
            Move::Heal => self.cut = false,
            Move::Cut => self.cut_link(),
            Move::Lose(i) => drop(self.queues[usize::from(i)].pop()),
            Move::Fallback(i) => self.tell(i.into(), Event::Admin(Action::Fallback), rule),
            Move::Failover(i) => self.tell(i.into(), Event::Admin(Action::Failover), rule),
            Move::Recover => self.tell_both(Action::Recover, rule),
            Move::EnableHa => self.tell_both(Action::EnableHa, rule),
            Move::DisableHa => self.tell_both(Action::DisableHa, rule),
            Move::Crash(i) => self.end_srm(i.into(), Power::Off),
            Move::KillSrm(i) => self.end_srm(i.into(), Power::SrmDown),
            Move::CrashAfterWork(i) => {
                self.apply_work(i.into());
                self.end_srm(i.into(), Power::Off);
            }
            Move::Shutdown(i) => {
                self.tell(i.into(), Event::Shutdown, rule);
                self.end_srm(i.into(), Power::Off);
            }
        }
        self.canonical()
    }

    fn deliver(&mut self, i: usize, rule: &Rule) {
        if let Some(message) = self.queues[i].pop() {
            self.tell(i, Event::Peer(message), rule);
        }
    }

    fn tell_both(&mut self, action: Action, rule: &Rule) {
        for i in 0..2 {
            if self.offers(i, action) {
                self.tell(i, Event::Admin(action), rule);
            }
        }
    }

    fn database(&mut self, i: usize, up: bool, rule: &Rule) {
        self.sides[i].database_down = !up;
        self.tell(
            i,
            if up {
                Event::DatabaseUp
            } else {
                Event::DatabaseDown
            },
            rule,
        );
    }

    fn cut_link(&mut self) {
        self.cut = true;
        self.queues.iter_mut().for_each(Queue::clear);
    }

    fn end_work(&mut self, i: usize, well: bool, rule: &Rule) {
        if well {
            self.apply_work(i);
        }
        let work = std::mem::replace(&mut self.sides[i].work, Work::None);
        let attempt = self.sides[i].node.attempt;
        let event = match (work, well) {
            (Work::None, _) => return,
            (Work::Release, true) => Event::UsersReleased(attempt),
            (Work::Release, false) => Event::UsersReleaseFailed(attempt),
            (Work::TakeOver, true) => Event::UsersTaken(attempt),
            (Work::TakeOver, false) => Event::UsersTakeFailed(attempt),
            (Work::HandBack, true) => Event::UsersHandedBack(attempt),
            (Work::HandBack, false) => Event::UsersHandBackFailed(attempt),
            (Work::TakeBack, true) => Event::UsersTakenBack(attempt),
            (Work::TakeBack, false) => Event::UsersTakeBackFailed(attempt),
        };
        self.tell(i, event, rule);
    }

    fn hang(&mut self, i: usize) {
        self.sides[i].work = Work::None;
        self.sides[i].starting = false;
    }

    fn services_started(&mut self, i: usize, rule: &Rule) {
        self.sides[i].starting = false;
        self.sides[i].service_down = false;
        self.tell(i, Event::ServicesStarted, rule);
    }

    fn start_failed(&mut self, i: usize, rule: &Rule) {
        self.sides[i].starting = false;
        self.sides[i].service_down = true;
        self.tell(i, Event::ServicesStartFailed(Some(SERVICE)), rule);
    }
}
