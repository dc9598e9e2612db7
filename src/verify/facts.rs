//! What the invariants may know beside the lab itself: pairs, causes, and whether all is calm.

use std::collections::BTreeMap;
use std::time::Duration;

use takeover_core::id::{GroupId, NodeId};
use takeover_core::journal::Entry;
use takeover_core::params::Param;
use takeover_core::time::Moment;

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
    /// Things done to it so far, by the plan, at a fault's end, by the operator.
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
    /// When the world was ready and the plan began.
    pub began: Moment,
}

impl Facts {
    /// Of a lab that is not up yet.
    pub(super) fn new(lab: &Control) -> Self {
        let params = lab.parameters();
        let port = u16::try_from(params.number(Param::ServicePort)).unwrap_or(u16::MAX);
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
        Self {
            pairs: pairs.collect(),
            rest: rest(&params.ha()),
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

    /// For how long what can be seen of it has been the same.
    #[must_use]
    pub fn still(&self, now: Moment) -> Duration {
        let since = self.trace.stretches().last().map(|open| open.from);
        now.saturating_since(since.unwrap_or(now))
    }
}

/// How often a deed may move a user: twice where it parts the nodes of a pair or makes them miss each
/// other, for then each takes the other's users over (HA-10).
pub(super) fn moves(deed: &Deed) -> u64 {
    match deed {
        Deed::Link(..) | Deed::Lag(..) | Deed::Drift(..) => 2,
        Deed::OnNode(..)
        | Deed::OnPair(..)
        | Deed::Service(..)
        | Deed::Power(..)
        | Deed::Moves(..)
        | Deed::Replication(..)
        | Deed::Database(..)
        | Deed::Dns(..)
        | Deed::DropClients(_)
        | Deed::LogIn(_)
        | Deed::LogOut(_) => 1,
    }
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
