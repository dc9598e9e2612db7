//! From the features to a stream that is ready.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{
    BIND_ID, C2sClient, ClientCause, ClientEffect, ClientTls, Earlier, Features, Management, Ready,
    SESSION_ID, State,
};
use crate::jid::FullJid;
use crate::ns;
use crate::sasl::{ClientError, Mechanism, SaslClient, SaslCondition};
use crate::sm::Nonza;
use crate::stanza::{Condition, IqType, Stanza, StanzaError, StanzaKind};
use crate::stream::{StreamCondition, dual};
use crate::xml::{Element, RawElement};

impl C2sClient {
    /// An element before the login is done.
    pub(super) fn in_login(
        &mut self,
        state: State,
        raw: RawElement,
        effects: &mut Vec<ClientEffect>,
    ) {
        match state {
            State::Features if raw.is("features", ns::STREAM) => {
                self.choose(&raw.to_element(), effects);
            }
            State::Proceed if raw.is("proceed", ns::TLS) => {
                self.framer.reset();
                self.state = State::Handshake;
                effects.push(ClientEffect::StartTls);
            }
            State::Proceed if raw.is("failure", ns::TLS) => {
                self.give_up(ClientCause::NoTls, effects);
            }
            State::Sasl(sasl) if raw.ns() == ns::SASL => self.sasl(sasl, &raw, effects),
            State::Inactive if raw.is("inactive", ns::DUAL) => {
                self.state = State::Held;
                effects.push(ClientEffect::Inactive);
            }
            State::Inactive if raw.is("unavailable", ns::DUAL) => {
                let why = raw.to_element().text().trim().to_owned();
                self.give_up(ClientCause::Protocol(why), effects);
            }
            State::Bound => self.bound(raw, effects),
            State::Session(jid) => self.session(jid, raw, effects),
            State::Enabled(jid) => self.enabled(jid, raw, effects),
            State::Resumed(earlier) => self.resumed(earlier, &raw, effects),
            State::Header
            | State::Features
            | State::Proceed
            | State::Handshake
            | State::Sasl(_)
            | State::Inactive
            | State::Held
            | State::Ready
            | State::Closing
            | State::Closed => self.unexpected(&raw, effects),
        }
    }

    /// Picks the next step (XEP-0170).
    fn choose(&mut self, features: &Element, effects: &mut Vec<ClientEffect>) {
        let tls = features.child("starttls", ns::TLS).is_some();
        if !self.secure && !self.authenticated {
            match (self.config.tls, tls) {
                (ClientTls::Required | ClientTls::IfOffered, true) => {
                    Self::send(&Element::new("starttls", ns::TLS), effects);
                    self.state = State::Proceed;
                    return;
                }
                (ClientTls::Required, false) => return self.give_up(ClientCause::NoTls, effects),
                (ClientTls::IfOffered, false) | (ClientTls::Never, _) => {}
            }
        }
        if !self.authenticated {
            return self.authenticate(features, effects);
        }
        let session = features.child("session", ns::SESSION);
        self.features = Features {
            management: features.child("sm", ns::SM).is_some(),
            session: session
                .is_some_and(|session| session.child("optional", ns::SESSION).is_none()),
        };
        if !self.config.inactive {
            return self.enter(self.config.earlier.clone(), effects);
        }
        if features.child("dual", ns::DUAL).is_none() {
            let text = "inactive sessions are not offered".to_owned();
            return self.give_up(ClientCause::Protocol(text), effects);
        }
        Self::send(&dual::inactive(), effects);
        self.state = State::Inactive;
    }

    /// Resumes the earlier session, or binds.
    pub(super) fn enter(&mut self, earlier: Option<Earlier>, effects: &mut Vec<ClientEffect>) {
        match earlier {
            Some(earlier) if self.features.management => {
                let resume = Nonza::Resume {
                    previd: earlier.previd.clone(),
                    h: earlier.h,
                };
                effects.push(ClientEffect::Send(resume.to_bytes().into()));
                self.state = State::Resumed(earlier);
            }
            Some(_) | None => self.bind(effects),
        }
    }

    fn authenticate(&mut self, features: &Element, effects: &mut Vec<ClientEffect>) {
        let offered: Vec<String> = features
            .child("mechanisms", ns::SASL)
            .map(|list| {
                list.children()
                    .map(|name| name.text().trim().to_owned())
                    .collect()
            })
            .unwrap_or_default();
        let usable = |mechanism: &&Mechanism| {
            let shown = mechanism.shows_password() && !self.secure && !self.config.allow_plaintext;
            !shown && offered.iter().any(|name| name == mechanism.name())
        };
        let Some(mechanism) = self.config.mechanisms.iter().find(usable).copied() else {
            return self.give_up(ClientCause::NoMechanism { offered }, effects);
        };
        let name = self
            .config
            .user
            .node()
            .map_or("", |node| node.as_str())
            .to_owned();
        let nonce = self.entropy.draw();
        match SaslClient::new(mechanism, &name, &self.config.password, nonce) {
            Err(error) => self.give_up(error.into(), effects),
            Ok(mut sasl) => {
                let auth = Element::new("auth", ns::SASL)
                    .with_attr("mechanism", mechanism.name())
                    .with_text(STANDARD.encode(sasl.initial()));
                Self::send(&auth, effects);
                self.state = State::Sasl(sasl);
            }
        }
    }

