//! The journal's entries: one typed, ordered stream of what happened.
//!
//! Assertions, timelines, reports and replay comparison read it; nothing else is a source of truth.

use crate::id::NodeId;
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
        write!(f, "{:>6} {:>14} ", self.seq, self.at.to_string())?;
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
            Self::Link { from, to, now } => write!(f, "link n{} to n{} {now}", from.0, to.0),
            Self::StalePackets {
                from,
                to,
                port,
                count,
            } => {
                write!(
                    f,
                    "{count} packets n{} to n{}:{port} of an old life dropped",
                    from.0, to.0
                )
            }
            Self::UserMoved {
                user,
                from,
                to,
                epoch,
            } => {
                write!(
                    f,
                    "user {user} moved n{} to n{} (epoch {epoch})",
                    from.0, to.0
                )
            }
            Self::SessionOpened { jid } => write!(f, "session {jid} opened"),
            Self::SessionResumed { jid } => write!(f, "session {jid} resumed"),
            Self::SessionDetached { jid } => write!(f, "session {jid} detached"),
            Self::SessionClosed { jid } => write!(f, "session {jid} closed"),
        }
    }
}
