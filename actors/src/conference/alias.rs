//! A conference alias: one node's rooms, wherever they are hosted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use takeover_core::id::NodeId;
use takeover_core::sync::{Claim, Delivery, Ownership, Slot, SlotError};
use takeover_protocols::jid::FullJid;
use takeover_protocols::muc::OccupantRecord;
use takeover_protocols::stanza::{Condition, PresenceType, Stanza, StanzaKind};
use takeover_storage::ChatStore;

use super::manager::TcMsg;
use crate::plane::{Entrusted, Outcome, Parcel};
use crate::rt::{Addr, Refusal, Refused};

/// How many parcels for an alias wait while it moves; one more is refused.
const HELD_LIMIT: usize = 65_536;

/// What the slot of an alias holds: the way to the TC that hosts it.
#[derive(Default)]
pub struct AliasState {
    /// The running TC of the owner; `None` while it does not run.
    pub conference: Option<Addr<TcMsg>>,
}

/// Who hosts an alias, at which epoch; parcels wait here while it moves.
pub type AliasSlot = Slot<AliasState, Parcel>;

/// What the pair remembers of a room while its host changes: soft state, gone with the process.
#[derive(Clone, Debug, Default)]
pub struct RoomSoft {
    /// Who is in the room.
    pub occupants: BTreeMap<FullJid, OccupantRecord>,
    /// Who has left while nobody was there to take it in: the next host does.
    pub left: BTreeSet<FullJid>,
    /// The place of the last message that everybody in the room was shown, as the database counts.
    pub reflected: u64,
    /// Its name for the service's list, where it is a public one.
    pub listed: Option<String>,
}

/// The rooms of an alias that somebody is in, by name.
#[derive(Debug, Default)]
pub struct SharedRooms(Mutex<BTreeMap<String, RoomSoft>>);

/// A conference alias (CHAT-1).
pub struct Alias {
    domain: String,
    home: NodeId,
    slot: AliasSlot,
    rooms: SharedRooms,
    store: RwLock<Option<Arc<dyn ChatStore>>>,
    moves: AtomicBool,
}

impl Alias {
    /// The alias of node `home`, hosted there. `store` is the database of the home node's pair;
    /// without one all rooms are ad hoc.
    #[must_use]
    pub fn new(domain: impl Into<String>, home: NodeId, store: Option<Arc<dyn ChatStore>>) -> Self {
        Self {
            domain: domain.into(),
            home,
            slot: Slot::new(Ownership::new(home, 1), AliasState::default()),
            rooms: SharedRooms::default(),
            store: RwLock::new(store),
            moves: AtomicBool::new(true),
        }
    }

    /// The domain part of its rooms' addresses.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The node it is named for.
    #[must_use]
    pub fn home(&self) -> NodeId {
        self.home
    }

    /// Who hosts it now.
    #[must_use]
    pub fn owner(&self) -> Ownership {
        self.slot.owner()
    }

    /// Its slot.
    #[must_use]
    pub(crate) fn slot(&self) -> &AliasSlot {
        &self.slot
    }

    /// Who is in its rooms.
    #[must_use]
    pub fn rooms(&self) -> &SharedRooms {
        &self.rooms
    }

    /// The database of its rooms, where persistent chat is enabled.
    #[must_use]
    pub fn store(&self) -> Option<Arc<dyn ChatStore>> {
        self.store.read().clone()
    }

    /// From now on its rooms are in this database. Said while no conference manager hosts it.
    pub fn assign(&self, store: Option<Arc<dyn ChatStore>>) {
        *self.store.write() = store;
    }

    /// Whether it goes to another node than its home: not without persistent-chat HA, where each
    /// node has a database of its own (CHAT-4).
    #[must_use]
    pub fn may_go_to(&self, node: NodeId) -> bool {
        node == self.home || self.moves()
    }

