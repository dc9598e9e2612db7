//! The server's side of a client's stream.

mod login;
mod negotiation;
mod session;

pub use session::answer_stream_request;

use std::sync::Arc;

use bytes::Bytes;

use super::config::{C2sConfig, Layer, Secret};
use super::effect::{Cause, Effect, Timer};
use super::entropy::Entropy;
use super::{StreamCondition, StreamError};
use crate::jid::{BareJid, Familiar, FullJid};
use crate::ns;
use crate::sasl::SaslServer;
use crate::xml::{Frame, Framer, RawElement};

/// A stream between a client and this server, seen from the server.
///
/// Octets go in through [`C2sServer::handle`]; what comes out is done in order, and answered where
/// an [`Effect`] says so. There is no I/O, no clock and no randomness inside: the same inputs give
/// the same effects.
#[derive(Debug)]
pub struct C2sServer {
    config: Arc<C2sConfig>,
    framer: Framer,
    entropy: Entropy,
    state: State,
    peer: Peer,
    secure: bool,
    /// Domain of the stream, once the client named it: its place among those of the configuration.
    domain: Option<usize>,
    /// Default language that the client declared.
    lang: Option<Box<str>>,
    /// Whether our header is out on the current stream.
    opened: bool,
    /// Failed attempts to authenticate.
    attempts: u32,
    /// Whether stream management is on.
    managed: bool,
    /// An error to tell as soon as the client's new stream is open.
    pending: Option<Box<StreamError>>,
    /// The timers that run.
    timers: Timers,
    /// Whom the client's last stanza was for.
    familiar: Familiar,
}

/// Who the client is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Peer {
    Unknown,
    User(BareJid),
    Bound(FullJid),
}

/// What comes next.
#[derive(Debug)]
enum State {
    /// The client's header; `restarted` if there was a stream before.
    Header { restarted: bool },
    /// The client's choice among the features, or its stanzas once it is bound.
    Elements,
    /// The end of the TLS handshake.
    Handshake,
    /// The answer to [`Effect::LookUp`].
    LookUp(Box<Exchange>),
    /// The client's response to a challenge.
    Response(Box<Exchange>),
    /// The answer to [`Effect::Bind`]; the id of the request.
    Bind { id: Box<str> },
    /// The answer to [`Effect::Resume`].
    Resume { previd: Box<str> },
    /// The answer to [`Effect::Inactive`].
    Inactive,
    /// The answer to [`Effect::Enable`].
    Enable,
    /// The end of the client's stream; ours has ended.
    Closing,
    /// Nothing: the connection is closed.
    Closed,
}

/// An exchange of SASL that goes on.
#[derive(Debug)]
struct Exchange {
    sasl: SaslServer,
    /// The name that is tried, once it is known.
    user: Option<String>,
}

/// A set of timers.
#[derive(Clone, Copy, Debug, Default)]
struct Timers(u8);

impl Timers {
    fn bit(timer: Timer) -> u8 {
        match timer {
            Timer::Negotiation => 1,
            Timer::Element => 2,
            Timer::Closing => 4,
        }
    }

    fn runs(self, timer: Timer) -> bool {
        self.0 & Self::bit(timer) != 0
    }

    fn start(&mut self, timer: Timer) {
        self.0 |= Self::bit(timer);
    }

    /// Answers whether it ran.
    fn stop(&mut self, timer: Timer) -> bool {
        let ran = self.runs(timer);
        self.0 &= !Self::bit(timer);
        ran
    }
}

impl State {
    /// Whether reading waits for an answer of the caller.
    fn is_blocked(&self) -> bool {
        match self {
            Self::Handshake
            | Self::LookUp(_)
            | Self::Bind { .. }
            | Self::Resume { .. }
            | Self::Inactive
            | Self::Enable
            | Self::Closed => true,
            Self::Header { .. } | Self::Elements | Self::Response(_) | Self::Closing => false,
        }
    }
}

