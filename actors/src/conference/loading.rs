//! Fetching a room from the database, for a host that has just got it.

use std::sync::Arc;

use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::HistoryEntry;
use takeover_storage::{ChatStore, HistoryQuery, StoreError, StoredRoom};

/// A room as the database has it.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// Everything but what was said.
    pub(super) room: StoredRoom,
    /// What was said last, oldest first.
    pub(super) history: Vec<HistoryEntry>,
}

/// Fetches a room with its last `limit` messages, and with all that are behind number `reflected`;
/// `None` if the database does not have it.
///
/// # Errors
/// Those of the store.
pub(super) async fn load(
    store: Arc<dyn ChatStore>,
    jid: BareJid,
    limit: usize,
    reflected: Option<u64>,
) -> Result<Option<Loaded>, StoreError> {
    let Some(room) = store.room(&jid).await? else {
        return Ok(None);
    };
    let page = store.history(&jid, HistoryQuery::last(limit)).await?;
    let mut history = page.entries;
    let first = history.first().map_or(0, |first| first.seq);
    if let Some(reflected) = reflected.filter(|seen| !page.complete && *seen + 1 < first) {
        let before = Some(first);
        let query = HistoryQuery {
            before,
            ..HistoryQuery::after(reflected, usize::MAX)
        };
        let mut unseen = store.history(&jid, query).await?.entries;
        unseen.append(&mut history);
        history = unseen;
    }
    Ok(Some(Loaded { room, history }))
}
