//! What the two nodes of a pair tell each other.
//!
//! # The protocol
//!
//! There is one kind of news: a node's **status** (state, reason, step of the transition, epoch, whether
//! it could serve). A node sends it at each keep-alive interval (HA-1), at once after each change, and as
//! the answer to a message that asks for one. It never says "do this": each node looks at its own state
//! and the peer's latest status and decides. So a message that is lost is made good by the next one, a
//! doubled one changes nothing, and an overtaken one is recognised by its number and dropped, on the
//! record.
//!
//! The only other message is **goodbye**, of a node that is shut down in order (HA-15).
//!
//! What a status means to the peer in the transitions (the message's [`Topic`]):
//!
//! | topic | sent by | as | means to the peer |
//! | --- | --- | --- | --- |
//! | take-over request | home | `FailingOver`, `Releasing` | go to `TakingOver`, wait |
//! | released | home | `FailingOver`, `Released` | take the users: nobody holds them |
//! | take-over | backup | `TakingOver` | home goes to `FailingOver` if it is not there |
//! | take-over done | backup | `Backup` | home rests: `Idle`, `FailedOver…` |
//! | take-back request | home | `TakingBack`, `Starting` | go to `FallingBack`, wait |
//! | ready to take back | home | `TakingBack`, `Waiting` | hand the users back |
//! | handed back | backup | `FallingBack`, `HandedBack` | home takes its users |
//! | take-back done | home | `Normal` | the backup goes to `Normal` |
//! | failed mode | either | `FailedMode` | come along, with the same reason |
//! | initializing | either | `Initializing` | wait: it will resume what it did; if it recovers, recover too |
//! | keep-alive | either | any | the sender lives |
//! | goodbye | either | | do not wait for silence |
//!
//! # Which messages count
//!
//! A message names the sender's **incarnation**, its **number** in that life, and the receiver's
//! incarnation **as the sender knows it**. It is dropped, visibly, if it comes from an older life than one
//! heard before, or was overtaken, or was meant for an older life of the receiver; in the last case the
//! receiver answers, so that the sender learns of the new life.
//!
//! A word that counts may still be an old one: a link can hold back what it carries for as long as it likes. Each
//! message names the latest that its sender has **heard**, so that a node which must know how things stand *now* asks,
//! and waits for a word that was said after its question was heard ([`PeerView::question`]).
//!
//! The **epoch** counts completed moves of users in the pair. Of two nodes that contradict each other,
//! the one with the higher epoch knows better; with none higher, both go to failed mode. Who owns a user
//! is not decided here but in the directory, by compare-and-set.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reason::Reason;
use super::state::State;
use crate::id::Incarnation;

/// The step within a state. In the states that may rest it is [`Phase::Rest`], but for a node that
/// makes sure of its users and a failed node that gave up.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing under way.
    #[default]
    Rest,
    /// `FailingOver`: letting go of the users.
    Releasing,
    /// `FailingOver`: nobody is logged in here any more.
    Released,
    /// `TakingOver`: the home has not released yet. `TakingBack`: the backup has not handed back yet.
    /// `FallingBack`: the home is not ready yet. `Backup`: the peer was out of sight and may have taken
    /// users; they are taken once more when it answers that it rests.
    Waiting,
    /// `TakingOver`: taking the users over. `TakingBack`, `Initializing`: taking the own users back.
    /// `Backup`: taking the users once more. `Normal`: making sure of the own users.
    Claiming,
    /// `TakingBack`: starting the critical services.
    Starting,
    /// `FallingBack`: letting go of the peer's users.
    HandingBack,
    /// `FallingBack`: the peer's users are free for it.
    HandedBack,
    /// `FailedMode`, entered while the peer was away or after a recovery that failed: nothing more is tried by
    /// itself in this life of the peer.
    GaveUp,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Phase; 9] = [
        Phase::Rest,
        Phase::Releasing,
        Phase::Released,
        Phase::Waiting,
        Phase::Claiming,
        Phase::Starting,
        Phase::HandingBack,
        Phase::HandedBack,
        Phase::GaveUp,
    ];

    /// Whether a piece of work on users is under way in it.
    #[must_use]
    pub const fn is_work(self) -> bool {
        match self {
            Phase::Releasing | Phase::Claiming | Phase::HandingBack => true,
            Phase::Rest
            | Phase::Released
            | Phase::Waiting
            | Phase::Starting
            | Phase::HandedBack
            | Phase::GaveUp => false,
        }
    }
}