impl C2sServer {
    /// A stream on a new connection. `seed` is random and new for every connection: ids, nonces
    /// and resources are drawn from it.
    #[must_use]
    pub fn new(config: Arc<C2sConfig>, layer: Layer, seed: Secret) -> (Self, Vec<Effect>) {
        let mut server = Self {
            framer: Framer::new(config.limits.before_login()),
            entropy: Entropy::new(seed),
            state: State::Header { restarted: false },
            peer: Peer::Unknown,
            secure: layer == Layer::Secure,
            domain: None,
            lang: None,
            opened: false,
            attempts: 0,
            managed: false,
            pending: None,
            timers: Timers::default(),
            familiar: Familiar::default(),
            config,
        };
        let mut effects = Vec::new();
        server.arm(Timer::Negotiation, &mut effects);
        (server, effects)
    }

    /// The user, once authenticated.
    #[must_use]
    pub fn user(&self) -> Option<BareJid> {
        match &self.peer {
            Peer::Unknown => None,
            Peer::User(user) => Some(user.clone()),
            Peer::Bound(full) => Some(full.to_bare()),
        }
    }

    /// The full address, once bound or resumed.
    #[must_use]
    pub fn full_jid(&self) -> Option<&FullJid> {
        match &self.peer {
            Peer::Bound(full) => Some(full),
            Peer::Unknown | Peer::User(_) => None,
        }
    }

