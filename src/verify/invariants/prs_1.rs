//! PRS-1: presence.

use std::collections::BTreeMap;
use std::time::Duration;

use takeover_actors::plane::{Link, Session};
use takeover_core::time::Moment;
use takeover_protocols::jid::BareJid;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};
use crate::client::{Client, ClientState};

/// PRS-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "PRS-1",
    sentence: "When quiet, what a watcher sees of a subject is the subject's presence, of one who has left as \
               of one who is there. Who left without a word, having no connection, is there until its session \
               is given up.",
    file: "prs_1.rs",
    looked: Looked::Look,
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

/// Who saw what was not so when last looked: a word may be on its way.
#[derive(Default)]
pub(super) struct Watchers {
    wrong: BTreeMap<(String, String), (bool, Moment)>,
}

/// Protocol time that a word about a presence has to arrive.
const ARRIVE: Duration = Duration::from_secs(30);

impl Check for Watchers {
    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        if !scene.facts.pairs.iter().all(|pair| pair.is_quiet(scene)) {
            self.wrong.clear();
            return Ok(());
        }
        let mut wrong = BTreeMap::new();
        for (watcher, subject, real) in mistaken(scene) {
            let key = (watcher, subject);
            let before = self.wrong.get(&key).filter(|(was, _)| *was == real);
            let since = before.map_or(scene.now, |(_, since)| *since);
            if scene.now.saturating_since(since) > ARRIVE {
                return broken(key, real);
            }
            wrong.insert(key, (real, since));
        }
        self.wrong = wrong;
        Ok(())
    }

    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        match mistaken(scene).into_iter().next() {
            Some((watcher, subject, real)) => broken((watcher, subject), real),
            None => Ok(()),
        }
    }
}

fn broken((watcher, subject): (String, String), real: bool) -> Result<(), Violation> {
    Err(Violation::Prs1(Broken {
        watcher,
        subject,
        seen: word(!real),
        real: word(real),
    }))
}

/// Watchers and subjects that they see otherwise than they are, with how these are.
fn mistaken(scene: &Scene<'_>) -> Vec<(String, String, bool)> {
    let clients = scene.lab.clients();
    let mut mistaken = Vec::new();
    for watcher in clients.values().filter(|client| client.is_online()) {
        for subject in watched(scene, watcher) {
            let name = subject.node().map(ToString::to_string).unwrap_or_default();
            let Some(client) = clients.get(&name) else {
                continue;
            };
            let real = match client.state() {
                ClientState::Online { .. } => true,
                ClientState::Idle if is_waited_for(scene, &subject) => continue,
                ClientState::Idle => false,
                // On its way, or away without having left: its session may wait for it.
                ClientState::Away { .. }
                | ClientState::Connecting { .. }
                | ClientState::Waiting { .. }
                | ClientState::Refused { .. } => continue,
            };
            if watcher.sees(&subject) != real {
                mistaken.push((watcher.name().to_owned(), name, real));
            }
        }
    }
    mistaken
}

/// Whether a session that has lost its connection waits for the user's client: to whom nothing was said when
/// it left.
fn is_waited_for(scene: &Scene<'_>, subject: &BareJid) -> bool {
    let waits = |session: &Session| match session.link {
        Link::Detached { until } => until >= scene.now,
        Link::Attached(_) => false,
    };
    let user = scene.lab.plane().user(subject.as_str());
    user.is_some_and(|user| user.slot.peek(|state, _| state.sessions.iter().any(waits)))
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
