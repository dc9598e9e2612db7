//! What a room answers: discovery, registration, ping, and what occupants ask each other
//! (XEP-0045, sections 6, 7.10, 7.11 and 17.4; XEP-0410).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::administer::Plan;
use super::config::Whois;
use super::effect::RoomEffect;
use super::privilege::Affiliation;
use super::record::{AffiliationChange, AffiliationEntry, RoomWrite};
use super::room::{Done, Input, Room};
use super::writes::Then;
use crate::disco::{self, Identity, Info};
use crate::forms::{Field, Form, FormKind};
use crate::jid::{FullJid, Jid};
use crate::mam;
use crate::ns;
use crate::stanza::{Condition, IqType, Stanza, StanzaError};
use crate::xml::Element;

/// In-band registration (XEP-0077), here with a room.
const REGISTER: &str = "jabber:iq:register";
/// `FORM_TYPE` of the registration form.
const REGISTER_FORM: &str = "http://jabber.org/protocol/muc#register";
/// Node that answers one's own reserved nickname (XEP-0045, section 7.11).
const RESERVED_NICK: &str = "x-roomuser-item";
/// `FORM_TYPE` of what a room tells about itself.
const ROOM_INFO: &str = "http://jabber.org/protocol/muc#roominfo";
/// What begins the id of a request that the room passes on.
const RELAY: &str = "muc.";

impl Room {
    /// An iq to the room or, through it, to an occupant.
    pub(super) fn query(
        &mut self,
        kind: IqType,
        from: &Jid,
        nick: Option<&str>,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        if let (Some(nick), IqType::Get | IqType::Set) = (nick, kind) {
            return self.relay(from, nick, &input.stanza, out);
        }
        let Some(child) = input.stanza.first_child().filter(|_| nick.is_none()) else {
            if let (IqType::Result, Ok(from)) = (kind, from.try_as_full()) {
                self.relay_answer(from, &input.stanza, out);
            }
            return Ok(Done::Now);
        };
        if let Some(recalled) = self.recall(kind, from, &child, input, out) {
            return recalled;
        }
        let answer = match (kind, child.name(), child.ns()) {
            (IqType::Get, "query", ns::DISCO_INFO) => self.info(from, child.attr("node"))?,
            (IqType::Get, "query", ns::DISCO_ITEMS) => self.items(from, child.attr("node")),
            (IqType::Get, "query", ns::MUC_ADMIN) => self.list(from, &child)?,
            (IqType::Get, "query", ns::MUC_OWNER) => self.show_config(from)?,
            (IqType::Get, "query", REGISTER) => self.registration(from)?,
            (IqType::Set, "query", ns::MUC_ADMIN) => {
                return self.administer(from, &child, input, out);
            }
            (IqType::Set, "query", ns::MUC_OWNER) => return self.own(from, &child, input, out),
            (IqType::Set, "query", REGISTER) => return self.register(from, &child, input, out),
            (IqType::Get, "ping", ns::PING) => {
                out.push(RoomEffect::Send(Box::new(input.stanza.result())));
                return Ok(Done::Now);
            }
            (IqType::Result | IqType::Error, _, _) => return Ok(Done::Now),
            (IqType::Get | IqType::Set, _, _) => {
                return Err(StanzaError::new(Condition::ServiceUnavailable));
            }
        };
        out.push(RoomEffect::Send(Box::new(
            input.stanza.result_with(&answer),
        )));
        Ok(Done::Now)
    }

    /// XEP-0045, sections 6.4 and 7.11.
    fn info(&self, from: &Jid, node: Option<&str>) -> Result<Element, StanzaError> {
        match node {
            None | Some("") => Ok(self.room_info().to_element()),
            Some(RESERVED_NICK) => {
                let entry = self.record.affiliations.get(&from.to_bare());
                let nick = entry.and_then(|entry| entry.nick.as_deref());
                let identity = nick.map(|nick| Identity::new("conference", "text", nick));
                let info = Info::new(identity, [] as [&str; 0]).with_node(node);
                Ok(info.to_element())
            }
            Some(_) => Err(StanzaError::new(Condition::ItemNotFound)),
        }
    }

