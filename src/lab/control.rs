//! The hand on the lab: reads what is and asks for what shall be, from any thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};
use takeover_actors::board::{Board, NodeStatus};
use takeover_actors::node::{self, NodeMsg, ServiceAction, ServiceFault};
use takeover_actors::plane::{Plane, Pushed};
use takeover_actors::rack::{PowerAction, PowerRefused, RackMsg};
use takeover_actors::rt::{Addr, Journal, Refusal as MailboxRefusal, Standing, World};
use takeover_actors::service_table::ServiceRefused;
use takeover_actors::session::SessionSettings;
use takeover_actors::srm::{self, SrmMsg};
use takeover_core::assignment::BadUser;
use takeover_core::ha::table::{self, Row, Seen};
use takeover_core::ha::{Action, Reason, Refusal, State};
use takeover_core::id::{GroupId, NodeId};
use takeover_core::journal::{Event, Power};
use takeover_core::params::Params;
use takeover_core::service::{ServiceKind, ServiceState};
use takeover_core::time::Moment;
use takeover_core::topology::Deployment;

use super::accounts::ConfiguredAccounts;
use super::chat::ChatDatabases;
use super::moves::{MoveFault, Moves};
use super::notifications::Raised;
use super::people::Endpoints;
use super::stores::Stores;
use super::{Answer, LabError};
use crate::client::{Client, Finding, Oracle};
use crate::config::UserConfig;

/// The states of a pair, its first node first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairStates {
    /// The group.
    pub group: GroupId,
    /// State and reason of each node; `None` where it cannot be reached.
    pub nodes: [Option<(State, Reason)>; 2],
}

impl PairStates {
    /// The states as the table has them (see [`table::find`]).
    #[must_use]
    pub fn seen(&self) -> [Seen; 2] {
        self.nodes.map(|node| match node {
            Some((state, reason)) => Seen::Reachable(state, reason),
            None => Seen::Unreachable,
        })
    }

    /// The row of the state table that the pair is in.
    #[must_use]
    pub fn row(&self) -> Option<&'static Row> {
        let [first, second] = self.seen();
        table::find(first, second).map(|found| found.row)
    }
}

/// What a lab is made of, shared by all who have a hand on it.
pub(super) struct Inner {
    pub(super) world: World,
    pub(super) deployment: Arc<Deployment>,
    pub(super) board: Board,
    pub(super) rack: Standing<RackMsg>,
    pub(super) oracle: Arc<Mutex<Oracle>>,
    pub(super) clients: Mutex<Arc<BTreeMap<String, Client>>>,
    pub(super) plane: Arc<Plane>,
    pub(super) settings: SessionSettings,
    pub(super) accounts: Vec<Arc<ConfiguredAccounts>>,
    pub(super) users: Mutex<BTreeMap<String, UserConfig>>,
    pub(super) refused_users: Mutex<Vec<BadUser>>,
    pub(super) notifications: Mutex<Vec<Raised>>,
    pub(super) params: RwLock<Params>,
    pub(super) moves: Moves,
    pub(super) unreplicated: Mutex<BTreeSet<NodeId>>,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) stores: Arc<Stores>,
    pub(super) chat: ChatDatabases,
}

/// A hand on a lab. Cheap to clone, `Send + Sync`; in an async program its answers are awaited.
#[derive(Clone)]
pub struct Control(pub(super) Arc<Inner>);

