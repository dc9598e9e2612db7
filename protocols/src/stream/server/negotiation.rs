//! Header, features, TLS, binding and resuming.

use super::super::effect::{Cause, Effect, Timer};
use super::super::{StreamCondition, StreamError, dual, features};
use super::{C2sServer, Peer, State};
use crate::jid::{self, BareJid, FullJid};
use crate::ns;
use crate::sm::Nonza;
use crate::stanza::{Condition, IqType, Stanza, StanzaError};
use crate::xml::{Element, RawElement, StreamHeader};

impl C2sServer {
    /// The client's header (RFC 6120, sections 4.7 and 4.8).
    pub(super) fn header(&mut self, header: StreamHeader, effects: &mut Vec<Effect>) {
        self.lang = header.lang.as_deref().map(Box::from);
        let checked = self.check_header(&header);
        if let Ok(domain) = &checked {
            self.domain = Some(*domain);
        }
        let mut octets = Vec::new();
        let from = header.from.filter(|from| jid::parse(from).is_ok());
        self.answer_header(from, &mut octets);
        let error = match checked {
            Err(error) => Some(error),
            Ok(_) => self.pending.take().map(|error| *error),
        };
        if let Some(error) = error {
            effects.push(Effect::Send(octets.into()));
            return self.abort(error, effects);
        }
        let offered = match self.peer {
            Peer::Unknown => features::before_login(&self.config, self.secure),
            Peer::User(_) | Peer::Bound(_) => features::after_login(&self.config, self.secure),
        };
        features::write_into(&offered, &mut octets);
        effects.push(Effect::Send(octets.into()));
        self.state = State::Elements;
    }

    /// The place of the stream's domain, or what is wrong with its header.
    fn check_header(&self, header: &StreamHeader) -> Result<usize, StreamError> {
        let fail = |condition: StreamCondition, text: String| {
            Err(StreamError::new(condition).with_text(text))
        };
        if header.ns != ns::STREAM {
            let condition = if header.declares(ns::STREAM) {
                StreamCondition::BadNamespacePrefix
            } else {
                StreamCondition::InvalidNamespace
            };
            return fail(condition, format!("the header must be in {}", ns::STREAM));
        }
        if header.name != "stream" {
            let text = format!("the header must be named stream, not {}", header.name);
            return fail(StreamCondition::BadFormat, text);
        }
        if !header.declares(ns::CLIENT) {
            let text = format!("clients speak {}", ns::CLIENT);
            return fail(StreamCondition::InvalidNamespace, text);
        }
        if header.major() < 1 {
            let text = "version 1.0 is spoken here".to_owned();
            return fail(StreamCondition::UnsupportedVersion, text);
        }
        let Some(to) = &header.to else {
            let text = "the header must say to which domain".to_owned();
            return fail(StreamCondition::ImproperAddressing, text);
        };
        let domain = match jid::parse(to) {
            Ok(jid) if jid.node().is_none() && jid.is_bare() => jid.into_inner(),
            Ok(_) | Err(_) => {
                let text = format!("to={to:?} is no domain");
                return fail(StreamCondition::ImproperAddressing, text);
            }
        };
        let served = self.config.domains.iter().position(|one| *one == domain);
        let same = |place| self.peer == Peer::Unknown || self.domain == Some(place);
        match served.filter(|place| same(*place)) {
            Some(place) => Ok(place),
            None => {
                let text = format!("{domain} is not served here");
                fail(StreamCondition::HostUnknown, text)
            }
        }
    }

    pub(super) fn answer_header(&mut self, to: Option<String>, octets: &mut Vec<u8>) {
        let header = StreamHeader {
            from: self.domain().cloned(),
            to,
            id: Some(self.entropy.draw()),
            ..StreamHeader::new(ns::CLIENT)
        };
        header.write_into(octets);
        self.opened = true;
    }

    /// An element of a client that is not authenticated.
    pub(super) fn before_login(&mut self, raw: &RawElement, effects: &mut Vec<Effect>) {
        match (raw.ns(), raw.name()) {
            (ns::TLS, "starttls") => self.start_tls(effects),
            (ns::SASL, "auth") => self.auth(raw, effects),
            (ns::SASL, _) => self.unexpected_sasl(effects),
            (ns::SM, _) => self.unexpected_sm(effects),
            (space, "message" | "presence" | "iq") if ns::is_content(space) => {
                let error = StreamError::new(StreamCondition::NotAuthorized)
                    .with_text("authenticate first");
                self.abort(error, effects);
            }
            _ => self.unsupported(raw, effects),
        }
    }

    fn start_tls(&mut self, effects: &mut Vec<Effect>) {
        if self.secure || self.config.tls == super::super::Tls::Absent {
            Self::send_element(&Element::new("failure", ns::TLS), effects);
            effects.push(Effect::Send(bytes::Bytes::from_static(b"</stream:stream>")));
            return self.finish(Cause::NoTls, effects);
        }
        Self::send_element(&Element::new("proceed", ns::TLS), effects);
        effects.push(Effect::StartTls);
        self.framer.reset();
        self.opened = false;
        self.state = State::Handshake;
    }

    /// The TLS handshake that [`Effect::StartTls`] asked for is done.
    pub fn tls_established(&mut self) -> Vec<Effect> {
        if matches!(self.state, State::Handshake) {
            self.secure = true;
            self.state = State::Header { restarted: true };
        }
        Vec::new()
    }

