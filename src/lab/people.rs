//! Clients of a lab, and the sockets by which others come in.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use rustls::ClientConfig;
use takeover_actors::plane::{NodePlane, Plane};
use takeover_actors::rt::World;
use takeover_actors::session::{ClientHand, HandArrival, Wish, hands};
use takeover_actors::wire::Arrival;
use takeover_core::id::NodeId;
use takeover_core::topology::Deployment;
use takeover_protocols::jid::{BareJid, escape};
use takeover_protocols::stream::Layer;

use super::LabError;
use super::control::Control;
use super::stores::Stores;
use crate::client::{Client, ClientSpec, Dialed, Dialer, Reconnect, TcpDialer};
use crate::config::{LabConfig, NodeConfig};
use crate::endpoint::{Addresses, Door, Endpoint, EndpointSpec};
use crate::tls::{CA_FILE, LabAuthority, client_config, server_config};

/// Octets that a pipe in memory holds in each direction.
const PIPE: usize = 64 * 1024;

/// The open sockets of a lab in real time.
pub(super) struct Endpoints {
    pub(super) nodes: Vec<Endpoint>,
    pub(super) authority_file: PathBuf,
    pub(super) trust: Arc<ClientConfig>,
}

impl Endpoints {
    /// Makes the certificates, opens every node's sockets and tells the plane their addresses.
    pub(super) fn open(
        config: &LabConfig,
        deployment: &Deployment,
        world: &World,
        plane: &Arc<Plane>,
        stores: &Stores,
    ) -> Result<Self, LabError> {
        let authority = LabAuthority::generate(&config.domain)?;
        authority.write_pem(stores.folder())?;
        let groups = config.clusters.iter().flat_map(|cluster| &cluster.groups);
        let ports: Vec<&NodeConfig> = groups.flat_map(|group| &group.nodes).collect();
        let door: Arc<dyn Door> = Arc::new(PlaneDoor(Arc::downgrade(plane)));
        let mut nodes = Vec::new();
        for (node, ports) in deployment.nodes().iter().zip(ports) {
            let name = node.name.to_string();
            let names = [
                config.domain.as_str(),
                name.as_str(),
                "localhost",
                "127.0.0.1",
            ];
            let spec = EndpointSpec {
                node: node.id,
                name: name.clone(),
                xmpp: ports.xmpp,
                xmpp_tls: ports.xmpp_tls,
                tls: server_config(authority.issue(names)?)?,
                allow_plaintext: config.endpoints.allow_plaintext,
                handshakes: config.limits.unauthenticated,
            };
            let endpoint = Endpoint::open(world, spec, door.clone())?;
            plane
                .node(node.id)
                .set_address(endpoint.addresses().xmpp.to_string());
            nodes.push(endpoint);
        }
        let trust = client_config(&authority)?;
        Ok(Self {
            nodes,
            authority_file: stores.folder().join(CA_FILE),
            trust,
        })
    }

    fn addresses(
        &self,
        pick: impl Fn(Addresses) -> std::net::SocketAddr,
    ) -> Vec<std::net::SocketAddr> {
        self.nodes
            .iter()
            .map(|endpoint| pick(endpoint.addresses()))
            .collect()
    }

    fn dialer(&self, control: &Control) -> TcpDialer {
        let named = |addresses: Vec<std::net::SocketAddr>| -> BTreeMap<_, _> {
            control.node_names().into_iter().zip(addresses).collect()
        };
        TcpDialer {
            plain: named(self.addresses(|addresses| addresses.xmpp)),
            tls: BTreeMap::new(),
            domain: control.deployment().domain().to_owned(),
            trust: Some(self.trust.clone()),
        }
    }
}

/// The doors of a lab's nodes. It does not keep the plane alive: that would be a circle.
struct PlaneDoor(Weak<Plane>);

