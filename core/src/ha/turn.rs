//! A step under way: the node as it becomes, and the effects so far.

use std::time::Duration;

use super::effect::{Alarm, Cause, Effect, StateChange};
use super::event::Attempt;
use super::hear;
use super::node::HaNode;
use super::params::HaParams;
use super::peer::{Body, Epoch, Link, PeerMessage, Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::timer::Timer;

/// A step under way.
pub(super) struct Turn<'a> {
    pub(super) node: HaNode,
    pub(super) params: &'a HaParams,
    /// What the peer says in this step was said after it had heard this node's question.
    pub(super) is_answered: bool,
    asks: bool,
    before: HaNode,
    effects: Vec<Effect>,
    ended: bool,
}

/// The peer, as far as decisions go.
#[derive(Clone, Copy)]
pub(super) enum Peer {
    /// It cannot be heard, for this reason.
    Away(Reason),
    /// It is heard, and said this last.
    Here(Status),
}

impl<'a> Turn<'a> {
    pub(super) fn new(node: &HaNode, params: &'a HaParams) -> Turn<'a> {
        Turn {
            node: *node,
            params,
            is_answered: false,
            asks: false,
            before: *node,
            effects: Vec::new(),
            ended: false,
        }
    }

    /// Completes the step: what must be kept is kept first, and the peer hears what is new.
    pub(super) fn finish(mut self) -> (HaNode, Vec<Effect>) {
        if self.asks || self.node.status() != self.before.status() {
            let restart = self.effects.last() == Some(&Effect::RestartSrm);
            if restart {
                self.effects.pop();
            }
            self.send_status(self.asks);
            if self.asks {
                self.node.peer.question = self.node.sent;
            }
            if restart {
                self.effects.push(Effect::RestartSrm);
            }
        }
        let record = self.node.record();
        if record != self.before.record() {
            self.effects.insert(0, Effect::Persist(record));
        }
        (self.node, self.effects)
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn raise(&mut self, alarm: Alarm) {
        self.push(Effect::Raise(alarm));
    }

    pub(super) fn arm(&mut self, timer: Timer, after: Duration) {
        self.node.timers = self.node.timers.with(timer);
        self.push(Effect::Arm(timer, after));
    }

    pub(super) fn disarm(&mut self, timer: Timer) {
        if self.node.timers.contains(timer) {
            self.node.timers = self.node.timers.without(timer);
            self.push(Effect::Disarm(timer));
        }
    }

    pub(super) fn send(&mut self, body: Body, ask: bool) {
        self.node.sent = self.node.sent.saturating_add(1);
        let message = PeerMessage {
            from: self.node.incarnation,
            to: self.node.peer.incarnation,
            seq: self.node.sent,
            heard: self.node.peer.seq,
            ask,
            body,
        };
        self.push(Effect::SendPeer(message));
    }

    /// Tells the peer the status as it is now. A status that is told again at the end of the step, because
    /// it changed meanwhile, has a later number.
    pub(super) fn send_status(&mut self, ask: bool) {
        self.send(Body::Status(self.node.status()), ask);
    }

    /// Asks the peer at the end of the step, unless an answer is awaited already.
    pub(super) fn ask(&mut self) {
        self.asks = self.node.peer.question == 0;
    }

    /// The next number for a piece of work.
    pub(super) fn next_attempt(&mut self) -> Attempt {
        self.node.attempt = Attempt(self.node.attempt.0.wrapping_add(1));
        self.node.attempt
    }

    pub(super) fn peer(&self) -> Peer {
        match (self.node.peer.link, self.node.peer.status) {
            (Link::Alive, Some(status)) => Peer::Here(status),
            (Link::Gone, _) => Peer::Away(Reason::PeerReboot),
            (Link::Unseen, _) => Peer::Away(Reason::PeerDownDuringInitialization),
            (Link::Alive | Link::Silent, _) => Peer::Away(Reason::PeerDown),
        }
    }

    /// Whether the peer could not be heard when the step began.
    pub(super) fn was_peer_away(&self) -> bool {
        self.before.peer.link != Link::Alive
    }

    /// The epoch of a move that is done now.
    pub(super) fn new_epoch(&self) -> Epoch {
        self.latest_epoch().next()
    }

    /// The latest epoch either node is known to know.
    pub(super) fn latest_epoch(&self) -> Epoch {
        let heard = self
            .node
            .peer
            .status
            .map_or(Epoch(0), |status| status.epoch);
        self.node.epoch.max(heard)
    }

    /// Changes state, reason and phase: records it, bounds it by a timer, watches the services or not.
    pub(super) fn go(&mut self, state: State, reason: Reason, phase: Phase, cause: Cause) {
        let from = self.node.state;
        if (state, reason) != (from, self.node.reason) {
            self.push(Effect::Record(StateChange {
                from,
                to: state,
                reason,
                cause,
            }));
        }
        if state == State::FailedMode && from != State::FailedMode {
            self.raise(Alarm::FailedMode(reason));
        }
        self.abandon_work(state, phase);
        self.node.state = state;
        self.node.reason = reason;
        self.node.phase = phase;
        if state != State::Initializing {
            self.node.resume = State::Normal;
            self.node.resume_reason = Reason::Normal;
            self.node.services_known = false;
            self.node.recovering = false;
        }
        if from == State::Initializing && state != State::Initializing {
            hear::started(self);
        }
        if state != State::FailedOver {
            self.disarm(Timer::AutoFallback);
        }
        self.bound();
        self.watch();
    }

    /// Work that is under way when the node turns to something else is abandoned. If it moves users, it may
    /// have moved some: that counts as a move, so that the peer makes sure of its own.
    fn abandon_work(&mut self, state: State, phase: Phase) {
        let stays = (state, phase) == (self.node.state, self.node.phase);
        let under_way = self.node.phase.is_work() && !self.ended;
        self.ended = false;
        if stays || !under_way {
            return;
        }
        self.push(Effect::AbandonWork);
        if self.node.phase == Phase::Claiming {
            self.node.epoch = self.new_epoch();
        }
    }

    /// The piece of work under way has ended by itself.
    pub(super) fn work_ended(&mut self) {
        self.ended = true;
    }

    /// HA-14: every transition has its timer, and each of its steps starts it anew.
    fn bound(&mut self) {
        match self.bound_of() {
            Some(after) => self.arm(Timer::Transition, after),
            None => self.disarm(Timer::Transition),
        }
    }

    /// How long the present step may take. Whoever waits for the peer's work waits longer than the peer
    /// may take for it, so that the one who works notices first.
    fn bound_of(&self) -> Option<Duration> {
        let params = self.params;
        match (self.node.state, self.node.phase) {
            (State::Initializing, Phase::Claiming) => Some(params.move_timeout),
            (State::Initializing, _) => Some(params.initialization_timeout),
            (State::TakingBack, Phase::Starting) => Some(params.start_timeout),
            (State::Backup | State::Normal, Phase::Claiming) => Some(params.move_timeout),
            (State::FallingBack, Phase::Waiting) => {
                Some(params.start_timeout + params.move_timeout)
            }
            (State::FailingOver, Phase::Released)
            | (State::TakingOver | State::TakingBack, Phase::Waiting)
            | (State::FallingBack, Phase::HandedBack) => Some(params.move_timeout * 2),
            (
                State::TakingOver | State::FailingOver | State::FallingBack | State::TakingBack,
                _,
            ) => Some(params.move_timeout),
            (
                State::Idle
                | State::Normal
                | State::Backup
                | State::FailedOver
                | State::FailedOverDown
                | State::FailedMode
                | State::Unknown,
                _,
            ) => None,
        }
    }

    /// HA-2: while the node serves users, a critical service that is down has the delay to come back.
    pub(super) fn watch(&mut self) {
        let starting = self.node.phase == Phase::Starting;
        let serves = serves(self.node.state) && !starting;
        if !serves || self.node.health.down.is_empty() {
            self.disarm(Timer::ServiceDelay);
            self.node.health.overdue = false;
        } else if !self.node.health.overdue && !self.node.timers.contains(Timer::ServiceDelay) {
            self.arm(Timer::ServiceDelay, self.params.critical_service_delay);
        }
    }
}

/// Whether a node in this state has users whose service it must watch.
fn serves(state: State) -> bool {
    match state {
        State::Normal
        | State::Backup
        | State::TakingOver
        | State::FallingBack
        | State::TakingBack => true,
        State::Initializing
        | State::Idle
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FailedMode
        | State::Unknown => false,
    }
}
