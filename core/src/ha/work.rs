//! The moves between states that several states share, and the ends of the work they ask for.

use super::effect::{Cause, Effect};
use super::event::Attempt;
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};
use crate::canary;

/// Goes to failed mode. With the peer away, or after a recovery that failed, nothing more is tried by itself.
pub(super) fn fail(turn: &mut Turn<'_>, reason: Reason, cause: Cause) {
    let away = matches!(turn.peer(), Peer::Away(_));
    let phase = if away || turn.node.recovering {
        Phase::GaveUp
    } else {
        Phase::Rest
    };
    turn.go(State::FailedMode, reason, phase, cause);
}

/// Goes to failed mode with a peer that is there.
pub(super) fn come_along(turn: &mut Turn<'_>, status: &Status) {
    fail(turn, status.reason, Cause::PeerIn(status.state));
}

/// HA is off at the peer: nothing can be done together (row 24). A peer with HA on that only waits for this
/// node to take part is no reason to stop.
pub(super) fn stand_aside(turn: &mut Turn<'_>, status: &Status) -> bool {
    if status.reason != Reason::HaNotEnabled {
        return false;
    }
    let cause = Cause::PeerIn(State::Unknown);
    turn.go(State::Unknown, Reason::Unknown, Phase::Rest, cause);
    true
}

/// Begins to be taken over: lets go of the users.
pub(super) fn fail_over(turn: &mut Turn<'_>, reason: Reason, cause: Cause) {
    turn.go(State::FailingOver, reason, Phase::Releasing, cause);
    let attempt = turn.next_attempt();
    turn.push(Effect::ReleaseUsers(attempt));
}

/// The peer has, or is about to have, every user: lets go and follows.
pub(super) fn yield_to(turn: &mut Turn<'_>, status: &Status) {
    fail_over(turn, status.reason, Cause::PeerIn(status.state));
}

/// Begins to take over from a peer that does not let go by itself.
pub(super) fn take_over_by_force(turn: &mut Turn<'_>, reason: Reason, cause: Cause) {
    claim_all(turn, reason, true, cause);
}

/// Takes every user of the group.
pub(super) fn claim_all(turn: &mut Turn<'_>, reason: Reason, forced: bool, cause: Cause) {
    let state = match canary!("TakingOverNotSaid") {
        true => State::Backup,
        false => State::TakingOver,
    };
    turn.go(state, reason, Phase::Claiming, cause);
    let attempt = turn.next_attempt();
    turn.push(Effect::TakeOverUsers { attempt, forced });
}

/// Takes over from a peer that asks for it: waits until it has let go.
pub(super) fn take_over_from(turn: &mut Turn<'_>, status: &Status) {
    let cause = Cause::PeerIn(status.state);
    let reason = failover_reason(status.reason);
    if status.phase == Phase::Released {
        claim_all(turn, reason, false, cause);
    } else {
        turn.go(State::TakingOver, reason, Phase::Waiting, cause);
    }
}

/// Takes over from a peer that is failed over with nobody to carry its users.
pub(super) fn take_over_orphans(turn: &mut Turn<'_>, status: &Status) {
    let reason = match status.state {
        State::Idle => Reason::AdminRequest,
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
        | State::Unknown => failover_reason(status.reason),
    };
    take_over_by_force(turn, reason, Cause::PeerIn(status.state));
}

