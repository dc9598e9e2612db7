//! From `Initializing` to the state that fits what the node did and what its peer does (HA-12).

use super::effect::{Cause, Effect};
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::Turn;
use super::{services, work};

/// Settles beside a peer that is there; whether anything changed.
pub(super) fn settle(turn: &mut Turn<'_>, status: &Status) -> bool {
    let peer = if status.recovering {
        State::Normal
    } else {
        status.resume
    };
    match turn.node.resume {
        State::Initializing | State::Normal | State::Unknown => was_normal(turn, status, peer),
        State::Idle => was_idle(turn),
        State::Backup => was_backup(turn, status, peer),
        State::TakingOver => was_taking_over(turn, status, peer),
        State::FailingOver => was_failing_over(turn, peer),
        State::FailedOver | State::FailedOverDown => was_failed_over(turn, peer),
        State::FallingBack => was_falling_back(turn, status, peer),
        State::TakingBack => was_taking_back(turn, peer),
        State::FailedMode => was_failed(turn, peer),
    }
}

/// Row 21: SRM was started on one node while the other was in failed mode; or the two contradict each
/// other.
fn contradiction(turn: &mut Turn<'_>, peer: State) -> bool {
    work::fail(turn, Reason::Unknown, Cause::PeerIn(peer));
    true
}

/// Serves its own users, once it can, and makes sure of them; gives them away if it cannot.
fn serve(turn: &mut Turn<'_>) -> bool {
    if turn.node.health.is_good() {
        turn.go(State::Normal, Reason::Normal, Phase::Rest, Cause::Resumed);
        work::claim_own(turn, true);
        return true;
    }
    if !turn.node.services_known {
        return false;
    }
    let (reason, cause) = services::loss(turn);
    work::fail_over(turn, reason, cause);
    true
}

/// Serves its own users again after it carried the peer's, which has them back: counts as a move, so that
/// the peer makes sure of its own.
fn serve_again(turn: &mut Turn<'_>) -> bool {
    let settled = serve(turn);
    if settled {
        turn.node.epoch = turn.new_epoch();
    }
    settled
}

/// The peer carries, or is about to carry, this node's users: rows 11, 12, 18.
fn was_taken_over(turn: &mut Turn<'_>, status: &Status) -> bool {
    let during_initialization = status.reason == Reason::PeerDownDuringInitialization;
    let (state, reason) = if turn.node.health.is_good() {
        (State::FailedOver, Reason::Initialization)
    } else if !turn.node.services_known {
        return false;
    } else if during_initialization {
        (State::FailedOverDown, Reason::Initialization)
    } else {
        (State::FailedOverDown, services::loss(turn).0)
    };
    turn.go(state, reason, Phase::Rest, Cause::PeerIn(status.state));
    let attempt = turn.next_attempt();
    turn.push(Effect::ReleaseUsers(attempt));
    true
}

fn was_normal(turn: &mut Turn<'_>, status: &Status, peer: State) -> bool {
    match peer {
        State::Backup | State::TakingOver => was_taken_over(turn, status),
        State::FailedMode => contradiction(turn, peer),
        State::Unknown => false,
        State::Normal
        | State::FallingBack
        | State::TakingBack
        | State::Initializing
        | State::Idle
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown => serve(turn),
    }
}

/// Rows 5, 6.
fn was_idle(turn: &mut Turn<'_>) -> bool {
    turn.go(
        State::Idle,
        Reason::Initialization,
        Phase::Rest,
        Cause::Resumed,
    );
    true
}

/// Rows 6 to 9: in what an administrator asked for, the reason becomes *Initialization*.
fn resumed_reason(turn: &Turn<'_>) -> Reason {
    match turn.node.resume_reason {
        Reason::AdminRequest => Reason::Initialization,
        other @ (Reason::Normal
        | Reason::Initialization
        | Reason::AutomaticFallback
        | Reason::CriticalServiceDown
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
        | Reason::Unknown) => other,
    }
}

/// Rows 6 and 7: beside an idle node the group is in manual failover, whatever befell the home before this SRM
/// started.
fn carry_on(turn: &mut Turn<'_>, peer: State) -> bool {
    let reason = match peer {
        State::Idle => Reason::Initialization,
        State::Initializing
        | State::Normal
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack
        | State::FailedMode
        | State::Unknown => resumed_reason(turn),
    };
    turn.go(State::Backup, reason, Phase::Waiting, Cause::Resumed);
    true
}

