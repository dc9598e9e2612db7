//! SASL on the stream (RFC 6120, section 6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::effect::Effect;
use super::super::{StreamCondition, StreamError, features};
use super::{C2sServer, Exchange, Peer, State};
use crate::jid::{self, BareJid};
use crate::ns;
use crate::sasl::{Found, Mechanism, SaslCondition, SaslServer, ServerStep};
use crate::xml::{Element, RawElement};

impl C2sServer {
    /// `<auth/>`.
    pub(super) fn auth(&mut self, raw: &RawElement, effects: &mut Vec<Effect>) {
        let name = raw.attr("mechanism").unwrap_or("");
        let mechanism = Mechanism::parse(name);
        let offered = features::mechanisms(&self.config, self.secure);
        let Some(mechanism) = mechanism.filter(|mechanism| offered.contains(mechanism)) else {
            let after_tls = features::mechanisms(&self.config, true);
            let condition = match mechanism {
                Some(known) if after_tls.contains(&known) => SaslCondition::EncryptionRequired,
                Some(_) | None => SaslCondition::InvalidMechanism,
            };
            return self.refuse(None, condition, effects);
        };
        let Ok(initial) = data(raw) else {
            return self.refuse(None, SaslCondition::IncorrectEncoding, effects);
        };
        let mut sasl = SaslServer::new(mechanism, self.entropy.draw());
        let step = sasl.begin(initial.as_deref());
        let exchange = Box::new(Exchange { sasl, user: None });
        self.step(exchange, step, effects);
    }

    /// An element while a challenge is out.
    pub(super) fn response(
        &mut self,
        mut exchange: Box<Exchange>,
        raw: &RawElement,
        effects: &mut Vec<Effect>,
    ) {
        match (raw.ns(), raw.name()) {
            (ns::SASL, "response") => match data(raw) {
                Ok(data) => {
                    let step = exchange.sasl.respond(&data.unwrap_or_default());
                    self.step(exchange, step, effects);
                }
                Err(condition) => self.refuse(exchange.user, condition, effects),
            },
            (ns::SASL, "abort") => self.refuse(exchange.user, SaslCondition::Aborted, effects),
            (ns::SASL, _) => self.refuse(exchange.user, SaslCondition::MalformedRequest, effects),
            // Whatever it is, it comes before authentication.
            _ => self.before_login(raw, effects),
        }
    }

    /// `<response/>` or `<abort/>` without an exchange.
    pub(super) fn unexpected_sasl(&mut self, effects: &mut Vec<Effect>) {
        self.refuse(None, SaslCondition::MalformedRequest, effects);
    }

    /// What is kept of the user's password: the answer to [`Effect::LookUp`]. For PLAIN this may
    /// take the time of PBKDF2.
    pub fn found(&mut self, found: Found) -> Vec<Effect> {
        let mut effects = Vec::new();
        match std::mem::replace(&mut self.state, State::Elements) {
            State::LookUp(mut exchange) => {
                let step = exchange.sasl.found(found, &self.config.context());
                self.step(exchange, step, &mut effects);
                self.run(&mut effects);
            }
            other => self.state = other,
        }
        effects
    }

    fn step(&mut self, mut exchange: Box<Exchange>, step: ServerStep, effects: &mut Vec<Effect>) {
        match step {
            ServerStep::Challenge(data) => {
                Self::send_element(&element("challenge", Some(&data)), effects);
                self.state = State::Response(exchange);
            }
            ServerStep::LookUp {
                username,
                mechanism,
            } => {
                exchange.user = Some(username.clone());
                match self.user_named(&username) {
                    Some(user) => {
                        effects.push(Effect::LookUp { user, mechanism });
                        self.state = State::LookUp(exchange);
                    }
                    // No such address can exist: as with a user that does not.
                    None => {
                        let step = exchange.sasl.found(Found::Nobody, &self.config.context());
                        self.step(exchange, step, effects);
                    }
                }
            }
            ServerStep::Success {
                username,
                authzid,
                additional,
            } => {
                let mechanism = exchange.sasl.mechanism();
                match self.user_named(&username) {
                    Some(user) if may_act_as(&user, authzid.as_deref()) => {
                        Self::send_element(&element("success", additional.as_deref()), effects);
                        self.logged_in(user, mechanism, effects);
                    }
                    Some(_) => {
                        self.refuse(exchange.user, SaslCondition::InvalidAuthzid, effects);
                    }
                    None => self.refuse(exchange.user, SaslCondition::NotAuthorized, effects),
                }
            }
            ServerStep::Failure(condition) => self.refuse(exchange.user, condition, effects),
        }
    }

    fn user_named(&self, username: &str) -> Option<BareJid> {
        let domain = self.config.domains.get(self.domain?)?;
        let node = crate::jid::NodePart::new(username).ok()?;
        let domain = crate::jid::DomainPart::new(domain).ok()?;
        Some(BareJid::from_parts(Some(&node), &domain))
    }

    fn logged_in(&mut self, user: BareJid, mechanism: Mechanism, effects: &mut Vec<Effect>) {
        effects.push(Effect::Authenticated {
            user: user.clone(),
            mechanism,
        });
        self.peer = Peer::User(user);
        self.framer.set_octets(self.config.limits.octets);
        self.framer.restart();
        self.opened = false;
        self.state = State::Header { restarted: true };
    }

    fn refuse(
        &mut self,
        user: Option<String>,
        condition: SaslCondition,
        effects: &mut Vec<Effect>,
    ) {
        let failure = Element::new("failure", ns::SASL)
            .with_child(Element::new(condition.as_str(), ns::SASL));
        Self::send_element(&failure, effects);
        effects.push(Effect::AuthenticationFailed { user, condition });
        self.attempts += 1;
        self.state = State::Elements;
        if self.attempts >= self.config.limits.login_attempts {
            let error = StreamError::new(StreamCondition::PolicyViolation)
                .with_text("too many failed attempts to authenticate");
            self.abort(error, effects);
        }
    }
}

/// The data of a SASL element: nothing, `=` for none of it, or Base64 (RFC 6120, section 6.4.2).
fn data(raw: &RawElement) -> Result<Option<Vec<u8>>, SaslCondition> {
    let element = raw.to_element();
    match element.text().trim_ascii() {
        "" => Ok(None),
        "=" => Ok(Some(Vec::new())),
        text => STANDARD
            .decode(text)
            .map(Some)
            .map_err(|_| SaslCondition::IncorrectEncoding),
    }
}

fn element(name: &'static str, data: Option<&[u8]>) -> Element {
    let text = match data {
        None => String::new(),
        Some([]) if name == "success" => "=".to_owned(),
        Some(data) => STANDARD.encode(data),
    };
    Element::new(name, ns::SASL).with_text(text)
}

/// A user acts as itself only (RFC 6120, section 6.3.8).
fn may_act_as(user: &BareJid, authzid: Option<&str>) -> bool {
    match authzid {
        None => true,
        Some(authzid) => jid::parse(authzid).is_ok_and(|asked| asked.as_str() == user.as_str()),
    }
}