    /// Whether octets are protected by TLS, or never leave the process.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether stream management is on.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.managed
    }

    /// Whether the connection is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether octets of the client are read now. While an answer of the caller is missing they
    /// are only kept, as many as one element may have; better leave them with the connection.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.state.is_blocked()
    }

    /// Octets of the client.
    pub fn handle(&mut self, octets: &[u8]) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.is_closed() {
            return effects;
        }
        self.framer.push(octets);
        self.run(&mut effects);
        if self.state.is_blocked() && self.framer.is_overfull() {
            let error = StreamError::new(StreamCondition::PolicyViolation)
                .with_text("too much was sent ahead");
            self.abort(error, &mut effects);
        }
        effects
    }

    /// The client's octets have ended, or the connection broke.
    pub fn input_ended(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.is_closed() {
            self.finish(Cause::Lost, &mut effects);
        }
        effects
    }

    /// A timer is over. A timer that does not run any more is ignored.
    pub fn expired(&mut self, timer: Timer) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.timers.stop(timer) {
            return effects;
        }
        let text = match timer {
            Timer::Closing => {
                self.finish(Cause::ClosingTimeout, &mut effects);
                return effects;
            }
            Timer::Negotiation => "login took too long",
            Timer::Element => "an element was begun and not ended in time",
        };
        let error = StreamError::new(StreamCondition::ConnectionTimeout).with_text(text);
        self.abort(error, &mut effects);
        effects
    }

    /// Ends the stream with an error. Where the client is about to open a new stream, it is told
    /// when it has, for the error belongs into that one.
    pub fn fail(&mut self, error: StreamError) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.state {
            State::Closed => {}
            State::Header { restarted: true } => self.pending = Some(Box::new(error)),
            State::Header { restarted: false }
            | State::Elements
            | State::Handshake
            | State::LookUp(_)
            | State::Response(_)
            | State::Bind { .. }
            | State::Resume { .. }
            | State::Inactive
            | State::Enable
            | State::Closing => self.abort(error, &mut effects),
        }
        effects
    }

    /// Ends the stream without an error (RFC 6120, section 4.4). Stanzas that the client sends
    /// before it ends its own still come.
    pub fn close(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.state, State::Closing | State::Closed) {
            return effects;
        }
        if matches!(self.state, State::Handshake) {
            // Nothing can be said between two layers.
            self.finish(Cause::Server, &mut effects);
            return effects;
        }
        let mut octets = Vec::new();
        self.open_into(&mut octets);
        octets.extend_from_slice(b"</stream:stream>");
        effects.push(Effect::Send(octets.into()));
        self.arm(Timer::Closing, &mut effects);
        self.state = State::Closing;
        self.run(&mut effects);
        effects
    }

    /// Reads on until octets are missing or an answer is.
    fn run(&mut self, effects: &mut Vec<Effect>) {
        let mut complete = false;
        while !self.state.is_blocked() {
            match self.framer.next() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    complete = true;
                    self.frame(frame, effects);
                }
                Err(error) => self.abort(StreamError::from(&error), effects),
            }
        }
        self.watch_element(complete, effects);
    }

    /// Keeps [`Timer::Element`] running while an element is incomplete, anew for each.
    fn watch_element(&mut self, complete: bool, effects: &mut Vec<Effect>) {
        if self.is_closed() {
            return;
        }
        let within = !self.state.is_blocked() && self.framer.is_within();
        if !within {
            self.disarm(Timer::Element, effects);
        } else if complete || !self.timers.runs(Timer::Element) {
            self.arm(Timer::Element, effects);
        }
    }

    fn arm(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        let limits = &self.config.limits;
        let duration = match timer {
            Timer::Negotiation => limits.negotiation,
            Timer::Element => limits.element,
            Timer::Closing => limits.closing,
        };
        self.timers.start(timer);
        effects.push(Effect::Arm(timer, duration));
    }

    fn disarm(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        if self.timers.stop(timer) {
            effects.push(Effect::Disarm(timer));
        }
    }

    fn frame(&mut self, frame: Frame, effects: &mut Vec<Effect>) {
        match frame {
            Frame::Open(header) => self.header(header, effects),
            Frame::Element(raw) => self.element(raw, effects),
            Frame::Close => match self.state {
                State::Closing => self.finish(Cause::Server, effects),
                State::Header { .. }
                | State::Elements
                | State::Handshake
                | State::LookUp(_)
                | State::Response(_)
                | State::Bind { .. }
                | State::Resume { .. }
                | State::Inactive
                | State::Enable
                | State::Closed => {
                    effects.push(Effect::Send(Bytes::from_static(b"</stream:stream>")));
                    self.finish(Cause::Client, effects);
                }
            },
        }
    }

    fn element(&mut self, raw: RawElement, effects: &mut Vec<Effect>) {
        if let Some(error) = StreamError::from_raw(&raw) {
            effects.push(Effect::Send(Bytes::from_static(b"</stream:stream>")));
            return self.finish(Cause::ClientError(error), effects);
        }
        match (
            std::mem::replace(&mut self.state, State::Elements),
            &self.peer,
        ) {
            (State::Response(exchange), _) => self.response(exchange, &raw, effects),
            (State::Elements, Peer::Unknown) => self.before_login(&raw, effects),
            (State::Elements, Peer::User(user)) => {
                let user = user.clone();
                self.before_bind(user, raw, effects);
            }
            (State::Elements, Peer::Bound(_)) => self.in_session(raw, effects),
            (State::Closing, peer) => {
                let bound = matches!(peer, Peer::Bound(_));
                self.state = State::Closing;
                if bound {
                    self.in_session(raw, effects);
                }
            }
            // The framer gives no element before a header, and none is read while blocked.
            (
                state @ (State::Header { .. }
                | State::Handshake
                | State::LookUp(_)
                | State::Bind { .. }
                | State::Resume { .. }
                | State::Inactive
                | State::Enable
                | State::Closed),
                _,
            ) => self.state = state,
        }
    }

    /// Tells the client an error and closes.
    fn abort(&mut self, error: StreamError, effects: &mut Vec<Effect>) {
        if !matches!(
            self.state,
            State::Closing | State::Handshake | State::Closed
        ) {
            let mut octets = Vec::new();
            self.open_into(&mut octets);
            error.write_into(&mut octets);
            octets.extend_from_slice(b"</stream:stream>");
            effects.push(Effect::Send(octets.into()));
        }
        if !self.is_closed() {
            self.finish(Cause::Error(error), effects);
        }
    }

    fn finish(&mut self, cause: Cause, effects: &mut Vec<Effect>) {
        for timer in [Timer::Negotiation, Timer::Element, Timer::Closing] {
            self.disarm(timer, effects);
        }
        self.state = State::Closed;
        effects.push(Effect::Close(cause));
    }

    /// The domain of the stream; until the client names one, the first that is served.
    fn domain(&self) -> Option<&String> {
        self.config.domains.get(self.domain.unwrap_or(0))
    }

    /// Appends our header if it is not out yet (RFC 6120, section 4.9.1.2).
    fn open_into(&mut self, octets: &mut Vec<u8>) {
        if !self.opened {
            self.answer_header(None, octets);
        }
    }

    fn send_element(element: &crate::xml::Element, effects: &mut Vec<Effect>) {
        effects.push(Effect::Send(element.to_bytes_in(ns::CLIENT).into()));
    }
}