    /// An element of a client that is authenticated and not bound.
    pub(super) fn before_bind(
        &mut self,
        user: BareJid,
        raw: RawElement,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(nonza) = Nonza::from_raw(&raw) {
            return match nonza {
                Ok(Nonza::Resume { previd, h }) if self.config.stream_management => {
                    effects.push(Effect::Resume {
                        user,
                        previd: previd.clone(),
                        h,
                    });
                    self.state = State::Resume {
                        previd: previd.into(),
                    };
                }
                Ok(_) => self.unexpected_sm(effects),
                Err(error) => self.abort(StreamError::from(&error), effects),
            };
        }
        if raw.is("inactive", ns::DUAL) && self.config.dual && self.secure {
            effects.push(Effect::Inactive { user });
            self.state = State::Inactive;
            return;
        }
        if !ns::is_content(raw.ns()) {
            return self.unsupported(&raw, effects);
        }
        match Stanza::from_raw(raw) {
            Ok(stanza) if stanza.asks(IqType::Set, "bind", ns::BIND) => {
                self.bind(&user, &stanza, effects);
            }
            Ok(_) | Err(_) => {
                let error = StreamError::new(StreamCondition::NotAuthorized)
                    .with_text("bind a resource first");
                self.abort(error, effects);
            }
        }
    }

    fn bind(&mut self, user: &BareJid, stanza: &Stanza, effects: &mut Vec<Effect>) {
        let id = stanza.id.clone().unwrap_or_default();
        let asked = stanza
            .child("bind", ns::BIND)
            .and_then(|bind| Some(bind.child("resource", ns::BIND)?.text().into_owned()))
            .filter(|resource| !resource.is_empty());
        let generated = asked.is_none();
        let resource = asked.unwrap_or_else(|| self.entropy.draw());
        self.state = State::Bind { id: id.into() };
        match user.with_resource_str(&resource) {
            Ok(wanted) => effects.push(Effect::Bind { wanted, generated }),
            Err(error) => {
                let text = format!("{resource:?} is no resource: {error}");
                let refusal = StanzaError::new(Condition::BadRequest).with_text(text);
                effects.extend(self.bind_refused(&refusal));
            }
        }
    }

    /// The client has its inactive session: the answer to [`Effect::Inactive`].
    pub fn inactive_granted(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.state, State::Inactive) {
            self.disarm(Timer::Negotiation, &mut effects);
            Self::send_element(&dual::inactive(), &mut effects);
            self.state = State::Elements;
            self.run(&mut effects);
        }
        effects
    }

    /// The client gets no inactive session, and may bind: the answer to [`Effect::Inactive`].
    pub fn inactive_refused(&mut self, why: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.state, State::Inactive) {
            Self::send_element(&dual::unavailable(why), &mut effects);
            self.state = State::Elements;
            self.run(&mut effects);
        }
        effects
    }

    /// The client is bound to this address: the answer to [`Effect::Bind`].
    pub fn bound(&mut self, full: FullJid) -> Vec<Effect> {
        let mut effects = Vec::new();
        let State::Bind { id } = &self.state else {
            return effects;
        };
        let jid = Element::new("jid", ns::BIND).with_text(full.as_str());
        let answer = Stanza::iq(IqType::Result, &**id)
            .with_child(&Element::new("bind", ns::BIND).with_child(jid));
        effects.push(Effect::Send(answer.to_bytes()));
        self.enter_session(full, &mut effects);
        effects
    }

    /// The client is not bound, and may try again: the answer to [`Effect::Bind`], such as
    /// `conflict`, `not-allowed` or `resource-constraint` (RFC 6120, section 7.6.2 and 7.7.2;
    /// SES-1).
    pub fn bind_refused(&mut self, error: &StanzaError) -> Vec<Effect> {
        let mut effects = Vec::new();
        let State::Bind { id } = &self.state else {
            return effects;
        };
        let answer = Stanza::iq(IqType::Error, &**id).with_child(&error.to_element());
        effects.push(Effect::Send(answer.to_bytes()));
        self.state = State::Elements;
        self.run(&mut effects);
        effects
    }

    /// The session goes on here: the answer to [`Effect::Resume`]. `h` is what the session has
    /// handled. Send what the client has not acknowledged after this.
    pub fn resumed(&mut self, full: FullJid, h: u32) -> Vec<Effect> {
        let mut effects = Vec::new();
        let State::Resume { previd } = &self.state else {
            return effects;
        };
        let answer = Nonza::Resumed {
            previd: previd.to_string(),
            h,
        };
        effects.push(Effect::Send(answer.to_bytes().into()));
        self.managed = true;
        self.enter_session(full, &mut effects);
        effects
    }

    /// The session cannot be resumed, and the client may bind: the answer to [`Effect::Resume`].
    /// `h` is what the session had handled, if that is known still.
    pub fn resume_failed(&mut self, condition: Condition, h: Option<u32>) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.state, State::Resume { .. }) {
            let answer = Nonza::Failed { condition, h };
            effects.push(Effect::Send(answer.to_bytes().into()));
            self.state = State::Elements;
            self.run(&mut effects);
        }
        effects
    }

    fn enter_session(&mut self, full: FullJid, effects: &mut Vec<Effect>) {
        self.disarm(Timer::Negotiation, effects);
        self.peer = Peer::Bound(full);
        self.state = State::Elements;
        self.run(effects);
    }

    pub(super) fn unsupported(&mut self, raw: &RawElement, effects: &mut Vec<Effect>) {
        let text = format!("{{{}}}{} means nothing here", raw.ns(), raw.name());
        let error = StreamError::new(StreamCondition::UnsupportedStanzaType).with_text(text);
        self.abort(error, effects);
    }

    pub(super) fn unexpected_sm(&mut self, effects: &mut Vec<Effect>) {
        let answer = Nonza::Failed {
            condition: Condition::UnexpectedRequest,
            h: None,
        };
        effects.push(Effect::Send(answer.to_bytes().into()));
    }
}
