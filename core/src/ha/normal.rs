//! `Normal`: serves its own users, and watches its peer.

use super::effect::Cause;
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use super::{services, work};

/// What a node in `Normal` does about what it knows.
pub(super) fn decide(turn: &mut Turn<'_>) -> bool {
    match turn.peer() {
        Peer::Away(reason) => alone(turn, reason),
        Peer::Here(status) => beside(turn, &status),
    }
}

/// HA-1: the peer is away: takes over, or cannot (row 15).
fn alone(turn: &mut Turn<'_>, reason: Reason) -> bool {
    if turn.node.health.is_good() {
        work::take_over_by_force(turn, reason, work::away_cause(reason));
        return true;
    }
    lost_with_nobody(turn)
}

/// HA-8, HA-9: must give its users away, and nobody can take them.
fn lost_with_nobody(turn: &mut Turn<'_>) -> bool {
    if !turn.node.health.is_lost() {
        return false;
    }
    let (_, cause) = services::loss(turn);
    work::fail(turn, Reason::CriticalServiceDown, cause);
    true
}

fn beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    match status.state {
        State::Normal => lost_beside_normal(turn, status) || catch_up(turn, status),
        State::FailingOver => asked(turn, status),
        State::Idle | State::FailedOver | State::FailedOverDown => orphans(turn, status),
        State::TakingOver => {
            work::yield_to(turn, status);
            true
        }
        State::Backup if status.epoch >= turn.node.epoch => {
            work::yield_to(turn, status);
            true
        }
        State::FailedMode => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::Backup | State::Initializing | State::FallingBack | State::TakingBack => false,
    }
}

/// HA-2, HA-3: an automatic failover, where the peer is able.
fn lost_beside_normal(turn: &mut Turn<'_>, status: &Status) -> bool {
    if !turn.node.health.is_lost() {
        return false;
    }
    if !status.able {
        return lost_with_nobody(turn);
    }
    let (reason, cause) = services::loss(turn);
    work::fail_over(turn, reason, cause);
    true
}

/// The peer knows of a move of users that this node does not know of: makes sure of its own users.
fn catch_up(turn: &mut Turn<'_>, status: &Status) -> bool {
    if status.epoch <= turn.node.epoch || turn.node.phase == Phase::Claiming {
        return false;
    }
    work::claim_own(turn, true);
    true
}

/// HA-14: making sure took too long: row 20.
pub(super) fn too_long(turn: &mut Turn<'_>) {
    work::fail(turn, Reason::TakeBackUsersFailed, Cause::TimedOut);
}

/// The peer wants to be taken over (rows 2, 26).
fn asked(turn: &mut Turn<'_>, status: &Status) -> bool {
    if turn.node.health.is_good() {
        work::take_over_from(turn, status);
    } else {
        work::fail(
            turn,
            Reason::CriticalServiceDown,
            Cause::PeerIn(status.state),
        );
    }
    true
}

/// The peer is failed over, and this node does not carry its users: nobody does.
fn orphans(turn: &mut Turn<'_>, status: &Status) -> bool {
    if turn.node.health.is_good() {
        work::take_over_orphans(turn, status);
        return true;
    }
    lost_with_nobody(turn)
}
