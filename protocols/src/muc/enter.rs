//! Entering, leaving, changing nickname and presence (XEP-0045, sections 7.2 and 7.4 to 7.7, 7.14).

use super::config::Whois;
use super::effect::{CloseReason, OccupantChange, RoomEffect};
use super::history::HistoryRequest;
use super::notice::{Notice, clean, status};
use super::occupants::{Occupant, Session};
use super::privilege::{Affiliation, Role, initial_role};
use super::record::{HistoryEntry, RoomRecord, RoomWrite};
use super::room::{Done, Input, Phase, Room, gone};
use super::writes::Then;
use crate::delay::Delay;
use crate::jid::{FullJid, Jid};
use crate::ns;
use crate::stanza::{Condition, ErrorType, IqType, MessageType, Stanza, StanzaError, StanzaKind};
use crate::xml::Element;

/// A join, taken apart.
struct Join<'i> {
    from: &'i FullJid,
    address: FullJid,
    /// `<x xmlns='http://jabber.org/protocol/muc'/>`, which clients of today send.
    x: Option<Element>,
    input: &'i Input,
    codes: Vec<u16>,
}

impl Room {
    /// Available presence to `room/nick`: a join, a new nickname, a new presence, or a client that
    /// lost track and enters again.
    pub(super) fn enter_or_update(
        &mut self,
        from: &FullJid,
        nick: &str,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let trimmed = nick.trim();
        let address = self
            .record
            .jid
            .with_resource_str(trimmed)
            .map_err(|cause| {
                StanzaError::new(Condition::JidMalformed).with_text(cause.to_string())
            })?;
        let x = input.stanza.child("x", ns::MUC);
        let codes = if trimmed == nick {
            Vec::new()
        } else {
            vec![status::NICK_ASSIGNED]
        };
        let join = Join {
            from,
            address,
            x,
            input,
            codes,
        };
        match self
            .occupants
            .of(from)
            .map(|occupant| occupant.nick == join.nick())
        {
            None => self.enter(join, out),
            Some(false) => self.change_nick(&join, out),
            Some(true) if join.x.is_some() => self.enter_again(&join, out),
            Some(true) => self.change_presence(&join, out),
        }
    }

