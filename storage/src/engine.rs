//! What all engines have in common: their types, their answers, their description.

use std::{fmt, future::Future, pin::Pin, str::FromStr, time::Duration};

use crate::StoreError;

/// The answer of a store: ready at once from the memory engine, ready when it is on disk from the
/// others. Independent of any async runtime.
pub type StoreFuture<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// An answer that is there already.
#[must_use]
pub fn ready<T: Send + 'static>(answer: Result<T, StoreError>) -> StoreFuture<T> {
    Box::pin(std::future::ready(answer))
}

/// Types of database the configuration knows (CHAT-3).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// In this process's memory, gone with it: for virtual time.
    Memory,
    /// sled in a folder, nothing to install: the default.
    Embedded,
    /// PostgreSQL 9.1 or later.
    PostgreSql,
    /// Oracle: known, no driver built in.
    Oracle,
    /// Microsoft SQL Server: known, no driver built in.
    MsSql,
}

impl EngineKind {
    /// Every type the configuration knows.
    pub const KNOWN: &'static [Self] = &[
        Self::Memory,
        Self::Embedded,
        Self::PostgreSql,
        Self::Oracle,
        Self::MsSql,
    ];

    /// Types whose driver is built in.
    pub const BUILT_IN: &'static [Self] = &[Self::Memory, Self::Embedded, Self::PostgreSql];

    /// The name used in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Embedded => "embedded",
            Self::PostgreSql => "postgresql",
            Self::Oracle => "oracle",
            Self::MsSql => "mssql",
        }
    }

    /// Names of several types, separated by commas.
    #[must_use]
    pub fn names(kinds: &[Self]) -> String {
        kinds
            .iter()
            .map(|kind| kind.name())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// This type, if its driver is built in.
    ///
    /// # Errors
    /// [`StoreError::NotBuiltIn`], which names the types there are (CHAT-3).
    pub fn built_in(self) -> Result<Self, StoreError> {
        if Self::BUILT_IN.contains(&self) {
            Ok(self)
        } else {
            Err(StoreError::NotBuiltIn { kind: self })
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = StoreError;

    fn from_str(given: &str) -> Result<Self, StoreError> {
        Self::KNOWN
            .iter()
            .copied()
            .find(|kind| kind.name().eq_ignore_ascii_case(given.trim()))
            .ok_or_else(|| StoreError::UnknownEngine {
                given: given.to_owned(),
            })
    }
}

/// Which database this is. Two stores with equal `EngineInfo` are one and the same database
/// instance (CHAT-5: a pair shares one, two pairs do not).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct EngineInfo {
    /// Type of the engine.
    pub kind: EngineKind,
    /// Server or folder; empty for memory.
    pub place: String,
    /// Instance within it: several may live on one server.
    pub instance: String,
}

impl fmt::Display for EngineInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.kind, self.place, self.instance)
    }
}

/// What every store can be asked, whatever it keeps.
pub trait Store: Send + Sync {
    /// Which database this is.
    fn info(&self) -> EngineInfo;

    /// Answers if the database can be reached and written (CHAT-6, SVC-4).
    ///
    /// # Errors
    /// What stands in the way: [`StoreError::Unreachable`], [`StoreError::Broken`] and their like.
    fn ping(&self) -> StoreFuture<()>;

    /// Protocol time the caller is to let pass before it takes an answer as arrived: zero, unless a
    /// slow database is being played (see [`crate::Faults::set_latency`]).
    fn latency(&self) -> Duration {
        Duration::ZERO
    }
}
