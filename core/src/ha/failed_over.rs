//! `Idle`, `Failed Over`, `Failed Over with Critical Services Not Running`: the node's users are at its
//! peer (HA-4, HA-5, HA-6).

use super::effect::Cause;
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::services;
use super::state::State;
use super::timer::Timer;
use super::turn::{Peer, Turn};
use super::work;

/// What a node in `Failed Over` does about what it knows.
pub(super) fn decide_up(turn: &mut Turn<'_>) -> bool {
    if !turn.node.health.is_good() {
        let (reason, cause) = services::loss(turn);
        turn.go(State::FailedOverDown, reason, Phase::Rest, cause);
        return true;
    }
    match turn.peer() {
        Peer::Away(reason) => {
            work::take_over_by_force(turn, reason, work::away_cause(reason));
            true
        }
        Peer::Here(status) => up_beside(turn, &status),
    }
}

fn up_beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    if status.state != State::Backup {
        turn.disarm(Timer::AutoFallback);
    }
    match status.state {
        State::Backup => carried_up(turn, status),
        State::FailingOver => {
            work::take_over_from(turn, status);
            true
        }
        State::FailedOver if !turn.node.first => false,
        State::FailedOver | State::FailedOverDown | State::Idle => {
            work::take_over_orphans(turn, status);
            true
        }
        State::FailedMode => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::Initializing
        | State::Normal
        | State::TakingOver
        | State::FallingBack
        | State::TakingBack => false,
    }
}

/// Row 11 or 18; and the clock of the automatic fallback runs (HA-6).
fn carried_up(turn: &mut Turn<'_>, status: &Status) -> bool {
    turn.node.epoch = turn.node.epoch.max(status.epoch);
    if let Some(health) = turn.params.automatic_fallback
        && !turn.node.timers.contains(Timer::AutoFallback)
    {
        turn.arm(Timer::AutoFallback, health);
    }
    match turn.node.reason {
        Reason::Initialization | Reason::CriticalServiceDown => false,
        Reason::Normal
        | Reason::AdminRequest
        | Reason::AutomaticFallback
        | Reason::DatabaseFailure
        | Reason::StartOfCriticalServicesFailed
        | Reason::PeerDown
        | Reason::PeerReboot
        | Reason::PeerDownDuringInitialization
        | Reason::TakeOverUsersFailed
        | Reason::TakeBackUsersFailed
        | Reason::AutoRecoveryDatabaseFailure
        | Reason::AutoRecoveryCriticalServiceDown
        | Reason::HaNotEnabled
        | Reason::Unknown => {
            let cause = Cause::PeerIn(State::Backup);
            turn.go(
                State::FailedOver,
                Reason::CriticalServiceDown,
                Phase::Rest,
                cause,
            );
            true
        }
    }
}

/// HA-6: the home has been healthy for the whole time.
pub(super) fn healthy_long_enough(turn: &mut Turn<'_>) {
    let carried = matches!(turn.peer(), Peer::Here(status) if status.state == State::Backup);
    let wanted = turn.params.automatic_fallback.is_some();
    if turn.node.state == State::FailedOver && carried && wanted {
        work::take_back(turn, Reason::AutomaticFallback, Cause::Healthy);
    }
}

/// What a node in `Failed Over with Critical Services Not Running` does about what it knows.
pub(super) fn decide_down(turn: &mut Turn<'_>) -> bool {
    if turn.node.health.is_good() {
        let keep = turn.node.reason == Reason::Initialization;
        let reason = if keep {
            Reason::Initialization
        } else {
            Reason::CriticalServiceDown
        };
        turn.go(State::FailedOver, reason, Phase::Rest, Cause::ServicesUp);
        return true;
    }
    match turn.peer() {
        Peer::Away(_) => false,
        Peer::Here(status) => not_able_beside(turn, &status),
    }
}

/// What a node in `Idle` does about what it knows. Its services are down by order: it takes nothing over.
pub(super) fn decide_idle(turn: &mut Turn<'_>) -> bool {
    match turn.peer() {
        Peer::Away(_) => false,
        Peer::Here(status) => not_able_beside(turn, &status),
    }
}

/// A node that cannot serve, beside a peer that is there.
fn not_able_beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    let cause = Cause::PeerIn(status.state);
    match status.state {
        State::Backup => {
            turn.node.epoch = turn.node.epoch.max(status.epoch);
            false
        }
        State::FailingOver | State::FailedOverDown => {
            work::fail(turn, Reason::CriticalServiceDown, cause);
            true
        }
        State::Idle => {
            let both = turn.node.state == State::Idle;
            let reason = if both {
                Reason::Unknown
            } else {
                Reason::CriticalServiceDown
            };
            work::fail(turn, reason, cause);
            true
        }
        State::FailedMode => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::Initializing
        | State::Normal
        | State::TakingOver
        | State::FailedOver
        | State::FallingBack
        | State::TakingBack => false,
    }
}