    fn sasl(&mut self, mut sasl: SaslClient, raw: &RawElement, effects: &mut Vec<ClientEffect>) {
        let element = raw.to_element();
        let data = match element.text().trim_ascii() {
            "" => Ok(None),
            "=" => Ok(Some(Vec::new())),
            text => STANDARD
                .decode(text)
                .map(Some)
                .map_err(|_| ClientError::Malformed),
        };
        let salted = self.config.salted.clone();
        let outcome = match raw.name() {
            "challenge" => data
                .and_then(|data| sasl.challenge(&data.unwrap_or_default(), salted.as_ref()))
                .map(|response| {
                    let text = STANDARD.encode(response);
                    Self::send(&Element::new("response", ns::SASL).with_text(text), effects);
                    self.state = State::Sasl(sasl);
                }),
            "success" => data
                .and_then(|data| sasl.success(data.as_deref()))
                .map(|()| {
                    self.authenticated = true;
                    self.framer.restart();
                    self.state = State::Header;
                    effects.push(self.open());
                }),
            "failure" => {
                let condition = element
                    .children()
                    .find_map(|c| SaslCondition::parse(c.name()));
                let condition = condition.unwrap_or(SaslCondition::NotAuthorized);
                return self.give_up(ClientCause::Refused(condition), effects);
            }
            _ => return self.unexpected(raw, effects),
        };
        if let Err(error) = outcome {
            Self::send(&Element::new("abort", ns::SASL), effects);
            self.give_up(error.into(), effects);
        }
    }

    fn bind(&mut self, effects: &mut Vec<ClientEffect>) {
        let resource = self.config.resource.as_ref();
        let bind = Element::new("bind", ns::BIND)
            .with_children(resource.map(|name| Element::new("resource", ns::BIND).with_text(name)));
        let request = Stanza::iq(IqType::Set, BIND_ID).with_child(&bind);
        effects.push(ClientEffect::Send(request.to_bytes()));
        self.state = State::Bound;
    }

    fn bound(&mut self, raw: RawElement, effects: &mut Vec<ClientEffect>) {
        let answer = match answer_to(BIND_ID, raw) {
            Ok(answer) => answer,
            Err(text) => return self.fail(StreamCondition::InvalidXml, text, effects),
        };
        if let Some(error) = answer.error() {
            return self.give_up(ClientCause::BindRefused(error), effects);
        }
        let jid = answer
            .child("bind", ns::BIND)
            .and_then(|bind| FullJid::new(bind.child("jid", ns::BIND)?.text().trim()).ok());
        let Some(jid) = jid else {
            let text = "a binding without a full address".to_owned();
            return self.fail(StreamCondition::InvalidXml, text, effects);
        };
        if self.features.session {
            let session = Element::new("session", ns::SESSION);
            let request = Stanza::iq(IqType::Set, SESSION_ID).with_child(&session);
            effects.push(ClientEffect::Send(request.to_bytes()));
            self.state = State::Session(jid);
        } else {
            self.enable(jid, effects);
        }
    }

    fn session(&mut self, jid: FullJid, raw: RawElement, effects: &mut Vec<ClientEffect>) {
        match answer_to(SESSION_ID, raw) {
            Err(text) => self.fail(StreamCondition::InvalidXml, text, effects),
            Ok(answer) => match answer.error() {
                Some(error) => self.give_up(ClientCause::BindRefused(error), effects),
                None => self.enable(jid, effects),
            },
        }
    }

    fn enable(&mut self, jid: FullJid, effects: &mut Vec<ClientEffect>) {
        if self.config.stream_management && self.features.management {
            let enable = Nonza::Enable {
                resume: true,
                max: None,
            };
            effects.push(ClientEffect::Send(enable.to_bytes().into()));
            self.state = State::Enabled(jid);
        } else {
            self.ready(jid, Management::Off, effects);
        }
    }

    fn enabled(&mut self, jid: FullJid, raw: RawElement, effects: &mut Vec<ClientEffect>) {
        match Nonza::from_raw(&raw) {
            Some(Ok(Nonza::Enabled {
                id,
                resume,
                max,
                location,
            })) => {
                let id = id.filter(|_| resume);
                self.ready(jid, Management::New { id, max, location }, effects);
            }
            Some(Ok(Nonza::Failed { .. })) => self.ready(jid, Management::Off, effects),
            Some(Ok(_) | Err(_)) => self.unexpected(&raw, effects),
            // A stanza may be on its way already; it is not counted.
            None => {
                self.in_session(raw, effects);
                if !self.is_closed() {
                    self.state = State::Enabled(jid);
                }
            }
        }
    }

    fn resumed(&mut self, earlier: Earlier, raw: &RawElement, effects: &mut Vec<ClientEffect>) {
        match Nonza::from_raw(raw) {
            Some(Ok(Nonza::Resumed { previd, h })) if previd == earlier.previd => {
                self.ready(earlier.jid, Management::Resumed { h }, effects);
            }
            Some(Ok(Nonza::Failed { .. })) => self.bind(effects),
            Some(Ok(_) | Err(_)) | None => self.unexpected(raw, effects),
        }
    }

    fn ready(&mut self, jid: FullJid, management: Management, effects: &mut Vec<ClientEffect>) {
        self.state = State::Ready;
        effects.push(ClientEffect::Ready(Ready { jid, management }));
    }
}

/// The answer to the login's own request, or what came instead.
fn answer_to(id: &str, raw: RawElement) -> Result<Stanza, String> {
    let stanza = Stanza::from_raw(raw).map_err(|refused| refused.to_string())?;
    let answers = matches!(stanza.kind, StanzaKind::Iq(IqType::Result)) || stanza.kind.is_error();
    if !answers || stanza.id.as_deref() != Some(id) {
        return Err(format!("{} instead of the answer to {id:?}", stanza.kind));
    }
    match (stanza.kind.is_error(), stanza.error()) {
        (true, None) => {
            let error = StanzaError::new(Condition::UndefinedCondition);
            Ok(stanza.with_child(&error.to_element()))
        }
        (true, Some(_)) | (false, _) => Ok(stanza),
    }
}
