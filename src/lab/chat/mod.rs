//! The external databases of a lab: which nodes they are assigned to, and what may be done with them
//! (CHAT-3 to CHAT-6, MRG-1 to MRG-4).

mod enable;
mod merging;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use takeover_core::chat::{Breach, GroupPlan, NodePlan, Unmet, breaches};
use takeover_core::id::{GroupId, NodeId};
use takeover_core::params::{Param, Params};
use takeover_core::service::ServiceKind;
use takeover_core::topology::Deployment;
use takeover_storage::{ChatStore, EngineInfo, Export};

use super::stores::Stores;
use super::{Control, LabError};
use crate::config::{GroupConfig, LabConfig};

pub use merging::MergeJob;

const TC: ServiceKind = ServiceKind::TextConference;

/// An external database as it is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUse {
    /// Its name in this deployment.
    pub name: String,
    /// Which database it is.
    pub info: EngineInfo,
    /// Nodes that it is assigned to, in order.
    pub assigned: Vec<String>,
    /// Nodes whose rooms are in it, in order.
    pub used: Vec<String>,
}

/// The external databases of a lab.
pub(super) struct ChatDatabases {
    stores: Arc<Stores>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<String, Arc<dyn ChatStore>>,
    /// By node; the first one is in use.
    assigned: BTreeMap<NodeId, Vec<String>>,
    chat_ha: BTreeSet<GroupId>,
    jobs: Vec<MergeJob>,
}

impl ChatDatabases {
    /// What the configuration says, with the defaults for what it does not: with persistent-chat HA
    /// one database for the pair, without it one for each node (CHAT-4, CHAT-5).
    ///
    /// # Errors
    /// [`LabError::Chat`] names every rule that it breaks.
    pub(super) fn new(
        config: &LabConfig,
        deployment: &Deployment,
        params: &Params,
        stores: Arc<Stores>,
    ) -> Result<Self, LabError> {
        let persistent_chat = params.is_on(Param::EnablePersistentChat);
        let mut state = State::default();
        let groups = config.clusters.iter().flat_map(|cluster| &cluster.groups);
        for (group, said) in deployment.groups().iter().zip(groups) {
            let chat_ha = said
                .persistent_chat_ha
                .unwrap_or(persistent_chat && group.ha && names_one_database(said));
            if chat_ha {
                state.chat_ha.insert(group.id);
            }
            for (node, said) in group.nodes.iter().zip(&said.nodes) {
                let default = || default_name(&group.name.to_string(), &said.name, chat_ha);
                let name = said.chat_database.clone().unwrap_or_else(default);
                let known = state.known.entry(name.clone());
                known.or_insert_with(|| stores.chat(&name));
                state.assigned.insert(*node, vec![name]);
            }
        }
        let broken = breaches(
            persistent_chat,
            &plans(deployment, &state, |group| group.ha),
        );
        for breach in broken.iter().filter(|breach| !breach.is_refused()) {
            tracing::warn!("{breach}");
        }
        refuse(broken)?;
        Ok(Self {
            stores,
            state: Mutex::new(state),
        })
    }

    /// The database of a node's rooms.
    pub(super) fn of(&self, node: NodeId) -> Option<Arc<dyn ChatStore>> {
        let state = self.state.lock();
        let name = state.assigned.get(&node)?.first()?;
        state.known.get(name).cloned()
    }

    /// Whether the rooms of a group move with their node.
    pub(super) fn has_chat_ha(&self, group: GroupId) -> bool {
        self.state.lock().chat_ha.contains(&group)
    }
}

fn names_one_database(group: &GroupConfig) -> bool {
    let mut names = group.nodes.iter().map(|node| &node.chat_database);
    let first = names.next();
    names.all(|name| Some(name) == first)
}

fn default_name(group: &str, node: &str, chat_ha: bool) -> String {
    if chat_ha {
        group.to_owned()
    } else {
        format!("{group}-{node}")
    }
}

fn refuse(broken: Vec<Breach>) -> Result<(), LabError> {
    let unmet: Vec<Unmet> = broken
        .into_iter()
        .filter(Breach::is_refused)
        .map(Unmet::from)
        .collect();
    if unmet.is_empty() {
        return Ok(());
    }
    Err(LabError::Chat { unmet })
}

/// Who uses what, as the rules see it.
fn plans(
    deployment: &Deployment,
    state: &State,
    ha: impl Fn(&takeover_core::topology::Group) -> bool,
) -> Vec<GroupPlan> {
    let node = |id: &NodeId| {
        let used = state.assigned.get(id).and_then(|names| names.first());
        NodePlan {
            node: deployment.node(*id).name.to_string(),
            database: used.cloned().unwrap_or_default(),
        }
    };
    let plan = |group: &takeover_core::topology::Group| GroupPlan {
        group: group.name.to_string(),
        ha: ha(group),
        chat_ha: state.chat_ha.contains(&group.id),
        nodes: group.nodes.iter().map(node).collect(),
    };
    deployment.groups().iter().map(plan).collect()
}