    /// XEP-0045, section 7.2: the checks in the order of the specification.
    fn enter(
        &mut self,
        mut join: Join<'_>,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        if self.phase == Phase::Vacant {
            return self.create(join, out);
        }
        if self.is_hidden_from(&Jid::from(join.from.clone())) {
            return Err(StanzaError::new(Condition::ItemNotFound));
        }
        let affiliation = self.affiliation(&join.from.to_bare());
        self.check_door(affiliation, &join)?;
        self.check_nick(&join)?;
        let config = &self.record.config;
        let role = self.occupants.named(join.nick()).map_or_else(
            || initial_role(affiliation, config.moderated, config.members_only),
            |occupant| occupant.role,
        );
        if config.whois == Whois::Anyone {
            join.codes.push(status::NON_ANONYMOUS);
        }
        if config.logging {
            join.codes.push(status::LOGGED);
        }
        self.admit(&join, affiliation, role, out);
        Ok(Done::Now)
    }

    /// XEP-0045, section 10.1: who enters a room that does not exist creates and owns it. With
    /// today's protocol it is locked until it is configured, without it open at once.
    fn create(
        &mut self,
        mut join: Join<'_>,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let owner = join.from.to_bare();
        let (jid, config) = (self.record.jid.clone(), self.record.config.clone());
        self.record = RoomRecord::new(jid, owner, config, join.input.at);
        join.codes.push(status::CREATED);
        if self.record.config.whois == Whois::Anyone {
            join.codes.push(status::NON_ANONYMOUS);
        }
        self.phase = Phase::Locked;
        self.admit(&join, Affiliation::Owner, Role::Moderator, out);
        if join.x.is_some() {
            return Ok(Done::Now);
        }
        if !self.record.config.persistent {
            self.phase = Phase::Open;
            return Ok(Done::Now);
        }
        let write = RoomWrite::Create {
            record: Box::new(self.record.clone()),
            history: Vec::new(),
        };
        self.commit(write, Then::Open, join.input, out)
    }

    fn check_door(&self, affiliation: Affiliation, join: &Join<'_>) -> Result<(), StanzaError> {
        let config = &self.record.config;
        if affiliation == Affiliation::Outcast {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        if config.members_only && affiliation < Affiliation::Member {
            return Err(StanzaError::new(Condition::RegistrationRequired));
        }
        let password = join.x.as_ref().and_then(|x| x.child("password", ns::MUC));
        let given = password.map(|password| password.text().into_owned());
        let wrong = config.password.is_some() && config.password != given;
        if wrong && affiliation != Affiliation::Owner {
            return Err(StanzaError::new(Condition::NotAuthorized));
        }
        let present = self.occupants.named(join.nick()).is_some();
        let full = config
            .max_users
            .is_some_and(|most| self.occupants.len() >= most as usize);
        if full && !present && affiliation < Affiliation::Admin {
            return Err(StanzaError::new(Condition::ServiceUnavailable).with_type(ErrorType::Wait));
        }
        Ok(())
    }

    /// XEP-0045, section 7.2.8: a nickname is one user's, present or reserved.
    fn check_nick(&self, join: &Join<'_>) -> Result<(), StanzaError> {
        let user = join.from.to_bare();
        let holder = self
            .occupants
            .named(join.nick())
            .map(|occupant| &occupant.user);
        let reserved = self.record.reserved_for(join.nick());
        if holder
            .into_iter()
            .chain(reserved)
            .any(|other| *other != user)
        {
            return Err(StanzaError::new(Condition::Conflict));
        }
        Ok(())
    }

    /// Lets a client in: who is there, then itself, then history and subject (XEP-0045, sections
    /// 7.2.2, 7.2.13 and 7.2.15).
    fn admit(
        &mut self,
        join: &Join<'_>,
        affiliation: Affiliation,
        role: Role,
        out: &mut Vec<RoomEffect>,
    ) {
        let session = Session {
            jid: join.from.clone(),
            presence: join.presence(),
            joined: join.input.at,
        };
        let occupant = self
            .occupants
            .put(join.address.clone(), session, role)
            .clone();
        put(&occupant, join.from, out);
        self.show_occupants(&occupant, join.from, out);
        let notice = Notice::available(&occupant, affiliation);
        self.announce_to_others(&occupant, &notice, out);
        let elder = occupant.jids().filter(|jid| *jid != join.from);
        self.announce_to_self(&occupant, elder, &notice, out);
        self.greet(&occupant, notice, join, out);
    }

    fn greet(
        &self,
        occupant: &Occupant,
        notice: Notice,
        join: &Join<'_>,
        out: &mut Vec<RoomEffect>,
    ) {
        let notice = notice
            .with_id(join.input.stanza.id.clone())
            .with_own_codes(join.codes.clone());
        self.announce_to_self(occupant, std::iter::once(join.from), &notice, out);
        let request = join
            .x
            .as_ref()
            .map(HistoryRequest::from_join)
            .unwrap_or_default();
        let share = self.share(&request, join.input.at);
        for entry in self.history.select(self.seen(&join.input.older), share) {
            out.extend(self.old_message(entry, join.from));
        }
        out.push(RoomEffect::Send(Box::new(self.subject_for(join.from))));
    }

    /// XEP-0045, section 7.2: a client that is in and joins anew (it lost its stream, or its state)
    /// is told everything again; the others hear nothing new.
    fn enter_again(
        &mut self,
        join: &Join<'_>,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let Some(role) = self.occupants.of(join.from).map(|occupant| occupant.role) else {
            return Ok(Done::Now);
        };
        let session = Session {
            jid: join.from.clone(),
            presence: join.presence(),
            joined: join.input.at,
        };
        let occupant = self
            .occupants
            .put(join.address.clone(), session, role)
            .clone();
        put(&occupant, join.from, out);
        self.show_occupants(&occupant, join.from, out);
        let mut notice = Notice::available(&occupant, self.affiliation(&occupant.user));
        if self.record.config.whois == Whois::Anyone {
            notice = notice.with_own_codes([status::NON_ANONYMOUS]);
        }
        self.greet(&occupant, notice, join, out);
        Ok(Done::Now)
    }

    /// XEP-0045, section 7.7.
    fn change_presence(
        &mut self,
        join: &Join<'_>,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let Some(role) = self.occupants.of(join.from).map(|occupant| occupant.role) else {
            return Ok(Done::Now);
        };
        let session = Session {
            jid: join.from.clone(),
            presence: join.presence(),
            joined: join.input.at,
        };
        let occupant = self
            .occupants
            .put(join.address.clone(), session, role)
            .clone();
        put(&occupant, join.from, out);
        let notice = Notice::available(&occupant, self.affiliation(&occupant.user))
            .with_id(join.input.stanza.id.clone());
        self.announce(&occupant, &notice, out);
        Ok(Done::Now)
    }

    /// XEP-0045, section 7.6: all clients of the occupant change together.
    fn change_nick(
        &mut self,
        join: &Join<'_>,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        self.check_nick(join)?;
        if self.occupants.named(join.nick()).is_some() {
            // Another occupant of the same user: two nicknames do not become one.
            return Err(StanzaError::new(Condition::Conflict));
        }
        let Some(before) = self.occupants.of(join.from).cloned() else {
            return Ok(Done::Now);
        };
        let affiliation = self.affiliation(&before.user);
        let notice = Notice::unavailable(None, affiliation)
            .with_role(before.role)
            .with_new_nick(join.nick())
            .with_code(status::NEW_NICK);
        self.announce(&before, &notice, out);
        self.occupants.rename(&before.nick, join.address.clone());
        let session = Session {
            jid: join.from.clone(),
            presence: join.presence(),
            joined: join.input.at,
        };
        let after = self
            .occupants
            .put(join.address.clone(), session, before.role)
            .clone();
        for record in after.records() {
            out.push(RoomEffect::Occupant(OccupantChange::Put(Box::new(record))));
        }
        let notice = Notice::available(&after, affiliation)
            .with_id(join.input.stanza.id.clone())
            .with_own_codes(join.codes.clone());
        self.announce(&after, &notice, out);
        Ok(Done::Now)
    }

    /// One client leaves, or is found to be gone (XEP-0045, section 7.14). `words` is its own
    /// presence, if it said any; `codes` say why, if it did not go by itself.
    pub(super) fn leave(
        &mut self,
        from: &FullJid,
        words: Option<&Stanza>,
        codes: &[u16],
        out: &mut Vec<RoomEffect>,
    ) {
        let Some(before) = self.occupants.of(from).cloned() else {
            return;
        };
        let affiliation = self.affiliation(&before.user);
        let mut notice = Notice::unavailable(words.map(clean), affiliation);
        for code in codes {
            notice = notice.with_code(*code);
        }
        out.push(gone(from.clone()));
        let last = self.occupants.remove_session(from).is_some();
        if last && self.phase == Phase::Locked {
            return self.abandon(&before, out);
        }
        self.announce_to_self(&before, std::iter::once(from), &notice, out);
        if last {
            self.announce_to_others(&before, &notice, out);
            self.close_if_over(out);
        } else if let Some(rest) = self.occupants.named(&before.nick).cloned() {
            // Another client of the same user stays: its presence is the occupant's again.
            let notice = Notice::available(&rest, affiliation);
            self.announce(&rest, &notice, out);
        }
    }

    /// The creator leaves before it configured the room (XEP-0045, section 10.1.3).
    fn abandon(&mut self, creator: &Occupant, out: &mut Vec<RoomEffect>) {
        let destroy = Element::new("destroy", ns::MUC_USER);
        let notice = Notice::unavailable(None, Affiliation::None).with_extra(destroy);
        self.announce_to_self(creator, creator.jids(), &notice, out);
        self.close(CloseReason::Destroyed, out);
    }

    /// A room that is not durable ends with its last occupant (XEP-0045, section 7.14).
    pub(super) fn close_if_over(&mut self, out: &mut Vec<RoomEffect>) {
        if self.occupants.is_empty() && !self.durable && self.phase == Phase::Open {
            self.close(CloseReason::Empty, out);
        }
    }

    /// The client's session is over and its server did not say so, or cannot be reached.
    ///
    /// The others see it leave with status 333 (XEP-0045, section 15.6.2).
    pub fn session_ended(&mut self, jid: &FullJid) -> Vec<RoomEffect> {
        let mut out = Vec::new();
        self.leave(jid, None, &[status::TECHNICAL], &mut out);
        out
    }

    /// An error comes back from a client: some kinds say that it is no longer there (XEP-0045,
    /// section 7.14). An error that answers a private message goes on to who sent that.
    pub(super) fn bounced(
        &mut self,
        from: &Jid,
        nick: Option<&str>,
        stanza: &Stanza,
        out: &mut Vec<RoomEffect>,
    ) -> Done {
        let Ok(from) = from.try_as_full() else {
            return Done::Now;
        };
        if stanza.kind == StanzaKind::Iq(IqType::Error) {
            self.relay_answer(from, stanza, out);
            return Done::Now;
        }
        if let (Some(target), Some(sender)) = (
            nick.and_then(|nick| self.occupants.named(nick)),
            self.occupants.of(from),
        ) && stanza.kind == StanzaKind::Message(MessageType::Error)
        {
            for jid in target.jids() {
                let copy = stanza
                    .clone()
                    .with_from(sender.address.clone())
                    .with_to(jid.clone());
                out.push(RoomEffect::Send(Box::new(copy)));
            }
        }
        if stanza
            .error()
            .is_some_and(|error| means_gone(error.condition))
        {
            self.leave(from, None, &[status::KICKED, status::TECHNICAL], out);
        }
        Done::Now
    }

    /// A message of the history for somebody who enters (XEP-0045, section 7.2.13).
    fn old_message(&self, entry: &HistoryEntry, to: &FullJid) -> Option<RoomEffect> {
        // What is in the history was written by a room; a damaged entry is left out.
        let stanza = Stanza::parse(&entry.stanza).ok()?;
        let by = match self.record.config.whois {
            Whois::Anyone => Jid::from(entry.from.clone()),
            Whois::Moderators => Jid::from(self.record.jid.clone()),
        };
        let delay = Delay::new(entry.at).with_from(by).to_element();
        Some(RoomEffect::Send(Box::new(
            stanza.with_to(to.clone()).with_child(&delay),
        )))
    }

    /// The subject, also an empty one: it ends what a client gets on entering (XEP-0045, section
    /// 7.2.15).
    fn subject_for(&self, to: &FullJid) -> Stanza {
        let kept = self.record.subject.as_ref();
        let stanza = kept.and_then(|entry| {
            let delay = Delay::new(entry.at)
                .with_from(self.record.jid.clone())
                .to_element();
            Some(Stanza::parse(&entry.stanza).ok()?.with_child(&delay))
        });
        let stanza = stanza.unwrap_or_else(|| {
            Stanza::message(MessageType::Groupchat)
                .with_from(self.record.jid.clone())
                .with_child(&Element::new("subject", ns::CLIENT))
        });
        stanza.with_to(to.clone())
    }
}

