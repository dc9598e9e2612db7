//! The external database of a pair: rooms, who may do what in them, and what was said (chapter 4).

use std::sync::Arc;

use jid::BareJid;
use serde::{Deserialize, Serialize};
use takeover_protocols::{
    datetime::Timestamp,
    muc::{HistoryEntry, RoomRecord, RoomWrite},
    stanza::Stanza,
};

use crate::{NodeId, Store, StoreError, StoreFuture};

/// The right to write to the rooms of one alias: what [`ChatStore::acquire`] grants and every write
/// carries. The database compares it with the lease it holds, in the same transaction as the write,
/// so a node that was cut off and comes back cannot write to a room it has lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// Conference alias whose rooms may be written.
    pub alias: String,
    /// Node that holds the lease.
    pub host: NodeId,
    /// Epoch of the lease: grows by one with every grant of this alias, never shrinks.
    pub epoch: u64,
}

/// How a lease is asked for.
///
/// A lease has no running time: who is dead is decided by the nodes' own watch (chapter 2), not by
/// the database's clock. When that watch is wrong (HA-10) the epoch keeps the rooms whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// Only if nobody else holds it. One's own earlier lease is replaced, its epoch is over.
    IfFree,
    /// Also from another holder, who is fenced from then on (failover, taking back).
    Force,
}

/// A lease that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGrant {
    /// What every write under this lease carries.
    pub fence: Fence,
    /// Who held the alias before, if it was not free.
    pub taken_from: Option<NodeId>,
}

/// A lease as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseState {
    /// Who holds it, if anybody.
    pub held_by: Option<NodeId>,
    /// Epoch of the last grant; 0 if there was none.
    pub epoch: u64,
}

impl LeaseState {
    /// CHAT-10: the lease in the database, not the writer's belief, decides.
    pub(crate) fn check(&self, fence: &Fence) -> Result<(), StoreError> {
        let Self { held_by, epoch } = *self;
        let current = held_by == Some(fence.host) && epoch == fence.epoch;
        if current {
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
}

/// A room as it stands in the database, without its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRoom {
    /// Configuration, affiliations, subject.
    pub record: RoomRecord,
    /// Greatest [`HistoryEntry::seq`] of the room, 0 if it has no history.
    pub last_seq: u64,
    /// How many messages there are.
    pub messages: u64,
}

/// Which end of the matching messages a limited page is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PageEnd {
    /// The oldest ones (XEP-0059: paging forwards).
    Oldest,
    /// The newest ones (paging backwards, and the history on joining a room).
    #[default]
    Newest,
}

/// A question to a room's history (XEP-0045 section 7.2.14, XEP-0313 section 4). All bounds must
/// hold; a page is always given in the order of the room, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Only messages behind this one (exclusive).
    pub after: Option<u64>,
    /// Only messages before this one (exclusive).
    pub before: Option<u64>,
    /// Only messages taken at this time or later.
    pub since: Option<Timestamp>,
    /// Only messages taken at this time or earlier.
    pub until: Option<Timestamp>,
    /// Only messages of this user.
    pub sender: Option<BareJid>,
    /// Only messages of whoever had this nickname.
    pub nick: Option<String>,
    /// Only messages whose body holds all these words, see [`crate::words`].
    pub text: Option<String>,
    /// Which end the page is taken from.
    pub from: PageEnd,
    /// At most this many messages; 0 asks whether there are any.
    pub limit: usize,
}

impl HistoryQuery {
    /// The newest `limit` messages.
    #[must_use]
    pub fn last(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// The `limit` messages that follow number `after`.
    #[must_use]
    pub fn after(after: u64, limit: usize) -> Self {
        Self {
            after: Some(after),
            limit,
            from: PageEnd::Oldest,
            ..Self::default()
        }
    }

    /// Text search: the newest `limit` messages that hold all these words.
    #[must_use]
    pub fn search(text: impl Into<String>, limit: usize) -> Self {
        Self {
            text: Some(text.into()),
            limit,
            ..Self::default()
        }
    }
}

/// A page of history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// Messages, oldest first.
    pub entries: Vec<HistoryEntry>,
    /// No further message matches beyond the page, in the direction it was taken from.
    pub complete: bool,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rooms.
    pub rooms: u64,
    /// Messages in all of them.
    pub messages: u64,
    /// Affiliations in all of them.
    pub affiliations: u64,
}

/// What a database has, and what it allows: asked before rooms are merged into it (MRG-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means {
    /// Bytes that the rooms of this database take as records, without what the engine adds.
    pub used: u64,
    /// Bytes of such records that there is room for besides; `None` where the engine cannot know.
    pub free: Option<u64>,
    /// Whether the user it is opened with may create tables.
    pub may_create: bool,
}

