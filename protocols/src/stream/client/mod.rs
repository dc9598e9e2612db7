//! The client's side of a stream: the whole login.

mod login;

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::config::{Layer, Secret};
use super::entropy::Entropy;
use super::{StreamCondition, StreamError};
use crate::jid::{BareJid, FullJid};
use crate::ns;
use crate::sasl::{BadPassword, SaslCondition};
use crate::sasl::{ClientError, Mechanism, NoCache, Password, SaltedPasswords, SaslClient};
use crate::sm::Nonza;
use crate::stanza::{Stanza, StanzaError};
use crate::xml::{Element, Frame, Framer, Limits, RawElement, StreamHeader, XmlError};

/// What a client does about STARTTLS on a connection that is not secure yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientTls {
    /// Uses it, or gives up.
    Required,
    /// Uses it if it is offered.
    IfOffered,
    /// Does not use it.
    Never,
}

/// A session to take up again (XEP-0198, section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Name of the session.
    pub previd: String,
    /// Stanzas handled in it.
    pub h: u32,
    /// Its address.
    pub jid: FullJid,
}

/// Who logs in, and how.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The account.
    pub user: BareJid,
    /// Its password.
    pub password: Password,
    /// The resource wanted; the server chooses if there is none.
    pub resource: Option<String>,
    /// STARTTLS.
    pub tls: ClientTls,
    /// Let the password pass without a security layer.
    pub allow_plaintext: bool,
    /// SASL mechanisms, the preferred first.
    pub mechanisms: Vec<Mechanism>,
    /// Enable stream management with resumption, if it is offered.
    pub stream_management: bool,
    /// Resume this session, if stream management is offered; bind if that fails.
    pub earlier: Option<Earlier>,
    /// Stop after authentication with an inactive session (SES-7), until `activate` is called.
    pub inactive: bool,
    /// Salted passwords of earlier logins.
    pub salted: Arc<dyn SaltedPasswords>,
    /// Limits to what the server may send.
    pub limits: Limits,
}

impl ClientConfig {
    /// A login with STARTTLS where needed, any mechanism, stream management.
    #[must_use]
    pub fn new(user: BareJid, password: Password) -> Self {
        Self {
            user,
            password,
            resource: None,
            tls: ClientTls::Required,
            allow_plaintext: false,
            mechanisms: Mechanism::ALL.to_vec(),
            stream_management: true,
            earlier: None,
            inactive: false,
            salted: Arc::new(NoCache),
            limits: Limits {
                octets: 1024 * 1024,
                ..Limits::default()
            },
        }
    }
}

/// One thing to do. They are to be done in the order in which they come.
#[derive(Debug)]
pub enum ClientEffect {
    /// Write these octets to the server.
    Send(Bytes),
    /// Write what was sent so far, then let TLS begin, as the client; the certificate must be that
    /// of the domain. Answer with `tls_established`, or with `input_ended` if it fails.
    StartTls,
    /// The inactive session is there (SES-7).
    Inactive,
    /// The login is done: stanzas can be written.
    Ready(Ready),
    /// A stanza of the server.
    Stanza(Stanza),
    /// A stanza of the server that cannot be read; what is wrong with it.
    BadStanza(String),
    /// The server asks how many stanzas were handled; send a [`Nonza::Ack`].
    AckRequested,
    /// The server has handled so many stanzas, modulo 2³².
    Acked {
        /// Stanzas handled.
        h: u32,
    },
    /// Write what was sent so far, then close the connection. The last effect.
    Close(ClientCause),
}

/// What a login came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The client's address.
    pub jid: FullJid,
    /// Whether and how stanzas are acknowledged.
    pub management: Management,
}

/// Whether and how stanzas are acknowledged (XEP-0198).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Management {
    /// They are not.
    Off,
    /// A new session, and the name to resume it by. The counters are 0.
    New {
        /// Name of the session, if it can be resumed.
        id: Option<String>,
        /// For how long after a loss, in seconds.
        max: Option<u32>,
        /// Where to connect for that: `host:port`.
        location: Option<String>,
    },
    /// The earlier session goes on: send again what the server has not handled.
    Resumed {
        /// Stanzas the server has handled, modulo 2³².
        h: u32,
    },
}

