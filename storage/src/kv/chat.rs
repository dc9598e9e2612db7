//! [`ChatStore`] over ordered keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jid::BareJid;
use serde::{Deserialize, Serialize};
use takeover_protocols::{
    datetime::Timestamp,
    muc::{
        Affiliation, AffiliationChange, AffiliationEntry, HistoryEntry, RoomConfig, RoomRecord,
        RoomWrite,
    },
};

use super::{Backend, Facade, Key, Step, Tx, View};
use crate::{
    ChatStore, Claim, Counts, Fence, HistoryPage, HistoryQuery, LeaseGrant, LeaseState, NodeId,
    PageEnd, StoreError, StoreFuture, StoredRoom,
    codec::{self, Record},
    holds, ready, text_of, words,
};

/// Version of this layout; kept in the database, checked by [`ChatStore::verify`].
const SCHEMA: u32 = 1;

const TAG_SCHEMA: u8 = b'S';
const TAG_LEASE: u8 = b'L';
const TAG_ROOM: u8 = b'R';
const TAG_TALLY: u8 = b'N';
const TAG_AFFILIATION: u8 = b'A';
const TAG_MESSAGE: u8 = b'M';

#[derive(Serialize, Deserialize)]
struct Schema(u32);

#[derive(Serialize, Deserialize)]
struct LeaseRow {
    held_by: Option<NodeId>,
    epoch: u64,
}

#[derive(PartialEq, Serialize, Deserialize)]
struct RoomRow {
    jid: BareJid,
    config: RoomConfig,
    subject: Option<HistoryEntry>,
    created: Timestamp,
}

/// Number of the last message of a room, and how many there are.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Tally {
    last_seq: u64,
    messages: u64,
}

#[derive(Serialize, Deserialize)]
struct AffiliationRow {
    user: BareJid,
    entry: AffiliationEntry,
}

#[derive(Serialize, Deserialize)]
struct MessageRow(HistoryEntry);

macro_rules! records {
    ($($row:ty: $name:literal),+ $(,)?) => {$(
        impl Record for $row {
            const NAME: &'static str = $name;
            const VERSION: u8 = 1;
        }
    )+};
}

records! {
    Schema: "schema",
    LeaseRow: "lease",
    RoomRow: "room",
    Tally: "tally of a room",
    AffiliationRow: "affiliation",
    MessageRow: "message",
}

/// Keys of one chat instance.
#[derive(Clone)]
struct Layout(String);

impl Layout {
    fn tag(&self, tag: u8) -> Key {
        Key::new(&self.0, tag)
    }

    fn lease(&self, alias: &str) -> Key {
        self.tag(TAG_LEASE).text(alias)
    }

    /// Sorts by alias, then by name.
    fn of(&self, tag: u8, room: &BareJid) -> Key {
        let name = room.node().map(|node| node.as_str()).unwrap_or_default();
        self.tag(tag).text(room.domain().as_str()).text(name)
    }

    fn lease_row(&self, view: &dyn View, alias: &str) -> Result<LeaseRow, StoreError> {
        let row = view.record(&self.lease(alias))?;
        Ok(row.unwrap_or(LeaseRow {
            held_by: None,
            epoch: 0,
        }))
    }

    /// CHAT-10: the lease in the database, not the writer's belief, decides.
    fn check(&self, view: &dyn View, fence: &Fence) -> Result<(), StoreError> {
        let LeaseRow { held_by, epoch } = self.lease_row(view, &fence.alias)?;
        if held_by == Some(fence.host) && epoch == fence.epoch {
            return Ok(());
        }
        Err(StoreError::Fenced {
            alias: fence.alias.clone(),
            writer: fence.host,
            offered: fence.epoch,
            held_by,
            epoch,
        })
    }

    fn room_row(&self, view: &dyn View, room: &BareJid) -> Result<RoomRow, StoreError> {
        let row = view.record(&self.of(TAG_ROOM, room))?;
        row.ok_or_else(|| StoreError::NoSuchRoom { room: room.clone() })
    }

    fn tally(&self, view: &dyn View, room: &BareJid) -> Result<Tally, StoreError> {
        Ok(view.record(&self.of(TAG_TALLY, room))?.unwrap_or_default())
    }

