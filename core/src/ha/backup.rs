//! `Running in Backup Mode`: serves its own users and its peer's (HA-8, HA-10).

use super::effect::{Alarm, Cause};
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use super::{services, work};

/// What a node in `Running in Backup Mode` does about what it knows.
pub(super) fn decide(turn: &mut Turn<'_>) -> bool {
    match turn.peer() {
        Peer::Away(reason) => alone(turn, reason),
        Peer::Here(status) => beside(turn, &status),
    }
}

fn alone(turn: &mut Turn<'_>, reason: Reason) -> bool {
    if turn.node.health.is_lost() {
        let (_, cause) = services::loss(turn);
        work::fail(turn, Reason::CriticalServiceDown, cause);
        return true;
    }
    adopt(
        turn,
        presumed_reason(turn.node.reason, reason),
        work::away_cause(reason),
    )
}

/// Rows 16 to 18: why a backup carries on for a peer that is away.
fn presumed_reason(own: Reason, away: Reason) -> Reason {
    if own == Reason::PeerDownDuringInitialization {
        own
    } else {
        away
    }
}

fn adopt(turn: &mut Turn<'_>, reason: Reason, cause: Cause) -> bool {
    if reason == turn.node.reason {
        return false;
    }
    turn.go(State::Backup, reason, Phase::Rest, cause);
    true
}

fn beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    let cause = Cause::PeerIn(status.state);
    match status.state {
        State::Idle | State::FailedOver | State::FailedOverDown => carried(turn, status),
        State::TakingBack => {
            turn.go(
                State::FallingBack,
                fallback_reason(status.reason),
                Phase::Waiting,
                cause,
            );
            true
        }
        State::Backup => {
            turn.raise(Alarm::SplitBrain);
            work::fail(turn, Reason::Unknown, cause);
            true
        }
        State::Normal if status.epoch > turn.node.epoch => {
            turn.node.epoch = status.epoch;
            turn.go(State::Normal, Reason::Normal, Phase::Rest, cause);
            true
        }
        State::FailingOver if status.epoch >= turn.node.epoch => {
            work::take_over_from(turn, status);
            true
        }
        State::FailedMode if status.epoch >= turn.node.epoch => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => {
            turn.go(State::Unknown, Reason::Unknown, Phase::Rest, cause);
            true
        }
        State::Normal
        | State::FailingOver
        | State::FailedMode
        | State::Initializing
        | State::TakingOver
        | State::FallingBack => false,
    }
}

/// The reasons under which a home may take its users back.
fn fallback_reason(reason: Reason) -> Reason {
    if reason == Reason::AutomaticFallback {
        reason
    } else {
        Reason::AdminRequest
    }
}

/// The peer rests, its users are here: the pair agrees on a row, or this node is lost (HA-8).
fn carried(turn: &mut Turn<'_>, status: &Status) -> bool {
    if turn.node.health.is_lost() {
        return recover_by_itself(turn, status);
    }
    let reason = settled_reason(turn.node.reason, status);
    adopt(turn, reason, Cause::PeerIn(status.state))
}

/// HA-8: rows 22, 23 where the peer is able, else row 15.
fn recover_by_itself(turn: &mut Turn<'_>, status: &Status) -> bool {
    let (_, cause) = services::loss(turn);
    if status.state != State::FailedOver || !status.able {
        work::fail(turn, Reason::CriticalServiceDown, cause);
        return true;
    }
    let reason = match turn.node.health.database_down {
        true => Reason::AutoRecoveryDatabaseFailure,
        false => Reason::AutoRecoveryCriticalServiceDown,
    };
    work::fail_over(turn, reason, cause);
    true
}

/// The reason that makes a row of the table with the peer's state and reason. The failed-over node's
/// reason leads, the backup's follows.
fn settled_reason(own: Reason, status: &Status) -> Reason {
    let during_initialization = own == Reason::PeerDownDuringInitialization;
    match status.state {
        State::Idle if own == Reason::Initialization => own,
        State::Idle => Reason::AdminRequest,
        State::FailedOver if during_initialization && status.reason == Reason::Initialization => {
            own
        }
        State::FailedOver => Reason::CriticalServiceDown,
        State::FailedOverDown if status.reason == Reason::Initialization => {
            Reason::PeerDownDuringInitialization
        }
        State::FailedOverDown => status.reason,
        State::Initializing
        | State::Normal
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FallingBack
        | State::TakingBack
        | State::FailedMode
        | State::Unknown => own,
    }
}
