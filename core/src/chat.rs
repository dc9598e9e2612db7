//! Which external databases the rooms of a deployment are in, and what that breaks (CHAT-4 to CHAT-6).
//!
//! ```
//! use takeover_core::chat::{Breach, GroupPlan, NodePlan, breaches};
//! let node = |node: &str, database: &str| NodePlan {
//!     node: node.into(),
//!     database: database.into(),
//! };
//! let pair = GroupPlan {
//!     group: "pair-1".into(),
//!     ha: true,
//!     chat_ha: true,
//!     nodes: vec![node("1A", "rooms-a"), node("1B", "rooms-b")],
//! };
//! let found = breaches(true, &[pair]);
//! assert!(matches!(found[..], [Breach::DifferentDatabases { .. }]));
//! assert!(found[0].is_refused());
//! ```

use std::collections::BTreeMap;
use std::fmt;

/// A node and the database instance of its rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    /// Its name.
    pub node: String,
    /// The instance, by whatever tells it from others.
    pub database: String,
}

/// A presence redundancy group, as far as its rooms are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    /// Its name.
    pub group: String,
    /// Whether HA is on.
    pub ha: bool,
    /// Whether persistent-chat HA is on: rooms move with their node.
    pub chat_ha: bool,
    /// Its nodes.
    pub nodes: Vec<NodePlan>,
}

/// What a configuration of databases breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// CHAT-5: with persistent-chat HA both nodes use one and the same instance.
    #[error(
        "{group}: persistent-chat HA needs one and the same database on both nodes; {}",
        Uses(nodes)
    )]
    DifferentDatabases {
        /// The group.
        group: String,
        /// Its nodes, each with its database.
        nodes: Vec<NodePlan>,
    },
    /// CHAT-4, CHAT-5: each group has instances of its own.
    #[error("database {database} is used by several groups: {}; allowed: one", groups.join(", "))]
    SharedByGroups {
        /// The instance.
        database: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// CHAT-6: persistent-chat HA needs persistent chat.
    #[error("{group}: persistent-chat HA needs persistent chat, which is not enabled")]
    NoPersistentChat {
        /// The group.
        group: String,
    },
    /// CHAT-6: persistent-chat HA needs HA.
    #[error("{group}: persistent-chat HA needs high availability of the group, which is off")]
    NoHa {
        /// The group.
        group: String,
    },
    /// CHAT-4: users fail over, rooms do not.
    #[error(
        "{group}: users fail over, but without persistent-chat HA the rooms of a failed node are \
         unreachable until it is back"
    )]
    RoomsStay {
        /// The group.
        group: String,
    },
    /// CHAT-4: without persistent-chat HA each node has its own instance.
    #[error("{group}: both nodes use {database} without persistent-chat HA")]
    SharedWithoutHa {
        /// The group.
        group: String,
        /// The instance.
        database: String,
    },
}

impl Breach {
    /// Whether such a configuration is refused; else it is one to warn of.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        match self {
            Self::DifferentDatabases { .. }
            | Self::SharedByGroups { .. }
            | Self::NoPersistentChat { .. }
            | Self::NoHa { .. } => true,
            Self::RoomsStay { .. } | Self::SharedWithoutHa { .. } => false,
        }
    }

    /// The way out.
    #[must_use]
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::DifferentDatabases { .. } => {
                "merge the databases into one and assign it to both nodes"
            }
            Self::SharedByGroups { .. } => "give each group a database of its own",
            Self::NoPersistentChat { .. } => "enable persistent chat, or disable its HA",
            Self::NoHa { .. } => "enable HA on the group, or disable persistent-chat HA",
            Self::RoomsStay { .. } => {
                "assign one database to both nodes and enable persistent-chat HA"
            }
            Self::SharedWithoutHa { .. } => {
                "enable persistent-chat HA, or give each node a database of its own"
            }
        }
    }
}

struct Uses<'a>(&'a [NodePlan]);

impl fmt::Display for Uses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, NodePlan { node, database }) in self.0.iter().enumerate() {
            let before = if place == 0 { "" } else { ", " };
            write!(f, "{before}{node} uses {database}")?;
        }
        Ok(())
    }
}

/// All that a configuration breaks, group by group.
#[must_use]
pub fn breaches(persistent_chat: bool, groups: &[GroupPlan]) -> Vec<Breach> {
    let mut found: Vec<Breach> = groups
        .iter()
        .flat_map(|group| of_group(persistent_chat, group))
        .collect();
    if persistent_chat {
        found.extend(shared(groups));
    }
    found
}

