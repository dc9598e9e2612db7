//! The schema: numbered migrations, each applied once.
//!
//! `migrations/NNNN_NAME.sql` brings a database from version `NNNN - 1` to `NNNN`. All that are
//! missing are applied in one transaction under an advisory lock, so two nodes that start at once
//! do it once, and a failure leaves the version that was. Nothing in them needs more than
//! PostgreSQL 9.1.

use std::time::Duration;

use deadpool_postgres::Client;

use super::{
    KIND,
    conn::Conn,
    settings::PostgresSettings,
    sql,
    trouble::{Trouble, tell},
};
use crate::StoreError;

/// Every migration, in order; the first makes version 1.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_rooms.sql")];

/// The oldest server that is spoken to, as its `server_version_num` (CHAT-3).
const OLDEST: i32 = 90_100;

/// First half of the advisory lock's key: any number that others are not likely to use.
const LOCK: i32 = 0x7461_6b65;

/// Every table, for checking rights.
const TABLES: [&str; 7] = [
    "takeover_schema",
    "takeover_lease",
    "takeover_writer",
    "takeover_room",
    "takeover_affiliation",
    "takeover_message",
    "takeover_subject",
];

/// The version that this program works with.
pub(super) fn latest() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Makes a new connection ready: its limits and its schema, which is brought up to date.
pub(super) async fn prepare(
    client: &mut Client,
    settings: &PostgresSettings,
    statement: Duration,
) -> Result<(), Trouble> {
    let session = "SELECT current_setting('server_version_num')::integer, \
        current_setting('server_encoding'), \
        set_config('search_path', quote_ident($1::text), false), \
        set_config('statement_timeout', $2::text, false), \
        set_config('synchronous_commit', CASE current_setting('synchronous_commit') \
            WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)";
    let limit = statement.as_millis().to_string();
    let row = client
        .query_one(session, &[&settings.schema, &limit])
        .await?;
    let (version, encoding): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    if version < OLDEST {
        return Err(unfit(format!(
            "server version {version}, {OLDEST} or later is needed"
        )));
    }
    if encoding != "UTF8" {
        return Err(unfit(format!("its encoding is {encoding}, UTF8 is needed")));
    }
    match version_of(client).await? {
        Some(found) if found == latest() => Ok(()),
        Some(found) if found > latest() => Err(foreign(found)),
        Some(_) | None => migrate(client, &settings.schema).await,
    }
}

/// Version of the schema, as it stands; `None` if there is none yet.
async fn version_of(client: &Client) -> Result<Option<u32>, Trouble> {
    if !is_there(client, "takeover_schema").await? {
        return Ok(None);
    }
    let row = client
        .query_one("SELECT coalesce(max(version), 0) FROM takeover_schema", &[])
        .await?;
    let version: i32 = row.try_get(0)?;
    Ok(Some(u32::try_from(version).unwrap_or_default()))
}

async fn is_there(client: &Client, table: &str) -> Result<bool, Trouble> {
    // Not `to_regclass`, which is younger than 9.1.
    let rows = client
        .query(
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = current_schema() AND c.relname = $1::text",
            &[&table],
        )
        .await?;
    Ok(!rows.is_empty())
}

