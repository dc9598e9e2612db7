//! What of a room is kept: by the database ([`RoomRecord`], [`HistoryEntry`], written by
//! [`RoomWrite`]s), and by the pair's soft state ([`OccupantRecord`]).

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::config::RoomConfig;
use super::privilege::{Affiliation, Role};
use crate::datetime::Timestamp;
use crate::jid::{BareJid, FullJid};
use crate::ns;
use crate::stanza::Stanza;
use crate::xml::Element;

/// Everything durable about a room except its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRecord {
    /// Address of the room.
    pub jid: BareJid,
    /// What its owners set.
    pub config: RoomConfig,
    /// Affiliations other than `none`.
    pub affiliations: BTreeMap<BareJid, AffiliationEntry>,
    /// The message that set the subject; `None` if it was never set.
    pub subject: Option<HistoryEntry>,
    /// When the room was created.
    pub created: Timestamp,
}

/// One user's affiliation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffiliationEntry {
    /// The affiliation; never [`Affiliation::None`] in a [`RoomRecord`].
    pub affiliation: Affiliation,
    /// The nickname reserved for the user (XEP-0045, section 7.10).
    pub nick: Option<String>,
    /// Why, as whoever set it wrote.
    pub reason: Option<String>,
}

/// A change of one user's affiliation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffiliationChange {
    /// Whose.
    pub user: BareJid,
    /// The new entry; `None` removes the user from the lists.
    pub entry: Option<AffiliationEntry>,
}

/// A message (or change of the subject) of a room, as it is kept and sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Position in the room's order, from 1, growing; there may be gaps. Also the archive's id
    /// (XEP-0359 `stanza-id`).
    pub seq: u64,
    /// When the room took it, UTC.
    pub at: Timestamp,
    /// The sender's nickname then.
    pub nick: String,
    /// The sender's real address.
    pub from: FullJid,
    /// The stanza's `id`, if it had one.
    pub id: Option<String>,
    /// The whole `<message/>` as occupants got it, without `to`: octets that
    /// [`Stanza::parse`](crate::stanza::Stanza::parse) reads.
    pub stanza: Bytes,
}

/// One session of an occupant: what a room must know of it to go on at another node as if nothing
/// had happened. The key is [`OccupantRecord::jid`]; sessions of one user with one nickname are one
/// occupant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OccupantRecord {
    /// Real address.
    pub jid: FullJid,
    /// Nickname in the room.
    pub nick: String,
    /// Role during this visit.
    pub role: Role,
    /// The last available presence, without addresses and what the room itself adds: octets that
    /// [`Stanza::parse`](crate::stanza::Stanza::parse) reads.
    pub presence: Bytes,
    /// When the session entered, UTC.
    pub joined: Timestamp,
}

/// Names one durable write of one life of a room object, in order of issue.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct WriteId(pub u64);

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}", self.0)
    }
}

/// A change that must be durable before anybody sees it (CHAT-10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomWrite {
    /// The room becomes a durable one, with the history that it has so far.
    Create {
        /// Everything about it.
        record: Box<RoomRecord>,
        /// Its messages until now, oldest first (empty for a new room).
        history: Vec<HistoryEntry>,
    },
    /// A message of an occupant. [`HistoryEntry::seq`] grows from one to the next.
    Message(HistoryEntry),
    /// A message that sets the subject: it is part of the history, and the record's subject.
    Subject(HistoryEntry),
    /// A new configuration, and the affiliations that the same form changed: both or neither.
    Config {
        /// The whole new configuration.
        config: Box<RoomConfig>,
        /// Changed affiliations.
        affiliations: Vec<AffiliationChange>,
    },
    /// Changes of affiliations: all or none.
    Affiliations(Vec<AffiliationChange>),
    /// The room is destroyed, or no longer a durable one: record and history go.
    Delete,
}

/// The room's stable id of a message (XEP-0359, section 3).
pub(super) fn stanza_id(room: &BareJid, seq: u64) -> Element {
    Element::new("stanza-id", ns::STANZA_ID)
        .with_attr("by", room.as_str())
        .with_attr("id", seq.to_string())
}

/// Whether an element is a stable id; one of a room has no other than the room's own.
pub(super) fn is_stanza_id(name: &str, space: &str) -> bool {
    space == ns::STANZA_ID && name == "stanza-id"
}

impl HistoryEntry {
    /// This message as number `seq` of `room`: its stable id says so, too (XEP-0359). A stanza that
    /// cannot be read keeps its octets.
    #[must_use]
    pub fn renumbered(&self, room: &BareJid, seq: u64) -> Self {
        let id = stanza_id(room, seq);
        Self {
            seq,
            stanza: self.with_stanza(|stanza| stanza.with_child(&id)),
            ..self.clone()
        }
    }

    /// This message without a number: what two copies of it have in common.
    #[must_use]
    pub fn unnumbered(&self) -> Self {
        Self {
            seq: 0,
            stanza: self.with_stanza(|stanza| stanza),
            ..self.clone()
        }
    }

    /// The octets of the stanza without its stable id, and with what `change` does to it.
    fn with_stanza(&self, change: impl FnOnce(Stanza) -> Stanza) -> Bytes {
        let Ok(mut stanza) = Stanza::parse(&self.stanza) else {
            return self.stanza.clone();
        };
        stanza.remove_children(is_stanza_id);
        change(stanza).to_bytes()
    }
}

impl RoomRecord {
    /// The record of a new room whose only owner is `owner`.
    #[must_use]
    pub fn new(jid: BareJid, owner: BareJid, config: RoomConfig, created: Timestamp) -> Self {
        let entry = AffiliationEntry {
            affiliation: Affiliation::Owner,
            nick: None,
            reason: None,
        };
        Self {
            jid,
            config,
            affiliations: BTreeMap::from([(owner, entry)]),
            subject: None,
            created,
        }
    }

    /// The affiliation of `user`.
    #[must_use]
    pub fn affiliation(&self, user: &BareJid) -> Affiliation {
        self.affiliations
            .get(user)
            .map_or(Affiliation::None, |entry| entry.affiliation)
    }

    /// The user for whom `nick` is reserved.
    #[must_use]
    pub fn reserved_for(&self, nick: &str) -> Option<&BareJid> {
        self.affiliations
            .iter()
            .find(|(_, entry)| entry.nick.as_deref() == Some(nick))
            .map(|(user, _)| user)
    }

    /// Applies changes of affiliations.
    pub fn change_affiliations(&mut self, changes: &[AffiliationChange]) {
        for change in changes {
            match &change.entry {
                Some(entry) if entry.affiliation != Affiliation::None => {
                    self.affiliations.insert(change.user.clone(), entry.clone());
                }
                Some(_) | None => {
                    self.affiliations.remove(&change.user);
                }
            }
        }
    }

    /// Applies a durable write to the record, as a database does; messages are not part of it.
    pub fn apply(&mut self, write: &RoomWrite) {
        match write {
            RoomWrite::Create { record, .. } => self.clone_from(record),
            RoomWrite::Message(_) | RoomWrite::Delete => {}
            RoomWrite::Subject(entry) => self.subject = Some(entry.clone()),
            RoomWrite::Config {
                config,
                affiliations,
            } => {
                self.config.clone_from(config);
                self.change_affiliations(affiliations);
            }
            RoomWrite::Affiliations(changes) => self.change_affiliations(changes),
        }
    }
}
