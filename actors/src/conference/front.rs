//! The service's own address: what it is, and which rooms it lists (XEP-0045, sections 6.1 to 6.3).

use std::sync::Arc;

use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::service::{self, Listed};
use takeover_protocols::ns;
use takeover_protocols::stanza::{IqType, Stanza};
use takeover_storage::ChatStore;

use super::alias::Alias;

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
    service::answer(stanza, NAME, &crate::plane::version(), || rooms)
}

/// The public rooms of an alias: those with somebody in them, and those of the database.
/// A database that does not answer leaves its rooms out: the list is no promise.
pub(super) async fn rooms(alias: Arc<Alias>) -> Vec<Listed> {
    let mut listed: Vec<Listed> = alias
        .rooms()
        .listed()
        .into_iter()
        .filter_map(|(room, name)| {
            let jid = BareJid::new(&format!("{room}@{}", alias.domain())).ok()?;
            Some(Listed {
                jid,
                name,
                public: true,
            })
        })
        .collect();
    if let Some(store) = alias.store() {
        let kept = store
            .rooms(alias.domain(), None, LISTED)
            .await
            .unwrap_or_default();
        for room in kept {
            if !listed.iter().any(|known| known.jid == room) {
                listed.extend(kept_room(&store, room).await);
            }
        }
    }
    listed.sort_by(|a, b| a.jid.cmp(&b.jid));
    listed
}

async fn kept_room(store: &Arc<dyn ChatStore>, jid: BareJid) -> Option<Listed> {
    let config = store.room(&jid).await.ok()??.record.config;
    Some(Listed {
        jid,
        name: config.name,
        public: config.public,
    })
}
