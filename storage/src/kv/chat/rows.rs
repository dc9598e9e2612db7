//! What a chat database is made of: its records, and the keys they lie under.

use jid::BareJid;
use serde::{Deserialize, Serialize};
use takeover_protocols::{
    datetime::Timestamp,
    muc::{AffiliationEntry, HistoryEntry, RoomConfig},
};

use crate::{
    Fence, LeaseState, NodeId, StoreError,
    codec::Record,
    kv::{Key, View},
};

/// Version of this layout; kept in the database, checked by [`ChatStore::verify`].
pub(super) const SCHEMA: u32 = 1;

pub(super) const TAG_SCHEMA: u8 = b'S';
pub(super) const TAG_LEASE: u8 = b'L';
pub(super) const TAG_ROOM: u8 = b'R';
pub(super) const TAG_TALLY: u8 = b'N';
pub(super) const TAG_AFFILIATION: u8 = b'A';
pub(super) const TAG_MESSAGE: u8 = b'M';

#[derive(Serialize, Deserialize)]
pub(super) struct Schema(pub(super) u32);

#[derive(Serialize, Deserialize)]
pub(super) struct LeaseRow {
    pub(super) held_by: Option<NodeId>,
    pub(super) epoch: u64,
}

#[derive(PartialEq, Serialize, Deserialize)]
pub(super) struct RoomRow {
    pub(super) jid: BareJid,
    pub(super) config: RoomConfig,
    pub(super) subject: Option<HistoryEntry>,
    pub(super) created: Timestamp,
}

/// Number of the last message of a room, and how many there are.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) last_seq: u64,
    pub(super) messages: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AffiliationRow {
    pub(super) user: BareJid,
    pub(super) entry: AffiliationEntry,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MessageRow(pub(super) HistoryEntry);

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
pub(super) struct Layout(pub(super) String);

impl Layout {
    pub(super) fn tag(&self, tag: u8) -> Key {
        Key::new(&self.0, tag)
    }

    pub(super) fn lease(&self, alias: &str) -> Key {
        self.tag(TAG_LEASE).text(alias)
    }

    /// Sorts by alias, then by name.
    pub(super) fn of(&self, tag: u8, room: &BareJid) -> Key {
        let name = room.node().map(|node| node.as_str()).unwrap_or_default();
        self.tag(tag).text(room.domain().as_str()).text(name)
    }

    pub(super) fn lease_row(&self, view: &dyn View, alias: &str) -> Result<LeaseRow, StoreError> {
        let row = view.record(&self.lease(alias))?;
        Ok(row.unwrap_or(LeaseRow {
            held_by: None,
            epoch: 0,
        }))
    }

    /// CHAT-10: the lease in the database, not the writer's belief, decides.
    pub(super) fn check(&self, view: &dyn View, fence: &Fence) -> Result<(), StoreError> {
        let LeaseRow { held_by, epoch } = self.lease_row(view, &fence.alias)?;
        LeaseState { held_by, epoch }.check(fence)
    }

    pub(super) fn room_row(&self, view: &dyn View, room: &BareJid) -> Result<RoomRow, StoreError> {
        let row = view.record(&self.of(TAG_ROOM, room))?;
        row.ok_or_else(|| StoreError::NoSuchRoom { room: room.clone() })
    }

    pub(super) fn tally(&self, view: &dyn View, room: &BareJid) -> Result<Tally, StoreError> {
        Ok(view.record(&self.of(TAG_TALLY, room))?.unwrap_or_default())
    }
}
