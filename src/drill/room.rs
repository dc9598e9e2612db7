//! People in the room of a node: what they do there, and the account of what was said (CHAT-10).

use std::collections::{BTreeMap, BTreeSet};

use takeover_protocols::jid::BareJid;
use takeover_storage::HistoryQuery;

use super::script::Talk;
use crate::client::{Client, Note, Target};
use crate::lab::{Control, Lab, LabError};

/// The room's name, under the conference alias of each node.
const ROOM: &str = "lunch";

/// The room of a node.
///
/// # Errors
/// [`LabError::NoSuch`] for the node.
pub(super) fn of(lab: &Control, node: &str) -> Result<BareJid, LabError> {
    lab.room(ROOM, node)
}

/// Has people do something.
///
/// # Errors
/// What the lab refuses.
pub(super) fn carry_out(talk: &Talk, lab: &Lab) -> Result<(), LabError> {
    match talk {
        Talk::Enter(user, node) => lab.client(user)?.enter(&of(lab, node)?),
        Talk::Post(user, node, text) => lab.client(user)?.post(&of(lab, node)?, text),
        Talk::Talk(user, node, every) => {
            let mut targets = vec![Target::Room(of(lab, node)?.to_string())];
            targets.extend(neighbour(lab, user).map(Target::Client));
            lab.client(user)?.keep_talking(*every, targets);
        }
        Talk::Hush(user) => lab.client(user)?.fall_silent(),
    }
    Ok(())
}

/// The next one of those who have a client, in the order of their names.
fn neighbour(lab: &Control, user: &str) -> Option<String> {
    let clients = lab.clients();
    let others = || clients.keys().filter(|name| *name != user);
    let next = others().find(|name| name.as_str() > user);
    next.or_else(|| others().next()).cloned()
}

/// Whether a client is in a room and was never shown out of it.
pub(super) fn stayed(client: &Client, room: &BareJid) -> bool {
    let left = |note: &Note| matches!(note, Note::Left { room: left, .. } if left == room);
    client.is_in(room) && !client.notes().iter().any(|noted| left(&noted.note))
}

/// Whether a client was told these words: as they were said, or out of a history.
pub(super) fn was_told(client: &Client, text: &str, late: bool) -> bool {
    let told = client.received();
    told.iter()
        .any(|told| told.body == text && told.delayed == late)
}

/// CHAT-10: whatever anybody was shown in the room is stored, and everything stored is there once.
///
/// # Errors
/// What is lost or doubled, or why the database does not say.
pub(super) fn check(lab: &mut Lab, room: &BareJid) -> Result<String, String> {
    let store = lab.database_of_room(room).map_err(in_words)?;
    let all = HistoryQuery::last(usize::MAX);
    let asked = room.clone();
    let answer = lab.in_background(async move { store.history(&asked, all).await });
    let page = lab.wait_for(answer.map_err(in_words)?).map_err(in_words)?;
    let page = page.map_err(in_words)?;
    let mut stored: BTreeMap<String, u32> = BTreeMap::new();
    for id in page.entries.into_iter().filter_map(|entry| entry.id) {
        *stored.entry(id).or_default() += 1;
    }
    let shown: BTreeSet<String> = lab
        .clients()
        .values()
        .flat_map(Client::received)
        .filter(|told| {
            told.from
                .as_ref()
                .is_some_and(|from| from.to_bare() == *room)
        })
        .filter_map(|told| told.id)
        .collect();
    let twice: Vec<_> = stored.iter().filter(|(_, times)| **times > 1).collect();
    let lost: Vec<_> = shown
        .iter()
        .filter(|id| !stored.contains_key(*id))
        .collect();
    match (&twice[..], &lost[..]) {
        ([], []) => Ok(format!(
            "{} messages shown, {} stored, each once",
            shown.len(),
            stored.len()
        )),
        _ => Err(format!(
            "shown and not stored: {lost:?}; stored twice: {twice:?}"
        )),
    }
}

fn in_words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
