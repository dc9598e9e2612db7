//! A pair of nodes (and one more) with their session managers, without services and supervisors
//! above them: what chapter 3 promises is the data plane's.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use takeover::client::{Client, ClientSpec, Dialed, Dialer, Oracle, Reconnect};
use takeover_actors::conference::{TC_MAILBOX, TcMsg, TextConference};
use takeover_actors::plane::{Gate, Limits, NodePlane, NodeSpec, Plane, PlaneSpec, PushRules};
use takeover_actors::rt::{ChildSpec, Recipient, Refusal, Root, VirtualDriver, World, WorldSpec};
use takeover_actors::session::{
    Caretaker, CaretakerMsg, ClientHand, ConnectionManager, ConnectionMsg, HandArrival, Mover,
    SessionManager, SessionMsg, SessionSettings, Site, Wish, hands,
};
use takeover_actors::user_mover::{UserOrder, UserReport, UserWork};
use takeover_actors::wire::Arrival;
use takeover_core::ha::Attempt;
use takeover_core::id::{ClusterId, GroupId, Incarnation, NodeId};
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::BareJid;
use takeover_protocols::sasl::{Password, ScramHash, ScramKeys};
use takeover_protocols::stream::{C2sConfig, Layer, Secret};
use takeover_storage::{Account, Memory, PutAccount, UserStore};

pub const DOMAIN: &str = "example.com";
pub const NAMES: [&str; 3] = ["1A", "1B", "2A"];
pub const A: NodeId = NodeId(0);
pub const B: NodeId = NodeId(1);
pub const C: NodeId = NodeId(2);

/// One life of a node.
struct Life {
    sessions: Root<SessionMsg>,
    connections: Root<ConnectionMsg>,
    caretaker: Root<CaretakerMsg>,
    rooms: Option<Root<TcMsg>>,
}

pub struct Town {
    pub driver: VirtualDriver,
    pub plane: Arc<Plane>,
    pub oracle: Arc<Mutex<Oracle>>,
    pub users: Arc<dyn UserStore>,
    settings: SessionSettings,
    lives: BTreeMap<NodeId, Life>,
    mover: Root<UserOrder>,
    reports: Arc<Mutex<Vec<UserReport>>>,
}

impl Town {
    /// Three nodes that run, with these users at their homes.
    pub fn new(seed: u64, users: &[(&str, NodeId)]) -> Self {
        let driver = VirtualDriver::new(WorldSpec::new(seed, 3)).expect("a runtime");
        let memory = Memory::new();
        let store = memory.users("east");
        let nodes = [A, B, C].map(|id| NodeSpec {
            id,
            name: NAMES[id.index()].to_owned(),
            cluster: ClusterId(0),
            group: GroupId(if id == C { 1 } else { 0 }),
            peer: match id {
                A => Some(B),
                B => Some(A),
                _ => None,
            },
            users: store.clone(),
            chat: Some(memory.chat(if id == C { "pair 2" } else { "pair 1" })),
            alias: format!("conference-{}-east.{DOMAIN}", id.0 + 1),
        });
        let plane = Plane::new(PlaneSpec {
            world: driver.world().clone(),
            domains: vec![DOMAIN.to_owned()],
            nodes: nodes.into(),
            limits: Limits {
                session_queue: 1000,
                offline: 100,
                sessions: 5,
                carbons: false,
            },
            push: PushRules::default(),
            wall_start: Timestamp::from_millis(1_700_000_000_000),
            run: seed,
        });
        let mut c2s = C2sConfig::new(DOMAIN, Secret([7; 32]));
        c2s.iterations = 1;
        let settings = SessionSettings::new(c2s);
        let mover = Mover::new(plane.clone(), settings.clone());
        let mover = driver
            .world()
            .root(mover, ChildSpec::new("mover", Mover::MAILBOX));
        let mut town = Self {
            driver,
            plane,
            oracle: Arc::default(),
            users: store,
            settings,
            lives: BTreeMap::new(),
            mover,
            reports: Arc::default(),
        };
        for (name, home) in users {
            town.register(name, *home);
        }
        for node in [A, B, C] {
            town.boot(node);
        }
        town
    }

    fn register(&mut self, name: &str, home: NodeId) {
        let password = Password::new(format!("{name}-secret"));
        let keys = |hash| {
            ScramKeys::derive(hash, &password, b"sixteen octets..", 1).expect("a good password")
        };
        let account = Account {
            user: jid(name).to_string(),
            sha1: keys(ScramHash::Sha1),
            sha256: keys(ScramHash::Sha256),
            enabled: true,
        };
        let put = self.users.put_account(account, PutAccount::Create);
        self.driver.block_on(put).expect("a new account");
        self.plane.add_user(&jid(name), home);
    }

    pub fn world(&self) -> &World {
        self.driver.world()
    }