async fn migrate(client: &mut Client, schema: &str) -> Result<(), Trouble> {
    let tx = client.transaction().await?;
    tx.execute(
        "SELECT pg_advisory_xact_lock($1, hashtext($2::text))",
        &[&LOCK, &schema],
    )
    .await?;
    let named = "SELECT 1 FROM pg_namespace WHERE nspname = $1::text";
    if tx.query(named, &[&schema]).await?.is_empty() {
        // A name is no value, so it cannot be a parameter; `PostgresSettings::check` has seen it.
        tx.batch_execute(&format!("CREATE SCHEMA \"{schema}\""))
            .await?;
    }
    let versions = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1::text AND c.relname = 'takeover_schema'";
    if tx.query(versions, &[&schema]).await?.is_empty() {
        tx.batch_execute(
            "CREATE TABLE takeover_schema (version integer PRIMARY KEY, \
             applied timestamptz NOT NULL DEFAULT now())",
        )
        .await?;
    }
    let row = tx
        .query_one("SELECT coalesce(max(version), 0) FROM takeover_schema", &[])
        .await?;
    let there: i32 = row.try_get(0)?;
    for (number, migration) in (1_i32..).zip(MIGRATIONS) {
        if number > there {
            tx.batch_execute(migration).await?;
            tx.execute(
                "INSERT INTO takeover_schema (version) VALUES ($1)",
                &[&number],
            )
            .await?;
            tracing::info!(schema, version = number, "schema migrated");
        }
    }
    Ok(tx.commit().await?)
}

/// CHAT-6, MRG-1: the schema is ours and of this version, and may be used.
pub(super) async fn verify(conn: Conn<'_>) -> Result<u32, Trouble> {
    let client = conn.0;
    let found = version_of(client).await?.unwrap_or_default();
    if found != latest() {
        return Err(foreign(found));
    }
    for table in TABLES {
        let rights = "SELECT has_table_privilege($1, 'SELECT') \
            AND has_table_privilege($1, 'INSERT') AND has_table_privilege($1, 'UPDATE') \
            AND has_table_privilege($1, 'DELETE')";
        if !is_there(client, table).await? {
            return Err(unfit(format!("table {table} is missing")));
        }
        let may: bool = client.query_one(rights, &[&table]).await?.try_get(0)?;
        if !may {
            return Err(unfit(format!(
                "its user may not read and write table {table}"
            )));
        }
    }
    for statement in sql::ALL {
        let understood = client.prepare_cached(statement).await;
        understood.map_err(|error| unfit(format!("its tables are not ours: {}", tell(&error))))?;
    }
    Ok(found)
}

fn foreign(found: u32) -> Trouble {
    StoreError::Schema {
        found,
        expected: latest(),
    }
    .into()
}

fn unfit(reason: String) -> Trouble {
    StoreError::Unfit {
        engine: KIND,
        reason,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PostgreSQL has learned since 9.1, as far as we could be tempted, and when.
    const YOUNGER: [(&str, &str); 22] = [
        (
            "IF NOT EXISTS",
            "9.1 has it for tables only: schemas 9.3, indices 9.5, columns 9.6",
        ),
        ("JSON", "json 9.2, jsonb 9.4"),
        ("RANGE", "ranges 9.2"),
        ("LATERAL", "9.3"),
        ("MATERIALIZED", "9.3"),
        ("KEY SHARE", "9.3"),
        ("NO KEY UPDATE", "9.3"),
        ("FILTER", "9.4"),
        ("WITHIN GROUP", "9.4"),
        ("ORDINALITY", "9.4"),
        ("ROWS FROM", "9.4"),
        ("TO_REGCLASS", "9.4"),
        ("ON CONFLICT", "9.5"),
        ("SKIP LOCKED", "9.5"),
        ("GROUPING SETS", "9.5"),
        ("TABLESAMPLE", "9.5"),
        ("PARTITION BY", "as a word on tables 10"),
        ("GENERATED", "10"),
        ("INCLUDE", "11"),
        ("PROCEDURE", "11"),
        ("MERGE", "15"),
        ("NULLS NOT DISTINCT", "15"),
    ];

    /// CHAT-3: nothing that is said to a server is younger than PostgreSQL 9.1.
    #[test]
    fn nothing_is_younger_than_9_1() {
        for statement in sql::ALL.iter().chain(MIGRATIONS) {
            let comments = |line: &&str| !line.trim_start().starts_with("--");
            let said: Vec<&str> = statement.lines().filter(comments).collect();
            let said = said.join(" ").to_uppercase();
            for (word, since) in YOUNGER {
                assert!(!said.contains(word), "{word} (since {since}): {statement}");
            }
        }
    }
}
