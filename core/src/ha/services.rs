//! What becomes known of the node's own services (HA-2, HA-3).

use super::effect::{Alarm, Cause};
use super::peer::Phase;
use super::reason::Reason;
use super::state::State;
use super::turn::Turn;
use super::work;
use crate::service::ServiceKind;

/// A service is no longer up.
pub(super) fn down(turn: &mut Turn<'_>, kind: ServiceKind) {
    if !turn.params.critical.contains(kind) || turn.node.health.down.contains(kind) {
        return;
    }
    let health = &mut turn.node.health;
    health.down = health.down.with(kind);
    health.first_down = health.first_down.or(Some(kind));
    if !is_stopped_by_hand(turn) {
        turn.raise(Alarm::CriticalServiceDown(kind));
    }
    turn.watch();
}

/// HA-4: in a manual failover the services are down by order, which alarms nobody.
fn is_stopped_by_hand(turn: &Turn<'_>) -> bool {
    let (node, by_hand) = (&turn.node, Reason::AdminRequest);
    node.state == State::Idle || (node.state == State::FailingOver && node.reason == by_hand)
}

/// A service is up. The delay ends with the first one that was down; another that is still down gets a
/// delay of its own.
pub(super) fn up(turn: &mut Turn<'_>, kind: ServiceKind) {
    let health = &mut turn.node.health;
    if !health.down.contains(kind) {
        return;
    }
    health.down = health.down.without(kind);
    if health.first_down == Some(kind) {
        health.first_down = health.down.iter().next();
        health.overdue = false;
        turn.disarm(super::Timer::ServiceDelay);
    }
    turn.watch();
}

/// The database is down.
pub(super) fn database_down(turn: &mut Turn<'_>) {
    if !turn.node.health.database_down {
        turn.node.health.database_down = true;
        turn.raise(Alarm::DatabaseDown);
    }
}

/// Every critical service is up.
pub(super) fn started(turn: &mut Turn<'_>) {
    for kind in turn.node.health.down.iter() {
        up(turn, kind);
    }
    turn.node.services_known = turn.node.state == State::Initializing;
    if (turn.node.state, turn.node.phase) == (State::TakingBack, Phase::Starting) {
        let reason = turn.node.reason;
        turn.go(State::TakingBack, reason, Phase::Waiting, Cause::WorkDone);
    }
}

/// A critical service did not start (row 14 in a fallback or a recovery).
pub(super) fn start_failed(turn: &mut Turn<'_>, kind: Option<ServiceKind>) {
    if let Some(kind) = kind {
        down(turn, kind);
    }
    let starting = (turn.node.state, turn.node.phase) == (State::TakingBack, Phase::Starting);
    let initializing = turn.node.state == State::Initializing;
    if starting || (initializing && turn.node.recovering) {
        work::fail(
            turn,
            Reason::StartOfCriticalServicesFailed,
            Cause::WorkFailed,
        );
    } else {
        turn.node.services_known = initializing;
    }
}

/// Why the node must give its users away, and what shows it.
pub(super) fn loss(turn: &Turn<'_>) -> (Reason, Cause) {
    let health = turn.node.health;
    match (health.database_down, health.first_down) {
        (true, _) => (Reason::DatabaseFailure, Cause::Database),
        (false, Some(kind)) => (Reason::CriticalServiceDown, Cause::Service(kind)),
        (false, None) => (Reason::CriticalServiceDown, Cause::TimedOut),
    }
}
