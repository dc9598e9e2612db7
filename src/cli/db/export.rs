//! `takeover db export` and `takeover db search`: a room as JSON lines, and what was said in it.

use std::io::Write;
use std::sync::Arc;

use clap::Args;
use takeover_protocols::jid::BareJid;
use takeover_storage::{ChatStore, Export as Lines, HistoryQuery, message_line};

use super::DbError;
use crate::cli::OK;

/// Rooms that are asked for at a time.
const LISTED: usize = 256;

/// Print a room, or all rooms, as JSON lines: the room, its affiliations, its messages.
#[derive(Args)]
pub(super) struct Export {
    /// The database.
    database: String,
    /// Address of the room; all rooms where absent.
    room: Option<BareJid>,
}

/// Print the messages of a room that hold all of the words, as JSON lines, oldest first.
#[derive(Args)]
pub(super) struct Search {
    /// The database.
    database: String,
    /// Address of the room.
    room: BareJid,
    /// Words; each must be in a message's body, in any order.
    #[arg(required = true)]
    words: Vec<String>,
    /// The newest so many at the most.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

impl Export {
    pub(super) async fn run(&self) -> Result<u8, DbError> {
        let store = super::opener().open(&self.database.parse()?).await?;
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        if let Some(room) = &self.room {
            export(&store, room.clone(), &mut out).await?;
            return Ok(OK);
        }
        for alias in store.aliases().await? {
            let mut last: Option<BareJid> = None;
            loop {
                let rooms = store.rooms(&alias, last.as_ref(), LISTED).await?;
                let Some(end) = rooms.last() else {
                    break;
                };
                last = Some(end.clone());
                for room in rooms {
                    export(&store, room, &mut out).await?;
                }
            }
        }
        Ok(OK)
    }
}

async fn export(
    store: &Arc<dyn ChatStore>,
    room: BareJid,
    out: &mut impl Write,
) -> Result<(), DbError> {
    let mut lines = Lines::new(store.clone(), room);
    while let Some(line) = lines.next_line().await? {
        // A reader that has gone away is not an error of ours.
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    Ok(())
}

impl Search {
    pub(super) async fn run(&self) -> Result<u8, DbError> {
        let store = super::opener().open(&self.database.parse()?).await?;
        let query = HistoryQuery::search(self.words.join(" "), self.limit);
        let page = store.history(&self.room, query).await?;
        let mut out = std::io::stdout().lock();
        for entry in &page.entries {
            if writeln!(out, "{}", message_line(entry)).is_err() {
                break;
            }
        }
        Ok(OK)
    }
}
