//! The journal's entries: one typed, ordered stream of what happened.
//!
//! Assertions, timelines, reports and replay comparison read it; nothing else is a source of truth.

use crate::ha::{self, PeerMessage};
use crate::id::NodeId;
use crate::service::{ServiceKind, ServiceState};
use crate::time::Moment;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the journal, from 1, without gaps.
    pub seq: u64,
    /// When, in protocol time.
    pub at: Moment,
    /// On which node; `None` for what concerns the whole lab.
    pub node: Option<NodeId>,
    /// What.
    pub event: Event,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} {:>14} ", self.seq, self.at)?;
        match self.node {
            Some(node) => write!(f, "n{:<3} ", node.0)?,
            None => f.write_str("lab  ")?,
        }
        self.event.fmt(f)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An actor (or a panicking light child) has ended, and everything below it.
    ActorExited {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// How: `stopped`, `killed` or `panicked: ` with the text.
        exit: String,
    },
    /// A node hosts the rooms of a conference alias (CHAT-10).
    RoomsHosted {
        /// The alias.
        alias: String,
        /// Epoch of its ownership.
        epoch: u64,
        /// How many rooms came with it, because somebody is in them.
        rooms: u64,
    },
    /// Messages waited in the mailbox of an actor that ended; they were dropped.
    MessagesUnheard {
        /// The actor's kind.
        kind: String,
        /// Its name.
        name: String,
        /// How many.
        count: u64,
    },
    /// A mailbox was full; recorded at the first time and at each doubling.
    MailboxOverflow {
        /// The actor's kind.
        kind: String,
        /// Its name.
        name: String,
        /// How often so far.
        total: u64,
    },
    /// A named timer was armed.
    TimerArmed {
        /// Its name.
        timer: String,
        /// When it will run out.
        deadline: Moment,
    },
    /// A named timer has run out.
    TimerFired {
        /// Its name.
        timer: String,
    },
    /// A named timer was cancelled before it was heard.
    TimerCancelled {
        /// Its name.
        timer: String,
    },
    /// A node's power has changed (SVC-5).
    Power {
        /// What it is now.
        power: Power,
        /// Which life of the node this is, from 1.
        incarnation: u32,
    },
    /// A service's state has changed (SVC-1).
    Service {
        /// Which.
        kind: ServiceKind,
        /// The state it has now.
        state: ServiceState,
    },
    /// A node's HA state or reason has changed (HA-13).
    Ha(ha::StateChange),
    /// SRM has sent its peer a message.
    PeerSent {
        /// To whom.
        to: NodeId,
        /// What.
        message: PeerMessage,
    },
    /// A message of the peer's SRM was dropped unread.
    PeerStale(ha::Staleness),
    /// SRM raises an alarm.
    HaAlarm(ha::Alarm),
    /// An administrator's action on the group was refused (HA-11).
    HaRefused(ha::Refusal),
    /// SRM has asked for users to be moved.
    MoveAsked {
        /// What is to be done.
        work: UserWork,
        /// The number of the request.
        attempt: ha::Attempt,
    },
    /// The move of users that SRM asked for has ended.
    MoveEnded {
        /// What was to be done.
        work: UserWork,
        /// The number of the request.
        attempt: ha::Attempt,
        /// How many users were moved, or why they were not.
        outcome: Result<u64, String>,
    },
    /// One of SRM and ICSA has noticed the end of the other (ICP-14).
    WatchedEnded {
        /// Who has noticed.
        watcher: ServiceKind,
        /// Whose end.
        watched: ServiceKind,
        /// How it ended.
        exit: String,
    },
    /// A fault was injected.
    Fault {
        /// What was done.
        what: String,
    },
    /// A notification for the operator.
    Alarm {
        /// What it says.
        text: String,
    },
    /// The conditions of a link have changed.
    Link {
        /// Whence.
        from: NodeId,
        /// Whither.
        to: NodeId,
        /// The conditions now, in words.
        now: String,
    },
    /// Packets addressed to or sent by a node's old life were dropped.
    StalePackets {
        /// Who sent them.
        from: NodeId,
        /// To whom.
        to: NodeId,
        /// The port they were sent to.
        port: u16,
        /// How many.
        count: u64,
    },
    /// A user has another owner (SES-4).
    UserMoved {
        /// Bare address.
        user: String,
        /// Who owned it.
        from: NodeId,
        /// Who owns it now.
        to: NodeId,
        /// Since which epoch.
        epoch: u64,
    },
    /// A client has logged in.
    SessionOpened {
        /// Full address.
        jid: String,
    },
    /// A client has taken up its session again (XEP-0198).
    SessionResumed {
        /// Full address.
        jid: String,
    },
    /// A session has lost its connection and waits for its client.
    SessionDetached {
        /// Full address.
        jid: String,
    },
    /// A session is over.
    SessionClosed {
        /// Full address.
        jid: String,
    },
    /// A node has composed the session of a client that is away, and may send it pushes (SES-10).
    SessionComposed {
        /// Full address.
        jid: String,
    },
    /// A push has gone out to the gateway of a client that is away (SES-10).
    Pushed {
        /// Full address.
        jid: String,
        /// Messages that its client has not read.
        unread: u64,
    },
    /// What waited unread for a suspended client was lost with the node that kept it (SES-10).
    UnreadLost {
        /// Full address.
        jid: String,
        /// The ids of the messages, in order; empty for one that had none.
        ids: Vec<String>,
    },
}

