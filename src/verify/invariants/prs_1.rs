//! PRS-1: presence.

use std::collections::BTreeMap;
use std::time::Duration;

use takeover_actors::plane::{Gate, Link, Session};
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
               is given up, which the router of its node does; of those whom a node without a Presence Engine serves nobody is told anything new; whom a \
               switch of HA has left out (HA-17) nobody sees, and it sees nobody, until it logs in again.",
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
    let mut mistaken = Vec::new();
    let clients = scene.lab.clients();
    for watcher in clients.values().filter(|client| client.is_online()) {
        for (subject, is_there) in seen_wrong(scene, watcher, &clients) {
            let has_reason = is_mute(scene, &subject)
                || match is_there {
                    true => is_left_out(scene, &subject),
                    false => is_waited_for(scene, &subject),
                };
            if !has_reason && !is_left_out(scene, watcher.user()) {
                let name = subject.node().map(ToString::to_string).unwrap_or_default();
                mistaken.push((watcher.name().to_owned(), name, is_there));
            }
        }
    }
    mistaken
}

/// Whether a user has a session without presence (HA-17): nobody sees it, and it sees nobody.
fn is_left_out(scene: &Scene<'_>, user: &BareJid) -> bool {
    let user = scene.lab.plane().user(user.as_str());
    let left_out = |session: &Session| session.shown.is_left_out();
    user.is_some_and(|user| {
        user.slot
            .peek(|state, _| state.sessions.iter().any(left_out))
    })
}

/// Whether the node that serves a user has no Presence Engine: it publishes when that is back.
fn is_mute(scene: &Scene<'_>, user: &BareJid) -> bool {
    let plane = scene.lab.plane();
    let user = plane.user(user.as_str());
    let node = user.map(|user| user.slot.owner().node());
    node.is_some_and(|node| !plane.node(node).is_open(Gate::Presence))
}

/// Whether a client is available; `None` of one that is on its way, or away without having left: its
/// session may wait for it.
const fn is_there(state: &ClientState) -> Option<bool> {
    match state {
        ClientState::Online { .. } => Some(true),
        ClientState::Idle => Some(false),
        ClientState::Away { .. }
        | ClientState::Connecting { .. }
        | ClientState::Waiting { .. }
        | ClientState::Refused { .. } => None,
    }
}

/// Whom of those whose presence it may see, as its roster in the pair's soft state has it, a client
/// sees otherwise than they are, with how they are.
fn seen_wrong(
    scene: &Scene<'_>,
    watcher: &Client,
    clients: &BTreeMap<String, Client>,
) -> Vec<(BareJid, bool)> {
    let Some(user) = scene.lab.plane().user(watcher.user().as_str()) else {
        return Vec::new();
    };
    let wrong = |subject: &BareJid| {
        let client = clients.get(subject.node()?.as_str())?;
        let is_there = client.with_state(is_there)?;
        (watcher.sees(subject) != is_there).then(|| (subject.clone(), is_there))
    };
    user.slot.peek(|state, _| {
        let items = state.roster.iter().flat_map(|roster| roster.items());
        let watched = items.filter(|item| item.state.sees_contact());
        watched.filter_map(|item| wrong(&item.jid)).collect()
    })
}

/// Whether a session that has lost its connection waits for the user's client: to whom nothing was said when
/// it left. While its node's router is down nobody can give it up, or tell anybody (SVC-2).
fn is_waited_for(scene: &Scene<'_>, subject: &BareJid) -> bool {
    let plane = scene.lab.plane();
    let Some(user) = plane.user(subject.as_str()) else {
        return false;
    };
    let is_mute = !plane.node(user.slot.owner().node()).is_open(Gate::Router);
    let waits = |session: &Session| match session.link {
        Link::Detached { until } => until >= scene.now || is_mute,
        Link::Attached(_) => false,
    };
    user.slot.peek(|state, _| state.sessions.iter().any(waits))
}
