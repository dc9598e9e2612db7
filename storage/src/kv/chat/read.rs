//! What is read from a chat database.

use std::collections::{BTreeMap, BTreeSet};

use jid::BareJid;
use takeover_protocols::muc::{HistoryEntry, RoomRecord};

use super::rows::*;
use crate::{
    Counts, HistoryPage, HistoryQuery, PageEnd, StoreError, StoredRoom, codec, holds,
    kv::{Entry, Step, View},
    text_of, words,
};

impl Layout {
    pub(super) fn room(
        &self,
        view: &dyn View,
        room: &BareJid,
    ) -> Result<Option<StoredRoom>, StoreError> {
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

    pub(super) fn rooms(
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
        let read = |(key, value): &Entry| Ok(codec::decode::<RoomRow>(key, value)?.jid);
        found.iter().map(read).collect()
    }

    pub(super) fn aliases(&self, view: &dyn View) -> Result<Vec<String>, StoreError> {
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

    pub(super) fn counts(
        &self,
        view: &dyn View,
        alias: Option<&str>,
    ) -> Result<Counts, StoreError> {
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

    pub(super) fn history(
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

    pub(super) fn entry(
        &self,
        view: &dyn View,
        room: &BareJid,
        seq: u64,
    ) -> Result<Option<HistoryEntry>, StoreError> {
        self.room_row(view, room)?;
        let row = view.record(&self.of(TAG_MESSAGE, room).number(seq))?;
        Ok(row.map(|MessageRow(entry)| entry))
    }

    /// Bytes of keys and values of all rooms.
    pub(super) fn bytes(&self, view: &dyn View) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for tag in [TAG_ROOM, TAG_TALLY, TAG_AFFILIATION, TAG_MESSAGE] {
            let prefix = self.tag(tag);
            view.visit(
                prefix.bytes(),
                &prefix.end(),
                Step::Forwards,
                |key, value| {
                    bytes += (key.len() + value.len()) as u64;
                    Ok(true)
                },
            )?;
        }
        Ok(bytes)
    }

    pub(super) fn verify(&self, view: &dyn View) -> Result<u32, StoreError> {
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
            && query.nick.as_ref().is_none_or(|nick| entry.nick == *nick)
            && (self.words.is_empty() || holds(text_of(entry).as_deref(), &self.words))
    }
}
