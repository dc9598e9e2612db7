//! The data plane: who is where, and the way of a stanza from one client to the other.
//!
//! Control (actors) and data are apart. A stanza travels by function calls: from the task that
//! read it, through [`Plane::route`], under the lock of its target's place, into the queue of the
//! target's session, whose task is woken to write it. Where many are told the same and a session's
//! task has nothing to do, its wire is written to on the spot. Only to another node it goes through the
//! simulated network, only to a room through the mailbox of its conference manager.
//!
//! No lock is held across an await, and never two places' locks at once.

mod account;
mod acks;
mod carbons;
mod client;
mod deliver;
mod ending;
mod fanout;
mod gateway;
mod keeper;
mod left_out;
mod letter;
mod loan;
mod mobile;
mod node;
mod note;
mod offline;
mod outlet;
mod parcel;
mod presence;
mod promise;
mod residents;
mod roster;
mod route;
mod search;
mod server;
mod standby;
mod switch;
mod tickets;
mod transfer;
mod turns;
mod user;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use takeover_core::id::NodeId;
use takeover_core::sync::Directory;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::BareJid;
use takeover_protocols::stream::Secret;

use crate::rt::{ChildSpec, Endpoint, Rng, Standing, World};

pub use client::{Attached, Batch, Fenced, OpenError};
pub use deliver::{Limits, Outcome};
pub use gateway::{PushRules, Pushed, UnreadLost};
pub use keeper::{Keeper, Work};
pub use left_out::Switched;
pub use letter::{Letter, ROUTER_PORT};
pub use loan::LentWire;
pub use node::{Counters, Gate, NodePlane, NodeSpec, NotServed};
pub use outlet::{Close, Outlet};
pub use parcel::{Origin, Parcel};
pub use promise::{Entrusted, Promise};
pub use residents::Residents;
pub(crate) use server::version;
pub use standby::Inactive;
pub use tickets::Tickets;
pub use turns::Turns;
pub use user::{Link, Managed, Out, Push, Session, SessionId, User, UserSlot, UserState, Written};

/// How the plane of a lab is made.
pub struct PlaneSpec {
    /// The lab.
    pub world: World,
    /// Domains of the users (RFC 6120: the served hosts), the first being the default.
    pub domains: Vec<String>,
    /// Every node of the deployment, in the order of their numbers.
    pub nodes: Vec<NodeSpec>,
    /// What bounds the places of users.
    pub limits: Limits,
    /// What is done for clients that are away.
    pub push: PushRules,
    /// Wall time at the lab's start, for people ([`Timestamp`] grows with protocol time from there).
    pub wall_start: Timestamp,
    /// Tells this run of a deployment from others on the same stores: part of durable names.
    pub run: u64,
}

/// The data plane of a lab.
pub struct Plane {
    me: Weak<Self>,
    pub(crate) world: World,
    pub(crate) domains: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) push: PushRules,
    gateway: gateway::Gateway,
    wall_start: Timestamp,
    run: u64,
    users: Directory<User>,
    nodes: Vec<NodePlane>,
    aliases: BTreeMap<String, Arc<crate::conference::Alias>>,
    keeper: Standing<Work>,
    secrets: Mutex<Rng>,
    next: AtomicU64,
    searches: search::Searches,
}

/// Hears what arrives for the router of a node.
struct Router {
    plane: Weak<Plane>,
    node: NodeId,
}

