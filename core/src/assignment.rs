//! Who is at home where (USR-1 to USR-4).
//!
//! The Sync Agent takes user ids from the directory; [`assign`] refuses what is malformed or double and
//! gives each of the rest a home node.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ha::State;
use crate::id::NodeId;

/// How users are assigned to nodes (USR-1).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum AssignmentMode {
    /// Evenly over the nodes of each subcluster, and over the subclusters.
    #[default]
    Balanced,
    /// All users of a subcluster on its first node; the second is the backup.
    ActiveStandby,
    /// Nobody is assigned.
    None,
}

impl AssignmentMode {
    /// Every mode.
    pub const ALL: [AssignmentMode; 3] = [
        AssignmentMode::Balanced,
        AssignmentMode::ActiveStandby,
        AssignmentMode::None,
    ];

    /// The name in parameters and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AssignmentMode::Balanced => "balanced",
            AssignmentMode::ActiveStandby => "active-standby",
            AssignmentMode::None => "none",
        }
    }
}

impl fmt::Display for AssignmentMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for AssignmentMode {
    type Err = UnknownAssignmentMode;

    fn from_str(text: &str) -> Result<Self, UnknownAssignmentMode> {
        AssignmentMode::ALL
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownAssignmentMode {
                value: text.to_owned(),
            })
    }
}

/// There is no assignment mode of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no assignment mode {value:?}; there are balanced, active-standby and none")]
pub struct UnknownAssignmentMode {
    /// The value refused.
    pub value: String,
}

/// Why a user id is not assigned (USR-3). Shown in the troubleshooter's user section.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum BadUser {
    /// Not an id.
    #[error(
        "user id {id:?} is malformed: 1 to 128 characters, none of space, control characters or \" & ' / : < > @"
    )]
    Malformed {
        /// The id.
        id: String,
    },
    /// Already there, in any case of its letters.
    #[error("user id {id:?} is there already; ids are unique whatever the case of their letters")]
    Duplicate {
        /// The id.
        id: String,
    },
}

/// Users cannot be added now (USR-2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("users cannot be added to the cluster: node {node:?} is {state}; fall back first")]
pub struct FailedOver {
    /// The failed-over node's name.
    pub node: String,
    /// Its state.
    pub state: State,
}

/// Checks that users can be added to a cluster (USR-2): no node of it is failed over.
///
/// # Errors
/// [`FailedOver`] names the first node that is, and its state.
pub fn check_addition<'a>(
    nodes: impl IntoIterator<Item = (&'a str, State)>,
) -> Result<(), FailedOver> {
    match nodes.into_iter().find(|(_, state)| state.is_failed_over()) {
        Some((node, state)) => Err(FailedOver {
            node: node.to_owned(),
            state,
        }),
        None => Ok(()),
    }
}

/// Checks one user id: the local part of an XMPP address (RFC 7622 section 3.3.1), 128 characters at most.
///
/// # Errors
/// [`BadUser::Malformed`] names the id and what is allowed.
pub fn check_user_id(id: &str) -> Result<(), BadUser> {
    let count = id.chars().count();
    let allowed = |c: char| {
        !c.is_whitespace()
            && !c.is_control()
            && !matches!(c, '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@')
    };
    if (1..=128).contains(&count) && id.chars().all(allowed) {
        return Ok(());
    }
    Err(BadUser::Malformed { id: id.to_owned() })
}

/// What came of an assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Each accepted user and its home, in the order given; no home in mode [`AssignmentMode::None`].
    pub homes: Vec<(String, Option<NodeId>)>,
    /// What was refused (USR-3).
    pub refused: Vec<BadUser>,
}

/// The nodes of a cluster and how many users each has, subcluster by subcluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    groups: Vec<Vec<(NodeId, usize)>>,
}

impl Load {
    /// The load of the subclusters given, each with its nodes and the users they have already.
    #[must_use]
    pub fn new(groups: Vec<Vec<(NodeId, usize)>>) -> Load {
        Load { groups }
    }

    /// The users of each node.
    #[must_use]
    pub fn per_node(&self) -> Vec<(NodeId, usize)> {
        self.groups.concat()
    }

    /// The home for one more user. Balanced: the emptiest node; of equally empty ones that of the emptiest
    /// subcluster, then the first. Active-standby: the first node of the emptiest subcluster.
    fn place(&mut self, mode: AssignmentMode) -> Option<NodeId> {
        let candidates = self.groups.iter().enumerate().flat_map(|(place, group)| {
            let total: usize = group.iter().map(|(_, users)| users).sum();
            group
                .iter()
                .enumerate()
                .map(move |(seat, (_, users))| (place, seat, *users, total))
        });
        let (place, seat) = match mode {
            AssignmentMode::None => None,
            AssignmentMode::Balanced => {
                candidates.min_by_key(|(place, seat, users, total)| (*users, *total, *place, *seat))
            }
            AssignmentMode::ActiveStandby => candidates
                .filter(|(_, seat, _, _)| *seat == 0)
                .min_by_key(|(place, _, _, total)| (*total, *place)),
        }
        .map(|(place, seat, _, _)| (place, seat))?;
        let (node, users) = &mut self.groups[place][seat];
        *users += 1;
        Some(*node)
    }
}