impl Door for PlaneDoor {
    fn arrive(&self, node: NodeId, arrival: Arrival) -> bool {
        self.0
            .upgrade()
            .is_some_and(|plane| plane.node(node).arrive(arrival).is_ok())
    }
}

/// Reaches nodes by pipes in memory.
struct MemoryDialer {
    plane: Weak<Plane>,
    label: String,
}

impl Dialer for MemoryDialer {
    fn dial(&self, place: &str) -> Pin<Box<dyn Future<Output = io::Result<Dialed>> + Send + '_>> {
        let opened = self.open(place);
        Box::pin(std::future::ready(opened))
    }

    fn hand(
        &self,
        place: &str,
        user: BareJid,
        resource: String,
        wish: Option<Wish>,
    ) -> io::Result<ClientHand> {
        let (near, far) = hands();
        let arrival = HandArrival {
            user,
            resource,
            wish,
            hand: far,
        };
        let (plane, node) = self.node(place)?;
        let refused = |_| io::ErrorKind::ConnectionRefused;
        plane.node(node).receive(arrival).map_err(refused)?;
        Ok(near)
    }

    fn name_of(&self, place: &str) -> String {
        let found = self.node(place).ok();
        found.map_or_else(
            || place.to_owned(),
            |(plane, node)| plane.node(node).spec.name.clone(),
        )
    }
}

impl MemoryDialer {
    /// The node of this name or address.
    fn node(&self, place: &str) -> io::Result<(Arc<Plane>, NodeId)> {
        let plane = self.plane.upgrade();
        let plane = plane.ok_or(io::ErrorKind::ConnectionRefused)?;
        let at = |node: &&NodePlane| node.spec.name == place || node.address() == place;
        let found = plane.nodes().iter().find(at).map(|node| node.spec.id);
        let node = found.ok_or(io::ErrorKind::NotFound)?;
        Ok((plane, node))
    }

    fn open(&self, place: &str) -> io::Result<Dialed> {
        let (plane, node) = self.node(place)?;
        let (near, far) = tokio::io::duplex(PIPE);
        let arrival = Arrival::in_memory(far, self.label.clone());
        plane
            .node(node)
            .arrive(arrival)
            .map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(Dialed {
            wire: Box::new(near),
            layer: Layer::Secure,
            upgrade: None,
        })
    }
}

impl Control {
    /// The client of a user of the lab. It is made when it is first asked for, does nothing until
    /// it is told to log in, and behaves as the parameters of its home node say (SES-5).
    ///
    /// # Errors
    /// [`LabError::NoSuch`] for a user the lab does not have.
    pub fn client(&self, name: &str) -> Result<Client, LabError> {
        self.client_with(name, |_| {})
    }

