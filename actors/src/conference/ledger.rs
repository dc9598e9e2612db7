//! The writes of one room: asked for in order, sent to the database in batches, settled in order.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::{AffiliationChange, RoomRecord, RoomWrite, Ticket, WriteId};
use takeover_storage::codec::CodecError;
use takeover_storage::{ChatStore, Fence, NewMessage, RoomChange, StoreError};

use super::records;
use crate::plane::Promise;

/// The most messages that go to the database in one batch.
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
    /// The name of its message for good, if it is one.
    pub(super) key: String,
}

/// Writes that wait for the one that is under way.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The record as the database has it once all that was handed out is done.
    record: RoomRecord,
    waiting: VecDeque<Entry>,
    under_way: bool,
}

/// What goes to the database at once.
#[derive(Debug)]
pub(super) struct Batch {
    /// The writes that it settles.
    pub(super) ids: Vec<WriteId>,
    /// What is promised to their senders.
    pub(super) promises: Vec<Promise>,
    work: Work,
}

#[derive(Clone, Debug)]
enum Work {
    Create(takeover_storage::RoomRecord, Vec<NewMessage>),
    Append(Vec<NewMessage>),
    AppendAndChange(NewMessage, Vec<RoomChange>),
    Change(Vec<RoomChange>),
    Destroy,
}

impl Ledger {
    pub(super) fn new(record: RoomRecord) -> Self {
        Self { record, waiting: VecDeque::new(), under_way: false }
    }

    /// Takes a write.
    pub(super) fn push(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
    }

    /// Nothing waits and nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.under_way
    }

    /// The next batch, if none is under way: one write, or as many messages as stand together.
    /// A write that no record can hold comes back with the reason.
    pub(super) fn next(&mut self) -> Option<Result<Batch, Box<(Entry, CodecError)>>> {
        if self.under_way {
            return None;
        }
        let first = self.waiting.pop_front()?;
        let work = match self.build(&first) {
            Ok(work) => work,
            Err(error) => return Some(Err(Box::new((first, error)))),
        };
        self.under_way = true;
        let promises = first.promise.into_iter().collect();
        let mut batch = Batch { ids: vec![first.id], promises, work };
        self.join_messages(&mut batch);
        Some(Ok(batch))
    }

    /// The batch under way has come back.
    pub(super) fn done(&mut self) {
        self.under_way = false;
    }

    /// Gives up all that waits, and answers what that was.
    pub(super) fn give_up(&mut self) -> VecDeque<Entry> {
        std::mem::take(&mut self.waiting)
    }

    fn build(&mut self, entry: &Entry) -> Result<Work, CodecError> {
        let mut after = self.record.clone();
        after.apply(&entry.write);
        let work = match &*entry.write {
            RoomWrite::Create { record, history } => {
                let history = history
                    .iter()
                    .map(|said| {
                        records::message_to_store(format!("{}-{}", entry.key, said.seq), said)
                    })
                    .collect::<Result<_, _>>()?;
                Work::Create(records::to_store(record)?, history)
            }
            RoomWrite::Message(said) => {
                Work::Append(vec![records::message_to_store(entry.key.clone(), said)?])
            }
            RoomWrite::Subject(said) => Work::AppendAndChange(
                records::message_to_store(entry.key.clone(), said)?,
                records::changes(&after, [])?,
            ),
            RoomWrite::Config { affiliations, .. } => {
                Work::Change(records::changes(&after, users(affiliations))?)
            }
            RoomWrite::Affiliations(changes) => {
                Work::Change(records::changes(&after, users(changes))?)
            }
            RoomWrite::Delete => Work::Destroy,
        };
        self.record = after;
        Ok(work)
    }

    /// Adds the messages that wait right behind a message to its batch.
    fn join_messages(&mut self, batch: &mut Batch) {
        let Work::Append(messages) = &mut batch.work else { return };
        while messages.len() < BATCH {
            let Some(entry) = self.waiting.front() else { return };
            let RoomWrite::Message(said) = &*entry.write else { return };
            // One that does not fit into a record is refused when its turn comes.
            let Ok(message) = records::message_to_store(entry.key.clone(), said) else { return };
            messages.push(message);
            if let Some(entry) = self.waiting.pop_front() {
                batch.ids.push(entry.id);
                batch.promises.extend(entry.promise);
            }
        }
    }
}

fn users(changes: &[AffiliationChange]) -> BTreeSet<BareJid> {
    changes.iter().map(|change| change.user.clone()).collect()
}

impl Batch {
    /// Carries the batch out. Answers the place of the last message it appended, if it had any.
    /// May be repeated: what was done is not done again.
    ///
    /// # Errors
    /// Those of the store; nothing of the batch is then known to be done.
    pub(super) async fn carry_out(
        &self,
        store: &dyn ChatStore,
        fence: &Fence,
        room: &str,
    ) -> Result<Option<u64>, StoreError> {
        let appended = match &self.work {
            Work::Create(record, history) => {
                store.put_room(fence, room, record.clone()).await?;
                if history.is_empty() {
                    return Ok(None);
                }
                store.append(fence, room, history.clone()).await?
            }
            Work::Append(messages) => store.append(fence, room, messages.clone()).await?,
            Work::AppendAndChange(message, changes) => {
                let appended = store.append(fence, room, vec![message.clone()]).await?;
                store.change_room(fence, room, changes.clone()).await?;
                appended
            }
            Work::Change(changes) => {
                store.change_room(fence, room, changes.clone()).await?;
                Vec::new()
            }
            Work::Destroy => {
                store.destroy_room(fence, room).await?;
                Vec::new()
            }
        };
        Ok(appended.last().map(|last| last.seq))
    }
}
