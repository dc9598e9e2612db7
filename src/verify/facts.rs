//! What the invariants may know beside the lab itself: pairs, causes, and whether all is calm.

use std::collections::BTreeMap;
use std::time::Duration;

use takeover_core::ha::Detection;
use takeover_core::id::{GroupId, NodeId};
use takeover_core::journal::Entry;
use takeover_core::params::Param;
use takeover_core::time::Moment;

use super::invariants::Scene;
use super::plan::Planned;
use crate::drill::{Deed, Trace, rest};
use crate::lab::Control;

/// A pair of nodes and what has befallen it.
#[derive(Clone, Debug)]
pub struct PairFacts {
    /// The group.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// Its nodes.
    pub nodes: [NodeId; 2],
    /// Its states as the journal tells them.
    pub trace: Trace,
    /// How often what was done to it so far, by the plan and by the operator, may have moved a user.
    pub causes: u64,
    /// When the last of them was done, or ended.
    pub last_cause: Moment,
    /// Faults of it that stand.
    pub standing: BTreeMap<usize, Deed>,
}

/// What is known of a run.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The pairs.
    pub pairs: Vec<PairFacts>,
    /// How long a pair must be still to be at rest: longer than a silence that is yet to be noticed.
    pub rest: Duration,
    /// How long it must be still until nothing that has befallen it can move its users any more: longer than
    /// such a silence, and than a critical service may be down (HA-2).
    pub quiet: Duration,
    /// How a peer's death is noticed (HA-1, HA-16).
    pub detection: Detection,
    /// When the world was ready and the plan began.
    pub began: Moment,
}

impl Facts {
    /// Of a lab that is not up yet.
    pub(super) fn new(lab: &Control) -> Self {
        let params = lab.parameters();
        let port = u16::try_from(params.number(Param::ServicePort)).unwrap_or(u16::MAX);
        lab.world().network().keep_ledger(port);
        let groups = lab.deployment().groups().iter();
        let pairs = groups.filter_map(|group| {
            let nodes: [NodeId; 2] = group.nodes.clone().try_into().ok()?;
            Some(PairFacts {
                group: group.id,
                name: group.name.to_string(),
                nodes,
                trace: Trace::new(nodes, port),
                causes: 0,
                last_cause: Moment::ZERO,
                standing: BTreeMap::new(),
            })
        });
        let ha = params.ha();
        let delay = ha.critical_service_delay + ha.detection.interval();
        Self {
            pairs: pairs.collect(),
            rest: rest(&ha),
            quiet: rest(&ha).max(delay),
            detection: ha.detection,
            began: Moment::ZERO,
        }
    }

    /// The world is ready.
    pub(super) fn begin(&mut self, lab: &Control) {
        self.began = lab.now();
        for pair in &mut self.pairs {
            pair.last_cause = self.began;
        }
    }

    pub(super) fn take(&mut self, entry: &Entry) {
        for pair in &mut self.pairs {
            pair.trace.take(entry);
        }
    }

    /// Something is done at `now` that concerns these pairs, and may move a user so often.
    pub(super) fn cause(&mut self, now: Moment, concerned: &[GroupId], moves: u64) {
        for pair in &mut self.pairs {
            if concerned.contains(&pair.group) {
                pair.causes += moves;
                pair.last_cause = now;
            }
        }
    }

    /// Step number `index` of the plan begins to stand, or no longer does.
    pub(super) fn stand(&mut self, index: usize, step: &Planned, lab: &Control, stands: bool) {
        let concerned = concerned(lab, &step.deed);
        for pair in &mut self.pairs {
            if stands && concerned.contains(&pair.group) {
                pair.standing.insert(index, step.deed.clone());
            } else {
                pair.standing.remove(&index);
            }
        }
    }

    /// The pair that a node belongs to.
    #[must_use]
    pub fn pair_of(&self, node: NodeId) -> Option<&PairFacts> {
        self.pairs.iter().find(|pair| pair.nodes.contains(&node))
    }
}

impl PairFacts {
    /// For how long nothing has been done to it, and no fault stands; zero while one does.
    #[must_use]
    pub fn calm(&self, now: Moment) -> Duration {
        match self.standing.is_empty() {
            true => now.saturating_since(self.last_cause),
            false => Duration::ZERO,
        }
    }

    /// Whether nothing is done to it, nothing stands, and what can be seen of it has been the same for so
    /// long that nothing can come of what has befallen it.
    #[must_use]
    pub fn is_quiet(&self, scene: &Scene<'_>) -> bool {
        self.still(scene.now).min(self.calm(scene.now)) > scene.facts.quiet
            && self.trace.is_at_rest()
    }

    /// For how long what can be seen of it has been the same.
    #[must_use]
    pub fn still(&self, now: Moment) -> Duration {
        let since = self.trace.stretches().last().map(|open| open.from);
        now.saturating_since(since.unwrap_or(now))
    }
}

/// How often a deed may move a user. What is done to links moves nobody by itself: the silences that it
/// brings about are counted where they are (`silence.rs`). Nor does what is a matter of clients or of names,
/// a machine that is slow, or a clock within its bounds.
pub(super) fn moves(deed: &Deed) -> u64 {
    match deed {
        Deed::OnNode(..)
        | Deed::OnPair(..)
        | Deed::Service(..)
        | Deed::Power(..)
        | Deed::Moves(..)
        | Deed::Replication(..)
        | Deed::Database(..) => 1,
        Deed::Link(..)
        | Deed::Lag(..)
        | Deed::Dns(..)
        | Deed::Drift(..)
        | Deed::DropClients(_)
        | Deed::LogIn(_)
        | Deed::LogOut(_) => 0,
    }
}

/// How often the end of a fault may move a user: nothing that is made well moves anybody, but HA that
/// is switched on again beside a node that is not well (HA-9).
pub(super) fn moves_at_end(deed: &Deed) -> u64 {
    u64::from(matches!(deed, Deed::OnNode(..) | Deed::OnPair(..)))
}

/// The pairs that a deed concerns.
pub(super) fn concerned(lab: &Control, deed: &Deed) -> Vec<GroupId> {
    let of_node = |name: &String| {
        let id = lab.node_id(name).ok()?;
        Some(lab.deployment().node(id).group)
    };
    let all = || lab.deployment().groups().iter().map(|group| group.id);
    match deed {
        Deed::OnNode(_, node)
        | Deed::Service(_, _, node)
        | Deed::Power(_, node)
        | Deed::Moves(_, node)
        | Deed::Replication(_, node)
        | Deed::Drift(node, _)
        | Deed::Lag(node, _)
        | Deed::DropClients(node)
        | Deed::Dns(_, Some(node)) => of_node(node).into_iter().collect(),
        Deed::OnPair(_, pair) | Deed::Database(_, pair) => {
            lab.group_id(pair).ok().into_iter().collect()
        }
        Deed::Link(_, from, to) => [from, to].into_iter().filter_map(of_node).collect(),
        Deed::Dns(_, None) => all().collect(),
        Deed::LogIn(_) | Deed::LogOut(_) => Vec::new(),
    }
}