impl Control {
    /// The lab's shared things: clock, chance, journal, network.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.0.world
    }

    /// The protocol time now.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.0.world.now()
    }

    /// What happened so far.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        self.0.world.journal()
    }

    /// The topology.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.0.deployment
    }

    /// The names of all nodes, in order.
    #[must_use]
    pub fn node_names(&self) -> Vec<String> {
        self.0
            .deployment
            .nodes()
            .iter()
            .map(|node| node.name.to_string())
            .collect()
    }

    /// The number of the node of this name.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn node_id(&self, name: &str) -> Result<NodeId, LabError> {
        let found = self.0.deployment.node_named(name).map(|node| node.id);
        found.ok_or_else(|| LabError::NoSuch {
            what: "node",
            name: name.to_owned(),
            known: self.node_names(),
        })
    }

    /// The numbers of the two nodes at the ends of a link.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are; [`LabError::Name`] of one node with itself.
    pub fn ends_of_link(&self, from: &str, to: &str) -> Result<(NodeId, NodeId), LabError> {
        let ends = (self.node_id(from)?, self.node_id(to)?);
        if ends.0 != ends.1 {
            return Ok(ends);
        }
        let mut others = self.node_names();
        others.remove(ends.0.index());
        Err(LabError::Name {
            what: "link",
            name: format!("{from} {to}"),
            why: format!(
                "a node has none with itself; allowed with: {}",
                others.join(", ")
            ),
        })
    }

    /// The name of a node.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> String {
        let known = self.0.deployment.nodes().get(node.index());
        known.map_or_else(|| node.to_string(), |node| node.name.to_string())
    }

    /// The number of the group of this name.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn group_id(&self, name: &str) -> Result<GroupId, LabError> {
        let found = self.0.deployment.group_named(name).map(|group| group.id);
        found.ok_or_else(|| LabError::NoSuch {
            what: "group",
            name: name.to_owned(),
            known: self
                .0
                .deployment
                .groups()
                .iter()
                .map(|group| group.name.to_string())
                .collect(),
        })
    }

    /// All that is known of a node right now; `None` if there is no such node.
    #[must_use]
    pub fn status(&self, node: &str) -> Option<NodeStatus> {
        Some(self.0.board.node(self.node_id(node).ok()?))
    }

    /// A node's HA state; `None` while its SRM does not run, or if there is no such node.
    #[must_use]
    pub fn state(&self, node: &str) -> Option<State> {
        self.0.board.ha(self.node_id(node).ok()?).map(|ha| ha.state)
    }

    /// The reason of a node's HA state.
    #[must_use]
    pub fn reason(&self, node: &str) -> Option<Reason> {
        self.0
            .board
            .ha(self.node_id(node).ok()?)
            .map(|ha| ha.reason)
    }

    /// The state of a service; `Stopped` if there is no such node.
    #[must_use]
    pub fn service_state(&self, node: &str, kind: ServiceKind) -> ServiceState {
        self.node_id(node)
            .map(|node| self.0.board.service(node, kind))
            .unwrap_or_default()
    }

    /// A node's power; `None` if there is no such node.
    #[must_use]
    pub fn power_of(&self, node: &str) -> Option<Power> {
        self.status(node).map(|status| status.power)
    }

    /// The states of the pair that a node belongs to; a node alone has no second state.
    ///
    /// # Errors
    /// [`LabError::NoSuch`].
    pub fn pair_states(&self, group: &str) -> Result<PairStates, LabError> {
        let group = self.group_id(group)?;
        let nodes = &self.0.deployment.group(group).nodes;
        let state = |index: usize| {
            let ha = self.0.board.ha(*nodes.get(index)?)?;
            Some((ha.state, ha.reason))
        };
        Ok(PairStates {
            group,
            nodes: [state(0), state(1)],
        })
    }

    /// Does something to a node's power (SVC-5).
    ///
    /// # Errors
    /// [`LabError::NoSuch`], [`LabError::NotRunning`] while the lab ends.
    pub fn power(
        &self,
        node: &str,
        action: PowerAction,
    ) -> Result<Answer<Result<(), PowerRefused>>, LabError> {
        let id = self.node_id(node)?;
        let (reply, answer) = Answer::channel();
        let sent = self.0.rack.send(RackMsg::Power {
            node: id,
            action,
            reply,
        });
        sent.map_err(|refused| self.unheard("the rack", id, refused.why))?;
        Ok(answer)
    }

    fn unheard(&self, what: &'static str, node: NodeId, why: MailboxRefusal) -> LabError {
        let node = self.node_name(node);
        match why {
            MailboxRefusal::Full => LabError::Busy { what, node },
            MailboxRefusal::Ended => LabError::NotRunning { what, node },
        }
    }

    fn node_addr(&self, name: &str) -> Result<(NodeId, Addr<NodeMsg>), LabError> {
        let id = self.node_id(name)?;
        let addr = self.0.world.books().addr(id, node::BOOK_NAME);
        let off = || LabError::NotRunning {
            what: "the system",
            node: name.to_owned(),
        };
        Ok((id, addr.ok_or_else(off)?))
    }

    /// Starts, stops or restarts a service.
    ///
    /// # Errors
    /// [`LabError::NoSuch`], [`LabError::NotRunning`], [`LabError::Busy`].
    pub fn manage(
        &self,
        node: &str,
        kind: ServiceKind,
        action: ServiceAction,
    ) -> Result<Answer<Result<(), ServiceRefused>>, LabError> {
        let (id, addr) = self.node_addr(node)?;
        let (reply, answer) = Answer::channel();
        let sent = addr.send(NodeMsg::Service {
            kind,
            action,
            reply,
        });
        sent.map_err(|refused| self.unheard("the system", id, refused.why))?;
        Ok(answer)
    }

    /// Injects a fault into a service; the journal says so.
    ///
    /// # Errors
    /// [`LabError::NoSuch`], [`LabError::NotRunning`], [`LabError::Busy`].
    pub fn inject(
        &self,
        node: &str,
        kind: ServiceKind,
        fault: ServiceFault,
    ) -> Result<(), LabError> {
        let (id, addr) = self.node_addr(node)?;
        let sent = addr.send(NodeMsg::Fault { kind, fault });
        sent.map_err(|refused| self.unheard("the system", id, refused.why))
    }

    /// Asks a node's SRM for an administrator's action on its group.
    ///
    /// # Errors
    /// [`LabError::NoSuch`], [`LabError::NotRunning`], [`LabError::Busy`].
    pub fn administer(
        &self,
        node: &str,
        action: Action,
    ) -> Result<Answer<Result<(), Refusal>>, LabError> {
        let id = self.node_id(node)?;
        let addr: Option<Addr<SrmMsg>> = self.0.world.books().addr(id, srm::BOOK_NAME);
        let down = || LabError::NotRunning {
            what: "SRM",
            node: node.to_owned(),
        };
        let (reply, answer) = Answer::channel();
        let message = SrmMsg::Admin {
            action,
            before: self.facts_before(node, action)?,
            reply,
        };
        let sent = addr.ok_or_else(down)?.send(message);
        sent.map_err(|refused| self.unheard("SRM", id, refused.why))?;
        Ok(answer)
    }

    /// From now on this befalls the moves of users that a node's SRM orders; `None`: nothing any
    /// more. The journal says so.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn disturb_moves(&self, node: &str, fault: Option<MoveFault>) -> Result<(), LabError> {
        let id = self.node_id(node)?;
        let what = match &fault {
            Some(MoveFault::Fail(why)) => format!("moves of users fail: {why}"),
            Some(MoveFault::Hold) => "moves of users do not begin".to_owned(),
            None => "moves of users go on".to_owned(),
        };
        self.record_fault(Some(id), what);
        self.0.moves.set(id, fault);
        Ok(())
    }

    /// The parameters of the lab's clusters.
    #[must_use]
    pub fn parameters(&self) -> Params {
        self.0.params.read().clone()
    }

    /// Lets work go on by itself, whatever becomes of any node.
    pub(crate) fn in_background<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<Answer<T>, LabError> {
        let (reply, answer) = Answer::channel();
        let work = Box::pin(async move {
            // Whoever asked may not care any more.
            let _ = reply.send(work.await);
        });
        self.0
            .plane
            .keeper()
            .send(work)
            .map_err(|refused| self.unheard("the keeper", NodeId(u16::MAX), refused.why))?;
        Ok(answer)
    }

    /// Records a fault that was injected elsewhere than in a service.
    pub(super) fn record_fault(&self, node: Option<NodeId>, what: String) {
        self.journal().record(node, Event::Fault { what });
    }

    /// Waits until a condition holds, for at most `limit` of protocol time; whether it does. For
    /// async programs.
    pub async fn wait_until(
        &self,
        mut condition: impl FnMut(&Self) -> bool,
        limit: Duration,
    ) -> bool {
        let deadline = self.now() + limit;
        // Asked about a thousand times a second of life, as plain code is.
        let pause = Duration::from_millis(1).mul_f64(self.0.world.clock().speed().unwrap_or(1.0));
        loop {
            if condition(self) {
                return true;
            }
            if self.now() >= deadline {
                return false;
            }
            self.0.world.sleep(pause).await;
        }
    }

    /// Lets protocol time pass, for async programs.
    pub async fn wait(&self, time: Duration) {
        self.0.world.sleep(time).await;
    }

    /// The oracle, told of what was lost unread with a node (SES-10).
    fn oracle(&self) -> MutexGuard<'_, Oracle> {
        let mut oracle = self.0.oracle.lock();
        for lost in self.0.plane.unread_lost(oracle.losses()) {
            oracle.unread_lost(&lost.jid, &lost.id);
        }
        oracle
    }

    /// What the push gateway was told (SES-10), oldest first.
    #[must_use]
    pub fn pushed(&self) -> Vec<Pushed> {
        self.0.plane.pushed()
    }

    /// The account of what all clients were promised, as it stands.
    #[must_use]
    pub fn finding(&self) -> Finding {
        self.oracle().finding()
    }

    /// Whether everything that was acknowledged has arrived.
    #[must_use]
    pub fn nothing_missing(&self) -> bool {
        self.oracle().nothing_missing()
    }

    /// The first copy of a message too many, or out of order, that a client received, in words.
    #[must_use]
    pub fn first_slip(&self) -> Option<String> {
        self.oracle().first_slip().map(str::to_owned)
    }

    /// The first one-to-one message that came back as an error and reached somebody all the same, in
    /// words.
    #[must_use]
    pub fn first_untruth(&self) -> Option<String> {
        self.oracle().first_untruth()
    }

    /// The clients made so far, by name.
    #[must_use]
    pub fn clients(&self) -> Arc<BTreeMap<String, Client>> {
        self.0.clients.lock().clone()
    }
}
