//! Presence of XMPP users (RFC 6121, section 4): the Presence Engine's part of the data path.

use std::sync::Arc;

use takeover_core::id::NodeId;
use takeover_protocols::jid::{BareJid, FullJid, Jid};
use takeover_protocols::stanza::{PresenceType, Stanza};
use takeover_storage::Roster;

use super::node::Gate;
use super::offline::flush;
use super::route::Left;
use super::user::{Available, Out, Session, SessionId, User, UserState};
use super::{Limits, Parcel, Plane};

/// What a change of presence makes known, and to whom.
#[derive(Debug, Default)]
pub(super) struct Announcement {
    /// The presence, without `to`.
    stanza: Option<Stanza>,
    /// Who hears of it.
    to: Vec<Jid>,
    /// Whose presence is asked for.
    probe: Vec<BareJid>,
}

impl Plane {
    /// The client says that it is available or not, to all who may know.
    pub(crate) fn own_presence(&self, at: NodeId, user: &Arc<User>, id: SessionId, said: Stanza) {
        let engine = self.node(at).is_open(Gate::Presence);
        let limits = self.limits;
        let announcement = user.update(|state| match said.kind {
            takeover_protocols::stanza::StanzaKind::Presence(PresenceType::Unavailable) => {
                unavailable(state, id, &said, engine)
            }
            _ => available(state, id, &said, engine, limits),
        });
        if let Some(announcement) = announcement {
            self.announce(at, user, announcement);
        }
    }

    fn announce(&self, at: NodeId, user: &Arc<User>, announcement: Announcement) {
        let Announcement { stanza, to, probe } = announcement;
        let Some(stanza) = stanza else { return };
        for to in to {
            self.say(at, stanza.clone().with_to(to));
        }
        let Some(from) = stanza.from else { return };
        for contact in probe {
            if contact != user.jid {
                let probe = Stanza::presence(PresenceType::Probe).with_from(from.clone());
                self.say(at, probe.with_to(contact));
            }
        }
    }

    /// Makes known that a session is over: to contacts, and to whom it sent presence directly.
    pub(crate) fn announce_end(&self, at: NodeId, user: &Arc<User>, session: &Session) {
        let from = session.jid.clone();
        let gone = Stanza::presence(PresenceType::Unavailable).with_from(from);
        let mut to: Vec<Jid> = session.directed.iter().cloned().collect();
        if session.presence.is_some() {
            let watchers = user.slot.peek(|state, _| watchers(state.roster.as_deref()));
            to.extend(watchers);
            to.push(user.jid.clone().into());
        }
        self.announce(
            at,
            user,
            Announcement {
                stanza: Some(gone),
                to,
                probe: Vec::new(),
            },
        );
    }

    /// Distributes what was said while the Presence Engine of `node` was down.
    pub(super) fn publish_pending(&self, node: NodeId) {
        for user in self.users() {
            let mine = user.slot.owner();
            if mine.node() != node {
                continue;
            }
            let pending = user.slot.with(mine, |state| {
                let watchers = watchers(state.roster.as_deref());
                let unpublished = state.sessions.iter_mut().filter(|s| s.unpublished);
                let pending = unpublished.map(|session| {
                    session.unpublished = false;
                    let stanza = session
                        .presence
                        .as_ref()
                        .map(|presence| presence.stanza.clone());
                    let gone = || {
                        Stanza::presence(PresenceType::Unavailable).with_from(session.jid.clone())
                    };
                    let to = watchers.clone();
                    let stanza = Some(stanza.unwrap_or_else(gone));
                    Announcement {
                        stanza,
                        to,
                        probe: Vec::new(),
                    }
                });
                pending.collect::<Vec<_>>()
            });
            for announcement in pending.unwrap_or_default() {
                self.announce(node, &user, announcement);
            }
        }
    }

    /// Somebody who may be subscribed asks for the user's presence (RFC 6121, section 4.3.2).
    pub(super) fn probed(&self, user: &Arc<User>, probe: &Stanza) -> Left {
        let Some(asker) = &probe.from else {
            return Left::new();
        };
        let known = user.slot.peek(|state, _| {
            let own = asker.to_bare() == user.jid;
            let item = state
                .roster
                .as_ref()
                .and_then(|r| r.items.get(asker.to_bare().as_str()));
            let allowed = own || item.is_some_and(|item| item.state.seen_by_contact());
            allowed.then(|| presences(state))
        });
        let answer = |stanza: Stanza| Parcel::of(stanza.with_to(asker.clone()));
        match known {
            None => {
                let denied = Stanza::presence(PresenceType::Unsubscribed);
                vec![answer(denied.with_from(user.jid.clone()))]
            }
            Some(presences) if presences.is_empty() => {
                let gone = Stanza::presence(PresenceType::Unavailable);
                vec![answer(gone.with_from(user.jid.clone()))]
            }
            Some(presences) => presences.into_iter().map(answer).collect(),
        }
    }

