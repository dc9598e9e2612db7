//! From rows to values and back.

use jid::BareJid;
use takeover_protocols::{
    datetime::Timestamp,
    muc::{Affiliation, AffiliationEntry, HistoryEntry},
};
use tokio_postgres::Row;

use super::{KIND, trouble::Trouble};
use crate::{StoreError, text_of, words};

/// A number as the database keeps it.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number that the database has kept.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// A row that is not what was written.
pub(super) fn strange(what: &'static str, reason: impl ToString) -> Trouble {
    Trouble::Refused(StoreError::Broken {
        engine: KIND,
        action: what,
        reason: reason.to_string(),
    })
}

/// The local part of a room's address.
pub(super) fn name_of(room: &BareJid) -> &str {
    room.node().map_or("", |node| node.as_str())
}

/// The address of a room from its parts.
pub(super) fn room_named(alias: &str, name: &str) -> Result<BareJid, Trouble> {
    let text = match name {
        "" => alias.to_owned(),
        name => format!("{name}@{alias}"),
    };
    text.parse()
        .map_err(|error| strange("reading the address of a room", error))
}

/// A message from its row: `seq, at, nick, sender, stanza_id, stanza`.
pub(super) fn entry(row: &Row) -> Result<HistoryEntry, Trouble> {
    let from: &str = row.try_get(3)?;
    let stanza: &[u8] = row.try_get(5)?;
    Ok(HistoryEntry {
        seq: unsigned(row.try_get(0)?),
        at: Timestamp::from_millis(row.try_get(1)?),
        nick: row.try_get(2)?,
        from: from
            .parse()
            .map_err(|error| strange("reading a sender", error))?,
        id: row.try_get(4)?,
        stanza: bytes::Bytes::copy_from_slice(stanza),
    })
}

/// A user and her or his affiliation from their row: `jid, affiliation, nick, reason`.
pub(super) fn affiliation(row: &Row) -> Result<(BareJid, AffiliationEntry), Trouble> {
    let (user, name): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
    let user = user
        .parse()
        .map_err(|error| strange("reading an affiliation", error))?;
    let affiliation = Affiliation::named(name)
        .ok_or_else(|| strange("reading an affiliation", format!("{name:?} is none")))?;
    let entry = AffiliationEntry {
        affiliation,
        nick: row.try_get(2)?,
        reason: row.try_get(3)?,
    };
    Ok((user, entry))
}

/// The words of a message as they are kept: what the search compares.
pub(super) fn words_of(entry: &HistoryEntry) -> String {
    words(&text_of(entry).unwrap_or_default()).join(" ")
}
