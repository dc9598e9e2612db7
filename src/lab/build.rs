//! How a lab is described and started.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use takeover_actors::board::Board;
use takeover_actors::node_record::StoredRecords;
use takeover_actors::rack::{self, PowerAction, Rack, RackMsg};
use takeover_actors::rt::{ChildSpec, RealDriver, Standing, VirtualDriver, World, WorldSpec};
use takeover_actors::setup::{NodeSetup, Pace, Span};
use takeover_actors::works::equip;
use takeover_core::ha::State;
use takeover_protocols::datetime::Timestamp;
use takeover_storage::PostgresSettings;

use super::chat::ChatDatabases;
use super::cluster::ClusterBuilder;
use super::control::{Control, Inner};
use super::moves::Moves;
use super::people::Endpoints;
use super::plane::{DataPlane, Economy, Ground};
use super::run::{Driver, Lab};
use super::stores::Stores;
use super::{LabError, parts};
use crate::client::Oracle;
use crate::config::{
    ClusterConfig, DatabaseConfig, DatabasePlace, LabConfig, StorageEngine, UserConfig,
    UserPattern, UsersConfig,
};

/// Protocol time within which a lab has to come up.
const UP: Duration = Duration::from_secs(600);

enum Time {
    Virtual,
    Real,
}

/// A lab being described. Without another word it is the built-in one: a cluster of two pairs
/// (1A/1B, 2A/2B) with HA on, and the users andy, bob, catherine and deborah, each at home on one
/// node, with `NAME-secret` for a password.
pub struct Builder {
    config: LabConfig,
    time: Time,
    pace: Option<Pace>,
    settings: Vec<(String, String)>,
    own_clusters: bool,
    own_users: bool,
    economy: Economy,
    foreign_timers: bool,
    journal_capacity: Option<usize>,
}

impl Builder {
    pub(super) fn virtual_time(seed: u64) -> Self {
        let config = LabConfig {
            seed,
            ..LabConfig::default()
        };
        Self::new(config, Time::Virtual)
    }

    pub(super) fn real_time(speed: f64) -> Self {
        let config = LabConfig {
            speed,
            ..LabConfig::default()
        };
        Self::new(config, Time::Real)
    }

    fn new(config: LabConfig, time: Time) -> Self {
        Self {
            config,
            time,
            pace: None,
            settings: Vec::new(),
            own_clusters: false,
            own_users: false,
            economy: Economy::default(),
            foreign_timers: true,
            journal_capacity: None,
        }
    }

    /// Takes everything from a configuration, except (for virtual time) the seed that was given.
    #[must_use]
    pub fn config(mut self, config: LabConfig) -> Self {
        let (seed, speed) = (self.config.seed, self.config.speed);
        self.config = config;
        match self.time {
            Time::Virtual => self.config.seed = seed,
            Time::Real => self.config.speed = speed,
        }
        (self.own_clusters, self.own_users) = (true, true);
        self
    }