    pub fn boot(&mut self, node: NodeId) {
        self.world().network().power_up(node);
        self.plane.listen_at(node);
        let site = Site::new(self.plane.clone(), node, self.settings.clone());
        let sessions = SessionManager::new(site.clone());
        let name = NAMES[node.index()];
        let spec = ChildSpec::new(format!("sessions {name}"), SessionManager::MAILBOX);
        let sessions = self.world().root(sessions, spec.on_node(node));
        let manager = ConnectionManager::new(site, sessions.addr().clone());
        let spec = ChildSpec::new(format!("connections {name}"), ConnectionManager::MAILBOX);
        let connections = self.world().root(manager, spec.on_node(node));
        let caretaker = Caretaker::new(self.plane.clone(), node);
        let spec = ChildSpec::new(format!("caretaker {name}"), Caretaker::MAILBOX);
        let caretaker = self.world().root(caretaker, spec.on_node(node));
        let address = caretaker.addr().clone();
        self.plane.node(node).set_caretaker(Some(address));
        self.lives.insert(
            node,
            Life {
                sessions,
                connections,
                caretaker,
                rooms: None,
            },
        );
        self.start_rooms(node);
        for gate in [
            Gate::Router,
            Gate::Presence,
            Gate::Connections,
            Gate::Conference,
        ] {
            self.plane.open(node, gate);
        }
        self.driver.settle();
    }

    /// The Text Conference Manager of a node starts.
    pub fn start_rooms(&mut self, node: NodeId) {
        let aliases = self.plane.aliases().cloned().collect();
        let manager = TextConference::new(node, aliases, self.plane.clone());
        let spec = ChildSpec::new(format!("rooms {}", NAMES[node.index()]), TC_MAILBOX);
        let rooms = self.world().root(manager, spec.on_node(node));
        self.plane
            .node(node)
            .set_conference(Some(rooms.addr().clone()));
        self.lives.get_mut(&node).expect("a node that runs").rooms = Some(rooms);
    }

    /// The Text Conference Manager of a node dies.
    pub fn kill_rooms(&mut self, node: NodeId) {
        let rooms = self.lives.get_mut(&node).and_then(|life| life.rooms.take());
        rooms.expect("a manager that runs").kill();
        self.driver.settle();
    }

    /// Cuts a node's power.
    pub fn kill(&mut self, node: NodeId) {
        self.world().network().power_down(node);
        if let Some(life) = self.lives.remove(&node) {
            life.rooms.iter().for_each(Root::kill);
            life.connections.kill();
            life.caretaker.kill();
            life.sessions.kill();
        }
        self.plane.power_off(node);
        self.driver.settle();
    }

    /// What the SRM of `node` orders; waits for the answer.
    pub fn order(&mut self, node: NodeId, work: UserWork) -> Result<u64, String> {
        self.begin(node, work);
        let reports = self.reports.clone();
        self.until("the move", || !reports.lock().is_empty());
        self.reports.lock().remove(0).outcome
    }

    /// What the SRM of `node` orders; does not wait.
    pub fn begin(&mut self, node: NodeId, work: UserWork) {
        let reports = self.reports.clone();
        let report = Recipient::from_fn(move |report| -> Result<(), Refusal> {
            reports.lock().push(report);
            Ok(())
        });
        let order = UserOrder {
            node,
            peer: if node == A { B } else { A },
            life: self.driver.world().network().life(node),
            incarnation: Incarnation(1),
            attempt: Attempt(1),
            work,
            report,
        };
        self.mover.addr().send(order).expect("a mover");
    }

    pub fn client(&mut self, name: &str) -> Client {
        self.client_with(name, |_| {})
    }

    pub fn client_with(&mut self, name: &str, change: impl FnOnce(&mut ClientSpec)) -> Client {
        let user = self.plane.user(jid(name).as_str()).expect("a known user");
        let home = self.plane.node(user.home());
        let mut places = vec![home.spec.name.clone()];
        places.extend(
            home.spec
                .peer
                .map(|peer| self.plane.node(peer).spec.name.clone()),
        );
        let mut spec = ClientSpec::new(jid(name), &format!("{name}-secret"), places);
        spec.reconnect = Reconnect::Promptly;
        change(&mut spec);
        let dialer = Arc::new(Door(self.plane.clone()));
        let client = Client::start(spec, self.driver.world(), dialer, self.oracle.clone());
        client.log_in();
        client
    }

    #[track_caller]
    pub fn until(&mut self, what: &str, condition: impl FnMut() -> bool) {
        let limit = Duration::from_secs(1200);
        if !self.driver.until(condition, limit) {
            panic!(
                "never came to pass: {what}\n{}",
                self.world().journal().lines()
            );
        }
    }

    pub fn pass(&mut self, seconds: u64) {
        self.driver.pass(Duration::from_secs(seconds));
    }

    /// The oracle has nothing to complain about.
    #[track_caller]
    pub fn assert_clean(&self) {
        let finding = self.oracle.lock().finding();
        assert!(
            finding.total.is_clean(),
            "{finding:#?}\n{}",
            self.world().journal().lines()
        );
    }
}

/// Brings clients to nodes over pipes in memory, or by hand.
struct Door(Arc<Plane>);

impl Door {
    fn node(&self, place: &str) -> io::Result<&NodePlane> {
        let node = self.0.nodes().iter().find(|node| node.spec.name == place);
        Ok(node.ok_or(io::ErrorKind::NotFound)?)
    }
}

impl Dialer for Door {
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
        let received = self.node(place)?.receive(arrival);
        received.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(near)
    }

    fn dial(&self, place: &str) -> Pin<Box<dyn Future<Output = io::Result<Dialed>> + Send + '_>> {
        let place = place.to_owned();
        Box::pin(async move {
            let node = self.node(&place)?;
            let (client, server) = tokio::io::duplex(64 * 1024);
            node.arrive(Arrival::in_memory(server, "memory"))
                .map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(Dialed {
                wire: Box::new(client),
                layer: Layer::Secure,
                upgrade: None,
            })
        })
    }
}

pub fn jid(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@{DOMAIN}")).expect("a good name")
}
