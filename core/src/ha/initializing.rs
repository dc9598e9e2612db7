//! `Initializing`: SRM has started, and resumes what the node did (HA-7, HA-9, HA-12).
//!
//! The node tells its peer what it will resume, hears what the peer does, and settles. Where both start,
//! each takes the state that the other will resume for its state.

use super::effect::{Cause, Effect};
use super::node::{BootKind, HaNode, HaRecord};
use super::params::HaParams;
use super::peer::{Link, PeerView, Phase, Status};
use super::reason::Reason;
use super::settle::settle;
use super::state::State;
use super::timer::{Timer, TimerSet};
use super::turn::{Peer, Turn};
use super::{Attempt, Health, hear, services, work};

impl HaNode {
    /// The start of a life: from the record of the last one, with what is known of the services now.
    ///
    /// `first`: whether the node is the first of its group; exactly one of the two is. After
    /// [`BootKind::NodeBoot`] give a `health` with every critical service down that is not up yet.
    ///
    /// The effects are to be carried out as those of [`super::step`].
    #[must_use]
    pub fn boot(
        record: &HaRecord,
        first: bool,
        kind: BootKind,
        health: Health,
        params: &HaParams,
    ) -> (HaNode, Vec<Effect>) {
        let last = resting(record, first, health);
        let mut turn = Turn::new(&last, params);
        turn.node.incarnation = record.incarnation.next();
        if record.enabled {
            turn.node.recovering = record.recovering;
            begin(&mut turn, record.state, record.reason, Cause::Resumed);
            turn.node.services_known = kind == BootKind::SrmRestart && !record.recovering;
            start_services(&mut turn, kind);
            resume_idle(&mut turn);
        } else {
            turn.arm(Timer::Heartbeat, params.detection.interval());
            turn.send_status(true);
        }
        turn.finish()
    }
}

impl HaNode {
    /// A node that does not run, as its last life left it.
    pub(super) fn dead(record: &HaRecord, first: bool) -> HaNode {
        resting(record, first, Health::GOOD)
    }
}

/// The node as its last life left it.
fn resting(record: &HaRecord, first: bool, health: Health) -> HaNode {
    HaNode {
        state: record.state,
        reason: record.reason,
        phase: Phase::Rest,
        epoch: record.epoch,
        incarnation: record.incarnation,
        sent: 0,
        attempt: Attempt(0),
        first,
        enabled: record.enabled,
        resume: State::Normal,
        resume_reason: Reason::Normal,
        recovering: false,
        services_known: false,
        health: Health {
            overdue: false,
            first_down: health.down.iter().next(),
            ..health
        },
        peer: PeerView {
            incarnation: record.peer_incarnation,
            ..PeerView::default()
        },
        timers: TimerSet::EMPTY,
    }
}

/// Goes to `Initializing`, to resume a state later.
pub(super) fn begin(turn: &mut Turn<'_>, resume: State, reason: Reason, cause: Cause) {
    hear::out_of_sight(turn, Link::Unseen);
    turn.disarm(Timer::PeerSilence);
    turn.go(
        State::Initializing,
        Reason::Initialization,
        Phase::Rest,
        cause,
    );
    turn.node.resume = resume;
    turn.node.resume_reason = reason;
    turn.node.services_known = false;
    turn.arm(Timer::Heartbeat, turn.params.detection.interval());
    turn.send_status(true);
}

/// Services are started where they are needed; those of a node in manual failover stay stopped (HA-4).
fn start_services(turn: &mut Turn<'_>, kind: BootKind) {
    let by_hand = turn.node.resume_reason == Reason::AdminRequest;
    let stopped =
        turn.node.resume == State::Idle || (turn.node.resume == State::FailingOver && by_hand);
    let booted = kind == BootKind::NodeBoot && !stopped;
    if booted || turn.node.recovering {
        turn.push(Effect::StartCriticalServices);
    }
}

