//! What can go wrong with a statement, sorted by what is to be done about it.

use tokio_postgres::error::{Severity, SqlState};

use super::KIND;
use crate::StoreError;

/// Why a statement, or a transaction, did not do what it was to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    /// The connection is gone; what it did not commit is not done.
    Lost(String),
    /// The database gave way to somebody else's transaction: the same again may succeed.
    Again(StoreError),
    /// Refused, by the database or by us: nothing was done.
    Refused(StoreError),
}

impl Trouble {
    /// What the caller hears when nothing more can be done about it, and nothing was written.
    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Lost(reason) => unreachable(reason),
            Self::Again(error) | Self::Refused(error) => error,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        let reason = tell(&error);
        let Some(said) = error.as_db_error() else {
            // Without a word of the server: the connection failed, or one of our values did.
            return match error.is_closed()
                || std::error::Error::source(&error).is_some_and(|s| s.is::<std::io::Error>())
            {
                true => Self::Lost(reason),
                false => Self::Refused(broken(reason)),
            };
        };
        let fatal = matches!(
            said.parsed_severity(),
            Some(Severity::Fatal | Severity::Panic)
        );
        let code = said.code();
        match code {
            _ if fatal || code.code().starts_with("08") || code.code().starts_with("57P") => {
                Self::Lost(reason)
            }
            &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::LOCK_NOT_AVAILABLE
            | &SqlState::UNIQUE_VIOLATION
            | &SqlState::FOREIGN_KEY_VIOLATION => Self::Again(unreachable(reason)),
            &SqlState::DISK_FULL => Self::Refused(StoreError::DiskFull { engine: KIND }),
            // Nothing was done, and later it may be.
            &SqlState::QUERY_CANCELED
            | &SqlState::READ_ONLY_SQL_TRANSACTION
            | &SqlState::OUT_OF_MEMORY
            | &SqlState::TOO_MANY_CONNECTIONS => Self::Refused(unreachable(reason)),
            _ => Self::Refused(broken(reason)),
        }
    }
}

pub(super) fn unreachable(reason: impl Into<String>) -> StoreError {
    StoreError::Unreachable {
        engine: KIND,
        reason: reason.into(),
    }
}

fn broken(reason: String) -> StoreError {
    StoreError::Broken {
        engine: KIND,
        action: "carrying out a statement",
        reason,
    }
}

/// An error with its causes, as people need it.
pub(super) fn tell(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !told.contains(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        cause = next.source();
    }
    told
}