    /// Whether it moves with its users.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.moves.load(Ordering::Relaxed)
    }

    /// Says whether it moves with its users (CHAT-4, CHAT-5). It does unless something else is said.
    pub fn set_moves(&self, moves: bool) {
        self.moves.store(moves, Ordering::Relaxed);
    }

    /// Hands a parcel to the TC of the owner that its router saw; in transition it is held. It then
    /// stands in its rooms' order, and its promise is with the TC.
    pub fn deliver(self: &Arc<Self>, seen: Ownership, parcel: Parcel) -> Delivery<Parcel, Outcome> {
        self.slot
            .deliver(seen, parcel, |state, parcel| self.hand_in(state, parcel))
    }

    /// Opens the alias at its new host `mine`, whose TC is `conference`. Answers what became of
    /// the parcels that were held, or `None` if it is somebody else's by now.
    pub(crate) fn open(
        self: &Arc<Self>,
        mine: Ownership,
        conference: Addr<TcMsg>,
    ) -> Option<Vec<Outcome>> {
        self.slot
            .with(mine, |state| state.conference = Some(conference))
            .ok()?;
        let mut outcomes = Vec::new();
        // Refused where nothing was held: the host is the one that was.
        let _ = self.slot.thaw(mine, |state, parcel| {
            outcomes.extend(self.hand_in(state, parcel).stands());
        });
        Some(outcomes)
    }

    fn hand_in(self: &Arc<Self>, state: &mut AliasState, parcel: Parcel) -> Outcome {
        let parcel = match parcel.claim() {
            Claim::Go(parcel) => parcel,
            Claim::Parked => return Outcome::Parked,
            Claim::Stale(parcel) => return Outcome::Stale(parcel),
        };
        let Some(conference) = &state.conference else {
            self.rooms.note_leaving(&parcel.stanza);
            return Outcome::Bounce(parcel, Condition::RecipientUnavailable);
        };
        let origin = parcel.origin.clone();
        match conference.send(TcMsg::Stanza(self.clone(), Entrusted::of(parcel))) {
            Ok(()) => Outcome::Done(origin),
            Err(Refused {
                why,
                message: TcMsg::Stanza(_, entrusted),
            }) => {
                let condition = match why {
                    Refusal::Full => Condition::ResourceConstraint,
                    Refusal::Ended => Condition::RecipientUnavailable,
                };
                self.rooms.note_leaving(&entrusted.stanza);
                Outcome::Bounce(entrusted.into_claimed(), condition)
            }
            Err(_) => Outcome::Parked,
        }
    }

    /// Makes `to` the host, whoever was before: parcels are held until its TC is ready. Answers the
    /// new ownership, or `None` if `to` hosts it already.
    #[must_use]
    pub fn claim(&self, to: NodeId) -> Option<Ownership> {
        loop {
            let seen = self.slot.owner();
            if seen.node() == to {
                return None;
            }
            match self.slot.claim(seen, to, HELD_LIMIT) {
                Ok(mine) => {
                    // The old host's way in must not be used under the new epoch.
                    self.slot.with(mine, |state| state.conference = None).ok();
                    return Some(mine);
                }
                Err(SlotError::Stale { .. }) => {}
                Err(
                    SlotError::Frozen { .. } | SlotError::Open { .. } | SlotError::Closed { .. },
                ) => {
                    return None;
                }
            }
        }
    }

    /// Holds parcels from now on, for a hand-over by `mine`. False if it is somebody else's, or
    /// held already.
    #[must_use]
    pub fn freeze(&self, mine: Ownership) -> bool {
        self.slot.freeze(mine, HELD_LIMIT).is_ok()
    }
}

impl fmt::Debug for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alias")
            .field("domain", &self.domain)
            .field("home", &self.home)
            .field("owner", &self.owner())
            .field("persistent", &self.store().is_some())
            .finish_non_exhaustive()
    }
}

impl SharedRooms {
    /// Changes what is remembered of a room, or begins to remember it. What is empty is forgotten.
    pub fn change<R>(&self, room: &str, change: impl FnOnce(&mut RoomSoft) -> R) -> R {
        let mut rooms = self.0.lock();
        let soft = rooms.entry(room.to_owned()).or_default();
        let result = change(soft);
        if soft.occupants.is_empty() && soft.listed.is_none() {
            rooms.remove(room);
        }
        result
    }

    /// Takes what is to be shown of a room up to its message `last`. Answers how far others had taken it:
    /// what is behind that the caller shows, and nobody else (CHAT-10).
    #[must_use]
    pub fn reflect(&self, room: &str, last: u64) -> u64 {
        self.change(room, |soft| {
            let before = soft.reflected;
            soft.reflected = before.max(last);
            before
        })
    }

