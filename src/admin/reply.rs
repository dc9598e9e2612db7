//! What a command answers: text for people, data for programs, or a refusal.

use serde::{Deserialize, Serialize};

/// The answer to a command that was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// For people: lines, without a newline at the end.
    pub text: String,
    /// For programs: the same, as JSON.
    pub data: serde_json::Value,
}

/// Why a command was not carried out; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The words are no command.
    #[error("{0}")]
    NotUnderstood(String),
    /// It names a cluster, group, node or service that is not there.
    #[error("there is no {what} '{name}'; there are: {}", .known.join(", "))]
    NoSuch {
        /// `node`, `group`, `service` or `counter`.
        what: &'static str,
        /// What was named.
        name: String,
        /// What could have been named.
        known: Vec<String>,
    },
    /// The state forbids it (HA-11); the text names the state and the actions allowed.
    #[error("{0}")]
    Forbidden(String),
    /// The lab is shutting down or did not answer in time.
    #[error("{0}")]
    Unavailable(String),
}

impl Refusal {
    /// The HTTP status that carries this refusal.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::NotUnderstood(_) => 400,
            Self::NoSuch { .. } => 404,
            Self::Forbidden(_) => 409,
            Self::Unavailable(_) => 503,
        }
    }
}