/// What SRM asks the data plane to do with users (HA-4, HA-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UserWork {
    /// Let go of every user hosted here, for the peer to take.
    Release,
    /// Take every user of the group that is not here yet.
    TakeOver {
        /// The owner has not let go: it is dead or cut off.
        forced: bool,
    },
    /// Let go of every user whose home is the peer.
    HandBack,
    /// Take every user whose home is here.
    TakeBack {
        /// The owner may not have let go.
        forced: bool,
    },
    /// Stop what was asked for before; nothing is reported.
    Abandon,
}

impl fmt::Display for UserWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Release => "release users",
            Self::TakeOver { forced: false } => "take over users",
            Self::TakeOver { forced: true } => "take over users by force",
            Self::HandBack => "hand back users",
            Self::TakeBack { forced: false } => "take back users",
            Self::TakeBack { forced: true } => "take back users by force",
            Self::Abandon => "abandon the move of users",
        })
    }
}

/// The power of a node (SVC-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Power {
    /// Running.
    On,
    /// Shut down in order.
    Off,
    /// Cut: nothing runs any more, nothing is sent.
    Killed,
    /// Shut down in order, about to start again.
    Rebooting,
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Killed => "killed",
            Self::Rebooting => "rebooting",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ActorExited { kind, name, exit } => write!(f, "{kind} {name} {exit}"),
            Self::RoomsHosted {
                alias,
                epoch,
                rooms,
            } => {
                write!(f, "hosts {alias} at epoch {epoch}, {rooms} rooms occupied")
            }
            Self::MessagesUnheard { kind, name, count } => {
                write!(f, "{kind} {name} ended with {count} messages unheard")
            }
            Self::MailboxOverflow { kind, name, total } => {
                write!(f, "mailbox of {kind} {name} full ({total} so far)")
            }
            Self::TimerArmed { timer, deadline } => write!(f, "timer {timer} armed for {deadline}"),
            Self::TimerFired { timer } => write!(f, "timer {timer} fired"),
            Self::TimerCancelled { timer } => write!(f, "timer {timer} cancelled"),
            Self::Power { power, incarnation } => write!(f, "power {power} (life {incarnation})"),
            Self::Service { kind, state } => write!(f, "service {} {state}", kind.short_name()),
            Self::Ha(change) => write!(f, "ha {change}"),
            Self::PeerSent { to, message } => write!(f, "srm to n{}: {message}", to.0),
            Self::PeerStale(staleness) => write!(f, "srm dropped a stale message: {staleness:?}"),
            Self::HaAlarm(alarm) => write!(f, "alarm {alarm:?}"),
            Self::HaRefused(refusal) => write!(f, "ha {refusal}"),
            Self::MoveAsked { work, attempt } => write!(f, "{work} ({attempt}) asked for"),
            Self::MoveEnded {
                work,
                attempt,
                outcome,
            } => move_ended(f, *work, *attempt, outcome),
            Self::WatchedEnded {
                watcher,
                watched,
                exit,
            } => watched_ended(f, *watcher, *watched, exit),
            Self::Fault { what } => write!(f, "fault {what}"),
            Self::Alarm { text } => write!(f, "alarm {text}"),
            Self::Link { from, to, now } => write!(f, "link n{} to n{} {now}", from.0, to.0),
            Self::StalePackets {
                from,
                to,
                port,
                count,
            } => {
                let (from, to) = (from.0, to.0);
                write!(
                    f,
                    "{count} packets n{from} to n{to}:{port} of an old life dropped"
                )
            }
            Self::UserMoved {
                user,
                from,
                to,
                epoch,
            } => {
                let (from, to) = (from.0, to.0);
                write!(f, "user {user} moved n{from} to n{to} (epoch {epoch})")
            }
            Self::SessionOpened { jid } => write!(f, "session {jid} opened"),
            Self::SessionResumed { jid } => write!(f, "session {jid} resumed"),
            Self::SessionDetached { jid } => write!(f, "session {jid} detached"),
            Self::SessionClosed { jid } => write!(f, "session {jid} closed"),
            Self::SessionComposed { jid } => write!(f, "session {jid} composed"),
            Self::Pushed { jid, unread } => write!(f, "push for {jid}, {unread} unread"),
            Self::UnreadLost { jid, ids } => write!(f, "unread of {jid} lost: {}", ids.join(" ")),
        }
    }
}

fn move_ended(
    f: &mut fmt::Formatter<'_>,
    work: UserWork,
    attempt: ha::Attempt,
    outcome: &Result<u64, String>,
) -> fmt::Result {
    match outcome {
        Ok(users) => write!(f, "{work} ({attempt}) done: {users} users"),
        Err(why) => write!(f, "{work} ({attempt}) failed: {why}"),
    }
}

fn watched_ended(
    f: &mut fmt::Formatter<'_>,
    watcher: ServiceKind,
    watched: ServiceKind,
    exit: &str,
) -> fmt::Result {
    let (watcher, watched) = (watcher.short_name(), watched.short_name());
    write!(f, "{watcher} notices that {watched} {exit}")
}
