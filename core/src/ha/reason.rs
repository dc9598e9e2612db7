//! Why a node is in its state (chapter 2, "Reasons").

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reason of a state, as the table prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// All is well.
    Normal,
    /// An administrator asked for it.
    AdminRequest,
    /// SRM was started.
    Initialization,
    /// The group falls back by itself (HA-6).
    AutomaticFallback,
    /// A critical service stayed down for the delay (HA-2).
    CriticalServiceDown,
    /// The database failed (HA-3).
    DatabaseFailure,
    /// The critical services did not start on the node that takes its users back.
    StartOfCriticalServicesFailed,
    /// The peer fell silent (HA-1).
    PeerDown,
    /// The peer said goodbye (HA-15).
    PeerReboot,
    /// The peer was not seen while this node initialized.
    PeerDownDuringInitialization,
    /// The users could not be taken over.
    TakeOverUsersFailed,
    /// The users could not be taken back.
    TakeBackUsersFailed,
    /// The backup lost its database and the peer took everything (HA-8).
    AutoRecoveryDatabaseFailure,
    /// The backup lost a critical service and the peer took everything (HA-8).
    AutoRecoveryCriticalServiceDown,
    /// HA is off.
    HaNotEnabled,
    /// SRM cannot tell.
    Unknown,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 16] = [
        Reason::Normal,
        Reason::AdminRequest,
        Reason::Initialization,
        Reason::AutomaticFallback,
        Reason::CriticalServiceDown,
        Reason::DatabaseFailure,
        Reason::StartOfCriticalServicesFailed,
        Reason::PeerDown,
        Reason::PeerReboot,
        Reason::PeerDownDuringInitialization,
        Reason::TakeOverUsersFailed,
        Reason::TakeBackUsersFailed,
        Reason::AutoRecoveryDatabaseFailure,
        Reason::AutoRecoveryCriticalServiceDown,
        Reason::HaNotEnabled,
        Reason::Unknown,
    ];

    /// The name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Normal => "Normal",
            Reason::AdminRequest => "On Admin Request",
            Reason::Initialization => "Initialization",
            Reason::AutomaticFallback => "Automatic Fallback",
            Reason::CriticalServiceDown => "Critical Service Down",
            Reason::DatabaseFailure => "Database Failure",
            Reason::StartOfCriticalServicesFailed => "Start of Critical Services Failed",
            Reason::PeerDown => "Peer Down",
            Reason::PeerReboot => "Peer Reboot",
            Reason::PeerDownDuringInitialization => "Peer Down During Initialization",
            Reason::TakeOverUsersFailed => "SRM Take Over Users Failed",
            Reason::TakeBackUsersFailed => "SRM Take Back Users Failed",
            Reason::AutoRecoveryDatabaseFailure => "Auto Recovery Database Failure",
            Reason::AutoRecoveryCriticalServiceDown => "Auto Recovery Critical Service Down",
            Reason::HaNotEnabled => "High Availability Not Enabled",
            Reason::Unknown => "Unknown",
        }
    }

    /// The reason called `name` in the table.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Reason> {
        let wanted = name.trim();
        Reason::ALL
            .into_iter()
            .find(|reason| reason.name().eq_ignore_ascii_case(wanted))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
