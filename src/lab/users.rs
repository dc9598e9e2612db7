//! Users come, move and are spread anew (USR-1 to USR-4).

use std::collections::BTreeSet;
use std::sync::Arc;

use takeover_actors::plane::User;
use takeover_actors::session::relocate;
use takeover_core::assignment::{AssignmentMode, BadUser, Load, assign, check_addition};
use takeover_core::id::{ClusterId, NodeId};
use takeover_protocols::jid::BareJid;
use takeover_protocols::sasl::Password;

use super::{Answer, Control, LabError};
use crate::config::UserConfig;

/// Users that a refusal names.
const NAMED: usize = 20;

impl Control {
    pub(super) fn user(&self, name: &str) -> Result<UserConfig, LabError> {
        let users = self.0.users.lock();
        users.get(name).cloned().ok_or_else(|| LabError::NoSuch {
            what: "user",
            name: name.to_owned(),
            known: users.keys().take(NAMED).cloned().collect(),
        })
    }

    /// The place of a user.
    pub(super) fn home_of(&self, name: &str) -> Result<Arc<User>, LabError> {
        self.user(name)?;
        let jid = self.jid(name)?;
        let place = self.plane().user(jid.as_str());
        place.ok_or_else(|| LabError::NoSuch {
            what: "user",
            name: name.to_owned(),
            known: Vec::new(),
        })
    }

    /// The node that a user is assigned to (USR-1).
    ///
    /// # Errors
    /// [`LabError::NoSuch`] for a user the lab does not have.
    pub fn home(&self, name: &str) -> Result<String, LabError> {
        Ok(self.node_name(self.home_of(name)?.home()))
    }

    /// The node that hosts a user now: its home, or the backup where that is failed over.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] for a user the lab does not have.
    pub fn host(&self, name: &str) -> Result<String, LabError> {
        Ok(self.node_name(self.home_of(name)?.slot.owner().node()))
    }

    /// Adds a user to a cluster, at home where the assignment mode puts it (USR-1), or on `home`; the
    /// name of that node.
    ///
    /// # Errors
    /// [`LabError::FailedOver`] while a node of the cluster is failed over (USR-2), [`LabError::User`]
    /// for an id that is malformed or there already (USR-3), [`LabError::NoSuch`] for an unknown
    /// node or cluster, [`LabError::Name`] where the assignment mode assigns nobody.
    pub fn add_user(
        &self,
        cluster: &str,
        name: &str,
        password: &str,
        home: Option<&str>,
    ) -> Result<String, LabError> {
        let cluster = self.cluster_id(cluster)?;
        self.check_users_may_change(cluster)?;
        let before = self.profiles();
        let home = self.place(cluster, name, home)?;
        let jid = self.jid(name)?;
        let accounts = &self.0.accounts[cluster.index()];
        accounts.add(jid.as_str(), Password::new(password.to_owned()));
        let user = UserConfig {
            name: name.to_owned(),
            password: password.to_owned(),
            home: Some(self.node_name(home)),
        };
        self.0.users.lock().insert(name.to_owned(), user);
        self.plane().add_user(&jid, home);
        self.tell_of_profiles(&before);
        Ok(self.node_name(home))
    }

    /// Where one more user is at home.
    fn place(
        &self,
        cluster: ClusterId,
        name: &str,
        home: Option<&str>,
    ) -> Result<NodeId, LabError> {
        let known: BTreeSet<String> = {
            let users = self.0.users.lock();
            users.keys().map(|name| name.to_lowercase()).collect()
        };
        let mode = self.0.params.read().assignment_mode();
        let assigned = assign(mode, &mut self.load(cluster), &known, [name]);
        if let Some(bad) = assigned.refused.into_iter().next() {
            self.0.refused_users.lock().push(bad.clone());
            return Err(bad.into());
        }
        if let Some(home) = home {
            let home = self.node_id(home)?;
            self.check_cluster(cluster, home)?;
            return Ok(home);
        }
        let home = assigned.homes.into_iter().find_map(|(_, home)| home);
        home.ok_or_else(|| LabError::Name {
            what: "user",
            name: name.to_owned(),
            why: "the assignment mode is none: name a home node".to_owned(),
        })
    }

    /// User ids that were refused so far (USR-3), for the troubleshooter.
    #[must_use]
    pub fn refused_users(&self) -> Vec<BadUser> {
        self.0.refused_users.lock().clone()
    }

    /// Moves a user to another home in its cluster (USR-4): its sessions are told to go there, its
    /// epoch grows, its data goes along. The answer is whether it had to move.
    ///
    /// # Errors
    /// [`LabError::NoSuch`], [`LabError::FailedOver`] as at [`Control::add_user`], [`LabError::Name`]
    /// for a node of another cluster.
    pub fn move_user(&self, name: &str, to: &str) -> Result<Answer<bool>, LabError> {
        let (user, to) = (self.home_of(name)?, self.node_id(to)?);
        let cluster = self.deployment().node(user.home()).cluster;
        self.check_cluster(cluster, to)?;
        self.check_users_may_change(cluster)?;
        let before = self.profiles();
        let answer = self.begin_move(&user, to);
        self.tell_of_profiles(&before);
        Ok(answer)
    }

