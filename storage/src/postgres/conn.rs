//! A connection in use: prepared statements by their text.

use deadpool_postgres::Client;
use tokio_postgres::{Row, types::ToSql};

use super::trouble::Trouble;

/// The values of a statement's parameters.
pub(super) type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// A connection; requests that are polled one after the other without waiting share a round trip.
#[derive(Clone, Copy)]
pub(super) struct Conn<'c>(pub(super) &'c Client);

impl Conn<'_> {
    /// All rows of a statement.
    pub(super) async fn rows(self, text: &str, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        let statement = self.0.prepare_cached(text).await?;
        Ok(self.0.query(&statement, values).await?)
    }

    /// The first row, if there is one.
    pub(super) async fn row(self, text: &str, values: Values<'_>) -> Result<Option<Row>, Trouble> {
        Ok(self.rows(text, values).await?.into_iter().next())
    }

    /// Carries out a statement without rows: how many it touched.
    pub(super) async fn run(self, text: &str, values: Values<'_>) -> Result<u64, Trouble> {
        let statement = self.0.prepare_cached(text).await?;
        Ok(self.0.execute(&statement, values).await?)
    }

    /// A word about transactions: `BEGIN` and its like.
    pub(super) async fn say(self, word: &str) -> Result<(), Trouble> {
        Ok(self.0.batch_execute(word).await?)
    }
}
