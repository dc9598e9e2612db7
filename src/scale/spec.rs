//! How large a deployment is, and who lives where in it.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::lab::{Builder, Lab};

/// Clusters that may be peered with each other (TOP-1).
const CLUSTERS: u32 = 30;
/// Nodes of a cluster that are pairs (TOP-2).
const NODES: [u32; 3] = [2, 4, 6];
/// Users of a pair: after a failover one node carries all of them (TOP-8).
const USERS_OF_PAIR: u32 = 25_000;

/// The size of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScaleSpec {
    /// Clusters, 1 to 30.
    pub clusters: u32,
    /// Nodes of a cluster: 2, 4 or 6, in pairs.
    pub nodes: u32,
    /// Users of a cluster, 1 to 25 000 a pair.
    pub users: u32,
    /// Seed of all chance.
    pub seed: u64,
}

/// A size that no deployment has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadScale {
    /// TOP-1.
    #[error("{given} clusters; allowed: 1 to {CLUSTERS}")]
    Clusters {
        /// What was wanted.
        given: u32,
    },
    /// TOP-2, TOP-3.
    #[error("{given} nodes a cluster; allowed: 2, 4 or 6, since each is one of a pair")]
    Nodes {
        /// What was wanted.
        given: u32,
    },
    /// TOP-8.
    #[error(
        "{given} users a cluster; allowed with {nodes} nodes: 1 to {allowed}, since one node of a pair \
         has to carry all users of both"
    )]
    Users {
        /// What was wanted.
        given: u32,
        /// Nodes of the cluster.
        nodes: u32,
        /// The most there may be.
        allowed: u32,
    },
}

/// One pair of the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) cluster: u32,
    /// Which of its cluster's pairs, from 0.
    pub(super) pair: u32,
}

/// The name of a user. All are of one length, so that their order is that of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UserName(u32);

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user{:07}", self.0)
    }
}

impl ScaleSpec {
    /// Whether there can be such a deployment.
    ///
    /// # Errors
    /// [`BadScale`] with what is allowed.
    pub fn check(&self) -> Result<(), BadScale> {
        if !(1..=CLUSTERS).contains(&self.clusters) {
            let given = self.clusters;
            return Err(BadScale::Clusters { given });
        }
        if !NODES.contains(&self.nodes) {
            return Err(BadScale::Nodes { given: self.nodes });
        }
        let allowed = self.nodes / 2 * USERS_OF_PAIR;
        if !(1..=allowed).contains(&self.users) {
            return Err(BadScale::Users {
                given: self.users,
                nodes: self.nodes,
                allowed,
            });
        }
        Ok(())
    }

    /// Users of the whole deployment.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        u64::from(self.clusters) * u64::from(self.users)
    }

    /// All pairs, in order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair> + use<> {
        let pairs = self.nodes / 2;
        (0..self.clusters)
            .flat_map(move |cluster| (0..pairs).map(move |pair| Pair { cluster, pair }))
    }

    /// How many users a pair has.
    pub(super) fn members(&self, pair: Pair) -> u32 {
        let at =
            |side| (self.users + self.nodes - 1).saturating_sub(self.turn(pair, side)) / self.nodes;
        at(0) + at(1)
    }

    /// When it is a node's turn, as users are dealt out: balanced assignment fills the first nodes of all
    /// pairs before the second ones (USR-1).
    fn turn(&self, pair: Pair, side: u32) -> u32 {
        side * (self.nodes / 2) + pair.pair
    }

    /// The name of a pair's user. The even ones of a pair are at home on its first node.
    pub(super) fn name(&self, pair: Pair, member: u32) -> UserName {
        let row = member / 2 * self.nodes;
        let number = row + self.turn(pair, member % 2);
        UserName(pair.cluster * self.users + number + 1)
    }

    /// The names of a pair's nodes.
    pub(super) fn nodes_of(pair: Pair) -> [String; 2] {
        ["A", "B"].map(|side| format!("c{}n{}{side}", pair.cluster + 1, pair.pair + 1))
    }

    /// The lab, without users.
    pub(super) fn lab(&self) -> Builder {
        let mut lab = Lab::virtual_time(self.seed)
            .without_foreign_timers()
            .journal_capacity(ENTRIES);
        for cluster in 0..self.clusters {
            lab = lab.cluster(&format!("cluster-{}", cluster + 1), |mut described| {
                for pair in 0..self.nodes / 2 {
                    let [first, second] = Self::nodes_of(Pair { cluster, pair });
                    let name = format!("pair-{}-{}", cluster + 1, pair + 1);
                    described = described.pair(&name, &first, &second);
                }
                described.ova(USERS_OF_PAIR)
            });
        }
        lab
    }
}

/// Journal entries that are kept: of millions of logins nobody reads each.
const ENTRIES: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use takeover_core::assignment::{AssignmentMode, Load, assign};
    use takeover_core::id::NodeId;

    use super::*;

    fn spec(clusters: u32, nodes: u32, users: u32) -> ScaleSpec {
        let seed = 1;
        ScaleSpec {
            clusters,
            nodes,
            users,
            seed,
        }
    }

    /// USR-1: everybody is at home where balanced assignment puts them, and nobody is missing.
    #[test]
    fn users_are_at_home_where_assignment_puts_them() {
        for (nodes, users) in [(2, 7), (4, 9), (6, 1), (6, 100), (6, 5)] {
            let spec = spec(1, nodes, users);
            let groups = (0..nodes / 2).map(|pair| {
                [2 * pair, 2 * pair + 1]
                    .map(|node| (NodeId(node as u16), 0))
                    .to_vec()
            });
            let names: Vec<String> = (1..=users).map(|n| format!("user{n:07}")).collect();
            let ids = names.iter().map(String::as_str);
            let mut load = Load::new(groups.collect());
            let homes = assign(AssignmentMode::Balanced, &mut load, &BTreeSet::new(), ids).homes;
            let mut known = 0;
            for pair in spec.pairs() {
                for member in 0..spec.members(pair) {
                    let home = NodeId((2 * pair.pair + member % 2) as u16);
                    let named = (spec.name(pair, member).to_string(), Some(home));
                    assert!(homes.contains(&named), "{named:?} of {homes:?}");
                    known += 1;
                }
            }
            assert_eq!(known, users);
        }
    }

    #[test]
    fn what_is_refused_says_what_is_allowed() {
        assert_eq!(spec(30, 6, 75_000).check(), Ok(()));
        assert_eq!(spec(30, 6, 75_000).sessions(), 2_250_000);
        for (bad, words) in [
            (spec(0, 6, 1), "0 clusters; allowed: 1 to 30"),
            (spec(31, 6, 1), "31 clusters; allowed: 1 to 30"),
            (spec(1, 3, 1), "3 nodes a cluster; allowed: 2, 4 or 6"),
            (spec(1, 2, 25_001), "allowed with 2 nodes: 1 to 25000"),
            (
                spec(1, 6, 0),
                "0 users a cluster; allowed with 6 nodes: 1 to 75000",
            ),
        ] {
            let error = bad.check().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
