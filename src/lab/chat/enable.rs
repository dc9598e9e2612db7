//! Persistent-chat HA of a group: switched on where everything it needs is there (CHAT-5, CHAT-6).

use takeover_core::chat::{Breach, Unmet, breaches};
use takeover_core::ha::State as HaState;
use takeover_core::id::GroupId;

use super::{ChatDatabases, TC, plans};
use crate::lab::{Answer, Control, LabError};

impl Control {
    /// Whether HA of a group is on: its SRMs say so.
    pub(in crate::lab) fn ha_is_on(&self, group: GroupId) -> bool {
        let nodes = &self.deployment().group(group).nodes;
        let on = |node: &takeover_core::id::NodeId| {
            let state = self.state(&self.node_name(*node));
            state.is_some_and(|state| state != HaState::Unknown)
        };
        nodes.len() == 2 && nodes.iter().any(on)
    }

    /// Whether persistent-chat HA of a group is on.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn has_chat_ha(&self, group: &str) -> Result<bool, LabError> {
        Ok(self.0.chat.has_chat_ha(self.group_id(group)?))
    }

    /// What the databases of the deployment break (CHAT-4 to CHAT-6), as it stands.
    #[must_use]
    pub fn chat_breaches(&self) -> Vec<Breach> {
        let state = self.0.chat.state.lock();
        let plans = plans(self.deployment(), &state, |group| self.ha_is_on(group.id));
        breaches(self.persistent_chat(), &plans)
    }

    /// Switches persistent-chat HA of a group on: from now on its rooms move with their node.
    ///
    /// # Errors
    /// [`LabError::NoSuch`], [`LabError::NotRunning`] while the lab ends; the answer is
    /// [`LabError::Chat`] with every precondition that is not met (CHAT-6).
    pub fn enable_chat_ha(&self, group: &str) -> Result<Answer<Result<(), LabError>>, LabError> {
        let id = self.group_id(group)?;
        let control = self.clone();
        self.in_background(async move {
            let unmet = control.unmet(id).await;
            if !unmet.is_empty() {
                return Err(LabError::Chat { unmet });
            }
            control.set_chat_ha(id, true);
            Ok(())
        })
    }

    /// Switches persistent-chat HA of a group off: rooms stay with their node (CHAT-4). Those that
    /// are at the other node go home with the next fallback.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn disable_chat_ha(&self, group: &str) -> Result<(), LabError> {
        self.set_chat_ha(self.group_id(group)?, false);
        Ok(())
    }

    fn set_chat_ha(&self, group: GroupId, on: bool) {
        let mut state = self.0.chat.state.lock();
        if on {
            state.chat_ha.insert(group);
        } else {
            state.chat_ha.remove(&group);
        }
        drop(state);
        self.0.chat.tell_aliases(self, group);
    }

    /// Tells all aliases whether they move, as a lab begins.
    pub(in crate::lab) fn tell_all_aliases(&self) {
        for group in self.deployment().groups() {
            self.0.chat.tell_aliases(self, group.id);
        }
    }

    /// CHAT-5, CHAT-6: what is missing, all of it.
    async fn unmet(&self, group: GroupId) -> Vec<Unmet> {
        let name = self.deployment().group(group).name.to_string();
        let nodes = self.deployment().group(group).nodes.clone();
        let mut unmet = Vec::new();
        if nodes.len() < 2 {
            unmet.push(Unmet::Alone {
                group: name.clone(),
            });
        }
        let plans = {
            let state = self.0.chat.state.lock();
            plans(self.deployment(), &state, |group| self.ha_is_on(group.id))
        };
        let wanted: Vec<_> = plans
            .into_iter()
            .map(|mut plan| {
                plan.chat_ha |= plan.group == name;
                plan
            })
            .collect();
        let broken = breaches(self.persistent_chat(), &wanted);
        let refused = broken.into_iter().filter(Breach::is_refused);
        unmet.extend(refused.map(Unmet::from));
        for id in nodes {
            let node = self.node_name(id);
            if let Some(store) = self.0.chat.of(id)
                && let Err(error) = store.ping().await
            {
                let why = error.to_string();
                unmet.push(Unmet::Unreachable {
                    node: node.clone(),
                    why,
                });
            }
            if !self.service_state(&node, TC).is_up() {
                unmet.push(Unmet::ConferenceDown { node });
            }
        }
        unmet
    }
}

impl ChatDatabases {
    /// Tells the aliases of a group whether they move.
    fn tell_aliases(&self, lab: &Control, group: GroupId) {
        let moves = self.has_chat_ha(group) || !lab.persistent_chat();
        for node in &lab.deployment().group(group).nodes {
            if let Some(alias) = lab.plane().alias_of(*node) {
                alias.set_moves(moves);
            }
        }
    }
}
