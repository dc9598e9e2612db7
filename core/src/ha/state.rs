//! The states of a node in its pair (chapter 2, "Node states").

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of one node, as its SRM sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// SRM starts and learns what its peer does. A transition.
    Initializing,
    /// Failed over by hand; its critical services are stopped.
    Idle,
    /// Serves its own users. Stable.
    Normal,
    /// Serves its own users and its peer's. Stable.
    Backup,
    /// Takes its peer's users over. A transition.
    TakingOver,
    /// Is being taken over. A transition.
    FailingOver,
    /// Its users are at the peer; its critical services are up again. Stable.
    FailedOver,
    /// Its users are at the peer; critical services are down. Stable.
    FailedOverDown,
    /// The backup hands the users back. A transition.
    FallingBack,
    /// The home node gets its users back. A transition.
    TakingBack,
    /// An error struck in a transition or in backup mode; an operator is needed. Stable.
    FailedMode,
    /// HA is off, or SRM cannot tell. Stable.
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [State; 12] = [
        State::Initializing,
        State::Idle,
        State::Normal,
        State::Backup,
        State::TakingOver,
        State::FailingOver,
        State::FailedOver,
        State::FailedOverDown,
        State::FallingBack,
        State::TakingBack,
        State::FailedMode,
        State::Unknown,
    ];

    /// The name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Initializing => "Initializing",
            State::Idle => "Idle",
            State::Normal => "Normal",
            State::Backup => "Running in Backup Mode",
            State::TakingOver => "Taking Over",
            State::FailingOver => "Failing Over",
            State::FailedOver => "Failed Over",
            State::FailedOverDown => "Failed Over with Critical Services Not Running",
            State::FallingBack => "Falling Back",
            State::TakingBack => "Taking Back",
            State::FailedMode => "Running in Failed Mode",
            State::Unknown => "Unknown",
        }
    }

    /// What the vendor's console prints, where it differs from the table.
    #[must_use]
    pub const fn console_name(self) -> &'static str {
        match self {
            State::FailingOver => "Failover",
            State::FailedMode => "Failed",
            State::Initializing
            | State::Idle
            | State::Normal
            | State::Backup
            | State::TakingOver
            | State::FailedOver
            | State::FailedOverDown
            | State::FallingBack
            | State::TakingBack
            | State::Unknown => self.name(),
        }
    }

    /// Whether the node may rest in this state; the others are transitions, each bounded by a timer
    /// (HA-14).
    #[must_use]
    pub const fn is_stable(self) -> bool {
        match self {
            State::Idle
            | State::Normal
            | State::Backup
            | State::FailedOver
            | State::FailedOverDown
            | State::FailedMode
            | State::Unknown => true,
            State::Initializing
            | State::TakingOver
            | State::FailingOver
            | State::FallingBack
            | State::TakingBack => false,
        }
    }

    /// Whether the node's users are, or are about to be, at the peer (USR-2: "failed over").
    #[must_use]
    pub const fn is_failed_over(self) -> bool {
        match self {
            State::Idle
            | State::FailingOver
            | State::FailedOver
            | State::FailedOverDown
            | State::TakingBack => true,
            State::Initializing
            | State::Normal
            | State::Backup
            | State::TakingOver
            | State::FallingBack
            | State::FailedMode
            | State::Unknown => false,
        }
    }

    /// The state called `name` in the table or on the console.
    #[must_use]
    pub fn from_name(name: &str) -> Option<State> {
        let wanted = name.trim();
        State::ALL.into_iter().find(|state| {
            state.name().eq_ignore_ascii_case(wanted)
                || state.console_name().eq_ignore_ascii_case(wanted)
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
