//! Writing one room to the target, behind what an earlier run wrote (MRG-3).

use std::sync::Arc;

use jid::BareJid;
use takeover_protocols::muc::{HistoryEntry, RoomRecord, RoomWrite};

use super::{Merge, MergeError, Part};
use crate::{Fence, HistoryQuery, PageEnd, StoredRoom};

/// A room being written. One write at a time: none may succeed behind one that failed.
pub(super) struct Writer<'a> {
    merge: &'a Merge,
    fence: &'a Fence,
    room: BareJid,
    /// Not written yet.
    waiting: Vec<Arc<RoomWrite>>,
    /// The last number that the target had when this run came to the room.
    found_to: u64,
    last_seq: u64,
    messages: u64,
    /// Messages that were there already.
    pub(super) found: u64,
}

impl<'a> Writer<'a> {
    /// Begins with a room as `record` has it, unless the target has it already: then it must be this
    /// one. Only the subject may be missing there: it comes with its message.
    pub(super) async fn begin(
        merge: &'a Merge,
        fence: &'a Fence,
        record: RoomRecord,
    ) -> Result<Self, MergeError> {
        let room = record.jid.clone();
        let there = merge.target.room(&room).await;
        let there = there.map_err(merge.failed(Part::Target))?;
        let mut writer = Self {
            merge,
            fence,
            room,
            waiting: Vec::new(),
            found_to: 0,
            last_seq: 0,
            messages: 0,
            found: 0,
        };
        match there {
            Some(there) => {
                let subject = there.record.subject.clone();
                let wanted = RoomRecord { subject, ..record };
                writer.check(
                    there.record == wanted,
                    "its configuration or affiliations differ",
                )?;
                writer.found_to = there.last_seq;
            }
            None => writer.waiting.push(Arc::new(RoomWrite::Create {
                record: Box::new(record),
                history: Vec::new(),
            })),
        }
        Ok(writer)
    }

    fn check(&self, equal: bool, what: &str) -> Result<(), MergeError> {
        if equal {
            return Ok(());
        }
        Err(MergeError::OtherRoom {
            database: self.merge.target.info(),
            room: self.room.clone(),
            what: what.to_owned(),
        })
    }

    /// The number of the next message of a room that is numbered anew.
    pub(super) fn next_seq(&self) -> u64 {
        self.last_seq + 1
    }

    /// Takes a message, which may set the subject; writes when a page is full.
    pub(super) async fn put(
        &mut self,
        entry: HistoryEntry,
        subject: bool,
    ) -> Result<(), MergeError> {
        self.last_seq = entry.seq;
        self.messages += 1;
        let write = if subject {
            RoomWrite::Subject(entry)
        } else {
            RoomWrite::Message(entry)
        };
        self.waiting.push(Arc::new(write));
        if self.waiting.len() >= self.merge.options.page.max(1) {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), MergeError> {
        let waiting = std::mem::take(&mut self.waiting);
        let there = waiting
            .iter()
            .take_while(|write| entry_of(write).is_some_and(|entry| entry.seq <= self.found_to))
            .count();
        let missing = self.skip(waiting, there).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let written = self.merge.target.write(self.fence, &self.room, missing);
        written.await.map_err(self.merge.failed(Part::Target))
    }

    /// Compares the first `there` writes with what the target has, and answers the others.
    async fn skip(
        &mut self,
        mut writes: Vec<Arc<RoomWrite>>,
        there: usize,
    ) -> Result<Vec<Arc<RoomWrite>>, MergeError> {
        let missing = writes.split_off(there);
        let wanted: Vec<&HistoryEntry> =
            writes.iter().filter_map(|write| entry_of(write)).collect();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(missing);
        };
        let query = HistoryQuery {
            after: Some(first.seq - 1),
            before: Some(last.seq + 1),
            from: PageEnd::Oldest,
            // One more than there may be, so that more are seen.
            limit: there + 1,
            ..HistoryQuery::default()
        };
        let page = self.merge.target.history(&self.room, query).await;
        let page = page.map_err(self.merge.failed(Part::Target))?;
        self.check(page.entries.iter().eq(wanted), "its history differs")?;
        self.found += there as u64;
        Ok(missing)
    }

    /// Writes the rest and looks at the whole: it must be `record` and what was put.
    pub(super) async fn finish(&mut self, record: RoomRecord) -> Result<(), MergeError> {
        self.flush().await?;
        let there = self.merge.target.room(&self.room).await;
        let there = there.map_err(self.merge.failed(Part::Target))?;
        let wanted = StoredRoom {
            record,
            last_seq: self.last_seq,
            messages: self.messages,
        };
        self.check(
            there.as_ref() == Some(&wanted),
            "it is not what was written",
        )
    }
}

fn entry_of(write: &RoomWrite) -> Option<&HistoryEntry> {
    match write {
        RoomWrite::Message(entry) | RoomWrite::Subject(entry) => Some(entry),
        RoomWrite::Create { .. }
        | RoomWrite::Config { .. }
        | RoomWrite::Affiliations(_)
        | RoomWrite::Delete => None,
    }
}