/// How many times users have been moved as a whole in this pair.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Epoch {
        Epoch(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

/// What a node tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Status {
    /// Its state.
    pub state: State,
    /// The reason of its state.
    pub reason: Reason,
    /// The step within the state.
    pub phase: Phase,
    /// The latest epoch it knows.
    pub epoch: Epoch,
    /// Whether its critical services and its database are up.
    pub able: bool,
    /// While it initializes: the state it will resume (HA-12). Otherwise its state.
    pub resume: State,
    /// While it initializes: whether it does so to recover the group (HA-7).
    pub recovering: bool,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Body {
    /// The sender's status.
    Status(Status),
    /// The sender is being shut down in order.
    Goodbye,
}

/// A message from one SRM of a pair to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerMessage {
    /// The life of the sender.
    pub from: Incarnation,
    /// The life of the receiver as the sender knows it; 0 if it never heard of one.
    pub to: Incarnation,
    /// The number of the message in the sender's life, from 1.
    pub seq: u32,
    /// The number of the latest message that the sender has heard of the receiver's life named in `to`; 0 if none.
    pub heard: u32,
    /// Whether the sender wants to hear the receiver's status now.
    pub ask: bool,
    /// What it says.
    pub body: Body,
}

/// What a message is about, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The sender lives, and rests.
    KeepAlive,
    /// The sender initializes.
    Initializing,
    /// The sender wants to be taken over.
    TakeOverRequest,
    /// The sender's users are released.
    Released,
    /// The sender takes over.
    TakeOver,
    /// The sender has taken over.
    TakeOverDone,
    /// The sender wants its users back.
    TakeBackRequest,
    /// The sender's services run: it is ready for its users.
    ReadyToTakeBack,
    /// The sender hands users back.
    HandBack,
    /// The sender has handed the users back.
    HandedBack,
    /// The sender is in failed mode.
    FailedMode,
    /// The sender goes.
    Goodbye,
}

impl PeerMessage {
    /// What the message is about.
    #[must_use]
    pub const fn topic(&self) -> Topic {
        match self.body {
            Body::Goodbye => Topic::Goodbye,
            Body::Status(status) => status.topic(),
        }
    }
}

impl Status {
    const fn topic(&self) -> Topic {
        match (self.state, self.phase) {
            (State::Initializing, _) => Topic::Initializing,
            (State::FailingOver, Phase::Released) => Topic::Released,
            (State::FailingOver, _) => Topic::TakeOverRequest,
            (State::TakingOver, _) => Topic::TakeOver,
            (State::Backup, _) => Topic::TakeOverDone,
            (State::TakingBack, Phase::Waiting | Phase::Claiming) => Topic::ReadyToTakeBack,
            (State::TakingBack, _) => Topic::TakeBackRequest,
            (State::FallingBack, Phase::HandedBack) => Topic::HandedBack,
            (State::FallingBack, _) => Topic::HandBack,
            (State::FailedMode, _) => Topic::FailedMode,
            (
                State::Idle
                | State::Normal
                | State::FailedOver
                | State::FailedOverDown
                | State::Unknown,
                _,
            ) => Topic::KeepAlive,
        }
    }
}

impl fmt::Display for PeerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}.{}", self.topic(), self.from, self.seq)?;
        match self.body {
            Body::Goodbye => Ok(()),
            Body::Status(status) => {
                write!(f, " {} ({}) {}", status.state, status.reason, status.epoch)
            }
        }
    }
}

/// Whether the peer can be heard.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Nothing was heard of it in this life of SRM.
    #[default]
    Unseen,
    /// It was heard within the timeout.
    Alive,
    /// Nothing was heard for the timeout.
    Silent,
    /// It said goodbye.
    Gone,
}

/// What a node knows of its peer.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct PeerView {
    /// Whether it can be heard.
    pub link: Link,
    /// The latest life of it that was heard.
    pub incarnation: Incarnation,
    /// The number of the latest message heard in that life.
    pub seq: u32,
    /// The number of the message that the peer must have heard before a word of it is known not to be an old one;
    /// 0 where that need not be known.
    pub question: u32,
    /// The latest status, also of a peer that is silent now.
    pub status: Option<Status>,
}
