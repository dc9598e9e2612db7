//! Rooms as the database keeps them: from the machine's values to the store's and back.

use serde::{Deserialize, Serialize};
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::{self, AffiliationEntry, HistoryEntry, RoomConfig, RoomRecord};
use takeover_protocols::stanza::Stanza;
use takeover_storage::codec::{self, CodecError, Record};
use takeover_storage::{self as kept, Affiliated, NewMessage, RoomChange, Stamp, StoredMessage};

/// The part of a room that the store does not look into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptRoom {
    config: RoomConfig,
    created: Timestamp,
    subject: Option<HistoryEntry>,
}

impl Record for KeptRoom {
    const NAME: &'static str = "room";
    const VERSION: u8 = 1;
}

/// A message with all that the room needs to show it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptMessage(HistoryEntry);

impl Record for KeptMessage {
    const NAME: &'static str = "room message";
    const VERSION: u8 = 1;
}

fn stamp(at: Timestamp) -> Stamp {
    // Rooms are younger than 1970.
    Stamp(u64::try_from(at.as_millis()).unwrap_or(0) * 1000)
}

fn affiliation(value: muc::Affiliation) -> Option<kept::Affiliation> {
    match value {
        muc::Affiliation::Owner => Some(kept::Affiliation::Owner),
        muc::Affiliation::Admin => Some(kept::Affiliation::Admin),
        muc::Affiliation::Member => Some(kept::Affiliation::Member),
        muc::Affiliation::Outcast => Some(kept::Affiliation::Outcast),
        muc::Affiliation::None => None,
    }
}

fn kept_affiliation(entry: &AffiliationEntry) -> Option<Affiliated> {
    Some(Affiliated {
        affiliation: affiliation(entry.affiliation)?,
        nick: entry.nick.clone(),
        reason: entry.reason.clone(),
    })
}

fn affiliation_entry(kept: Affiliated) -> AffiliationEntry {
    let affiliation = match kept.affiliation {
        kept::Affiliation::Owner => muc::Affiliation::Owner,
        kept::Affiliation::Admin => muc::Affiliation::Admin,
        kept::Affiliation::Member => muc::Affiliation::Member,
        kept::Affiliation::Outcast => muc::Affiliation::Outcast,
    };
    AffiliationEntry { affiliation, nick: kept.nick, reason: kept.reason }
}

fn kept_subject(entry: &HistoryEntry) -> kept::Subject {
    let text = Stanza::parse(&entry.stanza).ok().and_then(|stanza| stanza.text_of("subject"));
    kept::Subject {
        text: text.unwrap_or_default(),
        by: entry.nick.clone(),
        at: stamp(entry.at),
    }
}

fn blob(record: &RoomRecord) -> Result<Vec<u8>, CodecError> {
    let kept = KeptRoom {
        config: record.config.clone(),
        created: record.created,
        subject: record.subject.clone(),
    };
    codec::encode(b"room", &kept)
}

/// A whole room for the store.
///
/// # Errors
/// Where the room is larger than a record may be.
pub(super) fn to_store(record: &RoomRecord) -> Result<kept::RoomRecord, CodecError> {
    Ok(kept::RoomRecord {
        config: blob(record)?,
        subject: record.subject.as_ref().map(kept_subject),
        affiliations: record
            .affiliations
            .iter()
            .filter_map(|(user, entry)| Some((user.to_string(), kept_affiliation(entry)?)))
            .collect(),
    })
}

/// A room out of the store. Affiliations of what is no address any more are left out.
///
/// # Errors
/// Where the record is damaged.
pub(super) fn from_store(jid: BareJid, kept: kept::RoomRecord) -> Result<RoomRecord, CodecError> {
    let KeptRoom { config, created, subject } = codec::decode(b"room", &kept.config)?;
    let affiliations = kept
        .affiliations
        .into_iter()
        .filter_map(|(user, entry)| Some((BareJid::new(&user).ok()?, affiliation_entry(entry))))
        .collect();
    Ok(RoomRecord { jid, config, affiliations, subject, created })
}

/// What changes in the store where `record` is the room after the change.
///
/// # Errors
/// Where the room is larger than a record may be.
pub(super) fn changes(
    record: &RoomRecord,
    users: impl IntoIterator<Item = BareJid>,
) -> Result<Vec<RoomChange>, CodecError> {
    let mut changes = vec![
        RoomChange::Config(blob(record)?),
        RoomChange::Subject(record.subject.as_ref().map(kept_subject)),
    ];
    changes.extend(users.into_iter().map(|user| {
        let entry = record.affiliations.get(&user).and_then(kept_affiliation);
        RoomChange::Affiliation(user.to_string(), entry)
    }));
    Ok(changes)
}

/// A message for the store. `key` names it for good.
///
/// # Errors
/// Where the message is larger than a record may be.
pub(super) fn message_to_store(key: String, entry: &HistoryEntry) -> Result<NewMessage, CodecError> {
    Ok(NewMessage {
        at: stamp(entry.at),
        sender: entry.from.to_string(),
        nick: entry.nick.clone(),
        body: Stanza::parse(&entry.stanza).ok().and_then(|stanza| stanza.body()),
        stanza: codec::encode(key.as_bytes(), &KeptMessage(entry.clone()))?,
        key,
    })
}

/// A message out of the store.
///
/// # Errors
/// Where the record is damaged.
pub(super) fn message_from_store(stored: &StoredMessage) -> Result<HistoryEntry, CodecError> {
    let message = &stored.message;
    codec::decode::<KeptMessage>(message.key.as_bytes(), &message.stanza).map(|kept| kept.0)
}
