//! The contents of a configuration, with the built-in default of each part.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use takeover_core::params::{Param, Value};

use super::DatabaseConfig;

/// All that a configuration file says.
///
/// ```
/// let lab = takeover::config::LabConfig::default();
/// assert_eq!(lab.clusters[0].groups[0].nodes[0].name, "1A");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LabConfig {
    /// The XMPP domain of the deployment.
    pub domain: String,
    /// Seed of everything that is drawn at random.
    pub seed: u64,
    /// Protocol seconds per second of life; 1 is life.
    pub speed: f64,
    /// Threads that nodes are spread over.
    pub threads: usize,
    /// The clusters, in order; group and node order inside them counts too.
    pub clusters: Vec<ClusterConfig>,
    /// Who can log in.
    pub users: UsersConfig,
    /// Parameters that differ from the specification's defaults; those of a node hold for all nodes.
    pub parameters: BTreeMap<Param, Value>,
    /// External databases that rooms are kept in, where they are not the lab's own (CHAT-3).
    pub databases: Vec<DatabaseConfig>,
    /// Where everything else is kept.
    pub storage: StorageConfig,
    /// What is logged, and how.
    pub logging: LoggingConfig,
    /// Limits on what a client may do.
    pub limits: LimitsConfig,
    /// The sockets.
    pub endpoints: EndpointsConfig,
}

/// One cluster: 1 to 6 nodes in groups (TOP-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// The cluster's name.
    pub name: String,
    /// Users that one node's machine is sized for (TOP-8); 0: the smallest size that carries those
    /// it has to.
    pub ova: u32,
    /// Its presence redundancy groups.
    pub groups: Vec<GroupConfig>,
}

/// One presence redundancy group (TOP-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// Name of the group (TOP-5).
    pub name: String,
    /// Whether high availability is on; it needs two nodes (TOP-6).
    pub high_availability: bool,
    /// Whether persistent-chat HA is on; `None`: where HA is, unless its nodes name different
    /// databases (CHAT-5).
    pub persistent_chat_ha: Option<bool>,
    /// The one or two nodes.
    pub nodes: Vec<NodeConfig>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// IP address, host name or FQDN (TOP-7).
    pub name: String,
    /// Software version; both nodes of a group have the same (TOP-4). Empty: the built-in one.
    pub version: String,
    /// Port for XMPP clients (STARTTLS); 0 lets the system choose.
    pub xmpp: u16,
    /// Port for XMPP clients with direct TLS (XEP-0368); 0 lets the system choose.
    pub xmpp_tls: u16,
    /// Name of the external database of its rooms; `None`: the pair's with persistent-chat HA, else
    /// its own.
    pub chat_database: Option<String>,
}

/// Who can log in: a list, a pattern, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersConfig {
    /// Users one by one.
    pub list: Vec<UserConfig>,
    /// Numbered users.
    pub pattern: Option<UserPattern>,
}

/// One user of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserConfig {
    /// Local part of the JID.
    pub name: String,
    /// Password.
    pub password: String,
    /// Name of the home node; `None` leaves it to the assignment mode (USR-1).
    pub home: Option<String>,
}

/// Numbered users: `{n}` in name and password stands for the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPattern {
    /// Pattern of the local part, as in `user{n}`.
    pub name: String,
    /// Pattern of the password.
    pub password: String,
    /// The first number.
    pub first: u64,
    /// How many users.
    pub count: u64,
}

impl UsersConfig {
    /// Every user in order: the list first, then the numbered ones.
    pub fn all(&self) -> impl Iterator<Item = UserConfig> + '_ {
        let numbered = self.pattern.iter().flat_map(|pattern| {
            (pattern.first..pattern.first.saturating_add(pattern.count)).map(|n| UserConfig {
                name: pattern.name.replace("{n}", &n.to_string()),
                password: pattern.password.replace("{n}", &n.to_string()),
                home: None,
            })
        });
        self.list.iter().cloned().chain(numbered)
    }
}

