//! A room as JSON lines: for people, other programs, and safe-keeping.

use std::{collections::VecDeque, sync::Arc};

use jid::BareJid;
use serde_json::{Value, json};
use takeover_protocols::muc::HistoryEntry;

use crate::{ChatStore, HistoryQuery, StoreError, StoredRoom, text_of};

/// Messages read at a time.
const PAGE: usize = 256;

/// Gives a room line by line, each a JSON object with a `type`: one `room` (address, configuration,
/// subject, numbers), one `affiliation` for each, then one `message` for each, in the order of the
/// room. Reads page by page, so the length of a history does not matter; messages that are appended
/// meanwhile are part of it.
///
/// ```
/// # use std::sync::Arc;
/// # use takeover_protocols::{datetime::Timestamp, muc::{RoomConfig, RoomRecord, RoomWrite}};
/// # use takeover_storage::{Claim, ChatStore, Export, Memory, NodeId};
/// # futures_util::future::FutureExt::now_or_never(async {
/// # let chat = Memory::new().chat("pair-1");
/// # let fence = chat.acquire("conference-1.example.com", NodeId(1), Claim::IfFree).await?.fence;
/// # let room: jid::BareJid = "lunch@conference-1.example.com".parse()?;
/// # let owner = "andy@example.com".parse()?;
/// # let record = RoomRecord::new(room.clone(), owner, RoomConfig::default(), Timestamp::default());
/// # let create = RoomWrite::Create { record: Box::new(record), history: Vec::new() };
/// # chat.write(&fence, &room, vec![Arc::new(create)]).await?;
/// let mut export = Export::new(chat, room);
/// while let Some(line) = export.next_line().await? {
///     println!("{line}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap().unwrap();
/// ```
pub struct Export {
    store: Arc<dyn ChatStore>,
    room: BareJid,
    /// Lines to be given, each with its message's number if it is one.
    ready: VecDeque<(String, Option<u64>)>,
    next: Next,
    last: Option<u64>,
}

/// What is to be read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Room,
    /// Messages behind this one.
    Messages(u64),
    Nothing,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            store: _,
            room,
            ready,
            next,
            last: _,
        } = self;
        let waiting = ready.len();
        write!(
            f,
            "Export {{ room: {room}, {waiting} lines ready, next: {next:?} }}"
        )
    }
}

impl Export {
    /// Begins with the first line of `room`.
    #[must_use]
    pub fn new(store: Arc<dyn ChatStore>, room: BareJid) -> Self {
        Self {
            store,
            room,
            ready: VecDeque::new(),
            next: Next::Room,
            last: None,
        }
    }

    /// Leaves the room, its affiliations and messages up to number `after` out.
    #[must_use]
    pub fn behind(mut self, after: u64) -> Self {
        (self.next, self.last) = (Next::Messages(after), Some(after));
        self
    }

    /// The number of the last message that was given, if one was.
    #[must_use]
    pub fn last_message(&self) -> Option<u64> {
        self.last
    }

    /// The next line, without its end; `None` after the last one.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRoom`], and those of the store. After an error the same line is tried
    /// again.
    pub async fn next_line(&mut self) -> Result<Option<String>, StoreError> {
        while self.ready.is_empty() {
            match self.next {
                Next::Room => self.read_room().await?,
                Next::Messages(after) => self.read_messages(after).await?,
                Next::Nothing => return Ok(None),
            }
        }
        let Some((line, seq)) = self.ready.pop_front() else {
            return Ok(None);
        };
        self.last = seq.or(self.last);
        Ok(Some(line))
    }

    async fn read_room(&mut self) -> Result<(), StoreError> {
        let stored = self.store.room(&self.room).await?;
        let stored = stored.ok_or_else(|| StoreError::NoSuchRoom {
            room: self.room.clone(),
        })?;
        self.ready.push_back((room_line(&stored).to_string(), None));
        for (user, entry) in &stored.record.affiliations {
            let line = json!({
                "type": "affiliation",
                "jid": user.as_str(),
                "affiliation": entry.affiliation.as_str(),
                "nick": entry.nick,
                "reason": entry.reason,
            });
            self.ready.push_back((line.to_string(), None));
        }
        self.next = Next::Messages(0);
        Ok(())
    }

    async fn read_messages(&mut self, after: u64) -> Result<(), StoreError> {
        let page = self
            .store
            .history(&self.room, HistoryQuery::after(after, PAGE))
            .await?;
        self.next = match page.entries.last() {
            Some(last) if !page.complete => Next::Messages(last.seq),
            Some(_) | None => Next::Nothing,
        };
        self.ready.extend(
            page.entries
                .iter()
                .map(|entry| (message_line(entry).to_string(), Some(entry.seq))),
        );
        Ok(())
    }
}

fn room_line(stored: &StoredRoom) -> Value {
    let StoredRoom {
        record,
        last_seq,
        messages,
    } = stored;
    json!({
        "type": "room",
        "jid": record.jid.as_str(),
        "created": record.created.to_string(),
        "config": record.config,
        "subject": record.subject.as_ref().map(message_line),
        "last_seq": last_seq,
        "messages": messages,
    })
}

/// A message as a JSON object, as [`Export`] has it.
#[must_use]
pub fn message_line(entry: &HistoryEntry) -> Value {
    json!({
        "type": "message",
        "seq": entry.seq,
        "at": entry.at.to_string(),
        "from": entry.from.as_str(),
        "nick": entry.nick,
        "id": entry.id,
        "body": text_of(entry),
        "stanza": String::from_utf8_lossy(&entry.stanza),
    })
}
