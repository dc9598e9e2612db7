//! What a client does on a stream that is ready: what it is told, and what it does by itself.

use std::time::Duration;

use takeover_core::time::Moment;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::search;

use super::session::{Command, Session};
use super::way::Way;
use super::{Target, words};

/// The time between two searches for the same user (SES-9): the client's own rule.
const BETWEEN_SEARCHES: Duration = Duration::from_secs(30);

impl Session {
    /// A new session: roster, presence, and the rooms it was in.
    pub(super) fn begin(&mut self, way: &mut Way<'_>) {
        self.shared.forget_session();
        self.doubt.anew();
        self.outside.clear();
        let id = self.next_id("roster");
        self.send(&words::roster(&id), None, way);
        if self.spec.available {
            self.send(&words::available(), None, way);
        }
        self.ask_for_pushes(way);
        for (room, nick) in self.rooms.clone() {
            self.enter(&room, &nick, way);
        }
    }

    pub(super) fn next_id(&mut self, what: &str) -> String {
        self.ids += 1;
        format!("{what}-{}", self.ids)
    }

    fn enter(&mut self, room: &BareJid, nick: &str, way: &mut Way<'_>) {
        self.outside.remove(room);
        if let Some(occupant) = occupant(room, nick) {
            self.send(&words::enter(occupant), None, way);
        }
    }

    /// Rooms it was thrown out of are tried again after the retry time.
    pub(super) fn plan_entries(&mut self) {
        if !self.outside.is_empty() && self.next_entry.is_none() {
            self.next_entry = Some(self.shared.now() + self.spec.retry);
        }
    }

    /// When the client next acts by itself.
    pub(super) fn next_due(&self) -> Option<Moment> {
        let talk = self.talk.as_ref().map(|_| self.next_talk);
        talk.into_iter().chain(self.next_entry).min()
    }

    pub(super) fn act_now(&mut self, way: &mut Way<'_>) {
        let now = self.shared.now();
        if self.next_entry.is_some_and(|due| due <= now) {
            self.next_entry = None;
            for room in std::mem::take(&mut self.outside) {
                if let Some(nick) = self.rooms.get(&room).cloned() {
                    self.enter(&room, &nick, way);
                }
            }
        }
        if self.next_talk <= now {
            self.talk_now(way);
        }
    }

    /// Posts the next numbered message, to its targets in turn; a room only from inside.
    fn talk_now(&mut self, way: &mut Way<'_>) {
        let Some(talk) = &self.talk else { return };
        let every = talk.every;
        self.next_talk = self.shared.now() + self.rng.between(every / 2, every + every / 2);
        self.talk_turn += 1;
        let Some(target) = talk
            .targets
            .get(self.talk_turn % talk.targets.len().max(1))
            .cloned()
        else {
            return;
        };
        let inside = match &target {
            Target::Client(_) => true,
            Target::Room(room) => {
                let view = self.shared.view.lock();
                view.rooms
                    .iter()
                    .any(|(jid, seen)| jid.as_str() == room && seen.inside)
            }
        };
        if inside {
            self.post(&target, None, way);
        }
    }

    pub(super) fn obey_pending(&mut self, way: &mut Way<'_>) {
        while way.is_open() && self.may_send() {
            let Some(command) = self.pending.pop_front() else {
                return;
            };
            self.obey(command, way);
        }
    }

    /// SES-9: within 30 s of the last search for the same user it is content with what it saw.
    fn search(&mut self, user: BareJid, way: &mut Way<'_>) {
        let now = self.shared.now();
        let recent = |at: &Moment| now.saturating_since(*at) < BETWEEN_SEARCHES;
        if self.searched.get(&user).is_some_and(recent) {
            return;
        }
        let id = self.next_id("search");
        self.send(&search::request(&user, &id), None, way);
        self.searched.insert(user, now);
    }

    fn obey(&mut self, command: Command, way: &mut Way<'_>) {
        match command {
            Command::LogIn | Command::LogOut | Command::Cut | Command::GoAway(_) => {}
            Command::Enter { room, nick } => {
                self.rooms.insert(room.clone(), nick.clone());
                self.shared
                    .view
                    .lock()
                    .rooms
                    .entry(room.clone())
                    .or_default()
                    .nick = nick.clone();
                self.enter(&room, &nick, way);
            }
            Command::Leave { room } => {
                if let Some(nick) = self.rooms.remove(&room) {
                    let now = self.shared.now();
                    self.shared
                        .oracle
                        .lock()
                        .left(&self.shared.name, room.as_str(), now);
                    self.shared.view.lock().rooms.remove(&room);
                    if let Some(occupant) = occupant(&room, &nick) {
                        self.send(&words::leave(occupant), None, way);
                    }
                }
            }
            Command::Post { target, body } => self.post(&target, Some(&body), way),
            Command::Send(stanza) => self.send(&stanza, None, way),
            Command::Search(user) => self.search(user, way),
            Command::Talk(talk) => {
                self.talk = talk;
                self.next_talk = self.shared.now();
            }
        }
    }
}

fn occupant(room: &BareJid, nick: &str) -> Option<FullJid> {
    FullJid::new(&format!("{room}/{nick}")).ok()
}
