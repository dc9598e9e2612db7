//! PRS-1: presence.

use takeover_protocols::jid::BareJid;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};
use crate::client::Client;

/// PRS-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "PRS-1",
    sentence: "When quiet, what a watcher sees of a subject is the subject's presence.",
    file: "prs_1.rs",
    looked: Looked::End,
};

/// A watcher that sees what is not so.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{watcher} sees {subject} {seen}, and it is {real}")]
pub struct Broken {
    watcher: String,
    subject: String,
    seen: &'static str,
    real: &'static str,
}

const fn word(online: bool) -> &'static str {
    if online { "available" } else { "unavailable" }
}

pub(super) struct Watchers;

impl Check for Watchers {
    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let clients = scene.lab.clients();
        for watcher in clients.values().filter(|client| client.is_online()) {
            for subject in watched(scene, watcher) {
                let name = subject.node().map(ToString::to_string).unwrap_or_default();
                let Some(client) = clients.get(&name) else {
                    continue;
                };
                let (seen, real) = (watcher.sees(&subject), client.is_online());
                if seen != real {
                    return Err(Violation::Prs1(Broken {
                        watcher: watcher.name().to_owned(),
                        subject: name,
                        seen: word(seen),
                        real: word(real),
                    }));
                }
            }
        }
        Ok(())
    }
}

/// Whose presence a client may see, as its roster in the pair's soft state has it.
fn watched(scene: &Scene<'_>, watcher: &Client) -> Vec<BareJid> {
    let Some(user) = scene.lab.plane().user(watcher.user().as_str()) else {
        return Vec::new();
    };
    user.slot.peek(|state, _| {
        let items = state.roster.iter().flat_map(|roster| roster.items());
        items
            .filter(|item| item.state.sees_contact())
            .map(|item| item.jid.clone())
            .collect()
    })
}
