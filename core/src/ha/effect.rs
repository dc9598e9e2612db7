//! What the machine asks for. Effects are data: whoever drives the machine carries them out in order.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Action, Attempt};
use super::node::HaRecord;
use super::peer::PeerMessage;
use super::reason::Reason;
use super::state::State;
use super::timer::Timer;
use crate::id::Incarnation;
use crate::service::ServiceKind;

/// Why a state changed, in more detail than the reason: a short sentence for people, and data for
/// programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// An administrator's action.
    Admin(Action),
    /// A critical service has been down for the delay.
    Service(ServiceKind),
    /// The database is down.
    Database,
    /// Nothing was heard of the peer for the timeout.
    PeerSilent,
    /// The peer said goodbye.
    PeerGoodbye,
    /// The peer was heard in this state.
    PeerIn(State),
    /// The work of the transition is done.
    WorkDone,
    /// The work of the transition failed.
    WorkFailed,
    /// The transition took too long (HA-14).
    TimedOut,
    /// The critical services are up again.
    ServicesUp,
    /// The home node has been healthy for the whole time (HA-6).
    Healthy,
    /// SRM started and resumes what it did (HA-12).
    Resumed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Admin(action) => write!(f, "an administrator asked for {action}"),
            Cause::Service(kind) => write!(f, "{kind} stayed down"),
            Cause::Database => f.write_str("the database is down"),
            Cause::PeerSilent => f.write_str("the peer fell silent"),
            Cause::PeerGoodbye => f.write_str("the peer said goodbye"),
            Cause::PeerIn(state) => write!(f, "the peer is {state}"),
            Cause::WorkDone => f.write_str("done"),
            Cause::WorkFailed => f.write_str("the users or services could not be moved"),
            Cause::TimedOut => f.write_str("it took too long"),
            Cause::ServicesUp => f.write_str("the critical services are up"),
            Cause::Healthy => f.write_str("the home node stayed healthy"),
            Cause::Resumed => f.write_str("SRM started"),
        }
    }
}

/// One change of state or reason (HA-13). Time and node are added by whoever records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateChange {
    /// The state before.
    pub from: State,
    /// The state after; the same as `from` where only the reason changed.
    pub to: State,
    /// The reason after.
    pub reason: Reason,
    /// What made it change.
    pub cause: Cause,
}

impl fmt::Display for StateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} -> {} ({}): {}",
            self.from, self.to, self.reason, self.cause
        )
    }
}

/// Something an operator should know at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Alarm {
    /// A critical service is down; the delay runs (HA-2).
    CriticalServiceDown(ServiceKind),
    /// The database is down (HA-3).
    DatabaseDown,
    /// The peer cannot be reached.
    PeerLost(Reason),
    /// This node is in failed mode: Recover is needed.
    FailedMode(Reason),
    /// Both nodes carry both nodes' users: a split has healed (HA-10).
    SplitBrain,
    /// HA was switched on before all sessions were back: clients may be without presence until they log
    /// in again (HA-17).
    EnabledTooEarly,
}

/// Why a message of the peer was dropped unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Staleness {
    /// It was sent by an older life of the peer.
    OldLife {
        /// The life that sent it.
        sent_by: Incarnation,
        /// The latest life known.
        known: Incarnation,
    },
    /// It was meant for an older life of this node.
    ForOldLife {
        /// The life it was meant for.
        meant_for: Incarnation,
        /// The present life.
        mine: Incarnation,
    },
    /// A later message of the same life was heard before, or this very one.
    Overtaken {
        /// Its number.
        seq: u32,
        /// The latest number heard.
        heard: u32,
    },
}

/// Why an action was refused (HA-11).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Refusal {
    /// What was asked for.
    pub action: Action,
    /// The state that forbids it.
    pub state: State,
    /// What is allowed in this state.
    pub allowed: Vec<Action>,
    /// The peer's part in it, where the state itself would allow the action.
    pub peer: Option<PeerObstacle>,
}

/// What the peer lacks for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PeerObstacle {
    /// It cannot be reached.
    Unreachable,
    /// It is in this state.
    In(State),
    /// Its critical services or its database are down.
    NotAble,
}

