//! What an administrator asks for (HA-4, HA-5, HA-7, HA-9, HA-11, HA-17).

use super::effect::{Alarm, Cause, Effect, PeerObstacle, Refusal};
use super::event::Action;
use super::peer::Phase;
use super::reason::Reason;
use super::state::State;
use super::timer::Timer;
use super::turn::{Peer, Turn};
use super::{initializing, work};

/// The actions a node offers in a state (HA-11).
pub(super) fn allowed(state: State, enabled: bool) -> Vec<Action> {
    match (state, enabled) {
        (State::Normal, _) => vec![Action::Failover, Action::DisableHa],
        (State::Idle | State::FailedOver, _) => vec![Action::Fallback],
        (State::FailedMode, _) => vec![Action::Recover, Action::DisableHa],
        (State::Unknown, true) => vec![Action::DisableHa],
        (State::Unknown, false) => vec![Action::EnableHa],
        (
            State::Initializing
            | State::Backup
            | State::TakingOver
            | State::FailingOver
            | State::FailedOverDown
            | State::FallingBack
            | State::TakingBack,
            _,
        ) => Vec::new(),
    }
}

/// Carries an action out, or refuses it.
pub(super) fn act(turn: &mut Turn<'_>, action: Action) {
    let state = turn.node.state;
    let allowed = allowed(state, turn.node.enabled);
    let peer = obstacle(turn, action);
    if !allowed.contains(&action) || peer.is_some() {
        let peer = if allowed.contains(&action) {
            peer
        } else {
            None
        };
        turn.push(Effect::Refuse(Refusal {
            action,
            state,
            allowed,
            peer,
        }));
        return;
    }
    let cause = Cause::Admin(action);
    match action {
        Action::Failover => work::fail_over(turn, Reason::AdminRequest, cause),
        Action::Fallback => work::take_back(turn, Reason::AdminRequest, cause),
        Action::Recover => recover(turn),
        Action::EnableHa => enable(turn),
        Action::DisableHa => disable(turn),
    }
}

/// What the peer lacks for an action.
fn obstacle(turn: &Turn<'_>, action: Action) -> Option<PeerObstacle> {
    match (action, turn.peer()) {
        (Action::Failover, Peer::Away(_)) => Some(PeerObstacle::Unreachable),
        (Action::Failover, Peer::Here(status)) if status.state != State::Normal => {
            Some(PeerObstacle::In(status.state))
        }
        (Action::Failover, Peer::Here(status)) if !status.able => Some(PeerObstacle::NotAble),
        (Action::Fallback, Peer::Here(status)) if status.state != State::Backup => {
            Some(PeerObstacle::In(status.state))
        }
        (
            Action::Failover
            | Action::Fallback
            | Action::Recover
            | Action::EnableHa
            | Action::DisableHa,
            _,
        ) => None,
    }
}

/// HA-7: SRM starts anew, and remembers why.
pub(super) fn recover(turn: &mut Turn<'_>) {
    turn.node.recovering = true;
    turn.push(Effect::RestartSrm);
}

/// HA-9: HA is switched on; what is down now counts at once.
fn enable(turn: &mut Turn<'_>) {
    turn.node.enabled = true;
    initializing::begin(
        turn,
        State::Normal,
        Reason::Normal,
        Cause::Admin(Action::EnableHa),
    );
    turn.node.services_known = true;
}

/// HA-17: HA is switched off. A node in failed mode gets its own users back as it goes.
fn disable(turn: &mut Turn<'_>) {
    let was = turn.node.state;
    turn.node.enabled = false;
    let cause = Cause::Admin(Action::DisableHa);
    turn.go(State::Unknown, Reason::HaNotEnabled, Phase::Rest, cause);
    turn.disarm(Timer::PeerSilence);
    if was == State::FailedMode {
        let attempt = turn.next_attempt();
        turn.push(Effect::TakeBackUsers {
            attempt,
            forced: true,
        });
    }
}

/// HA-17: allowed, and warned about.
pub(super) fn sessions_not_back(turn: &mut Turn<'_>) {
    if !turn.node.enabled {
        turn.raise(Alarm::EnabledTooEarly);
    }
}
