//! Fetching a room from the database, for a host that has just got it.

use std::sync::Arc;

use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::{HistoryEntry, RoomRecord};
use takeover_storage::codec::CodecError;
use takeover_storage::{ChatStore, HistoryQuery, RoomKey, StoreError};

use super::records;

/// Why a room could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoadError {
    /// The database did not answer, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it has is damaged.
    #[error(transparent)]
    Damaged(#[from] CodecError),
}

/// A room as the database has it.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// Everything but what was said.
    pub(super) record: RoomRecord,
    /// What was said last, oldest first, each with its place in the database.
    pub(super) history: Vec<(u64, HistoryEntry)>,
}

impl Loaded {
    /// The place of the last message, 0 if there is none.
    pub(super) fn last_place(&self) -> u64 {
        self.history.last().map_or(0, |(place, _)| *place)
    }

    /// The greatest number that the room itself gave to a message, 0 if there is none.
    pub(super) fn last_seq(&self) -> u64 {
        self.history.iter().map(|(_, entry)| entry.seq).max().unwrap_or(0)
    }
}

/// Fetches the room of `key` with its last `limit` messages, and with all that are behind place
/// `reflected`; `None` if the database does not have it.
///
/// # Errors
/// [`LoadError`].
pub(super) async fn load(
    store: Arc<dyn ChatStore>,
    key: RoomKey,
    jid: BareJid,
    limit: usize,
    reflected: Option<u64>,
) -> Result<Option<Loaded>, LoadError> {
    let Some(record) = store.room(&key).await? else { return Ok(None) };
    let record = records::from_store(jid, record)?;
    let mut page = store.history(&key, HistoryQuery::last(limit)).await?;
    let first = page.messages.first().map_or(0, |first| first.seq);
    if let Some(reflected) = reflected.filter(|place| !page.complete && *place + 1 < first) {
        let query = HistoryQuery { before: Some(first), ..HistoryQuery::after(reflected, usize::MAX) };
        let mut unseen = store.history(&key, query).await?.messages;
        unseen.append(&mut page.messages);
        page.messages = unseen;
    }
    let mut loaded = Loaded { record, history: Vec::new() };
    for stored in &page.messages {
        loaded.history.push((stored.seq, records::message_from_store(stored)?));
    }
    Ok(Some(loaded))
}
