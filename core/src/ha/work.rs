//! The moves between states that several states share, and the ends of the work they ask for.

use super::effect::{Cause, Effect};
use super::event::Attempt;
use super::peer::{Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::turn::{Peer, Turn};

/// Goes to failed mode. With the peer away nothing more is tried without an operator.
pub(super) fn fail(turn: &mut Turn<'_>, reason: Reason, cause: Cause) {
    let phase = match turn.peer() {
        Peer::Away(_) => Phase::GaveUp,
        Peer::Here(_) => Phase::Rest,
    };
    turn.go(State::FailedMode, reason, phase, cause);
}

/// Goes to failed mode with a peer that is there.
pub(super) fn come_along(turn: &mut Turn<'_>, status: &Status) {
    fail(turn, status.reason, Cause::PeerIn(status.state));
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
    turn.go(State::TakingOver, reason, Phase::Claiming, cause);
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
    turn.push(Effect::TakeBackUsers { attempt, forced });
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

/// Whether this is the end of the work under way, in this state and phase.
fn is_end(turn: &Turn<'_>, attempt: Attempt, state: State, phase: Phase) -> bool {
    attempt == turn.node.attempt && (turn.node.state, turn.node.phase) == (state, phase)
}

/// The users are let go of. In a manual failover the services stop now (HA-4).
pub(super) fn released(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, State::FailingOver, Phase::Releasing) {
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
    if is_end(turn, attempt, State::TakingOver, Phase::Claiming) {
        turn.node.epoch = turn.new_epoch();
        let reason = turn.node.reason;
        turn.go(State::Backup, reason, Phase::Rest, Cause::WorkDone);
    }
}

/// The users could not be taken over (row 19).
pub(super) fn take_failed(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, State::TakingOver, Phase::Claiming) {
        fail(turn, Reason::TakeOverUsersFailed, Cause::WorkFailed);
    }
}

/// The peer's users are free for it.
pub(super) fn handed_back(turn: &mut Turn<'_>, attempt: Attempt) {
    if is_end(turn, attempt, State::FallingBack, Phase::HandingBack) {
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
    if is_end(turn, attempt, State::FallingBack, Phase::HandingBack) {
        fail(turn, Reason::TakeBackUsersFailed, Cause::WorkFailed);
    }
}

/// The own users are here.
pub(super) fn taken_back(turn: &mut Turn<'_>, attempt: Attempt) {
    let home = is_end(turn, attempt, State::TakingBack, Phase::Claiming);
    if home || is_end(turn, attempt, State::Initializing, Phase::Claiming) {
        turn.node.epoch = turn.new_epoch();
        turn.go(State::Normal, Reason::Normal, Phase::Rest, Cause::WorkDone);
    }
}

/// The own users could not be taken (row 20).
pub(super) fn take_back_failed(turn: &mut Turn<'_>, attempt: Attempt) {
    let home = is_end(turn, attempt, State::TakingBack, Phase::Claiming);
    if home || is_end(turn, attempt, State::Initializing, Phase::Claiming) {
        fail(turn, Reason::TakeBackUsersFailed, Cause::WorkFailed);
    }
}
