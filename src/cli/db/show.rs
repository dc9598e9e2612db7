//! `takeover db show`: what a database holds, alias by alias.

use clap::Args;
use serde_json::{Value, json};

use super::DbError;
use crate::cli::{OK, print};

/// Show how much a database of rooms holds, and who holds its rooms.
#[derive(Args)]
pub(super) struct Show {
    /// The database.
    database: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) async fn run(&self) -> Result<u8, DbError> {
        let store = super::opener().open(&self.database.parse()?).await?;
        let schema = store.verify().await?;
        let means = store.means().await?;
        let mut aliases = Vec::new();
        for alias in store.aliases().await? {
            let counts = store.counts(Some(&alias)).await?;
            let lease = store.lease(&alias).await?;
            aliases.push(json!({
                "alias": alias,
                "rooms": counts.rooms,
                "messages": counts.messages,
                "affiliations": counts.affiliations,
                "held_by": lease.held_by.map(|node| node.to_string()),
                "epoch": lease.epoch,
            }));
        }
        let info = store.info();
        let all = json!({
            "type": info.kind,
            "place": info.place,
            "instance": info.instance,
            "schema": schema,
            "bytes": means.used,
            "free": means.free,
            "aliases": aliases,
        });
        if self.json {
            print(all);
        } else {
            print(format_args!(
                "{info}, schema {schema}, {} bytes",
                means.used
            ));
            aliases.iter().for_each(|alias| print(in_words(alias)));
        }
        Ok(OK)
    }
}

fn in_words(alias: &Value) -> String {
    format!(
        "  {}: {} rooms, {} messages, {} affiliations, {}",
        alias["alias"].as_str().unwrap_or_default(),
        alias["rooms"],
        alias["messages"],
        alias["affiliations"],
        match alias["held_by"].as_str() {
            Some(node) => format!("held by {node} at epoch {}", alias["epoch"]),
            None => "free".to_owned(),
        }
    )
}
