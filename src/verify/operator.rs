//! The operator: looks at a pair from time to time and does what the state table recommends.

use takeover_core::ha::{Action, State};
use takeover_core::id::NodeId;
use takeover_core::journal::Power;
use takeover_core::service::ServiceState;

use crate::drill::{Deed, PowerDeed, ServiceDeed};
use crate::lab::Control;

/// What an operator does about a pair that is so. A node without power is switched on where `calm`
/// says that no outage is under way that has taken it. A fallback is left to a pair that `waits` to fall back by itself
/// (HA-6).
pub(super) fn decide(
    lab: &Control,
    pair: &str,
    nodes: [NodeId; 2],
    calm: bool,
    waits: bool,
) -> Vec<Deed> {
    let names = nodes.map(|node| lab.node_name(node));
    let mut deeds: Vec<Deed> = names
        .iter()
        .flat_map(|node| services_down(lab, node))
        .collect();
    if calm {
        let dark = names.iter().filter(|node| is_dark(lab, node));
        deeds.extend(dark.map(|node| Deed::Power(PowerDeed::On, node.clone())));
    }
    let states = names.each_ref().map(|node| lab.state(node));
    let is_in = |wanted: State| states.contains(&Some(wanted));
    if is_in(State::FailedMode) {
        deeds.push(Deed::OnPair(Action::Recover, pair.to_owned()));
        return deeds;
    }
    if is_in(State::Unknown) {
        deeds.push(Deed::OnPair(Action::EnableHa, pair.to_owned()));
        return deeds;
    }
    for (node, state) in names.iter().zip(states) {
        match state {
            Some(State::FailedOver) if waits => {}
            Some(State::Idle | State::FailedOver) => {
                deeds.push(Deed::OnNode(Action::Fallback, node.clone()));
            }
            // Nothing is left to start, and still it is not well: "reboot the node".
            Some(State::FailedOverDown) if deeds.is_empty() => {
                deeds.push(Deed::Power(PowerDeed::Reboot, node.clone()));
            }
            Some(_) | None => {}
        }
    }
    deeds
}

/// Whether a node has no power: an outage may have ended while it was still going down, when it could
/// not be switched on.
fn is_dark(lab: &Control, node: &str) -> bool {
    match lab.status(node).unwrap_or_default().power {
        Power::Off | Power::Killed => true,
        Power::On | Power::Rebooting => false,
    }
}

/// Starts what is down on a node that runs. What SRM keeps down (HA-4) is left alone.
fn services_down(lab: &Control, node: &str) -> Vec<Deed> {
    let status = lab.status(node).unwrap_or_default();
    let kept_down = match lab.state(node) {
        Some(State::Idle | State::FailingOver | State::TakingBack) => true,
        Some(_) | None => false,
    };
    if status.power != Power::On {
        return Vec::new();
    }
    let down = status.services.iter().filter(|(_, state)| match state {
        ServiceState::Failed(_) => true,
        ServiceState::Stopped => !kept_down,
        ServiceState::Starting | ServiceState::Started | ServiceState::Stopping => false,
    });
    down.map(|(kind, _)| Deed::Service(ServiceDeed::Start, *kind, node.to_owned()))
        .collect()
}
