//! SUP-2: restarts have a budget.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use takeover_core::service::{ServiceKind, ServiceState};
use takeover_core::time::Moment;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// SUP-2.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "SUP-2",
    sentence: "Restarts stay in their budget: the waits between them double, so that no service starts \
               more than twelve times in ten minutes.",
    file: "sup_2.rs",
    looked: Looked::Step,
};

/// Starts that are allowed in [`SPAN`]: the waits of SRM and ICSA are 1, 2, 4 … 60 s, and an operator
/// and a recovery come on top.
const STARTS: usize = 12;
const SPAN: Duration = Duration::from_secs(600);

/// Too many starts.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{kind} of {node} has started {STARTS} times within {} s", span.as_secs())]
pub struct Broken {
    kind: ServiceKind,
    node: NodeId,
    span: Duration,
}

/// The latest starts of each service.
#[derive(Default)]
pub(super) struct Restarts(BTreeMap<(NodeId, ServiceKind), VecDeque<Moment>>);

impl Check for Restarts {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        let (Some(node), Event::Service { kind, state }) = (entry.node, &entry.event) else {
            return Ok(());
        };
        if *state != ServiceState::Starting {
            return Ok(());
        }
        let starts = self.0.entry((node, *kind)).or_default();
        starts.push_back(entry.at);
        if starts.len() > STARTS {
            starts.pop_front();
        }
        let first = starts.front().copied().unwrap_or(entry.at);
        let span = entry.at.saturating_since(first);
        match starts.len() == STARTS && span < SPAN {
            true => Err(Violation::Sup2(Broken {
                kind: *kind,
                node,
                span,
            })),
            false => Ok(()),
        }
    }
}
