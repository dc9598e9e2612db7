//! What a lab can refuse or fail at.

use std::io;
use std::path::PathBuf;

use takeover_actors::rack::PowerRefused;
use takeover_actors::service_table::ServiceRefused;
use takeover_core::assignment::{BadUser, FailedOver};
use takeover_core::chat::Unmet;
use takeover_core::ha::Refusal;
use takeover_core::params::ParamErrors;
use takeover_core::profile::ProfileError;
use takeover_core::topology::TopologyErrors;
use takeover_storage::StoreError;
use takeover_storage::merge::MergeError;
use thiserror::Error;

use super::NoAnswer;
use crate::config::ConfigError;
use crate::endpoint::OpenError;
use crate::tls::TlsError;

/// Why a lab could not be made, or did not do what it was asked.
#[derive(Debug, Error)]
pub enum LabError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The topology breaks a rule (TOP-1 to TOP-10).
    #[error(transparent)]
    Topology(#[from] TopologyErrors),
    /// A name in the topology is not allowed.
    #[error("{what} {name:?}: {why}")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it, and what is allowed.
        why: String,
    },
    /// Certificates or TLS settings failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A socket could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A database could not be opened.
    #[error("{}: {error}", place.display())]
    Store {
        /// The data folder.
        place: PathBuf,
        /// What the database said.
        error: Box<StoreError>,
    },
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was wanted, with the place that it was wanted at.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing in the lab has this name.
    #[error("no {what} is called {name:?}; there are: {}", known.join(", "))]
    NoSuch {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A parameter is unknown, or its value is not allowed (CFG-6).
    #[error(transparent)]
    Parameter(#[from] ParamErrors),
    /// The node's power does not allow it.
    #[error(transparent)]
    Power(#[from] PowerRefused),
    /// The service cannot do that now.
    #[error(transparent)]
    Service(#[from] ServiceRefused),
    /// A user id is refused (USR-3).
    #[error(transparent)]
    User(#[from] BadUser),
    /// A node is failed over, so users stay as they are (USR-2).
    #[error(transparent)]
    FailedOver(#[from] FailedOver),
    /// No login profile applies (SES-6).
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The databases of the rooms break a rule, or persistent-chat HA lacks something (CHAT-4 to
    /// CHAT-6).
    #[error("{}", unmet.iter().map(Unmet::to_string).collect::<Vec<_>>().join("; "))]
    Chat {
        /// All of it.
        unmet: Vec<Unmet>,
    },
    /// A merge of databases is refused, or failed (MRG-1).
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The state of the pair does not allow it (HA-11).
    #[error("{0}")]
    Ha(Refusal),
    /// What was to be asked does not run.
    #[error("{what} of {node} does not run")]
    NotRunning {
        /// What was to be asked.
        what: &'static str,
        /// Whose.
        node: String,
    },
    /// What was asked has more to do than it can take.
    #[error("{what} of {node} has too much to do")]
    Busy {
        /// What was asked.
        what: &'static str,
        /// Whose.
        node: String,
    },
    /// What was asked ended before it answered.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The lab did not come up in time.
    #[error("the lab did not come up within {limit_s} s of protocol time: {missing}")]
    NotUp {
        /// The limit, in seconds.
        limit_s: u64,
        /// What was not up.
        missing: String,
    },
    /// The lab did not end in time.
    #[error("the lab did not end in time: {0}")]
    NotStopped(String),
}
