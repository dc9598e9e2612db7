//! What is read, each in one transaction's view of the database where it takes several statements.

use std::collections::BTreeMap;

use jid::BareJid;
use takeover_protocols::{
    datetime::Timestamp,
    muc::{HistoryEntry, RoomConfig, RoomRecord},
};

use super::{
    conn::Conn,
    rows::{affiliation, entry, name_of, number, room_named, strange, unsigned},
    sql,
    trouble::Trouble,
};
use crate::{
    Counts, HistoryPage, HistoryQuery, LeaseState, Means, NodeId, PageEnd, StoreError, StoredRoom,
    words,
};

/// A room, its number in the database, and its messages' tally.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) stored: StoredRoom,
}

/// A room without its history, read by three statements: for use in a transaction.
pub(super) async fn find(conn: Conn<'_>, room: &BareJid) -> Result<Option<Found>, Trouble> {
    let (alias, name) = (room.domain().as_str(), name_of(room));
    let Some(row) = conn.row(sql::ROOM, &[&alias, &name]).await? else {
        return Ok(None);
    };
    let id: i64 = row.try_get(0)?;
    let config: RoomConfig = serde_json::from_str(row.try_get(1)?)
        .map_err(|error| strange("reading the configuration of a room", error))?;
    let affiliations: Result<BTreeMap<_, _>, Trouble> = conn
        .rows(sql::AFFILIATIONS, &[&id])
        .await?
        .iter()
        .map(affiliation)
        .collect();
    let subject = conn.row(sql::SUBJECT, &[&id]).await?;
    let record = RoomRecord {
        jid: room.clone(),
        config,
        affiliations: affiliations?,
        subject: subject.as_ref().map(entry).transpose()?,
        created: Timestamp::from_millis(row.try_get(2)?),
    };
    let stored = StoredRoom {
        record,
        last_seq: unsigned(row.try_get(3)?),
        messages: unsigned(row.try_get(4)?),
    };
    Ok(Some(Found { id, stored }))
}

/// A room without its history.
pub(super) async fn room(conn: Conn<'_>, room: &BareJid) -> Result<Option<StoredRoom>, Trouble> {
    conn.say("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let found = find(conn, room).await?;
    conn.say("COMMIT").await?;
    Ok(found.map(|found| found.stored))
}

async fn id_of(conn: Conn<'_>, room: &BareJid) -> Result<i64, Trouble> {
    let (alias, name) = (room.domain().as_str(), name_of(room));
    match conn.row(sql::ROOM, &[&alias, &name]).await? {
        Some(row) => Ok(row.try_get(0)?),
        None => Err(StoreError::NoSuchRoom { room: room.clone() }.into()),
    }
}

/// A page of a room's history.
pub(super) async fn history(
    conn: Conn<'_>,
    room: &BareJid,
    query: &HistoryQuery,
) -> Result<HistoryPage, Trouble> {
    let id = id_of(conn, room).await?;
    page(conn, id, query).await
}

/// A page of the history of the room with this number.
pub(super) async fn page(
    conn: Conn<'_>,
    id: i64,
    query: &HistoryQuery,
) -> Result<HistoryPage, Trouble> {
    let HistoryQuery {
        after,
        before,
        since,
        until,
        sender,
        nick,
        text,
        from,
        limit,
    } = query;
    let statement = match from {
        PageEnd::Oldest => sql::HISTORY_OLDEST,
        PageEnd::Newest => sql::HISTORY_NEWEST,
    };
    // A message may not have number 0, so nothing lies before the first.
    let (after, before) = (number(after.unwrap_or(0)), before.map_or(i64::MAX, number));
    let (since, until) = (
        since.map(Timestamp::as_millis),
        until.map(Timestamp::as_millis),
    );
    let sender = sender.as_ref().map(|sender| sender.as_str());
    let wanted = words(text.as_deref().unwrap_or_default());
    let wanted = (!wanted.is_empty()).then_some(wanted);
    // One more than is wanted tells whether the page is complete.
    let most = number(u64::try_from(*limit).unwrap_or(u64::MAX)).saturating_add(1);
    let rows = conn
        .rows(
            statement,
            &[
                &id, &after, &before, &since, &until, &sender, &wanted, &most, &nick,
            ],
        )
        .await?;
    let complete = rows.len() <= *limit;
    let entries: Result<Vec<HistoryEntry>, Trouble> = rows.iter().take(*limit).map(entry).collect();
    let mut entries = entries?;
    if *from == PageEnd::Newest {
        entries.reverse();
    }
    Ok(HistoryPage { entries, complete })
}

/// One message.
pub(super) async fn message(
    conn: Conn<'_>,
    room: &BareJid,
    seq: u64,
) -> Result<Option<HistoryEntry>, Trouble> {
    let id = id_of(conn, room).await?;
    let row = conn.row(sql::MESSAGE, &[&id, &number(seq)]).await?;
    row.as_ref().map(entry).transpose()
}

/// Rooms of an alias, by name.
pub(super) async fn rooms(
    conn: Conn<'_>,
    alias: &str,
    after: Option<&BareJid>,
    limit: usize,
) -> Result<Vec<BareJid>, Trouble> {
    let after = after.map(name_of);
    let limit = number(u64::try_from(limit).unwrap_or(u64::MAX));
    let rows = conn.rows(sql::ROOMS_OF, &[&alias, &after, &limit]).await?;
    rows.iter()
        .map(|row| room_named(alias, row.try_get(0)?))
        .collect()
}

/// Aliases that have rooms or had a lease.
pub(super) async fn aliases(conn: Conn<'_>) -> Result<Vec<String>, Trouble> {
    let rows = conn.rows(sql::ALIASES, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// How much there is.
pub(super) async fn counts(conn: Conn<'_>, alias: Option<&str>) -> Result<Counts, Trouble> {
    let Some(row) = conn.row(sql::COUNTS, &[&alias]).await? else {
        return Ok(Counts::default());
    };
    Ok(Counts {
        rooms: unsigned(row.try_get(0)?),
        messages: unsigned(row.try_get(1)?),
        affiliations: unsigned(row.try_get(2)?),
    })
}

/// What the rooms take, and what may be done; a server does not tell how large its disk is.
pub(super) async fn means(conn: Conn<'_>, free: Option<u64>) -> Result<Means, Trouble> {
    let row = conn.row(sql::MEANS, &[]).await?;
    let row = row.ok_or_else(|| strange("asking for the size", "there is no answer"))?;
    Ok(Means {
        used: unsigned(row.try_get(0)?),
        free,
        may_create: row.try_get(1)?,
    })
}

/// The lease on an alias.
pub(super) async fn lease(conn: Conn<'_>, alias: &str) -> Result<LeaseState, Trouble> {
    match conn.row(sql::LEASE, &[&alias]).await? {
        Some(row) => lease_state(&row, 0),
        None => Ok(NOBODY),
    }
}

/// A lease that nobody ever had.
pub(super) const NOBODY: LeaseState = LeaseState {
    held_by: None,
    epoch: 0,
};

/// A lease from its row: holder and epoch, from column `first` on.
pub(super) fn lease_state(row: &tokio_postgres::Row, first: usize) -> Result<LeaseState, Trouble> {
    let held_by: Option<i32> = row.try_get(first)?;
    let held_by = held_by
        .and_then(|node| u16::try_from(node).ok())
        .map(NodeId);
    Ok(LeaseState {
        held_by,
        epoch: unsigned(row.try_get(first + 1)?),
    })
}
