//! What a client does with what it receives.

use std::collections::btree_map::Entry;

use takeover_protocols::jid::{BareJid, Jid};
use takeover_protocols::ns;
use takeover_protocols::stanza::{
    Condition, IqType, MessageType, PresenceType, Stanza, StanzaError, StanzaKind,
};
use takeover_protocols::xml::Element;

use super::session::Session;
use super::way::Way;
use super::words::Content;
use super::{Arrived, Note, Received, words};

/// Status code: this presence is about the receiver itself (XEP-0045, section 7.2.2).
const SELF_PRESENCE: &str = "110";
/// Status code: the room has just been created (XEP-0045, section 10.1.1).
const CREATED: &str = "201";

impl Session {
    pub(super) fn stanza(&mut self, stanza: &Stanza, way: &mut Way<'_>) {
        match stanza.kind {
            StanzaKind::Message(kind) => self.message(kind, stanza),
            StanzaKind::Presence(kind) => self.presence(kind, stanza, way),
            StanzaKind::Iq(kind) => self.iq(kind, stanza, way),
        }
    }

    fn message(&mut self, kind: MessageType, stanza: &Stanza) {
        if kind == MessageType::Error {
            return self.returned(stanza);
        }
        if let Some(copy) = self.copied(stanza) {
            return self.shared.receive(copy);
        }
        let Some(Content { body, id, delayed }) = Content::of(stanza) else {
            return;
        };
        let in_room = kind == MessageType::Groupchat;
        // A room shows nothing before it says that one is in (XEP-0045, section 7.2.2): this is for an earlier
        // session of the same name, and comes again in the history.
        let room = stanza.from.as_ref().map(Jid::to_bare);
        if in_room && !delayed && !room.is_some_and(|room| self.is_inside(&room)) {
            return;
        }
        if let (false, Some(id)) = (in_room, &id) {
            if delayed && self.doubt.comes_again(id) {
                return;
            }
            let (now, distance) = (self.shared.now(), self.spec.distance);
            self.doubt.came(id, now, distance);
        }
        self.shared.receive(Received {
            at: self.shared.now(),
            from: stanza.from.clone(),
            id: id.clone(),
            body,
            delayed,
        });
        let Some(id) = id else { return };
        let how = if in_room && delayed {
            Arrived::History
        } else {
            Arrived::Live
        };
        let mut oracle = self.shared.oracle.lock();
        oracle.delivered(&self.shared.name, &id, how);
        // One's own message in a history is no reflection: others may not have been shown it (CHAT-10).
        let mine = || stanza.from.as_ref().is_some_and(|from| self.is_me(from));
        if in_room && how == Arrived::Live && mine() {
            oracle.acknowledged(&id);
        }
    }

    /// A copy of what another client of the user said or heard (XEP-0280): for the eyes only, the
    /// message itself is in the other one's books. Only the user's own server may send one.
    fn copied(&self, stanza: &Stanza) -> Option<Received> {
        let own = stanza
            .from
            .as_ref()
            .is_some_and(|from| *from == self.spec.user);
        let copy = stanza
            .child("sent", ns::CARBONS)
            .or_else(|| stanza.child("received", ns::CARBONS))
            .filter(|_| own)?;
        let message = copy
            .child("forwarded", ns::FORWARD)?
            .child("message", ns::CLIENT)?;
        let body = message.child("body", ns::CLIENT)?.text().into_owned();
        let from = message
            .attr("from")
            .and_then(|from| takeover_protocols::jid::parse(from).ok());
        Some(Received {
            at: self.shared.now(),
            from,
            id: None,
            body,
            delayed: false,
        })
    }

    /// A message of ours came back as an error.
    fn returned(&mut self, stanza: &Stanza) {
        let what = stanza
            .error()
            .map_or_else(|| "error".to_owned(), |error| error.to_string());
        if let Some(id) = &stanza.id {
            self.shared.oracle.lock().refused(id);
        }
        let from = stanza
            .from
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        self.shared.note(Note::Error {
            what: format!("message to {from}: {what}"),
        });
    }

