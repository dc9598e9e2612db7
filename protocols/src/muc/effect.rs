//! What a room asks of whoever drives it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::archive::Recall;
use super::record::{OccupantRecord, RoomWrite, WriteId};
use crate::jid::{FullJid, Jid};
use crate::stanza::{Condition, Stanza, StanzaError};
use crate::xml::Writer;

/// Names one stanza given to a room; the driver chooses it, the room gives it back exactly once, in
/// [`RoomEffect::Handled`] or [`RoomEffect::Reroute`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Ticket(pub u64);

/// One thing to do. The order of a list of effects is the order to do them in.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomEffect {
    /// Make this durable, after all writes asked for before it, and report the outcome with
    /// [`Room::stored`](super::Room::stored) or [`Room::store_failed`](super::Room::store_failed).
    /// Nobody has seen anything of it yet.
    Store {
        /// The write's name.
        id: WriteId,
        /// The stanza that asked for it.
        ticket: Ticket,
        /// What to write.
        write: Arc<RoomWrite>,
    },
    /// Nothing of this stanza is left to do that could be lost: it was refused, is in the database,
    /// or needed no database.
    Handled(Ticket),
    /// The room is no longer here: look its place up again and send the stanza there (SES-4).
    Reroute(Ticket, Box<Stanza>),
    /// The soft state of the pair must hold this before the effects after it are done.
    Occupant(OccupantChange),
    /// Route one stanza; `to` and `from` are set.
    Send(Box<Stanza>),
    /// Route one stanza to many.
    Broadcast(Broadcast),
    /// Ask the database and send the asker what it says (XEP-0313). Whoever asks in vain asks again.
    Recall(Box<Recall>),
    /// The room is over: no further effect will come, and the driver lets go of it.
    Closed(CloseReason),
}

/// A change of who is in the room.
#[derive(Clone, Debug, PartialEq)]
pub enum OccupantChange {
    /// A session entered, or its record changed.
    Put(Box<OccupantRecord>),
    /// The session is no longer in the room.
    Gone(FullJid),
}

/// Why a room is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CloseReason {
    /// It is not durable and its last occupant left, or there never was one.
    Empty,
    /// An owner destroyed it, or gave up its first configuration.
    Destroyed,
    /// The service stopped ([`Room::shut_down`](super::Room::shut_down)).
    Shutdown,
    /// The database says that another node hosts it.
    Fenced,
}

/// Why a durable write did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StoreFailure {
    /// The database cannot be reached (CHAT-12). Whether the write happened may be unknown.
    Unreachable,
    /// The database refused or failed.
    Failed,
    /// The lease of the room is another node's: nothing was written, nothing ever will be.
    Fenced,
}

impl StoreFailure {
    /// The error that the sender gets (CHAT-12).
    #[must_use]
    pub fn to_error(self) -> StanzaError {
        match self {
            Self::Unreachable => StanzaError::new(Condition::RecipientUnavailable)
                .with_text("the room's database cannot be reached"),
            Self::Failed => StanzaError::new(Condition::InternalServerError)
                .with_text("the room's database did not take this"),
            Self::Fenced => StanzaError::new(Condition::RecipientUnavailable)
                .with_text("the room has moved to another node"),
        }
    }
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "unreachable",
            Self::Failed => "failed",
            Self::Fenced => "fenced",
        })
    }
}

/// One stanza for many: built once, shared by all copies.
#[derive(Clone, Debug, PartialEq)]
pub struct Broadcast {
    stanza: Arc<Stanza>,
    octets: Bytes,
    recipients: Arc<[FullJid]>,
}

impl Broadcast {
    /// `stanza` for each of `recipients`; its `to` is ignored.
    #[must_use]
    pub fn new(mut stanza: Stanza, recipients: Arc<[FullJid]>) -> Self {
        stanza.to = None;
        let octets = stanza.to_bytes();
        Self {
            stanza: Arc::new(stanza),
            octets,
            recipients,
        }
    }

    /// As [`Broadcast::new`], for a stanza without `to` whose octets are known.
    pub(super) fn with_octets(stanza: Stanza, octets: Bytes, recipients: Arc<[FullJid]>) -> Self {
        Self {
            stanza: Arc::new(stanza),
            octets,
            recipients,
        }
    }

    /// The stanza, without `to`.
    #[must_use]
    pub fn stanza(&self) -> &Arc<Stanza> {
        &self.stanza
    }

    /// The stanza as it is written, without `to`.
    #[must_use]
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// Real addresses, each once.
    #[must_use]
    pub fn recipients(&self) -> &Arc<[FullJid]> {
        &self.recipients
    }

    /// The copy for one recipient; its content is shared.
    #[must_use]
    pub fn stanza_for(&self, recipient: &Jid) -> Stanza {
        Stanza::clone(&self.stanza).with_to(recipient.clone())
    }

    /// Appends the copy for one recipient to `out` as it is written, without building it.
    pub fn write_for(&self, recipient: &Jid, out: &mut Vec<u8>) {
        // `<message` and so on; attributes have no order, so `to` may stand first.
        let name_end = 1 + self.stanza.kind.name().len();
        out.reserve(self.octets.len() + recipient.as_str().len() + 6);
        out.extend_from_slice(&self.octets[..name_end]);
        Writer::new(out).attr("to", recipient.as_str());
        out.extend_from_slice(&self.octets[name_end..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanza::MessageType;
    use crate::{jid, ns, xml::Element};

    #[test]
    fn both_ways_to_write_a_copy_agree() {
        let stanza = Stanza::message(MessageType::Groupchat)
            .with_from(jid::parse("cave@muc.example/it's").unwrap())
            .with_id("a&b")
            .with_child(&Element::new("body", ns::CLIENT).with_text("<hello>"));
        let recipients: Vec<FullJid> = ["a@example.org/x'y\"<", "b@example.org/&"]
            .into_iter()
            .map(|text| FullJid::new(text).unwrap())
            .collect();
        let broadcast = Broadcast::new(stanza, recipients.into());
        for recipient in broadcast.recipients().iter() {
            let mut written = Vec::new();
            broadcast.write_for(recipient, &mut written);
            assert_eq!(
                Stanza::parse(&written).unwrap(),
                broadcast.stanza_for(recipient)
            );
        }
    }
}