    /// What the room is and how it is configured (XEP-0045, section 6.4).
    #[must_use]
    pub fn room_info(&self) -> Info {
        let config = &self.record.config;
        let either = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no };
        let features = [
            ns::DISCO_INFO,
            ns::DISCO_ITEMS,
            ns::MUC,
            ns::PING,
            ns::STANZA_ID,
            either(config.allow_registration, REGISTER, ns::MUC),
            either(config.public, "muc_public", "muc_hidden"),
            either(config.persistent, "muc_persistent", "muc_temporary"),
            either(config.members_only, "muc_membersonly", "muc_open"),
            either(config.moderated, "muc_moderated", "muc_unmoderated"),
            either(
                config.password.is_some(),
                "muc_passwordprotected",
                "muc_unsecured",
            ),
            either(
                config.whois == Whois::Anyone,
                "muc_nonanonymous",
                "muc_semianonymous",
            ),
        ];
        let archive = [ns::MAM, mam::EXTENDED, mam::FULL_TEXT_SEARCH];
        let archive = archive.into_iter().filter(|_| self.durable);
        Info::new(
            [Identity::new("conference", "text", &self.name())],
            features.into_iter().chain(archive),
        )
        .with_form(self.room_info_form())
    }

    /// The room's name for people: the configured one, or its localpart.
    #[must_use]
    pub fn name(&self) -> String {
        let config = &self.record.config;
        match self.record.jid.node() {
            Some(node) if config.name.is_empty() => node.as_str().to_owned(),
            Some(_) | None => config.name.clone(),
        }
    }

    fn room_info_form(&self) -> Form {
        let config = &self.record.config;
        let text = |name: &str, label: &str, value: &str| {
            Field::text(&format!("muc#{name}"), label, value)
        };
        let subject = self.record.subject.as_ref().and_then(|entry| {
            Stanza::parse(&entry.stanza)
                .ok()
                .and_then(|stanza| stanza.text_of("subject"))
        });
        let number = |n: usize| n.to_string();
        Form::new(FormKind::Result, ROOM_INFO)
            .with_field(text(
                "roominfo_description",
                "Description",
                &config.description,
            ))
            .with_field(text("roominfo_lang", "Language", &config.lang))
            .with_field(text(
                "roominfo_subject",
                "Subject",
                &subject.unwrap_or_default(),
            ))
            .with_field(text(
                "roominfo_occupants",
                "Occupants",
                &number(self.occupants.len()),
            ))
            .with_field(text(
                "maxhistoryfetch",
                "Messages of history for who enters",
                &config.history_length.to_string(),
            ))
            .with_field(Field::boolean(
                "muc#roominfo_changesubject",
                "Participants may change the subject",
                config.change_subject,
            ))
    }

    /// XEP-0045, section 6.5: who is there is told to occupants, and to all if the room is public.
    fn items(&self, from: &Jid, node: Option<&str>) -> Element {
        let inside = from
            .try_as_full()
            .is_ok_and(|from| self.occupants.of(from).is_some());
        let config = &self.record.config;
        let shown = inside || (config.public && !config.members_only && config.password.is_none());
        let occupants = self.occupants.iter().filter(|_| shown);
        disco::items(
            node,
            occupants.map(|o| disco::Item::new(o.address.clone(), "")),
        )
    }

    /// XEP-0045, section 7.10: the form, or what is registered already.
    fn registration(&self, from: &Jid) -> Result<Element, StanzaError> {
        let query = Element::new("query", REGISTER);
        let entry = self.record.affiliations.get(&from.to_bare());
        if let Some(nick) = entry.and_then(|entry| entry.nick.as_ref()) {
            let username = Element::new("username", REGISTER).with_text(nick);
            return Ok(query
                .with_child(Element::new("registered", REGISTER))
                .with_child(username));
        }
        self.check_may_register(self.affiliation(&from.to_bare()))?;
        let nick = Field::text("muc#register_roomnick", "Nickname", "").required();
        let mut form = Form::new(FormKind::Form, REGISTER_FORM).with_field(nick);
        form.title = format!("Registration with {}", self.name());
        form.instructions = "Choose the nickname that is reserved for you.".into();
        Ok(query.with_child(form.to_element()))
    }

    fn check_may_register(&self, affiliation: Affiliation) -> Result<(), StanzaError> {
        let config = &self.record.config;
        let stranger = affiliation < Affiliation::Member;
        if affiliation == Affiliation::Outcast {
            Err(StanzaError::new(Condition::Forbidden))
        } else if stranger && (config.members_only || !config.allow_registration) {
            Err(StanzaError::new(Condition::NotAllowed))
        } else {
            Ok(())
        }
    }

    fn register(
        &mut self,
        from: &Jid,
        query: &Element,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let user = from.to_bare();
        let before = self.affiliation(&user);
        if query.child("remove", REGISTER).is_some() {
            return self.unregister(from, before, input, out);
        }
        self.check_may_register(before)?;
        let form = query.children().find_map(Form::from_element);
        let nick = form
            .as_ref()
            .and_then(|form| form.value("muc#register_roomnick"));
        let nick = nick
            .map(str::trim)
            .and_then(|nick| self.record.jid.with_resource_str(nick).ok());
        let Some(nick) = nick.map(|address| address.resource().as_str().to_owned()) else {
            return Err(StanzaError::new(Condition::BadRequest).with_text("a nickname is needed"));
        };
        let taken = self
            .occupants
            .named(&nick)
            .is_some_and(|occupant| occupant.user != user);
        if taken {
            return Err(StanzaError::new(Condition::Conflict));
        }
        self.check_reservation(&user, Some(&nick))?;
        let affiliation = before.max(Affiliation::Member);
        let entry = Some(AffiliationEntry {
            affiliation,
            nick: Some(nick),
            reason: None,
        });
        self.registered(from, before, AffiliationChange { user, entry }, input, out)
    }

    /// A member leaves the list; who is more keeps that, without the nickname.
    fn unregister(
        &mut self,
        from: &Jid,
        before: Affiliation,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        if before < Affiliation::Member {
            return Err(StanzaError::new(Condition::RegistrationRequired));
        }
        let entry = (before > Affiliation::Member).then_some(AffiliationEntry {
            affiliation: before,
            nick: None,
            reason: None,
        });
        let change = AffiliationChange {
            user: from.to_bare(),
            entry,
        };
        self.registered(from, before, change, input, out)
    }

    fn registered(
        &mut self,
        from: &Jid,
        before: Affiliation,
        change: AffiliationChange,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let plan = Plan::of_affiliations(self.nick_of(from), [(before, change)]);
        let write = RoomWrite::Affiliations(plan.affiliations());
        self.commit(write, Then::Administer(plan), input, out)
    }

    /// A request from one occupant to another (XEP-0045, section 17.4). A ping of oneself is
    /// answered by the room (XEP-0410): it says "you are in".
    fn relay(
        &self,
        from: &Jid,
        nick: &str,
        request: &Stanza,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let from = from.try_as_full().ok();
        let Some((from, asker)) = from.and_then(|from| Some((from, self.occupants.of(from)?)))
        else {
            return Err(StanzaError::new(Condition::NotAcceptable)
                .with_text("only occupants may ask occupants"));
        };
        let Some(target) = self.occupants.named(nick) else {
            return Err(StanzaError::new(Condition::ItemNotFound));
        };
        if target.nick == asker.nick && request.has_child("ping", ns::PING) {
            out.push(RoomEffect::Send(Box::new(request.result())));
            return Ok(Done::Now);
        }
        let Some(session) = target.latest() else {
            return Ok(Done::Now);
        };
        let mut copy = request.clone().with_from(asker.address.clone());
        copy.to = Some(session.jid.clone().into());
        copy.id = Some(relayed_id(from, request.id.as_deref().unwrap_or_default()));
        out.push(RoomEffect::Send(Box::new(copy)));
        Ok(Done::Now)
    }

    /// The answer to a request that was passed on: its id says to whom, so that nothing has to be
    /// remembered here, or moved with the room.
    pub(super) fn relay_answer(&self, from: &FullJid, answer: &Stanza, out: &mut Vec<RoomEffect>) {
        let Some(sender) = self.occupants.of(from) else {
            return;
        };
        let Some((asker, id)) = answer.id.as_deref().and_then(asked_by) else {
            return;
        };
        if self.occupants.of(&asker).is_some() {
            let mut copy = answer
                .clone()
                .with_from(sender.address.clone())
                .with_to(asker);
            copy.id = Some(id);
            out.push(RoomEffect::Send(Box::new(copy)));
        }
    }
}

fn relayed_id(asker: &FullJid, id: &str) -> String {
    format!(
        "{RELAY}{}",
        URL_SAFE_NO_PAD.encode(format!("{asker}\n{id}"))
    )
}

fn asked_by(id: &str) -> Option<(FullJid, String)> {
    let decoded = URL_SAFE_NO_PAD.decode(id.strip_prefix(RELAY)?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (asker, id) = text.split_once('\n')?;
    Some((
        crate::jid::parse(asker).ok()?.try_into_full().ok()?,
        id.to_owned(),
    ))
}