    fn begin_move(&self, user: &Arc<User>, to: NodeId) -> Answer<bool> {
        let (report, answer) = Answer::channel();
        relocate(self.plane(), &self.0.settings, user, to, report);
        answer
    }

    /// Spreads the users of a cluster anew, as the assignment mode has it (USR-1, USR-4): as few as
    /// possible move. Who moves, and where to; they are on their way.
    ///
    /// # Errors
    /// [`LabError::NoSuch`], [`LabError::FailedOver`] as at [`Control::add_user`].
    pub fn rebalance(&self, cluster: &str) -> Result<Vec<(String, String)>, LabError> {
        let cluster = self.cluster_id(cluster)?;
        self.check_users_may_change(cluster)?;
        let before = self.profiles();
        let mut moves = Vec::new();
        for (jid, to) in self.surplus(cluster) {
            if let Some(user) = self.plane().user(jid.as_str()) {
                drop(self.begin_move(&user, to));
                moves.push((jid.to_string(), self.node_name(to)));
            }
        }
        self.tell_of_profiles(&before);
        Ok(moves)
    }

    /// The users that are too many on their nodes, and where they belong.
    fn surplus(&self, cluster: ClusterId) -> Vec<(BareJid, NodeId)> {
        let mode = self.0.params.read().assignment_mode();
        if mode == AssignmentMode::None {
            return Vec::new();
        }
        let users: Vec<Arc<User>> = self.users_of(cluster);
        // What each node would have if all were assigned anew.
        let mut wanted = Load::new(self.groups_of(cluster, |_| 0));
        let ids: Vec<String> = (0..users.len()).map(|number| number.to_string()).collect();
        let names = ids.iter().map(String::as_str);
        // Only the load is of interest.
        drop(assign(mode, &mut wanted, &BTreeSet::new(), names));
        let mut room: Vec<(NodeId, usize)> = wanted.per_node();
        let mut surplus = Vec::new();
        for user in users {
            let home = user.home();
            match room
                .iter_mut()
                .find(|(node, free)| *node == home && *free > 0)
            {
                Some((_, free)) => *free -= 1,
                None => surplus.push(user),
            }
        }
        let mut free = room
            .into_iter()
            .flat_map(|(node, free)| std::iter::repeat_n(node, free));
        surplus
            .into_iter()
            .filter_map(|user| Some((user.jid.clone(), free.next()?)))
            .collect()
    }

    fn users_of(&self, cluster: ClusterId) -> Vec<Arc<User>> {
        let mut users = self.plane().users();
        users.retain(|user| self.deployment().node(user.home()).cluster == cluster);
        users
    }

    fn load(&self, cluster: ClusterId) -> Load {
        let users = self.users_of(cluster);
        Load::new(self.groups_of(cluster, |node| {
            users.iter().filter(|user| user.home() == node).count()
        }))
    }

    fn groups_of(
        &self,
        cluster: ClusterId,
        users: impl Fn(NodeId) -> usize,
    ) -> Vec<Vec<(NodeId, usize)>> {
        let groups = self.deployment().cluster(cluster).groups.iter();
        groups
            .map(|group| {
                let nodes = self.deployment().group(*group).nodes.iter();
                nodes.map(|node| (*node, users(*node))).collect()
            })
            .collect()
    }

    /// USR-2: while a node of a cluster is failed over, its users stay as they are.
    fn check_users_may_change(&self, cluster: ClusterId) -> Result<(), LabError> {
        let nodes = self.deployment().cluster(cluster).nodes.iter();
        let states: Vec<(String, _)> = nodes
            .map(|node| self.node_name(*node))
            .filter_map(|name| Some((name.clone(), self.state(&name)?)))
            .collect();
        check_addition(states.iter().map(|(name, state)| (name.as_str(), *state)))?;
        self.check_nobody_is_away(cluster)
    }

    /// A node without power, or whose SRM does not run, has no state to show; its users are away all
    /// the same.
    fn check_nobody_is_away(&self, cluster: ClusterId) -> Result<(), LabError> {
        let users = self.users_of(cluster);
        let away = users
            .iter()
            .find(|user| user.slot.owner().node() != user.home());
        let Some(user) = away else { return Ok(()) };
        let node = self.node_name(user.home());
        let state = self
            .state(&node)
            .unwrap_or(takeover_core::ha::State::Unknown);
        Err(takeover_core::assignment::FailedOver { node, state }.into())
    }

    fn check_cluster(&self, cluster: ClusterId, node: NodeId) -> Result<(), LabError> {
        if self.deployment().node(node).cluster == cluster {
            return Ok(());
        }
        let nodes = self.deployment().cluster(cluster).nodes.iter();
        let known: Vec<String> = nodes.map(|node| self.node_name(*node)).collect();
        Err(LabError::Name {
            what: "node",
            name: self.node_name(node),
            why: format!("it is of another cluster; there are: {}", known.join(", ")),
        })
    }

    /// The number of the cluster of this name.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn cluster_id(&self, name: &str) -> Result<ClusterId, LabError> {
        let clusters = self.deployment().clusters();
        let found = clusters.iter().find(|cluster| cluster.name == name);
        found
            .map(|cluster| cluster.id)
            .ok_or_else(|| LabError::NoSuch {
                what: "cluster",
                name: name.to_owned(),
                known: clusters
                    .iter()
                    .map(|cluster| cluster.name.to_string())
                    .collect(),
            })
    }
}