impl fmt::Display for PeerObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerObstacle::Unreachable => f.write_str("the peer cannot be reached"),
            PeerObstacle::In(state) => write!(f, "the peer is {state}"),
            PeerObstacle::NotAble => f.write_str("the peer's critical services are not all up"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is refused: ", self.action)?;
        match self.peer {
            Some(obstacle) => write!(f, "{obstacle} (this node is {})", self.state)?,
            None => write!(f, "the node is {}", self.state)?,
        }
        if self.allowed.is_empty() {
            return f.write_str("; no action is allowed there");
        }
        let names: Vec<&str> = self.allowed.iter().map(|action| action.name()).collect();
        write!(f, "; allowed there: {}", names.join(", "))
    }
}

impl std::error::Error for Refusal {}

/// Something to be done, in the order given.
///
/// A piece of work on users (`ReleaseUsers`, `TakeOverUsers`, `HandBackUsers`, `TakeBackUsers`) runs
/// beside the machine and reports its end by the event named, with the attempt's number. A node has one
/// piece of work at a time: [`Effect::AbandonWork`] comes before another one is asked for while it is under
/// way. Ends that come late are ignored by the machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// Keep the record durably *before* any later effect of the list is carried out (HA-12). It is what
    /// [`super::HaNode::boot`] gets after a restart.
    Persist(HaRecord),
    /// The node changed its state or its reason: put it on the journal (HA-13).
    Record(StateChange),
    /// Arm the timer; if it is armed, its deadline is replaced. Report [`super::Event::Expired`].
    Arm(Timer, Duration),
    /// Disarm the timer. It must not expire after this.
    Disarm(Timer),
    /// Send to the peer's SRM (service port). May be lost: the machine repeats its status with each
    /// keep-alive.
    SendPeer(PeerMessage),
    /// Start every critical service that is not up, respecting dependencies. Report
    /// [`super::Event::ServicesStarted`] or [`super::Event::ServicesStartFailed`] (and each service's
    /// change as usual). If all are up, report at once.
    StartCriticalServices,
    /// Stop the critical services (HA-4). Nothing to report beyond each service's change.
    StopCriticalServices,
    /// Let go of every user hosted here: freeze (new stanzas are held), drain, log the sessions out, keep
    /// state and held stanzas for the next owner; the peer may be made the owner already. Report
    /// [`super::Event::UsersReleased`] or [`super::Event::UsersReleaseFailed`].
    ReleaseUsers(Attempt),
    /// Make this node the owner of every user of the group it does not own yet (compare-and-set, which
    /// adds 1 to the epoch), re-create what they need here, deliver what was held. `forced`: the owner is dead or cut
    /// off and has not let go; fence it. Idempotent. Report [`super::Event::UsersTaken`] or
    /// [`super::Event::UsersTakeFailed`].
    TakeOverUsers {
        /// The number to echo.
        attempt: Attempt,
        /// Whether the present owner has not released them.
        forced: bool,
    },
    /// Let go of every user hosted here whose home is the peer: freeze, drain, log out; the peer may be
    /// made the owner already. Report [`super::Event::UsersHandedBack`] or [`super::Event::UsersHandBackFailed`].
    HandBackUsers(Attempt),
    /// Make this node the owner of every user whose home it is and which it does not own. Where
    /// `forced`, the present owner has not let go: if it is alive, freeze and drain there first, else
    /// fence it. Idempotent. Report [`super::Event::UsersTakenBack`] or
    /// [`super::Event::UsersTakeBackFailed`].
    TakeBackUsers {
        /// The number to echo.
        attempt: Attempt,
        /// Whether the present owner may not have released them.
        forced: bool,
    },
    /// Stop the piece of work on users that is under way: what it has moved stays moved, nothing more is
    /// moved, and nothing is reported. Another piece of work may follow in the same list.
    AbandonWork,
    /// End this SRM and start a new one from the record (HA-7). The last effect of its list; the new one
    /// begins with [`super::HaNode::boot`] as [`super::BootKind::SrmRestart`].
    RestartSrm,
    /// Raise an alarm.
    Raise(Alarm),
    /// A message of the peer was dropped unread: put it on the journal.
    DropStale(Staleness),
    /// The administrator's action of this step is refused; nothing changed (HA-11).
    Refuse(Refusal),
}
