//! Writes that take a look first: everything but messages that are plainly new.

use std::collections::BTreeMap;

use jid::BareJid;
use takeover_protocols::muc::{
    Affiliation, AffiliationChange, HistoryEntry, RoomConfig, RoomRecord, RoomWrite,
};

use super::{
    conn::Conn,
    group::{self, Line, Tally},
    read,
    rows::{entry as read_entry, name_of, number, strange},
    sql,
    trouble::Trouble,
};
use crate::{HistoryQuery, StoreError};

/// Carries one write out, in the transaction that is open.
pub(super) async fn write(
    conn: Conn<'_>,
    room: &BareJid,
    tally: &mut Option<Tally>,
    write: &RoomWrite,
) -> Result<(), Trouble> {
    match (write, &mut *tally) {
        (RoomWrite::Create { record, history }, _) => {
            *tally = Some(create(conn, room, record, history).await?);
            Ok(())
        }
        (RoomWrite::Delete, there) => {
            if let Some(tally) = there.take() {
                conn.run(sql::ROOM_DELETE, &[&tally.room]).await?;
            }
            Ok(())
        }
        (_, None) => Err(StoreError::NoSuchRoom { room: room.clone() }.into()),
        (RoomWrite::Message(said), Some(tally)) => append(conn, room, tally, said).await,
        (RoomWrite::Subject(said), Some(tally)) => {
            append(conn, room, tally, said).await?;
            set_subject(conn, tally.room, said).await
        }
        (
            RoomWrite::Config {
                config,
                affiliations,
            },
            Some(tally),
        ) => {
            let config = config_text(config)?;
            conn.run(sql::ROOM_CONFIG, &[&tally.room, &config]).await?;
            affiliate(conn, tally.room, affiliations).await
        }
        (RoomWrite::Affiliations(changes), Some(tally)) => {
            affiliate(conn, tally.room, changes).await
        }
    }
}

fn config_text(config: &RoomConfig) -> Result<String, Trouble> {
    serde_json::to_string(config)
        .map_err(|error| strange("writing the configuration of a room", error))
}

async fn create(
    conn: Conn<'_>,
    room: &BareJid,
    record: &RoomRecord,
    history: &[HistoryEntry],
) -> Result<Tally, Trouble> {
    if let Some(found) = read::find(conn, room).await? {
        let all = HistoryQuery::after(0, history.len());
        let page = read::page(conn, found.id, &all).await?;
        return if found.stored.record == *record && page.complete && page.entries == history {
            Ok(Tally {
                room: found.id,
                last_seq: found.stored.last_seq,
                messages: found.stored.messages,
            })
        } else {
            Err(StoreError::RoomExists { room: room.clone() }.into())
        };
    }
    let RoomRecord {
        jid: _,
        config,
        affiliations,
        subject,
        created,
    } = record;
    let (alias, name) = (room.domain().as_str(), name_of(room));
    let (config, created) = (config_text(config)?, created.as_millis());
    let row = conn
        .row(sql::ROOM_CREATE, &[&alias, &name, &config, &created])
        .await?;
    let row = row.ok_or_else(|| strange("making a room", "it has no number"))?;
    let mut tally = Tally {
        room: row.try_get(0)?,
        last_seq: 0,
        messages: 0,
    };
    let changes: Vec<_> = affiliations
        .iter()
        .map(|(user, entry)| AffiliationChange {
            user: user.clone(),
            entry: Some(entry.clone()),
        })
        .collect();
    affiliate(conn, tally.room, &changes).await?;
    if let Some(subject) = subject {
        set_subject(conn, tally.room, subject).await?;
    }
    append_all(conn, room, &mut tally, history).await?;
    Ok(tally)
}

async fn append(
    conn: Conn<'_>,
    room: &BareJid,
    tally: &mut Tally,
    said: &HistoryEntry,
) -> Result<(), Trouble> {
    if said.seq <= tally.last_seq {
        let there = conn
            .row(sql::MESSAGE, &[&tally.room, &number(said.seq)])
            .await?;
        return match there.as_ref().map(read_entry).transpose()? {
            Some(there) if there == *said => Ok(()),
            Some(_) | None => Err(out_of_order(room, said.seq, tally).into()),
        };
    }
    append_all(conn, room, tally, std::slice::from_ref(said)).await
}

pub(super) fn out_of_order(room: &BareJid, seq: u64, tally: &Tally) -> StoreError {
    StoreError::OutOfOrder {
        room: room.clone(),
        seq,
        last_seq: tally.last_seq,
    }
}

/// Appends messages, each behind the one before it.
async fn append_all(
    conn: Conn<'_>,
    room: &BareJid,
    tally: &mut Tally,
    history: &[HistoryEntry],
) -> Result<(), Trouble> {
    if history.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::with_capacity(history.len());
    for said in history {
        if !tally.take(said.seq) {
            return Err(out_of_order(room, said.seq, tally).into());
        }
        lines.push(Line::of(tally.room, said));
    }
    group::append(conn, &lines, &[*tally]).await
}

async fn set_subject(conn: Conn<'_>, id: i64, said: &HistoryEntry) -> Result<(), Trouble> {
    conn.run(sql::SUBJECT_DELETE, &[&id]).await?;
    let (seq, at) = (number(said.seq), said.at.as_millis());
    let (from, stanza) = (said.from.as_str(), &*said.stanza);
    conn.run(
        sql::SUBJECT_INSERT,
        &[&id, &seq, &at, &said.nick, &from, &said.id, &stanza],
    )
    .await?;
    Ok(())
}

/// Changes affiliations; the last change of a user counts.
async fn affiliate(conn: Conn<'_>, id: i64, changes: &[AffiliationChange]) -> Result<(), Trouble> {
    if changes.is_empty() {
        return Ok(());
    }
    let last: BTreeMap<&BareJid, _> = changes
        .iter()
        .map(|AffiliationChange { user, entry }| (user, entry.as_ref()))
        .collect();
    let all: Vec<&str> = last.keys().map(|user| user.as_str()).collect();
    conn.run(sql::AFFILIATIONS_DELETE, &[&id, &all]).await?;
    let (mut users, mut names) = (Vec::new(), Vec::new());
    let (mut nicks, mut reasons) = (Vec::new(), Vec::new());
    for (user, entry) in last {
        if let Some(entry) = entry.filter(|entry| entry.affiliation != Affiliation::None) {
            users.push(user.as_str());
            names.push(entry.affiliation.as_str());
            nicks.push(entry.nick.as_deref());
            reasons.push(entry.reason.as_deref());
        }
    }
    if !users.is_empty() {
        conn.run(
            sql::AFFILIATIONS_INSERT,
            &[&id, &users, &names, &nicks, &reasons],
        )
        .await?;
    }
    Ok(())
}
