//! `Taking Back`: the home node gets its users back (HA-5, HA-6).

use super::effect::Cause;
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use super::work;

/// What a node in `Taking Back` does about what it knows.
pub(super) fn decide(turn: &mut Turn<'_>) -> bool {
    let waiting = turn.node.phase == Phase::Waiting;
    match turn.peer() {
        Peer::Away(_) if waiting => {
            work::claim_own(turn, true);
            true
        }
        Peer::Away(_) => false,
        Peer::Here(status) => beside(turn, &status, waiting),
    }
}

fn beside(turn: &mut Turn<'_>, status: &Status, waiting: bool) -> bool {
    match status.state {
        State::FallingBack if waiting && status.phase == Phase::HandedBack => {
            work::claim_own(turn, false);
            true
        }
        State::Normal | State::FailedOver | State::FailedOverDown | State::Idle if waiting => {
            work::claim_own(turn, true);
            true
        }
        State::FailingOver if waiting => {
            work::take_over_from(turn, status);
            true
        }
        State::TakingOver => {
            work::yield_to(turn, status);
            true
        }
        State::TakingBack => {
            work::fail(turn, Reason::Unknown, Cause::PeerIn(status.state));
            true
        }
        State::FailedMode => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::FallingBack
        | State::Normal
        | State::FailedOver
        | State::FailedOverDown
        | State::Idle
        | State::FailingOver
        | State::Initializing
        | State::Backup => false,
    }
}

/// HA-14: the services did not start in time: row 14. The users did not come in time: row 20.
pub(super) fn too_long(turn: &mut Turn<'_>) {
    let reason = match turn.node.phase {
        Phase::Starting => Reason::StartOfCriticalServicesFailed,
        Phase::Rest
        | Phase::Releasing
        | Phase::Released
        | Phase::Waiting
        | Phase::Claiming
        | Phase::HandingBack
        | Phase::HandedBack
        | Phase::GaveUp => Reason::TakeBackUsersFailed,
    };
    work::fail(turn, reason, Cause::TimedOut);
}
