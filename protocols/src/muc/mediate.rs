//! Invitations and requests for voice, which the room passes on (XEP-0045, sections 7.8, 7.13 and
//! 8.6).

use super::effect::RoomEffect;
use super::notice::{message_to, status};
use super::privilege::{Affiliation, Role, may_change_role};
use super::record::{AffiliationChange, AffiliationEntry, RoomWrite};
use super::room::{Done, Input, Room};
use super::writes::Then;
use crate::forms::{Field, FieldKind, Form, FormKind};
use crate::jid::{self, FullJid, Jid};
use crate::ns;
use crate::stanza::{Condition, MessageType, Stanza, StanzaError};
use crate::xml::Element;

/// `FORM_TYPE` of a request for voice.
const REQUEST: &str = "http://jabber.org/protocol/muc#request";
/// Direct invitations (XEP-0249), which older clients understand.
const CONFERENCE: &str = "jabber:x:conference";
/// Most invitations in one message.
const MOST_INVITATIONS: usize = 20;

impl Room {
    /// A message to the room that is not of type `groupchat`.
    pub(super) fn mediate(
        &mut self,
        from: &Jid,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        if let Some(x) = input.stanza.child("x", ns::MUC_USER) {
            if x.child("invite", ns::MUC_USER).is_some() {
                return self.invite(from, &x, input, out);
            }
            if let Some(decline) = x.child("decline", ns::MUC_USER) {
                return self.decline(from, decline, out);
            }
        }
        let form = input.stanza.child("x", ns::DATA_FORMS);
        match (
            form.as_ref().and_then(Form::from_element),
            Jid::try_as_full(from),
        ) {
            (Some(form), Ok(from)) if form.form_type() == Some(REQUEST) => {
                self.voice(from, &form, out)
            }
            (Some(_) | None, _) => Err(StanzaError::new(Condition::BadRequest)
                .with_text("a room takes messages of type groupchat, invitations and requests")),
        }
    }

    fn invite(
        &mut self,
        from: &Jid,
        x: &Element,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let invites: Vec<&Element> = x
            .children()
            .filter(|child| child.is("invite", ns::MUC_USER))
            .collect();
        if invites.len() > MOST_INVITATIONS {
            return Err(StanzaError::new(Condition::PolicyViolation)
                .with_text(format!("at most {MOST_INVITATIONS} invitations at once")));
        }
        self.check_may_invite(from)?;
        let mut invitations = Vec::new();
        let mut members = Vec::new();
        for invite in invites {
            let to = address(invite.attr("to"))?;
            if self.affiliation(&to.to_bare()) == Affiliation::Outcast {
                return Err(StanzaError::new(Condition::NotAllowed).with_text("banned"));
            }
            members.extend(self.new_member(&to));
            invitations.push(self.invitation_from(from, &to, Some(invite)));
        }
        if members.is_empty() {
            out.extend(
                invitations
                    .into_iter()
                    .map(|s| RoomEffect::Send(Box::new(s))),
            );
            return Ok(Done::Now);
        }
        self.commit(
            RoomWrite::Affiliations(members),
            Then::Invite(invitations),
            input,
            out,
        )
    }

    /// XEP-0045, sections 7.8.2 and 9.5: in a members-only room admins invite, and members if the
    /// room is configured so.
    fn check_may_invite(&self, from: &Jid) -> Result<(), StanzaError> {
        let inviter = from
            .try_as_full()
            .ok()
            .and_then(|from| self.occupants.of(from));
        let Some(inviter) = inviter else {
            return Err(
                StanzaError::new(Condition::NotAcceptable).with_text("only occupants may invite")
            );
        };
        let affiliation = self.affiliation(&inviter.user);
        let config = &self.record.config;
        let may = if config.members_only {
            affiliation >= Affiliation::Admin
                || (config.allow_invites && affiliation >= Affiliation::Member)
        } else {
            config.allow_invites || inviter.role == Role::Moderator
        };
        if may {
            Ok(())
        } else {
            Err(StanzaError::new(Condition::Forbidden))
        }
    }

    /// Who is invited to a members-only room becomes a member (XEP-0045, section 9.5).
    fn new_member(&self, to: &Jid) -> Option<AffiliationChange> {
        let user = to.to_bare();
        let needed =
            self.record.config.members_only && self.record.affiliation(&user) == Affiliation::None;
        let member = AffiliationEntry {
            affiliation: Affiliation::Member,
            nick: None,
            reason: None,
        };
        needed.then_some(AffiliationChange {
            user,
            entry: Some(member),
        })
    }

    /// An invitation of the room.
    pub(super) fn invitation(&self, from: &Jid, to: &Jid, invite: Option<&Element>) -> RoomEffect {
        RoomEffect::Send(Box::new(self.invitation_from(from, to, invite)))
    }

