//! SUP-1: one life at a time.

use std::collections::BTreeMap;

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event, Power};
use takeover_core::service::{ServiceKind, ServiceState};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// SUP-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "SUP-1",
    sentence: "The old life has ended before the new one starts: of a node, and of each service.",
    file: "sup_1.rs",
    looked: Looked::Step,
};

/// Two lives at once.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Broken {
    /// Of a node.
    #[error("{node} is {power} in life {life} after life {before}, which was {was}")]
    Node {
        /// The node.
        node: NodeId,
        /// Its power now.
        power: Power,
        /// Its life now.
        life: u32,
        /// Its life before.
        before: u32,
        /// Its power before.
        was: Power,
    },
    /// Of a service.
    #[error("{kind} of {node} is {state} after it was {was}")]
    Service {
        /// The service.
        kind: ServiceKind,
        /// The node.
        node: NodeId,
        /// Its state now.
        state: ServiceState,
        /// Its state before.
        was: ServiceState,
    },
}

/// How nodes and services stood last.
#[derive(Default)]
pub(super) struct Lives {
    nodes: BTreeMap<NodeId, (Power, u32)>,
    services: BTreeMap<(NodeId, ServiceKind), ServiceState>,
}

impl Check for Lives {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        let Some(node) = entry.node else {
            return Ok(());
        };
        match &entry.event {
            Event::Power { power, incarnation } => self.power(node, *power, *incarnation),
            Event::Service { kind, state } => self.service(node, *kind, state),
            _ => Ok(()),
        }
    }
}

impl Lives {
    fn power(&mut self, node: NodeId, power: Power, life: u32) -> Result<(), Violation> {
        // Going down in order, its services are still those of this life.
        if power != Power::Rebooting {
            self.services.retain(|(of, _), _| *of != node);
        }
        let Some((was, before)) = self.nodes.insert(node, (power, life)) else {
            return Ok(());
        };
        let follows = match power {
            Power::On => was != Power::On && life == before + 1,
            Power::Off | Power::Killed | Power::Rebooting => life == before,
        };
        match follows {
            true => Ok(()),
            false => Err(Violation::Sup1(Broken::Node {
                node,
                power,
                life,
                before,
                was,
            })),
        }
    }

    fn service(
        &mut self,
        node: NodeId,
        kind: ServiceKind,
        state: &ServiceState,
    ) -> Result<(), Violation> {
        let before = self.services.insert((node, kind), state.clone());
        let was = before.unwrap_or_default();
        let down = |state: &ServiceState| match state {
            ServiceState::Stopped | ServiceState::Failed(_) => true,
            ServiceState::Starting | ServiceState::Started | ServiceState::Stopping => false,
        };
        let follows = match state {
            ServiceState::Starting => down(&was),
            ServiceState::Started => was == ServiceState::Starting,
            ServiceState::Stopping | ServiceState::Stopped | ServiceState::Failed(_) => true,
        };
        match follows {
            true => Ok(()),
            false => Err(Violation::Sup1(Broken::Service {
                kind,
                node,
                state: state.clone(),
                was,
            })),
        }
    }
}