    /// A stanza that nobody takes in: where it says that somebody leaves a room, that is remembered.
    fn note_leaving(&self, stanza: &Stanza) {
        if stanza.kind != StanzaKind::Presence(PresenceType::Unavailable) {
            return;
        }
        let room = stanza.to.as_ref().and_then(|to| to.node());
        let from = stanza
            .from
            .as_ref()
            .and_then(|from| from.try_as_full().ok());
        if let (Some(room), Some(from)) = (room, from) {
            self.change(room.as_str(), |soft| {
                if soft.occupants.contains_key(from) {
                    soft.left.insert(from.clone());
                }
            });
        }
    }

    /// What is remembered of a room.
    #[must_use]
    pub fn get(&self, room: &str) -> Option<RoomSoft> {
        self.0.lock().get(room).cloned()
    }

    /// Forgets a room.
    pub fn forget(&self, room: &str) {
        self.0.lock().remove(room);
    }

    /// Rooms that somebody is in, in order.
    #[must_use]
    pub fn occupied(&self) -> Vec<String> {
        let rooms = self.0.lock();
        rooms
            .iter()
            .filter(|(_, soft)| !soft.occupants.is_empty())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Public rooms with their names, in order.
    #[must_use]
    pub fn listed(&self) -> Vec<(String, String)> {
        let rooms = self.0.lock();
        rooms
            .iter()
            .filter_map(|(name, soft)| Some((name.clone(), soft.listed.clone()?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use takeover_protocols::datetime::Timestamp;
    use takeover_protocols::jid::Jid;
    use takeover_protocols::muc::Role;

    use super::*;

    /// CHAT-10: an alias has one host; a claim moves it once and its epoch grows.
    #[test]
    fn a_claim_moves_an_alias_once() {
        let alias = Alias::new("conference-1-c.example.test", NodeId(0), None);
        let first = alias.owner();
        let mine = alias.claim(NodeId(1)).unwrap();
        assert_eq!((mine.node(), mine.epoch()), (NodeId(1), first.epoch() + 1));
        assert_eq!(alias.claim(NodeId(1)), None);
        assert_eq!(alias.owner(), mine);
        assert!(!alias.freeze(first), "the former host has no say any more");
    }

    /// CHAT-10: who leaves while nobody hosts the room is remembered, for the next host; who is not in it is not.
    #[test]
    fn who_leaves_unheard_is_remembered() {
        let (rooms, here, gone) = (SharedRooms::default(), "andy@x/a", "bob@x/b");
        let jid = |jid: &str| FullJid::new(jid).unwrap();
        let record = |of: &str| OccupantRecord {
            jid: jid(of),
            nick: "nick".to_owned(),
            role: Role::Participant,
            presence: Bytes::new(),
            joined: Timestamp::default(),
        };
        rooms.change("cave", |soft| {
            for of in [here, gone] {
                soft.occupants.insert(jid(of), record(of));
            }
        });
        let to = Jid::new("cave@conference/nick").unwrap();
        for (kind, from) in [
            (PresenceType::Available, here),
            (PresenceType::Unavailable, gone),
            (PresenceType::Unavailable, "carol@x/c"),
        ] {
            let said = Stanza::presence(kind)
                .with_from(jid(from))
                .with_to(to.clone());
            rooms.note_leaving(&said);
        }
        let soft = rooms.get("cave").unwrap();
        assert_eq!(soft.left, BTreeSet::from([jid(gone)]));
        assert_eq!(soft.occupants.len(), 2);
    }

    #[test]
    fn a_room_is_remembered_while_somebody_is_in_it_or_it_is_listed() {
        let rooms = SharedRooms::default();
        rooms.change("cave", |soft| soft.listed = Some("The cave".into()));
        assert_eq!(rooms.listed(), [("cave".to_owned(), "The cave".to_owned())]);
        assert_eq!(rooms.occupied(), Vec::<String>::new());
        rooms.change("cave", |soft| soft.listed = None);
        assert!(rooms.get("cave").is_none());
    }
}
