//! The service's own address: what it is, and which rooms it lists (XEP-0045, sections 6.1 to 6.3).

use std::sync::Arc;

use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::service::{self, Listed};
use takeover_protocols::ns;
use takeover_protocols::stanza::{IqType, Stanza};
use takeover_storage::{ChatStore, RoomKey};

use super::alias::Alias;
use super::records;

/// What the service is called.
const NAME: &str = "Text Conference Manager";

/// The most rooms that are listed.
const LISTED: usize = 500;

/// Whether the answer needs the list of rooms, and so the database.
pub(super) fn asks_for_rooms(stanza: &Stanza) -> bool {
    stanza.asks(IqType::Get, "query", ns::DISCO_ITEMS)
}

/// Answers a stanza to the service; `None` where none is due.
pub(super) fn answer(stanza: &Stanza, rooms: Vec<Listed>) -> Option<Stanza> {
    service::answer(stanza, NAME, || rooms)
}

/// The public rooms of an alias: those with somebody in them, and those of the database.
/// A database that does not answer leaves its rooms out: the list is no promise.
pub(super) async fn rooms(alias: Arc<Alias>) -> Vec<Listed> {
    let mut listed: Vec<Listed> = Vec::new();
    let mut known: Vec<String> = Vec::new();
    for (room, name) in alias.rooms().listed() {
        if let Ok(jid) = BareJid::new(&format!("{room}@{}", alias.name())) {
            listed.push(Listed { jid, name, public: true });
        }
        known.push(room);
    }
    if let Some(store) = alias.store() {
        let kept = store.rooms(alias.name(), None, LISTED).await.unwrap_or_default();
        for room in kept {
            if !known.contains(&room) {
                listed.extend(kept_room(store, alias.name(), &room).await);
            }
        }
    }
    listed.sort_by(|a, b| a.jid.cmp(&b.jid));
    listed
}

async fn kept_room(store: &Arc<dyn ChatStore>, alias: &str, room: &str) -> Option<Listed> {
    let jid = BareJid::new(&format!("{room}@{alias}")).ok()?;
    let record = store.room(&RoomKey::new(alias, room)).await.ok()??;
    let record = records::from_store(jid.clone(), record).ok()?;
    Some(Listed { jid, name: record.config.name, public: record.config.public })
}