/// The text of a message, if it has one.
#[must_use]
pub fn text_of(entry: &HistoryEntry) -> Option<String> {
    Stanza::parse(&entry.stanza).ok()?.body()
}

/// The external database of a pair (CHAT-3, CHAT-5, CHAT-10).
///
/// A room is named by its address, whose domain is the conference alias it belongs to for ever,
/// whichever node hosts it.
///
/// # Errors
/// All methods: the transport errors of [`crate::StoreError`] (unreachable, answer lost, disk full,
/// broken, closed, damaged); what a method adds is said there.
pub trait ChatStore: Store {
    /// Takes the lease on the rooms of `alias` for `host`; its epoch is the last one plus one.
    ///
    /// # Errors
    /// [`crate::StoreError::LeaseHeld`] with [`Claim::IfFree`] if another node holds it.
    fn acquire(&self, alias: &str, host: NodeId, claim: Claim) -> StoreFuture<LeaseGrant>;

    /// Asks whether a lease is still the current one.
    ///
    /// # Errors
    /// [`crate::StoreError::Fenced`] if it is not.
    fn renew(&self, fence: &Fence) -> StoreFuture<()>;

    /// Gives a lease back; the alias is free, its epoch stays used.
    ///
    /// # Errors
    /// [`crate::StoreError::Fenced`] if it is not the current one (releasing twice included).
    fn release(&self, fence: &Fence) -> StoreFuture<()>;

    /// The lease on `alias` as it stands.
    ///
    /// # Errors
    /// Transport errors only.
    fn lease(&self, alias: &str) -> StoreFuture<LeaseState>;

    /// Carries out writes to one room in this order, all or none; and after the writes to this room
    /// that were asked for before, whether or not their answers are there yet. Refused unless the database's
    /// lease is exactly `fence`, and durable when answered.
    ///
    /// Every write may be repeated, and must be when its answer was lost: what is in the database
    /// already, equal, is not written again. [`RoomWrite::Delete`] of no room does nothing.
    ///
    /// # Errors
    /// [`crate::StoreError::Fenced`]; [`crate::StoreError::OtherAlias`] for a room of another
    /// alias; [`crate::StoreError::NoSuchRoom`]; [`crate::StoreError::RoomExists`] for a
    /// [`RoomWrite::Create`] of a room that is there and different;
    /// [`crate::StoreError::OutOfOrder`] for a message that is neither stored nor behind the last.
    fn write(&self, fence: &Fence, room: &BareJid, writes: Vec<Arc<RoomWrite>>) -> StoreFuture<()>;

    /// A room without its history; `None` if there is no such room.
    ///
    /// # Errors
    /// Transport errors only.
    fn room(&self, room: &BareJid) -> StoreFuture<Option<StoredRoom>>;

    /// The rooms of an alias, in order of their names: at most `limit` behind `after`.
    ///
    /// # Errors
    /// Transport errors only.
    fn rooms(
        &self,
        alias: &str,
        after: Option<&BareJid>,
        limit: usize,
    ) -> StoreFuture<Vec<BareJid>>;

    /// Aliases that have rooms or had a lease, in order.
    ///
    /// # Errors
    /// Transport errors only.
    fn aliases(&self) -> StoreFuture<Vec<String>>;

    /// How much there is under an alias, or in the whole database.
    ///
    /// # Errors
    /// Transport errors only.
    fn counts(&self, alias: Option<&str>) -> StoreFuture<Counts>;

    /// A page of a room's history, or of the search in it.
    ///
    /// # Errors
    /// [`crate::StoreError::NoSuchRoom`].
    fn history(&self, room: &BareJid, query: HistoryQuery) -> StoreFuture<HistoryPage>;

    /// One message of a room, if it is stored.
    ///
    /// # Errors
    /// [`crate::StoreError::NoSuchRoom`].
    fn entry(&self, room: &BareJid, seq: u64) -> StoreFuture<Option<HistoryEntry>>;

    /// Checks the schema, and that it can be read and written (CHAT-6, MRG-1): its version.
    ///
    /// # Errors
    /// [`crate::StoreError::Schema`].
    fn verify(&self) -> StoreFuture<u32>;

    /// How much the rooms take, how much more there is room for, and whether tables may be created
    /// (MRG-1). Looks at all of the database, and changes nothing.
    ///
    /// # Errors
    /// Transport errors only.
    fn means(&self) -> StoreFuture<Means>;
}
