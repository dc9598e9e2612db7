//! ROOM-1: rooms have one host, and histories only grow.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use takeover_core::digest::Digest;
use takeover_core::ha::State;
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event, UserWork};
use takeover_core::time::Moment;
use takeover_protocols::muc::HistoryEntry;
use takeover_storage::HistoryQuery;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// ROOM-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "ROOM-1",
    sentence: "The rooms of an alias have one host at an epoch, and epochs only grow. A room's history \
               at a hand-over is the beginning of its history ever after, each message in it once. While its pair is quiet \
               they are with a node that serves, if one does, unless their host has taken them over unheard, from \
               one that served, and then lost its power: nobody knows of it before it is back (HA-10).",
    file: "room_1.rs",
    looked: Looked::Step,
};

/// A second host, or a history that was changed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Broken {
    /// The alias has had a host at this epoch, or a later one.
    #[error("{alias} is hosted by {host} at epoch {epoch} after {before} at epoch {was}")]
    Host {
        /// The alias.
        alias: String,
        /// The new host.
        host: NodeId,
        /// Its epoch.
        epoch: u64,
        /// The host before.
        before: NodeId,
        /// The epoch before.
        was: u64,
    },
    /// It stayed with a node that serves nobody.
    #[error("{alias} is with {host}, which is {state}, while {server} serves")]
    LeftBehind {
        /// The alias.
        alias: String,
        /// Its host.
        host: String,
        /// How the host stands.
        state: &'static str,
        /// Who could have it.
        server: String,
    },
    /// What was in a history is not there any more, or is something else.
    #[error("the first {length} messages of {room} are not what they were")]
    History {
        /// The room.
        room: String,
        /// How many messages it had.
        length: usize,
    },
    /// A message is in a history twice, or out of order.
    #[error("{room} has message {what} twice or out of order")]
    Twice {
        /// The room.
        room: String,
        /// Which.
        what: String,
    },
}

/// Hosts and histories as they were last.
#[derive(Default)]
pub(super) struct Rooms {
    hosts: BTreeMap<String, (NodeId, u64)>,
    /// When each alias got its host.
    hosted: BTreeMap<String, Moment>,
    /// When each node took over last: an alias goes along also where no database answers, and nobody hosts it yet.
    took: BTreeMap<NodeId, Moment>,
    /// When each node came into its state.
    stands: BTreeMap<NodeId, Moment>,
    histories: BTreeMap<String, (usize, u64)>,
}

