//! A client's stream as its server has it, from the first octet to the session and its end.

use std::sync::{Arc, LazyLock};

use takeover_protocols::jid::BareJid;
use takeover_protocols::sasl::{Found, Password, ScramHash, ScramKeys};
use takeover_protocols::stream::{
    C2sConfig, C2sLimits, C2sServer, Cause, Effect, Layer, Secret, Timer, Tls,
};
use takeover_protocols::xml::Bounds;

use crate::input::{Input, check_written, chunks};

/// The only user, and her password.
const USER: &str = "andy@example.org";
const PASSWORD: &str = "secret";
/// Rounds of PBKDF2: none of what is looked for depends on them.
const ITERATIONS: u32 = 2;
const LIMITS: C2sLimits = C2sLimits {
    octets_before_login: 1000,
    octets: 2000,
    bounds: Bounds {
        depth: 8,
        attributes: 12,
        declarations: 16,
    },
    login_attempts: 3,
    negotiation: std::time::Duration::from_secs(60),
    element: std::time::Duration::from_secs(60),
    closing: std::time::Duration::from_secs(5),
};

static KEYS: LazyLock<Vec<ScramKeys>> = LazyLock::new(|| {
    let password = Password::new(PASSWORD);
    let derive = |hash| ScramKeys::derive(hash, &password, b"0123456789abcdef", ITERATIONS);
    [ScramHash::Sha1, ScramHash::Sha256]
        .into_iter()
        .flat_map(derive)
        .collect()
});

/// What is answered depends on the octets alone, never on how they came; nothing follows the end;
/// there are no stanzas of somebody who is not logged in.
pub(crate) fn body(octets: &[u8]) {
    let mut input = Input::new(octets);
    let (tls, layer) = *input.pick(&[
        (Tls::Required, Layer::Secure),
        (Tls::Required, Layer::Plain),
        (Tls::Optional, Layer::Plain),
        (Tls::Absent, Layer::Plain),
    ]);
    let seed = input.octet();
    let stream = input.rest();
    let said = |chunks: &[&[u8]]| Conversation::new(tls, layer).hear(chunks);
    let cut = said(&chunks(stream, seed));
    let whole = said(&[stream]);
    // What came in clear text before TLS is thrown away: there it matters how much has come.
    if layer == Layer::Secure || tls == Tls::Absent {
        assert_eq!(said(&stream.chunks(1).collect::<Vec<_>>()), cut);
        // More than one element may have, sent ahead at once, is refused.
        assert!(whole == cut || stream.len() > LIMITS.octets_before_login);
    }
}

/// What came out of a server.
#[derive(Debug, Default, PartialEq)]
struct Said {
    /// Octets for the client.
    sent: Vec<u8>,
    /// Everything else, in words.
    told: Vec<String>,
    /// Why it ended.
    cause: Option<Cause>,
}

struct Conversation {
    server: C2sServer,
    said: Said,
    timers: Vec<Timer>,
    bound: bool,
}

impl Conversation {
    fn new(tls: Tls, layer: Layer) -> Self {
        let config = C2sConfig {
            tls,
            allow_plaintext: tls == Tls::Absent,
            dual: true,
            limits: LIMITS,
            iterations: ITERATIONS,
            ..C2sConfig::new("example.org", Secret([1; 32]))
        };
        let (server, effects) = C2sServer::new(Arc::new(config), layer, Secret([2; 32]));
        let mut conversation = Self {
            server,
            said: Said::default(),
            timers: Vec::new(),
            bound: false,
        };
        conversation.perform(effects);
        conversation
    }

    fn hear(mut self, chunks: &[&[u8]]) -> Said {
        for chunk in chunks {
            let effects = self.server.handle(chunk);
            self.perform(effects);
        }
        assert!(!(self.server.is_closed() && self.server.may_write()));
        let effects = self.server.input_ended();
        self.perform(effects);
        assert!(self.said.cause.is_some() && self.server.is_closed());
        self.said
    }

    /// Does it all in order; what comes of it comes after all of it, as in life.
    fn perform(&mut self, mut effects: Vec<Effect>) {
        while !effects.is_empty() {
            let mut answers = Vec::new();
            for effect in effects {
                assert!(self.said.cause.is_none(), "{effect:?} after the end");
                answers.extend(self.one(effect));
            }
            effects = answers;
        }
    }

    /// Does what is asked; answers what came of it.
    fn one(&mut self, effect: Effect) -> Vec<Effect> {
        match effect {
            Effect::Send(octets) => self.said.sent.extend_from_slice(&octets),
            Effect::StartTls => return self.server.tls_established(),
            Effect::LookUp { user, mechanism } => {
                return self.server.found(found(&user, mechanism.hash()));
            }
            Effect::Bind { wanted, .. } => {
                assert_eq!(wanted.to_bare().as_str(), USER);
                self.bound = true;
                return self.server.bound(wanted);
            }
            Effect::Inactive { .. } => return self.server.inactive_granted(),
            Effect::Resume { user, previd, h } => {
                let full = user.with_resource_str("desk");
                if let (Ok(full), true) = (full, previd == "known") {
                    self.bound = true;
                    return self.server.resumed(full, h);
                }
                let condition = takeover_protocols::stanza::Condition::ItemNotFound;
                return self.server.resume_failed(condition, None);
            }
            Effect::Enable { resume, max } => {
                self.said.told.push(format!("enable {resume} {max:?}"));
                return self
                    .server
                    .sm_enabled(resume.then(|| "known".to_owned()), max, None);
            }
            Effect::Stanza(stanza) => {
                assert!(self.bound, "a stanza of nobody: {stanza}");
                assert!(stanza.from.is_some());
                check_written(&stanza);
                self.said.told.push(stanza.to_string());
            }
            Effect::RefusedStanza { reason, reply } => {
                assert!(self.bound, "a stanza of nobody: {reason}");
                reply.iter().for_each(|reply| check_written(reply));
                self.said.told.push(format!("{reason} {reply:?}"));
            }
            Effect::Arm(timer, _) => {
                self.timers.retain(|armed| *armed != timer);
                self.timers.push(timer);
            }
            Effect::Disarm(timer) => {
                assert!(self.timers.contains(&timer), "{timer:?} is not armed");
                self.timers.retain(|armed| *armed != timer);
            }
            Effect::Close(cause) => {
                assert!(self.timers.is_empty(), "{:?} after the end", self.timers);
                self.said.cause = Some(cause);
            }
            told @ (Effect::Authenticated { .. }
            | Effect::AuthenticationFailed { .. }
            | Effect::Acked { .. }
            | Effect::AckRequested
            | Effect::ClientState(_)) => self.said.told.push(format!("{told:?}")),
        }
        Vec::new()
    }
}

fn found(user: &BareJid, hash: ScramHash) -> Found {
    let keys = KEYS.iter().find(|keys| keys.hash == hash);
    match keys.filter(|_| user.as_str() == USER) {
        Some(keys) => Found::Keys(keys.clone()),
        None => Found::Nobody,
    }
}
