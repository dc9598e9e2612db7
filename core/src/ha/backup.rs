//! `Running in Backup Mode`: serves its own users and its peer's (HA-8, HA-10).
//!
//! While its peer is out of sight, the backup cannot know whether the peer takes users too. So when it sees
//! a peer that rests without users, it first takes every user of the group once more
//! ([`Phase::Claiming`]), when the peer answers that it still rests; where it has them all, nothing moves.

use super::effect::{Alarm, Cause, Effect};
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use super::{services, work};
use crate::canary;

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
    let presumed = presumed_reason(turn.node.reason, reason);
    missed_something(turn) || adopt(turn, presumed, work::away_cause(reason))
}

/// The peer may have taken users unheard: they are taken once more when it is seen at rest. Whether that is
/// news.
pub(super) fn missed_something(turn: &mut Turn<'_>) -> bool {
    if turn.node.state != State::Backup || turn.node.phase == Phase::Waiting {
        return false;
    }
    let reason = turn.node.reason;
    turn.go(State::Backup, reason, Phase::Waiting, Cause::PeerSilent);
    true
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
    let phase = turn.node.phase;
    turn.go(State::Backup, reason, phase, cause);
    true
}

/// Takes every user once more, where the peer may have taken some. The word that brought the peer back into sight
/// may be an old one that a link has held back: it must rest *after* it was asked.
fn make_sure(turn: &mut Turn<'_>, cause: Cause) -> bool {
    if turn.node.phase != Phase::Waiting {
        return false;
    }
    if !turn.is_answered {
        turn.ask();
        return false;
    }
    let reason = turn.node.reason;
    turn.go(State::Backup, reason, Phase::Claiming, cause);
    let attempt = turn.next_attempt();
    turn.push(Effect::TakeOverUsers {
        attempt,
        forced: true,
    });
    true
}

/// To take the users once more took too long (HA-14, row 19).
pub(super) fn too_long(turn: &mut Turn<'_>) {
    work::fail(turn, Reason::TakeOverUsersFailed, Cause::TimedOut);
}

fn beside(turn: &mut Turn<'_>, status: &Status) -> bool {
    let cause = Cause::PeerIn(status.state);
    match status.state {
        State::Idle | State::FailedOver | State::FailedOverDown => carried(turn, status),
        State::TakingBack => fall_back(turn, status),
        State::Backup if canary!("SplitIgnored") => false,
        State::Backup => {
            split(turn, cause);
            true
        }
        State::Normal if status.epoch > turn.node.epoch => {
            work::carry_no_more(turn, cause);
            true
        }
        State::TakingOver | State::Normal => missed_something(turn),
        State::FailingOver if status.epoch >= turn.node.epoch => {
            work::take_over_from(turn, status);
            true
        }
        State::FailedMode if status.epoch >= turn.node.epoch => {
            work::come_along(turn, status);
            true
        }
        State::Unknown => work::stand_aside(turn, status),
        State::FailingOver | State::FailedMode | State::Initializing | State::FallingBack => false,
    }
}

/// HA-10: both have taken over. Who has heard nothing of the peer until now cannot know who was the later one:
/// with the later epoch of the two it keeps what it has, and the peer comes along. Who has heard the peer take
/// over, without being heard, follows it.
fn split(turn: &mut Turn<'_>, cause: Cause) {
    turn.raise(Alarm::SplitBrain);
    if turn.was_peer_away() {
        turn.node.epoch = turn.latest_epoch();
    }
    work::fail(turn, Reason::Unknown, cause);
}

/// Rows 4, 10: the home wants its users back. What the home may have taken of this node's, this node takes back
/// when it is `Normal`.
fn fall_back(turn: &mut Turn<'_>, status: &Status) -> bool {
    if turn.node.phase == Phase::Claiming {
        return false;
    }
    let (reason, cause) = (fallback_reason(status.reason), Cause::PeerIn(status.state));
    turn.go(State::FallingBack, reason, Phase::Waiting, cause);
    true
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
    let cause = Cause::PeerIn(status.state);
    adopt(turn, reason, cause) || make_sure(turn, cause)
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
