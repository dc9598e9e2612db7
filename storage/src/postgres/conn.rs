//! A connection in use: prepared statements by their text.

use deadpool_postgres::Client;
use tokio_postgres::{Row, Statement, types::ToSql};

use super::trouble::Trouble;

/// The values of a statement's parameters.
pub(super) type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// A connection.
#[derive(Clone, Copy)]
pub(super) struct Conn<'c>(pub(super) &'c Client);

impl Conn<'_> {
    /// A statement as the server knows it: asked for once on each connection.
    pub(super) async fn prepare(self, text: &str) -> Result<Statement, Trouble> {
        Ok(self.0.prepare_cached(text).await?)
    }

    /// All rows of a statement.
    pub(super) async fn rows(self, text: &str, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        let statement = self.prepare(text).await?;
        self.rows_of(&statement, values).await
    }

    /// The first row, if there is one.
    pub(super) async fn row(self, text: &str, values: Values<'_>) -> Result<Option<Row>, Trouble> {
        Ok(self.rows(text, values).await?.into_iter().next())
    }

    /// Carries out a statement without rows: how many it touched.
    pub(super) async fn run(self, text: &str, values: Values<'_>) -> Result<u64, Trouble> {
        let statement = self.prepare(text).await?;
        self.run_prepared(&statement, values).await
    }

    /// All rows of a prepared statement. It is on its way when this is first polled, so statements
    /// that are polled one after the other are carried out in that order and share a round trip;
    /// with an unprepared one among them they would not.
    pub(super) async fn rows_of(
        self,
        statement: &Statement,
        values: Values<'_>,
    ) -> Result<Vec<Row>, Trouble> {
        Ok(self.0.query(statement, values).await?)
    }

    /// Carries out a prepared statement without rows, on its way as in [`Conn::rows_of`].
    pub(super) async fn run_prepared(
        self,
        statement: &Statement,
        values: Values<'_>,
    ) -> Result<u64, Trouble> {
        Ok(self.0.execute(statement, values).await?)
    }

    /// A word about transactions, `BEGIN` and its like; on its way as in [`Conn::rows_of`].
    pub(super) async fn say(self, word: &str) -> Result<(), Trouble> {
        Ok(self.0.batch_execute(word).await?)
    }
}