    fn acquire(
        &self,
        tx: &mut Tx<'_>,
        alias: &str,
        host: NodeId,
        claim: Claim,
    ) -> Result<LeaseGrant, StoreError> {
        let LeaseRow { held_by, epoch } = self.lease_row(tx.view(), alias)?;
        if let (Claim::IfFree, Some(other)) = (claim, held_by)
            && other != host
        {
            return Err(StoreError::LeaseHeld {
                alias: alias.to_owned(),
                held_by: other,
                epoch,
            });
        }
        let epoch = epoch + 1;
        tx.put(
            &self.lease(alias),
            &LeaseRow {
                held_by: Some(host),
                epoch,
            },
        )?;
        tx.put(&self.tag(TAG_SCHEMA), &Schema(SCHEMA))?;
        let fence = Fence {
            alias: alias.to_owned(),
            host,
            epoch,
        };
        Ok(LeaseGrant {
            fence,
            taken_from: held_by,
        })
    }

    fn write(&self, tx: &mut Tx<'_>, room: &BareJid, write: &RoomWrite) -> Result<(), StoreError> {
        match write {
            RoomWrite::Create { record, history } => self.create(tx, room, record, history),
            RoomWrite::Message(entry) => self.append(tx, room, entry),
            RoomWrite::Subject(entry) => {
                self.append(tx, room, entry)?;
                let row = self.room_row(tx.view(), room)?;
                let subject = Some(entry.clone());
                tx.put(&self.of(TAG_ROOM, room), &RoomRow { subject, ..row })
            }
            RoomWrite::Config {
                config,
                affiliations,
            } => {
                let row = self.room_row(tx.view(), room)?;
                let config = RoomConfig::clone(config);
                tx.put(&self.of(TAG_ROOM, room), &RoomRow { config, ..row })?;
                self.affiliate(tx, room, affiliations)
            }
            RoomWrite::Affiliations(changes) => {
                self.room_row(tx.view(), room)?;
                self.affiliate(tx, room, changes)
            }
            RoomWrite::Delete => [TAG_ROOM, TAG_TALLY, TAG_AFFILIATION, TAG_MESSAGE]
                .iter()
                .try_for_each(|&tag| tx.remove_all(&self.of(tag, room))),
        }
    }

    fn create(
        &self,
        tx: &mut Tx<'_>,
        room: &BareJid,
        record: &RoomRecord,
        history: &[HistoryEntry],
    ) -> Result<(), StoreError> {
        if let Some(there) = self.room(tx.view(), room)? {
            let all = HistoryQuery::after(0, history.len());
            let page = self.history(tx.view(), room, &all)?;
            return if there.record == *record && page.complete && page.entries == history {
                Ok(())
            } else {
                Err(StoreError::RoomExists { room: room.clone() })
            };
        }
        let RoomRecord {
            jid,
            config,
            affiliations,
            subject,
            created,
        } = record.clone();
        tx.put(
            &self.of(TAG_ROOM, room),
            &RoomRow {
                jid,
                config,
                subject,
                created,
            },
        )?;
        for (user, entry) in affiliations {
            self.affiliate(
                tx,
                room,
                &[AffiliationChange {
                    user,
                    entry: Some(entry),
                }],
            )?;
        }
        history
            .iter()
            .try_for_each(|entry| self.append(tx, room, entry))
    }

    fn affiliate(
        &self,
        tx: &mut Tx<'_>,
        room: &BareJid,
        changes: &[AffiliationChange],
    ) -> Result<(), StoreError> {
        for AffiliationChange { user, entry } in changes {
            let key = self.of(TAG_AFFILIATION, room).text(user.as_str());
            match entry {
                Some(entry) if entry.affiliation != Affiliation::None => {
                    let (user, entry) = (user.clone(), entry.clone());
                    tx.put(&key, &AffiliationRow { user, entry })?;
                }
                Some(_) | None => tx.remove(&key),
            }
        }
        Ok(())
    }

    fn append(
        &self,
        tx: &mut Tx<'_>,
        room: &BareJid,
        entry: &HistoryEntry,
    ) -> Result<(), StoreError> {
        self.room_row(tx.view(), room)?;
        let Tally { last_seq, messages } = self.tally(tx.view(), room)?;
        let place = self.of(TAG_MESSAGE, room).number(entry.seq);
        if entry.seq <= last_seq {
            return match tx.view().record(&place)? {
                Some(MessageRow(there)) if there == *entry => Ok(()),
                Some(_) | None => Err(StoreError::OutOfOrder {
                    room: room.clone(),
                    seq: entry.seq,
                    last_seq,
                }),
            };
        }
        tx.put(&place, &MessageRow(entry.clone()))?;
        let tally = Tally {
            last_seq: entry.seq,
            messages: messages + 1,
        };
        tx.put(&self.of(TAG_TALLY, room), &tally)
    }

