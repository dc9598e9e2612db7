//! The writes of one room: asked for in order, sent to the database in batches, settled in order.

use std::collections::VecDeque;
use std::sync::Arc;

use takeover_protocols::muc::{RoomWrite, Ticket, WriteId};

use crate::plane::Promise;

/// The most writes that go to the database in one batch.
const BATCH: usize = 256;

/// A write that the machine asked for.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: WriteId,
    /// The stanza that it is for.
    pub(super) ticket: Ticket,
    /// What was promised to whoever sent that stanza.
    pub(super) promise: Option<Promise>,
    pub(super) write: Arc<RoomWrite>,
}

/// Writes that wait for those under way.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    waiting: VecDeque<Entry>,
    under_way: bool,
}

/// What goes to the database at once: all of it or nothing is written.
#[derive(Debug)]
pub(super) struct Batch {
    /// What is written, in order.
    pub(super) writes: Vec<Arc<RoomWrite>>,
    /// The names of these writes.
    pub(super) ids: Vec<WriteId>,
    /// What is promised to the senders of their stanzas.
    pub(super) promises: Vec<Promise>,
}

impl Ledger {
    /// Takes a write.
    pub(super) fn push(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
    }

    /// Nothing waits and nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.under_way
    }

    /// The next batch, if none is under way and something waits: messages go together, any other
    /// write goes alone, so that its failure is no message's failure.
    pub(super) fn next(&mut self) -> Option<Batch> {
        if self.under_way || self.waiting.is_empty() {
            return None;
        }
        let messages = self
            .waiting
            .iter()
            .take(BATCH)
            .take_while(|entry| entry.is_message());
        let count = messages.count().max(1);
        let mut batch = Batch {
            writes: Vec::new(),
            ids: Vec::new(),
            promises: Vec::new(),
        };
        for entry in self.waiting.drain(..count) {
            batch.writes.push(entry.write);
            batch.ids.push(entry.id);
            batch.promises.extend(entry.promise);
        }
        self.under_way = true;
        Some(batch)
    }

    /// The batch under way has come back.
    pub(super) fn done(&mut self) {
        self.under_way = false;
    }

    /// Gives up all that waits, and answers what that was.
    pub(super) fn give_up(&mut self) -> VecDeque<Entry> {
        std::mem::take(&mut self.waiting)
    }
}

impl Entry {
    fn is_message(&self) -> bool {
        match *self.write {
            RoomWrite::Message(_) => true,
            RoomWrite::Create { .. }
            | RoomWrite::Subject(_)
            | RoomWrite::Config { .. }
            | RoomWrite::Affiliations(_)
            | RoomWrite::Delete => false,
        }
    }
}

impl Batch {
    /// The number of the last message in it, if it has one.
    pub(super) fn last_seq(&self) -> Option<u64> {
        self.writes.iter().rev().find_map(|write| match &**write {
            RoomWrite::Message(said) | RoomWrite::Subject(said) => Some(said.seq),
            RoomWrite::Create { history, .. } => history.last().map(|said| said.seq),
            RoomWrite::Config { .. } | RoomWrite::Affiliations(_) | RoomWrite::Delete => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use takeover_protocols::datetime::Timestamp;
    use takeover_protocols::jid::FullJid;
    use takeover_protocols::muc::HistoryEntry;

    fn entry(id: u64, write: RoomWrite) -> Entry {
        Entry {
            id: WriteId(id),
            ticket: Ticket(id),
            promise: None,
            write: Arc::new(write),
        }
    }

    fn said(seq: u64) -> RoomWrite {
        RoomWrite::Message(HistoryEntry {
            seq,
            at: Timestamp::default(),
            nick: "Andy".into(),
            from: FullJid::new("andy@example.test/desk").unwrap(),
            id: None,
            stanza: "<message/>".into(),
        })
    }

    /// CHAT-10: one batch at a time, in order; messages share one, anything else stands alone.
    #[test]
    fn messages_share_a_batch_and_everything_else_stands_alone() {
        let mut ledger = Ledger::default();
        for (id, write) in [said(1), said(2), RoomWrite::Delete, said(3)]
            .into_iter()
            .enumerate()
        {
            ledger.push(entry(id as u64, write));
        }
        let first = ledger.next().unwrap();
        assert_eq!(
            (first.ids, first.writes.len()),
            (vec![WriteId(0), WriteId(1)], 2)
        );
        assert!(ledger.next().is_none(), "one at a time");
        ledger.done();
        assert_eq!(ledger.next().unwrap().ids, [WriteId(2)]);
        ledger.done();
        let last = ledger.next().unwrap();
        assert_eq!((last.last_seq(), last.ids), (Some(3), vec![WriteId(3)]));
        ledger.done();
        assert!(ledger.is_idle());
    }
}