    /// The seed of everything that is drawn at random.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// The XMPP domain.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.config.domain = domain.to_owned();
        self
    }

    /// Adds a cluster; the first one added takes the place of the built-in cluster and users.
    #[must_use]
    pub fn cluster(
        mut self,
        name: &str,
        describe: impl FnOnce(ClusterBuilder) -> ClusterBuilder,
    ) -> Self {
        if !std::mem::replace(&mut self.own_clusters, true) {
            self.config.clusters.clear();
        }
        self = self.without_built_in_users();
        let empty = ClusterConfig {
            name: name.to_owned(),
            groups: Vec::new(),
            ova: 0,
        };
        self.config.clusters.push(describe(ClusterBuilder(empty)).0);
        self
    }

    fn without_built_in_users(mut self) -> Self {
        if !std::mem::replace(&mut self.own_users, true) {
            self.config.users = UsersConfig {
                list: Vec::new(),
                pattern: None,
            };
        }
        self
    }

    /// Adds a user with `NAME-secret` for a password, at home on a node; the first one added takes
    /// the place of the built-in users.
    #[must_use]
    pub fn user(mut self, name: &str, home: &str) -> Self {
        self = self.without_built_in_users();
        self.config.users.list.push(UserConfig {
            name: name.to_owned(),
            password: format!("{name}-secret"),
            home: Some(home.to_owned()),
        });
        self
    }

    /// Adds numbered users `user1` to `userCOUNT` with `passwordN` for passwords, spread over the
    /// nodes (USR-1).
    #[must_use]
    pub fn users(mut self, count: u64) -> Self {
        self = self.without_built_in_users();
        self.config.users.pattern = Some(UserPattern {
            name: "user{n}".to_owned(),
            password: "password{n}".to_owned(),
            first: 1,
            count,
        });
        self
    }

    /// Sets a parameter by its name in the specification, as in
    /// `parameter("Critical Service Down Delay", 90)`. What is wrong with it is said at the start.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// How fast services start and stop, and how nodes boot.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// Keeps the rooms of the database `name` on a PostgreSQL server; the database of a pair has the
    /// name of its group (CHAT-3, CHAT-5). Also in virtual time, which stands still while the server
    /// is at work.
    #[must_use]
    pub fn postgresql(mut self, name: &str, settings: PostgresSettings) -> Self {
        self.config.databases.push(DatabaseConfig {
            name: name.to_owned(),
            place: DatabasePlace::PostgreSql(settings),
        });
        self
    }

    /// Threads that nodes are spread over in real time.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.config.threads = threads;
        self
    }

    /// How many rounds of PBKDF2 make an account's keys (4096, RFC 7677). One round keeps the whole
    /// exchange and costs next to nothing: for labs whose passwords protect nothing.
    #[must_use]
    pub fn password_rounds(mut self, rounds: u32) -> Self {
        self.economy.iterations = rounds.max(1);
        self
    }

    /// After so much protocol time without an octet a client is asked whether it is there.
    #[must_use]
    pub fn ask_after(mut self, idle: Duration) -> Self {
        self.economy.idle = Some(idle);
        self
    }

    /// In virtual time: nobody in this lab sleeps on tokio's own clock, which then stands still. A
    /// step of time costs a sixth. For the largest runs.
    #[must_use]
    pub fn without_foreign_timers(mut self) -> Self {
        self.foreign_timers = false;
        self
    }

    /// How many entries of the journal stay in memory, about a million if nothing is said. The digest
    /// has them all.
    #[must_use]
    pub fn journal_capacity(mut self, entries: usize) -> Self {
        self.journal_capacity = Some(entries);
        self
    }

    /// Builds the lab, switches every node on and waits until all of them serve.
    ///
    /// # Errors
    /// Whatever is wrong with the description, or what the system refuses; [`LabError::NotUp`] with
    /// what is missing.
    pub fn start(self) -> Result<Lab, LabError> {
        let mut lab = self.build()?;
        for name in lab.node_names() {
            let answer = lab.control().power(&name, PowerAction::On)?;
            lab.wait_for(answer)??;
        }
        if lab.until(|lab| missing(lab).is_empty(), UP) {
            Ok(lab)
        } else {
            let missing = missing(&lab).join(", ");
            Err(LabError::NotUp {
                limit_s: UP.as_secs(),
                missing,
            })
        }
    }

    /// Builds the lab with every node off.
    ///
    /// # Errors
    /// Whatever is wrong with the description, or what the system refuses.
    pub fn build(self) -> Result<Lab, LabError> {
        let config = &self.config;
        let (deployment, warnings) = parts::deployment(config)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let params = parts::params(config, &self.settings, &deployment)?;
        let nodes = u16::try_from(deployment.nodes().len()).unwrap_or(u16::MAX);
        let driver = self.driver(nodes)?;
        let Some(world) = driver.world().cloned() else {
            return Err(LabError::NotStopped("the driver".to_owned()));
        };
        let stores = Arc::new(self.stores(&world)?);
        let chat = ChatDatabases::new(config, &deployment, &params, stores.clone())?;
        let homes = parts::homes(config, &params, &deployment)?;
        let board = Board::new(nodes);
        let ground = Ground {
            config,
            deployment: &deployment,
            params: &params,
            homes: &homes,
            board: &board,
            stores: &stores,
            chat: &chat,
            wall_start: self.wall_start(),
            run: config.seed,
            economy: self.economy,
        };
        let data = DataPlane::new(&ground, &world)?;
        let pace = self.pace.clone().unwrap_or_else(|| self.default_pace());
        let moves = Moves::before(data.mover.recipient(|order| order));
        let setups = parts::setups(&deployment, &params, &pace, &board, |_, setup| {
            setup.records = Arc::new(StoredRecords::new(stores.node(&setup.name)));
            equip(setup, &data.plane, &data.settings, moves.recipient());
        });
        let rack = rack_of(&world, setups);
        let open = || Endpoints::open(config, &deployment, &world, &data.plane, &stores);
        let endpoints = match self.time {
            Time::Virtual => None,
            Time::Real => Some(open()?),
        };
        let control = Control(Arc::new(Inner {
            world,
            deployment: Arc::new(deployment),
            board,
            rack: rack.clone(),
            oracle: Arc::<Mutex<Oracle>>::default(),
            clients: Mutex::default(),
            plane: data.plane,
            settings: data.settings,
            accounts: data.accounts,
            users: Mutex::new(
                homes
                    .into_iter()
                    .map(|(user, _)| (user.name.clone(), user))
                    .collect(),
            ),
            refused_users: Mutex::default(),
            notifications: Mutex::default(),
            params: RwLock::new(params),
            moves,
            unreplicated: Mutex::default(),
            endpoints,
            stores,
            chat,
        }));
        control.tell_all_aliases();
        Ok(Lab::new(control, rack, driver, data.mover))
    }

    /// Virtual time keeps everything in memory; real time on disk; what is described, where it is.
    fn stores(&self, world: &World) -> Result<Stores, LabError> {
        let stores = match (&self.time, self.config.storage.engine) {
            (Time::Virtual, StorageEngine::Embedded) => Stores::in_memory(),
            (Time::Real, StorageEngine::Embedded) => {
                Stores::embedded(self.config.storage.folder.as_deref())?
            }
        };
        stores.describe(&self.config.databases, world)?;
        Ok(stores)
    }

    /// In virtual time every run begins at the same moment of the calendar.
    fn wall_start(&self) -> Timestamp {
        match self.time {
            Time::Virtual => Timestamp::from_millis(1_767_225_600_000),
            Time::Real => wall_clock(),
        }
    }

    fn driver(&self, nodes: u16) -> Result<Driver, LabError> {
        let mut spec = WorldSpec::new(self.config.seed, nodes);
        spec.journal_capacity = self.journal_capacity.unwrap_or(spec.journal_capacity);
        let failed = |source| LabError::System {
            what: "cannot start the lab's runtime".to_owned(),
            source,
        };
        Ok(match self.time {
            Time::Virtual => {
                let mut driver = VirtualDriver::new(spec).map_err(failed)?;
                if !self.foreign_timers {
                    driver.without_foreign_timers();
                }
                Driver::Virtual(Box::new(driver))
            }
            Time::Real => {
                let driver = RealDriver::new(spec, self.config.speed, self.config.threads);
                Driver::Real(Some(driver.map_err(failed)?))
            }
        })
    }

    /// In virtual time services take as long as in life; in real time people wait for them, so they
    /// take milliseconds of the wall clock.
    fn default_pace(&self) -> Pace {
        match self.time {
            Time::Virtual => Pace::default(),
            Time::Real => brisk(self.config.speed),
        }
    }
}