    /// Whether an occupant's address is this client's own.
    fn is_me(&self, from: &Jid) -> bool {
        let nick = self.rooms.get(&from.to_bare());
        nick.is_some_and(|nick| {
            from.resource()
                .is_some_and(|resource| resource.as_str() == nick)
        })
    }

    fn presence(&mut self, kind: PresenceType, stanza: &Stanza, way: &mut Way<'_>) {
        let Some(from) = &stanza.from else { return };
        if self.rooms.contains_key(&from.to_bare()) {
            return self.in_room(kind, from, stanza, way);
        }
        match kind {
            PresenceType::Available => {
                let mut view = self.shared.view.lock();
                let resources = view.available.entry(from.to_bare()).or_default();
                resources.insert(from.clone());
            }
            PresenceType::Unavailable => {
                let mut view = self.shared.view.lock();
                if let Entry::Occupied(mut resources) = view.available.entry(from.to_bare()) {
                    resources.get_mut().remove(from);
                    // Of a user without a resource: none of them is there (RFC 6121, section 4.3.2).
                    if from.is_bare() || resources.get().is_empty() {
                        resources.remove();
                    }
                }
            }
            PresenceType::Subscribe => {
                let answer = words::subscription(PresenceType::Subscribed, from.to_bare());
                self.send(&answer, None, way);
            }
            PresenceType::Error => {
                let what = stanza
                    .error()
                    .map_or_else(|| "error".to_owned(), |e| e.to_string());
                self.shared.note(Note::Error {
                    what: format!("presence to {from}: {what}"),
                });
            }
            PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe => {}
        }
    }

    fn in_room(&mut self, kind: PresenceType, from: &Jid, stanza: &Stanza, way: &mut Way<'_>) {
        let room = from.to_bare();
        let codes = status_codes(stanza);
        let mine = codes.iter().any(|code| code == SELF_PRESENCE) || self.is_me(from);
        match kind {
            PresenceType::Available => {
                if codes.iter().any(|code| code == CREATED) {
                    let id = self.next_id(CONFIGURE);
                    self.send(&words::configure(room.clone(), &id), None, way);
                }
                self.occupant(&room, from, true);
                if mine {
                    self.entered(&room);
                }
            }
            PresenceType::Unavailable => {
                self.occupant(&room, from, false);
                // While it is not inside yet, this is the end of its earlier session's stay.
                if mine && self.is_inside(&room) {
                    self.thrown_out(&room, &reason(stanza, &codes));
                }
            }
            PresenceType::Error => {
                let why = stanza
                    .error()
                    .map_or_else(|| "error".to_owned(), |e| e.to_string());
                self.thrown_out(&room, &why);
            }
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe => {}
        }
    }

    fn occupant(&self, room: &BareJid, from: &Jid, present: bool) {
        let Some(nick) = from.resource().map(ToString::to_string) else {
            return;
        };
        let mut view = self.shared.view.lock();
        let room = view.rooms.entry(room.clone()).or_default();
        if present {
            room.occupants.insert(nick);
        } else {
            room.occupants.remove(&nick);
        }
    }

    fn is_inside(&self, room: &BareJid) -> bool {
        let view = self.shared.view.lock();
        view.rooms.get(room).is_some_and(|seen| seen.inside)
    }

    fn entered(&mut self, room: &BareJid) {
        self.outside.remove(room);
        let mut view = self.shared.view.lock();
        let seen = view.rooms.entry(room.clone()).or_default();
        if std::mem::replace(&mut seen.inside, true) {
            return;
        }
        drop(view);
        let now = self.shared.now();
        self.shared
            .oracle
            .lock()
            .entered(&self.shared.name, room.as_str(), now);
        self.shared.note(Note::Entered { room: room.clone() });
    }

