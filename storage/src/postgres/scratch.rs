//! A schema for a while: made where there was none, and dropped with all that is in it.

use std::thread;

use deadpool_postgres::{Client, Pool, Runtime};
use tokio_postgres::error::SqlState;

use super::{
    KIND, broken,
    link::manager,
    settings::{PostgresOptions, PostgresSettings},
    trouble::{Trouble, tell, unreachable},
};
use crate::StoreError;

/// So many are tried: each is somebody else's, or was left behind by a run that was killed.
const TRIED: u16 = u16::MAX;

/// A schema of one's own on a PostgreSQL server. Whatever has it open is to be closed before this
/// goes: then the schema is dropped, and nothing else is ever touched.
#[derive(Debug)]
pub struct PostgresScratch(PostgresSettings);

impl PostgresScratch {
    /// Makes a schema that was not there, on the server that `like` says: its name is that of
    /// `like`, with the first number behind it that is free.
    ///
    /// ```no_run
    /// use takeover_storage::{PostgresScratch, PostgresSettings};
    /// let like = PostgresSettings::from_url("postgresql://takeover@127.0.0.1/chat")?;
    /// let scratch = PostgresScratch::make(&like)?;
    /// assert_eq!(scratch.settings().schema, "public_1");
    /// # Ok::<(), takeover_storage::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::Unfit`] for settings that cannot be right, [`StoreError::Unreachable`] without
    /// a server, [`StoreError::Broken`] where it refuses, as without the right to make schemas.
    pub fn make(like: &PostgresSettings) -> Result<Self, StoreError> {
        like.check()?;
        for number in 1..=TRIED {
            let settings = PostgresSettings {
                schema: format!("{}_{number}", like.schema),
                ..like.clone()
            };
            settings.check()?;
            if create(&settings)? {
                return Ok(Self(settings));
            }
        }
        Err(StoreError::Unfit {
            engine: KIND,
            reason: format!(
                "all of {}_1 to {}_{TRIED} are there",
                like.schema, like.schema
            ),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn settings(&self) -> &PostgresSettings {
        &self.0
    }
}

impl Drop for PostgresScratch {
    fn drop(&mut self) {
        let word = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.0.schema);
        if let Err(said) = say(&self.0, &word) {
            let error = said.error;
            tracing::warn!(schema = self.0.schema, %error, "a schema was not dropped");
        }
    }
}

/// Makes a schema; `false` if there is one of this name.
fn create(settings: &PostgresSettings) -> Result<bool, StoreError> {
    // A name is no value, so it cannot be a parameter; `PostgresSettings::check` has seen it.
    match say(settings, &format!("CREATE SCHEMA \"{}\"", settings.schema)) {
        Ok(()) => Ok(true),
        Err(said) if said.code == Some(SqlState::DUPLICATE_SCHEMA) => Ok(false),
        Err(said) => Err(said.error),
    }
}

/// Why a word was not carried out.
struct Said {
    /// What the server said, if it was the server.
    code: Option<SqlState>,
    error: StoreError,
}

impl From<StoreError> for Said {
    fn from(error: StoreError) -> Self {
        Self { code: None, error }
    }
}

/// Says one word on a connection of its own, on a thread of its own: whoever asks may be on a runtime.
fn say(settings: &PostgresSettings, word: &str) -> Result<(), Said> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(broken)?;
    let speak = || runtime.block_on(speak(settings, word));
    let said = thread::scope(|scope| scope.spawn(speak).join());
    said.unwrap_or_else(|_| Err(unreachable("the connection's thread panicked").into()))
}

async fn speak(settings: &PostgresSettings, word: &str) -> Result<(), Said> {
    let client = connect(settings).await?;
    client.batch_execute(word).await.map_err(|error| Said {
        code: error.code().cloned(),
        error: Trouble::from(error).into_error(),
    })
}

async fn connect(settings: &PostgresSettings) -> Result<Client, StoreError> {
    let options = PostgresOptions::default();
    let pool = Pool::builder(manager(settings, &options)?)
        .max_size(1)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(options.connect))
        .build()
        .map_err(|error| unreachable(tell(&error)))?;
    pool.get().await.map_err(|error| unreachable(tell(&error)))
}
