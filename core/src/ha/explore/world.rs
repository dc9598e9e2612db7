//! The world of a pair: two nodes and what surrounds them.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::super::effect::{Cause, Effect, StateChange};
use super::super::event::Event;
use super::super::health::{Health, ServiceSet};
use super::super::node::{BootKind, HaNode, HaRecord};
use super::super::params::HaParams;
use super::super::peer::PeerMessage;
use super::super::state::State;
use super::planted::Planted;
use crate::service::ServiceKind;

/// The one critical service of the world.
pub(super) const SERVICE: ServiceKind = ServiceKind::XcpRouter;

/// How many messages to one node may be on their way; with more, the oldest is lost.
const ON_THE_WAY: usize = 3;

/// What runs of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Power {
    /// Nothing.
    Off,
    /// Everything but SRM.
    SrmDown,
    /// Everything.
    Up,
}

/// The piece of work on users that a node is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// None.
    None,
    /// `ReleaseUsers`.
    Release,
    /// `TakeOverUsers`.
    TakeOver,
    /// `HandBackUsers`.
    HandBack,
    /// `TakeBackUsers`.
    TakeBack,
}

/// One node of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Side {
    /// What runs of it.
    pub power: Power,
    /// Its SRM; of no meaning while SRM does not run.
    pub node: HaNode,
    /// What its SRM has kept.
    pub record: HaRecord,
    /// Whether its critical service is down.
    pub service_down: bool,
    /// Whether its database is down.
    pub database_down: bool,
    /// What it is at.
    pub work: Work,
    /// Whether its critical services are being started.
    pub starting: bool,
}

/// Messages on their way to one node, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Queue {
    pub(super) messages: [Option<PeerMessage>; ON_THE_WAY],
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.messages[0].is_none()
    }

    pub(super) fn clear(&mut self) {
        self.messages = [None; ON_THE_WAY];
    }

    pub(super) fn pop(&mut self) -> Option<PeerMessage> {
        let first = self.messages[0].take();
        self.messages.rotate_left(1);
        first
    }

    /// Whether the last message says the same to a receiver with this question: then sending it again makes no
    /// difference.
    fn ends_with(&self, message: &PeerMessage, question: u32) -> bool {
        let last = self.messages.iter().rev().find_map(Option::as_ref);
        let said = |message: &PeerMessage| {
            let answers = message.heard >= question;
            (message.from, message.to, message.ask, message.body, answers)
        };
        last.is_some_and(|last| said(last) == said(message))
    }

    fn push(&mut self, message: PeerMessage) {
        if self.messages[ON_THE_WAY - 1].is_some() {
            self.pop();
        }
        if let Some(free) = self.messages.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(message);
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut PeerMessage> {
        self.messages.iter_mut().flatten()
    }
}

/// The world of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The two nodes; the first one is the first of the group.
    pub sides: [Side; 2],
    /// Who owns the users whose home is each node.
    pub owner: [u8; 2],
    /// Whether the link is cut.
    pub cut: bool,
    /// Messages on their way to each node.
    pub(super) queues: [Queue; 2],
    /// How many faults may still happen.
    pub faults_left: u8,
}

/// What is explored: the parameters, and a bug if one is planted.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) params: HaParams,
    pub(super) planted: Option<Planted>,
    /// Whether people may also act while messages and work are still going on.
    pub(super) prompt: bool,
}

/// From a state to another, and what made it change.
pub type Edge = (State, State, Cause);

/// The rule that drives the world; it remembers the changes of state that it has led to.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) plan: Plan,
    edges: RefCell<BTreeSet<Edge>>,
}

impl Rule {
    /// A rule that has not been used yet.
    pub(super) fn of(plan: &Plan) -> Rule {
        Rule {
            plan: plan.clone(),
            edges: RefCell::new(BTreeSet::new()),
        }
    }

    fn note(&self, change: StateChange) {
        if change.from != change.to {
            let edge = (change.from, change.to, change.cause);
            self.edges.borrow_mut().insert(edge);
        }
    }

    /// The changes that it has led to.
    pub(super) fn into_edges(self) -> BTreeSet<Edge> {
        self.edges.into_inner()
    }
}

impl World {
    /// Two nodes whose SRMs start for the first time.
    pub(super) fn starting(rule: &Rule, faults: u8) -> World {
        let record = HaRecord::fresh(true);
        let params = &rule.plan.params;
        let side = |first| {
            let (node, effects) =
                HaNode::boot(&record, first, BootKind::SrmRestart, Health::GOOD, params);
            let side = Side {
                power: Power::Up,
                node,
                record: node.record(),
                service_down: false,
                database_down: false,
                work: Work::None,
                starting: false,
            };
            (side, effects)
        };
        let [(one, effects_one), (two, effects_two)] = [side(true), side(false)];
        let mut world = World {
            sides: [one, two],
            owner: [0, 1],
            cut: false,
            queues: [Queue::default(); 2],
            faults_left: faults,
        };
        world.carry_out(0, effects_one, rule);
        world.carry_out(1, effects_two, rule);
        world
    }

