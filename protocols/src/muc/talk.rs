//! Messages to all, to one, and the subject (XEP-0045, sections 7.4, 7.5 and 8.1).

use super::config::AllowPm;
use super::effect::RoomEffect;
use super::notice::without_pretence;
use super::occupants::Occupant;
use super::privilege::Role;
use super::record::{HistoryEntry, RoomWrite, stanza_id};
use super::room::{Done, Input, Room};
use super::writes::Then;
use crate::jid::FullJid;
use crate::ns;
use crate::stanza::{Condition, Stanza, StanzaError};
use crate::xml::Element;

impl Room {
    /// A message of type `groupchat`: to all, or the subject.
    pub(super) fn say(
        &mut self,
        from: &FullJid,
        nick: Option<&str>,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let Some(speaker) = self.occupants.of(from) else {
            return Err(StanzaError::new(Condition::NotAcceptable)
                .with_text("only occupants may speak in a room"));
        };
        if nick.is_some() {
            return Err(StanzaError::new(Condition::BadRequest)
                .with_text("a private message is not of type groupchat"));
        }
        let subject = sets_subject(&input.stanza);
        self.check_voice(speaker, subject)?;
        let (nick, address) = (speaker.nick.clone(), speaker.address.clone());
        let seq = self.next_seq();
        let stanza = self.reflection(&input.stanza, address, seq);
        let entry = HistoryEntry {
            seq,
            at: input.at,
            nick,
            from: from.clone(),
            id: stanza.id.clone(),
            stanza: stanza.to_bytes(),
        };
        let write = if subject {
            RoomWrite::Subject(entry)
        } else {
            RoomWrite::Message(entry)
        };
        self.commit(write, Then::Reflect(Box::new(stanza)), input, out)
    }

    /// XEP-0045, sections 7.4 and 8.1: visitors do not speak, and the subject is the moderators'
    /// unless the room is configured otherwise.
    fn check_voice(&self, speaker: &Occupant, subject: bool) -> Result<(), StanzaError> {
        let may = match speaker.role {
            Role::Moderator => true,
            Role::Participant => !subject || self.record.config.change_subject,
            Role::Visitor | Role::None => false,
        };
        if may {
            Ok(())
        } else {
            Err(StanzaError::new(Condition::Forbidden))
        }
    }

    /// The message as all get it: from the speaker's address in the room, with the room's stable id
    /// (XEP-0359), and without anything that only the room may say.
    fn reflection(&self, message: &Stanza, address: FullJid, seq: u64) -> Stanza {
        let mut stanza = message.clone().with_from(address);
        stanza.to = None;
        without_pretence(&mut stanza);
        stanza.with_child(&stanza_id(&self.record.jid, seq))
    }

    /// A private message, to `room/nick` (XEP-0045, section 7.5).
    pub(super) fn whisper(
        &mut self,
        from: &FullJid,
        nick: &str,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let Some(sender) = self.occupants.of(from) else {
            return Err(StanzaError::new(Condition::NotAcceptable)
                .with_text("only occupants may send private messages"));
        };
        let Some(target) = self.occupants.named(nick) else {
            return Err(StanzaError::new(Condition::ItemNotFound));
        };
        let may = match self.record.config.allow_pm {
            AllowPm::Anyone => true,
            AllowPm::Participants => sender.role >= Role::Participant,
            AllowPm::Moderators => sender.role == Role::Moderator,
            AllowPm::None => false,
        };
        if !may {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        let mut stanza = input.stanza.clone().with_from(sender.address.clone());
        without_pretence(&mut stanza);
        stanza.push(&Element::new("x", ns::MUC_USER));
        for jid in target.jids() {
            out.push(RoomEffect::Send(Box::new(
                stanza.clone().with_to(jid.clone()),
            )));
        }
        Ok(Done::Now)
    }
}

/// Whether a message sets the subject: it has one and no body (XEP-0045, section 8.1), and, as
/// later revisions add, no thread.
fn sets_subject(message: &Stanza) -> bool {
    message.has_child("subject", ns::CLIENT)
        && !message.has_child("body", ns::CLIENT)
        && !message.has_child("thread", ns::CLIENT)
}