impl Join<'_> {
    fn nick(&self) -> &str {
        self.address.resource().as_str()
    }

    fn presence(&self) -> Stanza {
        let mut presence = clean(&self.input.stanza);
        presence.id = None;
        presence
    }
}

/// The effect that keeps one session of an occupant in the soft state.
fn put(occupant: &Occupant, jid: &FullJid, out: &mut Vec<RoomEffect>) {
    let record = occupant.records().find(|record| record.jid == *jid);
    out.extend(record.map(|record| RoomEffect::Occupant(OccupantChange::Put(Box::new(record)))));
}

/// Errors that say that nobody is behind an address any more.
fn means_gone(condition: Condition) -> bool {
    match condition {
        Condition::Gone
        | Condition::InternalServerError
        | Condition::ItemNotFound
        | Condition::JidMalformed
        | Condition::RecipientUnavailable
        | Condition::Redirect
        | Condition::RemoteServerNotFound
        | Condition::RemoteServerTimeout
        | Condition::ServiceUnavailable => true,
        Condition::BadRequest
        | Condition::Conflict
        | Condition::FeatureNotImplemented
        | Condition::Forbidden
        | Condition::NotAcceptable
        | Condition::NotAllowed
        | Condition::NotAuthorized
        | Condition::PolicyViolation
        | Condition::RegistrationRequired
        | Condition::ResourceConstraint
        | Condition::SubscriptionRequired
        | Condition::UndefinedCondition
        | Condition::UnexpectedRequest => false,
    }
}
