//! The parameters of the machine, derived from what an administrator sets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::health::ServiceSet;

/// How the death of a peer is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Detection {
    /// Release 14: a keep-alive each `interval`; silence for `timeout` is death (HA-1).
    KeepAlive {
        /// Time between two keep-alives.
        interval: Duration,
        /// Silence that counts as death.
        timeout: Duration,
    },
    /// Release 10: a heartbeat each `interval`; one that stays unanswered for `connect_timeout` is death.
    ConnectTimeout {
        /// Time between two heartbeats.
        interval: Duration,
        /// Time for the answer.
        connect_timeout: Duration,
    },
}

impl Detection {
    /// The time between two keep-alives.
    #[must_use]
    pub const fn interval(self) -> Duration {
        match self {
            Detection::KeepAlive { interval, .. } | Detection::ConnectTimeout { interval, .. } => {
                interval
            }
        }
    }
}

/// What [`super::step`] needs to know besides the node. All durations are protocol time, doubled already
/// where Multiple Device Messaging is on (HA-16).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaParams {
    /// How the death of a peer is noticed.
    pub detection: Detection,
    /// How long a starting node waits for its peer and its own services.
    pub initialization_timeout: Duration,
    /// How long a critical service may be down (HA-2).
    pub critical_service_delay: Duration,
    /// How long a failed-over home must be healthy before it falls back by itself; `None`: never (HA-6).
    pub automatic_fallback: Option<Duration>,
    /// The bound on each step of a transition that moves users (HA-14).
    pub move_timeout: Duration,
    /// The bound on the start of the critical services (HA-14).
    pub start_timeout: Duration,
    /// The services that are critical here.
    pub critical: ServiceSet,
}

impl HaParams {
    /// The health a `Failed Over` node must keep before an automatic fallback (HA-6); fixed.
    pub const FALLBACK_HEALTH: Duration = Duration::from_secs(30 * 60);
    /// The default bound on one step of a transition that moves users.
    pub const MOVE_TIMEOUT: Duration = Duration::from_secs(300);
    /// The default bound on the start of the critical services.
    pub const START_TIMEOUT: Duration = Duration::from_secs(300);
}

impl Default for HaParams {
    /// The defaults of chapter 2: 15 / 60 / 120 s, 90 s, no automatic fallback, no persistent chat.
    fn default() -> Self {
        HaParams {
            detection: Detection::KeepAlive {
                interval: Duration::from_secs(15),
                timeout: Duration::from_secs(60),
            },
            initialization_timeout: Duration::from_secs(120),
            critical_service_delay: Duration::from_secs(90),
            automatic_fallback: None,
            move_timeout: HaParams::MOVE_TIMEOUT,
            start_timeout: HaParams::START_TIMEOUT,
            critical: ServiceSet::critical(false, false),
        }
    }
}
