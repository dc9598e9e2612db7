//! What the machine hears.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::peer::PeerMessage;
use super::timer::Timer;
use crate::service::ServiceKind;

/// The number of a piece of work that the machine asked for. Completions echo it, so that the end of an
/// abandoned piece of work is told from the end of the present one. Numbers start anew with each SRM.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Attempt(pub u16);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}", self.0)
    }
}

/// What an administrator may ask of a node or its group (HA-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Manual failover of this node (HA-4).
    Failover,
    /// Manual fallback to this node (HA-5).
    Fallback,
    /// Recovery of the group (HA-7); give it to both nodes that can be reached.
    Recover,
    /// Switch HA on for the group (HA-9, HA-17); give it to both nodes.
    EnableHa,
    /// Switch HA off for the group (HA-17); give it to both nodes.
    DisableHa,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 5] = [
        Action::Failover,
        Action::Fallback,
        Action::Recover,
        Action::EnableHa,
        Action::DisableHa,
    ];

    /// The name on the console.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Action::Failover => "failover",
            Action::Fallback => "fallback",
            Action::Recover => "recover",
            Action::EnableHa => "enable HA",
            Action::DisableHa => "disable HA",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something that happened to a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Event {
    /// A service is no longer `Started`: stopped, failed, or restarting. Report every service; those that
    /// are not critical are ignored.
    ServiceDown(ServiceKind),
    /// A service is `Started`.
    ServiceUp(ServiceKind),
    /// The database stopped or failed (HA-3).
    DatabaseDown,
    /// The database runs again, and is replicated.
    DatabaseUp,
    /// A timer that was armed has run out. A timer that was disarmed or armed anew meanwhile must not be
    /// reported.
    Expired(Timer),
    /// A message of the peer's SRM arrived, whatever its age.
    Peer(PeerMessage),
    /// An administrator asks for something. A refusal comes back as an effect in the same step.
    Admin(Action),
    /// HA is switched on although the database is not replicated (value other than 2): comes before
    /// [`Action::EnableHa`] (HA-9). A later [`Event::DatabaseUp`] says that it is.
    NotReplicated,
    /// HA is being switched on before the sessions are all back (HA-17): comes before
    /// [`Action::EnableHa`]; it is allowed and warned about.
    SessionsNotBack,
    /// The node is being shut down or rebooted in order: the peer is told (HA-15).
    Shutdown,
    /// `StartCriticalServices` is done: every critical service is up.
    ServicesStarted,
    /// `StartCriticalServices` failed; the first service that did not come up, where it is known.
    ServicesStartFailed(Option<ServiceKind>),
    /// `ReleaseUsers` is done: nobody is logged in here any more, and nothing is on its way.
    UsersReleased(Attempt),
    /// `ReleaseUsers` failed. The peer takes them by force.
    UsersReleaseFailed(Attempt),
    /// `TakeOverUsers` is done: every user of the group is hosted here.
    UsersTaken(Attempt),
    /// `TakeOverUsers` failed (row 19).
    UsersTakeFailed(Attempt),
    /// `HandBackUsers` is done: the peer's users are logged out here and frozen for the peer.
    UsersHandedBack(Attempt),
    /// `HandBackUsers` failed (row 20).
    UsersHandBackFailed(Attempt),
    /// `TakeBackUsers` is done: every user whose home is here is hosted here.
    UsersTakenBack(Attempt),
    /// `TakeBackUsers` failed (row 20).
    UsersTakeBackFailed(Attempt),
}