    /// Sends a contact that may see the user the presence of each resource (RFC 6121, section
    /// 3.1.6), or, once it may not, that each is gone (section 3.2.3).
    pub(super) fn show_to(&self, user: &Arc<User>, contact: &BareJid, seen: bool) -> Left {
        let presences = user.slot.peek(|state, _| presences(state));
        let stanzas = presences.into_iter().map(|presence| {
            if seen {
                return presence;
            }
            let gone = Stanza::presence(PresenceType::Unavailable);
            match presence.from {
                Some(from) => gone.with_from(from),
                None => gone,
            }
        });
        stanzas
            .map(|stanza| Parcel::of(stanza.with_to(contact.clone())))
            .collect()
    }

    /// Notes whom a session sends presence directly, so that it hears of the end.
    pub(crate) fn note_directed(&self, user: &User, id: SessionId, to: &Jid, available: bool) {
        let key = to.clone();
        user.update(|state| {
            if let Some(session) = state.session(id) {
                if available {
                    session.directed.insert(key.clone());
                } else {
                    session.directed.remove(&key);
                }
            }
        });
    }
}

/// Who may see the user.
fn watchers(roster: Option<&Roster>) -> Vec<Jid> {
    contacts(roster, |state| state.seen_by_contact())
        .map(Jid::from)
        .collect()
}

fn contacts(
    roster: Option<&Roster>,
    pick: impl Fn(takeover_protocols::roster::subscription::State) -> bool,
) -> impl Iterator<Item = BareJid> {
    let items = roster.into_iter().flat_map(|roster| roster.items.values());
    // Keys of a roster are prepared addresses; one that is none reaches nobody.
    items
        .filter(move |item| pick(item.state))
        .filter_map(|item| BareJid::new(&item.jid).ok())
}

fn presences(state: &UserState) -> Vec<Stanza> {
    let sessions = state.sessions.iter();
    sessions
        .filter_map(|s| s.presence.as_ref())
        .map(|p| p.stanza.clone())
        .collect()
}

fn available(
    state: &mut UserState,
    id: SessionId,
    said: &Stanza,
    engine: bool,
    limits: Limits,
) -> Announcement {
    let others: Vec<Stanza> = presences(state);
    let Some(session) = state.session(id) else {
        return Announcement::default();
    };
    let was_reachable = session.priority().is_some_and(|priority| priority >= 0);
    let priority = said.priority();
    let stanza = said.clone();
    let initial = session.presence.is_none();
    session.presence = Some(Box::new(Available {
        stanza: stanza.clone(),
        priority,
    }));
    session.unpublished = !engine;
    let own: FullJid = session.jid.clone();
    if initial {
        for other in others {
            let out = Out {
                stanza: other.with_to(own.clone()),
                stored: None,
            };
            let _ = session.push(out, limits.session_queue);
        }
        show_requests(state, id, limits);
    }
    if priority >= 0 && !was_reachable {
        flush(state, limits);
    }
    let mut to = if engine {
        watchers(state.roster.as_deref())
    } else {
        Vec::new()
    };
    to.push(own.to_bare().into());
    let probe = match initial {
        true => contacts(state.roster.as_deref(), |s| s.sees_contact()).collect(),
        false => Vec::new(),
    };
    Announcement {
        stanza: Some(stanza),
        to,
        probe,
    }
}

/// Requests that have no answer yet are shown again at every login (RFC 6121, section 3.1.3).
fn show_requests(state: &mut UserState, id: SessionId, limits: Limits) {
    let requests: Vec<Stanza> = state
        .roster
        .iter()
        .flat_map(|roster| roster.items.values())
        .filter_map(|item| Stanza::parse(item.request.as_ref()?).ok())
        .collect();
    if let Some(session) = state.session(id) {
        for stanza in requests {
            let _ = session.push(
                Out {
                    stanza,
                    stored: None,
                },
                limits.session_queue,
            );
        }
    }
}

fn unavailable(state: &mut UserState, id: SessionId, said: &Stanza, engine: bool) -> Announcement {
    let watchers = watchers(state.roster.as_deref());
    let Some(session) = state.session(id) else {
        return Announcement::default();
    };
    let was = session.presence.take();
    session.unpublished = !engine && was.is_some();
    let mut to: Vec<Jid> = std::mem::take(&mut session.directed).into_iter().collect();
    if was.is_some() {
        if engine {
            to.extend(watchers);
        }
        to.push(session.jid.to_bare().into());
    }
    Announcement {
        stanza: Some(said.clone()),
        to,
        probe: Vec::new(),
    }
}