fn was_backup(turn: &mut Turn<'_>, status: &Status, peer: State) -> bool {
    let knows_better = status.epoch > turn.node.epoch;
    match peer {
        State::Idle
        | State::FailedOver
        | State::FailedOverDown
        | State::FailingOver
        | State::TakingBack => carry_on(turn, peer),
        State::Normal if knows_better => serve_again(turn),
        State::Normal | State::Initializing => carry_on(turn, peer),
        State::TakingOver => was_taken_over(turn, status),
        State::Backup if knows_better => was_taken_over(turn, status),
        State::Backup if status.epoch < turn.node.epoch && status.state == State::Initializing => {
            carry_on(turn, peer)
        }
        State::Backup | State::FallingBack | State::FailedMode => contradiction(turn, peer),
        State::Unknown => false,
    }
}

fn was_taking_over(turn: &mut Turn<'_>, status: &Status, peer: State) -> bool {
    let knows_better = status.epoch > turn.node.epoch;
    let reason = resumed_reason(turn);
    match peer {
        State::FailingOver => {
            turn.go(State::TakingOver, reason, Phase::Waiting, Cause::Resumed);
            true
        }
        State::Normal if knows_better => serve_again(turn),
        State::Backup => was_taken_over(turn, status),
        State::TakingOver if !turn.node.first => was_taken_over(turn, status),
        State::Normal
        | State::Initializing
        | State::Idle
        | State::FailedOver
        | State::FailedOverDown
        | State::TakingOver
        | State::TakingBack => {
            work::take_over_by_force(turn, reason, Cause::Resumed);
            true
        }
        State::FallingBack | State::FailedMode => contradiction(turn, peer),
        State::Unknown => false,
    }
}

fn was_failing_over(turn: &mut Turn<'_>, peer: State) -> bool {
    match peer {
        State::FailedMode => contradiction(turn, peer),
        State::Unknown => false,
        State::Initializing
        | State::Idle
        | State::Normal
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack => {
            let reason = turn.node.resume_reason;
            work::fail_over(turn, reason, Cause::Resumed);
            true
        }
    }
}

/// Rows 11, 12, 18. The reason of a node whose services are still down stays.
fn was_failed_over(turn: &mut Turn<'_>, peer: State) -> bool {
    match peer {
        State::FailedMode => contradiction(turn, peer),
        State::Unknown => false,
        State::Initializing
        | State::Idle
        | State::Normal
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack => rest_again(turn),
    }
}

fn rest_again(turn: &mut Turn<'_>) -> bool {
    let was_down = turn.node.resume == State::FailedOverDown;
    if turn.node.health.is_good() {
        turn.go(
            State::FailedOver,
            Reason::Initialization,
            Phase::Rest,
            Cause::Resumed,
        );
        return true;
    }
    if !turn.node.services_known {
        return false;
    }
    let reason = if was_down {
        turn.node.resume_reason
    } else {
        services::loss(turn).0
    };
    turn.go(State::FailedOverDown, reason, Phase::Rest, Cause::Resumed);
    true
}

fn was_falling_back(turn: &mut Turn<'_>, status: &Status, peer: State) -> bool {
    let reason = turn.node.resume_reason;
    match peer {
        State::TakingBack => {
            turn.go(State::FallingBack, reason, Phase::Waiting, Cause::Resumed);
            true
        }
        State::Normal if status.epoch > turn.node.epoch => serve_again(turn),
        State::Backup if status.epoch > turn.node.epoch => was_taken_over(turn, status),
        State::TakingOver => was_taken_over(turn, status),
        State::Normal
        | State::Initializing
        | State::Idle
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown => {
            work::take_over_orphans(turn, status);
            true
        }
        State::Backup | State::FallingBack | State::FailedMode => contradiction(turn, peer),
        State::Unknown => false,
    }
}

/// Row 9.
fn was_taking_back(turn: &mut Turn<'_>, peer: State) -> bool {
    match peer {
        State::TakingBack | State::FailedMode => contradiction(turn, peer),
        State::Unknown => false,
        State::Initializing
        | State::Idle
        | State::Normal
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack => {
            let reason = resumed_reason(turn);
            work::take_back(turn, reason, Cause::Resumed);
            true
        }
    }
}

/// Row 21, unless the peer has taken over meanwhile.
fn was_failed(turn: &mut Turn<'_>, peer: State) -> bool {
    match peer {
        State::Backup | State::TakingOver => {
            let status = turn.node.peer.status;
            status.is_some_and(|status| was_taken_over(turn, &status))
        }
        State::Unknown => false,
        State::Initializing
        | State::Idle
        | State::Normal
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack
        | State::FailedMode => contradiction(turn, peer),
    }
}
