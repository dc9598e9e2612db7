//! What a node is built from, the same for each of its lives.

use crate::board::Board;
use crate::gate::Gates;
use crate::node::NodeMsg;
use crate::node_record::{MemoryRecords, NodeRecords};
use crate::plane::Switched;
use crate::rt::{Addr, Recipient, Rng};
use crate::service::ServiceWork;
use crate::srm_work::Machine;
use crate::user_mover::{self, UserOrder};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use takeover_core::ha::HaParams;
use takeover_core::id::NodeId;
use takeover_core::service::{Family, ServiceKind};

/// From where a [`ServiceWork`] is made: the node it is for, in its present life.
#[derive(Clone)]
pub struct WorkSite {
    /// What the node is built from.
    pub setup: Arc<NodeSetup>,
    /// The node's own address.
    pub node: Addr<NodeMsg>,
    /// Which life of the node this is, from 1.
    pub incarnation: u32,
}

/// Makes the work of one run of a service.
pub type WorkFactory = Arc<dyn Fn(&WorkSite) -> Box<dyn ServiceWork> + Send + Sync>;

/// How long something takes: drawn between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// At least this long.
    pub low: Duration,
    /// At most this long.
    pub high: Duration,
}

impl Span {
    /// Always this long.
    pub const fn fixed(time: Duration) -> Self {
        Self {
            low: time,
            high: time,
        }
    }

    /// Draws a time.
    pub fn draw(self, rng: &mut Rng) -> Duration {
        rng.between(self.low, self.high)
    }
}

/// How fast the services of a node start and stop, and how it boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long a service takes to start, unless named below.
    pub start: Span,
    /// How long a service takes to stop, unless named below.
    pub stop: Span,
    /// Services with a start time of their own.
    pub start_of: BTreeMap<ServiceKind, Span>,
    /// A start that takes longer has failed.
    pub start_limit: Duration,
    /// How long SRM takes to start again where the machine asks for it (HA-7).
    pub srm_restart: Duration,
    /// From power off to power on in a reboot.
    pub reboot: Duration,
    /// An orderly shutdown that takes longer is cut short.
    pub shutdown_limit: Duration,
    /// The first wait before SRM (by the node) or ICSA (by SRM) is started again; doubles (ICP-14).
    pub restart_first: Duration,
    /// The longest such wait.
    pub restart_most: Duration,
}

impl Default for Pace {
    /// Services start within 1 to 4 s and stop within 0.2 to 1 s.
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            start: Span {
                low: millis(1_000),
                high: millis(4_000),
            },
            stop: Span {
                low: millis(200),
                high: millis(1_000),
            },
            start_of: BTreeMap::from([(ServiceKind::Srm, Span::fixed(millis(500)))]),
            start_limit: Duration::from_secs(60),
            srm_restart: millis(500),
            reboot: Duration::from_secs(20),
            shutdown_limit: Duration::from_secs(30),
            restart_first: Duration::from_secs(1),
            restart_most: Duration::from_secs(60),
        }
    }
}

impl Pace {
    /// The wait before restart number `attempt` (from 0).
    pub fn restart_wait(&self, attempt: u32) -> Duration {
        let factor = 2u32.saturating_pow(attempt);
        self.restart_first
            .saturating_mul(factor)
            .min(self.restart_most)
    }
}

/// What a node is built from.
pub struct NodeSetup {
    /// Which node.
    pub node: NodeId,
    /// Its name (TOP-7).
    pub name: String,
    /// The other node of its presence redundancy group (TOP-3).
    pub peer: Option<NodeId>,
    /// The feature services activated on it.
    pub activated: BTreeSet<ServiceKind>,
    /// Persistent chat is enabled: TC is critical (CHAT-7).
    pub persistent_chat: bool,
    /// *Enable XCP Authentication Service Monitoring*.
    pub monitor_authentication: bool,
    /// How fast things go.
    pub pace: Pace,
    /// What survives a life of the node (HA-12).
    pub records: Arc<dyn NodeRecords>,
    /// Moves users when SRM asks; without one nobody is moved, successfully.
    pub mover: Recipient<UserOrder>,
    /// Hears from SRM of what its sessions feel of HA being switched (HA-17).
    pub switched: Recipient<Switched>,
    /// Whether HA is on for the group when the node first runs (TOP-6).
    pub ha: bool,
    /// The parameters of chapter 2.
    pub params: HaParams,
    /// The HA machine that SRM drives.
    pub machine: Machine,
    /// The parameter *Service port*: SRM to its peer.
    pub service_port: u16,
    /// The lab's gates.
    pub gates: Gates,
    /// Where the lab reads states.
    pub board: Board,
    /// Works of services that do more than run; SRM, ICSA and the database have theirs built in.
    pub works: BTreeMap<ServiceKind, WorkFactory>,
}

impl NodeSetup {
    /// A node alone in its group, with no feature service activated.
    pub fn new(node: NodeId, name: impl Into<String>, gates: Gates, board: Board) -> Self {
        Self {
            node,
            name: name.into(),
            peer: None,
            activated: BTreeSet::new(),
            persistent_chat: false,
            monitor_authentication: false,
            pace: Pace::default(),
            records: Arc::new(MemoryRecords::default()),
            mover: user_mover::nobody(),
            switched: Recipient::nobody(),
            ha: false,
            params: HaParams::default(),
            machine: Machine::default(),
            service_port: 22001,
            gates,
            board,
            works: BTreeMap::new(),
        }
    }

    /// Whether SRM counts a service of this node as critical.
    pub fn is_critical(&self, kind: ServiceKind) -> bool {
        kind.is_critical(self.persistent_chat, self.monitor_authentication)
    }

    /// The parameters of the HA machine here: critical is what counts as such *and* is installed.
    pub fn ha_params(&self) -> HaParams {
        let installed = |kind: &ServiceKind| match kind.family() {
            Family::Platform | Family::Network => true,
            Family::Feature => self.activated.contains(kind),
        };
        let critical = |kind: &ServiceKind| self.is_critical(*kind) && installed(kind);
        let critical = ServiceKind::ALL.into_iter().filter(critical).collect();
        HaParams {
            critical,
            ..self.params.clone()
        }
    }
}

impl fmt::Debug for NodeSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeSetup")
            .field("node", &self.node)
            .field("name", &self.name)
            .finish()
    }
}
