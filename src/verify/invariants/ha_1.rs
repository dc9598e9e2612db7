//! HA-1: legal edges.

use std::collections::BTreeMap;

use takeover_core::ha::State;
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
#[error("{node} went from {from} to {to}; it was {was}, from where it may go to {}", names(legal(*from)))]
pub struct Broken {
    node: NodeId,
    was: State,
    from: State,
    to: State,
}

/// Where a node may go from a state, beside the failed mode and the end of HA, which are open to all.
/// Written from chapter 2, not from the machine.
const fn legal(from: State) -> &'static [State] {
    use State::{
        Backup, FailedOver, FailedOverDown, FailingOver, FallingBack, Idle, Initializing, Normal,
        TakingBack, TakingOver,
    };
    match from {
        Initializing => &[
            Normal,
            Idle,
            Backup,
            TakingOver,
            FailingOver,
            FailedOver,
            FailedOverDown,
            FallingBack,
            TakingBack,
        ],
        Normal => &[FailingOver, TakingOver, Initializing],
        FailingOver => &[Idle, FailedOver, FailedOverDown, Initializing, TakingOver],
        TakingOver => &[Backup, Initializing, FailingOver, Normal],
        Idle => &[
            TakingBack,
            TakingOver,
            Initializing,
            FailedOver,
            FailedOverDown,
        ],
        FailedOver => &[TakingBack, TakingOver, FailedOverDown, Initializing, Backup],
        FailedOverDown => &[FailedOver, TakingBack, TakingOver, Initializing, Backup],
        Backup => &[
            FallingBack,
            FailingOver,
            FailedOver,
            FailedOverDown,
            TakingOver,
            Initializing,
            Normal,
        ],
        FallingBack => &[Normal, Backup, TakingOver, Initializing],
        TakingBack => &[
            Normal,
            Idle,
            FailedOver,
            FailedOverDown,
            TakingOver,
            Initializing,
        ],
        // A failed node whose peer carries everybody lets its users go to it.
        State::FailedMode => &[Initializing, TakingOver, FailingOver],
        State::Unknown => &[Initializing, Normal],
    }
}

fn is_legal(from: State, to: State) -> bool {
    matches!(to, State::FailedMode | State::Unknown) || from == to || legal(from).contains(&to)
}

fn names(states: &[State]) -> String {
    let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
    names.join(", ")
}

/// The state of each node as it was last told.
#[derive(Default)]
pub(super) struct Edges(BTreeMap<NodeId, State>);

impl Check for Edges {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        let (Event::Ha(change), Some(node)) = (&entry.event, entry.node) else {
            return Ok(());
        };
        let was = self.0.insert(node, change.to).unwrap_or(change.from);
        // A new life of SRM begins with `Initializing`, whatever the old one left.
        let follows = was == change.from || change.to == State::Initializing;
        match follows && is_legal(change.from, change.to) {
            true => Ok(()),
            false => Err(Violation::Ha1(Broken {
                node,
                was,
                from: change.from,
                to: change.to,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The edges of "From state to state" are legal, and some that chapter 2 does not have are not.
    #[test]
    fn the_edges_of_chapter_2_are_legal() {
        for (from, to) in [
            (State::Normal, State::FailingOver),
            (State::Normal, State::TakingOver),
            (State::TakingOver, State::Backup),
            (State::FailingOver, State::Idle),
            (State::Idle, State::TakingBack),
            (State::Backup, State::FallingBack),
            (State::FailedMode, State::Initializing),
            (State::TakingBack, State::FailedMode),
        ] {
            assert!(is_legal(from, to), "{from} to {to}");
        }
        for (from, to) in [
            (State::Normal, State::Backup),
            (State::Normal, State::Idle),
            (State::Idle, State::Normal),
            (State::FailedOver, State::Normal),
            (State::Normal, State::TakingBack),
        ] {
            assert!(!is_legal(from, to), "{from} to {to}");
        }
    }
}