    /// Whether a message of this node can reach its peer's SRM.
    pub(super) fn reaches_peer(&self, i: usize) -> bool {
        !self.cut && self.sides[i].power == Power::Up && self.sides[1 - i].power == Power::Up
    }

    /// Gives an event to a node's SRM, if it runs.
    pub(super) fn tell(&mut self, i: usize, event: Event, rule: &Rule) {
        if self.sides[i].power != Power::Up {
            return;
        }
        let (node, effects) = rule.step(&self.sides[i].node, event);
        self.sides[i].node = node;
        self.carry_out(i, effects, rule);
        debug_assert!(
            rule.plan.planted.is_some() || self.sides[i].record == self.sides[i].node.record(),
            "HA-12: what must survive is kept"
        );
    }

    fn carry_out(&mut self, i: usize, effects: Vec<Effect>, rule: &Rule) {
        let stops = effects.contains(&Effect::StopCriticalServices);
        for effect in effects {
            match effect {
                Effect::Persist(record) => self.sides[i].record = record,
                Effect::SendPeer(message) => self.send(i, message),
                Effect::StartCriticalServices => self.sides[i].starting = true,
                Effect::StopCriticalServices => self.sides[i].starting = false,
                Effect::ReleaseUsers(_) => self.sides[i].work = Work::Release,
                Effect::TakeOverUsers { .. } => self.sides[i].work = Work::TakeOver,
                Effect::HandBackUsers(_) => self.sides[i].work = Work::HandBack,
                Effect::TakeBackUsers { .. } => self.sides[i].work = Work::TakeBack,
                Effect::AbandonWork => self.sides[i].work = Work::None,
                Effect::RestartSrm => self.boot(i, BootKind::SrmRestart, rule),
                Effect::Record(change) => rule.note(change),
                Effect::Arm(..)
                | Effect::Disarm(_)
                | Effect::Raise(_)
                | Effect::DropStale(_)
                | Effect::Refuse(_) => {}
            }
        }
        // What the effects bring about comes after them.
        if stops {
            self.service_down(i, rule);
        }
    }

    fn send(&mut self, i: usize, message: PeerMessage) {
        let question = self.sides[1 - i].node.peer.question;
        if self.reaches_peer(i) && self.queues[1 - i].ends_with(&message, question) {
            let node = &mut self.sides[i].node;
            node.sent -= 1;
            node.peer.question = node.peer.question.min(node.sent);
        } else if self.reaches_peer(i) {
            self.queues[1 - i].push(message);
        }
    }

    /// The critical service of a node stops.
    pub(super) fn service_down(&mut self, i: usize, rule: &Rule) {
        self.sides[i].service_down = true;
        self.tell(i, Event::ServiceDown(SERVICE), rule);
    }

    /// The critical service of a node is up.
    pub(super) fn service_up(&mut self, i: usize, rule: &Rule) {
        self.sides[i].service_down = false;
        self.tell(i, Event::ServiceUp(SERVICE), rule);
    }

    /// Starts SRM from its record.
    pub(super) fn boot(&mut self, i: usize, kind: BootKind, rule: &Rule) {
        let side = &mut self.sides[i];
        side.power = Power::Up;
        side.work = Work::None;
        side.starting = false;
        let down = if side.service_down {
            ServiceSet::EMPTY.with(SERVICE)
        } else {
            ServiceSet::EMPTY
        };
        let health = Health {
            down,
            database_down: side.database_down,
            ..Health::GOOD
        };
        let (node, effects) = HaNode::boot(&side.record, i == 0, kind, health, &rule.plan.params);
        side.node = node;
        self.carry_out(i, effects, rule);
    }

    /// Ends SRM. What it was at ends with it, done or not.
    pub(super) fn end_srm(&mut self, i: usize, power: Power) {
        let side = &mut self.sides[i];
        side.power = power;
        side.work = Work::None;
        side.starting = false;
        if power == Power::Off {
            side.service_down = true;
        }
    }

    /// The piece of work that a node is at has its effect on the owners.
    pub(super) fn apply_work(&mut self, i: usize) {
        match self.sides[i].work {
            Work::TakeOver => self.owner = [i as u8, i as u8],
            Work::TakeBack => self.owner[i] = i as u8,
            Work::Release => self.owner = [1 - i as u8; 2],
            Work::HandBack => self.owner[1 - i] = 1 - i as u8,
            Work::None => {}
        }
    }
}
