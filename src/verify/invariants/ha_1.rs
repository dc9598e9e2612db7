//! HA-1: legal edges.

use std::collections::BTreeMap;

use takeover_core::ha::{State, edges};
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// HA-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "HA-1",
    sentence: "A node goes from state to state by the edges of chapter 2 only, and from the state \
               that it was in.",
    file: "ha_1.rs",
    looked: Looked::Step,
};

/// An edge that is not there, or that begins elsewhere.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{node} went from {from} to {to}; it was {was}, from where it may go to {}", names(edges::after(*from)))]
pub struct Broken {
    node: NodeId,
    was: State,
    from: State,
    to: State,
}

fn names(states: &[State]) -> String {
    let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
    names.join(", ")
}

/// The state of each node as it was last told.
#[derive(Default)]
pub(super) struct Edges(BTreeMap<NodeId, State>);

impl Edges {
    /// A change of a node's state, after all those that came before. A new life of SRM begins with
    /// `Initializing`, whatever the old one left.
    fn take(&mut self, node: NodeId, from: State, to: State) -> Result<(), Broken> {
        let was = self.0.insert(node, to).unwrap_or(from);
        let follows = was == from || to == State::Initializing;
        let is_legal = from == to || edges::is_legal(from, to);
        if follows && is_legal {
            return Ok(());
        }
        Err(Broken {
            node,
            was,
            from,
            to,
        })
    }
}

impl Check for Edges {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        let (Event::Ha(change), Some(node)) = (&entry.event, entry.node) else {
            return Ok(());
        };
        self.take(node, change.from, change.to)
            .map_err(Violation::Ha1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HA-13: a change goes along an edge of the list and from the state the node was in; the nodes are told
    /// apart, a new reason is no edge, and a new life of SRM may begin from anywhere.
    #[test]
    fn a_change_follows_the_last_one_along_an_edge() {
        let (a, b) = (NodeId(0), NodeId(1));
        let mut edges = Edges::default();
        assert_eq!(edges.take(a, State::Normal, State::FailingOver), Ok(()));
        assert_eq!(edges.take(b, State::Normal, State::TakingOver), Ok(()));
        assert_eq!(edges.take(b, State::TakingOver, State::Backup), Ok(()));
        assert_eq!(edges.take(b, State::Backup, State::Backup), Ok(()));
        assert_eq!(
            edges.take(a, State::FailedOver, State::Initializing),
            Ok(())
        );
        let skipped = edges.take(b, State::FallingBack, State::Normal);
        assert_eq!(skipped.unwrap_err().was, State::Backup);
        let unknown = edges.take(a, State::Initializing, State::Initializing);
        assert_eq!(unknown, Ok(()));
        let illegal = Edges::default().take(a, State::Normal, State::Backup);
        let said = illegal.unwrap_err().to_string();
        assert!(said.contains("Normal to Running in Backup Mode"), "{said}");
        assert!(said.contains("Failing Over"), "and where it may go: {said}");
    }
}