/// Where rooms, accounts and node records are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageConfig {
    /// The engine of the lab's own store.
    pub engine: StorageEngine,
    /// Folder of the data; `None` is a temporary one that goes with the lab.
    pub folder: Option<PathBuf>,
}

/// The engines of the lab's own store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageEngine {
    /// The one built in; nothing to install.
    Embedded,
}

impl FromStr for StorageEngine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            other => Err(format!(
                "{other:?} cannot hold the lab's own store; allowed: \"embedded\" (databases of rooms \
                 have a type of their own, under [[databases]])"
            )),
        }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggingConfig {
    /// Filter in the manner of `RUST_LOG`, as in `info,takeover=debug`.
    pub filter: String,
    /// Form of a log line.
    pub format: LogFormat,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, with node and session as fields.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!(
                "unknown form {other:?}; allowed: \"text\", \"json\""
            )),
        }
    }
}

/// Limits on what one client, or all of them, may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Largest stanza, in bytes.
    pub stanza_bytes: usize,
    /// Deepest nesting of elements in a stanza.
    pub stanza_depth: usize,
    /// Stanzas a session may send a second on average; 0 is no limit.
    pub stanzas_per_second: u32,
    /// Connections of one node that have not authenticated yet.
    pub unauthenticated: usize,
    /// Protocol seconds within which a connection must have authenticated.
    pub login_seconds: u64,
    /// Sessions of one user (SES-1).
    pub sessions_per_user: usize,
    /// Logins that a node serves in a minute of protocol time; 0 is no limit. More of them wait, for
    /// as long as a login may take (SES-6).
    pub logins_per_minute: u32,
}

/// The sockets of a lab in real time; all on the loopback interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointsConfig {
    /// Whether clients may log in without TLS; for load tests only.
    pub allow_plaintext: bool,
}

impl Default for LabConfig {
    /// One cluster of two pairs and the four users of the chat chapter (CHAT-8), each at home on a
    /// node of her or his own.
    fn default() -> Self {
        Self {
            domain: "example.test".to_owned(),
            seed: 1,
            speed: 1.0,
            threads: 1,
            clusters: vec![ClusterConfig::default()],
            users: UsersConfig::default(),
            parameters: BTreeMap::from([(Param::EnablePersistentChat, Value::Bool(true))]),
            databases: Vec::new(),
            storage: StorageConfig {
                engine: StorageEngine::Embedded,
                folder: None,
            },
            logging: LoggingConfig {
                filter: "info".to_owned(),
                format: LogFormat::Text,
            },
            limits: LimitsConfig::default(),
            endpoints: EndpointsConfig {
                allow_plaintext: false,
            },
        }
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        let group = |name: &str, first: &str, second: &str| GroupConfig {
            name: name.to_owned(),
            high_availability: true,
            persistent_chat_ha: None,
            nodes: vec![NodeConfig::named(first), NodeConfig::named(second)],
        };
        Self {
            name: "cluster-1".to_owned(),
            ova: 0,
            groups: vec![group("pair-1", "1A", "1B"), group("pair-2", "2A", "2B")],
        }
    }
}

impl NodeConfig {
    /// A node whose ports the system chooses.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: String::new(),
            xmpp: 0,
            xmpp_tls: 0,
            chat_database: None,
        }
    }
}

impl Default for UsersConfig {
    fn default() -> Self {
        let user = |name: &str, home: &str| UserConfig {
            name: name.to_owned(),
            password: format!("{name}-secret"),
            home: Some(home.to_owned()),
        };
        let list = vec![
            user("andy", "1A"),
            user("bob", "1B"),
            user("catherine", "2A"),
            user("deborah", "2B"),
        ];
        Self {
            list,
            pattern: None,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            stanza_bytes: 262_144,
            stanza_depth: 64,
            stanzas_per_second: 0,
            unauthenticated: 1000,
            login_seconds: 60,
            sessions_per_user: 10,
            logins_per_minute: 0,
        }
    }
}