    /// As [`Control::client`], with changes to its behaviour where it is made now.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] for a user the lab does not have.
    pub fn client_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut ClientSpec),
    ) -> Result<Client, LabError> {
        self.client_of(name, name, change)
    }

    fn client_of(
        &self,
        name: &str,
        user: &str,
        change: impl FnOnce(&mut ClientSpec),
    ) -> Result<Client, LabError> {
        if let Some(client) = self.0.clients.lock().get(name) {
            return Ok(client.clone());
        }
        let mut spec = self.client_spec(user)?;
        change(&mut spec);
        let dialer: Arc<dyn Dialer> = match &self.0.endpoints {
            Some(endpoints) if !spec.hands_over => Arc::new(endpoints.dialer(self)),
            Some(_) | None => Arc::new(self.memory_dialer(name)),
        };
        let client = Client::start(spec, self.world(), dialer, self.0.oracle.clone());
        let mut clients = self.0.clients.lock();
        Arc::make_mut(&mut clients).insert(name.to_owned(), client.clone());
        drop(clients);
        Ok(client)
    }

    /// A further client of a user, under a name of its own: with the user's account and another
    /// resource, and told apart by the oracle, so that a user may have a desk and a phone.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let mut lab = takeover::Lab::virtual_time(1).start()?;
    /// let (desk, phone) = (lab.client("andy")?, lab.client_as("phone", "andy")?);
    /// for client in [&desk, &phone] {
    ///     client.log_in();
    /// }
    /// assert!(lab.until(|_| desk.is_online() && phone.is_online(), Duration::from_secs(60)));
    /// assert_eq!(desk.user(), phone.user());
    /// # Ok::<(), takeover::LabError>(())
    /// ```
    ///
    /// # Errors
    /// [`LabError::NoSuch`] for a user the lab does not have.
    pub fn client_as(&self, name: &str, user: &str) -> Result<Client, LabError> {
        let address = format!("{}/{name}", self.client_spec(user)?.user);
        self.0.oracle.lock().know_further(name, user, &address);
        self.client_of(name, user, |spec| {
            name.clone_into(&mut spec.name);
            name.clone_into(&mut spec.resource);
        })
    }

    fn client_spec(&self, name: &str) -> Result<ClientSpec, LabError> {
        let user = self.user(name)?;
        let jid = self.jid(name)?;
        let home = self.home_of(name)?.home();
        let peer = self.0.deployment.peer_of(home);
        let places = [Some(home), peer]
            .into_iter()
            .flatten()
            .map(|node| self.node_name(node));
        let mut spec = ClientSpec::new(jid, &user.password, places.collect());
        name.clone_into(&mut spec.name);
        let (lower, upper) = self.0.params.read().re_login_limits(home);
        spec.reconnect = Reconnect::Window { lower, upper };
        Ok(spec)
    }

    /// The bare JID of a user.
    ///
    /// # Errors
    /// [`LabError::Name`] for a name that no JID can have.
    pub fn jid(&self, name: &str) -> Result<BareJid, LabError> {
        let text = format!("{}@{}", escape(name), self.0.deployment.domain());
        let refused = |error: takeover_protocols::jid::JidError| LabError::Name {
            what: "user",
            name: name.to_owned(),
            why: error.to_string(),
        };
        BareJid::new(&text).map_err(refused)
    }

    /// The JID of a room under a node's conference alias (CHAT-1).
    ///
    /// # Errors
    /// [`LabError::NoSuch`] for an unknown node, [`LabError::Name`] for a name no room can have.
    pub fn room(&self, name: &str, node: &str) -> Result<BareJid, LabError> {
        let node = self.node_id(node)?;
        let text = format!("{}@{}", escape(name), self.0.plane.node(node).spec.alias);
        let refused = |error: takeover_protocols::jid::JidError| LabError::Name {
            what: "room",
            name: name.to_owned(),
            why: error.to_string(),
        };
        BareJid::new(&text).map_err(refused)
    }

    fn memory_dialer(&self, label: &str) -> MemoryDialer {
        MemoryDialer {
            plane: Arc::downgrade(&self.0.plane),
            label: label.to_owned(),
        }
    }

    /// Where a node listens; `None` in virtual time, or if there is no such node.
    #[must_use]
    pub fn addresses(&self, node: &str) -> Option<Addresses> {
        let id = self.node_id(node).ok()?;
        let endpoint = self.0.endpoints.as_ref()?.nodes.get(id.index())?;
        Some(endpoint.addresses())
    }

    /// The file with the certificate of the lab's authority; `None` in virtual time.
    #[must_use]
    pub fn authority_file(&self) -> Option<PathBuf> {
        self.0
            .endpoints
            .as_ref()
            .map(|endpoints| endpoints.authority_file.clone())
    }

    /// What clients inside the process trust; `None` in virtual time.
    #[must_use]
    pub fn trust(&self) -> Option<Arc<ClientConfig>> {
        self.0
            .endpoints
            .as_ref()
            .map(|endpoints| endpoints.trust.clone())
    }

    /// The data plane: users, sessions, rooms, counters.
    #[must_use]
    pub fn plane(&self) -> &Arc<Plane> {
        &self.0.plane
    }
}