/// Why a client's connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientCause {
    /// `close` was called, and the server has ended its stream too.
    #[error("closed by the client")]
    Client,
    /// The server ended its stream without an error.
    #[error("closed by the server")]
    Server,
    /// The server sent this error, such as `see-other-host`.
    #[error("the server sent the stream error {0}")]
    Error(StreamError),
    /// What the server sent is no XML for a stream.
    #[error("what the server sent is wrong: {0}")]
    Xml(XmlError),
    /// What the server sent does not belong where it came.
    #[error("what the server sent does not belong here: {0}")]
    Protocol(String),
    /// The connection may not be used without TLS, and TLS is not offered or refused.
    #[error("TLS is required and not offered")]
    NoTls,
    /// No mechanism is both offered and allowed.
    #[error("no SASL mechanism in common; offered: {}", offered.join(", "))]
    NoMechanism {
        /// What the server offers.
        offered: Vec<String>,
    },
    /// Name or password cannot be prepared.
    #[error(transparent)]
    BadPassword(#[from] BadPassword),
    /// The server refused the login.
    #[error("the server refused the login: {0}")]
    Refused(SaslCondition),
    /// The server is not who it says, or breaks the mechanism's rules.
    #[error("authentication broken off: {0}")]
    Sasl(#[from] ClientError),
    /// The server refused to bind.
    #[error("the server refused to bind: {0}")]
    BindRefused(StanzaError),
    /// The octets ended without an end of the stream: the connection was lost.
    #[error("the connection was lost")]
    Lost,
}

/// A stream between this client and a server, seen from the client: call `start` first.
#[derive(Debug)]
pub struct C2sClient {
    config: ClientConfig,
    framer: Framer,
    entropy: Entropy,
    state: State,
    secure: bool,
    authenticated: bool,
    /// The last features of the server.
    features: Features,
}

/// Which features the server offers, of those that a login needs.
#[derive(Clone, Copy, Debug, Default)]
struct Features {
    management: bool,
    session: bool,
}

/// What the client waits for.
#[derive(Debug)]
enum State {
    Header,
    Features,
    Proceed,
    Handshake,
    Sasl(SaslClient),
    /// The answer to the wish for an inactive session.
    Inactive,
    /// Nothing: the inactive session is there.
    Held,
    Bound,
    Session(FullJid),
    Enabled(FullJid),
    Resumed(Earlier),
    /// Stanzas, either way.
    Ready,
    /// The end of the server's stream.
    Closing,
    Closed,
}

/// The id of the login's own requests: nothing else is sent before they are answered.
const BIND_ID: &str = "bind";
const SESSION_ID: &str = "session";

impl C2sClient {
    /// A stream on a new connection. `seed` is random and new for every connection: the nonce is
    /// drawn from it.
    #[must_use]
    pub fn new(config: ClientConfig, layer: Layer, seed: Secret) -> Self {
        Self {
            framer: Framer::new(config.limits),
            entropy: Entropy::new(seed),
            state: State::Header,
            secure: layer == Layer::Secure,
            authenticated: false,
            features: Features::default(),
            config,
        }
    }

    /// The first octets.
    #[must_use]
    pub fn start(&self) -> Vec<ClientEffect> {
        vec![self.open()]
    }

    /// Whether the login is done and the stream open.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    /// Whether the connection is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether octets are protected by TLS, or never leave the process.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Octets of the server.
    pub fn handle(&mut self, octets: &[u8]) -> Vec<ClientEffect> {
        let mut effects = Vec::new();
        if !self.is_closed() {
            self.framer.push(octets);
            self.run(&mut effects);
        }
        effects
    }

    /// The TLS handshake that [`ClientEffect::StartTls`] asked for is done.
    pub fn tls_established(&mut self) -> Vec<ClientEffect> {
        if !matches!(self.state, State::Handshake) {
            return Vec::new();
        }
        self.secure = true;
        self.framer.reset();
        self.state = State::Header;
        vec![self.open()]
    }

    /// The server's octets have ended, or the connection broke.
    pub fn input_ended(&mut self) -> Vec<ClientEffect> {
        let mut effects = Vec::new();
        self.finish(ClientCause::Lost, &mut effects);
        effects
    }

    /// Makes the inactive session the client's session (SES-7): resumes the earlier one, or binds.
    pub fn activate(&mut self, earlier: Option<Earlier>) -> Vec<ClientEffect> {
        let mut effects = Vec::new();
        if matches!(self.state, State::Held) {
            self.enter(earlier, &mut effects);
        }
        effects
    }

    /// Ends the stream; the server's stanzas still come until it ends its own.
    pub fn close(&mut self) -> Vec<ClientEffect> {
        let mut effects = Vec::new();
        match self.state {
            State::Closing | State::Closed => {}
            State::Handshake => self.finish(ClientCause::Client, &mut effects),
            State::Header
            | State::Features
            | State::Proceed
            | State::Sasl(_)
            | State::Inactive
            | State::Held
            | State::Bound
            | State::Session(_)
            | State::Enabled(_)
            | State::Resumed(_)
            | State::Ready => {
                effects.push(ClientEffect::Send(Bytes::from_static(b"</stream:stream>")));
                self.state = State::Closing;
            }
        }
        effects
    }

    /// Appends a stanza for the server to `out`; false, and nothing, before the login is done or
    /// after our stream has ended.
    pub fn write(&self, stanza: &Stanza, out: &mut Vec<u8>) -> bool {
        if self.is_ready() {
            stanza.write_into(out);
        }
        self.is_ready()
    }

    /// Appends a word of stream management to `out`, as [`C2sClient::write`].
    pub fn write_nonza(&self, nonza: &Nonza, out: &mut Vec<u8>) -> bool {
        if self.is_ready() {
            out.extend_from_slice(&nonza.to_bytes());
        }
        self.is_ready()
    }

    fn open(&self) -> ClientEffect {
        let header = StreamHeader {
            to: Some(self.config.user.domain().as_str().to_owned()),
            // An address is not shown to who listens (RFC 6120, section 4.7.1).
            from: self.secure.then(|| self.config.user.as_str().to_owned()),
            ..StreamHeader::new(ns::CLIENT)
        };
        let mut octets = Vec::new();
        header.write_into(&mut octets);
        ClientEffect::Send(octets.into())
    }

    fn run(&mut self, effects: &mut Vec<ClientEffect>) {
        while !matches!(self.state, State::Handshake | State::Closed) {
            match self.framer.next() {
                Ok(None) => return,
                Ok(Some(frame)) => self.frame(frame, effects),
                Err(error) => {
                    let mut octets = Vec::new();
                    StreamError::from(&error).write_into(&mut octets);
                    octets.extend_from_slice(b"</stream:stream>");
                    effects.push(ClientEffect::Send(octets.into()));
                    self.finish(ClientCause::Xml(error), effects);
                }
            }
        }
    }

    fn frame(&mut self, frame: Frame, effects: &mut Vec<ClientEffect>) {
        match frame {
            Frame::Open(header) if header.ns == ns::STREAM && header.name == "stream" => {
                self.state = State::Features;
            }
            Frame::Open(header) => {
                let text = format!("a header {{{}}}{}", header.ns, header.name);
                self.fail(StreamCondition::InvalidNamespace, text, effects);
            }
            Frame::Close if matches!(self.state, State::Closing) => {
                self.finish(ClientCause::Client, effects);
            }
            Frame::Close => {
                effects.push(ClientEffect::Send(Bytes::from_static(b"</stream:stream>")));
                self.finish(ClientCause::Server, effects);
            }
            Frame::Element(raw) => self.element(raw, effects),
        }
    }

    fn element(&mut self, raw: RawElement, effects: &mut Vec<ClientEffect>) {
        if let Some(error) = StreamError::from_raw(&raw) {
            effects.push(ClientEffect::Send(Bytes::from_static(b"</stream:stream>")));
            return self.finish(ClientCause::Error(error), effects);
        }
        match std::mem::replace(&mut self.state, State::Ready) {
            State::Ready => self.in_session(raw, effects),
            State::Closing => {
                self.in_session(raw, effects);
                if !self.is_closed() {
                    self.state = State::Closing;
                }
            }
            state => self.in_login(state, raw, effects),
        }
    }

    fn in_session(&mut self, raw: RawElement, effects: &mut Vec<ClientEffect>) {
        match Nonza::from_raw(&raw) {
            Some(Ok(Nonza::Request)) => return effects.push(ClientEffect::AckRequested),
            Some(Ok(Nonza::Ack { h })) => return effects.push(ClientEffect::Acked { h }),
            Some(Ok(_) | Err(_)) => return self.unexpected(&raw, effects),
            None => {}
        }
        if !ns::is_content(raw.ns()) {
            return self.unexpected(&raw, effects);
        }
        match Stanza::from_raw(raw) {
            Ok(stanza) => effects.push(ClientEffect::Stanza(stanza)),
            Err(refused) => effects.push(ClientEffect::BadStanza(refused.to_string())),
        }
    }

    fn unexpected(&mut self, raw: &RawElement, effects: &mut Vec<ClientEffect>) {
        let text = format!("{{{}}}{}", raw.ns(), raw.name());
        self.fail(StreamCondition::UnsupportedStanzaType, text, effects);
    }

    /// Tells the server that it is wrong, and closes.
    fn fail(&mut self, condition: StreamCondition, text: String, effects: &mut Vec<ClientEffect>) {
        let mut octets = Vec::new();
        StreamError::new(condition)
            .with_text(&text)
            .write_into(&mut octets);
        octets.extend_from_slice(b"</stream:stream>");
        effects.push(ClientEffect::Send(octets.into()));
        self.finish(ClientCause::Protocol(text), effects);
    }

    /// Ends the stream because the login cannot go on.
    fn give_up(&mut self, cause: ClientCause, effects: &mut Vec<ClientEffect>) {
        effects.push(ClientEffect::Send(Bytes::from_static(b"</stream:stream>")));
        self.finish(cause, effects);
    }

    fn finish(&mut self, cause: ClientCause, effects: &mut Vec<ClientEffect>) {
        if !self.is_closed() {
            self.state = State::Closed;
            effects.push(ClientEffect::Close(cause));
        }
    }

    fn send(element: &Element, effects: &mut Vec<ClientEffect>) {
        effects.push(ClientEffect::Send(element.to_bytes_in(ns::CLIENT).into()));
    }
}
