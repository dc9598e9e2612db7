//! The stream of a bound client.

use super::super::effect::Effect;
use super::super::{StreamCondition, StreamError};
use super::{C2sServer, Peer, State};
use crate::csi::ClientState;
use crate::ns;
use crate::sm::Nonza;
use crate::stanza::{Condition, RefusedReason, Stanza};
use crate::xml::RawElement;

impl C2sServer {
    /// An element of a bound client.
    pub(super) fn in_session(&mut self, raw: RawElement, effects: &mut Vec<Effect>) {
        if let Some(nonza) = Nonza::from_raw(&raw) {
            return match nonza {
                Ok(nonza) => self.nonza(&nonza, effects),
                Err(error) => self.abort(StreamError::from(&error), effects),
            };
        }
        if let Some(state) = ClientState::from_raw(&raw) {
            return effects.push(Effect::ClientState(state));
        }
        match Stanza::from_raw_after(raw, &mut self.familiar) {
            Ok(stanza) => self.stanza(stanza, effects),
            Err(refused) => match refused.reason {
                RefusedReason::NotAStanza { .. } | RefusedReason::Xml(_) => {
                    let error = StreamError::new(StreamCondition::UnsupportedStanzaType)
                        .with_text(refused.reason.to_string());
                    self.abort(error, effects);
                }
                RefusedReason::From { .. } => self.invalid_from(effects),
                reason @ (RefusedReason::To { .. }
                | RefusedReason::Type { .. }
                | RefusedReason::NoId
                | RefusedReason::Children { .. }) => {
                    effects.push(Effect::RefusedStanza {
                        reason,
                        reply: refused.reply,
                    });
                }
            },
        }
    }

    /// Stamps a stanza with its sender (RFC 6120, section 8.1.2.1) and language (8.1.5).
    fn stanza(&mut self, mut stanza: Stanza, effects: &mut Vec<Effect>) {
        let Peer::Bound(full) = &self.peer else {
            return;
        };
        if let Some(from) = &stanza.from
            && from.as_str() != full.as_str()
            && from.as_str() != full.to_bare().as_str()
        {
            return self.invalid_from(effects);
        }
        stanza.from = Some(full.clone().into());
        if stanza.lang.is_none() {
            stanza.lang = self.lang.as_deref().map(str::to_owned);
        }
        effects.push(Effect::Stanza(Box::new(stanza)));
    }

    fn invalid_from(&mut self, effects: &mut Vec<Effect>) {
        let error = StreamError::new(StreamCondition::InvalidFrom)
            .with_text("from must be the address that was bound, or be left out");
        self.abort(error, effects);
    }

    fn nonza(&mut self, nonza: &Nonza, effects: &mut Vec<Effect>) {
        match nonza {
            Nonza::Enable { resume, max } if self.may_enable() => {
                effects.push(Effect::Enable {
                    resume: *resume,
                    max: *max,
                });
                self.state = State::Enable;
            }
            Nonza::Request if self.managed => effects.push(Effect::AckRequested),
            Nonza::Ack { h } if self.managed => effects.push(Effect::Acked { h: *h }),
            Nonza::Enable { .. }
            | Nonza::Request
            | Nonza::Ack { .. }
            | Nonza::Resume { .. }
            | Nonza::Enabled { .. }
            | Nonza::Resumed { .. }
            | Nonza::Failed { .. } => self.unexpected_sm(effects),
        }
    }

    fn may_enable(&self) -> bool {
        self.config.stream_management && !self.managed && matches!(self.state, State::Elements)
    }

    /// Stream management is on: the answer to [`Effect::Enable`]. `id` names the session if it
    /// can be resumed, for `max` seconds after a loss, preferably at `location` (`host:port`).
    pub fn sm_enabled(
        &mut self,
        id: Option<String>,
        max: Option<u32>,
        location: Option<String>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.state, State::Enable) {
            let answer = Nonza::Enabled {
                resume: id.is_some(),
                id,
                max,
                location,
            };
            effects.push(Effect::Send(answer.to_bytes().into()));
            self.managed = true;
            self.state = State::Elements;
            self.run(&mut effects);
        }
        effects
    }

    /// Stream management stays off: the answer to [`Effect::Enable`].
    pub fn sm_refused(&mut self, condition: Condition) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.state, State::Enable) {
            let answer = Nonza::Failed { condition, h: None };
            effects.push(Effect::Send(answer.to_bytes().into()));
            self.state = State::Elements;
            self.run(&mut effects);
        }
        effects
    }

    /// Appends a stanza for the client to `out`; false, and nothing, if the client is not bound or
    /// our stream has ended.
    pub fn write(&self, stanza: &Stanza, out: &mut Vec<u8>) -> bool {
        self.write_with(out, |out| stanza.write_into(out))
    }

    /// As [`C2sServer::write`], for a stanza that somebody else writes.
    pub fn write_with(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let open = self.may_write();
        if open {
            write(out);
        }
        open
    }

    /// Appends a word of stream management to `out`, as [`C2sServer::write`].
    pub fn write_nonza(&self, nonza: &Nonza, out: &mut Vec<u8>) -> bool {
        let open = self.may_write();
        if open {
            out.extend_from_slice(&nonza.to_bytes());
        }
        open
    }

    /// Whether stanzas can be written to the client.
    #[must_use]
    pub fn may_write(&self) -> bool {
        matches!(self.peer, Peer::Bound(_)) && !matches!(self.state, State::Closing | State::Closed)
    }
}

/// The answer to requests that only concern the stream: session establishment (RFC 3921, section
/// 3) does nothing any more, a second binding is not allowed. `None` for everything else.
#[must_use]
pub fn answer_stream_request(stanza: &Stanza) -> Option<Stanza> {
    use crate::stanza::{IqType, StanzaError};
    if stanza.asks(IqType::Set, "session", ns::SESSION) {
        return Some(stanza.result());
    }
    if stanza.asks(IqType::Set, "bind", ns::BIND) {
        let error = StanzaError::new(Condition::NotAllowed)
            .with_text("one resource a stream; it is bound already");
        return stanza.error_reply(&error);
    }
    None
}