impl Plane {
    /// The plane of a lab, listening on the router port of every node; all gates are closed.
    #[must_use]
    pub fn new(spec: PlaneSpec) -> Arc<Self> {
        let keeper = spec
            .world
            .standing(Keeper::new, ChildSpec::new("keeper", Keeper::MAILBOX));
        let secrets = Mutex::new(spec.world.rng("plane/secrets"));
        let aliases = spec
            .nodes
            .iter()
            .map(|node| {
                let alias = crate::conference::Alias::new(&node.alias, node.id, node.chat.clone());
                (node.alias.clone(), Arc::new(alias))
            })
            .collect();
        let plane = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            world: spec.world,
            gateway: gateway::Gateway::of(&spec.domains),
            domains: spec.domains,
            limits: spec.limits,
            push: spec.push,
            wall_start: spec.wall_start,
            run: spec.run,
            users: Directory::new(),
            nodes: spec.nodes.into_iter().map(NodePlane::new).collect(),
            aliases,
            keeper,
            secrets,
            next: AtomicU64::new(1),
            searches: search::Searches::default(),
        });
        plane.listen();
        plane
    }

    fn listen(&self) {
        for node in &self.nodes {
            self.listen_at(node.spec.id);
        }
    }

    /// Listens on the router port of a node; to be said again in each of its lives.
    pub fn listen_at(&self, node: NodeId) {
        let endpoint: Arc<dyn Endpoint> = Arc::new(Router {
            plane: self.me.clone(),
            node,
        });
        self.world.network().listen(node, ROUTER_PORT, endpoint);
    }

    /// Itself, for work that outlives a call; nothing while the lab is being taken down.
    pub(crate) fn myself(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// The lab.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Domains of the users, the first being the default.
    #[must_use]
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// A node.
    ///
    /// # Panics
    /// Where the deployment has no such node: numbers come from its topology.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &NodePlane {
        &self.nodes[usize::from(node.0)]
    }

    /// All nodes, in order.
    #[must_use]
    pub fn nodes(&self) -> &[NodePlane] {
        &self.nodes
    }

    /// The conference alias of this domain.
    #[must_use]
    pub fn alias(&self, domain: &str) -> Option<&Arc<crate::conference::Alias>> {
        self.aliases.get(domain)
    }

    /// The conference alias of a node (CHAT-1), wherever it is hosted.
    #[must_use]
    pub fn alias_of(&self, node: NodeId) -> Option<&Arc<crate::conference::Alias>> {
        self.aliases.values().find(|alias| alias.home() == node)
    }

    /// All conference aliases, in order of their names.
    pub fn aliases(&self) -> impl Iterator<Item = &Arc<crate::conference::Alias>> {
        self.aliases.values()
    }

    /// Makes a user known, at its home node. One that is known stays as it is.
    pub fn add_user(&self, jid: &BareJid, home: NodeId) -> Arc<User> {
        self.users.get_or_insert_with(jid.as_str(), || {
            let user = Arc::new(User::new(jid.clone(), home));
            self.node(home).residents.add(user.clone());
            user
        })
    }

    /// Assigns a user to another node (USR-4). Who hosts it now is not changed by that.
    pub fn assign(&self, user: &Arc<User>, home: NodeId) {
        self.node(user.home()).residents.remove(user);
        user.assign(home);
        self.node(home).residents.add(user.clone());
        self.note_guest(user, user.slot.owner().node());
    }

    /// Notes whether a user that this node owns is at home elsewhere.
    pub(super) fn note_guest(&self, user: &Arc<User>, owner: NodeId) {
        let (here, home) = (self.node(owner), user.home());
        let is_guest = home != owner && here.spec.peer != Some(home);
        here.residents.set_guest(user, is_guest);
    }

    /// The users of a node and its peer, in order of their addresses: among them is everybody whom
    /// the node hosts.
    #[must_use]
    pub fn of_group(&self, node: NodeId) -> Vec<Arc<User>> {
        let here = self.node(node);
        let mut users = here.residents.with_guests();
        if let Some(peer) = here.spec.peer {
            users.append(&mut self.node(peer).residents.with_guests());
        }
        // Runs in order: that is a merge.
        users.sort_by(|a, b| a.jid.as_str().cmp(b.jid.as_str()));
        users
    }

    /// The users whom a node hosts now, in order of their addresses.
    #[must_use]
    pub fn hosted_by(&self, node: NodeId) -> Vec<Arc<User>> {
        let mut users = self.of_group(node);
        users.retain(|user| user.slot.owner().node() == node);
        users
    }

    /// The user of this bare address.
    #[must_use]
    pub fn user(&self, bare: &str) -> Option<Arc<User>> {
        self.users.get(bare)
    }

    /// All users, in order of their addresses.
    #[must_use]
    pub fn users(&self) -> Vec<Arc<User>> {
        self.users
            .snapshot()
            .into_iter()
            .map(|(_, user)| user)
            .collect()
    }

    /// A number that was not given out before in this run.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A name that cannot be guessed, for what a client must prove to know.
    pub(crate) fn secret(&self) -> String {
        let mut secrets = self.secrets.lock();
        format!("{:016x}{:016x}", secrets.next_u64(), secrets.next_u64())
    }

    /// Octets that nobody can guess: ids, nonces and resources of one connection.
    pub(crate) fn random(&self) -> Secret {
        let mut octets = [0; 32];
        self.secrets.lock().fill(&mut octets);
        Secret(octets)
    }

    /// A name that no run of this deployment has given out: `what` is unique in this run.
    pub(crate) fn durable_name(&self, what: &str) -> String {
        format!("{:x}.{what}", self.run)
    }

    /// The wall time now, for people.
    #[must_use]
    pub fn stamp(&self) -> Timestamp {
        self.wall_start
            .saturating_add(Duration::from_micros(self.world.now().0))
    }

    /// Runs work that no node's death may interrupt.
    pub(crate) fn keep(&self, work: impl Future<Output = ()> + Send + 'static) {
        keeper::run(&self.keeper, work);
    }

    /// The keeper.
    #[must_use]
    pub fn keeper(&self) -> &Standing<Work> {
        &self.keeper
    }
}
