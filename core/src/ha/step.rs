//! One step: an event in, a node and effects out.

use super::effect::Effect;
use super::event::{Action, Event};
use super::node::HaNode;
use super::params::HaParams;
use super::state::State;
use super::timer::Timer;
use super::turn::Turn;
use super::{admin, backup, failed, failed_over, failing_over, falling_back, hear, initializing};
use super::{normal, services, taking_back, taking_over, work};

/// The most decisions one event can lead to: each leads to another state, and there is no way round.
const MAX_DECISIONS: usize = 6;

/// What a node does about an event.
///
/// The event is first taken in as a fact (a service is down, the peer was heard, a piece of work is
/// done); then the node decides what to do about what it knows, until nothing is left to decide. So the
/// same facts lead to the same state, in whatever order they became known.
///
/// Effects are in the order in which they are to be carried out; where the record changed,
/// [`Effect::Persist`] comes first.
///
/// ```
/// use takeover_core::ha::{BootKind, Event, HaNode, HaParams, HaRecord, Health, State, step};
/// use takeover_core::service::ServiceKind;
///
/// let params = HaParams::default();
/// let (node, _) =
///     HaNode::boot(&HaRecord::fresh(true), true, BootKind::SrmRestart, Health::GOOD, &params);
/// assert_eq!(node.state, State::Initializing);
/// let (node, effects) = step(&node, Event::ServiceDown(ServiceKind::XcpRouter), &params);
/// assert!(!node.health.is_good() && !effects.is_empty());
/// ```
#[must_use]
pub fn step(node: &HaNode, event: Event, params: &HaParams) -> (HaNode, Vec<Effect>) {
    let mut turn = Turn::new(node, params);
    take_in(&mut turn, event);
    for _ in 0..MAX_DECISIONS {
        if !decide(&mut turn) {
            break;
        }
    }
    turn.finish()
}

fn take_in(turn: &mut Turn<'_>, event: Event) {
    match event {
        Event::ServiceDown(kind) => services::down(turn, kind),
        Event::ServiceUp(kind) => services::up(turn, kind),
        Event::DatabaseDown => services::database_down(turn),
        Event::DatabaseUp => turn.node.health.database_down = false,
        Event::NotReplicated => turn.node.health.database_down = true,
        Event::SessionsNotBack => admin::sessions_not_back(turn),
        Event::ServicesStarted => services::started(turn),
        Event::ServicesStartFailed(kind) => services::start_failed(turn, kind),
        Event::Peer(message) => hear::message(turn, &message),
        Event::Shutdown => hear::say_goodbye(turn),
        Event::Admin(action) => admin::act(turn, action),
        Event::Expired(timer) => expired(turn, timer),
        Event::UsersReleased(attempt) | Event::UsersReleaseFailed(attempt) => {
            work::released(turn, attempt);
        }
        Event::UsersTaken(attempt) => work::taken(turn, attempt),
        Event::UsersTakeFailed(attempt) => work::take_failed(turn, attempt),
        Event::UsersHandedBack(attempt) => work::handed_back(turn, attempt),
        Event::UsersHandBackFailed(attempt) => work::hand_back_failed(turn, attempt),
        Event::UsersTakenBack(attempt) => work::taken_back(turn, attempt),
        Event::UsersTakeBackFailed(attempt) => work::take_back_failed(turn, attempt),
    }
}

/// A timer that is not armed does not expire: such an event changes nothing.
fn expired(turn: &mut Turn<'_>, timer: Timer) {
    if !turn.node.timers.contains(timer) {
        return;
    }
    turn.node.timers = turn.node.timers.without(timer);
    match timer {
        Timer::Heartbeat => hear::keep_alive(turn),
        Timer::PeerSilence => hear::silence(turn),
        Timer::ServiceDelay => turn.node.health.overdue = true,
        Timer::AutoFallback => failed_over::healthy_long_enough(turn),
        Timer::Transition => too_long(turn),
    }
}

/// HA-14: a transition, or one step of it, took too long.
fn too_long(turn: &mut Turn<'_>) {
    match turn.node.state {
        State::Initializing => initializing::too_long(turn),
        State::TakingOver => taking_over::too_long(turn),
        State::FailingOver => failing_over::too_long(turn),
        State::FallingBack => falling_back::too_long(turn),
        State::TakingBack => taking_back::too_long(turn),
        State::Backup => backup::too_long(turn),
        State::Normal => normal::too_long(turn),
        State::Idle
        | State::FailedOver
        | State::FailedOverDown
        | State::FailedMode
        | State::Unknown => {}
    }
}

/// Decides about what is known now; whether anything changed.
fn decide(turn: &mut Turn<'_>) -> bool {
    match turn.node.state {
        State::Initializing => initializing::decide(turn),
        State::Normal => normal::decide(turn),
        State::Backup => backup::decide(turn),
        State::TakingOver => taking_over::decide(turn),
        State::FailingOver => failing_over::decide(turn),
        State::Idle => failed_over::decide_idle(turn),
        State::FailedOver => failed_over::decide_up(turn),
        State::FailedOverDown => failed_over::decide_down(turn),
        State::FallingBack => falling_back::decide(turn),
        State::TakingBack => taking_back::decide(turn),
        State::FailedMode => failed::decide_failed(turn),
        State::Unknown => failed::decide_unknown(turn),
    }
}

/// The actions that a node offers in a state (HA-11), whatever its peer does.
#[must_use]
pub fn allowed_actions(state: State, enabled: bool) -> Vec<Action> {
    admin::allowed(state, enabled)
}
