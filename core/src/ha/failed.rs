//! `Running in Failed Mode` and `Unknown`: what an operator must mend (HA-7, HA-10), and HA that is off.

use super::effect::Cause;
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use super::{admin, initializing, work};

/// What a node in `Running in Failed Mode` does about what it knows.
pub(super) fn decide_failed(turn: &mut Turn<'_>) -> bool {
    if turn.node.recovering {
        return false;
    }
    match turn.peer() {
        Peer::Away(reason) => alone(turn, reason),
        Peer::Here(status) => beside(turn, &status),
    }
}

/// A new life of the peer is a new chance.
pub(super) fn new_life(turn: &mut Turn<'_>) {
    if turn.node.phase == Phase::GaveUp {
        turn.node.phase = Phase::Rest;
    }
}

/// The peer went away: whoever can serve, serves. Not again after that failed.
fn alone(turn: &mut Turn<'_>, reason: Reason) -> bool {
    if !turn.node.health.is_good() || turn.node.phase == Phase::GaveUp {
        return false;
    }
    work::take_over_by_force(turn, reason, work::away_cause(reason));
    true
}

fn beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    match status.state {
        State::FailedMode | State::Initializing
            if status.recovering && turn.node.phase != Phase::GaveUp =>
        {
            admin::recover(turn);
            true
        }
        State::FailedMode => agree(turn, status),
        State::Backup if status.epoch > turn.node.epoch => {
            work::yield_to(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::Backup
        | State::Initializing
        | State::Idle
        | State::Normal
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack => false,
    }
}

/// Both nodes are in failed mode for one reason: the later one in the list of reasons counts, so that
/// *Unknown* counts before all (row 21).
fn agree(turn: &mut Turn<'_>, status: &Status) -> bool {
    if status.reason <= turn.node.reason {
        return false;
    }
    let cause = Cause::PeerIn(State::FailedMode);
    let phase = turn.node.phase;
    turn.go(State::FailedMode, status.reason, phase, cause);
    true
}

/// What a node in `Unknown` does about what it knows: with HA on, it begins anew once its peer takes part.
pub(super) fn decide_unknown(turn: &mut Turn<'_>) -> bool {
    match turn.peer() {
        Peer::Here(status) if turn.node.enabled && status.reason != Reason::HaNotEnabled => {
            let cause = Cause::PeerIn(status.state);
            initializing::begin(turn, State::Normal, Reason::Normal, cause);
            true
        }
        Peer::Here(_) | Peer::Away(_) => false,
    }
}
