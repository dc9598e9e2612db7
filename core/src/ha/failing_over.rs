//! `Failing Over`: the node is being taken over.

use super::effect::Cause;
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use super::work;

/// What a node in `Failing Over` does about what it knows.
pub(super) fn decide(turn: &mut Turn<'_>) -> bool {
    match turn.peer() {
        Peer::Away(reason) => abandoned(turn, reason),
        Peer::Here(status) => beside(turn, &status),
    }
}

/// Nobody takes the users: a manual failover is undone, else the node rests without them.
fn abandoned(turn: &mut Turn<'_>, reason: Reason) -> bool {
    let cause = work::away_cause(reason);
    if turn.node.reason == Reason::AdminRequest {
        work::take_back(turn, Reason::AdminRequest, cause);
    } else {
        rest(turn, cause);
    }
    true
}

fn beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    let released = turn.node.phase == Phase::Released;
    match status.state {
        State::Backup if released && status.epoch > turn.node.epoch => {
            turn.node.epoch = status.epoch;
            rest(turn, Cause::PeerIn(State::Backup));
            true
        }
        State::FailingOver | State::FailedOverDown | State::Idle => {
            nobody_able(turn, status);
            true
        }
        State::FailedMode => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::Backup
        | State::Normal
        | State::Initializing
        | State::TakingOver
        | State::FailedOver
        | State::FallingBack
        | State::TakingBack => false,
    }
}

/// HA-9: both want to be taken over.
fn nobody_able(turn: &mut Turn<'_>, status: &Status) {
    let by_hand = turn.node.reason == Reason::AdminRequest
        && status.reason == Reason::AdminRequest
        && status.state == State::FailingOver;
    let reason = if by_hand {
        Reason::Unknown
    } else {
        Reason::CriticalServiceDown
    };
    work::fail(turn, reason, Cause::PeerIn(status.state));
}

/// The failover is over for this node (rows 3, 11, 12, 13, 22, 23).
fn rest(turn: &mut Turn<'_>, cause: Cause) {
    let reason = turn.node.reason;
    if reason == Reason::AdminRequest {
        turn.go(State::Idle, reason, Phase::Rest, cause);
    } else if turn.node.health.is_good() {
        turn.go(
            State::FailedOver,
            Reason::CriticalServiceDown,
            Phase::Rest,
            cause,
        );
    } else {
        turn.go(
            State::FailedOverDown,
            down_reason(reason),
            Phase::Rest,
            cause,
        );
    }
}

/// The reasons that the table has for `Failed Over with Critical Services Not Running`.
fn down_reason(reason: Reason) -> Reason {
    match reason {
        Reason::DatabaseFailure
        | Reason::AutoRecoveryDatabaseFailure
        | Reason::AutoRecoveryCriticalServiceDown => reason,
        Reason::Normal
        | Reason::AdminRequest
        | Reason::Initialization
        | Reason::AutomaticFallback
        | Reason::CriticalServiceDown
        | Reason::StartOfCriticalServicesFailed
        | Reason::PeerDown
        | Reason::PeerReboot
        | Reason::PeerDownDuringInitialization
        | Reason::TakeOverUsersFailed
        | Reason::TakeBackUsersFailed
        | Reason::HaNotEnabled
        | Reason::Unknown => Reason::CriticalServiceDown,
    }
}

/// HA-14: letting go took too long: the peer takes them by force. The peer took too long: row 19.
pub(super) fn too_long(turn: &mut Turn<'_>) {
    if turn.node.phase == Phase::Releasing {
        work::let_go(turn, Cause::TimedOut);
    } else {
        work::fail(turn, Reason::TakeOverUsersFailed, Cause::TimedOut);
    }
}
