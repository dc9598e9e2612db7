//! `Falling Back`: the backup hands its peer's users back (HA-5, HA-6).

use super::effect::{Cause, Effect};
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use super::work;

/// What a node in `Falling Back` does about what it knows.
pub(super) fn decide(turn: &mut Turn<'_>) -> bool {
    match turn.peer() {
        Peer::Away(reason) => {
            work::take_over_by_force(turn, reason, work::away_cause(reason));
            true
        }
        Peer::Here(status) => beside(turn, &status),
    }
}

fn beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    let cause = Cause::PeerIn(status.state);
    match status.state {
        State::TakingBack => hand_back(turn, status),
        State::Normal if status.epoch > turn.node.epoch => {
            work::back_to_normal(turn, status);
            true
        }
        State::FailedOver | State::FailedOverDown | State::Idle => {
            work::take_over_orphans(turn, status);
            true
        }
        State::FailingOver => {
            work::take_over_from(turn, status);
            true
        }
        State::Backup if status.epoch > turn.node.epoch => {
            work::yield_to(turn, status);
            true
        }
        State::TakingOver => {
            work::yield_to(turn, status);
            true
        }
        State::Backup | State::FallingBack => {
            work::fail(turn, Reason::Unknown, cause);
            true
        }
        State::FailedMode => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::Normal | State::Initializing => false,
    }
}

/// The home is ready: lets go of its users.
fn hand_back(turn: &mut Turn<'_>, status: &Status) -> bool {
    let ready = matches!(status.phase, Phase::Waiting | Phase::Claiming);
    if turn.node.phase != Phase::Waiting || !ready {
        return false;
    }
    let reason = turn.node.reason;
    turn.go(
        State::FallingBack,
        reason,
        Phase::HandingBack,
        Cause::PeerIn(State::TakingBack),
    );
    let attempt = turn.next_attempt();
    turn.push(Effect::HandBackUsers(attempt));
    true
}

/// HA-14: row 20.
pub(super) fn too_long(turn: &mut Turn<'_>) {
    work::fail(turn, Reason::TakeBackUsersFailed, Cause::TimedOut);
}