impl Control {
    /// The external databases, in order of their names.
    #[must_use]
    pub fn databases(&self) -> Vec<DatabaseUse> {
        let state = self.0.chat.state.lock();
        let nodes = |name: &String, pick: fn(&[String], &String) -> bool| {
            let picked = state.assigned.iter().filter(|(_, names)| pick(names, name));
            picked.map(|(node, _)| self.node_name(*node)).collect()
        };
        let describe = |(name, store): (&String, &Arc<dyn ChatStore>)| DatabaseUse {
            name: name.clone(),
            info: store.info(),
            assigned: nodes(name, |names, name| names.contains(name)),
            used: nodes(name, |names, name| names.first() == Some(name)),
        };
        state.known.iter().map(describe).collect()
    }

    /// The database of a node's rooms; `None` without persistent chat.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn chat_database(&self, node: &str) -> Result<Option<Arc<dyn ChatStore>>, LabError> {
        let id = self.node_id(node)?;
        Ok(self.persistent_chat().then(|| self.0.chat.of(id)).flatten())
    }

    /// An external database by its name.
    #[must_use]
    pub fn chat_store(&self, database: &str) -> Option<Arc<dyn ChatStore>> {
        self.0.chat.state.lock().known.get(database).cloned()
    }

    /// A room as JSON lines, out of its database.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] where the room's domain is no conference alias with a database.
    pub fn export_room(&self, room: &takeover_protocols::jid::BareJid) -> Result<Export, LabError> {
        Ok(Export::new(self.database_of_room(room)?, room.clone()))
    }

    /// The database that a room is in, or would be.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] where the room's domain is no conference alias with a database.
    pub fn database_of_room(
        &self,
        room: &takeover_protocols::jid::BareJid,
    ) -> Result<Arc<dyn ChatStore>, LabError> {
        let alias = self.plane().alias(room.domain().as_str());
        let store = alias.and_then(|alias| alias.store());
        store.ok_or_else(|| LabError::NoSuch {
            what: "conference alias with a database",
            name: room.domain().to_string(),
            known: self
                .plane()
                .aliases()
                .map(|alias| alias.domain().to_owned())
                .collect(),
        })
    }

    pub(super) fn persistent_chat(&self) -> bool {
        self.parameters().is_on(Param::EnablePersistentChat)
    }

    /// Assigns a database to a node, beside those it has; it is made if it is not there. The node's
    /// rooms stay where they are.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] for the node.
    pub fn assign_database(&self, database: &str, node: &str) -> Result<(), LabError> {
        let id = self.node_id(node)?;
        let mut state = self.0.chat.state.lock();
        let opened = || self.0.chat.stores.chat(database);
        state
            .known
            .entry(database.to_owned())
            .or_insert_with(opened);
        let names = state.assigned.entry(id).or_default();
        if !names.iter().any(|name| name == database) {
            names.push(database.to_owned());
        }
        Ok(())
    }

    /// From now on the rooms of a node are in this database, which is assigned to it; its Text
    /// Conference Manager is stopped. The XCP Router is to be restarted (CFG-1).
    ///
    /// # Errors
    /// [`LabError::Chat`] where that breaks CHAT-4 to CHAT-6, or TC runs;
    /// [`LabError::NoSuch`].
    pub fn use_database(&self, database: &str, node: &str) -> Result<(), LabError> {
        self.use_on(database, &[self.node_id(node)?])?;
        let change = format!("external database of {node}: configuration edited");
        self.ask_for_restart(&change, &[self.node_id(node)?]);
        Ok(())
    }

    /// All of these nodes use it, or none.
    pub(super) fn use_on(&self, database: &str, nodes: &[NodeId]) -> Result<(), LabError> {
        for node in nodes {
            self.must_be_stopped(*node)?;
        }
        let mut state = self.0.chat.state.lock();
        let before = state.assigned.clone();
        for node in nodes {
            let names = state.assigned.entry(*node).or_default();
            let Some(place) = names.iter().position(|name| name == database) else {
                let known = names.clone();
                state.assigned = before;
                return Err(LabError::NoSuch {
                    what: "database assigned to this node",
                    name: database.to_owned(),
                    known,
                });
            };
            let name = names.remove(place);
            names.insert(0, name);
        }
        let plans = plans(self.deployment(), &state, |group| self.ha_is_on(group.id));
        if let Err(refused) = refuse(breaches(self.persistent_chat(), &plans)) {
            state.assigned = before;
            return Err(refused);
        }
        drop(state);
        for node in nodes.iter().filter(|_| self.persistent_chat()) {
            if let Some(alias) = self.plane().alias_of(*node) {
                alias.assign(self.0.chat.of(*node));
            }
        }
        Ok(())
    }

    fn must_be_stopped(&self, node: NodeId) -> Result<(), LabError> {
        if self.conference_runs(node) {
            let node = self.node_name(node);
            return Err(takeover_storage::merge::MergeError::ConferenceRuns { node }.into());
        }
        Ok(())
    }

    pub(super) fn conference_runs(&self, node: NodeId) -> bool {
        let state = self.service_state(&self.node_name(node), TC);
        state.is_up() || state.is_in_transition()
    }
}