impl Check for Rooms {
    fn entry(&mut self, entry: &Entry, scene: &Scene<'_>) -> Result<(), Violation> {
        let (alias, epoch, host) = match (&entry.event, entry.node) {
            (Event::RoomsHosted { alias, epoch, .. }, Some(host)) => (alias.clone(), *epoch, host),
            (Event::Ha(_), Some(node)) => {
                self.stands.insert(node, entry.at);
                return Ok(());
            }
            (Event::MoveEnded { work, outcome, .. }, Some(node)) => {
                if matches!(work, UserWork::TakeOver { .. }) && outcome.is_ok() {
                    self.took.insert(node, entry.at);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.hosted.insert(alias.clone(), entry.at);
        let before = self.hosts.insert(alias.clone(), (host, epoch));
        // The same host may open its rooms again at its epoch: its service was restarted.
        let is_old = |(node, was): &(NodeId, u64)| *was > epoch || (*was == epoch && *node != host);
        if let Some((before, was)) = before.filter(is_old) {
            return Err(Violation::Room1(Broken::Host {
                alias,
                host,
                epoch,
                before,
                was,
            }));
        }
        self.read(&alias, scene)
    }

    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let quiet = scene.facts.pairs.iter().filter(|pair| pair.is_quiet(scene));
        quiet
            .flat_map(|pair| pair.nodes.map(|home| (home, pair.nodes)))
            .try_for_each(|(home, nodes)| self.is_served(home, nodes, scene))
    }

    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let aliases: Vec<String> = self.hosts.keys().cloned().collect();
        aliases.iter().try_for_each(|alias| self.read(alias, scene))
    }
}

impl Rooms {
    /// Whether the alias of `home` is where one of the pair's `nodes` that serves can show its rooms.
    fn is_served(
        &self,
        home: NodeId,
        nodes: [NodeId; 2],
        scene: &Scene<'_>,
    ) -> Result<(), Violation> {
        let alias = scene.lab.plane().alias_of(home);
        let Some(alias) = alias.filter(|alias| alias.moves()) else {
            return Ok(());
        };
        let state = |node| scene.lab.state(&scene.lab.node_name(node));
        let serves = |node: &NodeId| matches!(state(*node), Some(State::Normal | State::Backup));
        let host = alias.owner().node();
        // At one moment, too: both take over where each takes the other for dead.
        let got = self.hosted.get(alias.domain()).max(self.took.get(&host));
        let unheard = |server| state(host).is_none() && got >= self.stands.get(&server);
        match nodes.into_iter().find(serves) {
            Some(server) if !serves(&host) && !unheard(server) => {
                Err(Violation::Room1(Broken::LeftBehind {
                    alias: alias.domain().to_owned(),
                    host: scene.lab.node_name(host),
                    state: state(host).map_or("unreachable", State::name),
                    server: scene.lab.node_name(server),
                }))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Reads the histories of an alias. A database that does not answer is read another time.
    fn read(&mut self, alias: &str, scene: &Scene<'_>) -> Result<(), Violation> {
        let found = scene.lab.plane().alias(alias);
        let Some(store) = found.and_then(|alias| alias.store()) else {
            return Ok(());
        };
        let rooms = now(store.rooms(alias, None, usize::MAX));
        for room in rooms.into_iter().flatten() {
            let page = now(store.history(&room, HistoryQuery::after(0, usize::MAX)));
            if let Some(page) = page {
                self.compare(room.as_str(), &page.entries)?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, room: &str, entries: &[HistoryEntry]) -> Result<(), Violation> {
        let broken = |broken| Err(Violation::Room1(broken));
        let before = self.histories.get(room).copied();
        let mut digest = Digest::new();
        let mut beginning = Digest::new().value();
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 && entries[index - 1].seq >= entry.seq {
                let what = entry.seq.to_string();
                let room = room.to_owned();
                return broken(Broken::Twice { room, what });
            }
            digest.update(&entry.seq.to_le_bytes());
            digest.update(&entry.stanza);
            if before.is_some_and(|(length, _)| length == index + 1) {
                beginning = digest.value();
            }
        }
        let now = (entries.len(), digest.value());
        self.histories.insert(room.to_owned(), now);
        match before {
            Some((length, was)) if length > entries.len() || (length > 0 && beginning != was) => {
                let room = room.to_owned();
                broken(Broken::History { room, length })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The answer of a database in memory; nothing where it refuses.
fn now<T>(answer: takeover_storage::StoreFuture<T>) -> Option<T> {
    answer.now_or_never()?.ok()
}

#[cfg(test)]
mod tests {
    use takeover_protocols::datetime::Timestamp;
    use takeover_protocols::jid::FullJid;

    use super::*;

    fn said(seq: u64, stanza: &str) -> HistoryEntry {
        HistoryEntry {
            seq,
            at: Timestamp::default(),
            nick: "andy".to_owned(),
            from: FullJid::new("andy@example.com/desk").unwrap(),
            id: None,
            stanza: stanza.to_owned().into(),
        }
    }

    #[test]
    fn a_history_that_grows_is_well_and_one_that_changes_is_not() {
        let mut rooms = Rooms::default();
        let (a, b, c) = (said(1, "a"), said(2, "b"), said(3, "c"));
        let mut see = |entries: &[&HistoryEntry]| {
            let entries: Vec<HistoryEntry> = entries.iter().map(|entry| (*entry).clone()).collect();
            rooms.compare("tea@c", &entries)
        };
        assert!(see(&[&a]).is_ok());
        assert!(see(&[&a, &b]).is_ok());
        let changed = see(&[&a, &said(2, "B"), &c]);
        assert!(matches!(
            changed,
            Err(Violation::Room1(Broken::History { length: 2, .. }))
        ));
        assert!(see(&[&a]).is_err(), "messages are gone");
        let twice = see(&[&a, &a]);
        assert!(matches!(twice, Err(Violation::Room1(Broken::Twice { .. }))));
    }
}
