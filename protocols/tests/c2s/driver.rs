//! A server that knows one user, and a script to talk to it.

use std::sync::Arc;

use takeover_protocols::jid::BareJid;
use takeover_protocols::sasl::{Found, Password, ScramHash, ScramKeys};
use takeover_protocols::stanza::Stanza;
use takeover_protocols::stream::{C2sConfig, C2sServer, Cause, Effect, Layer, Secret, Timer};

/// Rounds that do not make the tests slow.
pub const ITERATIONS: u32 = 64;

pub const OPEN: &str = "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' \
    xml:lang='de' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// `\0andy\0secret`
pub const PLAIN: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>\
    AGFuZHkAc2VjcmV0</auth>";

pub const BIND: &str = "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
    <resource>desk</resource></bind></iq>";

pub fn config() -> C2sConfig {
    C2sConfig {
        iterations: ITERATIONS,
        ..C2sConfig::new("example.org", Secret([1; 32]))
    }
}

pub fn keys(hash: ScramHash) -> ScramKeys {
    ScramKeys::derive(
        hash,
        &Password::new("secret"),
        b"0123456789abcdef",
        ITERATIONS,
    )
    .unwrap()
}

pub fn found(user: &BareJid, hash: ScramHash) -> Found {
    if user.as_str() == "andy@example.org" {
        Found::Keys(keys(hash))
    } else {
        Found::Nobody
    }
}

/// A server with everything that came out of it.
pub struct Driver {
    pub server: C2sServer,
    /// Octets for the client since the last look.
    pub sent: String,
    /// All other effects, in words.
    pub log: Vec<String>,
    pub stanzas: Vec<Stanza>,
    pub cause: Option<Cause>,
    pub timers: Vec<Timer>,
    /// Answers look-ups and bindings by itself.
    pub automatic: bool,
}

impl Driver {
    pub fn new(config: C2sConfig, layer: Layer) -> Self {
        let (server, effects) = C2sServer::new(Arc::new(config), layer, Secret([2; 32]));
        let mut driver = Self {
            server,
            sent: String::new(),
            log: Vec::new(),
            stanzas: Vec::new(),
            cause: None,
            timers: Vec::new(),
            automatic: true,
        };
        driver.perform(effects);
        driver
    }

    /// A server that the client is bound to.
    pub fn bound(config: C2sConfig) -> Self {
        let mut driver = Self::new(config, Layer::Secure);
        driver.say(OPEN);
        driver.say(PLAIN);
        driver.say(OPEN);
        driver.say(BIND);
        assert!(driver.server.full_jid().is_some(), "{:?}", driver.log);
        driver.hear();
        driver.log.clear();
        driver
    }

    pub fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            assert!(self.cause.is_none(), "{effect:?} after the end");
            match effect {
                Effect::Send(octets) => {
                    self.sent.push_str(std::str::from_utf8(&octets).unwrap());
                }
                Effect::LookUp { user, mechanism } if self.automatic => {
                    let answer = self.server.found(found(&user, mechanism.hash()));
                    self.perform(answer);
                }
                Effect::Bind { wanted, .. } if self.automatic => {
                    let answer = self.server.bound(wanted);
                    self.perform(answer);
                }
                Effect::Stanza(stanza) => {
                    self.log.push(format!("stanza {stanza}"));
                    self.stanzas.push(*stanza);
                }
                Effect::Arm(timer, _) => {
                    self.timers.retain(|armed| *armed != timer);
                    self.timers.push(timer);
                }
                Effect::Disarm(timer) => {
                    let at = self.timers.iter().position(|armed| *armed == timer);
                    self.timers
                        .remove(at.unwrap_or_else(|| panic!("{timer:?} is not armed")));
                }
                Effect::Close(cause) => {
                    assert_eq!(self.timers, [], "timers after the end");
                    self.cause = Some(cause);
                }
                effect @ (Effect::StartTls
                | Effect::LookUp { .. }
                | Effect::Authenticated { .. }
                | Effect::AuthenticationFailed { .. }
                | Effect::Bind { .. }
                | Effect::Inactive { .. }
                | Effect::Resume { .. }
                | Effect::Enable { .. }
                | Effect::Acked { .. }
                | Effect::AckRequested
                | Effect::ClientState(_)
                | Effect::RefusedStanza { .. }) => self.log.push(format!("{effect:?}")),
            }
        }
    }

    pub fn expire(&mut self, timer: Timer) {
        let at = self.timers.iter().position(|armed| *armed == timer);
        self.timers
            .remove(at.unwrap_or_else(|| panic!("{timer:?} is not armed")));
        let effects = self.server.expired(timer);
        self.perform(effects);
    }

    pub fn say(&mut self, text: &str) {
        self.say_octets(text.as_bytes());
    }

    pub fn say_octets(&mut self, octets: &[u8]) {
        let effects = self.server.handle(octets);
        self.perform(effects);
    }

    /// What the client received since the last look.
    pub fn hear(&mut self) -> String {
        std::mem::take(&mut self.sent)
    }

    /// The condition of the stream error that ended it.
    pub fn error(&self) -> &'static str {
        match &self.cause {
            Some(Cause::Error(error)) => error.condition.as_str(),
            other => panic!("{other:?}, {:?}", self.log),
        }
    }
}