/// Rows 5, 6: an idle node is idle again, whatever its peer does.
fn resume_idle(turn: &mut Turn<'_>) {
    if turn.node.resume == State::Idle && !turn.node.recovering {
        turn.go(
            State::Idle,
            Reason::Initialization,
            Phase::Rest,
            Cause::Resumed,
        );
    }
}

/// What a node in `Initializing` does about what it knows.
pub(super) fn decide(turn: &mut Turn<'_>) -> bool {
    if turn.node.phase == Phase::Claiming {
        return false;
    }
    match turn.peer() {
        Peer::Away(_) => false,
        Peer::Here(status) if turn.node.recovering => recover_beside(turn, &status),
        Peer::Here(status) => resume_beside(turn, &status),
    }
}

fn resume_beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    let both_failed = turn.node.resume == State::FailedMode && status.resume == State::FailedMode;
    if status.state == State::Initializing && both_failed {
        // SRM started on both nodes of a group in failed mode: that is a recovery (HA-7).
        turn.node.recovering = true;
        turn.node.services_known = false;
        turn.push(Effect::StartCriticalServices);
        return true;
    }
    settle(turn, status)
}

/// HA-7: once the peer recovers too, each node gets its own users.
fn recover_beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    match status.state {
        State::FailedMode | State::Unknown => false,
        State::Initializing | State::Normal => {
            if turn.node.health.is_good() {
                work::claim_own(turn, true);
                return true;
            }
            if turn.node.services_known {
                let (_, cause) = services::loss(turn);
                work::fail(turn, Reason::StartOfCriticalServicesFailed, cause);
                return true;
            }
            false
        }
        State::Idle
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack => {
            turn.node.recovering = false;
            true
        }
    }
}

/// The peer has started too, and has not heard of this life yet: it has the whole time to do so.
pub(super) fn wait_longer(turn: &mut Turn<'_>) {
    if turn.node.state == State::Initializing && turn.node.phase != Phase::Claiming {
        turn.arm(Timer::Transition, turn.params.initialization_timeout);
    }
}

/// HA-14: neither the peer nor the own services came in time.
pub(super) fn too_long(turn: &mut Turn<'_>) {
    if turn.node.phase == Phase::Claiming {
        work::fail(turn, Reason::TakeBackUsersFailed, Cause::TimedOut);
        return;
    }
    match turn.peer() {
        Peer::Away(_) => alone(turn),
        Peer::Here(status) => stuck_beside(turn, &status),
    }
}

/// The peer is there, and something else did not come: settle with what there is.
fn stuck_beside(turn: &mut Turn<'_>, status: &Status) {
    turn.node.services_known = true;
    if decide(turn) {
        return;
    }
    let cause = Cause::TimedOut;
    if status.state == State::Unknown {
        turn.go(State::Unknown, Reason::Unknown, Phase::Rest, cause);
    } else {
        work::fail(turn, Reason::Unknown, cause);
    }
}

/// Row 27 to 18: the peer was not seen.
fn alone(turn: &mut Turn<'_>) {
    let reason = Reason::PeerDownDuringInitialization;
    let (resume, resume_reason) = (turn.node.resume, turn.node.resume_reason);
    let stopped = resume == State::FailingOver && resume_reason == Reason::AdminRequest;
    let cause = Cause::PeerSilent;
    if turn.node.health.is_good() {
        work::take_over_by_force(turn, reason, cause);
    } else if turn.node.recovering {
        work::fail(turn, Reason::StartOfCriticalServicesFailed, Cause::TimedOut);
    } else if stopped {
        work::take_back(turn, Reason::AdminRequest, cause);
    } else if resume == State::FailedMode {
        work::fail(turn, Reason::Unknown, cause);
    } else {
        turn.go(
            State::FailedOverDown,
            Reason::Initialization,
            Phase::Rest,
            cause,
        );
    }
}