    /// Not in the room any more, not by its own will: it is still owed what is said there.
    fn thrown_out(&mut self, room: &BareJid, why: &str) {
        if let Some(seen) = self.shared.view.lock().rooms.get_mut(room) {
            seen.inside = false;
            seen.occupants.clear();
        }
        self.shared.note(Note::Left {
            room: room.clone(),
            why: why.to_owned(),
        });
        self.outside.insert(room.clone());
    }

    fn iq(&mut self, kind: IqType, stanza: &Stanza, way: &mut Way<'_>) {
        match kind {
            IqType::Result | IqType::Error => {
                if let Some(id) = &stanza.id {
                    self.shared
                        .view
                        .lock()
                        .answers
                        .insert(id.clone(), stanza.clone());
                }
                if kind == IqType::Error {
                    self.settle_for_ad_hoc(stanza, way);
                }
            }
            IqType::Get | IqType::Set => {
                let answer = self.answer(kind, stanza);
                self.send(&answer, None, way);
            }
        }
    }

    /// Where no room can be persistent (CHAT-1), a room that was just made is taken as it is: until
    /// then nobody else can enter it.
    fn settle_for_ad_hoc(&mut self, refused: &Stanza, way: &mut Way<'_>) {
        let is_ours = |id: &String| id.starts_with(CONFIGURE);
        if let (true, Some(from)) = (refused.id.as_ref().is_some_and(is_ours), &refused.from) {
            let id = self.next_id("instant");
            self.send(&words::instant(from.to_bare(), &id), None, way);
        }
    }

    /// XMPP-2: every request has exactly one answer.
    fn answer(&self, kind: IqType, stanza: &Stanza) -> Stanza {
        let pinged = stanza.asks(IqType::Get, "ping", ns::PING);
        let pushed = kind == IqType::Set && stanza.has_child("query", ns::ROSTER);
        if pinged || pushed {
            return stanza.result();
        }
        if stanza.asks(IqType::Get, "query", ns::VERSION) {
            let name = Element::new("name", ns::VERSION).with_text("takeover client");
            let version = Element::new("version", ns::VERSION).with_text(env!("CARGO_PKG_VERSION"));
            let query = Element::new("query", ns::VERSION)
                .with_child(name)
                .with_child(version);
            return stanza.result_with(&query);
        }
        let error = StanzaError::new(Condition::ServiceUnavailable);
        stanza
            .error_reply(&error)
            .unwrap_or_else(|| stanza.result())
    }
}

/// How the ids of requests begin that configure a new room.
const CONFIGURE: &str = "configure";

fn status_codes(stanza: &Stanza) -> Vec<String> {
    // What others do comes without, and most of what happens in a room is what others do.
    if !stanza.mentions("status") {
        return Vec::new();
    }
    let Some(user) = stanza.child("x", ns::MUC_USER) else {
        return Vec::new();
    };
    let codes = user
        .children()
        .filter(|child| child.is("status", ns::MUC_USER));
    codes
        .filter_map(|status| status.attr("code").map(str::to_owned))
        .collect()
}

/// Why a client is out of a room, as well as the room's presence says it.
fn reason(stanza: &Stanza, codes: &[String]) -> String {
    let user = stanza.child("x", ns::MUC_USER);
    let destroyed = user
        .as_ref()
        .is_some_and(|x| x.child("destroy", ns::MUC_USER).is_some());
    match (
        destroyed,
        codes
            .iter()
            .find(|code| *code != SELF_PRESENCE)
            .map(String::as_str),
    ) {
        (true, _) => "the room was destroyed".to_owned(),
        (false, Some("301")) => "banned".to_owned(),
        (false, Some("307")) => "kicked".to_owned(),
        (false, Some("321")) => "no longer a member".to_owned(),
        (false, Some("332")) => "the service is shutting down".to_owned(),
        (false, Some(code)) => format!("status {code}"),
        (false, None) => "unavailable".to_owned(),
    }
}
