//! The stanzas that a room makes: presence of occupants, notices, errors.

use super::effect::{Broadcast, RoomEffect};
use super::occupants::Occupant;
use super::privilege::{Affiliation, Role};
use super::record::is_stanza_id;
use super::room::Room;
use crate::jid::FullJid;
use crate::ns;
use crate::stanza::{MessageType, PresenceType, Stanza, StanzaKind};
use crate::xml::Element;

/// Status codes (XEP-0045, section 15.6.2).
pub(super) mod status {
    /// The room shows real JIDs to everybody.
    pub(in super::super) const NON_ANONYMOUS: u16 = 100;
    /// The configuration changed, without effect on privacy.
    pub(in super::super) const CONFIG_CHANGED: u16 = 104;
    /// This presence is the recipient's own.
    pub(in super::super) const SELF: u16 = 110;
    /// Discussions are logged (on entry), logging was switched on.
    pub(in super::super) const LOGGED: u16 = 170;
    /// Logging was switched off.
    pub(in super::super) const NOT_LOGGED: u16 = 171;
    /// The room now shows real JIDs to everybody.
    pub(in super::super) const NOW_NON_ANONYMOUS: u16 = 172;
    /// The room now shows real JIDs to moderators only.
    pub(in super::super) const NOW_SEMI_ANONYMOUS: u16 = 173;
    /// The room was created by this entry.
    pub(in super::super) const CREATED: u16 = 201;
    /// The room changed the nickname that was asked for.
    pub(in super::super) const NICK_ASSIGNED: u16 = 210;
    /// Banned.
    pub(in super::super) const BANNED: u16 = 301;
    /// The nickname changes to the one in the item.
    pub(in super::super) const NEW_NICK: u16 = 303;
    /// Kicked.
    pub(in super::super) const KICKED: u16 = 307;
    /// Removed by a change of affiliation.
    pub(in super::super) const AFFILIATION: u16 = 321;
    /// Removed because the room became members-only.
    pub(in super::super) const MEMBERS_ONLY: u16 = 322;
    /// Removed because the service stops.
    pub(in super::super) const SHUTDOWN: u16 = 332;
    /// Removed because of errors on the way to the client.
    pub(in super::super) const TECHNICAL: u16 = 333;
}

/// Presence of one occupant, to be shown to all.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    /// What the occupant said, clean (see [`clean`]); its type is the one to send.
    presence: Stanza,
    affiliation: Affiliation,
    role: Role,
    new_nick: Option<String>,
    actor: Option<String>,
    reason: Option<String>,
    codes: Vec<u16>,
    own_codes: Vec<u16>,
    extra: Option<Element>,
}

impl Notice {
    /// The occupant is there.
    pub(super) fn available(occupant: &Occupant, affiliation: Affiliation) -> Self {
        let presence = occupant.latest().map_or_else(
            || Stanza::presence(PresenceType::Available),
            |s| s.presence.clone(),
        );
        Self::of(presence, affiliation, occupant.role)
    }

    /// The occupant is gone, with its own words if it has any.
    pub(super) fn unavailable(words: Option<Stanza>, affiliation: Affiliation) -> Self {
        let words = words.unwrap_or_else(|| Stanza::presence(PresenceType::Unavailable));
        Self::of(words, affiliation, Role::None)
    }

    fn of(presence: Stanza, affiliation: Affiliation, role: Role) -> Self {
        Self {
            presence,
            affiliation,
            role,
            new_nick: None,
            actor: None,
            reason: None,
            codes: Vec::new(),
            own_codes: Vec::new(),
            extra: None,
        }
    }

    /// With the id of the stanza that this answers, which only its sender sees.
    pub(super) fn with_id(mut self, id: Option<String>) -> Self {
        self.presence.id = id;
        self
    }

    /// With the role that the item names.
    pub(super) fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// With a status code for all.
    pub(super) fn with_code(mut self, code: u16) -> Self {
        self.codes.push(code);
        self
    }

    /// With status codes for the occupant itself.
    pub(super) fn with_own_codes(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        self.own_codes.extend(codes);
        self
    }

    /// With the nickname that comes next.
    pub(super) fn with_new_nick(mut self, nick: &str) -> Self {
        self.new_nick = Some(nick.to_owned());
        self
    }

    /// With who did it, by nickname, and why.
    pub(super) fn with_cause(mut self, actor: Option<String>, reason: Option<String>) -> Self {
        self.actor = actor;
        self.reason = reason;
        self
    }

    /// With another child in the `<x/>`, such as `<destroy/>`.
    pub(super) fn with_extra(mut self, extra: Element) -> Self {
        self.extra = Some(extra);
        self
    }

    fn item(&self, jid: Option<&FullJid>) -> Element {
        let actor = self
            .actor
            .as_ref()
            .map(|nick| Element::new("actor", ns::MUC_USER).with_attr("nick", nick.as_str()));
        let reason = self
            .reason
            .as_ref()
            .map(|text| Element::new("reason", ns::MUC_USER).with_text(text));
        Element::new("item", ns::MUC_USER)
            .with_attr("affiliation", self.affiliation.as_str())
            .with_attr_opt("jid", jid.map(|jid| jid.as_str()))
            .with_attr_opt("nick", self.new_nick.as_deref())
            .with_attr("role", self.role.as_str())
            .with_children(actor)
            .with_children(reason)
    }