    fn room(&self, view: &dyn View, room: &BareJid) -> Result<Option<StoredRoom>, StoreError> {
        let Some(row) = view.record(&self.of(TAG_ROOM, room))? else {
            return Ok(None);
        };
        let RoomRow {
            jid,
            config,
            subject,
            created,
        } = row;
        let affiliations = BTreeMap::new();
        let mut record = RoomRecord {
            jid,
            config,
            affiliations,
            subject,
            created,
        };
        let prefix = self.of(TAG_AFFILIATION, room);
        view.records(&prefix, |_, AffiliationRow { user, entry }| {
            record.affiliations.insert(user, entry);
            Ok(())
        })?;
        let Tally { last_seq, messages } = self.tally(view, room)?;
        Ok(Some(StoredRoom {
            record,
            last_seq,
            messages,
        }))
    }

    fn rooms(
        &self,
        view: &dyn View,
        alias: &str,
        after: Option<&BareJid>,
        limit: usize,
    ) -> Result<Vec<BareJid>, StoreError> {
        let prefix = self.tag(TAG_ROOM).text(alias);
        let from = match after {
            Some(room) => self.of(TAG_ROOM, room).end(),
            None => prefix.bytes().to_vec(),
        };
        let found = view.scan(&from, &prefix.end(), Step::Forwards, limit)?;
        let read = |(key, value): &super::Entry| Ok(codec::decode::<RoomRow>(key, value)?.jid);
        found.iter().map(read).collect()
    }

    fn aliases(&self, view: &dyn View) -> Result<Vec<String>, StoreError> {
        let mut aliases = BTreeSet::new();
        for tag in [TAG_LEASE, TAG_ROOM] {
            let prefix = self.tag(tag);
            view.visit(prefix.bytes(), &prefix.end(), Step::Forwards, |key, _| {
                aliases.insert(prefix.text_behind(&key));
                Ok(true)
            })?;
        }
        Ok(aliases.into_iter().collect())
    }

    fn counts(&self, view: &dyn View, alias: Option<&str>) -> Result<Counts, StoreError> {
        let prefix = |tag| match alias {
            Some(alias) => self.tag(tag).text(alias),
            None => self.tag(tag),
        };
        let mut counts = Counts::default();
        view.records(&prefix(TAG_ROOM), |_, _: RoomRow| {
            counts.rooms += 1;
            Ok(())
        })?;
        view.records(&prefix(TAG_AFFILIATION), |_, _: AffiliationRow| {
            counts.affiliations += 1;
            Ok(())
        })?;
        view.records(&prefix(TAG_TALLY), |_, tally: Tally| {
            counts.messages += tally.messages;
            Ok(())
        })?;
        Ok(counts)
    }

    fn history(
        &self,
        view: &dyn View,
        room: &BareJid,
        query: &HistoryQuery,
    ) -> Result<HistoryPage, StoreError> {
        self.room_row(view, room)?;
        let prefix = self.of(TAG_MESSAGE, room);
        let from = prefix
            .clone()
            .number(query.after.map_or(0, |after| after.saturating_add(1)));
        let to = match query.before {
            Some(before) => prefix.clone().number(before).bytes().to_vec(),
            None => prefix.end(),
        };
        let step = match query.from {
            PageEnd::Oldest => Step::Forwards,
            PageEnd::Newest => Step::Backwards,
        };
        let wanted = Wanted::of(query);
        let mut page = HistoryPage {
            entries: Vec::new(),
            complete: true,
        };
        view.visit(from.bytes(), &to, step, |key, value| {
            let MessageRow(entry) = codec::decode(&key, &value)?;
            if !wanted.fits(&entry) {
                return Ok(true);
            }
            page.complete = page.entries.len() < query.limit;
            if page.complete {
                page.entries.push(entry);
            }
            Ok(page.complete)
        })?;
        if step == Step::Backwards {
            page.entries.reverse();
        }
        Ok(page)
    }

    fn entry(
        &self,
        view: &dyn View,
        room: &BareJid,
        seq: u64,
    ) -> Result<Option<HistoryEntry>, StoreError> {
        self.room_row(view, room)?;
        let row = view.record(&self.of(TAG_MESSAGE, room).number(seq))?;
        Ok(row.map(|MessageRow(entry)| entry))
    }

    fn verify(&self, view: &dyn View) -> Result<u32, StoreError> {
        let Schema(found) = view
            .record(&self.tag(TAG_SCHEMA))?
            .unwrap_or(Schema(SCHEMA));
        if found == SCHEMA {
            Ok(found)
        } else {
            Err(StoreError::Schema {
                found,
                expected: SCHEMA,
            })
        }
    }
}

/// What a message must be like, besides its place.
struct Wanted<'a> {
    query: &'a HistoryQuery,
    words: Vec<String>,
}

