//! What a client does on a stream that is ready: what it is told, and what it does by itself.

use takeover_core::time::Moment;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::stream::C2sClient;

use super::pipe::Pipe;
use super::session::{Command, Session};
use super::{Target, words};

impl Session {
    /// A new session: roster, presence, and the rooms it was in.
    pub(super) fn begin(&mut self, machine: &C2sClient, pipe: &mut Pipe) {
        self.shared.forget_session();
        self.outside.clear();
        let id = self.next_id("roster");
        self.send(&words::roster(&id), None, machine, pipe);
        if self.spec.available {
            self.send(&words::available(), None, machine, pipe);
        }
        for (room, nick) in self.rooms.clone() {
            self.enter(&room, &nick, machine, pipe);
        }
    }

    pub(super) fn next_id(&mut self, what: &str) -> String {
        self.ids += 1;
        format!("{what}-{}", self.ids)
    }

    fn enter(&mut self, room: &BareJid, nick: &str, machine: &C2sClient, pipe: &mut Pipe) {
        self.outside.remove(room);
        if let Some(occupant) = occupant(room, nick) {
            self.send(&words::enter(occupant), None, machine, pipe);
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

    pub(super) fn act_now(&mut self, machine: &C2sClient, pipe: &mut Pipe) {
        let now = self.shared.now();
        if self.next_entry.is_some_and(|due| due <= now) {
            self.next_entry = None;
            for room in std::mem::take(&mut self.outside) {
                if let Some(nick) = self.rooms.get(&room).cloned() {
                    self.enter(&room, &nick, machine, pipe);
                }
            }
        }
        if self.next_talk <= now {
            self.talk_now(machine, pipe);
        }
    }

    /// Posts the next numbered message, to its targets in turn; a room only from inside.
    fn talk_now(&mut self, machine: &C2sClient, pipe: &mut Pipe) {
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
            self.post(&target, None, machine, pipe);
        }
    }

    pub(super) fn obey_pending(&mut self, machine: &mut C2sClient, pipe: &mut Pipe) {
        while machine.is_ready() && self.may_send() && !pipe.is_full() {
            let Some(command) = self.pending.pop_front() else {
                return;
            };
            self.obey(command, machine, pipe);
        }
    }

    fn obey(&mut self, command: Command, machine: &C2sClient, pipe: &mut Pipe) {
        match command {
            Command::LogIn | Command::LogOut | Command::Cut => {}
            Command::Enter { room, nick } => {
                self.rooms.insert(room.clone(), nick.clone());
                self.shared
                    .view
                    .lock()
                    .rooms
                    .entry(room.clone())
                    .or_default()
                    .nick = nick.clone();
                self.enter(&room, &nick, machine, pipe);
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
                        self.send(&words::leave(occupant), None, machine, pipe);
                    }
                }
            }
            Command::Post { target, body } => self.post(&target, Some(&body), machine, pipe),
            Command::Send(stanza) => self.send(&stanza, None, machine, pipe),
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