    /// The stanza for one kind of recipient.
    fn stanza(&self, address: &FullJid, jid: Option<&FullJid>, own: bool) -> Stanza {
        let code =
            |code: &u16| Element::new("status", ns::MUC_USER).with_attr("code", code.to_string());
        let mut x = Element::new("x", ns::MUC_USER).with_child(self.item(jid));
        x = x
            .with_children(self.extra.clone())
            .with_children(self.codes.iter().map(code));
        if own {
            let codes = self.own_codes.iter().chain([&status::SELF]);
            x = x.with_children(codes.map(code));
        }
        let mut stanza = self.presence.clone().with_from(address.clone());
        if !own {
            stanza.id = None;
        }
        stanza.with_child(&x)
    }
}

impl Room {
    /// Shows a notice of an occupant to its own clients and to everybody else in the room; real
    /// addresses go to those who may see them.
    pub(super) fn announce(&self, of: &Occupant, notice: &Notice, out: &mut Vec<RoomEffect>) {
        self.announce_to_others(of, notice, out);
        self.announce_to_self(of, of.jids(), notice, out);
    }

    pub(super) fn announce_to_self<'j>(
        &self,
        of: &Occupant,
        own: impl Iterator<Item = &'j FullJid>,
        notice: &Notice,
        out: &mut Vec<RoomEffect>,
    ) {
        let jid = of.latest().map(|session| &session.jid);
        let recipients: Vec<FullJid> = own.cloned().collect();
        send(notice.stanza(&of.address, jid, true), recipients, out);
    }

    pub(super) fn announce_to_others(
        &self,
        of: &Occupant,
        notice: &Notice,
        out: &mut Vec<RoomEffect>,
    ) {
        let (mut seeing, mut blind) = (Vec::new(), Vec::new());
        for other in self.occupants.iter().filter(|other| other.nick != of.nick) {
            let group = if self.sees_real_jids(other.role) {
                &mut seeing
            } else {
                &mut blind
            };
            group.extend(other.jids().cloned());
        }
        let jid = of.latest().map(|session| &session.jid);
        if !seeing.is_empty() {
            send(notice.stanza(&of.address, jid, false), seeing, out);
        }
        if !blind.is_empty() {
            send(notice.stanza(&of.address, None, false), blind, out);
        }
    }

    /// Shows who is there, `newcomer`'s own occupant apart, to one client (XEP-0045, section
    /// 7.2.2).
    pub(super) fn show_occupants(
        &self,
        newcomer: &Occupant,
        to: &FullJid,
        out: &mut Vec<RoomEffect>,
    ) {
        let sees = self.sees_real_jids(newcomer.role);
        for other in self
            .occupants
            .iter()
            .filter(|other| other.nick != newcomer.nick)
        {
            let notice = Notice::available(other, self.record.affiliation(&other.user));
            let jid = other.latest().map(|session| &session.jid).filter(|_| sees);
            let stanza = notice
                .stanza(&other.address, jid, false)
                .with_to(to.clone());
            out.push(RoomEffect::Send(Box::new(stanza)));
        }
    }

    /// A message of the room itself to all occupants that holds nothing but status codes.
    pub(super) fn announce_codes(&self, codes: &[u16], out: &mut Vec<RoomEffect>) {
        if codes.is_empty() || self.occupants.is_empty() {
            return;
        }
        let code =
            |code: &u16| Element::new("status", ns::MUC_USER).with_attr("code", code.to_string());
        let x = Element::new("x", ns::MUC_USER).with_children(codes.iter().map(code));
        let stanza = Stanza::message(MessageType::Groupchat)
            .with_from(self.record.jid.clone())
            .with_child(&x);
        out.push(RoomEffect::Broadcast(Broadcast::new(
            stanza,
            self.occupants.everyone(),
        )));
    }
}

fn send(stanza: Stanza, mut recipients: Vec<FullJid>, out: &mut Vec<RoomEffect>) {
    match recipients.len() {
        0 => {}
        1 => {
            let to = recipients.remove(0);
            out.push(RoomEffect::Send(Box::new(stanza.with_to(to))));
        }
        _ => out.push(RoomEffect::Broadcast(Broadcast::new(
            stanza,
            recipients.into(),
        ))),
    }
}

/// A presence as the room keeps it: without addresses, and without what only the room may say.
pub(super) fn clean(presence: &Stanza) -> Stanza {
    let mut clean = presence.clone();
    clean.to = None;
    clean.from = None;
    clean.remove_children(|_, space| space.starts_with(ns::MUC));
    clean
}

/// Takes out of a message what only the room may say: what occupants are (`muc#user` and its
/// kin), and its stable ids (XEP-0359, section 4).
pub(super) fn without_pretence(stanza: &mut Stanza) {
    stanza.remove_children(|name, space| {
        (space.starts_with(ns::MUC) && space != ns::MUC) || is_stanza_id(name, space)
    });
}

/// A message from the room to one client.
pub(super) fn message_to(room: &Room, to: &FullJid, kind: MessageType) -> Stanza {
    Stanza::new(StanzaKind::Message(kind))
        .with_from(room.jid().clone())
        .with_to(to.clone())
}