impl<'a> Wanted<'a> {
    fn of(query: &'a HistoryQuery) -> Self {
        Self {
            query,
            words: words(query.text.as_deref().unwrap_or_default()),
        }
    }

    fn fits(&self, entry: &HistoryEntry) -> bool {
        let query = self.query;
        query.since.is_none_or(|since| entry.at >= since)
            && query.until.is_none_or(|until| entry.at <= until)
            && query
                .sender
                .as_ref()
                .is_none_or(|sender| entry.from.to_bare() == *sender)
            && (self.words.is_empty() || holds(text_of(entry).as_deref(), &self.words))
    }
}

/// The number that follows `prefix` in a longer key; 0 if there is none.
pub(super) fn number_behind(prefix: &Key, longer: &[u8]) -> u64 {
    let rest = longer.get(prefix.bytes().len()..).unwrap_or_default();
    rest.first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

impl<B: Backend> Facade<B> {
    fn layout(&self) -> Layout {
        Layout(self.instance.clone())
    }

    /// A write under a lease.
    fn fenced<T: Send + 'static>(
        &self,
        fence: &Fence,
        job: impl FnOnce(&Layout, &mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<T> {
        let (layout, fence) = (self.layout(), fence.clone());
        self.backend.write(move |tx| {
            layout.check(tx.view(), &fence)?;
            job(&layout, tx)
        })
    }
}

impl<B: Backend> ChatStore for Facade<B> {
    fn acquire(&self, alias: &str, host: NodeId, claim: Claim) -> StoreFuture<LeaseGrant> {
        let (layout, alias) = (self.layout(), alias.to_owned());
        self.backend
            .write(move |tx| layout.acquire(tx, &alias, host, claim))
    }

    fn renew(&self, fence: &Fence) -> StoreFuture<()> {
        let (layout, fence) = (self.layout(), fence.clone());
        self.backend.read(move |view| layout.check(view, &fence))
    }

    fn release(&self, fence: &Fence) -> StoreFuture<()> {
        let (alias, epoch) = (fence.alias.clone(), fence.epoch);
        self.fenced(fence, move |layout, tx| {
            tx.put(
                &layout.lease(&alias),
                &LeaseRow {
                    held_by: None,
                    epoch,
                },
            )
        })
    }

    fn lease(&self, alias: &str) -> StoreFuture<LeaseState> {
        let (layout, alias) = (self.layout(), alias.to_owned());
        self.backend.read(move |view| {
            let LeaseRow { held_by, epoch } = layout.lease_row(view, &alias)?;
            Ok(LeaseState { held_by, epoch })
        })
    }

    fn write(&self, fence: &Fence, room: &BareJid, writes: Vec<Arc<RoomWrite>>) -> StoreFuture<()> {
        if room.domain().as_str() != fence.alias {
            let (room, alias) = (room.clone(), fence.alias.clone());
            return ready(Err(StoreError::OtherAlias { room, alias }));
        }
        let room = room.clone();
        self.fenced(fence, move |layout, tx| {
            writes
                .iter()
                .try_for_each(|write| layout.write(tx, &room, write))
        })
    }

    fn room(&self, room: &BareJid) -> StoreFuture<Option<StoredRoom>> {
        let (layout, room) = (self.layout(), room.clone());
        self.backend.read(move |view| layout.room(view, &room))
    }

    fn rooms(
        &self,
        alias: &str,
        after: Option<&BareJid>,
        limit: usize,
    ) -> StoreFuture<Vec<BareJid>> {
        let (layout, alias, after) = (self.layout(), alias.to_owned(), after.cloned());
        self.backend
            .read(move |view| layout.rooms(view, &alias, after.as_ref(), limit))
    }

    fn aliases(&self) -> StoreFuture<Vec<String>> {
        let layout = self.layout();
        self.backend.read(move |view| layout.aliases(view))
    }

    fn counts(&self, alias: Option<&str>) -> StoreFuture<Counts> {
        let (layout, alias) = (self.layout(), alias.map(str::to_owned));
        self.backend
            .read(move |view| layout.counts(view, alias.as_deref()))
    }

    fn history(&self, room: &BareJid, query: HistoryQuery) -> StoreFuture<HistoryPage> {
        let (layout, room) = (self.layout(), room.clone());
        self.backend
            .read(move |view| layout.history(view, &room, &query))
    }

    fn entry(&self, room: &BareJid, seq: u64) -> StoreFuture<Option<HistoryEntry>> {
        let (layout, room) = (self.layout(), room.clone());
        self.backend
            .read(move |view| layout.entry(view, &room, seq))
    }

    fn verify(&self) -> StoreFuture<u32> {
        let layout = self.layout();
        self.backend.write(move |tx| layout.verify(tx.view()))
    }
}
