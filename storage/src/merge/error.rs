//! What a merge refuses, and why: one variant for each refusal of MRG-1.

use std::fmt;

use jid::BareJid;

use crate::{EngineInfo, EngineKind, StoreError};

/// One of the three databases of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The first source.
    First,
    /// The second source.
    Second,
    /// The target.
    Target,
}

impl Part {
    /// The sources, in order.
    pub const SOURCES: [Self; 2] = [Self::First, Self::Second];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first source",
            Self::Second => "second source",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a merge was refused, or did not come to its end. The sources are as they were in any case;
/// the same merge may be run again (MRG-3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The Text Conference Manager still runs on a node, so a source may still change.
    #[error("the Text Conference Manager still runs on {node}; stop it on both nodes of the group")]
    ConferenceRuns {
        /// Name of the node.
        node: String,
    },
    /// The rooms of an alias are leased: a Text Conference Manager has them, or left them behind
    /// when it was killed.
    #[error(
        "{part} {database}: the rooms of {alias} are held by {holder}; stop the Text Conference \
         Manager there, or say that it is dead"
    )]
    Leased {
        /// Which of the databases.
        part: Part,
        /// The database.
        database: EngineInfo,
        /// The conference alias.
        alias: String,
        /// The node that holds the lease.
        holder: String,
    },
    /// Somebody took the rooms of a source while they were merged. The merge is to be run again.
    #[error(
        "{part} {database}: the rooms of {alias} were taken by {holder} meanwhile; run it again"
    )]
    Taken {
        /// Which of the databases.
        part: Part,
        /// The database.
        database: EngineInfo,
        /// The conference alias.
        alias: String,
        /// The node that holds the lease.
        holder: String,
    },
    /// The databases are of different types.
    #[error(
        "the {part} is a database of type {kind}, the target of type {target}; allowed: equal types"
    )]
    DifferentTypes {
        /// Which source.
        part: Part,
        /// Its type.
        kind: EngineKind,
        /// The target's type.
        target: EngineKind,
    },
    /// Databases of this type cannot be merged.
    #[error(
        "{part}: databases of type {kind} cannot be merged; allowed: {}",
        EngineKind::names(&super::MERGEABLE)
    )]
    TypeNotMergeable {
        /// Which of the databases.
        part: Part,
        /// Its type.
        kind: EngineKind,
    },
    /// Two of the three are one and the same database.
    #[error("{a} and {b} are one and the same database, {database}; allowed: three different ones")]
    SameDatabase {
        /// One of them.
        a: Part,
        /// The other.
        b: Part,
        /// The database.
        database: EngineInfo,
    },
    /// The target has not enough room for what is missing in it.
    #[error("target {database}: {needed} bytes are needed, {free} are free")]
    NoRoom {
        /// The target.
        database: EngineInfo,
        /// Bytes of records that are still to be written, at the most.
        needed: u64,
        /// Bytes of records that there is room for.
        free: u64,
    },
    /// The device of the target became full on the way. What was written stays; run the merge again
    /// when there is room.
    #[error("target {database}: no space left on the device")]
    Full {
        /// The target.
        database: EngineInfo,
    },
    /// The user that the target is opened with may not create tables.
    #[error("target {database}: its user lacks the right to create tables")]
    MayNotCreate {
        /// The target.
        database: EngineInfo,
    },
    /// A database is not assigned to the nodes of the group.
    #[error("{part} {database} is not assigned to {node}; assigned there: {assigned}")]
    NotAssigned {
        /// Which of the databases.
        part: Part,
        /// The database, by the name that the configuration gives it.
        database: String,
        /// Name of the node.
        node: String,
        /// What is assigned there.
        assigned: String,
    },
    /// A schema that does not verify.
    #[error("{part} {database}: {error}")]
    Schema {
        /// Which of the databases.
        part: Part,
        /// The database.
        database: EngineInfo,
        /// What was found, and what was expected.
        error: StoreError,
    },
    /// The target holds another room of this name, or another history of it: not what an earlier run
    /// of this merge wrote.
    #[error("target {database}: {room} is there and is not what this merge writes: {what}")]
    OtherRoom {
        /// The target.
        database: EngineInfo,
        /// Address of the room.
        room: BareJid,
        /// What differs.
        what: String,
    },
    /// A database failed.
    #[error("{part} {database}: {error}")]
    Store {
        /// Which of the databases.
        part: Part,
        /// The database.
        database: EngineInfo,
        /// What it said.
        error: StoreError,
    },
}