/// The reason under which a node takes over, given why the peer gives up.
fn failover_reason(reason: Reason) -> Reason {
    match reason {
        Reason::AdminRequest
        | Reason::CriticalServiceDown
        | Reason::DatabaseFailure
        | Reason::AutoRecoveryDatabaseFailure
        | Reason::AutoRecoveryCriticalServiceDown => reason,
        Reason::Normal
        | Reason::Initialization
        | Reason::AutomaticFallback
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

/// Begins to get the own users back: starts the services.
pub(super) fn take_back(turn: &mut Turn<'_>, reason: Reason, cause: Cause) {
    turn.go(State::TakingBack, reason, Phase::Starting, cause);
    turn.push(Effect::StartCriticalServices);
}

/// Takes the own users.
pub(super) fn claim_own(turn: &mut Turn<'_>, forced: bool) {
    let (state, reason) = (turn.node.state, turn.node.reason);
    turn.go(state, reason, Phase::Claiming, Cause::WorkDone);
    let attempt = turn.next_attempt();
    if canary!("OwnUsersNotAskedFor") {
        return;
    }
    turn.push(Effect::TakeBackUsers { attempt, forced });
}

/// The peer has its users back, and this node carried, or may have carried, them until now. That counts as a
/// move: both make sure of their own.
pub(super) fn carry_no_more(turn: &mut Turn<'_>, cause: Cause) {
    turn.node.epoch = turn.new_epoch();
    turn.go(State::Normal, Reason::Normal, Phase::Rest, cause);
    claim_own(turn, true);
}

/// The peer has its users back, as agreed: makes sure of the own ones.
pub(super) fn back_to_normal(turn: &mut Turn<'_>, status: &Status) {
    turn.node.epoch = status.epoch;
    turn.go(
        State::Normal,
        Reason::Normal,
        Phase::Rest,
        Cause::PeerIn(status.state),
    );
    claim_own(turn, true);
}

/// Why a node did what it did about a peer that is away.
pub(super) fn away_cause(reason: Reason) -> Cause {
    match reason {
        Reason::PeerReboot => Cause::PeerGoodbye,
        Reason::Normal
        | Reason::AdminRequest
        | Reason::Initialization
        | Reason::AutomaticFallback
        | Reason::CriticalServiceDown
        | Reason::DatabaseFailure
        | Reason::StartOfCriticalServicesFailed
        | Reason::PeerDown
        | Reason::PeerDownDuringInitialization
        | Reason::TakeOverUsersFailed
        | Reason::TakeBackUsersFailed
        | Reason::AutoRecoveryDatabaseFailure
        | Reason::AutoRecoveryCriticalServiceDown
        | Reason::HaNotEnabled
        | Reason::Unknown => Cause::PeerSilent,
    }
}

/// Whether this is the end of the work under way, in one of these states and in this phase.
fn is_end(turn: &mut Turn<'_>, attempt: Attempt, states: &[State], phase: Phase) -> bool {
    let node = &turn.node;
    let is = attempt == node.attempt && states.contains(&node.state) && node.phase == phase;
    if is {
        turn.work_ended();
    }
    is
}

/// Where every user of the group is taken.
const TAKES_OVER: [State; 2] = [State::TakingOver, State::Backup];
/// Where the own users are taken.
const TAKES_BACK: [State; 3] = [State::TakingBack, State::Initializing, State::Normal];

/// The users are let go of. In a manual failover the services stop now (HA-4).
pub(super) fn released(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, &[State::FailingOver], Phase::Releasing) {
        let_go(turn, Cause::WorkDone);
    }
}

/// Nobody is logged in here any more, or nobody should be.
pub(super) fn let_go(turn: &mut Turn<'_>, cause: Cause) {
    let reason = turn.node.reason;
    turn.go(State::FailingOver, reason, Phase::Released, cause);
    if reason == Reason::AdminRequest {
        turn.push(Effect::StopCriticalServices);
    }
}

/// Every user of the group is here.
pub(super) fn taken(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, &TAKES_OVER, Phase::Claiming) {
        turn.node.epoch = turn.new_epoch();
        let reason = turn.node.reason;
        turn.go(State::Backup, reason, Phase::Rest, Cause::WorkDone);
    }
}

/// The users could not be taken over (row 19).
pub(super) fn take_failed(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, &TAKES_OVER, Phase::Claiming) {
        fail(turn, Reason::TakeOverUsersFailed, Cause::WorkFailed);
    }
}

/// The peer's users are free for it.
pub(super) fn handed_back(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, &[State::FallingBack], Phase::HandingBack) {
        let reason = turn.node.reason;
        turn.go(
            State::FallingBack,
            reason,
            Phase::HandedBack,
            Cause::WorkDone,
        );
    }
}

/// The users could not be handed back (row 20).
pub(super) fn hand_back_failed(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, &[State::FallingBack], Phase::HandingBack) {
        fail(turn, Reason::TakeBackUsersFailed, Cause::WorkFailed);
    }
}

/// The own users are here. A node that only made sure of them catches up with its peer's epoch.
pub(super) fn taken_back(turn: &mut Turn<'_>, attempt: Attempt) {
    if !is_end(turn, attempt, &TAKES_BACK, Phase::Claiming) {
        return;
    }
    turn.node.epoch = match turn.node.state {
        State::Normal => turn.latest_epoch(),
        State::Initializing
        | State::Idle
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack
        | State::FailedMode
        | State::Unknown => turn.new_epoch(),
    };
    turn.go(State::Normal, Reason::Normal, Phase::Rest, Cause::WorkDone);
}

/// The own users could not be taken (row 20).
pub(super) fn take_back_failed(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, &TAKES_BACK, Phase::Claiming) {
        fail(turn, Reason::TakeBackUsersFailed, Cause::WorkFailed);
    }
}