    fn invitation_from(&self, from: &Jid, to: &Jid, invite: Option<&Element>) -> Stanza {
        // Semi-anonymous rooms do not tell the invitee more than the occupants know.
        let inviter = match from
            .try_as_full()
            .ok()
            .and_then(|from| self.occupants.of(from))
        {
            Some(occupant) if !self.sees_real_jids(Role::Visitor) => occupant.address.as_str(),
            Some(_) | None => from.as_str(),
        };
        let kept = |name: &str| invite.and_then(|i| i.child(name, ns::MUC_USER)).cloned();
        let (reason, resume) = (kept("reason"), kept("continue"));
        let why = reason
            .as_ref()
            .map(|reason| reason.text().trim().to_owned());
        let secret = self.record.config.password.clone();
        let password = secret
            .as_ref()
            .map(|secret| Element::new("password", ns::MUC_USER).with_text(secret));
        let x = Element::new("x", ns::MUC_USER)
            .with_child(
                Element::new("invite", ns::MUC_USER)
                    .with_attr("from", inviter)
                    .with_children(reason)
                    .with_children(resume),
            )
            .with_children(password);
        let direct = Element::new("x", CONFERENCE)
            .with_attr("jid", self.record.jid.as_str())
            .with_attr_opt("password", secret)
            .with_attr_opt("reason", why);
        Stanza::message(MessageType::Normal)
            .with_from(self.record.jid.clone())
            .with_to(to.clone())
            .with_child(&x)
            .with_child(&direct)
    }

    /// XEP-0045, section 7.8.2: a refusal goes to the inviter, who must be an occupant: a room is
    /// no way to reach anybody else.
    fn decline(
        &self,
        from: &Jid,
        decline: &Element,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let to = address(decline.attr("to"))?;
        let by_nick = to.resource().filter(|_| to.to_bare() == self.record.jid);
        let inviters: Vec<&super::occupants::Occupant> = match by_nick {
            Some(nick) => self.occupants.named(nick.as_str()).into_iter().collect(),
            None => self
                .occupants
                .iter()
                .filter(|o| o.user == to.to_bare())
                .collect(),
        };
        if inviters.is_empty() {
            return Err(StanzaError::new(Condition::ItemNotFound));
        }
        let reason = decline.child("reason", ns::MUC_USER).cloned();
        let x = Element::new("x", ns::MUC_USER).with_child(
            Element::new("decline", ns::MUC_USER)
                .with_attr("from", from.to_bare().as_str())
                .with_children(reason),
        );
        for jid in inviters.into_iter().flat_map(|inviter| inviter.jids()) {
            let message = message_to(self, jid, MessageType::Normal).with_child(&x);
            out.push(RoomEffect::Send(Box::new(message)));
        }
        Ok(Done::Now)
    }

    /// A request for voice, or a moderator's answer to one.
    fn voice(
        &mut self,
        from: &FullJid,
        form: &Form,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        match (form.kind, form.field("muc#request_allow")) {
            (FormKind::Submit, None) => self.request_voice(from, out),
            (FormKind::Submit, Some(allow)) => {
                if allow.as_bool() == Some(true) {
                    self.grant_voice(from, form.value("muc#roomnick").unwrap_or_default(), out)
                } else {
                    Ok(Done::Now)
                }
            }
            (FormKind::Cancel, _) => Ok(Done::Now),
            (FormKind::Form | FormKind::Result, _) => {
                Err(StanzaError::new(Condition::BadRequest).with_text("a submitted form"))
            }
        }
    }

    /// XEP-0045, section 7.13: moderators are asked.
    fn request_voice(
        &self,
        from: &FullJid,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let Some(visitor) = self.occupants.of(from) else {
            return Err(StanzaError::new(Condition::NotAcceptable));
        };
        if !self.record.config.allow_voice_requests {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        if visitor.role != Role::Visitor {
            return Ok(Done::Now);
        }
        let mut form = Form::new(FormKind::Form, REQUEST)
            .with_field(Field::text("muc#role", "Requested role", "participant"))
            .with_field(Field::new(
                FieldKind::JidSingle,
                "muc#jid",
                "User",
                [from.as_str()],
            ))
            .with_field(Field::text("muc#roomnick", "Nickname", &visitor.nick))
            .with_field(Field::boolean(
                "muc#request_allow",
                "Let this person speak?",
                false,
            ));
        form.title = "Request for voice".into();
        let x = form.to_element();
        let moderators = self.occupants.iter().filter(|o| o.role == Role::Moderator);
        for jid in moderators.flat_map(|moderator| moderator.jids()) {
            let message = message_to(self, jid, MessageType::Normal).with_child(&x);
            out.push(RoomEffect::Send(Box::new(message)));
        }
        Ok(Done::Now)
    }

    /// XEP-0045, section 8.6.
    fn grant_voice(
        &mut self,
        from: &FullJid,
        nick: &str,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let actor = self.occupants.of(from);
        let by = actor.map_or(
            (self.affiliation(&from.to_bare()), Role::None),
            |moderator| (self.affiliation(&moderator.user), moderator.role),
        );
        let Some(visitor) = self.occupants.named(nick) else {
            return Err(StanzaError::new(Condition::ItemNotFound));
        };
        let of = (self.affiliation(&visitor.user), visitor.role);
        may_change_role(by, of, Role::Participant)?;
        if visitor.role == Role::Visitor {
            let actor = actor.map(|moderator| moderator.nick.clone());
            let mut others = Vec::new();
            let cause = (actor, None);
            self.change_role(
                nick,
                Role::Participant,
                status::KICKED,
                cause,
                out,
                &mut others,
            );
            out.append(&mut others);
        }
        Ok(Done::Now)
    }
}

fn address(text: Option<&str>) -> Result<Jid, StanzaError> {
    let text = text.ok_or_else(|| {
        StanzaError::new(Condition::BadRequest).with_text("to whom? an address is needed")
    })?;
    jid::parse(text)
        .map_err(|cause| StanzaError::new(Condition::JidMalformed).with_text(cause.to_string()))
}
