//! One node of a pair: everything its SRM knows.

use serde::{Deserialize, Serialize};

use super::event::Attempt;
use super::health::Health;
use super::peer::{Epoch, PeerView, Phase, Status};
use super::reason::Reason;
use super::state::State;
use super::timer::TimerSet;
use crate::id::Incarnation;

/// What must survive the end of SRM and of the node (HA-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HaRecord {
    /// The state; while the node initializes, the one it will resume.
    pub state: State,
    /// The reason of that state.
    pub reason: Reason,
    /// The latest epoch known.
    pub epoch: Epoch,
    /// The life that wrote the record. The next one is one more.
    pub incarnation: Incarnation,
    /// The latest life of the peer that was heard.
    pub peer_incarnation: Incarnation,
    /// Whether SRM restarts in order to recover the group (HA-7).
    pub recovering: bool,
    /// Whether HA is on.
    pub enabled: bool,
}

impl HaRecord {
    /// The record of a node that has never run, with HA on or off.
    #[must_use]
    pub const fn fresh(enabled: bool) -> HaRecord {
        HaRecord {
            state: if enabled {
                State::Normal
            } else {
                State::Unknown
            },
            reason: if enabled {
                Reason::Normal
            } else {
                Reason::HaNotEnabled
            },
            epoch: Epoch(0),
            incarnation: Incarnation(0),
            peer_incarnation: Incarnation(0),
            recovering: false,
            enabled,
        }
    }
}

/// What started SRM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BootKind {
    /// Only SRM ended; the other services, and the sessions, went on.
    SrmRestart,
    /// The whole node was off. Its services are down until they are started.
    NodeBoot,
}

/// One node of a pair. Values only: timers, messages and work are asked for by effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HaNode {
    /// The state.
    pub state: State,
    /// Its reason.
    pub reason: Reason,
    /// The step within the state.
    pub phase: Phase,
    /// The latest epoch known.
    pub epoch: Epoch,
    /// This life.
    pub incarnation: Incarnation,
    /// The number of the last message sent in this life.
    pub sent: u32,
    /// The number of the latest piece of work asked for.
    pub attempt: Attempt,
    /// Whether this is the first node of its group: where both might act, it does.
    pub first: bool,
    /// Whether HA is on.
    pub enabled: bool,
    /// While `Initializing`: the state to resume. Otherwise of no meaning, and equal to `Normal`.
    pub resume: State,
    /// While `Initializing`: the reason to resume with. Otherwise of no meaning, and `Normal`.
    pub resume_reason: Reason,
    /// Whether it initializes in order to recover the group.
    pub recovering: bool,
    /// While `Initializing`: whether what is down now stays down. Services that are still starting are
    /// waited for; those that failed, or were down when HA was switched on, are not (HA-9).
    pub services_known: bool,
    /// What it knows of its own services.
    pub health: Health,
    /// What it knows of its peer.
    pub peer: PeerView,
    /// The timers that are armed.
    pub timers: TimerSet,
}

impl HaNode {
    /// What the node tells its peer.
    #[must_use]
    pub const fn status(&self) -> Status {
        Status {
            state: self.state,
            reason: self.reason,
            phase: self.phase,
            epoch: self.epoch,
            able: self.health.is_good(),
            resume: match self.state {
                State::Initializing => self.resume,
                State::Idle
                | State::Normal
                | State::Backup
                | State::TakingOver
                | State::FailingOver
                | State::FailedOver
                | State::FailedOverDown
                | State::FallingBack
                | State::TakingBack
                | State::FailedMode
                | State::Unknown => self.state,
            },
            recovering: self.recovering,
        }
    }

    /// What must survive this life.
    #[must_use]
    pub const fn record(&self) -> HaRecord {
        let initializing = matches!(self.state, State::Initializing);
        HaRecord {
            state: if initializing {
                self.resume
            } else {
                self.state
            },
            reason: if initializing {
                self.resume_reason
            } else {
                self.reason
            },
            epoch: self.epoch,
            incarnation: self.incarnation,
            peer_incarnation: self.peer.incarnation,
            recovering: self.recovering,
            enabled: self.enabled,
        }
    }
}