fn of_group(persistent_chat: bool, plan: &GroupPlan) -> Vec<Breach> {
    let mut found = Vec::new();
    let group = plan.group.clone();
    if plan.chat_ha && !persistent_chat {
        found.push(Breach::NoPersistentChat {
            group: group.clone(),
        });
    }
    if plan.chat_ha && !plan.ha {
        found.push(Breach::NoHa {
            group: group.clone(),
        });
    }
    let [first, second] = &plan.nodes[..] else {
        return found;
    };
    if !persistent_chat {
        return found;
    }
    let same = first.database == second.database;
    if plan.chat_ha && !same {
        let nodes = plan.nodes.clone();
        found.push(Breach::DifferentDatabases { group, nodes });
    } else if !plan.chat_ha && same {
        let database = first.database.clone();
        found.push(Breach::SharedWithoutHa { group, database });
    } else if !plan.chat_ha && plan.ha {
        found.push(Breach::RoomsStay { group });
    }
    found
}

fn shared(groups: &[GroupPlan]) -> Vec<Breach> {
    let mut users: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for plan in groups {
        for NodePlan { database, .. } in &plan.nodes {
            let groups = users.entry(database).or_default();
            if !groups.contains(&plan.group) {
                groups.push(plan.group.clone());
            }
        }
    }
    let several = users.into_iter().filter(|(_, groups)| groups.len() > 1);
    let breach = |(database, groups): (&str, Vec<String>)| Breach::SharedByGroups {
        database: database.to_owned(),
        groups,
    };
    several.map(breach).collect()
}

/// What persistent-chat HA still lacks (CHAT-6); each is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// The configuration breaks a rule.
    #[error(transparent)]
    Breach(#[from] Breach),
    /// The database of a node does not answer.
    #[error("the database of {node} is not reachable: {why}")]
    Unreachable {
        /// The node.
        node: String,
        /// What stands in the way.
        why: String,
    },
    /// The Text Conference Manager does not run.
    #[error("the Text Conference Manager of {node} does not run")]
    ConferenceDown {
        /// The node.
        node: String,
    },
    /// A node is alone in its group.
    #[error("{group} has one node; persistent-chat HA needs two")]
    Alone {
        /// The group.
        group: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(group: &str, ha: bool, chat_ha: bool, databases: [&str; 2]) -> GroupPlan {
        let node = |(place, database): (usize, &str)| NodePlan {
            node: format!("{group}{}", ["A", "B"][place]),
            database: database.to_owned(),
        };
        GroupPlan {
            group: group.to_owned(),
            ha,
            chat_ha,
            nodes: databases.into_iter().enumerate().map(node).collect(),
        }
    }

    /// CHAT-4, CHAT-5, CHAT-6: every combination of switches and databases of one pair.
    #[test]
    fn one_pair() {
        let words = |persistent, ha, chat_ha, same: bool| {
            let databases = if same { ["d", "d"] } else { ["d", "e"] };
            let found = breaches(persistent, &[pair("1", ha, chat_ha, databases)]);
            let word = |breach: &Breach| match breach {
                Breach::DifferentDatabases { .. } => "different",
                Breach::SharedByGroups { .. } => "shared",
                Breach::NoPersistentChat { .. } => "no chat",
                Breach::NoHa { .. } => "no ha",
                Breach::RoomsStay { .. } => "rooms stay",
                Breach::SharedWithoutHa { .. } => "shared without ha",
            };
            found.iter().map(word).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(words(true, true, true, true), "");
        assert_eq!(words(true, true, true, false), "different");
        assert_eq!(words(true, true, false, true), "shared without ha");
        assert_eq!(words(true, true, false, false), "rooms stay");
        assert_eq!(words(true, false, true, true), "no ha");
        assert_eq!(words(true, false, true, false), "no ha, different");
        assert_eq!(words(true, false, false, true), "shared without ha");
        assert_eq!(words(true, false, false, false), "");
        for same in [true, false] {
            assert_eq!(words(false, true, true, same), "no chat");
            assert_eq!(words(false, false, true, same), "no chat, no ha");
            assert_eq!(words(false, true, false, same), "");
        }
    }

    /// CHAT-5: each pair has its own instance.
    #[test]
    fn two_pairs() {
        let plans = |other| {
            [
                pair("1", true, true, ["d", "d"]),
                pair("2", true, true, [other, other]),
            ]
        };
        assert_eq!(breaches(true, &plans("e")), []);
        let found = breaches(true, &plans("d"));
        let groups = vec!["1".to_owned(), "2".to_owned()];
        let database = "d".to_owned();
        assert_eq!(found, [Breach::SharedByGroups { database, groups }]);
        assert!(found[0].is_refused() && !found[0].way_out().is_empty());
        assert_eq!(breaches(false, &plans("d")).len(), 2, "no chat, twice");
    }
}
