//! What a store refuses, and why.

use jid::BareJid;

use crate::{EngineKind, NodeId, codec::CodecError};

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A write under a lease that is not the current one (CHAT-10): the writer has lost the rooms
    /// of this alias and must unload them.
    #[error("rooms of {alias}: epoch {offered} of {writer} is over, {} at epoch {epoch}", holder(*.held_by))]
    Fenced {
        /// Conference alias.
        alias: String,
        /// Who wrote.
        writer: NodeId,
        /// Epoch the write was made under.
        offered: u64,
        /// Who holds the alias now, if anybody.
        held_by: Option<NodeId>,
        /// Epoch of the alias now.
        epoch: u64,
    },
    /// A lease that is held by another node and was not asked for by force.
    #[error("rooms of {alias} are held by {held_by} at epoch {epoch}")]
    LeaseHeld {
        /// Conference alias.
        alias: String,
        /// Who holds it.
        held_by: NodeId,
        /// Under which epoch.
        epoch: u64,
    },
    /// A room that does not belong to the alias of the lease.
    #[error("{room} is no room of {alias}, whose lease was shown")]
    OtherAlias {
        /// Address of the room.
        room: BareJid,
        /// Conference alias of the lease.
        alias: String,
    },
    /// No such room.
    #[error("there is no room {room}")]
    NoSuchRoom {
        /// Address of the room.
        room: BareJid,
    },
    /// A room that was to be created is there already, and is another one.
    #[error("room {room} exists already")]
    RoomExists {
        /// Address of the room.
        room: BareJid,
    },
    /// A message with a number that is used, or that lies before the last one.
    #[error(
        "message {seq} of {room} is not behind {last_seq}, the last one, nor is it stored as such"
    )]
    OutOfOrder {
        /// Address of the room.
        room: BareJid,
        /// Number of the message.
        seq: u64,
        /// Last number of the room.
        last_seq: u64,
    },
    /// No such account.
    #[error("there is no account {user}")]
    NoSuchAccount {
        /// Bare JID.
        user: String,
    },
    /// An account that was to be created is there already.
    #[error("account {user} exists already")]
    AccountExists {
        /// Bare JID.
        user: String,
    },
    /// The user's offline messages are at their limit (XEP-0160 section 3).
    #[error("{user} has {limit} offline messages waiting, the most that are kept")]
    OfflineFull {
        /// Bare JID.
        user: String,
        /// How many are kept.
        limit: u64,
    },
    /// A record that is not what was written.
    #[error("damaged record: {0}")]
    Damaged(#[from] CodecError),
    /// A file of the store that is not what was written.
    #[error("damaged file {file} at byte {offset}: {reason}")]
    DamagedFile {
        /// Path of the file.
        file: String,
        /// Where in it, bytes from its beginning.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A schema of a version that this program does not work with.
    #[error("schema version is {found}, this program works with {expected}")]
    Schema {
        /// Version in the database.
        found: u32,
        /// Version this program works with.
        expected: u32,
    },
    /// The database cannot be reached; nothing was done (CHAT-12).
    #[error("{engine} database is not reachable: {reason}")]
    Unreachable {
        /// Engine asked.
        engine: EngineKind,
        /// What stands in the way.
        reason: String,
    },
    /// The connection ended before the answer came: done or not done, nobody knows. Asking again
    /// is safe, every write of the traits may be repeated.
    #[error("{engine} database: the answer was lost, the outcome is unknown: {reason}")]
    AnswerLost {
        /// Engine asked.
        engine: EngineKind,
        /// What happened to the answer.
        reason: String,
    },
    /// No room on the device; nothing was done.
    #[error("{engine} database: no space left on the device")]
    DiskFull {
        /// Engine asked.
        engine: EngineKind,
    },
    /// The engine met an error of the system and takes no more writes until it is opened again.
    #[error("{engine} database: {action}: {reason}")]
    Broken {
        /// Engine asked.
        engine: EngineKind,
        /// What it was doing.
        action: &'static str,
        /// What the system said.
        reason: String,
    },
    /// A database, or what was said of it, that cannot be used as it is.
    #[error("{engine} database cannot be used: {reason}")]
    Unfit {
        /// Engine asked.
        engine: EngineKind,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Too many writes are waiting; nothing was done.
    #[error("{engine} database: {waiting} writes are waiting already, the most there may be")]
    Busy {
        /// Engine asked.
        engine: EngineKind,
        /// How many may wait.
        waiting: usize,
    },
    /// The engine was closed.
    #[error("{engine} database is closed")]
    Closed {
        /// Engine asked.
        engine: EngineKind,
    },
    /// A folder or database that somebody else has open.
    #[error("{place} is in use by another process or lab")]
    InUse {
        /// Folder or database.
        place: String,
    },
    /// Not a type of external database at all (CHAT-3).
    #[error(
        "{given:?} is no type of database; known types: {}; built in: {}",
        EngineKind::names(EngineKind::KNOWN),
        EngineKind::names(EngineKind::BUILT_IN)
    )]
    UnknownEngine {
        /// What was given.
        given: String,
    },
    /// A type of external database whose driver is not built in (CHAT-3).
    #[error(
        "no driver for {kind} is built in; choose one of: {}",
        EngineKind::names(EngineKind::BUILT_IN)
    )]
    NotBuiltIn {
        /// The type that was chosen.
        kind: EngineKind,
    },
}

impl StoreError {
    /// The same request may succeed later, unchanged (CHAT-12: the caller backs off and asks again).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::AnswerLost { .. }
                | Self::DiskFull { .. }
                | Self::Busy { .. }
        )
    }

    /// Whether the request was carried out is not known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::AnswerLost { .. })
    }
}

fn holder(held_by: Option<NodeId>) -> String {
    held_by.map_or_else(
        || "nobody holds them".into(),
        |node| format!("{node} holds them"),
    )
}