/// Gives each user of the directory a home (USR-1), refusing malformed and double ids (USR-3).
///
/// `known`: the ids that are there already, in lower case.
#[must_use]
pub fn assign<'a>(
    mode: AssignmentMode,
    load: &mut Load,
    known: &BTreeSet<String>,
    ids: impl IntoIterator<Item = &'a str>,
) -> Assigned {
    let mut seen = known.clone();
    let mut assigned = Assigned::default();
    for id in ids {
        if let Err(bad) = check_user_id(id) {
            assigned.refused.push(bad);
        } else if !seen.insert(id.to_lowercase()) {
            assigned
                .refused
                .push(BadUser::Duplicate { id: id.to_owned() });
        } else {
            assigned.homes.push((id.to_owned(), load.place(mode)));
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn empty(groups: &[usize]) -> Load {
        let mut next = 0;
        let mut group = |nodes: &usize| {
            (0..*nodes)
                .map(|_| {
                    next += 1;
                    (NodeId(next - 1), 0)
                })
                .collect()
        };
        Load::new(groups.iter().map(&mut group).collect())
    }

    fn spread(mode: AssignmentMode, groups: &[usize], users: usize) -> (Vec<usize>, Assigned) {
        let mut load = empty(groups);
        let ids: Vec<String> = (0..users).map(|i| format!("user{i}")).collect();
        let assigned = assign(
            mode,
            &mut load,
            &BTreeSet::new(),
            ids.iter().map(String::as_str),
        );
        (
            load.per_node()
                .into_iter()
                .map(|(_, users)| users)
                .collect(),
            assigned,
        )
    }

    /// USR-1: balanced over the nodes, active-standby over the first nodes, none nowhere.
    #[test]
    fn users_are_spread_by_mode() {
        assert_eq!(
            spread(AssignmentMode::Balanced, &[2, 2], 10).0,
            [3, 2, 3, 2]
        );
        assert_eq!(
            spread(AssignmentMode::ActiveStandby, &[2, 2], 5).0,
            [3, 0, 2, 0]
        );
        let (load, assigned) = spread(AssignmentMode::None, &[2], 3);
        assert_eq!(load, [0, 0]);
        assert!(assigned.homes.iter().all(|(_, home)| home.is_none()));
    }

    /// USR-3: a malformed or double id is refused; nobody else is affected.
    #[test]
    fn bad_ids_are_refused_alone() {
        let known = BTreeSet::from(["zoe".to_owned()]);
        let ids = ["andy", "bob@x", "ANDY", "", "Zoe", "carl"];
        let assigned = assign(AssignmentMode::Balanced, &mut empty(&[2]), &known, ids);
        let names: Vec<&str> = assigned.homes.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(names, ["andy", "carl"]);
        assert_eq!(assigned.refused.len(), 4);
        assert!(
            assigned.refused[1]
                .to_string()
                .contains("\"ANDY\" is there already")
        );
        assert!(
            check_user_id(&"x".repeat(128)).is_ok() && check_user_id(&"x".repeat(129)).is_err()
        );
    }

    /// USR-2: no users are added while a node is failed over; the error names it and its state.
    #[test]
    fn additions_wait_for_the_fallback() {
        assert!(check_addition([("1A", State::Normal), ("1B", State::Backup)]).is_ok());
        let error = check_addition([("1B", State::Backup), ("1A", State::Idle)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "users cannot be added to the cluster: node \"1A\" is Idle; fall back first"
        );
    }

    proptest! {
        /// USR-1: in balanced mode the totals of the nodes of a subcluster, and of the subclusters of one
        /// size, differ by at most one node's share.
        #[test]
        fn balanced_is_level(groups in prop::collection::vec(1usize..=2, 1..4), users in 0usize..200) {
            let (load, assigned) = spread(AssignmentMode::Balanced, &groups, users);
            prop_assert_eq!(assigned.homes.len(), users);
            let (least, most) = (load.iter().min().unwrap(), load.iter().max().unwrap());
            prop_assert!(most - least <= 1);
        }

        /// USR-1: in active-standby mode the subclusters are level and the second nodes are empty.
        #[test]
        fn standby_is_level(groups in 1usize..4, users in 0usize..200) {
            let (load, _) = spread(AssignmentMode::ActiveStandby, &vec![2; groups], users);
            let first: Vec<usize> = load.iter().copied().step_by(2).collect();
            prop_assert!(first.iter().max().unwrap() - first.iter().min().unwrap() <= 1);
            prop_assert_eq!(load.iter().skip(1).step_by(2).sum::<usize>(), 0);
        }
    }
}
