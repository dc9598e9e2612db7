//! `Taking Over`: the node takes its peer's users over.

use super::effect::Cause;
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use super::work;

/// What a node in `Taking Over` does about what it knows.
pub(super) fn decide(turn: &mut Turn<'_>) -> bool {
    match turn.peer() {
        Peer::Away(reason) => alone(turn, reason),
        Peer::Here(status) => beside(turn, &status),
    }
}

/// The peer died on the way: row 27.
fn alone(turn: &mut Turn<'_>, reason: Reason) -> bool {
    if turn.node.phase != Phase::Waiting {
        return false;
    }
    work::take_over_by_force(turn, reason, work::away_cause(reason));
    true
}

fn beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    let waiting = turn.node.phase == Phase::Waiting;
    let cause = Cause::PeerIn(status.state);
    match status.state {
        State::FailingOver if waiting && status.phase == Phase::Released => {
            work::claim_all(turn, turn.node.reason, false, cause);
            true
        }
        State::Idle | State::FailedOver | State::FailedOverDown if waiting => {
            work::claim_all(turn, turn.node.reason, true, cause);
            true
        }
        State::Normal if waiting && status.epoch > turn.node.epoch => {
            work::back_to_normal(turn, status);
            true
        }
        State::FailedMode if status.epoch >= turn.node.epoch => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::FailingOver
        | State::Idle
        | State::FailedOver
        | State::FailedOverDown
        | State::Normal
        | State::FailedMode
        | State::Initializing
        | State::Backup
        | State::TakingOver
        | State::FallingBack
        | State::TakingBack => false,
    }
}

/// HA-14: the home did not let go in time: by force. The move itself took too long: row 19.
pub(super) fn too_long(turn: &mut Turn<'_>) {
    if turn.node.phase == Phase::Waiting {
        work::take_over_by_force(turn, turn.node.reason, Cause::TimedOut);
    } else {
        work::fail(turn, Reason::TakeOverUsersFailed, Cause::TimedOut);
    }
}