fn rack_of(world: &World, setups: Vec<Arc<NodeSetup>>) -> Standing<RackMsg> {
    let place = ChildSpec::new("rack", rack::MAILBOX);
    world.standing(move || Rack::new(setups.clone()), place)
}

/// What the calendar says: shown to people in delays and histories, and otherwise of no effect.
fn wall_clock() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "read once, at the start, to show people dates"
    )]
    let now = std::time::SystemTime::now();
    let since = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(since.as_millis().try_into().unwrap_or_default())
}

fn brisk(speed: f64) -> Pace {
    let wall = |millis: f64| Duration::from_secs_f64(millis / 1000.0 * speed);
    let quick = Span {
        low: wall(1.0),
        high: wall(3.0),
    };
    Pace {
        start: quick,
        stop: quick,
        start_of: [].into(),
        reboot: wall(500.0),
        ..Pace::default()
    }
}

/// What does not serve yet.
fn missing(lab: &Control) -> Vec<String> {
    let mut missing = Vec::new();
    for node in lab.deployment().nodes() {
        let name = node.name.to_string();
        let ha = lab.deployment().group(node.group).ha;
        let settled = match lab.state(&name) {
            None => false,
            Some(State::Normal) => true,
            Some(State::Unknown) => !ha,
            Some(State::Initializing) => false,
            Some(_) => true,
        };
        if !settled {
            missing.push(format!("SRM of {name}"));
        }
        let status = lab.status(&name).unwrap_or_default();
        let starting = status
            .services
            .iter()
            .filter(|(_, state)| state.is_in_transition());
        missing.extend(starting.map(|(kind, state)| format!("{kind} of {name} is {state}")));
    }
    missing
}
