//! The state of one service (SVC-1).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a service is [`ServiceState::Failed`] (SVC-1, SVC-3, SVC-4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceCause {
    /// Its actor panicked; the panic's text (SVC-3).
    Panicked(String),
    /// It was killed from outside: a fault, or a power loss of its node.
    Killed,
    /// It did not come up in the time given to a start.
    StartTimedOut,
    /// Another service that it needs is not running.
    Dependency(super::ServiceKind),
    /// Its external database cannot be reached (SVC-4).
    ExternalDatabaseUnreachable(String),
    /// Something else that the service itself reported.
    Other(String),
}

impl fmt::Display for ServiceCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceCause::Panicked(text) => write!(f, "panicked: {text}"),
            ServiceCause::Killed => f.write_str("killed"),
            ServiceCause::StartTimedOut => f.write_str("did not start in time"),
            ServiceCause::Dependency(kind) => write!(f, "{} is not running", kind.name()),
            ServiceCause::ExternalDatabaseUnreachable(text) => {
                write!(f, "external database unreachable: {text}")
            }
            ServiceCause::Other(text) => f.write_str(text),
        }
    }
}

/// The state of one service (SVC-1).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceState {
    /// Asked to start; not serving yet.
    Starting,
    /// Serving.
    Started,
    /// Asked to stop; finishing what it has.
    Stopping,
    /// Not running, on purpose.
    #[default]
    Stopped,
    /// Not running, against its will.
    Failed(ServiceCause),
}

impl ServiceState {
    /// Whether the service serves.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        match self {
            ServiceState::Started => true,
            ServiceState::Starting
            | ServiceState::Stopping
            | ServiceState::Stopped
            | ServiceState::Failed(_) => false,
        }
    }

    /// Whether the service is on its way to another state by itself.
    #[must_use]
    pub const fn is_in_transition(&self) -> bool {
        match self {
            ServiceState::Starting | ServiceState::Stopping => true,
            ServiceState::Started | ServiceState::Stopped | ServiceState::Failed(_) => false,
        }
    }

    /// The state's name without the cause.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            ServiceState::Starting => "Starting",
            ServiceState::Started => "Started",
            ServiceState::Stopping => "Stopping",
            ServiceState::Stopped => "Stopped",
            ServiceState::Failed(_) => "Failed",
        }
    }
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceState::Failed(cause) => write!(f, "Failed ({cause})"),
            ServiceState::Starting
            | ServiceState::Started
            | ServiceState::Stopping
            | ServiceState::Stopped => f.pad(self.name()),
        }
    }
}
