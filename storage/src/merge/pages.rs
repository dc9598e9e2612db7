//! Reading a history from its beginning, page by page.

use std::{collections::VecDeque, sync::Arc};

use jid::BareJid;
use takeover_protocols::{datetime::Timestamp, muc::HistoryEntry};

use crate::{ChatStore, HistoryQuery, StoreError};

/// A history being read.
pub(super) struct Pages {
    store: Arc<dyn ChatStore>,
    room: BareJid,
    size: usize,
    page: VecDeque<HistoryEntry>,
    /// Number of the last message that was fetched; `None` when there are no more.
    after: Option<u64>,
    /// The latest time so far: what was said under a clock that went back stays in its place.
    latest: Timestamp,
}

impl Pages {
    pub(super) fn new(store: Arc<dyn ChatStore>, room: BareJid, size: usize) -> Self {
        Self {
            store,
            room,
            size: size.max(1),
            page: VecDeque::new(),
            after: Some(0),
            latest: Timestamp::MIN,
        }
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        while let (true, Some(after)) = (self.page.is_empty(), self.after) {
            let query = HistoryQuery::after(after, self.size);
            let page = self.store.history(&self.room, query).await?;
            let last = page.entries.last().map(|entry| entry.seq);
            self.after = last.filter(|_| !page.complete);
            self.page = page.entries.into();
        }
        Ok(())
    }

    /// When the next message has its place in the room's order; `None` after the last.
    pub(super) async fn time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.fill().await?;
        Ok(self.page.front().map(|next| next.at.max(self.latest)))
    }

    /// The messages that have their place at `time`, which is the next one's.
    pub(super) async fn take_at(
        &mut self,
        time: Timestamp,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let mut taken = Vec::new();
        while self.time().await? == Some(time) {
            self.latest = time;
            taken.extend(self.page.pop_front());
        }
        Ok(taken)
    }

    /// The next messages, as many as there are at hand; none after the last.
    pub(super) async fn take(&mut self) -> Result<Vec<HistoryEntry>, StoreError> {
        self.fill().await?;
        Ok(std::mem::take(&mut self.page).into())
    }
}
