//! Who is in a room.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::privilege::Role;
use super::record::OccupantRecord;
use crate::datetime::Timestamp;
use crate::jid::{BareJid, FullJid};
use crate::stanza::Stanza;

/// One client of an occupant.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) jid: FullJid,
    /// Its last available presence, clean: no addresses, no id, nothing of the room's.
    pub(super) presence: Stanza,
    pub(super) joined: Timestamp,
}

/// One user with one nickname, with one or more clients (XEP-0045, section 7.2.8).
#[derive(Clone, Debug)]
pub(super) struct Occupant {
    pub(super) nick: String,
    /// `room@service/nick`.
    pub(super) address: FullJid,
    pub(super) user: BareJid,
    pub(super) role: Role,
    /// Never empty while it is in the room; the one that spoke of its presence last is last.
    sessions: Vec<Session>,
}

impl Occupant {
    pub(super) fn new(address: FullJid, session: Session, role: Role) -> Self {
        let nick = address.resource().as_str().to_owned();
        Self {
            nick,
            address,
            user: session.jid.to_bare(),
            role,
            sessions: vec![session],
        }
    }

    /// The session whose presence stands for the occupant.
    pub(super) fn latest(&self) -> Option<&Session> {
        self.sessions.last()
    }

    pub(super) fn jids(&self) -> impl Iterator<Item = &FullJid> {
        self.sessions.iter().map(|session| &session.jid)
    }

    pub(super) fn records(&self) -> impl Iterator<Item = OccupantRecord> + '_ {
        self.sessions.iter().map(|session| OccupantRecord {
            jid: session.jid.clone(),
            nick: self.nick.clone(),
            role: self.role,
            presence: session.presence.to_bytes(),
            joined: session.joined,
        })
    }

    /// Replaces or adds a session's presence, which becomes the latest.
    fn put(&mut self, mut session: Session) {
        if let Some(at) = self.sessions.iter().position(|old| old.jid == session.jid) {
            session.joined = self.sessions.remove(at).joined;
        }
        self.sessions.push(session);
    }
}

/// The occupants of a room, by nickname and by real address.
#[derive(Clone, Debug, Default)]
pub(super) struct Occupants {
    by_nick: BTreeMap<String, Occupant>,
    nick_of: BTreeMap<FullJid, String>,
    everyone: OnceLock<Arc<[FullJid]>>,
}

impl Occupants {
    pub(super) fn len(&self) -> usize {
        self.by_nick.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_nick.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Occupant> {
        self.by_nick.values()
    }

    pub(super) fn named(&self, nick: &str) -> Option<&Occupant> {
        self.by_nick.get(nick)
    }

    /// The occupant that a client belongs to.
    pub(super) fn of(&self, jid: &FullJid) -> Option<&Occupant> {
        self.by_nick.get(self.nick_of.get(jid)?)
    }

    /// The occupants of one user, who may have several nicknames.
    pub(super) fn of_user<'a>(&'a self, user: &'a BareJid) -> impl Iterator<Item = &'a Occupant> {
        self.iter().filter(move |occupant| occupant.user == *user)
    }

    /// The real addresses of all clients, in order.
    pub(super) fn everyone(&self) -> Arc<[FullJid]> {
        self.everyone
            .get_or_init(|| self.nick_of.keys().cloned().collect())
            .clone()
    }

    /// Adds a client to a new or present occupant, or replaces its presence.
    pub(super) fn put(&mut self, address: FullJid, session: Session, role: Role) -> &Occupant {
        self.everyone.take();
        let nick = address.resource().as_str().to_owned();
        self.nick_of.insert(session.jid.clone(), nick.clone());
        match self.by_nick.entry(nick) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Occupant::new(address, session, role))
            }
            std::collections::btree_map::Entry::Occupied(place) => {
                let occupant = place.into_mut();
                occupant.put(session);
                occupant
            }
        }
    }

    /// Removes one client; answers the occupant as it was if this was its last.
    pub(super) fn remove_session(&mut self, jid: &FullJid) -> Option<Occupant> {
        let nick = self.nick_of.remove(jid)?;
        self.everyone.take();
        let occupant = self.by_nick.get_mut(&nick)?;
        if occupant.sessions.len() > 1 {
            occupant.sessions.retain(|session| session.jid != *jid);
            return None;
        }
        self.by_nick.remove(&nick)
    }

    /// Removes an occupant with all its clients.
    pub(super) fn remove(&mut self, nick: &str) -> Option<Occupant> {
        let occupant = self.by_nick.remove(nick)?;
        self.everyone.take();
        for session in &occupant.sessions {
            self.nick_of.remove(&session.jid);
        }
        Some(occupant)
    }

    /// Gives an occupant another nickname, which must be free.
    pub(super) fn rename(&mut self, nick: &str, address: FullJid) {
        if let Some(mut occupant) = self.remove(nick) {
            occupant.nick = address.resource().as_str().to_owned();
            occupant.address = address;
            for session in &occupant.sessions {
                self.nick_of
                    .insert(session.jid.clone(), occupant.nick.clone());
            }
            self.by_nick.insert(occupant.nick.clone(), occupant);
        }
    }

    pub(super) fn set_role(&mut self, nick: &str, role: Role) {
        if let Some(occupant) = self.by_nick.get_mut(nick) {
            occupant.role = role;
        }
    }
}
