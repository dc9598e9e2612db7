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
    sentence: "Restarts stay in their budget: the waits between them double, so that no service starts by \
               itself twelve times in ten minutes. What somebody has asked for counts for none of them.",
    file: "sup_2.rs",
    looked: Looked::Step,
};

/// Starts that are too many in [`SPAN`]: the waits of SRM and ICSA are 1, 2, 4 … 60 s.
const STARTS: usize = 12;
const SPAN: Duration = Duration::from_secs(600);
/// How soon after a deed what was asked for starts: at once, or as soon as the SRM that has restarted for a
/// recovery is there.
const ASKED: Duration = Duration::from_secs(1);

/// Too many starts.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{kind} of {node} has started by itself {STARTS} times within {} s", span.as_secs())]
pub struct Broken {
    kind: ServiceKind,
    node: NodeId,
    span: Duration,
}

/// The latest starts of each service.
#[derive(Default)]
pub(super) struct Restarts(BTreeMap<(NodeId, ServiceKind), VecDeque<Moment>>);

impl Check for Restarts {
    fn entry(&mut self, entry: &Entry, scene: &Scene<'_>) -> Result<(), Violation> {
        let (Some(node), Event::Service { kind, state }) = (entry.node, &entry.event) else {
            return Ok(());
        };
        let asked = |at: Moment| entry.at.saturating_since(at) <= ASKED;
        let pair = scene.facts.pair_of(node);
        if *state != ServiceState::Starting || pair.is_some_and(|pair| asked(pair.last_cause)) {
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
