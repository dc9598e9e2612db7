//! What is written to a chat database, rule by rule; each function is part of a transaction.

use jid::BareJid;
use takeover_core::canary;
use takeover_protocols::muc::{
    Affiliation, AffiliationChange, HistoryEntry, RoomConfig, RoomRecord, RoomWrite,
};

use super::rows::*;
use crate::{Claim, Fence, HistoryQuery, LeaseGrant, NodeId, StoreError, kv::Tx};

impl Layout {
    pub(super) fn acquire(
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

    pub(super) fn write(
        &self,
        tx: &mut Tx<'_>,
        room: &BareJid,
        write: &RoomWrite,
    ) -> Result<(), StoreError> {
        match write {
            RoomWrite::Create { record, history } => self.create(tx, room, record, history),
            RoomWrite::Message(_) if canary!("MessageNotStored") => Ok(()),
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

    pub(super) fn create(
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

    pub(super) fn affiliate(
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

    pub(super) fn append(
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
}
